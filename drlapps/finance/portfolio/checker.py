"""An independent check of a portfolio's ledger: prices and trades in, wealth and metrics out.

A solution holds the shares traded of each asset at each entry of the wealth path (by the OLPS
convention the target weights of each day) and the rules of trading. This module shares no code
with the environment and keeps its books in shares and plain Python numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import fmean, stdev
from typing import Any

from drlapps.finance.portfolio.instances import Window

_YEAR = 252
_SHORT = 1e-9  # worth by which cash or a holding may fall below zero through rounding


def check(instance: Window, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics of a solution.

    Args:
        instance: the window of the market.
        solution: the environment's ledger: ``trades``, ``rules`` and as many ``wealth`` entries
            as there were closes before the episode ended.

    Returns:
        ``terminal_wealth``, ``sharpe``, ``max_drawdown``, ``turnover``, ``costs`` and
        ``feasible`` (0 if wealth was lost, or a long-only portfolio sold or spent what it had not).
    """
    account = _Olps if instance.market.olps else _Account
    book = account(instance, solution)
    path = [1.0, *book.days()]
    returns = [after / before - 1.0 if before > 0.0 else -1.0 for before, after in pairwise(path)]
    deviation = stdev(returns) if len(returns) > 1 else math.nan
    peak, worst = 1.0, 0.0
    for wealth in path:
        peak = max(peak, wealth)
        worst = min(worst, wealth / peak - 1.0)
    found = {
        "terminal_wealth": path[-1],
        "max_drawdown": worst,
        "turnover": book.turnover * _YEAR / max(len(returns), 1),
        "costs": book.costs,
        "feasible": float(path[-1] > 0.0 and not book.overdrawn),
    }
    if deviation > 1e-12:
        found["sharpe"] = fmean(returns) / deviation * math.sqrt(_YEAR)
    return found


class _Account:
    """Cash and shares, filled and carried from day to day.

    Args:
        instance: the window.
        solution: the ledger.
    """

    def __init__(self, instance: Window, solution: Mapping[str, Any]) -> None:
        self._rules = solution["rules"]
        self._trades = solution["trades"]
        self._entries = len(solution["wealth"])
        self._prices = instance.market.prices
        self._columns, self._begin = instance.columns, instance.begin
        self._cash = 1.0
        self._shares = [0.0] * len(instance.columns)
        self.turnover = self.costs = 0.0
        self.overdrawn = False

    def days(self) -> Iterator[float]:
        """Yield the wealth at each close after the start."""
        fill = self._rules["fill"]
        if fill == "next-close":
            self._fill(0, self._close(0), -1)
        for entry in range(1, self._entries):
            if fill == "same-close":
                self._fill(entry, self._close(entry - 1), entry - 1)
                self._carry(self._close(entry - 1))
            elif fill == "next-open":
                self._fill(entry, self._open(entry - 1), entry - 2)
                if entry > 1:
                    self._carry(self._open(entry - 1))
            else:
                self._carry(self._close(entry - 1))
                self._fill(entry, self._close(entry), entry - 1)
            close = self._close(entry - 1 if fill == "next-open" else entry)
            yield max(self._worth(close), 0.0)

    def _close(self, day: int) -> list[float]:
        return [float(self._prices.close[self._begin + day, column]) for column in self._columns]

    def _open(self, day: int) -> list[float]:
        assert self._prices.open is not None
        return [float(self._prices.open[self._begin + day, column]) for column in self._columns]

    def _worth(self, prices: Sequence[float]) -> float:
        held = (shares * price for shares, price in zip(self._shares, prices, strict=True))
        return self._cash + math.fsum(held)

    def _fill(self, entry: int, prices: Sequence[float], seen: int) -> None:
        """Trade at given prices, when the close of the day ``seen`` was the latest known."""
        before = self._worth(prices)
        if before <= 0.0:
            return
        traded = spent = paid = 0.0
        for index, shares in enumerate(self._trades[entry]):
            worth = shares * prices[index]
            self._shares[index] += shares
            traded += abs(worth)
            spent += worth
            paid += self._cost(index, abs(worth), seen)
        debt = min(self._cash, 0.0)
        self._cash -= spent + paid
        self.costs += paid / before
        self.turnover += (traded + abs(spent)) / 2.0 / before
        if self._rules["long_only"]:
            held = min(s * p for s, p in zip(self._shares, prices, strict=True))
            # A tax may leave a debt; a trade must not add to it.
            self.overdrawn |= min(held, self._cash - debt) < -_SHORT * max(before, 1.0)

    def _cost(self, index: int, worth: float, seen: int) -> float:
        rate = self._rules["fee"]
        if self._rules["impact"] and worth > 0.0:
            assert self._prices.volume is not None
            column, last = self._columns[index], max(self._begin + seen, 0)
            close = self._prices.close[:, column]
            logs = [math.log(close[day] / close[day - 1])
                    for day in range(max(last - 59, 1), last + 1)]  # fmt: skip
            # The first day of all counts as one without a return.
            logs += [0.0] if last < 60 else []
            volatility = math.sqrt(fmean(log * log for log in logs))
            volume = fmean(
                close[day] * self._prices.volume[day, column]
                for day in range(max(last - 19, 0), last + 1)
            )
            share = worth * self._rules["capital"] / max(volume, 1.0)
            rate += self._rules["impact"] * volatility * math.sqrt(share)
        return float(min(rate, 0.5) * worth)

    def _carry(self, prices: Sequence[float]) -> None:
        """Book a day's interest, cost of borrowing and ESG grant, on what is held at its start."""
        worths = [shares * price for shares, price in zip(self._shares, prices, strict=True)]
        cash = self._cash
        debts = max(-cash, 0.0) + sum(max(-worth, 0.0) for worth in worths)
        scored = sum(w * score for w, score in zip(worths, self._rules["scores"], strict=True))
        self._cash += max(cash, 0.0) * (self._rules["cash_growth"] - 1.0)
        self._cash += self._rules["esg"] * scored - self._rules["borrow"] * debts


class _Olps(_Account):
    """The accounts of the OLPS toolbox: weights, and costs as a factor on each day's return."""

    def days(self) -> Iterator[float]:
        """Yield the wealth at each close after the start."""
        wealth = 1.0
        drifted = [0.0] * len(self._columns)
        for entry in range(1, self._entries):
            weights = self._trades[entry]
            moved = sum(abs(w - d) for w, d in zip(weights, drifted, strict=True))
            cost = self._rules["fee"] / 2.0 * moved
            relatives = [after / before for before, after in
                         zip(self._close(entry - 1), self._close(entry), strict=True)]  # fmt: skip
            grown = [w * x for w, x in zip(weights, relatives, strict=True)]
            cash = (1.0 - sum(weights)) * self._rules["cash_growth"]
            net = (sum(grown) + cash) * (1.0 - cost)
            drifted = [part / net for part in grown]
            wealth *= net
            self.turnover += moved / 2.0
            self.costs += cost
            yield wealth
