"""``drlapps evaluate``: policies scored on instances, and swept to see how robust they are."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from drlapps.errors import InputError
from drlapps.options import (
    AsJson,
    Instances,
    Options,
    PoolName,
    Quiet,
    Seed,
    Settings,
    TaskName,
    TimeLimit,
    complete_policy,
    flags,
)


def evaluate(
    ctx: typer.Context,
    task: TaskName,
    policy: Annotated[
        list[str],
        typer.Option(
            "--policy",
            "-p",
            autocompletion=complete_policy,
            help="baseline, pretrained, run directory or file.py:CLASS; @K for best of K samples",
        ),
    ],
    instances: Instances = [],  # noqa: B006 - Typer reads the default, nothing changes it
    pool: PoolName = "test",
    family: Annotated[
        int | None,
        typer.Option(min=1, help="score on so many new draws from the train pool's generator"),
    ] = None,
    every: Annotated[
        list[str],
        typer.Option("--every", metavar="K,K...", help="sweep: decide at every K-th step only"),
    ] = [],  # noqa: B006
    perturb: Annotated[
        list[str],
        typer.Option(
            "--perturb",
            metavar="NAME=VALUES",
            help="sweep a parameter: A..B, A..B:COUNT or V,V...; others stay as they are",
        ),
    ] = [],  # noqa: B006
    time_limit: TimeLimit = None,
    option: Options = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    solutions: Annotated[bool, typer.Option(help="put the solutions into the rows")] = False,
    save: Annotated[Path | None, typer.Option(help="write the sweep as JSON")] = None,
    html: Annotated[Path | None, typer.Option(help="write a report of the sweep")] = None,
    markdown: Annotated[Path | None, typer.Option(help="write its tables as Markdown")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Score policies on instances, one row each; or sweep, to see how robust they are.

    Example: drlapps evaluate scheduling/job-shop --policy pretrained --instances ta01..ta10
    """
    from drlapps import commands, screen
    from drlapps.progress import Bar
    from drlapps.settings import parse, words, writable

    writable(save, (".json",))
    writable(html, (".html",))
    writable(markdown, (".md",))
    sweeping = bool(every or perturb or family is not None)
    if not sweeping and (save or html or markdown):
        raise InputError("only a sweep is written to a file: add --every, --perturb or --family")
    given: dict[str, Any] = {
        "policies": policy, "instances": words(instances), "pool": pool,
        "settings": parse([*settings, *flags(ctx, task)]),
        "options": parse(option, time_limit=time_limit), "seed": seed, "solutions": solutions,
    }  # fmt: skip
    screen.hush(quiet)
    if not sweeping:
        with Bar(quiet) as bar:
            rows = commands.evaluate(task, **given, bar=bar)
        screen.show(rows, screen.results, as_json)
        return
    from drlapps.report import sweeps
    from drlapps.sweep import robustness

    with Bar(quiet) as bar:
        found = robustness(task, **given, draws=family, every=every, perturb=perturb, bar=bar)
    screen.save_document(found, partial(sweeps.document, found), save, html, markdown)
    screen.show(
        found,
        lambda _, console: screen.document(sweeps.document(found, pictures=False), console),
        as_json,
    )
