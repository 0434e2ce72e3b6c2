"""An independent check of an episode of any inventory task, from its orders and demand alone.

This module shares no code with the environment. It plays the network again by the rules that
:mod:`drlapps.scheduling.inventory` states, with a calendar of arrivals where the environment moves
pipelines, compares what was shipped, stocked, backordered and sold, and adds the costs up again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from drlapps.scheduling.inventory.scenario import Scenario

FloatArray = NDArray[np.float64]

ScenarioT = TypeVar("ScenarioT", bound=Scenario)

_TOLERANCE = 1e-6
_PER_ARC = ("orders", "shipped")
_PER_NODE = ("on_hand", "backorder", "sold", "demand")


def check(
    instance: ScenarioT,
    solution: Mapping[str, Any],
    expected_costs: Callable[[ScenarioT, Mapping[str, Any]], FloatArray] | None = None,
) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the scenario.
        solution: for each period a list, with a number an arc under ``orders`` and ``shipped`` and
            a number a node under ``on_hand``, ``backorder`` (both at the end of the period),
            ``sold`` and ``demand``.
        expected_costs: recomputes the expected cost charged to each period, where the task has it.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the path breaks a rule.
    """
    replay, broken = _audit(instance, solution)
    if replay is None or broken:
        return {"feasible": 0.0}
    counted = slice(instance.warm_up, instance.periods)
    number = max(instance.periods - instance.warm_up, 1)
    sums = {name: math.fsum(values[counted]) for name, values in replay.charges.items()}
    discounted = instance.network.discount ** np.arange(instance.periods) * replay.costs()
    found = {
        "cost": math.fsum(discounted[counted]) / number,
        "holding": sums["holding"] / number,
        "shortage": sums["shortage"] / number,
        "ordering": sums["ordering"] / number,
        "fill_rate": sums["served"] / sums["demand"] if sums["demand"] > 0.0 else 1.0,
        "feasible": 1.0,
    }
    if expected_costs is not None:
        found["expected_cost"] = math.fsum(expected_costs(instance, solution)[counted]) / number
    return found


def violations(instance: Scenario, solution: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each rule that a path breaks; none if it is feasible.

    The rules: every period has its numbers; the demand is the scenario's; orders are not negative,
    whole where units are, and within the storage; and what was shipped, stocked, backordered and
    sold is what follows from the orders.
    """
    return _audit(instance, solution)[1]


def _audit(instance: Scenario, solution: Mapping[str, Any]) -> tuple[Replay | None, list[str]]:
    """Return the episode played again (if its numbers can be read) and the rules broken."""
    network, periods = instance.network, instance.periods
    widths = dict.fromkeys(_PER_ARC, len(network.arcs)) | dict.fromkeys(
        _PER_NODE, len(network.nodes)
    )
    told = {}
    for name, width in widths.items():
        numbers = _numbers(solution.get(name), (periods, width))
        if numbers is None:
            return None, [f"the solution needs {periods} x {width} finite numbers under {name!r}"]
        told[name] = numbers
    if not np.array_equal(told["demand"], instance.demand):
        return None, ["the demand is not that of the scenario"]
    replay = Replay(instance, told["orders"])
    broken = list(replay.broken)
    for name, path in replay.path.items():
        wrong = np.abs(told[name] - path) > _TOLERANCE * np.maximum(1.0, np.abs(path))
        if wrong.any():
            period, place = (int(index) for index in np.argwhere(wrong)[0])
            what = _arc(instance, place) if name in _PER_ARC else network.nodes[place].name
            broken.append(
                f"period {period} has {name} of {told[name][period, place]:g} at {what}, "
                f"not {path[period, place]:g}"
            )
    return replay, broken


def _numbers(values: object, shape: tuple[int, ...]) -> FloatArray | None:
    """Return nested lists as an array; ``None`` unless they hold numbers in the given shape."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    return array if array.shape == shape and np.isfinite(array).all() else None


def _arc(instance: Scenario, index: int) -> str:
    arc = instance.network.arcs[index]
    return f"{arc.supplier or 'outside'} -> {arc.node}"


class Replay:
    """An episode played again.

    Args:
        instance: the scenario.
        orders: of each period and arc, as admitted.

    Attributes:
        path: what follows from the orders: ``shipped`` of each period and arc; ``on_hand`` and
            ``backorder`` at the end of each period, and ``sold``, of each node.
        charges: ``holding``, ``shortage``, ``ordering`` and ``revenue`` of each period in money,
            and the ``demand`` and what was ``served`` of it at once, in units.
        broken: a sentence for each order that breaks a rule.
    """

    def __init__(self, instance: Scenario, orders: FloatArray) -> None:
        self.instance, self.network = instance, instance.network
        nodes, arcs, periods = len(self.network.nodes), len(self.network.arcs), instance.periods
        self.incoming = [self.network.incoming(node) for node in range(nodes)]
        # The last entry, index -1, is that of the outside world.
        self.outgoing = [self.network.outgoing(node) for node in (*range(nodes), -1)]
        self.path = {name: np.zeros((periods, nodes)) for name in ("on_hand", "backorder", "sold")}
        self.path["shipped"] = np.zeros((periods, arcs))
        names = ("holding", "shortage", "ordering", "revenue", "demand", "served")
        self.charges = {name: np.zeros(periods) for name in names}
        self.broken: list[str] = []
        self.on_hand = [node.initial for node in self.network.nodes]
        self.backorder = [0.0] * nodes
        self.components = [0.0] * arcs
        self.owed = [0.0] * arcs
        # Units by the period in which orders reach the supplier, and in which goods arrive.
        self.mail = [dict(enumerate(arc.ordered)) for arc in self.network.arcs]
        first = 0 if self.network.late_receipts else 1
        self.under_way = [dict(enumerate(arc.initial, first)) for arc in self.network.arcs]
        for period in range(periods):
            self._play(period, orders[period].tolist())

    def costs(self) -> FloatArray:
        """Return the cost of each period."""
        charges = self.charges
        paid = charges["holding"] + charges["shortage"] + charges["ordering"]
        return np.asarray(paid - charges["revenue"])

    def _play(self, period: int, orders: list[float]) -> None:
        if not self.network.late_receipts:
            self._receive(period)
        self._admit(period, orders)
        positions = self._positions()
        for index, arc in enumerate(self.network.arcs):
            mail = self.mail[index]
            mail[period + arc.order_delay] = mail.get(period + arc.order_delay, 0.0) + orders[index]
            self.owed[index] += mail.pop(period, 0.0)
            self.charges["ordering"][period] += arc.fixed * (orders[index] > 0.0)
        for supplier in range(-1, len(self.network.nodes)):
            self._ship(period, supplier, positions)
        if self.network.late_receipts:
            self._receive(period)
        for node in self.network.markets:
            self._serve(period, node)
        self.path["on_hand"][period] = self.on_hand
        self.path["backorder"][period] = self.backorder
        self._charge_stock(period)

    def _admit(self, period: int, orders: Sequence[float]) -> None:
        """Note which orders break a rule."""
        for head, node in enumerate(self.network.nodes):
            arcs, room = self.incoming[head], node.storage
            if room < math.inf:
                room -= self.on_hand[head] + sum(self._expected(arc) for arc in arcs)
            for arc in arcs:
                where = f"period {period} orders {orders[arc]:g} on {_arc(self.instance, arc)}"
                if orders[arc] < 0.0:
                    self.broken.append(f"{where}, less than nothing")
                if self.network.integer and orders[arc] != round(orders[arc]):
                    self.broken.append(f"{where}, not whole units")
                if orders[arc] > max(room, 0.0) + _TOLERANCE:
                    self.broken.append(f"{where}, where storage has room for {max(room, 0.0):g}")
                room -= orders[arc]

    def _expected(self, arc: int) -> float:
        """Return all that was ordered on an arc and is not in stock yet."""
        moving = sum(self.mail[arc].values()) + sum(self.under_way[arc].values())
        return moving + self.owed[arc] + self.components[arc]

    def _positions(self) -> list[float]:
        """Return the installation inventory positions, where they steer what is shipped."""
        if self.network.allocation != "balanced":
            return []
        return [
            self.on_hand[node]
            - self.backorder[node]
            + self._coming(node)
            - sum(self.owed[arc] for arc in self.outgoing[node])
            for node in range(len(self.network.nodes))
        ]

    def _coming(self, node: int) -> float:
        """Return the units that all on its way to a node will be there."""
        arcs = self.incoming[node]
        if self.network.nodes[node].assembles:
            return min(self._expected(arc) / self.network.arcs[arc].quantity for arc in arcs)
        return sum(self._expected(arc) for arc in arcs)

    def _receive(self, period: int) -> None:
        for arc in range(len(self.network.arcs)):
            if units := self.under_way[arc].pop(period, 0.0):
                self._arrive(arc, units)

    def _arrive(self, arc: int, units: float) -> None:
        """Put units on the shelf, or assemble what they complete."""
        head = self.network.heads[arc]
        if not self.network.nodes[head].assembles:
            self.on_hand[head] += units
            return
        self.components[arc] += units
        arcs = self.incoming[head]
        quantity = [self.network.arcs[one].quantity for one in arcs]
        parts = zip(arcs, quantity, strict=True)
        made = min(self.components[one] / each for one, each in parts)
        made = math.floor(made + 1e-9) if self.network.integer else made
        self.on_hand[head] += made
        for one, each in zip(arcs, quantity, strict=True):
            self.components[one] = max(self.components[one] - made * each, 0.0)

    def _ship(self, period: int, supplier: int, positions: Sequence[float]) -> None:
        network, arcs = self.network, self.outgoing[supplier]
        requests = [min(self.owed[arc], network.arcs[arc].capacity) for arc in arcs]
        if supplier >= 0 and sum(requests) > self.on_hand[supplier]:
            stock = self.on_hand[supplier]
            if network.allocation == "priority":
                requests = _in_order(requests, stock)
            elif network.allocation == "balanced":
                standing = [positions[network.heads[arc]] for arc in arcs]
                requests = _levelled(requests, stock, standing, network.integer)
            else:
                requests = _in_proportion(requests, stock, network.integer)
        for index, units in zip(arcs, requests, strict=True):
            arc = network.arcs[index]
            self.path["shipped"][period, index] = units
            unfilled = self.owed[index] - units
            self.owed[index] = unfilled if network.backlog else 0.0
            self.charges["ordering"][period] += arc.cost * units
            self.charges["shortage"][period] += arc.penalty * unfilled
            if supplier >= 0:
                # Shares of the stock may add up to a hair more than it.
                self.on_hand[supplier] = max(self.on_hand[supplier] - units, 0.0)
            if arc.lead_time == 0 and not network.late_receipts:
                self._arrive(index, units)
            else:
                due = period + arc.lead_time
                self.under_way[index][due] = self.under_way[index].get(due, 0.0) + units

    def _serve(self, period: int, index: int) -> None:
        node, demand = self.network.nodes[index], float(self.instance.demand[period, index])
        wanted = self.backorder[index] + demand
        sold = min(self.on_hand[index], wanted)
        self.on_hand[index] -= sold
        self.charges["demand"][period] += demand
        # Stock serves those who have waited first.
        self.charges["served"][period] += max(sold - self.backorder[index], 0.0)
        if node.lost_sales and node.waiting > 0.0 and wanted > sold:
            units = self._deliver_specially(period, index, wanted - sold)
            self.charges["shortage"][period] += node.special * units
            sold += units
        self.backorder[index] = 0.0 if node.lost_sales else wanted - sold
        self.charges["shortage"][period] += node.penalty * (wanted - sold)
        self.charges["revenue"][period] += node.price * sold
        self.path["sold"][period, index] = sold

    def _deliver_specially(self, period: int, index: int, missing: float) -> float:
        """Return how many of the missing customers are served from the first supplier's stock."""
        node, source = self.network.nodes[index], self.incoming[index][0]
        supplier = self.network.suppliers[source]
        if self.network.integer:
            # The least number that a binomial one exceeds with a probability of at most 1 - u.
            below = bdtr(np.arange(missing), int(missing), node.waiting)
            patient = float(np.searchsorted(below, self.instance.patience[period, index]))
        else:
            patient = node.waiting * missing
        units = min(patient, self.on_hand[supplier])
        self.on_hand[supplier] -= units
        return units

    def _charge_stock(self, period: int) -> None:
        total = 0.0
        for units, node in zip(self.on_hand, self.network.nodes, strict=True):
            total += node.holding * units
        for index, arc in enumerate(self.network.arcs):
            total += arc.holding * (sum(self.under_way[index].values()) + self.components[index])
        self.charges["holding"][period] = total


def _in_order(requests: Sequence[float], stock: float) -> list[float]:
    """Serve requests one after the other until the stock is used up."""
    shipped = []
    for request in requests:
        shipped.append(min(request, stock))
        stock -= shipped[-1]
    return shipped


def _in_proportion(requests: Sequence[float], stock: float, integer: bool) -> list[float]:
    """Cut all requests in the same proportion; whole units by rounding the running sum down."""
    total = sum(requests)
    if not integer:
        return [request * stock / total for request in requests]
    ends = [int(asked) * int(stock) // int(total) for asked in np.cumsum(requests)]
    return [float(units) for units in np.diff([0, *ends])]


def _levelled(
    requests: Sequence[float], stock: float, standing: Sequence[float], integer: bool
) -> list[float]:
    """Lift the lowest positions first, each by its request at most.

    The level that uses up the stock lies where a line that is straight between the positions
    before and after their requests crosses it.
    """
    low, most = np.array(standing), np.array(requests)
    corners = np.sort(np.concatenate([low, low + most]))
    used = [np.clip(corner - low, 0.0, most).sum() for corner in corners]
    shipped = np.clip(np.interp(stock, used, corners) - low, 0.0, most)
    if integer:
        shipped = np.floor(shipped + 1e-9)
        for _ in range(round(stock - shipped.sum())):
            short = np.flatnonzero(shipped < most)
            shipped[short[np.argmin((low + shipped)[short])]] += 1.0
    return [float(units) for units in shipped]
