"""Risk budgeting, inverse volatility and hierarchical risk parity."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage

from drlapps.errors import Failure
from drlapps.finance.market_data.embedded import load
from drlapps.finance.portfolio.convex.hierarchical import LINKAGES, hierarchical_risk_parity
from drlapps.finance.portfolio.convex.risk_parity import inverse_volatility, risk_budgeting

CLOSE = load("sp500-20").close
RETURNS = CLOSE[1:] / CLOSE[:-1] - 1.0


def random_covariance(seed: int, assets: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    factor = rng.standard_normal((assets, assets + 2)) * rng.uniform(0.001, 0.1, (assets, 1))
    return np.asarray(factor @ factor.T)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 30))
def test_each_asset_contributes_its_budget(seed: int, assets: int) -> None:
    covariance = random_covariance(seed, assets)
    budgets = np.random.default_rng(seed).dirichlet(np.ones(assets)) + 1e-4
    budgets /= budgets.sum()
    weights = risk_budgeting(covariance, budgets)
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    assert weights.min() > 0.0
    contributions = weights * (covariance @ weights) / (weights @ covariance @ weights)
    assert contributions == pytest.approx(budgets, abs=1e-12)


def test_two_assets_share_risk_by_volatility_whatever_their_correlation() -> None:
    for correlation in (-0.9, 0.0, 0.7):
        covariance = np.array([[0.04, correlation * 0.06], [correlation * 0.06, 0.09]])
        assert risk_budgeting(covariance, np.full(2, 0.5)) == pytest.approx([0.6, 0.4], abs=1e-12)
        assert inverse_volatility(covariance) == pytest.approx([0.6, 0.4], abs=1e-15)


def test_singular_covariances_are_no_obstacle_but_no_risk_is() -> None:
    few = np.cov(RETURNS[:12], rowvar=False)
    weights = risk_budgeting(few, np.full(20, 0.05))
    contributions = weights * (few @ weights) / (weights @ few @ weights)
    assert contributions == pytest.approx(np.full(20, 0.05), abs=1e-11)
    with pytest.raises(Failure, match="covariance=ledoit-wolf"):
        risk_budgeting(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.full(2, 0.5))


def by_the_paper(covariance: np.ndarray, method: str) -> np.ndarray:
    """Snippets 1 to 3 of the paper: order by unfolding clusters, then bisect."""
    assets = len(covariance)
    correlation = covariance / np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    distance = np.sqrt((1.0 - correlation).clip(0.0) / 2.0)
    # The snippet hands scipy the square matrix, which takes its rows for points.
    link = linkage([np.linalg.norm(a - b) for a, b in combinations(distance, 2)], method)
    order = [2 * assets - 2]
    while max(order) >= assets:
        order = [
            int(leaf)
            for item in order
            for leaf in (link[item - assets, :2] if item >= assets else [item])
        ]
    weights = np.ones(assets)
    clusters = [order]
    while clusters:
        halves = [
            half for c in clusters if len(c) > 1 for half in (c[: len(c) // 2], c[len(c) // 2 :])
        ]
        for left, right in zip(halves[::2], halves[1::2], strict=True):
            variances = []
            for side in (left, right):
                part = covariance[np.ix_(side, side)]
                inverse = 1.0 / np.diag(part) / np.sum(1.0 / np.diag(part))
                variances.append(inverse @ part @ inverse)
            share = 1.0 - variances[0] / sum(variances)
            weights[left] *= share
            weights[right] *= 1.0 - share
        clusters = halves
    return weights


@pytest.mark.parametrize("method", LINKAGES)
def test_hierarchical_risk_parity_is_the_papers(method: str) -> None:
    for end in range(300, 3269, 300):
        covariance = np.cov(RETURNS[end - 252 : end], rowvar=False)
        ours = hierarchical_risk_parity(covariance, method)
        assert ours == pytest.approx(by_the_paper(covariance, method), abs=1e-14)
        assert ours.sum() == pytest.approx(1.0, abs=1e-12)


def test_hierarchical_risk_parity_of_three_assets_by_hand() -> None:
    # Assets 0 and 2 correlate and cluster; the leaves are 1, 0, 2 and the halves {1} and {0, 2}.
    # {0, 2} in inverse proportion to variances 1 and 4: 0.8 and 0.2, variance
    # 0.64 + 0.04 * 4 + 2 * 0.16 * 1.8 = 1.376; against variance 2: 2 / 3.376 of the weight.
    covariance = np.array([[1.0, 0.0, 1.8], [0.0, 2.0, 0.0], [1.8, 0.0, 4.0]])
    share = 2.0 / 3.376
    expected = [0.8 * share, 1.0 - share, 0.2 * share]
    assert hierarchical_risk_parity(covariance) == pytest.approx(expected, abs=1e-12)


def test_one_asset_gets_all() -> None:
    one = np.array([[0.02]])
    assert hierarchical_risk_parity(one) == pytest.approx([1.0])
    assert risk_budgeting(one, np.ones(1)) == pytest.approx([1.0])
    assert inverse_volatility(one) == pytest.approx([1.0])
