"""What is wrong with some prices, and where.

Beside the defects for which a file is refused, this looks for what can be read and is probably
not true. Whether a return is far out is measured by the asset's own volatility: the median
absolute deviation of its log returns, scaled to a normal distribution, which a few wild days
cannot inflate.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.market_data import raw as raws
from drlapps.finance.market_data.defects import Finding, defects, few, runs
from drlapps.finance.market_data.prices import FloatArray, Prices
from drlapps.finance.market_data.raw import RawPrices, Series

__all__ = ["Finding", "check"]

IntArray = NDArray[np.int64]

GAP_DAYS = 5
"""Calendar days from one row to the next beyond which days are missing: holidays take up to 5."""

STALE_DAYS = 10
"""So many closes in a row without any change are suspicious."""

STALE_SHARE = 0.4
"""So is such a share of all days."""

TICK = 1e-3
"""Prices in steps of more than this share of themselves round the returns noticeably."""

TICK_SHARE = 0.1
"""Rounding is reported when it concerns such a share of the days."""

FAR = 10.0
"""Returns of more standard deviations than this are extreme..."""

LARGE = float(np.log(1.3))
"""...when they are also larger than this."""

VERY_FAR = 20.0
"""Beyond so many, a jump by the ratio of a split is taken for one: an error, not a warning."""

BACK_DAYS = 3
"""A jump that is undone within so many days is a bad quote or a panic, not a split."""

TYPICAL = 0.02
"""Standard deviation of daily log returns assumed where too few are known to tell."""

SPLITS = np.array([1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 40, 50, 100])
"""Ratios of stock splits; reverse splits are their inverses."""


def check(source: Prices | RawPrices | str | Path) -> list[Finding]:
    """Return what is wrong with prices, defects first, then suspicions asset by asset.

    Args:
        source: prices, what a file says, or the path of a file, even of one that cannot be read
            as prices.

    Raises:
        InputError: if there is no such file or it holds no table of prices.
        Failure: if it is a Parquet file and pyarrow is not installed.
    """
    if isinstance(source, Prices):
        raw = raws.of(source)
    else:
        raw = source if isinstance(source, RawPrices) else raws.read(source)
    found = defects(raw)
    for series in raw.series[:1] if raw.wide else raw.series:
        found += _gaps(raw, series)
    for series in raw.series:
        usable = _usable(series)
        if len(usable) > 1:
            found += _jumps(raw, series, usable)
            found += _stale(raw, series, usable)
            found += _rounding(raw, series, usable)
    return few(found)


def _gaps(raw: RawPrices, series: Series) -> Iterator[Finding]:
    """Find stretches without rows, long against the usual distance of two rows."""
    if series.dates is None:
        return
    days = np.unique(series.dates[~np.isnat(series.dates)])
    if len(days) < 2:
        return
    steps = np.diff(days).astype(np.int64)
    usual = float(np.quantile(steps, 0.5, method="lower"))
    limit = max(GAP_DAYS, 2.5 * usual)
    for i in np.flatnonzero(steps > limit).tolist():
        message = f"no rows for {steps[i] - 1} days, until {days[i + 1]}"
        asset = "" if raw.wide else series.asset
        yield Finding("gap", asset, str(days[i]), message, "warning")


def _usable(series: Series) -> IntArray:
    """Return the positions of possible closes, in order of their dates, each date once."""
    good = np.flatnonzero(np.isfinite(series.close) & (series.close > 0))
    if series.dates is None:
        return good
    good = good[~np.isnat(series.dates[good])]
    _, first = np.unique(series.dates[good], return_index=True)
    return good[first]


def _jumps(raw: RawPrices, series: Series, usable: IntArray) -> Iterator[Finding]:
    """Find returns far outside the asset's own volatility, and say which look like splits."""
    returns = np.diff(np.log(series.close[usable]))
    deviation = _deviation(returns)
    explained = -1
    for i in np.flatnonzero(np.abs(returns) > max(FAR * deviation, LARGE)).tolist():
        if i <= explained:
            continue
        where = raw.where(series, int(usable[i + 1]))
        message = f"closes at {np.exp(returns[i]):.4g} times the last close"
        if days := _undone(returns[i : i + 1 + BACK_DAYS]):
            explained = i + days
            message += f" and is back after {days} {'day' if days == 1 else 'days'}"
        elif split := _split(returns[i], deviation):
            message += f": a {split} left unadjusted?"
            certain = abs(returns[i]) > VERY_FAR * deviation
            severity: Literal["error", "warning"] = "error" if certain else "warning"
            yield Finding("split", series.asset, where, message, severity)
            continue
        yield Finding("extreme", series.asset, where, message, "warning")


def _undone(returns: FloatArray) -> int:
    """Return after how many days the first of some returns is undone, zero if it is not."""
    back = np.abs(np.cumsum(returns)) < abs(returns[0]) / 4
    return int(back.argmax()) if back.any() else 0


def _deviation(returns: FloatArray) -> float:
    """Return the robust standard deviation of the returns that are not zero."""
    moves = returns[returns != 0]
    if len(moves) < 5:
        return TYPICAL
    return 1.4826 * float(np.median(np.abs(moves - np.median(moves))))


def _split(jump: float, deviation: float) -> str:
    """Return the split of which a log return is the mirror image, if it is one."""
    distance = np.abs(abs(jump) - np.log(SPLITS))
    nearest = int(distance.argmin())
    # The market moves on the day of a split, too.
    if distance[nearest] > min(max(4 * deviation, 0.02), abs(jump) / 10):
        return ""
    ratio = Fraction(float(SPLITS[nearest]))
    many, one = ratio.numerator, ratio.denominator
    return f"split {many} for {one}" if jump < 0 else f"reverse split {one} for {many}"


def _stale(raw: RawPrices, series: Series, usable: IntArray) -> Iterator[Finding]:
    """Find closes that do not change for long, or on many days."""
    unchanged = np.diff(series.close[usable]) == 0
    share = float(unchanged.mean())
    if len(unchanged) >= STALE_DAYS and share > STALE_SHARE:
        where = raw.where(series, int(usable[0]))
        message = f"is unchanged on {share:.0%} of all days"
        yield Finding("stale", series.asset, where, message, "warning")
        return
    for first, last in runs(unchanged):
        if (days := last - first + 1) >= STALE_DAYS:
            until = raw.where(series, int(usable[last + 1]))
            message = f"is unchanged for {days} days, until {until}"
            where = raw.where(series, int(usable[first]))
            yield Finding("stale", series.asset, where, message, "warning")


def _rounding(raw: RawPrices, series: Series, usable: IntArray) -> Iterator[Finding]:
    """Find prices whose smallest step is large against them."""
    close = series.close[usable]
    digits = next((d for d in range(7) if np.allclose(close, close.round(d), 1e-9, 0)), None)
    if digits is None:
        return
    tick = 10.0**-digits
    coarse = tick > TICK * close
    if (share := float(coarse.mean())) > TICK_SHARE:
        message = (
            f"is given in steps of {tick:g}, more than {TICK:.1%} of its price "
            f"on {share:.0%} of all days"
        )
        where = raw.where(series, int(usable[coarse.argmax()]))
        yield Finding("rounding", series.asset, where, message, "warning")
