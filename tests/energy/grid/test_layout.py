"""Where buses and branches stand in one-line diagrams."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.energy.grid.cases import load, names
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.layout import layout


def feeder(parents, ties=(), positions=None):
    """A feeder in which bus k + 1 hangs at bus ``parents[k]``."""
    places = positions or [(None, None)] * (len(parents) + 1)
    buses = tuple(Bus(str(i), 10.0, 5.0, x=x, y=y) for i, (x, y) in enumerate(places))
    ends = [(above, bus) for bus, above in enumerate(parents, 1)]
    lines = tuple(
        Branch(str(k), str(a), str(b), 0.1, 0.1, closed=k <= len(ends))
        for k, (a, b) in enumerate([*ends, *ties], 1)
    )
    return Feeder("made-up", buses, lines, "0", 12.66)


def segments(placed, branches):
    """The straight pieces of some branches: (branch, ends)."""
    for branch in branches:
        for a, b in pairwise(placed.routes[branch].tolist()):
            yield branch, sorted([tuple(a), tuple(b)])


def cross(one, other):
    """Whether a level and an upright piece meet anywhere but at both their ends."""
    level, upright = (one, other) if one[0][1] == one[1][1] else (other, one)
    (x0, y), (x1, _) = level
    (x, y0), (_, y1) = upright
    inside = x0 < x < x1 and y0 <= y <= y1
    return inside or (x0 <= x <= x1 and y0 < y < y1)


@pytest.mark.parametrize("name", names())
def test_lines_of_the_literature_feeders_do_not_cross(name):
    grid = load(name)
    closed = np.flatnonzero(grid.arrays.closed).tolist()
    placed = layout(grid, 924.0)
    pieces = list(segments(placed, closed))
    level = [(k, piece) for k, piece in pieces if piece[0][1] == piece[1][1]]
    upright = [(k, piece) for k, piece in pieces if piece[0][0] == piece[1][0]]
    assert len(level) + len(upright) == len(pieces)
    tail, head = grid.arrays.tail, grid.arrays.head
    for one, piece in level:
        for other, stand in upright:
            # Branches of one bus may share the column in which they leave it.
            if not {tail[one], head[one]} & {tail[other], head[other]}:
                assert not cross(piece, stand), (one + 1, other + 1)
    for (_, a), (_, b) in combinations(level, 2):
        assert a[0][1] != b[0][1] or a[1][0] <= b[0][0] or b[1][0] <= a[0][0]


@pytest.mark.parametrize("name", names())
def test_everything_is_inside_and_apart(name):
    grid = load(name)
    placed = layout(grid, 924.0)
    assert len(placed.buses) == len(grid.buses)
    assert len(placed.routes) == len(placed.middles) == len(grid.branches)
    points = np.vstack([placed.buses, placed.middles, *placed.routes])
    assert (points >= 0).all()
    assert (points[:, 0] <= placed.width).all()
    assert (points[:, 1] <= placed.height).all()
    distance = np.linalg.norm(placed.buses[:, None] - placed.buses, axis=2)
    assert distance[~np.eye(len(grid.buses), dtype=bool)].min() > 30.0
    ends = np.array([(route[0], route[-1]) for route in placed.routes])
    assert np.allclose(ends[:, 0], placed.buses[grid.arrays.tail])
    assert np.allclose(ends[:, 1], placed.buses[grid.arrays.head])


def test_the_diagram_of_the_33_bus_feeder():
    """As Baran and Wu drew it: buses 1 to 18 in a line, three laterals beside it."""
    grid = load("ieee33")
    placed = layout(grid, 924.0)
    x, y = placed.buses.T
    assert len(set(y[:18])) == 1
    assert (np.diff(x[:18]) > 0).all()
    for lateral in (range(18, 22), range(22, 25), range(25, 33)):
        assert len({y[bus] for bus in lateral}) == 1
        assert y[lateral[0]] != y[0]
    assert len(set(y)) == 4
    assert layout(grid, 924.0).buses.tolist() == placed.buses.tolist()


def test_ties_bend_around_buses():
    """A tie between two buses of a straight line leaves the line."""
    grid = feeder([0, 1, 2, 3, 4], ties=[(1, 4)])
    placed = layout(grid, 924.0)
    tie = placed.routes[5]
    assert np.abs(tie[:, 1] - placed.buses[0, 1]).max() > 15.0


def test_given_positions_are_kept_to_scale():
    places = [(0.0, 0.0), (30.0, 0.0), (30.0, 10.0), (0.0, 10.0)]
    grid = feeder([0, 1, 2], ties=[(0, 3)], positions=places)
    placed = layout(grid, 500.0)
    x, y = placed.buses.T
    assert x[1] - x[0] == pytest.approx(3.0 * (y[0] - y[2]))
    assert y[2] < y[0], "upwards is up"
    assert all(len(route) == 2 for route in placed.routes)


def test_buses_that_only_a_tie_supplies_stand_somewhere():
    buses = tuple(Bus(str(i), 10.0) for i in range(3))
    lines = (
        Branch("1", "0", "1", 0.1, 0.1),
        Branch("2", "1", "2", 0.1, 0.1, closed=False),
    )
    placed = layout(Feeder("gap", buses, lines, "0", 10.0), 500.0)
    assert len({tuple(place) for place in placed.buses.tolist()}) == 3


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_any_tree_is_drawn_without_overlap(numbers):
    grid = feeder([number % bus for bus, number in enumerate(numbers, 1)])
    placed = layout(grid, 924.0)
    assert len({tuple(place) for place in placed.buses.round(3).tolist()}) == len(grid.buses)
    for branch, route in enumerate(placed.routes):
        low, high = route.min(axis=0) - 0.01, route.max(axis=0) + 0.01
        near = ((placed.buses >= low) & (placed.buses <= high)).all(axis=1)
        near[[grid.arrays.tail[branch], grid.arrays.head[branch]]] = False
        for piece in pairwise(route):
            low, high = np.min(piece, axis=0) - 0.01, np.max(piece, axis=0) + 0.01
            on = near & ((placed.buses >= low) & (placed.buses <= high)).all(axis=1)
            assert not on.any(), "a line runs over a bus"
