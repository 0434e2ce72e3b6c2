"""What the controller senses: rates, gradients and observations of many surfaces at once.

Every kernel loops over the ``rows`` it is given and leaves the others alone. Sizes of a row are in
``sizes`` (K, N, M); the arrays hold the largest. Complex numbers are split into real and imaginary
planes and elements stand last, so that the innermost loops run in vector registers.

The objective is the sum rate of uplink MMSE reception with equal powers, which duality makes
reachable in the downlink: with ``rho = K noise / P`` and ``A = (H H^H + rho I)^-1`` user k gets
``-log2(rho A_kk)``. With ``a_k`` column k of A, an element's reflection ``phi_n`` changes it by

    d(-log2 A_kk) = (2 / ln 2) Re(d phi_n a_k^H C_n H^H a_k) / A_kk.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]

ELEMENT_COLUMNS = 15
USER_COLUMNS = 5
PHYSICS = 9
BETA_MIN, MU, KAPPA, STEP, POWER, NOISE, ERROR, DIRECT, PAPER = range(PHYSICS)
"""Columns of ``physics``: the believed amplitude law, the step of the shifters in radians (0 is
continuous), power, noise, error variance, whether there is a direct path, whether reflections are
normalised as by :mod:`.paper`."""

_TINY = 1e-9
_LIMIT = 10.0
_PER_LN2 = 2.0 / math.log(2.0)


@njit(cache=True, fastmath=True)
def reflect(
    rows: Array,
    phases: Array,
    sizes: Array,
    physics: Array,
    shown: Array,
    phi: Array,
    law: Array,
    noise: Array,
) -> None:
    """Work out what the elements reflect.

    Args:
        rows: which rows, shape (R,).
        phases: radians, shape (B, N).
        sizes: shape (B, 3).
        physics: shape (B, 9).
        shown: phases that the shifters show, written, shape (B, N).
        phi: real and imaginary part of the reflections, written, shape (B, 2, N).
        law: amplitude and its derivative, cosine and sine of the phase, written, shape (B, 4, N).
        noise: what a controller has to reckon with, written, shape (B,): what the estimates of the
            channels err acts like noise in proportion to the power.
    """
    for row in rows:
        beta_min, mu = physics[row, BETA_MIN], physics[row, MU]
        kappa, step = physics[row, KAPPA], physics[row, STEP]
        for n in range(sizes[row, 1]):
            theta = phases[row, n]
            if step > 0.0:
                theta = round(theta / step) * step
            shown[row, n] = theta
            beta, slope = 1.0, 0.0
            if beta_min < 1.0:
                lift = 0.5 * (math.sin(theta - mu) + 1.0)
                beta = (1.0 - beta_min) * lift**kappa + beta_min
                if lift > 0.0:
                    slope = (1.0 - beta_min) * kappa * lift ** (kappa - 1.0)
                    slope *= 0.5 * math.cos(theta - mu)
            cosine, sine = math.cos(theta), math.sin(theta)
            law[row, 0, n], law[row, 1, n] = beta, slope
            law[row, 2, n], law[row, 3, n] = cosine, sine
            phi[row, 0, n], phi[row, 1, n] = beta * cosine, beta * sine
        if physics[row, PAPER] > 0.0:
            for part in range(2):
                total = 0.0
                for n in range(sizes[row, 1]):
                    total += abs(law[row, 2 + part, n])
                scale = 1.0 / (math.sqrt(2.0) * total) if total > 0.0 else 0.0
                for n in range(sizes[row, 1]):
                    phi[row, part, n] *= scale
        gain = physics[row, DIRECT]
        for n in range(sizes[row, 1]):
            gain += phi[row, 0, n] ** 2 + phi[row, 1, n] ** 2
        noise[row] = physics[row, NOISE] + physics[row, POWER] * physics[row, ERROR] * gain


@njit(cache=True, fastmath=True)
def respond(
    rows: Array, cascaded: Array, direct: Array, phi: Array, sizes: Array, matrix: Array
) -> None:
    """Work out the channel matrices H.

    Args:
        rows: which rows, shape (R,).
        cascaded: shape (B, 2, K, M, N).
        direct: shape (B, 2, K, M).
        phi: shape (B, 2, N).
        sizes: shape (B, 3).
        matrix: H, written, complex, shape (B, K, M).
    """
    for row in rows:
        users, elements, antennas = sizes[row, 0], sizes[row, 1], sizes[row, 2]
        for k in range(users):
            for m in range(antennas):
                real, imag = direct[row, 0, k, m], direct[row, 1, k, m]
                for n in range(elements):
                    p, q = phi[row, 0, n], phi[row, 1, n]
                    c, d = cascaded[row, 0, k, m, n], cascaded[row, 1, k, m, n]
                    real += p * c - q * d
                    imag += p * d + q * c
                matrix[row, k, m] = complex(real, imag)


@njit(cache=True, fastmath=True)
def invert(
    rows: Array, matrix: Array, sizes: Array, physics: Array, noise: Array, inverse: Array,
    filters: Array, rates: Array,
) -> None:  # fmt: skip
    """Work out A = (H H^H + rho I)^-1, the MMSE filters H^H A and the users' rates.

    Args:
        rows: which rows, shape (R,).
        matrix: H, shape (B, K, M).
        sizes: shape (B, 3).
        physics: shape (B, 9).
        noise: to reckon with, shape (B,).
        inverse: A, written, shape (B, K, K).
        filters: written, shape (B, M, K).
        rates: -log2(rho A_kk), written, shape (B, K).
    """
    largest = matrix.shape[1]
    lower = np.empty((largest, largest), dtype=np.complex128)
    column = np.empty(largest, dtype=np.complex128)
    for row in rows:
        users, antennas = sizes[row, 0], sizes[row, 2]
        rho = users * noise[row] / physics[row, POWER]
        for i in range(users):
            for j in range(i + 1):
                entry = complex(rho, 0.0) if i == j else 0j
                for m in range(antennas):
                    entry += matrix[row, i, m] * matrix[row, j, m].conjugate()
                for q in range(j):
                    entry -= lower[i, q] * lower[j, q].conjugate()
                if i == j:
                    lower[i, i] = math.sqrt(entry.real)
                else:
                    lower[i, j] = entry / lower[j, j].real
        for k in range(users):
            for i in range(users):
                entry = 1.0 + 0j if i == k else 0j
                for q in range(k, i):
                    entry -= lower[i, q] * column[q]
                column[i] = entry / lower[i, i].real if i >= k else 0j
            for back in range(users):
                i = users - 1 - back
                entry = column[i]
                for q in range(i + 1, users):
                    entry -= lower[q, i].conjugate() * column[q]
                column[i] = entry / lower[i, i].real
                inverse[row, i, k] = column[i]
            rates[row, k] = -math.log2(rho * inverse[row, k, k].real)
            for m in range(antennas):
                entry = 0j
                for i in range(users):
                    entry += matrix[row, i, m].conjugate() * inverse[row, i, k]
                filters[row, m, k] = entry


@njit(cache=True, fastmath=True)
def differentiate(
    rows: Array, cascaded: Array, inverse: Array, filters: Array, law: Array, sizes: Array,
    pull: Array,
) -> None:  # fmt: skip
    """Work out q_kn = (2 / ln 2) exp(j theta_n) a_k^H C_n H^H a_k / A_kk.

    The rate of user k changes with the phase of element n by Re((j beta + beta') q_kn).

    Args:
        rows: which rows, shape (R,).
        cascaded: shape (B, 2, K, M, N).
        inverse: A, shape (B, K, K).
        filters: shape (B, M, K).
        law: shape (B, 4, N).
        sizes: shape (B, 3).
        pull: q, written, shape (B, 2, K, N).
    """
    for row in rows:
        users, elements, antennas = sizes[row, 0], sizes[row, 1], sizes[row, 2]
        for k in range(users):
            for n in range(elements):
                pull[row, 0, k, n] = pull[row, 1, k, n] = 0.0
            scale = _PER_LN2 / inverse[row, k, k].real
            for i in range(users):
                for m in range(antennas):
                    weight = inverse[row, i, k].conjugate() * filters[row, m, k] * scale
                    p, q = weight.real, weight.imag
                    for n in range(elements):
                        c, d = cascaded[row, 0, i, m, n], cascaded[row, 1, i, m, n]
                        pull[row, 0, k, n] += p * c - q * d
                        pull[row, 1, k, n] += p * d + q * c
            for n in range(elements):
                c, s = law[row, 2, n], law[row, 3, n]
                p, q = pull[row, 0, k, n], pull[row, 1, k, n]
                pull[row, 0, k, n] = p * c - q * s
                pull[row, 1, k, n] = p * s + q * c


@njit(cache=True, fastmath=True)
def describe(
    rows: Array, left: Array, pull: Array, law: Array, rates: Array, noise: Array, sizes: Array,
    physics: Array, increments: Array, fresh: Array, value: Array, before: Array, seen: Array,
) -> None:  # fmt: skip
    """Write values and observations.

    What observations say of the decision before is read from the last ones.

    Args:
        rows: which rows, shape (R,).
        left: share of their block's decisions that is left, shape (R,).
        pull: shape (B, 2, K, N).
        law: shape (B, 4, N).
        rates: shape (B, K).
        noise: to reckon with, shape (B,).
        sizes: shape (B, 3).
        physics: shape (B, 9).
        increments: of the last decision, in units of pi, shape (B, N).
        fresh: whether there is no decision before, shape (B,).
        value: sum of the rates, written, shape (B,).
        before: the same before the last decision, written where there is none, shape (B,).
        seen: observations, read and written, shape (B, N, 15 + 5 K).
    """
    gradient = np.empty(seen.shape[1])
    for at, row in enumerate(rows):
        users, elements = sizes[row, 0], sizes[row, 1]
        total = 0.0
        for k in range(users):
            total += rates[row, k]
        value[row] = total
        if fresh[row]:
            before[row] = total
        strength, steep = 0.0, 0.0
        for n in range(elements):
            gradient[n] = 0.0
            for k in range(users):
                real, imag = pull[row, 0, k, n], pull[row, 1, k, n]
                gradient[n] += law[row, 1, n] * real - law[row, 0, n] * imag
                strength += real * real + imag * imag
            steep += gradient[n] ** 2
        strength = math.sqrt(strength / (users * elements)) + _TINY
        steep = math.sqrt(steep / elements) + _TINY
        flat = 1.0 - physics[row, BETA_MIN]
        cosine_mu, sine_mu = flat * math.cos(physics[row, MU]), flat * math.sin(physics[row, MU])
        steepness, strength_now = math.log10(steep) / 3.0, math.log10(strength) / 3.0
        snr = math.log10(physics[row, POWER] / noise[row]) / 6.0
        error = math.log10(noise[row] / physics[row, NOISE]) / 6.0
        gained = _clipped((total - before[row]) / (2.0 * users))
        for n in range(elements):
            cosine, sine = law[row, 2, n], law[row, 3, n]
            line = seen[row, n]
            line[6] = 0.0 if fresh[row] else line[5]
            line[8] = 0.0 if fresh[row] else line[7]
            line[0] = 1.0
            line[1] = law[row, 0, n]
            line[2] = sine * cosine_mu - cosine * sine_mu
            line[3] = cosine * cosine_mu + sine * sine_mu
            line[4] = increments[row, n]
            line[5] = _clipped(gradient[n] / steep)
            line[7] = steepness
            line[9] = strength_now
            line[10] = _clipped(snr)
            line[11] = left[at]
            line[12] = _clipped(error)
            line[13] = gained
            line[14] = _clipped(total / (20.0 * users))
            for k in range(users):
                column = ELEMENT_COLUMNS + USER_COLUMNS * k
                for part in range(2):
                    last = line[column + part]
                    line[column + 2 + part] = 0.0 if fresh[row] else last
                    line[column + part] = _clipped(pull[row, part, k, n] / strength)
                line[column + 4] = _clipped((rates[row, k] - total / users) / 5.0)


@njit(cache=True, fastmath=True, inline="always")
def _clipped(number: float) -> float:
    return min(max(number, -_LIMIT), _LIMIT)


@njit(cache=True, fastmath=True)
def move(
    rows: Array, wanted: Array, absolute: bool, sizes: Array, phases: Array, increments: Array,
    value: Array, before: Array, fresh: Array,
) -> None:  # fmt: skip
    """Change phases.

    Args:
        rows: which rows, shape (R,).
        wanted: in units of pi, clipped to [-1, 1] here, shape (R, N).
        absolute: whether phases are wanted, rather than increments.
        sizes: shape (B, 3).
        phases: radians, written, shape (B, N).
        increments: in units of pi, written, shape (B, N).
        value: present value, shape (B,).
        before: the present value becomes what was before, written, shape (B,).
        fresh: becomes false, shape (B,).
    """
    for at, row in enumerate(rows):
        for n in range(sizes[row, 1]):
            change = min(max(wanted[at, n], -1.0), 1.0)
            if absolute:
                change -= phases[row, n] / math.pi
            increments[row, n] = change
            phases[row, n] += math.pi * change
        before[row] = value[row]
        fresh[row] = False
