"""The two-level three-phase inverter: transforms, its eight switching states, its hexagon.

A leg is connected to the upper or the lower rail of the link voltage ``U``, and so at plus or minus
``U / 2``; averaged over a control period, anywhere between. The voltages that three legs can give
the machine fill a regular hexagon whose corners, at ``2/3 U``, are the six active switching states.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

STATES = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 1], [1, 1, 1]]
)
"""Upper switches of legs a, b and c in each switching state: zero, six active by angle, zero."""

LEGS = 2.0 * STATES - 1.0
"""The same as plus and minus one."""

CORNER = 2.0 / 3.0
"""Voltage of an active switching state, as a share of the link voltage."""

CIRCLE = 1.0 / math.sqrt(3.0)
"""Radius of the largest circle in the hexagon, likewise."""

_CLARKE = np.array([[2 / 3, -1 / 3, -1 / 3], [0.0, 1 / math.sqrt(3), -1 / math.sqrt(3)]])
_PHASES = np.array([[1.0, 0.0], [-0.5, math.sqrt(3) / 2], [-0.5, -math.sqrt(3) / 2]])


def to_rotor(legs: Floats, phasor: Floats) -> Floats:
    """Return three-phase quantities in rotor coordinates, (..., 2).

    Args:
        legs: phases a, b and c, (..., 3); what they have in common drops out.
        phasor: cosine and sine of the rotor's electrical angle, (..., 2).
    """
    alpha, beta = np.moveaxis(legs @ _CLARKE.T, -1, 0)
    cosine, sine = phasor[..., 0], phasor[..., 1]
    return np.stack([cosine * alpha + sine * beta, cosine * beta - sine * alpha], axis=-1)


def to_phases(rotor: Floats, phasor: Floats) -> Floats:
    """Return quantities in rotor coordinates as phases that sum to zero, (..., 3)."""
    d, q = rotor[..., 0], rotor[..., 1]
    cosine, sine = phasor[..., 0], phasor[..., 1]
    stator = np.stack([cosine * d - sine * q, sine * d + cosine * q], axis=-1)
    return np.asarray(stator @ _PHASES.T)


def centred(phases: Floats) -> Floats:
    """Return the legs whose largest and least are equally far from zero: the most room there is."""
    middle = 0.5 * (phases.max(axis=-1, keepdims=True) + phases.min(axis=-1, keepdims=True))
    return np.asarray(phases - middle)


def within_hexagon(rotor: Floats, phasor: Floats, link: Floats) -> Floats:
    """Shorten voltages in rotor coordinates until the inverter can give them.

    Args:
        rotor: voltages, (B, 2).
        phasor: of the rotor's angle, (B, 2).
        link: voltages of the link, (B,).
    """
    phases = to_phases(rotor, phasor)
    widest = np.ptp(phases, axis=-1)
    share = np.minimum(1.0, link / np.maximum(widest, 1e-9))
    return np.asarray(rotor * share[..., None])
