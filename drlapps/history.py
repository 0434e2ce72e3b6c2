"""What ``backtest`` and ``data`` do, through the modules that a task names for them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

from drlapps import registry
from drlapps.commands import JSON, environment_settings, train_runs
from drlapps.contestants import PRETRAINED, contestant
from drlapps.errors import InputError
from drlapps.progress import Bar
from drlapps.task import Task


def backtest(
    name: str | None,
    *,
    policies: Sequence[str],
    data: str | None,
    start: str | None,
    end: str | None,
    settings: Mapping[str, object],
    options: Mapping[str, object],
    seed: int,
    trials: str | None,
    years: int | None,
    groups: int | None,
    agent: str | None,
    steps: int | None,
    seeds: Sequence[int],
    out: str | None,
    bar: Bar,
) -> JSON:
    """Replay a stretch of history with every policy, and with an agent trained on the way."""
    task = _first_with("backtest", "market history to replay", name)
    replay = importlib.import_module(task.backtest)
    env = environment_settings(task, settings)
    known = {*task.baselines, *([PRETRAINED] if task.pretrained else [])}
    words = policies or [word for word in replay.POLICIES if word in known]
    contestants = [contestant(task, word, options) for word in dict.fromkeys(words)]
    if years is not None or groups is not None:
        specs, relay = replay.retrained(
            task, data=data, start=start, end=end, years=years, groups=groups, settings=env,
            seeds=seeds, agent=agent or next(iter(task.agents)), steps=steps, out=out,
        )  # fmt: skip
        train_runs(specs, "processes", None, bar)
        contestants.append(relay())
    bar.start(sum(len(c.policies) for c in contestants))
    found: JSON = replay.run(
        task, contestants, data=data, start=start, end=end, settings=env, seed=seed,
        trials=trials, on_result=bar.scored,
    )  # fmt: skip
    return found


def tear_sheet(found: JSON, *, pictures: bool = True) -> Any:
    """Return the document that shows what a backtest found."""
    task = registry.get(found["task"])
    return registry.load(f"{task.backtest}:document")(found, pictures=pictures)


def data(function: str, *arguments: object, **options: object) -> Any:
    """Call a function of the module that answers for market data."""
    module = _first_with("data", "market data").data
    return registry.load(f"{module}:{function}")(*arguments, **options)


def _first_with(attribute: str, what: str, name: str | None = None) -> Task:
    """Return the named task, or the first, that declares an attribute.

    Raises:
        InputError: the task does not.
    """
    able = [task for task in registry.tasks().values() if getattr(task, attribute)]
    if name is None:
        return able[0]
    task = registry.get(name)
    if not getattr(task, attribute):
        raise InputError(f"{task.id} has no {what}; {', '.join(t.id for t in able)} has")
    return task
