"""The compiled kernels against the checker's replay, and what every network must keep."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.scheduling.inventory.checker import Replay, check, violations
from drlapps.scheduling.inventory.demand import Empirical, Normal, Poisson
from drlapps.scheduling.inventory.network import ALLOCATIONS, Arc, Node, network
from drlapps.scheduling.inventory.scenario import Scenario

PERIODS = 14
COSTS = st.sampled_from([0.0, 0.5, 1.0, 3.7, 20.0])


@st.composite
def nodes(draw, name, integer, inner, inland, assembles):
    """A node with any of the features.

    Args:
        inner: whether it supplies others.
        inland: whether nothing comes from the outside world: what special deliveries need.
    """
    units = st.integers(0, 12) if integer else st.floats(0, 12)
    sells = not inner or draw(st.booleans())
    laws = [Poisson(4.0), Empirical((0, 1, 7), (0.5, 0.25, 0.25)), Poisson(0.5)]
    lost = draw(st.booleans())
    return Node(
        name,
        initial=(initial := draw(units)),
        holding=draw(COSTS),
        storage=initial + draw(st.just(np.inf) | st.integers(0, 30)),
        demand=draw(st.sampled_from(laws if integer else [*laws, Normal(4.0, 2.0)]))
        if sells
        else None,
        penalty=draw(COSTS),
        lost_sales=lost,
        price=draw(COSTS),
        waiting=draw(st.sampled_from([0.0, 0.3, 0.8, 1.0])) if lost and inland else 0.0,
        special=draw(COSTS),
        assembles=assembles,
    )


@st.composite
def arcs(draw, supplier, node, integer):
    """An arc with any of the features."""
    units = st.integers(0, 6) if integer else st.floats(0, 6)
    lead, delay = draw(st.integers(0, 3)), draw(st.integers(0, 2))
    return Arc(
        supplier,
        node.name,
        lead_time=lead,
        cost=draw(COSTS),
        fixed=draw(COSTS),
        capacity=draw(st.just(np.inf) | (st.integers(0, 9) if integer else st.floats(0, 9))),
        order_delay=delay,
        holding=draw(COSTS),
        penalty=draw(COSTS),
        quantity=draw(st.sampled_from([1.0, 2.0, 3.0] if integer else [1.0, 0.7, 2.5]))
        if node.assembles
        else 1.0,
        initial=tuple(draw(st.lists(units, max_size=lead))),
        ordered=tuple(draw(st.lists(units, max_size=delay))),
    )


@st.composite
def scenarios(draw, assembly=True):
    """A small network with any of the features, and a path of its demand."""
    integer, count = draw(st.booleans()), draw(st.integers(1, 5))
    ways = []
    for head in range(count):
        suppliers = st.integers(-1, head - 1)
        ways += [(tail, head) for tail in draw(st.lists(suppliers, min_size=1, max_size=3))]
    inner = {tail for tail, _ in ways}
    inland = set(range(count)) - {head for tail, head in ways if tail < 0}
    places = [
        draw(nodes(f"n{i}", integer, i in inner, i in inland, assembly and draw(st.booleans())))
        for i in range(count)
    ]
    between = [
        draw(arcs(places[tail].name if tail >= 0 else "", places[head], integer))
        for tail, head in ways
    ]
    built = network(
        places,
        between,
        integer=integer,
        backlog=draw(st.booleans()),
        late_receipts=draw(st.booleans()),
        allocation=draw(st.sampled_from(ALLOCATIONS)),
        discount=draw(st.sampled_from([1.0, 0.9])),
    )
    warm_up = draw(st.integers(0, PERIODS - 1))
    return Scenario("random", built, draw(st.integers(0, 2**64 - 1)), PERIODS, warm_up)


def some_orders(scenario, seed, periods=PERIODS):
    """Orders around the demand; some negative, some far too large, few whole."""
    rng = np.random.default_rng(seed)
    shape = (periods, len(scenario.network.arcs))
    orders = rng.normal(4.0, 4.0, shape)
    orders[rng.random(shape) < 0.2] = 0.0
    orders[rng.random(shape) < 0.05] = 100.0
    return orders


SEEDS = st.integers(0, 2**32 - 1)


@settings(max_examples=200)
@given(scenario=scenarios(), seed=SEEDS)
def test_the_kernel_and_the_replay_agree_in_every_period(play, scenario, seed):
    env, costs = play(scenario, some_orders(scenario, seed))
    solution = env.solution(0)
    assert violations(scenario, solution) == []
    replay = Replay(scenario, np.array(solution["orders"]))
    for name, path in replay.path.items():
        assert np.array(solution[name]) == pytest.approx(path, abs=1e-9, rel=1e-9), name
    assert costs == pytest.approx(replay.costs(), abs=1e-9, rel=1e-9)
    metrics = env.metrics(0)
    found = check(scenario, solution)
    assert found.keys() == metrics.keys()
    assert found == pytest.approx(metrics, abs=1e-9, rel=1e-9)


@settings(max_examples=100)
@given(scenario=scenarios(assembly=False), seed=SEEDS)
def test_no_unit_is_made_or_lost(play, scenario, seed):
    env, _ = play(scenario, some_orders(scenario, seed))
    built, solution = scenario.network, env.solution(0)
    bought = np.array(solution["shipped"])[:, [not arc.supplier for arc in built.arcs]].sum()
    first = sum(node.initial for node in built.nodes) + sum(sum(arc.initial) for arc in built.arcs)
    there = env.on_hand.sum() + env.in_transit().sum()
    assert first + bought == pytest.approx(there + np.sum(solution["sold"]), abs=1e-9)
    assert (env.on_hand >= 0.0).all()
    if built.integer:
        assert (np.array(solution["on_hand"]) % 1.0 == 0.0).all()


@settings(max_examples=50)
@given(scenario=scenarios(), seed=SEEDS)
def test_orders_and_shipments_keep_to_the_limits(play, scenario, seed):
    env, _ = play(scenario, some_orders(scenario, seed))
    built, solution = scenario.network, env.solution(0)
    orders, shipped = np.array(solution["orders"]), np.array(solution["shipped"])
    assert (orders >= 0.0).all()
    assert (shipped >= 0.0).all()
    assert (shipped <= [arc.capacity for arc in built.arcs]).all()
    if built.integer:
        assert (orders % 1.0 == 0.0).all()
    if not built.backlog:
        assert (env.owed == 0.0).all()
    storage = np.array([np.inf if node.assembles else node.storage for node in built.nodes])
    for arc, head in zip(built.arcs, built.heads, strict=True):
        # What was under way at the start may fill more than the storage.
        storage[head] += sum(arc.initial) + sum(arc.ordered)
    assert (np.array(solution["on_hand"]) <= storage + 1e-9).all()


@settings(max_examples=30)
@given(pool=st.lists(scenarios(), min_size=1, max_size=3), seed=SEEDS)
def test_equal_seeds_give_equal_bits_whatever_the_batch(OrdersEnv, pool, seed):
    arcs = max(len(one.network.arcs) for one in pool)
    actions = np.random.default_rng(seed).normal(4.0, 4.0, (PERIODS + 5, 3, arcs))
    batch, alone = OrdersEnv(3, pool), OrdersEnv(1, pool)
    batch.reset(seed=seed)
    alone.reset(seed=seed + 1)
    for action in actions:
        observations, rewards, *_ = batch.step(action)
        single, reward, *_ = alone.step(action[1:2])
        assert observations[1].tobytes() == single[0].tobytes()
        assert rewards[1] == reward[0]
    state = alone.export_state()
    assert all(array[1].tobytes() == state[name][0].tobytes()
               for name, array in batch.export_state().items())  # fmt: skip


@settings(max_examples=30)
@given(pool=st.lists(scenarios(), min_size=1, max_size=3), seed=SEEDS)
def test_a_restored_environment_goes_on_bit_for_bit(OrdersEnv, pool, seed):
    arcs = max(len(one.network.arcs) for one in pool)
    actions = np.random.default_rng(seed).normal(4.0, 4.0, (PERIODS + 12, 2, arcs))
    env, other = OrdersEnv(2, pool), OrdersEnv(2, pool)
    env.reset(seed=seed)
    for action in actions[:6]:
        env.step(action)
    other.reset(seed=0)
    other.restore_state(env.export_state())
    for action in actions[6:]:
        expected, found = env.step(action), other.step(action)
        assert expected[0].tobytes() == found[0].tobytes()
        assert expected[1].tobytes() == found[1].tobytes()


def test_a_row_that_has_ended_stays_as_it_is(OrdersEnv):
    built = network([Node("shop", demand=Poisson(3.0), holding=1.0)], [Arc("", "shop")])
    pool = [Scenario("short", built, 1, 3), Scenario("long", built, 2, 5)]
    env = OrdersEnv(2, pool, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": pool})
    for _ in range(3):
        env.step(np.full((2, 1), 3.0))
    before, metrics = env.solution(0), env.metrics(0)
    for _ in range(2):
        _, rewards, terminated, truncated, _ = env.step(np.full((2, 1), 3.0))
        assert rewards[0] == 0.0
        assert truncated[0]
        assert not terminated.any()
    assert (env.solution(0), env.metrics(0)) == (before, metrics)
    assert len(env.solution(1)["sold"]) == 5
