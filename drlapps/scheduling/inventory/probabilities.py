"""Probabilities of whole numbers 0, 1, 2, ... as arrays: sums, mixtures, moments, quantiles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from drlapps.errors import InputError

Floats: TypeAlias = npt.NDArray[np.float64]

TAIL = 1e-12
"""Probability mass that is cut off the tail of an unbounded law."""

LONGEST = 10_000_000
"""Most entries of an array of probabilities."""

_DIRECT = 2_000


def support(at_least: Callable[[int], float], mean: float) -> Floats:
    """Return 0, 1, ..., n - 1 for the smallest n that demand reaches with less than :data:`TAIL`.

    Args:
        at_least: ``P(D >= n)`` as a function of ``n > 0``.
        mean: roughly where to look.

    Raises:
        InputError: that is more than :data:`LONGEST` numbers.
    """
    low, high = 0, max(8, int(2 * mean))
    while at_least(high) >= TAIL:
        low, high = high, 2 * high
        check_length(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if at_least(middle) >= TAIL else (low, middle)
    check_length(high)
    return np.arange(high, dtype=np.float64)


def check_length(most: float) -> None:
    """Refuse a law whose demand reaches so far that an array of probabilities is no help."""
    if most > LONGEST:
        raise InputError(f"demand of more than {LONGEST} units a period is too much to tabulate")


def bin_weights(values: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Return the sum of the weights of all values that round to 0, to 1, to 2, ..."""
    places = np.rint(values).astype(np.int64)
    return np.bincount(places, weights).astype(np.float64)


def normalised(weights: Floats) -> Floats:
    """Scale weights to add up to 1."""
    scaled: Floats = weights / weights.sum()
    return scaled


def convolve(first: Floats, second: Floats) -> Floats:
    """Return the probabilities of the sum of two independent numbers."""
    if min(len(first), len(second)) <= _DIRECT:
        return np.convolve(first, second)
    length = len(first) + len(second) - 1
    size = 1 << (length - 1).bit_length()
    spectrum = np.fft.rfft(first, size) * np.fft.rfft(second, size)
    return np.maximum(np.fft.irfft(spectrum, size)[:length], 0.0)


def product(pmfs: Sequence[Floats]) -> Floats:
    """Return the probabilities of the sum of independent numbers; 0 if there are none."""
    return reduce(convolve, pmfs, np.ones(1))


def power(pmf: Floats, count: int) -> Floats:
    """Return the probabilities of the sum of ``count`` independent numbers of the same law."""
    total = np.ones(1)
    while count:
        if count % 2:
            total = convolve(total, pmf)
        count //= 2
        pmf = convolve(pmf, pmf) if count else pmf
    return total


def mixture(pmfs: Sequence[Floats]) -> Floats:
    """Return the probabilities of a number whose law is picked at random."""
    mixed = np.zeros(max(map(len, pmfs)))
    for pmf in pmfs:
        mixed[: len(pmf)] += pmf / len(pmfs)
    return mixed


def first_above(pmf: Floats, q: float) -> int:
    """Return the smallest number that is not exceeded with probability ``q``, to rounding."""
    place = int(np.searchsorted(np.cumsum(pmf), q - TAIL))
    return min(place, len(pmf) - 1)


def moments(values: Floats, pmf: Floats) -> tuple[float, float]:
    """Return mean and variance of ``values`` of the given probabilities."""
    mean = float(values @ pmf)
    return mean, float((values - mean) ** 2 @ pmf)
