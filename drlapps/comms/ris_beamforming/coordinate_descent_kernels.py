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


@njit(cache=True, error_model="numpy")
def alternate(
    cascaded: Complex,
    direct: Complex,
    power: float,
    noise: float,
    error: float,
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
        angles: phases that an element can have, (L,); empty where all can be had and reflect all.
        levels: what those phases reflect, (L,).
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
                        least = (best.conjugate() * (curvature * best + 2.0 * slope)).real
                        for i in range(len(levels)):
                            level = levels[i]
                            value = (level.conjugate() * (curvature * level + 2.0 * slope)).real
                            if value < least:
                                least, best, theta[n] = value, level, angles[i]
                    move = best - phi[n]
                    reflected += squared(best) - squared(phi[n])
                    phi[n] = best
                    for k in range(users):
                        for j in range(users):
                            t[k, j] += move * through[n, k, j]
    return taken
