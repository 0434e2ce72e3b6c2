"""What comes out of the laser: pulses in time from the settings of stretcher and compressor.

The model is that of Capuano et al. (2023). With the amplified field ``A(nu)``, the phases ``phi``
of stretcher and compressor, ``w = 2 pi (nu - nu_0)``::

    phi(w) = GDD w^2 / 2 + TOD w^3 / 6 + FOD w^4 / 24
    u(t)   = IFFT[ A exp(i phi_stretcher) ]
    v(t)   = u exp(i B |u|^2 / max |u|^2)
    e(t)   = IFFT[ FFT[v] exp(i phi_compressor) ]

``|e|^2`` is the pulse. With ``B = 0`` and opposite phases it is the transform limit, ``sum(A)^2``
at its peak: none is higher, as phases cannot do more than agree. What it takes is one transform of
5000 points there and back, and one of 10 000 for the pulse, in which the field between samples is
interpolated to the last digits (:mod:`.kernels`): padding with 30 000 zeros, as published, shows no
more.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from drlapps.control.laser_pulse import kernels
from drlapps.control.laser_pulse.spectrum import (
    CARRIER,
    CUT,
    POINTS,
    SPACING,
    amplitudes,
    dispersion,
    frequencies,
)

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

CHUNK = 16
"""Pulses that are computed together: their fields fit into the cache."""

SAMPLE_PS = 1e12 / (2 * POINTS * SPACING)
"""Time between two samples of the field, in ps."""

_REACH = max(CARRIER - CUT[0], CUT[1] - CARRIER)
_OFFSETS = (frequencies() - CARRIER) / _REACH
_TURNS = np.array([(2.0 * math.pi * _REACH) ** n / math.factorial(n) for n in (2, 3, 4)]) / (
    2.0 * math.pi
)
"""Turns of the phase at the farthest frequency, per unit of GDD, TOD and FOD."""

_LIMIT = (amplitudes().sum() / (2 * POINTS)) ** 2
"""Peak intensity of the transform limit, in the units of the inverse transform."""


class Pulses(NamedTuple):
    """Measures of a batch of pulses, (B,) each.

    Attributes:
        share: peak intensity as a share of the transform limit's.
        fwhm_ps: time from the first to the last moment at half of the peak intensity.
        duration_ps: standard deviation of time under the squared intensity.
        skewness: of time under the squared intensity; negative when the leading edge is slow.
    """

    share: Floats
    fwhm_ps: Floats
    duration_ps: Floats
    skewness: Floats


def fields(psi: Floats, b_integral: Floats, compressor: Floats) -> Complexes:
    """Return the compressed fields in time, (B, 2 POINTS), circular, :data:`SAMPLE_PS` apart.

    Args:
        psi: settings of the stretcher, (B, 3), each within [0, 1].
        b_integral: (B,).
        compressor: GDD, TOD and FOD that the compressor takes away, (B, 3), in SI units.
    """
    spectra = np.empty((len(psi), POINTS), np.complex128)
    padded = np.empty((len(psi), 2 * POINTS), np.complex128)
    kernels.stretch(_OFFSETS, amplitudes(), dispersion(psi) * _TURNS, spectra)
    stretched = fft.ifft(spectra, axis=1, overwrite_x=True, workers=1)
    kernels.self_modulate(b_integral, stretched)
    spectra = fft.fft(stretched, axis=1, overwrite_x=True, workers=1)
    kernels.compress(_OFFSETS, -compressor * _TURNS, spectra, padded)
    return np.asarray(fft.ifft(padded, axis=1, overwrite_x=True, workers=1))


def evaluate(psi: Floats, b_integral: Floats, compressor: Floats) -> Pulses:
    """Return the measures of the pulses; arguments as for :func:`fields`."""
    return evaluate_with_fields(psi, b_integral, compressor, keep=False)[0]


def evaluate_with_fields(
    psi: Floats, b_integral: Floats, compressor: Floats, *, keep: bool
) -> tuple[Pulses, Complexes]:
    """Return the measures and, where they are to be kept, the fields of :func:`fields`."""
    measures = np.empty((len(psi), 4))
    kept = np.empty((len(psi) if keep else 0, 2 * POINTS), np.complex128)
    for first in range(0, len(psi), CHUNK):
        rows = slice(first, first + CHUNK)
        found = fields(psi[rows], b_integral[rows], compressor[rows])
        kernels.measure(found, measures[rows])
        if keep:
            kept[rows] = found
    peak, width, deviation, skewness = measures.T
    pulses = Pulses(peak / _LIMIT, width * SAMPLE_PS, deviation * SAMPLE_PS, skewness)
    return pulses, kept
