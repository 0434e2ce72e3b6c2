"""Constraint programming for total weighted tardiness, by OR-Tools CP-SAT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from drlapps.policy import Incumbents, Plan, Start
from drlapps.scheduling.job_shop import cp_sat as job_shop
from drlapps.scheduling.job_shop.plans import Schedule
from drlapps.scheduling.job_shop_tardiness import plans
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

if TYPE_CHECKING:
    from ortools.sat.python import cp_model


class CpSat(job_shop.CpSat):
    """CP-SAT on the interval model of the job shop, with a tardiness for each job.

    The best schedule of all rules, or the one that another policy has found, is the hint. If its
    total weighted tardiness is ``V``, no better schedule has a job of weight ``w`` later than its
    due date plus ``V / w``; that is the horizon of the job. Options and plan are those of
    :class:`drlapps.scheduling.job_shop.cp_sat.CpSat`.
    """

    def _configure(self, solver: cp_model.CpSolver, seed: int, spent: float) -> None:
        super()._configure(solver, seed, spent)
        # A sum has no critical path to prune by: the disjunctions must do it. With this la17 is
        # proved in 1.5 CPU-seconds on one thread instead of 5.5, la21 in 0.8 instead of 2.9.
        solver.parameters.use_strong_propagation_in_disjunctive = True

    def first(self, shop: DueDateShop, start: Start | None) -> Schedule:
        """Return the schedule to start from."""
        return plans.first_schedule(shop, start)

    def value(self, shop: DueDateShop, schedule: Schedule) -> int:
        """Return the total weighted tardiness."""
        return plans.tardiness(shop, schedule)

    def bound(self, shop: DueDateShop) -> int:
        """Return what is late even if no job ever waits for another."""
        return shop.certain_tardiness

    def model(self, shop: DueDateShop, hint: Schedule | None) -> job_shop.Model:
        """Return the whole model; schedules worse than the hint are excluded."""
        horizons = _horizons(shop, hint)
        model = job_shop.Model.of(shop, horizons, hint)
        program = model.program
        late = []
        for job, due in enumerate(shop.due.tolist()):
            late.append(program.new_int_var(0, max(int(horizons[job]) - due, 0), f"late{job}"))
            program.add(late[job] >= model.ends[job] - due)
        if hint is not None:
            hinted = np.maximum(shop.ends(hint) - shop.due, 0)
            for variable, value in zip(late, hinted.tolist(), strict=True):
                program.add_hint(variable, value)
        program.minimize(sum(w * t for w, t in zip(shop.weights.tolist(), late, strict=True)))
        return model

    def finished(
        self, shop: DueDateShop, schedule: Schedule, bound: int, incumbents: Incumbents
    ) -> Plan:
        """Return the plan that carries out a schedule."""
        return plans.plan(shop, schedule, bound, incumbents)


def _horizons(shop: DueDateShop, hint: Schedule | None) -> NDArray[np.int64]:
    """Return the time by which each job ends in some best schedule, shape ``(n,)``."""
    latest = np.full(shop.jobs, shop.latest_end, np.int64)
    if hint is None:
        return latest
    affordable = plans.tardiness(shop, hint) // np.maximum(shop.weights, 1)
    # A job without weight may end at any time.
    by_due_date = np.where(shop.weights > 0, shop.due + affordable, latest)
    return np.minimum(latest, by_due_date)
