"""Benchmarks: to hold, to rebalance, and the best of either in hindsight."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, cast

import numpy as np

from drlapps.errors import Failure
from drlapps.finance.portfolio.allocation import Allocation, Matrix, Seen, Vector
from drlapps.finance.portfolio.online.simplex import uniform
from drlapps.vector import VectorEnvironment

if TYPE_CHECKING:
    from drlapps.finance.portfolio.environment import PortfolioEnv


class BuyAndHold(Allocation):
    """BAH: buy equal amounts on the first day and never trade again."""

    def target(self, seen: Seen, memory: None) -> Vector | None:
        """Return uniform weights once, then no order."""
        return uniform(seen.relatives.shape[1]) if seen.day == 0 else None


class ConstantRebalanced(Allocation):
    """UCRP: trade back to equal weights every day."""

    def target(self, seen: Seen, memory: None) -> Vector:
        """Return uniform weights."""
        return uniform(seen.relatives.shape[1])


class Clairvoyant(Allocation):
    """A policy that knows the prices to come and picks constant weights for them."""

    @abstractmethod
    def choose(self, growth: Matrix) -> Vector:
        """Return the weights, shape (assets,), for price relatives of shape (steps, assets)."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Choose the weights of each row."""
        market = cast("PortfolioEnv", env)
        self._memories = [self.choose(market.future(row)) for row in range(env.num_envs)]

    def target(self, seen: Seen, memory: Vector) -> Vector:
        """Return the weights chosen."""
        return memory


class BestStock(Clairvoyant):
    """The asset that grows most, held from the first day to the last."""

    def choose(self, growth: Matrix) -> Vector:
        """Return all weight on the asset of the largest growth; the first of equals."""
        weights = np.zeros(growth.shape[1])
        weights[np.log(growth).sum(axis=0).argmax()] = 1.0
        return weights


class BestConstantRebalanced(Clairvoyant):
    """BCRP: the constant weights of the largest terminal wealth before costs.

    Reference:
        Cover 1991, "Universal portfolios", Mathematical Finance 1(1), section 2.
    """

    def choose(self, growth: Matrix) -> Vector:
        """Return the log-optimal weights."""
        return log_optimal(growth)


def log_optimal(growth: Matrix, tolerance: float = 1e-12) -> Vector:
    """Return argmax of sum_t log(b . x_t) over the simplex, shape (assets,).

    As the objective's gradient satisfies g . b = steps, the maximum of mean log(b . x) - sum(b)
    over b >= 0 has sum(b) = 1 of itself: only signs are left as constraints, and the primal-dual
    interior-point method (Nocedal & Wright 2006, section 19.2) takes some twenty Newton steps.
    Optimality is then checked by Cover's condition max_i mean(x_i / (b . x)) <= 1 + tolerance
    (Cover 1984, "An algorithm for maximizing expected log investment return", theorem 1), which
    bounds what the mean log return can still gain.

    Args:
        growth: positive price relatives, shape (steps, assets).
        tolerance: the gain in mean log return that is negligible.

    Raises:
        Failure: if the check fails.
    """
    steps, assets = growth.shape
    weights = uniform(assets)
    multipliers = np.ones(assets)
    for _ in range(100):
        shares = growth / (growth @ weights)[:, None]
        gradient = 1.0 - shares.mean(axis=0)
        gap = weights @ multipliers / assets
        if gap < 1e-3 * tolerance / assets and np.abs(gradient - multipliers).max() < tolerance:
            break
        aim = gap * min(0.1, np.sqrt(gap))
        # The small diagonal keeps twins apart; it slows Newton's convergence by next to nothing.
        hessian = shares.T @ shares / steps
        hessian[np.diag_indices(assets)] += multipliers / weights + 1e-13
        change = np.linalg.solve(hessian, aim / weights - gradient)
        dual_change = aim / weights - multipliers - multipliers / weights * change
        weights = weights + _within(weights, change) * change
        multipliers = multipliers + _within(multipliers, dual_change) * dual_change
    weights /= weights.sum()
    gain = (growth / (growth @ weights)[:, None]).mean(axis=0).max() - 1.0
    if not gain <= tolerance:
        raise Failure(
            f"the best constant weights of {assets} assets over {steps} steps were not found: "
            f"the mean log return may be {gain:.1e} too low"
        )
    return weights


def _within(values: Vector, change: Vector) -> float:
    """Return the longest step, at most 1, that keeps the values well positive."""
    falling = change < 0.0
    return min(1.0, 0.995 * float((values[falling] / -change[falling]).min(initial=np.inf)))
