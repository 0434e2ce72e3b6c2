"""The base of all inventory environments: supply networks as decision processes, batched."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.scheduling.inventory import kernels
from drlapps.scheduling.inventory.network import ALLOCATIONS, Network
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.vector import Array, Generator, Pool, VectorEnvironment

FloatArray = NDArray[np.float64]

_PATH = ("orders", "shipped", "on_hand", "backorder", "sold")


class InventoryEnv(VectorEnvironment):
    """Networks of the same or of differing shape; see :mod:`drlapps.scheduling.inventory`.

    A task's environment derives from this one, sets its spaces and writes :meth:`_orders` and
    :meth:`_observe`. A policy may read the state arrays: ``period`` (B,), ``on_hand`` and
    ``backorder`` (B, N), ``component``, ``owed`` (B, A), ``pipeline`` (B, A, P), ``mail``
    (B, A, I); :class:`.kernels.State` says what they hold.

    Args:
        num_envs: number of rows.
        pool: where scenarios come from.
        autoreset_mode: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
            the path that a solution consists of and charges expected costs.

    Attributes:
        largest_order: what the action 1 orders on each arc, shape (B, A).
        scale: of each row's costs: rewards are ``-cost / scale``, shape (B,).
    """

    # The networks and the demand follow from the instances.
    STATE: ClassVar[tuple[str, ...]] = (*kernels.State._fields, "expected")

    def __init__(
        self, num_envs: int, pool: Pool, *, autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        known = largest_of(pool)
        nodes, arcs, slots, delays, periods = _sizes(known)
        self.period = np.zeros(num_envs, np.int64)
        self.on_hand = np.zeros((num_envs, nodes))
        self.backorder = np.zeros((num_envs, nodes))
        self.component = np.zeros((num_envs, arcs))
        self.pipeline = np.zeros((num_envs, arcs, slots))
        self.mail = np.zeros((num_envs, arcs, delays))
        self.owed = np.zeros((num_envs, arcs))
        self.discounting = np.ones(num_envs)
        self.totals = np.zeros((num_envs, 6))
        self.expected = np.zeros(num_envs)
        self.largest_order = np.ones((num_envs, arcs))
        self.scale = np.ones(num_envs)
        self._periods = np.zeros(num_envs, np.int64)
        self._warm_up = np.zeros(num_envs, np.int64)
        self._demand = np.zeros((num_envs, periods, nodes))
        patient = any(node.waiting for one in known for node in one.network.nodes)
        self._patience = np.zeros((num_envs, periods if patient else 0, nodes))
        self._networks: list[Network | None] = [None] * num_envs
        self.parts = _empty_parts(num_envs, nodes, arcs)
        self._state = kernels.State(*(getattr(self, name) for name in kernels.State._fields))
        self._outcome = kernels.Outcome(
            np.zeros(num_envs),
            np.zeros((num_envs, arcs)),
            *(np.zeros((num_envs, nodes)) for _ in range(3)),
        )
        self._keeps_path = autoreset_mode is AutoresetMode.DISABLED
        kept = periods if self._keeps_path else 0
        widths = (arcs, arcs, nodes, nodes, nodes)
        self._path = {
            name: np.zeros((num_envs, kept, width))
            for name, width in zip(_PATH, widths, strict=True)
        }
        self._expected_path = np.full((num_envs, kept), np.nan)
        # Compile the kernels now: what is timed later should not pay for it.
        nothing = np.zeros((num_envs, arcs))
        kernels.admit(self.parts, self._state, nothing)
        self._move(nothing, np.zeros(num_envs, np.bool_))

    @abstractmethod
    def _orders(self, actions: Array) -> FloatArray:
        """Return what actions order on each arc, shape (B, A): a new array.

        It is rounded and cut to the room in storage afterwards.
        """

    def _expected(self, orders: FloatArray) -> FloatArray | None:
        """Return the expected cost charged to this period, (B,), before the admitted orders act.

        Tasks with a control variate override this; it is asked for in evaluation only.
        """
        return None

    def _reward(self, orders: FloatArray, costs: FloatArray) -> FloatArray:
        """Return the rewards, (B,), after the admitted orders acted."""
        return -costs / self.scale

    def _describe(self, row: int, instance: Scenario) -> None:
        """Set what follows from the row's instance alone; tasks add what they need."""
        network = instance.network
        if network is not self._networks[row]:
            nodes, arcs = len(network.nodes), len(network.arcs)
            if nodes > self.on_hand.shape[1] or arcs > self.owed.shape[1]:
                raise ValueError(f"{instance.name} is larger than any network of this batch")
            fill_parts(self.parts, row, network)
            self.largest_order[row] = 1.0
            self.largest_order[row, :arcs] = largest_orders(network)
            self.scale[row] = cost_scale(network)
            # Columns that the network before it used, and this one may not.
            self._demand[row] = 0.0
            self._networks[row] = network
        if instance.periods > self._demand.shape[1]:
            raise ValueError(f"{instance.name} has more periods than any scenario of this batch")
        self._periods[row] = instance.periods
        self._warm_up[row] = instance.warm_up
        self._demand[row, : instance.periods, : len(network.nodes)] = instance.demand
        if len(instance.patience):
            self._patience[row, : instance.periods, : len(network.nodes)] = instance.patience

    def _load(self, row: int, instance: Scenario, rng: np.random.Generator) -> None:
        self._describe(row, instance)
        self.period[row] = 0
        self.expected[row] = 0.0
        self.discounting[row] = 1.0
        for name in ("on_hand", "backorder", "component", "pipeline", "mail", "owed", "totals"):
            getattr(self, name)[row] = 0.0
        for index, node in enumerate(instance.network.nodes):
            self.on_hand[row, index] = node.initial
        for index, arc in enumerate(instance.network.arcs):
            self.pipeline[row, index, : len(arc.initial)] = arc.initial
            self.mail[row, index, : len(arc.ordered)] = arc.ordered

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state."""
        super().restore_state(state)
        for row, scenario in enumerate(self.instances):
            if scenario is not None:
                self._describe(row, scenario)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        orders = self._orders(actions)
        if not np.isfinite(orders[active]).all():
            raise ValueError("orders must be finite numbers")
        kernels.admit(self.parts, self._state, orders)
        expected = self._expected(orders) if self._keeps_path else None
        self._move(orders, active)
        if self._keeps_path:
            self._record(orders, expected, active)
        # The system goes on after the last period that is looked at.
        truncated = self.period >= self._periods
        return self._reward(orders, self._outcome.cost), np.zeros_like(truncated), truncated

    def _move(self, orders: FloatArray, active: NDArray[np.bool_]) -> None:
        kernels.advance(
            self.parts,
            self._state,
            orders,
            self._demand,
            self._patience,
            self._warm_up,
            active,
            self._outcome,
        )

    def _record(
        self, orders: FloatArray, expected: FloatArray | None, active: NDArray[np.bool_]
    ) -> None:
        """Keep what happened in the period just ended."""
        rows = np.flatnonzero(active)
        now = self.period[rows] - 1
        happened = (orders, *self._outcome[1:])
        for name, values in zip(_PATH, happened, strict=True):
            self._path[name][rows, now] = values[rows]
        if expected is not None:
            self._expected_path[rows, now] = expected[rows]
            counts = now >= self._warm_up[rows]
            self.expected[rows[counts]] += expected[rows[counts]]

    def orders_space(self) -> gymnasium.spaces.Box:
        """Return the default action space: an order on each arc, as :meth:`orders_of` reads it."""
        return gymnasium.spaces.Box(-1.0, 1.0, (self.owed.shape[1],), np.float32)

    def orders_of(self, actions: Array) -> FloatArray:
        """Return the orders that actions in [-1, 1] mean: from nothing to the largest order."""
        share = 0.5 * (np.clip(np.asarray(actions, np.float64), -1.0, 1.0) + 1.0)
        return np.asarray(self.largest_order * share)

    def actions_for(self, orders: FloatArray) -> Array:
        """Return the actions of the default settings that place the given orders, (B, A).

        An order above the largest possible one is cut to it.
        """
        return np.asarray(2.0 * np.clip(orders / self.largest_order, 0.0, 1.0) - 1.0)

    def in_transit(self) -> FloatArray:
        """Return the units under way on each arc, shape (B, A)."""
        return np.asarray(self.pipeline.sum(axis=2))

    def position(self) -> FloatArray:
        """Return the installation inventory positions, shape (B, N).

        Stock on hand, plus all that is ordered and not there yet (of an assembling node, as many
        units as its scarcest component makes), minus backorders and what the node owes to those it
        supplies.
        """
        found = np.zeros_like(self.on_hand)
        kernels.all_positions(self.parts, self._state, found)
        return found

    def echelon_position(self) -> FloatArray:
        """Return the echelon inventory positions, shape (B, N).

        A node's own position plus the positions of all nodes downstream, in units of the node's
        product: what they owe each other cancels out. Orders in the mail between them do not count.
        """
        found = self.position()
        kernels.add_downstream(self.parts, self.mail, found)
        return found

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics that all inventory tasks have.

        ``cost``, ``holding``, ``shortage``, ``ordering`` per counted period, ``fill_rate`` (share
        of the demand that was served at once from stock), ``feasible`` (always 1), and
        ``expected_cost`` where the task knows it.
        """
        counted = max(int(self._periods[row] - self._warm_up[row]), 1)
        cost, holding, shortage, ordering, demand, served = self.totals[row].tolist()
        found = {
            "cost": cost / counted,
            "holding": holding / counted,
            "shortage": shortage / counted,
            "ordering": ordering / counted,
            "fill_rate": served / demand if demand > 0.0 else 1.0,
            "feasible": 1.0,
        }
        if self._expects(row):
            found["expected_cost"] = float(self.expected[row]) / counted
        return found

    def _expects(self, row: int) -> bool:
        """Whether expected costs were charged to the row."""
        return self._keeps_path and not math.isnan(self._expected_path[row, 0])

    def solution(self, row: int) -> dict[str, Any]:
        """Return the path: for each period a list with a number an arc or node under each key.

        Keys: ``orders``, ``shipped`` (arcs), ``on_hand`` and ``backorder`` at the end of the
        period, ``sold`` and ``demand`` (nodes), and ``expected`` (a number a period) where the task
        charges expected costs.
        """
        network, length = self.instances[row].network, int(self.period[row])
        widths = {"orders": len(network.arcs), "shipped": len(network.arcs)}
        found: dict[str, Any] = {
            name: path[row, :length, : widths.get(name, len(network.nodes))].tolist()
            for name, path in self._path.items()
        }
        found["demand"] = self._demand[row, :length, : len(network.nodes)].tolist()
        if self._expects(row):
            found["expected"] = self._expected_path[row, :length].tolist()
        return found


def largest_of(pool: Pool) -> list[Any]:
    """Return scenarios of the pool that no other one exceeds in size."""
    return [pool.largest()] if isinstance(pool, Generator) else list(pool)


def _sizes(scenarios: Sequence[Scenario]) -> tuple[int, int, int, int, int]:
    """Return the largest numbers of nodes, arcs, pipeline slots, mail slots and periods."""
    rows = [
        (
            len(one.network.nodes),
            len(one.network.arcs),
            max(1, *(arc.lead_time + one.network.late_receipts for arc in one.network.arcs)),
            max(1, *(arc.order_delay for arc in one.network.arcs)),
            one.periods,
        )
        for one in scenarios
    ]
    nodes, arcs, slots, delays, periods = (max(column) for column in zip(*rows, strict=True))
    return nodes, arcs, slots, delays, periods


def _empty_parts(rows: int, nodes: int, arcs: int) -> kernels.Parts:
    """Return the parts of no network at all."""
    shapes = {"first": (rows, nodes + 1)}
    per_node = ("holding", "storage", "penalty", "lost", "price", "waiting", "special", "assembles",
                "source")  # fmt: skip
    per_arc = ("head", "lead", "delay", "unit_cost", "fixed", "capacity", "transit", "unfilled",
               "quantity")  # fmt: skip
    shapes |= dict.fromkeys(per_node, (rows, nodes)) | dict.fromkeys(per_arc, (rows, arcs))
    kinds: dict[str, type] = dict.fromkeys(
        ("nodes", "arcs", "allocation", "source", "first", "head", "lead", "delay"), np.int64
    )
    kinds |= dict.fromkeys(("integer", "backlog", "late", "lost", "assembles"), np.bool_)
    return kernels.Parts(
        *(
            np.zeros(shapes.get(name, (rows,)), kinds.get(name, np.float64))
            for name in kernels.Parts._fields
        )
    )


def fill_parts(parts: kernels.Parts, row: int, network: Network) -> None:
    """Write a network into a row of the parts."""
    for name, values in _columns(network).items():
        column = getattr(parts, name)[row]
        if column.ndim == 0:
            getattr(parts, name)[row] = values
        else:
            column[: len(values)] = values


@cache
def _columns(network: Network) -> dict[str, Any]:
    """Return the parts of one network."""
    nodes, arcs = network.nodes, network.arcs
    suppliers = np.array(network.suppliers)
    special = [network.suppliers[network.incoming(i)[0]] for i in range(len(nodes))]
    return {
        "nodes": len(nodes),
        "arcs": len(arcs),
        "integer": network.integer,
        "backlog": network.backlog,
        "late": network.late_receipts,
        "allocation": ALLOCATIONS.index(network.allocation),
        "discount": network.discount,
        "holding": [node.holding for node in nodes],
        "storage": [node.storage for node in nodes],
        "penalty": [node.penalty for node in nodes],
        "lost": [node.lost_sales for node in nodes],
        "price": [node.price for node in nodes],
        "waiting": [node.waiting for node in nodes],
        "special": [node.special for node in nodes],
        "assembles": [node.assembles for node in nodes],
        "source": special,
        "first": [int((suppliers < index).sum()) for index in range(len(nodes) + 1)],
        "head": list(network.heads),
        "lead": [arc.lead_time for arc in arcs],
        "delay": [arc.order_delay for arc in arcs],
        "unit_cost": [arc.cost for arc in arcs],
        "fixed": [arc.fixed for arc in arcs],
        "capacity": [arc.capacity for arc in arcs],
        "transit": [arc.holding for arc in arcs],
        "unfilled": [arc.penalty for arc in arcs],
        "quantity": [arc.quantity for arc in arcs],
    }


@cache
def largest_orders(network: Network) -> tuple[float, ...]:
    """Return orders that no sensible policy exceeds, one an arc.

    The demand of all customers downstream over the longest way to them and two periods more, six
    standard deviations above its mean; at most the arc's capacity and the node's storage.
    """
    means, variances, leads = (np.zeros(len(network.nodes)) for _ in range(3))
    for index in reversed(range(len(network.nodes))):
        law = network.nodes[index].demand
        if law is not None:
            means[index] += law.mean
            variances[index] += law.variance
        for number in network.outgoing(index):
            arc, head = network.arcs[number], network.heads[number]
            means[index] += arc.quantity * means[head]
            variances[index] += arc.quantity**2 * variances[head]
            leads[index] = max(leads[index], leads[head] + arc.lead_time + arc.order_delay)
    orders = []
    for arc, head in zip(network.arcs, network.heads, strict=True):
        periods = leads[head] + arc.lead_time + arc.order_delay + 2
        most = means[head] * periods + 6.0 * math.sqrt(variances[head] * periods)
        most = min(arc.quantity * most, arc.capacity, network.nodes[head].storage)
        orders.append(max(float(math.ceil(most)), 1.0))
    return tuple(orders)


@cache
def cost_scale(network: Network) -> float:
    """Return what a period with half its customers unserved might cost: the unit of rewards."""
    scale = sum(
        node.demand.mean * (node.holding + 0.5 * (node.penalty + node.price))
        for node in network.nodes
        if node.demand is not None
    )
    return max(scale, 1e-6)
