"""Expected costs in place of realised ones."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.scheduling.inventory.demand import Cyclic, Geometric, Normal, Poisson, Trace
from drlapps.scheduling.inventory.network import Arc, Network, Node, network
from drlapps.scheduling.inventory_network.expectations import Expectation
from drlapps.scheduling.inventory_network.networks import PROBLEMS, van_roy

LAWS = (Poisson(3.0), Geometric(6.0))


def shop(lost: bool) -> Network:
    node = Node(
        "shop", holding=2.0, demand=Cyclic(LAWS), penalty=7.0, price=5.0 * lost, lost_sales=lost
    )
    return network([node], [Arc("", "shop")])


@pytest.mark.parametrize("lost", [True, False])
@pytest.mark.parametrize("stock", [0, 4, 9])
def test_over_all_demands_realised_and_expected_costs_agree(lost: bool, stock: int) -> None:
    net = shop(lost)
    expectation = Expectation(net)
    for phase, law in enumerate(LAWS):
        pmf = law.pmf()
        demand = np.arange(len(pmf), dtype=np.float64)[:, None]
        sold = np.minimum(demand, stock)
        missing = demand - sold
        left = stock - sold
        cost = (2.0 * left + 7.0 * missing - 5.0 * lost * sold)[:, 0]
        period = np.full(len(pmf), phase + 4)
        excess = expectation.excess(period, left, 0.0 if lost else missing, sold, demand)  # type: ignore[arg-type]
        # What is charged no longer depends on the demand, and is its mean.
        assert cost + excess == pytest.approx(np.full(len(pmf), pmf @ cost), rel=1e-9)


def test_backorders_from_before_count_once() -> None:
    expectation = Expectation(shop(lost=False))
    demand = np.array([[2.0], [8.0]])
    # 6 units for 5 who waited: customers find 1.
    after = 1.0 - demand
    left, waiting = np.maximum(after, 0.0), np.maximum(-after, 0.0)
    sold = 6.0 - left
    cost = (2.0 * left + 7.0 * waiting)[:, 0]
    charged = cost + expectation.excess(np.zeros(2, np.int64), left, waiting, sold, demand)
    assert charged[0] == pytest.approx(charged[1])


def test_markets_that_cannot_be_known_are_left_alone() -> None:
    assert Expectation(van_roy(5.0, 14.0, 2, 2, (250, 20))).markets == []
    assert Expectation(PROBLEMS["two-stage"]().network).markets == []
    assert len(Expectation(PROBLEMS["ten-node"]().network).markets) == 6
    for law in (Trace((1.0, 2.0)), Normal(3.0, 1.0)):
        node = Node("shop", demand=law, penalty=1.0)
        net = network([node], [Arc("", "shop")], integer=law.discrete)
        assert Expectation(net).markets == []
