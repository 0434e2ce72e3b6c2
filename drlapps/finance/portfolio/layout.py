"""How a batch of portfolios lies in memory.

Shapes: batch ``B``, assets ``n`` of the largest instance. Wealth is 1 at the start of an episode;
what is held is in units of it. Market data lie in flat arrays, one market after the other, in each
one asset after the other, in each one day after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.finance.portfolio.market import Floats, Singles

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

YEAR = 252.0
SAME_CLOSE, NEXT_OPEN, NEXT_CLOSE = range(3)
WEIGHTS, LOGITS, SHARES = range(3)
LOG_RETURN, MEAN_VARIANCE, DIFFERENTIAL_SHARPE, MEAN_CVAR = range(4)

_FLAGS: dict[str, Any] = {
    "cache": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"},
}  # fmt: skip
_Function = TypeVar("_Function", bound=Callable[..., object])


def kernel(function: _Function) -> _Function:
    """Compile a function; sums may be taken in another order, but always in the same one."""
    compiled: _Function = njit(**_FLAGS)(function)
    return compiled


def inlined(function: _Function) -> _Function:
    """Compile a function into its caller: handing over the whole state costs as much as a day."""
    compiled: _Function = njit(inline="always", **_FLAGS)(function)
    return compiled


class Tables(NamedTuple):
    """Market data, flat."""

    close: Floats
    open: Floats
    relatives: Floats
    """Close over the close before."""
    overnight: Floats
    """Open over the close before."""
    intraday: Floats
    """Close over open."""
    scaled_returns: Singles
    volatility: Floats
    dollar_volume: Floats
    features: Singles
    """(total, features)."""


class Rules(NamedTuple):
    """What the environment's arguments say, as numbers."""

    fee: float
    """Share of each dollar traded that is lost, impact apart."""
    impact: float
    capital: float
    cash_growth: float
    borrow: float
    """Daily cost of each dollar of short positions or of negative cash."""
    esg: float
    """Daily grant on a portfolio with score 1."""
    action: int
    max_shares: float
    min_weight: float
    max_weight: float
    max_gross: float
    min_net: float
    max_net: float
    max_turnover: float
    every: int
    reward: int
    risk_aversion: float
    relative: bool
    """Whether the same reward of the equally weighted portfolio is subtracted."""


class State(NamedTuple):
    """The state of a batch: live arrays that the kernels change in place."""

    assets: Ints
    """(B,) number of assets."""
    places: Ints
    """(B, n) where each asset's first day stands in the flat arrays."""
    scores: Floats
    """(B, n) ESG score of each asset, from -1 to 1."""
    cost_scale: Floats
    """(B,) factor on all trading costs."""
    olps: Bools
    """(B,) whether trading is accounted for as in the OLPS toolbox."""
    fill: Ints
    """(B,) when orders are filled."""
    begin: Ints
    """(B,) first close of the episode."""
    end: Ints
    """(B,) last close of the episode."""
    now: Ints
    """(B,) latest close seen; ``begin - 1`` before an order for the first close."""
    held: Floats
    """(B, n) worth of each asset held; by OLPS's convention its drifted weight."""
    cash: Floats
    """(B,)."""
    wealth: Floats
    """(B,)."""
    growth: Floats
    """(B,) wealth over wealth a day before."""
    turnover: Floats
    """(B,) half the sum of all changes of weights by trading."""
    costs: Floats
    """(B,) trading costs paid, in units of the wealth before each trade."""
    recorded: Ints
    """(B,) entries of the path."""
    path: Floats
    """(B, days + 1) wealth at each close, 1 before the first trade."""
    mean: Floats
    """(B,) moving average of returns, for the differential Sharpe ratio."""
    square: Floats
    """(B,) moving average of squared returns."""
    quantile: Floats
    """(B,) estimate of the loss that only the worst returns exceed."""


class Record(NamedTuple):
    """What an evaluated episode leaves behind; empty in training."""

    trades: Floats
    """(B, days + 1, n) shares traded last before each path entry (before the very first: where
    orders for the first close are filled there), in units of the wealth at the start; by OLPS's
    convention the target weights."""
    weights: Singles
    """(B, days + 1, n) weights of the assets at each path entry."""
