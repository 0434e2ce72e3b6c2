"""One machine with heads, tails and delayed precedences, by branch and bound.

Operation ``i`` may start at its head ``r_i``, runs for ``p_i`` and needs its tail ``q_i`` after its
end; where there is a *lag* ``l_ij``, ``j`` may start no earlier than ``l_ij`` after the start of
``i``. (A lag is a path from ``i`` to ``j`` over other machines.) Find the order that minimises the
greatest ``start + p + q``.

At each node Schrage's rule, the longest tail among what is ready, gives a schedule. Where Carlier's
theorem holds, its critical operation goes before or after the whole critical set. It does not
always hold with lags; then the node branches on two operations in a row on the longest path
whose order is free, and if there are none that path is a lower bound. So the search is exact,
unless it is cut short.

References:
    Carlier 1982, "The one-machine sequencing problem", European Journal of Operational Research
    11(1);
    Dauzère-Pérès & Lasserre 1993, "A modified shifting bottleneck procedure for job-shop
    scheduling", International Journal of Production Research 31(4), and Balas, Lenstra &
    Vazacopoulos 1995, "The one-machine problem with delayed precedence constraints and its use in
    job shop scheduling", Management Science 41(1), for the lags.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from drlapps.scheduling.job_shop.local_search.graph import IntArray

_NEVER = 2**62
_DEPTH = 64
_CELLS = 4_000_000
"""Nodes that may wait at a time are so many, fewer if their lags would have more entries."""

NONE = -1
"""The lag of two operations without one."""


@njit(cache=True, error_model="numpy")
def sequence(
    heads: IntArray, durations: IntArray, tails: IntArray, lags: IntArray, nodes: int
) -> tuple[int, IntArray, bool]:
    """Return the best order.

    Args:
        heads: shape ``(n,)``.
        durations: shape ``(n,)``.
        tails: shape ``(n,)``.
        lags: shape ``(n, n)``, :data:`NONE` where there is none, transitively closed.
        nodes: nodes after which the best order so far is returned, 1 or more.

    Returns:
        The greatest ``start + p + q``, the order, and whether it is proven best.
    """
    n = heads.size
    room = max(2, min(_DEPTH, _CELLS // (n * n)))
    waiting_heads = np.empty((room, n), np.int64)
    waiting_tails = np.empty((room, n), np.int64)
    waiting_lags = np.empty((room, n, n), np.int64)
    waiting_heads[0], waiting_tails[0], waiting_lags[0] = heads, tails, lags
    depth, exact = 1, True
    best, best_order = _NEVER, np.arange(n)
    order, starts = np.empty(n, np.int64), np.empty(n, np.int64)
    for node in range(_NEVER):
        if depth == 0:
            break
        if node == nodes:
            exact = False
            break
        depth -= 1
        r, q = waiting_heads[depth].copy(), waiting_tails[depth].copy()
        lag = waiting_lags[depth].copy()
        if not _tighten(r, durations, q, lag):
            continue
        if (r + durations + q).max() >= best or not _schrage(r, durations, q, lag, order, starts):
            continue
        last, value = 0, -1
        for place in range(n):
            v = order[place]
            if starts[v] + durations[v] + q[v] >= value:
                last, value = place, starts[v] + durations[v] + q[v]
        if value < best:
            best, best_order = value, order.copy()
        first, pivot = _critical_set(durations, q, order, starts, last)
        if _bound(r, durations, q, order, first, last) >= best:
            continue
        if pivot >= first and _bound(r, durations, q, order, pivot + 1, last) >= best:
            continue
        if pivot >= first and not _theorem_holds(r, order, starts, pivot, last):
            pivot = -1
        x = y = -1
        if pivot < first:
            x, y = _free_pair(r, durations, lag, order, starts, last)
            if x < 0:
                continue
        if depth + 2 > room:
            exact = False
            continue
        for reversed_ in (False, True):
            waiting_heads[depth], waiting_tails[depth], waiting_lags[depth] = r, q, lag
            if pivot >= first:
                _decide(
                    waiting_heads[depth], durations, waiting_tails[depth], waiting_lags[depth],
                    order, pivot, last, reversed_,
                )  # fmt: skip
            elif reversed_:
                waiting_lags[depth, y, x] = durations[y]
            else:
                waiting_lags[depth, x, y] = durations[x]
            depth += 1
    return best, best_order, exact


@njit(cache=True, error_model="numpy")
def _tighten(r: IntArray, p: IntArray, q: IntArray, lag: IntArray) -> bool:
    """Carry heads and tails over lags; return False if the lags go round in a circle."""
    n = r.size
    for _ in range(n + 1):
        changed = False
        for i in range(n):
            for j in range(n):
                if lag[i, j] >= 0:
                    if r[j] < r[i] + lag[i, j]:
                        r[j] = r[i] + lag[i, j]
                        changed = True
                    if q[i] < lag[i, j] - p[i] + p[j] + q[j]:
                        q[i] = lag[i, j] - p[i] + p[j] + q[j]
                        changed = True
        if not changed:
            return True
    return False


@njit(cache=True, error_model="numpy")
def _schrage(
    r: IntArray, p: IntArray, q: IntArray, lag: IntArray, order: IntArray, starts: IntArray
) -> bool:
    """Fill ``order`` and ``starts`` by Schrage's rule; return False if the lags forbid it."""
    n = r.size
    ready = r.copy()
    before = np.zeros(n, np.int64)
    for i in range(n):
        for j in range(n):
            before[j] += lag[i, j] >= 0
    time = 0
    for place in range(n):
        chosen = -1
        for v in range(n):
            if before[v] == 0 and (chosen < 0 or ready[v] < ready[chosen]):
                chosen = v
        if chosen < 0:
            return False
        time = max(time, ready[chosen])
        for v in range(n):
            if before[v] == 0 and ready[v] <= time and q[v] > q[chosen]:
                chosen = v
        order[place], starts[chosen] = chosen, time
        before[chosen] = -1
        for v in range(n):
            if lag[chosen, v] >= 0:
                before[v] -= 1
                ready[v] = max(ready[v], time + lag[chosen, v])
        time += p[chosen]
    return True


@njit(cache=True, error_model="numpy")
def _critical_set(
    p: IntArray, q: IntArray, order: IntArray, starts: IntArray, last: int
) -> tuple[int, int]:
    """Return where the busy period of place ``last`` begins, and its last place of shorter tail.

    The second is below the first if there is none.
    """
    first = last
    while first > 0 and starts[order[first - 1]] + p[order[first - 1]] == starts[order[first]]:
        first -= 1
    pivot = last - 1
    while pivot >= first and q[order[pivot]] >= q[order[last]]:
        pivot -= 1
    return first, pivot


@njit(cache=True, error_model="numpy")
def _bound(r: IntArray, p: IntArray, q: IntArray, order: IntArray, first: int, last: int) -> int:
    """Return the least head + the sum of durations + the least tail of some places."""
    head, load, tail = _NEVER, 0, _NEVER
    for place in range(first, last + 1):
        v = order[place]
        head, load, tail = min(head, r[v]), load + p[v], min(tail, q[v])
    return head + load + tail


@njit(cache=True, error_model="numpy")
def _theorem_holds(r: IntArray, order: IntArray, starts: IntArray, pivot: int, last: int) -> bool:
    """Return whether all of the critical set have heads after the start of the pivot."""
    earliest = _NEVER
    for place in range(pivot + 1, last + 1):
        earliest = min(earliest, r[order[place]])
    return bool(earliest > starts[order[pivot]])


@njit(cache=True, error_model="numpy")
def _decide(
    r: IntArray,
    p: IntArray,
    q: IntArray,
    lag: IntArray,
    order: IntArray,
    pivot: int,
    last: int,
    after: bool,
) -> None:
    """Put the pivot before or after all of the critical set (Carlier 1982)."""
    c, load, head = order[pivot], 0, _NEVER
    for place in range(pivot + 1, last + 1):
        v = order[place]
        load, head = load + p[v], min(head, r[v])
        if after:
            lag[v, c] = max(lag[v, c], p[v])
        else:
            lag[c, v] = max(lag[c, v], p[c])
    if after:
        r[c] = max(r[c], head + load)
    else:
        q[c] = max(q[c], load + q[order[last]])


@njit(cache=True, error_model="numpy")
def _free_pair(
    r: IntArray, p: IntArray, lag: IntArray, order: IntArray, starts: IntArray, last: int
) -> tuple[int, int]:
    """Return two operations in a row on the longest path whose order is free, or (-1, -1)."""
    n = r.size
    place = np.empty(n, np.int64)
    place[order] = np.arange(n)
    y = order[last]
    while starts[y] > r[y]:
        x = -1
        for i in range(n):
            if lag[i, y] >= 0 and starts[i] + lag[i, y] == starts[y]:
                x = i
        if x < 0:
            return order[place[y] - 1], y
        y = x
    return -1, -1
