"""Forecasts: by hand, and as information classes."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Cyclic, Poisson, Trace
from drlapps.scheduling.inventory.forecasts import (
    ExponentialSmoothing,
    ModelMean,
    MovingAverage,
    SeasonalNaive,
    SeasonalSmoothing,
)
from drlapps.scheduling.inventory.network import Arc, Node, network
from drlapps.task import Information

HISTORY = np.array([[4.0, 0.0], [2.0, 0.0], [6.0, 3.0]])

FROM_THE_PAST = [
    MovingAverage(2),
    ExponentialSmoothing(0.5),
    SeasonalNaive(2),
    SeasonalSmoothing(2),
]


def _network():
    return network(
        [
            Node("depot"),
            Node("shop", demand=Cyclic((Poisson(2), Poisson(6)))),
            Node("stall", demand=Trace((5, 1, 4))),
        ],
        [Arc("", "depot"), Arc("depot", "shop"), Arc("depot", "stall")],
    )


def test_the_model_knows_the_means_of_what_is_to_come():
    forecast = ModelMean(_network())
    assert forecast.information is Information.MODEL
    ahead = forecast.predict(np.zeros((1, 3)), 3)
    np.testing.assert_array_equal(ahead, [[0, 6, 1], [0, 2, 4], [0, 6, 4]])
    assert forecast.predict(np.zeros((0, 3)), 1).tolist() == [[0, 2, 5]]


@pytest.mark.parametrize(
    ("forecast", "expected"),
    [
        (MovingAverage(2), [[4, 1.5], [4, 1.5]]),
        (MovingAverage(9), [[4, 1], [4, 1]]),
        # Weights 1/4, 1/2, 1 over 7/4.
        (ExponentialSmoothing(0.5), [[32 / 7, 12 / 7]] * 2),
        (ExponentialSmoothing(1.0), [[6, 3], [6, 3]]),
        (SeasonalNaive(2), [[2, 0], [6, 3]]),
        (SeasonalNaive(5), [[4, 1], [4, 1]]),
    ],
)
def test_forecasts_from_the_past(forecast, expected):
    np.testing.assert_allclose(forecast.predict(HISTORY, 2), expected)


def test_smoothing_of_level_and_season_by_hand():
    # First season 4, 2: level 3, indices 4/3, 2/3. Then 6: the level moves half way from 3 to
    # 6 / (4/3) = 4.5, to 3.75, and the index half way from 4/3 to 6 / 3.75 = 1.6, to 22/15.
    forecast = SeasonalSmoothing(2, alpha=0.5, gamma=0.5).predict(HISTORY[:, :1], 2)
    np.testing.assert_allclose(forecast[:, 0], [3.75 * 2 / 3, 3.75 * 22 / 15])


@pytest.mark.parametrize("forecast", FROM_THE_PAST, ids=repr)
def test_observed_demand_is_all_that_is_needed(forecast):
    assert forecast.information is Information.OBSERVED
    before = HISTORY.copy()
    for periods in range(4):
        ahead = forecast.predict(HISTORY[:periods], 5)
        assert ahead.shape == (5, 2)
        assert np.isfinite(ahead).all()
    np.testing.assert_array_equal(HISTORY, before)
    np.testing.assert_array_equal(forecast.predict(HISTORY[:0], 2), np.zeros((2, 2)))


@pytest.mark.parametrize("forecast", FROM_THE_PAST, ids=repr)
def test_steady_demand_is_forecast_as_it_is(forecast):
    np.testing.assert_allclose(forecast.predict(np.full((20, 2), 7.0), 4), 7.0)


def test_seasonal_forecasts_learn_a_season_and_others_do_not():
    law = Cyclic((Poisson(2), Poisson(9), Poisson(4)))
    history = law.sample(np.random.default_rng(0), 600)[:, None]
    truth = law.means(3)[:, None]
    learnt = SeasonalSmoothing(3, 0.05, 0.05).predict(history, 3)
    flat = ExponentialSmoothing(0.05).predict(history, 3)
    assert np.abs(learnt - truth).max() < 1.5
    assert np.abs(flat - truth).max() > 2.5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MovingAverage(0), "window of a forecast must be a whole number above 0, not 0"),
        (lambda: SeasonalNaive(1.5), "season of a forecast must be a whole number"),
        (lambda: SeasonalSmoothing(True), "season of a forecast must be a whole number"),
        (lambda: ExponentialSmoothing(0.0), r"alpha of a forecast must lie in \(0, 1\]"),
        (lambda: SeasonalSmoothing(7, gamma=2.0), "gamma of a forecast must lie in"),
    ],
)
def test_impossible_parameters_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
