"""Performance and risk metrics of a series of returns.

A series holds simple returns r_1 .. r_n, one a day, on its last axis; leading axes are separate
series, so that one call serves a whole stack of policies or bootstrap resamples and returns one
number for each. A year has ``periods`` = 252 of them. Wealth starts at W_0 = 1 and is
W_t = (1 + r_1) ... (1 + r_t); a return of -100 % or worse is ruin, and W stays 0 from then on.

Degenerate series have defined values, and none warns. A ratio whose denominator is zero is
infinite with the sign of its numerator (the Calmar ratio of a series without a drawdown, the
Sharpe ratio of a constant gain) and NaN where the numerator is zero too. Of one day alone,
whatever needs a standard deviation is NaN. Losses that are risks (value at risk, CVaR) are
positive numbers; drawdowns are negative returns.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drlapps.errors import InputError
from drlapps.finance.splits import trading_days

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.int64]

YEAR = 252
"""Trading days of a year."""

# A return is a ratio of numbers near one, less one: what is smaller than this is their rounding.
_ROUNDING = 1e-12


def total_return(returns: ArrayLike) -> FloatArray:
    """Return W_n - 1."""
    return np.asarray(np.prod(_growth(_series(returns)), axis=-1) - 1.0)


def cagr(returns: ArrayLike, *, periods: float = YEAR) -> FloatArray:
    """Return the compound annual growth rate, W_n^(periods / n) - 1.

    Args:
        returns: shape (..., n).
        periods: returns a year.
    """
    series = _series(returns)
    with np.errstate(over="ignore"):  # one huge day, taken for a year's
        return np.asarray((1.0 + total_return(series)) ** (periods / series.shape[-1]) - 1.0)


def log_growth(returns: ArrayLike, *, periods: float = YEAR) -> FloatArray:
    """Return the mean logarithmic return a year, periods / n log W_n; minus infinity after ruin.

    Args:
        returns: shape (..., n).
        periods: returns a year.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(_growth(_series(returns))).mean(axis=-1) * periods)


def volatility(returns: ArrayLike, *, periods: float = YEAR) -> FloatArray:
    """Return the annual volatility: standard deviation (n - 1) times sqrt(periods).

    Args:
        returns: shape (..., n).
        periods: returns a year.
    """
    return np.asarray(_deviation(_series(returns)) * np.sqrt(periods))


def sharpe(returns: ArrayLike, *, risk_free: ArrayLike = 0.0, periods: float = YEAR) -> FloatArray:
    """Return the Sharpe ratio, mean(r - rf) / std(r - rf) sqrt(periods), std over n - 1.

    Args:
        returns: shape (..., n).
        risk_free: rate of a single period, a number or shape (n,).
        periods: returns a year; 1 gives the ratio of a single period.
    """
    excess = _excess(returns, risk_free)
    return _ratio(excess.mean(axis=-1), _deviation(excess), np.sqrt(periods))


def information_ratio(
    returns: ArrayLike, benchmark: ArrayLike, *, periods: float = YEAR
) -> FloatArray:
    """Return the mean return in excess of a benchmark over the tracking error, a year.

    Args:
        returns: shape (..., n).
        benchmark: returns of the same days, shape (n,).
        periods: returns a year.
    """
    return sharpe(returns, risk_free=_series(benchmark, "the benchmark"), periods=periods)


def sortino(returns: ArrayLike, *, minimum: ArrayLike = 0.0, periods: float = YEAR) -> FloatArray:
    """Return the Sortino ratio, mean(r - m) / sqrt(mean(min(r - m, 0)^2)) sqrt(periods).

    The mean below the root is over all n days, not over the losing ones.

    Args:
        returns: shape (..., n).
        minimum: acceptable return m of a single period, a number or shape (n,).
        periods: returns a year.
    """
    excess = _excess(returns, minimum)
    downside = np.sqrt(np.mean(np.minimum(excess, 0.0) ** 2, axis=-1))
    return _ratio(excess.mean(axis=-1), downside, np.sqrt(periods))


def drawdowns(returns: ArrayLike) -> FloatArray:
    """Return the drawdown path, W_t / max(W_0, .., W_t) - 1 for t = 1 .. n.

    Returns:
        Numbers in [-1, 0], shape (..., n).
    """
    wealth = np.cumprod(_growth(_series(returns)), axis=-1)
    peak = np.maximum(np.maximum.accumulate(wealth, axis=-1), 1.0)
    return np.asarray(wealth / peak - 1.0)


def max_drawdown(returns: ArrayLike) -> FloatArray:
    """Return the deepest drawdown, a number in [-1, 0]; a loss on the first day counts."""
    return np.asarray(drawdowns(returns).min(axis=-1))


def longest_drawdown_days(returns: ArrayLike) -> IntArray:
    """Return the longest run of days that ended below an earlier peak of wealth."""
    below = drawdowns(returns) < -_ROUNDING
    day = np.arange(1, below.shape[-1] + 1)
    last_peak = np.maximum.accumulate(np.where(below, 0, day), axis=-1)
    return np.asarray((day - last_peak).max(axis=-1))


def calmar(returns: ArrayLike, *, periods: float = YEAR) -> FloatArray:
    """Return the Calmar ratio, CAGR over the size of the deepest drawdown.

    Args:
        returns: shape (..., n).
        periods: returns a year.
    """
    return _ratio(cagr(returns, periods=periods), np.abs(max_drawdown(returns)))


def var(returns: ArrayLike, alpha: float = 0.95) -> FloatArray:
    """Return the historical value at risk: the lower alpha-quantile of the losses -r.

    This is the smallest loss that a share of at least alpha of the days does not exceed. It is
    an observed loss: nothing is interpolated.

    Args:
        returns: shape (..., n).
        alpha: level in [0, 1).

    Raises:
        InputError: if the level lies outside [0, 1).
    """
    series = _series(returns)
    _, last = _tail(series.shape[-1], alpha)
    return np.asarray(-np.partition(series, last, axis=-1)[..., last])


def cvar(returns: ArrayLike, alpha: float = 0.95) -> FloatArray:
    """Return the conditional value at risk of Rockafellar and Uryasev (2002).

    This is the mean of the worst k = (1 - alpha) n losses, of which the last is taken in part
    where k is not whole.

    Args:
        returns: shape (..., n).
        alpha: level in [0, 1).

    Raises:
        InputError: if the level lies outside [0, 1).
    """
    series = _series(returns)
    size, last = _tail(series.shape[-1], alpha)
    worst = np.partition(series, last, axis=-1)[..., : last + 1]
    whole = worst[..., :last].sum(axis=-1)
    return np.asarray(-(whole + (size - last) * worst[..., last]) / size)


def skewness(returns: ArrayLike) -> FloatArray:
    """Return the skewness, the third standardised central moment (over n)."""
    return np.asarray(np.mean(_standardised(_series(returns)) ** 3, axis=-1))


def kurtosis(returns: ArrayLike) -> FloatArray:
    """Return the raw kurtosis, the fourth standardised central moment (over n); Gaussian: 3."""
    return np.asarray(np.mean(_standardised(_series(returns)) ** 4, axis=-1))


def omega(returns: ArrayLike, *, threshold: float = 0.0) -> FloatArray:
    """Return the Omega ratio (Keating and Shadwick 2002): gains over losses about a threshold.

    Args:
        returns: shape (..., n).
        threshold: return of a single period that parts gains from losses.
    """
    excess = _series(returns) - threshold
    gains, losses = np.maximum(excess, 0.0), np.maximum(-excess, 0.0)
    return _ratio(gains.mean(axis=-1), losses.mean(axis=-1))


def tail_ratio(returns: ArrayLike) -> FloatArray:
    """Return the size of the 95th percentile of the returns over that of the 5th."""
    low, high = np.abs(np.quantile(_series(returns), [0.05, 0.95], axis=-1))
    return _ratio(high, low)


def hit_rate(returns: ArrayLike) -> FloatArray:
    """Return the share of days with a positive return."""
    return np.asarray(np.mean(_series(returns) > 0.0, axis=-1))


def best_day(returns: ArrayLike) -> FloatArray:
    """Return the highest return of a day."""
    return np.asarray(_series(returns).max(axis=-1))


def worst_day(returns: ArrayLike) -> FloatArray:
    """Return the lowest return of a day."""
    return np.asarray(_series(returns).min(axis=-1))


def summary(
    returns: ArrayLike, *, risk_free: ArrayLike = 0.0, periods: float = YEAR
) -> dict[str, float]:
    """Return every metric of one series by its name.

    Args:
        returns: shape (n,).
        risk_free: rate of a single period, a number or shape (n,): Sharpe's risk-free return and
            the least that Sortino accepts.
        periods: returns a year.

    Raises:
        InputError: if the returns are not one finite, non-empty series.
    """
    series = _series(returns)
    if series.ndim != 1:
        raise InputError(f"a summary is of one series of returns, not of shape {series.shape}")
    values = {
        "total_return": total_return(series),
        "cagr": cagr(series, periods=periods),
        "volatility": volatility(series, periods=periods),
        "sharpe": sharpe(series, risk_free=risk_free, periods=periods),
        "sortino": sortino(series, minimum=risk_free, periods=periods),
        "max_drawdown": max_drawdown(series),
        "calmar": calmar(series, periods=periods),
        "var_95": var(series, 0.95),
        "cvar_95": cvar(series, 0.95),
        "skewness": skewness(series),
        "kurtosis": kurtosis(series),
        "omega": omega(series),
        "tail_ratio": tail_ratio(series),
        "hit_rate": hit_rate(series),
        "best_day": best_day(series),
        "worst_day": worst_day(series),
        "longest_drawdown_days": longest_drawdown_days(series),
    }
    return {name: float(value) for name, value in values.items()}


def rolling_sharpe(
    returns: ArrayLike,
    window: int = YEAR,
    *,
    risk_free: ArrayLike = 0.0,
    periods: float = YEAR,
) -> FloatArray:
    """Return the Sharpe ratio of the last `window` days, day by day.

    Args:
        returns: shape (..., n).
        window: days looked back on, the day itself included.
        risk_free: rate of a single period, a number or shape (n,).
        periods: returns a year.

    Returns:
        Shape (..., n), NaN on the first window - 1 days.

    Raises:
        InputError: if the window is shorter than two days.
    """
    if window < 2:
        raise InputError(f"a rolling Sharpe ratio needs a window of two days, not {window}")
    excess = _excess(returns, risk_free)
    rolled = np.full(excess.shape, np.nan)
    if window <= excess.shape[-1]:
        views = np.lib.stride_tricks.sliding_window_view(excess, window, axis=-1)
        rolled[..., window - 1 :] = sharpe(views, periods=periods)
    return rolled


def monthly_returns(dates: ArrayLike, returns: ArrayLike) -> tuple[IntArray, FloatArray]:
    """Return the return of each calendar month.

    Args:
        dates: strictly increasing days, anything that numpy reads as datetime64, shape (n,).
        returns: shape (n,).

    Returns:
        The years without a gap, shape (years,), and the returns from January to December, shape
        (years, 12), NaN in months without a day.

    Raises:
        InputError: if days and returns differ in number or the days do not increase.
    """
    days, series = trading_days(dates), _series(returns)
    if days.shape != series.shape:
        raise InputError(f"{len(days)} dates do not fit returns of the shape {series.shape}")
    months = days.astype("datetime64[M]").astype(np.int64)  # since January 1970
    first, starts = months[0] // 12, np.flatnonzero(np.diff(months, prepend=months[0] - 1))
    table = np.full((months[-1] // 12 - first + 1, 12), np.nan)
    table.flat[months[starts] - 12 * first] = np.multiply.reduceat(_growth(series), starts) - 1.0
    return 1970 + first + np.arange(len(table)), table


def drift(weights: ArrayLike, returns: ArrayLike) -> FloatArray:
    """Return the weights that a day's returns turn the held ones into, w (1 + r) / w.(1 + r).

    Args:
        weights: shares of wealth, cash among the assets, shape (..., assets).
        returns: returns of the assets, shape (..., assets).
    """
    grown = np.asarray(weights, dtype=np.float64) * (1.0 + np.asarray(returns, dtype=np.float64))
    return np.asarray(grown / grown.sum(axis=-1, keepdims=True))


def turnover(target: ArrayLike, held: ArrayLike) -> FloatArray:
    """Return the turnover of a rebalancing, half the sum of |target - held|.

    Args:
        target: weights after the trade, shape (..., assets).
        held: weights before it (see :func:`drift`), shape (..., assets).
    """
    change = np.asarray(target, dtype=np.float64) - np.asarray(held, dtype=np.float64)
    return np.asarray(0.5 * np.abs(change).sum(axis=-1))


def _series(returns: ArrayLike, what: str = "the returns") -> FloatArray:
    """Return the values as a float array of finite returns with at least one day."""
    series = np.asarray(returns, dtype=np.float64)
    if series.ndim == 0 or series.shape[-1] == 0:
        raise InputError(f"{what} must be a series of at least one day")
    if not np.isfinite(series).all():
        day = np.argwhere(~np.isfinite(series))[0, -1]
        raise InputError(f"{what} hold a NaN or an infinite value at position {day}")
    return series


def _excess(returns: ArrayLike, rate: ArrayLike) -> FloatArray:
    """Return the returns less a rate: one number, or one for each day."""
    series, rates = _series(returns), np.asarray(rate, dtype=np.float64)
    if rates.ndim and rates.shape != series.shape[-1:]:
        raise InputError(f"{rates.shape} rates do not fit {series.shape[-1]} days of returns")
    return np.asarray(series - rates)


def _growth(series: FloatArray) -> FloatArray:
    """Return the growth factors of wealth, which cannot fall below nothing."""
    return np.maximum(1.0 + series, 0.0)


def _deviation(series: FloatArray) -> FloatArray:
    """Return the standard deviation over n - 1; NaN for a single day."""
    if series.shape[-1] < 2:
        return np.full(series.shape[:-1], np.nan)
    return np.asarray(series.std(axis=-1, ddof=1))


def _standardised(series: FloatArray) -> FloatArray:
    """Return the series less its mean, in standard deviations over n; NaN if it is constant."""
    centred = series - series.mean(axis=-1, keepdims=True)
    spread = np.sqrt(np.mean(centred**2, axis=-1, keepdims=True))
    return np.asarray(centred / np.where(spread > _ROUNDING, spread, np.nan))


def _ratio(numerator: FloatArray, denominator: FloatArray, scale: float = 1.0) -> FloatArray:
    """Divide, taking what is only rounding for zero: x / 0 is infinite and 0 / 0 is NaN."""
    top = np.where(np.abs(numerator) <= _ROUNDING, 0.0, numerator)
    bottom = np.where(np.abs(denominator) <= _ROUNDING, 0.0, denominator)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(scale * top / bottom)


def _tail(days: int, alpha: float) -> tuple[float, int]:
    """Return the size (1 - alpha) n of the tail and the rank of the loss it ends in."""
    if not 0 <= alpha < 1:
        raise InputError(f"the level of a tail must lie in [0, 1), not {alpha}")
    size = (1.0 - alpha) * days
    # A whole size comes out of the subtraction a little too small or too large.
    return size, min(int(size + 1e-9), days - 1)
