"""Schedules as the solvers of total weighted tardiness handle them.

They are those of :mod:`drlapps.scheduling.job_shop.plans`: the table of all start times.
"""

from __future__ import annotations

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.policy import Incumbents, Plan, Start
from drlapps.scheduling.job_shop import plans as job_shop
from drlapps.scheduling.job_shop.plans import Schedule
from drlapps.scheduling.job_shop.rules import Rule, ShortestProcessingTime
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness.environment import JobShopTardinessEnv
from drlapps.scheduling.job_shop_tardiness.rules import (
    ApparentTardinessCost,
    CostOverTime,
    EarliestDueDate,
    ModifiedDueDate,
    SlackPerOperation,
    WeightedModifiedDueDate,
    WeightedShortestProcessingTime,
)
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

RULES: tuple[Rule, ...] = (
    *(
        ApparentTardinessCost(look_ahead=look_ahead, waiting=waiting)
        for look_ahead in (1.0, 2.0, 4.0, 8.0)
        for waiting in (0.0, 0.5, 1.0)
    ),
    CostOverTime(),
    WeightedModifiedDueDate(),
    WeightedShortestProcessingTime(),
    ModifiedDueDate(),
    SlackPerOperation(),
    EarliestDueDate(),
    ShortestProcessingTime(),
)
"""The rules that the solvers start from; of equally good ones the first counts."""


def tardiness(shop: DueDateShop, starts: Schedule) -> int:
    """Return the total weighted tardiness of a schedule."""
    return int(shop.tardiness(ends(shop, starts))["weighted_tardiness"])


def ends(shop: JobShop, starts: Schedule) -> NDArray[np.int64]:
    """Return when each job ends, shape ``(n,)``."""
    jobs, last = np.arange(shop.jobs), shop.lengths - 1
    return np.asarray(starts[jobs, last] + shop.durations[jobs, last], np.int64)


def best_rule_schedule(shop: DueDateShop) -> Schedule:
    """Return the best of the non-delay schedules that the rules of :data:`RULES` build.

    Each rule has a row of one batch.
    """
    env = JobShopTardinessEnv(len(RULES), [shop], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop] * len(RULES)})
    for _ in range(shop.operations):
        ranks = np.stack([rule.rank(env)[row] for row, rule in enumerate(RULES)])
        env.step(np.where(env.action_masks(), ranks, np.inf).argmin(axis=1))
    best = int(env.tardiness.argmin())
    return np.array(env.starts[best], np.int64)


def first_schedule(shop: DueDateShop, start: Start | None) -> Schedule:
    """Return the schedule that another policy has found, or else the best of the rules'."""
    return best_rule_schedule(shop) if start is None else job_shop.first_schedule(shop, start)


def plan(shop: DueDateShop, starts: Schedule, bound: int, incumbents: Incumbents) -> Plan:
    """Return a solver's answer, made active: optimal if it meets the bound, else feasible.

    Args:
        shop: the problem.
        starts: the best schedule that the solver found.
        bound: the best lower bound on the total weighted tardiness that it proved.
        incumbents: its improvements so far.
    """
    starts = job_shop.left_shifted(shop, starts)
    value = tardiness(shop, starts)
    incumbents.add(value)
    return Plan(
        status="optimal" if value <= bound else "feasible",
        bound=float(bound),
        incumbents=incumbents.log(),
        actions=job_shop.dispatch_order(shop, starts),
    )
