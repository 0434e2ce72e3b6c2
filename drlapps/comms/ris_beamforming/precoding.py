"""Precoders for a channel that is given, batched over leading axes.

User k receives ``h_k G s + noise``: ``h`` has shape (..., K, M), a precoder ``g`` (..., M, K), and
``noise`` is a number or an array (...). Every precoder spends the whole power,
``sum |g|^2 = power``. None ever holds a NaN: a user whose channel is zero gets no power, and where
all channels are zero the power is spread evenly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drlapps.comms.ris_beamforming import precoding_kernels
from drlapps.comms.ris_beamforming.surface import Complex, Real

_LOWEST = 1e-14
"""Least noise for which precoders are computed, over the mean power that users can receive."""

_INDEPENDENT = 1e-10
"""Part of a user's channel that no other user's explains, below which zero forcing skips it."""


def user_rates(h: Complex, g: Complex, noise: ArrayLike) -> Real:
    """Return the users' rates in bit/s/Hz, (..., K); infinite without noise and interference."""
    received = np.abs(h @ g) ** 2
    wanted = np.diagonal(received, axis1=-2, axis2=-1)
    cross = received * (1.0 - np.eye(received.shape[-1]))
    rest = cross.sum(axis=-1) + np.asarray(noise, float)[..., None]
    ratio = np.where(wanted > 0.0, np.inf, 0.0)
    np.divide(wanted, rest, out=ratio, where=rest > 0.0)
    return np.asarray(np.log2(1.0 + ratio))


def sum_rate(h: Complex, g: Complex, noise: ArrayLike) -> Real:
    """Return the sum of the users' rates in bit/s/Hz, (...)."""
    return np.asarray(user_rates(h, g, noise).sum(axis=-1))


def mrt(h: Complex, power: float) -> Complex:
    """Return maximum ratio transmission: each stream along its user's channel, equal powers."""
    return full_power(_unit(_adjoint(h)), power)


def zf(h: Complex, power: float) -> Complex:
    """Return zero forcing with equal power per stream.

    User k's rate is ``log2(1 + power / (K noise C_kk))``, ``C = (H H^H)^-1``. Where H has no K
    independent rows (K > M, say), no precoder keeps all users apart: as many as the rank are
    served, chosen greedily by the part of their channel that the users already chosen do not
    explain (semi-orthogonal user selection; Yoo & Goldsmith 2006), and the others get no power.
    """
    return full_power(_unit(_inverse(h)), power)


def zf_water_filling(h: Complex, power: float, noise: ArrayLike) -> Complex:
    """Return zero forcing whose powers maximise the sum rate; users are chosen as in :func:`zf`."""
    inverse = _inverse(h)
    cost = (np.abs(inverse) ** 2).sum(axis=-2)
    floors = np.where(cost > 0.0, np.asarray(noise, float)[..., None] * cost, np.inf)
    return full_power(_unit(inverse) * np.sqrt(_water(floors, power))[..., None, :], power)


def rzf(h: Complex, power: float, noise: ArrayLike) -> Complex:
    """Return regularised zero forcing, ``H^H (H H^H + rho I)^-1`` with ``rho = K noise / power``.

    One factor scales all streams to the power (Peel et al. 2005).
    """
    return full_power(_receivers(h, power, noise)[0], power)


def mmse(h: Complex, power: float, noise: ArrayLike) -> Complex:
    """Return the precoder that gives the rates of the uplink with equal powers.

    With ``A = (H H^H + rho I)^-1``, ``rho = K noise / power``, the minimum mean square error
    receivers of that uplink give the users ``-log2(rho A_kk)``. By duality (Viswanath & Tse 2003)
    their directions ``H^H a_k`` reach the same rates in the downlink with powers of the same sum,
    which solve K linear equations. (More than these rates where a user's channel is zero: its
    power goes to the others.)
    """
    directions, error = _receivers(h, power, noise)
    heard = _diagonal(h @ directions).real
    safe = np.where(heard > 0.0, heard, 1.0)
    users = range(h.shape[-2])
    system = -_squares(error) / safe[..., None, :]
    system[..., users, users] = _diagonal(error).real
    powers = np.linalg.solve(system, np.ones_like(heard)[..., None])[..., 0]
    powers = np.where(heard > 0.0, np.maximum(powers, 0.0) / safe, 0.0)
    return full_power(directions * np.sqrt(powers)[..., None, :], power)


def wmmse(
    h: Complex,
    power: float,
    noise: ArrayLike,
    start: Complex,
    iterations: int = 50,
    tolerance: float = 1e-8,
) -> Complex:
    """Return a precoder improved by weighted-MMSE iterations (Shi et al. 2011).

    The noise is scaled by the power used, ``noise * sum|g|^2 / power``, which needs no search for
    the multiplier of the power constraint and leaves the problem as it is (Hu et al. 2020). No
    iteration lowers the sum rate. A stream without power stays so.

    Args:
        h: channels, (..., K, M).
        power: total power.
        noise: at each user.
        start: precoder to begin with, (..., M, K); several starts are one more leading axis.
        iterations: the most.
        tolerance: relative gain of the sum rate at which a precoder is left as it is.
    """
    users, antennas = h.shape[-2:]
    lead = np.broadcast_shapes(h.shape[:-2], start.shape[:-2], np.shape(noise))
    noise = _noise(h, power, noise)
    basis = None
    if antennas > users:  # Good precoders lie in the span of the channels.
        basis, triangle = np.linalg.qr(_adjoint(h))
        h, start = _adjoint(triangle), _adjoint(basis) @ start
    rows = int(np.prod(lead))
    g = np.array(np.broadcast_to(start, lead + start.shape[-2:]), complex, order="C")
    flat = np.broadcast_to(h, lead + h.shape[-2:]).reshape(rows, users, -1)
    precoding_kernels.wmmse(
        np.ascontiguousarray(flat),
        power,
        np.broadcast_to(noise, lead).ravel(),
        g.reshape(rows, -1, users),
        iterations,
        tolerance,
    )
    return full_power(g if basis is None else basis @ g, power)


def polished(h: Complex, power: float, noise: ArrayLike) -> Complex:
    """Return the better of zero forcing with water filling and :func:`mmse`, both by WMMSE."""
    starts = np.stack([zf_water_filling(h, power, noise), mmse(h, power, noise)])
    found = wmmse(h, power, noise, starts)
    rates = sum_rate(h, found, noise)
    return np.asarray(np.where((rates[0] >= rates[1])[..., None, None], found[0], found[1]))


def _adjoint(matrix: Complex) -> Complex:
    return np.asarray(np.swapaxes(matrix, -1, -2).conj())


def _diagonal(matrix: Complex) -> Complex:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _squares(matrix: Complex) -> Real:
    return np.asarray(matrix.real**2 + matrix.imag**2)


def _unit(g: Complex) -> Complex:
    """Return the columns with norm 1, or 0 where they are zero."""
    norms = np.sqrt(_squares(g).sum(axis=-2, keepdims=True))
    return np.asarray(g / np.where(norms > 0.0, norms, 1.0))


def full_power(g: Complex, power: float) -> Complex:
    """Return the precoders scaled to the power; an even one for each that is zero."""
    used = _squares(g).sum(axis=(-2, -1), keepdims=True)
    even = g.shape[-2] * g.shape[-1]
    g = np.where(used > 0.0, g, 1.0)
    return np.asarray(g * np.sqrt(power / np.where(used > 0.0, used, even)))


def _noise(h: Complex, power: float, noise: ArrayLike) -> Real:
    """Return the noise, (...), raised to where numbers of double precision can tell it."""
    mean = _squares(h).sum(axis=(-2, -1)) / h.shape[-2]
    return np.asarray(np.maximum(noise, np.maximum(_LOWEST * power * mean, 1e-100)))


def _receivers(h: Complex, power: float, noise: ArrayLike) -> tuple[Complex, Complex]:
    """Return ``V = H^H A``, (..., M, K), and the covariance of errors ``rho A = I - H V``.

    Of the two forms of each the better conditioned is taken: that with the smaller inverse.
    """
    users, antennas = h.shape[-2:]
    rho = (users * _noise(h, power, noise) / power)[..., None, None]
    other = _adjoint(h)
    if users <= antennas:
        inverse = np.linalg.inv(h @ other + rho * np.eye(users))
        return other @ inverse, rho * inverse
    directions = np.linalg.inv(other @ h + rho * np.eye(antennas)) @ other
    return directions, np.eye(users) - h @ directions


def _inverse(h: Complex) -> Complex:
    """Return the right inverse of the independent rows, (..., M, K); 0 in the others' columns."""
    taken = _independent(h)
    return np.asarray(np.linalg.pinv(h * taken[..., None], rcond=1e-15) * taken[..., None, :])


def _independent(h: Complex) -> Real:
    """Return 1 for the rows that pivoted Gram-Schmidt takes, 0 for the others, (..., K)."""
    users = h.shape[-2]
    rest = h
    norms = _squares(h).sum(axis=-1)
    least = _INDEPENDENT**2 * norms.max(axis=-1, keepdims=True, initial=0.0)
    taken = np.zeros(norms.shape)
    for _ in range(min(h.shape[-2:])):
        sizes = np.where(taken > 0.0, 0.0, _squares(rest).sum(axis=-1))
        best = np.eye(users)[sizes.argmax(axis=-1)]
        best = best * (sizes > least)
        taken += best
        row = _unit(np.swapaxes(best[..., None, :] @ rest, -1, -2))
        rest = rest - (rest @ row.conj()) @ np.swapaxes(row, -1, -2)
    return np.asarray(taken)


def _water(floors: Real, power: float) -> Real:
    """Return the powers that fill floors (..., K) to one level; none where they are infinite."""
    order = np.sort(floors, axis=-1)
    filled = np.where(np.isfinite(order), order, 0.0)
    counts = np.arange(1, order.shape[-1] + 1)
    levels = (power + np.cumsum(filled, axis=-1)) / counts
    full = np.isfinite(order) & (levels > order)
    last = np.maximum(full.sum(axis=-1, keepdims=True) - 1, 0)
    level = np.take_along_axis(levels, last, axis=-1)
    return np.asarray(np.where(np.isfinite(floors), np.maximum(level - floors, 0.0), 0.0))
