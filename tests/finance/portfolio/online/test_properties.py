"""What holds for every online algorithm on every market."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drlapps.finance.portfolio.allocation import Allocation
from drlapps.finance.portfolio.online import benchmarks
from drlapps.finance.portfolio.online.anticor import Anticor
from drlapps.finance.portfolio.online.follow_the_winner import (
    ExponentiatedGradient,
    OnlineNewtonStep,
)
from drlapps.finance.portfolio.online.mean_reversion import Cwmr, Olmar, Pamr, Rmr

Make = Callable[[], Allocation]

CAUSAL: dict[str, Make] = {
    "bah": benchmarks.BuyAndHold,
    "ucrp": benchmarks.ConstantRebalanced,
    "eg": ExponentiatedGradient,
    "ons": OnlineNewtonStep,
    "anticor": lambda: Anticor(window=4),
    "pamr": Pamr,
    "pamr-1": lambda: Pamr(1),
    "pamr-2": lambda: Pamr(2),
    "cwmr-var": Cwmr,
    "cwmr-stdev": lambda: Cwmr("stdev"),
    "olmar-1": Olmar,
    "olmar-2": lambda: Olmar(2),
    "rmr": Rmr,
}
CLAIRVOYANT: dict[str, Make] = {
    "bcrp": benchmarks.BestConstantRebalanced,
    "best-stock": benchmarks.BestStock,
}
SEEDS = st.integers(0, 2**32 - 1)
DAYS = 14

causal = pytest.mark.parametrize("make", CAUSAL.values(), ids=CAUSAL)
few = settings(max_examples=15)
each = pytest.mark.parametrize("make", (CAUSAL | CLAIRVOYANT).values(), ids=[*CAUSAL, *CLAIRVOYANT])


def market(seed: int, spread: float = 0.02, assets: int = 4) -> NDArray[np.float64]:
    return np.exp(np.random.default_rng(seed).normal(0.0, spread, (DAYS, assets)))


@each
@few
@given(
    SEEDS, st.floats(1e-6, 0.5), st.integers(1, 6), st.floats(0.0, 0.05), st.integers(0, DAYS - 1)
)
def test_weights_are_on_the_simplex(
    olps: ModuleType, make: Make, seed: int, spread: float, assets: int, tc: float, begin: int
) -> None:
    targets, _ = olps.Market(market(seed, spread, assets), tc, begin).play(make())
    assert (targets >= 0.0).all()
    np.testing.assert_allclose(targets.sum(axis=1), 1.0, rtol=1e-12)


@causal
@few
@given(SEEDS, st.integers(0, DAYS - 1), st.integers(0, 6))
def test_later_prices_change_nothing(
    olps: ModuleType, make: Make, seed: int, today: int, begin: int
) -> None:
    path = market(seed)
    begin = min(begin, today)
    # The weights of a day are decided before its prices are known.
    other = np.vstack([path[:today], market(seed + 1)[today:]])
    known = slice(0, today - begin + 1)
    one, two = (olps.Market(p, 0.002, begin).play(make())[0] for p in (path, other))
    np.testing.assert_array_equal(one[known], two[known])


@causal
@few
@given(SEEDS)
def test_the_first_day_is_uniform(olps: ModuleType, make: Make, seed: int) -> None:
    for begin in (0, 10):
        targets, _ = olps.Market(market(seed), begin=begin).play(make())
        np.testing.assert_allclose(targets[0], 0.25, rtol=1e-15)


@each
@few
@given(SEEDS, st.permutations(range(4)))
def test_the_order_of_assets_does_not_matter(
    olps: ModuleType, make: Make, seed: int, order: list[int]
) -> None:
    path = market(seed)
    one, _ = olps.Market(path, 0.002).play(make())
    two, _ = olps.Market(path[:, order], 0.002).play(make())
    np.testing.assert_allclose(two, one[:, order], atol=1e-6)


@pytest.mark.parametrize("name", ["bah", "ucrp", "eg", "ons", "bcrp", "best-stock"])
@few
@given(SEEDS)
def test_the_unit_of_account_does_not_matter(olps: ModuleType, name: str, seed: int) -> None:
    # What all assets gain in a day, as in another currency, gives none an edge over another.
    path = market(seed)
    rate = np.random.default_rng(seed).uniform(0.8, 1.2, (DAYS, 1))
    make = (CAUSAL | CLAIRVOYANT)[name]
    one, two = (olps.Market(p).play(make())[0] for p in (path, path * rate))
    np.testing.assert_allclose(two, one, atol=1e-8)


@each
def test_a_policy_can_play_again(olps: ModuleType, make: Make) -> None:
    policy = make()
    first, _ = olps.Market(market(5)).play(policy)
    olps.Market(market(6)).play(policy)
    again, _ = olps.Market(market(5)).play(policy)
    np.testing.assert_array_equal(again, first)
