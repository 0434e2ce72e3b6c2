"""Compiled loops over the rows of a batch."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@numba.njit(cache=True)
def transition(
    a: Floats,
    b: Floats,
    state: Floats,
    inputs: Floats,
    disturbance: Floats,
    active: Mask,
    found: Floats,
) -> None:
    """Put ``A x + B u + w`` of every active row into ``found``.

    Args:
        a: A of each row, (B, n, n).
        b: B of each row, (B, n, m).
        state: x, (B, n).
        inputs: u, (B, m).
        disturbance: w, (B, n).
        active: rows that move, (B,).
        found: next states, (B, n); those of other rows are left alone.
    """
    rows, n = state.shape
    for row in range(rows):
        if not active[row]:
            continue
        for i in range(n):
            total = disturbance[row, i]
            for j in range(n):
                total += a[row, i, j] * state[row, j]
            for j in range(inputs.shape[1]):
                total += b[row, i, j] * inputs[row, j]
            found[row, i] = total


@numba.njit(cache=True)
def judge(
    q: Floats,
    r: Floats,
    lower: Floats,
    upper: Floats,
    state: Floats,
    reference: Floats,
    inputs: Floats,
    active: Mask,
    cost: Floats,
    excess: Floats,
) -> None:
    """Put the cost of a step and by how much states break their limits into ``cost``, ``excess``.

    Args:
        q: Q of each row, (B, n, n).
        r: R of each row, (B, m, m).
        lower: least states, (B, n).
        upper: largest states, (B, n).
        state: after the step, (B, n).
        reference: after the step, (B, n).
        inputs: of the step, (B, m).
        active: rows that moved, (B,).
        cost: of the step, (B,).
        excess: largest beyond a limit, as a share of the range between the limits, (B,).
    """
    rows, n = state.shape
    m = inputs.shape[1]
    for row in range(rows):
        if not active[row]:
            continue
        total, worst = 0.0, 0.0
        for i in range(n):
            error = state[row, i] - reference[row, i]
            for j in range(n):
                total += q[row, i, j] * error * (state[row, j] - reference[row, j])
            span = upper[row, i] - lower[row, i]
            worst = max(worst, (state[row, i] - upper[row, i]) / span)
            worst = max(worst, (lower[row, i] - state[row, i]) / span)
        for i in range(m):
            for j in range(m):
                total += r[row, i, j] * inputs[row, i] * inputs[row, j]
        cost[row], excess[row] = total, worst
