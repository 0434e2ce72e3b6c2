"""Benchmarks: what they must earn by definition, and the optimality of the clairvoyant one."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.errors import Failure
from drlapps.finance.portfolio.online import benchmarks

SEEDS = st.integers(0, 2**32 - 1)
SPREADS = st.floats(1e-4, 1.0)


@settings(max_examples=20)
@given(SEEDS, SPREADS)
def test_buy_and_hold_earns_the_mean_growth(olps: ModuleType, seed: int, spread: float) -> None:
    path = np.exp(np.random.default_rng(seed).normal(0.0, spread, (15, 4)))
    wealth = olps.terminal_wealth(benchmarks.BuyAndHold(), path)
    assert wealth == pytest.approx(path.prod(axis=0).mean(), rel=1e-12)


@settings(max_examples=20)
@given(SEEDS, SPREADS)
def test_rebalancing_earns_the_product_of_mean_growths(
    olps: ModuleType, seed: int, spread: float
) -> None:
    path = np.exp(np.random.default_rng(seed).normal(0.0, spread, (15, 4)))
    wealth = olps.terminal_wealth(benchmarks.ConstantRebalanced(), path)
    assert wealth == pytest.approx(path.mean(axis=1).prod(), rel=1e-12)


def test_the_best_stock_is_the_one_that_grows_most(olps: ModuleType) -> None:
    path = np.array([[1.5, 0.9, 1.1], [0.5, 1.0, 1.1]])
    assert olps.terminal_wealth(benchmarks.BestStock(), path) == pytest.approx(1.21)


def test_what_happened_before_the_episode_makes_no_best_stock(olps: ModuleType) -> None:
    path = np.array([[9.0, 1.0], [1.0, 1.1]])
    targets, _ = olps.Market(path, begin=1).play(benchmarks.BestStock())
    np.testing.assert_array_equal(targets, [[0.0, 1.0]])


def test_rebalancing_between_cash_and_a_coin_grows_by_an_eighth_every_two_days() -> None:
    # Cover 1991: a stock that doubles and halves, and cash; half and half earns 3/2 times 3/4.
    path = np.tile([[1.0, 2.0], [1.0, 0.5]], (50, 1))
    weights = benchmarks.log_optimal(path)
    np.testing.assert_allclose(weights, [0.5, 0.5], atol=1e-9)
    assert np.log(path @ weights).sum() == pytest.approx(50 * np.log(9 / 8), rel=1e-12)


def test_a_favourable_bet_is_staked_as_kelly_says() -> None:
    # Win or lose a quarter of the stake at odds of 3 to 2: Kelly 1956 stakes (0.6 - 0.4) / 0.25.
    path = np.array([[1.0, 1.25]] * 3 + [[1.0, 0.75]] * 2)
    np.testing.assert_allclose(benchmarks.log_optimal(path), [0.2, 0.8], atol=1e-9)


@given(SEEDS, SPREADS, st.integers(1, 30), st.integers(1, 8), st.booleans())
def test_no_constant_weights_earn_more(
    seed: int, spread: float, steps: int, assets: int, twins: bool
) -> None:
    rng = np.random.default_rng(seed)
    path = np.exp(rng.normal(0.0, spread, (steps, assets)))
    if twins:
        path[:, -1] = path[:, 0]
    weights = benchmarks.log_optimal(path)
    assert (weights >= 0.0).all()
    assert weights.sum() == pytest.approx(1.0, rel=1e-12)
    others = np.vstack([np.eye(assets), rng.dirichlet(np.ones(assets), 50)])
    best = np.log(path @ weights).sum()
    assert (np.log(path @ others.T).sum(axis=0) <= best + 1e-10).all()


def test_what_is_not_optimal_is_no_answer() -> None:
    path = np.exp(np.random.default_rng(0).normal(0.0, 0.1, (20, 3)))
    path[7, 1] = np.nan
    with pytest.raises(Failure, match="of 3 assets over 20 steps were not found"):
        benchmarks.log_optimal(path)
