"""Settings: what a signature says, ranges, lengths."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from drlapps.control.motors.settings import changeable, draw, ends, length
from drlapps.errors import InputError


@dataclass(frozen=True)
class Conditions:
    noise: float = 0.5
    delay: int = 1


def test_a_signature_names_the_conditions() -> None:
    @changeable(Conditions)
    def pool(motor: str, **settings: Any) -> dict[str, Any]:
        return settings

    assert list(inspect.signature(pool).parameters) == ["motor", "steps", "noise", "delay"]
    assert pool("series", noise=1.0) == {"noise": 1.0}


def test_a_number_is_a_range_of_its_own() -> None:
    assert ends({"noise": 1.0, "delay": [0, 2]}) == (
        {"noise": 1.0, "delay": 0},
        {"noise": 1.0, "delay": 2},
    )
    with pytest.raises(InputError, match=r"noise must be a number or a range \[low, high\]"):
        ends({"noise": [1.0, 2.0, 3.0]})


def test_draws_lie_within_their_ends() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw({"noise": (0.2, 0.4), "delay": (0, 2)}, rng) for _ in range(100)]
    assert {one["delay"] for one in drawn} == {0, 1, 2}
    assert 0.2 <= min(one["noise"] for one in drawn) < 0.22
    assert 0.38 < max(one["noise"] for one in drawn) <= 0.4


@pytest.mark.parametrize("steps", [0, 1_000_001, 2.0, True])
def test_lengths_are_whole_numbers(steps: object) -> None:
    assert length(5) == 5
    with pytest.raises(InputError, match="steps must be a whole number from 1 to 1000000"):
        length(steps)
