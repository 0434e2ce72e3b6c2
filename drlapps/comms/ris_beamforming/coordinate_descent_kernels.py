"""WMMSE and phase block-coordinate descent as a Numba kernel, one problem with many starts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming.precoding_kernels import (
    Complex,
    Real,
    power_of,
    received,
    receivers,
    squared,
    transmitter,
)

STEP = 2.0 * np.pi / 64
"""Distance of the phases tried first where the amplitude depends on the phase."""


@njit(inline="always")
def _reflection(law: Real, angle: float) -> complex:
    """Return beta(angle) exp(j angle); ``law`` is beta_min, mu, kappa."""
    lift = 0.5 * (np.sin(angle - law[1]) + 1.0)
    beta = (1.0 - law[0]) * lift ** law[2] + law[0]
    return complex(beta * np.cos(angle), beta * np.sin(angle))


@njit(inline="always")
def _value(curvature: float, slope: complex, phi: complex) -> float:
    """Return ``curvature |phi|^2 + 2 Re(conj(phi) slope)``."""
    return curvature * squared(phi) + 2.0 * (phi.real * slope.real + phi.imag * slope.imag)


@njit(inline="always")
def _parabola(
    phi: complex, t: Complex, through: Complex, filtered: Complex, weight: Real
) -> tuple[float, complex]:
    """Return curvature and slope of the weighted error as a function of one reflection.

    Args:
        phi: the reflection as it is.
        t: what each user receives of each stream, (K, K).
        through: what of it comes by the element, per unit of ``phi``, (K, K).
        filtered: receiver times weight, (K,).
        weight: of each user's received power, (K,).
    """
    curvature = 0.0
    slope = 0.0j
    for k in range(t.shape[0]):
        rest = 0.0j
        for j in range(t.shape[0]):
            path = through[k, j]
            rest += path.conjugate() * (t[k, j] - phi * path)
            curvature += weight[k] * squared(path)
        slope += weight[k] * rest - filtered[k] * through[k, k].conjugate()
    return curvature, slope


@njit(inline="always")
def _refined(curvature: float, slope: complex, law: Real, angle: float) -> float:
    """Return the least point near an angle, by parabolas through ever closer points."""
    width = STEP
    for _ in range(3):
        low = _value(curvature, slope, _reflection(law, angle - width))
        middle = _value(curvature, slope, _reflection(law, angle))
        high = _value(curvature, slope, _reflection(law, angle + width))
        bend = low - 2.0 * middle + high
        if bend > 0.0:
            angle += min(max(0.5 * (low - high) / bend, -1.0), 1.0) * width
        width *= 0.125
    return angle


@njit(inline="always")
def _best(
    curvature: float,
    slope: complex,
    law: Real,
    angles: Real,
    levels: Complex,
    angle: float,
    phi: complex,
) -> tuple[float, complex]:
    """Return phase and reflection of least weighted error; those given if there are none less."""
    modulus = np.sqrt(squared(slope))
    if len(levels) == 0:
        if modulus > 0.0:
            phi = -slope / modulus
            angle = np.arctan2(phi.imag, phi.real)
    else:
        least = _value(curvature, slope, phi)
        for i in range(len(levels)):
            value = _value(curvature, slope, levels[i])
            if value < least:
                least, phi, angle = value, levels[i], angles[i]
        if len(law):
            near = _refined(curvature, slope, law, angle)
            level = _reflection(law, near)
            if _value(curvature, slope, level) < least:
                phi, angle = level, near
    return angle, phi


@njit(cache=True, error_model="numpy")
def alternate(
    cascaded: Complex,
    direct: Complex,
    power: float,
    noise: float,
    error: float,
    law: Real,
    angles: Real,
    levels: Complex,
    phases: Real,
    reflections: Complex,
    precoders: Complex,
    log: Real,
    sweeps: int,
    tolerance: float,
) -> NDArray[Any]:
    """Improve every start's phases and precoder in place.

    Args:
        cascaded: (N, K, M).
        direct: (K, M).
        power: total power.
        noise: at each user, positive.
        error: variance of each entry of ``cascaded``; noise in proportion to what is reflected.
        law: beta_min, mu, kappa, if phases between ``angles`` can be had; else empty.
        angles: phases to try, (L,); empty where the best is known, all phases reflecting all.
        levels: what they reflect, (L,).
        phases: (S, N); changed.
        reflections: of the phases, (S, N); changed.
        precoders: (S, M, K); changed, their power left as it comes.
        log: sum rate before each iteration and after the last, (S, iterations + 1); written, the
            last rate repeated to the end.
        sweeps: times that an iteration visits each element.
        tolerance: relative gain of an iteration at which a start stops.

    Returns:
        Iterations of each start, (S,).
    """
    elements, users, antennas = cascaded.shape
    taken = np.zeros(len(phases), np.int64)
    h = np.empty((users, antennas), np.complex128)
    t = np.empty((users, users), np.complex128)
    through = np.empty((elements, users, users), np.complex128)
    filtered = np.empty(users, np.complex128)
    weight = np.empty(users)
    system = np.empty((antennas, antennas), np.complex128)
    for s in range(len(phases)):
        theta, phi, g = phases[s], reflections[s], precoders[s]
        before = -1.0
        for step in range(log.shape[1]):
            reflected = 0.0
            h[:] = direct
            for n in range(elements):
                reflected += squared(phi[n])
                for k in range(users):
                    for m in range(antennas):
                        h[k, m] += phi[n] * cascaded[n, k, m]
            received(h, g, t)
            unknown = noise + power * error * reflected
            rate = receivers(t, unknown * power_of(g) / power, filtered, weight)
            log[s, step:] = rate
            loading = unknown / power * weight.sum()
            if rate - before <= tolerance * rate or loading <= 0.0 or step == log.shape[1] - 1:
                break
            before = rate
            taken[s] += 1
            transmitter(h, filtered, weight, loading, system, g)
            share = power_of(g) / power
            received(h, g, t)
            for n in range(elements):
                received(cascaded[n], g, through[n])
            for _ in range(sweeps):
                receivers(t, share * (noise + power * error * reflected), filtered, weight)
                penalty = share * power * error * weight.sum()
                for n in range(elements):
                    curvature, slope = _parabola(phi[n], t, through[n], filtered, weight)
                    angle, best = _best(
                        curvature + penalty, slope, law, angles, levels, theta[n], phi[n]
                    )
                    move = best - phi[n]
                    reflected += squared(best) - squared(phi[n])
                    theta[n], phi[n] = angle, best
                    for k in range(users):
                        for j in range(users):
                            t[k, j] += move * through[n, k, j]
    return taken
