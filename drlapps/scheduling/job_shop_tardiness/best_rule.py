"""The rules as a solver: all of them, of which the best counts."""

from __future__ import annotations

from collections.abc import Mapping

from drlapps.policy import Incumbents, Plan, Solver
from drlapps.scheduling.job_shop_tardiness import plans
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop


class BestRule(Solver):
    """The best of the non-delay schedules that the rules of :data:`~.plans.RULES` build."""

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def solve(self, instance: DueDateShop, seed: int) -> Plan:
        """Return the plan for one instance."""
        incumbents = Incumbents()
        best = plans.best_rule_schedule(instance)
        return plans.plan(instance, best, instance.certain_tardiness, incumbents)
