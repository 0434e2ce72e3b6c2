"""Horn's algorithm and the rules that rest on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.horn import Horn, best_sequence, sequence
from drlapps.energy.crew_restoration.instances import toy
from drlapps.errors import InputError

Draw = Callable[..., Damage]
Count = Callable[..., float]


@pytest.mark.parametrize("seed", range(25))
def test_no_order_of_one_crew_does_less_harm(
    draw: Draw, harm: Count, least: Count, seed: int
) -> None:
    damage = draw(seed, lines=4 + seed % 3, crews=1)
    plan = Horn().solve(damage, 0)
    assert plan.status == "optimal"
    assert plan.actions is not None
    assert harm(damage, plan.actions) == pytest.approx(least(damage))
    assert plan.bound == pytest.approx(least(damage))


def test_the_sequence_obeys_the_precedence(draw: Draw) -> None:
    for seed in range(20):
        damage = draw(seed, lines=9, crews=1)
        place = np.argsort(best_sequence(damage))
        for line, up in enumerate(damage.blocks.upper):
            assert up == 0 or place[up - 1] < place[line]


def test_a_heavy_load_drags_its_path_along() -> None:
    """Lines of the path 0-1-2-3 together are worth 90/3 per hour, line 3 beside them 20/1."""
    upper = np.array([0, 1, 2, 0])
    weight = np.array([0.0, 0.0, 0.0, 90.0, 20.0])
    assert sequence(upper, weight, np.ones(4)).tolist() == [0, 1, 2, 3]
    weight[3] = 50.0  # 50/3 is less than 20
    assert sequence(upper, weight, np.ones(4)).tolist() == [3, 0, 1, 2]


def test_what_it_is_not_for_is_refused(draw: Draw) -> None:
    damage = draw(0, crews=1)
    with pytest.raises(InputError, match=r"one crew .* drawn-0 has 2"):
        Horn().solve(replace(damage, crews=2), 0)
    with pytest.raises(InputError, match="travel takes time"):
        Horn().solve(draw(0, crews=1, travel=True), 0)
    with pytest.raises(InputError, match="ties may be closed"):
        Horn().solve(draw(1, crews=1, lines=9, switching=True), 0)


def test_the_toys_are_solved() -> None:
    for damage in toy():
        assert Horn().solve(damage, 0).bound == pytest.approx(damage.best_known)
