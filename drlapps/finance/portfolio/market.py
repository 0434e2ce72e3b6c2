"""Prices with what the environment needs of them, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.market_data.prices import Prices

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]

FEATURES = (
    "log of 20-day volatility over 2 %",
    "log of 60-day volatility over 2 %",
    "log of 252-day volatility over 2 %",
    "5-day log return over its volatility",
    "20-day log return over its volatility",
    "60-day log return over its volatility",
    "log return of the 252 days before the last 20, over its volatility",
    "60-day correlation with the equally weighted market",
    "252-day correlation with the equally weighted market",
    "log price under its 252-day high, over 60-day volatility",
)
"""What the environment knows of an asset on a day beside its latest returns."""

_TYPICAL = 0.02  # daily volatility of a stock: the scale of returns
_LEAST = 1e-3  # volatility below which an asset counts as one that does not move
_CLIP = 8.0


@dataclass(frozen=True, eq=False)
class Market:
    """A table of prices, its returns and its features; all arrays are (assets, days).

    Nothing at a day depends on a later one.

    Attributes:
        prices: the table.
        olps: whether trading is accounted for as in the OLPS toolbox.
    """

    prices: Prices
    olps: bool = False

    @property
    def days(self) -> int:
        """Number of closes."""
        return len(self.prices.close)

    @cached_property
    def close(self) -> Floats:
        """Closing prices."""
        return np.ascontiguousarray(self.prices.close.T)

    @cached_property
    def open(self) -> Floats:
        """Opening prices; the closes where the table has none."""
        given = self.prices.open
        return self.close if given is None else np.ascontiguousarray(given.T)

    @cached_property
    def relatives(self) -> Floats:
        """Close over the close before; 1 on the first day."""
        before = np.concatenate([self.close[:, :1], self.close[:, :-1]], axis=1)
        return np.asarray(self.close / before)

    @cached_property
    def overnight(self) -> Floats:
        """Open over the close before; 1 on the first day."""
        before = np.concatenate([self.open[:, :1], self.close[:, :-1]], axis=1)
        return np.asarray(self.open / before)

    @cached_property
    def intraday(self) -> Floats:
        """Close over open."""
        return np.asarray(self.close / self.open)

    @cached_property
    def log_returns(self) -> Floats:
        """Log of close over the close before; 0 on the first day."""
        logs = np.log(self.close)
        return np.asarray(np.diff(logs, axis=1, prepend=logs[:, :1]))

    @cached_property
    def scaled_returns(self) -> Singles:
        """Log returns over a typical volatility, clipped: what an observation's window shows."""
        return np.clip(self.log_returns / _TYPICAL, -_CLIP, _CLIP).astype(np.float32)

    @cached_property
    def volatility(self) -> Floats:
        """Root mean square of the latest 60 daily log returns."""
        return _deviation(self.log_returns, 60)

    @cached_property
    def dollar_volume(self) -> Floats:
        """Mean of the latest 20 days' price times volume, in dollars; 0 where volume is unknown."""
        volume = self.prices.volume
        if volume is None:
            return np.zeros_like(self.volatility)
        return _mean(self.close * volume.T, 20)

    @cached_property
    def features(self) -> Singles:
        """The columns of :data:`FEATURES`, shape (assets, days, features)."""
        returns = self.log_returns
        logs = np.log(self.close)
        deviations = {h: np.maximum(_deviation(returns, h), _LEAST) for h in (20, 60, 252)}

        def momentum(latest: int, until: int = 0) -> Floats:
            change = _lagged(logs, until) - _lagged(logs, latest)
            volatility = deviations[252 if latest > 60 else 60]
            return np.asarray(change / (volatility * np.sqrt(latest - until)))

        market = returns.mean(axis=0, keepdims=True)
        peak = _trailing_maximum(logs, 252)
        columns = [
            *(np.log(deviation / _TYPICAL) for deviation in deviations.values()),
            momentum(5), momentum(20), momentum(60), momentum(252, 20),
            _correlation(returns, market, 60), _correlation(returns, market, 252),
            (logs - peak) / (deviations[60] * np.sqrt(252)),
        ]  # fmt: skip
        return np.asarray(np.clip(np.stack(columns, axis=-1), -_CLIP, _CLIP), np.float32)


def _sums(values: Floats, days: int) -> tuple[Floats, Floats]:
    """Return sums over the latest ``days`` columns, or all there are, and how many these are."""
    total = np.cumsum(values, axis=-1)
    window = total.copy()
    window[..., days:] -= total[..., :-days]
    count = np.minimum(np.arange(values.shape[-1]) + 1, days).astype(np.float64)
    return window, count


def _mean(values: Floats, days: int) -> Floats:
    window, count = _sums(values, days)
    return window / count


def _deviation(returns: Floats, days: int) -> Floats:
    """Return the root mean square over the latest days: daily means are too small to matter."""
    return np.sqrt(np.maximum(_mean(returns**2, days), 0.0))


def _lagged(values: Floats, days: int) -> Floats:
    """Return the value of so many days ago, or the first there is."""
    index = np.maximum(np.arange(values.shape[-1]) - days, 0)
    return values[..., index]


def _correlation(returns: Floats, market: Floats, days: int) -> Floats:
    covariance = _mean(returns * market, days)
    product = _deviation(returns, days) * _deviation(market, days)
    return np.clip(covariance / np.maximum(product, _LEAST**2), -1.0, 1.0)


def _trailing_maximum(values: Floats, days: int) -> Floats:
    from scipy.ndimage import maximum_filter1d

    # Shifted by half its size, the filter looks back only.
    shift = (days - 1) // 2
    found = maximum_filter1d(values, days, axis=-1, origin=shift, mode="constant", cval=-np.inf)
    return np.asarray(found)
