"""Pulses of the laser model per CPU second at the published resolution.

No public package offers the model for a current Python. The peer is the published one written for
one pulse at a time with NumPy: 5000 points there and back, then 35 000 after padding with zeros.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from benchmarks.measure import Play, Row, compare

BATCHES = (256, 1)
PULSES = 256
LEAST = 600
PADDING = 30_000


def run(repeats: int) -> list[Row]:
    contenders: dict[str, Play | None] = {
        **{f"drlapps, batch of {batch}": batched(batch) for batch in BATCHES},
        "NumPy, one at a time": scalar(),
    }
    found = compare(
        "laser-pulse", "5000 frequencies, 10 000 moments", "pulses", contenders,
        bars={}, seconds=1.0, repeats=repeats,
    )  # fmt: skip
    return [replace(found[0], bar=LEAST, met=(found[0].value or 0.0) >= LEAST), *found[1:]]


def batched(batch: int) -> Play:
    from drlapps.control.laser_pulse.pulse import evaluate

    psi, b_integral, compressor = _lasers()
    evaluate(psi[:1], b_integral[:1], compressor[:1])

    def work() -> int:
        for first in range(0, PULSES, batch):
            rows = slice(first, first + batch)
            evaluate(psi[rows], b_integral[rows], compressor[rows])
        return PULSES

    return work


def scalar() -> Play:
    from drlapps.control.laser_pulse.spectrum import CARRIER, amplitudes, dispersion, frequencies

    psi, b_integral, compressor = _lasers()
    field, omega = amplitudes(), 2.0 * math.pi * (frequencies() - CARRIER)

    def phase(coefficients: np.ndarray) -> np.ndarray:
        gdd, tod, fod = coefficients
        return gdd / 2 * omega**2 + tod / 6 * omega**3 + fod / 24 * omega**4

    def work() -> int:
        for row in range(16):
            stretched = np.fft.ifft(field * np.exp(1j * phase(dispersion(psi[row]))))
            intensity = np.abs(stretched) ** 2
            turned = stretched * np.exp(1j * b_integral[row] / intensity.max() * intensity)
            spectrum = np.fft.fft(turned) * np.exp(-1j * phase(compressor[row]))
            pulse = np.fft.ifft(np.pad(spectrum, PADDING // 2))
            power = np.abs(np.fft.fftshift(pulse)) ** 2
            np.ptp(np.flatnonzero(power >= 0.5 * power.max()))
        return 16

    return work


def _lasers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return settings, B-integrals and compressors of the family."""
    from drlapps.control.laser_pulse.instances import train

    rng = np.random.default_rng(0)
    lasers = [train().sample(rng) for _ in range(PULSES)]
    b_integral = np.array([one.b_integral for one in lasers])
    return rng.random((PULSES, 3)), b_integral, np.array([one.compressor for one in lasers])
