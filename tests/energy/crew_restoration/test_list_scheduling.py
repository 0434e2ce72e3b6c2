"""List schedules: what they cost, and how far they can be from the best."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.list_scheduling import (
    Conversion,
    LpListScheduling,
    harms,
    relaxation,
)
from drlapps.energy.crew_restoration.local_search import LocalSearch
from drlapps.errors import InputError

Draw = Callable[..., Damage]
Count = Callable[..., float]


@pytest.mark.parametrize("travel", [False, True])
def test_lists_cost_what_a_simulation_by_hand_says(draw: Draw, harm: Count, travel: bool) -> None:
    rng = np.random.default_rng(3)
    for seed in range(10):
        damage = draw(seed, lines=8, crews=1 + seed % 4, travel=travel)
        orders = np.array([rng.permutation(8) for _ in range(5)])
        assert harms(damage, orders) == pytest.approx([harm(damage, order) for order in orders])


@pytest.mark.parametrize("seed", range(12))
def test_proven_factors_and_bounds_hold(draw: Draw, harm: Count, least: Count, seed: int) -> None:
    """Tan et al.: theorem 3 (2), theorem 4 (2 - 1/m)."""
    damage = draw(seed, lines=5, crews=2 + seed % 2)
    optimum = least(damage)
    conversion, linear = Conversion().solve(damage, 0), LpListScheduling().solve(damage, 0)
    for plan, factor in ((conversion, 2 - 1 / damage.crews), (linear, 2.0)):
        assert plan.bound is not None
        assert plan.actions is not None
        assert plan.bound <= optimum * (1 + 1e-9)
        value = harm(damage, plan.actions)
        assert optimum * (1 - 1e-9) <= value <= factor * optimum * (1 + 1e-9)
    # What the list is compared with in the proof is the LP itself.
    assert linear.bound is not None
    assert harm(damage, linear.actions) <= 2 * linear.bound * (1 + 1e-9)


def test_the_relaxation_of_one_crew_without_precedence_is_exact() -> None:
    """Queyranne 1993: the cuts describe the completion times of one machine completely."""
    from drlapps.energy.crew_restoration.instances import toy

    star = toy()[0]
    midpoints, value = relaxation(star)
    # Smith's rule takes line 2 (20 kW/h), then 1 and 3 in any order.
    assert value == pytest.approx(460.0)
    assert midpoints[1] == pytest.approx(0.5)


def test_bounds_that_would_not_hold_are_not_given(draw: Draw) -> None:
    switching = next(
        d for d in (draw(s, lines=8, switching=True) for s in range(9)) if len(d.blocks.ties)
    )
    assert Conversion().solve(switching, 0).bound is None
    assert LpListScheduling().solve(switching, 0).bound is None


@pytest.mark.parametrize("options", [{}, {"travel": True}, {"switching": True}])
def test_local_search_finds_the_best_list_of_small_problems(
    draw: Draw, options: dict[str, bool]
) -> None:
    from itertools import permutations

    orders = np.array(list(permutations(range(5))))
    for seed in range(6):
        damage = draw(seed, lines=5, **options)
        plan = LocalSearch(descents=10).solve(damage, 0)
        assert plan.actions is not None
        found = float(harms(damage, plan.actions[None])[0])
        assert found == pytest.approx(harms(damage, orders).min())
        assert plan.incumbents[-1][1] == pytest.approx(found)


def test_local_search_needs_a_descent(draw: Draw) -> None:
    with pytest.raises(InputError, match="descents must be a whole number above 0"):
        LocalSearch(descents=0)
    single = draw(0, lines=1)
    assert LocalSearch().solve(single, 0).actions.tolist() == [0]  # type: ignore[union-attr]
