"""Dynamic programming over the stocks: exact for one species, coarse for more.

What is left of the stocks decides about the future, and a unit that is caught is worth the same
whatever is left. So with ``W_t(s)``, the best that is to be had after stocks ``s`` have escaped in
year ``t``, the best catch of stocks ``N`` is found by one maximum (Reed 1979)::

    V_t(N) = p.N + max over s <= N of ( W_t(s) - p.s ),       V_T = 0
    W_t(s) = P(all survive) E V_t+1(N') - (1 - P(all survive)) 100 / (t + 1)

On a grid the maximum over all ``s <= N`` is a running maximum along each fished species. Values
between grid points are interpolated linearly, expectations are Gauss-Hermite sums, probabilities of
survival those of the normal distribution. With one species and 1501 grid points all of this is
exact for practical purposes. With three species there are 51 points each, and interpolating adds
diffusion: the answer is that of a coarse grid, no optimum. On the test paths of ``model-3`` it
earns 64.1 with 21 points, 69.4 with 41, 70.7 with 51 and 71.5 with 61, which take twice the time;
some 0.7 of that is the sea emptied in the last year.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.control.fishery import kernels
from drlapps.control.fishery.stocks import StockModel
from drlapps.errors import InputError

Floats = NDArray[np.float64]

POINTS = {1: 1501, 2: 121, 3: 51}
"""Grid points a species, by the number of species."""

NODES = {1: 31, 2: 7, 3: 5}
"""Nodes of the Gauss-Hermite sum a species."""

_MARGIN = 1.25
"""The grid ends at so many times the largest stock met without much fishing."""


@dataclass(frozen=True)
class Values:
    """The solution of a model.

    Attributes:
        axes: grid of each species.
        escaped: ``W_t``, (T, points of every species).
        start: ``V_0`` at the initial stocks, the expected return.
    """

    axes: tuple[Floats, ...]
    escaped: NDArray[np.float32]
    start: float


@lru_cache(maxsize=8)
def solve(model: StockModel, points: int = 0) -> Values:
    """Solve a model.

    Args:
        model: the fishery.
        points: grid points a species; 0 for the usual.

    Raises:
        InputError: there are more than three species.
    """
    count = len(model.species)
    if count not in POINTS:
        raise InputError(f"dynamic programming takes at most 3 species, not {count}")
    size = points or POINTS[count]
    axes = tuple(_axis(top, size) for top in _tops(model))
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES[count])
    weights = weights / weights.sum()
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    prices = model.coefficients[:, 8]
    worth = mesh @ prices
    flat = mesh.reshape(-1, count)
    escaped = np.empty((model.years, *worth.shape), np.float32)
    value = np.zeros(worth.shape)
    scale = np.array([(size - 1) / math.sqrt(axis[-1]) for axis in axes])
    for year in range(model.years - 1, -1, -1):
        after = np.empty(len(flat))
        loss = model.penalty / (year + 1.0)
        _expect(
            model.coefficients, flat, value.ravel(), float(year), model.threshold, loss,
            size, scale, nodes, weights, after,
        )  # fmt: skip
        escaped[year] = after.reshape(worth.shape)
        value = escaped[year] - worth
        for species in model.harvested:
            value = np.maximum.accumulate(value, axis=int(species))
        value += worth
    start = _between(axes, value, model.initial)
    return Values(axes, escaped, start)


def escapement(values: Values, model: StockModel, year: int, stocks: Floats) -> Floats:
    """Return what it is best to leave of each fished species, (H,), at stocks (S,).

    Either one catches down to a point of the grid, or nothing: in between, what is interpolated
    linearly has no maximum.
    """
    table = values.escaped[year]
    choices: list[Floats] = []
    # From the last species on, so that the places of the others do not move.
    for species in range(len(values.axes) - 1, -1, -1):
        axis, stock = values.axes[species], float(stocks[species])
        low, part = _place(axis, stock)
        there = (1.0 - part) * table.take(low, species) + part * table.take(low + 1, species)
        if species not in model.harvested:
            table = there
            continue
        below = int(np.searchsorted(axis, stock))
        kept = np.append(axis[:below], stock)
        table = np.concatenate(
            [table.take(range(below), species), np.expand_dims(there, species)], axis=species
        )
        choices.insert(0, kept)
    prices = model.coefficients[model.harvested, 8]
    grids = np.meshgrid(*choices, indexing="ij")
    left = sum(price * grid for price, grid in zip(prices, grids, strict=True))
    best = np.unravel_index(int(np.argmax(table - left)), table.shape)
    return np.array([kept[place] for kept, place in zip(choices, best, strict=True)])


def _axis(top: float, size: int) -> Floats:
    """Return a grid from 0 on that is finer where stocks are small, as their noise is."""
    return np.asarray(top * np.linspace(0.0, 1.0, size) ** 2)


def _place(axis: Floats, stock: float) -> tuple[int, float]:
    low = min(max(int(np.searchsorted(axis, stock, side="right")) - 1, 0), len(axis) - 2)
    part = (stock - axis[low]) / (axis[low + 1] - axis[low])
    return low, min(part, 1.0)


def _between(axes: tuple[Floats, ...], table: Floats, stocks: Floats) -> float:
    """Interpolate a table at stocks, (S,)."""
    for axis, stock in zip(axes, stocks, strict=True):
        low, part = _place(axis, float(stock))
        table = (1.0 - part) * table[low] + part * table[low + 1]
    return float(table)


def _tops(model: StockModel) -> Floats:
    """Return the largest stocks met on some paths without fishing and with a little of it."""
    rows, count = 64, len(model.species)
    luck = np.random.default_rng(0).standard_normal((rows, model.years, count))
    path = np.zeros((rows, model.years + 1, count))
    path[:, 0] = model.initial
    share = np.zeros((rows, count))
    share[rows // 2 :, model.harvested] = 0.2
    table = np.broadcast_to(model.coefficients, (rows, *model.coefficients.shape)).copy()
    year, crashed = np.zeros(rows, np.int64), np.zeros(rows, np.bool_)
    for _ in range(model.years):
        kernels.advance(
            table, np.full(rows, count), np.zeros((rows, 2)), luck, path, year, share,
            ~crashed, np.zeros((rows, count)), np.zeros(rows), crashed,
        )  # fmt: skip
    return np.asarray(_MARGIN * path.max(axis=(0, 1)))


@numba.njit(cache=True)
def _expect(
    table: Floats,
    left: Floats,
    value: Floats,
    year: float,
    threshold: float,
    loss: float,
    size: int,
    scale: Floats,
    nodes: Floats,
    weights: Floats,
    after: Floats,
) -> None:
    """Put the expected value a year after each of the points ``left``, (P, S), into ``after``.

    Args:
        table: coefficients of the model.
        left: what escapes.
        value: of the next year, on the grid, flattened, (P,).
        year: of the coefficients.
        threshold: at which a species is lost.
        loss: what that costs.
        size: grid points a species.
        scale: of each species: place on the grid by the root of the stock.
        nodes: of the sum.
        weights: of the nodes.
        after: result, (P,).
    """
    count = left.shape[1]
    # Weight of every grid point between the first and the last that matter, by species; missing
    # species have one point.
    share = np.zeros((3, size))
    first, last = np.zeros(3, np.int64), np.zeros(3, np.int64)
    stride = np.zeros(3, np.int64)
    for i in range(3):
        stride[i] = size ** (count - 1 - i) if i < count else 0
    for point in range(len(left)):
        survive = 1.0
        for i in range(3):
            share[i, first[i] : last[i] + 1] = 0.0
            if i >= count:
                first[i], last[i], share[i, 0] = 0, 0, 1.0
                continue
            mean = kernels.grow(table, left[point], year, i, count)
            deviation = table[i, 7] * left[point, i]
            if deviation > 0.0:
                survive *= 0.5 * math.erfc((threshold - mean) / (deviation * math.sqrt(2.0)))
            elif mean <= threshold:
                survive = 0.0
            first[i], last[i] = size, 0
            for k in range(len(nodes)):
                root = math.sqrt(max(mean + deviation * nodes[k], 0.0))
                place = min(root * scale[i], size - 1.0)
                low = min(int(place), size - 2)
                below, above = (low / scale[i]) ** 2, ((low + 1) / scale[i]) ** 2
                part = min((root * root - below) / (above - below), 1.0)
                share[i, low] += weights[k] * (1.0 - part)
                share[i, low + 1] += weights[k] * part
                first[i], last[i] = min(first[i], low), max(last[i], low + 1)
        total = 0.0
        if survive > 0.0:
            for a in range(first[0], last[0] + 1):
                for b in range(first[1], last[1] + 1):
                    both = share[0, a] * share[1, b]
                    if both == 0.0:
                        continue
                    base = a * stride[0] + b * stride[1]
                    line = 0.0
                    for c in range(first[2], last[2] + 1):
                        line += share[2, c] * value[base + c * stride[2]]
                    total += both * line
        after[point] = survive * total - (1.0 - survive) * loss
