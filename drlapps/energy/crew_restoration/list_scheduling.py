"""List scheduling: the next line of a list goes to the crew that is free first.

A list is all that a plan needs: an action of the environment sends that crew to the next line.

References:
    Tan et al. 2019, "Scheduling post-disaster repairs in electricity distribution networks", IEEE
    Transactions on Power Systems 34(4), arXiv:1702.08382;
    Queyranne 1993, "Structure of a simple scheduling polyhedron", Mathematical Programming 58;
    Hall, Schulz, Shmoys & Wein 1997, "Scheduling to minimize average completion time: off-line and
    on-line approximation algorithms", Mathematics of Operations Research 22(3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.horn import best_sequence
from drlapps.energy.grid.feeder import Floats, Ints
from drlapps.policy import Plan, Solver

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from drlapps.energy.crew_restoration.environment import CrewRestorationEnv

_VIOLATION = 1e-7
"""By how much a cut must be violated, relative to its right side, to be added."""


def referee(instance: Damage) -> CrewRestorationEnv:
    """Return the environment at the start of the instance, for its ``outcomes``."""
    from gymnasium.vector import AutoresetMode

    from drlapps.energy.crew_restoration.environment import CrewRestorationEnv

    env = CrewRestorationEnv(1, [instance], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [instance]})
    return env


def harms(instance: Damage, orders: Ints) -> Floats:
    """Return the harm of several lists (i, d), in weighted kWh."""
    return referee(instance).outcomes(0, orders)


class Conversion(Solver):
    """Tan et al.'s conversion algorithm: Horn's sequence for one crew as the list of all crews.

    Without travel and switching its harm is at most ``2 - 1/m`` times the least possible (theorem
    4), and ``1/m`` of the harm of one crew is a lower bound: one crew that works ``m`` times as
    fast does no worse than ``m`` crews.
    """

    def solve(self, instance: Damage, seed: int) -> Plan:
        """Return the list schedule of Horn's sequence."""
        order = best_sequence(instance)
        return Plan(bound=self.bound(instance, order), actions=order)

    @staticmethod
    def bound(instance: Damage, order: Ints) -> float | None:
        """Return the harm of one crew without travel over ``m``; none with switching."""
        if len(instance.blocks.ties):
            return None
        alone = replace(instance, crews=1, travel=())
        return float(harms(alone, order[None])[0]) / instance.crews


class LpListScheduling(Solver):
    """Tan et al.'s LP-based list scheduling, by Pyomo and HiGHS.

    With ``C_l`` the completion of line ``l``, ``E_b`` the energisation of block ``b``::

        min  sum_b w_b E_b
        s.t. E_b >= C_l,  E_b >= E_up(b)                    l the line into block b
             C_l >= p_l
             sum_{l in A} p_l C_l >= (p(A)^2 / m + sum_{l in A} p_l^2) / 2    for each set A

    The last, exponentially many, hold in every schedule of ``m`` crews (Hall et al. 1997). In terms
    of the *midpoints* ``C_l - p_l / 2`` the most violated one is a prefix of the lines sorted by
    them (Queyranne 1993), so they are added as they are needed. The list is that of rising
    midpoints; its harm is at most twice the LP's (theorem 3), which is a lower bound.

    The LP knows no travel and no ties: with travel its value is still a bound, with switching it is
    none, and the list is a heuristic.
    """

    def solve(self, instance: Damage, seed: int) -> Plan:
        """Return the list schedule by midpoints."""
        midpoints, value = relaxation(instance)
        # Equal midpoints: in Horn's order.
        place = np.argsort(best_sequence(instance))
        order = np.lexsort((place, np.round(midpoints, 9)))
        bound = None if len(instance.blocks.ties) else value
        return Plan(bound=bound, actions=order)


def relaxation(instance: Damage) -> tuple[Floats, float]:
    """Solve the LP; return the midpoints of the lines (d,) and its value."""
    from pyomo.contrib.appsi.solvers import Highs

    hours = np.array(instance.hours)
    model = _program(instance, hours)
    solver = Highs()
    solver.highs_options = {"log_to_console": False}
    solver.config.load_solution = False
    while True:
        result = solver.solve(model)
        primals = solver.get_primals([model.midpoint[line] for line in range(len(hours))])
        midpoints = np.array([primals[model.midpoint[line]] for line in range(len(hours))])
        order = np.argsort(midpoints, kind="stable")
        left = np.cumsum((hours * midpoints)[order])
        right = np.cumsum(hours[order]) ** 2 / (2 * instance.crews)
        violated = np.flatnonzero(left < right * (1.0 - _VIOLATION))
        if not len(violated):
            return midpoints, float(result.best_feasible_objective)
        for last in violated:
            prefix = order[: last + 1]
            cut = sum(hours[line] * model.midpoint[line] for line in prefix)
            model.cuts.add(cut >= float(right[last]))


def _program(instance: Damage, hours: Floats) -> ConcreteModel:
    """Return the LP without the cuts, in terms of midpoints."""
    from pyomo.environ import ConcreteModel, Constraint, ConstraintList, Objective, Var

    blocks, lines = instance.blocks, range(len(hours))
    model = ConcreteModel()
    model.midpoint = Var(lines, bounds=lambda _, line: (hours[line] / 2, None))
    model.energised = Var(lines, bounds=(0, None))

    def after_repair(_: Any, line: int) -> Any:
        return model.energised[line] >= model.midpoint[line] + hours[line] / 2

    def after_above(_: Any, line: int) -> Any:
        up = blocks.upper[line]
        return Constraint.Skip if up == 0 else model.energised[line] >= model.energised[up - 1]

    model.after_repair = Constraint(lines, rule=after_repair)
    model.after_above = Constraint(lines, rule=after_above)
    model.cuts = ConstraintList()
    model.harm = Objective(
        expr=sum(float(blocks.weight[line + 1]) * model.energised[line] for line in lines)
    )
    return model
