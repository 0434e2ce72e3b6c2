"""The job shop's dynamics, masks and observations as Numba kernels over a batch.

Every kernel has a plain NumPy twin in ``tests/scheduling/job_shop/test_kernels.py`` that must
agree with it. Shapes: batch ``B``, jobs ``n``, operations a job ``o``, machines ``m``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

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
    "work_behind_longest",
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
    "flow_over_work",
    "progress",
    "bound_growth",
    "jobs_per_machine",
    "machine",
    "next_machine",
    "second_machine",
)
"""Names of the observation's columns, in order; the docstring of the environment explains them."""

MACHINE_COLUMNS = 3
"""The last columns name machines (index / machines, −1 for none) rather than measure something."""

_REWARD_SCALE = 10.0


@njit(cache=True)
def _squash(x: float) -> float:
    """Map a time in mean durations to (−1, 1), keeping order and resolution near zero."""
    return x / (1.0 + abs(x))


@njit(cache=True)
def dispatch(b, j, machines, durations, lengths, step, job_ready, machine_ready, work, load, start):
    """Append the next operation of job ``j`` at its earliest start, in place."""
    k = step[b, j]
    i = machines[b, j, k]
    begin = max(job_ready[b, j], machine_ready[b, i])
    end = begin + durations[b, j, k]
    start[b, j, k] = begin
    job_ready[b, j] = end
    machine_ready[b, i] = end
    work[b, j] -= durations[b, j, k]
    load[b, i] -= durations[b, j, k]
    step[b, j] = k + 1


@njit(cache=True)
def lower_bound(b, machines, lengths, step, job_ready, machine_ready, work, load):
    """Return a lower bound on the makespan of any completion; the makespan itself at the end."""
    bound = 0
    for j in range(step.shape[1]):
        ready = job_ready[b, j]
        if step[b, j] < lengths[b, j]:
            ready = max(ready, machine_ready[b, machines[b, j, step[b, j]]])
        bound = max(bound, ready + work[b, j])
    for i in range(load.shape[1]):
        bound = max(bound, machine_ready[b, i] + load[b, i])
    return bound


@njit(cache=True)
def admissible(b, delay, machines, durations, lengths, step, job_ready, machine_ready, mask):
    """Fill ``mask[b]`` with the hybrid schedule generation scheme; return how many are admitted.

    Bierwirth & Mattfeld 1999: on the machine whose operation could complete first, admit the
    operations that could start before (earliest start) + delay * (that completion − it).
    """
    first, chosen = np.inf, -1
    for j in range(step.shape[1]):
        mask[b, j] = False
        if step[b, j] < lengths[b, j]:
            i = machines[b, j, step[b, j]]
            end = max(job_ready[b, j], machine_ready[b, i]) + durations[b, j, step[b, j]]
            if end < first:
                first, chosen = end, i
    if chosen < 0:
        return 0
    earliest = np.inf
    for j in range(step.shape[1]):
        if step[b, j] < lengths[b, j] and machines[b, j, step[b, j]] == chosen:
            earliest = min(earliest, max(job_ready[b, j], machine_ready[b, chosen]))
    limit = earliest + delay * (first - earliest)
    count = 0
    for j in range(step.shape[1]):
        if step[b, j] < lengths[b, j] and machines[b, j, step[b, j]] == chosen:
            begin = max(job_ready[b, j], machine_ready[b, chosen])
            if begin == earliest or begin < limit:
                mask[b, j] = True
                count += 1
    return count


@njit(cache=True)
def advance(
    actions, active, delay, skip_forced, machines, durations, lengths, step, job_ready,
    machine_ready, work, load, start, left, bound, bound0, mask, rewards, terminated,
):  # fmt: skip
    """Dispatch ``actions[b]`` in every active row, and what is forced after it."""
    n = step.shape[1]
    for b in range(step.shape[0]):
        rewards[b] = 0.0
        if not active[b]:
            continue
        j = actions[b]
        while step[b, j] >= lengths[b, j]:
            j = (j + 1) % n
        while True:
            dispatch(
                b, j, machines, durations, lengths, step, job_ready, machine_ready, work, load,
                start,
            )  # fmt: skip
            left[b] -= 1
            count = admissible(
                b, delay, machines, durations, lengths, step, job_ready, machine_ready, mask
            )
            if left[b] == 0 or not skip_forced or count > 1:
                break
            for candidate in range(n):
                if mask[b, candidate]:
                    j = candidate
                    break
        after = lower_bound(b, machines, lengths, step, job_ready, machine_ready, work, load)
        rewards[b] = -_REWARD_SCALE * (after - bound[b]) / bound0[b]
        bound[b] = after
        terminated[b] = left[b] == 0


@njit(cache=True)
def observe(
    machines, durations, lengths, release, step, job_ready, machine_ready, work, load, left,
    bound, bound0, total, n_machines, mask, observations,
):  # fmt: skip
    """Fill ``observations`` (B, n, features), in the order of :data:`FEATURES`."""
    n, m = step.shape[1], load.shape[1]
    count = np.empty(m)
    admitted = np.empty(m)
    queued = np.empty(m)
    earliest = np.empty(m)
    shortest = np.empty(m)
    longest = np.empty(m)
    completes = np.empty(m)
    arriving = np.empty(m)
    arrival = np.empty(m)
    slack = np.empty(m)
    for b in range(step.shape[0]):
        observations[b] = 0.0
        if left[b] == 0:
            continue
        ops, unit, peak = 0, 0.0, 1.0
        now = np.inf
        alive, most_left, admissible_total = 0, 1, 0
        count[:] = 0.0
        admitted[:] = 0.0
        queued[:] = 0.0
        arriving[:] = 0.0
        earliest[:] = np.inf
        shortest[:] = np.inf
        longest[:] = 0.0
        completes[:] = np.inf
        arrival[:] = np.inf
        for j in range(n):
            ops += lengths[b, j]
            k = step[b, j]
            if k >= lengths[b, j]:
                continue
            alive += 1
            most_left = max(most_left, lengths[b, j] - k)
            i = machines[b, j, k]
            p = durations[b, j, k]
            begin = max(job_ready[b, j], machine_ready[b, i])
            now = min(now, begin)
            count[i] += 1.0
            queued[i] += p
            earliest[i] = min(earliest[i], begin)
            shortest[i] = min(shortest[i], p)
            longest[i] = max(longest[i], work[b, j])
            completes[i] = min(completes[i], begin + p)
            if mask[b, j]:
                admitted[i] += 1.0
                admissible_total += 1
            if k + 1 < lengths[b, j]:
                i1 = machines[b, j, k + 1]
                arriving[i1] += 1.0
                arrival[i1] = min(arrival[i1], begin + p)
        unit = max(total[b] / ops, 1e-9)
        peak = 2.0 * unit
        horizon = max(bound[b] - now, 1.0)
        for i in range(m):
            ready = machine_ready[b, i]
            head = min(earliest[i], arrival[i])
            if load[b, i] > 0 and head < np.inf:
                ready = max(ready, head)
            slack[i] = max(bound[b] - ready - load[b, i], 0.0) / horizon
        progress = 1.0 - left[b] / ops
        growth = _squash(5.0 * (bound[b] / bound0[b] - 1.0))
        crowd = _squash(alive / n_machines[b] - 1.0)
        for j in range(n):
            k = step[b, j]
            size = lengths[b, j]
            if k >= size:
                continue
            row = observations[b, j]
            i = machines[b, j, k]
            p = durations[b, j, k]
            begin = max(job_ready[b, j], machine_ready[b, i])
            end = begin + p
            row[0] = 1.0
            row[1] = 1.0 if mask[b, j] else 0.0
            row[2] = p / peak
            row[3] = _squash((begin - now) / unit)
            row[4] = _squash((begin - machine_ready[b, i]) / unit)
            row[5] = _squash((begin - job_ready[b, j]) / unit)
            row[6] = (work[b, j] - p) / horizon
            row[7] = (bound[b] - begin - work[b, j]) / horizon
            row[8] = slack[i]
            row[9] = load[b, i] / horizon
            row[10] = (size - k) / most_left
            row[11] = _squash(count[i] - 1.0)
            row[12] = admitted[i] / max(admissible_total, 1)
            row[13] = _squash((begin - earliest[i]) / unit)
            row[14] = (p - shortest[i]) / peak
            row[15] = (longest[i] - work[b, j]) / horizon
            row[16] = _squash((end - completes[i]) / unit)
            row[17] = _squash(arriving[i])
            row[18] = _squash((arrival[i] - begin) / unit) if arrival[i] < np.inf else 1.0
            row[34] = i / n_machines[b]
            row[35] = -1.0
            row[36] = -1.0
            mean_slack, ahead, least = 0.0, 0.0, 1.0
            for later in range(k + 1, size):
                i_later = machines[b, j, later]
                mean_slack += durations[b, j, later] * slack[i_later]
                ahead += durations[b, j, later]
                least = min(least, slack[i_later])
            if k + 1 < size:
                i1, p1 = machines[b, j, k + 1], durations[b, j, k + 1]
                row[19] = 1.0
                row[20] = p1 / peak
                row[21] = _squash((machine_ready[b, i1] - end) / unit)
                row[22] = slack[i1]
                row[23] = _squash(count[i1])
                row[24] = _squash(queued[i1] / unit)
                row[35] = i1 / n_machines[b]
                if k + 2 < size:
                    i2, p2 = machines[b, j, k + 2], durations[b, j, k + 2]
                    row[25] = p2 / peak
                    row[26] = _squash((machine_ready[b, i2] - end - p1) / unit)
                    row[27] = slack[i2]
                    row[36] = i2 / n_machines[b]
            row[28] = mean_slack / ahead if ahead > 0 else 1.0
            row[29] = least
            done = 0.0
            for earlier in range(k + 1):
                done += durations[b, j, earlier]
            row[30] = done / (done + work[b, j])
            row[31] = progress
            row[32] = growth
            row[33] = crowd
