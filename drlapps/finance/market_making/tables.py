"""What the kernels need of the markets that a batch meets, each market once."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.market_making.dynamic_programming import best_distance, solve
from drlapps.finance.market_making.kernels import Parameters, fill_probability
from drlapps.finance.market_making.market import Market


class MarketTables:
    """Parameters and value functions of markets, numbered in the order in which they came.

    Attributes:
        parameters: an array entry for each market.
        values: the value functions, one after the other; ``parameters.table`` says where each
            begins. May be longer than what is in use.
    """

    def __init__(self) -> None:
        self.parameters = Parameters(
            *(
                np.zeros(0, kind)
                for kind in (np.int64, np.int64, np.bool_, *[np.float64] * 12, np.int64)
            )
        )
        self.values: NDArray[np.float64] = np.zeros(0)
        self._numbers: dict[Market, int] = {}
        self._used = 0

    def number(self, market: Market) -> int:
        """Return the market's number; a new one is solved first."""
        if market not in self._numbers:
            entry = (*_constants(market), self._used)
            self.parameters = Parameters(
                *(
                    np.append(column, np.asarray(value, column.dtype))
                    for column, value in zip(self.parameters, entry, strict=True)
                )
            )
            self._store(solve(market).values.ravel())
            self._numbers[market] = len(self._numbers)
        return self._numbers[market]

    def _store(self, values: NDArray[np.float64]) -> None:
        end = self._used + values.size
        if end > self.values.size:
            # Twice what is needed: many markets must not mean as many copies of all.
            self.values = np.append(self.values[: self._used], np.zeros(2 * end - self._used))
        self.values[self._used : end] = values
        self._used = end


def _constants(market: Market) -> tuple[float, ...]:
    """Return the market's entry in the columns of the parameters but the last."""
    poisson = market.fills == "poisson"
    arrivals = market.mean_arrivals
    best = best_distance(0.0, arrivals, poisson)
    lapse = market.reversion * market.dt
    # A jump at a random moment of the step has decayed to this share, on average, by its end.
    remaining = -math.expm1(-lapse) / lapse
    return (
        market.steps,
        market.limit,
        poisson,
        market.dt,
        market.decay,
        market.intensity,
        market.volatility * math.sqrt(market.dt),
        market.running_penalty * market.dt,
        market.terminal_penalty,
        best * fill_probability(best, arrivals, poisson) / arrivals,
        market.excitation * remaining,
        market.cross_excitation * remaining,
        math.exp(-lapse),
        market.tilt,
        market.relaxation * market.dt,
    )
