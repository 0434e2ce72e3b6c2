"""Reference signals keep within their margins and change at the pace they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.control.motors.signals import Constant, Signal, Steps, Wiener


@given(st.integers(0, 2**32), st.integers(1, 700))
@pytest.mark.parametrize("signal", [Wiener(), Wiener(fast=1e-1), Steps(), Constant()])
def test_signals_keep_within_their_margins(signal: Signal, seed: int, steps: int) -> None:
    found = signal.draw(np.random.default_rng(seed), steps)
    assert found.shape == (steps,)
    assert np.abs(found).max() <= 0.6
    assert np.array_equal(found, signal.draw(np.random.default_rng(seed), steps))


def test_a_walk_is_the_sum_of_its_steps_cut_at_the_margins() -> None:
    # The same draws in plain Python.
    signal, rng = Wiener(shortest=5, longest=9, fast=0.3), np.random.default_rng(3)
    place = rng.uniform(-0.6, 0.6)
    normals, at, wanted = rng.standard_normal(40), 0, []
    while at < 40:
        end = at + int(rng.integers(5, 9, endpoint=True))
        pace = 1e-3 * 300.0 ** rng.random()
        for step in normals[at:end]:
            place = min(max(place + pace * step, -0.6), 0.6)
            wanted.append(place)
        at = end
    found = signal.draw(np.random.default_rng(3), 40)
    assert found == pytest.approx(wanted)
    assert (np.abs(found) == 0.6).any()


def test_the_pace_lies_between_slow_and_fast() -> None:
    signal, rng = Wiener(1e-3, 1e-2, low=-1e9, high=1e9), np.random.default_rng(0)
    paces = [np.diff(signal.draw(rng, 400)).std() for _ in range(300)]
    assert 0.8e-3 < min(paces) < 1.5e-3
    assert 0.7e-2 < max(paces) < 1.2e-2
    # Even in the logarithm.
    assert np.exp(np.mean(np.log(paces))) == pytest.approx(np.sqrt(1e-3 * 1e-2), rel=0.1)


def test_steps_hold_their_levels() -> None:
    found = Steps(10, 20).draw(np.random.default_rng(1), 1000)
    lengths = np.diff(np.flatnonzero(np.diff(found)))
    assert lengths.min() >= 10
    assert lengths.max() <= 20
    assert np.ptp(Constant().draw(np.random.default_rng(1), 1000)) == 0.0
