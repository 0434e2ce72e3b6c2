"""The second opinion on a lost-sales episode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.scheduling.lost_sales import checker
from drlapps.scheduling.lost_sales.dynamic_programming import solve

TASK = registry.get("scheduling/lost-sales")


def played(name: str, policy: str) -> tuple[Any, Any]:
    instance = registry.instances(TASK, [name])[0]
    result = evaluate(TASK, [contestant(TASK, policy)], [instance], keep_solutions=[instance.name])
    return instance, result[0]


@pytest.mark.parametrize("policy", ["optimal", "base-stock", "s-S", "constant-order"])
@pytest.mark.parametrize("name", ["poisson5-l1-p9", "poisson5-l3-p4", "poisson5-l2-p14-k5"])
def test_environment_and_checker_agree(name: str, policy: str) -> None:
    instance, result = played(name, policy)
    # evaluate has compared them already; here they are compared period by period.
    expected = checker.expected_costs(instance, result.solution)
    assert expected == pytest.approx(np.array(result.solution["expected"]), abs=1e-9)


def test_the_optimal_policy_is_charged_the_optimum_in_every_period() -> None:
    instance, result = played("poisson5-l3-p4", "optimal")
    program = solve(instance.problem)
    assert program is not None
    charged = checker.expected_costs(instance, result.solution)
    assert charged == pytest.approx(np.full(len(charged), program.cost), abs=1e-9)


def test_states_are_those_of_the_recursion() -> None:
    instance, result = played("poisson5-l3-p4", "myopic")
    states = checker.states(instance, result.solution)
    orders = np.array(result.solution["orders"])[:, 0]
    left = np.maximum(states[:, 0] - instance.demand[:, 0], 0)
    assert np.array_equal(states[1:, 0], (left + states[:, 1])[:-1])
    assert np.array_equal(states[1:, 1:], np.column_stack([states[:, 2:], orders])[:-1])


def test_a_false_path_is_not_feasible() -> None:
    instance, result = played("poisson5-l2-p4", "myopic")
    path = {**result.solution, "on_hand": [[9.0]] * instance.periods}
    assert checker.check(instance, path) == {"feasible": 0.0}
