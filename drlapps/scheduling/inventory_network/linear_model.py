"""A supply network's linear program, kept in HiGHS while its parameters change.

References:
    Huangfu & Hall 2018, "Parallelizing the dual revised simplex method", Mathematical
    Programming Computation 10(1), for HiGHS.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from drlapps.errors import Failure
from drlapps.highs import persistent
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory_network.linear_equations import Equations, FloatArray

if TYPE_CHECKING:
    from drlapps.scheduling.inventory.environment import InventoryEnv


_GAP = 0.01
"""Relative gap at which a program with fixed order costs counts as solved."""


@dataclass(frozen=True)
class State:
    """Where a network is when it decides; shapes as in the environment, without its batch axis."""

    on_hand: FloatArray
    backorder: FloatArray
    component: FloatArray
    pipeline: FloatArray
    mail: FloatArray
    owed: FloatArray

    @classmethod
    def of(cls, env: InventoryEnv, row: int) -> State:
        """Return the state of a row of an environment."""
        return cls(*(getattr(env, name)[row] for name in cls.__dataclass_fields__))

    @classmethod
    def start(cls, network: Network) -> State:
        """Return the state in which a network's episodes begin."""
        nodes, arcs = network.nodes, network.arcs
        slots = max(1, *(arc.lead_time for arc in arcs))
        delays = max(1, *(arc.order_delay for arc in arcs))
        return cls(
            np.array([node.initial for node in nodes]),
            np.zeros(len(nodes)),
            np.zeros(len(arcs)),
            np.array([np.pad(arc.initial, (0, slots - len(arc.initial))) for arc in arcs]),
            np.array([np.pad(arc.ordered, (0, delays - len(arc.ordered))) for arc in arcs]),
            np.zeros(len(arcs)),
        )


class SupplyProgram:
    """The program of one network: built once; state and demand are parameters that change.

    Args:
        network: what is supplied and how.
        weights: what a cost of each period counts, shape ``(horizon,)``; the horizon must exceed
            every order delay.
        scenarios: number of equally likely demand paths.
        terminal: whether what is left at the end is worth what it cost to get there, and what
            customers still wait for costs as much.
        patient: most units of special deliveries in each period, shape ``(horizon, nodes)``; left
            out, the expected share of the unserved.
        largest: order on each arc, shape ``(arcs,)``, for the binary variables of fixed order
            costs; left out, there are none, and no such costs.
    """

    def __init__(
        self,
        network: Network,
        weights: FloatArray,
        *,
        scenarios: int = 1,
        terminal: bool = False,
        patient: FloatArray | None = None,
        largest: FloatArray | None = None,
    ) -> None:
        self.network = network
        self.horizon = len(weights)
        self.scenarios = scenarios
        self._equations = Equations(network, weights, scenarios, terminal, patient, largest)
        self.model = self._equations.build()
        self._solver = persistent(self.model, mip_rel_gap=_GAP)

    def solve(self, state: State, demand: FloatArray) -> float:
        """Find the least expected cost.

        Args:
            state: where the network is.
            demand: of each scenario, period and node, shape ``(scenarios, horizon, nodes)``.

        Returns:
            The expected cost, each period's times its weight.

        Raises:
            Failure: HiGHS did not prove an optimum.
        """
        from pyomo.contrib.appsi.base import TerminationCondition

        self._set_state(state)
        for (scenario, period, node), parameter in self.model.demand.items():
            parameter.value = float(demand[scenario, period, node])
        results = self._solver.solve(self.model)
        if results.termination_condition is not TerminationCondition.optimal:
            raise Failure(f"HiGHS ended with {results.termination_condition.name}, not an optimum")
        return float(results.best_feasible_objective)

    def _set_state(self, state: State) -> None:
        model, network = self.model, self.network
        for node in range(len(network.nodes)):
            model.on_hand[node].value = float(state.on_hand[node])
            model.backorder[node].value = float(state.backorder[node])
        for (number, period), parameter in model.arriving.items():
            slot = period if network.late_receipts else period - 1
            parameter.value = float(state.pipeline[number, slot])
        for (number, period), parameter in model.mail.items():
            parameter.value = min(float(state.mail[number, period]), self._most(number))
        for number, parameter in model.parts.items():
            parameter.value = float(state.component[number])
        for number, parameter in model.owed_now.items():
            parameter.value = float(state.owed[number])
        for node, parameter in model.room.items():
            # A node that starts with more than fits orders nothing until it has less.
            arcs = list(network.incoming(node))
            held = state.on_hand[node] + state.component[arcs].sum() + state.owed[arcs].sum()
            held += state.pipeline[arcs].sum() + state.mail[arcs].sum()
            parameter.value = max(float(held), network.nodes[node].storage)

    def _most(self, number: int) -> float:
        """Return the most of its mail that an arc ships without any choice."""
        arc = self.network.arcs[number]
        return np.inf if self._equations.chooses(number) else arc.capacity

    def limit(self, largest: FloatArray) -> None:
        """Keep every new order within the largest one of its arc, shape ``(arcs,)``."""
        model, arcs = self.model, self.network.arcs
        for (_, number, _), order in model.ship.items():
            order.setub(min(arcs[number].capacity, float(largest[number])))
        self._solver.update_variables(list(model.ship.values()))

    def orders(self, periods: int = 1) -> FloatArray:
        """Return the new orders of the first scenario's first periods, ``(periods, arcs)``."""
        delays = [arc.order_delay for arc in self.network.arcs]
        wanted = {
            (shipped - delays[number], number): order
            for (scenario, number, shipped), order in self.model.ship.items()
            if scenario == 0 and shipped - delays[number] < periods
        }
        found = self._solver.get_primals(list(wanted.values()))
        orders = np.zeros((periods, len(delays)))
        for place, order in wanted.items():
            orders[place] = max(found[order], 0.0)
        return orders
