"""Frequency-resolved optical gating: the picture by which a laboratory knows its pulses.

A second-harmonic FROG trace (Trebino et al. 1997) is the spectrum of the pulse multiplied by its
own delayed copy, ``|FFT_t[ E(t) E(t - tau) ]|^2``. It is made from the complex field: two pulses of
one intensity but different phases have different traces. It does not tell a pulse from its mirror
image in time.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from drlapps.control.laser_pulse.pulse import SAMPLE_PS

Complexes = NDArray[np.complex128]
Bytes = NDArray[np.uint8]

SIZE = 64
"""Delays and frequencies of a trace."""

_EVERY = 2
"""Every so many samples of the field one of the trace."""

DELAY_PS = _EVERY * SAMPLE_PS
"""Between two delays; the trace reaches 16 ps to either side."""

SPACING_THZ = 1.0 / (SIZE * DELAY_PS)
"""Between two frequencies of the second harmonic."""


def intensities(fields: Complexes) -> NDArray[np.float64]:
    """Return the traces, (B, delays, frequencies), both from the lowest up, the largest value 1.

    Args:
        fields: in time, (B, M), circular, twice as often sampled as need be.
    """
    peaks = np.argmax(fields.real**2 + fields.imag**2, axis=1)
    # The field for twice the trace's time, the peak in the middle: delayed copies reach that far.
    places = (np.arange(2 * SIZE) - SIZE) * _EVERY
    around = np.take_along_axis(fields, (peaks[:, None] + places) % fields.shape[1], axis=1)
    times = np.arange(SIZE) + SIZE // 2
    delays = np.arange(SIZE) - SIZE // 2
    gated = around[:, None, times] * around[:, times[None, :] - delays[:, None]]
    spectra = fft.fftshift(fft.fft(gated, axis=2, workers=1), axes=2)
    traces: NDArray[np.float64] = spectra.real**2 + spectra.imag**2
    return np.asarray(traces / traces.max(axis=(1, 2), keepdims=True))


def images(fields: Complexes) -> Bytes:
    """Return the traces as grey pictures, (B, 1, SIZE, SIZE), 255 at the brightest."""
    return np.asarray(np.rint(255.0 * intensities(fields))[:, None], np.uint8)
