"""Supply networks: how they are sorted, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Normal, Poisson
from drlapps.scheduling.inventory.network import Arc, Network, Node, network
from drlapps.scheduling.inventory.scenario import Scenario, path_seed

SHOP = Node("shop", demand=Poisson(5.0), penalty=9.0, lost_sales=True)
DEPOT = Node("depot", initial=10)
SUPPLY, WAY = Arc("", "depot", lead_time=2), Arc("depot", "shop")


def chain(**flags: Any) -> Network:
    return network([SHOP, DEPOT], [WAY, SUPPLY], **flags)


def test_nodes_stand_in_the_order_of_supply_and_arcs_by_supplier() -> None:
    built = chain()
    assert [node.name for node in built.nodes] == ["depot", "shop"]
    assert [arc.node for arc in built.arcs] == ["depot", "shop"]
    assert built.suppliers == (-1, 0)
    assert built.heads == (0, 1)
    assert built.markets == (1,)
    assert built.incoming(1) == built.outgoing(0) == (1,)
    assert list(built.graph.edges) == [("depot", "shop")]


def test_two_arcs_between_the_same_nodes_keep_their_order() -> None:
    slow, fast = Arc("", "shop", lead_time=4), Arc("", "shop", lead_time=0, cost=3.0)
    assert network([SHOP], [slow, fast]).arcs == (slow, fast)
    assert network([SHOP], [fast, slow]).arcs == (fast, slow)


@pytest.mark.parametrize(
    ("nodes", "arcs", "flags", "said"),
    [
        ([SHOP, SHOP], [SUPPLY], {}, "node named twice: shop"),
        ([SHOP], [], {}, "node 'shop' has no supplier"),
        ([], [], {}, "a network has 1 to 10000 nodes, not 0"),
        ([SHOP], [Arc("", "shob")], {}, "did you mean shop"),
        ([SHOP], [Arc("depo", "shop")], {}, "unknown node in arc depo -> shop"),
        ([SHOP, DEPOT], [WAY, Arc("shop", "depot")], {}, "supply each other in a circle"),
        ([SHOP, DEPOT], [SUPPLY, Arc("", "shop")], {}, "'depot' supplies nobody"),
        ([replace(SHOP, demand=None)], [Arc("", "shop")], {}, "needs a node with demand"),
        (
            [replace(SHOP, waiting=0.5)], [Arc("", "shop")], {},
            "special deliveries need a node of the network",
        ),
        (
            [replace(SHOP, demand=Normal(5.0, 1.0))], [Arc("", "shop")], {},
            "demand that is not in whole units; set integer = false",
        ),
        ([replace(SHOP, initial=1.5)], [Arc("", "shop")], {}, "initial stock must be whole"),
        ([replace(SHOP, storage=9.5)], [Arc("", "shop")], {}, "storage must be whole"),
        ([SHOP], [Arc("", "shop", capacity=2.5)], {}, "outside -> shop: capacity must be whole"),
        ([SHOP], [Arc("", "shop", lead_time=2, initial=(0.5,))], {}, "units must be whole"),
        ([SHOP, DEPOT], [SUPPLY, replace(WAY, quantity=2.0)], {}, "quantity is for assembling"),
        ([SHOP], [Arc("", "shop")], {"allocation": "fair"}, "unknown allocation 'fair'"),
        ([SHOP], [Arc("", "shop")], {"discount": 0.0}, "discount must lie in"),
        ([SHOP], [Arc("", "shop")], {"backlog": 1}, "backlog must be true or false"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_refused(
    nodes: list[Node], arcs: list[Arc], flags: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        network(nodes, arcs, **flags)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"holding": -1.0}, "node 'shop': holding must be a number >= 0"),
        ({"penalty": float("inf")}, "node 'shop': penalty must be finite"),
        ({"price": float("nan")}, "node 'shop': price must be a number >= 0"),
        ({"special": "much"}, "node 'shop': special must be a number >= 0"),
        ({"waiting": 1.5}, "waiting is a probability"),
        ({"waiting": 0.5, "lost_sales": False}, "waiting needs lost_sales"),
        ({"initial": 9.0, "storage": 8.0}, "initial stock of 9 exceeds its storage"),
        ({"name": ""}, "a node needs a name"),
    ],
)
def test_what_is_no_node_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(SHOP, **change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lead_time": 1.5}, "arc depot -> shop: lead_time must be a whole number"),
        ({"lead_time": 1_000_000}, "lead_time must be a whole number up to 1000"),
        ({"order_delay": True}, "order_delay must be a number >= 0"),
        ({"quantity": 0.0}, "quantity must be positive"),
        ({"initial": (1.0, 2.0)}, "initial has 2 entries, more than 1"),
        ({"ordered": (1.0,)}, "ordered has 1 entries, more than 0"),
        ({"initial": (-1.0,)}, "initial must be numbers, none negative"),
    ],
)
def test_what_is_no_arc_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(WAY, **change)


def test_a_path_hangs_on_its_seed_and_the_nodes_place_alone() -> None:
    built = chain()
    path = Scenario("path", built, path_seed("path", 3), 50)
    cheaper = replace(built, nodes=(replace(DEPOT, holding=7.0), replace(SHOP, penalty=1.0)))
    assert np.array_equal(path.demand, replace(path, network=cheaper).demand)
    assert np.array_equal(path.demand[:20], replace(path, periods=20).demand)
    assert not path.demand[:, 0].any()
    assert not np.array_equal(path.demand, replace(path, seed=path_seed("path", 4)).demand)


def test_equal_problems_have_equal_hashes_whatever_their_names() -> None:
    path = Scenario("path", chain(), 1, 50)
    assert path.hash == replace(path, name="other").hash
    changes: list[dict[str, Any]] = [
        {"seed": 2}, {"periods": 51}, {"warm_up": 1}, {"network": chain(backlog=True)},
    ]  # fmt: skip
    for change in changes:
        assert replace(path, **change).hash != path.hash


def test_only_where_customers_wait_is_their_patience_drawn() -> None:
    patient = replace(SHOP, waiting=0.5)
    waits = Scenario("waits", network([DEPOT, patient], [SUPPLY, WAY]), 1, 30)
    assert waits.patience.shape == (30, 2)
    assert len(Scenario("leaves", chain(), 1, 30).patience) == 0
