"""Anticor against the paper's figure written out in loops, and where it does not trade."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.finance.portfolio.online.anticor import Anticor, transfer

Floats = NDArray[np.float64]


def figure_1(relatives: Floats, weights: Floats, window: int) -> Floats:
    """Return Borodin et al.'s figure 1, with the toolbox's claim of an asset on itself."""
    first, second = np.log(relatives[-2 * window :]).reshape(2, window, -1)
    assets = len(weights)
    growth = second.mean(axis=0)
    correlation = np.corrcoef(first.T, second.T)[:assets, assets:]
    claims = np.zeros((assets, assets))
    for i in range(assets):
        for j in range(assets):
            if growth[i] >= growth[j] and correlation[i, j] > 0:
                claims[i, j] = correlation[i, j]
                claims[i, j] -= min(correlation[i, i], 0) + min(correlation[j, j], 0)
    moved = weights.copy()
    for i in range(assets):
        for j in range(assets):
            if claims[i, j] > 0:
                part = weights[i] * claims[i, j] / claims[i].sum()
                moved[i] -= part
                moved[j] += part
    return moved


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 5))
def test_each_expert_follows_the_paper(seed: int, assets: int, longest: int) -> None:
    rng = np.random.default_rng(seed)
    relatives = np.exp(rng.normal(0.0, 0.02, (2 * longest, assets)))
    before = rng.dirichlet(np.ones(assets), longest - 1)
    after = before.copy()
    transfer(relatives, after)
    for expert, (old, new) in enumerate(zip(before, after, strict=True)):
        # Relatives are rounded to ten decimals.
        np.testing.assert_allclose(new, figure_1(relatives, old, expert + 2), atol=1e-6)


def test_experts_wait_until_they_have_seen_two_windows(olps: ModuleType) -> None:
    path = np.exp(np.random.default_rng(1).normal(0.0, 0.02, (9, 3)))
    targets, _ = olps.Market(path).play(Anticor(window=2))
    np.testing.assert_array_equal(targets[:4], 1.0 / 3.0)
    assert np.ptp(targets[4]) > 0.01


def test_experts_need_not_wait_where_there_is_history(olps: ModuleType) -> None:
    path = np.exp(np.random.default_rng(1).normal(0.0, 0.02, (9, 3)))
    targets, _ = olps.Market(path, begin=5).play(Anticor(window=2))
    np.testing.assert_array_equal(targets[0], 1.0 / 3.0)
    assert np.ptp(targets[1]) > 0.01


def test_experts_are_averaged_by_what_they_earned(olps: ModuleType) -> None:
    path = np.exp(np.random.default_rng(2).normal(0.0, 0.05, (12, 3)))
    policy = Anticor(window=3)
    _, returns = olps.Market(path).play(policy)
    (memory,) = policy._memories
    # Nobody trades with anybody: all experts' wealth is that of the whole, day by day.
    experts = np.full((2, 3), 1.0 / 3.0)
    wealth = np.full(2, 0.5)
    for day, today in enumerate(path):
        if day:
            transfer(np.array(path[max(day - 6, 0) : day]), experts)
        wealth *= experts @ today
    assert np.prod(returns) == pytest.approx(wealth.sum(), rel=1e-12)
    np.testing.assert_allclose(memory.portfolios, experts, rtol=1e-12)


def test_nothing_happens_in_a_market_that_does_not_move(olps: ModuleType) -> None:
    targets, _ = olps.Market(np.ones((20, 3))).play(Anticor(window=3))
    np.testing.assert_allclose(targets, 1.0 / 3.0, rtol=1e-12)


def test_a_tie_does_not_hang_on_rounding(olps: ModuleType) -> None:
    # Each goes up by a tenth, back, or stays; as quotients of prices, not to the last bit.
    steps = np.random.default_rng(3).choice([1.1, 10.0 / 11.0, 1.0], size=(60, 4))
    prices = np.vstack([np.full(4, 7.3), 7.3 * np.cumprod(steps, axis=0)])
    exact, _ = olps.Market(steps).play(Anticor(window=5))
    divided, _ = olps.Market(prices[1:] / prices[:-1]).play(Anticor(window=5))
    np.testing.assert_allclose(divided, exact, rtol=1e-12)


def test_a_window_of_one_day_is_refused() -> None:
    with pytest.raises(InputError, match="Anticor needs a window of at least 2, not 1"):
        Anticor(window=1)
