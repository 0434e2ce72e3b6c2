"""CP-SAT and annealing of total weighted tardiness: optima, budgets, plans that hold."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.policy import Plan, Solver, Start
from drlapps.scheduling.job_shop.checker import check
from drlapps.scheduling.job_shop.local_search import budget, graph, neighbourhoods, walk
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness import annealing, plans
from drlapps.scheduling.job_shop_tardiness.annealing import SimulatedAnnealing
from drlapps.scheduling.job_shop_tardiness.best_rule import BestRule
from drlapps.scheduling.job_shop_tardiness.cp_sat import CpSat
from drlapps.scheduling.job_shop_tardiness.environment import JobShopTardinessEnv
from drlapps.scheduling.job_shop_tardiness.instances import named, toy
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

operations = st.tuples(st.integers(0, 2), st.integers(0, 6))


@st.composite
def small_shops(draw: st.DrawFn, most_jobs: int = 4) -> DueDateShop:
    """Ragged, recirculating, some durations and weights zero; machines closed at times."""
    jobs = draw(
        st.lists(st.lists(operations, min_size=1, max_size=3), min_size=1, max_size=most_jobs)
    )
    each = {"min_size": len(jobs), "max_size": len(jobs)}
    shop = JobShop.from_jobs(
        "small",
        jobs,
        release=draw(st.lists(st.integers(0, 5), **each)),
        due=draw(st.lists(st.integers(0, 15), **each)),
        weights=draw(st.lists(st.integers(0, 4), **each)),
        closed=[(0, 3, 5), (0, 8, 9)] if draw(st.booleans()) else [],
    )
    return DueDateShop.of(shop)


def optimum(shop: DueDateShop) -> float:
    """The least total weighted tardiness of all orders in which operations can be appended."""
    env = JobShopTardinessEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    least = np.inf

    def append() -> None:
        nonlocal least
        if env.operations_left[0] == 0:
            least = min(least, env.metrics(0)["weighted_tardiness"])
        if env.tardiness[0] >= least:
            return
        here = env.export_state()
        for job in np.flatnonzero(env.next_operation[0] < env.lengths[0]):
            env.restore_state(here)
            env.step(np.array([job]))
            append()

    append()
    return float(least)


def refereed(shop: DueDateShop, plan: Plan) -> float:
    """Return the tardiness of a plan, after referee, checker and the plan's own claims agree."""
    assert plan.actions is not None
    env = JobShopTardinessEnv(1, [shop], delay=1.0, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    for action in plan.actions:
        assert env.action_masks()[0, action]
        env.step(np.array([action]))
    metrics = env.metrics(0)
    assert check(shop, env.solution(0)) == metrics
    value = metrics["weighted_tardiness"]
    assert plan.bound is not None
    assert plan.bound <= value == plan.incumbents[-1][1]
    assert (plan.status == "optimal") == (value == plan.bound)
    return value


SOLVERS = [
    pytest.param(CpSat(deterministic_time=5.0, workers=1), id="cp-sat"),
    pytest.param(SimulatedAnnealing(iterations=3000), id="annealing"),
    pytest.param(BestRule(), id="best-rule"),
]


@pytest.mark.parametrize("solver", SOLVERS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(shop=small_shops(), seed=st.integers(0, 2**40))
def test_any_shop_gets_a_plan_that_holds(solver: Solver, shop: DueDateShop, seed: int) -> None:
    value = refereed(shop, solver.solve(shop, seed))
    assert value <= plans.tardiness(shop, plans.best_rule_schedule(shop))


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(shop=small_shops(most_jobs=3))
def test_cp_sat_proves_what_enumeration_finds(shop: DueDateShop) -> None:
    for hint in (True, False):
        plan = CpSat(deterministic_time=5.0, workers=1, hint=hint).solve(shop, 0)
        assert plan.status == "optimal"
        assert refereed(shop, plan) == optimum(shop)


@pytest.mark.parametrize("shop", toy(), ids=lambda shop: shop.name)
def test_the_searches_solve_the_toys(shop: DueDateShop) -> None:
    for solver in (CpSat(workers=1), SimulatedAnnealing(iterations=2000)):
        assert refereed(shop, solver.solve(shop, 0)) == shop.reference == optimum(shop)


@pytest.mark.slow
def test_annealing_finds_the_optimum_of_ft10() -> None:
    # 1363 at tightness 1.3: Singer & Pinedo 1998.
    (shop,) = named(["ft10"])
    solver = SimulatedAnnealing(iterations=1_000_000)
    assert any(refereed(shop, solver.solve(shop, seed)) == 1363 for seed in range(4))


def test_slow_cooling_is_better_than_quenching() -> None:
    (shop,) = named(["orb05"])
    slow = SimulatedAnnealing(iterations=300_000).solve(shop, 0)
    quenched = SimulatedAnnealing(iterations=300_000, hot=1e-6, cold=1e-6).solve(shop, 0)
    assert refereed(shop, slow) < refereed(shop, quenched) < slow.incumbents[0][1]


def test_iterations_give_the_same_plan_whatever_the_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (shop,) = named(["la18"])
    first = SimulatedAnnealing(iterations=20_000).solve(shop, 5)
    monkeypatch.setattr(budget, "_FIRST", 7)
    second = SimulatedAnnealing(iterations=20_000).solve(shop, 5)
    assert np.array_equal(first.actions, second.actions)
    assert refereed(shop, first) < first.incumbents[0][1]
    other = SimulatedAnnealing(iterations=20_000).solve(shop, 6)
    assert not np.array_equal(first.actions, other.actions)


@pytest.mark.parametrize("make", [CpSat, SimulatedAnnealing])
def test_a_search_starts_from_what_another_policy_found(
    make: type[CpSat] | type[SimulatedAnnealing],
) -> None:
    (shop,) = named(["la18"])
    good = SimulatedAnnealing(iterations=100_000).solve(shop, 0)
    env = JobShopTardinessEnv(1, [shop], delay=1.0, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    for action in good.actions if good.actions is not None else ():
        env.step(np.array([action]))
    start = Start(env.solution(0), env.metrics(0)["weighted_tardiness"], seconds=3.0)
    plan = make(time_limit=3.2).solve(shop, 0, start)
    assert plan.incumbents[0][1] == start.value
    assert plan.incumbents[0][0] >= 3.0
    assert refereed(shop, plan) <= start.value


@pytest.mark.parametrize("make", [CpSat, SimulatedAnnealing])
def test_without_time_there_is_still_a_plan(make: type[CpSat] | type[SimulatedAnnealing]) -> None:
    (shop,) = named(["la18"])
    refereed(shop, make(time_limit=1e-9).solve(shop, 0))


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_job_or_one_machine(solver: Solver) -> None:
    routes = [[(0, 3), (1, 2), (0, 4)]]
    job = DueDateShop.of(JobShop.from_jobs("job", routes, release=[2], due=[10], weights=[3]))
    assert refereed(job, solver.solve(job, 0)) == 3
    single = DueDateShop.of(JobShop.from_jobs("single", [[(0, 3)], [(0, 2)]], due=[9, 2]))
    assert refereed(single, solver.solve(single, 0)) == 0


def test_options_out_of_range_are_input_errors() -> None:
    with pytest.raises(InputError, match=r"hot=0\.1 and cold=0\.2"):
        SimulatedAnnealing(hot=0.1, cold=0.2)
    with pytest.raises(InputError, match="iterations must be positive"):
        SimulatedAnnealing(iterations=0)


# --- kernels -----------------------------------------------------------------------------------


@given(shop=small_shops(), seed=st.integers(0, 2**32))
def test_swaps_keep_heads_order_and_tardiness_right(shop: DueDateShop, seed: int) -> None:
    """Make random swaps of the arcs drawn; then work everything out again from the orders."""
    s = graph.of_shops([shop])
    graph.from_starts(s, 0, plans.best_rule_schedule(shop))
    r, g = neighbourhoods.row(s, 0), annealing._goal(shop)
    annealing.shift(r, g, 0)
    w = walk.walk(r.before.size, np.random.default_rng(seed))
    walk.begin(s, 0, r, w)
    for _ in range(12):
        v = annealing.late_arc(r, w, g)
        if v < 0:
            continue
        u = int(r.before[v])
        assert g.machines[u] == g.machines[v]
        annealing.shift(r, g, annealing.exchange(r, w, u, int(v)))
        assert r.after[v] == u
    order = r.order[: r.operations].tolist()
    assert sorted(order) == sorted(np.flatnonzero(heads_by_hand(shop, r) >= 0).tolist())
    exists = heads_by_hand(shop, r) >= 0
    assert np.array_equal(r.heads[exists], heads_by_hand(shop, r)[exists])
    starts = np.array(r.heads, np.int64).reshape(shop.durations.shape)
    assert annealing.tardiness(r, g) == plans.tardiness(shop, starts)
    solution = [row[:length] for row, length in zip(starts.tolist(), shop.lengths, strict=True)]
    assert check(shop, {"start": solution})["feasible"] == 1.0


def heads_by_hand(shop: DueDateShop, r: neighbourhoods.Row) -> np.ndarray:
    """The start of each operation, -1 for padding, from the machine orders alone."""
    width = shop.durations.shape[1]
    heads = np.full(r.before.size, -1, np.int64)

    def head(v: int) -> int:
        if heads[v] < 0:
            j, k = divmod(v, width)
            time = int(shop.release[j]) if k == 0 else head(v - 1) + int(shop.durations[j, k - 1])
            u = int(r.before[v])
            if u >= 0:
                time = max(time, head(u) + int(shop.durations[divmod(u, width)]))
            duration = int(shop.durations[j, k])
            for start, end in shop.windows[shop.machines[j, k]]:
                if start < time + duration and time < end:
                    time = end
            heads[v] = time
        return int(heads[v])

    for j, length in enumerate(shop.lengths.tolist()):
        for k in range(length):
            head(j * width + k)
    return heads
