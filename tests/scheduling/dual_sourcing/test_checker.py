"""The checker: states told by the orders, the expected cost recomputed, errors noticed."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.scheduling.dual_sourcing.baselines import CappedDualIndex, ExpediteOnly, Optimal
from drlapps.scheduling.dual_sourcing.checker import check, states
from drlapps.scheduling.dual_sourcing.environment import DualSourcingEnv
from drlapps.scheduling.dual_sourcing.instances import path
from drlapps.scheduling.dual_sourcing.problem import Problem
from drlapps.scheduling.inventory.demand import Geometric, Poisson, UniformInteger

PROBLEMS = (
    Problem(),
    Problem(UniformInteger(0, 4), 1),
    Problem(Poisson(2.0), 5, 2, penalty=60.0),
)


def played(problem, policy, periods=80):
    scenario = path("checked", problem, 1, periods, 20)
    env = DualSourcingEnv(1, [scenario], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [scenario]})
    policy.reset(env, 0)
    seen = []
    for _ in range(periods):
        seen.append([env.expedited_position()[0], *env.later_orders(0)])
        env.step(policy.act(env, env._observe()))
    return scenario, env, np.array(seen)


@pytest.mark.parametrize("policy", [Optimal, CappedDualIndex, ExpediteOnly])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_it_agrees_with_the_environment(problem, policy):
    scenario, env, seen = played(problem, policy())
    position, later = states(scenario, env.solution(0))
    assert np.array_equal(np.column_stack([position, later]), seen)
    assert check(scenario, env.solution(0)) == pytest.approx(env.metrics(0), abs=1e-9)


def test_it_agrees_where_the_exact_program_is_too_large():
    scenario, env, _ = played(Problem(Geometric(20.0), 9), ExpediteOnly(), 30)
    assert check(scenario, env.solution(0)) == pytest.approx(env.metrics(0), abs=1e-9)


def test_it_believes_no_expected_cost_and_no_stock():
    scenario, env, _ = played(Problem(), CappedDualIndex())
    solution = env.solution(0)
    honest = env.metrics(0)["expected_cost"]
    flattered = {**solution, "expected": [0.0] * 80}
    assert check(scenario, flattered)["expected_cost"] == pytest.approx(honest)
    richer = {**solution, "on_hand": [[stock + 1.0] for (stock,) in solution["on_hand"]]}
    assert check(scenario, richer) == {"feasible": 0.0}
