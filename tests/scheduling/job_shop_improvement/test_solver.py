"""The improvement agent as a solver of the job shop."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import evaluate
from drlapps.policy import Start
from drlapps.scheduling.job_shop import benchmarks, plans
from drlapps.scheduling.job_shop.instances import named
from drlapps.scheduling.job_shop_improvement.solver import ImprovementAgent

TA01 = benchmarks.load("ta01")
TASK = registry.get("scheduling/job-shop")


def test_it_improves_on_the_rules_and_says_when() -> None:
    plan = ImprovementAgent(iterations=100, searches=4).solve(TA01, 0)
    values = [value for _, value in plan.incumbents]
    assert values[0] == plans.makespan(TA01, plans.best_rule_schedule(TA01))
    # 1231 is the optimum; the agent comes within a tenth of it in a hundred swaps.
    assert 1231 <= values[-1] < 1.1 * 1231
    assert values == sorted(values, reverse=True)


def test_equal_seeds_give_equal_plans() -> None:
    solver = ImprovementAgent(iterations=60, searches=3)
    first, second, other = (solver.solve(TA01, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.actions, second.actions)  # type: ignore[arg-type]
    assert not np.array_equal(first.actions, other.actions)  # type: ignore[arg-type]


def test_more_searches_find_no_less() -> None:
    one, many = (ImprovementAgent(iterations=60, searches=n).solve(TA01, 0) for n in (1, 16))
    assert many.incumbents[-1][1] <= one.incumbents[-1][1]


def test_it_goes_on_from_what_another_policy_found() -> None:
    found = plans.best_rule_schedule(TA01)
    start = Start({"start": found.tolist()}, float(plans.makespan(TA01, found)), 3.0)
    plan = ImprovementAgent(iterations=5, searches=2).solve(TA01, 0, start)
    assert plan.incumbents[0] == (pytest.approx(3.0, abs=1.0), start.value)


def test_the_referee_agrees_with_it() -> None:
    who = contestant(TASK, "improvement", {"iterations": 50, "searches": 2})
    (result,) = evaluate(TASK, [who], named(["ft06"]))
    assert result.feasible
    assert result.value is not None
    assert 55 <= result.value <= result.incumbents[0][1]


@pytest.mark.parametrize("options", [{"searches": 0}, {"time_limit": 0.0}, {"iterations": 0}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="must be positive"):
        ImprovementAgent(**options)  # type: ignore[arg-type]
