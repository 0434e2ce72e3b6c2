"""New starting points for a local search: schedules between two others, and random ones.

A topological order of all operations that keeps the jobs' own orders is always a schedule. Merging
two of them by taking, again and again, the first operation not yet taken of one or the other keeps
every order on a machine that both agree on, and resolves at random where they differ: a random
point of a path that relinks the two, with no repair.

References:
    Nowicki & Smutnicki 2005, "An advanced tabu search algorithm for the job shop problem", Journal
    of Scheduling 8(2), and Peng, Lü & Cheng 2015, "A tabu search/path relinking algorithm to solve
    the job shop scheduling problem", Computers & Operations Research 53, for relinking elite
    schedules with tabu search at the points between.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.local_search.graph import IntArray, Selection, evaluate
from drlapps.scheduling.job_shop.local_search.walk import below

RUN = 10
"""Mean number of operations that a merge takes in a row from one schedule or the other."""

SHARE = 4
"""One of so many runs is from the other schedule."""


@njit(cache=True, error_model="numpy")
def take_order(s: Selection, b: int, order: IntArray) -> bool:
    """Take the machine orders in which operations stand in ``order``, and evaluate them."""
    machines = s.machines[b].ravel()
    last = np.full(machines.max() + 1, -1, np.int32)
    for v in order:
        u = last[machines[v]]
        s.before[b, v] = u
        s.after[b, v] = -1
        if u >= 0:
            s.after[b, u] = v
        last[machines[v]] = v
    return evaluate(s, b)


@njit(cache=True, error_model="numpy")
def by_start(s: Selection, b: int) -> IntArray:
    """Return the operations of an evaluated row by start time, a topological order."""
    order = s.order[b, : s.operations[b]]
    return order[np.argsort(s.heads[b][order], kind="mergesort")]


@njit(cache=True, error_model="numpy")
def merge(s: Selection, a: int, b: int, c: int, random: NDArray[np.uint64]) -> None:
    """Fill row ``c`` with a schedule between those of rows ``a`` and ``b``, nearer to ``a``.

    The operations come from either in runs of random length, :data:`RUN` on average; each run
    is from ``b`` with the probability 1 / :data:`SHARE`.
    """
    first, second = by_start(s, a), by_start(s, b)
    order = np.empty_like(first)
    taken = np.zeros(s.heads.shape[1], np.bool_)
    i = j = 0
    from_first = True
    for place in range(order.size):
        if below(random, RUN) == 0:
            from_first = below(random, SHARE) > 0
        while i < order.size and taken[first[i]]:
            i += 1
        while j < order.size and taken[second[j]]:
            j += 1
        v = first[i] if from_first else second[j]
        order[place] = v
        taken[v] = True
    take_order(s, c, order)


@njit(cache=True, error_model="numpy")
def scatter(s: Selection, b: int, random: NDArray[np.uint64]) -> None:
    """Fill row ``b`` with a random schedule: all operations appended in a random order of jobs."""
    width = s.machines.shape[2]
    left = s.lengths[b].copy()
    order = np.empty(s.operations[b], np.int32)
    for place in range(order.size):
        drawn, j = below(random, order.size - place), 0
        while drawn >= left[j]:
            drawn -= left[j]
            j += 1
        order[place] = j * width + s.lengths[b, j] - left[j]
        left[j] -= 1
    take_order(s, b, order)


@njit(cache=True, error_model="numpy")
def distance(s: Selection, a: int, b: int) -> int:
    """Return how many operations have different followers on their machine in two rows."""
    return int(np.sum(s.after[a] != s.after[b]))


@njit(cache=True, error_model="numpy")
def copy(s: Selection, a: int, b: int) -> None:
    """Copy the schedule of row ``a``, with all that follows from it, to row ``b``."""
    s.before[b], s.after[b], s.order[b] = s.before[a], s.after[a], s.order[a]
    s.heads[b], s.tails[b], s.makespan[b] = s.heads[a], s.tails[a], s.makespan[a]
