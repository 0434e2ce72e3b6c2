"""The accounting of the OLPS toolbox in a few lines: the independent twin of the environment.

Li, Sahoo & Hoi 2016, OLPS manual: with the portfolio b, a day of price relatives x earns
``(b . x) (1 - c/2 sum |b - b~|)``, where b~ is what the last portfolio has become. The toolbox
divides it by the return net of costs, so that it sums to a little more than 1. On the first day b~
is 0: the initial purchase is charged.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.market_data import embedded
from drlapps.finance.portfolio.allocation import Allocation, Seen
from drlapps.vector import VectorEnvironment

Floats = NDArray[np.float64]


def relatives(name: str) -> Floats:
    """Return the price relatives of an embedded set, shape (days, assets)."""
    close = embedded.load(name).close
    return close[1:] / close[:-1]


class Market:
    """As much of an environment as policies ask for: one episode on price relatives.

    Days before ``begin`` are history.
    """

    def __init__(self, path: Floats, tc: float = 0.0, begin: int = 0) -> None:
        self.path, self.tc, self.begin = path, tc, begin
        self.num_envs = 1
        self.instances = [SimpleNamespace(assets=tuple(str(i) for i in range(path.shape[1])))]

    def future(self, row: int) -> Floats:
        return self.path[self.begin :]

    def play(self, policy: Allocation) -> tuple[Floats, Floats]:
        """Return the targets, shape (days, assets), and the net returns, shape (days,)."""
        policy.reset(cast(VectorEnvironment, self), 0)
        (memory,) = policy._memories
        days, assets = self.future(0).shape
        targets, returns = np.zeros((days, assets)), np.ones(days)
        held, weights = np.zeros(assets), np.zeros(1 + assets)
        weights[0] = 1.0
        for day in range(days):
            past = self.path[: self.begin + day]
            growth = returns[day - 1] if day else 1.0
            decided = policy.target(Seen(past, weights, growth, day, None), memory)
            # Without an order the weights stay what they have become, as in the toolbox's BAH.
            target = weights[1:] if decided is None else decided / decided.sum()
            today = self.path[self.begin + day]
            cost = self.tc / 2.0 * np.abs(target - held).sum()
            returns[day] = (target @ today) * (1.0 - cost)
            held = target * today / returns[day]
            weights = np.concatenate([[0.0], held / held.sum()])
            targets[day] = target
        return targets, returns


def terminal_wealth(policy: Allocation, path: Floats, tc: float = 0.0) -> float:
    """Return what a wealth of 1 has become."""
    return float(np.prod(Market(path, tc).play(policy)[1]))
