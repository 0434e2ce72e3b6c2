"""Market regimes of a benchmark, and how a policy did in each.

:func:`bull_bear` dates regimes *ex post*: a peak is known for one only long after it. Such labels
describe a backtest and must never reach a policy. :func:`volatility_regime` uses the past alone.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drlapps.errors import InputError
from drlapps.finance.metrics import YEAR, summary

Labels: TypeAlias = NDArray[np.str_]

_TERCILES = ("low", "medium", "high")


def bull_bear(returns: ArrayLike, *, fall: float = 0.2, rise: float = 0.2) -> Labels:
    """Label each day "bull" or "bear" by the filter of Lunde and Timmermann (2004), ex post.

    A bear market runs from a peak to the trough that follows, once the index has fallen by more
    than `fall` from the peak; a bull market runs from a trough to the next peak, once it has risen
    by more than `rise` from the trough. Both are dated back to the turning point, which needs
    later prices: **these labels look ahead**. What came before the first turning point is the
    opposite of what follows it; an index that never turns is a bull market.

    Args:
        returns: daily returns of the benchmark, shape (n,).
        fall: share lost that makes a bear market, in (0, 1).
        rise: share gained that makes a bull market, positive.

    Raises:
        InputError: if the returns are not a finite series or a threshold is out of range.
    """
    if not (0 < fall < 1 and rise > 0):
        raise InputError(f"a fall of {fall} or a rise of {rise} is no threshold of a market's turn")
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + _benchmark(returns))])
    labels = np.full(len(wealth) - 1, "bull")
    regime, start, peak, trough = "", 0, 0, 0  # the last three are positions in wealth
    for day, value in enumerate(wealth):
        peak = day if value > wealth[peak] else peak
        trough = day if value < wealth[trough] else trough
        if regime != "bear" and value < (1 - fall) * wealth[peak]:
            labels[start:peak] = "bull"
            regime, start, trough = "bear", peak, day
        elif regime != "bull" and value > (1 + rise) * wealth[trough]:
            labels[start:trough] = "bear"
            regime, start, peak = "bull", trough, day
    labels[start:] = regime or "bull"
    return labels


def volatility_regime(
    returns: ArrayLike, *, window: int = YEAR // 4, history: int = YEAR
) -> Labels:
    """Label each day "low", "medium" or "high" by the tercile of the volatility before it.

    The volatility of the `window` days before a day is ranked among those of all days up to it,
    so a label depends on earlier days alone. It is "unknown" until `history` volatilities are
    there to rank it among.

    Args:
        returns: daily returns of the benchmark, shape (n,).
        window: days that a volatility is taken over.
        history: volatilities, the day's own included, below which there is no label.

    Raises:
        InputError: if the returns are not a finite series, the window is shorter than two days or
            the history is shorter than three.
    """
    if window < 2 or history < len(_TERCILES):
        raise InputError(
            f"a volatility needs a window of two days and terciles three values, not {window} and "
            f"{history}"
        )
    series = _benchmark(returns)
    labels = np.full(len(series), "unknown")
    past: list[float] = []
    for day in range(window, len(series)):
        trailing = float(series[day - window : day].std())
        insort(past, trailing)
        if len(past) >= history:
            labels[day] = _TERCILES[3 * bisect_left(past, trailing) // len(past)]
    return labels


def breakdown(
    returns: ArrayLike,
    labels: ArrayLike,
    *,
    risk_free: float = 0.0,
    periods: float = YEAR,
) -> dict[str, dict[str, float]]:
    """Return the metrics of a policy in each regime, and the number of "days" they are of.

    The days of a regime are strung together as if nothing lay between them; drawdowns therefore
    may span several episodes, and growth rates are those of a year spent in the regime.

    Args:
        returns: daily returns of the policy, shape (n,).
        labels: regime of each day, shape (n,).
        risk_free: rate of a single period.
        periods: returns a year.

    Raises:
        InputError: if returns and labels differ in number or a return is not finite.
    """
    series, regimes = np.asarray(returns, dtype=np.float64), np.asarray(labels, dtype=np.str_)
    if series.ndim != 1 or series.shape != regimes.shape:
        raise InputError(f"{regimes.shape} regime labels do not fit {series.shape} returns")
    rows = {}
    for regime in np.unique(regimes):
        chosen = series[regimes == regime]
        metrics = summary(chosen, risk_free=risk_free, periods=periods)
        rows[str(regime)] = {"days": float(len(chosen)), **metrics}
    return rows


def _benchmark(returns: ArrayLike) -> NDArray[np.float64]:
    series = np.asarray(returns, dtype=np.float64)
    if series.ndim != 1 or len(series) == 0 or not np.isfinite(series).all():
        raise InputError("the benchmark must be one series of finite returns")
    if series.min() <= -1:
        raise InputError(f"the benchmark loses everything at position {series.argmin()}")
    return series
