"""Names, pools and networks with a known answer."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.search import Laboratory
from drlapps.scheduling.inventory_network import instances
from drlapps.scheduling.inventory_network.instances import (
    NetworkScenario,
    named,
    named_problem,
    path,
    solved,
    toy,
    train,
    validation,
)
from drlapps.scheduling.inventory_network.networks import PROBLEMS


def cheapest(scenario: NetworkScenario, choices: list[list[float]]) -> float:
    """Return the least cost of all plans; an arc's choices hold in every period."""
    arcs = len(scenario.network.arcs)
    plans = np.array(list(product(*choices * scenario.periods)))
    plans = plans.reshape(-1, scenario.periods, arcs)
    laboratory = Laboratory([scenario] * len(plans))

    def rule(env: InventoryEnv) -> np.ndarray:
        return plans[:, min(int(env.period[0]), scenario.periods - 1)].copy()

    return float(laboratory.play(rule).min())


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("toy-shop", [[0, 3, 4, 5, 8]]),
        ("toy-shared", [[0, 6], [0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]]),
        ("toy-assembly", [[0, 1], [0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4]]),
        ("toy-suppliers", [[0], [0, 2, 4], [0, 1, 2, 4]]),
    ],
)
def test_no_plan_of_a_toy_beats_the_optimum_worked_out_by_hand(
    name: str, choices: list[list[float]]
) -> None:
    scenario = next(one for one in (*toy(), *solved()) if one.name == name)
    assert cheapest(scenario, choices) == pytest.approx(scenario.reference, abs=1e-12)


def test_toys_of_ten_nodes_have_the_optimum_worked_out_by_hand() -> None:
    eve, morrow = toy()
    for scenario, ways in ((eve, []), (morrow, ["north -> harbour"])):
        laboratory = Laboratory([scenario])
        arcs = [f"{arc.supplier} -> {arc.node}" for arc in scenario.network.arcs]
        plan = np.zeros((1, len(arcs)))
        plan[0, [arcs.index(way) for way in ways]] = 6.0

        def rule(env: InventoryEnv, plan: np.ndarray = plan) -> np.ndarray:
            return plan * (env.period[0] == 0)

        assert laboratory.play(rule)[0] == pytest.approx(scenario.reference)
        # One unit more on any arc saves nothing.
        for arc in range(len(arcs)):
            more = plan + np.eye(len(arcs))[arc]
            assert laboratory.play(lambda env, p=more: rule(env, p))[0] >= scenario.reference  # type: ignore[misc]


def test_ten_node_is_hard_on_purpose() -> None:
    network = PROBLEMS["ten-node"]().network
    assert len(network.nodes) == 10
    assert [node.name for node in network.nodes][:4] == ["far", "near", "north", "south"]
    laws = [node.demand for node in network.nodes if node.demand is not None]
    means = np.sum([law.means(12) for law in laws], axis=0)
    far, near = (arc.capacity for arc in network.arcs[:2])
    assert near < means.min()
    assert far < means.max() <= far + near
    assert all(network.nodes[m].lost_sales for m in network.markets)
    assert len(network.incoming(network.place["centre"])) == 2


def test_demand_of_the_published_cases() -> None:
    # E max(N(m, s), 0) = m Phi(m/s) + s phi(m/s): 8.437 and 7.979, but for the rounding.
    for name, mean in {"van-roy-1": 8.437, "van-roy-2": 7.979}.items():
        network = PROBLEMS[name]().network
        laws = [network.nodes[m].demand for m in network.markets]
        assert len(laws) == 10
        assert all(law is not None and abs(law.mean - mean) < 0.03 for law in laws)


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_problem_has_paths(name: str) -> None:
    first, second = named([f"{name}:0..1"])
    assert (first.name, second.name) == (f"{name}:0", f"{name}:1")
    assert first.network == second.network
    assert not np.array_equal(first.demand, second.demand)
    assert named([name])[0].hash == first.hash
    assert first.reference is None
    assert first.bound is None


def test_pools_differ_in_their_paths() -> None:
    pools = [{one.hash for one in pool()} for pool in (validation, instances.test, toy)]
    assert [len(pool) for pool in pools] == [8, 4, 2]
    assert not pools[0] & pools[1]
    drawn = train(periods=30).sample(np.random.default_rng(0))
    assert (drawn.periods, drawn.network) == (30, PROBLEMS["ten-node"]().network)


def test_a_network_of_ones_own_comes_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    text = """
        [[node]]
        name = "shop"
        holding = 1
        penalty = 9
        demand = {law = "poisson", mean = 5}
        [[arc]]
        node = "shop"
        lead_time = 2
        """
    file.write_text(text)
    (scenario,) = named([f"{file}:3"])
    assert (scenario.periods, scenario.warm_up) == (1100, 100)
    assert scenario.network.arcs[0].lead_time == 2
    assert train(problem=str(file)).size.network == scenario.network
    named_problem.cache_clear()
    file.write_text("periods = 40\n" + text)
    assert path(str(file), 0).periods == 40


@pytest.mark.parametrize("word", ["ten-nod", "ten-node:3..1", "missing.toml", "ten-node:x"])
def test_what_is_not_there_is_refused(word: str) -> None:
    with pytest.raises(InputError):
        named([word])


@pytest.mark.parametrize("periods", [0, True, 2.5])
def test_impossible_lengths_are_refused(periods: object) -> None:
    with pytest.raises(InputError, match="periods"):
        train(periods=periods)  # type: ignore[arg-type]
