"""``drlapps backtest`` and ``drlapps data``: history replayed, fetched and checked."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from drlapps.options import (
    AsJson,
    Options,
    Quiet,
    Seed,
    Settings,
    complete_agent,
    complete_policy,
    complete_task,
)

data = typer.Typer(
    help="List, fetch and check market data.\n\nStart with: drlapps data list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the embedded data.

    Example: drlapps data list
    """
    from drlapps import history, screen

    screen.show(history.data("list_data"), screen.data_list, as_json)


@data.command()
def fetch(
    tickers: Annotated[list[str], typer.Argument(help="symbols of Yahoo Finance")],
    start: Annotated[str, typer.Option(help="first date")],
    end: Annotated[str | None, typer.Option(help="last date; yesterday by default")] = None,
    out: Annotated[Path | None, typer.Option(help="file; TICKERS.csv by default")] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="only what was fetched before")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fetch daily prices from Yahoo Finance into a file that --data takes.

    Example: drlapps data fetch AAPL MSFT --start 2015-01-01
    """
    from drlapps import history, screen
    from drlapps.progress import Bar
    from drlapps.settings import writable

    target = out or Path(f"{'-'.join(tickers[:4])}{'-etc' if len(tickers) > 4 else ''}.csv")
    writable(target, (".csv",))
    screen.hush(quiet)
    with Bar(quiet) as bar:
        bar.start(len(tickers))
        found = history.data(
            "fetch_data", tickers, start, end, out=target, offline=offline, on_progress=bar.reached
        )
    screen.show(found, screen.data_fetched, as_json)


@data.command()
def check(
    source: Annotated[str, typer.Argument(help="embedded set or file of prices")],
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with prices; 1 is the exit code if something is.

    Example: drlapps data check prices.csv
    """
    from drlapps import history, screen

    found = history.data("check_data", source)
    screen.show(found, screen.data_check, as_json)
    if not found["ok"]:
        raise typer.Exit(1)


def backtest(
    task: Annotated[
        str | None,
        typer.Argument(
            help="domain/name; the first that has a history", autocompletion=complete_task
        ),
    ] = None,
    policy: Annotated[
        list[str],
        typer.Option(
            "--policy", "-p", help="as for evaluate; by commas", autocompletion=complete_policy
        ),
    ] = [],  # noqa: B006
    data: Annotated[str | None, typer.Option(help="embedded set or file of prices")] = None,
    start: Annotated[str | None, typer.Option(help="first date traded")] = None,
    end: Annotated[str | None, typer.Option(help="last date traded")] = None,
    cost_bps: Annotated[
        float | None, typer.Option(help="fee in basis points of each dollar traded")
    ] = None,
    walk_forward: Annotated[
        int | None, typer.Option(min=1, help="train an agent anew every so many years")
    ] = None,
    cross_validate: Annotated[
        int | None,
        typer.Option(min=3, help="train agents for all pairs of so many parts of the days"),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option(help="agent that is trained anew", autocompletion=complete_agent),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="environment steps of each training")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="runs of each training")] = 5,
    out: Annotated[str | None, typer.Option(help="directory of the trained runs")] = None,
    trials: Annotated[
        str | None, typer.Option(help="file that remembers all trials on the data")
    ] = None,
    option: Options = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    save: Annotated[Path | None, typer.Option(help="write the result as JSON")] = None,
    html: Annotated[Path, typer.Option(help="where the report goes")] = Path("backtest.html"),
    no_html: Annotated[bool, typer.Option("--no-html", help="write no report")] = False,
    markdown: Annotated[Path | None, typer.Option(help="write the tables as Markdown")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Replay history: dated, with costs, with a tear sheet.

    Example: drlapps backtest --policy pretrained,one-over-n,risk-parity --cost-bps 20
    """
    from drlapps import history, screen
    from drlapps.progress import Bar
    from drlapps.settings import parse, words, writable

    writable(save, (".json",))
    writable(None if no_html else html, (".html",))
    writable(markdown, (".md",))
    screen.hush(quiet)
    with Bar(quiet) as bar:
        found = history.backtest(
            task, policies=words(policy), data=data, start=start, end=end,
            settings=parse(settings, cost_bps=cost_bps), options=parse(option), seed=seed,
            trials=trials, bar=bar, years=walk_forward, groups=cross_validate, agent=agent,
            steps=steps, seeds=range(seeds), out=out,
        )  # fmt: skip
    screen.save_document(
        found, partial(history.tear_sheet, found), save, None if no_html else html, markdown
    )
    screen.show(
        found,
        lambda _, console: screen.document(history.tear_sheet(found, pictures=False), console),
        as_json,
    )
