"""Normal numbers that hang on a key and a counter alone, so that none need be stored.

A counter-based generator: the mixing function of SplitMix64 (Steele, Lea & Flood 2014) hashes key
and counter to 64 bits, and Box and Muller's transform makes normal numbers of two halves.

References:
    Steele, G. L., Lea, D., & Flood, C. H. (2014). Fast splittable pseudorandom number generators.
    OOPSLA '14, 453-472.
"""

from __future__ import annotations

import math

import numba
import numpy as np

_STRIDE = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_LOW = np.uint64(0xFFFFFFFF)
_UNIT = 1.0 / 2**32


@numba.njit(inline="always")
def normals(key: np.uint64, counter: int) -> tuple[float, float]:
    """Return two independent standard normal numbers."""
    mixed = key + np.uint64(counter) * _STRIDE
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    mixed = mixed ^ (mixed >> np.uint64(31))
    # In (0, 1], so that the logarithm is finite.
    radius = math.sqrt(-2.0 * math.log(((mixed >> np.uint64(32)) + 1.0) * _UNIT))
    angle = 2.0 * math.pi * ((mixed & _LOW) * _UNIT)
    return radius * math.cos(angle), radius * math.sin(angle)
