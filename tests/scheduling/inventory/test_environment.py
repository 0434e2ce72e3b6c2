"""What the environments of all inventory tasks share: sizes, actions, positions."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.scheduling.inventory.demand import Constant, Poisson
from drlapps.scheduling.inventory.environment import cost_scale, largest_orders
from drlapps.scheduling.inventory.network import Arc, Node, network
from drlapps.scheduling.inventory.scenario import Scenario

SHOP = Node("shop", initial=4, holding=1.0, demand=Poisson(5.0), penalty=9.0)
CHAIN = network(
    [Node("depot", initial=7), SHOP],
    [
        Arc("", "depot", lead_time=3, initial=(2, 1)),
        Arc("depot", "shop", lead_time=2, order_delay=1, initial=(6,), ordered=(3,)),
    ],
    backlog=True,
)


def batch(OrdersEnv, *networks, periods=5):
    scenarios = [Scenario(f"s{i}", one, i, periods) for i, one in enumerate(networks)]
    env = OrdersEnv(len(scenarios), scenarios, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": scenarios})
    return env


def test_positions_count_all_that_is_ordered_and_not_there_yet(OrdersEnv):
    env = batch(OrdersEnv, CHAIN)
    # Depot: 7 + 2 + 1; shop: 4 + 6 under way + 3 in the mail, which is nowhere in the chain.
    assert env.position().tolist() == [[10.0, 13.0]]
    assert env.echelon_position().tolist() == [[20.0, 13.0]]
    env.step(np.array([[0.0, 20.0]]))
    # The 3 in the mail were shipped; the 20 are in it, and the shop's customers have been served.
    assert env.mail[0, 1].tolist() == [20.0]
    sold = env._demand[0, 0, 1]
    assert env.position().tolist() == [[7.0, 33.0 - sold]]
    env.step(np.array([[0.0, 0.0]]))
    # The depot had 4 and 2 arrived since: of the 20 it owes what it could not ship.
    assert env.owed[0, 1] == 20.0 - env._path["shipped"][0, 1, 1]
    assert env.owed[0, 1] > 0.0
    assert env.echelon_position()[0, 0] == 20.0 - env._demand[0, :2, 1].sum()


def test_an_assembling_node_counts_what_its_scarcest_component_makes(OrdersEnv):
    bicycle = Node("bicycle", demand=Constant(0.0), assembles=True)
    arcs = [
        Arc("", "bicycle", lead_time=3, initial=(3,)),
        Arc("", "bicycle", lead_time=3, initial=(1, 3), quantity=2.0),
    ]
    env = batch(OrdersEnv, network([bicycle], arcs))
    assert env.position().tolist() == [[2.0]]


def test_orders_and_actions_are_each_others_inverse(OrdersEnv):
    env = batch(OrdersEnv, CHAIN, CHAIN)
    orders = np.array([[0.0, 7.0], [13.0, 31.0]])
    assert env.orders_of(env.actions_for(orders)) == pytest.approx(orders, abs=1e-12)
    assert (
        env.orders_of(np.array([[-1.0, 1.0]] * 2)).tolist() == [[0.0, largest_orders(CHAIN)[1]]] * 2
    )
    # What exceeds the largest order is cut to it.
    assert (env.actions_for(orders + 1e9) == 1.0).all()


def test_the_largest_order_covers_the_way_to_the_customers_within_limits():
    # 3 + 2 + 1 periods and two more of Poisson(5): 40 + 6 sqrt(40); then 25 + 6 sqrt(25).
    assert largest_orders(CHAIN) == (78.0, 55.0)
    tight = network([Node("shop", storage=30, demand=Poisson(5.0))], [Arc("", "shop")])
    assert largest_orders(tight) == (30.0,)
    slow = network([SHOP], [Arc("", "shop", capacity=12)])
    assert largest_orders(slow) == (12.0,)


def test_the_scale_of_rewards_follows_costs_and_demand():
    # 5 (1 + 9 / 2)
    assert cost_scale(CHAIN) == pytest.approx(27.5)


def test_networks_of_differing_shape_share_a_batch(OrdersEnv):
    small = network([SHOP], [Arc("", "shop")])
    mixed, alone = batch(OrdersEnv, small, CHAIN), batch(OrdersEnv, small)
    for _ in range(5):
        mixed.step(np.full((2, 2), 5.0))
        alone.step(np.full((1, 1), 5.0))
    assert mixed.metrics(0) == alone.metrics(0)
    assert mixed.solution(0) == alone.solution(0)


def test_what_does_not_fit_the_batch_is_refused(OrdersEnv):
    small = network([SHOP], [Arc("", "shop")])
    env = batch(OrdersEnv, small)
    with pytest.raises(ValueError, match="larger than any network"):
        env.reset(options={"instances": [Scenario("big", CHAIN, 0, 5)]})
    with pytest.raises(ValueError, match="more periods"):
        env.reset(options={"instances": [Scenario("long", small, 0, 6)]})
    with pytest.raises(ValueError, match="finite"):
        env.step(np.array([[np.nan]]))
