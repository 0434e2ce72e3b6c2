"""The classical policies."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.evaluate import rollout
from drlapps.policy import Policy
from drlapps.scheduling.inventory_network.baselines import (
    BaseStock,
    EchelonBaseStock,
    Newsvendor,
    ReorderPoint,
    Steady,
)
from drlapps.scheduling.inventory_network.environment import InventoryNetworkEnv
from drlapps.scheduling.inventory_network.instances import NetworkScenario, named, solved, toy


def play(policy: Policy, scenarios: list[NetworkScenario]) -> float:
    """Return the mean cost of a policy."""
    env = InventoryNetworkEnv(len(scenarios), scenarios, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, policy, scenarios, seed=0)
    return float(np.mean([env.metrics(row)["cost"] for row in range(len(scenarios))]))


def test_optimised_levels_are_near_the_optimum_of_a_chain() -> None:
    # Clark & Scarf 1960: echelon base-stock levels are optimal for a chain with backorders.
    paths = named(["two-stage:0..3"])
    costs = {cls: play(cls(), paths) for cls in (EchelonBaseStock, BaseStock, Newsvendor)}
    assert costs[EchelonBaseStock] < costs[BaseStock]
    assert costs[EchelonBaseStock] == pytest.approx(costs[Newsvendor], rel=0.02)


def test_all_report_their_levels() -> None:
    (scenario,) = named(["or-gym-newsvendor:5"])
    for cls in (EchelonBaseStock, BaseStock, ReorderPoint, Newsvendor):
        policy = cls()
        play(policy, [scenario])
        levels = policy.report(0).details["levels"]
        assert isinstance(levels, dict)
        # 6 periods of demand 100, and something for safety.
        assert 550.0 < levels["newsvendor"] < 680.0


def test_no_policy_beats_a_toy() -> None:
    for scenario in (*toy(), *solved()):
        for cls in (EchelonBaseStock, BaseStock, ReorderPoint, Newsvendor, Steady):
            assert play(cls(), [scenario]) >= scenario.bound - 1e-9


def test_steady_orders_the_mean_demand_whatever_happens() -> None:
    scenarios = named(["two-stage"])
    env = InventoryNetworkEnv(1, scenarios, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Steady(), scenarios, seed=0)
    orders = np.array(env.solution(0)["orders"])
    assert orders == pytest.approx(np.full(orders.shape, 5.0))


def test_a_policy_serves_networks_of_different_shape_at_once() -> None:
    scenarios = [*named(["two-stage:2", "distribution:1"]), *solved()]
    env = InventoryNetworkEnv(len(scenarios), scenarios, autoreset_mode=AutoresetMode.DISABLED)
    policy = Newsvendor()
    rollout(env, policy, scenarios, seed=0)
    for row, scenario in enumerate(scenarios):
        alone = InventoryNetworkEnv(1, [scenario], autoreset_mode=AutoresetMode.DISABLED)
        rollout(alone, Newsvendor(), [scenario], seed=0)
        assert env.metrics(row) == alone.metrics(0)
