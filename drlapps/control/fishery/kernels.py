"""The years of many fisheries at once, compiled.

Stocks are (B, S), coefficients as in :attr:`.stocks.StockModel.coefficients`, (B, S, COLUMNS + 2 S)
for the largest number of species ``S``; the missing species of smaller models have a stock of 0.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.control.fishery.stocks import COLUMNS, LARGEST_STOCK

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MORTALITY, ESCAPEMENT, LOGISTIC = 0, 1, 2
"""Kinds of harvest rules for :func:`play`."""


@numba.njit(inline="always")
def grow(table: Floats, left: Floats, year: float, i: int, count: int) -> float:
    """Return the expected stock of species ``i`` a year after the stocks ``left`` escaped."""
    own = left[i]
    drifted = min(year / table[i, 2], 1.0)
    rate = table[i, 0] + drifted * (table[i, 1] - table[i, 0])
    square = own * own
    predators, linear = table[i, 5], 0.0
    for j in range(count):
        predators += table[i, COLUMNS + j] * left[j]
        linear += table[i, COLUMNS + count + j] * left[j]
    eaten = predators * square / (table[i, 6] + square)
    after: float = own * (1.0 + rate * (1.0 - own * table[i, 3]) - table[i, 4] + linear) - eaten
    return after


@numba.njit(cache=True)
def advance(
    coefficients: Floats,
    species: Ints,
    limits: Floats,
    luck: Floats,
    path: Floats,
    year: Ints,
    mortality: Floats,
    active: Bools,
    caught: Floats,
    rewards: Floats,
    crashed: Bools,
) -> None:
    """Harvest, then grow, in the active rows.

    Args:
        coefficients: of the models, (B, S, COLUMNS + 2 S).
        species: how many there are, (B,).
        limits: threshold and penalty, (B, 2).
        luck: standard normal numbers of every year, (B, T, S).
        path: stocks before every year so far, (B, T + 1, S); gets those after this one.
        year: the year to come, (B,); moved on.
        mortality: share to be caught of each species, (B, S).
        active: rows to move, (B,).
        caught: gets the catch of each species, (B, S).
        rewards: gets the value of the catch less the penalty, (B,).
        crashed: gets whether a species is lost, (B,).
    """
    largest = path.shape[2]
    left = np.zeros(largest)
    for row in range(len(year)):
        if not active[row]:
            continue
        t, count = year[row], species[row]
        value, lost = 0.0, False
        left[count:] = 0.0
        for i in range(count):
            catch = mortality[row, i] * path[row, t, i]
            caught[row, i] = catch
            value += coefficients[row, i, 8] * catch
            left[i] = path[row, t, i] - catch
        for i in range(count):
            mean = grow(coefficients[row], left, float(t), i, largest)
            after = mean + coefficients[row, i, 7] * left[i] * luck[row, t, i]
            path[row, t + 1, i] = min(max(after, 0.0), LARGEST_STOCK)
            lost = lost or after <= limits[row, 0]
        if lost:
            value -= limits[row, 1] / (t + 1.0)
        rewards[row], crashed[row], year[row] = value, lost, t + 1


@numba.njit(inline="always")
def wanted(
    kind: int, parameters: Floats, harvested: Ints, stocks: Floats, initial: Floats, k: int
) -> float:
    """Return the mortality that a rule wants of the ``k``-th species that is fished."""
    stock: float = stocks[harvested[k]]
    share: float = parameters[k, 0]
    if kind == ESCAPEMENT:
        share = 1.0 - share / stock if stock > share else 0.0
    elif kind == LOGISTIC:
        for j in range(len(stocks)):
            share += parameters[k, 1 + j] * stocks[j] / initial[j]
        share = 1.0 / (1.0 + math.exp(-share)) if share > -700.0 else 0.0
    return share


@numba.njit(cache=True)
def play(
    table: Floats,
    limits: Floats,
    initial: Floats,
    harvested: Ints,
    luck: Floats,
    kind: int,
    parameters: Floats,
) -> Floats:
    """Return what a harvest rule earns on each path of one model, (P,).

    Args:
        table: coefficients of the model, (S, COLUMNS + 2 S).
        limits: threshold and penalty, (2,).
        initial: stocks in the first year, (S,).
        harvested: numbers of the species that are fished, (H,).
        luck: standard normal numbers, (P, T, S).
        kind: of the rule.
        parameters: of the rule, a row a fished species: mortality or escapement, (H, 1), or bias
            and weights of the stocks in units of the initial ones, (H, 1 + S).
    """
    paths, years, count = luck.shape
    returns = np.zeros(paths)
    stocks, left, share = np.empty(count), np.empty(count), np.zeros(count)
    for p in range(paths):
        stocks[:] = initial
        for t in range(years):
            for k in range(len(harvested)):
                share[harvested[k]] = wanted(kind, parameters, harvested, stocks, initial, k)
            for i in range(count):
                left[i] = (1.0 - share[i]) * stocks[i]
                returns[p] += table[i, 8] * share[i] * stocks[i]
            lost = False
            for i in range(count):
                after = grow(table, left, float(t), i, count)
                after += table[i, 7] * left[i] * luck[p, t, i]
                stocks[i] = min(max(after, 0.0), LARGEST_STOCK)
                lost = lost or after <= limits[0]
            if lost:
                returns[p] -= limits[1] / (t + 1.0)
                break
    return returns
