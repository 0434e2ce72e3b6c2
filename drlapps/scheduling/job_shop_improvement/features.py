"""What the improvement agent sees, as Numba kernels over a batch.

An observation is a table: a row for each candidate swap and, where the graph is shown, a row for
each operation. Times are divided by the shop's mean duration and squashed to (-1, 1), or by the
makespan, so that one network reads shops of any size.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.job_shop.features import squash
from drlapps.scheduling.job_shop.local_search.graph import Selection
from drlapps.scheduling.job_shop_improvement.kernels import (
    ADVANCED,
    DELAYED,
    ESTIMATE,
    IntArray,
    Search,
    after_swap,
    flip,
    place_of,
)

CANDIDATE = (
    "exists",
    "change",
    "over_best_candidate",
    "over_incumbent",
    "improves",
    "first_duration",
    "second_duration",
    "opens_block",
    "closes_block",
    "block_length",
    "position",
    "second_lead",
    "first_delay",
    "first_tail",
    "second_tail",
    "through_first",
    "through_second",
    "pair_recency",
    "first_delayed",
    "first_advanced",
    "second_advanced",
    "second_delayed",
    "frequency",
    "met_before",
    "incumbent_gap",
    "stagnation",
    "improvement",
    "here_before",
    "choices",
    "path_share",
    "jobs_per_machine",
    "first",
    "second",
)
"""Columns of a candidate's row, in order; the docstring of the environment explains them."""

OPERATION = (
    "exists",
    "head",
    "tail",
    "slack",
    "critical",
    "duration",
    "job_wait",
    "machine_wait",
    "recency",
    "frequency",
    "job",
    "machine",
    "machine_before",
    "machine_after",
)
"""Columns of an operation's row; the columns after them are zero."""

LABELS = {"candidate": CANDIDATE.index("first"), "operation": OPERATION.index("job")}
"""First column of each kind that names an operation, job or machine (index / N, -1 for none)."""

_CONTEXT = CANDIDATE.index("incumbent_gap")
_LABEL = LABELS["candidate"]

_MEMORY = 12.0
"""Steps after which half of a recency is left."""


@njit(cache=True, error_model="numpy")
def recency(steps: int) -> float:
    """Return 1 for what has just happened, falling to 0."""
    return _MEMORY / (_MEMORY + steps)


@njit(cache=True, error_model="numpy")
def observe(s: Selection, t: Search, unit: NDArray[np.float64], rows: NDArray[np.float32]) -> None:
    """Fill the candidates' rows of ``rows`` (B, C or more, columns)."""
    for b in range(t.steps.size):
        rows[b] = 0.0
        if t.choices[b] == 0:
            continue
        here = context(s, t, b)
        for c in range(t.choices[b]):
            describe(s, t, b, c, unit[b], rows[b, c])
            for column in range(len(here)):
                rows[b, c, _CONTEXT + column] = here[column]


@njit(cache=True, error_model="numpy")
def context(
    s: Selection, t: Search, b: int
) -> tuple[float, float, float, float, float, float, float]:
    """Return what the candidates of a row have in common."""
    jobs = 0
    for j in range(s.lengths.shape[1]):
        jobs += s.lengths[b, j] > 0
    length = s.operations[b] / jobs
    repeated = 1.0 if t.met[b] else 0.0
    return (
        squash(20.0 * (s.makespan[b] / max(t.best[b], 1) - 1.0)),
        squash((t.steps[b] - t.best_step[b]) / 50.0),
        squash(10.0 * (1.0 - t.best[b] / max(t.initial[b], 1))),
        repeated,
        squash((t.choices[b] - 6.0) / 6.0),
        squash(4.0 * t.path_size[b] / (jobs + length) - 4.0),
        squash(jobs / length - 1.0),
    )


@njit(cache=True, error_model="numpy")
def describe(
    s: Selection, t: Search, b: int, c: int, unit: float, row: NDArray[np.float32]
) -> None:
    """Fill a candidate's own columns."""
    u, v, value, place, opening, closing = t.candidates[b, c]
    durations = s.durations[b].ravel()
    p_u, p_v = durations[u], durations[v]
    per_unit = 1.0 / unit
    makespan, step, size = s.makespan[b], t.steps[b], s.before.shape[1]
    head_v, head_u, tail_u, tail_v = after_swap(s, b, u, v)
    row[0] = 1.0
    row[1] = squash((value - makespan) * per_unit)
    row[2] = squash((value - t.candidates[b, 0, ESTIMATE]) * per_unit)
    row[3] = squash((value - t.best[b]) * per_unit)
    row[4] = 1.0 if value < t.best[b] else 0.0
    row[5] = min(0.5 * p_u * per_unit, 10.0)
    row[6] = min(0.5 * p_v * per_unit, 10.0)
    row[7] = 1.0 if place == opening else 0.0
    row[8] = 1.0 if place + 2 == closing else 0.0
    row[9] = squash((closing - opening - 2) / 4.0)
    row[10] = s.heads[b, u] / max(makespan, 1)
    row[11] = squash((s.heads[b, v] - head_v) * per_unit)
    row[12] = squash((head_u - s.heads[b, u]) * per_unit)
    row[13] = squash((s.tails[b, u] - tail_u) * per_unit)
    row[14] = squash((tail_v - s.tails[b, v]) * per_unit)
    row[15] = squash((head_u + p_u + tail_u - makespan) * per_unit)
    row[16] = squash((head_v + p_v + tail_v - makespan) * per_unit)
    row[17] = pair_recency(t, b, u, v)
    row[18] = recency(step - t.moved[b, u, DELAYED])
    row[19] = recency(step - t.moved[b, u, ADVANCED])
    row[20] = recency(step - t.moved[b, v, ADVANCED])
    row[21] = recency(step - t.moved[b, v, DELAYED])
    share = s.operations[b] / (4.0 * (step + 10.0))
    row[22] = squash(share * (t.moves_made[b, u] + t.moves_made[b, v]))
    code = flip(t.hash[b], u, v)
    row[23] = 1.0 if t.visited[b, place_of(t.visited[b], code)] == code else 0.0
    row[_LABEL] = u / size
    row[_LABEL + 1] = v / size


@njit(cache=True, error_model="numpy")
def pair_recency(t: Search, b: int, u: int, v: int) -> float:
    """Return how recently the swap that put ``u`` before ``v`` was made; 0 if long ago."""
    recent = t.recent[b]
    length = len(recent)
    for ago in range(min(length, t.steps[b])):
        at = (t.steps[b] - ago) % length
        if recent[at, ADVANCED] == u and recent[at, DELAYED] == v:
            return recency(ago)
    return 0.0


@njit(cache=True, error_model="numpy")
def observe_graph(
    s: Selection,
    t: Search,
    unit: NDArray[np.float64],
    stations: IntArray,
    rows: NDArray[np.float32],
) -> None:
    """Fill the operations' rows, (B, N, columns)."""
    width, size = s.machines.shape[2], s.before.shape[1]
    for b in range(t.steps.size):
        durations, heads, tails = s.durations[b].ravel(), s.heads[b], s.tails[b]
        makespan, per_unit, step = max(s.makespan[b], 1), 1.0 / unit[b], t.steps[b]
        share = s.operations[b] / (2.0 * (step + 10.0))
        rows[b] = 0.0
        for place in range(s.operations[b]):
            v = s.order[b, place]
            row, j = rows[b, v], v // width
            before = s.before[b, v]
            slack = makespan - heads[v] - durations[v] - tails[v]
            ready = heads[v - 1] + durations[v - 1] if v % width > 0 else s.release[b, j]
            free = heads[before] + durations[before] if before >= 0 else 0
            row[0] = 1.0
            row[1] = heads[v] / makespan
            row[2] = tails[v] / makespan
            row[3] = squash(slack * per_unit)
            row[4] = 1.0 if slack == 0 else 0.0
            row[5] = min(0.5 * durations[v] * per_unit, 10.0)
            row[6] = squash((heads[v] - ready) * per_unit)
            row[7] = squash((heads[v] - free) * per_unit)
            row[8] = recency(step - max(t.moved[b, v, ADVANCED], t.moved[b, v, DELAYED]))
            row[9] = squash(share * t.moves_made[b, v])
            row[10] = j / size
            row[11] = stations[b, v] / size
            row[12] = before / size if before >= 0 else -1.0
            row[13] = s.after[b, v] / size if s.after[b, v] >= 0 else -1.0
