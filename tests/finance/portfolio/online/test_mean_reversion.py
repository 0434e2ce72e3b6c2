"""PAMR, CWMR, OLMAR and RMR: steps worked out by hand, their windows, and days without news."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.portfolio.allocation import Allocation
from drlapps.finance.portfolio.online.mean_reversion import Cwmr, Olmar, Pamr, Rmr

# Equal weights earn exactly nothing on the first day.
UP_AND_DOWN = np.array([[1.1, 0.9], [1.0, 1.0]])


@pytest.mark.parametrize(
    ("policy", "first"),
    [
        # tau = (1 - 0.99) / (0.1^2 + 0.1^2) = 0.5, times a deviation of 0.1.
        (Pamr(0, epsilon=0.99), 0.45),
        # tau is capped at 0.1.
        (Pamr(1, epsilon=0.99, aggressiveness=0.1), 0.49),
        # tau = 0.01 / (0.02 + 1 / (2 * 25)) = 0.25.
        (Pamr(2, epsilon=0.99, aggressiveness=25.0), 0.475),
        # tau = 25 leads far out of the simplex.
        (Pamr(0, epsilon=0.5), 0.0),
        # The return is below the threshold: passive.
        (Pamr(0, epsilon=1.01), 0.5),
    ],
)
def test_pamr_moves_against_the_last_day(olps: ModuleType, policy: Pamr, first: float) -> None:
    targets, _ = olps.Market(UP_AND_DOWN).play(policy)
    np.testing.assert_allclose(targets[1], [first, 1.0 - first], atol=1e-12)


def test_pamr_looks_at_the_return_net_of_costs(olps: ModuleType) -> None:
    # Buying costs half of 1 %, so the net return is 0.995 and tau is 0.25.
    targets, _ = olps.Market(UP_AND_DOWN, tc=0.01).play(Pamr(0, epsilon=0.99))
    np.testing.assert_allclose(targets[1], [0.475, 0.525], atol=1e-12)


@pytest.mark.parametrize("variant", ["var", "stdev"])
def test_cwmr_stays_where_the_return_is_surely_low(olps: ModuleType, variant: str) -> None:
    targets, _ = olps.Market(UP_AND_DOWN).play(Cwmr(variant, epsilon=5.0))
    np.testing.assert_array_equal(targets, 0.5)


def test_cwmr_of_the_first_day_by_hand(olps: ModuleType) -> None:
    # Sigma = I / 4, x-bar = 1, M = 1, V = (1.1^2 + 0.9^2) / 4, W = 1 / 2; epsilon = 0.9, phi = 0.1.
    phi, epsilon, spread = 0.1, 0.9, 0.505
    a = 2 * phi * spread * (spread - 0.5)
    b = 2 * phi * spread * (epsilon - 1) + spread - 0.5
    c = epsilon - 1 - phi * spread
    multiplier = (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)
    # Still inside the simplex? Then the deviation of 0.1 moves the weight by Sigma's quarter of it.
    expected = max(0.5 - multiplier * 0.25 * 0.1, 0.0)
    targets, _ = olps.Market(UP_AND_DOWN).play(Cwmr("var", phi=phi, epsilon=epsilon))
    np.testing.assert_allclose(targets[1], [expected, 1.0 - expected], atol=1e-12)


@pytest.mark.parametrize(
    "policy", [Pamr(), Cwmr("var"), Cwmr("stdev"), Olmar(1), Olmar(2), Rmr()], ids=repr
)
def test_nothing_happens_in_a_market_that_does_not_move(
    olps: ModuleType, policy: Allocation
) -> None:
    targets, returns = olps.Market(np.ones((20, 3))).play(policy)
    np.testing.assert_allclose(targets, 1.0 / 3.0, rtol=1e-12)
    np.testing.assert_allclose(returns, 1.0, rtol=1e-12)


def reverted(forecast: list[float], epsilon: float) -> np.ndarray:
    """Return where two equal weights go, before they are cut off at 0 and 1."""
    tilt = np.array([forecast[0] - forecast[1], forecast[1] - forecast[0]]) / 2.0
    return 0.5 + (epsilon - np.mean(forecast)) / (tilt @ tilt) * tilt


def test_olmar_forecasts_the_average_of_its_window(olps: ModuleType) -> None:
    # Prices of asset 0 are 1, 1.25, 1, 1.25; the other's never change. After three relatives, the
    # average of two days is (1.25 + 1) / 2 over 1.25.
    path = np.array([[1.25, 1.0], [0.8, 1.0], [1.25, 1.0], [1.0, 1.0]])
    epsilon = 0.9501
    targets, _ = olps.Market(path, begin=2).play(Olmar(1, epsilon=epsilon, window=2))
    np.testing.assert_array_equal(targets[0], 0.5)
    expected = reverted([0.9, 1.0], epsilon)
    np.testing.assert_allclose(targets[1], expected, atol=1e-12)


def test_olmar_stays_uniform_on_its_second_day_and_then_repeats_the_last(olps: ModuleType) -> None:
    path = np.array([[1.25, 1.0], [1.02, 1.0], [1.0, 1.0]])
    epsilon = 1.0101
    targets, _ = olps.Market(path).play(Olmar(1, epsilon=epsilon))
    np.testing.assert_array_equal(targets[:2], 0.5)
    np.testing.assert_allclose(targets[2], reverted([1.02, 1.0], epsilon), atol=1e-12)


def test_the_exponential_average_takes_in_the_days_before_the_episode(olps: ModuleType) -> None:
    path = np.array([[1.25, 1.0], [0.8, 1.0], [1.6, 1.0], [1.0, 1.0]])
    alpha = 0.7
    prices = np.cumprod([1.0, 1.25, 0.8, 1.6])
    shares = np.array([(1 - alpha) ** 3, *(alpha * (1 - alpha) ** k for k in (2, 1, 0))])
    forecast = [shares @ prices / prices[-1], 1.0]
    epsilon = np.mean(forecast) + 0.01
    targets, _ = olps.Market(path, begin=2).play(Olmar(2, epsilon=epsilon, alpha=alpha))
    np.testing.assert_allclose(targets[1], reverted(forecast, epsilon), atol=1e-12)


def test_rmr_forecasts_the_median_of_its_window(olps: ModuleType) -> None:
    # Closes of asset 0 from the first day on: 1, 4, 2, 5; on a line, the L1-median of the last
    # three is the middle one.
    path = np.array([[3.0, 1.0], [4.0, 1.0], [0.5, 1.0], [2.5, 1.0], [1.0, 1.0]])
    epsilon = 0.905
    targets, _ = olps.Market(path, begin=3).play(Rmr(epsilon=epsilon, window=3))
    np.testing.assert_array_equal(targets[0], 0.5)
    np.testing.assert_allclose(targets[1], reverted([0.8, 1.0], epsilon), atol=1e-9)


def test_rmr_repeats_the_last_day_until_its_window_is_full(olps: ModuleType) -> None:
    epsilon = 1.0101
    targets, _ = olps.Market(np.array([[1.02, 1.0], [1.0, 1.0]])).play(Rmr(epsilon=epsilon))
    np.testing.assert_allclose(targets[1], reverted([1.02, 1.0], epsilon), atol=1e-12)


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        (Pamr, {"variant": 3}, "PAMR has variants 0, 1 and 2, not 3"),
        (Pamr, {"aggressiveness": 0.0}, "aggressiveness must be positive"),
        (Cwmr, {"variant": "std"}, "unknown CWMR variant 'std'; did you mean stdev"),
        (Cwmr, {"phi": 0.0}, "phi must be positive"),
        (Olmar, {"variant": 0}, "OLMAR has variants 1 and 2, not 0"),
        (Olmar, {"window": 0}, "OLMAR needs a window of at least 1"),
        (Olmar, {"alpha": 1.5}, "alpha between 0 and 1"),
        (Rmr, {"window": 0}, "RMR needs a window of at least 1, not 0"),
    ],
)
def test_impossible_parameters_are_refused(
    policy: type[Allocation], options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        policy(**options)
