"""The environment of supply networks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.scheduling.inventory.checker import check
from drlapps.scheduling.inventory.demand import Poisson
from drlapps.scheduling.inventory.network import Arc, Node, network
from drlapps.scheduling.inventory_network.baselines import EchelonBaseStock, Newsvendor
from drlapps.scheduling.inventory_network.environment import InventoryNetworkEnv
from drlapps.scheduling.inventory_network.guide import FACTORS
from drlapps.scheduling.inventory_network.instances import NetworkScenario, named, solved, train

SMALL = "distribution"


def cost(env: InventoryNetworkEnv, action: np.ndarray | int, name: str) -> float:
    """Play one action all the time; return the cost."""
    env.reset(seed=0, options={"instances": named([name])})
    over = np.array([False])
    while not over.all():
        *_, over, _ = env.step(np.asarray([action]))
    return env.metrics(0)["cost"]


def evaluation(name: str, **settings: str) -> InventoryNetworkEnv:
    return InventoryNetworkEnv(1, named([name]), autoreset_mode=AutoresetMode.DISABLED, **settings)


def test_order_up_to_starts_from_the_optimised_base_stock() -> None:
    env = evaluation("toy-suppliers", actions="order-up-to")
    assert env.single_action_space.shape == (3,)
    centred = evaluation("or-gym-newsvendor:1", actions="order-up-to")
    nothing = np.zeros(1, np.float32)
    at_rest = cost(centred, nothing, "or-gym-newsvendor:1")
    assert cost(centred, nothing - 1.0, "or-gym-newsvendor:1") > at_rest
    # An action moves the level, and with it the order, by 3 standard deviations.
    rule = centred._guide(named(["or-gym-newsvendor"])[0].network).rule
    orders = []
    for action in (0.0, 0.5):
        centred.reset(seed=0, options={"instances": named(["or-gym-newsvendor:1"])})
        orders.append(centred._orders(np.full((1, 1), action, np.float32))[0, 0])
    assert orders[1] - orders[0] == pytest.approx(1.5 * rule.spread[0, 0])


def test_discrete_actions_choose_a_factor_for_each_echelon() -> None:
    env = evaluation("van-roy-1", actions="discrete")
    assert env.single_action_space.n == len(FACTORS) ** 2  # type: ignore[attr-defined]
    grid = env._guide(named(["van-roy-1"])[0].network).grid
    assert (grid[:, 1:] == grid[:, 1:2]).all()
    assert {(row[0], row[1]) for row in grid.tolist()} == {(a, b) for a in FACTORS for b in FACTORS}
    # Position, two slots and stock of each echelon, and the clock.
    assert env.single_observation_space.shape == (2 * 4 + 4,)
    three = evaluation("ten-node", actions="discrete")
    assert three.single_action_space.n == len(FACTORS) ** 3  # type: ignore[attr-defined]


def test_rewards_are_costs_without_the_luck_of_the_draw() -> None:
    env = InventoryNetworkEnv(256, train(periods=200))
    env.reset(seed=1)
    guide = env._guide(train().size.network)
    policy = Newsvendor()
    policy.reset(env, 0)
    expected, realised = [], []
    for _ in range(150):
        _, rewards, *_ = env.step(policy.act(env, np.zeros(0)))
        expected.append(guide.usual_cost - rewards * env.scale)
        realised.append(env._outcome.cost.copy())
    charged, happened = np.array(expected[50:]), np.array(realised[50:])
    error = happened.mean(axis=0).std() / 16.0
    assert charged.mean() == pytest.approx(happened.mean(), abs=4.0 * error)
    assert charged.std() < 0.85 * happened.std()
    # The reward is 0 on average where the agent does as these levels do.
    assert charged.mean() == pytest.approx(guide.usual_cost, rel=0.03)


def test_observations_tell_stock_and_season() -> None:
    env = evaluation("ten-node")
    observations, _ = env.reset(seed=0, options={"instances": named(["ten-node"])})
    guide = env._guide(env.instances[0].network)
    assert observations.shape == (1, guide.features)
    assert observations[0, -4:-2].tolist() == [0.0, 1.0]
    nodes, stock = len(env.instances[0].network.nodes), env.on_hand[0].copy()
    means = guide.rule.flows.mean
    assert observations[0, -4 - nodes : -4] == pytest.approx(stock / (4.0 * means), rel=1e-5)
    for _ in range(3):
        observations, *_ = env.step(np.zeros((1, 13), np.float32))
    assert observations[0, -4:-2] == pytest.approx([1.0, 0.0], abs=1e-6)


def test_networks_of_different_shape_share_a_batch() -> None:
    scenarios = [*solved(), *named([f"{SMALL}:1"])]
    together = InventoryNetworkEnv(len(scenarios), scenarios, autoreset_mode=AutoresetMode.DISABLED)
    seen, _ = together.reset(seed=0, options={"instances": scenarios})
    for row, scenario in enumerate(scenarios):
        alone = InventoryNetworkEnv(1, [scenario])
        one, _ = alone.reset(seed=0, options={"instances": [scenario]})
        assert np.array_equal(seen[row, : one.shape[1]], one[0])
        assert not seen[row, one.shape[1] :].any()
    rollout(together, Newsvendor(), scenarios, seed=0)
    for row, scenario in enumerate(scenarios):
        alone = InventoryNetworkEnv(1, [scenario], autoreset_mode=AutoresetMode.DISABLED)
        rollout(alone, Newsvendor(), [scenario], seed=0)
        assert together.metrics(row) == alone.metrics(0)
        assert check(scenario, together.solution(row)) == pytest.approx(together.metrics(row))


def test_an_episode_is_a_piece_of_a_network_that_goes_on() -> None:
    env = InventoryNetworkEnv(2, train(periods=3))
    env.reset(seed=0)
    for step in range(3):
        _, _, terminated, truncated, _ = env.step(env.action_space.sample())
        assert not terminated.any()
        assert (truncated == (step == 2)).all()


def test_published_base_stock_levels_cost_about_what_was_published() -> None:
    # Van Roy et al. 1997: order up to 330 at the warehouse, after its shipments, and to 23 at the
    # stores: 1302 a period. In echelon terms the warehouse's level is 330 + 10 * 23.
    policy = EchelonBaseStock()
    env = evaluation("van-roy-1")
    scenarios = named(["van-roy-1"])
    rule = env._guide(scenarios[0].network).rule
    levels = np.array([330.0 + 230.0, 23.0])
    arcs = [0, 1]
    factors = (levels - rule.base[0, arcs]) / rule.spread[0, arcs]
    policy.plan = lambda scenario: (rule, factors)  # type: ignore[method-assign]
    rollout(env, policy, scenarios, seed=0)
    assert env.metrics(0)["cost"] == pytest.approx(1302.0, rel=0.02)


def test_unknown_actions_are_refused() -> None:
    with pytest.raises(InputError, match="actions"):
        InventoryNetworkEnv(1, train(), actions="levels")


def test_a_long_chain_has_too_many_discrete_actions() -> None:
    names = ["a", "b", "c", "d", "e"]
    nodes = [Node(name) for name in names[:-1]]
    nodes.append(Node("e", demand=Poisson(3.0), penalty=5.0))
    ways = [Arc("", "a"), *(Arc(*pair) for pair in pairwise(names))]
    chain = NetworkScenario("chain", network(nodes, ways), 0, 10)
    InventoryNetworkEnv(1, [chain])
    with pytest.raises(InputError, match="at most 4 echelons, not 5"):
        InventoryNetworkEnv(1, [chain], actions="discrete")
