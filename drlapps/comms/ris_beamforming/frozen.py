"""The numbered channels, and those kept in files so that no library can change them.

Channel ``K`` comes from a generator of its own, whatever its setting. The scattered paths of the
first channels of two sizes stand in ``data/``, as drawn there; the rest is drawn when needed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from drlapps.comms.ris_beamforming.surface import Complex

TEST, VALIDATION, TRAINING = 0x7E57, 0x7A1D, 0x7EA1
"""Streams of numbered channels that have nothing in common."""

_SEED = 0x0815

FOLDER = Path(__file__).parent / "data"

FROZEN = {(4, 16, 4): 50, (8, 64, 8): 10}
"""Channels kept, by antennas, elements and users."""


def generator(number: int, stream: int = TEST) -> np.random.Generator:
    """Return the source of randomness of a numbered channel."""
    return np.random.default_rng([number, stream, _SEED])


def hops(antennas: int, elements: int, users: int, number: int) -> Complex | None:
    """Return the kept paths of H1 and H2, shape (N (M + K),), if the channel is among them."""
    if not 1 <= number <= FROZEN.get((antennas, elements, users), 0):
        return None
    return np.asarray(_kept(antennas, elements, users)[number - 1])


@cache
def _kept(antennas: int, elements: int, users: int) -> Complex:
    with np.load(path(antennas, elements, users), allow_pickle=False) as file:
        both = [file[key].reshape(len(file[key]), -1) for key in ("bs_ris", "ris_user")]
    return np.concatenate(both, axis=1)


def path(antennas: int, elements: int, users: int) -> Path:
    """Return the file of a size."""
    return FOLDER / f"rayleigh-{antennas}x{elements}x{users}.npz"
