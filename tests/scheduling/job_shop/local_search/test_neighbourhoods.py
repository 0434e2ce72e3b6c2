"""Moves that heads and tails call safe are; estimates and repairs agree with full evaluations."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drlapps.scheduling.job_shop.local_search import graph, neighbourhoods, relinking, walk
from drlapps.scheduling.job_shop.local_search.graph import Selection
from drlapps.scheduling.job_shop.local_search.neighbourhoods import Neighbourhood, Row
from drlapps.scheduling.job_shop.shop import JobShop

Move = tuple[int, int, int]

operations = st.tuples(st.integers(0, 2), st.integers(0, 6))
seeds = st.integers(0, 2**32)


@st.composite
def small_shops(draw: st.DrawFn) -> JobShop:
    """Up to 6 jobs of up to 4 operations: ragged, recirculating, some durations zero."""
    jobs = draw(st.lists(st.lists(operations, min_size=1, max_size=4), min_size=1, max_size=6))
    release = draw(st.lists(st.integers(0, 3), min_size=len(jobs), max_size=len(jobs)))
    return JobShop.from_jobs("small", jobs, release=release)


def random_row(shop: JobShop, seed: int) -> tuple[Selection, Row]:
    s = graph.of_shops([shop])
    relinking.scatter(s, 0, np.array([seed], np.uint64))
    return s, neighbourhoods.row(s, 0)


def neighbourhood(s: Selection, r: Row, kind: Neighbourhood) -> list[Move]:
    path = np.empty(r.before.size, np.int32)
    size = graph.critical_path(s, 0, path, 0)
    moves = np.empty((2 * path.size + 2, 3), np.int32)
    if kind == Neighbourhood.N1:
        count = neighbourhoods.critical_arcs(r, path, size, moves)
    else:
        count = neighbourhoods.insertions(r, path, size, kind, moves)
    return [(u, v, forward) for u, v, forward in moves[:count].tolist()]


def arrangement(r: Row, move: Move) -> list[int]:
    """The operations from u to v after the move, by definition."""
    u, v, forward = move
    line = [u]
    while line[-1] != v:
        line.append(int(r.after[line[-1]]))
    return [*line[1:], u] if forward else [v, *line[:-1]]


def moved(shop: JobShop, s: Selection, r: Row, move: Move) -> tuple[Selection, bool]:
    """A copy with the move made and evaluated anew, and whether it is a schedule."""
    other = graph.of_shops([shop])
    other.before[:], other.after[:] = s.before, s.after
    u, v, _ = move
    line = [int(r.before[u]), *arrangement(r, move), int(r.after[v])]
    for a, b in pairwise(line):
        if a >= 0:
            other.after[0, a] = b
        if b >= 0:
            other.before[0, b] = a
    return other, graph.evaluate(other, 0)


@given(small_shops(), seeds)
def test_no_safe_move_makes_a_cycle(shop: JobShop, seed: int) -> None:
    s, r = random_row(shop, seed)
    for kind in Neighbourhood:
        for move in neighbourhood(s, r, kind):
            assert moved(shop, s, r, move)[1]


@given(small_shops(), seeds)
def test_the_neighbourhoods_contain_each_other(shop: JobShop, seed: int) -> None:
    s, r = random_row(shop, seed)
    found = {}
    for kind in Neighbourhood:
        moves = neighbourhood(s, r, kind)
        found[kind] = {tuple(arrangement(r, move)) for move in moves}
        assert len(found[kind]) == len(moves)
    assert found[Neighbourhood.N5] <= found[Neighbourhood.N6] <= found[Neighbourhood.N7]
    assert found[Neighbourhood.N5] <= found[Neighbourhood.N1]
    if shop.durations[np.arange(shop.durations.shape[1]) < shop.lengths[:, None]].all():
        pairs = np.empty((r.before.size, 2), np.int32)
        path = np.empty(r.before.size, np.int32)
        size = graph.critical_path(s, 0, path, 0)
        count = graph.n5_moves(s, 0, path, size, pairs)
        assert {(v, u) for u, v in pairs[:count].tolist()} == found[Neighbourhood.N5]


@given(small_shops(), seeds)
def test_the_estimate_of_a_swap_is_the_longest_path_through_it(shop: JobShop, seed: int) -> None:
    s, r = random_row(shop, seed)
    line, begins = np.empty((2, r.before.size), np.int32)
    for move in neighbourhood(s, r, Neighbourhood.N1):
        u, v, forward = move
        size = neighbourhoods.rearranged(r, u, v, bool(forward), line)
        guess = neighbourhoods.estimate(r, u, v, line, size, begins)
        after, _ = moved(shop, s, r, move)
        through = after.heads[0] + after.durations[0].ravel() + after.tails[0]
        assert guess == max(through[u], through[v]) <= after.makespan[0]


@given(small_shops(), seeds, st.integers(1, 12))
def test_steps_keep_the_row_as_evaluated_anew(shop: JobShop, seed: int, steps: int) -> None:
    s, r = random_row(shop, seed)
    w = walk.walk(r.before.size, np.random.default_rng(seed))
    walk.begin(s, 0, r, w)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        moves = neighbourhood(s, r, Neighbourhood.N7)
        if not moves:
            break
        move = moves[rng.integers(len(moves))]
        expected, _ = moved(shop, s, r, move)
        u, v, forward = move
        size = neighbourhoods.rearranged(r, u, v, bool(forward), w.line)
        assert w.line[:size].tolist() == arrangement(r, move)
        s.makespan[0] = walk.step(r, w, u, v, bool(forward), size)
        order = s.order[0, : shop.operations]
        assert np.array_equal(w.position[order], np.arange(order.size))
        for name in ("before", "after", "heads", "tails", "makespan"):
            assert np.array_equal(getattr(s, name), getattr(expected, name))
        for arcs in (s.successor[0], s.after[0]):
            goes_on = order[arcs[order] >= 0]
            assert (w.position[goes_on] < w.position[arcs[goes_on]]).all()


@given(small_shops(), seeds)
def test_a_merge_keeps_every_order_that_both_agree_on(shop: JobShop, seed: int) -> None:
    s = graph.of_shops([shop] * 3)
    random = np.array([seed], np.uint64)
    relinking.scatter(s, 0, random)
    relinking.scatter(s, 1, random)
    relinking.merge(s, 0, 1, 2, random)
    chains = [set(_pairs(s, b)) for b in range(3)]
    assert chains[0] & chains[1] <= chains[2] <= chains[0] | chains[1]
    acyclic = np.zeros(3, np.bool_)
    graph.evaluate_all(s, acyclic)
    assert acyclic.all()
    relinking.copy(s, 2, 1)
    assert relinking.distance(s, 1, 2) == 0
    assert s.makespan[1] == s.makespan[2]


def _pairs(s: Selection, b: int) -> list[tuple[int, int]]:
    """All pairs (u, v) with u before v on a machine."""
    found = []
    for u in s.order[b, : s.operations[b]].tolist():
        v = int(s.after[b, u])
        while v >= 0:
            found.append((u, v))
            v = int(s.after[b, v])
    return found


def test_the_generator_is_splitmix64() -> None:
    # First outputs for the seed 1234567, from the reference implementation (S. Vigna).
    random = np.array([1234567], np.uint64)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    assert [int(walk.draw(random)) for _ in range(3)] == expected
    numbers = [walk.below(random, 3) for _ in range(300)]
    assert set(numbers) == {0, 1, 2}
    assert all(0.0 < walk.uniform(random) <= 1.0 for _ in range(300))
