"""The weighted-MMSE iterations as a Numba kernel: matrices too small for a call each."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complex128]


@njit(inline="always")
def squared(value: complex) -> float:
    """Return the squared modulus."""
    return value.real * value.real + value.imag * value.imag


@njit(inline="always")
def power_of(g: Complex) -> float:
    """Return the power of a precoder (M, K)."""
    used = 0.0
    for m in range(g.shape[0]):
        for k in range(g.shape[1]):
            used += squared(g[m, k])
    return used


@njit(inline="always")
def received(h: Complex, g: Complex, t: Complex) -> None:
    """Write ``t = h g``, (K, K)."""
    for k in range(h.shape[0]):
        for j in range(g.shape[1]):
            amplitude = 0.0j
            for m in range(g.shape[0]):
                amplitude += h[k, m] * g[m, j]
            t[k, j] = amplitude


@njit(inline="always")
def receivers(t: Complex, noise: float, filtered: Complex, weight: Real) -> float:
    """Write what the next precoder needs to know of the users' MMSE receivers.

    Args:
        t: what each user receives of each stream, (K, K).
        noise: at each user.
        filtered: receiver times weight, ``w_k u_k``, (K,); written.
        weight: of each user's received power in the weighted error, ``w_k |u_k|^2``; written.

    Returns:
        The sum rate.
    """
    rate = 0.0
    product = 1.0
    for k in range(t.shape[0]):
        rest = noise
        for j in range(t.shape[0]):
            if j != k:
                rest += squared(t[k, j])
        whole = rest + squared(t[k, k])
        # w_k = whole / rest: 1 - |t_kk|^2 / whole would lose its digits.
        ratio = whole / rest if rest > 0.0 else 1.0
        receiver = t[k, k] / whole if whole > 0.0 else 0.0j
        filtered[k] = ratio * receiver
        weight[k] = ratio * squared(receiver)
        product *= ratio
        if product > 1e200:
            rate += np.log2(product)
            product = 1.0
    return float(rate + np.log2(product))


@njit(inline="always")
def transmitter(
    h: Complex, filtered: Complex, weight: Real, loading: float, system: Complex, g: Complex
) -> None:
    """Write the precoder ``(sum_k weight_k h_k^H h_k + loading I)^-1 [h_k^H filtered_k]_k``.

    Args:
        h: channel, (K, M).
        filtered: by :func:`receivers`, (K,).
        weight: by :func:`receivers`, (K,).
        loading: positive.
        system: room for (M, M).
        g: the precoder, (M, K); written.
    """
    users, antennas = h.shape
    for i in range(antennas):
        for j in range(i + 1):
            entry = 0.0j
            for k in range(users):
                entry += weight[k] * h[k, i].conjugate() * h[k, j]
            system[i, j] = entry
        system[i, i] += loading
    # Cholesky, with the reciprocals of the pivots on the diagonal.
    for j in range(antennas):
        pivot = system[j, j].real
        for i in range(j):
            pivot -= squared(system[j, i])
        pivot = 1.0 / np.sqrt(max(pivot, 1e-15 * system[j, j].real))
        system[j, j] = pivot
        for i in range(j + 1, antennas):
            entry = system[i, j]
            for m in range(j):
                entry -= system[i, m] * system[j, m].conjugate()
            system[i, j] = entry * pivot
    for k in range(users):
        for i in range(antennas):
            entry = h[k, i].conjugate() * filtered[k]
            for m in range(i):
                entry -= system[i, m] * g[m, k]
            g[i, k] = entry * system[i, i].real
        for i in range(antennas - 1, -1, -1):
            entry = g[i, k]
            for m in range(i + 1, antennas):
                entry -= system[m, i].conjugate() * g[m, k]
            g[i, k] = entry * system[i, i].real


@njit(cache=True, error_model="numpy")
def wmmse(
    channels: Complex,
    power: float,
    noise: Real,
    precoders: Complex,
    iterations: int,
    tolerance: float,
) -> NDArray[Any]:
    """Iterate every row's precoder in place, by :func:`.precoding.wmmse`.

    Args:
        channels: (B, K, M).
        power: total power; the precoders' own is left as it comes.
        noise: at each user, positive, (B,).
        precoders: (B, M, K); changed.
        iterations: the most.
        tolerance: relative gain of an iteration's sum rate at which a row stops.

    Returns:
        Iterations of each row, (B,).
    """
    rows, users, antennas = channels.shape
    taken = np.zeros(rows, np.int64)
    t = np.empty((users, users), np.complex128)
    filtered = np.empty(users, np.complex128)
    weight = np.empty(users)
    system = np.empty((antennas, antennas), np.complex128)
    for b in range(rows):
        h, g = channels[b], precoders[b]
        before = -1.0
        for _ in range(iterations):
            received(h, g, t)
            rate = receivers(t, noise[b] * power_of(g) / power, filtered, weight)
            loading = noise[b] / power * weight.sum()
            if rate - before <= tolerance * rate or loading <= 0.0:
                break
            before = rate
            transmitter(h, filtered, weight, loading, system, g)
            taken[b] += 1
    return taken
