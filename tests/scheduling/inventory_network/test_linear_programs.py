from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Constant, Cyclic, Normal, Poisson, Trace
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.network import Arc, Network, Node, network
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory.search import Laboratory
from drlapps.scheduling.inventory_network import linear_programs
from drlapps.scheduling.inventory_network.linear_equations import unit_values
from drlapps.scheduling.inventory_network.linear_foresight import (
    PathSampler,
    reach,
    safety_factors,
)
from drlapps.scheduling.inventory_network.linear_model import State, SupplyProgram
from drlapps.scheduling.inventory_network.linear_programs import (
    PerfectInformationLP,
    RecedingHorizon,
    RollingHorizonLP,
    StochasticLP,
)
from drlapps.scheduling.inventory_network.networks import ten_node

FloatArray = NDArray[np.float64]


def replay(scenario: Scenario, orders: FloatArray) -> float:
    """Cost per counted period of placing given orders, shape (periods, arcs)."""
    laboratory = Laboratory([scenario])
    return float(laboratory.play(lambda env: orders[env.period[:1]])[0])


def play(policy: RecedingHorizon, scenarios: list[Scenario], seed: int = 0) -> FloatArray:
    """Cost per counted period of a policy on each scenario."""
    laboratory = Laboratory(scenarios)
    laboratory.instances = list(scenarios)
    policy.reset(laboratory, seed)
    return laboratory.play(policy.orders)


def clairvoyant(scenario: Scenario) -> tuple[float, FloatArray]:
    """Optimum of the program over a whole episode, per period, and its orders."""
    weights = np.power(scenario.network.discount, np.arange(scenario.periods))
    program = SupplyProgram(scenario.network, weights)
    cost = program.solve(State.start(scenario.network), scenario.demand[np.newaxis])
    return cost / scenario.periods, program.orders(scenario.periods)


def shelf(node: Node, **arc: Any) -> Network:
    return network([node], [Arc("", node.name, **arc)], integer=False)


# --- cases solved by hand ----------------------------------------------------------------------


def test_lost_sales_of_a_shelf_by_hand() -> None:
    # Nothing can come before period 1: 4 lost at 10; then 4 units at 2 each spare a loss at 10.
    node = Node("shop", holding=1.0, demand=Constant(4.0), penalty=10.0, lost_sales=True)
    cost, orders = clairvoyant(Scenario("", shelf(node, cost=2.0), 0, 3))
    assert cost == pytest.approx((40 + 8 + 8) / 3)
    assert orders[:, 0].tolist() == [4.0, 4.0, 0.0]


def test_backorders_of_a_shelf_by_hand() -> None:
    # Lead time 2: 3 wait in period 0, 6 in period 1; all are served in period 2, each of the 9
    # units has spent two periods under way at 0.5.
    node = Node("shop", holding=1.0, demand=Constant(3.0), penalty=10.0)
    cost, orders = clairvoyant(Scenario("", shelf(node, lead_time=2, holding=0.5), 0, 3))
    assert cost == pytest.approx((30 + 60 + 9 * 2 * 0.5) / 3)
    assert orders[0, 0] == pytest.approx(9.0)


def test_capacity_makes_the_program_order_ahead() -> None:
    # 6 are asked for in period 2; 4 can arrive then and 2 must come a period earlier, held at 1.
    node = Node("shop", holding=1.0, demand=Trace((0.0, 0.0, 6.0)), penalty=10.0, lost_sales=True)
    cost, orders = clairvoyant(Scenario("", shelf(node, lead_time=1, capacity=4.0), 0, 3))
    assert orders[:2, 0].tolist() == [2.0, 4.0]
    assert cost == pytest.approx(2.0 / 3.0)


def test_storage_counts_what_is_under_way() -> None:
    # Room for 3 in all, 5 asked for in each of two periods: one order of 3 can serve, at price 2.
    node = Node("shop", storage=3.0, demand=Trace((0.0, 5.0, 5.0)), price=2.0, lost_sales=True)
    cost, orders = clairvoyant(Scenario("", shelf(node, lead_time=1), 0, 3))
    # The first order of 3 is sold in period 1, before which nothing else fits.
    assert orders[:, 0].tolist() == [3.0, 0.0, 0.0] or orders[1, 0] == pytest.approx(0.0)
    assert cost == pytest.approx(-6.0 / 3.0)


def test_an_assembly_waits_for_its_scarcest_component() -> None:
    # 3 frames and 4 wheels make 2 bicycles; a third is lost at 10. A frame left at its maker costs
    # 1, one that is sent on costs nothing where it waits.
    parts = [Node("frames", initial=3, holding=1.0), Node("wheels", initial=4, holding=1.0)]
    bicycle = Node("bicycle", demand=Constant(3.0), penalty=10.0, lost_sales=True, assembles=True)
    arcs = [Arc("", "frames"), Arc("", "wheels"), Arc("frames", "bicycle", lead_time=0),
            Arc("wheels", "bicycle", lead_time=0, quantity=2.0)]  # fmt: skip
    cost, orders = clairvoyant(Scenario("", network([*parts, bicycle], arcs), 0, 1))
    assert cost == pytest.approx(10.0)
    assert orders[0].tolist() == [0.0, 0.0, 3.0, 4.0]


def test_an_order_delay_is_waited_for() -> None:
    # Delay 1 and lead time 1: what is ordered now serves period 2. Orders on their way count too.
    node = Node("shop", holding=1.0, demand=Constant(5.0), penalty=10.0, lost_sales=True)
    built = shelf(node, lead_time=1, order_delay=1, ordered=(3.0,), initial=(2.0,))
    cost, orders = clairvoyant(Scenario("", built, 0, 4))
    # Period 0: 5 lost; period 1: 2 there, 3 lost (the first 3 of the mail come in period 1 only
    # if shipped now); so 2 + 3 are there in period 1, and 5 ordered now in period 2.
    assert orders[:2, 0].tolist() == [5.0, 5.0]
    assert cost == pytest.approx(50.0 / 4.0)


@pytest.mark.parametrize(("fixed", "ordered"), [(3.0, [4.0, 4.0, 4.0]), (5.0, [8.0, 0.0, 4.0])])
def test_fixed_costs_make_orders_rare(fixed: float, ordered: list[float]) -> None:
    # 4 are asked for in each of three periods and arrive at once; to hold 4 for a period costs 4,
    # which two orders of 3 exceed not, and of 5 do. The last order is then as well placed last.
    node = Node("shop", holding=1.0, demand=Constant(4.0), penalty=100.0)
    built = shelf(node, lead_time=0, fixed=fixed)
    program = SupplyProgram(built, np.ones(3), largest=np.array([50.0]))
    cost = program.solve(State.start(built), np.full((1, 3, 1), 4.0))
    assert cost == pytest.approx(min(3 * fixed, 2 * fixed + 4.0))
    assert sorted(program.orders(3)[:, 0].tolist()) == pytest.approx(sorted(ordered))


def test_unit_values_are_the_cheapest_way_or_the_sum_of_the_parts() -> None:
    built = ten_node()
    values = dict(zip([node.name for node in built.nodes], unit_values(built), strict=True))
    # far 1, north 1 + 0.5, harbour + 0.2.
    assert values["harbour"] == pytest.approx(1.7)


def test_reach_is_the_longest_way() -> None:
    assert reach(ten_node()) == 2 + 3 + 2


# --- the program and the dynamics are the same --------------------------------------------------


@st.composite
def networks(draw: st.DrawFn, *, forced: bool) -> Network:
    """Random small networks: two suppliers in a row, then one to three shops.

    Args:
        draw: of hypothesis.
        forced: whether all is left in which the network must do what the program need not.
    """
    real = st.floats(0.1, 3.0)
    backlog, late = draw(st.booleans()), draw(st.booleans())
    shops = [f"shop-{n}" for n in range(draw(st.integers(1, 3)))]
    nodes = [
        Node("plant", initial=draw(st.floats(0.0, 8.0)), holding=0.1 * draw(real)),
        Node("centre", initial=draw(st.floats(0.0, 8.0)), holding=0.2 * draw(real),
             storage=draw(st.sampled_from([math.inf, 20.0]))),
    ]  # fmt: skip
    arcs = [
        _arc(draw, "", "plant", forced),
        _arc(draw, "plant", "centre", forced),
    ]
    if draw(st.booleans()):
        arcs.append(_arc(draw, "", "centre", forced))
    for name in shops:
        lost = draw(st.booleans())
        demand = Cyclic(tuple(Constant(draw(st.floats(0.0, 5.0))) for _ in range(5)))
        shop = Node(
            name, initial=draw(st.floats(0.0, 5.0)), holding=draw(real), demand=demand,
            penalty=5.0 * draw(real), lost_sales=lost, price=draw(st.sampled_from([0.0, 3.0])),
            storage=draw(st.sampled_from([math.inf, 9.0])),
        )  # fmt: skip
        ways = [_arc(draw, "centre", name, forced)]
        kind = draw(st.sampled_from(["one", "two", "assembly"]))
        if kind == "two":
            ways.append(_arc(draw, "plant", name, forced))
        if kind == "assembly":
            # Parts that wait cost more than the product, so that to assemble at once is best.
            shop = replace(shop, assembles=True, storage=math.inf)
            ways = [replace(ways[0], quantity=1.5, holding=3.0)]
            ways.append(replace(_arc(draw, "", name, forced), quantity=0.5, holding=3.0))
        if not forced and lost and kind == "one":
            shop = replace(shop, waiting=draw(st.floats(0.1, 1.0)), special=draw(real))
        nodes.append(shop)
        arcs += ways
    if not forced and draw(st.booleans()):
        law = Constant(draw(st.floats(0.0, 3.0)))
        nodes[1] = replace(nodes[1], demand=law, penalty=draw(real), lost_sales=draw(st.booleans()))
    if forced:
        nodes = [_roomy(node, arcs) for node in nodes]
    return network(
        nodes, arcs, integer=False, backlog=backlog, late_receipts=late,
        allocation=draw(st.sampled_from(["proportional", "priority", "balanced"])),
        discount=draw(st.sampled_from([1.0, 0.9])),
    )  # fmt: skip


def _roomy(node: Node, arcs: list[Arc]) -> Node:
    """Return the node without a limit on storage that it exceeds from the start.

    The program then admits orders as long as it stays that full, the network none.
    """
    coming = sum(sum(arc.initial) + sum(arc.ordered) for arc in arcs if arc.node == node.name)
    return replace(node, storage=math.inf) if node.initial + coming > node.storage else node


def _arc(draw: st.DrawFn, supplier: str, node: str, forced: bool) -> Arc:
    lead, delay = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    units = st.floats(0.0, 4.0)
    # Where stock may lack for what was ordered before, the program may choose what to ship.
    mail = delay if not (forced and supplier) else 0
    return Arc(
        supplier, node, lead_time=lead, order_delay=delay, cost=draw(st.floats(0.0, 1.0)),
        holding=draw(st.floats(0.0, 0.5)), penalty=draw(st.floats(0.0, 0.5)),
        capacity=draw(st.sampled_from([math.inf, 6.0])) if supplier else math.inf,
        initial=tuple(draw(st.lists(units, max_size=lead))),
        ordered=tuple(draw(st.lists(units, max_size=mail))),
    )  # fmt: skip


quick = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(networks(forced=True), st.integers(4, 7))
def test_replayed_orders_cost_what_the_program_says(built: Network, periods: int) -> None:
    scenario = Scenario("", built, 0, periods)
    cost, orders = clairvoyant(scenario)
    assert replay(scenario, orders) == pytest.approx(cost, rel=1e-6, abs=1e-5)


@quick
@given(networks(forced=False), st.integers(4, 7), st.integers(0, 3), st.integers(0, 2**32))
def test_no_policy_costs_less_than_the_clairvoyant_bound(
    built: Network, periods: int, warm_up: int, seed: int
) -> None:
    scenario = Scenario("", built, 0, periods, warm_up)
    plan = PerfectInformationLP().solve(scenario, 0)
    assert plan.bound is not None
    assert plan.actions is not None
    rng = np.random.default_rng(seed)
    random = rng.exponential(2.0, (periods, len(built.arcs))) * rng.integers(0, 2, periods)[:, None]
    for orders in (plan.actions, random, 3.0 * plan.actions, np.zeros_like(random)):
        assert replay(scenario, orders) >= plan.bound


def test_the_bound_is_attained_where_the_flow_is_whole() -> None:
    # Without side constraints the program is a network flow with whole data, whose optimum is in
    # whole units; so the least cost over all orders, tried one by one, is the bound.
    demand = Cyclic((Constant(1.0), Constant(3.0), Constant(2.0)))
    shop = Node("shop", initial=1, holding=1.0, demand=demand, penalty=4.0, lost_sales=True)
    arcs = [Arc("", "plant", lead_time=0, cost=1.5, capacity=2), Arc("plant", "shop", lead_time=1)]
    built = network([Node("plant", initial=1, holding=0.3), shop], arcs)
    scenario = Scenario("", built, 0, 3)
    tried = np.zeros((144, 3, 2))  # what is ordered in the last period comes too late
    tried[:, :2] = np.reshape(list(itertools.product(*[range(3), range(4)] * 2)), (-1, 2, 2))
    costs = Laboratory([scenario] * len(tried)).play(lambda env: tried[:, env.period[0]])
    plan = PerfectInformationLP().solve(scenario, 0)
    assert plan.bound == pytest.approx(costs.min(), abs=1e-5)
    assert plan.actions is not None
    assert replay(scenario, plan.actions) == pytest.approx(plan.bound, abs=1e-5)


def test_rows_share_nothing_and_a_finished_row_orders_nothing() -> None:
    scenarios = [Scenario("", ten_node(), seed, periods) for seed, periods in ((1, 6), (2, 4))]
    for policy in (RollingHorizonLP(safety=1.0), StochasticLP(safety=0.3, scenarios=2)):
        together = play(policy, scenarios)
        alone = [play(policy, [scenario])[0] for scenario in scenarios]
        assert together.tolist() == alone


def test_networks_of_differing_size_in_one_batch() -> None:
    shop = Node("shop", holding=1.0, demand=Poisson(3.0), penalty=9.0, lost_sales=True)
    scenarios = [
        Scenario("", ten_node(), 1, 5),
        Scenario("", network([shop], [Arc("", "shop")]), 1, 5),
    ]
    costs = play(RollingHorizonLP(safety=1.0), scenarios)
    assert costs[1] == play(RollingHorizonLP(safety=1.0), scenarios[1:])[0]


def test_the_program_is_built_once(monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    class Counted(SupplyProgram):
        def __init__(self, *args: Any, **options: Any) -> None:
            built.append(self)
            super().__init__(*args, **options)

    monkeypatch.setattr(linear_programs, "SupplyProgram", Counted)
    play(StochasticLP(safety=0.3, scenarios=2), [Scenario("", ten_node(), 3, 8)])
    assert len(built) == 1


# --- what the policies order -------------------------------------------------------------------


def first_orders(policy: RecedingHorizon, built: Network, seed: int = 0) -> FloatArray:
    """Orders of a policy in the first period."""
    laboratory = Laboratory([Scenario("", built, 5, 50)])
    laboratory.instances = list(laboratory.scenarios)
    laboratory.reset(seed=0, options={"instances": laboratory.instances})
    policy.reset(laboratory, seed)
    return policy.orders(laboratory)[0]


@pytest.mark.parametrize("lead_time", [0, 1, 3])
def test_with_safety_one_a_shelf_gets_the_newsvendor_level(lead_time: int) -> None:
    # Base-stock level mu (L + 1) + z sigma sqrt(L + 1), z = 1.281552 at the ratio 9 / (9 + 1).
    node = Node("shop", initial=4.0, holding=1.0, demand=Normal(20.0, 3.0), penalty=9.0)
    orders = first_orders(RollingHorizonLP(safety=1.0), shelf(node, lead_time=lead_time))
    level = 20.0 * (lead_time + 1) + 1.281552 * 3.0 * math.sqrt(lead_time + 1)
    assert orders[0] == pytest.approx(level - 4.0, abs=1e-4)


def test_without_safety_the_mean_is_ordered() -> None:
    node = Node("shop", holding=1.0, demand=Normal(20.0, 3.0), penalty=9.0)
    orders = first_orders(RollingHorizonLP(safety=0.0), shelf(node, lead_time=1))
    assert orders[0] == pytest.approx(40.0)


def test_a_window_forecasts_from_the_past_alone() -> None:
    node = Node("shop", holding=1.0, demand=Trace((6.0, 10.0, 50.0)), penalty=9.0)
    scenario = Scenario("", shelf(node, lead_time=0), 0, 3)
    laboratory = Laboratory([scenario])
    laboratory.instances = [scenario]
    policy, placed = RollingHorizonLP(window=2, safety=1.0), []

    def rule(env: InventoryEnv) -> FloatArray:
        placed.append((env.position()[0, 0], policy.orders(env)[0, 0]))
        return np.array([[placed[-1][1]]])

    policy.reset(laboratory, 0)
    laboratory.play(rule)
    levels = [position + order for position, order in placed]
    # Nothing is known at first; then 6, with the variance of a Poisson law; then the mean of 6 and
    # 10, whose sample variance is 8.
    expected = [0.0, 6.0 + 1.281552 * math.sqrt(6.0), 8.0 + 1.281552 * math.sqrt(8.0)]
    assert levels == pytest.approx(expected, abs=1e-4)


def test_the_stochastic_program_orders_a_quantile_of_its_paths() -> None:
    # With lead time 0 and no way back, the newsvendor's quantile of the demand of one period:
    # 9 / (9 + 1) of 20 paths lie below the 18th.
    node = Node("shop", holding=1.0, demand=Poisson(30.0), penalty=9.0, lost_sales=True)
    built = network([node], [Arc("", "shop", lead_time=0)])
    orders = first_orders(StochasticLP(horizon=1, safety=0.0, scenarios=20), built, seed=3)
    asked = np.sort(PathSampler(built, 1, 20, 3).paths(0)[:, 0, 0])
    assert asked[17] <= orders[0] <= asked[18]


def test_factors_are_quantiles_of_critical_ratios() -> None:
    nodes = [
        Node("waits", holding=1.0, demand=Poisson(1.0), penalty=19.0),
        Node("leaves", holding=1.0, demand=Poisson(1.0), penalty=3.0, price=8.0, lost_sales=True),
        Node("free", demand=Poisson(1.0)),
    ]
    arcs = [Arc("", node.name, cost=2.0) for node in nodes]
    # Quantiles at 19 / 20 and (3 + 8 - 2) / (3 + 8 - 2 + 1), and at the least ratio, 0.01.
    found = safety_factors(network(nodes, arcs))
    assert sorted(found.tolist()) == pytest.approx([-2.326348, 1.281552, 1.644854], abs=1e-6)


def test_sampled_paths_are_stratified_by_the_demand_until_the_next_order() -> None:
    law = Poisson(30.0)
    node = Node("shop", holding=1.0, demand=law, penalty=9.0)
    sampler = PathSampler(network([node], [Arc("", "shop", lead_time=1)]), 6, 24, 0)
    sums = np.sort(sampler.paths(0)[:, :2, 0].sum(axis=1))
    middles = [law.quantile((stratum + 0.5) / 24, 2) for stratum in range(24)]
    # Of 192 draws an order statistic errs by a tenth of a standard deviation, more at the ends.
    assert np.abs(sums - middles).max() < 0.5 * math.sqrt(60.0)


def test_sampled_paths_follow_the_season() -> None:
    built = ten_node()
    sampler = PathSampler(built, 6, 4, 0)
    paths = sampler.paths(3)
    assert paths.shape == (4, 6, 10)
    assert np.array_equal(paths, sampler.paths(15))  # twelve periods later
    assert not np.array_equal(paths, sampler.paths(4))
    assert not paths[:, :, [i for i in range(10) if i not in built.markets]].any()


def test_a_trace_never_repeats() -> None:
    node = Node("shop", demand=Trace((1.0, 2.0, 3.0)), penalty=1.0)
    sampler = PathSampler(shelf(node), 2, 3, 0)
    assert sampler.paths(0)[0, :, 0].tolist() == [1.0, 2.0]
    assert sampler.paths(1)[0, :, 0].tolist() == [2.0, 3.0]


def test_equal_seeds_give_equal_orders() -> None:
    scenario = [Scenario("", ten_node(), 4, 6)]
    costs = [play(StochasticLP(safety=0.3, scenarios=4), scenario, seed)[0] for seed in (1, 1, 2)]
    assert costs[0] == costs[1] != costs[2]


def test_the_safety_factor_is_chosen_by_simulation() -> None:
    node = Node("shop", initial=60.0, holding=1.0, demand=Normal(20.0, 5.0), penalty=9.0)
    scenario = Scenario("", shelf(node, lead_time=2), 9, 120, 20)
    policy = RollingHorizonLP()
    chosen = play(policy, [scenario])[0]
    # Of one shelf the newsvendor's factor, 1, is known to be optimal.
    assert policy.report(0).details == {"safety": 1.0}
    assert chosen == play(RollingHorizonLP(safety=1.0), [scenario])[0]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: RollingHorizonLP(horizon=-1), "horizon"),
        (lambda: RollingHorizonLP(window=True), "window"),
        (lambda: RollingHorizonLP(safety=-0.1), "safety"),
        (lambda: RollingHorizonLP(safety=math.nan), "safety"),
        (lambda: StochasticLP(scenarios=0), "scenarios"),
    ],
)
def test_wrong_options_are_refused(make: Callable[[], RecedingHorizon], names: str) -> None:
    with pytest.raises(InputError, match=names):
        make()


def test_a_horizon_within_an_order_delay_is_refused() -> None:
    node = Node("shop", demand=Constant(1.0), penalty=1.0)
    with pytest.raises(InputError, match="order delay of 3"):
        first_orders(RollingHorizonLP(horizon=3, safety=1.0), shelf(node, order_delay=3))


def test_the_plan_is_carried_out_by_the_environment() -> None:
    from drlapps.scheduling.inventory_network.environment import InventoryNetworkEnv
    from drlapps.scheduling.inventory_network.instances import path

    pool = [replace(path(name, 7), periods=12, warm_up=3) for name in ("ten-node", "assembly")]
    env = InventoryNetworkEnv(2, pool, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": pool})
    solver = PerfectInformationLP()
    solver.reset(env, 0)
    for _ in range(12):
        observations, *_ = env.step(solver.act(env, observations))
    for row, instance in enumerate(pool):
        bound = solver.report(row).bound
        assert bound is not None
        assert env.metrics(row)["cost"] >= bound
        alone = PerfectInformationLP().solve(instance, 0)
        assert alone.bound == pytest.approx(bound)
        assert env.metrics(row)["cost"] == pytest.approx(replay(instance, alone.actions))
