"""Phase ascent as Numba kernels: closed-form rates, their gradients, L-BFGS, search over levels.

All rates are ``sum_k log2(offset + 1 / (rho A_kk))`` with ``A = (H H^H + (1 - offset) rho I)^-1``
and ``rho = K noise / power``: zero forcing with equal powers has offset 1, the minimum mean square
error in the dual uplink offset 0. With ``H`` scaled by row, the dual uplink has unequal powers.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming.surface import Complex, Real

HISTORY = 8
"""Steps from which L-BFGS knows the curvature."""

_ARMIJO, _CURVATURE = 1e-4, 0.9
_TRIALS = 30
_FIRST_MOVE = 0.3
"""Largest change of a variable in a step that knows no curvature, in radians."""

_SUMS = {"reassoc", "contract", "nsz"}
"""What lets sums be vectorised, infinities still be what they are."""


class Problem(NamedTuple):
    """One block and one objective.

    The variables are N phases, behind them K logarithms of relative uplink powers, or none.
    """

    real: Real
    """Of the cascaded channel, shape (N, K M)."""
    imag: Real
    direct: Complex
    """Shape (K, M)."""
    rho: float
    offset: float
    beta_min: float
    mu: float
    kappa: float
    paper_model: bool


class Work(NamedTuple):
    """Arrays that evaluations overwrite; where two rows stand for real and imaginary parts."""

    circle: Real
    """exp(j theta), (2, N)."""
    scaled: Real
    """The same, normalised if need be, (2, N)."""
    law: Real
    """Amplitudes and their derivatives by the phase, (2, N)."""
    pull: Real
    """Derivatives of the objective, (2, N): by reflections, then by what they come from."""
    flat: Real
    """A K x M matrix, (2, K M)."""
    share: Real
    """Relative uplink powers, of mean 1, (K,)."""
    matrix: Complex
    """H, (K, M)."""
    inverse: Complex
    """A, (K, K)."""
    factor: Complex
    """Of Cholesky, then a product, (K, K)."""


@njit(cache=True, error_model="numpy")
def workspace(elements: int, users: int, antennas: int) -> Work:
    """Return the arrays for problems of this size."""
    return Work(
        np.empty((2, elements)),
        np.empty((2, elements)),
        np.empty((2, elements)),
        np.empty((2, elements)),
        np.empty((2, users * antennas)),
        np.ones(users),
        np.empty((users, antennas), np.complex128),
        np.empty((users, users), np.complex128),
        np.empty((users, users), np.complex128),
    )


@njit(cache=True, error_model="numpy")
def _reflect(problem: Problem, variables: Real, work: Work) -> None:
    """Set what the phases make of reflections."""
    loss = 1.0 - problem.beta_min
    circle, law = work.circle, work.law
    for n in range(circle.shape[1]):
        angle = variables[n]
        circle[0, n], circle[1, n] = math.cos(angle), math.sin(angle)
        law[0, n], law[1, n] = 1.0, 0.0
        if loss > 0.0:
            # Below kappa = 1 the law is infinitely steep at its bottom.
            lift = max(0.5 * (math.sin(angle - problem.mu) + 1.0), 1e-12)
            curve = loss * lift**problem.kappa
            law[0, n] = curve + problem.beta_min
            law[1, n] = 0.5 * problem.kappa * curve / lift * math.cos(angle - problem.mu)
    for part in range(2):
        scale = 1.0 / _total(circle[part]) if problem.paper_model else 1.0
        for n in range(circle.shape[1]):
            work.scaled[part, n] = scale * circle[part, n]


@njit(cache=True, error_model="numpy", fastmath=_SUMS)
def _total(part: Real) -> float:
    """Return what the paper's code divides a part of all reflections by."""
    total = math.sqrt(2.0) * np.abs(part).sum()
    return total if total > 0.0 else 1.0


@njit(cache=True, error_model="numpy", fastmath=_SUMS)
def _channel(problem: Problem, variables: Real, work: Work) -> None:
    """Set the matrix H, its rows scaled by the roots of the relative uplink powers."""
    real, imag, flat, share = problem.real, problem.imag, work.flat, work.share
    users, antennas = problem.direct.shape
    elements = real.shape[0]
    flat[:] = 0.0
    for n in range(elements):
        a, b = work.law[0, n] * work.scaled[0, n], work.law[0, n] * work.scaled[1, n]
        for j in range(users * antennas):
            flat[0, j] += a * real[n, j] - b * imag[n, j]
            flat[1, j] += a * imag[n, j] + b * real[n, j]
    if len(variables) > elements:
        highest = variables[elements:].max()
        for k in range(users):
            share[k] = math.exp(variables[elements + k] - highest)
        share *= users / share.sum()
    for k in range(users):
        root = math.sqrt(share[k])
        for m in range(antennas):
            j = k * antennas + m
            work.matrix[k, m] = root * (problem.direct[k, m] + complex(flat[0, j], flat[1, j]))


@njit(cache=True, error_model="numpy")
def _invert(work: Work, ridge: float) -> bool:
    """Set the inverse of H H^H + ridge I, and say whether there is one."""
    matrix, factor, inverse = work.matrix, work.factor, work.inverse
    users, antennas = matrix.shape
    for i in range(users):
        for j in range(i + 1):
            entry = complex(ridge if i == j else 0.0, 0.0)
            for m in range(antennas):
                entry += matrix[i, m] * matrix[j, m].conjugate()
            size = entry.real
            for k in range(j):
                entry -= factor[i, k] * factor[j, k].conjugate()
            if i == j:
                if not entry.real > 1e-14 * size:
                    return False
                factor[i, i] = math.sqrt(entry.real)
            else:
                factor[i, j] = entry / factor[j, j].real
    for j in range(users):  # the factor's inverse, in its place
        factor[j, j] = 1.0 / factor[j, j].real
        for i in range(j + 1, users):
            entry = 0.0j
            for k in range(j, i):
                entry -= factor[i, k] * factor[k, j]
            factor[i, j] = entry / factor[i, i].real
    for i in range(users):
        for j in range(i + 1):
            entry = 0.0j
            for k in range(i, users):
                entry += factor[k, i].conjugate() * factor[k, j]
            inverse[i, j] = entry
            inverse[j, i] = entry.conjugate()
    return True


@njit(cache=True, error_model="numpy")
def _rate(problem: Problem, work: Work) -> float:
    """Return the objective of the matrix H, which the inverse is left of."""
    if not _invert(work, (1.0 - problem.offset) * problem.rho):
        return -math.inf
    rate = 0.0
    for k in range(len(work.inverse)):
        rate += math.log2(problem.offset + 1.0 / (problem.rho * work.inverse[k, k].real))
    return rate


@njit(cache=True, error_model="numpy", fastmath=_SUMS)
def evaluate(problem: Problem, variables: Real, gradient: Real, work: Work) -> float:
    """Return the objective in bit/s/Hz and set its gradient."""
    _reflect(problem, variables, work)
    _channel(problem, variables, work)
    rate = _rate(problem, work)
    if rate == -math.inf:
        gradient[:] = 0.0
        return rate
    matrix, inverse, product, flat = work.matrix, work.inverse, work.factor, work.flat
    users, antennas = matrix.shape
    elements = problem.real.shape[0]
    # d rate = 2 Re tr(W conj(H) dH^T), W = A diag(weight) A.
    for i in range(users):
        for j in range(i + 1):
            entry = 0.0j
            for k in range(users):
                diagonal = inverse[k, k].real
                weight = 1.0 / (diagonal * (problem.offset * problem.rho * diagonal + 1.0))
                entry += weight * inverse[i, k] * inverse[k, j]
            product[i, j] = entry
            product[j, i] = entry.conjugate()
    tilt = gradient[elements:]
    for k in range(users):
        root, along = math.sqrt(work.share[k]), 0.0
        for m in range(antennas):
            entry = 0.0j
            for i in range(users):
                entry += product[i, k] * matrix[i, m].conjugate()
            along += (entry * matrix[k, m]).real
            flat[0, k * antennas + m] = 2.0 * root / math.log(2.0) * entry.real
            flat[1, k * antennas + m] = 2.0 * root / math.log(2.0) * entry.imag
        if len(tilt):
            tilt[k] = along / math.log(2.0)
    if len(tilt):
        tilt -= work.share * (tilt.sum() / users)
    for n in range(elements):
        a, b = 0.0, 0.0
        for j in range(users * antennas):
            a += problem.real[n, j] * flat[0, j] - problem.imag[n, j] * flat[1, j]
            b -= problem.real[n, j] * flat[1, j] + problem.imag[n, j] * flat[0, j]
        gradient[n] = work.law[1, n] * (a * work.scaled[0, n] + b * work.scaled[1, n])
        work.pull[0, n], work.pull[1, n] = work.law[0, n] * a, work.law[0, n] * b
    if problem.paper_model:
        _through_normalisation(work)
    for n in range(elements):
        gradient[n] += work.pull[1, n] * work.circle[0, n] - work.pull[0, n] * work.circle[1, n]
    return rate


@njit(cache=True, error_model="numpy")
def _through_normalisation(work: Work) -> None:
    """Turn derivatives by normalised numbers into those by the numbers before."""
    for part in range(2):
        total = _total(work.circle[part])
        along = math.sqrt(2.0) * (work.pull[part] * work.scaled[part]).sum()
        for n in range(work.pull.shape[1]):
            sign = np.sign(work.circle[part, n])
            work.pull[part, n] = (work.pull[part, n] - sign * along) / total


@njit(cache=True, error_model="numpy", fastmath=_SUMS)
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
                _reflect(problem, x, work)
                _channel(problem, x, work)
                rate = _rate(problem, work)
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
