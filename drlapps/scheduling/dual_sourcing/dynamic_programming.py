"""The exact optimum of a dual-sourcing problem, by relative value iteration.

**State.** Backorders make all that arrives within ``l_e`` periods one number. With ``x`` the
expedited inventory position (net stock plus what arrives by ``t + l_e``) and ``y_1 .. y_m`` the
regular orders due at ``t + l_e + 1 .. t + l_r - 1``, so ``m = l_r - l_e - 1``, expedite up to ``z
>= x`` and order ``q`` regular units; then ``x' = z + y_1 - D`` and ``y' = (y_2 .. y_m, q)``
(Veeraraghavan & Scheller-Wolf 2008). The costs that hang on the decision are ``C(z)``, the expected
holding and penalty cost of period ``t + l_e``.

**Without the money that must be spent.** What comes in equals the demand in the long run, so paying
``c_r`` for every unit costs ``c_r E[D]`` whatever the policy. The program has only the premium::

    g + h(x, y) = min_{z >= x, q} (c_e - c_r) (z - x) + C(z) + E h(z + y_1 - D, y_2 .. y_m, q)

**Beyond the table.** ``x`` runs over ``low .. high``. Below, ``h`` goes on with slope ``-(c_e -
c_r)``, which is exact where expediting up to ``low`` or more is optimal. Above, ``h`` stays as it
is at ``high``; as ``h`` and ``C`` rise there, this is a lower bound. Both conditions are checked,
and the table grows until they hold. Then ``T h - h >= bound`` in every state, inside and outside,
so that no policy whatsoever costs less than ``bound``, on average or by the control variate.

References:
    Veeraraghavan & Scheller-Wolf 2008, "Now or later: a simple policy for effective dual sourcing
    in capacitated systems", Operations Research 56(4);
    Puterman 1994, "Markov Decision Processes", section 8.5 (span bounds).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.dual_sourcing.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_STATES = 4_000_000
"""Larger problems are not solved."""

_TOLERANCE = 1e-11
"""Width of the bounds on the average cost, relative to it."""

_MOST_ITERATIONS = 50_000


@dataclass(frozen=True)
class Solution:
    """The exact solution of a problem.

    Pipelines ``y_1 .. y_m`` are numbered as numbers in base ``base``, ``y_1`` the first digit.

    Attributes:
        cost: the optimal long-run cost per period, ``c_r E[D]`` included.
        bound: what no policy's long-run cost is below: ``cost`` minus the proven error.
        problem: what is solved.
        low: the least expedited inventory position of the tables.
        base: one more than the largest regular order.
        values: ``h(x, y)``, shape ``(base**m, width)``.
        following: ``E h(s - D, y)`` of a position ``s`` before demand, shape ``(base**m, longer)``.
        levels: the position ``z`` up to which to expedite, shape ``(base**m, width)``.
        regular: the regular order, shape ``(base**(m - 1), longer)``: it hangs on ``z + y_1`` and
            ``y_2 .. y_m`` alone. Without a pipeline it hangs on ``z``.
    """

    cost: float
    bound: float
    problem: Problem
    low: int
    base: int
    values: FloatArray
    following: FloatArray
    levels: IntArray
    regular: IntArray

    def orders(self, position: FloatArray, pipeline: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the optimal regular and expedited orders, each (B,).

        Args:
            position: the expedited inventory position ``x``, (B,).
            pipeline: ``y_1 .. y_m``, (B, m).
        """
        number = self._number(pipeline)
        inside = np.clip(position - self.low, 0, self.values.shape[1] - 1).astype(np.int64)
        level = np.maximum(self.levels[number, inside], position)
        rest = len(self.regular)
        place = np.clip(level + number // rest - self.low, 0, self.regular.shape[1] - 1)
        regular = self.regular[number % rest, place.astype(np.int64)]
        return regular.astype(np.float64), level - position

    def expected_cost(
        self,
        position: FloatArray,
        pipeline: FloatArray,
        regular: FloatArray,
        expedited: FloatArray,
    ) -> FloatArray:
        """Return the expected cost of a period with its effect on all later ones, (B,).

        ``c_r E[D] + (c_e - c_r) (z - x) + C(z) + E h(x', y') - h(x, y)``: never below ``bound``,
        and ``cost``, up to the solver's error, where the orders are optimal.

        Args:
            position: the expedited inventory position before ordering, (B,).
            pipeline: ``y_1 .. y_m``, (B, m).
            regular: regular orders, whole and at most the capacity, (B,).
            expedited: expedited orders, (B,).
        """
        problem, level = self.problem, position + expedited
        number, order = self._number(pipeline), regular.astype(np.int64)
        if pipeline.shape[1]:
            rest = len(self.regular)
            next_number, arriving = (number % rest) * self.base + order, number // rest
        else:
            next_number, arriving = number, order
        ahead = self._extended(self.following, next_number, level + arriving)
        now = problem.premium * expedited + problem.stock_cost(level)
        return problem.unavoidable + now + ahead - self._extended(self.values, number, position)

    def _number(self, pipeline: FloatArray) -> IntArray:
        powers = self.base ** np.arange(pipeline.shape[1])[::-1]
        return np.asarray(pipeline.astype(np.int64) @ powers)

    def _extended(self, table: FloatArray, number: IntArray, position: FloatArray) -> FloatArray:
        """Look a table up; below it goes on with slope ``-premium``, above it stays as it is."""
        place = position - self.low
        inside = np.clip(place, 0, table.shape[1] - 1).astype(np.int64)
        return np.asarray(table[number, inside] - self.problem.premium * np.minimum(place, 0.0))


@lru_cache(maxsize=256)
def solve(problem: Problem) -> Solution | None:
    """Return the solution, its arrays read-only; ``None`` if there are too many states."""
    base, entries = problem.capacity + 1, problem.lead_time_difference - 1
    pmf = problem.demand.pmf()
    reach = max(len(pmf) - 1, problem.capacity)
    low, high = -2 * reach, problem.base_stock(problem.regular_lead_time + 1) + 2 * reach
    while base**entries * (high - low + 1 + reach) <= MOST_STATES:
        stock_costs = problem.stock_cost(np.arange(low, high + 1, dtype=np.float64))
        tables = _Tables(base, entries, len(stock_costs), reach)
        least, most = tables.iterate(stock_costs, pmf, problem.premium, problem.unavoidable)
        deep, tall = tables.levels.min() >= reach, tables.rises(len(pmf))
        if deep and tall:
            tables.levels += low
            for table in (tables.values, tables.following, tables.levels, tables.regular):
                table.setflags(write=False)
            return Solution(
                cost=problem.unavoidable + 0.5 * (least + most),
                bound=problem.unavoidable + least,
                problem=problem,
                low=low,
                base=base,
                values=tables.values,
                following=tables.following,
                levels=tables.levels,
                regular=tables.regular,
            )
        width = high - low
        low -= 0 if deep else width
        high += 0 if tall else width
    return None


class _Tables:
    """The tables of a solution while it is being made; levels count from the lowest position."""

    def __init__(self, base: int, entries: int, width: int, reach: int) -> None:
        pipelines, rest = base**entries, base ** max(entries - 1, 0)
        self.base, self.entries = base, entries
        self.values = np.zeros((pipelines, width))
        self.following = np.zeros((pipelines, width + reach))
        self.ahead = np.zeros((rest, width + reach))
        self.regular = np.zeros((rest, width + reach), np.int64)
        self.levels = np.zeros((pipelines, width), np.int64)

    def iterate(
        self, stock_costs: FloatArray, pmf: FloatArray, premium: float, unavoidable: float
    ) -> tuple[float, float]:
        """Sweep until the bounds on the average excess cost meet; return them."""
        least = most = 0.0
        new = np.empty_like(self.values)
        for _ in range(_MOST_ITERATIONS):
            _expect(self.values, pmf, premium, self.following)
            _order(self.following, self.base, self.entries, self.ahead, self.regular)
            _expedite(stock_costs, self.ahead, premium, new, self.levels)
            change = new - self.values
            least, most = float(change.min()), float(change.max())
            if most - least <= _TOLERANCE * (unavoidable + most):
                break
            np.subtract(new, new[0, 0], out=self.values)
        return least, most

    def rises(self, demands: int) -> bool:
        """Whether the values rise up to the table's upper end, as far as a demand reaches down."""
        return bool((np.diff(self.values[:, -demands - 1 :]) >= 0.0).all())


@njit(cache=True, error_model="numpy")
def _expect(values: FloatArray, pmf: FloatArray, slope: float, following: FloatArray) -> None:
    """Fill in ``E h(s - D, y)``."""
    pipelines, width = values.shape
    longer, most = following.shape[1], len(pmf) - 1
    row = np.empty(longer + most)
    for p in range(pipelines):
        for k in range(most):
            row[k] = values[p, 0] + slope * (most - k)
        row[most : most + width] = values[p]
        row[most + width :] = values[p, width - 1]
        following[p] = 0.0
        for d in range(most + 1):
            for s in range(longer):
                following[p, s] += pmf[d] * row[s + most - d]


@njit(cache=True, error_model="numpy")
def _order(
    following: FloatArray, base: int, entries: int, ahead: FloatArray, regular: IntArray
) -> None:
    """Find the regular order after each position ``s`` and pipeline, and what then lies ahead."""
    rests, longer = ahead.shape
    ahead[:] = np.inf
    for rest in range(rests):
        for q in range(base):
            for s in range(longer):
                if entries:
                    found = following[rest * base + q, s]
                else:
                    found = following[0, min(s + q, longer - 1)]
                if found < ahead[rest, s]:
                    ahead[rest, s] = found
                    regular[rest, s] = q


@njit(cache=True, error_model="numpy")
def _expedite(
    stock_costs: FloatArray, ahead: FloatArray, premium: float, new: FloatArray, levels: IntArray
) -> None:
    """Find the level to expedite up to from each state, and the state's new value."""
    pipelines, width = new.shape
    rests = len(ahead)
    for p in range(pipelines):
        arriving, rest = divmod(p, rests)
        best, level = np.inf, width - 1
        for x in range(width - 1, -1, -1):
            here = stock_costs[x] + ahead[rest, x + arriving]
            best += premium
            if here <= best:
                best, level = here, x
            new[p, x] = best
            levels[p, x] = level
