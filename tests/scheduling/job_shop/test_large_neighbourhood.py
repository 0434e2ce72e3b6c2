"""Large-neighbourhood search: parts stay feasible, gain, and prove what they cover."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.policy import Plan, Start
from drlapps.scheduling.job_shop import benchmarks, plans
from drlapps.scheduling.job_shop.checker import check
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.instances import toy
from drlapps.scheduling.job_shop.large_neighbourhood import PARTS, LargeNeighbourhoodSearch
from drlapps.scheduling.job_shop.shop import JobShop

TA01 = benchmarks.load("ta01")

operations = st.tuples(st.integers(0, 2), st.integers(0, 6))


@st.composite
def small_shops(draw: st.DrawFn) -> JobShop:
    """Up to 4 jobs of up to 3 operations: ragged, recirculating, some durations zero."""
    jobs = draw(st.lists(st.lists(operations, min_size=1, max_size=3), min_size=1, max_size=4))
    release = draw(st.lists(st.integers(0, 5), min_size=len(jobs), max_size=len(jobs)))
    return JobShop.from_jobs("small", jobs, release=release)


def refereed(shop: JobShop, plan: Plan) -> float:
    """Return the makespan of a plan, on which referee, checker and plan agree."""
    assert plan.actions is not None
    env = JobShopEnv(1, [shop], delay=1.0, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    for action in plan.actions:
        assert env.action_masks()[0, action]
        env.step(np.array([action]))
    makespan = env.metrics(0)["makespan"]
    assert check(shop, env.solution(0)) == {"makespan": makespan, "feasible": 1.0}
    assert plan.bound is not None
    assert plan.bound <= makespan == plan.incumbents[-1][1]
    return makespan


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=15, deadline=None)
@given(shop=small_shops(), size=st.integers(2, 12), seed=st.integers(0, 2**40))
def test_any_shop_gets_a_plan_that_holds(part: str, shop: JobShop, size: int, seed: int) -> None:
    solver = LargeNeighbourhoodSearch(iterations=4, part=part, operations=size, part_time=0.05)
    first = plans.makespan(shop, plans.best_rule_schedule(shop))
    assert refereed(shop, solver.solve(shop, seed)) <= first


def test_a_window_that_covers_the_shop_proves_the_optimum() -> None:
    solver = LargeNeighbourhoodSearch(iterations=1, operations=10_000, part_time=10.0)
    for shop in (benchmarks.load("ft06"), *toy()):
        plan = solver.solve(shop, 0)
        assert plan.status == "optimal"
        assert refereed(shop, plan) == plan.bound == shop.reference


@pytest.mark.parametrize("part", PARTS)
def test_parts_gain_and_equal_seeds_give_equal_plans(part: str) -> None:
    solver = LargeNeighbourhoodSearch(iterations=6, part=part, operations=60, part_time=0.05)
    first, second = solver.solve(TA01, 3), solver.solve(TA01, 3)
    assert first.actions is not None
    assert np.array_equal(first.actions, second.actions)
    assert refereed(TA01, first) < first.incumbents[0][1]


def test_it_starts_from_what_another_policy_found() -> None:
    found = plans.best_rule_schedule(TA01)
    later = Start({"start": (found + 7).tolist()}, 0.0, 2.5)
    plan = LargeNeighbourhoodSearch(iterations=1, part_time=0.01).solve(TA01, 0, later)
    assert plan.incumbents[0][0] >= 2.5
    # The same order, left-shifted.
    assert plan.incumbents[0][1] == plans.makespan(TA01, found)


def test_an_interrupt_is_still_heard_afterwards() -> None:
    LargeNeighbourhoodSearch(iterations=1, part_time=0.01).solve(TA01, 0)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"part": "jobs"}, "jobs"),
        ({"operations": 0}, "operations"),
        ({"part_time": -1.0}, "part_time"),
        ({"time_limit": 0.0}, "time_limit"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        LargeNeighbourhoodSearch(**options)  # type: ignore[arg-type]
