"""drlapps.finance.metrics against other implementations, by hand and in degenerate cases."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.stats import norm

from drlapps.errors import InputError
from drlapps.finance import inference, metrics
from drlapps.finance.market_data import embedded

FloatArray = NDArray[np.float64]

ORACLES = Path(__file__).with_name("oracle_metrics.csv")


def heavy_tailed() -> FloatArray:
    return 0.0004 + 0.01 * np.random.default_rng(20240517).standard_t(5, size=1500)


def autocorrelated() -> FloatArray:
    noise = 0.01 * np.random.default_rng(7).standard_normal(1000)
    deviation, series = 0.0, np.empty(1000)
    for day in range(1000):
        deviation = 0.4 * deviation + noise[day]
        series[day] = 0.0005 + deviation
    return series


def sp500_20() -> tuple[FloatArray, tuple[str, ...]]:
    prices = embedded.load("sp500-20")
    return prices.close[1:] / prices.close[:-1] - 1, prices.assets


def aapl() -> FloatArray:
    returns, assets = sp500_20()
    return returns[:, assets.index("AAPL")]


SERIES: dict[str, Callable[[], FloatArray]] = {
    "heavy-tailed": heavy_tailed,
    "autocorrelated": autocorrelated,
    "crash": lambda: np.r_[heavy_tailed()[:500], -0.35, -0.2, 0.15, -0.6, heavy_tailed()[500:600]],
    "all-positive": lambda: np.abs(heavy_tailed()[:300]) + 1e-4,
    "constant": lambda: np.full(250, 0.0003),
    "short": lambda: heavy_tailed()[:37],
    "AAPL": aapl,
    "one-over-n": lambda: sp500_20()[0].mean(axis=1),
}
# Where all agree. Empyrical gives drawdowns our sign.
AGREED = {
    "empyrical": "total_return cagr volatility sharpe sortino max_drawdown calmar omega tail_ratio",
    "skfolio": "var_95 cvar_95 skewness kurtosis max_drawdown",
}


def recorded(series: str, oracle: str) -> dict[str, float]:
    lines = (line for line in ORACLES.read_text().splitlines() if not line.startswith("#"))
    return {
        row["metric"]: float(row["value"])
        for row in csv.DictReader(lines)
        if (row["series"], row["oracle"]) == (series, oracle)
    }


@pytest.mark.parametrize("oracle", AGREED)
@pytest.mark.parametrize("name", SERIES)
def test_metrics_agree_with_the_oracles(name: str, oracle: str) -> None:
    ours, theirs = metrics.summary(SERIES[name]()), recorded(name, oracle)
    for metric in AGREED[oracle].split():
        expected = theirs[metric]
        if math.isnan(expected):
            # Empyrical calls a ratio without a drawdown or a loss undefined; ours is infinite.
            expected = math.inf if metric in ("calmar", "omega") else math.nan
        assert ours[metric] == pytest.approx(expected, rel=1e-9, abs=1e-12, nan_ok=True), metric


@pytest.mark.parametrize("name", SERIES)
def test_sharpe_inference_agrees_with_the_oracle(name: str) -> None:
    theirs = recorded(name, "skfolio")
    trials = np.array([0.01, 0.05, -0.02, 0.03])
    ours = {
        "psr": inference.psr(SERIES[name](), 0.02),
        "dsr": inference.dsr(SERIES[name](), trials),
    }
    for metric, value in ours.items():
        assert value == pytest.approx(theirs[metric], rel=1e-9, nan_ok=True), metric


@pytest.mark.parametrize("name", [name for name in SERIES if name != "constant"])
def test_the_optimal_block_agrees_with_the_oracle(name: str) -> None:
    # Ours is at least one day.
    block = recorded(name, "arch")["optimal_block"]
    assert inference.optimal_block(SERIES[name]()) == pytest.approx(max(block, 1.0), rel=1e-9)


@pytest.mark.parametrize("name", SERIES)
def test_empyrical_interpolates_the_var_and_cuts_the_tail_to_whole_days(name: str) -> None:
    series, theirs = SERIES[name](), recorded(name, "empyrical")
    assert -np.percentile(series, 5) == pytest.approx(-theirs["var_95"], rel=1e-9)
    worst = np.sort(series)[: int(0.05 * (len(series) - 1)) + 1]
    assert -worst.mean() == pytest.approx(-theirs["cvar_95"], rel=1e-9)
    # Over the same whole days ours is the same number.
    whole = 1 - len(worst) / len(series)
    assert metrics.cvar(series, whole) == pytest.approx(-theirs["cvar_95"], rel=1e-9)


@pytest.mark.parametrize("name", SERIES)
def test_skfolio_by_default_adds_returns_instead_of_compounding_them(name: str) -> None:
    wealth = np.concatenate([[0.0], np.cumsum(SERIES[name]())])
    drawdown = (wealth - np.maximum.accumulate(wealth)).min()
    theirs = recorded(name, "skfolio")["max_drawdown_uncompounded"]
    assert drawdown == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", [name for name in SERIES if name != "constant"])
def test_quantstats_takes_returns_for_gaussian(name: str) -> None:
    series, theirs = SERIES[name](), recorded(name, "quantstats")
    mean, sigma = series.mean(), series.std(ddof=1)
    gaussian = mean + sigma * norm.ppf(0.05)
    assert gaussian == pytest.approx(theirs["var_gaussian"], rel=1e-9)
    shortfall = mean - sigma * norm.pdf(norm.ppf(0.05)) / 0.05
    assert shortfall == pytest.approx(theirs["cvar_gaussian"], rel=1e-9)


@pytest.mark.parametrize("name", SERIES)
def test_empyrical_live(name: str) -> None:
    empyrical = pytest.importorskip("empyrical")
    series = SERIES[name]()
    ours = metrics.summary(series)
    assert ours["sharpe"] == pytest.approx(empyrical.sharpe_ratio(series), rel=1e-9)
    assert ours["sortino"] == pytest.approx(empyrical.sortino_ratio(series), rel=1e-9)
    assert ours["max_drawdown"] == pytest.approx(empyrical.max_drawdown(series), rel=1e-9)


@pytest.mark.parametrize("name", SERIES)
def test_skfolio_live(name: str) -> None:
    measures = pytest.importorskip("skfolio.measures")
    series = SERIES[name]()
    assert metrics.cvar(series) == pytest.approx(measures.cvar(series), rel=1e-9)
    assert metrics.cvar(series, 0.9) == pytest.approx(measures.cvar(series, 0.9), rel=1e-9)
    assert inference.psr(series) == pytest.approx(
        measures.probabilistic_sharpe_ratio(series), rel=1e-9, nan_ok=True
    )


def test_numbers_by_hand() -> None:
    returns = np.array([-0.1, 0.2, -0.5, 0.5, 0.1, 0.0])
    # Wealth .9, 1.08, .54, .81, .891, .891.
    assert metrics.drawdowns(returns) == pytest.approx([-0.1, 0, -0.5, -0.25, -0.175, -0.175])
    got = metrics.summary(returns, periods=6)
    assert got["total_return"] == pytest.approx(-0.109)
    assert got["cagr"] == pytest.approx(-0.109)
    assert got["max_drawdown"] == pytest.approx(-0.5)
    assert got["calmar"] == pytest.approx(-0.218)
    assert got["longest_drawdown_days"] == 4
    assert got["hit_rate"] == 0.5
    assert got["omega"] == pytest.approx(0.8 / 0.6)
    assert (got["best_day"], got["worst_day"]) == (0.5, -0.5)
    assert got["sortino"] == pytest.approx(0.2 / math.sqrt(0.26))
    assert metrics.log_growth(returns, periods=6) == pytest.approx(math.log(0.891))
    # The worst 40 % of six days are 2.4 of them.
    assert metrics.cvar(returns, 0.6) == pytest.approx(-(-0.5 - 0.1 + 0.4 * 0.0) / 2.4)
    assert metrics.var(returns, 0.6) == pytest.approx(0.0)


def test_value_at_risk_at_a_whole_number_of_days() -> None:
    losses = np.arange(1, 101) / 1000
    # 95 of the 100 losses do not exceed the sixth largest, and the mean is over the five largest.
    assert metrics.var(-losses) == pytest.approx(0.095)
    assert metrics.cvar(-losses) == pytest.approx(0.098)


def test_risk_free_and_benchmark_returns_are_subtracted_day_by_day() -> None:
    rng = np.random.default_rng(0)
    returns, rate = rng.normal(0.001, 0.01, (3, 200)), rng.normal(0.0, 0.01, 200)
    expected = metrics.sharpe(returns - rate)
    assert metrics.sharpe(returns, risk_free=rate) == pytest.approx(expected)
    assert metrics.information_ratio(returns, rate) == pytest.approx(expected)
    assert metrics.sortino(returns, minimum=rate) == pytest.approx(metrics.sortino(returns - rate))
    assert metrics.sharpe(returns[0]) == pytest.approx(
        metrics.sharpe(returns[0], periods=1) * math.sqrt(252)
    )


def test_degenerate_series_have_defined_metrics() -> None:
    one = metrics.summary([0.01])
    assert math.isnan(one["sharpe"])
    assert math.isnan(one["volatility"])
    assert one["max_drawdown"] == 0
    assert one["cvar_95"] == -0.01
    gain = metrics.summary(np.full(100, 0.0003))
    assert gain["sharpe"] == gain["sortino"] == gain["calmar"] == gain["omega"] == math.inf
    assert math.isnan(gain["skewness"])
    assert math.isnan(gain["kurtosis"])
    assert metrics.sharpe(np.full(100, -0.0003)) == -math.inf
    cash = metrics.summary(np.zeros(100))
    assert all(math.isnan(cash[name]) for name in ("sharpe", "sortino", "calmar", "omega"))
    # Prices that only round differently have no variance.
    jitter = 1e-16 * np.random.default_rng(0).standard_normal(100)
    assert math.isnan(metrics.sharpe(0.0001 + jitter, risk_free=0.0001))


@pytest.mark.parametrize("last", [-1.0, -1.7])
def test_ruin_is_final(last: float) -> None:
    got = metrics.summary([0.1, last, 0.5, -3.0, 0.2])
    assert got["total_return"] == got["cagr"] == got["max_drawdown"] == got["calmar"] == -1
    assert got["longest_drawdown_days"] == 4
    assert metrics.log_growth([0.1, last]) == -math.inf


def test_one_call_serves_a_stack_of_series() -> None:
    stack = np.random.default_rng(1).normal(0.001, 0.02, (2, 3, 120))
    for metric in (
        metrics.total_return,
        metrics.cagr,
        metrics.log_growth,
        metrics.volatility,
        metrics.sharpe,
        metrics.sortino,
        metrics.max_drawdown,
        metrics.longest_drawdown_days,
        metrics.calmar,
        metrics.var,
        metrics.cvar,
        metrics.skewness,
        metrics.kurtosis,
        metrics.omega,
        metrics.tail_ratio,
        metrics.hit_rate,
        metrics.best_day,
        metrics.worst_day,
    ):
        single = [[metric(series) for series in row] for row in stack]
        assert metric(stack) == pytest.approx(np.array(single)), metric


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1.5, 2)))
def test_metrics_are_consistent(returns: FloatArray) -> None:
    got = metrics.summary(returns)
    assert -1 <= got["max_drawdown"] <= 0
    assert got["total_return"] >= -1
    assert got["cvar_95"] >= got["var_95"] - 1e-12
    assert got["cvar_95"] <= -got["worst_day"] + 1e-12
    assert metrics.cvar(returns, 0.0) == pytest.approx(-returns.mean(), abs=1e-12)
    assert 0 <= got["hit_rate"] <= 1
    assert got["longest_drawdown_days"] <= len(returns)
    growth = metrics.log_growth(returns, periods=1)
    assert np.exp(growth * len(returns)) == pytest.approx(1 + got["total_return"], rel=1e-9)


@given(arrays(np.float64, st.integers(3, 40), elements=st.floats(-0.5, 0.5)), st.floats(0.1, 0.9))
def test_leverage_moves_no_ratio_of_moments(returns: FloatArray, scale: float) -> None:
    if returns.std() < 1e-3:
        return
    for metric in (metrics.sharpe, metrics.sortino, metrics.skewness, metrics.kurtosis):
        assert metric(scale * returns) == pytest.approx(metric(returns), rel=1e-6, abs=1e-9)
    assert metrics.cvar(scale * returns) == pytest.approx(scale * metrics.cvar(returns), abs=1e-12)


def test_rolling_sharpe_looks_back_on_its_window() -> None:
    returns = np.random.default_rng(2).normal(0.001, 0.01, 50)
    rolled = metrics.rolling_sharpe(returns, 20)
    assert np.isnan(rolled[:19]).all()
    assert rolled[19] == pytest.approx(metrics.sharpe(returns[:20]))
    assert rolled[49] == pytest.approx(metrics.sharpe(returns[30:]))
    assert np.isnan(metrics.rolling_sharpe(returns, 51)).all()


def test_monthly_returns_compound_to_the_total() -> None:
    dates = pd.bdate_range("2019-11-18", "2021-02-10")
    returns = np.random.default_rng(3).normal(0, 0.01, len(dates))
    keep = dates.month != 7  # a market that was closed in July
    years, table = metrics.monthly_returns(dates[keep], returns[keep])
    assert years.tolist() == [2019, 2020, 2021]
    assert np.isnan(table[0, :10]).all()
    assert np.isnan(table[1, 6])
    assert np.isnan(table[2, 2:]).all()
    march = (dates.year == 2020) & (dates.month == 3)
    assert table[1, 2] == pytest.approx(np.prod(1 + returns[march]) - 1)
    total = np.nanprod(1 + table) - 1
    assert total == pytest.approx(metrics.total_return(returns[keep]))


def test_drift_and_turnover() -> None:
    weights, returns = np.array([0.5, 0.3, 0.2]), np.array([0.1, -0.2, 0.0])
    held = metrics.drift(weights, returns)
    assert held == pytest.approx(np.array([0.55, 0.24, 0.2]) / 0.99)
    assert metrics.turnover(weights, held) == pytest.approx(0.3 - 0.24 / 0.99)
    # Buying from cash alone turns the whole of what is bought over.
    assert metrics.turnover([0.6, 0.4, 0.0], [0.0, 0.0, 1.0]) == pytest.approx(1.0)
    assert metrics.turnover(np.tile(weights, (4, 1)), held).shape == (4,)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.sharpe([]), "at least one day"),
        (lambda: metrics.cagr(0.1), "at least one day"),
        (lambda: metrics.summary([0.1, math.nan]), "position 1"),
        (lambda: metrics.summary([[0.1, 0.2]]), "one series"),
        (lambda: metrics.cvar([0.1], 1.0), r"\[0, 1\)"),
        (lambda: metrics.sharpe([0.1, 0.2], risk_free=[0.0]), "do not fit 2 days"),
        (lambda: metrics.information_ratio([0.1], [math.inf]), "the benchmark"),
        (lambda: metrics.rolling_sharpe([0.1], 1), "two days"),
        (lambda: metrics.monthly_returns(["2020-01-02"], [0.1, 0.2]), "do not fit"),
    ],
)
def test_bad_input_is_one_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
