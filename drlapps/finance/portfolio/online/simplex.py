"""Portfolios as points of the simplex: projections on it, and minima over it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import Failure
from drlapps.finance.portfolio.allocation import Matrix, Vector

_OPTIMAL = 1e-12


def uniform(assets: int) -> Vector:
    """Return equal weights, shape (assets,)."""
    return np.full(assets, 1.0 / assets)


def project(point: Vector) -> Vector:
    """Return the point of the simplex nearest to ``point``, shape (assets,).

    Reference:
        Duchi et al. 2008, "Efficient projections onto the l1-ball for learning in high
        dimensions", ICML, figure 1.
    """
    # A common shift changes nothing, and this one keeps far points from losing the 1 to rounding.
    shifted = point - point.max()
    descending = np.sort(shifted)[::-1]
    excess = descending.cumsum() - 1.0
    counts = np.arange(1, len(point) + 1)
    support = np.flatnonzero(descending * counts > excess)[-1]
    nearest: Vector = np.maximum(shifted - excess[support] / counts[support], 0.0)
    return nearest


def minimize_quadratic(matrix: Matrix, linear: Vector, start: Vector, rounds: int = 1000) -> Vector:
    """Return argmin of q'Aq / 2 - c'q over the simplex, by the primal active-set method.

    With c = A p this is the projection of p in the norm of A. A start near the minimum, such as
    yesterday's, leaves little to do.

    Args:
        matrix: A, symmetric positive definite, shape (assets, assets).
        linear: c, shape (assets,).
        start: a point of the simplex, shape (assets,).
        rounds: most faces of the simplex to visit.

    Raises:
        Failure: if the minimum is on none of them.

    Reference:
        Nocedal & Wright 2006, Numerical Optimization, algorithm 16.3.
    """
    point = np.array(start)
    free = point > 0.0
    for _ in range(rounds):
        goal, price = _on_face(matrix, linear, free)
        if (goal[free] > 0.0).all():
            point = goal
            slope = matrix @ point - linear + price
            slope[free] = 0.0
            entering = slope.argmin()
            if slope[entering] >= -_OPTIMAL * np.abs(linear).max():
                return point
            free[entering] = True
        else:
            # As far towards the goal as all weights stay non-negative; what hits 0 leaves.
            blocking = np.flatnonzero(free & (goal <= 0.0))
            room = point[blocking] / (point[blocking] - goal[blocking])
            point += room.min() * (goal - point)
            leaving = blocking[room <= room.min()]
            point[leaving] = 0.0
            free[leaving] = False
    raise Failure(f"no minimum over the weights of {len(point)} assets in {rounds} rounds")


def _on_face(matrix: Matrix, linear: Vector, free: NDArray[np.bool_]) -> tuple[Vector, float]:
    """Return the minimum where only ``free`` weights differ from 0, and 1'q = 1's multiplier."""
    members = np.flatnonzero(free)
    sides = np.stack([linear[members], np.ones(len(members))], axis=1)
    solved = np.linalg.solve(matrix[np.ix_(members, members)], sides)
    price = (solved[:, 0].sum() - 1.0) / solved[:, 1].sum()
    goal = np.zeros(len(linear))
    goal[members] = solved[:, 0] - price * solved[:, 1]
    return goal, float(price)
