"""The environment against the definition: control variate, actions, rewards, observations."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.scheduling.lost_sales import baselines
from drlapps.scheduling.lost_sales.dynamic_programming import (
    Space,
    evaluate_exactly,
    myopic_orders,
    solve,
)
from drlapps.scheduling.lost_sales.environment import LostSalesEnv, describe
from drlapps.scheduling.lost_sales.instances import named, path, train
from drlapps.scheduling.lost_sales.kernels import CONSTANTS, SLOTS
from drlapps.scheduling.lost_sales.lookahead import models_of, myopic_2_orders
from drlapps.scheduling.lost_sales.rules import best_base_stock

NAMES = ["poisson5-l3-p9", "geometric5-l1-p4", "poisson5-l2-p14-k5"]


def batch(shelves, **options):
    env = LostSalesEnv(len(shelves), shelves, autoreset_mode=AutoresetMode.DISABLED, **options)
    env.reset(seed=1, options={"instances": shelves})
    return env


def play(shelves, policy):
    env = batch(shelves)
    policy.reset(env, 0)
    while not env.step(policy.act(env, None))[3].all():
        pass
    return env


def states_of(env, row):
    lead_time = env.instances[row].problem.lead_time
    return np.array([env.on_hand[row, 0], *env.pipeline[row, 0, : lead_time - 1]], np.int64)


def test_the_optimum_is_charged_in_every_period_and_others_never_less():
    shelves = named(NAMES)
    env = play(shelves, baselines.Optimal())
    for row, shelf in enumerate(shelves):
        expected = np.array(env.solution(row)["expected"])
        assert expected == pytest.approx(np.full(len(expected), shelf.reference), abs=1e-8)
    env = play(shelves, baselines.StandardVector())
    for row, shelf in enumerate(shelves):
        assert min(env.solution(row)["expected"]) >= shelf.bound - 1e-8
        assert env.metrics(row)["expected_cost"] > shelf.reference * 1.01


@pytest.mark.parametrize("name", NAMES)
def test_the_charge_is_the_bellman_error_of_the_order(name):
    shelf = named(name)[0]
    problem, solution = shelf.problem, solve(shelf.problem)
    env, rng = batch([shelf]), np.random.default_rng(3)
    chances = problem.demand.pmf()
    for _ in range(30):
        state = states_of(env, 0)
        order = int(rng.integers(0, problem.storage - state.sum() + 1))
        wanted = problem.fixed * (order > 0)
        for demand, chance in enumerate(chances):
            left, pipeline = max(state[0] - demand, 0), np.array([*state[1:], order])
            after = np.array([pipeline[0] + left, *pipeline[1:]])
            lost = max(demand - state[0], 0)
            wanted += chance * (
                problem.holding * left
                + problem.penalty * lost
                + solution.values[solution.space.numbers(after)]
            )
        wanted -= solution.values[solution.space.numbers(state)]
        env.step(env.actions_for(np.array([[float(order)]])))
        assert env.solution(0)["expected"][-1] == pytest.approx(wanted, abs=1e-9)


def test_expected_and_realised_costs_have_the_same_mean():
    shelves = named("poisson5-l2-p9:0..39")
    env = play(shelves, baselines.BaseStock())
    rows = [env.metrics(row) for row in range(len(shelves))]
    gaps = np.array([row["cost"] - row["expected_cost"] for row in rows])
    assert abs(gaps.mean()) < 4 * gaps.std() / np.sqrt(len(gaps))
    # The control variate takes away nearly all of the noise.
    assert np.std([row["expected_cost"] for row in rows]) < 0.2 * np.std(
        [row["cost"] for row in rows]
    )


@pytest.mark.parametrize(
    ("policy", "horizon"), [(baselines.Myopic, 1), (baselines.Myopic2, 2), (baselines.BaseStock, 0)]
)
def test_baselines_are_charged_the_cost_of_their_markov_chain(policy, horizon):
    shelves = named("poisson5-l2-p9:0..9")
    problem = shelves[0].problem
    space = Space(problem.lead_time, problem.storage)
    level = best_base_stock(problem).level
    orders = np.maximum(level - space.states().sum(axis=1), 0)
    if horizon:
        orders = myopic_orders(problem, space, horizon)
    env = play(shelves, policy())
    found = np.mean([env.metrics(row)["expected_cost"] for row in range(len(shelves))])
    assert found == pytest.approx(evaluate_exactly(problem, space, orders), rel=0.003)


@pytest.mark.parametrize("name", NAMES)
def test_both_ways_to_the_myopic_orders_agree(name):
    shelf = named(name)[0]
    problem = shelf.problem
    space = Space(problem.lead_time, problem.storage)
    tables = {horizon: myopic_orders(problem, space, horizon) for horizon in (1, 2)}
    env, myopic = batch([shelf]), baselines.Myopic()
    rng = np.random.default_rng(5)
    for _ in range(50):
        state = states_of(env, 0)
        assert myopic.orders(env)[0, 0] == tables[1][space.numbers(state)]
        found = np.zeros(1)
        due = state[None, 1:].astype(float)
        myopic_2_orders(models_of([problem]), state[:1].astype(float), due, found)
        assert found[0] == tables[2][space.numbers(state)]
        env.step(env.actions_for(np.array([[rng.integers(0, 9)]])))


def test_a_long_lead_time_goes_without_the_exact_program():
    (shelf,) = named("poisson5-l9-p9")
    assert shelf.reference is None
    shelf = path("long", shelf.problem, 0, 40, 0)
    env = play([shelf], baselines.Myopic2())
    problem, solution = shelf.problem, env.solution(0)
    starts = [5.0, *(left + due for (left,), due in zip(
        solution["on_hand"], [5.0] * 8 + [q for (q,) in solution["orders"]], strict=False
    ))]  # fmt: skip
    assert solution["expected"] == pytest.approx(
        [problem.costs[int(stock)] for stock in starts[:40]], abs=1e-9
    )
    with pytest.raises(InputError, match="states"):
        play([shelf], baselines.Optimal())


def test_penalty_actions_order_like_the_newsvendor():
    shelves = named("poisson5-l3-p9")
    env, twin, myopic = batch(shelves, actions="penalty"), batch(shelves), baselines.Myopic()
    for _ in range(20):
        wanted = myopic.orders(twin)
        env.step(np.zeros((1, 2), np.float32))
        twin.step(twin.actions_for(wanted))
        assert np.array_equal(env.on_hand, twin.on_hand)
        assert env.solution(0)["orders"][-1][0] == wanted[0, 0]
    bold, _ = env.orders_of(np.ones((1, 1))), env.step(np.array([[1.0, 1.0]], np.float32))
    assert 0 < env.solution(0)["orders"][-1][0] <= bold[0, 0]
    env.step(np.array([[1.0, -1.0]], np.float32))
    assert env.solution(0)["orders"][-1][0] == 0


def test_discrete_actions_are_units_where_there_are_enough():
    env = batch(named("poisson5-l2-p4"), actions="discrete")
    for units in (3, 0, 7):
        env.step(np.array([units]))
        assert env.solution(0)["orders"][-1] == [units]
    coarse = batch(named("geometric5-l2-p39"), actions="discrete", levels=5)
    coarse.step(np.array([4]))
    assert coarse.solution(0)["orders"][-1] == [20]  # P(D <= 20) = 0.978 > 39 / 40


def test_expected_rewards_add_up_to_realised_ones():
    totals = {}
    for reward in ("realised", "expected"):
        env = LostSalesEnv(64, named("poisson5-l3-p9:0..63"), reward=reward)
        env.reset(seed=4)
        order = env.actions_for(np.full((64, 1), 5.0))
        totals[reward] = np.mean([env.step(order)[1].mean() for _ in range(900)])
    assert totals["expected"] == pytest.approx(totals["realised"], rel=0.03)


def test_observations_are_what_the_docstring_says():
    shelf = named("poisson5-l3-p9")[0]
    env = batch([shelf], actions="penalty")
    for units in (0.2, 0.7, -0.5):
        seen, *_ = env.step(np.array([[units, 0.0]], np.float32))
    problem, state = shelf.problem, states_of(env, 0)
    assert seen[0, :3] == pytest.approx(state / 5.0 - 1.0)
    assert not seen[0, 3:SLOTS].any()
    assert seen[0, SLOTS] == pytest.approx((state.sum() - 15.0) / np.sqrt(20.0))
    assert seen[0, SLOTS + 1 : SLOTS + 1 + CONSTANTS] == pytest.approx(describe(problem))
    rng, orders = np.random.default_rng(0), np.zeros(40_000)
    orders += state[0]
    for due in (*state[1:], 0):
        orders = np.maximum(orders - rng.poisson(5.0, len(orders)), 0) + due
    ahead = seen[0, SLOTS + 1 + CONSTANTS :]
    assert ahead[0] == pytest.approx(orders.mean() / 5.0 - 1.0, abs=0.02)
    assert ahead[1] == pytest.approx(orders.std() / 5.0, abs=0.02)
    assert ahead[2] == pytest.approx(np.mean(rng.poisson(5.0, len(orders)) > orders), abs=0.02)
    assert ahead[3] == pytest.approx(baselines.Myopic().orders(env)[0, 0] / 5.0 - 1.0)


@pytest.mark.parametrize("name", ["poisson0.02-l2-p4", "poisson3-l60-p1", "geometric50-l2-p4"])
def test_observations_of_odd_problems_stay_within_bounds(name):
    env = batch(named(name), actions="penalty")
    for boldness in (1.0, -1.0, 0.5):
        seen, *_ = env.step(np.full((1, 2), boldness, np.float32))
        assert env.observation_space.contains(seen)


@pytest.mark.parametrize(
    "options", [{"actions": "volume"}, {"reward": "none"}, {"levels": 1}, {"levels": 2.5}]
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(InputError):
        LostSalesEnv(1, named("poisson5-l1-p4"), **options)


def test_training_episodes_are_random_problems():
    env = LostSalesEnv(16, train(problems=50, periods=20), actions="penalty", reward="expected")
    env.reset(seed=0)
    first = {shelf.problem for shelf in env.instances}
    for _ in range(20):
        seen, rewards, *_ = env.step(env.action_space.sample())
        assert np.isfinite(rewards).all()
        assert np.abs(seen).max() <= 10
    assert len(first) > 8
    assert first != {shelf.problem for shelf in env.instances}
