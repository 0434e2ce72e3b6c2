"""How elements reflect."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.comms.ris_beamforming.surface import Surface

PHASES = st.floats(-20.0, 20.0)
SURFACES = st.builds(
    Surface,
    beta_min=st.floats(0.0, 1.0),
    mu=st.floats(-3.0, 3.0),
    kappa=st.floats(0.0, 5.0),
    bits=st.integers(0, 4),
)


def test_the_ideal_surface_has_unit_modulus() -> None:
    phases = np.linspace(-7.0, 7.0, 101)
    assert np.allclose(np.abs(Surface().reflection(phases)), 1.0)
    assert np.allclose(Surface().reflection(phases), np.exp(1j * phases))


def test_the_amplitude_law_of_abeywickrama() -> None:
    # Their equation 5, by hand: at theta - mu = -pi/2 the least, at pi/2 all, at 0 the power
    # kappa of one half of what is between.
    law = Surface(beta_min=0.2, mu=0.43 * np.pi, kappa=1.6)
    found = law.amplitude(0.43 * np.pi + np.array([-np.pi / 2, 0.0, np.pi / 2, np.pi]))
    assert found == pytest.approx([0.2, 0.2 + 0.8 * 0.5**1.6, 1.0, 0.2 + 0.8 * 0.5**1.6])


@given(SURFACES, PHASES)
def test_amplitudes_lie_between_the_least_and_one(surface: Surface, phase: float) -> None:
    modulus = abs(surface.reflection(np.array([phase]))[0])
    assert surface.beta_min - 1e-12 <= modulus <= 1.0 + 1e-12


@given(SURFACES, PHASES)
def test_a_whole_turn_changes_nothing(surface: Surface, phase: float) -> None:
    # Half-way between two levels rounding may go either way.
    step = 2 * np.pi / 2**surface.bits
    if surface.bits == 0 or abs(phase / step % 1.0 - 0.5) > 1e-6:
        turned = surface.reflection(np.array([phase, phase + 2 * np.pi]))
        assert turned[0] == pytest.approx(turned[1], abs=1e-9)


@given(st.integers(1, 4), PHASES)
def test_shifters_show_the_nearest_level(bits: int, phase: float) -> None:
    surface, step = Surface(bits=bits), 2 * np.pi / 2**bits
    shown = surface.quantised(np.array([phase]))[0]
    assert abs(shown - phase) <= step / 2 + 1e-12
    assert shown / step == pytest.approx(round(shown / step))
    assert surface.quantised(np.array([shown]))[0] == shown


def test_continuous_phases_are_shown_as_they_are() -> None:
    phases = np.array([0.1, 3.0])
    assert Surface().quantised(phases) is phases
