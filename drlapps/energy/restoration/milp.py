"""Mixed-integer programming: outer approximation of the AC power flow, in Pyomo and HiGHS.

The program is :class:`~drlapps.energy.grid.linearised.RadialModel`: all radial configurations and
all subsets of loads, with LinDistFlow. That is optimistic, by AC some plans undercut the limits. So
each plan is judged by its AC power flow; if it breaks a limit, the tangents of the losses at its AC
solution join the program, which excludes it and brings losses to those like it, and the program is
solved again. It is a relaxation all the while: what it finds at last and AC confirms is optimal
within the gap (outer approximation, Duran and Grossmann 1986).

The objectives follow one another as :func:`~drlapps.energy.restoration.outage.rank` has them:

1. Serve all that the source can reach, with the fewest operations or, without a fault, the least
   losses. Mostly that is possible, and nothing is to be decided about loads.
2. If not, serve as much as possible.
3. Serve as much again, with the fewest operations or the least losses.

Losses are minimised by the same tangents, from a few points of each arc's range on, as HiGHS solves
no mixed-integer program with a quadratic objective or a cone.

References:
    Duran, M. A., & Grossmann, I. E. (1986). An outer-approximation algorithm for a class of
    mixed-integer nonlinear programs. Mathematical Programming, 36, 307-339.
    Huangfu, Q., & Hall, J. A. J. (2018). Parallelizing the dual revised simplex method.
    Mathematical Programming Computation, 10(1), 119-142, for HiGHS.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np

from drlapps.energy.grid.feeder import BASE_KVA, Bools
from drlapps.energy.grid.linearised import Arc, RadialModel, reach
from drlapps.energy.grid.power_flow import PowerFlow, power_flow
from drlapps.energy.restoration.outage import TOLERANCE, Configuration, Outage, Score, assess, rank
from drlapps.energy.restoration.plans import Answer
from drlapps.energy.restoration.shedding import shed
from drlapps.errors import InputError
from drlapps.policy import Incumbents

Aim = Literal["load", "operations", "loss"]
Outcome = Literal["solved", "infeasible", "stopped"]

_STARTING_TANGENTS = 3
"""Of each arc's losses, at equal parts of the load that it may feed."""


def configure(
    outage: Outage, *, time_limit: float = 60.0, gap: float = 1e-3, repairs: int = 1000
) -> Answer:
    """Return the best configuration found, one that keeps all limits by AC.

    Args:
        outage: to be restored.
        time_limit: wall seconds for everything; trying to serve all may use half of them.
        gap: relative gap between solution and bound at which to stop.
        repairs: how often, in all, a program may be solved again for a plan that AC refutes or for
            losses that it underrates. Then loads of the last plan are shed until AC agrees.

    Raises:
        InputError: an option is out of range.
    """
    if not time_limit > 0:
        raise InputError(f"time_limit must be positive, not {time_limit}")
    if not 0 <= gap < 1:
        raise InputError(f"gap must be at least 0 and below 1, not {gap}")
    if repairs < 0:
        raise InputError(f"repairs must not be negative, but is {repairs}")
    return _Search(outage, time_limit, gap, repairs).run()


class _Tangent(NamedTuple):
    """Where to bound the losses of an arc: power that enters it, squared voltage of its tail."""

    arc: Arc
    p: float
    q: float
    v: float


class _Plan(NamedTuple):
    """A solution of the program.

    Attributes:
        configuration: in the outage's terms.
        arcs: along which power flows.
        tangents: at the program's own flows.
    """

    configuration: Configuration
    arcs: list[Arc]
    tangents: list[_Tangent]


class _Program:
    """The mixed-integer program for one aim, in HiGHS.

    Args:
        outage: to be restored.
        aim: what to optimise.
        load: share of the weighted load to serve at least.
        gap: relative gap at which to stop.
    """

    def __init__(self, outage: Outage, aim: Aim, load: float, gap: float) -> None:
        from pyomo.contrib.appsi.solvers import Highs
        from pyomo.environ import ConstraintList, Objective

        self.outage = outage
        arrays = outage.feeder.arrays
        loaded = (arrays.p != 0) | (arrays.q != 0)
        self.radial = RadialModel(
            outage.feeder,
            outage.operable | outage.start,
            outage.p,
            outage.q,
            min_voltage=outage.min_voltage,
            max_voltage=outage.max_voltage,
            spanning=outage.max_operations is None and bool((arrays.sheddable | ~loaded).all()),
        )
        model = self.model = self.radial.model
        buses = self.radial.reach.buses
        operations = self._operations()
        worth = outage.worth
        if load >= worth[list(buses)].sum() - TOLERANCE:
            for i in buses:
                if worth[i] > 0:
                    model.served[i].fix(1)
        elif load > 0:
            model.position.add(-self._cost("load") >= load - TOLERANCE)
        if outage.max_operations is not None:
            shed = sum(
                self.radial.energised(i) - model.served[i] for i in buses if arrays.sheddable[i]
            )
            model.position.add(operations + shed <= outage.max_operations)
        model.refuted = ConstraintList()
        model.aim = Objective(expr=operations if aim == "operations" else self._cost(aim))
        self.solver = Highs()
        self.solver.highs_options = {"log_to_console": False}
        self.solver.config.load_solution = False
        self.solver.config.mip_gap = gap
        if aim == "loss":
            self._start_tangents()

    def _operations(self) -> Any:
        """Return the number of branches whose position changes."""
        from pyomo.environ import ConstraintList, Var, quicksum

        radial, outage, model = self.radial, self.outage, self.model
        arrays = outage.feeder.arrays
        operable = [k for k in radial.branches if outage.operable[k]]
        opening = [k for k in operable if outage.start[k]]
        closing = [k for k in operable if not outage.start[k]]
        model.position = ConstraintList()
        closed = quicksum(radial.conducts(k) for k in closing)
        if radial.spanning:
            return closed + len(opening) - quicksum(radial.conducts(k) for k in opening)
        # A branch in the dark may stay closed.
        model.opened = Var(opening, bounds=(0, 1))
        for k in opening:
            for end in (int(arrays.tail[k]), int(arrays.head[k])):
                model.position.add(model.opened[k] >= radial.energised(end) - radial.conducts(k))
        return closed + quicksum(model.opened.values())

    def _cost(self, aim: Aim) -> Any:
        from pyomo.environ import quicksum

        if aim == "loss":
            r = self.outage.feeder.arrays.r.tolist()
            return quicksum(
                BASE_KVA * r[arc.branch] * self.model.l[arc] for arc in self.radial.arcs
            )
        worth = self.outage.worth.tolist()
        return -quicksum(worth[i] * self.model.served[i] for i in self.radial.reach.buses)

    def _start_tangents(self) -> None:
        outage = self.outage
        for arc, far in self.radial.reach.beyond.items():
            p, q = float(outage.p[list(far)].sum()), float(outage.q[list(far)].sum())
            if p == q == 0:
                continue
            for part in range(1, _STARTING_TANGENTS + 1):
                share = part / _STARTING_TANGENTS
                self.radial.add_tangent(arc, share * p, share * q, outage.feeder.source_voltage**2)

    def solve(self, seconds: float) -> tuple[_Plan | None, float, bool]:
        """Return a plan if one was found, a bound on the aim, and whether it has proven all it can.

        Without a plan, what has been proven is that there is none.
        """
        from pyomo.contrib.appsi.base import TerminationCondition

        self.solver.config.time_limit = max(seconds, 0.0)
        results = self.solver.solve(self.model)
        ended = results.termination_condition
        bound = results.best_objective_bound
        bound = -math.inf if bound is None else float(bound)
        if results.best_feasible_objective is None:
            none = (TerminationCondition.infeasible, TerminationCondition.infeasibleOrUnbounded)
            return None, bound, ended in none
        return self._read(), bound, ended == TerminationCondition.optimal

    def _read(self) -> _Plan:
        """Return HiGHS's solution in the outage's terms."""
        outage, radial, model = self.outage, self.radial, self.model
        arrays = outage.feeder.arrays
        value = self.solver.get_primals()
        arcs = [arc for arc in radial.arcs if value[model.arc[arc]] > 0.5]
        energised = np.zeros(len(arrays.p), np.bool_)
        energised[[outage.feeder.root, *(arc.head for arc in arcs)]] = True
        closed = outage.start.copy()
        closed &= ~(energised[arrays.tail] | energised[arrays.head])
        closed[[arc.branch for arc in arcs]] = True
        connected = np.ones(len(arrays.p), np.bool_)
        for i in radial.reach.buses:
            served = model.served[i]
            share = served.value if served.fixed else value.get(served, 1.0)
            connected[i] = share > 0.5 or not (energised[i] and arrays.sheddable[i])
        tangents = [
            _Tangent(a, value[model.p[a]], value[model.q[a]], value[model.v[a.tail]]) for a in arcs
        ]
        return _Plan(Configuration(closed, connected), arcs, tangents)

    def refute(self, plan: _Plan) -> None:
        """Exclude a plan."""
        variables = self.model
        changes = sum(1 - variables.arc[arc] for arc in plan.arcs)
        for i in self.radial.reach.buses:
            if not (served := variables.served[i]).fixed:
                changes += 1 - served if plan.configuration.connected[i] else served
        variables.refuted.add(changes >= 1)


class _Search:
    """Solves the programs of one outage, and keeps what they learn.

    Attributes:
        best: the best configuration so far that keeps all limits by AC.
        tangents: those of all programs so far; they hold in the next ones.
    """

    def __init__(self, outage: Outage, time_limit: float, gap: float, repairs: int) -> None:
        self.outage = outage
        self.time_limit = time_limit
        self.gap = gap
        self.most_repairs = repairs
        self.incumbents = Incumbents(minimize=False)
        self.best: Configuration | None = None
        self.tangents: list[_Tangent] = []
        self._rank: tuple[float, ...] = ()
        self._last = outage.start
        self._solves = 0
        self._repairs = 0
        self._seconds = 0.0

    def run(self) -> Answer:
        """Solve them one after the other."""
        outage = self.outage
        everything = np.ones(len(outage.p), np.bool_)
        self.consider(Configuration(outage.start, everything))
        within_reach = reach(outage.feeder, outage.operable | outage.start).buses
        bound = float(outage.worth[list(within_reach)].sum())
        details: dict[str, object] = {}
        aim: Aim = "loss" if outage.minimises_loss else "operations"
        proven = aim == "operations" and self._serves(bound)
        if not proven:
            share = 1.0 if self._serves(bound) else 0.5
            outcome, least = self.approximate(aim, bound, share * self.time_limit)
            proven = outcome == "solved"
            if aim == "loss" and outcome != "infeasible" and self._relaxes():
                details["loss_bound_kw"] = least
        if not proven and not self._serves(bound):
            outcome, unserved = self.approximate("load", 0.0, self.time_limit)
            bound = min(bound, -unserved)
            if self.best is not None:
                last, _ = self.approximate(aim, self._rank[1], self.time_limit)
                proven = outcome == last == "solved"
        if not proven:
            self._shed(self._last)
            self._shed(outage.start)
        return Answer(
            configuration=self.best or Configuration(outage.start, everything),
            status="optimal" if proven else "feasible",
            bound=bound if self._relaxes() else None,
            incumbents=self.incumbents.log(),
            details=details
            | {"solves": self._solves, "repairs": self._repairs, "solver_seconds": self._seconds},
        )

    def consider(self, configuration: Configuration) -> Score:
        """Judge a configuration by AC, and keep it if it is the best within all limits."""
        score = assess(self.outage, configuration)
        if _within_limits(score) and self._rank < (found := rank(self.outage, score)):
            self.best, self._rank = configuration, found
            self.incumbents.add(score.load_served)
        return score

    def approximate(self, aim: Aim, load: float, until: float) -> tuple[Outcome, float]:
        """Solve a program, with tangents at each solution, until AC agrees with it.

        Args:
            aim: what to minimise.
            load: share of the weighted load to serve at least.
            until: seconds on the clock of the search at which to stop.

        Returns:
            How it ended, and a lower bound on the aim.
        """
        # Half of the gap is for the solver where the other half is for the tangents.
        program = _Program(self.outage, aim, load, self.gap / 2 if aim == "loss" else self.gap)
        for tangent in self.tangents:
            program.radial.add_tangent(*tangent)
        seen: set[bytes] = set()
        bound, least = -math.inf, math.inf
        while True:
            started = self.incumbents.seconds()
            plan, new, ended = program.solve(until - started)
            self._solves += 1
            self._seconds += self.incumbents.seconds() - started
            bound = max(bound, new)
            if plan is None:
                return "infeasible" if ended else "stopped", bound
            self._last = plan.configuration.closed
            score = self.consider(plan.configuration)
            agreed = _within_limits(score)
            key = b"".join(part.tobytes() for part in plan.configuration)
            if agreed and aim == "loss":
                least = min(least, -score.loss_kw)
                agreed = least - bound <= self.gap * least or key in seen
            elif not agreed and aim == "load":
                self._shed(plan.configuration.closed)
                agreed = self._serves(-bound * (1 - self.gap))
            if agreed and ended:
                return "solved", bound
            if self._repairs == self.most_repairs or not ended:
                return "stopped", bound
            self._repairs += 1
            if key in seen:
                program.refute(plan)
            seen.add(key)
            self._learn(program, plan)

    def _learn(self, program: _Program, plan: _Plan) -> None:
        """Add tangents at the plan's AC solution, or its own if AC has none."""
        tangents = _ac_tangents(self.outage, plan) or plan.tangents
        for tangent in tangents:
            program.radial.add_tangent(*tangent)
        self.tangents += tangents

    def _serves(self, load: float) -> bool:
        """Whether the best serves as much."""
        return self.best is not None and self._rank[1] >= load - TOLERANCE

    def _shed(self, closed: Bools) -> None:
        """Consider a tree with as many loads as limits allow."""
        configuration = shed(self.outage, closed)
        if _few_enough(self.outage, configuration):
            self.consider(configuration)

    def _relaxes(self) -> bool:
        """Whether the program excludes nothing that keeps the limits by AC."""
        return bool((self.outage.q >= 0).all())


def _within_limits(score: Score) -> bool:
    return score.radial and score.violation >= -TOLERANCE


def _few_enough(outage: Outage, configuration: Configuration) -> bool:
    if outage.max_operations is None:
        return True
    switched = (configuration.closed != outage.start).sum()
    shed = (~configuration.connected & outage.feeder.arrays.sheddable).sum()
    return bool(switched + shed <= outage.max_operations)


def _flow(outage: Outage, configuration: Configuration) -> PowerFlow:
    closed, connected = configuration
    p, q = outage.p * connected * BASE_KVA, outage.q * connected * BASE_KVA
    return power_flow(outage.feeder, closed, p, q)


def _ac_tangents(outage: Outage, plan: _Plan) -> list[_Tangent]:
    """Return where the AC power flow of a plan touches the cones; nothing if it has no solution."""
    flow = _flow(outage, plan.configuration)
    if not flow.converged:
        return []
    ampere = BASE_KVA / (math.sqrt(3.0) * outage.feeder.kv)
    tails = outage.feeder.arrays.tail
    tangents = []
    for arc in plan.arcs:
        current = flow.current_a[arc.branch] / ampere
        voltage = complex(flow.voltage[arc.tail])
        power = voltage * np.conj(current if tails[arc.branch] == arc.tail else -current)
        if abs(power) > TOLERANCE:
            tangents.append(_Tangent(arc, power.real, power.imag, abs(voltage) ** 2))
    return tangents
