"""The market: accounting, randomness, control variate, Hawkes arrivals, variants."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.finance.market_making.baselines import (
    AvellanedaStoikov,
    CarteaJaimungal,
    Myopic,
    Optimal,
)
from drlapps.finance.market_making.dynamic_programming import policy_value
from drlapps.finance.market_making.environment import TICK, MarketMakingEnv
from drlapps.finance.market_making.instances import MARKETS, path, train
from drlapps.finance.market_making.market import LAWS, Market
from drlapps.finance.market_making.session import Session
from drlapps.finance.market_making.simulation import simulate
from drlapps.policy import Policy, Random

CJ = MARKETS["cartea-jaimungal"]


def sessions(market, count, inventory=0):
    return [path("test", market, number, inventory) for number in range(count)]


def played(policy, market, count, inventory=0, **settings):
    chosen = sessions(market, count, inventory)
    env = MarketMakingEnv(count, chosen, autoreset_mode=AutoresetMode.DISABLED, **settings)
    rollout(env, policy, chosen, 0)
    return env


def column(env, name):
    return np.array([env.metrics(row)[name] for row in range(env.num_envs)])


class Noisy(Policy):
    """Quotes at random, with a memory: no function of time and inventory."""

    def reset(self, env, seed):
        self.rng = np.random.default_rng(seed)
        self.last = np.zeros((env.num_envs, 2))

    def act(self, env, observations):
        drift = self.rng.normal(0, 0.5, self.last.shape) + observations[:, :1] * (1, -1)
        self.last = np.clip(0.9 * self.last + drift, -1, 9)
        return self.last


@pytest.mark.parametrize("name", ["cartea-jaimungal", "avellaneda-stoikov", "unwind", "hawkes"])
def test_value_and_objective_have_the_same_mean(name):
    env = played(Noisy(), replace(MARKETS[name], horizon=0.5), 1500, 3)
    difference = column(env, "objective") - column(env, "value")
    error = difference.std(ddof=1) / difference.size**0.5
    assert abs(difference.mean()) < 4 * error
    if name != "hawkes":
        assert column(env, "value").std() < 0.5 * column(env, "objective").std()


@pytest.mark.parametrize("law", LAWS)
def test_values_average_to_the_exact_value_of_a_table(law):
    market = Market(steps=60, horizon=0.3, limit=8, fills=law)
    exact = policy_value(market, CarteaJaimungal().quotes(market))
    aggressive = policy_value(market, Myopic().quotes(market))
    for policy, values in ((CarteaJaimungal(), exact), (Myopic(), aggressive)):
        found = column(played(policy, market, 2000, 2), "value")
        error = found.std(ddof=1) / found.size**0.5
        assert found.mean() == pytest.approx(values[market.limit + 2], abs=4 * error)


@settings(max_examples=25, deadline=None)
@given(
    law=st.sampled_from(LAWS),
    arrivals=st.floats(0.02, 1.0),
    penalty=st.floats(0, 5),
    leave=st.floats(0, 2),
    limit=st.integers(1, 6),
    seed=st.integers(0, 2**64 - 1),
)
def test_no_path_beats_the_optimum_and_the_optimum_is_met_on_every_path(
    law, arrivals, penalty, leave, limit, seed
):
    market = Market(
        intensity=20 * arrivals, decay=1.0, steps=20, limit=limit, running_penalty=penalty,
        terminal_penalty=leave, fills=law,
    )  # fmt: skip
    session = Session("any", market, seed, limit)
    env = MarketMakingEnv(1, [session], autoreset_mode=AutoresetMode.DISABLED)
    for policy in (Optimal(), Random(), CarteaJaimungal(), Noisy()):
        rollout(env, policy, [session], seed % 1000)
        value = env.metrics(0)["value"]
        assert value <= session.bound + 1e-9
        assert env.metrics(0)["largest_inventory"] <= limit
        if isinstance(policy, Optimal):
            assert value == pytest.approx(session.bound, abs=1e-9)
            assert policy.report(0).status == "optimal"


@pytest.mark.parametrize("name", ["cartea-jaimungal", "hawkes", "unwind"])
def test_realised_rewards_add_up_to_the_objective(name):
    market = MARKETS[name]
    chosen = sessions(market, 5, 3)
    env = MarketMakingEnv(5, chosen, reward="realised", autoreset_mode=AutoresetMode.DISABLED)
    policy = AvellanedaStoikov()
    observations, _ = env.reset(seed=0, options={"instances": chosen})
    policy.reset(env, 0)
    total, arrivals = np.zeros(5), np.zeros(5)
    for _ in range(market.steps):
        arrivals += env.intensity.sum(axis=1) * market.dt
        observations, rewards, terminated, *_ = env.step(policy.act(env, observations))
        total += rewards
    assert terminated.all()
    distance = np.linspace(0, 3, 300_001)
    orders = market.mean_arrivals
    reach = np.exp(-distance)
    fill = 1 - np.exp(-orders * reach) if market.fills == "poisson" else orders * reach
    ideal = (distance * fill).max() / orders * arrivals
    assert (total + ideal) / market.decay == pytest.approx(column(env, "objective"), abs=1e-6)


def test_expected_rewards_are_the_mean_of_the_realised_ones():
    market = replace(CJ, steps=200)
    means = {}
    for kind in ("expected", "realised"):
        chosen = sessions(market, 4_000, 4)
        env = MarketMakingEnv(4_000, chosen, reward=kind)
        env.reset(seed=0, options={"instances": chosen})
        actions = np.tile([0.4, -0.3], (4_000, 1))
        _, rewards, *_ = env.step(actions)
        means[kind] = rewards.mean(), rewards.std() / 4_000**0.5
    assert means["expected"][1] < 1e-9
    assert means["expected"][0] == pytest.approx(means["realised"][0], abs=4 * means["realised"][1])


def test_hawkes_intensities_have_the_mean_of_the_theory():
    # Stationary mean of a symmetric bivariate process: mu / (1 - (own + cross) / beta).
    market = Market(
        intensity=2.0, horizon=400.0, steps=40_000, fills="bernoulli", excitation=3.0,
        cross_excitation=1.0, reversion=10.0,
    )  # fmt: skip
    assert market.mean_intensity == pytest.approx(2 / (1 - 4 / 10))
    env = MarketMakingEnv(32, [path("hawkes", market, n) for n in range(32)])
    env.reset(seed=0)
    actions = np.full((32, 2), 9.0)
    seen = np.empty((8000, 32, 2))
    for step in range(8000):
        env.step(actions)
        seen[step] = env.intensity
    means = seen.mean(axis=0)
    error = means.mean(axis=1).std(ddof=1) / 32**0.5
    assert means.mean() == pytest.approx(market.mean_intensity, abs=4 * error)
    assert error < 0.15
    # Variance of the theory: the sum and the difference of the sides are each autoregressive,
    # Var = mean * jump^2 / (2 (beta - jump)) a side and mode, with jumps own +- cross.
    modes = [(3 + 1) ** 2 / (2 * (10 - 4)), (3 - 1) ** 2 / (2 * (10 - 2))]
    assert seen.var() == pytest.approx(market.mean_intensity * sum(modes) / 2, rel=0.15)


def test_sides_excite_each_other_only_through_the_cross_term():
    for cross in (0.0, 12.0):
        market = replace(MARKETS["hawkes"], cross_excitation=cross)
        env = played(Myopic(), market, 200)
        hits = env.path[:, :, 2:4].astype(float)
        left, right = hits[:, :-5, 0].ravel(), hits[:, 5:, 1].ravel()
        correlation = np.corrcoef(left, right)[0, 1]
        assert (correlation > 0.02) == (cross > 0)


def test_closer_quotes_fill_whenever_wider_ones_do():
    chosen = sessions(CJ, 500)
    trades = []
    for distance in (0.2, 0.0):
        env = MarketMakingEnv(500, chosen)
        env.reset(seed=0, options={"instances": chosen})
        env.step(np.full((500, 2), distance))
        trades.append(env.fills.copy())
    assert (trades[1] >= trades[0]).all()
    assert trades[1].sum() > trades[0].sum()


def test_equal_seeds_give_equal_paths_in_every_batch():
    chosen = sessions(CJ, 7)
    whole = MarketMakingEnv(7, chosen, autoreset_mode=AutoresetMode.DISABLED)
    rollout(whole, Optimal(), chosen, 0)
    alone = MarketMakingEnv(1, chosen[4:5], autoreset_mode=AutoresetMode.DISABLED)
    rollout(alone, Optimal(), chosen[4:5], 99)
    assert whole.solution(4) == alone.solution(0)
    assert whole.solution(3) != alone.solution(0)


def test_a_restored_state_knows_its_markets_in_any_order():
    pool = train(markets=5, steps=30)
    env, other = MarketMakingEnv(6, pool), MarketMakingEnv(6, pool)
    other.reset(seed=1234)  # meets the markets in another order
    env.reset(seed=5)
    actions = np.zeros((6, 2))
    for _ in range(10):
        env.step(actions)
    other.restore_state(env.export_state())
    for _ in range(40):
        ours, theirs = env.step(actions), other.step(actions)
        assert np.array_equal(ours[0], theirs[0])
        assert np.array_equal(ours[1], theirs[1])
        assert np.array_equal(env.value, other.value)


def test_ticks_are_the_grid_and_baselines_round_to_it():
    env = played(Optimal(), CJ, 20, ticks=16)
    assert env.single_action_space.n == 256
    steps = env.path[:, :, :2] * CJ.decay / TICK
    assert steps == pytest.approx(np.rint(steps), abs=1e-9)
    optimum = sessions(CJ, 1)[0].bound
    values = column(env, "value")
    assert (values < optimum).all()
    assert values.mean() > 0.99 * optimum
    assert env.actions_for(np.full((20, 2), 99.0)).tolist() == [255] * 20


@pytest.mark.parametrize("ticks", [-1, 42, 2.5, True])
def test_impossible_ticks_are_refused(ticks):
    with pytest.raises(InputError, match="ticks must be a whole number from 0 to 41"):
        MarketMakingEnv(1, train(), ticks=ticks)


def test_an_unknown_reward_is_refused():
    with pytest.raises(InputError, match="did you mean expected"):
        MarketMakingEnv(1, train(), reward="expcted")


def test_a_session_longer_than_the_batch_was_made_for_is_refused():
    env = MarketMakingEnv(1, sessions(CJ, 1), autoreset_mode=AutoresetMode.DISABLED)
    longer = sessions(replace(CJ, steps=300), 1)
    with pytest.raises(ValueError, match="more steps"):
        env.reset(options={"instances": longer})


def test_quotes_outside_the_box_are_moved_into_it():
    env = MarketMakingEnv(2, sessions(CJ, 2), autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": sessions(CJ, 2)})
    env.step(np.array([[-5.0, 50.0], [0.0, 0.0]]))
    assert env.path[0, 0, :2] == pytest.approx([0.0, 10 / CJ.decay])
    with pytest.raises(ValueError, match="quotes must be numbers"):
        env.step(np.array([[0.0, 0.0], [np.nan, 0.0]]))


def test_simulations_longer_than_a_batch_are_one_sample():
    market = replace(CJ, steps=5)
    found = simulate(CarteaJaimungal(), market, 4100)
    assert found.paths == 4100
    assert found.value_error == pytest.approx(0.0, abs=0.01)
