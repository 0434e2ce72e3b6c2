"""The linearised power flow, as matrices for a given tree and as a model that chooses the tree.

LinDistFlow (Baran and Wu 1989) neglects the losses in the branch flow equations. On a tree, with
``P``, ``Q`` the power that enters branch ``ij`` and ``v`` the squares of voltages::

    P_ij = p_j + sum_k P_jk        Q_ij = q_j + sum_k Q_jk        v_j = v_i - 2 (r P_ij + x Q_ij)

Losses only lower voltages, so those of LinDistFlow are never below those of the AC power flow.

:class:`RadialModel` lets binaries choose the tree, in a formulation that is tight enough for HiGHS:
every branch gives two arcs, every bus is entered by one, a commodity of which each bus consumes one
unit rules out detached cycles, and the constants that free an unused arc are as small as the graph
allows. The losses are there, too, with squared currents ``l``::

    P_ij - r l_ij = p_j + sum_k P_jk        v_j = v_i - 2 (r P_ij + x Q_ij) + (r^2 + x^2) l_ij

but only ``l >= 0`` at first, that is LinDistFlow. By tangents of the cone
``l_ij v_i >= P_ij^2 + Q_ij^2`` it gets as near to the AC power flow as is wanted: with all of them
it would be the second-order cone relaxation of Taylor and Hover (2012). So it never excludes a
configuration that keeps the limits by AC, whatever tangents it has; and a tangent at every branch's
AC solution excludes one that does not, if no load is capacitive: losses then only add to flows and
lower voltages, and the least solution of the tangents is the AC one.

References:
    Baran, M. E., & Wu, F. F. (1989). Network reconfiguration in distribution systems for loss
    reduction and load balancing. IEEE Transactions on Power Delivery, 4(2), 1401-1407.
    Taylor, J. A., & Hover, F. S. (2012). Convex models of distribution system reconfiguration.
    IEEE Transactions on Power Systems, 27(3), 1407-1413.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from drlapps.energy.grid.feeder import Bools, Feeder, Floats

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

_DIRECTIONS = 5
"""Tangents to the circle of a rating, in each quadrant with its axes."""


def sensitivities(feeder: Feeder, closed: Bools) -> tuple[Floats, Floats]:
    """Return how loads lower voltages in a tree: ``v = v0^2 - 2 (R p + X q)``.

    ``v`` are squared voltages per unit, ``p`` and ``q`` loads per unit of
    :data:`~drlapps.energy.grid.feeder.BASE_KVA`. An entry is the impedance that the paths from the
    source to two buses share; rows and columns of buses in the dark are zero.

    Args:
        feeder: whose lines.
        closed: which branches conduct, (e,); radial.

    Returns:
        ``R`` and ``X``, (n, n).

    Raises:
        ValueError: a loop is energised.
    """
    a = feeder.arrays
    n = len(a.p)
    on_path = np.zeros((n, len(a.tail)))
    seen = np.zeros(n, np.bool_)
    seen[feeder.root] = True
    stack = [(feeder.root, -1)]
    while stack:
        bus, entry = stack.pop()
        for k in range(a.first[bus], a.first[bus + 1]):
            branch, other = int(a.through[k]), int(a.neighbour[k])
            if branch == entry or not closed[branch]:
                continue
            if seen[other]:
                raise ValueError(f"branch {feeder.branches[branch].name} closes a loop")
            seen[other] = True
            on_path[other] = on_path[bus]
            on_path[other, branch] = 1.0
            stack.append((other, branch))
    return (on_path * a.r) @ on_path.T, (on_path * a.x) @ on_path.T


class Arc(NamedTuple):
    """A branch in one direction, by indices."""

    branch: int
    tail: int
    head: int


@dataclass(frozen=True)
class Reach:
    """What the source can reach.

    Attributes:
        buses: that it can reach through usable branches, the source included.
        beyond: along which arcs a radial configuration may carry power, and the buses that each
            may feed, directly or through others.
    """

    buses: tuple[int, ...]
    beyond: Mapping[Arc, frozenset[int]]


def reach(feeder: Feeder, usable: Bools) -> Reach:
    """Return what the source can reach through usable branches, (e,).

    An arc is left out if all paths from the source to its tail come through its head.
    """
    a = feeder.arrays
    around: list[list[tuple[int, int]]] = [[] for _ in a.p]
    for k in np.flatnonzero(usable).tolist():
        tail, head = int(a.tail[k]), int(a.head[k])
        around[tail].append((k, head))
        around[head].append((k, tail))

    def search(start: int, *barred: int) -> frozenset[int]:
        found, stack = {start, *barred}, [start]
        while stack:
            for _, other in around[stack.pop()]:
                if other not in found:
                    found.add(other)
                    stack.append(other)
        return frozenset(found.difference(barred))

    root = feeder.root
    buses = tuple(sorted(search(root)))
    without = {bus: search(root, bus) for bus in buses if bus != root}
    beyond: dict[Arc, frozenset[int]] = {}
    for tail in buses:
        part: dict[int, frozenset[int]] = {}
        for branch, head in around[tail]:
            if head == root or tail not in without[head]:
                continue
            if head not in part:
                together = search(head, tail, root)
                part |= dict.fromkeys(together, together)
            beyond[Arc(branch, tail, head)] = part[head]
    return Reach(buses, beyond)


class RadialModel:
    """A Pyomo model of all radial configurations of a feeder, with linearised power flows.

    Whoever uses it adds an objective, and constraints of his own on these variables, all per unit
    and for what the source can reach only:

    * ``model.arc[a]``: 1 if power flows along the arc;
    * ``model.p[a]``, ``model.q[a]``, ``model.l[a]``: the power that enters it, its squared current;
    * ``model.v[i]``: squared voltage of a bus;
    * ``model.served[i]``: 1 if the load of the bus is connected, and the bus energised.

    Branches that are not switchable conduct wherever they are energised. Ratings are polygons
    around the circle at first; tangents make them exact.

    Args:
        feeder: its lines and switches.
        usable: which branches may conduct, (e,).
        p: active loads per unit, (n,).
        q: reactive loads, (n,).
        min_voltage: lower limit at energised buses, per unit.
        max_voltage: upper limit.
        spanning: whether all that can be energised must be. If all loads can be shed, nothing is
            lost by that, and the model is stronger.
    """

    def __init__(
        self,
        feeder: Feeder,
        usable: Bools,
        p: Floats,
        q: Floats,
        *,
        min_voltage: float,
        max_voltage: float,
        spanning: bool = True,
    ) -> None:
        from pyomo.environ import ConcreteModel, ConstraintList

        self.feeder = feeder
        self.reach = reach(feeder, usable)
        self.arcs = tuple(self.reach.beyond)
        self.spanning = spanning
        self._into: dict[int, list[Arc]] = {bus: [] for bus in self.reach.buses}
        self._out: dict[int, list[Arc]] = {bus: [] for bus in self.reach.buses}
        self._along: dict[int, list[Arc]] = {}
        for arc in self.arcs:
            self._into[arc.head].append(arc)
            self._out[arc.tail].append(arc)
            self._along.setdefault(arc.branch, []).append(arc)
        self._fed = [bus for bus in self.reach.buses if bus != feeder.root]
        self._r, self._x = feeder.arrays.r.tolist(), feeder.arrays.x.tolist()
        # Voltages only fall along a feeder whose loads are all inductive.
        self._falling = not (q[self._fed] < 0).any()
        top = feeder.source_voltage if self._falling else max_voltage
        self._limits = (min_voltage**2, top**2)
        self.model: ConcreteModel = ConcreteModel()
        self._add_variables(np.hypot(p, q), top / min_voltage)
        self._add_tree()
        self._add_balance("p", self._r, p)
        self._add_balance("q", self._x, q)
        self._add_voltages()
        self.model.tangents = ConstraintList()
        self._add_ratings(top)

    @property
    def branches(self) -> tuple[int, ...]:
        """The branches that may carry power."""
        return tuple(self._along)

    def conducts(self, branch: int) -> Any:
        """Return the expression that is 1 if a branch carries power."""
        from pyomo.environ import quicksum

        return quicksum(self.model.arc[arc] for arc in self._along[branch])

    def energised(self, bus: int) -> Any:
        """Return the expression that is 1 if a bus is fed."""
        from pyomo.environ import quicksum

        if self.spanning or bus == self.feeder.root:
            return 1
        return quicksum(self.model.arc[arc] for arc in self._into[bus])

    def add_tangent(self, arc: Arc, p: float, q: float, v: float) -> None:
        """Bound the squared current of an arc from below by the tangent at a point.

        ``l v >= p^2 + q^2`` is a cone, and its tangents go through the origin: they hold for an
        unused arc as they are. Two of them are added, of which the first is stronger where the
        arc's binary is fractional: the voltage is at most the greatest, if the arc is used.

        Args:
            arc: whose.
            p: active power that enters it.
            q: reactive power.
            v: squared voltage of its tail.
        """
        variables = self.model
        slope = (p * p + q * q) / (v * v)
        flow = (2 * p / v) * variables.p[arc] + (2 * q / v) * variables.q[arc] - variables.l[arc]
        variables.tangents.add(flow <= slope * self._limits[1] * variables.arc[arc])
        variables.tangents.add(flow <= slope * variables.v[arc.tail])

    def _add_variables(self, apparent: Floats, ratio: float) -> None:
        """Add them with bounds.

        The current of an arc is at most the sum of those of all loads beyond it, at the lowest
        voltage, and its power that at the highest.
        """
        from pyomo.environ import Binary, Var

        load = {arc: float(apparent[list(far)].sum()) for arc, far in self.reach.beyond.items()}
        rating = self.feeder.arrays.rating.tolist()
        low, high = self._limits
        self._most = {arc: load[arc] * ratio for arc in self.arcs}
        model, root, arcs = self.model, self.feeder.root, self.arcs
        source = self.feeder.source_voltage**2
        model.arc = Var(arcs, domain=Binary)
        model.p = Var(arcs, bounds=(0.0, None))
        model.q = Var(arcs, bounds=(0.0 if self._falling else None, None))
        model.l = Var(arcs, bounds=lambda _, *a: (0.0, min(load[a] ** 2 / low, rating[a[0]] ** 2)))
        model.v = Var(
            self.reach.buses,
            bounds=lambda _, i: (source, source) if i == root else (low, high),
        )
        model.served = Var(self.reach.buses, domain=Binary)

    def _add_tree(self) -> None:
        """Enter each bus once, from the source: no cycle feeds itself."""
        from pyomo.environ import Constraint, NonNegativeReals, Var, quicksum

        model, arrays = self.model, self.feeder.arrays
        reach = self.reach.beyond
        model.commodity = Var(self.arcs, domain=NonNegativeReals)
        model.enter = Constraint(
            self._fed,
            rule=lambda _, i: (
                quicksum(model.arc[a] for a in self._into[i]) == 1
                if self.spanning
                else (None, quicksum(model.arc[a] for a in self._into[i]), 1)
            ),
        )
        model.once = Constraint(
            self.branches,
            rule=lambda _, k: (
                self.conducts(k) <= 1
                if arrays.switchable[k]
                else self.conducts(k) == self.energised(int(arrays.tail[k]))
            ),
        )
        model.consume = Constraint(
            self._fed,
            rule=lambda _, i: (
                quicksum(model.commodity[a] for a in self._into[i])
                - quicksum(model.commodity[a] for a in self._out[i])
                == self.energised(i)
            ),
        )
        model.carry = Constraint(
            self.arcs, rule=lambda _, *a: model.commodity[a] <= len(reach[a]) * model.arc[a]
        )
        for i in self.reach.buses:
            if not arrays.sheddable[i] and (self.spanning or i == self.feeder.root):
                model.served[i].fix(1)
        if not self.spanning:
            model.connect = Constraint(
                self._fed,
                rule=lambda _, i: (
                    model.served[i] <= self.energised(i)
                    if arrays.sheddable[i]
                    else model.served[i] == self.energised(i)
                ),
            )

    def _add_balance(self, name: str, impedance: list[float], load: Floats) -> None:
        """Balance active or reactive power at every bus."""
        from pyomo.environ import Constraint, quicksum

        model, power = self.model, getattr(self.model, name)
        demand = load.tolist()
        balance = Constraint(
            self._fed,
            rule=lambda _, i: (
                quicksum(power[a] - impedance[a[0]] * model.l[a] for a in self._into[i])
                - quicksum(power[a] for a in self._out[i])
                == demand[i] * model.served[i]
            ),
        )
        model.add_component(f"balance_{name}", balance)
        most = Constraint(self.arcs, rule=lambda _, *a: power[a] <= self._most[a] * model.arc[a])
        model.add_component(f"most_{name}", most)
        if name == "q" and not self._falling:
            model.least_q = Constraint(
                self.arcs, rule=lambda _, *a: power[a] >= -self._most[a] * model.arc[a]
            )

    def _add_voltages(self) -> None:
        """Let voltages fall along used arcs.

        Where they only fall, no limit needs more than that they fall at least that much.
        """
        from pyomo.environ import Constraint

        model, free = self.model, self._limits[1] - self._limits[0]

        def rise(arc: tuple[int, int, int]) -> Any:
            k, i, j = arc
            r, x = self._r[k], self._x[k]
            fall = 2 * r * model.p[arc] + 2 * x * model.q[arc] - (r * r + x * x) * model.l[arc]
            return model.v[j] - model.v[i] + fall

        model.fall = Constraint(self.arcs, rule=lambda _, *a: rise(a) <= free * (1 - model.arc[a]))
        if not self._falling:
            model.rise = Constraint(
                self.arcs, rule=lambda _, *a: rise(a) >= -free * (1 - model.arc[a])
            )

    def _add_ratings(self, top: float) -> None:
        """Bound the power of arcs with a rating by tangents to a circle."""
        rating = self.feeder.arrays.rating.tolist()
        quadrants = (1,) if self._falling else (1, -1)
        angles = {
            sign * math.pi / 2 * step / (_DIRECTIONS - 1)
            for step in range(_DIRECTIONS)
            for sign in quadrants
        }
        for arc in self.arcs:
            if self._most[arc] > (most := rating[arc.branch] * top):
                for angle in sorted(angles):
                    self.add_tangent(arc, most * math.cos(angle), most * math.sin(angle), top**2)
