"""Agents that are trained anew as history goes on, each acting on the days after its training."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import Contestant
from drlapps.finance.portfolio.environment import PortfolioEnv
from drlapps.finance.portfolio.instances import CLASSIC, DATED, Window
from drlapps.policy import Policy
from drlapps.spec import RunSpec
from drlapps.task import Task
from drlapps.vector import Array, VectorEnvironment

EMBARGO = 21
"""Trading days between the last that an agent learns from and the first that it acts on."""


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


def plan(
    task: Task,
    window: Window,
    *,
    data: str | None,
    years: int,
    agent: str,
    steps: int | None,
    seeds: Sequence[int],
    settings: Mapping[str, object],
    out: str | None,
) -> tuple[list[RunSpec], Callable[[], Contestant]]:
    """Return the runs to train and what makes one policy a seed of them, once they are trained.

    Every ``years`` years an agent is trained on the classic sets and on all of the window's market
    up to :data:`EMBARGO` days before it takes over; the last year of that validates.

    Raises:
        InputError: the data are undated, or their history before the window is too short.
    """
    dates = window.market.prices.dates
    if dates is None:
        raise InputError(f"{window.name} has no dates to walk forward on")
    calendar = dates.astype("datetime64[Y]").astype(np.int64)
    first = calendar[window.begin]
    edges = [
        int(row)
        for row in range(window.begin, window.end)
        if row == window.begin
        or (calendar[row] != calendar[row - 1] and (calendar[row] - first) % years == 0)
    ]
    if edges[0] <= EMBARGO:
        raise InputError(f"{window.name} leaves no days to learn from; let --start be later")
    choices = (window.hash, agent, steps, sorted(settings.items()))
    digest = hashlib.sha256(repr(choices).encode()).hexdigest()[:8]
    home = Path(out) if out else Path("runs") / task.id / "walk-forward" / f"{agent}-{digest}"
    folders = [home / f"from-{dates[edge]}" for edge in edges]
    specs = [
        RunSpec(
            task=task.id, agent=agent, seed=seed, directory=str(folder / f"seed-{seed}"),
            steps=steps,
            settings={
                **settings,
                "data": f"{CLASSIC};{data or DATED}",
                "until": str(dates[edge - EMBARGO]),
            },
        )
        for edge, folder in zip(edges, folders, strict=True)
        for seed in seeds
    ]  # fmt: skip
    specs[0].preset()

    def relay() -> Contestant:
        legs = [contestant(task, str(folder)) for folder in folders]
        costs = [leg.train_cpu_seconds for leg in legs if leg.train_cpu_seconds is not None]
        return Contestant(
            f"walk-forward {agent}",
            "agent",
            legs[0].information,
            {
                # An order decided at a close may be filled at the next: take over a day before.
                seed: Relay([(edge - 1, leg.policies[seed]) for edge, leg in
                             zip(edges, legs, strict=True)])
                for seed in legs[0].policies
            },
            train_cpu_seconds=sum(costs),
        )  # fmt: skip

    return specs, relay
