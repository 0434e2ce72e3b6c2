"""The laser's spectrum, its frequencies and the bounds of its stretcher.

All numbers are those of the L1 pump laser as published with Capuano et al. (2023), but for the
spectrum. Theirs is a measurement; this one is a closed form: three Gaussians on a slope, amplified
in 50 passes by a Lorentzian line of Yb:YAG, and fitted to what a pulse model makes of the measured
one. Shares of the transform limit at the phase conjugate agree within 0.0003 at any B-integral up
to 3.5, and at the optima within 0.0006.

Widths published for it, 1.395 ps at the transform limit and 1.54 ps at the optimum with B = 2,
count samples 0.0734 ps apart; the form is fitted to both within 0.5 %. Interpolated between
samples, the measured spectrum has 1.418 and 1.556 ps: the form is broader in frequency by 1.4 %.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

POINTS = 5000
"""Frequencies at which the spectrum is known."""

CUT = (289.95e12, 291.91e12)
"""First and last frequency, in Hz."""

CARRIER = 290.848e12
"""Frequency about which phases are expanded, in Hz."""

SPACING = (CUT[1] - CUT[0]) / (POINTS - 1)
"""Distance of neighbouring frequencies, in Hz; its inverse is the time that one sees, 2.55 ns."""

PASSES = 50
"""Passes through the amplifying crystal."""

COMPRESSOR = (2.67422e-22, -2.384e-36, 9.54893e-50)
"""GDD, TOD and FOD that the compressor takes away, in s^2, s^3, s^4."""

LOWEST = (2.3522e-22, -1.003635e-34, 4.774465e-50)
HIGHEST = (2.99624e-22, 9.55955e-35, 1.4323395e-49)
"""Bounds of the stretcher's GDD, TOD and FOD, in s^2, s^3, s^4."""

_GAUSSIANS = ((1.0, -0.0723, 0.1565), (0.4138, 0.1407, 0.1094), (0.1778, -0.0935, 0.0205))
"""Height, centre and half-width at 1/e in THz from the carrier, of the oscillator's intensity."""

_PEDESTAL = (-2.631, 2.487)
"""Logarithm of the intensity of what lies below them, at the carrier and its rise per THz."""

_GAIN = (-0.048, 1.8)
"""Centre of the gain line in THz from the carrier, and its half-width at half maximum."""


def frequencies() -> Floats:
    """Return the frequencies in Hz, (POINTS,)."""
    return np.linspace(*CUT, POINTS)


@cache
def amplitudes() -> Floats:
    """Return the amplified field's amplitudes, (POINTS,), the largest 1; read-only."""
    offset = (frequencies() - CARRIER) * 1e-12
    intensity = np.exp(_PEDESTAL[0] + _PEDESTAL[1] * offset)
    for height, centre, width in _GAUSSIANS:
        intensity += height * np.exp(-(((offset - centre) / width) ** 2))
    centre, width = _GAIN
    gain = 1.0 / (1.0 + ((offset - centre) / width) ** 2)
    field: Floats = np.sqrt(intensity) * gain ** (PASSES / 2)
    field /= field.max()
    field.flags.writeable = False
    return field


def dispersion(psi: Floats) -> Floats:
    """Return GDD, TOD and FOD of settings (..., 3) of the stretcher, each within [0, 1]."""
    low, high = np.array(LOWEST), np.array(HIGHEST)
    return np.asarray(low + (high - low) * psi)


def setting(coefficients: Floats) -> Floats:
    """Return the settings, each within [0, 1], of GDD, TOD and FOD (..., 3); clipped."""
    low, high = np.array(LOWEST), np.array(HIGHEST)
    return np.asarray(np.clip((coefficients - low) / (high - low), 0.0, 1.0))
