"""The pulse's way through the laser as Numba kernels over a batch; rows are pulses.

Phases are counted in turns: their whole part can be taken off without any error, and what is left
is small enough for polynomials that the compiler turns into vector instructions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

SIDE = 20
"""Samples on each side of a moment from which the field between samples is interpolated."""

_BETA = 0.5 * math.pi * SIDE
"""Shape of the Kaiser window on the interpolating sinc, for a field sampled twice too often."""

_RIVAL = 0.8
"""A sample need not be the largest to lie at the highest peak: the peak is between samples."""

_GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
_PEAK_WIDTH, _EDGE_WIDTH = 1e-7, 1e-13
"""How closely peaks and edges are found, in samples; at a peak the intensity is flat."""


_SINE = tuple((-1.0) ** k / math.factorial(2 * k + 1) for k in range(8))
_COSINE = tuple((-1.0) ** k / math.factorial(2 * k) for k in range(9))
"""Coefficients of Taylor's series, of which an eighth of a turn needs no more."""


@njit(inline="always")
def _unit(turns: float) -> Any:
    """Return cosine and sine of an angle in turns, to the last bits."""
    quarters = 4.0 * (turns - np.rint(turns))
    nearest = np.rint(quarters)
    x = 0.5 * math.pi * (quarters - nearest)
    y = x * x
    sine, cosine = 0.0, 0.0
    for k in range(len(_SINE) - 1, -1, -1):
        sine = sine * y + _SINE[k]
    for k in range(len(_COSINE) - 1, -1, -1):
        cosine = cosine * y + _COSINE[k]
    sine *= x
    odd = nearest == 1.0 or nearest == -1.0
    first, second = (sine, cosine) if odd else (cosine, sine)
    if nearest == 1.0 or nearest == 2.0 or nearest == -2.0:
        first = -first
    if nearest == -1.0 or nearest == 2.0 or nearest == -2.0:
        second = -second
    return first, second


@njit(cache=True)
def stretch(offsets: Floats, amplitudes: Floats, phases: Floats, fields: Complexes) -> None:
    """Write the stretched spectrum.

    Args:
        offsets: frequencies from the carrier, in units of the widest, (N,).
        amplitudes: of the field, (N,).
        phases: turns at offset 1 of second, third and fourth order, (B, 3).
        fields: result, (B, N).
    """
    for row in range(len(fields)):
        second, third, fourth = phases[row]
        field = fields[row]
        for k in range(len(offsets)):
            u = offsets[k]
            cosine, sine = _unit(u * u * (second + u * (third + u * fourth)))
            field[k] = complex(amplitudes[k] * cosine, amplitudes[k] * sine)


@njit(cache=True)
def self_modulate(b_integrals: Floats, fields: Complexes) -> None:
    """Turn the phase of fields in time, (B, N), by B times the intensity over its largest."""
    for row in range(len(fields)):
        field = fields[row]
        largest = 0.0
        for n in range(len(field)):
            value = field[n]
            largest = max(largest, value.real * value.real + value.imag * value.imag)
        scale = b_integrals[row] / (2.0 * math.pi * largest)
        for n in range(len(field)):
            value = field[n]
            intensity = value.real * value.real + value.imag * value.imag
            cosine, sine = _unit(scale * intensity)
            field[n] = value * complex(cosine, sine)


@njit(cache=True)
def compress(offsets: Floats, phases: Floats, fields: Complexes, padded: Complexes) -> None:
    """Write the compressed spectrum with as many zeros around it, its middle at index 0.

    Args:
        offsets: as for :func:`stretch`.
        phases: likewise.
        fields: spectra before the compressor, (B, N) with N even.
        padded: result, (B, 2 N).
    """
    points = len(offsets)
    half = points // 2
    for row in range(len(fields)):
        second, third, fourth = phases[row]
        field, result = fields[row], padded[row]
        result[half : 2 * points - half] = 0.0
        for k in range(points):
            u = offsets[k]
            cosine, sine = _unit(u * u * (second + u * (third + u * fourth)))
            result[k - half if k >= half else k + 2 * points - half] = field[k] * complex(
                cosine, sine
            )


@njit(cache=True)
def _intensity(field: Complexes, moment: float) -> float:
    """Return the intensity at a moment between samples; time is circular."""
    # From the nearest sample: close to it, the sine of a half-turn has lost its digits.
    nearest = round(moment)
    x = moment - nearest
    if x == 0.0:
        exact: float = abs(field[nearest % len(field)]) ** 2
        return exact
    real = imaginary = 0.0
    scale = math.sin(math.pi * x) / math.pi
    for j in range(1 - SIDE, SIDE):
        distance = x - j
        window = math.sqrt(1.0 - (distance / SIDE) ** 2)
        weight = math.exp(_BETA * (window - 1.0)) / distance
        weight = weight if j % 2 == 0 else -weight
        value = field[(nearest + j) % len(field)]
        real += weight * value.real
        imaginary += weight * value.imag
    power: float = scale * scale * (real * real + imaginary * imaginary)
    return power


@njit(cache=True)
def _climb(field: Complexes, sample: int) -> tuple[float, float]:
    """Return moment and height of the peak next to a sample, by golden-section search."""
    low, high = sample - 1.0, sample + 1.0
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = _intensity(field, left), _intensity(field, right)
    while high - low > _PEAK_WIDTH:
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = _intensity(field, left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = _intensity(field, right)
    # The flat top hides the last digits of the moment, but not of the height.
    return 0.5 * (low + high), max(at_left, at_right)


@njit(cache=True)
def _edge(field: Complexes, below: float, above: float, level: float) -> float:
    """Return where the intensity passes the level, by the Illinois method."""
    low, high = _intensity(field, below) - level, _intensity(field, above) - level
    side = 0
    while abs(above - below) > _EDGE_WIDTH * abs(above) and low != high:
        moment = (below * high - above * low) / (high - low)
        value = _intensity(field, moment) - level
        if moment in (below, above) or value == 0.0:
            return moment
        if value < 0.0:
            below, low = moment, value
            high = 0.5 * high if side == -1 else high
            side = -1
        else:
            above, high = moment, value
            low = 0.5 * low if side == 1 else low
            side = 1
    return 0.5 * (below + above)


@njit(cache=True)
def _first_edge(field: Complexes, start: int, step: int, level: float) -> float:
    """Return where the intensity first passes the level on the way from a sample on.

    A peak that no sample shows, as it lies between two that are lower, is found, too.
    """
    samples = len(field)
    before = start
    last = here = _intensity(field, start)
    for n in range(1, samples):
        after = start + n * step
        value = _intensity(field, after)
        if value >= level:
            return _edge(field, after - step, after, level)
        rising = here >= last and here >= value
        if rising and here >= _RIVAL * level and n > 1:
            moment, height = _climb(field, before)
            if height >= level:
                return _edge(field, before - step, moment, level)
        last, here, before = here, value, after
    return float(start)


@njit(cache=True)
def measure(fields: Complexes, measures: Floats) -> None:
    """Measure pulses from their fields in time, which are sampled twice too often.

    The width is that between the first and the last moment at which the intensity is half of its
    peak. Moments weigh with the square of the intensity, as detectors of the second order do.

    Args:
        fields: (B, M), circular in time.
        measures: result, (B, 4): peak intensity; full width at half maximum, standard deviation,
            both in samples; skewness.
    """
    for row in range(len(fields)):
        field = fields[row]
        samples = len(field)
        intensity = np.empty(samples)
        for n in range(samples):
            value = field[n]
            intensity[n] = value.real * value.real + value.imag * value.imag
        threshold = _RIVAL * intensity.max()
        peak, moment = 0.0, 0.0
        for n in range(samples):
            here = intensity[n]
            if here < threshold or here < intensity[n - 1] or here < intensity[(n + 1) % samples]:
                continue
            found, height = _climb(field, n)
            if height > peak:
                peak, moment = height, found
        far = round(moment) - samples // 2
        left = _first_edge(field, far, 1, 0.5 * peak)
        right = _first_edge(field, far + samples, -1, 0.5 * peak)
        weight = first = second = third = 0.0
        for n in range(samples):
            power = intensity[n] * intensity[n]
            t = (n - far) % samples - samples // 2
            weight += power
            first += power * t
            second += power * t * t
            third += power * t * t * t
        mean = first / weight
        variance = max(second / weight - mean * mean, 1e-12)
        central = third / weight - 3.0 * mean * variance - mean * mean * mean
        measures[row, 0] = peak
        measures[row, 1] = right - left
        measures[row, 2] = math.sqrt(variance)
        measures[row, 3] = central / variance**1.5
