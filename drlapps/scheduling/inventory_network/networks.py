"""The networks with a name: published ones, those of or-gym, and ours."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drlapps.scheduling.inventory.demand import (
    Cyclic,
    Demand,
    NegativeBinomial,
    Normal,
    Poisson,
    RoundedNormal,
)
from drlapps.scheduling.inventory.network import Arc, Network, Node, network


@dataclass(frozen=True)
class Problem:
    """A network and how long it is run.

    Attributes:
        network: what is supplied and how.
        periods: length of an episode.
        warm_up: periods at its start whose costs do not count.
    """

    network: Network
    periods: int
    warm_up: int = 0


def van_roy(
    mean: float, sd: float, warehouse_lead_time: int, store_lead_time: int, levels: tuple[int, int]
) -> Network:
    """Return a case of Van Roy et al.: one warehouse, ten stores, and customers who may wait.

    Demand is normal, rounded and cut at 0. A customer who finds his store empty waits for a special
    delivery from the warehouse with probability 0.8, free of charge if there is stock; else the
    sale is lost at 60. A unit on hand costs 3 a period. The factory makes at most 100 a period; a
    store holds at most 100 units and the warehouse 1000, goods under way included.

    The paper charges holding before the customers come, which costs 3 more for every unit sold than
    holding at the end of the period. So a unit that enters costs 3 here: in the long run the same.

    Args:
        mean: of the normal law, before the cut.
        sd: its standard deviation.
        warehouse_lead_time: from the factory, in periods.
        store_lead_time: from the warehouse.
        levels: stock at the start, of the warehouse and of a store.
    """
    stores = [
        Node(
            f"store-{number}", initial=levels[1], holding=3.0, storage=100.0,
            demand=RoundedNormal(mean, sd), penalty=60.0, lost_sales=True, waiting=0.8,
        )
        for number in range(1, 11)
    ]  # fmt: skip
    warehouse = Node("warehouse", initial=levels[0], holding=3.0, storage=1000.0)
    supply = Arc("", "warehouse", lead_time=warehouse_lead_time, capacity=100.0, cost=3.0)
    ways = [Arc("warehouse", store.name, lead_time=store_lead_time) for store in stores]
    return network([warehouse, *stores], [supply, *ways])


def or_gym_inv_management(backlog: bool) -> Network:
    """Return the defaults of or-gym's InvManagement-v0 (``backlog``) or -v1 (lost sales).

    What a stage pays another for goods cancels in the sum over all stages. What remains is the
    price of 2 for a unit sold and the 0.5 for a unit that enters the chain.
    """
    shop = Node(
        "retailer", initial=100, holding=0.15, demand=Poisson(20.0), penalty=0.10, price=2.0,
        lost_sales=not backlog,
    )  # fmt: skip
    stages = [Node("distributor", initial=100, holding=0.10), Node("maker", 200, holding=0.05)]
    arcs = [
        Arc("", "maker", lead_time=10, cost=0.5, capacity=80.0, penalty=0.025),
        Arc("maker", "distributor", lead_time=5, capacity=90.0, penalty=0.05),
        Arc("distributor", "retailer", lead_time=3, capacity=100.0, penalty=0.075),
    ]
    return network([shop, *stages], arcs, backlog=backlog, late_receipts=True, discount=0.97)


def or_gym_newsvendor() -> Network:
    """Return or-gym's NewsvendorEnv at the middle of what it draws its parameters from.

    There, price is up to 100, the unit's cost up to the price, holding up to 5, the penalty up to
    10 and mean demand up to 200. Its stock perishes at the end of a period; here it is kept.
    """
    shop = Node(
        "newsvendor", holding=2.5, storage=4000.0, demand=Poisson(100.0), penalty=5.0, price=50.0,
        lost_sales=True,
    )  # fmt: skip
    return network([shop], [Arc("", "newsvendor", lead_time=5, cost=25.0, capacity=2000.0)])


def seasonal(mean: float, swing: float, length: int, phase: float = 0.0) -> Demand:
    """Return negative-binomial demand whose mean follows a sine.

    The variance is twice the mean, in every period.

    Args:
        mean: over a season.
        swing: amplitude in shares of the mean.
        length: periods of a season.
        phase: share of a season by which it is ahead.
    """
    angles = [2.0 * math.pi * (period / length + phase) for period in range(length)]
    means = [mean * (1.0 + swing * math.sin(angle)) for angle in angles]
    return Cyclic(tuple(NegativeBinomial(mean, 2.0 * mean) for mean in means))


_SEASON = 12
_RETAILERS = {  # mean demand, distribution centres
    "harbour": (8.0, ("north",)),
    "airport": (12.0, ("north",)),
    "centre": (14.0, ("north", "south")),
    "campus": (10.0, ("south",)),
    "suburb": (9.0, ("south",)),
    "valley": (7.0, ("south",)),
}


def ten_node() -> Network:
    """Return two plants, two distribution centres and six retailers with seasonal lost sales.

    The far plant is cheap and slow, the near one dear and fast, and neither alone can make what the
    season's height asks for; ``centre`` is supplied by both centres. Room at the centres is short.
    """
    nodes = [
        Node("far", initial=60, holding=0.2),
        Node("near", initial=20, holding=0.2),
        Node("north", initial=60, holding=0.5, storage=220.0),
        Node("south", initial=80, holding=0.5, storage=260.0),
    ]
    arcs = [
        Arc("", "far", lead_time=2, cost=1.0, capacity=60.0),
        Arc("", "near", lead_time=1, cost=4.0, capacity=30.0),
        Arc("far", "north", lead_time=3, cost=0.5, capacity=40.0, holding=0.2),
        Arc("far", "south", lead_time=3, cost=0.5, capacity=40.0, holding=0.2),
        Arc("near", "north", lead_time=1, cost=1.0, capacity=20.0, holding=0.2),
        Arc("near", "south", lead_time=1, cost=1.0, capacity=20.0, holding=0.2),
    ]
    for place, (name, (mean, centres)) in enumerate(_RETAILERS.items()):
        demand = seasonal(mean, 0.5, _SEASON, phase=0.02 * place)
        nodes.append(
            Node(
                name, initial=3 * mean, holding=1.0, storage=10 * mean, demand=demand,
                penalty=20.0, lost_sales=True,
            )
        )  # fmt: skip
        arcs += [
            Arc(centre, name, lead_time=1 + place % 2, cost=0.2 if centre == centres[0] else 0.8)
            for centre in centres
        ]
    return network(nodes, arcs)


def distribution() -> Network:
    """Return one warehouse, which pays for each order, and three retailers whose customers wait."""
    retailers = {"small": 4.0, "middle": 6.0, "large": 10.0}
    nodes = [Node("warehouse", initial=60, holding=1.0)]
    arcs = [Arc("", "warehouse", lead_time=2, fixed=100.0)]
    for name, mean in retailers.items():
        nodes.append(Node(name, initial=3 * mean, holding=1.5, demand=Poisson(mean), penalty=15.0))
        arcs.append(Arc("warehouse", name))
    return network(nodes, arcs, backlog=True)


def assembly() -> Network:
    """Return a product of one frame and two wheels, each with a lead time and stock of its own."""
    nodes = [
        Node("frames", initial=30, holding=1.0),
        Node("wheels", initial=60, holding=0.3),
        Node("bicycle", initial=16, holding=3.0, demand=Poisson(8.0), penalty=30.0, assembles=True),
    ]
    arcs = [
        Arc("", "frames", lead_time=4),
        Arc("", "wheels", lead_time=2, capacity=24.0),
        Arc("frames", "bicycle", holding=1.0),
        Arc("wheels", "bicycle", quantity=2.0, holding=0.3),
    ]
    return network(nodes, arcs, backlog=True)


def two_stage() -> Network:
    """Return one warehouse and one retailer with backorders: base-stock levels are optimal here."""
    nodes = [
        Node("warehouse", initial=15, holding=1.0),
        Node("retailer", initial=15, holding=2.0, demand=Normal(5.0, 1.0), penalty=20.0),
    ]
    arcs = [
        Arc("", "warehouse", lead_time=2, holding=0.0),
        Arc("warehouse", "retailer", lead_time=1, holding=1.0),
    ]
    return network(nodes, arcs, integer=False, backlog=True)


PROBLEMS: Mapping[str, Callable[[], Problem]] = {
    "ten-node": lambda: Problem(ten_node(), periods=660, warm_up=60),
    "van-roy-1": lambda: Problem(van_roy(5.0, 14.0, 2, 2, (250, 20)), periods=1100, warm_up=100),
    "van-roy-2": lambda: Problem(van_roy(0.0, 20.0, 5, 3, (450, 20)), periods=1100, warm_up=100),
    "or-gym-inv-management": lambda: Problem(or_gym_inv_management(backlog=True), periods=30),
    "or-gym-inv-management-lost-sales": lambda: Problem(or_gym_inv_management(backlog=False), 30),
    "or-gym-newsvendor": lambda: Problem(or_gym_newsvendor(), periods=40),
    "distribution": lambda: Problem(distribution(), periods=1100, warm_up=100),
    "assembly": lambda: Problem(assembly(), periods=1100, warm_up=100),
    "two-stage": lambda: Problem(two_stage(), periods=1100, warm_up=100),
}
"""The problems with a name, built when they are asked for."""
