"""Schedules as the solvers of total weighted tardiness handle them.

They are those of :mod:`drlapps.scheduling.job_shop.plans`: the table of all start times.
"""

from __future__ import annotations

from gymnasium.vector import AutoresetMode

from drlapps.policy import Incumbents, Plan, Start
from drlapps.scheduling.job_shop import plans as job_shop
from drlapps.scheduling.job_shop.plans import Schedule
from drlapps.scheduling.job_shop.rules import Rule, ShortestProcessingTime
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
    return int(shop.tardiness(shop.ends(starts))["weighted_tardiness"])


def best_rule_schedule(shop: DueDateShop) -> Schedule:
    """Return the best of the non-delay schedules that the rules of :data:`RULES` build.

    Each rule has a row of one batch.
    """
    env = JobShopTardinessEnv(len(RULES), [shop], autoreset_mode=AutoresetMode.DISABLED)
    return job_shop.best_schedule(env, RULES, shop, "weighted_tardiness")


def first_schedule(shop: DueDateShop, start: Start | None) -> Schedule:
    """Return the schedule that another policy has found, or else the best of the rules'."""
    return best_rule_schedule(shop) if start is None else job_shop.first_schedule(shop, start)


def plan(shop: DueDateShop, starts: Schedule, bound: int, incumbents: Incumbents) -> Plan:
    """Return a solver's answer, judged by its total weighted tardiness."""
    return job_shop.plan(shop, starts, bound, incumbents, tardiness)
