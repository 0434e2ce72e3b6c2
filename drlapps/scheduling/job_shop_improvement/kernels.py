"""The improvement process as Numba kernels over a batch: moves, swaps, the memory of the search.

Every kernel has a plain NumPy twin in ``tests/scheduling/job_shop_improvement/test_kernels.py``
that must agree with it. Shapes: batch ``B``, operations ``N`` (padding included), candidates ``C``.

References:
    Taillard 1994, "Parallel taboo search techniques for the job shop scheduling problem", ORSA
    Journal on Computing 6(2), for the estimate of a swap's makespan;
    Battiti & Tecchiolli 1994, "The reactive tabu search", ORSA Journal on Computing 6(2), for
    remembering the solutions met by their hashes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.local_search.graph import (
    Selection,
    block_end,
    critical_path,
    evaluate,
    n5_moves,
    swap,
)

IntArray = NDArray[np.integer[Any]]

FIRST, SECOND, ESTIMATE, PLACE, OPENING, CLOSING = range(6)
"""Columns of a candidate: the pair, the estimated makespan, its place on the critical path, and
the places at which its block begins and after which it has ended."""

ADVANCED, DELAYED = 0, 1

NEVER = -(1 << 20)
"""Step of what has not happened yet."""

REWARD_SCALE = 10.0

RECENT = 32
"""Swaps that the memory of pairs holds."""


class Search(NamedTuple):
    """What the search keeps beside the selection: live arrays, changed in place."""

    key: NDArray[np.uint64]
    """(B,) seed of the choices among critical paths."""
    limit: IntArray
    """(B,) steps after which the episode is cut."""
    steps: IntArray
    """(B,) swaps made."""
    initial: IntArray
    """(B,) makespan at the start."""
    best: IntArray
    """(B,) least makespan met."""
    best_step: IntArray
    """(B,) number of swaps after which it was met."""
    best_starts: IntArray
    """(B, N) start times of that schedule."""
    path_size: IntArray
    """(B,) operations on the critical path that the candidates come from."""
    candidates: IntArray
    """(B, C, 6) moves by increasing estimate."""
    choices: IntArray
    """(B,) number of candidates."""
    moved: IntArray
    """(B, N, 2) step at which each operation was last advanced, and last delayed."""
    moves_made: IntArray
    """(B, N) swaps that each operation took part in."""
    recent: IntArray
    """(B, R, 2) the latest R swaps: who was advanced, who delayed."""
    hash: NDArray[np.uint64]
    """(B,) hash of the selection."""
    met: NDArray[np.bool_]
    """(B,) whether the present selection had been met before."""
    visited: NDArray[np.uint64]
    """(B, T) hashes of the selections met, an open-addressed table; zeros are free places."""


def empty(batch: int, size: int, candidates: int, steps: int) -> Search:
    """Return the memory of searches that have not begun.

    Args:
        batch: rows ``B``.
        size: operations ``N``, padding included.
        candidates: ``C``.
        steps: longest episode; the table of the selections met stays at most half full.
    """

    def zeros(*shape: int) -> IntArray:
        return np.zeros((batch, *shape), np.int32)

    return Search(
        key=np.zeros(batch, np.uint64),
        limit=zeros() + 1,
        steps=zeros(),
        initial=zeros(),
        best=zeros(),
        best_step=zeros(),
        best_starts=zeros(size),
        path_size=zeros(),
        candidates=zeros(candidates, 6),
        choices=zeros(),
        moved=zeros(size, 2),
        moves_made=zeros(size),
        recent=zeros(RECENT, 2),
        hash=np.zeros(batch, np.uint64),
        met=np.zeros(batch, np.bool_),
        visited=np.zeros((batch, 1 << (2 * steps).bit_length()), np.uint64),
    )


@njit(cache=True, error_model="numpy")
def mix(x: Any) -> Any:
    """Return 64 well mixed bits (Steele, Lea & Flood 2014, SplitMix64)."""
    z = np.uint64(x) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@njit(cache=True, error_model="numpy")
def flip(code: Any, u: int, v: int) -> Any:
    """Return the hash of the selection that differs by the order of ``u`` and ``v`` alone."""
    pair = np.uint64(min(u, v)) << np.uint64(32) | np.uint64(max(u, v))
    return code ^ mix(pair)


@njit(cache=True, error_model="numpy")
def place_of(visited: NDArray[np.uint64], code: Any) -> int:
    """Return where the hash stands in the table, or the free place where it belongs."""
    last = np.uint64(visited.size - 1)
    at = code & last
    while visited[at] != code and visited[at] != np.uint64(0):
        at = (at + np.uint64(1)) & last
    return int(at)


@njit(cache=True, error_model="numpy")
def after_swap(s: Selection, b: int, u: int, v: int) -> tuple[int, int, int, int]:
    """Return the heads of ``v`` and ``u`` and the tails of ``u`` and ``v`` if they were swapped.

    ``u`` stands just before ``v`` on a critical path, so none of the operations that the four
    numbers are made of changes its own head or tail.
    """
    durations, heads, tails = s.durations[b].ravel(), s.heads[b], s.tails[b]
    width = s.machines.shape[2]
    left, right = s.before[b, u], s.after[b, v]
    in_job, following = s.successor[b, v], s.successor[b, u]
    head_v, head_u = s.release[b, v // width], s.release[b, u // width]
    if left >= 0:
        head_v = max(head_v, heads[left] + durations[left])
    if v % width > 0:
        head_v = max(head_v, heads[v - 1] + durations[v - 1])
    if u % width > 0:
        head_u = max(head_u, heads[u - 1] + durations[u - 1])
    head_u = max(head_u, head_v + durations[v])
    tail_u = tail_v = 0
    if right >= 0:
        tail_u = max(tail_u, durations[right] + tails[right])
    if following >= 0:
        tail_u = max(tail_u, durations[following] + tails[following])
    if in_job >= 0:
        tail_v = max(tail_v, durations[in_job] + tails[in_job])
    tail_v = max(tail_v, durations[u] + tail_u)
    return head_v, head_u, tail_u, tail_v


@njit(cache=True, error_model="numpy")
def estimate(s: Selection, b: int, u: int, v: int) -> int:
    """Return the longest path through ``u`` or ``v`` if they were swapped (Taillard 1994).

    A lower bound on the makespan after the swap, exact where the longest path goes through them.
    """
    durations = s.durations[b].ravel()
    head_v, head_u, tail_u, tail_v = after_swap(s, b, u, v)
    longest: int = max(head_v + durations[v] + tail_v, head_u + durations[u] + tail_u)
    return longest


@njit(cache=True, error_model="numpy")
def list_candidates(s: Selection, t: Search, b: int, path: IntArray, pairs: IntArray) -> None:
    """Fill the candidates: the N5 moves of a critical path, the lowest estimates first.

    Where there are more than fit, the highest estimates are left out. Which of several critical
    paths it is, the row's key and the number of the step decide.
    """
    draw: Any = np.int64(mix(t.key[b] ^ np.uint64(t.steps[b])) >> np.uint64(1))
    size = critical_path(s, b, path, draw)
    total = n5_moves(s, b, path, size, pairs)
    rows = t.candidates[b]
    kept = place = opening = closing = 0
    for move in range(total):
        u, v = pairs[move, 0], pairs[move, 1]
        while path[place] != u:
            place += 1
        while place >= closing:
            opening, closing = closing, block_end(s, b, path, size, closing)
        value = estimate(s, b, u, v)
        at = kept
        while at > 0 and rows[at - 1, ESTIMATE] > value:
            if at < rows.shape[0]:
                rows[at] = rows[at - 1]
            at -= 1
        if at < rows.shape[0]:
            rows[at, FIRST], rows[at, SECOND], rows[at, ESTIMATE] = u, v, value
            rows[at, PLACE], rows[at, OPENING], rows[at, CLOSING] = place, opening, closing
            kept = min(kept + 1, rows.shape[0])
    t.path_size[b] = size
    t.choices[b] = kept


@njit(cache=True, error_model="numpy")
def begin(s: Selection, t: Search, b: int) -> None:
    """Start an episode from the evaluated selection of row ``b``."""
    size = t.best_starts.shape[1]
    t.steps[b] = t.best_step[b] = 0
    t.initial[b] = t.best[b] = s.makespan[b]
    t.best_starts[b] = s.heads[b]
    t.moved[b] = NEVER
    t.moves_made[b] = 0
    t.recent[b] = -1
    t.visited[b] = 0
    t.hash[b] = 1
    t.met[b] = False
    t.visited[b, place_of(t.visited[b], t.hash[b])] = t.hash[b]
    list_candidates(s, t, b, np.empty(size, np.int32), np.empty((size, 2), np.int32))


@njit(cache=True, error_model="numpy")
def remember(t: Search, b: int, u: int, v: int) -> None:
    """Note that ``v`` went before ``u`` in the step just made."""
    step = t.steps[b]
    t.moved[b, v, ADVANCED] = step
    t.moved[b, u, DELAYED] = step
    t.moves_made[b, u] += 1
    t.moves_made[b, v] += 1
    latest = step % t.recent.shape[1]
    t.recent[b, latest, ADVANCED] = v
    t.recent[b, latest, DELAYED] = u
    t.hash[b] = flip(t.hash[b], u, v)
    at = place_of(t.visited[b], t.hash[b])
    t.met[b] = t.visited[b, at] == t.hash[b]
    t.visited[b, at] = t.hash[b]


@njit(cache=True, error_model="numpy")
def advance(
    s: Selection,
    t: Search,
    actions: IntArray,
    active: NDArray[np.bool_],
    rewards: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    truncated: NDArray[np.bool_],
) -> None:
    """Swap the pair of candidate ``actions[b]`` in every active row."""
    size = t.best_starts.shape[1]
    path, pairs = np.empty(size, np.int32), np.empty((size, 2), np.int32)
    for b in range(t.steps.size):
        if not active[b]:
            continue
        t.steps[b] += 1
        if t.choices[b] > 0:
            chosen = t.candidates[b, actions[b] % t.choices[b]]
            u, v = chosen[FIRST], chosen[SECOND]
            swap(s, b, u, v)
            if evaluate(s, b):
                remember(t, b, u, v)
            else:
                # Operations without duration can close a cycle: the pair stays as it was.
                swap(s, b, v, u)
                evaluate(s, b)
            gain = t.best[b] - s.makespan[b]
            if gain > 0:
                rewards[b] = REWARD_SCALE * gain / t.initial[b]
                t.best[b] = s.makespan[b]
                t.best_step[b] = t.steps[b]
                t.best_starts[b] = s.heads[b]
            list_candidates(s, t, b, path, pairs)
        terminated[b] = t.choices[b] == 0
        truncated[b] = t.steps[b] >= t.limit[b] and not terminated[b]


@njit(cache=True, error_model="numpy")
def makespans(s: Selection, t: Search, outcome: IntArray) -> None:
    """Fill ``outcome``, shape ``(B, C)``, with the true makespan of each candidate.

    Entries without a candidate, and those of swaps that close a cycle, are the largest integer.
    """
    outcome[:] = np.iinfo(np.int32).max
    for b in range(t.steps.size):
        for c in range(t.choices[b]):
            u, v = t.candidates[b, c, FIRST], t.candidates[b, c, SECOND]
            swap(s, b, u, v)
            if evaluate(s, b):
                outcome[b, c] = s.makespan[b]
            swap(s, b, v, u)
        evaluate(s, b)
