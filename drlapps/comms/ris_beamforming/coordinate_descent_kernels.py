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
    """Improve every start's reflections and precoder in place.

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
    taken = np.zeros(len(reflections), np.int64)
    h = np.empty((users, antennas), np.complex128)
    t = np.empty((users, users), np.complex128)
    through = np.empty((elements, users, users), np.complex128)
    filtered = np.empty(users, np.complex128)
    weight = np.empty(users)
    system = np.empty((antennas, antennas), np.complex128)
    for s in range(len(reflections)):
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
            share = power_of(g) / power
            received(h, g, t)
            unknown = noise + power * error * reflected
            rate = receivers(t, share * unknown, filtered, weight)
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
                    # The weighted error is curvature |phi_n|^2 + 2 Re(conj(phi_n) slope).
                    curvature = penalty
                    slope = 0.0j
                    for k in range(users):
                        linear = 0.0j
                        square = 0.0
                        for j in range(users):
                            path = through[n, k, j]
                            linear += path.conjugate() * t[k, j]
                            square += squared(path)
                        slope += weight[k] * (linear - phi[n] * square)
                        slope -= filtered[k] * through[n, k, k].conjugate()
                        curvature += weight[k] * square
                    best = phi[n]
                    if len(levels) == 0:
                        modulus = np.sqrt(squared(slope))
                        if modulus > 0.0:
                            best = -slope / modulus
                            theta[n] = np.arctan2(best.imag, best.real)
                    else:
                        least = _value(curvature, slope, best)
                        angle = theta[n]
                        for i in range(len(levels)):
                            value = _value(curvature, slope, levels[i])
                            if value < least:
                                least, best, angle = value, levels[i], angles[i]
                        if len(law):
                            near = _refined(curvature, slope, law, angle)
                            level = _reflection(law, near)
                            if _value(curvature, slope, level) < least:
                                best, angle = level, near
                        theta[n] = angle
                    move = best - phi[n]
                    reflected += squared(best) - squared(phi[n])
                    phi[n] = best
                    for k in range(users):
                        for j in range(users):
                            t[k, j] += move * through[n, k, j]
    return taken
