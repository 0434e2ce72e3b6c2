"""Order-up-to rules with parameters, and the search for the best ones."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory.scenario import Scenario, path_seed
from drlapps.scheduling.inventory.search import cma_es, golden_section, simulate
from drlapps.scheduling.inventory_network.levels import Flows, Positions, Stock, stock_of

FloatArray = NDArray[np.float64]

LARGEST_FACTOR = 12.0
"""Safety factors are searched for within plus and minus this."""

_GAPS = (0.0, 10.0)
_QUANTILES = (0.05, 0.98)
_PATHS, _COUNTED = 8, 240
_GENERATIONS = 120


class OrderUpTo:
    """Raise positions to levels; the parameters are safety factors, one a group of equal arcs.

    A node orders from its first supplier what its position lacks. Its other suppliers are asked
    when stock that they can still top up runs low (a dual-index policy): they raise what is on hand
    or arrives within their lead time to a level of their own.

    Args:
        network: the network.
        periods: length of an episode.
        echelon: whether stock below a node counts, and levels cover demand until the customers.
        gaps: whether suppliers who charge for each order are left alone until a gap has opened (an
            (s, S) policy); the gaps, in periods' demand, are further parameters.
    """

    def __init__(
        self, network: Network, periods: int, *, echelon: bool, gaps: bool = False
    ) -> None:
        self.network = network
        self.flows = flows = Flows(network)
        self.first = flows.first
        self.groups = groups(network)
        self._heads = np.array(network.heads)
        self.positions = Positions(flows, echelon)
        arcs = network.arcs
        self._leads = np.array([arc.lead_time for arc in arcs])
        self._capacity = np.array([arc.capacity for arc in arcs])
        quantity = np.array([arc.quantity for arc in arcs])
        cover = self._leads + np.array([arc.order_delay for arc in arcs]) + 1
        if echelon:
            cover += np.where(self.first, flows.below[self._heads], 0)
        horizon = periods + int(cover.max())
        self.base = quantity * self._ahead(flows.means(horizon), periods, cover)
        self.spread = quantity * np.sqrt(self._ahead(flows.variances(horizon), periods, cover))
        self.rate = quantity * flows.mean[self._heads]
        self.mean_base = self.rate * cover
        self._factors = int(self.groups.max()) + 1
        fixed = np.array([arc.fixed for arc in arcs])
        charged = np.unique(self.groups[self.first & (fixed > 0.0)]) if gaps else np.zeros(0, int)
        self._gaps = len(charged)
        self._gapped = np.isin(self.groups, charged)
        # Where there is no gap, any parameter does: it is not used.
        self._gap_of = self._factors + np.searchsorted(charged, self.groups)
        self._gap_of[~self._gapped] = 0

    def _ahead(self, path: FloatArray, periods: int, cover: NDArray[np.int64]) -> FloatArray:
        """Return what lies ahead on each arc's node: sums of a path (T, N) over the covers."""
        running = np.concatenate([np.zeros((1, path.shape[1])), path.cumsum(axis=0)])
        start = np.arange(periods)[:, None]
        return np.asarray(running[start + cover, self._heads] - running[start, self._heads])

    @property
    def bounds(self) -> FloatArray:
        """Least and largest of each parameter, shape (K, 2)."""
        factors = [(-LARGEST_FACTOR, LARGEST_FACTOR)] * self._factors
        return np.array([*factors, *[_GAPS] * self._gaps])

    @property
    def newsvendor(self) -> FloatArray:
        """Parameters by newsvendor quantiles, shape (K,): no search, no claim to be the best."""
        factors = newsvendor_factors(self.flows)
        chosen = [factors[self.groups == group].mean() for group in range(self._factors)]
        return np.array([*chosen, *[1.0] * self._gaps])

    def __call__(self, stock: Stock, parameters: FloatArray) -> FloatArray:
        """Return the orders (B, A) in a state under parameters (B, K) or (K,)."""
        factors, position = parameters[..., self.groups], self.positions(stock)
        return self.orders(stock, factors, position, self._open(parameters))

    def _open(self, parameters: FloatArray) -> FloatArray | None:
        """Return the gaps in units, (..., A); 0 where there is none."""
        if not self._gaps:
            return None
        return np.asarray(parameters[..., self._gap_of] * self._gapped * self.rate)

    def orders(
        self,
        stock: Stock,
        factors: FloatArray,
        position: FloatArray,
        gaps: FloatArray | None = None,
    ) -> FloatArray:
        """Return the orders (B, A) that raise positions (B, A) to the levels of safety factors.

        Args:
            stock: the state.
            factors: one an arc, shape (B, A) or (A,).
            position: of every arc; changed.
            gaps: smaller orders than these are not placed, shape (B, A) or (A,).
        """
        period = np.minimum(stock.period, len(self.base) - 1)
        target = self.base[period] + factors * self.spread[period]
        orders = np.zeros(position.shape)
        others = np.flatnonzero(~self.first)
        for arc in others:
            orders[:, arc] = np.maximum(target[:, arc] - self._soon(stock, int(arc)), 0.0)
        np.minimum(orders, self._capacity, out=orders)
        for arc in others:
            position[:, self._heads == self._heads[arc]] += orders[:, [arc]]
        wanted = np.where(self.first, np.maximum(target - position, 0.0), 0.0)
        if gaps is not None:
            wanted[wanted < gaps] = 0.0
        orders += np.minimum(wanted, self._capacity)
        return orders

    def _soon(self, stock: Stock, arc: int) -> FloatArray:
        """Return what is on hand at the arc's node or arrives within the arc's lead time, (B,)."""
        head, lead = self._heads[arc], self._leads[arc]
        units = stock.on_hand[:, head] - stock.backorder[:, head]
        for other in self.network.outgoing(int(head)):
            units = units - stock.owed[:, other]
        for other in self.network.incoming(int(head)):
            units = units + stock.pipeline[:, other, :lead].sum(axis=1)
        return np.asarray(units)

    def describe(self, parameters: FloatArray) -> dict[str, object]:
        """Return the parameters as people read them: mean levels by the name of node or arc."""
        names = arc_names(self.network)
        levels = self.mean_base + parameters[self.groups] * self.spread.mean(axis=0)
        found: dict[str, object] = {
            "levels": dict(zip(names, np.round(levels, 3).tolist(), strict=True)),
            "safety_factors": dict(
                zip(names, np.round(parameters[self.groups], 4).tolist(), strict=True)
            ),
        }
        gaps = self._open(parameters)
        if gaps is not None:
            found["gaps"] = {
                name: round(float(gap), 3)
                for name, gap, gapped in zip(names, gaps, self._gapped, strict=True)
                if gapped
            }
        return found


def arc_names(network: Network) -> list[str]:
    """Return a name for each arc: that of its node where no other arc supplies it."""
    return [
        arc.node
        if len(network.incoming(head)) == 1
        else f"{arc.supplier or 'outside'} -> {arc.node}"
        for arc, head in zip(network.arcs, network.heads, strict=True)
    ]


def groups(network: Network) -> NDArray[np.int64]:
    """Return the group of each arc, (A,): arcs that differ by names alone share one.

    Ten equal stores of one warehouse so have one level, not ten.
    """
    above: list[object] = []
    plain = [replace(node, name="-", initial=0.0) for node in network.nodes]
    ways = [replace(arc, supplier="", node="-", initial=(), ordered=()) for arc in network.arcs]
    for node in range(len(network.nodes)):
        arrivals = [
            (repr(ways[arc]), repr(above[supplier]) if supplier >= 0 else "")
            for arc in network.incoming(node)
            for supplier in (network.suppliers[arc],)
        ]
        above.append(hash((plain[node], tuple(sorted(arrivals)))))
    below: dict[int, int] = {}
    for node in reversed(range(len(network.nodes))):
        leaves = [hash((ways[arc], below[network.heads[arc]])) for arc in network.outgoing(node)]
        below[node] = hash((plain[node], tuple(sorted(leaves))))
    both = [*zip(above, (below[node] for node in range(len(above))), strict=True), (0, 0)]
    keys = [
        (way, both[supplier], both[head])
        for way, supplier, head in zip(ways, network.suppliers, network.heads, strict=True)
    ]
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return np.array([numbers[key] for key in keys])


def newsvendor_factors(flows: Flows) -> FloatArray:
    """Return each arc's safety factor by the newsvendor bounds of Shang & Song, averaged, (A,).

    With ``b`` what a customer not served costs, ``H`` the holding cost at the node, ``H'`` at its
    supplier and ``H*`` at the customers': the normal quantiles of ``(b + H') / (b + H)`` and of
    ``(b + H') / (b + H*)``. For suppliers that are not first: 0.
    """
    network, reach = flows.network, flows.reach
    sales = np.array([0.0 if n.demand is None else n.demand.mean for n in network.nodes])
    weights = reach * sales
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    holding = np.array([node.holding for node in network.nodes])
    missed = np.array([node.penalty + node.price * node.lost_sales for node in network.nodes])
    factors = np.zeros(len(network.arcs))
    for arc in np.flatnonzero(flows.first):
        head, supplier = network.heads[arc], network.suppliers[arc]
        upstream = holding[supplier] if supplier >= 0 else 0.0
        lost = max(float(weights[head] @ missed), 1e-6)
        ends = np.array([holding[head], float(weights[head] @ holding)])
        ratios = np.clip((lost + upstream) / (lost + ends), *_QUANTILES)
        factors[arc] = ndtri(ratios).mean()
    return factors


class Study:
    """Simulates a rule on 8 paths that no pool has.

    Args:
        rule: what to simulate.
        periods: length of the paths.
        warm_up: periods at their start whose costs do not count.
    """

    def __init__(self, rule: OrderUpTo, periods: int, warm_up: int) -> None:
        network = rule.network

        def act(env: InventoryEnv, parameters: FloatArray) -> FloatArray:
            return rule(stock_of(env, network, slice(None)), parameters)

        paths = [
            Scenario("study", network, path_seed("study", number), periods, warm_up)
            for number in range(_PATHS)
        ]
        self.costs = simulate(paths, act)


def optimised(
    network: Network, periods: int, warm_up: int, *, echelon: bool, gaps: bool = False
) -> FloatArray:
    """Return a rule's best parameters, found by simulation; once per process.

    One parameter by golden section, several by CMA-ES from the newsvendor quantiles.

    Args:
        network: the network.
        periods: length of an episode; at most 240 counted ones are simulated.
        warm_up: periods whose costs do not count.
        echelon: as for :class:`OrderUpTo`.
        gaps: likewise.
    """
    return _search(network, min(periods, warm_up + _COUNTED), warm_up, echelon, gaps)


@cache
def _search(network: Network, periods: int, warm_up: int, echelon: bool, gaps: bool) -> FloatArray:
    rule = OrderUpTo(network, periods, echelon=echelon, gaps=gaps)
    costs, start = Study(rule, periods, warm_up).costs, rule.newsvendor
    if len(start) == 1:
        low, high = rule.bounds[0]
        return np.array([golden_section(costs, low, high)])
    return cma_es(costs, start, 1.0, generations=_GENERATIONS, bounds=rule.bounds)
