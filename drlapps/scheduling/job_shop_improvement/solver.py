"""The trained improvement agent as a solver of the job shop, with a budget like any other."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.policy import ImprovingSolver, Incumbents, Plan, Policy, Start
from drlapps.scheduling.job_shop import plans
from drlapps.scheduling.job_shop.local_search.budget import Budget
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_improvement.environment import MOST_STEPS, JobShopImprovementEnv
from drlapps.threads import one_thread


class ImprovementAgent(ImprovingSolver):
    """Swaps by a trained agent, in several searches at once, from the best dispatching rule.

    All searches start from the same schedule and draw differently. The run that did best on
    validation is the agent.

    Args:
        time_limit: wall seconds an instance, the rules included.
        iterations: number of swaps of each search instead of ``time_limit``.
        searches: how many; together they cost little more than one.

    Raises:
        InputError: an option is out of range.
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(
        self, *, time_limit: float = 10.0, iterations: int | None = None, searches: int = 16
    ) -> None:
        if not searches > 0:
            raise InputError(f"searches must be positive, not {searches}")
        self.budget = Budget(time_limit, iterations)
        self.searches = int(searches)

    @cached_property
    def _agent(self) -> Policy:
        from drlapps import registry
        from drlapps.contestants import best_validated, shipped
        from drlapps.train import load_agent

        task = registry.get("scheduling/job-shop-improvement")
        return load_agent(best_validated(shipped(task)), task)[0]

    def solve(self, instance: JobShop, seed: int, start: Start | None = None) -> Plan:
        """Return the plan for one instance."""
        plans.refuse_closed(instance, "improvement")
        agent = self._agent
        incumbents = Incumbents(start=start)
        first = plans.first_schedule(instance, start)
        incumbents.add(plans.makespan(instance, first))
        steps = min(self.budget.iterations or MOST_STEPS, MOST_STEPS)
        env = JobShopImprovementEnv(
            self.searches, [instance], steps=steps, autoreset_mode=AutoresetMode.DISABLED
        )
        seen, _ = env.reset(seed=seed, options={"instances": [instance] * self.searches})
        seen = env.restart(first)
        bound, over, done = instance.elementary_bound, np.zeros(self.searches, np.bool_), 0
        with one_thread():
            agent.reset(env, seed)
            while not (
                over.all()
                or env.search.best.min() <= bound
                or self.budget.spent(incumbents.seconds(), done)
            ):
                seen, _, terminated, truncated, _ = env.step(agent.act(env, seen))
                over, done = terminated | truncated, done + 1
                incumbents.add(int(env.search.best.min()))
        best = int(env.search.best.argmin())
        starts = env.search.best_starts[best].reshape(env.selection.machines.shape[1:])
        found = starts[: instance.jobs, : instance.durations.shape[1]].astype(np.int64)
        return plans.plan(instance, found, bound, incumbents)
