"""Covariances and means against plain formulas and published implementations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.finance.market_data.embedded import load
from drlapps.finance.portfolio.convex import estimators

CLOSE = load("sp500-20").close
RETURNS = CLOSE[1:] / CLOSE[:-1] - 1.0
WINDOW = RETURNS[252:504]


def shrinkage_to_constant_correlation(returns: np.ndarray) -> float:
    """Appendix B of "Honey, I shrunk the sample covariance matrix", sum by sum."""
    days, n = returns.shape
    y = returns - returns.mean(axis=0)
    s = np.array([[np.mean(y[:, i] * y[:, j]) for j in range(n)] for i in range(n)])
    r = s / np.sqrt(np.outer(np.diag(s), np.diag(s)))
    mean = np.mean([r[i, j] for i in range(n) for j in range(n) if i != j])
    pi = rho = gamma = 0.0
    for i in range(n):
        for j in range(n):
            product = y[:, i] * y[:, j] - s[i, j]
            error = np.mean(product**2)
            pi += error
            if i == j:
                rho += error
                continue
            theta_i = np.mean((y[:, i] ** 2 - s[i, i]) * product)
            theta_j = np.mean((y[:, j] ** 2 - s[j, j]) * product)
            ratio = np.sqrt(s[j, j] / s[i, i])
            rho += mean / 2.0 * (ratio * theta_i + theta_j / ratio)
            gamma += (mean * np.sqrt(s[i, i] * s[j, j]) - s[i, j]) ** 2
    return max(0.0, min(1.0, (pi - rho) / gamma / days))


def test_sample_is_the_unbiased_covariance() -> None:
    centred = WINDOW - WINDOW.mean(axis=0)
    assert estimators.sample(WINDOW) == pytest.approx(centred.T @ centred / 251, rel=1e-12)


def test_ledoit_wolf_shrinks_as_scikit_learn_does() -> None:
    # sklearn.covariance.ledoit_wolf (scikit-learn 1.9.1) on the same window.
    shrinkage = 0.03582588635455596
    s = np.cov(WINDOW, rowvar=False, ddof=0)
    expected = (1.0 - shrinkage) * s + shrinkage * np.trace(s) / 20 * np.eye(20)
    assert estimators.ledoit_wolf(WINDOW) == pytest.approx(expected, rel=1e-11)


def test_constant_correlation_is_the_papers() -> None:
    shrinkage = shrinkage_to_constant_correlation(WINDOW)
    # PyPortfolioOpt's ledoit_wolf("constant_correlation") says 0.31480, with a sample covariance
    # that divides by T - 1 among moments that divide by T.
    assert shrinkage == pytest.approx(0.31480, rel=0.02)
    s = np.cov(WINDOW, rowvar=False, ddof=0)
    deviation = np.sqrt(np.diag(s))
    correlation = s / np.outer(deviation, deviation)
    mean = (correlation.sum() - 20.0) / 380.0
    target = mean * np.outer(deviation, deviation)
    np.fill_diagonal(target, deviation**2)
    expected = shrinkage * target + (1.0 - shrinkage) * s
    assert estimators.constant_correlation(WINDOW) == pytest.approx(expected, rel=1e-10)


def test_ewma_obeys_riskmetrics_recursion() -> None:
    long = RETURNS[:1500]
    state = np.outer(long[0], long[0])
    for r in long[1:]:
        state = 0.97 * state + 0.03 * np.outer(r, r)
    assert estimators.ewma(long) == pytest.approx(state, rel=1e-9)


def test_bayes_stein_of_two_uncorrelated_assets_by_hand() -> None:
    # Variances 1 and 1, means 0.3 and 0.1: common mean 0.2, d'Σ⁻¹d = 0.02, n = 2, T = 100:
    # shrinkage 4 / (4 + 2) = 2/3.
    returns = np.tile([[0.3, 0.1]], (100, 1))
    assert estimators.bayes_stein(returns, np.eye(2)) == pytest.approx(
        [0.2 + 0.1 / 3, 0.2 - 0.1 / 3]
    )


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(20, 60),
    st.integers(1, 40),
    st.sampled_from(sorted(estimators.COVARIANCES)),
    st.booleans(),
)
def test_every_covariance_is_one(seed: int, days: int, assets: int, name: str, still: bool) -> None:
    rng = np.random.default_rng(seed)
    returns = rng.standard_normal((days, assets)) * 0.02
    if still:
        returns[:, 0] = 0.0
    found = estimators.COVARIANCES[name](returns)
    assert found.shape == (assets, assets)
    assert np.array_equal(found, found.T) or found == pytest.approx(found.T, rel=1e-12, abs=1e-18)
    assert np.linalg.eigvalsh(found).min() >= -1e-15
    scaled = estimators.COVARIANCES[name](10.0 * returns)
    assert scaled == pytest.approx(100.0 * found, rel=1e-9, abs=1e-15)


def test_shrinkage_makes_few_days_invertible() -> None:
    few = RETURNS[:21, :]
    wide = np.hstack([few, few[:, ::-1] ** 2])
    assert np.linalg.matrix_rank(estimators.sample(wide)) < 40
    assert np.linalg.cond(estimators.ledoit_wolf(wide)) < 1e4
