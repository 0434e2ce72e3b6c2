"""CP-SAT and the mixed-integer program: what they prove, and plans that hold in the referee."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.policy import NoPlan, Plan, Solver
from drlapps.scheduling.job_shop import benchmarks, plans
from drlapps.scheduling.job_shop.checker import check, violations
from drlapps.scheduling.job_shop.cp_sat import CpSat
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.instances import toy
from drlapps.scheduling.job_shop.milp import Milp
from drlapps.scheduling.job_shop.shop import JobShop

SOLVERS = [pytest.param(CpSat, id="cp-sat"), pytest.param(Milp, id="milp")]
TA01 = benchmarks.load("ta01")

operations = st.tuples(st.integers(0, 2), st.integers(0, 6))


@st.composite
def small_shops(draw: st.DrawFn) -> JobShop:
    """Up to 4 jobs of up to 3 operations: ragged, recirculating, some durations zero."""
    jobs = draw(st.lists(st.lists(operations, min_size=1, max_size=3), min_size=1, max_size=4))
    release = draw(st.lists(st.integers(0, 5), min_size=len(jobs), max_size=len(jobs)))
    return JobShop.from_jobs("small", jobs, release=release)


def optimum(shop: JobShop) -> int:
    """The best makespan of all orders in which the operations can be appended."""
    best = int(shop.release.max() + shop.durations.sum())

    def append(steps: list[int], job_ready: list[int], machine_ready: list[int], end: int) -> None:
        nonlocal best
        open_jobs = [j for j in range(shop.jobs) if steps[j] < shop.lengths[j]]
        if not open_jobs:
            best = min(best, end)
        for j in open_jobs if end < best else ():
            machine = int(shop.machines[j, steps[j]])
            finish = max(job_ready[j], machine_ready[machine]) + int(shop.durations[j, steps[j]])
            append(
                [k + (i == j) for i, k in enumerate(steps)],
                [finish if i == j else t for i, t in enumerate(job_ready)],
                [finish if i == machine else t for i, t in enumerate(machine_ready)],
                max(end, finish),
            )

    append([0] * shop.jobs, shop.release.tolist(), [0] * shop.n_machines, 0)
    return best


def replay(shop: JobShop, actions: np.ndarray) -> tuple[JobShopEnv, bool]:
    """Carry out a plan in the referee; also say whether it admitted every action."""
    env = JobShopEnv(1, [shop], delay=1.0, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    admitted = True
    for action in actions:
        admitted &= bool(env.action_masks()[0, action])
        env.step(np.array([action]))
    return env, admitted


def refereed(shop: JobShop, plan: Plan) -> float:
    """Return the makespan of a plan, after referee, checker and the plan's own claims agree."""
    assert plan.actions is not None
    env, admitted = replay(shop, plan.actions)
    makespan = env.metrics(0)["makespan"]
    assert admitted
    assert check(shop, env.solution(0)) == {"makespan": makespan, "feasible": 1.0}
    assert plan.bound is not None
    assert plan.bound <= makespan == plan.incumbents[-1][1]
    assert (plan.status == "optimal") == (makespan == plan.bound)
    return makespan


# --- from schedules to plans -------------------------------------------------------------------


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


@given(small_shops(), st.integers(0, 2**32))
def test_a_plan_never_starts_an_operation_later(shop: JobShop, seed: int) -> None:
    starts = scattered(shop, seed)
    exists = np.arange(starts.shape[1]) < shop.lengths[:, None]
    env, admitted = replay(shop, plans.dispatch_order(shop, starts))
    assert admitted
    assert env.operations_left[0] == 0
    assert (env.starts[0] <= starts)[exists].all()
    assert np.array_equal(env.starts[0], plans.left_shifted(shop, starts))
    assert violations(shop, env.solution(0)) == []


def test_left_shift_fills_the_first_gap_that_is_wide_enough() -> None:
    # Machine 0 is idle 2-4 and 6-9 when job 2 (3 units, placed last) is shifted.
    shop = JobShop.from_jobs(
        "gaps", [[(0, 2)], [(1, 4), (0, 2), (1, 3), (0, 1)], [(0, 3)]], release=[0, 0, 1]
    )
    starts = np.array([[0, 0, 0, 0], [0, 4, 6, 9], [10, 0, 0, 0]])
    assert plans.left_shifted(shop, starts)[2, 0] == 6
    assert plans.makespan(shop, plans.left_shifted(shop, starts)) == 10


def test_the_best_rule_is_as_good_as_every_rule() -> None:
    shop = benchmarks.load("ft06")
    best = plans.best_rule_schedule(shop)
    assert violations(shop, {"start": best.tolist()}) == []
    for rule in plans.RULES:
        env = JobShopEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED)
        observations, _ = env.reset(seed=0, options={"instances": [shop]})
        for _ in range(shop.operations):
            env.step(rule().act(env, observations))
        assert plans.makespan(shop, best) <= env.metrics(0)["makespan"]


def test_heads_and_tails() -> None:
    shop = JobShop.from_jobs("ragged", [[(0, 3), (1, 2)], [(1, 4)]], release=[1, 5])
    assert shop.heads[0].tolist() == [1, 4]
    assert shop.heads[1, 0] == 5
    assert plans.tails(shop)[0].tolist() == [5, 2]
    assert plans.tails(shop)[1, 0] == 4


# --- optima ------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(small_shops(), st.integers(0, 2**40))
def test_cp_sat_finds_the_optimum_of_small_shops(shop: JobShop, seed: int) -> None:
    plan = CpSat(time_limit=60.0).solve(shop, seed)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == optimum(shop)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(small_shops(), st.integers(0, 2**40))
def test_the_milp_finds_the_optimum_of_small_shops(shop: JobShop, seed: int) -> None:
    plan = Milp(time_limit=60.0).solve(shop, seed)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == optimum(shop)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shop", [*toy(), benchmarks.load("ft06")], ids=lambda shop: shop.name)
def test_both_prove_the_published_optimum(solver: type[Solver], shop: JobShop) -> None:
    plan = solver(time_limit=120.0).solve(shop, 0)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == shop.reference


@pytest.mark.parametrize(
    ("name", "makespan"),
    [("la01", 666), ("la02", 655), ("la03", 597), ("la04", 590), ("la05", 593)],
)
def test_cp_sat_proves_the_optima_of_lawrence(name: str, makespan: int) -> None:
    shop = benchmarks.load(name)
    plan = CpSat(time_limit=120.0).solve(shop, 0)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == makespan


@pytest.mark.slow
@pytest.mark.parametrize(("name", "makespan"), [("ft10", 930), ("ta01", 1231)])
def test_cp_sat_proves_harder_optima(name: str, makespan: int) -> None:
    shop = benchmarks.load(name)
    plan = CpSat(time_limit=300.0).solve(shop, 0)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == makespan


# --- limits ------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_without_time_the_plan_is_the_best_rule_and_the_bound_elementary(
    solver: type[Solver],
) -> None:
    plan = solver(time_limit=1e-9).solve(TA01, 0)
    rule = plans.makespan(TA01, plans.best_rule_schedule(TA01))
    assert plan.status == "feasible"
    assert len(plan.incumbents) == 1
    assert plan.incumbents[0][1] == rule
    assert refereed(TA01, plan) <= rule
    # The published bound is the optimum, 1231; a solver may not know it.
    assert plan.bound == TA01.elementary_bound < TA01.bound


def test_a_cold_start_may_end_without_a_plan() -> None:
    solver = CpSat(time_limit=1e-9, hint=False)
    assert solver.solve(TA01, 0).status == "timeout"
    env = JobShopEnv(1, [TA01])
    env.reset(seed=0, options={"instances": [TA01]})
    with pytest.raises(NoPlan):
        solver.reset(env, 0)


def test_a_cold_start_solves_too() -> None:
    shop = benchmarks.load("ft06")
    plan = CpSat(time_limit=120.0, hint=False).solve(shop, 0)
    assert plan.status == "optimal"
    assert refereed(shop, plan) == 55


def test_a_deterministic_budget_gives_the_same_plan_again() -> None:
    solver = CpSat(deterministic_time=0.3)
    first, second = solver.solve(TA01, 5), solver.solve(TA01, 5)
    assert first.actions is not None
    assert np.array_equal(first.actions, second.actions)
    assert first.bound == second.bound
    # Between the first and the last the log may miss one: solutions can come too fast for it.
    assert first.incumbents[0][1] == second.incumbents[0][1]
    assert first.incumbents[-1][1] == second.incumbents[-1][1]
    assert refereed(TA01, first) < first.incumbents[0][1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_incumbents_start_at_the_rule_and_improve(solver: type[Solver]) -> None:
    shop = benchmarks.load("ft06")
    plan = solver(time_limit=120.0).solve(shop, 0)
    seconds, values = zip(*plan.incumbents, strict=True)
    assert values[0] == plans.makespan(shop, plans.best_rule_schedule(shop))
    assert values[-1] == 55
    assert list(values) == sorted(set(values), reverse=True)
    assert list(seconds) == sorted(seconds)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("option", ["time_limit", "workers"])
def test_options_out_of_range_are_input_errors(solver: type[Solver], option: str) -> None:
    with pytest.raises(InputError, match=f"{option} must be positive, not 0"):
        solver(**{option: 0})


def test_a_budget_out_of_range_is_an_input_error() -> None:
    with pytest.raises(InputError, match="deterministic_time must be positive, not nan"):
        CpSat(deterministic_time=float("nan"))


# --- manners -----------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
def test_as_a_policy_it_acts_in_a_batch_of_mixed_shops(solver: type[Solver]) -> None:
    shops = toy()
    policy = solver(time_limit=60.0)
    env = JobShopEnv(len(shops), shops, autoreset_mode=AutoresetMode.DISABLED, **policy.environment)
    observations, _ = env.reset(seed=0, options={"instances": list(shops)})
    policy.reset(env, 0)
    for _ in range(max(shop.operations for shop in shops)):
        observations, *_ = env.step(policy.act(env, observations))
    for row, shop in enumerate(shops):
        assert env.metrics(row)["makespan"] == shop.reference
        assert policy.report(row).status == "optimal"


@pytest.mark.parametrize("solver", SOLVERS)
def test_nothing_is_printed(solver: type[Solver], capfd: pytest.CaptureFixture[str]) -> None:
    solver(time_limit=120.0).solve(toy()[1], 0)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_keyboard_interrupt_ends_the_search(solver: type[Solver]) -> None:
    shop = benchmarks.load("ta11")
    timer = threading.Timer(2.0, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            solver(time_limit=100.0).solve(shop, 0)
    finally:
        timer.cancel()


@pytest.mark.parametrize("first", ["highspy", "ortools.sat.python.cp_model"])
def test_both_libraries_load_in_one_process(first: str) -> None:
    """Each brings a HiGHS of its own; whichever comes first must not keep the other out."""
    program = f"import {first}, highspy, ortools.sat.python.cp_model"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
