"""Agents that are trained anew for parts of a window, and take turns to act on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import Contestant
from drlapps.finance.market_data.prices import DateArray
from drlapps.finance.portfolio.environment import PortfolioEnv
from drlapps.finance.portfolio.instances import CLASSIC, LEAST_HISTORY, Window
from drlapps.finance.splits import combinatorial_purged
from drlapps.policy import Policy
from drlapps.spec import RunSpec
from drlapps.task import Information, Task
from drlapps.vector import Array, VectorEnvironment

EMBARGO = 21
"""Trading days between the last that an agent learns from and the first that it acts on."""

_TESTED = 2  # groups that each agent of a cross-validation has not learnt from
_WAY = 1000  # seeds of one way through the window are numbered from a multiple of it


class Relay(Policy):
    """Hands over from one agent to the next as days go by.

    Args:
        legs: (first row of the market's table that it decides at, policy), in order.
    """

    def __init__(self, legs: Sequence[tuple[int, Policy]]) -> None:
        self._legs = list(legs)
        self.environment = legs[0][1].environment

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Let every agent get ready."""
        for _, policy in self._legs:
            policy.reset(env, seed)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of the agent whose turn it is; all see the days, for their memory."""
        assert isinstance(env, PortfolioEnv)
        today = env.today(0)
        found = [(first, policy.act(env, observations)) for first, policy in self._legs]
        return [actions for first, actions in found if first <= today or first == found[0][0]][-1]


@dataclass(frozen=True)
class Schedule:
    """Which agents are trained, and who acts when.

    Attributes:
        name: of the policy that comes of it.
        trainings: settings of the train pool by the name of the folder that its runs go to.
        paths: for each way through the window the legs: (first row decided at, folder).
    """

    name: str
    trainings: Mapping[str, Mapping[str, object]]
    paths: Sequence[Sequence[tuple[int, str]]]


def walk_forward(window: Window, data: str, years: int) -> Schedule:
    """Return the schedule of an agent that is trained anew every so many years.

    Each time it learns from the classic sets and, where there are enough, from the days of the
    window's market up to :data:`EMBARGO` days before it takes over, whose last year validates.

    Raises:
        InputError: the data are undated.
    """
    dates = _dates(window)
    calendar = dates.astype("datetime64[Y]").astype(np.int64)
    since = calendar - calendar[window.begin]
    edges = [
        row
        for row in range(window.begin, window.end)
        if row == window.begin or (since[row] != since[row - 1] and since[row] % years == 0)
    ]
    names = [f"from-{dates[edge]}" for edge in edges]
    trainings: dict[str, Mapping[str, object]] = {}
    for edge, name in zip(edges, names, strict=True):
        last = edge - EMBARGO
        own = {"data": f"{CLASSIC};{data}", "until": str(dates[last])}
        trainings[name] = own if last + 1 >= LEAST_HISTORY else {"data": CLASSIC}
    # An order decided at a close may be filled at the next: take over a day before.
    legs = [(edge - 1, name) for edge, name in zip(edges, names, strict=True)]
    return Schedule("walk-forward", trainings, [legs])


def cross_validation(window: Window, data: str, groups: int) -> Schedule:
    """Return the schedule of combinatorial purged cross-validation (Lopez de Prado 2018, ch. 12).

    The window is cut into groups. For every two of them an agent learns from the classic sets and
    from the window's market without these two and without the days that look back on them. Put
    together, the agents give ``groups - 1`` ways through the window, each day of which is traded
    by an agent that has not learnt from it; but some have learnt from later days.

    Raises:
        InputError: the data are undated, or too short for so many groups.
    """
    dates, rows = _dates(window), window.end - window.begin + 1
    folds = combinatorial_purged(rows, groups, _TESTED)
    bounds = [window.begin + int(bound) for bound in folds.bounds]
    spans = [f"{dates[a]}..{dates[b - 1]}" for a, b in pairwise(bounds)]
    names = [f"without-{'-'.join(str(g + 1) for g in fold.groups)}" for fold in folds.folds]
    trainings = {
        name: {"data": f"{CLASSIC};{data}", "without": ";".join(spans[g] for g in fold.groups)}
        for name, fold in zip(names, folds.folds, strict=True)
    }
    paths = [
        [(bound - 1, names[int(fold)]) for bound, fold in zip(bounds[:-1], path, strict=True)]
        for path in folds.paths
    ]
    return Schedule("cross-validated", trainings, paths)


def _dates(window: Window) -> DateArray:
    dates = window.market.prices.dates
    if dates is None:
        raise InputError(f"{window.name} has no dates to train before and after")
    return dates


def plan(
    task: Task,
    schedule: Schedule,
    *,
    agent: str,
    steps: int | None,
    seeds: Sequence[int],
    settings: Mapping[str, object],
    out: str | None,
) -> tuple[list[RunSpec], Callable[[], Contestant]]:
    """Return the runs to train, and what makes the policy of them once they are trained.

    Raises:
        InputError: the agent or a setting is unknown.
    """
    choices = (schedule.trainings, agent, steps, sorted(settings.items()))
    digest = hashlib.sha256(repr(choices).encode()).hexdigest()[:8]
    home = Path(out) if out else Path("runs") / task.id / schedule.name / f"{agent}-{digest}"
    specs = [
        RunSpec(
            task=task.id, agent=agent, seed=seed, directory=str(home / name / f"seed-{seed}"),
            steps=steps, settings={**settings, **training},
        )
        for name, training in schedule.trainings.items()
        for seed in seeds
    ]  # fmt: skip
    specs[0].preset()

    def relay() -> Contestant:
        trained = {name: contestant(task, str(home / name)) for name in schedule.trainings}
        policies: dict[int | None, Policy] = {
            way * _WAY + seed: Relay([(row, trained[name].policies[seed]) for row, name in legs])
            for way, legs in enumerate(schedule.paths)
            for seed in seeds
        }
        costs = [each.train_cpu_seconds or 0.0 for each in trained.values()]
        return Contestant(
            f"{schedule.name} {agent}", "agent", Information.OBSERVED, policies,
            train_cpu_seconds=sum(costs),
        )  # fmt: skip

    return specs, relay
