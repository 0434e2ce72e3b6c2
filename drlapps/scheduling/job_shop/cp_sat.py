"""Constraint programming: the interval model of the job shop, solved by OR-Tools CP-SAT."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.policy import ImprovingSolver, Incumbents, Plan, Start
from drlapps.scheduling.job_shop import plans
from drlapps.scheduling.job_shop.calendars import Windows
from drlapps.scheduling.job_shop.shop import JobShop

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

_LARGEST_SEED = 2**31 - 1


class CpSat(ImprovingSolver):
    """CP-SAT on the interval model, from the best dispatching rule.

    Every operation is an interval of fixed size; the intervals of a machine do not overlap and
    those of a job follow each other. The windows in which a machine is closed are intervals like
    any other, but do not move. The best schedule of all rules (non-delay), or the one that
    another policy has found, is the first incumbent: it is the hint, and its makespan the horizon,
    so the answer is never worse. The only lower bound the solver starts from is the elementary one
    of the instance.

    The plan is an active schedule at least as good as the solver's own, in an order that the
    environment admits with ``delay=1``.

    For another objective a subclass overrides the methods that name the makespan: :meth:`first`,
    :meth:`value`, :meth:`bound`, :meth:`model` and :meth:`finished`.

    Args:
        time_limit: wall seconds an instance, the rules and the building of the model included.
        workers: threads of the search.
        deterministic_time: budget in CP-SAT's deterministic time instead of ``time_limit``:
            slower, but the answer is the same on every machine.
        hint: whether to start from the rules. Without, the solver starts cold and may end with
            no plan.

    Raises:
        InputError: an option is out of range.

    References:
        Perron, Didier & Gay 2023, "The CP-SAT-LP solver", CP 2023.
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(
        self,
        *,
        time_limit: float = 10.0,
        workers: int = 2,
        deterministic_time: float | None = None,
        hint: bool = True,
    ) -> None:
        options = {"time_limit": time_limit, "workers": workers}
        options |= {} if deterministic_time is None else {"deterministic_time": deterministic_time}
        for name, value in options.items():
            if not value > 0:
                raise InputError(f"{name} must be positive, not {value}")
        self.time_limit = float(time_limit)
        self.workers = int(workers)
        self.deterministic_time = deterministic_time
        self.hint = bool(hint)

    def solve(self, instance: JobShop, seed: int, start: Start | None = None) -> Plan:
        """Return the plan for one instance; a keyboard interrupt ends the search at once."""
        from ortools.sat.python import cp_model

        incumbents = Incumbents(start=start)
        best = self.first(instance, start) if self.hint else None
        if best is not None:
            incumbents.add(self.value(instance, best))
        model = self.model(instance, best)
        solver = cp_model.CpSolver()
        self._configure(solver, seed, incumbents.seconds())
        status = _search(solver, model.program, incumbents)
        bound = self.bound(instance)
        if math.isfinite(solver.best_objective_bound):
            bound = max(bound, math.ceil(solver.best_objective_bound - 1e-6))
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            best = model.schedule(solver, instance)
        elif status != cp_model.UNKNOWN:
            raise RuntimeError(f"CP-SAT calls {instance.name} {solver.status_name(status)}")
        if best is None:
            return Plan(status="timeout", bound=float(bound))
        return self.finished(instance, best, bound, incumbents)

    def first(self, shop: Any, start: Start | None) -> plans.Schedule:
        """Return the schedule to start from."""
        return plans.first_schedule(shop, start)

    def value(self, shop: Any, schedule: plans.Schedule) -> int:
        """Return what a schedule is judged by."""
        return plans.makespan(shop, schedule)

    def bound(self, shop: Any) -> int:
        """Return a lower bound on the value of any schedule."""
        return int(shop.elementary_bound)

    def model(self, shop: Any, hint: plans.Schedule | None) -> Model:
        """Return the whole model; schedules worse than the hint may be excluded."""
        horizon = shop.latest_end if hint is None else plans.makespan(shop, hint)
        model = Model.of(shop, np.full(shop.jobs, horizon), hint)
        end = model.program.new_int_var(shop.elementary_bound, horizon, "makespan")
        for last in model.ends:
            model.program.add(end >= last)
        if hint is not None:
            model.program.add_hint(end, horizon)
        model.program.minimize(end)
        return model

    def finished(
        self, shop: Any, schedule: plans.Schedule, bound: int, incumbents: Incumbents
    ) -> Plan:
        """Return the plan that carries out a schedule."""
        return plans.plan(shop, schedule, bound, incumbents)

    def _configure(self, solver: cp_model.CpSolver, seed: int, spent: float) -> None:
        parameters = solver.parameters
        parameters.num_workers = self.workers
        parameters.random_seed = seed % _LARGEST_SEED
        # The linear relaxation of a job shop is weak and costly: a search without it proves ft10
        # in 4 CPU-seconds, the default one of two workers needs more than 30. Portfolios of four
        # workers and more contain such a search anyway.
        parameters.linearization_level = 0
        if self.workers < 4:
            parameters.subsolvers.append("no_lp")
        # Its own handler would end the search but hide the interrupt from the caller.
        parameters.catch_sigint_signal = False
        if self.deterministic_time is None:
            parameters.max_time_in_seconds = max(self.time_limit - spent, 0.0)
        else:
            parameters.max_deterministic_time = self.deterministic_time
            parameters.interleave_search = True


@dataclass(frozen=True)
class Model:
    """The constraint program; what is to be minimised is still to be added.

    Attributes:
        program: the program.
        starts: the start variables of each job's operations.
        ends: the end of each job.
    """

    program: cp_model.CpModel
    starts: list[list[cp_model.IntVar]]
    ends: list[cp_model.LinearExprT]

    @classmethod
    def of(cls, shop: JobShop, horizons: NDArray[np.int64], hint: plans.Schedule | None) -> Model:
        """Build the model.

        Args:
            shop: the problem.
            horizons: time by which each job must end, shape ``(n,)``.
            hint: the schedule to start from.
        """
        from ortools.sat.python import cp_model

        program = cp_model.CpModel()
        earliest, latest = shop.heads, horizons[:, None] - plans.tails(shop)
        last = int(horizons.max())
        on_machine = [closed_intervals(program, w, last) for w in shop.windows]
        starts: list[list[cp_model.IntVar]] = []
        ends: list[cp_model.LinearExprT] = []
        for j in range(shop.jobs):
            before: cp_model.LinearExprT = int(shop.release[j])
            starts.append([])
            for k in range(shop.lengths[j]):
                duration = int(shop.durations[j, k])
                start = program.new_int_var(int(earliest[j, k]), int(latest[j, k]), f"s{j}_{k}")
                interval = program.new_fixed_size_interval_var(start, duration, f"o{j}_{k}")
                on_machine[shop.machines[j, k]].append(interval)
                program.add(start >= before)
                before = start + duration
                starts[j].append(start)
                if hint is not None:
                    program.add_hint(start, int(hint[j, k]))
            ends.append(before)
        for intervals in on_machine:
            program.add_no_overlap(intervals)
        return cls(program, starts, ends)

    def schedule(self, solver: cp_model.CpSolver, shop: JobShop) -> plans.Schedule:
        """Return the schedule that the solver found."""
        found = np.zeros(shop.durations.shape, np.int64)
        for j, job in enumerate(self.starts):
            found[j, : len(job)] = [solver.value(start) for start in job]
        return found


def closed_intervals(
    program: cp_model.CpModel, windows: Windows, horizon: int
) -> list[cp_model.IntervalVar]:
    """Return the closed windows of a machine that begin before the horizon, as intervals."""
    return [
        program.new_fixed_size_interval_var(start, end - start, "closed")
        for start, end in windows
        if start < horizon
    ]


def _search(
    solver: cp_model.CpSolver, program: cp_model.CpModel, incumbents: Incumbents
) -> cp_model.CpSolverStatus:
    """Solve in a thread of its own, so that this one can be interrupted and then stop it."""
    from ortools.sat.python import cp_model

    class Listener(cp_model.CpSolverSolutionCallback):
        def on_solution_callback(self) -> None:
            incumbents.add(round(self.objective_value))

    found: list[cp_model.CpSolverStatus] = []
    listener = Listener()
    thread = Thread(target=lambda: found.append(solver.solve(program, listener)))
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.1)
    except KeyboardInterrupt:
        while thread.is_alive():
            # Again and again: a stop that comes before the search has begun is lost.
            solver.stop_search()
            thread.join(0.05)
        raise
    return found[0]
