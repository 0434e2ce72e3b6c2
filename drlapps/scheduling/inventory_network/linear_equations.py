"""The linear program of a supply network over the next periods, in Pyomo.

It follows the order of events of :mod:`drlapps.scheduling.inventory` exactly, with one liberty:
where the network *must* ship what was ordered, serve who is there, or assemble what can be, the
program *may*. Every path that the network can take is a solution of it.

For scenario ``w``, period ``t`` (0 is now), node ``i`` and arc ``a`` of lead time ``L``, with
``z_t`` what ``a`` ships, ``e_t`` the stock at the end of the period, ``d_t`` the demand, ``u_t``
lost sales, ``m_t`` special deliveries from the node and ``b_t`` backorders::

    e_t = e_t-1 + arrivals of z_t-L - sum of z_t of the arcs it supplies - m_t - served_t
    served_t = d_t - u_t >= 0                                    where sales are lost
    served_t = d_t + b_t-1 - b_t >= 0                            where customers wait
    c_t = c_t-1 + arrivals of z_t-L - q (units assembled)        of each component of an assembly
    sum of z_t of the arcs a node supplies <= e_t-1              with late receipts
    z_t <= capacity
    e_t-1 + all ordered and not there yet <= storage

``z_t`` is a new order, placed ``order_delay`` periods earlier and shipped in full when it reaches
the supplier, plus a part of what had been ordered before now. The new orders of period 0 are the
same in all scenarios, all others may differ: a two-stage stochastic program. With fixed order
costs, binary variables say in which periods an arc is ordered on, in all scenarios alike ("static-
dynamic uncertainty"); where they are left out, the program is a relaxation.

References:
    Bookbinder & Tan 1988, "Strategies for the probabilistic lot-sizing problem with service-level
    constraints", Management Science 34(9);
    Birge & Louveaux 2011, "Introduction to Stochastic Programming", 2nd edition, Springer.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.inventory.network import Network

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

FloatArray: TypeAlias = NDArray[np.float64]


def unit_values(network: Network) -> list[float]:
    """Return what it costs at least to bring a unit to each node."""
    values: list[float] = []
    for index, node in enumerate(network.nodes):
        costs = []
        for number in network.incoming(index):
            supplier, arc = network.suppliers[number], network.arcs[number]
            costs.append(arc.quantity * (arc.cost + (values[supplier] if supplier >= 0 else 0.0)))
        values.append(sum(costs) if node.assembles else min(costs))
    return values


class Equations:
    """Writes the program of a network; :class:`.linear_model.SupplyProgram` has the arguments."""

    def __init__(
        self,
        network: Network,
        weights: FloatArray,
        scenarios: int,
        terminal: bool,
        patient: FloatArray | None,
        largest: FloatArray | None,
    ) -> None:
        self.network = network
        self.weights = weights.tolist()
        self.periods = range(len(weights))
        self.scenarios = range(scenarios)
        self.nodes = range(len(network.nodes))
        self.arcs = range(len(network.arcs))
        self.terminal = terminal
        self.patient = patient
        self.largest = largest
        self.incoming = [network.incoming(node) for node in self.nodes]
        self.outgoing = [network.outgoing(node) for node in self.nodes]

    @cached_property
    def waiting(self) -> tuple[int, ...]:
        """Markets whose customers may take a special delivery."""
        return tuple(i for i in self.network.markets if self.network.nodes[i].waiting > 0.0)

    def chooses(self, number: int) -> bool:
        """Whether it is open when an arc's old orders are shipped: stock or capacity may lack."""
        arc, backlog = self.network.arcs[number], self.network.backlog
        if not arc.supplier and (not backlog or np.isinf(arc.capacity)):
            return False
        return backlog or arc.order_delay > 0

    def old_periods(self, number: int) -> range:
        """Return the periods in which orders from before now may be shipped on an arc."""
        if self.chooses(number) and self.network.backlog:
            return self.periods
        return range(self.network.arcs[number].order_delay)

    # --- parameters and variables -----------------------------------------------------------

    def build(self) -> ConcreteModel:
        """Return the model with all parameters 0."""
        from pyomo.environ import ConcreteModel

        self.model = ConcreteModel()
        self._add_parameters()
        self._add_variables()
        self._add_constraints()
        self._add_objective()
        return self.model

    def _add_parameters(self) -> None:
        from pyomo.environ import Param

        network, model = self.network, self.model
        arriving = [
            (number, period)
            for number, arc in enumerate(network.arcs)
            for period in range(arc.lead_time + 1)
            if period < len(self.periods) and (network.late_receipts or period > 0)
            # In the last slot of a late receipt there is only what is being shipped.
            if not (network.late_receipts and period == arc.lead_time)
        ]
        mail = [(a, period) for a in self.arcs for period in range(network.arcs[a].order_delay)]
        assembled = [a for a in self.arcs if network.nodes[network.heads[a]].assembles]
        sets = {
            "on_hand": self.nodes,
            "backorder": self.nodes,
            "arriving": arriving,
            "mail": mail,
            "parts": assembled,
            "owed_now": [a for a in self.arcs if self.chooses(a) and network.backlog],
            "room": [i for i in self.nodes if self._has_room(i)],
            "demand": [(w, t, i) for w in self.scenarios for t in self.periods
                       for i in network.markets],
        }  # fmt: skip
        for name, members in sets.items():
            setattr(model, name, Param(list(members), mutable=True, initialize=0.0))

    def _has_room(self, node: int) -> bool:
        """Whether storage limits a node's orders, and nothing else fills it."""
        made = self.network.nodes[node]
        parts = sum(self.network.arcs[a].quantity for a in self.incoming[node])
        # An assembly of less than one unit of components in all fills the storage by itself.
        return bool(made.storage < np.inf and not (made.assembles and parts < 1.0))

    def _add_variables(self) -> None:
        from pyomo.environ import Binary, NonNegativeReals, Var

        network, model = self.network, self.model
        after = [(w, t, i) for w in self.scenarios for t in self.periods for i in self.nodes]
        lost = [key for key in model.demand if network.nodes[key[2]].lost_sales]
        waits = [key for key in model.demand if not network.nodes[key[2]].lost_sales]
        old = [
            (w, a, t)
            for w in self.scenarios
            for a in self.arcs
            if self.chooses(a)
            for t in self.old_periods(a)
        ]
        # What would arrive after the horizon is not ordered.
        useful = {a: self.periods[arc.order_delay : len(self.periods) - arc.lead_time]
                  for a, arc in enumerate(network.arcs)}  # fmt: skip
        ship = dict.fromkeys(self.common(w, a, t) for w in self.scenarios for a in self.arcs
                             for t in useful[a])  # fmt: skip

        def within_capacity(_: Any, *key: int) -> tuple[float, float | None]:
            capacity = network.arcs[key[1]].capacity
            return 0.0, None if np.isinf(capacity) else capacity

        def patient(m: Any, w: int, t: int, i: int) -> tuple[float, float | None]:
            return 0.0, None if self.patient is None else float(self.patient[t, i])

        model.ship = Var(list(ship), bounds=within_capacity)
        model.opened = Var([key for key in ship if self._has_setup(key)], domain=Binary)
        model.old = Var(old, bounds=within_capacity)
        model.owed = Var(old, domain=NonNegativeReals)
        model.stock = Var(after, domain=NonNegativeReals)
        model.unmet = Var(lost, domain=NonNegativeReals)
        model.special = Var([key for key in lost if key[2] in self.waiting], bounds=patient)
        model.waits = Var(waits, domain=NonNegativeReals)
        components = [(w, t, a) for w in self.scenarios for t in self.periods
                      for a in model.parts]  # fmt: skip
        assembling = [key for key in after if network.nodes[key[2]].assembles]
        model.part = Var(components, domain=NonNegativeReals)
        model.made = Var(assembling, domain=NonNegativeReals)

    def common(self, w: int, number: int, t: int) -> tuple[int, int, int]:
        """Return the key of a new shipment: what is ordered now, scenario 0 decides for all."""
        return (0 if t == self.network.arcs[number].order_delay else w), number, t

    def _has_setup(self, key: tuple[int, int, int]) -> bool:
        """Whether a binary says that a new shipment is ordered: one for all scenarios."""
        scenario, number, _ = key
        fixed = self.network.arcs[number].fixed
        return self.largest is not None and fixed > 0.0 and scenario == 0

    # --- flows --------------------------------------------------------------------------------

    def shipped(self, w: int, number: int, t: int) -> list[Any]:
        """Return the terms of what an arc ships in a period: new orders, and old ones."""
        model = self.model
        new = self.common(w, number, t)
        terms = [model.ship[new]] if new in model.ship else []
        if t in self.old_periods(number):
            terms.append(model.old[w, number, t] if self.chooses(number) else model.mail[number, t])
        return terms

    def arrived(self, w: int, number: int, t: int) -> list[Any]:
        """Return the terms of what arrives on an arc in time for a period's customers."""
        known = [self.model.arriving[number, t]] if (number, t) in self.model.arriving else []
        sent = t - self.network.arcs[number].lead_time
        return known + (self.shipped(w, number, sent) if sent >= 0 else [])

    def leaving(self, w: int, node: int, t: int) -> list[Any]:
        """Return the terms of what a node ships on in a period."""
        return [term for number in self.outgoing[node] for term in self.shipped(w, number, t)]

    def stock_before(self, w: int, node: int, t: int) -> Any:
        """Return the stock that the period before left; at first what is on hand."""
        return self.model.stock[w, t - 1, node] if t > 0 else self.model.on_hand[node]

    def unserved(self, w: int, node: int, t: int) -> list[Any]:
        """Return the terms of the demand of a period that the node's stock does not serve."""
        model = self.model
        if (w, t, node) not in model.demand:
            return []
        if self.network.nodes[node].lost_sales:
            return [model.unmet[w, t, node]]
        before = model.waits[w, t - 1, node] if t > 0 else model.backorder[node]
        return [model.waits[w, t, node], -before]

    def sent_specially(self, w: int, node: int, t: int) -> list[Any]:
        """Return the terms of the special deliveries from a node."""
        network = self.network
        return [
            self.model.special[w, t, i]
            for i in self.waiting
            if network.suppliers[self.incoming[i][0]] == node
        ]

    # --- constraints --------------------------------------------------------------------------

    def _add_constraints(self) -> None:
        from pyomo.environ import ConstraintList

        self.model.rows = ConstraintList()
        for row in self._rows():
            self.model.rows.add(row)

    def _rows(self) -> Iterator[Any]:
        """Yield all constraints."""
        for w in self.scenarios:
            for t in self.periods:
                for node in self.nodes:
                    yield from self._node_rows(w, node, t)
                for number in self.arcs:
                    yield from self._arc_rows(w, number, t)

    def _node_rows(self, w: int, node: int, t: int) -> Iterator[Any]:
        from pyomo.environ import quicksum

        model, made = self.model, self.network.nodes[node]
        gained = (
            [model.made[w, t, node]]
            if made.assembles
            else [term for a in self.incoming[node] for term in self.arrived(w, a, t)]
        )
        leaving, before = self.leaving(w, node, t), self.stock_before(w, node, t)
        unserved = self.unserved(w, node, t)
        used = [*leaving, *self.sent_specially(w, node, t), model.stock[w, t, node]]
        # A parameter alone on its side is what Pyomo updates fastest.
        demand = model.demand[w, t, node] if unserved else 0.0
        yield before + quicksum(gained) + quicksum(unserved) - quicksum(used) == demand
        if self.network.late_receipts and leaving:
            yield quicksum(leaving) <= before
        # Without, goods could be taken back to be shipped on, or sold again at a better time.
        if unserved and (made.lost_sales or made.price or leaving):
            yield quicksum(unserved) <= demand
        if node in self.waiting:
            share = made.waiting if self.patient is None else 1.0
            yield model.special[w, t, node] <= share * model.unmet[w, t, node]
        if node in model.room:
            yield self._held(w, node, t) <= model.room[node]

    def _held(self, w: int, node: int, t: int) -> Any:
        """Return what a node has and awaits, right after the orders of a period."""
        from pyomo.environ import quicksum

        terms = [self.stock_before(w, node, t)]
        for number in self.incoming[node]:
            arc = self.network.arcs[number]
            if number in self.model.parts:
                terms.append(
                    self.model.part[w, t - 1, number] if t > 0 else self.model.parts[number]
                )
            # What was sent before now and arrives now or later.
            terms += [self.model.arriving[number, s] for s in range(t, arc.lead_time + 1)
                      if (number, s) in self.model.arriving]  # fmt: skip
            for s in range(
                max(t - arc.lead_time, 0), min(t + arc.order_delay + 1, len(self.periods))
            ):
                terms += self.shipped(w, number, s)
        return quicksum(terms)

    def _arc_rows(self, w: int, number: int, t: int) -> Iterator[Any]:
        from pyomo.environ import quicksum

        model, arc = self.model, self.network.arcs[number]
        if self.largest is not None and (0, number, t) in model.opened:
            new = model.ship[self.common(w, number, t)]
            yield new <= float(self.largest[number]) * model.opened[0, number, t]
        if number in model.parts:
            before = model.part[w, t - 1, number] if t > 0 else model.parts[number]
            made = model.made[w, t, self.network.heads[number]]
            arrived = quicksum(self.arrived(w, number, t))
            yield model.part[w, t, number] == before + arrived - arc.quantity * made
        if (w, number, t) in model.owed:
            due = [model.mail[number, t]] if t < arc.order_delay else []
            if self.network.backlog:
                due.append(model.owed[w, number, t - 1] if t > 0 else model.owed_now[number])
            yield model.owed[w, number, t] == quicksum(due) - model.old[w, number, t]
            if arc.capacity < np.inf and t >= arc.order_delay:
                yield quicksum(self.shipped(w, number, t)) <= arc.capacity

    # --- objective ----------------------------------------------------------------------------

    def _add_objective(self) -> None:
        from pyomo.environ import Objective, quicksum

        total = quicksum(term for w in self.scenarios for term in self._costs(w))
        if self.terminal:
            total -= quicksum(term for w in self.scenarios for term in self._left(w))
        self.model.objective = Objective(expr=total / len(self.scenarios))

    def _costs(self, w: int) -> Iterator[Any]:
        """Yield the terms of a scenario's cost."""
        from pyomo.environ import quicksum

        model, network = self.model, self.network
        for t, weight in enumerate(self.weights):
            if weight == 0.0:
                continue
            for i, node in enumerate(network.nodes):
                if node.holding:
                    yield weight * node.holding * model.stock[w, t, i]
                if (w, t, i) in model.waits and node.penalty:
                    yield weight * node.penalty * model.waits[w, t, i]
                if (w, t, i) in model.unmet and node.penalty:
                    yield weight * node.penalty * model.unmet[w, t, i]
                if i in self.waiting:
                    saved = node.penalty + node.price - node.special
                    yield -weight * saved * model.special[w, t, i]
                if node.price and (w, t, i) in model.demand:
                    sold = model.demand[w, t, i] - quicksum(self.unserved(w, i, t))
                    yield -weight * node.price * sold
            for a, arc in enumerate(network.arcs):
                if arc.cost:
                    yield weight * arc.cost * quicksum(self.shipped(w, a, t))
                if (0, a, t) in model.opened:
                    ordered = self.weights[t - arc.order_delay]
                    yield ordered * arc.fixed * model.opened[0, a, t]
                if arc.holding and (arc.lead_time or a in model.parts):
                    yield weight * arc.holding * self._under_way(w, a, t)
                if arc.penalty and (w, a, t) in model.owed:
                    yield weight * arc.penalty * model.owed[w, a, t]

    def _under_way(self, w: int, number: int, t: int) -> Any:
        """Return what is on its way on an arc when a period is charged."""
        from pyomo.environ import quicksum

        lead = self.network.arcs[number].lead_time
        known = [self.model.arriving[number, s] for s in range(t + 1, lead + 1)
                 if (number, s) in self.model.arriving]  # fmt: skip
        sent = [term for s in range(max(t - lead + 1, 0), t + 1)
                for term in self.shipped(w, number, s)]  # fmt: skip
        parts = [self.model.part[w, t, number]] if number in self.model.parts else []
        return quicksum(known + sent + parts)

    def _left(self, w: int) -> Iterator[Any]:
        """Yield the terms of what a scenario's leftovers are worth."""
        model, network, last = self.model, self.network, self.periods[-1]
        values = unit_values(network)
        weight = self.weights[-1]
        for i in self.nodes:
            yield weight * values[i] * model.stock[w, last, i]
            if (w, last, i) in model.waits:
                yield -weight * values[i] * model.waits[w, last, i]
        for a, arc in enumerate(network.arcs):
            supplier = network.suppliers[a]
            value = arc.cost + (values[supplier] if supplier >= 0 else 0.0)
            if a in model.parts:
                yield weight * value * model.part[w, last, a]
