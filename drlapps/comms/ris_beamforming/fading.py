"""Draws channels: scattered paths, lines of sight, distances, time and estimates.

The surface's channels are H1 (N, M), from the base station, and H2 (N, K), to the users; user k's
cascaded channel is ``H2[n, k] H1[n, m]``. Entries have unit mean power at the nominal position, so
that powers and noise are relative to it.

*Scattered paths* are independent CN(0, 1) (Rayleigh). *Rician* channels are

    sqrt(F / (F + 1)) line of sight + sqrt(1 / (F + 1)) scattered paths

with factor F, for H1 and H2; the base station is a uniform linear array, the surface a uniform
planar one, both of half a wavelength's spacing. Directions lie evenly within 60 degrees of
broadside and 30 degrees of the horizon. The direct path is blocked or scattered, never in sight.

*Path loss* follows the layout of Guo et al. 2020 (Weighted sum-rate maximization for reconfigurable
intelligent surface aided wireless networks, IEEE Transactions on Wireless Communications 19(5),
section VI): base station and surface stand :data:`SPAN` apart, users evenly in a disc of
:data:`RADIUS` around a point :data:`REACH` off the surface. Only what differs between users counts
here: power falls by 22 dB a decade of distance from the surface, and by 36.7 dB a decade of that
from the base station on the direct path, from 1 at the disc's centre.

*Time*: from block to block the scattered paths of each hop (and of the direct path) follow a
stationary Gauss-Markov process,

    next = rho now + sqrt(1 - rho^2) CN(0, 1);

:func:`jakes_correlation` tells the rho of a speed. Sight and places stay.

*Estimates* err by CN(0, variance) in each entry. They are taken every ``pilot_period`` blocks and
held in between, and so age.

Randomness is drawn in one order: H1, H2, the direct path, places, directions, the later blocks,
errors of the estimates. Equal generators give equal channels, and equal errors but for their scale,
whatever the power, the amplitude law, the noise and the variance of the errors.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.comms.ris_beamforming.surface import Complex, Real

SPAN, REACH, RADIUS = 200.0, 30.0, 10.0
"""Metres: base station to surface, surface to the middle of the users, radius of their disc."""

SURFACE_EXPONENT, DIRECT_EXPONENT = 2.2, 3.67

LIGHT_SPEED = 299_792_458.0

_AZIMUTH, _ELEVATION = math.pi / 3.0, math.pi / 6.0
_SCALE = math.sqrt(0.5)


def draw(
    setting: Setting, rng: np.random.Generator, name: str, hops: Complex | None = None
) -> Channel:
    """Draw the channels of a setting.

    Args:
        setting: what is drawn.
        rng: source of randomness.
        name: of the channel.
        hops: the first block's scattered paths of H1 and H2, row after row, in place of those
            drawn; shape (N (M + K),).
    """
    drawn = _scattered(rng, setting.elements * (setting.antennas + setting.users))
    hops = drawn if hops is None else hops
    if _plain(setting):
        cascaded = cascade(*split(hops, setting))[None]
        direct = blocked(setting)
        return Channel(name, setting, cascaded, direct, cascaded, direct)
    return _drawn(setting, rng, name, hops)


def cascade(bs_ris: Complex, ris_user: Complex) -> Complex:
    """Return the cascaded channel (..., K, N, M) of H1 (..., N, M) and H2 (..., N, K)."""
    return np.asarray(ris_user.swapaxes(-1, -2)[..., None] * bs_ris[..., None, :, :])


def split(hops: Complex, setting: Setting) -> tuple[Complex, Complex]:
    """Return H1 (..., N, M) and H2 (..., N, K) of the numbers (..., N (M + K)) drawn for them."""
    elements, middle = setting.elements, setting.elements * setting.antennas
    lead = hops.shape[:-1]
    return (
        hops[..., :middle].reshape(*lead, elements, setting.antennas),
        hops[..., middle:].reshape(*lead, elements, setting.users),
    )


def blocked(setting: Setting) -> Complex:
    """Return a direct path that is none, shape (T, K, M); not to be written to."""
    return _zeros(setting.blocks, setting.users, setting.antennas)


@cache
def _zeros(*shape: int) -> Complex:
    return np.zeros(shape, dtype=np.complex128)


def _plain(setting: Setting) -> bool:
    """Tell whether there is but one block of scattered paths, perfectly known."""
    return (
        setting.fading == "rayleigh"
        and setting.blocks == 1
        and setting.csi_error_variance == 0.0
        and not setting.direct
        and not setting.path_loss
    )


def _scattered(rng: np.random.Generator, *shape: int) -> Complex:
    """Draw CN(0, 1)."""
    numbers = rng.standard_normal((*shape[:-1], 2 * shape[-1]))
    numbers *= _SCALE
    return numbers.view(np.complex128)


def _drawn(setting: Setting, rng: np.random.Generator, name: str, hops: Complex) -> Channel:
    """Draw all that comes after the first block's scattered paths of the two hops."""
    users, antennas = setting.users, setting.antennas
    first = np.concatenate([hops, _scattered(rng, users * antennas * setting.direct)])
    gains = path_gains(rng, users) if setting.path_loss else np.ones((2, users))
    sight = _sight(setting, rng) if setting.fading == "rician" else None
    paths = _evolved(first, setting, rng)
    bs_ris, ris_user = split(paths[:, : hops.size], setting)
    if sight is not None:
        factor = setting.rician_factor
        ahead, around = math.sqrt(factor / (factor + 1.0)), math.sqrt(1.0 / (factor + 1.0))
        bs_ris, ris_user = ahead * sight[0] + around * bs_ris, ahead * sight[1] + around * ris_user
    cascaded = cascade(bs_ris, np.sqrt(gains[0]) * ris_user)
    direct = blocked(setting)
    if setting.direct:
        scattered = paths[:, hops.size :].reshape(-1, users, antennas)
        direct = np.sqrt(gains[1])[:, None] * scattered
    return Channel(name, setting, cascaded, direct, *estimates(setting, rng, cascaded, direct))


def path_gains(rng: np.random.Generator, users: int) -> Real:
    """Place users and return the mean power of their paths, shape (2, K): surface, direct."""
    radius = RADIUS * np.sqrt(rng.random(users))
    angle = 2.0 * np.pi * rng.random(users)
    x, y = radius * np.cos(angle), REACH + radius * np.sin(angle)
    surface = np.hypot(x, y) / REACH
    direct = np.hypot(SPAN + x, y) / math.hypot(SPAN, REACH)
    return np.stack([surface**-SURFACE_EXPONENT, direct**-DIRECT_EXPONENT])


def _sight(setting: Setting, rng: np.random.Generator) -> tuple[Complex, Complex]:
    """Draw directions and return the lines of sight, shapes (N, M) and (N, K)."""
    azimuth = _AZIMUTH * rng.uniform(-1.0, 1.0, 2 + setting.users)
    elevation = _ELEVATION * rng.uniform(-1.0, 1.0, 1 + setting.users)
    departure = np.exp(1j * np.pi * np.arange(setting.antennas) * np.sin(azimuth[0]))
    planes = planar_response(setting.elements, azimuth[1:], elevation)
    return planes[:, :1] * departure, planes[:, 1:]


def planar_response(elements: int, azimuth: Real, elevation: Real) -> Complex:
    """Return the response (N, D) of the surface's array to D directions (radians).

    Elements stand in rows, row after row, in as square a rectangle as their number allows.
    """
    rows = max(n for n in range(1, math.isqrt(elements) + 1) if elements % n == 0)
    up, along = np.divmod(np.arange(elements), elements // rows)
    wave = np.outer(along, np.sin(azimuth) * np.cos(elevation)) + np.outer(up, np.sin(elevation))
    return np.asarray(np.exp(1j * np.pi * wave))


def _evolved(first: Complex, setting: Setting, rng: np.random.Generator) -> Complex:
    """Return the scattered paths (T, n) of all blocks, given those (n,) of the first."""
    kept = setting.correlation
    fresh = math.sqrt(1.0 - kept**2) * _scattered(rng, setting.blocks - 1, len(first))
    paths = [first]
    for innovation in fresh:
        paths.append(kept * paths[-1] + innovation)
    return np.stack(paths)


def estimates(
    setting: Setting, rng: np.random.Generator, cascaded: Complex, direct: Complex
) -> tuple[Complex, Complex]:
    """Draw what policies see in each block: the last estimates.

    Args:
        setting: how far they err, and how long they are held.
        rng: source of randomness.
        cascaded: true channels, shape (T, K, N, M).
        direct: shape (T, K, M).
    """
    if setting.pilot_period == 1 and setting.csi_error_variance == 0.0:
        return cascaded, direct
    blocks = np.arange(setting.blocks)
    last = blocks // setting.pilot_period
    seen, straight = (array[:: setting.pilot_period] for array in (cascaded, direct))
    if setting.csi_error_variance > 0.0:
        spread = math.sqrt(setting.csi_error_variance)
        seen = seen + spread * _scattered(rng, *seen.shape)
        if setting.direct:
            straight = straight + spread * _scattered(rng, *straight.shape)
    return seen[last], straight[last]


def jakes_correlation(speed: float, carrier: float, block: float) -> float:
    """Return the correlation of scattered paths from one block to the next.

    ``J0(2 pi f_D T)`` with the Doppler frequency ``f_D = speed carrier / c`` (Clarke 1968, Jakes
    1974).

    Args:
        speed: of the receiver in m/s.
        carrier: frequency in Hz.
        block: T, length of a block in seconds.
    """
    from scipy.special import j0

    return float(j0(2.0 * math.pi * speed * carrier / LIGHT_SPEED * block))
