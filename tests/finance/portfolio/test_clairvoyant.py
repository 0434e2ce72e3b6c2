"""The best path after costs: against brute force, a linear program, and every other policy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import evaluate
from drlapps.finance.portfolio.clairvoyant import best_path
from drlapps.finance.portfolio.instances import named

TASK = registry.get("finance/portfolio")


def follow(growth: np.ndarray, path: tuple[int, ...], cost: float) -> float:
    wealth, held = 1.0, 0
    for step, asset in enumerate(path):
        if asset != held:
            wealth *= (1.0 - cost) if held else 1.0
            wealth /= (1.0 + cost) if asset else 1.0
        wealth, held = wealth * growth[step, asset], asset
    return wealth


@settings(max_examples=50)
@given(st.integers(0, 1000), st.sampled_from([0.0, 0.01, 0.1]))
def test_no_path_is_better(seed: int, cost: float) -> None:
    growth = np.random.default_rng(seed).uniform(0.8, 1.25, (5, 3))
    value, path = best_path(growth, cost)
    brute = max(follow(growth, one, cost) for one in itertools.product(range(3), repeat=5))
    assert math.exp(value) == pytest.approx(brute, rel=1e-12)
    assert follow(growth, tuple(path), cost) == pytest.approx(brute, rel=1e-12)


def test_no_mixture_is_better_either() -> None:
    """The linear program over everything that can be held and traded has the same optimum."""
    import pyomo.environ as pyo
    from pyomo.contrib.appsi.solvers import Highs

    growth, cost = np.random.default_rng(3).uniform(0.9, 1.15, (8, 4)), 0.02
    steps, assets = range(8), range(1, 4)
    model = pyo.ConcreteModel()
    model.held = pyo.Var(range(9), range(4), bounds=(0.0, None))
    model.bought = pyo.Var(steps, assets, bounds=(0.0, None))
    model.sold = pyo.Var(steps, assets, bounds=(0.0, None))
    model.rules = pyo.ConstraintList()
    for asset in range(4):
        model.rules.add(model.held[0, asset] == (0.0 if asset else 1.0))
    for t in steps:
        cash = model.held[t, 0]
        for i in assets:
            cash += (1.0 - cost) * model.sold[t, i] - (1.0 + cost) * model.bought[t, i]
            after = model.held[t, i] + model.bought[t, i] - model.sold[t, i]
            model.rules.add(after >= 0.0)
            model.rules.add(model.held[t + 1, i] == float(growth[t, i]) * after)
        model.rules.add(cash >= 0.0)
        model.rules.add(model.held[t + 1, 0] == float(growth[t, 0]) * cash)
    model.wealth = pyo.Objective(
        expr=sum(model.held[8, asset] for asset in range(4)), sense=pyo.maximize
    )
    Highs().solve(model)
    assert math.exp(best_path(growth, cost)[0]) == pytest.approx(pyo.value(model.wealth), rel=1e-7)


@pytest.mark.parametrize("window", ["djia", "sp500-20:2015-01-01..2015-12-31", "googl"])
def test_the_environment_pays_what_was_promised(window: str) -> None:
    names = ["clairvoyant", "best-stock", "bcrp", "bah", "ucrp"]
    results = evaluate(TASK, [contestant(TASK, name) for name in names], named([window]))
    best, *others = results
    assert best.bound is not None
    # The toolbox charges a switch 1 - c, the programme (1 - c/2) / (1 + c/2).
    assert best.value == pytest.approx(best.bound, rel=1e-9 if window != "djia" else 1e-3)
    assert all(best.bound >= other.value for other in others if other.value is not None)


def test_it_is_no_bound_with_shorts_or_grants() -> None:
    who, window = [contestant(TASK, "clairvoyant")], named(["djia"])
    for extra in ({"min_weight": -1.0}, {"max_gross": 2.0, "max_net": 2.0}, {"esg_rate": 0.1}):
        with pytest.raises(InputError, match="long-only"):
            evaluate(TASK, who, window, settings=extra)
