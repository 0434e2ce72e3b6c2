"""A supply network: nodes that hold stock, arcs along which it moves, customers who want it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import networkx as nx

from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.demand import Demand

OUTSIDE = ""
"""The supplier that always has stock."""

ALLOCATIONS = ("proportional", "priority", "balanced")
"""How short stock is rationed: in proportion to what is ordered, in the order of the arcs, or to
lift the lowest inventory positions first."""

LONGEST_LEAD_TIME = 1_000
MOST_NODES = 10_000


@dataclass(frozen=True)
class Node:
    """A place that holds stock of one product, and may have customers.

    Attributes:
        name: what people call it.
        initial: units on hand at the start.
        holding: cost per unit on hand at the end of a period.
        storage: most units on hand and under way to it; orders beyond it are cut.
        demand: of its customers; ``None`` where there are none.
        penalty: cost per unit backordered at the end of a period, or per unit lost.
        lost_sales: whether customers who find no stock leave; else they wait.
        price: revenue per unit sold.
        waiting: probability that a customer who would leave takes a special delivery from the stock
            of the node's first supplier instead.
        special: cost per unit so delivered.
        assembles: whether a unit is made of what all its arcs bring, as soon as all is there; else
            each arc brings the same product.

    Raises:
        InputError: a number is impossible.
    """

    name: str
    initial: float = 0.0
    holding: float = 0.0
    storage: float = math.inf
    demand: Demand | None = None
    penalty: float = 0.0
    lost_sales: bool = False
    price: float = 0.0
    waiting: float = 0.0
    special: float = 0.0
    assembles: bool = False

    def __post_init__(self) -> None:
        """Check the numbers."""
        where = f"node {self.name!r}"
        if not self.name:
            raise InputError("a node needs a name")
        _check_numbers(self, where, unlimited=("storage",))
        if self.waiting > 1.0:
            raise InputError(f"{where}: waiting is a probability, not {self.waiting!r}")
        if self.waiting and not self.lost_sales:
            raise InputError(f"{where}: waiting needs lost_sales = true; else all customers wait")
        if self.initial > self.storage:
            raise InputError(f"{where}: initial stock of {self.initial:g} exceeds its storage")


@dataclass(frozen=True)
class Arc:
    """A way by which a node is supplied.

    Attributes:
        supplier: name of the supplying node, or ``""`` for the outside world.
        node: name of the node supplied.
        lead_time: periods from shipping to arrival.
        cost: per unit shipped.
        fixed: per order that is not zero.
        capacity: most units shipped in a period.
        order_delay: periods until an order reaches the supplier.
        holding: cost per unit and period under way (or waiting to be assembled).
        penalty: cost per unit and period that the supplier could not ship when asked.
        quantity: units of the supplier's product in one unit of an assembling node's.
        initial: units under way at the start, the next to arrive first.
        ordered: orders under way to the supplier at the start, the next to arrive first.

    Raises:
        InputError: a number is impossible.
    """

    supplier: str
    node: str
    lead_time: int = 1
    cost: float = 0.0
    fixed: float = 0.0
    capacity: float = math.inf
    order_delay: int = 0
    holding: float = 0.0
    penalty: float = 0.0
    quantity: float = 1.0
    initial: tuple[float, ...] = ()
    ordered: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        where = f"arc {self.supplier or 'outside'} -> {self.node}"
        _check_numbers(self, where, unlimited=("capacity",))
        if self.quantity <= 0.0:
            raise InputError(f"{where}: quantity must be positive, not {self.quantity!r}")
        for name, most in (("lead_time", LONGEST_LEAD_TIME), ("order_delay", LONGEST_LEAD_TIME)):
            value = getattr(self, name)
            if value != int(value) or value > most:
                raise InputError(f"{where}: {name} must be a whole number up to {most}")
            object.__setattr__(self, name, int(value))
        for name, most in (("initial", self.lead_time), ("ordered", self.order_delay)):
            values = getattr(self, name)
            if len(values) > most:
                raise InputError(f"{where}: {name} has {len(values)} entries, more than {most}")
            if not all(_is_number(value) and 0 <= value < math.inf for value in values):
                raise InputError(f"{where}: {name} must be numbers, none negative")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: float) -> bool:
    """Whether a number is whole, or infinite."""
    return math.isinf(value) or value == int(value)


def _check_numbers(item: Node | Arc, where: str, unlimited: Sequence[str]) -> None:
    """Refuse what is no number or negative; only the ``unlimited`` may be infinite."""
    for field in fields(item):
        if field.type not in ("float", "int"):
            continue
        value = getattr(item, field.name)
        if not _is_number(value) or not value >= 0:
            raise InputError(f"{where}: {field.name} must be a number >= 0, not {value!r}")
        if math.isinf(value) and field.name not in unlimited:
            raise InputError(f"{where}: {field.name} must be finite")


@dataclass(frozen=True)
class Network:
    """Nodes in topological order, suppliers first, and arcs sorted by supplier, then node.

    Build it with :func:`network`, which sorts and checks.

    Attributes:
        nodes: the places.
        arcs: the ways between them.
        integer: whether orders and shipments are whole units.
        backlog: whether suppliers remember what they could not ship.
        late_receipts: whether what arrives in a period can serve its customers, but not be shipped
            on before the next.
        allocation: one of :data:`ALLOCATIONS`.
        discount: factor per period by which later costs count less.
    """

    nodes: tuple[Node, ...]
    arcs: tuple[Arc, ...]
    integer: bool = True
    backlog: bool = False
    late_receipts: bool = False
    allocation: str = "proportional"
    discount: float = 1.0

    @cached_property
    def place(self) -> dict[str, int]:
        """Index of each node by name."""
        return {node.name: index for index, node in enumerate(self.nodes)}

    @cached_property
    def suppliers(self) -> tuple[int, ...]:
        """Index of each arc's supplier; -1 for the outside world."""
        return tuple(self.place.get(arc.supplier, -1) for arc in self.arcs)

    @cached_property
    def heads(self) -> tuple[int, ...]:
        """Index of the node that each arc supplies."""
        return tuple(self.place[arc.node] for arc in self.arcs)

    @cached_property
    def markets(self) -> tuple[int, ...]:
        """Indices of the nodes with customers."""
        return tuple(i for i, node in enumerate(self.nodes) if node.demand is not None)

    @cached_property
    def laws(self) -> tuple[tuple[int, Demand], ...]:
        """Index of each node with customers, and the law of their demand."""
        demands = enumerate(node.demand for node in self.nodes)
        return tuple((index, law) for index, law in demands if law is not None)

    def incoming(self, node: int) -> tuple[int, ...]:
        """Return the indices of the arcs that supply a node."""
        return tuple(a for a, head in enumerate(self.heads) if head == node)

    def outgoing(self, node: int) -> tuple[int, ...]:
        """Return the indices of the arcs that a node supplies."""
        return tuple(a for a, supplier in enumerate(self.suppliers) if supplier == node)

    @cached_property
    def graph(self) -> nx.DiGraph:
        """The nodes and arcs as a graph, without the outside world."""
        graph = nx.DiGraph()
        graph.add_nodes_from(node.name for node in self.nodes)
        graph.add_edges_from((arc.supplier, arc.node) for arc in self.arcs if arc.supplier)
        return graph


def network(
    nodes: Sequence[Node],
    arcs: Sequence[Arc],
    *,
    integer: bool = True,
    backlog: bool = False,
    late_receipts: bool = False,
    allocation: str = "proportional",
    discount: float = 1.0,
) -> Network:
    """Sort and check the parts of a network; the arguments are its attributes.

    Raises:
        InputError: the parts make no supply network; the sentence says why.
    """
    _check_flags(integer, backlog, late_receipts, allocation, discount)
    names = [node.name for node in nodes]
    if not 1 <= len(names) <= MOST_NODES:
        raise InputError(f"a network has 1 to {MOST_NODES} nodes, not {len(names)}")
    if doubles := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"node named twice: {', '.join(doubles)}")
    for arc in arcs:
        for name in (arc.node, *((arc.supplier,) if arc.supplier else ())):
            if name not in names:
                raise unknown(f"node in arc {arc.supplier or 'outside'} -> {arc.node}", name, names)
    graph = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from((arc.supplier, arc.node) for arc in arcs if arc.supplier)
    if not nx.is_directed_acyclic_graph(graph):
        circle = " -> ".join(supplier for supplier, _ in nx.find_cycle(graph))
        raise InputError(f"nodes supply each other in a circle: {circle}")
    order = list(nx.lexicographical_topological_sort(graph, key=names.index))
    place = {name: index for index, name in enumerate(order)}
    ordered_arcs = sorted(arcs, key=lambda arc: (place.get(arc.supplier, -1), place[arc.node]))
    built = Network(
        tuple(nodes[names.index(name)] for name in order),
        tuple(ordered_arcs),
        integer,
        backlog,
        late_receipts,
        allocation,
        float(discount),
    )
    _check_parts(built)
    return built


def _check_flags(
    integer: bool, backlog: bool, late_receipts: bool, allocation: str, discount: float
) -> None:
    flags = {"integer": integer, "backlog": backlog, "late_receipts": late_receipts}
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise InputError(f"a network's {name} must be true or false, not {flag!r}")
    if allocation not in ALLOCATIONS:
        raise unknown("allocation", str(allocation), ALLOCATIONS)
    if not _is_number(discount) or not 0.0 < discount <= 1.0:
        raise InputError(f"a network's discount must lie in (0, 1], not {discount!r}")


def _check_parts(built: Network) -> None:
    """Refuse nodes without supply or purpose, and demand that does not fit."""
    if not built.markets:
        raise InputError("a network needs a node with demand")
    for index, node in enumerate(built.nodes):
        incoming = built.incoming(index)
        if not incoming:
            raise InputError(f"node {node.name!r} has no supplier; give it an arc from outside")
        if node.demand is None and not built.outgoing(index):
            raise InputError(f"node {node.name!r} supplies nobody and has no demand")
        if node.waiting and built.suppliers[incoming[0]] < 0:
            raise InputError(
                f"node {node.name!r}: special deliveries need a node of the network as supplier"
            )
        if built.integer and node.demand is not None and not node.demand.discrete:
            raise InputError(
                f"node {node.name!r} has a demand that is not in whole units; set integer = false"
            )
        if built.integer and not _is_whole(node.initial):
            raise InputError(f"node {node.name!r}: initial stock must be whole units")
        if built.integer and not _is_whole(node.storage):
            raise InputError(f"node {node.name!r}: storage must be whole units")
    for arc in built.arcs:
        if built.integer and not _is_whole(arc.capacity):
            raise InputError(
                f"arc {arc.supplier or 'outside'} -> {arc.node}: capacity must be whole"
            )
        if arc.quantity != 1.0 and not built.nodes[built.place[arc.node]].assembles:
            raise InputError(f"arc {arc.supplier} -> {arc.node}: quantity is for assembling nodes")
        if built.integer and not all(map(_is_whole, (*arc.initial, *arc.ordered, arc.quantity))):
            raise InputError(f"arc {arc.supplier} -> {arc.node}: units must be whole")
