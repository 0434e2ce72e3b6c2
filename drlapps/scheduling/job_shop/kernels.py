"""The job shop's dynamics and masks as Numba kernels over a batch.

Every kernel has a plain NumPy twin in ``tests/scheduling/job_shop/test_kernels.py`` that must
agree with it. Shapes: batch ``B``, jobs ``n``, operations a job ``o``, machines ``m``, closed
windows a machine ``w``.

The closed windows, ``(B, m, w, 2)``, are an argument beside the state: start and end of each, in
order, and :data:`NEVER` for those that do not exist. A batch that has none passes ``None``, for
which Numba compiles kernels of their own: a branch that is never taken would slow them by a third.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

IntArray = NDArray[np.integer[Any]]

_REWARD_SCALE = 10.0
NEVER = 2**31 - 1
"""Start and end of windows that do not exist; no schedule runs so long."""


class State(NamedTuple):
    """The state of a batch: live arrays that the kernels change in place. Times are integers."""

    machines: IntArray
    """(B, n, o) machine of each operation."""
    durations: IntArray
    """(B, n, o)."""
    lengths: IntArray
    """(B, n) operations of each job; 0 for the padding of smaller shops."""
    release: IntArray
    """(B, n) earliest start of each job."""
    n_machines: IntArray
    """(B,)."""
    next_operation: IntArray
    """(B, n) index of each job's next operation; ``lengths`` once it is finished."""
    job_ready: IntArray
    """(B, n) end of each job's last dispatched operation."""
    machine_ready: IntArray
    """(B, m) end of each machine's last dispatched operation."""
    job_work: IntArray
    """(B, n) processing time of each job."""
    work_left: IntArray
    """(B, n) processing time left of each job."""
    load_left: IntArray
    """(B, m) processing time left on each machine."""
    starts: IntArray
    """(B, n, o) start of each dispatched operation."""
    operations_left: IntArray
    """(B,)."""
    heads: IntArray
    """(B, n, o) earliest start of each operation left, as the machines stand."""
    job_bound: IntArray
    """(B, n) earliest end of each job, as the machines stand."""
    machine_bound: IntArray
    """(B, m) earliest head, then load in open time, + shortest tail of the operations left."""
    bound: IntArray
    """(B,) lower bound on the makespan of any completion."""
    initial_bound: IntArray
    """(B,) the bound before the first dispatch."""
    mask: NDArray[np.bool_]
    """(B, n) the jobs that may be dispatched."""


@njit(cache=True, error_model="numpy")
def first_window(windows: IntArray, b: int, i: int, time: float) -> int:
    """Return the first of machine ``i``'s closed windows that ends after ``time``."""
    low, high = 0, windows.shape[2]
    while low < high:
        middle = (low + high) // 2
        if windows[b, i, middle, 1] <= time:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, error_model="numpy")
def opening(windows: IntArray, b: int, i: int, time: float, duration: float) -> float:
    """Return the first time, from ``time`` on, at which an operation fits into open time."""
    for w in range(first_window(windows, b, i, time), windows.shape[2]):
        if time + duration <= windows[b, i, w, 0]:
            break
        time = windows[b, i, w, 1]
    return time


@njit(cache=True, error_model="numpy")
def through(windows: IntArray, b: int, i: int, time: float, load: float) -> float:
    """Return when so much work begun at ``time`` ends, if closed windows may interrupt it."""
    for w in range(first_window(windows, b, i, time), windows.shape[2]):
        if time + load <= windows[b, i, w, 0]:
            break
        load -= max(windows[b, i, w, 0] - time, 0)
        time = windows[b, i, w, 1]
    return time + load


@njit(cache=True, error_model="numpy")
def dispatch(s: State, windows: IntArray | None, b: int, j: int) -> None:
    """Append the next operation of job ``j`` at its earliest start."""
    k = s.next_operation[b, j]
    i = s.machines[b, j, k]
    begin = max(s.job_ready[b, j], s.machine_ready[b, i])
    if windows is not None:
        begin = opening(windows, b, i, begin, s.durations[b, j, k])
    end = begin + s.durations[b, j, k]
    s.starts[b, j, k] = begin
    s.job_ready[b, j] = end
    s.machine_ready[b, i] = end
    s.work_left[b, j] -= s.durations[b, j, k]
    s.load_left[b, i] -= s.durations[b, j, k]
    s.next_operation[b, j] = k + 1
    s.operations_left[b] -= 1


@njit(cache=True, error_model="numpy")
def update_bound(s: State, windows: IntArray | None, b: int) -> None:
    """Recompute heads and bounds; ``bound[b]`` is the makespan itself at the end."""
    m = s.load_left.shape[1]
    tail = np.full(m, NEVER)
    bounds, ready = s.machine_bound[b], s.machine_ready[b]
    for i in range(m):
        bounds[i] = NEVER
    bound = 0
    for j in range(s.lengths.shape[1]):
        machines, durations, heads = s.machines[b, j], s.durations[b, j], s.heads[b, j]
        time = s.job_ready[b, j]
        after = s.work_left[b, j]
        for k in range(s.next_operation[b, j], s.lengths[b, j]):
            i = machines[k]
            time = max(time, ready[i])
            if windows is not None:
                time = opening(windows, b, i, time, durations[k])
            heads[k] = time
            bounds[i] = min(bounds[i], time)
            time += durations[k]
            after -= durations[k]
            tail[i] = min(tail[i], after)
        s.job_bound[b, j] = time
        bound = max(bound, time)
    for i in range(m):
        if tail[i] < NEVER:
            load = s.load_left[b, i]
            end = bounds[i] + load
            if windows is not None:
                end = through(windows, b, i, bounds[i], load)
            bounds[i] = end + tail[i]
        else:
            bounds[i] = ready[i]
        bound = max(bound, bounds[i])
    s.bound[b] = bound


@njit(cache=True, error_model="numpy")
def admit(s: State, windows: IntArray | None, b: int, delay: float) -> int:
    """Fill ``mask[b]`` by the hybrid schedule generation scheme; return how many are admitted.

    Bierwirth & Mattfeld 1999: on the machine whose operation could complete first, admit the
    operations that could start before (earliest start) + delay * (that completion - it).
    """
    machines, durations, mask = s.machines[b], s.durations[b], s.mask[b]
    places, lengths = s.next_operation[b], s.lengths[b]
    job_ready, machine_ready = s.job_ready[b], s.machine_ready[b]
    first, chosen = NEVER, -1
    for j in range(lengths.size):
        mask[j] = False
        k = places[j]
        if k < lengths[j]:
            i = machines[j, k]
            begin = max(job_ready[j], machine_ready[i])
            if windows is not None:
                begin = opening(windows, b, i, begin, durations[j, k])
            end = begin + durations[j, k]
            if end < first:
                first, chosen = end, i
    if chosen < 0:
        return 0
    free, earliest = machine_ready[chosen], NEVER
    for j in range(lengths.size):
        k = places[j]
        if k < lengths[j] and machines[j, k] == chosen:
            begin = max(job_ready[j], free)
            if windows is not None:
                begin = opening(windows, b, chosen, begin, durations[j, k])
            earliest = min(earliest, begin)
    limit = earliest + delay * (first - earliest)
    count = 0
    for j in range(lengths.size):
        k = places[j]
        if k < lengths[j] and machines[j, k] == chosen:
            begin = max(job_ready[j], free)
            if windows is not None:
                begin = opening(windows, b, chosen, begin, durations[j, k])
            # An operation without duration that starts at the limit delays nobody.
            instant = begin == limit and durations[j, k] == 0
            if begin == earliest or begin < limit or instant:
                mask[j] = True
                count += 1
    return count


@njit(cache=True, error_model="numpy")
def advance(
    s: State,
    windows: IntArray | None,
    actions: IntArray,
    active: NDArray[np.bool_],
    delay: float,
    skip_forced: bool,
    rewards: NDArray[np.float32],
    terminated: NDArray[np.bool_],
) -> None:
    """Dispatch ``actions[b]`` in every active row, and what is forced after it."""
    n = s.lengths.shape[1]
    for b in range(s.lengths.shape[0]):
        if not active[b]:
            continue
        j = actions[b]
        while s.next_operation[b, j] >= s.lengths[b, j]:
            j = (j + 1) % n
        before = s.bound[b]
        while True:
            dispatch(s, windows, b, j)
            count = admit(s, windows, b, delay)
            if s.operations_left[b] == 0 or count > 1 or not skip_forced:
                break
            for candidate in range(n):
                if s.mask[b, candidate]:
                    j = candidate
                    break
        update_bound(s, windows, b)
        rewards[b] = -_REWARD_SCALE * (s.bound[b] - before) / s.initial_bound[b]
        terminated[b] = s.operations_left[b] == 0
