"""Numba kernels: the fractional knapsack of several constraints, by the dual simplex method.

Maximise ``w y`` subject to ``G y <= b`` and ``0 <= y <= 1``, where rows are added one at a time:
the optimum before stays feasible for the dual, and a few pivots repair it. The tableau is dense,
for there are a few rows and a few dozen columns.

Reference:
    Koberstein, A. (2005). The dual simplex method, techniques for a fast and stable implementation.
    Universität Paderborn, chapter 3 (boxed variables).
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from drlapps.energy.grid.feeder import Bools, Floats, Ints

TOLERANCE = 1e-10
MOST_PIVOTS = 500


class Knapsack(NamedTuple):
    """The tableau: ``n`` columns for items and one for the slack of each row.

    Attributes:
        rows: constraints in terms of the variables outside the basis, (r, n + r).
        reduced: reduced worths, (n + r,): minus the multiplier of its row for a slack.
        x: values, (n + r,).
        basis: the variable of each row, (r,).
        basic: whether a variable is in the basis, (n + r,).
        free: whether a variable may move, (n + r,).
    """

    rows: Floats
    reduced: Floats
    x: Floats
    basis: Ints
    basic: Bools
    free: Bools


@numba.njit(cache=True)
def begin(worth: Floats, free: Bools, y: Floats, most_rows: int) -> Knapsack:
    """Return the problem without a row: all free items are taken, the others stay as in ``y``."""
    n = len(worth)
    size = n + most_rows
    reduced = np.zeros(size)
    reduced[:n] = worth
    x = np.zeros(size)
    x[:n] = np.where(free, 1.0, y)
    may = np.zeros(size, np.bool_)
    may[:n] = free
    return Knapsack(
        np.zeros((most_rows, size)), reduced, x, np.zeros(most_rows, np.int64),
        np.zeros(size, np.bool_), may,
    )  # fmt: skip


@numba.njit(cache=True)
def add(lp: Knapsack, count: int, g: Floats, b: float) -> None:
    """Add row number ``count``, ``g y <= b``; the point may violate it."""
    n = len(g)
    row = lp.rows[count]
    value = b
    for j in range(n):
        row[j] = g[j]
        value -= g[j] * lp.x[j]
    row[n + count] = 1.0
    for r in range(count):
        factor = row[lp.basis[r]]
        if factor != 0.0:
            for j in range(n + count):
                row[j] -= factor * lp.rows[r, j]
    lp.basis[count] = n + count
    lp.basic[n + count] = True
    lp.free[n + count] = True
    lp.x[n + count] = value


@numba.njit(cache=True)
def optimise(lp: Knapsack, count: int) -> bool:
    """Pivot until the first ``count`` rows hold; return False if nothing satisfies them.

    Should the pivots not come to an end, the multipliers are valid all the same.
    """
    width = len(lp.x) - len(lp.basis) + count
    for _ in range(MOST_PIVOTS):
        leaving, delta = _leaving(lp, count, width - count)
        if leaving < 0:
            return True
        entering = _entering(lp, leaving, delta, width)
        if entering < 0:
            return False
        _pivot(lp, leaving, entering, delta, count, width)
    return True


@numba.njit(cache=True)
def _leaving(lp: Knapsack, count: int, n: int) -> tuple[int, float]:
    """Return the row whose variable is farthest outside its bounds, and the move it needs."""
    row, delta = -1, 0.0
    for r in range(count):
        value = lp.x[lp.basis[r]]
        move = -value if value < 0.0 else 0.0
        if lp.basis[r] < n and value > 1.0:
            move = 1.0 - value
        if abs(move) > max(abs(delta), TOLERANCE):
            row, delta = r, move
    return row, delta


@numba.njit(cache=True)
def _entering(lp: Knapsack, row: int, delta: float, width: int) -> int:
    """Return the variable that moves it at the least loss of worth."""
    best, least, size = -1, np.inf, 0.0
    for j in range(width):
        if lp.basic[j] or not lp.free[j]:
            continue
        alpha = lp.rows[row, j] if delta > 0.0 else -lp.rows[row, j]
        # What is at its lower bound can only grow, what is at its upper one only shrink.
        if lp.x[j] > 0.5:
            alpha = -alpha
        if alpha < -TOLERANCE:
            ratio = abs(lp.reduced[j]) / -alpha
            if ratio < least - TOLERANCE or (ratio < least + TOLERANCE and -alpha > size):
                best, least, size = j, ratio, -alpha
    return best


@numba.njit(cache=True)
def _pivot(lp: Knapsack, leaving: int, entering: int, delta: float, count: int, width: int) -> None:
    """Exchange two variables."""
    pivot = lp.rows[leaving, entering]
    step = -delta / pivot
    for r in range(count):
        lp.x[lp.basis[r]] -= lp.rows[r, entering] * step
    lp.x[entering] += step
    gone = lp.basis[leaving]
    # Exactly at its bound now.
    lp.x[gone] = round(lp.x[gone])
    lp.basic[gone] = False
    lp.basic[entering] = True
    lp.basis[leaving] = entering
    for j in range(width):
        lp.rows[leaving, j] /= pivot
    for r in range(count):
        factor = lp.rows[r, entering]
        if r != leaving and factor != 0.0:
            for j in range(width):
                lp.rows[r, j] -= factor * lp.rows[leaving, j]
    factor = lp.reduced[entering]
    for j in range(width):
        lp.reduced[j] -= factor * lp.rows[leaving, j]
