"""Who gets short stock: rationing among arcs, and patience among customers; Numba kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]

PROPORTIONAL, PRIORITY, BALANCED = 0, 1, 2
"""Places of :data:`.network.ALLOCATIONS`."""

EPSILON = 1e-9
"""What is added before a number is rounded down, against rounding errors."""

_HALVINGS = 60


@njit(cache=True, error_model="numpy")
def ration(
    head: IntArray,
    allocation: int,
    integer: bool,
    request: FloatArray,
    standing: FloatArray,
    row: int,
    begin: int,
    end: int,
    stock: float,
    total: float,
) -> None:
    """Cut the requests from ``begin`` to ``end`` to what the stock allows."""
    if allocation == PRIORITY:
        for arc in range(begin, end):
            request[arc] = min(request[arc], stock)
            stock -= request[arc]
    elif allocation == BALANCED:
        _balance(head, request, standing, row, begin, end, stock, integer)
    else:
        shares = before = 0.0
        for arc in range(begin, end):
            shares += request[arc] * stock / total
            if integer:
                # Rounding the running sum leaves no unit over, and gives nobody too many.
                up_to_here = math.floor(shares + EPSILON)
                request[arc] = up_to_here - before
                before = up_to_here
            else:
                request[arc] *= stock / total


@njit(cache=True, error_model="numpy")
def _balance(
    head: IntArray,
    request: FloatArray,
    standing: FloatArray,
    row: int,
    begin: int,
    end: int,
    stock: float,
    integer: bool,
) -> None:
    """Lift the lowest inventory positions first: fill up to the level that uses up the stock."""
    low, high = np.inf, -np.inf
    for arc in range(begin, end):
        place = standing[head[row, arc]]
        low, high = min(low, place), max(high, place + request[arc])
    for _ in range(_HALVINGS):
        level = 0.5 * (low + high)
        used = 0.0
        for arc in range(begin, end):
            used += min(max(level - standing[head[row, arc]], 0.0), request[arc])
        if used > stock:
            high = level
        else:
            low = level
    wanted = request[begin:end].copy()
    left = stock
    for arc in range(begin, end):
        units = min(max(low - standing[head[row, arc]], 0.0), wanted[arc - begin])
        request[arc] = math.floor(units + EPSILON) if integer else units
        left -= request[arc]
    while integer and left >= 1.0:
        lowest = -1
        for arc in range(begin, end):
            if request[arc] < wanted[arc - begin] and (
                lowest < 0
                or standing[head[row, arc]] + request[arc]
                < standing[head[row, lowest]] + request[lowest] - EPSILON
            ):
                lowest = arc
        request[lowest] += 1.0
        left -= 1.0


@njit(cache=True, error_model="numpy")
def patient_customers(missing: float, probability: float, uniform: float, integer: bool) -> float:
    """Return how many of the missing customers wait: a binomial number, or its mean."""
    if not integer or probability >= 1.0:
        return probability * missing
    units = int(missing)
    below = 0.0
    for number in range(units):
        # In logarithms, as (1 - p)^n may be too small for a float.
        below += math.exp(
            math.lgamma(units + 1.0) - math.lgamma(number + 1.0) - math.lgamma(units - number + 1.0)
            + number * math.log(probability) + (units - number) * math.log1p(-probability)
        )  # fmt: skip
        if uniform <= below:
            return float(number)
    return float(units)
