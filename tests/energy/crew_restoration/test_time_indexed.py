"""The time-indexed program against Horn's algorithm and all lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.horn import Horn
from drlapps.energy.crew_restoration.list_scheduling import harms
from drlapps.energy.crew_restoration.time_indexed import Grid, TimeIndexed, feeding_ways
from drlapps.energy.grid import cases
from drlapps.errors import InputError

Draw = Callable[..., Damage]
Count = Callable[..., float]


@pytest.mark.parametrize("seed", range(4))
def test_with_one_crew_it_agrees_with_horn(draw: Draw, seed: int) -> None:
    damage = draw(seed, lines=8, crews=1)
    plan = TimeIndexed().solve(damage, 0)
    assert plan.status == "optimal"
    assert plan.bound == pytest.approx(Horn().solve(damage, 0).bound)


@pytest.mark.parametrize("seed", range(6))
def test_with_several_crews_it_finds_the_best_list(draw: Draw, least: Count, seed: int) -> None:
    damage = draw(seed, lines=5, crews=2 + seed % 2)
    plan = TimeIndexed().solve(damage, 0)
    assert plan.status == "optimal"
    assert plan.actions is not None
    assert harms(damage, plan.actions[None])[0] == pytest.approx(least(damage))
    assert plan.bound == pytest.approx(least(damage))


def test_a_line_may_be_worth_repairing_before_the_one_above_it() -> None:
    """Soft precedence: 1 kW behind a 1 h line, 100 kW behind a 4 h line below it, two crews.

    Both start at once: 1*1 + 100*4, though the second waits for the first. A third line of 2 h and
    1 kW goes second: 3 h.
    """
    from drlapps.energy.grid.feeder import Branch, Bus, Feeder

    buses = (Bus("0"), Bus("1", 1.0), Bus("2", 100.0), Bus("3", 1.0))
    ends = (("0", "1"), ("1", "2"), ("0", "3"))
    branches = tuple(Branch(str(i), a, b, 0.1, 0.1) for i, (a, b) in enumerate(ends, 1))
    damage = Damage("soft", Feeder("f", buses, branches, "0", 10.0), (0, 1, 2), (1, 4, 2), crews=2)
    assert TimeIndexed().solve(damage, 0).bound == pytest.approx(1 * 1 + 100 * 4 + 1 * 3)


@pytest.mark.parametrize("options", [{"travel": True}, {"switching": True}])
def test_where_it_is_a_relaxation_its_bound_holds(draw: Draw, options: dict[str, bool]) -> None:
    orders = np.array(list(permutations(range(4))))
    for seed in range(2):
        damage = draw(seed, lines=4, **options)
        plan = TimeIndexed(time_limit=3).solve(damage, 0)
        best = harms(damage, orders).min()
        assert plan.bound is not None
        assert plan.actions is not None
        found = harms(damage, plan.actions[None])[0]
        assert plan.bound <= best * (1 + 1e-9) <= found * (1 + 2e-9)
        assert plan.status != "optimal" or found == pytest.approx(best)


def test_ways_are_least_sets_of_lines() -> None:
    """IEEE 33 without branches 5, 28 and 20; ties lead from the laterals into the trunk."""
    damage = Damage("d", cases.load("ieee33"), (4, 27, 19), (1.0, 1.0, 1.0), switching=True)
    # Tie 37 feeds the block of bus 29 from the start, tie 36 the trunk from there, tie 33 bus 21.
    assert feeding_ways(damage) == [[frozenset()]] * 4
    plain = replace(damage, switching=False)
    assert feeding_ways(plain) == [
        [frozenset()], [frozenset({0})], [frozenset({0, 1})], [frozenset({2})]
    ]  # fmt: skip


def test_many_ways_are_left_to_the_search(draw: Draw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drlapps.energy.crew_restoration.time_indexed._MOST_WAYS", 3)
    plan = TimeIndexed().solve(draw(0), 0)
    assert (plan.status, plan.bound) == ("feasible", None)
    assert plan.actions is not None


def test_time_is_cut_by_the_common_divisor(draw: Draw) -> None:
    damage = replace(draw(0, lines=3), hours=(1.5, 3.0, 4.5))
    grid = Grid.of(damage)
    assert (grid.step, grid.durations.tolist()) == (1.5, [1, 2, 3])
    # Of two crews one works 1.5 + 3 h, the other, at the latest from (1.5 + 3) / 2 on, 4.5 h.
    assert grid.steps == 5
    odd = Grid.of(replace(damage, hours=(1.01, 30.0, 47.77)))
    assert odd.steps <= 240


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(InputError, match="time_limit must be positive"):
        TimeIndexed(time_limit=0)
