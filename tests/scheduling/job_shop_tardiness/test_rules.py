"""The rules for due dates against their formulas, on numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness import plans
from drlapps.scheduling.job_shop_tardiness.environment import JobShopTardinessEnv
from drlapps.scheduling.job_shop_tardiness.instances import singer_pinedo
from drlapps.scheduling.job_shop_tardiness.rules import (
    ApparentTardinessCost,
    CostOverTime,
    DueDateRule,
    EarliestDueDate,
    ModifiedDueDate,
    SlackPerOperation,
    WeightedModifiedDueDate,
    WeightedShortestProcessingTime,
)
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop


def scene() -> JobShopTardinessEnv:
    """Three jobs compete for machine 0 at time 2, released then; of 4, 2 and 5 units there.

    Work left 10, 8 and 5; due at 22, 9 and 16; weights 2, 1 and 3; slacks 10, -1 and 9.
    """
    shop = JobShop.from_jobs(
        "three",
        [[(0, 4), (1, 6)], [(0, 2), (1, 3), (2, 3)], [(0, 5)]],
        release=[2, 2, 2],
        due=[22, 9, 16],
        weights=[2, 1, 3],
    )
    shop = DueDateShop.of(shop)
    env = JobShopTardinessEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    return env


MEAN = (4 + 2 + 5) / 3


@pytest.mark.parametrize(
    ("rule", "ranks"),
    [
        (EarliestDueDate(), [22, 9, 16]),
        (WeightedShortestProcessingTime(), [-2 / 4, -1 / 2, -3 / 5]),
        (ModifiedDueDate(), [22, 10, 16]),
        (WeightedModifiedDueDate(), [20 / 2, 8 / 1, 14 / 3]),
        (SlackPerOperation(), [10 / 2, -1 / 3, 9 / 1]),
        # Of job 0 and 2 the slack is longer than the expected waits of 10 and 5.
        (CostOverTime(waiting=1.0), [1 + 10 / 11, -1 / 2, 1 + 9 / 10]),
        (CostOverTime(waiting=4.0), [-0.5 * 30 / 40, -0.5, -0.6 * 11 / 20]),
        (
            ApparentTardinessCost(look_ahead=2.0),
            [-math.log(0.5) + 10 / 2 / MEAN, -math.log(0.5), -math.log(0.6) + 9 / 2 / MEAN],
        ),
        (
            # Waiting takes half of the work after the operation out of the slack.
            ApparentTardinessCost(look_ahead=2.0, waiting=0.5),
            [-math.log(0.5) + 7 / 2 / MEAN, -math.log(0.5), -math.log(0.6) + 9 / 2 / MEAN],
        ),
    ],
)
def test_ranks(rule: DueDateRule, ranks: list[float]) -> None:
    assert rule.rank(scene())[0] == pytest.approx(ranks)


def test_urgency_of_the_late_goes_before_all_that_can_wait() -> None:
    env = scene()
    assert CostOverTime(waiting=0.1).act(env, np.zeros(0)).tolist() == [1]
    assert ApparentTardinessCost(look_ahead=0.1).act(env, np.zeros(0)).tolist() == [1]


def test_a_weight_of_zero_or_a_duration_of_zero_breaks_no_rule() -> None:
    shop = JobShop.from_jobs(
        "zero", [[(0, 0)], [(0, 3)], [(0, 0)]], due=[1, 1, 0], weights=[0, 1, 2]
    )
    shop = DueDateShop.of(shop)
    env = JobShopTardinessEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    for rule in plans.RULES:
        assert np.isfinite(rule.rank(env)).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ApparentTardinessCost(look_ahead=0.0), "look_ahead must be positive"),
        (lambda: ApparentTardinessCost(waiting=-1.0), "waiting must not be negative"),
        (lambda: CostOverTime(waiting=0.0), "waiting must be positive"),
    ],
)
def test_impossible_parameters_are_input_errors(make: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()  # type: ignore[operator]


def test_the_best_of_the_rules_is_no_worse_than_each() -> None:
    shop = singer_pinedo()[1]
    best = plans.tardiness(shop, plans.best_rule_schedule(shop))
    for rule in (ApparentTardinessCost(look_ahead=2.0), EarliestDueDate(), CostOverTime()):
        env = JobShopTardinessEnv(1, [shop], autoreset_mode=AutoresetMode.DISABLED)
        observations, _ = env.reset(seed=0, options={"instances": [shop]})
        for _ in range(shop.operations):
            observations, *_ = env.step(rule.act(env, observations))
        assert best <= env.metrics(0)["weighted_tardiness"]
