"""The independent check of job-shop schedules."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.scheduling.job_shop import benchmarks
from drlapps.scheduling.job_shop.checker import check, violations
from drlapps.scheduling.job_shop.instances import toy
from drlapps.scheduling.job_shop.shop import JobShop

SHOP = JobShop.from_jobs("shop", [[(0, 3), (1, 2)], [(0, 2), (1, 4)]], release=[0, 1])


def test_an_optimal_schedule_of_ft06() -> None:
    """Start times that CP-SAT 9 found for the makespan 55 of the literature."""
    start = [
        [5, 6, 16, 22, 42, 49],
        [0, 8, 13, 28, 38, 48],
        [0, 5, 9, 18, 27, 30],
        [8, 13, 22, 29, 37, 45],
        [13, 22, 25, 38, 48, 52],
        [13, 16, 19, 28, 45, 49],
    ]
    assert check(benchmarks.load("ft06"), {"start": start}) == {"makespan": 55.0, "feasible": 1.0}


@pytest.mark.parametrize(
    ("number", "start"),
    [
        (0, [[2, 6], [0, 2]]),
        (1, [[0, 4, 6], [3, 5, 6], [0, 8]]),
        (2, [[0, 2], [4, 7]]),
    ],
)
def test_the_schedules_that_the_toys_describe(number: int, start: list[list[int]]) -> None:
    shop = toy()[number]
    assert violations(shop, {"start": start}) == []
    assert check(shop, {"start": start})["makespan"] == shop.reference


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        (
            [[3, 6], [0, 8]],
            "operation 0 of job 1 starts at 0, before the release of the job at 1",
        ),
        (
            [[3, 5], [1, 8]],
            "operation 1 of job 0 starts at 5, before its predecessor ends at 6",
        ),
        (
            [[2, 5], [1, 7]],
            "operation 0 of job 0 starts at 2 on machine 0, "
            "which operation 0 of job 1 holds from 1 to 3",
        ),
    ],
)
def test_one_broken_constraint(start: list[list[int]], sentence: str) -> None:
    assert violations(SHOP, {"start": start}) == [sentence]
    assert check(SHOP, {"start": start})["feasible"] == 0.0


@pytest.mark.parametrize(
    ("solution", "sentence"),
    [
        ({}, "the solution has no table of start times under 'start'"),
        ({"start": "soon"}, "the solution has no table of start times under 'start'"),
        ({"start": [[3, 6]]}, "the solution has start times for 1 jobs, the instance 2"),
        ({"start": [[3], [1, 8]]}, "job 0 has 1 start times for 2 operations"),
        ({"start": [3, [1, 8]]}, "job 0 has no start times for 2 operations"),
        ({"start": [[3, 6, 9], [1, 8]]}, "job 0 has 3 start times for 2 operations"),
        (
            {"start": [[3, 6.5], [1, 8]]},
            "the start 6.5 of operation 1 of job 0 is not a whole number",
        ),
        (
            {"start": [[3, 6], [True, 8]]},
            "the start True of operation 0 of job 1 is not a whole number",
        ),
    ],
)
def test_incomplete_solutions(solution: dict[str, object], sentence: str) -> None:
    assert violations(SHOP, solution) == [sentence]
    assert check(SHOP, solution) == {"makespan": math.inf, "feasible": 0.0}


def test_all_violations_are_told() -> None:
    assert len(violations(SHOP, {"start": [[0, 0], [0, 0]]})) == 5


@pytest.mark.parametrize(
    ("start", "feasible"), [(0, True), (1, False), (3, False), (4, False), (5, True), (6, True)]
)
def test_operations_lie_in_open_time(start: int, feasible: bool) -> None:
    shop = JobShop.from_jobs("shift", [[(0, 2)], [(1, 9)]], closed=[(0, 2, 5), (1, 9, 12)])
    assert check(shop, {"start": [[start], [0]]})["feasible"] == feasible
    if not feasible:
        assert violations(shop, {"start": [[start], [0]]}) == [
            f"operation 0 of job 0 runs from {start} to {start + 2} on machine 0, "
            "which is closed from 2 to 5"
        ]


@pytest.mark.parametrize(("start", "feasible"), [(2, True), (3, False), (4, False), (5, True)])
def test_operations_without_duration_and_closed_windows(start: int, feasible: bool) -> None:
    shop = JobShop.from_jobs("zero", [[(0, 0)]], closed=[(0, 2, 5)])
    assert check(shop, {"start": [[start]]})["feasible"] == feasible


def test_tardiness_by_hand() -> None:
    # Job 0 ends at 10, 2 late; job 1 at 7, in time; job 2 at 4, 1 late.
    shop = JobShop.from_jobs(
        "due", [[(0, 3), (1, 2)], [(1, 3)], [(2, 4)]], due=[8, 7, 3], weights=[4, 2, 1]
    )
    assert check(shop, {"start": [[0, 8], [4], [0]]}) == {
        "makespan": 10.0,
        "feasible": 1.0,
        "weighted_tardiness": 9.0,
        "late_jobs": 2.0,
    }
    assert check(shop, {}) == {
        "makespan": math.inf,
        "feasible": 0.0,
        "weighted_tardiness": math.inf,
        "late_jobs": 3.0,
    }


def test_numpy_integers_are_whole_numbers() -> None:
    start = [list(np.array([3, 6])), list(np.array([1, 8]))]
    assert check(SHOP, {"start": start}) == {"makespan": 12.0, "feasible": 1.0}


def test_a_long_operation_hides_no_later_overlap() -> None:
    shop = JobShop.from_jobs("one", [[(0, 10)], [(0, 1)], [(0, 1)]])
    assert len(violations(shop, {"start": [[0], [2], [5]]})) == 2


@pytest.mark.parametrize(("start", "feasible"), [(0, True), (1, False), (3, True), (7, True)])
def test_operations_without_duration(start: int, feasible: bool) -> None:
    shop = JobShop.from_jobs("zero", [[(0, 3)], [(0, 0)], [(0, 4)]])
    assert check(shop, {"start": [[0], [start], [3]]})["feasible"] == feasible


@st.composite
def schedules(draw: st.DrawFn) -> tuple[JobShop, list[list[int]]]:
    pair = st.tuples(st.integers(0, 2), st.integers(0, 4))
    jobs = draw(st.lists(st.lists(pair, min_size=1, max_size=3), min_size=1, max_size=3))
    delays = st.lists(st.integers(0, 3), min_size=len(jobs), max_size=len(jobs))
    shop = JobShop.from_jobs("drawn", jobs, release=draw(delays))
    start = [[draw(st.integers(0, 12)) for _ in job] for job in jobs]
    return shop, start


@given(schedules())
def test_feasibility_agrees_with_the_definition(case: tuple[JobShop, list[list[int]]]) -> None:
    """Against all pairs of operations, one constraint after the other."""
    shop, start = case
    operations = [
        (job, place, start[job][place], start[job][place] + int(shop.durations[job, place]))
        for job in range(shop.jobs)
        for place in range(int(shop.lengths[job]))
    ]
    feasible = all(begin >= shop.release[job] for job, _, begin, _ in operations)
    for one, other in combinations(operations, 2):
        apart = one[3] <= other[2] or other[3] <= one[2]
        same_machine = shop.machines[one[:2]] == shop.machines[other[:2]]
        in_order = one[0] != other[0] or one[3] <= other[2]
        feasible &= bool(in_order and (apart or not same_machine))
    found = check(shop, {"start": start})
    assert found["feasible"] == feasible
    assert found["makespan"] == max(end for *_, end in operations)
    assert bool(violations(shop, {"start": start})) != feasible


@given(schedules(), st.randoms(use_true_random=False))
def test_dispatched_schedules_are_feasible_and_tight(
    case: tuple[JobShop, list[list[int]]], random: Random
) -> None:
    """Dispatch in a random order: feasible, not below the bound, and infeasible if earlier."""
    shop, _ = case
    order = [job for job in range(shop.jobs) for _ in range(int(shop.lengths[job]))]
    random.shuffle(order)
    ready, free = shop.release.tolist(), [0] * shop.n_machines
    start: list[list[int]] = [[] for _ in ready]
    for job in order:
        place = len(start[job])
        machine = int(shop.machines[job, place])
        start[job].append(max(ready[job], free[machine]))
        ready[job] = free[machine] = start[job][-1] + int(shop.durations[job, place])
    assert violations(shop, {"start": start}) == []
    assert check(shop, {"start": start})["makespan"] >= shop.bound
    first = order[0]
    start[first][0] = int(shop.release[first]) - 1
    assert check(shop, {"start": start})["feasible"] == 0.0
