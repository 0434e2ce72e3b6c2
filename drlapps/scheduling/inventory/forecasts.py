"""Forecasts of demand, by what they may know.

A policy of the information class ``observed`` knows past demand and nothing else: moving average,
exponential smoothing (Brown 1959), seasonal naive, and smoothing of level and season (Holt 1957,
Winters 1960, without the trend). One of class ``model`` knows the laws, and forecasts their means,
which no forecast from the past can beat in the long run. The difference between the same policy
with one and with the other is what a perfect forecast is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from drlapps.errors import InputError
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory.probabilities import Floats
from drlapps.task import Information


class Forecast(Protocol):
    """Says what to expect of each node's demand."""

    @property
    def information(self) -> Information:
        """What it may know."""

    def predict(self, history: Floats, horizon: int) -> Floats:
        """Forecast the demand of the next periods.

        Args:
            history: demand of all periods so far, shape ``(t, N)``, the oldest first; ``t`` may
                be 0, where forecasts from the past are 0.
            horizon: how many periods.

        Returns:
            The mean to expect, shape ``(horizon, N)``.
        """


@dataclass(frozen=True)
class ModelMean:
    """The means of the laws: a perfect model's forecast.

    Attributes:
        network: whose demand it is.
    """

    network: Network

    @property
    def information(self) -> Information:
        """The model."""
        return Information.MODEL

    def predict(self, history: Floats, horizon: int) -> Floats:
        """Return the mean of each period to come."""
        means = np.zeros((horizon, len(self.network.nodes)))
        for index, law in self.network.laws:
            means[:, index] = law.after(len(history)).means(horizon)
        return means


class _FromThePast:
    """A forecast from observed demand alone."""

    @property
    def information(self) -> Information:
        """What has been observed."""
        return Information.OBSERVED


@dataclass(frozen=True)
class MovingAverage(_FromThePast):
    """The mean of the latest periods.

    Attributes:
        window: how many.
    """

    window: int

    def __post_init__(self) -> None:
        """Check the window."""
        _check_count("window", self.window)

    def predict(self, history: Floats, horizon: int) -> Floats:
        """Return the mean, for every period to come."""
        return _level(history[-self.window :].sum(axis=0), min(len(history), self.window), horizon)


@dataclass(frozen=True)
class ExponentialSmoothing(_FromThePast):
    """The mean of the past, in which a period counts ``1 - alpha`` of what the next one does.

    The weights add up to 1 from the first period on, so that no start has to be guessed.

    Attributes:
        alpha: in (0, 1]; about ``2 / alpha`` periods count.
    """

    alpha: float

    def __post_init__(self) -> None:
        """Check the weight."""
        _check_weight("alpha", self.alpha)

    def predict(self, history: Floats, horizon: int) -> Floats:
        """Return the weighted mean, for every period to come."""
        weights = (1.0 - self.alpha) ** np.arange(len(history))[::-1]
        return _level(weights @ history, weights.sum(), horizon)


@dataclass(frozen=True)
class SeasonalNaive(_FromThePast):
    """What was asked for a season ago; until one is over, the mean of what was seen.

    Attributes:
        season: its length in periods.
    """

    season: int

    def __post_init__(self) -> None:
        """Check the season."""
        _check_count("season", self.season)

    def predict(self, history: Floats, horizon: int) -> Floats:
        """Repeat the last season."""
        if len(history) < self.season:
            return MovingAverage(self.season).predict(history, horizon)
        return np.resize(history[-self.season :], (horizon, history.shape[1]))


@dataclass(frozen=True)
class SeasonalSmoothing(_FromThePast):
    """Smoothed level times smoothed seasonal index (Holt-Winters without trend).

    With demand ``d`` of a period of phase ``k``: ``level += alpha * (d / index[k] - level)``, then
    ``index[k] += gamma * (d / level - index[k])``. The first season sets both; until it is over,
    the forecast is the mean of what was seen.

    Attributes:
        season: length of the cycle in periods.
        alpha: weight of the latest period in the level, in (0, 1].
        gamma: weight of the latest period in its phase's index, in (0, 1].
    """

    season: int
    alpha: float = 0.1
    gamma: float = 0.1

    def __post_init__(self) -> None:
        """Check the parameters."""
        _check_count("season", self.season)
        _check_weight("alpha", self.alpha)
        _check_weight("gamma", self.gamma)

    def predict(self, history: Floats, horizon: int) -> Floats:
        """Return the level times the index of each period to come."""
        if len(history) < self.season:
            return MovingAverage(self.season).predict(history, horizon)
        first = history[: self.season]
        level = first.mean(axis=0)
        index = _ratio(first, level)
        for period in range(self.season, len(history)):
            demand, phase = history[period], period % self.season
            level = level + self.alpha * (_ratio(demand, index[phase], level) - level)
            index[phase] += self.gamma * (_ratio(demand, level, index[phase]) - index[phase])
        phases = (len(history) + np.arange(horizon)) % self.season
        return np.asarray(level * index[phases], dtype=np.float64)


def _ratio(numerator: Floats, denominator: Floats, otherwise: Floats | float = 1.0) -> Floats:
    """Divide, where that can be done."""
    result = np.broadcast_to(np.asarray(otherwise, dtype=np.float64), numerator.shape).copy()
    return np.divide(numerator, denominator, out=result, where=denominator > 0.0)


def _level(total: Floats, weight: float, horizon: int) -> Floats:
    """Forecast a weighted mean for all periods; 0 where nothing has been seen."""
    return np.tile(total / max(weight, 1e-300), (horizon, 1))


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} of a forecast must be a whole number above 0, not {value!r}")


def _check_weight(name: str, value: float) -> None:
    if not 0.0 < value <= 1.0:
        raise InputError(f"{name} of a forecast must lie in (0, 1], not {value!r}")
