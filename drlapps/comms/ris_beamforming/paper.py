"""The normalisation and noise of the code of Saglam et al. 2022, kept to explain its curves.

Three departures from the physics, all of which the published figures contain:

* The real and the imaginary parts of all reflections are divided by the square root of 2 times the
  sum of their moduli over the whole surface. No element reflects all: the mean modulus is about
  0.07 with 16 elements and 0.017 with 64, so that a larger surface gains almost nothing.
* The amplitude law is applied to what this leaves, with the arguments of the arctangent swapped: it
  reads pi/2 - theta for theta. The law's shape stays, its minimum moves.
* The noise at each user is (K - 1) times the stated one.

The order was settled by numbers. With random phases (16 elements, 4 antennas, 4 users, least
amplitude 0.6) WMMSE gets 7.20 bit/s/Hz at 5 dBm and 30.6 at 30 dBm in that code. Normalising first
gives 7.1 and 30.6; applying the law first gives 8.7 and 33.4.

B. Saglam, D. Gurgunoglu, S. S. Kozat, "Deep Reinforcement Learning Based Joint Downlink Beamforming
and RIS Configuration in RIS-aided MU-MISO Systems Under Hardware Impairments and Imperfect CSI",
arXiv:2211.09702.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from drlapps.comms.ris_beamforming.surface import Complex, Real, Surface


def swapped(surface: Surface) -> Surface:
    """Return the law that reads pi/2 - theta for theta: the same one with another shift.

    For sin(pi/2 - theta - mu) = sin(theta + mu + pi/2).
    """
    return replace(surface, mu=-surface.mu - 0.5 * math.pi)


def reflection(surface: Surface, phases: Real) -> Complex:
    """Return what the elements reflect in that code.

    Args:
        surface: the law in force; see :func:`swapped`.
        phases: radians, shape (..., N).

    Returns:
        beta(theta) times the normalised exp(j theta), shape (..., N).
    """
    return np.asarray(surface.amplitude(phases) * normalised(np.exp(1j * phases)))


def normalised(values: Complex) -> Complex:
    """Return values (..., N) with each part divided by sqrt(2) times the sum of its moduli."""

    def scaled(part: Real) -> Real:
        total = np.sqrt(2.0) * np.abs(part).sum(axis=-1, keepdims=True)
        return np.asarray(part / np.where(total > 0.0, total, 1.0))

    return np.asarray(scaled(values.real) + 1j * scaled(values.imag))


def noise(variance: float, users: int) -> float:
    """Return the noise that enters the signal-to-noise ratios of ``users`` users."""
    return max(users - 1, 0) * variance
