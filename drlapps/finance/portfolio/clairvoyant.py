"""The best path of trades after costs, for one who knows the prices: a bound."""

from __future__ import annotations

import math
from typing import cast

import numpy as np

from drlapps.errors import InputError
from drlapps.finance.portfolio.allocation import Allocation, Matrix, Seen, Vector
from drlapps.finance.portfolio.environment import PortfolioEnv
from drlapps.policy import Report
from drlapps.vector import VectorEnvironment


class Clairvoyant(Allocation):
    """Holds at each decision the one asset that ends richest, costs of changing included.

    With proportional costs terminal wealth is linear in what is held, so that a long-only portfolio
    without debts does best all in one asset (or cash) at a time, and dynamic programming over that
    asset is exact. Limits of weight or turnover and impact only take away from it.
    """

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Find the best path of each row.

        Raises:
            InputError: short positions, debts or grants are allowed; then this is no bound.
        """
        market = cast(PortfolioEnv, env)
        if not market.bounded:
            raise InputError("clairvoyant is a bound for long-only portfolios without grants")
        self._bounds: list[float] = []
        self._memories = []
        for row in range(env.num_envs):
            growth = market.future(row)
            cash = np.full((len(growth), 1), market.cash_growth(row))
            wealth, path = best_path(np.hstack([cash, growth]), market.trading_cost(row))
            self._bounds.append(math.exp(wealth))
            self._memories.append(iter(path))

    def target(self, seen: Seen, memory: object) -> Vector | None:
        """Return all weight on the path's next asset, or no order where it stays."""
        weights = np.zeros(len(seen.weights))
        weights[next(memory)] = 1.0  # type: ignore[call-overload]
        if seen.day and np.allclose(weights, seen.weights, rtol=0.0, atol=1e-9):
            return None
        return weights[1:]

    def report(self, row: int) -> Report:
        """Return the best terminal wealth as the bound."""
        return Report(bound=self._bounds[row])


def best_path(growth: Matrix, cost: float) -> tuple[float, list[int]]:
    """Return the log of the largest terminal wealth and the asset held at each step.

    With V_T = 1, V_t(i) = max(x_t(i) V_t+1(i), s_i max_j b_j x_t(j) V_t+1(j)), where selling leaves
    s = 1 - cost, buying b = 1 / (1 + cost), and cash is free. Wealth starts in cash.

    Args:
        growth: of each step and asset, cash first, shape (steps, 1 + assets).
        cost: of each dollar traded, on either side.
    """
    steps, count = growth.shape
    logs = np.log(growth)
    risky = np.arange(count) > 0
    sell, buy = np.where(risky, math.log1p(-cost), 0.0), np.where(risky, -math.log1p(cost), 0.0)
    value = np.zeros(count)
    switch, moves = np.zeros(steps, np.int64), np.zeros((steps, count), np.bool_)
    for t in range(steps - 1, -1, -1):
        kept = logs[t] + value
        switch[t] = int((kept + buy).argmax())
        changed = sell + (kept + buy)[switch[t]]
        moves[t] = changed > kept
        value = np.maximum(kept, changed)
    asset, path = 0, []
    for t in range(steps):
        asset = int(switch[t]) if moves[t, asset] else asset
        path.append(asset)
    return float(value[0]), path
