"""An independent check of a market-making session, from nothing but its path.

A solution holds, for each step, the quoted half-spreads, whether a market order came and whether it
filled, and the mid-price after it. This module shares no code with the environment: it keeps its
own books, solves the dynamic program by its own method and adds the losses up again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.market_making.market import Market
from drlapps.finance.market_making.session import Session

FloatArray = NDArray[np.float64]

_FLAGS = ("hit_bid", "hit_ask", "bought", "sold")


def check(instance: Session, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of a session.

    Args:
        instance: the session.
        solution: lists under ``bid``, ``ask``, ``hit_bid``, ``hit_ask``, ``bought``, ``sold`` (one
            entry a step) and ``mid`` (one more).

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the path breaks a rule.
    """
    if violations(instance, solution):
        return {"feasible": 0.0}
    market, columns = instance.market, _columns(solution)
    units, cash, penalties = instance.inventory, 0.0, 0.0
    held, spreads = [units], []
    for t in range(market.steps):
        bid, ask, mid = columns["bid"][t], columns["ask"][t], columns["mid"][t]
        if abs(units) < market.limit:
            spreads.append(bid + ask)
        cash += columns["sold"][t] * (mid + ask) - columns["bought"][t] * (mid - bid)
        units += int(columns["bought"][t] - columns["sold"][t])
        penalties += market.running_penalty * market.horizon / market.steps * units**2
        held.append(units)
    pnl = cash + units * columns["mid"][-1] - instance.inventory * columns["mid"][0]
    return {
        "value": _value(instance, columns, held),
        "objective": pnl - penalties - market.terminal_penalty * units**2,
        "pnl": pnl,
        "spread": math.fsum(spreads) / max(len(spreads), 1),
        "inventory": float(units),
        "largest_inventory": float(max(map(abs, held))),
        "fills": math.fsum(columns["bought"]) + math.fsum(columns["sold"]),
        "feasible": 1.0,
    }


def violations(instance: Session, solution: Mapping[str, object]) -> list[str]:
    """Return a sentence for each rule that a path breaks; none if it is feasible.

    The rules: every step has its numbers; quotes lie between the mid and 10/kappa from it; nothing
    fills without a market order; and no trade leads beyond the inventory limit.
    """
    market = instance.market
    for name in ("bid", "ask", "mid", *_FLAGS):
        column, length = solution.get(name), market.steps + (name == "mid")
        numbers = isinstance(column, list | tuple) and all(
            isinstance(entry, int | float) and math.isfinite(entry) for entry in column
        )
        if not numbers or len(column) != length:  # type: ignore[arg-type]
            return [f"the solution needs {length} finite numbers under {name!r}"]
    columns = _columns(solution)
    found = [
        f"{name} holds something other than 0 and 1"
        for name in _FLAGS
        if not set(columns[name]) <= {0.0, 1.0}
    ]
    farthest = 10.0 / market.decay * (1.0 + 1e-12)
    units = instance.inventory
    for t in range(market.steps):
        for side, hit, fill in (("bid", "hit_bid", "bought"), ("ask", "hit_ask", "sold")):
            if not 0.0 <= columns[side][t] <= farthest:
                found.append(f"step {t} quotes the {side} {columns[side][t]} from the mid")
            if columns[fill][t] > columns[hit][t]:
                found.append(f"step {t} fills the {side} without a market order")
        if units == market.limit and columns["bought"][t]:
            found.append(f"step {t} buys at the limit of {units} units")
        if units == -market.limit and columns["sold"][t]:
            found.append(f"step {t} sells at the limit of {units} units")
        units += int(columns["bought"][t] - columns["sold"][t])
    return found


def _columns(solution: Mapping[str, object]) -> dict[str, list[float]]:
    names = ("bid", "ask", "mid", *_FLAGS)
    return {name: [float(entry) for entry in solution[name]] for name in names}  # type: ignore[attr-defined]


def _value(session: Session, columns: Mapping[str, list[float]], held: list[int]) -> float:
    """Return the optimal value of the start plus what each step's quotes lost against the best."""
    market = session.market
    to_go = _values(market)
    rates = _intensities(market, columns)
    total = float(to_go[0, held[0] + market.limit])
    for t, (now, _) in enumerate(pairwise(held)):
        bid = _fills(market, columns["bid"][t], rates[t][0]) if now < market.limit else 0.0
        ask = _fills(market, columns["ask"][t], rates[t][1]) if now > -market.limit else 0.0
        total += bid * columns["bid"][t] + ask * columns["ask"][t]
        outcomes = (
            (now + 1, bid * (1.0 - ask)),
            (now - 1, ask * (1.0 - bid)),
            (now, bid * ask + (1.0 - bid) * (1.0 - ask)),
        )
        for units, probability in outcomes:
            if probability:
                risk = market.running_penalty * market.horizon / market.steps * units**2
                total += probability * (to_go[t + 1, units + market.limit] - risk)
        total -= to_go[t, now + market.limit]
    return float(total)


def _intensities(market: Market, columns: Mapping[str, list[float]]) -> list[tuple[float, float]]:
    """Return the intensity of the orders that hit bid and ask in each step."""
    beta, dt = market.reversion, market.horizon / market.steps
    share = (1.0 - math.exp(-beta * dt)) / (beta * dt)
    bid = ask = market.mean_intensity
    rates = []
    for hit_bid, hit_ask in zip(columns["hit_bid"], columns["hit_ask"], strict=True):
        rates.append((bid, ask))
        if market.is_hawkes:
            own, cross = market.excitation * share, market.cross_excitation * share
            left = math.exp(-beta * dt)
            bid = market.intensity * (1.0 - left) + bid * left + own * hit_bid + cross * hit_ask
            ask = market.intensity * (1.0 - left) + ask * left + own * hit_ask + cross * hit_bid
    return rates


def _fills(market: Market, half_spread: float, intensity: float) -> float:
    reach = math.exp(-market.decay * half_spread)
    orders = intensity * market.horizon / market.steps
    return 1.0 - math.exp(-orders * reach) if market.fills == "poisson" else min(orders, 1) * reach


@lru_cache(maxsize=64)
def _values(market: Market) -> FloatArray:
    """Return the value function, by Newton's method on all inventories at once, in price."""
    units = np.arange(-market.limit, market.limit + 1, dtype=np.float64)
    values = np.empty((market.steps + 1, units.size))
    values[-1] = -market.terminal_penalty * units**2
    risk = market.running_penalty * market.horizon / market.steps * units**2
    farthest = 10.0 / market.decay
    near = np.full((units.size, 2), 1.0 / market.decay)
    for t in reversed(range(market.steps)):
        held = values[t + 1] - risk
        steps = np.zeros((units.size, 2))
        steps[:-1, 0] = np.diff(held)
        steps[1:, 1] = -np.diff(held)
        near, best = _settled(market, steps, near)
        # Where the sides are so entangled that several quotes may be stationary, try both ends.
        entangled = market.decay * np.abs(steps.sum(axis=1))[1:-1] >= 1.0
        if entangled.any():
            for end in (0.0, farthest):
                best = np.maximum(best, _settled(market, steps, np.full_like(near, end))[1])
        values[t] = held + best
    return values


def _settled(
    market: Market, steps: FloatArray, quotes: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return quotes that are each the best answer to the other, and what they add to holding.

    Args:
        market: the parameters.
        steps: what a unit more and a unit less is worth, ``(2 Q + 1, 2)``.
        quotes: half-spreads to start from, of the same shape.
    """
    is_open = np.ones(steps.shape)
    is_open[-1, 0] = is_open[0, 1] = 0.0
    entangled = -steps.sum(axis=1, keepdims=True)
    entangled[[0, -1]] = 0.0
    quotes = quotes.copy()
    for _ in range(1000):
        before = quotes.copy()
        for side in (1, 0):
            other = is_open[:, 1 - side] * _probability(market, quotes[:, 1 - side])
            gain = steps[:, side] + entangled[:, 0] * other
            quotes[:, side] = _answer(market, gain, quotes[:, side])
        if np.abs(quotes - before).max() <= 1e-10 / market.decay:
            break
    bid, ask = (is_open * _probability(market, quotes)).T
    earned = bid * (quotes[:, 0] + steps[:, 0]) + ask * (quotes[:, 1] + steps[:, 1])
    return quotes, earned + bid * ask * entangled[:, 0]


def _answer(market: Market, gain: FloatArray, start: FloatArray) -> FloatArray:
    """Return the half-spread that maximises ``probability * (half-spread + gain)``."""
    farthest = 10.0 / market.decay
    if market.fills == "bernoulli":
        return np.clip(1.0 / market.decay - gain, 0.0, farthest)
    quote = start
    for _ in range(100):
        orders = _orders(market) * np.exp(-market.decay * quote)
        ratio = np.expm1(orders) / orders
        excess = market.decay * (quote + gain) - ratio
        slope = market.decay * (1.0 + np.exp(orders) - ratio)
        moved = np.clip(quote - excess / slope, 0.0, farthest)
        if np.abs(moved - quote).max() <= 1e-10 / market.decay:
            return moved
        quote = moved
    return quote


def _probability(market: Market, half_spread: FloatArray) -> FloatArray:
    reach = np.exp(-market.decay * half_spread)
    if market.fills == "bernoulli":
        return np.asarray(_orders(market) * reach)
    return np.asarray(1.0 - np.exp(-_orders(market) * reach))


def _orders(market: Market) -> float:
    """Return the mean number of market orders a side and step."""
    return market.mean_intensity * market.horizon / market.steps
