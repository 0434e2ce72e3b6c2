"""What is on hand when an order of today arrives: its law, and the orders that follow from it.

Over a period the law of the stock ``x`` passes to that of ``(x - D)^+`` plus what arrives. All
arrays have a row for each copy of a batch, so that every row may be a problem of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.lost_sales.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Models(NamedTuple):
    """The problems of a batch; ``X`` is the largest storage among them."""

    lead_time: IntArray
    """(B,)."""
    storage: IntArray
    """(B,)."""
    pmf: FloatArray
    """(B, X + 2) ``P(D = d)``."""
    tail: FloatArray
    """(B, X + 2) ``P(D >= d)``."""
    costs: FloatArray
    """(B, X + 1) expected holding and penalty cost of a period that begins with so many units."""
    ratio: FloatArray
    """(B,) critical ratio."""
    fixed: FloatArray
    """(B,) cost per order."""


def empty_models(rows: int, storage: int) -> Models:
    """Return models of no problem, with room for problems of a storage."""
    wide = (rows, storage + 2)
    return Models(
        np.ones(rows, np.int64),
        np.zeros(rows, np.int64),
        np.zeros(wide),
        np.zeros(wide),
        np.zeros((rows, storage + 1)),
        np.full(rows, 0.5),
        np.zeros(rows),
    )


def fill_model(models: Models, row: int, problem: Problem) -> None:
    """Write a problem into a row of the models."""
    width = problem.storage + 2
    models.lead_time[row] = problem.lead_time
    models.storage[row] = problem.storage
    models.pmf[row, :width], models.tail[row, :width] = problem.chances
    models.costs[row, : width - 1] = problem.costs
    models.ratio[row] = problem.ratio
    models.fixed[row] = problem.fixed


def models_of(problems: Sequence[Problem]) -> Models:
    """Return the models of problems, one a row."""
    models = empty_models(len(problems), max(problem.storage for problem in problems))
    for row, problem in enumerate(problems):
        fill_model(models, row, problem)
    return models


@njit(cache=True, error_model="numpy", fastmath=True)
def pass_on(
    models: Models,
    row: int,
    on_hand: int,
    arrivals: FloatArray,
    periods: int,
    law: FloatArray,
    work: FloatArray,
) -> tuple[int, int]:
    """Write the law of the stock some periods ahead, before what is ordered now.

    Args:
        models: the problems.
        row: which of them.
        on_hand: stock now.
        arrivals: of the periods to come.
        periods: how far to look.
        law: (X + 1,) to be filled.
        work: like it.

    Returns:
        The least and greatest stock of positive probability.
    """
    low = high = on_hand
    law[low] = 1.0
    for k in range(periods):
        arriving = int(arrivals[k]) if k < arrivals.size else 0
        for stock in range(high + 1):
            work[stock] = 0.0
        for stock in range(low, high + 1):
            weight = law[stock]
            work[0] += weight * models.tail[row, stock]
            for left in range(1, stock + 1):
                work[left] += weight * models.pmf[row, stock - left]
        for left in range(high + 1):
            law[left + arriving] = work[left]
        low, high = arriving, high + arriving
    return low, high


@njit(cache=True, error_model="numpy", fastmath=True)
def stockout(models: Models, row: int, law: FloatArray, low: int, high: int, order: int) -> float:
    """Return the probability that demand exceeds the stock of a law plus an order."""
    total = 0.0
    for stock in range(low, high + 1):
        total += law[stock] * models.tail[row, stock + order + 1]
    return total


@njit(cache=True, error_model="numpy")
def newsvendor(models: Models, row: int, law: FloatArray, low: int, high: int, ratio: float) -> int:
    """Return the least order with which demand is met with probability ``ratio``."""
    order = 0
    # Beyond the largest stock, high is all that is on hand and under way.
    while high + order < models.storage[row] and (
        stockout(models, row, law, low, high, order) > 1.0 - ratio
    ):
        order += 1
    return order


@njit(cache=True, error_model="numpy")
def newsvendors(
    models: Models,
    on_hand: FloatArray,
    pipeline: FloatArray,
    ratio: FloatArray,
    trigger: FloatArray,
    orders: FloatArray,
) -> None:
    """Write the least orders that meet demand in the period they arrive with given probability.

    Nothing is ordered where demand is met without an order with a probability that is enough.

    Args:
        models: the problems.
        on_hand: (B,).
        pipeline: (B, P) what arrives in the coming periods.
        ratio: (B,) the probabilities wanted.
        trigger: (B,) the probabilities that are enough.
        orders: (B,) to be filled.
    """
    law, work = np.zeros(models.costs.shape[1] + 1), np.zeros(models.costs.shape[1] + 1)
    for row in range(on_hand.size):
        low, high = pass_on(
            models, row, int(on_hand[row]), pipeline[row], models.lead_time[row], law, work
        )
        orders[row] = 0.0
        if stockout(models, row, law, low, high, 0) > 1.0 - trigger[row]:
            orders[row] = newsvendor(models, row, law, low, high, ratio[row])


@njit(cache=True, error_model="numpy", fastmath=True)
def cost_with(models: Models, row: int, law: FloatArray, low: int, high: int, order: int) -> float:
    """Return the expected cost of the period that a law of the stock plus an order meets."""
    total = models.fixed[row] if order > 0 else 0.0
    for stock in range(low, high + 1):
        total += law[stock] * models.costs[row, stock + order]
    return total


@njit(cache=True, error_model="numpy")
def myopic(models: Models, row: int, law: FloatArray, low: int, high: int) -> tuple[int, float]:
    """Return the order that is best for the period it arrives in, and the cost of that period."""
    order = newsvendor(models, row, law, low, high, models.ratio[row])
    cost = cost_with(models, row, law, low, high, order)
    if models.fixed[row] > 0.0:
        without = cost_with(models, row, law, low, high, 0)
        if without <= cost:
            return 0, without
    return order, cost


@njit(cache=True, error_model="numpy")
def myopic_orders(
    models: Models, on_hand: FloatArray, pipeline: FloatArray, orders: FloatArray
) -> None:
    """Write the myopic orders, (B,); the state as for :func:`newsvendors`."""
    law, work = np.zeros(models.costs.shape[1] + 1), np.zeros(models.costs.shape[1] + 1)
    for row in range(on_hand.size):
        low, high = pass_on(
            models, row, int(on_hand[row]), pipeline[row], models.lead_time[row], law, work
        )
        orders[row] = myopic(models, row, law, low, high)[0]


@njit(cache=True, error_model="numpy")
def myopic_2_orders(
    models: Models, on_hand: FloatArray, pipeline: FloatArray, orders: FloatArray
) -> None:
    """Write the orders best for the period they arrive in and the next, ordered in myopically."""
    law, ahead = np.zeros(models.costs.shape[1] + 1), np.zeros(models.costs.shape[1] + 1)
    work = np.zeros(models.costs.shape[1] + 1)
    for row in range(on_hand.size):
        stock, lead_time = int(on_hand[row]), models.lead_time[row]
        low, high = pass_on(models, row, stock, pipeline[row], lead_time, law, work)
        arrivals = np.zeros(lead_time)
        arrivals[: lead_time - 1] = pipeline[row, : lead_time - 1]
        best, previous = np.inf, np.inf
        for order in range(models.storage[row] - high + 1):
            arrivals[lead_time - 1] = order
            cost = cost_with(models, row, law, low, high, order)
            for left in range(stock + 1):
                chance = models.pmf[row, stock - left] if left else models.tail[row, stock]
                least, most = pass_on(
                    models, row, left + int(arrivals[0]), arrivals[1:], lead_time, ahead, work
                )
                cost += chance * myopic(models, row, ahead, least, most)[1]
            if cost < best:
                best, orders[row] = cost, order
            # Without fixed cost it falls and then rises.
            if models.fixed[row] == 0.0 and cost > previous:
                break
            previous = cost


@njit(cache=True, error_model="numpy")
def arrival_costs(
    models: Models, on_hand: FloatArray, pipeline: FloatArray, found: FloatArray
) -> None:
    """Write the expected cost of the period in which the newest order is on hand, (B,).

    The state is the one that the order has already entered, a period after it was placed.
    """
    law, work = np.zeros(models.costs.shape[1] + 1), np.zeros(models.costs.shape[1] + 1)
    for row in range(on_hand.size):
        low, high = pass_on(
            models, row, int(on_hand[row]), pipeline[row], models.lead_time[row] - 1, law, work
        )
        found[row] = 0.0
        for stock in range(low, high + 1):
            found[row] += law[stock] * models.costs[row, stock]
