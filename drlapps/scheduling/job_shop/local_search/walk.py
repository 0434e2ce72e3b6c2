"""A walk through the schedules of one shop: each step is a move, and costs half an evaluation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.local_search.graph import IntArray, Selection
from drlapps.scheduling.job_shop.local_search.neighbourhoods import (
    Row,
    propagate,
    relink,
    reorder,
)

ITERATION, IMPROVED, BEST, STUCK, CHOICES = range(5)
"""Entries of :attr:`Walk.counters`."""


class Walk(NamedTuple):
    """What a walk keeps beside its schedule. ``N = n*o`` is the number of padded operations."""

    position: IntArray
    """(N,) place of each operation in the topological order."""
    path: IntArray
    """(N,) a critical path."""
    moves: IntArray
    """(2N + 2, 3) the neighbourhood."""
    line: IntArray
    """(N,) the operations that a move rearranges, in their new order."""
    begins: IntArray
    """(N,) scratch of estimates."""
    moved: IntArray
    """(N,) scratch of the topological order, zero between steps."""
    aside: IntArray
    """(N,) scratch of the topological order."""
    best_before: IntArray
    """(N,) previous operation on the machine in the best schedule seen."""
    best_after: IntArray
    """(N,) next operation on the machine there."""
    counters: NDArray[np.int64]
    """(5,) iterations, iteration of the last improvement, best makespan, whether it is stuck, and
    the moves listed for a walk that draws among them (0: to be listed)."""
    random: NDArray[np.uint64]
    """(1,) state of the generator, see :func:`draw`."""


def walk(size: int, rng: np.random.Generator) -> Walk:
    """Return what a walk among schedules of ``size`` padded operations needs."""

    def whole(*shape: int) -> IntArray:
        return np.zeros(shape, np.int32)

    return Walk(
        position=whole(size),
        path=whole(size),
        moves=whole(2 * size + 2, 3),
        line=whole(size),
        begins=whole(size),
        moved=whole(size),
        aside=whole(size),
        best_before=whole(size),
        best_after=whole(size),
        counters=np.zeros(5, np.int64),
        random=rng.integers(2**64, size=1, dtype=np.uint64),
    )


@njit(cache=True, error_model="numpy", inline="always")
def draw(random: NDArray[np.uint64]) -> np.uint64:
    """Return the next word of SplitMix64 (Steele, Lea & Flood 2014)."""
    random[0] += np.uint64(0x9E3779B97F4A7C15)
    z = random[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.uint64(z ^ (z >> np.uint64(31)))


@njit(cache=True, error_model="numpy", inline="always")
def bits(random: NDArray[np.uint64]) -> int:
    """Return 63 random bits."""
    return int(np.int64(draw(random) >> np.uint64(1)))


@njit(cache=True, error_model="numpy", inline="always")
def below(random: NDArray[np.uint64], bound: int) -> int:
    """Return a random number from 0 to ``bound - 1``."""
    return int(np.int64((draw(random) >> np.uint64(33)) % np.uint64(bound)))


@njit(cache=True, error_model="numpy", inline="always")
def uniform(random: NDArray[np.uint64]) -> float:
    """Return a random number in (0, 1]."""
    return float((draw(random) >> np.uint64(11)) + np.uint64(1)) * 2.0**-53


@njit(cache=True, error_model="numpy")
def begin(s: Selection, b: int, r: Row, w: Walk) -> None:
    """Start a walk at the evaluated schedule of row ``b``; iterations go on counting."""
    for place in range(r.operations):
        w.position[r.order[place]] = place
    w.best_before[:], w.best_after[:] = r.before, r.after
    w.counters[IMPROVED], w.counters[BEST] = w.counters[ITERATION], s.makespan[b]
    w.counters[STUCK] = w.counters[CHOICES] = 0


@njit(cache=True, error_model="numpy", inline="always")
def step(r: Row, w: Walk, u: int, v: int, forward: bool, size: int) -> int:
    """Make the move whose new order is the first ``size`` entries of ``line``.

    Returns:
        The makespan.
    """
    low, high = w.position[u], w.position[v]
    relink(r, u, v, w.line, size)
    reorder(r, u, v, forward, w.position, w.moved, w.aside)
    return propagate(r, low, high)


@njit(cache=True, error_model="numpy", inline="always")
def remember(r: Row, w: Walk, makespan: int) -> bool:
    """Keep the schedule if it is the best of the walk; return whether it is."""
    if makespan >= w.counters[BEST]:
        return False
    w.counters[BEST], w.counters[IMPROVED] = makespan, w.counters[ITERATION]
    w.best_before[:], w.best_after[:] = r.before, r.after
    return True
