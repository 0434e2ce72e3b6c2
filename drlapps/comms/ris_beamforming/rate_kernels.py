"""Closed-form rates and their gradients by the phases, as Numba kernels.

All rates are ``sum_k log2(offset + 1 / (rho A_kk))`` with ``A = (H H^H + (1 - offset) rho I)^-1``
and ``rho = K noise / power``: zero forcing with equal powers has offset 1, the minimum mean square
error in the dual uplink offset 0. With ``H`` scaled by row, the dual uplink has unequal powers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from drlapps.comms.ris_beamforming.surface import Complex, Real

SUMS = {"reassoc", "contract", "nsz"}
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
def reflect(problem: Problem, variables: Real, work: Work) -> None:
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


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _total(part: Real) -> float:
    """Return what the paper's code divides a part of all reflections by."""
    total = math.sqrt(2.0) * np.abs(part).sum()
    return total if total > 0.0 else 1.0


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def respond(problem: Problem, variables: Real, work: Work) -> None:
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
def rate_of(problem: Problem, work: Work) -> float:
    """Return the objective of the matrix H, which the inverse is left of."""
    if not _invert(work, (1.0 - problem.offset) * problem.rho):
        return -math.inf
    rate = 0.0
    for k in range(len(work.inverse)):
        rate += math.log2(problem.offset + 1.0 / (problem.rho * work.inverse[k, k].real))
    return rate


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def evaluate(problem: Problem, variables: Real, gradient: Real, work: Work) -> float:
    """Return the objective in bit/s/Hz and set its gradient."""
    reflect(problem, variables, work)
    respond(problem, variables, work)
    rate = rate_of(problem, work)
    if rate == -math.inf:
        gradient[:] = 0.0
        return rate
    _pull_on_channel(problem, gradient[problem.real.shape[0] :], work)
    _pull_on_phases(problem, gradient, work)
    return rate


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _pull_on_channel(problem: Problem, tilt: Real, work: Work) -> None:
    """Set derivatives by what the elements add to the channel, and by the uplink's powers.

    ``d rate = 2 / ln 2 Re tr(W conj(H) dH^T)`` with ``W = A diag(weight) A``.
    """
    matrix, inverse, product, flat = work.matrix, work.inverse, work.factor, work.flat
    users, antennas = matrix.shape
    product[:] = 0.0
    for k in range(users):
        diagonal = inverse[k, k].real
        weight = 1.0 / (diagonal * (problem.offset * problem.rho * diagonal + 1.0))
        for i in range(users):
            for j in range(users):
                product[i, j] += weight * inverse[i, k] * inverse[k, j]
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


@njit(cache=True, error_model="numpy", fastmath=SUMS)
def _pull_on_phases(problem: Problem, gradient: Real, work: Work) -> None:
    """Set the derivatives by the phases."""
    flat, (elements, entries) = work.flat, problem.real.shape
    for n in range(elements):
        a, b = 0.0, 0.0
        for j in range(entries):
            a += problem.real[n, j] * flat[0, j] - problem.imag[n, j] * flat[1, j]
            b -= problem.real[n, j] * flat[1, j] + problem.imag[n, j] * flat[0, j]
        gradient[n] = work.law[1, n] * (a * work.scaled[0, n] + b * work.scaled[1, n])
        work.pull[0, n], work.pull[1, n] = work.law[0, n] * a, work.law[0, n] * b
    if problem.paper_model:
        _through_normalisation(work)
    for n in range(elements):
        gradient[n] += work.pull[1, n] * work.circle[0, n] - work.pull[0, n] * work.circle[1, n]


@njit(cache=True, error_model="numpy")
def _through_normalisation(work: Work) -> None:
    """Turn derivatives by normalised numbers into those by the numbers before."""
    for part in range(2):
        total = _total(work.circle[part])
        along = math.sqrt(2.0) * (work.pull[part] * work.scaled[part]).sum()
        for n in range(work.pull.shape[1]):
            sign = np.sign(work.circle[part, n])
            work.pull[part, n] = (work.pull[part, n] - sign * along) / total
