"""Sun, wind, and the errors of forecasts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drlapps.energy.critical_load_restoration import instances, profiles
from drlapps.energy.critical_load_restoration.kernels import autoregressive, normal_cdf


def test_noon_at_the_equinox() -> None:
    # Day 81 (March 22): declination 0 by Cooper's formula, elevation 90 - 39.74 degrees; Haurwitz:
    # 1098 x 0.76889 x exp(-0.057 / 0.76889) = 783.9 W/m^2.
    noon, night = profiles.clear_sky(80, np.array([12.0, 1.0]))
    assert noon == pytest.approx(0.7839, abs=2e-4)
    assert night < 1e-9


def test_days_are_longer_in_summer() -> None:
    hours = np.arange(0.0, 24.0, 0.1)
    summer, winter = (profiles.clear_sky(day, hours) for day in (171, 354))
    assert (summer > 0.01).sum() > 1.4 * (winter > 0.01).sum()
    assert summer.max() > 1.5 * winter.max()


@pytest.mark.parametrize(
    ("speed", "power"), [(2.0, 0.0), (3.0, 0.0), (12.0, 1.0), (20.0, 1.0), (26.0, 0.0)]
)
def test_the_power_curve(speed: float, power: float) -> None:
    assert profiles.wind_power(np.array([speed]))[0] == pytest.approx(power)


def test_the_noise_is_stationary_of_unit_variance() -> None:
    rng = np.random.default_rng(3)
    paths = np.array([autoregressive(rng.standard_normal(60), 0.9) for _ in range(4000)])
    assert paths.std(axis=0) == pytest.approx(np.ones(60), abs=0.05)
    lagged = (paths[:, 20] * paths[:, 30]).mean()
    assert lagged == pytest.approx(0.9**10, abs=0.05)


def test_the_normal_distribution_function() -> None:
    found = normal_cdf(np.array([-1.96, 0.0, 1.0]))
    assert found == pytest.approx([0.0249979, 0.5, 0.8413447], abs=1e-7)


def test_drawn_weather_keeps_to_the_capacity_and_the_clear_sky() -> None:
    rng = np.random.default_rng(4)
    for season in profiles.SEASONS:
        weather = profiles.draw(rng, 72, 1.0 / 12.0, season)
        assert (weather.solar <= weather.clear).all()
        assert weather.clear.max() <= 1.0
        assert weather.wind.min() >= 0.0
        assert weather.wind.max() <= 1.0


def test_forecasts_begin_with_the_truth_and_err_as_they_say() -> None:
    outages = instances.named(["ieee13:error-10:0..399"])
    misses = []
    for outage in outages:
        sun, wind = outage.forecast(20)
        assert (sun[0], wind[0]) == (outage.solar_kw[20], outage.wind_kw[20])
        inside = (outage.wind_kw[20:] > 120.0) & (outage.wind_kw[20:] < 280.0)
        misses.append(np.where(inside, (outage.wind_kw[20:] - wind) / 400.0, np.nan))
    # Far from 0 and the capacity, nothing is cut off.
    spread = np.nanstd(misses, axis=0)
    for lead in (6, 24, 48):
        expected = 0.1 * math.sqrt(1.0 - math.exp(-2.0 * lead / 12.0 / 3.0))
        assert spread[lead] == pytest.approx(expected, rel=0.2)


def test_forecasts_without_error_are_the_truth() -> None:
    (outage,) = instances.named(["ieee13:error-0:5"])
    sun, wind = outage.forecast(10)
    assert np.array_equal(sun, outage.solar_kw[10:])
    assert np.array_equal(wind, outage.wind_kw[10:])


def test_a_margin_lowers_forecasts_by_standard_deviations() -> None:
    (outage,) = instances.named(["ieee13:error-10:3"])
    plain, lowered = outage.forecast(0), outage.forecast(0, 2.0)
    assert lowered[1][0] == plain[1][0]
    assert all((low <= high).all() for low, high in zip(lowered, plain, strict=True))
    lead = 36
    spread = 400.0 * 0.1 * math.sqrt(1.0 - math.exp(-2.0 * 3.0 / 3.0))
    assert lowered[1][lead] == pytest.approx(max(plain[1][lead] - 2.0 * spread, 0.0))
