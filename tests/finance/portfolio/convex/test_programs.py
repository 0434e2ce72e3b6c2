"""Quadratic programs: optimality conditions, HiGHS, skfolio, and limits that always hold."""

from __future__ import annotations

import csv
from pathlib import Path

import highspy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.errors import Failure, InputError
from drlapps.finance.market_data.embedded import load
from drlapps.finance.portfolio.convex import estimators, policies, programs
from drlapps.finance.portfolio.convex.limits import Admissible, Limits

CLOSE = load("sp500-20").close
RETURNS = CLOSE[1:] / CLOSE[:-1] - 1.0
NOTHING = np.zeros(20)


def returns_of(rng: np.random.Generator, assets: int, days: int) -> np.ndarray:
    market = rng.standard_normal((days, 1)) * rng.uniform(0.005, 0.02)
    own = rng.standard_normal((days, assets)) * rng.uniform(0.002, 0.03, assets)
    return np.asarray(market + own + 0.001)


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, Limits, np.ndarray]:
    """Returns, limits and held weights, many of them degenerate."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    assets = draw(st.integers(1, 12))
    returns = returns_of(rng, assets, draw(st.integers(20, 120)))
    if draw(st.booleans()):
        returns[:, assets // 2] = returns[:, 0]
    held = rng.dirichlet(np.full(assets, draw(st.sampled_from([0.1, 1.0, 10.0]))))
    held *= draw(st.sampled_from([0.0, 0.9, 1.0]))
    low = draw(st.sampled_from([0.0, 0.5, 1.0])) / assets
    high = min(draw(st.sampled_from([1.0, 1.5, 100.0])) / assets, 1.0)
    return returns, Limits(low, high, draw(st.sampled_from([0.0, 0.02, 0.2, 1.0]))), held


def sales(weights: np.ndarray, held: np.ndarray) -> float:
    return float(np.maximum(held - weights, 0.0).sum())


def forced(limits: Limits, held: np.ndarray) -> float:
    above = np.maximum(held - limits.max_weight, 0.0).sum()
    missing = np.maximum(limits.min_weight - held, 0.0).sum() - (1.0 - held.sum())
    return float(max(above, missing))


def assert_within(weights: np.ndarray, limits: Limits, held: np.ndarray) -> None:
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert weights.min() >= limits.min_weight - 1e-8
    assert weights.max() <= limits.max_weight + 1e-8
    assert sales(weights, held) <= max(limits.max_turnover, forced(limits, held)) + 1e-8


@settings(max_examples=150, deadline=None)
@given(problems())
def test_limits_hold_and_nothing_admissible_is_better(
    problem: tuple[np.ndarray, Limits, np.ndarray],
) -> None:
    returns, limits, held = problem
    admissible = limits.around(held)
    covariance = np.atleast_2d(np.cov(returns, rowvar=False))
    mean = returns.mean(axis=0)
    variance = programs.minimum_variance(admissible, covariance)
    utility = programs.mean_variance(admissible, covariance, mean, 4.0)
    sharpe = programs.maximum_sharpe(admissible, covariance, mean)
    target = np.roll(np.arange(1.0, len(held) + 1.0), 3)
    near = programs.nearest(admissible, target / target.sum())
    gradients = {
        "variance": (variance, covariance @ variance),
        "utility": (utility, 4.0 * covariance @ utility - mean),
        "nearest": (near, near - target / target.sum()),
    }
    if mean @ sharpe > 1e-6:
        risk = covariance @ sharpe
        gradients["sharpe"] = sharpe, risk / (risk @ sharpe) - mean / (mean @ sharpe)
    for weights, gradient in gradients.values():
        assert_within(weights, limits, held)
        # Convexity: no admissible portfolio lies downhill, by a linear program over all of them.
        best = programs._highest_return(admissible.polyhedron(), -gradient)
        # A gradient that is nothing but rounding errors says nothing.
        size = max(np.abs(gradient).max(), 1e-5)
        assert -best >= gradient @ weights - 1e-7 * size


def highs(covariance: np.ndarray, lower: float, upper: float) -> np.ndarray:
    """The minimum variance by the active-set method of HiGHS."""
    n = len(covariance)
    model = highspy.HighsModel()
    lp = model.lp_
    lp.num_col_, lp.num_row_ = n, 1
    lp.col_cost_ = np.zeros(n)
    lp.col_lower_, lp.col_upper_ = np.full(n, lower), np.full(n, upper)
    lp.row_lower_ = lp.row_upper_ = np.ones(1)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    lp.a_matrix_.start_, lp.a_matrix_.index_ = np.arange(n + 1), np.zeros(n, np.int32)
    lp.a_matrix_.value_ = np.ones(n)
    columns = [covariance[j:, j] for j in range(n)]
    model.hessian_.dim_ = n
    model.hessian_.format_ = highspy.HessianFormat.kTriangular
    model.hessian_.start_ = np.cumsum([0, *map(len, columns)])
    model.hessian_.index_ = np.concatenate([np.arange(j, n) for j in range(n)])
    model.hessian_.value_ = np.concatenate(columns)
    solver = highspy.Highs()
    solver.silent()
    for option in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        solver.setOptionValue(option, 1e-10)
    solver.setOptionValue("qp_regularization_value", 0.0)
    solver.passModel(model)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return np.array(solver.getSolution().col_value)


@pytest.mark.parametrize(("lower", "upper"), [(0.0, 1.0), (0.01, 0.15), (0.0, 0.06)])
def test_minimum_variance_is_that_of_highs(lower: float, upper: float) -> None:
    for end in range(300, 3269, 400):
        covariance = estimators.ledoit_wolf(RETURNS[end - 252 : end])
        scaled = covariance / covariance.max()
        ours = programs.minimum_variance(Limits(lower, upper).around(NOTHING), covariance)
        assert ours == pytest.approx(highs(scaled, lower, upper), abs=1e-8)


def skfolio() -> dict[tuple[int, str], np.ndarray]:
    with open(Path(__file__).with_name("skfolio_weights.csv"), newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    return {
        (int(row["end"]), row["method"]): np.array([float(row[f"w{i}"]) for i in range(20)])
        for row in rows
    }


SAMPLE = {"covariance": "sample"}
CAP = {"min_weight": 0.01, "max_weight": 0.15}
METHODS: dict[str, policies.Estimated] = {
    "min-variance": policies.MinVariance(**SAMPLE),
    "min-variance-lw": policies.MinVariance(),
    "min-variance-cap": policies.MinVariance(**SAMPLE, **CAP),
    "max-sharpe": policies.MaxSharpe(**SAMPLE),
    "max-sharpe-cap": policies.MaxSharpe(**SAMPLE, **CAP),
    "mean-variance": policies.MeanVariance(**SAMPLE, risk_aversion=5.0),
    "min-cvar": policies.MinCvar(),
    "mad": policies.Mad(),
    "risk-parity": policies.RiskParity(**SAMPLE),
    "risk-budget": policies.RiskParity(**SAMPLE, budgets=range(1, 21)),
    "inverse-volatility": policies.InverseVolatility(),
}
# Where skfolio's conic solver stops earlier than asked; ours then has the better objective.
LOOSE = 3e-6


@pytest.mark.parametrize("end", [504, 2520])
@pytest.mark.parametrize("name", METHODS)
def test_weights_are_those_of_skfolio(name: str, end: int) -> None:
    policy = METHODS[name]
    ours = policy.portfolio(RETURNS[end - 252 : end], policy.limits().around(NOTHING))
    assert ours == pytest.approx(skfolio()[end, name], abs=LOOSE)


def test_without_gains_the_sharpe_ratio_gives_way_to_variance() -> None:
    covariance = estimators.ledoit_wolf(RETURNS[:252])
    admissible = Limits().around(NOTHING)
    least = programs.minimum_variance(admissible, covariance)
    assert programs.maximum_sharpe(admissible, covariance, np.full(20, -0.01)) == pytest.approx(
        least
    )
    # One asset gains, but the limit on turnover keeps the portfolio at a loss.
    held, excess = np.eye(20)[3], np.where(np.arange(20) == 7, 0.001, -0.01)
    narrow = Limits(max_turnover=0.1).around(held)
    assert programs.maximum_sharpe(narrow, covariance, excess) == pytest.approx(
        programs.minimum_variance(narrow, covariance)
    )


def test_turnover_is_what_is_sold_and_idle_cash_is_free() -> None:
    covariance = estimators.ledoit_wolf(RETURNS[:252])
    free = programs.minimum_variance(Limits().around(NOTHING), covariance)
    limits = Limits(max_turnover=0.1)
    assert programs.minimum_variance(limits.around(NOTHING), covariance) == pytest.approx(free)
    held = np.full(20, 0.05)
    found = programs.minimum_variance(limits.around(held), covariance)
    assert 0.5 * np.abs(found - held).sum() == pytest.approx(0.1, abs=1e-9)
    still = programs.minimum_variance(Limits(max_turnover=0.0).around(held), covariance)
    assert still == pytest.approx(held, abs=1e-12)


def test_limits_on_weights_come_before_turnover() -> None:
    held = np.array([0.7, 0.2, 0.1])
    found = programs.nearest(Limits(max_weight=0.5, max_turnover=0.05).around(held), held)
    assert found == pytest.approx([0.5, 0.3, 0.2], abs=1e-9)
    found = programs.nearest(Limits(min_weight=0.2, max_turnover=0.0).around(held), held)
    assert found[2] == pytest.approx(0.2, abs=1e-9)
    assert sales(found, held) == pytest.approx(0.1, abs=1e-9)


@pytest.mark.parametrize(
    ("limits", "assets", "words"),
    [
        ({"max_weight": 0.04}, 20, r"max_weight=0.04 .* 20 assets .* at least 0.05"),
        ({"min_weight": 0.06}, 20, r"min_weight=0.06 .* 20 assets; .* at most 0.05"),
    ],
)
def test_impossible_limits_are_one_sentence(
    limits: dict[str, float], assets: int, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        Limits(**limits).check(assets)
    with pytest.raises(InputError, match=r"min_weight=0\.3 is above max_weight=0\.2"):
        Limits(0.3, 0.2)


def test_a_program_without_solution_is_a_failure() -> None:
    impossible = Admissible(np.zeros(2), np.full(2, 0.4), np.zeros(2), 1.0)
    with pytest.raises(Failure, match="the portfolio program"):
        programs.minimum_variance(impossible, np.eye(2))


@pytest.mark.parametrize("covariance", [np.full((3, 3), 1e-4), np.zeros((3, 3))])
def test_of_equally_good_portfolios_it_is_one_amid_them(covariance: np.ndarray) -> None:
    found = programs.minimum_variance(Limits().around(np.zeros(3)), covariance)
    assert found == pytest.approx(np.full(3, 1 / 3), abs=1e-3)
