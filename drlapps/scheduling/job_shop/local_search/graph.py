"""The disjunctive graph of many job shops at once: longest paths, critical blocks, moves.

Operation ``v = j * o + k`` is place ``k`` of job ``j``, with ``o`` the padded operations a job. A
*selection* fixes the order of the operations on every machine; it is a schedule if the graph of
its job and machine arcs has no cycle, and every operation then starts at its *head*. The *tail* of
an operation is the longest path from its end to the end of the schedule, so the longest path
through ``v`` has the length ``heads[v] + duration + tails[v]``, and ``v`` is *critical* if that is
the makespan.

Every kernel has a plain NumPy twin in ``tests/scheduling/job_shop/local_search/test_graph.py``.

References:
    Roy & Sussmann 1964, "Les problèmes d'ordonnancement avec contraintes disjonctives", Note DS
    No. 9 bis, SEMA, for the disjunctive graph;
    Nowicki & Smutnicki 1996, "A fast taboo search algorithm for the job shop problem", Management
    Science 42(6), for the critical blocks and the neighbourhood N5.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.shop import JobShop

IntArray = NDArray[np.integer[Any]]


class Selection(NamedTuple):
    """The machine orders of a batch of shops, and the longest paths that follow from them.

    Live arrays of ``int32``, changed in place. Shapes: batch ``B``, jobs ``n``, operations a job
    ``o``; operations that a shop does not have have no neighbours, head 0 and tail 0.
    """

    machines: IntArray
    """(B, n, o) machine of each operation."""
    durations: IntArray
    """(B, n, o)."""
    lengths: IntArray
    """(B, n) operations of each job; 0 for the jobs a smaller shop does not have."""
    release: IntArray
    """(B, n) earliest start of each job."""
    successor: IntArray
    """(B, n*o) next operation of the job, -1 after the last."""
    before: IntArray
    """(B, n*o) previous operation on the machine, -1 if there is none."""
    after: IntArray
    """(B, n*o) next operation on the machine, -1 if there is none."""
    heads: IntArray
    """(B, n*o) longest path to the start of the operation."""
    tails: IntArray
    """(B, n*o) longest path from the end of the operation, its own duration left out."""
    order: IntArray
    """(B, n*o) the operations in a topological order; the first ``operations`` entries count."""
    operations: IntArray
    """(B,) number of operations."""
    makespan: IntArray
    """(B,) longest path."""


def empty(batch: int, jobs: int, width: int) -> Selection:
    """Return a batch of empty shops with room for ``jobs`` jobs of ``width`` operations."""
    size = jobs * width

    def zeros(*shape: int) -> IntArray:
        return np.zeros((batch, *shape), np.int32)

    def none() -> IntArray:
        return np.full((batch, size), -1, np.int32)

    return Selection(
        machines=zeros(jobs, width),
        durations=zeros(jobs, width),
        lengths=zeros(jobs),
        release=zeros(jobs),
        successor=none(),
        before=none(),
        after=none(),
        heads=zeros(size),
        tails=zeros(size),
        order=zeros(size),
        operations=zeros(),
        makespan=zeros(),
    )


def load(s: Selection, b: int, shop: JobShop) -> None:
    """Put a shop into row ``b``; no operation has neighbours on its machine yet."""
    n, o = shop.durations.shape
    for values in s:
        values[b] = 0
    s.machines[b, :n, :o] = shop.machines
    s.durations[b, :n, :o] = shop.durations
    s.lengths[b, :n] = shop.lengths
    s.release[b, :n] = shop.release
    s.operations[b] = shop.operations
    s.before[b] = s.after[b] = -1
    places = np.arange(s.machines[b].size, dtype=np.int32).reshape(s.machines[b].shape)
    goes_on = np.arange(1, places.shape[1] + 1) < s.lengths[b, :, None]
    s.successor[b] = np.where(goes_on, places + 1, -1).ravel()


def of_shops(shops: Sequence[JobShop]) -> Selection:
    """Return a batch with a row for each shop, without machine orders."""
    jobs = max(shop.jobs for shop in shops)
    width = max(shop.durations.shape[1] for shop in shops)
    s = empty(len(shops), jobs, width)
    for b, shop in enumerate(shops):
        load(s, b, shop)
    return s


@njit(cache=True, error_model="numpy")
def evaluate(s: Selection, b: int) -> bool:
    """Find heads, tails, a topological order and the makespan, in time linear in operations.

    Returns:
        False if the selection has a cycle; heads, tails and makespan then mean nothing.
    """
    durations, successor, after = s.durations[b].ravel(), s.successor[b], s.after[b]
    before, heads, tails, order = s.before[b], s.heads[b], s.tails[b], s.order[b]
    width = s.machines.shape[2]
    # Until the tails are known, their array counts the predecessors not yet in the order.
    waiting = tails
    found = 0
    for j in range(s.lengths.shape[1]):
        first = j * width
        for v in range(first, first + s.lengths[b, j]):
            waiting[v] = (v > first) + (before[v] >= 0)
            heads[v] = s.release[b, j]
            if waiting[v] == 0:
                order[found] = v
                found += 1
    place = 0
    while place < found:
        v = order[place]
        place += 1
        end = heads[v] + durations[v]
        for w in (successor[v], after[v]):
            if w >= 0:
                heads[w] = max(heads[w], end)
                waiting[w] -= 1
                if waiting[w] == 0:
                    order[found] = w
                    found += 1
    makespan = 0
    for place in range(found - 1, -1, -1):
        v = order[place]
        tail = 0
        for w in (successor[v], after[v]):
            if w >= 0:
                tail = max(tail, durations[w] + tails[w])
        tails[v] = tail
        makespan = max(makespan, heads[v] + durations[v])
    s.makespan[b] = makespan
    return bool(found == s.operations[b])


@njit(cache=True, error_model="numpy")
def evaluate_all(s: Selection, acyclic: NDArray[np.bool_]) -> None:
    """Evaluate every row; ``acyclic``, shape ``(B,)``, says which of them are schedules."""
    for b in range(s.makespan.size):
        acyclic[b] = evaluate(s, b)


@njit(cache=True, error_model="numpy")
def from_starts(s: Selection, b: int, starts: IntArray) -> bool:
    """Take the machine orders of a feasible schedule and evaluate them.

    No operation starts later than in the schedule. Of operations that start together on a machine
    the one that ends first goes first; of those without duration, the one of the lower job.

    Args:
        s: the batch.
        b: the row.
        starts: start times, shape ``(n', o')`` of the row's own shop or padded.
    """
    n, o = min(s.lengths.shape[1], starts.shape[0]), s.machines.shape[2]
    operations = np.empty(s.operations[b], np.int64)
    begins, ends = np.empty_like(operations), np.empty_like(operations)
    count, machines = 0, 0
    for j in range(n):
        for k in range(s.lengths[b, j]):
            operations[count] = j * o + k
            begins[count] = starts[j, k]
            ends[count] = starts[j, k] + s.durations[b, j, k]
            machines = max(machines, s.machines[b, j, k] + 1)
            count += 1
    # Two stable sorts order by start, then end, then job and place.
    by_end = np.argsort(ends, kind="mergesort")
    by_start = by_end[np.argsort(begins[by_end], kind="mergesort")]
    last = np.full(machines, -1, np.int32)
    on = s.machines[b].ravel()
    for v in operations[by_start]:
        u = last[on[v]]
        s.before[b, v] = u
        s.after[b, v] = -1
        if u >= 0:
            s.after[b, u] = v
        last[on[v]] = v
    return evaluate(s, b)


@njit(cache=True, error_model="numpy")
def critical_path(s: Selection, b: int, path: IntArray, draw: int) -> int:
    """Fill ``path`` with the operations of a longest path, first to last.

    Args:
        s: the batch, row ``b`` evaluated.
        b: the row.
        path: shape ``(n*o,)``.
        draw: random bits that choose, one a choice, between a job's and a machine's predecessor
            that are both critical; a zero takes the machine's.

    Returns:
        The number of operations of the path.
    """
    durations, before, heads = s.durations[b].ravel(), s.before[b], s.heads[b]
    width = s.machines.shape[2]
    v = -1
    for place in range(s.operations[b] - 1, -1, -1):
        v = s.order[b, place]
        if heads[v] + durations[v] == s.makespan[b]:
            break
    size = 0
    while v >= 0:
        path[size] = v
        size += 1
        on_machine, in_job = before[v], v - 1 if v % width > 0 else -1
        if on_machine >= 0 and heads[on_machine] + durations[on_machine] < heads[v]:
            on_machine = -1
        if in_job >= 0 and heads[in_job] + durations[in_job] < heads[v]:
            in_job = -1
        if on_machine >= 0 and in_job >= 0:
            v = in_job if draw & 1 else on_machine
            draw >>= 1
        else:
            v = max(on_machine, in_job)
    for place in range(size // 2):
        path[place], path[size - 1 - place] = path[size - 1 - place], path[place]
    return size


@njit(cache=True, error_model="numpy")
def block_end(s: Selection, b: int, path: IntArray, size: int, first: int) -> int:
    """Return the place after the critical block that starts at place ``first`` of the path.

    A block is a longest run of operations of the path that follow each other on their machine.
    """
    last = first
    while last + 1 < size and s.after[b, path[last]] == path[last + 1]:
        last += 1
    return last + 1


@njit(cache=True, error_model="numpy")
def n5_moves(s: Selection, b: int, path: IntArray, size: int, moves: IntArray) -> int:
    """Fill ``moves`` with the N5 neighbourhood of a critical path: pairs that may change places.

    They are the first two and the last two operations of each critical block. Of the last block
    only the first two, and of the first block only the last two unless it waits for a release
    date: no other swap can end the schedule earlier. Swapping two adjacent critical operations of
    different jobs never makes a cycle unless one of them has no duration.

    Args:
        s: the batch.
        b: the row.
        path: a critical path.
        size: its length.
        moves: shape ``(n*o, 2)``; rows ``(u, v)`` with ``u`` just before ``v`` on their machine.

    Returns:
        The number of moves; none for a schedule whose single block starts at time 0: an optimum.
    """
    width = s.machines.shape[2]
    count = first = 0
    while first < size:
        end = block_end(s, b, path, size, first)
        if end - first > 1:
            opens = first > 0 or s.heads[b, path[0]] > 0
            closes = end < size
            for place, useful in ((first, opens), (end - 2, closes)):
                u, v = path[place], path[place + 1]
                repeated = count > 0 and moves[count - 1, 0] == u
                if useful and not repeated and u // width != v // width:
                    moves[count, 0], moves[count, 1] = u, v
                    count += 1
        first = end
    return count


@njit(cache=True, error_model="numpy")
def swap(s: Selection, b: int, u: int, v: int) -> None:
    """Let ``v``, which follows ``u`` on their machine, go first; evaluate again afterwards."""
    before, after = s.before[b], s.after[b]
    left, right = before[u], after[v]
    before[v], after[v] = left, u
    before[u], after[u] = v, right
    if left >= 0:
        after[left] = v
    if right >= 0:
        before[right] = u
