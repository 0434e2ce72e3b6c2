"""drlapps.finance.inference: published numbers, error rates by simulation, and the trial log."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import norm

from drlapps.errors import InputError
from drlapps.finance import metrics
from drlapps.finance.inference import (
    difference_interval,
    dsr,
    expected_best_sharpe,
    minimum_track_record,
    optimal_block,
    performance_decay,
    psr,
    stationary_bootstrap_indices,
)
from drlapps.finance.trials import Trial, TrialLog, Trials
from drlapps.stats import Verdict, holm, verdict

FloatArray = NDArray[np.float64]


def garch(rng: np.random.Generator, shape: tuple[int, ...], days: int, rho: float) -> FloatArray:
    """Return GARCH(1, 1) series of unit variance with Student shocks, autocorrelated by rho."""
    variance, shock, value = np.ones(shape), np.zeros(shape), np.zeros(shape)
    series = np.empty((*shape, days))
    for day in range(-200, days):
        variance = 0.02 + 0.08 * shock**2 + 0.9 * variance
        shock = np.sqrt(variance) * rng.standard_t(6, shape) / math.sqrt(1.5)
        value = rho * value + math.sqrt(1 - rho**2) * shock
        if day >= 0:
            series[..., day] = value
    return series


def equals(
    rng: np.random.Generator, draws: int, seeds: int, days: int, *, spread: float, noise: float
) -> tuple[FloatArray, FloatArray]:
    """Return agents (draws, seeds, days) and baselines (draws, days) of equal Sharpe ratios.

    Both hold the market with a position of their own that pays off in waves; the agent at 1.5
    times the leverage. Its runs differ by noise and, with a standard deviation of `spread` a
    year, in their true ratio, which is the baseline's on average.
    """
    market = 0.01 * garch(rng, (draws, 1), days, 0.0)
    own = 0.006 * garch(rng, (draws, 2), days, 0.3)
    noises = 0.006 * noise * rng.standard_normal((draws, seeds + 1, days))
    deviation = 0.01 * math.sqrt(1 + 0.6**2 * (1 + noise**2))
    effects = deviation * spread / math.sqrt(252) * rng.standard_normal((draws, seeds, 1))
    agents = 0.0004 + market + own[:, :1] + noises[:, 1:] + effects
    return 1.5 * agents, 0.0004 + (market + own[:, 1:] + noises[:, :1])[:, 0]


def rejection_rates(
    agents: FloatArray,
    baselines: FloatArray,
    rng: np.random.Generator,
    statistic: Callable[[FloatArray], FloatArray] = metrics.sharpe,
    samples: int = 200,
) -> tuple[float, float]:
    """Return the error rate of a nominal 5 % test in blocks, and of one of independent days."""
    tests = [
        [
            difference_interval(a, b, statistic, rng=rng, samples=samples, mean_block=block)
            for block in (None, 1.0)
        ]
        for a, b in zip(agents, baselines, strict=True)
    ]
    blocks, independent = np.mean([[t.p_value <= 0.05 for t in pair] for pair in tests], axis=0)
    return float(blocks), float(independent)


def test_the_test_holds_its_level_where_independent_days_do_not() -> None:
    rng = np.random.default_rng(30)
    agents, baselines = equals(rng, 250, 1, 500, spread=0.0, noise=0.0)
    blocks, independent = rejection_rates(agents, baselines, rng, samples=80)
    assert 0.02 <= blocks <= 0.09
    assert independent > 0.11


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seeds", "spread", "noise", "independent_rate"),
    [(1, 0.0, 0.0, 0.12), (5, 0.0, 0.7, 0.08), (3, 1.0, 0.7, 0.0)],
)
def test_the_test_holds_its_level_over_runs_and_days(
    seeds: int, spread: float, noise: float, independent_rate: float
) -> None:
    rng = np.random.default_rng(31)
    agents, baselines = equals(rng, 400, seeds, 1500, spread=spread, noise=noise)
    blocks, independent = rejection_rates(agents, baselines, rng)
    assert 0.02 <= blocks <= 0.08
    assert independent > independent_rate


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statistic", "highest"),
    [(metrics.log_growth, 0.08), (metrics.cvar, 0.12), (metrics.max_drawdown, 0.08)],
)
def test_other_statistics_come_near_their_level(
    statistic: Callable[[FloatArray], FloatArray], highest: float
) -> None:
    rng = np.random.default_rng(32)
    agents, baselines = equals(rng, 300, 1, 1500, spread=0.0, noise=0.0)
    blocks, _ = rejection_rates(agents / 1.5, baselines, rng, statistic)
    assert blocks <= highest


def test_a_clear_difference_is_found_and_its_interval_covers_it() -> None:
    rng = np.random.default_rng(33)
    agents, baselines = equals(rng, 1, 5, 2500, spread=0.0, noise=0.5)
    better = agents[0] + 0.002
    test = difference_interval(better, baselines[0], rng=rng, samples=500)
    expected = metrics.sharpe(better).mean() - metrics.sharpe(baselines[0])
    assert test.estimate == pytest.approx(expected)
    assert test.interval[0] < test.estimate < test.interval[1]
    assert (test.seeds, test.instances) == (5, 2500)
    assert verdict(test, minimize=False) is Verdict.BETTER
    worse = difference_interval(baselines[0] - 0.003, baselines[0], rng=rng, samples=500)
    assert worse.seeds is None
    assert verdict(worse, minimize=False) is Verdict.WORSE
    assert holm([test.p_value, worse.p_value]).max() < 0.05


def test_the_same_returns_do_not_differ() -> None:
    series = np.random.default_rng(34).normal(0, 0.01, 100)
    test = difference_interval(
        np.tile(series, (5, 1)), series, rng=np.random.default_rng(0), samples=50
    )
    assert (test.estimate, test.p_value, test.interval) == (0.0, 1.0, (0.0, 0.0))


def test_the_spread_of_the_runs_widens_the_interval() -> None:
    rng = np.random.default_rng(35)
    baseline = rng.normal(0.0, 0.01, 400)
    alike = baseline + rng.normal(0.0, 0.001, (4, 400))
    apart = alike + 0.001 * np.array([-1.5, -0.5, 0.5, 1.5])[:, None]
    errors = [
        difference_interval(a, baseline, rng=rng, samples=200).standard_error
        for a in (alike, apart)
    ]
    # The runs' own ratios alone spread by this much over the root of four.
    least = metrics.sharpe(apart).std(ddof=1) / 2
    assert errors[0] < 0.5 * least <= errors[1]


def test_an_undefined_statistic_gives_no_verdict() -> None:
    rng = np.random.default_rng(36)
    series = rng.normal(0.0, 0.01, 50)
    ruined = np.append(series[:-1], -1.0)
    for agent, statistic in ((ruined, metrics.log_growth), (np.zeros(50), metrics.sharpe)):
        test = difference_interval(agent, series, statistic, rng=rng, samples=50)
        assert math.isnan(test.p_value)
        assert verdict(test, minimize=False) is Verdict.NO_VERDICT


def test_equal_generators_give_equal_tests() -> None:
    agents, baselines = equals(np.random.default_rng(37), 1, 2, 100, spread=0.0, noise=1.0)
    call = partial(difference_interval, agents[0], baselines[0], metrics.cvar, samples=64)
    assert call(rng=np.random.default_rng(1)) == call(rng=np.random.default_rng(1))


def test_psr_and_dsr_of_the_published_example() -> None:
    # Bailey and Lopez de Prado (2014), "A numerical example": annual Sharpe ratio 2.5 on 1250
    # daily returns (250 a year), skewness -3, kurtosis 10, 100 trials of annual variance 1/2:
    # SR0 = 0.1132 a day and DSR = 0.9004.
    best = expected_best_sharpe(Trials(100, 0.5 / 250))
    assert best == pytest.approx(0.1132, abs=5e-5)
    sharpe = 2.5 / math.sqrt(250)
    spread = math.sqrt(1 + 3 * sharpe + (10 - 1) / 4 * sharpe**2)
    assert norm.cdf((sharpe - best) * math.sqrt(1249) / spread) == pytest.approx(0.9004, abs=5e-5)


def test_psr_agrees_with_its_formula_and_falls_with_the_trials() -> None:
    returns = 0.001 + 0.01 * np.random.default_rng(38).standard_t(6, 500)
    sharpe = returns.mean() / returns.std(ddof=1)
    z = (returns - returns.mean()) / returns.std()
    spread = math.sqrt(1 - (z**3).mean() * sharpe + ((z**4).mean() - 1) / 4 * sharpe**2)
    assert psr(returns, 0.01) == pytest.approx(norm.cdf((sharpe - 0.01) * math.sqrt(499) / spread))
    assert psr(returns, risk_free=0.0002) == pytest.approx(psr(returns - 0.0002))
    deflated = [dsr(returns, Trials(number, 1e-3)) for number in (1, 2, 10, 1000)]
    assert deflated[0] == psr(returns)
    assert np.all(np.diff(deflated) < 0)
    sharpes = [0.01, 0.05, 0.03]
    assert dsr(returns, sharpes) == dsr(returns, Trials(3, float(np.var(sharpes, ddof=1))))
    assert math.isnan(psr(np.full(10, 0.01)))
    assert math.isnan(psr([0.01]))


def test_the_expected_best_of_worthless_trials_is_what_chance_gives() -> None:
    draws = np.random.default_rng(39).normal(0, 0.05, (20000, 50)).max(axis=1)
    assert expected_best_sharpe(Trials(50, 0.05**2)) == pytest.approx(draws.mean(), rel=0.02)


def test_the_minimum_track_record_is_where_psr_reaches_the_confidence() -> None:
    returns = 0.0005 + 0.01 * np.random.default_rng(40).standard_normal(400)
    days = minimum_track_record(returns, 0.01, confidence=0.9)
    sharpe = float(metrics.sharpe(returns, periods=1))
    # PSR of a record of that length with the same moments.
    statistic = norm.ppf(psr(returns, 0.01)) * math.sqrt((days - 1) / 399)
    assert norm.cdf(statistic) == pytest.approx(0.9)
    assert minimum_track_record(returns, sharpe + 0.01) == math.inf


@given(st.integers(1, 60), st.floats(1, 30), st.integers(0, 1000))
def test_bootstrap_days_are_blocks_that_go_round(n: int, block: float, seed: int) -> None:
    days = stationary_bootstrap_indices(n, block, 7, np.random.default_rng(seed))
    assert days.shape == (7, n)
    assert days.min() >= 0
    assert days.max() < n


def test_bootstrap_blocks_have_geometric_lengths_and_all_days_are_alike() -> None:
    days = stationary_bootstrap_indices(400, 8.0, 2000, np.random.default_rng(41))
    breaks = np.diff(days, axis=1) % 400 != 1
    # A new block begins with probability 1/8, and one in 400 of them goes on as the last.
    assert breaks.mean() == pytest.approx(399 / 400 / 8, rel=0.01)
    follow = breaks[:, 1:][breaks[:, :-1]].mean()
    assert follow == pytest.approx(breaks.mean(), rel=0.03)  # no memory
    counts = np.bincount(days.ravel(), minlength=400)
    assert counts.std() / counts.mean() < 0.1
    independent = stationary_bootstrap_indices(400, 1.0, 500, np.random.default_rng(42))
    assert np.mean(np.diff(independent, axis=1) == 1) < 0.005


def test_blocks_grow_with_the_memory_of_the_series() -> None:
    rng = np.random.default_rng(43)
    blocks = [
        np.mean([optimal_block(series) for series in garch(rng, (30,), 1000, rho)])
        for rho in (0.0, 0.3, 0.7)
    ]
    assert blocks[0] < 3 < blocks[1] < 12 < blocks[2]
    # The rule for an AR(1) of known autocovariances: (n (2 rho / (1 - rho^2))^2)^(1/3).
    for rho, block in ((0.3, blocks[1]), (0.7, blocks[2])):
        ideal = (1000 * (2 * rho / (1 - rho**2)) ** 2) ** (1 / 3)
        assert block == pytest.approx(ideal, rel=0.25)
    assert optimal_block(np.full(50, 0.1)) == 1.0
    assert optimal_block(np.arange(100.0)) <= 30


def test_performance_decay() -> None:
    decay = performance_decay(
        {"sharpe": 2.0, "max_drawdown": -0.2, "omega": 0.0, "only": 1.0},
        {"sharpe": 0.5, "max_drawdown": -0.3, "omega": 1.0},
    )
    assert list(decay) == ["sharpe", "max_drawdown", "omega"]
    assert decay["sharpe"] == {
        "validation": 2.0,
        "test": 0.5,
        "change": -1.5,
        "relative": -0.75,
    }
    assert decay["max_drawdown"]["relative"] == pytest.approx(-0.5)
    assert math.isnan(decay["omega"]["relative"])


def trial(policy: str, sharpe: float, *, data: str = "d1", settings: str = "s") -> Trial:
    return Trial(data, "2010-01-04", "2022-12-28", policy, settings, sharpe, 3269)


def test_the_trial_log_counts_each_trial_once(tmp_path: Path) -> None:
    log = TrialLog(tmp_path / "trials.csv")
    assert log.read() == []
    assert log.trials("d1") == Trials(0, 0.0)
    for policy, sharpe in (("ppo, seed 1", 0.05), ("ppo, seed 2", 0.01), ("ppo, seed 1", 0.03)):
        log.append(trial(policy, sharpe))
    log.append(trial("ppo, seed 1", 0.07, data="d2"))
    log.append(trial("cash", math.nan))
    assert TrialLog(log.path).read()[0] == trial("ppo, seed 1", 0.03)
    number, variance = log.trials("d1")
    assert number == 3
    assert variance == pytest.approx(np.var([0.03, 0.01], ddof=1))
    log.append(trial("ppo, seed 1", 0.02, settings="other"))
    assert log.trials("d1").number == 4


def test_a_log_of_a_header_alone_is_an_empty_log(tmp_path: Path) -> None:
    log = TrialLog(tmp_path / "trials.csv")
    log.path.write_text("data,start,end,policy,settings,sharpe,days\n")
    assert log.read() == []
    log.append(trial("ppo", 0.1))
    assert log.read() == [trial("ppo", 0.1)]


def test_trials_logged_at_once_are_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: TrialLog(path).append(trial(f"ppo {i}", 0.01 * i)), range(40)))
    assert TrialLog(path).trials("d1").number == 40


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"date,close\n2020-01-02,3\n", "no trial log: its columns are date, close"),
        (b"date,close\n", "no trial log"),
        (b"data,start,end,policy,settings,sharpe,days\na,b,c,d,e,high,3\n", "trial 1"),
        (b"data,start,end,policy,settings,sharpe,days\na,b,c\n", "line 2"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_foreign_or_corrupt_log_is_one_sentence_and_stays_as_it_is(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "trials.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        TrialLog(path).append(trial("ppo", 0.1))
    assert path.read_bytes() == content


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot write"):
        TrialLog(tmp_path / "nowhere" / "trials.csv").append(trial("ppo", 0.1))


RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: psr([[0.1, 0.2]]), "one series"),
        (lambda: dsr([0.1, 0.2], []), "0 trials"),
        (lambda: dsr([0.1, 0.2], Trials(5, math.nan)), "vary by nan"),
        (lambda: minimum_track_record([0.1, 0.2], confidence=1.0), "the confidence"),
        (lambda: stationary_bootstrap_indices(5, 0.5, 1, RNG), "blocks of 0.5"),
        (lambda: optimal_block([0.1] * 5), "5 days are too few"),
        (lambda: difference_interval([0.1] * 20, [0.1] * 19, rng=RNG), "20 and 19 days"),
        (lambda: difference_interval([0.1, math.nan], [0.1] * 2, rng=RNG), "agent's returns"),
        (lambda: difference_interval([0.1] * 20, [0.1] * 20, rng=RNG, samples=1), "two samples"),
        (lambda: performance_decay({"sharpe": 1.0}, {"cagr": 1.0}), "no metric in common"),
    ],
)
def test_bad_input_is_one_sentence(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
