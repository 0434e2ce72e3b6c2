"""The exact dynamic program of the discretised market.

The price is a martingale that no quote can foresee, so the state is (step, inventory) and the
Bellman equation of one step reads, with ``p`` the fill probabilities and ``W(q) = V(t+1, q) - phi
dt q^2`` the value of holding ``q`` over the step::

    V(t, q) = max  p_b delta_b + p_a delta_a + p_b (1 - p_a) W(q+1) + p_a (1 - p_b) W(q-1)
              over delta_b, delta_a in [0, 10/kappa]          + (1 - p_b - p_a + 2 p_b p_a) W(q)

A maximum in one half-spread, the other fixed, has one stationary point; see
:func:`best_distance`. The two sides touch each other only through ``p_b p_a (2 W(q) - W(q+1) -
W(q-1))``, because a step in which both fill leaves the inventory as it was. See :func:`best_pair`
for why the joint maximum is found. There is no grid and no interpolation. All is computed in units
of ``1/kappa``.

For Hawkes arrivals it is the program of their mean intensity, no longer exact.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.finance.market_making.kernels import FARTHEST, fill_probability
from drlapps.finance.market_making.market import Market

FloatArray = NDArray[np.float64]

_ROUNDS = 10_000
_CLOSE = 1e-14


class Solution(NamedTuple):
    """The value function and the optimal half-spreads, by step and inventory from ``-Q``."""

    values: FloatArray
    """(N + 1, 2 Q + 1) objective to go, in price."""
    quotes: FloatArray
    """(N, 2 Q + 1, 2) half-spreads of bid and ask, in price; 0 on a side closed by the limit."""


@lru_cache(maxsize=1024)
def solve(market: Market) -> Solution:
    """Return the solution of the market's dynamic program; the arrays are read-only."""
    width = 2 * market.limit + 1
    values = np.empty((market.steps + 1, width))
    quotes = np.zeros((market.steps, width, 2))
    units = np.arange(-market.limit, market.limit + 1, dtype=np.float64)
    values[-1] = -market.decay * market.terminal_penalty * units**2
    penalty = market.decay * market.running_penalty * market.dt * units**2
    _backward(values, quotes, penalty, market.mean_arrivals, market.fills == "poisson")
    values /= market.decay
    quotes /= market.decay
    values.setflags(write=False)
    quotes.setflags(write=False)
    return Solution(values, quotes)


def policy_value(market: Market, quotes: FloatArray) -> FloatArray:
    """Return the exact value of quoting by a table: no simulation.

    Args:
        market: with Poisson arrivals; of a Hawkes process the mean intensity counts.
        quotes: half-spreads of bid and ask in price, shape ``(N, 2 Q + 1, 2)``.

    Returns:
        Expected objective from the first step, for each starting inventory from ``-Q`` to ``Q``.
    """
    units = np.arange(-market.limit, market.limit + 1, dtype=np.float64)
    value = -market.terminal_penalty * units**2
    arrivals = market.mean_arrivals
    for half_spreads in np.clip(quotes, 0.0, FARTHEST / market.decay)[::-1]:
        reach = np.exp(-market.decay * half_spreads)
        filled = -np.expm1(-arrivals * reach) if market.fills == "poisson" else (
            min(arrivals, 1.0) * reach
        )  # fmt: skip
        filled[-1, 0] = filled[0, 1] = 0.0
        bid, ask = filled.T
        held = value - market.running_penalty * market.dt * units**2
        more, less = np.append(held[1:], 0.0), np.append(0.0, held[:-1])
        value = (
            (filled * half_spreads).sum(axis=1)
            + bid * (1.0 - ask) * more
            + ask * (1.0 - bid) * less
            + (1.0 - bid - ask + 2.0 * bid * ask) * held
        )
    return value


@njit(cache=True, error_model="numpy")
def best_distance(gain: float, arrivals: float, poisson: bool) -> float:
    """Return the ``x`` in [0, 10] that maximises ``p(x) (x + gain)``.

    Bernoulli: ``p`` is proportional to ``exp(-x)``, so ``x = 1 - gain``. Poisson: with ``m =
    arrivals exp(-x)`` the condition is ``F(x) = x + gain - (exp(m) - 1) / m = 0``. ``F`` rises and
    is concave, and ``F(1 - gain) <= 0``: one root, which Newton's method approaches from the left.
    """
    x = min(max(1.0 - gain, 0.0), FARTHEST)
    if not poisson or x == FARTHEST:
        return x
    for _ in range(100):
        m = arrivals * math.exp(-x)
        slope = math.expm1(m) / m if m > 1e-300 else 1.0
        excess = x + gain - slope
        if excess >= 0.0:
            return x
        step = excess / (1.0 + math.exp(m) - slope)
        x -= step
        if x >= FARTHEST:
            return FARTHEST
        if step > -_CLOSE:
            break
    return x


@njit(cache=True, error_model="numpy")
def _settle(
    ask: float, up: float, down: float, arrivals: float, poisson: bool
) -> tuple[float, float, float]:
    """Answer each side to the other until they agree; return both distances and the objective.

    Args:
        ask: the ask's fill probability to start from.
        up: value of one unit more.
        down: value of one unit less.
        arrivals: market orders a side and step.
        poisson: the law of the fills.
    """
    coupling = -(up + down)
    x = y = bid = 0.0
    for _ in range(_ROUNDS):
        before = ask
        x = best_distance(up + ask * coupling, arrivals, poisson)
        bid = fill_probability(x, arrivals, poisson)
        y = best_distance(down + bid * coupling, arrivals, poisson)
        ask = fill_probability(y, arrivals, poisson)
        if abs(ask - before) <= _CLOSE:
            break
    return x, y, bid * (x + up) + ask * (y + down) + bid * ask * coupling


@njit(cache=True, error_model="numpy")
def best_pair(up: float, down: float, arrivals: float, poisson: bool) -> tuple[float, float, float]:
    """Return the joint maximum over both distances, and what it adds to holding still.

    A maximum is a fixed point of "each side's best answer to the other". Two answers in a row are
    a rising map of the ask's fill probability, so answering again and again from its least and from
    its greatest value ends in the least and the greatest fixed point, between which all others
    lie. Where the answers' slope, at most ``coupling * dp/dgain``, is below 1 there is only one.
    Else the better of the two extremes is taken: fixed points between them are saddles.
    """
    steepest = min(arrivals, math.exp(-1.0)) if poisson else min(arrivals, 1.0)
    low = _settle(0.0, up, down, arrivals, poisson)
    if abs(up + down) * steepest < 1.0:
        return low
    high = _settle(fill_probability(0.0, arrivals, poisson), up, down, arrivals, poisson)
    return low if low[2] >= high[2] else high


@njit(cache=True, error_model="numpy")
def _backward(
    values: FloatArray, quotes: FloatArray, penalty: FloatArray, arrivals: float, poisson: bool
) -> None:
    """Fill values and quotes, in units of ``1/kappa``, from the last step to the first."""
    steps, width = quotes.shape[:2]
    for t in range(steps - 1, -1, -1):
        held = values[t + 1] - penalty
        for j in range(width):
            if j == width - 1:
                gain = held[j - 1] - held[j]
                y = best_distance(gain, arrivals, poisson)
                quotes[t, j, 1] = y
                added = fill_probability(y, arrivals, poisson) * (y + gain)
            elif j == 0:
                gain = held[1] - held[0]
                x = best_distance(gain, arrivals, poisson)
                quotes[t, j, 0] = x
                added = fill_probability(x, arrivals, poisson) * (x + gain)
            else:
                x, y, added = best_pair(
                    held[j + 1] - held[j], held[j - 1] - held[j], arrivals, poisson
                )
                quotes[t, j, 0] = x
                quotes[t, j, 1] = y
            values[t, j] = held[j] + added
