"""What the environment knows of an asset beside its latest returns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drlapps.finance.market_data.embedded import load
from drlapps.finance.portfolio.market import FEATURES, Market

DERIVED = ("features", "scaled_returns", "volatility", "dollar_volume", "relatives", "overnight")


def test_nothing_depends_on_later_days() -> None:
    prices = load("googl")
    today = 700
    changed = {}
    for field in ("close", "open", "volume"):
        values = getattr(prices, field).copy()
        values[today + 1 :] *= np.random.default_rng(1).uniform(0.5, 2.0, values[today + 1 :].shape)
        changed[field] = values
    here, there = Market(prices), Market(replace(prices, **changed))
    for name in DERIVED:
        mine, yours = getattr(here, name), getattr(there, name)
        assert np.array_equal(mine[:, : today + 1], yours[:, : today + 1]), name
        assert not np.array_equal(mine, yours)


@pytest.mark.parametrize("day", [252, 1000, 3000])
def test_features_are_what_they_are_called(day: int) -> None:
    market = Market(load("sp500-20"))
    found = dict(zip(FEATURES, market.features[3, day], strict=True))
    logs = np.log(market.prices.close[:, 3])
    returns = np.diff(logs, prepend=logs[0])
    deviation = {h: np.sqrt((returns[day - h + 1 : day + 1] ** 2).mean()) for h in (20, 60, 252)}
    every = np.diff(np.log(market.prices.close), axis=0, prepend=np.log(market.prices.close[:1]))
    mean = every.mean(axis=1)[day - 59 : day + 1]
    mine = returns[day - 59 : day + 1]
    expected = [
        *(np.log(deviation[h] / 0.02) for h in (20, 60, 252)),
        *((logs[day] - logs[day - h]) / (deviation[60] * np.sqrt(h)) for h in (5, 20, 60)),
        (logs[day - 20] - logs[day - 252]) / (deviation[252] * np.sqrt(232)),
        (mine * mean).mean() / np.sqrt((mine**2).mean() * (mean**2).mean()),
    ]
    assert list(found.values())[:8] == pytest.approx(expected, abs=1e-4)
    drawdown = (logs[day] - logs[day - 251 : day + 1].max()) / (deviation[60] * np.sqrt(252))
    assert list(found.values())[-1] == pytest.approx(drawdown, abs=1e-4)


def test_a_price_that_stands_still_is_no_trouble() -> None:
    prices = load("googl")
    market = Market(replace(prices, close=np.full_like(prices.close, 5.0), open=None))
    assert np.isfinite(market.features).all()
    assert np.array_equal(market.open, market.close)
