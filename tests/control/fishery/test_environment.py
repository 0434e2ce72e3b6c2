"""Harvest first, then growth; losses, cut-off, observation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.instances import Fishery, named, toy
from drlapps.control.fishery.stocks import Species, StockModel


def environment(fisheries: list[Fishery]) -> FisheryEnv:
    env = FisheryEnv(len(fisheries), fisheries, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": fisheries})
    return env


def test_a_year_worked_out_by_hand() -> None:
    # X = Y = 0.5, Z = 0.7; a quarter of X and Y is caught: 0.375 escapes. Predation:
    # 0.3 * 0.7 * 0.140625 / (0.09 + 0.140625) = 0.128049 of X and 1.1 times that of Y;
    # growth 0.375 * 0.625 = 0.234375; rivalry 0.1 * 0.140625 = 0.0140625;
    # Z * (0.1 * (0.375 + 1.1 * 0.375) - 0.1) = 0.7 * -0.02125 = -0.014875.
    (fishery,) = named(["model-3:0"], noise_scale=0.0)
    env = environment([fishery])
    _, rewards, terminated, truncated, _ = env.step(np.zeros((1, 2)))
    assert rewards[0] == pytest.approx(0.25)
    assert not terminated[0]
    assert not truncated[0]
    stocks = 0.375 + 0.234375 - 0.0140625 - 0.1280488 * np.array([1.0, 1.1])
    assert env.path[0, 1] == pytest.approx([*stocks, 0.7 - 0.014875], abs=1e-6)


def test_the_growth_of_model_4_falls_by_half_in_a_century() -> None:
    fisheries = named(["model-3:0", "model-4:0"], noise_scale=0.0)
    for year, rate in ((0, 1.0), (50, 0.75), (100, 0.5), (150, 0.5)):
        env = environment(fisheries)
        env.year[:] = year
        env.path[:, year] = fisheries[0].model.initial
        env.step(np.full((2, 2), -1.0))
        lost = env.path[0, year + 1] - env.path[1, year + 1]
        assert lost == pytest.approx([(1.0 - rate) * 0.25, 0.0, 0.0])


def test_catching_all_ends_the_fishery_with_the_penalty() -> None:
    env = environment(named(["model-3:0"]))
    env.step(np.full((1, 2), -1.0))
    first = env.path[0, 1].copy()
    _, rewards, terminated, _, _ = env.step(np.ones((1, 2)))
    assert terminated[0]
    assert rewards[0] == pytest.approx(first[:2].sum() - 100.0 / 2)
    metrics = env.metrics(0)
    assert metrics["mean_return"] == pytest.approx(first[:2].sum() - 50.0)
    assert metrics["mean_harvest"] == pytest.approx(first[:2].sum() / 200)
    assert (metrics["survival_rate"], metrics["years"]) == (0.0, 2.0)


def test_a_starved_predator_is_lost_like_any_other_species() -> None:
    (fishery,) = named(["model-3:0"], noise_scale=0.0)
    env = environment([fishery])
    terminated = np.zeros(1, bool)
    years = 0
    while not terminated[0]:
        _, _, terminated, _, _ = env.step(np.full((1, 2), 2.0 * np.sqrt(0.35) - 1.0))
        years += 1
    assert env.path[0, years, 2] <= 0.05 < env.path[0, years, :2].min()


def test_an_episode_is_cut_off_after_200_years() -> None:
    env = environment(named(["model-3:0"]))
    for year in range(200):
        _, _, terminated, truncated, _ = env.step(np.full((1, 2), -0.5))
        assert not terminated[0]
        assert truncated[0] == (year == 199)
    assert env.metrics(0)["survival_rate"] == 1.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_return_is_the_sum_of_rewards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    env = environment(named([f"model-4:{rng.integers(1000)}", f"model-1:{rng.integers(1000)}"]))
    total, over = np.zeros(2), np.zeros(2, bool)
    while not over.all():
        _, rewards, terminated, truncated, _ = env.step(rng.uniform(-1.5, 0.2, (2, 2)))
        over = terminated | truncated
        total += rewards
    assert [env.metrics(row)["mean_return"] for row in range(2)] == pytest.approx(total)


def test_surveys_err_in_proportion_are_right_in_the_mean_and_come_late() -> None:
    (fishery,) = named(["model-3:0"], observation_noise=0.2)
    assert np.log(fishery.survey).std() == pytest.approx(0.2, rel=0.1)
    assert fishery.survey.mean() == pytest.approx(1.0, abs=0.03)
    env = environment([fishery])
    assert env.observed() == pytest.approx(env.path[:, 0] * fishery.survey[0])

    late = environment(named(["model-3:0"], delay=2))
    for _ in range(5):
        late.step(np.full((1, 2), -0.5))
    assert np.array_equal(late.observed(), late.path[:, 3])


def test_observations_are_shares_of_the_initial_stocks_and_their_logarithms() -> None:
    env = environment(named(["model-3:0"]))
    seen = env.at(np.array([[0.25, 1.0, 0.7]]))
    expected = [-0.5, 1.0, 0.0, np.log(0.5), np.log(2.0), 0.0]
    assert seen[0] == pytest.approx(expected, abs=1e-6)
    assert np.array_equal(env.at(np.zeros((1, 3)))[0, 3:], np.full(3, -10.0, np.float32))


@given(share=st.floats(0.0, 1.0))
def test_actions_catch_the_shares_they_are_made_for(share: float) -> None:
    env = environment(list(toy()[:1]))
    shares = np.full((1, 2), share)
    assert env.mortality_of(env.actions_for(shares)) == pytest.approx(shares)


def test_rows_of_different_models_share_a_batch() -> None:
    lone = StockModel((Species("cod", 0.4, 0.5, 1.0, price=2.0),), years=30)
    fisheries = [Fishery("lone", lone, 1), *named(["model-3:0"])]
    env = environment(fisheries)
    alone = environment(fisheries[:1])
    for _ in range(30):
        _, rewards, *_ = env.step(np.zeros((2, 2)))
        _, own, *_ = alone.step(np.zeros((1, 1)))
        assert rewards[0] == own[0]
    assert env.metrics(0) == alone.metrics(0)


def test_a_fishery_larger_than_the_batch_is_refused() -> None:
    (small,) = named(["model-1:0"])
    (large,) = named(["model-3:0"])
    with pytest.raises(ValueError, match="more species"):
        FisheryEnv(1, [small]).reset(seed=0, options={"instances": [large]})
    longer = replace(small, belief=replace(small.belief, years=300))
    with pytest.raises(ValueError, match="more years"):
        FisheryEnv(1, [small]).reset(seed=0, options={"instances": [longer]})
