"""The exact dynamic program of a lost-sales system, and the exact cost of any policy for it.

The state is what is on hand and what arrives in the coming ``L - 1`` periods, ``x = (x_0, x_1, ...,
x_{L-1})``, in whole units, at most ``storage`` in all. With demand ``D`` and order ``q`` the next
state is ``(x_1 + (x_0 - D)^+, x_2, ..., x_{L-1}, q)``, and the long-run average cost ``g`` solves::

    g + v(x) = h E(x_0 - D)^+ + p E(D - x_0)^+ + min { K [q > 0] + E v(next state) over q }

**States are numbered** by the combinatorial number system. With ``r_k = storage - (x_k + ... +
x_{L-1})``, the room that the newest orders leave, ``r_0 <= r_1 <= ... <= r_{L-1}``, and ::

    number(x) = r_0 + C(r_1 + 1, 2) + C(r_2 + 2, 3) + ... + C(r_{L-1} + L - 1, L)

counts them without a gap. States that differ in the stock on hand alone lie side by side: an
expectation over the demand is a dot product of two pieces of memory.

**Modified policy iteration** (Puterman & Shin 1978): one sweep over all orders, then cheap sweeps
with the best ones. With ``T`` the operator on the right, ``min (T v - v) <= g <= max (T v - v)``
for every ``v`` (Odoni 1969): the error is proven, not estimated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray

from drlapps.errors import InputError
from drlapps.scheduling.lost_sales.problem import Problem

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MOST_STATES = 20_000_000
"""Largest program that is solved."""

TOLERANCE = 1e-12
"""Proven error of the average cost, relative to it, at which iterations stop."""

_SWEEPS = 20
_PATIENCE, _MOST_ROUNDS = 100, 2_000


@dataclass(frozen=True)
class Space:
    """The numbered states of a problem.

    Attributes:
        lead_time: ``L``, entries of a state.
        storage: most units in all.
    """

    lead_time: int
    storage: int

    @property
    def size(self) -> int:
        """Number of states."""
        return math.comb(self.storage + self.lead_time, self.lead_time)

    @cached_property
    def ranks(self) -> IntArray:
        """``C(r + k, k + 1)`` in row ``k``, column ``r``; shape ``(L, storage + 1)``."""
        return np.array(
            [
                [math.comb(room + k, k + 1) for room in range(self.storage + 1)]
                for k in range(self.lead_time)
            ],
            np.int64,
        )

    def numbers(self, states: ArrayLike) -> IntArray:
        """Return the numbers of states, shape ``(..., L)``; none may hold more than storage."""
        newest_first = np.asarray(states, np.int64)[..., ::-1]
        room = self.storage - np.cumsum(newest_first, axis=-1)[..., ::-1]
        return np.asarray(self.ranks[np.arange(self.lead_time), room].sum(axis=-1))

    def states(self) -> IntArray:
        """Return all states in the order of their numbers, shape ``(size, L)``."""
        found = np.empty((self.size, self.lead_time), np.int64)
        _list_states(self.ranks, found)
        return found


@dataclass(frozen=True)
class Solution:
    """The solved program; arrays are read-only and indexed by the state's number.

    Attributes:
        space: the numbered states.
        cost: ``g``, the optimal long-run average cost, to within ``cost - bound``.
        bound: what no policy can beat.
        values: ``v``, the relative values; 0 where the shelf is empty.
        orders: an optimal order.
    """

    space: Space
    cost: float
    bound: float
    values: FloatArray
    orders: IntArray


@lru_cache(maxsize=64)
def solve(problem: Problem) -> Solution | None:
    """Return the solution of a problem, or ``None`` where it has more than ``MOST_STATES``."""
    space = Space(problem.lead_time, problem.storage)
    if space.size > MOST_STATES:
        return None
    ranks, chances, costs = space.ranks, problem.chances, problem.costs
    values, after = np.zeros(space.size), np.empty(space.size)
    orders, everywhere = np.zeros(space.size, np.int64), np.ones(space.size, np.bool_)
    for turn in range(_MOST_ROUNDS):
        low, high = _improve(ranks, chances, costs, problem.fixed, values, after, orders)
        values, after = _settle(values, after, turn)
        if high - low <= _attainable(TOLERANCE, high, values):
            break
        for _ in range(_SWEEPS):
            _follow(ranks, chances, costs, problem.fixed, orders, everywhere, values, after)
            values, after = _settle(values, after, turn)
    else:
        raise InputError("the dynamic program does not settle: its demand is hardly random")
    values.setflags(write=False)
    orders.setflags(write=False)
    return Solution(space, (low + high) / 2, low, values, orders)


def evaluate_exactly(
    problem: Problem, space: Space, orders: IntArray, tolerance: float = TOLERANCE
) -> float:
    """Return the long-run average cost of a stationary policy, from an empty shelf on.

    Args:
        problem: what is ordered for.
        space: the states, of any storage up to the problem's that the orders keep.
        orders: of each state.
        tolerance: relative error of the cost.

    Raises:
        InputError: there is no single cost, as chance decides where the policy ends up.
    """
    ranks, chances, costs = space.ranks, problem.chances, problem.costs
    values, after = np.zeros(space.size), np.zeros(space.size)
    reached = np.zeros(space.size, np.bool_)
    reached[-1] = True
    while _spread(ranks, chances, orders, reached):
        pass
    for turn in range(_MOST_ROUNDS):
        for _ in range(_SWEEPS):
            low, high = _follow(
                ranks, chances, costs, problem.fixed, orders, reached, values, after
            )
            values, after = _settle(values, after, turn)
        if high - low <= _attainable(tolerance, high, values):
            return (low + high) / 2
    raise InputError("the policy has no single long-run cost")


def myopic_orders(
    problem: Problem, space: Space, horizon: int = 1, penalty: float | None = None
) -> IntArray:
    """Return the orders that are best if only the coming periods count, for each state.

    An order of period ``t`` matters from period ``t + L`` on. The myopic policy (Morton 1971;
    Zipkin 2008) minimises the expected cost of that one period; with a longer horizon the costs of
    as many periods, ordered in by the same principle.

    Args:
        problem: what is ordered for; its fixed cost counts.
        space: the states.
        horizon: 1 for ``myopic``, 2 for ``myopic-2``.
        penalty: to reckon with instead of the problem's own; the fixed cost is left out then.
    """
    costs, fixed = problem.costs, problem.fixed
    if penalty is not None:
        costs = problem.one_period_costs(problem.demand.pmf(), problem.storage, penalty)
        fixed = 0.0
    ranks, chances, free = space.ranks, problem.chances, np.zeros_like(costs)
    orders, everywhere = np.zeros(space.size, np.int64), np.ones(space.size, np.bool_)
    # Expected cost of the period L - 1 from now, to which no order of today can add.
    ahead = costs[space.states()[:, 0]]
    for _ in range(space.lead_time - 1):
        after = np.empty(space.size)
        _follow(ranks, chances, free, 0.0, orders, everywhere, ahead, after)
        ahead = after
    values = ahead
    for _ in range(horizon):
        after = np.empty(space.size)
        _improve(ranks, chances, free, fixed, values, after, orders)
        values = ahead + after
    return orders


def _attainable(tolerance: float, cost: float, values: FloatArray) -> float:
    """Return the error of a cost at which to stop: the tolerance, if rounding errors allow it."""
    return max(tolerance * cost, 16.0 * np.finfo(np.float64).eps * float(np.abs(values).max()))


def _settle(values: FloatArray, after: FloatArray, turn: int) -> tuple[FloatArray, FloatArray]:
    """Return the values to go on with, 0 in the last state, and an array to write to.

    Values of a chain with a period would swing forever; if they have not settled in time, they are
    averaged with those of the sweep before, which ends it (Schweitzer 1971).
    """
    if turn >= _PATIENCE:
        after += values
        after *= 0.5
    after -= after[-1]
    return after, values


@njit(cache=True, error_model="numpy")
def _list_states(ranks: IntArray, found: IntArray) -> None:
    lead_time, storage = ranks.shape[0], ranks.shape[1] - 1
    room = np.zeros(lead_time + 1, np.int64)
    room[lead_time] = storage
    for index in range(found.shape[0]):
        for k in range(lead_time):
            found[index, k] = room[k + 1] - room[k]
        _next(room, 0)


@njit(cache=True, error_model="numpy")
def _next(room: IntArray, first: int) -> bool:
    """Move on to the next of all rising ``room[first:-1] <= room[-1]``; False after the last."""
    last = room.size - 1
    for k in range(first, last):
        if room[k] < room[k + 1]:
            room[k] += 1
            for below in range(first, k):
                room[below] = 0
            return True
    return False


@njit(cache=True, error_model="numpy")
def _target(ranks: IntArray, room: IntArray, order: int) -> int:
    """Return the number of the next state if nothing is left over.

    With ``u`` units left over it is the number less ``u``.
    """
    number = int(room[1]) - order
    for k in range(1, ranks.shape[0]):
        number += int(ranks[k, room[k + 1] - order])
    return number


@njit(cache=True, error_model="numpy", fastmath=True)
def expectation(
    pmf: FloatArray, tail: FloatArray, values: FloatArray, target: int, stock: int
) -> float:
    """Return the expected value of the next state, over the demand that meets the stock."""
    total = float(tail[stock] * values[target])
    first = target - stock
    for demand in range(stock):
        total += pmf[demand] * values[first + demand]
    return total


@njit(cache=True, error_model="numpy")
def _improve(
    ranks: IntArray,
    chances: FloatArray,
    costs: FloatArray,
    fixed: float,
    values: FloatArray,
    after: FloatArray,
    orders: IntArray,
) -> tuple[float, float]:
    """Write ``T v`` and the orders that attain it; return the least and greatest ``T v - v``."""
    lead_time, storage = ranks.shape[0], ranks.shape[1] - 1
    room = np.zeros(lead_time + 1, np.int64)
    room[lead_time] = storage
    low, high = np.inf, -np.inf
    begin = 0
    while True:
        most = room[1]
        for index in range(begin, begin + most + 1):
            after[index] = np.inf
        for order in range(most + 1):
            target = _target(ranks, room, order)
            charge = fixed if order > 0 else 0.0
            for stock in range(most - order + 1):
                value = charge + expectation(chances[0], chances[1], values, target, stock)
                index = begin + most - stock
                if value < after[index]:
                    after[index] = value
                    orders[index] = order
        for stock in range(most + 1):
            index = begin + most - stock
            after[index] += costs[stock]
            change = after[index] - values[index]
            low, high = min(low, change), max(high, change)
        begin += most + 1
        if not _next(room, 1):
            return low, high


@njit(cache=True, error_model="numpy")
def _follow(
    ranks: IntArray,
    chances: FloatArray,
    costs: FloatArray,
    fixed: float,
    orders: IntArray,
    reached: NDArray[np.bool_],
    values: FloatArray,
    after: FloatArray,
) -> tuple[float, float]:
    """Write ``T v`` of given orders where they lead; return the least and greatest ``T v - v``."""
    lead_time, storage = ranks.shape[0], ranks.shape[1] - 1
    room = np.zeros(lead_time + 1, np.int64)
    room[lead_time] = storage
    low, high = np.inf, -np.inf
    begin = 0
    while True:
        most = room[1]
        for stock in range(most + 1):
            index = begin + most - stock
            if not reached[index]:
                continue
            order = orders[index]
            value = costs[stock] + (fixed if order > 0 else 0.0)
            target = _target(ranks, room, order)
            value += expectation(chances[0], chances[1], values, target, stock)
            after[index] = value
            low, high = min(low, value - values[index]), max(high, value - values[index])
        begin += most + 1
        if not _next(room, 1):
            return low, high


@njit(cache=True, error_model="numpy")
def _spread(
    ranks: IntArray, chances: FloatArray, orders: IntArray, reached: NDArray[np.bool_]
) -> bool:
    """Mark the states that follow those marked; return whether one is new."""
    lead_time, storage = ranks.shape[0], ranks.shape[1] - 1
    room = np.zeros(lead_time + 1, np.int64)
    room[lead_time] = storage
    begin, more = 0, False
    while True:
        most = room[1]
        for stock in range(most + 1):
            index = begin + most - stock
            if reached[index]:
                target = _target(ranks, room, orders[index])
                for left in range(stock + 1):
                    chance = chances[0, stock - left] if left else chances[1, stock]
                    if chance > 0.0 and not reached[target - left]:
                        reached[target - left] = more = True
        begin += most + 1
        if not _next(room, 1):
            return more
