"""Transforms and the hexagon, against complex phasors and geometry."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.control.motors.inverter import (
    CIRCLE,
    CORNER,
    LEGS,
    centred,
    to_phases,
    to_rotor,
    within_hexagon,
)

volts = st.floats(-500.0, 500.0)
angles = st.floats(-np.pi, np.pi)


def phasor(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)]])


@given(volts, volts, angles)
def test_the_transforms_undo_each_other(d: float, q: float, angle: float) -> None:
    rotor = np.array([[d, q]])
    phases = to_phases(rotor, phasor(angle))
    assert phases.sum() == pytest.approx(0.0, abs=1e-9)
    assert to_rotor(phases + 17.0, phasor(angle)) == pytest.approx(rotor, abs=1e-9)
    # A phase is the projection of the space phasor on its axis.
    space = complex(d, q) * np.exp(1j * angle)
    wanted = [(space * np.exp(-2j * np.pi * k / 3)).real for k in range(3)]
    assert phases[0] == pytest.approx(wanted, abs=1e-9)


def test_active_states_are_the_corners_of_a_hexagon() -> None:
    corners = to_rotor(0.5 * 300.0 * LEGS, np.broadcast_to(phasor(0.0), (8, 2)))
    assert corners[[0, 7]] == pytest.approx(np.zeros((2, 2)))
    space = corners[1:7] @ [1.0, 1j]
    assert space == pytest.approx(200.0 * np.exp(1j * np.pi / 3 * np.arange(6)))
    assert pytest.approx(200.0) == CORNER * 300.0
    # The middle of a side touches the circle.
    assert abs(space[0] + space[1]) / 2 == pytest.approx(CIRCLE * 300.0)


@given(volts, volts, angles)
def test_what_is_shortened_fits_and_keeps_its_direction(d: float, q: float, angle: float) -> None:
    rotor, turn, link = np.array([[d, q]]), phasor(angle), np.array([300.0])
    given_, size = within_hexagon(rotor, turn, link), np.hypot(d, q)
    legs = centred(to_phases(given_, turn))
    assert np.abs(legs).max() <= 150.0 + 1e-9
    assert given_[0, 0] * q == pytest.approx(given_[0, 1] * d, abs=1e-6)
    if size <= CIRCLE * 300.0:
        assert given_ == pytest.approx(rotor)
    elif size > CORNER * 300.0:
        assert np.abs(legs).max() == pytest.approx(150.0)
    assert to_rotor(legs, turn) == pytest.approx(given_, abs=1e-9)
