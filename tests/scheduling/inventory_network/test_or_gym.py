"""The dynamics against or-gym 0.5.0, whose InvManagement environments many people know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drlapps.scheduling.inventory.demand import Trace
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory.search import Laboratory
from drlapps.scheduling.inventory_network.networks import or_gym_inv_management

STAGES = ("retailer", "distributor", "maker")
DEMAND = (24, 20, 10, 19, 22, 18, 22, 21, 26, 22, 26, 23, 20, 16, 24,
          14, 19, 16, 24, 20, 19, 21, 23, 22, 16, 13, 22, 24, 18, 18)  # fmt: skip
ORDERS = {  # of retailer, distributor and maker, in turn
    "calm": ((20, 20, 20),),
    "rough": ((35, 10, 60), (5, 70, 20), (90, 40, 0)),
    "modest": ((25, 22, 20), (10, 15, 24), (22, 20, 10)),
}


# Sums of the rewards and stock at the end (retailer, distributor, maker) of InvManagementMasterEnv
# in or-gym 0.5.0 (commit 0b18d16), with user_D = DEMAND and these orders.
@pytest.mark.parametrize(
    ("backlog", "orders", "profit", "stock"),
    [
        (True, "calm", 382.90987198871505, [0, 20, 20]),
        (True, "rough", -326.3528133609964, [98, 20, 20]),
        (True, "modest", 399.9563034222697, [0, 24, 24]),
        (False, "calm", 415.4712445475021, [9, 20, 20]),
        (False, "rough", 198.87182224306144, [93, 10, 40]),
        (False, "modest", 427.19745322011204, [4, 22, 24]),
    ],
)
def test_profit_and_stock_are_those_of_or_gym(
    backlog: bool, orders: str, profit: float, stock: list[int]
) -> None:
    network = or_gym_inv_management(backlog)
    nodes = [
        replace(node, demand=Trace(tuple(map(float, DEMAND)))) if node.demand else node
        for node in network.nodes
    ]
    network = replace(network, nodes=tuple(nodes))
    columns = [STAGES.index(arc.node) for arc in network.arcs]
    plan = np.array([ORDERS[orders][t % len(ORDERS[orders])] for t in range(30)], np.float64)

    def rule(env: InventoryEnv) -> np.ndarray:
        return plan[env.period][:, columns]

    laboratory = Laboratory([Scenario("or-gym", network, seed=0, periods=30)])
    cost = laboratory.play(rule)[0]
    assert -30.0 * cost == pytest.approx(profit, rel=1e-12)
    ends = {node.name: laboratory.on_hand[0, i] for i, node in enumerate(network.nodes)}
    assert [ends[stage] for stage in STAGES] == stock
