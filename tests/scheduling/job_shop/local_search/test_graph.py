"""Plain twins of the graph kernels: longest paths by recursion, blocks and moves by definition."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.scheduling.job_shop import benchmarks, plans
from drlapps.scheduling.job_shop.instances import toy
from drlapps.scheduling.job_shop.local_search import graph
from drlapps.scheduling.job_shop.local_search.graph import Selection
from drlapps.scheduling.job_shop.shop import JobShop

operations = st.tuples(st.integers(0, 2), st.integers(0, 6))


@st.composite
def small_shops(draw: st.DrawFn) -> JobShop:
    """Up to 5 jobs of up to 4 operations: ragged, recirculating, some durations zero."""
    jobs = draw(st.lists(st.lists(operations, min_size=1, max_size=4), min_size=1, max_size=5))
    release = draw(st.lists(st.integers(0, 5), min_size=len(jobs), max_size=len(jobs)))
    return JobShop.from_jobs("small", jobs, release=release)


def scattered(shop: JobShop, seed: int) -> np.ndarray:
    """A feasible schedule with a random order and random idle times."""
    rng = np.random.default_rng(seed)
    starts = np.zeros(shop.durations.shape, np.int64)
    job_ready, machine_ready = shop.release.tolist(), [0] * shop.n_machines
    step = [0] * shop.jobs
    for j in rng.permutation(np.repeat(np.arange(shop.jobs), shop.lengths)):
        machine = shop.machines[j, step[j]]
        starts[j, step[j]] = max(job_ready[j], machine_ready[machine]) + rng.integers(0, 4)
        job_ready[j] = machine_ready[machine] = starts[j, step[j]] + shop.durations[j, step[j]]
        step[j] += 1
    return starts


def row(shop: JobShop, seed: int) -> Selection:
    s = graph.of_shops([shop])
    assert graph.from_starts(s, 0, scattered(shop, seed))
    return s


def existing(s: Selection, b: int) -> list[int]:
    n, o = s.machines.shape[1:]
    return [j * o + k for j in range(n) for k in range(s.lengths[b, j])]


def twin(s: Selection, b: int) -> tuple[dict[int, int], dict[int, int], int]:
    """Longest paths by recursion over the arcs."""
    o = s.machines.shape[2]
    duration = s.durations[b].ravel()

    @cache
    def head(v: int) -> int:
        ready = [int(s.release[b, v // o])]
        if v % o > 0:
            ready.append(head(v - 1) + int(duration[v - 1]))
        if s.before[b, v] >= 0:
            ready.append(head(int(s.before[b, v])) + int(duration[s.before[b, v]]))
        return max(ready)

    @cache
    def tail(v: int) -> int:
        rest = [0]
        if v % o + 1 < s.lengths[b, v // o]:
            rest.append(int(duration[v + 1]) + tail(v + 1))
        if s.after[b, v] >= 0:
            rest.append(int(duration[s.after[b, v]]) + tail(int(s.after[b, v])))
        return max(rest)

    vs = existing(s, b)
    makespan = max(head(v) + int(duration[v]) for v in vs)
    return {v: head(v) for v in vs}, {v: tail(v) for v in vs}, makespan


def path_of(s: Selection, b: int, draw: int) -> list[int]:
    path = np.empty(s.heads.shape[1], np.int32)
    return path[: graph.critical_path(s, b, path, draw)].tolist()


def moves_of(s: Selection, b: int, path: list[int]) -> list[tuple[int, int]]:
    moves = np.empty((s.heads.shape[1], 2), np.int32)
    count = graph.n5_moves(s, b, np.array(path, np.int32), len(path), moves)
    return [(u, v) for u, v in moves[:count].tolist()]


@given(small_shops(), st.integers(0, 2**32))
def test_longest_paths_are_those_of_the_twin(shop: JobShop, seed: int) -> None:
    s = row(shop, seed)
    heads, tails, makespan = twin(s, 0)
    assert {v: s.heads[0, v] for v in heads} == heads
    assert {v: s.tails[0, v] for v in tails} == tails
    assert s.makespan[0] == makespan
    order = s.order[0, : shop.operations].tolist()
    place = {v: i for i, v in enumerate(order)}
    assert sorted(order) == existing(s, 0)
    for v in order:
        assert all(place[v] < place[w] for w in (s.successor[0, v], s.after[0, v]) if w >= 0)


@given(small_shops(), st.integers(0, 2**32))
def test_no_operation_starts_later_than_in_the_schedule(shop: JobShop, seed: int) -> None:
    starts = scattered(shop, seed)
    s = graph.of_shops([shop])
    assert graph.from_starts(s, 0, starts)
    exists = np.arange(starts.shape[1]) < shop.lengths[:, None]
    assert (s.heads[0].reshape(starts.shape) <= starts)[exists].all()
    for machine in np.unique(shop.machines[exists]):
        here = exists & (shop.machines == machine)
        begins, ends = s.heads[0][here.ravel()], (s.heads[0] + s.durations[0].ravel())[here.ravel()]
        line = np.lexsort((ends, begins))
        assert (ends[line][:-1] <= begins[line][1:]).all()


@given(small_shops(), small_shops(), st.integers(0, 2**32))
def test_padding_and_neighbouring_rows_change_nothing(a: JobShop, b: JobShop, seed: int) -> None:
    s = graph.of_shops([a, b])
    starts = [scattered(shop, seed) for shop in (a, b)]
    for index in range(2):
        graph.from_starts(s, index, starts[index])
    acyclic = np.zeros(2, np.bool_)
    graph.evaluate_all(s, acyclic)
    assert acyclic.all()
    for index, shop in enumerate((a, b)):
        alone = row(shop, seed)
        n, o = shop.durations.shape
        exists = np.arange(o) < shop.lengths[:, None]
        for name in ("heads", "tails"):
            padded = getattr(s, name)[index].reshape(s.machines.shape[1:])[:n, :o]
            assert np.array_equal(padded[exists], getattr(alone, name)[0].reshape(n, o)[exists])
        assert s.makespan[index] == alone.makespan[0]


@given(small_shops(), st.integers(0, 2**32), st.integers(0, 2**62))
def test_a_critical_path_has_the_length_of_the_makespan(
    shop: JobShop, seed: int, draw: int
) -> None:
    s = row(shop, seed)
    path = path_of(s, 0, draw)
    duration = s.durations[0].ravel()
    o = shop.durations.shape[1]
    assert s.heads[0, path[0]] in (0, shop.release[path[0] // o])
    assert s.heads[0, path[0]] + duration[path].sum() == s.makespan[0]
    for u, v in pairwise(path):
        assert v in (s.successor[0, u], s.after[0, u])


@given(small_shops(), st.integers(0, 2**32), st.integers(0, 2**62))
def test_n5_is_the_ends_of_the_blocks(shop: JobShop, seed: int, draw: int) -> None:
    s = row(shop, seed)
    path = path_of(s, 0, draw)
    blocks = [[path[0]]]
    for u, v in pairwise(path):
        if s.after[0, u] == v:
            blocks[-1].append(v)
        else:
            blocks.append([v])
    expected = []
    for i, block in enumerate(blocks):
        pairs = list(pairwise(block))
        if pairs and (i > 0 or s.heads[0, path[0]] > 0):
            expected.append(pairs[0])
        if pairs and i < len(blocks) - 1:
            expected.append(pairs[-1])
    o = shop.durations.shape[1]
    found = moves_of(s, 0, path)
    assert len(set(found)) == len(found)
    assert set(found) == {(u, v) for u, v in expected if u // o != v // o}


@given(small_shops(), st.integers(0, 2**32))
def test_a_swap_undone_is_no_swap(shop: JobShop, seed: int) -> None:
    s = row(shop, seed)
    before, after = s.before.copy(), s.after.copy()
    for u, v in moves_of(s, 0, path_of(s, 0, 0)):
        graph.swap(s, 0, u, v)
        assert s.after[0, v] == u
        assert s.before[0, u] == v
        graph.swap(s, 0, v, u)
        assert np.array_equal(s.before, before)
        assert np.array_equal(s.after, after)


def test_a_cycle_is_no_schedule() -> None:
    # Machine 0 does job 1 first, machine 1 job 0: each waits for the other.
    shop = JobShop.from_jobs("crossed", [[(0, 1), (1, 1)], [(1, 1), (0, 1)]])
    s = graph.of_shops([shop])
    s.after[0, 3], s.before[0, 0] = 0, 3
    s.after[0, 1], s.before[0, 2] = 2, 1
    assert not graph.evaluate(s, 0)


def test_a_flow_shop_by_hand() -> None:
    # toy-flow in the wrong order: machine 0 works 0-3 and 3-5, machine 1 works 3-5 and 5-9. The
    # critical path is machine 0 throughout, then job 1; its first block may only swap its end.
    shop = toy()[0]
    s = graph.of_shops([shop])
    assert graph.from_starts(s, 0, np.array([[0, 3], [3, 5]]))
    assert s.heads[0].tolist() == [0, 3, 3, 5]
    assert s.tails[0].tolist() == [6, 4, 4, 0]
    assert s.makespan[0] == 9
    assert path_of(s, 0, 1) == [0, 2, 3]
    assert moves_of(s, 0, [0, 2, 3]) == [(0, 2)]
    graph.swap(s, 0, 0, 2)
    graph.evaluate(s, 0)
    # Machine 0 works 0-2 and 2-5, machine 1, still job 0 first, 5-7 and 7-11.
    assert s.makespan[0] == 11
    graph.swap(s, 0, 1, 3)
    graph.evaluate(s, 0)
    # Johnson's rule: the optimum.
    assert s.makespan[0] == 8


@pytest.mark.parametrize("name", ["ft06", "la01", "ta01", "ta41"])
def test_the_schedule_of_a_rule_is_as_long_as_the_environment_says(name: str) -> None:
    shop = benchmarks.load(name)
    starts = plans.best_rule_schedule(shop)
    s = graph.of_shops([shop])
    assert graph.from_starts(s, 0, starts)
    assert s.makespan[0] == plans.makespan(shop, starts)
    assert np.array_equal(s.heads[0].reshape(starts.shape), starts)
