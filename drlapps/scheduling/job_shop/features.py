"""What the job-shop agent sees, as a Numba kernel over a batch.

Times are divided by the time still to go (the lower bound minus now) where they are of its order,
and otherwise by the mean duration and squashed to (-1, 1). So one network reads shops of any size.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.kernels import IntArray, State, opening, through

FEATURES = (
    "unfinished",
    "admissible",
    "duration",
    "start_delay",
    "machine_idle",
    "job_wait",
    "work_after",
    "job_slack",
    "machine_slack",
    "machine_load",
    "operations_left",
    "contenders",
    "admissible_share",
    "start_behind_first",
    "duration_over_shortest",
    "tail_behind_longest",
    "completion_behind_first",
    "arrivals",
    "arrival_lead",
    "next_exists",
    "next_duration",
    "next_machine_lag",
    "next_machine_slack",
    "next_machine_queue",
    "next_machine_queued_work",
    "second_duration",
    "second_machine_lag",
    "second_machine_slack",
    "mean_slack_ahead",
    "least_slack_ahead",
    "least_slack_distance",
    "flow_share",
    "waits_ahead",
    "bound_if_chosen",
    "bound_over_best",
    "schrage_if_chosen",
    "schrage_over_best",
    "delay_imposed",
    "progress",
    "bound_growth",
    "jobs_per_machine",
    "machine",
    "next_machine",
    "second_machine",
)
"""Names of the observation's columns, in order; the docstring of the environment explains them."""

MACHINE_COLUMNS = 3
"""The last columns name machines (index / machines, -1 for none) rather than measure something."""

_BOUND = FEATURES.index("bound_if_chosen")
_CONTEXT = FEATURES.index("progress")
_MACHINE = FEATURES.index("machine")


@njit(cache=True, error_model="numpy")
def squash(x: float) -> float:
    """Map a time in mean durations to (-1, 1), keeping order and resolution near zero."""
    return x / (1.0 + abs(x))


@njit(cache=True, error_model="numpy")
def clip(x: float) -> float:
    """Keep a share of the time to go within [-2, 2]."""
    return min(max(x, -2.0), 2.0)


@njit(cache=True, error_model="numpy")
def observe(s: State, windows: IntArray | None, observations: NDArray[np.float32]) -> None:
    """Fill ``observations`` (B, n, features), in the order of :data:`FEATURES`."""
    n, m = s.lengths.shape[1], s.load_left.shape[1]
    queue = np.empty((10, m))
    line = np.empty((5, n * s.machines.shape[2]))
    for b in range(s.lengths.shape[0]):
        observations[b] = 0.0
        if s.operations_left[b] == 0:
            continue
        total, operations, alive, most_left = 0, 0, 0, 1
        now = np.inf
        for j in range(n):
            k, size = s.next_operation[b, j], s.lengths[b, j]
            operations += size
            total += s.job_work[b, j]
            if k < size:
                alive += 1
                most_left = max(most_left, size - k)
                now = min(now, s.heads[b, j, k])
        unit = max(total / operations, 1e-9)
        horizon = max(s.bound[b] - now, 1.0)
        survey(s, b, queue)
        describe(s, b, now, unit, horizon, most_left, queue, observations[b])
        for j in range(n):
            if s.next_operation[b, j] < s.lengths[b, j]:
                observations[b, j, _CONTEXT] = 1.0 - s.operations_left[b] / operations
                growth = s.bound[b] / s.initial_bound[b] - 1.0
                observations[b, j, _CONTEXT + 1] = squash(5.0 * growth)
                observations[b, j, _CONTEXT + 2] = squash(alive / s.n_machines[b] - 1.0)
        look_ahead(s, windows, b, unit, horizon, line, observations[b])


@njit(cache=True, error_model="numpy")
def survey(s: State, b: int, queue: NDArray[np.float64]) -> None:
    """Fill, for each machine, what waits for it and what will come to it next.

    Rows of ``queue``: operations waiting, those admissible, their work, earliest start, shortest
    duration, longest tail, earliest completion, jobs that come next, when the first of them comes.
    The last row is left for the machines' slacks, which :func:`describe` fills.
    """
    queue[0:3] = 0.0
    queue[3:5] = np.inf
    queue[5] = 0.0
    queue[6] = np.inf
    queue[7] = 0.0
    queue[8] = np.inf
    for j in range(s.lengths.shape[1]):
        k, size = s.next_operation[b, j], s.lengths[b, j]
        if k >= size:
            continue
        i, p, begin = s.machines[b, j, k], s.durations[b, j, k], s.heads[b, j, k]
        queue[0, i] += 1.0
        queue[1, i] += s.mask[b, j]
        queue[2, i] += p
        queue[3, i] = min(queue[3, i], begin)
        queue[4, i] = min(queue[4, i], p)
        queue[5, i] = max(queue[5, i], s.job_bound[b, j] - begin - p)
        queue[6, i] = min(queue[6, i], begin + p)
        if k + 1 < size:
            i = s.machines[b, j, k + 1]
            queue[7, i] += 1.0
            queue[8, i] = min(queue[8, i], begin + p)


@njit(cache=True, error_model="numpy")
def describe(
    s: State,
    b: int,
    now: float,
    unit: float,
    horizon: float,
    most_left: int,
    queue: NDArray[np.float64],
    rows: NDArray[np.float32],
) -> None:
    """Fill the rows of the unfinished jobs but for the context and the look-ahead."""
    bound = s.bound[b]
    # Divisions are the dearest part of an observation: three for all of them.
    per_unit, per_horizon, per_machines = 1.0 / unit, 1.0 / horizon, 1.0 / s.n_machines[b]
    half_per_unit = per_unit / 2.0
    slacks = queue[9]
    for i in range(s.load_left.shape[1]):
        slacks[i] = (bound - s.machine_bound[b, i]) * per_horizon
    for j in range(s.lengths.shape[1]):
        k, size = s.next_operation[b, j], s.lengths[b, j]
        if k >= size:
            continue
        row = rows[j]
        i, p, begin = s.machines[b, j, k], s.durations[b, j, k], s.heads[b, j, k]
        end = begin + p
        row[0] = 1.0
        row[1] = s.mask[b, j]
        row[2] = p * half_per_unit
        row[3] = squash((begin - now) * per_unit)
        row[4] = squash((begin - s.machine_ready[b, i]) * per_unit)
        row[5] = squash((begin - s.job_ready[b, j]) * per_unit)
        row[6] = (s.work_left[b, j] - p) * per_horizon
        row[7] = (bound - s.job_bound[b, j]) * per_horizon
        row[8] = slacks[i]
        row[9] = s.load_left[b, i] * per_horizon
        row[10] = (size - k) / most_left
        row[11] = squash(queue[0, i] - 1.0)
        row[12] = queue[1, i] / queue[0, i]
        row[13] = squash((begin - queue[3, i]) * per_unit)
        row[14] = (p - queue[4, i]) * half_per_unit
        row[15] = (queue[5, i] - (s.job_bound[b, j] - end)) * per_horizon
        row[16] = squash((end - queue[6, i]) * per_unit)
        row[17] = squash(queue[7, i])
        row[18] = squash((queue[8, i] - begin) * per_unit) if queue[8, i] < np.inf else 1.0
        row[_MACHINE] = i * per_machines
        row[_MACHINE + 1] = -1.0
        row[_MACHINE + 2] = -1.0
        if k + 1 < size:
            i1, p1 = s.machines[b, j, k + 1], s.durations[b, j, k + 1]
            row[19] = 1.0
            row[20] = p1 * half_per_unit
            row[21] = squash((s.machine_ready[b, i1] - end) * per_unit)
            row[22] = slacks[i1]
            row[23] = squash(queue[0, i1])
            row[24] = squash(queue[2, i1] * per_unit)
            row[_MACHINE + 1] = i1 * per_machines
        if k + 2 < size:
            i2, p2 = s.machines[b, j, k + 2], s.durations[b, j, k + 2]
            row[25] = p2 * half_per_unit
            row[26] = squash((s.machine_ready[b, i2] - s.heads[b, j, k + 1] - p1) * per_unit)
            row[27] = slacks[i2]
            row[_MACHINE + 2] = i2 * per_machines
        mean, least, distance, place = 0.0, 2.0, 0.0, -1
        for later in range(k + 1, size):
            slack = slacks[s.machines[b, j, later]]
            mean += s.durations[b, j, later] * slack
            if slack < least:
                least, place = slack, later
        ahead = s.work_left[b, j] - p
        if place >= 0:
            distance = (s.heads[b, j, place] - end) * per_horizon
        row[28] = mean / ahead if ahead > 0 else 1.0
        row[29] = min(least, 1.0)
        row[30] = distance
        done = s.job_work[b, j] - s.work_left[b, j] + p
        row[31] = done / max(done + s.work_left[b, j], 1)
        row[32] = (s.job_bound[b, j] - begin - s.work_left[b, j]) * per_horizon


@njit(cache=True, error_model="numpy")
def look_ahead(
    s: State,
    windows: IntArray | None,
    b: int,
    unit: float,
    horizon: float,
    line: NDArray[np.float64],
    rows: NDArray[np.float32],
) -> None:
    """Fill what choosing each admissible job would do to its machine, where there is a choice.

    The operations left on the machine, with their heads and tails, are a one-machine problem.
    Choosing a job gives a lower bound (the others wait at least for it) and an estimate (the
    others by Schrage's rule: of those that are there, the longest tail first), both in excess of
    today's bound; and it delays those that could start before it ends. Where the machine is closed
    at times, the others wait for open time too.

    Rows of ``line``: head, duration, tail, job, whether it is scheduled.
    """
    chosen, choices = s.machines[b, 0, 0], 0
    for j in range(s.lengths.shape[1]):
        if s.mask[b, j]:
            chosen = s.machines[b, j, s.next_operation[b, j]]
            choices += 1
    if choices < 2:
        return
    length = 0
    for j in range(s.lengths.shape[1]):
        for k in range(s.next_operation[b, j], s.lengths[b, j]):
            if s.machines[b, j, k] == chosen:
                line[0, length] = s.heads[b, j, k]
                line[1, length] = s.durations[b, j, k]
                line[2, length] = s.job_bound[b, j] - s.heads[b, j, k] - s.durations[b, j, k]
                line[3, length] = j
                length += 1
    sort_by_tail(line, length)
    best_bound, best_schrage = np.inf, np.inf
    for j in range(s.lengths.shape[1]):
        if not s.mask[b, j]:
            continue
        k = s.next_operation[b, j]
        end = s.heads[b, j, k] + s.durations[b, j, k]
        bound, load, tail, imposed = float(s.job_bound[b, j]), 0.0, np.inf, 0.0
        for o in range(length):
            line[4, o] = 0.0
            if line[3, o] == j:
                continue
            begin = max(line[0, o], end)
            if windows is not None:
                begin = opening(windows, b, chosen, begin, line[1, o])
            bound = max(bound, begin + line[1, o] + line[2, o])
            load += line[1, o]
            tail = min(tail, line[2, o])
            imposed += max(end - line[0, o], 0.0)
        if load > 0:
            last = end + load
            if windows is not None:
                last = through(windows, b, chosen, end, load)
            bound = max(bound, last + tail)
        rest = schrage(line, length, j, end, windows, b, chosen)
        estimate = max(float(s.job_bound[b, j]), rest)
        row = rows[j]
        row[_BOUND] = clip((bound - s.bound[b]) / horizon)
        row[_BOUND + 2] = clip((estimate - s.bound[b]) / horizon)
        row[_BOUND + 4] = squash(imposed / unit / 4.0)
        best_bound = min(best_bound, bound)
        best_schrage = min(best_schrage, estimate)
    for j in range(s.lengths.shape[1]):
        if s.mask[b, j]:
            row = rows[j]
            row[_BOUND + 1] = row[_BOUND] - clip((best_bound - s.bound[b]) / horizon)
            row[_BOUND + 3] = row[_BOUND + 2] - clip((best_schrage - s.bound[b]) / horizon)


@njit(cache=True, error_model="numpy")
def sort_by_tail(line: NDArray[np.float64], length: int) -> None:
    """Put the longest tail first; equal ones keep their order."""
    for o in range(1, length):
        a, p, t, j = line[0, o], line[1, o], line[2, o], line[3, o]
        at = o
        while at > 0 and line[2, at - 1] < t:
            for r in range(4):
                line[r, at] = line[r, at - 1]
            at -= 1
        line[0, at], line[1, at], line[2, at], line[3, at] = a, p, t, j


@njit(cache=True, error_model="numpy")
def schrage(
    line: NDArray[np.float64],
    length: int,
    first: int,
    time: float,
    windows: IntArray | None,
    b: int,
    i: int,
) -> float:
    """Return the makespan of Schrage's rule on the operations of other jobs, from ``time`` on.

    Args:
        line: the operations of machine ``i``, as in :func:`look_ahead`.
        length: how many.
        first: job whose operation goes first and ends at ``time``.
        time: from when on the machine is free.
        windows: closed ones of all machines, shape ``(B, m, w, 2)``, or ``None``.
        b: row of the batch.
        i: the machine.
    """
    makespan = 0.0
    start = 0
    for o in range(length):
        line[4, o] = 1.0 if line[3, o] == first else 0.0
    while True:
        while start < length and line[4, start] > 0:
            start += 1
        if start == length:
            return makespan
        pick, head = -1, np.inf
        for o in range(start, length):
            if line[4, o] > 0:
                continue
            if line[0, o] <= time:
                pick = o
                break
            head = min(head, line[0, o])
        if pick < 0:
            time = head
            continue
        line[4, pick] = 1.0
        if windows is not None:
            time = opening(windows, b, i, time, line[1, pick])
        time += line[1, pick]
        makespan = max(makespan, time + line[2, pick])
