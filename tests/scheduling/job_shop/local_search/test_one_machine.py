"""The one-machine problem against all orders, with and without delayed precedences."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.scheduling.job_shop.local_search.one_machine import NONE, sequence

times = st.integers(0, 12)


@st.composite
def problems(draw: st.DrawFn, *, delayed: bool) -> tuple[np.ndarray, ...]:
    """Heads, durations, tails and closed lags of up to 5 operations."""
    rows = draw(st.lists(st.tuples(times, st.integers(0, 6), times), min_size=1, max_size=5))
    heads, durations, tails = np.array(rows, np.int64).T
    n = len(rows)
    lags = np.full((n, n), NONE)
    # Lags that all run upwards make no circle.
    for i in range(n if delayed else 0):
        for j in range(i + 1, n):
            if draw(st.booleans()):
                lags[i, j] = durations[i] + draw(st.integers(0, 8))
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if lags[i, k] >= 0 and lags[k, j] >= 0:
                    lags[i, j] = max(lags[i, j], lags[i, k] + lags[k, j])
    return heads, durations, tails, lags


def value(order: tuple[int, ...], problem: tuple[np.ndarray, ...]) -> float:
    """The greatest start + duration + tail of an order; infinite if it breaks a lag."""
    heads, durations, tails, lags = problem
    starts: dict[int, int] = {}
    time = worst = 0
    for v in order:
        if any(lags[u, v] >= 0 and u not in starts for u in range(len(heads))):
            return np.inf
        delays = [starts[u] + int(lags[u, v]) for u in starts if lags[u, v] >= 0]
        starts[v] = max([time, int(heads[v]), *delays])
        time = starts[v] + int(durations[v])
        worst = max(worst, time + int(tails[v]))
    return worst


@given(problems(delayed=False))
def test_without_lags_it_finds_the_optimum(problem: tuple[np.ndarray, ...]) -> None:
    found, order, exact = sequence(*problem, 100_000)
    assert exact
    assert found == min(value(o, problem) for o in permutations(range(len(problem[0]))))
    assert value(tuple(order), problem) == found


@given(problems(delayed=True))
def test_with_lags_it_finds_the_optimum(problem: tuple[np.ndarray, ...]) -> None:
    found, order, exact = sequence(*problem, 100_000)
    assert exact
    assert found == min(value(o, problem) for o in permutations(range(len(problem[0]))))
    assert value(tuple(order), problem) == found


@given(problems(delayed=True))
def test_cut_short_it_still_has_an_order(problem: tuple[np.ndarray, ...]) -> None:
    found, order, _ = sequence(*problem, 1)
    assert value(tuple(order), problem) == found


def test_the_example_of_carlier() -> None:
    # Carlier 1982: seven operations; Schrage's rule gives 53, the optimum is 50.
    heads = np.array([10, 13, 11, 20, 30, 0, 30])
    durations = np.array([5, 6, 7, 4, 3, 6, 2])
    tails = np.array([7, 26, 24, 21, 8, 17, 0])
    lags = np.full((7, 7), NONE)
    assert sequence(heads, durations, tails, lags, 1)[0] == 53
    assert sequence(heads, durations, tails, lags, 1000)[::2] == (50, True)


@pytest.mark.parametrize("delayed", [False, True])
def test_problems_of_thirty_operations_are_solved(delayed: bool) -> None:
    rng = np.random.default_rng(5)
    for _ in range(20):
        heads, tails = rng.integers(0, 1000, (2, 30))
        durations = rng.integers(1, 100, 30)
        lags = np.full((30, 30), NONE)
        if delayed:
            for i in range(0, 28, 3):
                lags[i, i + 1] = durations[i] + rng.integers(0, 200)
        found, order, exact = sequence(heads, durations, tails, lags, 1000)
        assert exact
        assert value(tuple(order), (heads, durations, tails, lags)) == found
