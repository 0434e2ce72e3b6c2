"""The command line: parse, call one function of :mod:`drlapps.commands`, render. No logic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from drlapps.cli_evaluate import evaluate
from drlapps.cli_history import backtest, data
from drlapps.errors import Failure, InputError
from drlapps.options import (
    FREE,
    AsJson,
    Executor,
    Instances,
    Options,
    PoolName,
    Quiet,
    Seed,
    Settings,
    TaskName,
    TimeLimit,
    Workers,
    complete_agent,
    complete_policy,
    complete_task,
    flags,
)

app = typer.Typer(
    name="drlapps",
    help="Would deep reinforcement learning beat what you do today, and can you trust the answer?"
    "\n\nStart with: drlapps compare scheduling/job-shop --instances ta01..ta03",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def common(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="TOML file with one table of options a command; flags win"),
    ] = None,
) -> None:
    """Compare deep reinforcement learning with classical methods on operational problems."""
    if config is not None:
        from drlapps.settings import defaults

        commands = getattr(ctx.command, "commands", {})
        known = {key: [p.name for p in command.params] for key, command in commands.items()}
        ctx.default_map = defaults(config, known)


@app.command("list")
def list_(
    domain: Annotated[str | None, typer.Option(help="only this domain")] = None,
    as_json: AsJson = False,
) -> None:
    """List the tasks.

    Example: drlapps list --domain scheduling
    """
    from drlapps import commands, screen

    screen.show(commands.list_tasks(domain), screen.task_list, as_json)


@app.command()
def show(task: TaskName, as_json: AsJson = False) -> None:
    """Show a task: spaces, pools, parameters, baselines, agents, references.

    Example: drlapps show scheduling/job-shop
    """
    from drlapps import commands, screen

    screen.show(commands.show(task), screen.task, as_json)


@app.command(context_settings=FREE)
def train(
    ctx: typer.Context,
    task: Annotated[
        str | None, typer.Argument(help="domain/name", autocompletion=complete_task)
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="preset or algorithm", autocompletion=complete_agent),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="environment steps a run")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="number of runs")] = 5,
    first_seed: Annotated[int, typer.Option(min=0, help="seed of the first run")] = 0,
    hyper: Annotated[
        list[str],
        typer.Option("--hyper", metavar="KEY=VALUE", help="hyper-parameter of the algorithm"),
    ] = [],  # noqa: B006 - Typer reads the default, nothing changes it
    settings: Settings = [],  # noqa: B006
    start: Annotated[
        str, typer.Option(help="finished run whose weights to begin with", show_default=False)
    ] = "",
    out: Annotated[str | None, typer.Option(help="directory of the runs")] = None,
    resume: Annotated[str | None, typer.Option(help="continue the runs in a directory")] = None,
    executor: Executor = "processes",
    workers: Workers = None,
    device: Annotated[str, typer.Option(help="cpu, or cuda where there is one")] = "cpu",
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Train an agent, one run a seed; a killed call continues when it is repeated.

    Example: drlapps train scheduling/job-shop --seeds 3 --steps 1000000
    """
    from drlapps import commands, screen
    from drlapps.progress import Bar
    from drlapps.settings import parse

    if (task is None) == (resume is None):
        raise InputError("train takes a task, or --resume and the directory of its runs")
    own = [*settings, *flags(ctx, task)] if task is not None else settings
    screen.hush(quiet)
    with Bar(quiet) as bar:
        if resume is not None:
            runs = commands.resume(resume, executor=executor, workers=workers, bar=bar)
        else:
            runs = commands.train(
                str(task), agent=agent, steps=steps, seeds=range(first_seed, first_seed + seeds),
                hyperparameters=parse(hyper), settings=parse(own), start=start, out=out,
                executor=executor, workers=workers, device=device, bar=bar,
            )  # fmt: skip
    screen.show(runs, screen.runs, as_json)


app.command(context_settings=FREE)(evaluate)


@app.command(context_settings=FREE)
def solve(
    ctx: typer.Context,
    task: TaskName,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            "--policy",
            "-b",
            autocompletion=complete_policy,
            help="who solves: any policy that evaluate takes; the trained agent by default",
        ),
    ] = None,
    instance: Annotated[
        str | None, typer.Option("--instance", "-i", help="name or file; a toy by default")
    ] = None,
    time_limit: TimeLimit = None,
    option: Options = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    save_solution: Annotated[Path | None, typer.Option(help="write the solution as JSON")] = None,
    plot: Annotated[Path | None, typer.Option(help="draw it: .html, .png or .svg")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Solve one instance.

    Example: drlapps solve scheduling/job-shop --baseline cp-sat --instance ta01 --plot ta01.html
    """  # fmt: skip
    from drlapps import commands, screen
    from drlapps.progress import Bar
    from drlapps.settings import parse, writable

    writable(save_solution, (".json",))
    writable(plot, (".html", ".png", ".svg"))
    own = [*settings, *flags(ctx, task)]
    screen.hush(quiet)
    with Bar(quiet) as bar:
        row, charts = commands.solve(
            task, policy=baseline, instance=instance,
            options=parse(option, time_limit=time_limit), settings=parse(own), seed=seed,
            bar=bar,
        )  # fmt: skip
    screen.save_solution(row, save_solution)
    screen.save_plot(charts, plot)
    screen.show(row, screen.solved, as_json)


@app.command(context_settings=FREE)
def compare(
    ctx: typer.Context,
    task: TaskName,
    agents: Annotated[
        list[str],
        typer.Option("--agents", "-a", help="pretrained, run directories; @K for best of K"),
    ] = [],  # noqa: B006
    baselines: Annotated[
        list[str],
        typer.Option("--baselines", "-b", help="by commas; those that suit by default"),
    ] = [],  # noqa: B006
    instances: Instances = [],  # noqa: B006
    pool: PoolName = "test",
    budget: Annotated[
        float | None, typer.Option(help="seconds of one thread that anyone may take on an instance")
    ] = None,
    at: Annotated[
        str,
        typer.Option("--at", metavar="S,S...", help="compare as all stood after S seconds, too"),
    ] = "",
    repeats: Annotated[
        int, typer.Option(help="times that each baseline plays, for those that draw at random")
    ] = 1,
    time_limit: TimeLimit = None,
    margin: Annotated[
        float | None, typer.Option(help="differences below it do not matter to you")
    ] = None,
    option: Options = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    save: Annotated[Path | None, typer.Option(help="write the comparison as JSON")] = None,
    html: Annotated[Path | None, typer.Option(help="write a report with charts")] = None,
    markdown: Annotated[Path | None, typer.Option(help="write the tables as Markdown")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Does the agent beat the classical methods? The main job.

    Example: drlapps compare scheduling/job-shop --baselines fdd-mwkr,cp-sat --html report.html
    """
    from drlapps import commands, screen
    from drlapps.progress import Bar
    from drlapps.settings import parse, seconds, words, writable

    writable(save, (".json",))
    writable(html, (".html",))
    writable(markdown, (".md",))
    own = [*settings, *flags(ctx, task)]
    screen.hush(quiet)
    with Bar(quiet) as bar:
        comparison = commands.compare(
            task, agents=words(agents), baselines=words(baselines), instances=words(instances),
            pool=pool, budget=budget, moments=seconds(at), repeats=repeats,
            margin=margin, settings=parse(own),
            options=parse(option, time_limit=time_limit), seed=seed, bar=bar,
        )  # fmt: skip
    screen.save_comparison(comparison, save, html, markdown)
    screen.show(comparison, screen.comparison, as_json)


@app.command()
def report(
    results: Annotated[Path, typer.Argument(help="file that compare --save wrote")],
    html: Annotated[Path | None, typer.Option(help="write a report with charts")] = None,
    markdown: Annotated[Path | None, typer.Option(help="write the tables as Markdown")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a saved comparison again.

    Example: drlapps report comparison.json --html report.html
    """
    from drlapps import report as reports
    from drlapps import screen
    from drlapps.settings import writable

    writable(html, (".html",))
    writable(markdown, (".md",))
    comparison = reports.load(results)
    screen.save_comparison(comparison, None, html, markdown)
    screen.show(comparison, screen.comparison, as_json)


@app.command()
def verify(
    run: Annotated[str, typer.Argument(help="run directory, or a directory of them")],
    as_json: AsJson = False,
) -> None:
    """Recompute the hashes of a run directory.

    Example: drlapps verify runs/scheduling/job-shop/maskable-ppo/1f0c9a3e
    """
    from drlapps import commands, screen

    found = commands.verify(run)
    screen.show(found, screen.verification, as_json)
    if not found["ok"]:
        raise typer.Exit(1)


@app.command("import-sb3")
def import_sb3(
    task: TaskName,
    file: Annotated[str, typer.Argument(help="zip that an SB3 model's save() wrote")],
    agent: Annotated[str, typer.Option(help="preset or algorithm of the zip")],
    out: Annotated[str, typer.Option(help="run directory to make")],
    trust: Annotated[
        bool, typer.Option("--trust", help="I know where the file comes from: loading runs code")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Turn an SB3 zip into a run directory.

    Example: drlapps import-sb3 scheduling/job-shop a.zip --agent maskable-ppo --out run --trust
    """
    from drlapps import commands, screen

    manifest = commands.import_sb3(task, file=file, agent=agent, out=out, trust=trust)
    screen.show(manifest, screen.imported, as_json)


app.command()(backtest)
app.add_typer(data, name="data")


def main() -> None:
    """Run the command line: 0 ok, 1 failed, 2 bad input, 130 interrupted."""
    try:
        app()
    except (InputError, Failure) as error:
        print(f"drlapps: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)
