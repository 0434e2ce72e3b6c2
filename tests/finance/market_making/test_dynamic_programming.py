"""The exact dynamic program against brute force, hand calculation and simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import lambertw

from drlapps.finance.market_making.closed_forms import (
    avellaneda_stoikov,
    cartea_jaimungal,
    gueant_lehalle_fernandez_tapia,
    myopic,
)
from drlapps.finance.market_making.dynamic_programming import best_pair, policy_value, solve
from drlapps.finance.market_making.instances import MARKETS, TESTED, toy
from drlapps.finance.market_making.market import Market


def fill(x, arrivals, poisson):
    reach = np.exp(-x)
    return 1 - np.exp(-arrivals * reach) if poisson else min(arrivals, 1.0) * reach


def gain(x, y, up, down, arrivals, poisson):
    bid, ask = fill(x, arrivals, poisson), fill(y, arrivals, poisson)
    return bid * x + ask * y + bid * (1 - ask) * up + ask * (1 - bid) * down


@settings(max_examples=60, deadline=None)
@given(
    up=st.floats(-6, 3),
    curvature=st.floats(-1, 8),
    arrivals=st.floats(0.01, 1.0),
    poisson=st.booleans(),
)
def test_no_pair_of_quotes_on_a_fine_grid_is_better(up, curvature, arrivals, poisson):
    # Strong curvatures have two locally best pairs, to either of which a search might stick.
    down = -up - curvature
    x, y, found = best_pair(up, down, arrivals, poisson)
    assert found == pytest.approx(gain(x, y, up, down, arrivals, poisson), abs=1e-12)
    grid = np.linspace(0, 10, 801)
    values = gain(grid[:, None], grid[None, :], up, down, arrivals, poisson)
    best = np.unravel_index(values.argmax(), values.shape)
    polished = minimize(
        lambda z: -gain(z[0], z[1], up, down, arrivals, poisson),
        (grid[best[0]], grid[best[1]]),
        bounds=[(0, 10), (0, 10)],
    )
    assert found >= max(values.max(), -polished.fun) - 1e-9


def test_toys_have_the_values_worked_out_by_hand():
    v = math.exp(-1)
    p = -lambertw(-2 * v * math.exp(-1 - v)).real / (2 * v)
    spread, leaving, limit = (session.bound for session in toy())
    assert spread == pytest.approx(v)
    assert leaving == pytest.approx(math.exp(-0.5) - 0.5)
    assert limit == pytest.approx(2 * p * (1 - v * p) + 2 * v)


@pytest.mark.parametrize("name", [*TESTED, "hawkes"])
def test_the_table_is_worth_what_the_program_says_and_more_than_any_other(name):
    market = MARKETS[name]
    solution = solve(market)
    assert policy_value(market, solution.quotes) == pytest.approx(solution.values[0], abs=1e-10)
    gamma = market.risk_aversion
    for quotes in (
        cartea_jaimungal(market),
        avellaneda_stoikov(market, gamma),
        gueant_lehalle_fernandez_tapia(market, gamma),
        myopic(market),
        solution.quotes * 1.05,
    ):
        assert (policy_value(market, quotes) <= solution.values[0] + 1e-12).all()


def test_the_optimum_is_symmetric_and_leans_against_the_inventory():
    market = MARKETS["cartea-jaimungal"]
    values, quotes = solve(market)
    assert values == pytest.approx(values[:, ::-1], abs=1e-9)
    assert quotes[:, :, 0] == pytest.approx(quotes[:, ::-1, 1], abs=1e-6)
    assert (np.diff(quotes[:, :-1, 0], axis=1) >= -1e-9).all()
    assert (np.diff(values, 2, axis=1) <= 1e-9).all(), "concave in the inventory"


def test_finer_steps_approach_the_value_in_continuous_time():
    # 64.7179 is the closed form of Cartea & Jaimungal for these parameters.
    market = MARKETS["cartea-jaimungal"]
    values = [solve(replace(market, steps=n)).values[0, market.limit] for n in (400, 800, 1600)]
    gaps = 64.7179 - np.array(values)
    assert (gaps > 0).all()
    assert gaps[1:] / gaps[:-1] == pytest.approx(0.5, abs=0.02)


def test_the_two_laws_of_the_fills_meet_as_steps_get_short():
    coarse, fine = (
        [
            solve(Market(steps=steps, fills=law, limit=10)).values[0, 10]
            for law in ("poisson", "bernoulli")
        ]
        for steps in (200, 6400)
    )
    assert coarse[1] - coarse[0] > 5
    assert 0 < fine[1] - fine[0] < 0.3


def test_a_solution_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        solve(MARKETS["thin"]).values[0, 0] = 1.0
