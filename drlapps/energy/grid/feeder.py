"""A distribution feeder as data: buses, branches, the source."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown

BASE_KVA = 1000.0
"""Base of the per-unit system; that of voltages is the feeder's own."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Bus:
    """A node of the feeder.

    Attributes:
        name: what people call it.
        p_kw: active power that its load draws, in kW.
        q_kvar: reactive power that its load draws, in kvar; negative for a capacitor.
        weight: importance of a kW served here.
        sheddable: whether the load has a breaker of its own.
        x: position in a picture, to the right; both or none of the two.
        y: position in a picture, upwards.
    """

    name: str
    p_kw: float = 0.0
    q_kvar: float = 0.0
    weight: float = 1.0
    sheddable: bool = True
    x: float | None = None
    y: float | None = None


@dataclass(frozen=True)
class Branch:
    """A line or transformer between two buses, with a switch in it.

    Attributes:
        name: what people call it, in the literature a number from 1.
        from_bus: name of one end.
        to_bus: name of the other.
        r_ohm: resistance in ohm, at the feeder's nominal voltage.
        x_ohm: reactance in ohm.
        closed: whether it is closed in normal operation; a tie is not.
        switchable: whether its switch can be operated.
        rating_a: greatest current in A.
    """

    name: str
    from_bus: str
    to_bus: str
    r_ohm: float
    x_ohm: float
    closed: bool = True
    switchable: bool = True
    rating_a: float = math.inf


class Arrays(NamedTuple):
    """A feeder in numbers; per unit of :data:`BASE_KVA` and the feeder's voltage.

    ``n`` buses and ``e`` branches, in the feeder's order.

    Attributes:
        tail: index of each branch's ``from_bus``, (e,).
        head: index of each branch's ``to_bus``, (e,).
        r: resistance, (e,).
        x: reactance, (e,).
        rating: greatest current, (e,).
        p: active load, (n,).
        q: reactive load, (n,).
        weight: of each bus's load, (n,).
        closed: normal positions, (e,).
        switchable: (e,).
        sheddable: whether the bus has a load with a breaker of its own, (n,).
        first: where the neighbours of each bus begin in the next two, (n + 1,).
        neighbour: buses next to each bus, (2 e,).
        through: the branch that leads there, (2 e,).
    """

    tail: Ints
    head: Ints
    r: Floats
    x: Floats
    rating: Floats
    p: Floats
    q: Floats
    weight: Floats
    closed: Bools
    switchable: Bools
    sheddable: Bools
    first: Ints
    neighbour: Ints
    through: Ints


@dataclass(frozen=True)
class Feeder:
    """A feeder: a graph of buses and branches that one bus supplies at a fixed voltage.

    Several substations of equal voltage are one source: join them to it by branches without
    impedance.

    Attributes:
        name: what people call it.
        buses: its nodes.
        branches: its lines, ties included.
        source: name of the bus that supplies all others.
        kv: nominal voltage in kV, between phases.
        source_voltage: voltage of the source, per unit.

    Raises:
        InputError: a name is missing, given twice or unknown, a number is impossible, the normal
            positions form a loop, or a bus cannot be supplied whatever is closed.
    """

    name: str
    buses: tuple[Bus, ...]
    branches: tuple[Branch, ...]
    source: str
    kv: float
    source_voltage: float = 1.0

    def __post_init__(self) -> None:
        """Check."""
        self._check_numbers()
        self._check_names()
        self._check_graph()

    @cached_property
    def hash(self) -> str:
        """Digest of all but the name."""
        content = asdict(self) | {"name": ""}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @cached_property
    def arrays(self) -> Arrays:
        """The feeder in numbers."""
        ohm = self.kv**2 * 1000.0 / BASE_KVA
        ampere = BASE_KVA / (math.sqrt(3.0) * self.kv)
        tail = np.array([self.index[b.from_bus] for b in self.branches], np.int64)
        head = np.array([self.index[b.to_bus] for b in self.branches], np.int64)
        first, neighbour, through = _adjacency(len(self.buses), tail, head)
        p = np.array([bus.p_kw for bus in self.buses]) / BASE_KVA
        q = np.array([bus.q_kvar for bus in self.buses]) / BASE_KVA
        found = Arrays(
            tail=tail,
            head=head,
            r=np.array([b.r_ohm for b in self.branches], np.float64) / ohm,
            x=np.array([b.x_ohm for b in self.branches], np.float64) / ohm,
            rating=np.array([b.rating_a for b in self.branches], np.float64) / ampere,
            p=p,
            q=q,
            weight=np.array([bus.weight for bus in self.buses], np.float64),
            closed=np.array([b.closed for b in self.branches], np.bool_),
            switchable=np.array([b.switchable for b in self.branches], np.bool_),
            sheddable=np.array([bus.sheddable for bus in self.buses], np.bool_)
            & ((p != 0) | (q != 0)),
            first=first,
            neighbour=neighbour,
            through=through,
        )
        for array in found:
            array.setflags(write=False)
        return found

    @cached_property
    def index(self) -> dict[str, int]:
        """The position of each bus, by its name."""
        return {bus.name: i for i, bus in enumerate(self.buses)}

    @cached_property
    def branch_index(self) -> dict[str, int]:
        """The position of each branch, by its name."""
        return {branch.name: i for i, branch in enumerate(self.branches)}

    @property
    def root(self) -> int:
        """The position of the source."""
        return self.index[self.source]

    @property
    def load_kw(self) -> float:
        """All active load, in kW."""
        return sum(bus.p_kw for bus in self.buses)

    def scaled(self, factor: float, name: str = "") -> Feeder:
        """Return the feeder with all loads multiplied by ``factor``."""
        buses = tuple(
            replace(bus, p_kw=bus.p_kw * factor, q_kvar=bus.q_kvar * factor) for bus in self.buses
        )
        return replace(self, name=name or self.name, buses=buses)

    def _check_names(self) -> None:
        for what, parts in (("bus", self.buses), ("branch", self.branches)):
            names = [part.name for part in parts]
            if not names:
                raise InputError(f"{self.name}: there is no {what}")
            if "" in names:
                raise InputError(f"{self.name}: a {what} has no name")
            if (most := Counter(names).most_common(1)[0])[1] > 1:
                raise InputError(f"{self.name}: there are {most[1]} {what}es named {most[0]!r}")
        if self.source not in self.index:
            raise unknown(f"source bus of {self.name}", self.source, self.index)
        for branch in self.branches:
            for end in (branch.from_bus, branch.to_bus):
                if end not in self.index:
                    raise unknown(f"bus at branch {branch.name} of {self.name}", end, self.index)
            if branch.from_bus == branch.to_bus:
                raise InputError(
                    f"{self.name}: branch {branch.name} leads from bus {branch.from_bus} to itself"
                )

    def _check_numbers(self) -> None:
        _at_least(self.name, "kv", self.kv, 0.0, strict=True)
        _at_least(self.name, "source_voltage", self.source_voltage, 0.0, strict=True)
        for bus in self.buses:
            where = f"{self.name}: bus {bus.name}"
            _at_least(where, "p_kw", bus.p_kw, 0.0)
            _at_least(where, "weight", bus.weight, 0.0)
            _at_least(where, "q_kvar", bus.q_kvar, -math.inf)
            if (bus.x is None) != (bus.y is None):
                raise InputError(f"{where}: a position needs both x and y")
        for branch in self.branches:
            where = f"{self.name}: branch {branch.name}"
            _at_least(where, "r_ohm", branch.r_ohm, 0.0)
            _at_least(where, "x_ohm", branch.x_ohm, 0.0)
            if not branch.rating_a > 0:
                raise InputError(f"{where}: rating_a must be above 0, not {branch.rating_a}")

    def _check_graph(self) -> None:
        """Refuse a loop in normal operation, and buses that nothing can supply."""
        groups = list(range(len(self.buses)))

        def group(i: int) -> int:
            while groups[i] != i:
                groups[i] = i = groups[groups[i]]
            return i

        for branch in sorted(self.branches, key=lambda b: not b.closed):
            a, b = group(self.index[branch.from_bus]), group(self.index[branch.to_bus])
            if a == b and branch.closed:
                raise InputError(
                    f"{self.name}: branch {branch.name} closes a loop; in normal operation the "
                    "feeder must be radial"
                )
            groups[a] = b
        root = group(self.root)
        lost = [bus.name for i, bus in enumerate(self.buses) if group(i) != root]
        if lost:
            raise InputError(
                f"{self.name}: {_listed('bus', lost)} cannot be reached from the source "
                f"{self.source}, whatever is closed"
            )


def _at_least(where: str, what: str, value: float, least: float, strict: bool = False) -> None:
    if not math.isfinite(value) or value < least or (strict and value == least):
        kind = "above" if strict else "at least"
        bound = f" {kind} {least:g}" if math.isfinite(least) else ""
        raise InputError(f"{where}: {what} must be a number{bound}, not {value}")


def _listed(what: str, names: Sequence[str], most: int = 5) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    plural = "es" if len(names) > 1 else ""
    return f"{what}{plural} {', '.join(names[:most])}{more}"


def _adjacency(n: int, tail: Ints, head: Ints) -> tuple[Ints, Ints, Ints]:
    """Return the graph in compressed rows: where each begins, neighbours, branches to them."""
    ends = np.concatenate([tail, head])
    others = np.concatenate([head, tail])
    branches = np.tile(np.arange(len(tail)), 2)
    order = np.lexsort((branches, ends))
    first = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(ends, minlength=n), out=first[1:])
    return first, others[order], branches[order]
