"""Sun and wind in steps of minutes, and how forecasts of them err.

All are shares of a plant's capacity, and all hang on autoregressive noise ``y`` of unit variance,
``y_t+1 = phi y_t + sqrt(1 - phi^2) e_t``, ``phi = exp(-dt / tau)``.

**Sun.** The sine of the solar elevation follows from latitude, declination (Cooper 1969) and hour
angle; irradiance under a clear sky is ``1098 sin h exp(-0.057 / sin h)`` W/m^2 (Haurwitz 1945), and
a plant gives its capacity at 1000 W/m^2. Clouds let the share ``0.2 + 0.8 / (1 + exp(-2 (m + y)))``
through, with ``m`` normal from day to day and ``tau`` half an hour.

**Wind.** The speed has a Rayleigh law (a Weibull law of shape 2), whose mean hangs on the season:
``v = sqrt(-4/pi log(1 - Phi(y)))`` times the mean (Brown, Katz & Murphy 1984), ``tau`` four hours.
Power grows with the cube of the speed from 3 m/s to capacity at 12 m/s.

**Forecasts.** What is forecast at ``t`` for ``t + k`` is the truth there less
``error c_t+k (y_t+k - phi^k y_t)``, kept between 0 and ``c_t+k``, what a plant could give at most:
all of its capacity with wind, its output under a clear sky with sun. As forecasts come nearer their
errors shrink, and shrink as those of a rational forecaster do: what is added to ``phi^k y_t`` from
step to step cannot be foretold. At lead ``k`` their standard deviation is
``error c_t+k sqrt(1 - phi^2k)``, with ``tau`` three hours: 0.53 of ``error`` half an hour ahead,
0.86 two hours ahead, 0.99 at six. So ``error`` is the normalised root mean square error far ahead,
in shares of capacity as is customary (Madsen et al. 2005). The present is known.

References:
    Brown, B. G., Katz, R. W., & Murphy, A. H. (1984). Time series models to simulate and forecast
    wind speed and wind power. Journal of Climate and Applied Meteorology, 23(8), 1184-1195.
    Cooper, P. I. (1969). The absorption of radiation in solar stills. Solar Energy, 12(3), 333-346.
    Haurwitz, B. (1945). Insolation in relation to cloudiness and cloud density. Journal of
    Meteorology, 2(3), 154-166.
    Madsen, H., Pinson, P., Kariniotakis, G., Nielsen, H. A., & Nielsen, T. S. (2005). Standardizing
    the performance evaluation of short-term wind power prediction models. Wind Engineering, 29(6),
    475-489.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration.kernels import autoregressive, normal_cdf

Floats = NDArray[np.float64]

LATITUDE = 39.74
"""Of Golden, Colorado, in degrees."""

SEASONS = {"winter": (335, 8.0), "spring": (60, 7.5), "summer": (152, 6.0), "autumn": (244, 7.0)}
"""First day of the year, counted from 0, and mean wind speed in m/s."""

CLOUD_HOURS, WIND_HOURS, ERROR_HOURS = 0.5, 4.0, 3.0
"""Time constants ``tau``."""

_SEASON_DAYS = 91


@dataclass(frozen=True, eq=False)
class Profiles:
    """What the weather does in an episode, and the noise by which forecasts err; each (T,).

    Attributes:
        solar: share of the capacity.
        wind: share of the capacity.
        solar_error: noise of unit variance.
        wind_error: noise of unit variance.
        clear: share of the capacity that the sun gives under a clear sky.
    """

    solar: Floats
    wind: Floats
    solar_error: Floats
    wind_error: Floats
    clear: Floats


def draw(rng: np.random.Generator, steps: int, step_hours: float, season: str) -> Profiles:
    """Draw the weather of an outage that begins at any time of day on any day of a season.

    Args:
        rng: source of randomness.
        steps: number of steps.
        step_hours: length of one.
        season: key of :data:`SEASONS`.
    """
    first, mean_speed = SEASONS[season]
    day = (first + int(rng.integers(_SEASON_DAYS))) % 365
    hours: Floats = rng.uniform(0.0, 24.0) + step_hours * np.arange(steps, dtype=np.float64)
    cloudiness = rng.normal()
    normals = rng.standard_normal((4, steps))
    clouds, gusts = (
        autoregressive(normals[i], memory(step_hours, tau))
        for i, tau in enumerate((CLOUD_HOURS, WIND_HOURS))
    )
    solar, wind = error_noise(normals[2:], step_hours)
    clear = clear_sky(day, hours)
    return Profiles(
        clear * through_clouds(0.5 + cloudiness + clouds),
        wind_power(mean_speed * np.sqrt(-4.0 / math.pi * np.log1p(-normal_cdf(gusts)))),
        solar,
        wind,
        clear,
    )


def memory(step_hours: float, tau: float) -> float:
    """Return ``phi``, what is left of a deviation after a step."""
    return math.exp(-step_hours / tau)


def error_noise(normals: Floats, step_hours: float) -> tuple[Floats, Floats]:
    """Return the noise of both forecasts made of independent normal numbers, (2, T)."""
    phi = memory(step_hours, ERROR_HOURS)
    return autoregressive(normals[0], phi), autoregressive(normals[1], phi)


def clear_sky(day: int, hours: Floats) -> Floats:
    """Return a solar plant's output under a clear sky.

    Args:
        day: of the year, from 0.
        hours: of solar time, from its midnight; beyond 24 it is the next day's.
    """
    declination = math.radians(23.45) * math.sin(2.0 * math.pi * (285 + day) / 365.0)
    latitude = math.radians(LATITUDE)
    angle = (hours - 12.0) * (math.pi / 12.0)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * np.cos(angle)
    sine = np.maximum(sine, 1e-3)
    return np.asarray(np.minimum(1.098 * sine * np.exp(-0.057 / sine), 1.0))


def through_clouds(cloudiness: Floats) -> Floats:
    """Return the share of the clear sky's irradiance that gets through; more is clearer."""
    return np.asarray(0.2 + 0.8 / (1.0 + np.exp(-2.0 * cloudiness)))


def wind_power(speed: Floats) -> Floats:
    """Return a wind turbine's output at a wind speed in m/s, stopped above 25 m/s."""
    share = np.clip((speed**3 - 27.0) / (1728.0 - 27.0), 0.0, 1.0)
    return np.asarray(np.where(speed > 25.0, 0.0, share))
