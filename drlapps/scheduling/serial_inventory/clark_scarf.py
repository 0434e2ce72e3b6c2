"""Exact echelon base-stock levels of a serial system, and the heuristic of Shang and Song.

Clark and Scarf decompose the system into one-stage problems (Snyder & Shen 2019, section 6.2.2).
With ``D_j`` the demand of ``L_j`` periods of mean ``mu``, ``H`` the sum of the echelon rates and
``C_j(y)`` the cost that follows from raising echelon ``j`` to ``y``, all within it at its best::

    C_1(y) = E[ h_1 (y - D_1) + (p + H) (y - D_1)^- ]
    C_j(y) = h_j (y - L_j mu) + E[ C_{j-1}( min(S_{j-1}, y - D_j) ) ]
    S_j    = argmin C_j,    optimal cost per period = C_N(S_N)

Stage ``j`` may raise its echelon only to what is there upstream, hence the ``min``. With other
levels in place of ``S_{j-1}``, the recursion gives the exact cost of any echelon base-stock policy.

Each ``C_j`` is tabulated on a grid and is linear beyond it. Demand in whole units lives on the
integers, and nothing is approximated but tails below 1e-12. Normal demand is put on a grid of
1/512 standard deviations; the sum that stands for the integral converges with the square of the
step. The expectation is a convolution, done by the fast Fourier transform.

Example:
    Snyder & Shen, example 6.1 (its levels 6.49, 12.02 and 22.71, its cost 47.65):

    >>> from drlapps.scheduling.inventory.demand import Normal
    >>> from drlapps.scheduling.serial_inventory.problem import SerialProblem
    >>> solution = solve(SerialProblem((1, 1, 2), (3.0, 2.0, 2.0), 37.12, Normal(5.0, 1.0)))
    >>> [round(level, 2) for level in solution.levels]
    [6.49, 12.02, 22.71]
    >>> round(solution.cost, 3)
    47.66
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import fftconvolve

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Normal
from drlapps.scheduling.serial_inventory.problem import FloatArray, SerialProblem

STEPS = 512
"""Grid points to the standard deviation of the shortest lead time's demand, where it is normal."""

_REACH = 8.0
"""Standard deviations beyond which normal demand is left out: 1e-15 of it."""


class InducedCost(NamedTuple):
    """A cost as a function of an echelon's level: linear between grid points and beyond them."""

    start: float
    """Level of the first grid point."""
    step: float
    """Distance between two."""
    values: FloatArray
    """Costs at the grid points, at least three."""

    def __call__(self, levels: ArrayLike) -> FloatArray:
        """Return the costs of levels."""
        places = (np.asarray(levels, np.float64) - self.start) / self.step
        left = np.clip(np.floor(places), 0, len(self.values) - 2).astype(np.int64)
        low, high = self.values[left], self.values[left + 1]
        return np.asarray(low + (places - left) * (high - low))

    @property
    def best(self) -> int:
        """Index of the first grid point of least cost."""
        return int(self.values.argmin())

    @property
    def grid(self) -> FloatArray:
        """Levels of the grid points."""
        return np.asarray(self.start + self.step * np.arange(len(self.values)), np.float64)


class Solution(NamedTuple):
    """What the recursion finds; stage 1 comes first."""

    levels: tuple[float, ...]
    """Echelon base-stock levels."""
    cost: float
    """Cost per period of following them."""
    functions: tuple[InducedCost, ...]
    """The induced cost of each echelon."""


class _Law(NamedTuple):
    """Demand over a lead time on a grid."""

    start: float
    weights: FloatArray
    mean: float


@lru_cache(maxsize=256)
def solve(problem: SerialProblem) -> Solution:
    """Return optimal echelon base-stock levels; the arrays are read-only.

    Raises:
        InputError: the demand differs from period to period, or is neither in whole units nor
            normal.
    """
    return _recursion(problem, None)


def cost_of(problem: SerialProblem, levels: Sequence[float]) -> float:
    """Return the exact cost per period of any echelon base-stock policy.

    Args:
        problem: the system.
        levels: echelon base-stock levels, stage 1 first.

    Raises:
        InputError: as for :func:`solve`.
    """
    return _recursion(problem, levels).cost


@lru_cache(maxsize=1024)
def stage_cost(problem: SerialProblem) -> InducedCost:
    """Return ``C_1``, which needs no optimisation: stage 1 as if it had a supplier of its own.

    Raises:
        InputError: as for :func:`solve`.
    """
    step = _step(problem)
    return _first(problem, _law(problem, 0, step), step)


def shang_song(problem: SerialProblem) -> tuple[float, ...]:
    """Return the echelon base-stock levels of Shang and Song.

    Newsvendor solutions for the demand of all lead times from a stage to the customers bound its
    optimal level; the heuristic takes the mean of the two critical ratios' levels, rounded down
    where units are whole::

        (p + sum_{i>j} h_i) / (p + H)  <=  ratio  <=  (p + sum_{i>j} h_i) / (p + sum_{i>=j} h_i)
    """
    levels = []
    for stage, periods in enumerate(problem.echelon_lead_times):
        above = problem.penalty + sum(problem.holding[stage + 1 :])
        bounds = [
            problem.demand.quantile(above / (above + charged), periods) if charged else math.inf
            for charged in (sum(problem.holding[: stage + 1]), problem.holding[stage])
        ]
        # A stage that adds no holding cost has no upper bound: what lies there may as well go on.
        level = sum(bounds) / 2.0 if math.isfinite(bounds[1]) else _finite(bounds[0], problem)
        levels.append(float(math.floor(level)) if problem.demand.discrete else level)
    return tuple(levels)


def _finite(level: float, problem: SerialProblem) -> float:
    """Return a level, or, where even the lower bound is infinite, six standard deviations up."""
    if math.isfinite(level):
        return level
    periods = sum(problem.lead_times)
    law = problem.demand
    return float(math.ceil(law.mean * periods + 6.0 * math.sqrt(law.variance * periods)))


def _recursion(problem: SerialProblem, levels: Sequence[float] | None) -> Solution:
    """Return the induced costs when each stage follows a level: the given one, or the best."""
    step = _step(problem)
    functions = [_first(problem, _law(problem, 0, step), step)]
    chosen = [_level(functions[0], problem) if levels is None else levels[0]]
    for stage in range(1, problem.stages):
        law, below = _law(problem, stage, step), functions[-1]
        cap = below.grid[below.best] if levels is None else levels[stage - 1]
        function = _next(below, cap, law, problem.holding[stage])
        functions.append(function)
        chosen.append(_level(function, problem) if levels is None else levels[stage])
    last = functions[-1]
    cost = last.values[last.best] if levels is None else last(chosen[-1])
    for function in functions:
        function.values.setflags(write=False)
    return Solution(tuple(map(float, chosen)), float(cost), tuple(functions))


def _step(problem: SerialProblem) -> float:
    """Return the distance of two grid points, and refuse a demand that fits no grid."""
    if isinstance(problem.demand, Normal):
        return problem.demand.sd * math.sqrt(min(problem.lead_times)) / STEPS
    if not problem.is_stationary:
        raise InputError(
            "Clark and Scarf's recursion needs a demand law that is the same in every period, in "
            f"whole units or normal, not {type(problem.demand).__name__}"
        )
    return 1.0


def _law(problem: SerialProblem, stage: int, step: float) -> _Law:
    """Return the demand over a stage's lead time on the grid."""
    law, periods = problem.demand, problem.lead_times[stage]
    if not isinstance(law, Normal):
        weights = law.lead_time_pmf(periods)
        return _Law(0.0, weights, float(weights @ np.arange(len(weights))))
    sd = law.sd * math.sqrt(periods)
    reach = math.ceil(_REACH * sd / step)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) * (step / sd)) ** 2)
    mean = law.mean * periods
    return _Law(mean - reach * step, weights / weights.sum(), mean)


def _first(problem: SerialProblem, law: _Law, step: float) -> InducedCost:
    """Return ``C_1`` from one grid point below the least demand to one above the greatest."""
    start, count = law.start - step, len(law.weights) + 2
    levels = start + step * np.arange(count)
    # E (D - y)^+ is the sum of P(D > y) over all grid points from y up.
    above = np.append(np.cumsum(law.weights[::-1])[::-1], (0.0, 0.0))
    short = step * np.cumsum(above[::-1])[::-1]
    costs = problem.holding[0] * (levels - law.mean)
    return InducedCost(start, step, costs + (problem.penalty + sum(problem.holding)) * short)


def _next(below: InducedCost, cap: float, law: _Law, rate: float) -> InducedCost:
    """Return ``C_j``.

    Args:
        below: ``C_{j-1}``.
        cap: the level up to which stage ``j - 1`` raises its echelon.
        law: of the demand over stage ``j``'s lead time.
        rate: its echelon holding cost.
    """
    reach = len(law.weights) - 1
    # Below the first grid point all is linear, so that must lie below the cap.
    first = min(math.floor((cap - below.start) / below.step) - 1, 0)
    places = np.arange(first - reach, len(below.values) + reach)
    capped = below(np.minimum(below.start + below.step * places, cap))
    expected = fftconvolve(capped, law.weights, mode="valid")
    start = below.start + first * below.step + law.start
    levels = start + below.step * np.arange(len(expected))
    return InducedCost(start, below.step, rate * (levels - law.mean) + expected)


def _level(function: InducedCost, problem: SerialProblem) -> float:
    """Return the level of least cost: a whole number, or the vertex of a parabola."""
    place = function.best
    level = function.start + function.step * place
    if problem.demand.discrete or not 0 < place < len(function.values) - 1:
        return float(round(level)) if problem.demand.discrete else level
    left, here, right = function.values[place - 1 : place + 2]
    return float(level + 0.5 * function.step * (left - right) / (left - 2.0 * here + right))
