"""What classical rules know of a network: who buys where, inventory positions, stock levels.

**Flows.** Where a node has several suppliers, the one with the lowest cost from the outside world
up to the node is its *first*; the others are there for when stock runs low. For planning, the node
buys from each in proportion to ``min(capacity, mean demand)``, a quarter of that from those that
are not first.

**Levels.** What is ordered on an arc now reaches the node after the arc's lead time, and customers
after that of the ways below it. With ``c`` the periods until then and one more, in which the next
order cannot help, the level that a rule orders up to in period ``t`` is::

    S(t) = forecast of the demand in t, ..., t + c - 1  +  z * standard deviation of its error

of all customers below the node (echelon levels) or until the arc's goods arrive at the node
(installation levels). Where demand is stationary, levels are constants; else they follow the
forecast, which knows the season. The safety factor ``z`` is what is left to choose.

References:
    Clark & Scarf 1960, "Optimal policies for a multi-echelon inventory problem", Management
    Science 6(4);
    Shang & Song 2003, "Newsvendor bounds and heuristic for optimal policies in serial supply
    chains", Management Science 49(5);
    Veeraraghavan & Scheller-Wolf 2008, "Now or later: a simple policy for effective dual sourcing
    in capacitated systems", Operations Research 56(4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory_network import kernels

FloatArray = NDArray[np.float64]

_SECOND_CHOICE = 0.25
"""What a supplier that is not the first is planned to deliver, as a share of what it could."""


@dataclass(frozen=True)
class Flows:
    """How goods are planned to flow through a network.

    Attributes:
        network: the network.
    """

    network: Network

    @cached_property
    def first(self) -> NDArray[np.bool_]:
        """Whether each arc is its node's way to order by default, shape (A,).

        Every arc of an assembling node is, and one of any other node.
        """
        network, costs = self.network, np.full(len(self.network.nodes), np.inf)
        chosen = np.zeros(len(network.arcs), np.bool_)
        for node in range(len(network.nodes)):
            arcs = network.incoming(node)
            prices = [
                network.arcs[arc].cost
                + (costs[network.suppliers[arc]] if network.suppliers[arc] >= 0 else 0.0)
                for arc in arcs
            ]
            if network.nodes[node].assembles:
                chosen[list(arcs)] = True
                costs[node] = sum(
                    price * network.arcs[arc].quantity
                    for arc, price in zip(arcs, prices, strict=True)
                )
            else:
                cheapest = int(np.argmin(prices))
                chosen[arcs[cheapest]] = True
                costs[node] = prices[cheapest]
        return chosen

    @cached_property
    def use(self) -> FloatArray:
        """Units of each arc's goods that one unit at its node is planned to take, shape (A,)."""
        network, use = self.network, np.zeros(len(self.network.arcs))
        means = np.zeros(len(network.nodes))
        for node in reversed(range(len(network.nodes))):
            law, outgoing = network.nodes[node].demand, list(network.outgoing(node))
            below = means[[network.heads[arc] for arc in outgoing]]
            means[node] = use[outgoing] @ below + (0.0 if law is None else law.mean)
            arcs = list(network.incoming(node))
            if network.nodes[node].assembles:
                use[arcs] = [network.arcs[arc].quantity for arc in arcs]
            else:
                most = np.array([network.arcs[arc].capacity for arc in arcs])
                able = np.minimum(most, max(means[node], 1e-9))
                able[~self.first[arcs]] *= _SECOND_CHOICE
                use[arcs] = able / able.sum()
        return use

    @cached_property
    def reach(self) -> FloatArray:
        """Units of node ``i`` in one unit sold at node ``j``, shape (N, N)."""
        network = self.network
        reach = np.eye(len(network.nodes))
        for node in reversed(range(len(network.nodes))):
            for arc in network.outgoing(node):
                reach[node] += self.use[arc] * reach[network.heads[arc]]
        return reach

    @cached_property
    def below(self) -> NDArray[np.int64]:
        """Periods that goods at each node take to the customers, on planned average, shape (N,)."""
        network, periods = self.network, np.zeros(len(self.network.nodes))
        late = int(network.late_receipts)
        for node in reversed(range(len(network.nodes))):
            arcs = list(network.outgoing(node))
            law = network.nodes[node].demand
            flows = [self.use[arc] * self.mean[network.heads[arc]] for arc in arcs]
            flows.append(0.0 if law is None else law.mean)
            leads = [
                late + arc.lead_time + arc.order_delay + periods[head]
                for arc, head in ((network.arcs[a], network.heads[a]) for a in arcs)
            ]
            periods[node] = np.average([*leads, 0.0], weights=flows) if sum(flows) else 0.0
        return np.rint(periods).astype(np.int64)

    @cached_property
    def mean(self) -> FloatArray:
        """Planned demand of a period at each node, (N,), averaged over the season."""
        laws = [node.demand for node in self.network.nodes]
        return np.asarray(self.reach @ [0.0 if law is None else law.mean for law in laws])

    def means(self, periods: int) -> FloatArray:
        """Return the planned demand at each node in each of the first periods, (T, N)."""
        means = np.zeros((periods, len(self.network.nodes)))
        for node, law in self.network.laws:
            means[:, node] = law.means(periods)
        return means @ self.reach.T

    def variances(self, periods: int) -> FloatArray:
        """Return the variance of the planned demand of each period about its mean, (T, N)."""
        variances = np.zeros((periods, len(self.network.nodes)))
        for node, law in self.network.laws:
            variances[:, node] = law.variances(periods)
        return np.asarray(variances @ (self.reach**2).T)


class Positions:
    """Inventory positions of the arcs' nodes, in units of the arcs' goods.

    The position of an arc is what is in stock or under way at its node, less what is owed: to be
    compared with the arc's level. Arcs of an assembling node count their own component only.

    Args:
        flows: of the network.
        echelon: whether stock below the node counts too.
    """

    def __init__(self, flows: Flows, echelon: bool) -> None:
        network = flows.network
        nodes, arcs = len(network.nodes), len(network.arcs)
        # Positions are linear in the nodes' net stock and in what is under way on the arcs.
        at = np.zeros((nodes, nodes))
        on = np.zeros((nodes, arcs))
        self.of_stock = np.zeros((arcs, nodes))
        self.of_arcs = np.zeros((arcs, arcs))
        # Orders in the mail are only asked for: no stock of those who will ship them.
        self.of_mail = np.array([self._under_way(network, arc) for arc in range(arcs)])
        for node in reversed(range(nodes)):
            at[node, node] = 1.0
            for arc in network.outgoing(node) if echelon else ():
                head = network.heads[arc]
                mine, share = self._under_way(network, arc), flows.use[arc]
                if network.nodes[head].assembles:
                    share = 1.0
                at[node] += flows.use[arc] * at[head]
                on[node] += flows.use[arc] * on[head] + share * mine
            for arc in network.incoming(node):
                per_unit = network.arcs[arc].quantity
                self.of_stock[arc] = per_unit * at[node]
                self.of_arcs[arc] = per_unit * on[node] + self._under_way(network, arc)
        self._suppliers = np.array(network.suppliers)

    @staticmethod
    def _under_way(network: Network, arc: int) -> FloatArray:
        """Return which arcs' goods under way count as on their way to an arc's node, (A,)."""
        found = np.zeros(len(network.arcs))
        head = network.heads[arc]
        found[[arc] if network.nodes[head].assembles else list(network.incoming(head))] = 1.0
        return found

    def __call__(self, stock: Stock) -> FloatArray:
        """Return the positions, shape (B, A)."""
        found = np.empty(stock.owed.shape)
        kernels.positions(
            *stock[1:], self._suppliers, self.of_stock, self.of_arcs, self.of_mail, found
        )
        return found


class Stock(NamedTuple):
    """The state of rows that have one network; see :class:`InventoryEnv` for what arrays hold."""

    period: NDArray[np.int64]
    on_hand: FloatArray
    backorder: FloatArray
    component: FloatArray
    pipeline: FloatArray
    mail: FloatArray
    owed: FloatArray


def stock_of(env: InventoryEnv, network: Network, rows: NDArray[np.bool_] | slice) -> Stock:
    """Return the state of the given rows of a batch, which have that network."""
    nodes, arcs = len(network.nodes), len(network.arcs)
    return Stock(
        env.period[rows],
        env.on_hand[rows, :nodes],
        env.backorder[rows, :nodes],
        env.component[rows, :arcs],
        env.pipeline[rows, :arcs],
        env.mail[rows, :arcs],
        env.owed[rows, :arcs],
    )
