"""Tabu search from one schedule, as a kernel that can stop and go on at any iteration.

An iteration looks at the whole neighbourhood of one critical path, drawn at random where there are
several, and makes the move of least estimated makespan that is not tabu. Moving ``u`` behind
``v`` reverses the order of ``u`` and each operation from ``u`` to ``v``; to reverse it back is
tabu for a random number of iterations, and a move is tabu if all that it would establish is. A
tabu move is made nevertheless if its estimate beats the best schedule; if all moves are tabu, one
is drawn at random.

References:
    Glover 1989, "Tabu search - part I", ORSA Journal on Computing 1(3);
    Dell'Amico & Trubian 1993, "Applying tabu search to the job-shop scheduling problem", Annals of
    Operations Research 41, for the tabu list of reversed arcs;
    Zhang, Li, Rao & Guan 2008, "A very fast TS/SA algorithm for the job shop scheduling problem",
    Computers & Operations Research 35(1), for the lengths of the list.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.local_search.graph import IntArray, Selection, critical_path
from drlapps.scheduling.job_shop.local_search.neighbourhoods import (
    Row,
    estimate,
    insertions,
    rearranged,
)
from drlapps.scheduling.job_shop.local_search.walk import (
    BEST,
    IMPROVED,
    ITERATION,
    STUCK,
    Walk,
    below,
    bits,
    remember,
    step,
)

_NEVER = 2**62


class TabuList(NamedTuple):
    """The orders of two operations of a machine that may not be established for a while."""

    slot: IntArray
    """(N,) number of each operation among those of its machine, as columns of ``until``."""
    until: NDArray[np.int64]
    """(N, most operations of a machine) iteration from which ``u`` may go before ``w`` again."""


def tabu_list(machines: IntArray, exists: NDArray[np.bool_]) -> TabuList:
    """Return an empty list for operations on these machines.

    Args:
        machines: machine of each operation, shape ``(N,)``.
        exists: whether it is an operation, shape ``(N,)``.
    """
    slot = np.zeros(machines.size, np.int32)
    for machine in np.unique(machines[exists]):
        here = np.flatnonzero(exists & (machines == machine))
        slot[here] = np.arange(here.size)
    return TabuList(slot, np.zeros((machines.size, int(slot.max()) + 1), np.int64))


@njit(cache=True, error_model="numpy", inline="always")
def is_tabu(t: TabuList, line: IntArray, size: int, forward: bool, now: int) -> bool:
    """Return whether every order that the move would establish is tabu."""
    moving = line[size - 1] if forward else line[0]
    for i in range(size - 1):
        other = line[i] if forward else line[i + 1]
        first, second = (other, moving) if forward else (moving, other)
        if t.until[first, t.slot[second]] <= now:
            return False
    return True


@njit(cache=True, error_model="numpy", inline="always")
def forbid(t: TabuList, line: IntArray, size: int, forward: bool, until: int) -> None:
    """Make tabu every order that the move destroys."""
    moving = line[size - 1] if forward else line[0]
    for i in range(size - 1):
        other = line[i] if forward else line[i + 1]
        first, second = (moving, other) if forward else (other, moving)
        t.until[first, t.slot[second]] = until


@njit(cache=True, error_model="numpy")
def tabu_search(
    s: Selection,
    b: int,
    r: Row,
    w: Walk,
    t: TabuList,
    kind: int,
    tenure: int,
    patience: int,
    until: int,
) -> None:
    """Search on until an iteration count, or until ``patience`` iterations gained nothing.

    Args:
        s: the batch.
        b: the row.
        r: its views.
        w: the walk, begun.
        t: the tabu list.
        kind: the :class:`~.neighbourhoods.Neighbourhood`.
        tenure: least iterations that an order stays tabu; at most half as many more.
        patience: iterations without a better schedule after which the walk is stuck.
        until: iteration at which to stop.
    """
    counters = w.counters
    while counters[ITERATION] < until and counters[STUCK] == 0:
        now = counters[ITERATION]
        counters[ITERATION] += 1
        size = critical_path(s, b, w.path, bits(w.random))
        count = insertions(r, w.path, size, kind, w.moves)
        if count == 0:
            counters[STUCK] = 1
            break
        chosen, least, equals = -1, _NEVER, 0
        for i in range(count):
            u, v, forward = w.moves[i, 0], w.moves[i, 1], w.moves[i, 2] == 1
            length = rearranged(r, u, v, forward, w.line)
            guess = estimate(r, u, v, w.line, length, w.begins)
            if guess > least:
                continue
            if guess >= counters[BEST] and is_tabu(t, w.line, length, forward, now):
                continue
            equals = equals + 1 if guess == least else 1
            if equals == 1 or below(w.random, equals) == 0:
                chosen, least = i, guess
        if chosen < 0:
            chosen = below(w.random, count)
        u, v, forward = w.moves[chosen, 0], w.moves[chosen, 1], w.moves[chosen, 2] == 1
        length = rearranged(r, u, v, forward, w.line)
        lasting = tenure + below(w.random, tenure // 2 + 1)
        forbid(t, w.line, length, forward, now + 1 + lasting)
        s.makespan[b] = step(r, w, u, v, forward, length)
        if not remember(r, w, s.makespan[b]) and now + 1 - counters[IMPROVED] >= patience:
            counters[STUCK] = 1
