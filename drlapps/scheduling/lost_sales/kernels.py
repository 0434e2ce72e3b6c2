"""What agents see of a lost-sales system, and what its periods are charged, as Numba kernels."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.lost_sales.dynamic_programming import expectation
from drlapps.scheduling.lost_sales.lookahead import Models, newsvendor, pass_on, stockout

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SLOTS = 8
"""Numbers in an observation for the stock: on hand, arrivals of 6 periods, those of all later."""

CONSTANTS = 6
"""Numbers in an observation that describe the problem."""

PLAIN, AHEAD = SLOTS + 1 + CONSTANTS, 4
"""Numbers in an observation, and how many more there are if it looks ahead."""


@njit(cache=True, error_model="numpy")
def observe(
    lead_time: IntArray,
    on_hand: FloatArray,
    pipeline: FloatArray,
    mean: FloatArray,
    spread: FloatArray,
    constants: NDArray[np.float32],
    seen: NDArray[np.float32],
) -> None:
    """Write the part of the observations that looks at the present.

    Args:
        lead_time: (B,).
        on_hand: (B, 1).
        pipeline: (B, 1, P).
        mean: (B,) demand of a period.
        spread: (B,) standard deviation of the demand in ``L + 1`` periods.
        constants: (B, CONSTANTS) to copy.
        seen: (B, F) to be filled.
    """
    for row in range(mean.size):
        stock = on_hand[row, 0]
        seen[row, 0] = min(stock / mean[row] - 1.0, 10.0)
        position = stock
        last = SLOTS - 1
        for slot in range(1, SLOTS):
            seen[row, slot] = 0.0
        for slot in range(lead_time[row] - 1):
            arriving = pipeline[row, 0, slot]
            position += arriving
            place = min(slot + 1, last)
            seen[row, place] += arriving / mean[row] - 1.0
        for slot in range(1, SLOTS):
            seen[row, slot] = min(max(seen[row, slot], -10.0), 10.0)
        excess = (position - lead_time[row] * mean[row]) / spread[row]
        seen[row, SLOTS] = min(max(excess, -10.0), 10.0)
        for k in range(CONSTANTS):
            seen[row, SLOTS + 1 + k] = constants[row, k]


@njit(cache=True, error_model="numpy")
def look_ahead(
    models: Models,
    on_hand: FloatArray,
    pipeline: FloatArray,
    mean: FloatArray,
    seen: NDArray[np.float32],
) -> None:
    """Write the part of the observations that looks at the period in which an order arrives.

    Mean and standard deviation of the stock before the order, in mean demands; the probability that
    it does not suffice without the order; the myopic order, in mean demands.
    """
    law, work = np.zeros(models.costs.shape[1] + 1), np.zeros(models.costs.shape[1] + 1)
    for row in range(mean.size):
        low, high = pass_on(
            models, row, int(on_hand[row, 0]), pipeline[row, 0], models.lead_time[row], law, work
        )
        first = second = 0.0
        for stock in range(low, high + 1):
            first += law[stock] * stock
            second += law[stock] * stock * stock
        begin = PLAIN
        seen[row, begin] = min(first / mean[row] - 1.0, 10.0)
        seen[row, begin + 1] = min(np.sqrt(max(second - first * first, 0.0)) / mean[row], 10.0)
        seen[row, begin + 2] = stockout(models, row, law, low, high, 0)
        order = newsvendor(models, row, law, low, high, models.ratio[row])
        seen[row, begin + 3] = min(order / mean[row] - 1.0, 10.0)


@njit(cache=True, error_model="numpy")
def charge(
    models: Models,
    ranks: IntArray,
    start: IntArray,
    values: FloatArray,
    on_hand: FloatArray,
    pipeline: FloatArray,
    orders: FloatArray,
    found: FloatArray,
) -> None:
    """Write ``E[c + v(next state)] - v(state)``; without ``v`` where a problem has none.

    Args:
        models: the problems.
        ranks: (B, L, X + 1) of each row's space.
        start: (B,) where the row's relative values begin in ``values``; -1 if it has none.
        values: the relative values of all problems.
        on_hand: (B, 1).
        pipeline: (B, 1, P).
        orders: (B, 1), admitted.
        found: (B,) to be filled.
    """
    for row in range(found.size):
        lead_time, stock, order = models.lead_time[row], int(on_hand[row, 0]), int(orders[row, 0])
        found[row] = models.costs[row, stock] + (models.fixed[row] if order > 0 else 0.0)
        if start[row] < 0:
            continue
        # Room left by the newest k orders, from the newest on: see the numbering of states.
        room = models.storage[row]
        state = here = 0
        after = ranks[row, lead_time - 1, room - order]
        for k in range(lead_time - 1, 0, -1):
            room -= int(pipeline[row, 0, k - 1])
            state += ranks[row, k, room]
            after += ranks[row, k - 1, room - order]
        here = start[row] + state + room - stock
        target = start[row] + after
        found[row] += expectation(models.pmf[row], models.tail[row], values, target, stock)
        found[row] -= values[here]
