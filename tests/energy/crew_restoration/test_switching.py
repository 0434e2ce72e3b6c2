"""The switching rule against a twin in plain Python, and what it promises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.instances import named
from drlapps.energy.crew_restoration.list_scheduling import referee
from drlapps.energy.grid import cases
from drlapps.energy.grid.power_flow import power_flow

Draw = Callable[..., Damage]


Edge = tuple[int, int, int]
"""A branch and the two blocks that it joins."""


def twin(damage: Damage, repaired: set[int]) -> np.ndarray:
    """Which branches conduct once the given lines are repaired, by the words of the rule."""
    blocks = damage.blocks
    closed = damage.feeder.arrays.closed.copy()
    closed[list(damage.lines)] = False
    lit = {0}
    lines = [(damage.lines[line], int(blocks.upper[line]), line + 1) for line in sorted(repaired)]
    for _ in lines:
        for branch, above, below in lines:
            if above in lit:
                closed[branch] = True
                lit.add(below)
    ties = zip(blocks.ties.tolist(), blocks.tie_ends.tolist(), strict=True)
    edges: list[Edge] = [*lines, *((tie, a, b) for tie, (a, b) in ties)]
    while ways := [edge for edge in edges if (edge[1] in lit) != (edge[2] in lit)]:
        dark = [b if a in lit else a for _, a, b in ways]
        heaviest = max(dark, key=lambda block: blocks.weight[block])
        ways = [edge for edge, block in zip(ways, dark, strict=True) if block == heaviest]
        lowest = {edge: voltage_with(damage, closed, edge[0]) for edge in ways}
        edges = [edge for edge in edges if lowest.get(edge, 1.0) >= damage.min_voltage]
        best = max(ways, key=lambda edge: lowest[edge])
        if lowest[best] >= damage.min_voltage:
            closed[best[0]] = True
            lit.add(heaviest)
    return closed


def voltage_with(damage: Damage, closed: np.ndarray, branch: int) -> float:
    """The lowest voltage if one more branch were closed."""
    more = closed.copy()
    more[branch] = True
    return power_flow(damage.feeder, more).min_voltage


def test_the_33_bus_feeder_without_branch_8_is_fed_by_its_ties() -> None:
    """Reference: at 0.90 pu an outage of branch 8 can be restored fully by switching."""
    damage = Damage("d", cases.load("ieee33"), (7,), (4.0,), switching=True)
    env = referee(damage)
    assert env.lit[0].all()
    env.step(np.array([0]))
    assert env.metrics(0)["harm"] == 0.0
    # One tie is closed at once and opened when the line is back.
    assert env.metrics(0)["switch_operations"] == 2.0
    first, second = env.solution(0)["positions"]
    assert first["closed"] == second["opened"]
    assert (first["time"], second["time"], second["closed"]) == (0.0, 4.0, ["8"])


def test_limits_keep_ties_open() -> None:
    """Without branch 2 no tie carries what is behind it at 0.90 pu; at 0.70 one does."""
    feeder = cases.load("ieee33")
    damage = Damage("d", feeder, (1,), (4.0,), switching=True)
    assert not referee(damage).lit[0, 1]
    low = Damage("d", feeder, (1,), (4.0,), switching=True, min_voltage=0.70)
    assert referee(low).lit[0, 1]


def test_ratings_keep_ties_open() -> None:
    from dataclasses import replace

    feeder = cases.load("ieee33")
    branches = [replace(b, rating_a=b.rating_a if b.closed else 1.0) for b in feeder.branches]
    weak = replace(feeder, branches=tuple(branches))
    assert not referee(Damage("d", weak, (7,), (4.0,), switching=True)).lit[0, 1]


@pytest.mark.parametrize("seed", range(8))
def test_positions_follow_the_rule(draw: Draw, seed: int) -> None:
    if seed < 6:
        damage = draw(seed, lines=6, switching=True)
    else:
        damage = named([f"ieee33:crews-2-switching:{seed}"])[0]
    env = referee(damage)
    rng = np.random.default_rng(seed)
    index, ends = damage.feeder.branch_index, damage.feeder.arrays
    for line in rng.permutation(len(damage.lines)):
        env.step(np.array([line]))
    solution = env.solution(0)
    closed = ends.closed.copy()
    closed[list(damage.lines)] = False
    done = {repair["line"]: repair["end"] for repair in solution["repairs"]}
    last = {step["time"]: step for step in solution["positions"]}
    for step in solution["positions"]:
        closed[[index[name] for name in step["closed"]]] = True
        closed[[index[name] for name in step["opened"]]] = False
        if step is not last[step["time"]]:
            continue  # several repairs end together: only the last positions are those of all
        repaired = {k for k, name in enumerate(damage.line_names) if done[name] <= step["time"]}
        assert np.array_equal(closed, twin(damage, repaired))
        flow = power_flow(damage.feeder, closed)
        assert flow.loops == 0
        assert flow.min_voltage >= damage.min_voltage - 1e-6
    assert np.array_equal(closed, ends.closed)
