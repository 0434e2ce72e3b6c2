"""Flows through a network, and positions in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.scheduling.inventory.demand import Constant, Poisson
from drlapps.scheduling.inventory.network import Arc, Network, Node, network
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory.search import Laboratory
from drlapps.scheduling.inventory_network.levels import Flows, Positions, stock_of
from drlapps.scheduling.inventory_network.networks import PROBLEMS, assembly


def tree(backlog: bool) -> Network:
    """A plant, two warehouses, three shops, orders that take time to reach the plant."""
    law = Poisson(4.0)
    nodes = [Node("plant", initial=9)]
    nodes += [Node(name, initial=6) for name in ("west", "east")]
    nodes += [Node(name, initial=5, demand=law, penalty=5.0) for name in ("a", "b", "c")]
    arcs = [
        Arc("", "plant", lead_time=3),
        Arc("plant", "west", lead_time=2, order_delay=1),
        Arc("plant", "east", lead_time=1),
        Arc("west", "a", lead_time=1),
        Arc("west", "b", lead_time=2),
        Arc("east", "c", lead_time=0),
    ]
    return network(nodes, arcs, backlog=backlog)


@settings(max_examples=20, deadline=None)
@given(backlog=st.booleans(), seed=st.integers(0, 1000))
def test_in_a_tree_positions_are_those_of_the_core(backlog: bool, seed: int) -> None:
    net = tree(backlog)
    rng = np.random.default_rng(seed)
    laboratory = Laboratory([Scenario("tree", net, seed, 12), Scenario("tree", net, seed + 1, 9)])
    installation, echelon = (Positions(Flows(net), kind) for kind in (False, True))
    heads = list(net.heads)

    def rule(env: Laboratory) -> np.ndarray:
        stock = stock_of(env, net, slice(None))
        assert np.allclose(installation(stock), env.position()[:, heads])
        assert np.allclose(echelon(stock), env.echelon_position()[:, heads])
        return rng.integers(0, 9, env.owed.shape).astype(np.float64)

    laboratory.play(rule)  # type: ignore[arg-type]


def test_flows_of_a_tree() -> None:
    flows = Flows(tree(False))
    assert flows.first.all()
    assert flows.use.tolist() == [1.0] * 6
    assert flows.mean.tolist() == [12.0, 8.0, 4.0, 4.0, 4.0, 4.0]
    # From west 1 or 2 periods to customers, from east none; from the plant 2 more, or 1.
    assert flows.below.tolist() == [3, 2, 0, 0, 0, 0]
    assert flows.variances(2).tolist() == [[12.0, 8.0, 4.0, 4.0, 4.0, 4.0]] * 2


def test_an_assembly_counts_each_component_in_its_own_units() -> None:
    net = assembly()
    flows = Flows(net)
    assert flows.use.tolist() == [1.0, 1.0, 1.0, 2.0]
    assert flows.mean.tolist() == [8.0, 16.0, 8.0]
    laboratory = Laboratory([Scenario("assembly", net, 0, 5)])
    laboratory.play(lambda env: np.zeros(env.owed.shape))
    laboratory.on_hand[0] = [3.0, 10.0, 7.0]
    laboratory.backorder[0] = [0.0, 0.0, 2.0]
    laboratory.component[0] = [0.0, 0.0, 4.0, 0.0]
    laboratory.pipeline[0, :, 0] = [5.0, 0.0, 0.0, 6.0]
    laboratory.owed[0] = [0.0, 0.0, 1.0, 0.0]
    stock = stock_of(laboratory, net, slice(None))
    # Frames for a bicycle: 5 net bicycles, 4 waiting and 1 owed. Wheels: twice 5, and 6 under way.
    assert Positions(flows, False)(stock)[0].tolist() == [3 - 1 + 5, 10, 5 + 4 + 1, 10 + 6]
    assert Positions(flows, True)(stock)[0].tolist() == [2 + 5 + 10, 10 + 16, 10, 16]


def test_the_cheapest_way_from_outside_is_the_first() -> None:
    shop = Node("shop", demand=Constant(10.0), penalty=1.0)
    arcs = [
        Arc("", "near", cost=4.0),
        Arc("", "far", cost=1.0),
        Arc("near", "shop"),
        Arc("far", "shop", cost=2.0, capacity=5.0),
    ]
    flows = Flows(network([shop, Node("near"), Node("far")], arcs))
    chosen = {
        arc.supplier for arc, first in zip(flows.network.arcs, flows.first, strict=True) if first
    }
    assert chosen == {"", "far"}
    use = {arc.supplier: use for arc, use in zip(flows.network.arcs, flows.use, strict=True)}
    # The far supplier can make 5, the near one is planned for a quarter of 10.
    assert use["far"] == pytest.approx(5.0 / 7.5)
    assert use["near"] == pytest.approx(2.5 / 7.5)


def test_forecasts_follow_the_season() -> None:
    net = PROBLEMS["ten-node"]().network
    flows = Flows(net)
    means = flows.means(24)
    assert np.allclose(means[:12], means[12:])
    assert np.allclose(means[:12].mean(axis=0), flows.mean)
    place = net.place
    assert flows.mean[place["far"]] + flows.mean[place["near"]] == pytest.approx(60.0)
    assert np.allclose(flows.variances(12)[:, 4:], 2.0 * means[:12, 4:])
