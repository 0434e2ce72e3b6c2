"""Counter-based normal numbers."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from scipy import stats

from drlapps.control.motors.noise import normals

MASK = 2**64 - 1


@numba.njit
def many(key: np.uint64, count: int) -> np.ndarray:
    out = np.empty((count, 2))
    for k in range(count):
        out[k, 0], out[k, 1] = normals(key, k)
    return out


def plain(key: int, counter: int) -> tuple[float, float]:
    """The same in Python's integers."""
    mixed = (key + counter * 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    mixed ^= mixed >> 31
    radius = math.sqrt(-2.0 * math.log(((mixed >> 32) + 1) / 2**32))
    angle = 2.0 * math.pi * (mixed & 0xFFFFFFFF) / 2**32
    return radius * math.cos(angle), radius * math.sin(angle)


def test_they_are_those_of_plain_python() -> None:
    found = many(np.uint64(2**62 + 12345), 50)
    wanted = [plain(2**62 + 12345, k) for k in range(50)]
    assert found == pytest.approx(np.array(wanted), abs=1e-12)


def test_the_hash_is_splitmix64() -> None:
    # First output of SplitMix64 with seed 1234567 as its reference implementation prints it.
    mixed = (1234567 + 0x9E3779B97F4A7C15) & MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    assert mixed ^ (mixed >> 31) == 6457827717110365317


def test_they_are_normal_and_independent() -> None:
    found = many(np.uint64(7), 50_000)
    for column in found.T:
        assert stats.kstest(column, "norm").pvalue > 1e-3
    pairs = [found, found[:-1] * 1.0]
    assert abs(np.corrcoef(pairs[0].T)[0, 1]) < 0.02
    assert abs(np.corrcoef(found[:-1, 0], found[1:, 0])[0, 1]) < 0.02
    other = many(np.uint64(8), 50_000)
    assert abs(np.corrcoef(found[:, 0], other[:, 0])[0, 1]) < 0.02
