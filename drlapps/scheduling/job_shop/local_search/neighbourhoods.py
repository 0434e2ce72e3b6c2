"""Moves of one operation within its critical block, and what they would make of the makespan.

A move ``(u, v, forward)`` concerns two operations of a machine, ``u`` before ``v``. Forward, ``u``
goes right after ``v``; backward, ``v`` goes right before ``u``. With ``u`` and ``v`` adjacent both
are the swap of N5.

A forward move makes a cycle only if a path leads from the job successor ``s`` of ``u`` to ``v``,
and then ``tail(s) >= duration(v) + tail(v)``. So the move is safe if ``tail(s) < duration(v) +
tail(v)``; and a backward one if ``head(p) < head(u) + duration(u)`` with ``p`` the job predecessor
of ``v``. (The conditions of Balas and Vazacopoulos ask for a little more: they add the duration of
``s`` or ``p``.)

References:
    Balas & Vazacopoulos 1998, "Guided local search with shifting bottleneck for job shop
    scheduling", Management Science 44(2), for N6, the conditions and the estimate;
    Taillard 1994, "Parallel taboo search techniques for the job shop scheduling problem", ORSA
    Journal on Computing 6(2), for the estimate of a swap;
    van Laarhoven, Aarts & Lenstra 1992, "Job shop scheduling by simulated annealing", Operations
    Research 40(1), for N1;
    Zhang, Li, Guan & Rao 2007, "A tabu search algorithm with a new neighborhood structure for the
    job shop scheduling problem", Computers & Operations Research 34(11), for N7.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numba import njit

from drlapps.scheduling.job_shop.local_search.graph import IntArray, Selection


class Neighbourhood(IntEnum):
    """Which operations of a critical block move where; N7 contains N6, and N6 N5."""

    N1 = 1
    """Any two adjacent ones of different jobs change places, of any block."""
    N5 = 5
    """The first two or the last two change places."""
    N6 = 6
    """Any operation goes to the block's beginning or to its end."""
    N7 = 7
    """The first and the last also go between any two others."""


class Row(NamedTuple):
    """One row of a :class:`~.graph.Selection`: views of its arrays, each of shape ``(n*o,)``."""

    durations: IntArray
    successor: IntArray
    predecessor: IntArray
    """Previous operation of the job, -1 before the first (a copy)."""
    release: IntArray
    """Release date of the operation's job (a copy)."""
    before: IntArray
    after: IntArray
    heads: IntArray
    tails: IntArray
    order: IntArray
    operations: int


def row(s: Selection, b: int) -> Row:
    """Return the views of row ``b``."""
    width = s.machines.shape[2]
    predecessor = np.full(s.before.shape[1], -1, np.int32)
    follows = np.flatnonzero(s.successor[b] >= 0)
    predecessor[s.successor[b, follows]] = follows
    return Row(
        durations=s.durations[b].reshape(-1),
        successor=s.successor[b],
        predecessor=predecessor,
        release=np.repeat(s.release[b], width),
        before=s.before[b],
        after=s.after[b],
        heads=s.heads[b],
        tails=s.tails[b],
        order=s.order[b],
        operations=int(s.operations[b]),
    )


@njit(cache=True, error_model="numpy", inline="always")
def is_safe(r: Row, u: int, v: int, forward: bool) -> bool:
    """Return whether heads and tails prove that the move makes no cycle."""
    if forward:
        s = r.successor[u]
        return bool(s < 0 or (s != v and r.tails[s] < r.durations[v] + r.tails[v]))
    p = r.predecessor[v]
    return bool(p < 0 or (p != u and r.heads[p] < r.heads[u] + r.durations[u]))


@njit(cache=True, error_model="numpy")
def insertions(r: Row, path: IntArray, size: int, kind: int, moves: IntArray) -> int:
    """Fill ``moves`` with the safe moves of a critical path.

    As in N5, a move that leaves a block's last place alone cannot help in the first block unless
    it waits for a release date, nor one that leaves the first place alone in the last block.

    Args:
        r: the evaluated row.
        path: a critical path.
        size: its length.
        kind: the :class:`Neighbourhood`.
        moves: shape ``(2 n*o + 2, 3)``; receives rows ``(u, v, forward)``.

    Returns:
        The number of moves.
    """
    count = first = 0
    while first < size:
        last = first
        while last + 1 < size and r.after[path[last]] == path[last + 1]:
            last += 1
        opens = first > 0 or r.heads[path[0]] > 0
        closes = last + 1 < size
        for place in range(first, last):
            # To the end: any operation, in N5 only the last but one.
            chosen = kind > Neighbourhood.N5 or place == last - 1
            u, v = path[place], path[last]
            if chosen and (closes or (opens and place == first)) and is_safe(r, u, v, True):
                moves[count, 0], moves[count, 1], moves[count, 2] = u, v, 1
                count += 1
        for place in range(first + 1, last + 1):
            # To the beginning; in a block of two this is the swap that was just named.
            chosen = kind > Neighbourhood.N5 or place == first + 1
            u, v = path[first], path[place]
            useful = last > first + 1 and (opens or (closes and place == last))
            if chosen and useful and is_safe(r, u, v, False):
                moves[count, 0], moves[count, 1], moves[count, 2] = u, v, 0
                count += 1
        if kind == Neighbourhood.N7:
            for place in range(first + 2, last):
                u, v = path[first], path[place]
                if opens and is_safe(r, u, v, True):
                    moves[count, 0], moves[count, 1], moves[count, 2] = u, v, 1
                    count += 1
            for place in range(first + 1, last - 1):
                u, v = path[place], path[last]
                if closes and is_safe(r, u, v, False):
                    moves[count, 0], moves[count, 1], moves[count, 2] = u, v, 0
                    count += 1
        first = last + 1
    return count


@njit(cache=True, error_model="numpy")
def critical_arcs(r: Row, path: IntArray, size: int, moves: IntArray) -> int:
    """Fill ``moves`` with N1: the swaps of all adjacent operations of the critical blocks.

    Arguments and result are those of :func:`insertions`.
    """
    count = 0
    for place in range(size - 1):
        u, v = path[place], path[place + 1]
        # Where durations are zero one proof may fail and the other hold.
        if r.after[u] == v and (is_safe(r, u, v, True) or is_safe(r, u, v, False)):
            moves[count, 0], moves[count, 1], moves[count, 2] = u, v, 1
            count += 1
    return count


@njit(cache=True, error_model="numpy", inline="always")
def rearranged(r: Row, u: int, v: int, forward: bool, line: IntArray) -> int:
    """Fill ``line`` with the operations from ``u`` to ``v`` in the order after the move."""
    size = 0
    if not forward:
        line[0] = v
        size = 1
    w = r.after[u] if forward else u
    while w != v:
        line[size] = w
        size += 1
        w = r.after[w]
    if forward:
        line[size], line[size + 1] = v, u
        size += 2
    return size


@njit(cache=True, error_model="numpy", inline="always")
def estimate(r: Row, u: int, v: int, line: IntArray, size: int, begins: IntArray) -> int:
    """Return the longest path through an operation of ``line``, supposing nothing else moves.

    Heads of operations before and tails of operations after the line are taken as they are, which
    is exact for a swap and nearly always right for a longer line.

    Args:
        r: the evaluated row.
        u: first of the operations before the move.
        v: last of them before the move.
        line: their order after the move.
        size: how many they are.
        begins: scratch, as long as ``line``.
    """
    left, right = r.before[u], r.after[v]
    time = r.heads[left] + r.durations[left] if left >= 0 else 0
    for i in range(size):
        w = line[i]
        p = r.predecessor[w]
        ready = r.heads[p] + r.durations[p] if p >= 0 else r.release[w]
        begins[i] = max(time, ready)
        time = begins[i] + r.durations[w]
    rest = r.durations[right] + r.tails[right] if right >= 0 else 0
    longest = 0
    for i in range(size - 1, -1, -1):
        w = line[i]
        s = r.successor[w]
        if s >= 0:
            rest = max(rest, r.durations[s] + r.tails[s])
        rest += r.durations[w]
        longest = max(longest, begins[i] + rest)
    return longest


@njit(cache=True, error_model="numpy", inline="always")
def relink(r: Row, u: int, v: int, line: IntArray, size: int) -> None:
    """Put the operations from ``u`` to ``v`` into the order of ``line`` on their machine."""
    w, right = r.before[u], r.after[v]
    for i in range(size):
        r.before[line[i]] = w
        if w >= 0:
            r.after[w] = line[i]
        w = line[i]
    r.after[w] = right
    if right >= 0:
        r.before[right] = w


@njit(cache=True, error_model="numpy")
def reorder(
    r: Row, u: int, v: int, forward: bool, position: IntArray, moved: IntArray, aside: IntArray
) -> None:
    """Mend the topological order after a relinked move; only operations from u to v change place.

    Forward, ``u`` and all that comes after it in the new graph is set aside and put behind ``v``;
    backward, ``v`` and all that comes before it is put in front of ``u``.

    Args:
        r: the row, relinked.
        u: first of the two operations before the move.
        v: last of them before the move.
        forward: the direction.
        position: place of each operation in the order; kept up to date.
        moved: scratch, shape ``(n*o,)``, all zero before and after.
        aside: scratch, shape ``(n*o,)``.
    """
    order = r.order
    low, high = position[u], position[v]
    start, stop, step = (low, high + 1, 1) if forward else (high, low - 1, -1)
    moved[u if forward else v] = 1
    count, free = 0, start
    for place in range(start, stop, step):
        w = order[place]
        if forward:
            in_job, on_machine = r.predecessor[w], r.before[w]
        else:
            in_job, on_machine = r.successor[w], r.after[w]
        follows = (in_job >= 0 and moved[in_job]) or (on_machine >= 0 and moved[on_machine])
        if moved[w] or follows:
            moved[w] = 1
            aside[count] = w
            count += 1
        else:
            order[free] = w
            position[w] = free
            free += step
    for i in range(count):
        w = aside[i]
        moved[w] = 0
        order[free] = w
        position[w] = free
        free += step


@njit(cache=True, error_model="numpy")
def propagate(r: Row, low: int, high: int) -> int:
    """Bring heads and tails up to date after the order changed from place ``low`` to ``high``.

    Returns:
        The makespan.
    """
    durations, heads, tails = r.durations, r.heads, r.tails
    makespan = 0
    for place in range(low):
        v = r.order[place]
        makespan = max(makespan, heads[v] + durations[v])
    for place in range(low, r.operations):
        v = r.order[place]
        p, m = r.predecessor[v], r.before[v]
        head = heads[p] + durations[p] if p >= 0 else r.release[v]
        if m >= 0:
            head = max(head, heads[m] + durations[m])
        heads[v] = head
        makespan = max(makespan, head + durations[v])
    for place in range(high, -1, -1):
        v = r.order[place]
        s, m = r.successor[v], r.after[v]
        tail = durations[s] + tails[s] if s >= 0 else 0
        if m >= 0:
            tail = max(tail, durations[m] + tails[m])
        tails[v] = tail
    return makespan
