"""The environment and its players: states, control variate, rewards, discrete actions."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.policy import Policy
from drlapps.scheduling.dual_sourcing import baselines
from drlapps.scheduling.dual_sourcing.checker import check
from drlapps.scheduling.dual_sourcing.dynamic_programming import solve
from drlapps.scheduling.dual_sourcing.environment import LEVELS, QUANTITIES, DualSourcingEnv
from drlapps.scheduling.dual_sourcing.instances import path, train
from drlapps.scheduling.dual_sourcing.problem import Problem
from drlapps.scheduling.inventory.demand import Geometric, Poisson, UniformInteger

PLAYERS = (
    baselines.CappedDualIndex,
    baselines.DualIndex,
    baselines.SingleIndex,
    baselines.TailoredBaseSurge,
    baselines.ExpediteOnly,
    baselines.RegularOnly,
)


def batch(scenarios, **settings):
    env = DualSourcingEnv(
        len(scenarios), scenarios, autoreset_mode=AutoresetMode.DISABLED, **settings
    )
    env.reset(seed=0, options={"instances": scenarios})
    return env


def paths(problem, count, periods=100):
    return [path("test", problem, number, periods, 0) for number in range(count)]


class Careless(Policy):
    """Keeps the stock in bounds, at random: no function of the state."""

    def reset(self, env, seed):
        self.rng = np.random.default_rng(seed)

    def act(self, env, observations):
        total = env.position()[:, 0]
        regular = self.rng.integers(0, 4, env.num_envs) * (total < 12)
        expedited = np.where(total < 5, self.rng.integers(0, 6, env.num_envs), 0)
        return env.actions_for(np.stack([regular, expedited], axis=1).astype(float))


def test_positions_follow_the_orders_under_way():
    # l_e = 1, l_r = 4: one slot of the pipelines is near, two are later.
    problem = Problem(UniformInteger(2, 2), 4, 1)
    scenario = path("test", problem, 0, 10, 0)
    env = batch([scenario])
    assert env.expedited_position().tolist() == [4.0 + 2.0]
    assert env.later_orders(0).tolist() == [2.0, 2.0]
    env.step(env.actions_for(np.array([[1.0, 3.0]])))
    # The demand of 2 is gone; a regular 2 and the expedited 3 have arrived, a regular 2 is near.
    assert env.on_hand[0, 0] == 4.0 - 2.0 + 2.0 + 3.0
    assert env.expedited_position().tolist() == [7.0 + 2.0]
    assert env.later_orders(0).tolist() == [2.0, 1.0]
    assert env.position()[0, 0] == 7.0 + 2.0 + 2.0 + 1.0


@pytest.mark.parametrize(
    "problem", [Problem(regular_lead_time=4), Problem(Poisson(2.0), 4, 1, penalty=60.0)]
)
def test_optimal_orders_have_the_optimal_cost_in_every_period(problem):
    scenarios = paths(problem, 2)
    env = batch(scenarios)
    policy = baselines.Optimal()
    rollout(env, policy, scenarios, 0)
    assert np.array(env.solution(0)["expected"]) == pytest.approx(solve(problem).cost, abs=1e-6)
    assert policy.report(1).status == "optimal"
    assert policy.report(1).details["expected_cost"] == pytest.approx(scenarios[1].reference)
    assert check(scenarios[0], env.solution(0)) == pytest.approx(env.metrics(0))


@pytest.mark.parametrize(
    "problem", [Problem(regular_lead_time=3, penalty=45.0), Problem(Poisson(1.5), 1, penalty=45.0)]
)
def test_expected_and_realised_costs_have_the_same_mean(problem):
    scenarios = paths(problem, 400)
    env, solution = batch(scenarios), solve(problem)

    def state():
        later = np.stack([env.later_orders(row) for row in range(env.num_envs)])
        return env.expedited_position(), later

    def worth():
        """The relative value of the state, units at the regular price included."""
        position, later = state()
        number = (later @ (solution.base ** np.arange(later.shape[1])[::-1])).astype(int)
        value = solution.values[number, (position - solution.low).astype(int)]
        return value - problem.regular_cost * (position + later.sum(axis=1))

    before = worth()
    rollout(env, Careless(), scenarios, 0)
    realised = np.array([env.metrics(row)["cost"] for row in range(400)]) * 100
    expected = np.array([env.metrics(row)["expected_cost"] for row in range(400)]) * 100
    difference = realised + worth() - before - expected
    error = difference.std(ddof=1) / 20.0
    assert abs(difference.mean()) < 4.0 * error
    assert expected.std() < 0.5 * realised.std()
    assert (expected >= 100 * solution.bound - 1e-6).all()


@pytest.mark.parametrize("player", PLAYERS)
def test_players_cost_what_their_rule_says(player):
    problem = Problem(Poisson(2.0), 4, 1, expedited_cost=110.0, penalty=95.0)
    scenarios = [path("test", problem, number, 450, 50) for number in range(20)]
    env, policy = batch(scenarios), player()
    rollout(env, policy, scenarios, 0)
    found = np.array([env.metrics(row)["expected_cost"] for row in range(20)])
    error = found.std(ddof=1) / 20.0**0.5
    told = policy.report(0).details
    cost = told.get("expected_cost", told.get("estimated_cost"))
    assert found.mean() == pytest.approx(cost, abs=5.0 * error + 1e-4 * cost)
    assert policy.report(0).status == "heuristic"


def test_a_problem_too_large_to_solve_is_charged_its_periods_alone():
    problem = Problem(Geometric(20.0), 9)
    scenarios = [path("test", problem, 0, 30, 10)]
    env = batch(scenarios)
    rollout(env, baselines.ExpediteOnly(), scenarios, 0)
    assert scenarios[0].reference is None
    assert scenarios[0].bound is None
    found = env.solution(0)
    regular, expedited = np.array(found["orders"]).T
    # With lead time 0 the stock before demand is what is left plus what came.
    level = np.array(found["on_hand"])[:, 0] - np.array(found["backorder"])[:, 0]
    level = level + np.array(found["demand"])[:, 0]
    charged = 100.0 * 20.0 + 5.0 * expedited + problem.stock_cost(level)
    assert not regular.any()
    assert found["expected"] == pytest.approx(charged)
    with pytest.raises(InputError, match="too many states"):
        rollout(env, baselines.Optimal(), scenarios, 0)


def test_levels_and_pairs_mean_the_same_orders():
    scenarios = paths(Problem(regular_lead_time=3), 2)
    levels, pairs = batch(scenarios, actions="levels"), batch(scenarios, actions="pairs")
    rng = np.random.default_rng(0)
    for _ in range(50):
        choice = rng.integers(0, [LEVELS, QUANTITIES], (2, 2))
        before = levels.expedited_position()
        levels.step(choice)
        pairs.step(choice @ [QUANTITIES, 1])
        expected = np.maximum(4.0 - (LEVELS - 1) + choice[:, 0] - before, 0.0)
        placed = levels._path["orders"][:, levels.period[0] - 1]
        assert placed[:, 1].tolist() == (expected * (choice[:, 0] > 0)).tolist()
        assert placed[:, 0].tolist() == np.minimum(choice[:, 1], 4).tolist()
    assert np.array_equal(levels.on_hand, pairs.on_hand)
    assert levels.solution(0) == pairs.solution(0)


def test_rewards_are_the_costs_that_the_orders_cause():
    env = batch(paths(Problem(), 1))
    # Always expediting costs 2 units' premium and 2 units on the shelf: w = 10 + 10.
    stock = env.expedited_position()[0]
    assert stock == 4.0
    _, rewards, *_ = env.step(env.actions_for(np.array([[2.0, 3.0]])))
    assert rewards[0] == pytest.approx(1.0 - (5.0 * 3.0 + 5.0 * (7.0 - 2.0)) / 20.0)
    env.step(env.actions_for(np.zeros((1, 2))))
    for _ in range(9):
        _, rewards, *_ = env.step(env.actions_for(np.zeros((1, 2))))
    assert rewards[0] == -5.0


def test_always_expediting_earns_nothing_on_average():
    scenarios = paths(Problem(Poisson(3.0), 3, 1), 200)
    env, policy = batch(scenarios), baselines.ExpediteOnly()
    policy.reset(env, 0)
    total = np.zeros(200)
    for step in range(100):
        _, rewards, *_ = env.step(policy.act(env, env._observe()))
        # The units under way at the start come for free.
        total += rewards * (step >= 20)
    mean = total / 80
    assert abs(mean.mean()) < 4.0 * mean.std(ddof=1) / 200**0.5


def test_observations_show_the_state_in_the_documented_places():
    problem = Problem(UniformInteger(0, 4), 4, 0)
    env = batch(paths(problem, 1))
    env.pipeline[0, 0, 2] = 1.0
    observation, sd = env._observe()[0], 2.0**0.5
    assert observation[0] == 0.0
    assert observation[1:7] == pytest.approx([0.0, 0.0, -0.5 / sd, 0.0, 0.0, 0.0])
    assert observation[7] == pytest.approx((4 + 5 - 3 * 2 - 4) / (2 * sd * 2))
    # Stock 3 instead of 4 lacks a unit with probability 1/5: 99 - 4 more than the premium of 5.
    ratios = [(99.0 - 4.0) / 5.0, (297.0 - 7.0) / 10.0, (594.0 - 9.0) / 15.0]
    assert observation[16:] == pytest.approx([ratio / (1.0 + ratio) for ratio in ratios])
    assert observation[8:16] == pytest.approx(
        [1.0, 0.0, 0.0, np.log(99.0) / 3, np.log(2.0), sd / 2, 0.2, (4 - 2) / (2 * sd)]
    )


def test_a_batch_mixes_problems():
    scenarios = [*paths(Problem(), 1), *paths(Problem(Poisson(3.0), 7, 1), 1)]
    env = batch(scenarios)
    env.step(env.actions_for(np.array([[1.0, 2.0], [3.0, 4.0]])))
    alone = batch(scenarios[1:])
    alone.step(alone.actions_for(np.array([[3.0, 4.0]])))
    assert np.array_equal(env._observe()[1], alone._observe()[0])
    assert env.solution(1) == alone.solution(0)


def test_unknown_actions_are_refused():
    with pytest.raises(InputError, match="actions"):
        DualSourcingEnv(1, train(), actions="level")
