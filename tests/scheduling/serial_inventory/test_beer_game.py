"""The beer game and how people play it."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.policy import Policy
from drlapps.scheduling.serial_inventory.baselines import LocalBaseStock
from drlapps.scheduling.serial_inventory.checker import check
from drlapps.scheduling.serial_inventory.environment import SerialInventoryEnv
from drlapps.scheduling.serial_inventory.instances import named
from drlapps.scheduling.serial_inventory.sterman import Sterman


def play(policy: Policy, name: str = "beer-game") -> SerialInventoryEnv:
    scenarios = named([name])
    env = SerialInventoryEnv(1, scenarios, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, policy, scenarios, 0)
    return env


def costs_by_desk(env: SerialInventoryEnv) -> list[float]:
    """Return what each desk pays in 36 weeks, the retailer first."""
    network, path = env.instances[0].network, env.solution(0)
    shipped, orders = np.array(path["shipped"]), np.array(path["orders"])
    holding = 0.5 * np.array(path["on_hand"]).sum(axis=0)
    backlog = np.array(path["backorder"]).sum(axis=0)
    for index, (arc, supplier) in enumerate(zip(network.arcs, network.suppliers, strict=True)):
        if supplier >= 0:
            read = np.concatenate([arc.ordered, orders[:, index]])[: len(orders)]
            backlog[supplier] += (read.cumsum() - shipped[:, index].cumsum()).sum()
    return (holding + backlog)[::-1].tolist()


def test_the_benchmark_of_sterman() -> None:
    # Sterman 1989, table 2: 46, 50, 54 and 54 dollars, 204 in all; also Edali & Yasarcan 2014.
    policy = Sterman()
    env = play(policy)
    assert costs_by_desk(env) == [46.0, 50.0, 54.0, 54.0]
    found = env.metrics(0)
    assert 36 * found["cost"] == pytest.approx(204.0)
    assert found["expected_cost"] == found["cost"]
    assert check(env.instances[0], env.solution(0))["expected_cost"] == pytest.approx(204 / 36)
    details = policy.report(0).details
    assert [details[f"S_{stage}"] for stage in range(1, 5)] == [28.0, 28.0, 28.0, 20.0]


def test_a_search_finds_the_benchmark() -> None:
    # With a fixed forecast of 4, Sterman's rule is an installation base-stock rule of S' + 4.
    policy = LocalBaseStock()
    env = play(policy)
    assert 36 * env.metrics(0)["cost"] == pytest.approx(204.0)
    assert list(policy.report(0).details.values()) == [32.0, 32.0, 32.0, 24.0]


def test_everybody_orders_four_in_the_first_weeks() -> None:
    env = play(Sterman(desired=100.0))
    orders = np.array(env.solution(0)["orders"])
    assert (orders[:5] == 4.0).all()
    assert (orders[5] > 4.0).all()


def test_people_overreact() -> None:
    # Sterman's estimates of the average player: orders swing more the further they are upstream.
    env = play(Sterman(theta=0.36, alpha=0.26, beta=0.34, desired=17.0))
    orders = np.array(env.solution(0)["orders"])
    peaks = orders.max(axis=0)
    assert (np.diff(peaks) < 0).all()
    assert 36 * env.metrics(0)["cost"] > 2 * 204


def test_forecasts_follow_the_orders_that_are_read() -> None:
    policy = Sterman(theta=1.0, alpha=0.0)
    env = play(policy, "beer-game-random")
    solution = env.solution(0)
    orders, demand = np.array(solution["orders"]), np.array(solution["demand"])[:, -1]
    # Nobody adjusts: each desk passes on what it read in the week before, a mail later.
    assert (orders[6:, 3] == demand[5:-1]).all()
    assert (orders[9:, 2] == orders[7:-2, 3]).all()


@pytest.mark.parametrize("name", ["theta", "alpha", "beta", "desired"])
def test_parameters_out_of_range_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=name):
        Sterman(**{name: -1.0})


def test_settings_do_not_change_the_game() -> None:
    with pytest.raises(InputError, match="beer game"):
        named(["beer-game"], penalty=3)
    with pytest.raises(InputError, match="did you mean"):
        named(["beer-gama"])
