"""An independent check of an episode, from nothing but its settings.

This module shares no code with the environment's pulse model: phases come from powers of the
frequency, transforms from NumPy, and the compressed pulse is measured on its Fourier sum, evaluated
at any moment one likes, in place of samples and what lies between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize_scalar

from drlapps.control.laser_pulse.laser import SAFE_FWHM_PS, Laser
from drlapps.control.laser_pulse.spectrum import (
    CARRIER,
    HIGHEST,
    LOWEST,
    amplitudes,
    frequencies,
)

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]
Integers = NDArray[np.int64]

_PADDED = 2**15
"""Samples of the coarse look at a pulse, between which the Fourier sum decides."""

_BLOCK = 100
_SLACK = 1e-9


def check(instance: Laser, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the laser.
        solution: ``psi``, three settings for each pulse from the first one on; ``steps``, how many
            pulses after the first one an episode may have.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the solution breaks a rule.
    """
    if violations(instance, solution):
        return {"feasible": 0.0}
    psi = np.asarray(solution["psi"], np.float64)
    course = instance.course(int(solution["steps"]))  # type: ignore[call-overload]
    pulses = [
        Pulse(spectrum(setting, b, instance.compressor))
        for setting, b in zip(psi, course, strict=False)
    ]
    rough = [pulse.rough() for pulse in pulses]
    highest = max(share for share, _ in rough)
    # What does not decide need not be known to the last digit.
    shares = [
        p.peak()[1] for p, (share, _) in zip(pulses, rough, strict=True) if share > 0.98 * highest
    ]
    widths = [
        p.width() if abs(width - SAFE_FWHM_PS) < 1.0 else width
        for p, (_, width) in zip(pulses, rough, strict=True)
    ]
    return {
        "intensity_share": pulses[-1].peak()[1],
        "best_share": max(shares),
        "fwhm_ps": pulses[-1].width(),
        "evaluations": float(len(psi)),
        "unsafe_steps": float(sum(width >= SAFE_FWHM_PS for width in widths)),
        "feasible": 1.0,
    }


def violations(instance: Laser, solution: Mapping[str, object]) -> list[str]:
    """Return a sentence for each rule that a solution breaks; none if it is feasible.

    The rules: each pulse has three settings between 0 and 1; the first ones are those in which the
    laser was found; there are no more pulses than the episode has.
    """
    steps = solution.get("steps")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        return ["the solution needs a whole number above 0 under 'steps'"]
    try:
        psi = np.asarray(solution.get("psi"), np.float64)
    except (TypeError, ValueError):
        psi = np.empty(0)
    if psi.ndim != 2 or psi.shape[1] != 3 or not np.isfinite(psi).all():
        return ["the solution needs three finite numbers a pulse under 'psi'"]
    broken = []
    if not 1 <= len(psi) <= steps + 1:
        broken.append(f"there are {len(psi)} pulses, not 1 to {steps + 1}")
    for number in np.flatnonzero(((psi < 0.0) | (psi > 1.0)).any(axis=1)):
        broken.append(f"pulse {number}: a setting is not between 0 and 1")
    if len(psi) and np.abs(psi[0] - instance.start).max() > _SLACK:
        broken.append("pulse 0: the settings are not those of the start")
    return broken


def spectrum(psi: Floats, b_integral: float, compressor: Sequence[float]) -> Complexes:
    """Return the spectrum of a compressed pulse, (POINTS,)."""
    low, high = np.array(LOWEST), np.array(HIGHEST)
    omega = 2.0 * math.pi * (frequencies() - CARRIER)
    powers = np.stack([omega**n / math.factorial(n) for n in (2, 3, 4)])
    stretched = np.fft.ifft(amplitudes() * np.exp(1j * ((low + psi * (high - low)) @ powers)))
    intensity = np.abs(stretched) ** 2
    turned = stretched * np.exp(1j * b_integral * intensity / intensity.max())
    return np.asarray(np.fft.fft(turned) * np.exp(-1j * (np.array(compressor) @ powers)))


class Pulse:
    """A compressed pulse, from its spectrum, (POINTS,).

    Its Fourier sum is regular, so that the factors of a moment are those of every hundredth
    frequency times those of the first hundred.
    """

    def __init__(self, compressed: Complexes) -> None:
        offset = frequencies() - CARRIER
        self._coarse, self._fine = offset[::_BLOCK], offset[:_BLOCK] - offset[0]
        self._terms = compressed.reshape(-1, _BLOCK) / amplitudes().sum()
        padded = np.fft.ifft(self._terms.ravel(), _PADDED) * _PADDED
        self._samples: Floats = np.abs(padded) ** 2
        self._step = 1e12 * (len(offset) - 1) / (offset[-1] - offset[0]) / _PADDED

    def intensity(self, ps: float) -> float:
        """Return the intensity at a moment, as a share of the transform limit's peak."""
        slow, fast = (np.exp(2j * math.pi * 1e-12 * ps * f) for f in (self._coarse, self._fine))
        return float(abs(slow @ self._terms @ fast) ** 2)

    def rough(self) -> tuple[float, float]:
        """Return share and width as the samples have them."""
        _, values = self._around(int(self._samples.argmax()))
        inside = np.flatnonzero(values >= 0.5 * values.max())
        return float(values.max()), float(inside[-1] - inside[0]) * self._step

    def peak(self) -> tuple[float, float]:
        """Return moment in ps and share of the highest peak."""
        high = self._samples >= 0.95 * self._samples.max()
        tops = [self._top(int(n)) for n in np.flatnonzero(high & _tops(self._samples))]
        return max(tops, key=lambda top: top[1])

    def width(self) -> float:
        """Return the time in ps from the first to the last moment at half of the peak."""
        moment, peak = self.peak()
        level, step = 0.5 * peak, self._step
        places, values = self._around(round(moment / step))
        inside = places[values >= level]
        # A peak between two samples may reach the level where no sample does.
        rims = places[(values >= 0.9 * level) & (values < level) & _tops(values)]
        hidden = [at for at, height in map(self._top, rims) if height >= level]
        reaching = [*hidden, float(inside[0] * step), float(inside[-1] * step)]
        left, right = min(reaching), max(reaching)

        def excess(ps: float) -> float:
            return self.intensity(ps) - level

        rise = brentq(excess, left - step, left, xtol=1e-13, rtol=1e-14)
        fall = brentq(excess, right, right + step, xtol=1e-13, rtol=1e-14)
        return float(fall - rise)

    def _around(self, middle: int) -> tuple[Integers, Floats]:
        """Return the places of the samples from half a period before ``middle`` on, and them."""
        places = middle - _PADDED // 2 + np.arange(_PADDED)
        return places, self._samples[places % _PADDED]

    def _top(self, sample: int) -> tuple[float, float]:
        """Return moment in ps and height of the peak next to a sample."""
        at = sample * self._step
        # Relative to the sample: the search is as exact as its variable is small.
        found = minimize_scalar(
            lambda ps: -self.intensity(at + ps),
            bounds=(-self._step, self._step),
            method="bounded",
            options={"xatol": 1e-9},
        )
        return at + float(found.x), -float(found.fun)


def _tops(values: Floats) -> NDArray[np.bool_]:
    return (values >= np.roll(values, 1)) & (values >= np.roll(values, -1))
