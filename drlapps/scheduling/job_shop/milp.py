"""Mixed-integer programming: Manne's disjunctive model in Pyomo, solved by HiGHS."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.errors import InputError
from drlapps.policy import Incumbents, Plan, Solver
from drlapps.scheduling.job_shop import plans
from drlapps.scheduling.job_shop.shop import JobShop

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

Operation = tuple[int, int]
"""Job and place in the job."""

_LARGEST_SEED = 2**31 - 1


class Milp(Solver):
    """HiGHS on Manne's disjunctive mixed-integer program, from the best dispatching rule.

    With ``s_a`` the start and ``p_a`` the duration of operation ``a``, ``z_ab`` = 1 if ``a`` goes
    before ``b`` on their machine, and ``U`` the makespan of the best rule::

        min  C
        s.t. s_jk + p_jk <= s_j,k+1                       for consecutive operations of a job
             s_a + p_a <= s_b + M_ab (1 - z_ab)           for a, b of different jobs on a machine
             s_b + p_b <= s_a + M_ba z_ab
             C >= the end of each job
             head_a <= s_a <= U - tail_a

    ``M_ab = U - tail_a + p_a - head_b`` is the least constant that frees a pair in every schedule
    no longer than ``U``; a pair that heads and tails can only order one way has no binary.

    The best schedule of all rules (non-delay) is the first incumbent and HiGHS's starting point.
    HiGHS does badly on anything but small instances: where it finds nothing better in its time,
    the plan is the rule's schedule and the status ``feasible``, as the schedule is.

    The plan is an active schedule at least as good as the solver's own, in an order that the
    environment admits with ``delay=1``.

    Args:
        time_limit: wall seconds an instance, the rules and the building of the model included;
            to hand over a model of 100x20 takes 10 s and cannot be cut short.
        workers: threads of the search.

    Raises:
        InputError: an option is out of range.

    References:
        Manne 1960, "On the job-shop scheduling problem", Operations Research 8(2);
        Huangfu & Hall 2018, "Parallelizing the dual revised simplex method", Mathematical
        Programming Computation 10(1), for HiGHS.
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(self, *, time_limit: float = 30.0, workers: int = 2) -> None:
        for name, value in {"time_limit": time_limit, "workers": workers}.items():
            if not value > 0:
                raise InputError(f"{name} must be positive, not {value}")
        self.time_limit = float(time_limit)
        self.workers = int(workers)

    def solve(self, instance: JobShop, seed: int) -> Plan:
        """Return the plan for one instance; a keyboard interrupt ends the search at once."""
        plans.refuse_closed(instance, "milp")
        incumbents = Incumbents()
        rule = plans.best_rule_schedule(instance)
        incumbents.add(plans.makespan(instance, rule))
        model = _model(instance, rule)
        options = {"threads": self.workers, "random_seed": seed % _LARGEST_SEED}
        starts, proven = _search(model, self.time_limit, options, incumbents)
        bound = instance.elementary_bound
        if math.isfinite(proven):
            bound = max(bound, math.ceil(proven - 1e-6))
        best = rule
        if starts is not None:
            found = plans.left_shifted(instance, _table(instance, starts))
            best = min(rule, found, key=lambda table: plans.makespan(instance, table))
        return plans.plan(instance, best, bound, incumbents)


def _model(shop: JobShop, rule: plans.Schedule) -> ConcreteModel:
    """Return Manne's model, its variables set to the rule's schedule."""
    from pyomo.environ import Binary, ConcreteModel, Constraint, NonNegativeIntegers, Objective, Var

    operations = [(j, k) for j in range(shop.jobs) for k in range(int(shop.lengths[j]))]
    horizon = plans.makespan(shop, rule)
    duration, head, latest, begin = (
        {operation: int(table[operation]) for operation in operations}
        for table in (shop.durations, shop.heads, horizon - plans.tails(shop), rule)
    )
    free: list[tuple[Operation, Operation]] = []
    fixed = [((j, k), (j, k + 1)) for j, k in operations if (j, k + 1) in duration]
    for a, b in _rivals(shop, operations):
        either = [(x, y) for x, y in ((a, b), (b, a)) if head[x] + duration[x] <= latest[y]]
        (free if len(either) == 2 else fixed).append(either[0])

    def before(a: Operation, b: Operation, slack: Any = 0) -> Any:
        return model.start[a] + duration[a] <= model.start[b] + slack

    def before_unless(waived: Any, a: Operation, b: Operation) -> Any:
        return before(a, b, (latest[a] + duration[a] - head[b]) * waived)

    def goes_first(_: ConcreteModel, pair: int) -> int:
        a, b = free[pair]
        return int((begin[a], begin[a] + duration[a]) < (begin[b], begin[b] + duration[b]))

    model = ConcreteModel()
    model.makespan = Var(
        domain=NonNegativeIntegers, bounds=(shop.elementary_bound, horizon), initialize=horizon
    )
    model.start = Var(
        operations,
        bounds=lambda _, *a: (head[a], latest[a]),
        initialize=lambda _, *a: begin[a],
    )
    pairs = range(len(free))
    model.first = Var(pairs, domain=Binary, initialize=goes_first)
    model.order = Constraint(range(len(fixed)), rule=lambda _, i: before(*fixed[i]))
    model.forward = Constraint(pairs, rule=lambda _, i: before_unless(1 - model.first[i], *free[i]))
    model.backward = Constraint(
        pairs, rule=lambda _, i: before_unless(model.first[i], *free[i][::-1])
    )
    model.end = Constraint(
        range(shop.jobs),
        rule=lambda _, j: (
            model.start[j, int(shop.lengths[j]) - 1] + duration[j, int(shop.lengths[j]) - 1]
            <= model.makespan
        ),
    )
    model.objective = Objective(expr=model.makespan)
    return model


def _rivals(shop: JobShop, operations: list[Operation]) -> Iterator[tuple[Operation, Operation]]:
    """Yield the pairs of operations of different jobs that share a machine."""
    sharing: dict[int, list[Operation]] = {}
    for operation in operations:
        sharing.setdefault(int(shop.machines[operation]), []).append(operation)
    for rivals in sharing.values():
        yield from ((a, b) for a, b in combinations(rivals, 2) if a[0] != b[0])


def _search(
    model: ConcreteModel,
    time_limit: float,
    options: Mapping[str, object],
    incumbents: Incumbents,
) -> tuple[dict[Operation, float] | None, float]:
    """Run HiGHS from the model's values.

    Returns:
        The start of each operation, or ``None`` if it found no schedule, and its lower bound.
    """
    if incumbents.seconds() >= time_limit:
        return None, -math.inf
    import highspy
    from pyomo.contrib.appsi.solvers import Highs

    # Threads are fixed for the whole process by the first solve unless its scheduler goes.
    highspy.Highs.resetGlobalScheduler(True)
    solver = Highs()
    solver.set_instance(model)
    # Pyomo offers no callbacks: this is its HiGHS object.
    highs = solver._solver_model
    highs.cbMipImprovingSolution += lambda event: incumbents.add(
        round(event.data_out.objective_function_value)
    )
    # The makespan is whole, so a gap below one proves optimality.
    solver.highs_options = {"log_to_console": False, "mip_abs_gap": 0.999, **options}
    solver.config.load_solution = False
    solver.config.warmstart = True
    solver.config.mip_gap = 0.0
    solver.config.time_limit = max(time_limit - incumbents.seconds(), 0.0)
    results = solver.solve(model)
    if highs.getModelStatus() == highspy.HighsModelStatus.kInterrupt:
        raise KeyboardInterrupt
    bound = results.best_objective_bound
    proven = -math.inf if bound is None else float(bound)
    if results.best_feasible_objective is None:
        return None, proven
    primals = solver.get_primals(list(model.start.values()))
    return {operation: primals[start] for operation, start in model.start.items()}, proven


def _table(shop: JobShop, starts: Mapping[Operation, float]) -> plans.Schedule:
    """Return whole start times; HiGHS keeps constraints only up to a tolerance."""
    table = np.zeros(shop.durations.shape, np.int64)
    for operation, start in starts.items():
        table[operation] = math.floor(start + 0.5)
    return table
