"""Radial configurations: counts by two theorems, and lists against exhaustion."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid.cases import load
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.power_flow import power_flows
from drlapps.energy.grid.radial_trees import count, feeder_loops


def kirchhoff(feeder: Feeder) -> float:
    """The matrix tree theorem in its usual form, with nodes."""
    a = feeder.arrays
    laplacian = np.zeros((len(a.p), len(a.p)))
    for one, other in zip(a.tail, a.head, strict=True):
        laplacian[[one, other], [one, other]] += 1
        laplacian[[one, other], [other, one]] -= 1
    return float(np.linalg.det(laplacian[1:, 1:]))


def positions(feeder: Feeder, faults: tuple[int, ...] = ()) -> np.ndarray:
    loops = feeder_loops(feeder, faults)
    trees = loops.trees()
    closed = np.repeat(loops.closed[None], len(trees), axis=0)
    np.put_along_axis(closed, trees, False, axis=1)
    return closed


# 50,751 and 407,924: known numbers of spanning trees of the two graphs.
@pytest.mark.parametrize(("name", "number"), [("ieee33", 50_751), ("ieee69", 407_924)])
def test_numbers_counted_and_listed(name: str, number: int) -> None:
    feeder = load(name)
    assert count(feeder) == number
    trees = feeder_loops(feeder).trees()
    assert len(np.unique(np.sort(trees, axis=1), axis=0)) == number == len(trees)


@pytest.mark.parametrize("name", ["zhang118", "136"])
def test_large_counts_agree_with_the_matrix_tree_theorem(name: str) -> None:
    feeder = load(name)
    assert count(feeder) == pytest.approx(kirchhoff(feeder), rel=1e-6)


def test_all_listed_are_trees_and_mostly_one_exchange_apart() -> None:
    feeder = load("ieee33")
    closed = positions(feeder)
    flows = power_flows(feeder, closed[::25])
    assert not flows.loops.any()
    assert flows.energised.all()
    changes = (closed[1:] != closed[:-1]).sum(axis=1)
    assert (changes == 2).mean() > 0.99


def test_a_fault_at_the_source_leaves_one_configuration() -> None:
    loops = feeder_loops(load("ieee33"), (0,))
    assert loops.count == 1
    assert loops.reached.sum() == 1
    assert loops.trees().shape == (1, 0)
    assert not loops.closed.any()


@st.composite
def feeders(draw: st.DrawFn) -> Feeder:
    """Small graphs: a random tree in normal operation, ties, some branches without a switch."""
    n = draw(st.integers(2, 6))
    ends = [(draw(st.integers(0, i - 1)), i) for i in range(1, n)]
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1])
    ties = draw(st.lists(pairs, max_size=4))
    branches = tuple(
        Branch(str(k), str(a), str(b), 0.1, 0.1, closed=k < n - 1, switchable=draw(st.booleans()))
        for k, (a, b) in enumerate([*ends, *ties])
    )
    return Feeder("random", tuple(Bus(str(i), 1.0) for i in range(n)), branches, "0", 10.0)


@settings(max_examples=60, deadline=None)
@given(feeders(), st.data())
def test_lists_against_exhaustion(feeder: Feeder, data: st.DataObject) -> None:
    a = feeder.arrays
    e = len(a.tail)
    faults = tuple(data.draw(st.sets(st.integers(0, e - 1), max_size=2)))
    closed = positions(feeder, faults)
    reached = feeder_loops(feeder, faults).reached
    inside = reached[a.tail] & reached[a.head]

    # Every set of closed branches that keeps what has no switch as it is, and faults open.
    expected = set()
    for size in range(e + 1):
        for chosen in combinations(range(e), size):
            trial = np.isin(np.arange(e), chosen)
            stuck = inside & ~a.switchable & ~np.isin(np.arange(e), faults)
            if (
                (trial != a.closed)[stuck].any()
                or trial[list(faults)].any()
                or trial[~inside].any()
            ):
                continue
            flow = power_flows(feeder, trial[None])
            if flow.loops[0] == 0 and (flow.energised[0] == reached).all():
                expected.add(tuple(trial))
    assert {tuple(row) for row in closed} == expected
    assert len(closed) == len(expected) == count(feeder, faults)
