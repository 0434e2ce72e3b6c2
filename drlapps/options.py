"""The options that several commands share, and how their names complete in the shell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer

from drlapps.errors import InputError, unknown


def complete_task(incomplete: str) -> list[str]:
    """Return the tasks whose names begin so."""
    from drlapps.registry import tasks

    return [name for name in tasks() if name.startswith(incomplete)]


def complete_policy(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the policies of the named task whose names begin so."""
    from drlapps.registry import get

    task = get(ctx.params["task"])
    names = [*task.baselines, *(["pretrained"] if task.pretrained else [])]
    return [name for name in names if name.startswith(incomplete)]


def complete_agent(incomplete: str) -> list[str]:
    """Return the algorithms whose names begin so."""
    from drlapps.agents import ALGORITHMS

    return [name for name in ALGORITHMS if name.startswith(incomplete)]


TaskName = Annotated[
    str,
    typer.Argument(help="domain/name, or path/to/file.py:NAME", autocompletion=complete_task),
]
Settings = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="parameter of the task, as listed by show"),
]
Options = Annotated[
    list[str],
    typer.Option("--option", metavar="KEY=VALUE", help="option of the baselines, as show lists"),
]
TimeLimit = Annotated[
    float | None, typer.Option(help="seconds that a solver may think on an instance")
]
Seed = Annotated[int, typer.Option(min=0, help="seed of everything random")]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON, for programs")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no messages")]
PoolName = Annotated[str, typer.Option(help="pool to score on")]
Instances = Annotated[
    list[str], typer.Option("--instances", "-i", help="names, ranges A..B or files, by commas")
]
Executor = Annotated[str, typer.Option(help="serial or processes")]
Workers = Annotated[int | None, typer.Option(min=1, help="runs at the same time")]

FREE = {"allow_extra_args": True, "ignore_unknown_options": True}
"""Context of a command that takes a task's own parameters as options, see :func:`flags`."""


def flags(ctx: typer.Context, task: str) -> list[str]:
    """Return the options that are the task's own parameters, as ``KEY=VALUE``.

    ``--outage 8`` and ``--outage=8`` are short for ``--set outage=8``.

    Raises:
        InputError: an option is neither the command's nor a parameter of the task, or has no value.
    """
    from drlapps.registry import get, parameters

    if not ctx.args:
        return []
    own = parameters(get(task))
    options = {option for parameter in ctx.command.params for option in parameter.opts}
    words = iter(ctx.args)
    return [_flag(word, words, own, options) for word in words]


def _flag(word: str, rest: Iterable[str], own: Iterable[str], options: set[str]) -> str:
    if not word.startswith("--"):
        raise InputError(f"{word!r} is one argument too many")
    name, equals, value = word.removeprefix("--").partition("=")
    if name.replace("-", "_") not in own:
        known = options | {f"--{key.replace('_', '-')}" for key in own}
        raise unknown("option", f"--{name}", known)
    if not equals and (value := next(iter(rest), "")) == "":
        raise InputError(f"--{name} needs a value")
    return f"{name}={value}"
