"""L-BFGS over phases and the search over their levels, as Numba kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming.rate_kernels import (
    SUMS,
    Problem,
    Work,
    evaluate,
    rate_of,
    reflect,
    respond,
    workspace,
)
from drlapps.comms.ris_beamforming.surface import Complex, Real

HISTORY = 8
"""Steps from which L-BFGS knows the curvature."""

_ARMIJO, _CURVATURE = 1e-4, 0.9
_TRIALS = 30
_FIRST_MOVE = 0.3
"""Largest change of a variable in a step that knows no curvature, in radians."""


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _dot(a: Real, b: Real) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(cache=True, error_model="numpy")
def _newton(direction: Real, moves: Real, turns: Real, count: int) -> None:
    """Make the gradient in ``direction`` L-BFGS's direction (Nocedal 1980, two loops)."""
    alpha = np.empty(HISTORY)
    first = max(0, count - HISTORY)
    for age in range(count - 1, first - 1, -1):
        move, turn = moves[age % HISTORY], turns[age % HISTORY]
        alpha[age % HISTORY] = _dot(move, direction) / _dot(move, turn)
        direction -= alpha[age % HISTORY] * turn
    move, turn = moves[(count - 1) % HISTORY], turns[(count - 1) % HISTORY]
    direction *= _dot(move, turn) / _dot(turn, turn)
    for age in range(first, count):
        move, turn = moves[age % HISTORY], turns[age % HISTORY]
        beta = _dot(turn, direction) / _dot(move, turn)
        direction += (alpha[age % HISTORY] - beta) * move


@njit(cache=True, error_model="numpy")
def _climb(
    problem: Problem, x: Real, work: Work, iterations: int, tolerance: float
) -> tuple[float, int]:
    """Move the variables to a maximum; return its value and the iterations it took.

    The line search brackets a step with enough gain and little enough slope left (weak Wolfe
    conditions) and halves the bracket: Lewis & Overton 2013, algorithm 2.6.
    """
    size = len(x)
    gradient, ahead, trial, direction = (
        np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    )  # fmt: skip
    moves, turns = np.empty((HISTORY, size)), np.empty((HISTORY, size))
    value, count = evaluate(problem, x, gradient, work), 0
    if not math.isfinite(value):
        return value, 0
    for iteration in range(iterations):
        steepest = np.abs(gradient).max()
        if steepest == 0.0:
            return value, iteration
        direction[:] = gradient
        if count:
            _newton(direction, moves, turns, count)
        else:
            direction *= _FIRST_MOVE / steepest
        slope = _dot(gradient, direction)
        step, low, high, found = 1.0, 0.0, math.inf, value
        for _ in range(_TRIALS):
            for i in range(size):
                trial[i] = x[i] + step * direction[i]
            found = evaluate(problem, trial, ahead, work)
            if not found >= value + _ARMIJO * step * slope:
                high = step
            elif _dot(ahead, direction) > _CURVATURE * slope:
                low = step
            else:
                break
            step = 2.0 * low if high == math.inf else 0.5 * (low + high)
        if not found > value:
            return value, iteration
        move, turn = moves[count % HISTORY], turns[count % HISTORY]
        for i in range(size):
            move[i] = trial[i] - x[i]
            turn[i] = gradient[i] - ahead[i]
            x[i], gradient[i] = trial[i], ahead[i]
        count = count + 1 if _dot(move, turn) > 0.0 else 0
        gain, value = found - value, found
        if gain <= tolerance * max(1.0, abs(value)):
            return value, iteration + 1
    return value, iterations


@njit(cache=True, error_model="numpy")
def _settle(problem: Problem, x: Real, work: Work, levels: int) -> float:
    """Round phases to levels, then take the best level of one element after the other.

    Ends when no change of a single element helps.

    Returns:
        The objective.
    """
    grid = 2.0 * math.pi / levels
    elements = problem.real.shape[0]
    gradient = np.empty(len(x))
    for n in range(elements):
        x[n] = np.round(x[n] / grid) * grid
    best = evaluate(problem, x, gradient, work)
    improved = True
    while improved:
        improved = False
        for n in range(elements):
            kept = x[n]
            for level in range(levels):
                before = x[n]
                x[n] = level * grid
                reflect(problem, x, work)
                respond(problem, x, work)
                rate = rate_of(problem, work)
                # What rounding errors gain would lead in circles.
                if rate > best + 1e-10 * max(1.0, abs(best)):
                    best, kept, improved = rate, x[n], True
                else:
                    x[n] = before
            x[n] = kept
    return best


@njit(cache=True, error_model="numpy")
def ascend(
    real: Real,
    imag: Real,
    direct: Complex,
    rho: Real,
    offset: float,
    law: tuple[float, float, float],
    levels: int,
    paper_model: bool,
    variables: Real,
    iterations: int,
    tolerance: float,
) -> tuple[Real, NDArray[np.integer[Any]]]:
    """Climb from every start of every block.

    Args:
        real: part of the cascaded channels, (B, N, K M).
        imag: part.
        direct: paths, (B, K, M).
        rho: of each block, (B,).
        offset: 1 for zero forcing, 0 for the minimum mean square error.
        law: beta_min, mu and kappa of the amplitude.
        levels: of the phases; 0 is continuous.
        paper_model: whether reflections are normalised as in the code of Saglam et al.
        variables: starts, (B, S, N or N + K); moved to where the climbs end.
        iterations: most of one climb.
        tolerance: a climb ends after a step that gains less than this share of the rate.

    Returns:
        The objectives and the iterations, each (B, S).
    """
    blocks, starts = variables.shape[:2]
    values = np.empty((blocks, starts))
    counts = np.empty((blocks, starts), np.int64)
    work = workspace(real.shape[1], direct.shape[1], direct.shape[2])
    for b in range(blocks):
        problem = Problem(real[b], imag[b], direct[b], rho[b], offset, *law, paper_model)
        for s in range(starts):
            x = variables[b, s]
            values[b, s], counts[b, s] = _climb(problem, x, work, iterations, tolerance)
            if levels:
                values[b, s] = _settle(problem, x, work, levels)
    return values, counts
