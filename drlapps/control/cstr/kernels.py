"""Compiled Runge-Kutta steps of a batch of reactors."""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.control.cstr.reactor import HOTTEST

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@numba.njit(cache=True)
def _slope(
    x: float, y: float, u: float, exchange: float, heating: float, cooling: float, rate: float,
    activation: float, feed: float, warmth: float,
) -> tuple[float, float]:  # fmt: skip
    made = rate * math.exp(-activation / min(y, HOTTEST)) * x
    return exchange * (feed - x) - made, exchange * (warmth - y) + heating * made + cooling * (
        u - y
    )


@numba.njit(cache=True)
def _step(
    x: float, y: float, u: float, e: float, k: float, c: float, r: float, a: float, f: float,
    w: float, interval: float, substeps: int,
) -> tuple[float, float]:  # fmt: skip
    """Return concentration and temperature a step later; constants as in :data:`CONSTANTS`."""
    h = interval / substeps
    for _ in range(substeps):
        x1, y1 = _slope(x, y, u, e, k, c, r, a, f, w)
        x2, y2 = _slope(x + 0.5 * h * x1, y + 0.5 * h * y1, u, e, k, c, r, a, f, w)
        x3, y3 = _slope(x + 0.5 * h * x2, y + 0.5 * h * y2, u, e, k, c, r, a, f, w)
        x4, y4 = _slope(x + h * x3, y + h * y3, u, e, k, c, r, a, f, w)
        x += h / 6.0 * (x1 + 2.0 * x2 + 2.0 * x3 + x4)
        y += h / 6.0 * (y1 + 2.0 * y2 + 2.0 * y3 + y4)
    return x, y


@numba.njit(cache=True)
def advance(
    constants: Floats, state: Floats, jacket: Floats, active: Mask, substeps: int, found: Floats
) -> None:
    """Put the states of the active rows a step later into ``found``.

    Args:
        constants: of each row, (B, 8), in the order of :data:`.reactor.CONSTANTS`.
        state: concentration and temperature, (B, 2).
        jacket: temperature, (B, 1).
        active: rows that move, (B,).
        substeps: Runge-Kutta steps in a step.
        found: next states, (B, 2); those of other rows are left alone.
    """
    for row in range(len(state)):
        if active[row]:
            e, k, c, r, a, f, w, interval = constants[row]
            x, y, u = state[row, 0], state[row, 1], jacket[row, 0]
            found[row] = _step(x, y, u, e, k, c, r, a, f, w, interval, substeps)


@numba.njit(cache=True)
def predict(
    constants: Floats, state: Floats, jackets: Floats, substeps: int, found: Floats
) -> None:
    """Put the concentrations after every step of several courses of inputs into ``found``.

    Args:
        constants: of the reactor, (8,), in the order of :data:`.reactor.CONSTANTS`.
        state: at the beginning, (2,).
        jackets: temperatures of the jacket, (K, N).
        substeps: Runge-Kutta steps in a step.
        found: concentrations, (K, N).
    """
    e, k, c, r, a, f, w, interval = constants
    courses, steps = jackets.shape
    for course in range(courses):
        x, y = state[0], state[1]
        for step in range(steps):
            x, y = _step(x, y, jackets[course, step], e, k, c, r, a, f, w, interval, substeps)
            found[course, step] = x
