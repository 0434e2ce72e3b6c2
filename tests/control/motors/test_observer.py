"""The observer of disturbances: what it learns, and when it must not."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.control.motors.observer import Observer, check_share
from drlapps.errors import InputError


def test_it_finds_what_a_model_always_misses_by() -> None:
    # The truth is 2 and -3 above the model, which predicts its own disturbance added.
    observer, truth = Observer(0.1, (2,)), np.array([2.0, -3.0])
    for step in range(200):
        at = np.full(2, step)
        observer.correct(truth, at)
        observer.expect(observer.disturbance, at)
    assert observer.disturbance == pytest.approx(truth, rel=1e-6)


def test_what_follows_a_skipped_decision_teaches_nothing() -> None:
    observer = Observer(0.5, (2, 3))
    observer.expect(np.zeros((2, 3)), np.array([0, 1]))
    observer.correct(np.ones((2, 3)), np.array([2, 2]))
    assert observer.disturbance.tolist() == [[0.0] * 3, [0.5] * 3]


def test_a_share_lies_between_0_and_1() -> None:
    check_share("observer", 0.0)
    with pytest.raises(InputError, match=r"observer must be a number from 0 to 1, not 1\.1"):
        check_share("observer", 1.1)
