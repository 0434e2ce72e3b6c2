"""Machines that are closed at times: what fits, what can be built, and what solvers make of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from drlapps import registry
from drlapps.errors import InputError
from drlapps.policy import Plan, Solver, Start
from drlapps.scheduling.job_shop import benchmarks, calendars, kernels, plans
from drlapps.scheduling.job_shop.checker import check, violations
from drlapps.scheduling.job_shop.cp_sat import CpSat
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.extras import with_shifts
from drlapps.scheduling.job_shop.large_neighbourhood import PARTS, LargeNeighbourhoodSearch
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_improvement.environment import JobShopImprovementEnv

operations = st.tuples(st.integers(0, 2), st.integers(0, 5))


@st.composite
def closed_shops(draw: st.DrawFn, most_jobs: int = 3) -> JobShop:
    """Up to 3 jobs of up to 3 operations: ragged, recirculating, with windows on any machine."""
    job = st.lists(operations, min_size=1, max_size=3)
    jobs = draw(st.lists(job, min_size=1, max_size=most_jobs))
    release = draw(st.lists(st.integers(0, 5), min_size=len(jobs), max_size=len(jobs)))
    last = max(machine for route in jobs for machine, _ in route)
    window = st.tuples(st.integers(0, last), st.integers(0, 14), st.integers(1, 5))
    windows = draw(st.lists(window, max_size=5))
    closed = [(machine, start, start + length) for machine, start, length in windows]
    return JobShop.from_jobs("small", jobs, release=release, closed=closed)


def fits(shop: JobShop, machine: int, time: int, duration: int) -> bool:
    """Whether an operation may stand there, minute by minute."""
    shut = {t for i, start, end in shop.closed.tolist() if i == machine for t in range(start, end)}
    if duration == 0:
        return not (time in shut and time - 1 in shut)
    return shut.isdisjoint(range(time, time + duration))


def optimum(shop: JobShop) -> int:
    """The best makespan of all orders in which the operations can be appended."""
    best = shop.latest_end

    def append(steps: list[int], job_ready: list[int], machine_ready: list[int], end: int) -> None:
        nonlocal best
        open_jobs = [j for j in range(shop.jobs) if steps[j] < shop.lengths[j]]
        if not open_jobs:
            best = min(best, end)
        for j in open_jobs if end < best else ():
            machine, duration = int(shop.machines[j, steps[j]]), int(shop.durations[j, steps[j]])
            begin = max(job_ready[j], machine_ready[machine])
            while not fits(shop, machine, begin, duration):
                begin += 1
            finish = begin + duration
            append(
                [k + (i == j) for i, k in enumerate(steps)],
                [finish if i == j else t for i, t in enumerate(job_ready)],
                [finish if i == machine else t for i, t in enumerate(machine_ready)],
                max(end, finish),
            )

    append([0] * shop.jobs, shop.release.tolist(), [0] * shop.n_machines, 0)
    return best


def begin(shop: JobShop, **options: object) -> JobShopEnv:
    env = JobShopEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED, **options)  # type: ignore[arg-type]
    env.reset(seed=0, options={"instances": [shop]})
    return env


def refereed(shop: JobShop, plan: Plan) -> float:
    """Return the makespan of a plan, on which referee, checker and plan agree."""
    assert plan.actions is not None
    env = begin(shop, delay=1.0)
    for action in plan.actions:
        assert env.action_masks()[0, action]
        env.step(np.array([action]))
    assert violations(shop, env.solution(0)) == []
    makespan = env.metrics(0)["makespan"]
    assert plan.bound is not None
    assert plan.bound <= makespan == plan.incumbents[-1][1]
    return makespan


# --- windows -----------------------------------------------------------------------------------


rows = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 6)), max_size=6).map(
    lambda drawn: [(0, start, start + length) for start, length in drawn]
)


def minutes(closed: list[tuple[int, int]]) -> set[int]:
    return {time for start, end in closed for time in range(start, end)}


@given(rows)
def test_merged_windows_close_the_same_minutes_and_lie_apart(
    closed: list[tuple[int, int, int]],
) -> None:
    merged = calendars.merged(np.array(closed, np.int32).reshape(-1, 3))
    [windows] = calendars.by_machine(merged, 1)
    assert all(before[1] < after[0] for before, after in pairwise(windows))
    assert minutes(list(windows)) == minutes([window[1:] for window in closed])


def test_windows_that_touch_or_overlap_are_one() -> None:
    closed = [(1, 5, 9), (0, 3, 4), (0, 0, 2), (0, 2, 3), (1, 6, 7), (1, 10, 11)]
    shop = JobShop.from_jobs("two", [[(0, 1), (1, 1)]], closed=closed)
    assert shop.closed.tolist() == [[0, 0, 4], [1, 5, 9], [1, 10, 11]]
    assert shop.windows == ([(0, 4)], [(5, 9), (10, 11)])


@given(rows, st.integers(0, 30), st.integers(0, 8))
def test_what_fits_minute_by_minute(
    closed: list[tuple[int, int, int]], time: int, duration: int
) -> None:
    shop = JobShop.from_jobs("one", [[(0, duration)]], closed=closed)
    [windows] = shop.windows
    first = next(t for t in range(time, 200) if fits(shop, 0, t, duration))
    last = next(t for t in range(time, -200, -1) if fits(shop, 0, t, duration))
    assert calendars.earliest_start(windows, time, duration) == first
    assert calendars.latest_start(windows, time, duration) == last
    padded = begin(shop).windows
    assert kernels.opening(padded, 0, 0, time, duration) == first
    # Work that may be interrupted ends when so many open minutes have passed.
    open_minutes = [t for t in range(time, 200) if fits(shop, 0, t, 1)]
    end = open_minutes[duration - 1] + 1 if duration else first
    assert calendars.earliest_end(windows, time, duration) == end
    assert kernels.through(padded, 0, 0, time, duration) == end


def test_a_day_by_hand() -> None:
    day = [(480, 540), (720, 1440)]
    assert calendars.earliest_start(day, 100, 380) == 100
    assert calendars.earliest_start(day, 101, 380) == 1440
    assert calendars.earliest_start(day, 101, 180) == 101
    assert calendars.earliest_start(day, 301, 180) == 540
    assert calendars.earliest_start(day, 500, 0) == 540
    assert calendars.earliest_start(day, 480, 0) == 480
    assert calendars.earliest_end(day, 100, 500) == 660
    assert calendars.earliest_end(day, 100, 561) == 1441
    assert calendars.latest_start(day, 1439, 180) == 540
    assert calendars.latest_start(day, 539, 200) == 280


@pytest.mark.parametrize(
    ("closed", "message"),
    [
        ([(2, 0, 1)], "closes machine 2, but its machines are 0 to 1"),
        ([(0, 5, 5)], "closes machine 0 from 5 to 5, which is no window of time"),
        ([(0, -1, 5)], "closes machine 0 from -1 to 5"),
        ([(0, 5)], "needs closed windows as rows of machine, start and end"),
        ([(0, 0, 2**31 - 2)], "has times whose sum exceeds"),
        ([(0, 0.5, 2.0)], "needs whole numbers as closed"),
    ],
)
def test_impossible_calendars(closed: list[tuple[int, ...]], message: str) -> None:
    with pytest.raises(InputError, match=f"job-shop instance 'two' {message}"):
        JobShop.from_jobs("two", [[(0, 1), (1, 1)]], closed=closed)  # type: ignore[arg-type]


# --- the instance ------------------------------------------------------------------------------


def test_heads_and_bound_by_hand() -> None:
    # Job 0 fits on machine 0 before 4 or from 6; job 1 holds machine 1 for 5 units from 2.
    jobs = [[(0, 4), (1, 3)], [(1, 5)]]
    shop = JobShop.from_jobs("hand", jobs, release=[1, 0], closed=[(0, 4, 6), (1, 0, 2)])
    assert shop.heads[0].tolist() == [6, 10]
    assert shop.heads[1, 0] == 2
    assert shop.elementary_bound == 13
    # 4 + 4 units on machine 0, of which 6 fit before the window.
    shop = JobShop.from_jobs("load", [[(0, 4)], [(0, 4)]], closed=[(0, 6, 9)])
    assert shop.elementary_bound == 11
    assert optimum(shop) == 13


@settings(max_examples=60)
@given(closed_shops())
def test_no_schedule_beats_the_elementary_bound(shop: JobShop) -> None:
    best = optimum(shop)
    assert shop.elementary_bound <= best <= shop.latest_end


# --- the environment ---------------------------------------------------------------------------


def best_of_all(env: JobShopEnv, choices: Callable[[JobShopEnv], np.ndarray]) -> float:
    """Return the best makespan of all ways to go on; the bound holds and never falls."""
    if env.operations_left[0] == 0:
        assert env.bound[0] == env.metrics(0)["makespan"]
        return env.metrics(0)["makespan"]
    best, here, bound = np.inf, env.export_state(), int(env.bound[0])
    for action in np.flatnonzero(choices(env)):
        env.restore_state(here)
        env.step(np.array([action]))
        assert env.bound[0] >= bound
        best = min(best, best_of_all(env, choices))
    assert bound <= best
    return best


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(closed_shops())
def test_active_schedules_contain_an_optimum_and_bounds_hold(shop: JobShop) -> None:
    """Giffler & Thompson 1960, with appended operations that wait for open time."""
    env = begin(shop, delay=1.0)
    assert env.bound[0] == shop.elementary_bound
    assert best_of_all(env, lambda env: env.action_masks()[0]) == optimum(shop)
    assert best_of_all(begin(shop), lambda env: env.next_operation[0] < env.lengths[0]) == (
        optimum(shop)
    )


@given(
    closed_shops(most_jobs=5), st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 1.0]),
    st.booleans(),
)  # fmt: skip
def test_whatever_is_built_is_feasible_and_none_idles_for_nothing(
    shop: JobShop, seed: int, delay: float, skip_forced: bool
) -> None:
    rng = np.random.default_rng(seed)
    env = begin(shop, delay=delay, skip_forced=skip_forced)
    while env.operations_left[0]:
        observations, *_ = env.step(np.array([rng.choice(np.flatnonzero(env.action_masks()[0]))]))
        assert env.observation_space.contains(observations)
    assert violations(shop, env.solution(0)) == []
    assert check(shop, env.solution(0)) == env.metrics(0)
    if delay > 0:
        return
    work = [
        (int(shop.machines[j, k]), int(env.starts[0, j, k]), int(shop.durations[j, k]))
        for j in range(shop.jobs)
        for k in range(int(shop.lengths[j]))
    ]
    for j in range(shop.jobs):
        ready = int(shop.release[j])
        for k in range(int(shop.lengths[j])):
            machine, duration = int(shop.machines[j, k]), int(shop.durations[j, k])
            for time in range(ready, int(env.starts[0, j, k])):
                busy = any(i == machine and t <= time < t + p for i, t, p in work)
                assert busy or not fits(shop, machine, time, duration)
            ready = int(env.starts[0, j, k]) + duration


def test_a_shop_alone_and_beside_others_is_the_same() -> None:
    """Shops that are never closed see the same in a batch that has calendars."""
    plain = benchmarks.load("ft06")
    shops = [plain, with_shifts(plain, 15, 5), JobShop.from_jobs("tiny", [[(0, 3)]])]
    both = JobShopEnv(3, shops, autoreset_mode=AutoresetMode.DISABLED)
    seen, _ = both.reset(seed=0, options={"instances": shops})
    alone = [begin(shop) for shop in shops]
    for _ in range(plain.operations):
        actions = both.action_masks().argmax(axis=1)
        for row, env in enumerate(alone):
            assert np.array_equal(seen[row, : shops[row].jobs], env._observe()[0])
            env.step(actions[row : row + 1])
        seen, *_ = both.step(actions)
    assert both.metrics(1)["makespan"] > both.metrics(0)["makespan"]
    with pytest.raises(ValueError, match="more closed windows"):
        alone[0].reset(seed=0, options={"instances": [shops[1]]})


# --- solvers -----------------------------------------------------------------------------------


@given(closed_shops(most_jobs=4), st.integers(0, 2**32))
def test_a_plan_never_starts_an_operation_later(shop: JobShop, seed: int) -> None:
    rng = np.random.default_rng(seed)
    env = begin(shop)
    while env.operations_left[0]:
        env.step(rng.integers(shop.jobs, size=1))
    starts = env.starts[0].astype(np.int64)
    again = begin(shop, delay=1.0)
    for action in plans.dispatch_order(shop, starts):
        assert again.action_masks()[0, action]
        again.step(np.array([action]))
    assert np.array_equal(again.starts[0], plans.left_shifted(shop, starts))
    assert (again.starts[0] <= starts).all()


@settings(max_examples=25)
@given(closed_shops(), st.booleans(), st.integers(0, 2**40))
def test_cp_sat_finds_the_optimum(shop: JobShop, hint: bool, seed: int) -> None:
    plan = CpSat(time_limit=60.0, hint=hint, workers=1).solve(shop, seed)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == optimum(shop)


@settings(max_examples=20)
@given(closed_shops(most_jobs=4), st.sampled_from(PARTS), st.integers(2, 12), st.integers(0, 99))
def test_large_neighbourhoods_hold_and_gain(shop: JobShop, part: str, size: int, seed: int) -> None:
    solver = LargeNeighbourhoodSearch(iterations=4, part=part, operations=size, part_time=0.05)
    first = plans.makespan(shop, plans.best_rule_schedule(shop))
    assert refereed(shop, solver.solve(shop, seed)) <= first


def test_small_windows_find_a_better_week() -> None:
    """Parts much smaller than the shop: what lies behind them is judged by when it must start."""
    shop = with_shifts(benchmarks.load("ft10"), 200, 100)
    first = plans.best_rule_schedule(shop)
    start = Start({"start": first.tolist()}, 0.0, 0.0)
    solver = LargeNeighbourhoodSearch(iterations=12, operations=40, part_time=0.1)
    assert refereed(shop, solver.solve(shop, 0, start)) < plans.makespan(shop, first)


@settings(max_examples=15)
@given(closed_shops())
def test_a_part_that_is_everything_proves_the_optimum(shop: JobShop) -> None:
    assume(shop.closed.size)
    plan = LargeNeighbourhoodSearch(iterations=1, operations=99, part_time=10.0).solve(shop, 0)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == optimum(shop)


@pytest.mark.parametrize(
    "name", ["tabu", "simulated-annealing", "shifting-bottleneck", "improvement", "milp"]
)
def test_methods_without_calendars_say_so(name: str) -> None:
    baseline = registry.get("scheduling/job-shop").baselines[name]
    solver: Solver = registry.load(baseline.policy)(**baseline.options)
    shop = with_shifts(benchmarks.load("ft06"), 10, 5)
    with pytest.raises(InputError, match=rf"^{name} cannot plan ft06-shift10\+5, .* cp-sat, large"):
        solver.solve(shop, 0)


def test_the_improvement_task_says_so_too() -> None:
    shop = with_shifts(benchmarks.load("ft06"), 10, 5)
    env = JobShopImprovementEnv(1, [shop], steps=5)
    with pytest.raises(InputError, match=r"^job-shop-improvement cannot plan ft06-shift10\+5"):
        env.reset(seed=0)
