"""Limits on a portfolio: which weights are admissible, given those held."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drlapps.errors import InputError
from drlapps.finance.portfolio.allocation import Matrix, Vector

_EQUAL = 1e-9
"""Weights closer than this are one."""


@dataclass(frozen=True)
class Limits:
    """What a fully invested long-only portfolio must keep to.

    Attributes:
        min_weight: of each asset.
        max_weight: of each asset.
        max_turnover: share of wealth that may be sold at a rebalancing. For a fully invested
            portfolio this is its turnover, half the sum of the absolute changes; to invest idle
            cash, such as all of it at the start, is not limited. The limits on weights come
            first: where they force more to be sold, just that is sold.

    Raises:
        InputError: no portfolio of any size keeps the limits.
    """

    min_weight: float = 0.0
    max_weight: float = 1.0
    max_turnover: float = 1.0

    def __post_init__(self) -> None:
        if not self.min_weight <= self.max_weight:
            raise InputError(
                f"min_weight={self.min_weight:g} is above max_weight={self.max_weight:g}"
            )

    def check(self, assets: int) -> None:
        """Refuse a universe whose weights cannot sum to one.

        Raises:
            InputError: it is too small for max_weight or too large for min_weight.
        """
        slack = 1e-12
        if assets * self.max_weight < 1.0 - slack:
            raise InputError(
                f"max_weight={self.max_weight:g} leaves {assets} assets short of full investment; "
                f"it must be at least {1 / assets:.4g}"
            )
        if assets * self.min_weight > 1.0 + slack:
            raise InputError(
                f"min_weight={self.min_weight:g} is too much for {assets} assets; "
                f"it must be at most {1 / assets:.4g}"
            )

    def around(self, held: Vector) -> Admissible:
        """Return the admissible portfolios, never none.

        Args:
            held: weights of the assets now, shape (assets,).
        """
        lower, upper = np.full(len(held), self.min_weight), np.full(len(held), self.max_weight)
        for bound in (lower, upper):
            if abs(bound.sum() - 1.0) <= _EQUAL:
                return Admissible(bound / bound.sum(), bound / bound.sum(), held, 1.0)
        forced_sales = float(np.maximum(held - upper, 0.0).sum())
        forced_buys = float(np.maximum(lower - held, 0.0).sum())
        idle = 1.0 - float(held.sum())
        if self.max_turnover > max(forced_sales, forced_buys - idle) + _EQUAL:
            return Admissible(lower, upper, held, self.max_turnover)
        if forced_sales >= forced_buys - idle:
            lower = np.maximum(lower, np.minimum(held, upper))  # nothing more can be sold
        else:
            upper = np.minimum(upper, np.maximum(held, lower))  # nothing more can be bought
        for bound in (lower, upper):
            if abs(bound.sum() - 1.0) <= _EQUAL:
                return Admissible(bound / bound.sum(), bound / bound.sum(), held, 1.0)
        return Admissible(lower, upper, held, 1.0)


@dataclass(frozen=True)
class Admissible:
    """The weights w with lower <= w <= upper, Σw = 1 and Σ max(held - w, 0) <= sales.

    Attributes:
        lower: shape (assets,).
        upper: shape (assets,).
        held: shape (assets,).
        sales: 1 or more where sales are not limited.
    """

    lower: Vector
    upper: Vector
    held: Vector
    sales: float

    def __contains__(self, weights: Vector) -> bool:
        """Tell whether weights are admissible, to within rounding."""
        excess = max(
            float((self.lower - weights).max()),
            float((weights - self.upper).max()),
            abs(float(weights.sum()) - 1.0),
            float(np.maximum(self.held - weights, 0.0).sum()) - self.sales,
        )
        return excess <= 1e-12

    def polyhedron(self) -> Polyhedron:
        """Return them as purchases and sales from an origin.

        What the limits fix is no variable, so that the polyhedron has an interior.
        """
        limited = self.sales < 1.0
        origin = np.clip(self.held, self.lower, self.upper) if limited else self.lower
        missing = 1.0 - float(origin.sum())
        sales = self.sales - float(np.maximum(self.held - origin, 0.0).sum()) if limited else 0.0
        buys = np.flatnonzero(self.upper - origin > _EQUAL)
        sells = np.flatnonzero(origin - self.lower > _EQUAL)
        unit, signs = np.eye(len(origin)), np.repeat([1.0, -1.0], [len(buys), len(sells)])
        moves = np.hstack([unit[:, buys], -unit[:, sells]])
        if not len(signs):
            return Polyhedron(origin, moves, np.zeros((0, 0)), np.zeros(0))
        room = np.append((self.upper - origin)[buys], (origin - self.lower)[sells])
        bounded = room < np.where(signs > 0.0, missing, 0.0) + sales
        below, at_most = np.eye(len(signs))[bounded], room[bounded]
        if len(sells):
            below, at_most = np.vstack([below, signs < 0.0]), np.append(at_most, sales)
        slacks = len(below)
        return Polyhedron(
            origin,
            np.hstack([moves, np.zeros((len(origin), slacks))]),
            np.block([[signs[None], np.zeros((1, slacks))], [below, np.eye(slacks)]]),
            np.append(missing, at_most),
        )


@dataclass(frozen=True)
class Polyhedron:
    """The weights ``origin + moves x`` of all x >= 0 with ``equal x = equal_to``.

    Attributes:
        origin: shape (assets,).
        moves: shape (assets, variables).
        equal: shape (equations, variables).
        equal_to: shape (equations,).
    """

    origin: Vector
    moves: Matrix
    equal: Matrix
    equal_to: Vector

    def weights(self, x: Vector) -> Vector:
        """Return the weights of a point."""
        return np.asarray(self.origin + self.moves @ x)

    def cone(self) -> Polyhedron:
        """Return the cone over it: the points (k x, k), k >= 0, with weights k w."""
        return Polyhedron(
            np.zeros_like(self.origin),
            np.column_stack([self.moves, self.origin]),
            np.column_stack([self.equal, -self.equal_to]),
            np.zeros_like(self.equal_to),
        )

    def at(self, normal: Vector, level: float) -> Polyhedron:
        """Return the part of it where normal'w = level."""
        return replace(
            self,
            equal=np.vstack([self.equal, normal @ self.moves]),
            equal_to=np.append(self.equal_to, level - normal @ self.origin),
        )
