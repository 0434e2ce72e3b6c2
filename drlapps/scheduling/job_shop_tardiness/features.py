"""What the agent sees of due dates, as a Numba kernel over a batch.

These columns stand beside those of :mod:`drlapps.scheduling.job_shop.features`. Tardiness is
measured in ``u w``: the instance's mean duration times its mean weight.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop import features as job_shop
from drlapps.scheduling.job_shop.features import MACHINE_COLUMNS, clip, squash
from drlapps.scheduling.job_shop.kernels import IntArray, State, opening

DUE_DATES = (
    "weight",
    "due_slack",
    "due_slack_share",
    "slack_per_operation",
    "tardiness",
    "priority",
    "rivals_ahead",
    "weight_per_time",
    "tardiness_if_chosen",
    "tardiness_over_best",
    "estimate_if_chosen",
    "estimate_over_best",
    "total_tardiness",
    "weight_late",
)
"""Names of the columns about due dates, in order."""

FEATURES = (
    *job_shop.FEATURES[:-MACHINE_COLUMNS],
    *DUE_DATES,
    *job_shop.FEATURES[-MACHINE_COLUMNS:],
)
"""Names of the observation's columns, in order; the docstring of the environment explains them."""

LOOK_AHEAD = 2.0
"""The parameter k of the priority: the slack, in mean durations, at which urgency fades."""

_IF_CHOSEN = DUE_DATES.index("tardiness_if_chosen")
_CONTEXT = DUE_DATES.index("total_tardiness")


@njit(cache=True, error_model="numpy")
def observe(
    s: State,
    windows: IntArray | None,
    due: IntArray,
    weights: IntArray,
    tardiness: IntArray,
    columns: NDArray[np.float32],
) -> None:
    """Fill ``columns`` (B, n, due dates), in the order of :data:`DUE_DATES`.

    Args:
        s: the batch.
        windows: (B, m, w, 2) closed windows; ``None`` if there are none.
        due: (B, n) due dates.
        weights: (B, n) weights; 0 for the padding of smaller shops.
        tardiness: (B,) total weighted tardiness of the jobs if each ended at its bound.
        columns: what is filled.
    """
    n = s.lengths.shape[1]
    best = np.empty((2, s.load_left.shape[1]))
    line = np.empty((7, n * s.machines.shape[2]))
    for b in range(s.lengths.shape[0]):
        columns[b] = 0.0
        if s.operations_left[b] == 0:
            continue
        total, operations, jobs, weight, now = 0, 0, 0, 0, np.inf
        for j in range(n):
            k, size = s.next_operation[b, j], s.lengths[b, j]
            operations += size
            total += s.job_work[b, j]
            weight += weights[b, j]
            jobs += size > 0
            if k < size:
                now = min(now, s.heads[b, j, k])
        unit = max(total / operations, 1e-9)
        mean_weight = max(weight / jobs, 1e-9)
        horizon = max(s.bound[b] - now, 1.0)
        describe(s, b, due[b], weights[b], unit, mean_weight, horizon, best, columns[b])
        context(s, b, due[b], weights[b], tardiness[b] / (weight * unit + 1e-9), columns[b])
        look_ahead(s, windows, b, due[b], weights[b], unit, unit * mean_weight, line, columns[b])


@njit(cache=True, error_model="numpy", inline="always")
def urgency(weight: float, duration: float, slack: float, unit: float) -> float:
    """Return the apparent tardiness cost of waiting (Vepsalainen & Morton 1987)."""
    return float(weight / max(duration, 1.0) * np.exp(-max(slack, 0.0) / (LOOK_AHEAD * unit)))


@njit(cache=True, error_model="numpy")
def describe(
    s: State,
    b: int,
    due: IntArray,
    weights: IntArray,
    unit: float,
    mean_weight: float,
    horizon: float,
    best: NDArray[np.float64],
    rows: NDArray[np.float32],
) -> None:
    """Fill the columns before ``tardiness_if_chosen``.

    ``best`` receives, for each machine, the greatest priority and the greatest weight per time of
    the operations that wait for it.
    """
    best[:] = 1e-30
    n = s.lengths.shape[1]
    for j in range(n):
        k = s.next_operation[b, j]
        if k < s.lengths[b, j]:
            i, p = s.machines[b, j, k], s.durations[b, j, k]
            slack = float(due[j] - s.job_bound[b, j])
            best[0, i] = max(best[0, i], urgency(weights[j], p, slack, unit))
            best[1, i] = max(best[1, i], weights[j] / max(p, 1.0))
    for j in range(n):
        k, size = s.next_operation[b, j], s.lengths[b, j]
        if k >= size:
            continue
        row = rows[j]
        i, p = s.machines[b, j, k], s.durations[b, j, k]
        slack = float(due[j] - s.job_bound[b, j])
        ahead, rivals = 0, 0
        for other in range(n):
            place = s.next_operation[b, other]
            if other != j and place < s.lengths[b, other] and s.machines[b, other, place] == i:
                rivals += 1
                ahead += due[other] - s.job_bound[b, other] < slack
        row[0] = weights[j] / (2.0 * mean_weight)
        row[1] = squash(slack / unit)
        row[2] = clip(slack / horizon)
        row[3] = squash(slack / (unit * (size - k)))
        row[4] = squash(weights[j] / mean_weight * max(-slack, 0.0) / unit / 4.0)
        row[5] = urgency(weights[j], p, slack, unit) / best[0, i]
        row[6] = ahead / max(rivals, 1)
        row[7] = weights[j] / max(p, 1.0) / best[1, i]


@njit(cache=True, error_model="numpy")
def context(
    s: State,
    b: int,
    due: IntArray,
    weights: IntArray,
    tardiness: float,
    rows: NDArray[np.float32],
) -> None:
    """Fill the columns that are the same for all jobs; ``tardiness`` is the mean, in ``u w``."""
    late, alive = 0, 0
    for j in range(s.lengths.shape[1]):
        if s.next_operation[b, j] < s.lengths[b, j]:
            alive += weights[j]
            if s.job_bound[b, j] > due[j]:
                late += weights[j]
    for j in range(s.lengths.shape[1]):
        if s.next_operation[b, j] < s.lengths[b, j]:
            rows[j, _CONTEXT] = squash(tardiness)
            rows[j, _CONTEXT + 1] = late / max(alive, 1)


@njit(cache=True, error_model="numpy")
def look_ahead(
    s: State,
    windows: IntArray | None,
    b: int,
    due: IntArray,
    weights: IntArray,
    unit: float,
    scale: float,
    line: NDArray[np.float64],
    rows: NDArray[np.float32],
) -> None:
    """Fill what choosing each admissible job would cost, where there is a choice.

    The certain part is what the tardiness bound grows by if the machine is busy until the job's
    operation ends. The estimate sequences the operations left on the machine by their urgency and
    charges what each then adds to the tardiness of its job, were that the last thing to delay it.

    Rows of ``line``: head, duration, due date less the tail, weight, job, tardiness at the head,
    whether it is scheduled.
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
                head, p = s.heads[b, j, k], s.durations[b, j, k]
                line[0, length], line[1, length] = head, p
                line[2, length] = due[j] - (s.job_bound[b, j] - head - p)
                line[3, length], line[4, length] = weights[j], j
                line[5, length] = max(float(s.job_bound[b, j] - due[j]), 0.0)
                length += 1
    least, least_estimate = np.inf, np.inf
    for j in range(s.lengths.shape[1]):
        if s.mask[b, j]:
            k = s.next_operation[b, j]
            end = s.heads[b, j, k] + s.durations[b, j, k]
            growth = certain_growth(s, windows, b, due, weights, chosen, j, end)
            estimate = sequenced_growth(line, length, j, end, unit)
            rows[j, _IF_CHOSEN + 1], rows[j, _IF_CHOSEN + 3] = growth / scale, estimate / scale
            least, least_estimate = min(least, growth), min(least_estimate, estimate)
    for j in range(s.lengths.shape[1]):
        if s.mask[b, j]:
            row = rows[j]
            for column, best in ((_IF_CHOSEN, least), (_IF_CHOSEN + 2, least_estimate)):
                row[column] = squash(row[column + 1] / 4.0)
                row[column + 1] = squash(row[column + 1] - best / scale)


@njit(cache=True, error_model="numpy")
def certain_growth(
    s: State,
    windows: IntArray | None,
    b: int,
    due: IntArray,
    weights: IntArray,
    machine: int,
    first: int,
    end: int,
) -> float:
    """Return what the tardiness bound grows by if ``first`` holds the machine until ``end``."""
    growth = 0.0
    for j in range(s.lengths.shape[1]):
        if j == first or s.next_operation[b, j] >= s.lengths[b, j]:
            continue
        time = s.job_ready[b, j]
        for k in range(s.next_operation[b, j], s.lengths[b, j]):
            i, p = s.machines[b, j, k], s.durations[b, j, k]
            time = max(time, end if i == machine else s.machine_ready[b, i])
            if windows is not None:
                time = opening(windows, b, i, time, p)
            time += p
        late = max(time - due[j], 0) - max(s.job_bound[b, j] - due[j], 0)
        growth += weights[j] * late
    return growth


@njit(cache=True, error_model="numpy")
def sequenced_growth(
    line: NDArray[np.float64], length: int, first: int, time: float, unit: float
) -> float:
    """Return the tardiness added by sequencing, from ``time`` on, what is not of job ``first``.

    Of the operations that are there the most urgent goes first, of equal ones the first of the
    line.
    """
    growth, left = 0.0, 0
    for o in range(length):
        line[6, o] = line[4, o] == first
        left += line[4, o] != first
    while left > 0:
        pick, greatest, head = -1, -1.0, np.inf
        for o in range(length):
            if line[6, o] > 0:
                continue
            head = min(head, line[0, o])
            if line[0, o] <= time:
                index = urgency(line[3, o], line[1, o], line[2, o] - line[1, o] - time, unit)
                if index > greatest:
                    pick, greatest = o, index
        if pick < 0:
            time = head
            continue
        line[6, pick] = 1.0
        left -= 1
        time += line[1, pick]
        growth += line[3, pick] * (max(time - line[2, pick], 0.0) - line[5, pick])
    return growth
