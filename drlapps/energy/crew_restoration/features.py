"""What a policy sees of every line that is not yet repaired."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.energy.crew_restoration.dynamics import Circuit, Memory, State, dark_load, outcomes
from drlapps.energy.crew_restoration.kernels import (
    REPAIRED,
    UNDER_REPAIR,
    WAITING,
    horn,
    next_crew,
    subtrees,
)
from drlapps.energy.grid.feeder import Floats, Ints

Observations = NDArray[np.float32]

FEATURES = (
    "unrepaired",
    "waiting",
    "head",
    "hours",
    "hours_left",
    "travel",
    "nearest_other",
    "own_load",
    "subtree_load",
    "subtree_hours",
    "hours_above",
    "wait_above",
    "gain",
    "gain_rate",
    "need",
    "rho",
    "place",
    "rollout_over_best",
    "rollout_over_estimate",
    "next_crew_gap",
    "mean_crew_gap",
    "lines_left",
    "lines_per_crew",
    "hours_per_crew",
    "dark",
    "switching",
)
"""The columns of an observation; the environment's manual explains them."""

COLUMN = {name: column for column, name in enumerate(FEATURES)}

_PERCENT = 100.0


@njit(cache=True, inline="always")
def _squash(x: float) -> float:
    return x / (1.0 + abs(x))


@njit(cache=True)
def observe(s: State, c: Circuit, memory: Memory, observations: Observations) -> None:
    """Fill the observations of all rows, (B, d, features)."""
    observations[:] = 0.0
    for b in range(s.lines.shape[0]):
        if s.left[b] > 0:
            _observe_row(s, c, memory, b, observations[b])


@njit(cache=True)
def _observe_row(s: State, c: Circuit, memory: Memory, b: int, out: Observations) -> None:
    lines, crews, left, now = s.lines[b], s.crews[b], s.left[b], s.now[b]
    upper, weight, hours, status = s.upper[b], s.weight[b], s.hours[b], s.status[b]
    travel, lit, end = s.travel[b], s.lit[b], s.end[b]
    dark = np.empty(lines + 1)
    for block in range(lines + 1):
        dark[block] = 0.0 if lit[block] else weight[block]
    total = max(weight[1 : lines + 1].sum(), 1e-9)
    unit = hours[:lines].mean()
    crew = next_crew(s.free[b], crews)
    here = s.site[b, crew]
    next_gap, mean_gap = _gaps(s.free[b], crews, crew)

    above, head, after, tail, place = np.empty((5, lines), np.int64)
    load, ratio, span, hours_below, load_below = np.empty((5, lines))
    orders = np.empty((1, lines), np.int64)
    order = orders[0]
    subtrees(lines, upper, dark, status, above, load)
    horn(lines, status, above, load, hours, order, ratio, span, head, after, tail)
    _totals_below(lines, upper, status, hours, dark, hours_below, load_below)
    gain, need = np.zeros(lines), load_below.copy()
    rate, rollout = np.zeros(lines), np.empty(lines)
    _look_ahead(s, c, memory, b, orders, here, gain, rate, need, rollout)
    best_rate = best_rho = 1e-9
    work = 0.0
    for i in range(left):
        line = order[i]
        place[line] = i
        work += hours[line]
        # The way there is part of the time that the rho-factor counts.
        ratio[line] *= span[line] / (span[line] + travel[here, line + 1])
        best_rho = max(best_rho, ratio[line])
        best_rate = max(best_rate, rate[line])
    least = rollout[:left].min()

    for line in range(lines):
        if status[line] == REPAIRED:
            continue
        row = out[line]
        waits = status[line] == WAITING
        path, wait = _way_up(line, upper, status, hours, end, now)
        row[0] = 1.0
        row[1] = waits
        row[2] = waits and above[line] < 0
        row[3] = _squash(hours[line] / unit)
        row[7] = dark[line + 1] / total
        row[8] = load_below[line] / total
        row[9] = hours_below[line] / work
        row[10] = _squash(path / unit)
        row[11] = _squash(wait / unit)
        if waits:
            harm = rollout[place[line]]
            row[5] = _squash(travel[here, line + 1] / unit)
            row[6] = _squash(_nearest(line, lines, status, travel) / unit)
            row[12] = gain[line] / total
            row[13] = max(rate[line] / best_rate, -1.0)
            row[14] = need[line] / total
            row[15] = ratio[line] / best_rho
            row[16] = place[line] / left
            row[17] = _squash(_PERCENT * (harm - least) / s.scale[b])
            row[18] = _squash(_PERCENT * (harm - s.estimate[b]) / s.scale[b])
        else:
            row[4] = _squash((end[line] - now) / unit)
        row[19] = _squash(next_gap / unit)
        row[20] = _squash(mean_gap / unit)
        row[21] = left / lines
        row[22] = _squash(left / crews - 1.0)
        row[23] = _squash(work / crews / unit - 1.0)
        row[24] = dark.sum() / total
        row[25] = s.ties[b] > 0


@njit(cache=True, inline="always")
def _gaps(free: Floats, crews: int, crew: int) -> tuple[float, float]:
    """Return how long after ``crew`` the next one is free, and the others on average."""
    least, total = np.inf, 0.0
    for other in range(crews):
        if other != crew:
            least = min(least, free[other] - free[crew])
            total += free[other] - free[crew]
    return (least, total / (crews - 1)) if crews > 1 else (0.0, 0.0)


@njit(cache=True, inline="always")
def _totals_below(
    lines: int,
    upper: Ints,
    status: Ints,
    hours: Floats,
    dark: Floats,
    hours_below: Floats,
    load_below: Floats,
) -> None:
    """Sum the hours of waiting lines and the dark load from each line on downwards."""
    hours_below[:] = 0.0
    load_below[:] = 0.0
    for line in range(lines):
        up = line
        while up >= 0:
            load_below[up] += dark[line + 1]
            if status[line] == WAITING:
                hours_below[up] += hours[line]
            up = upper[up] - 1


@njit(cache=True, inline="always")
def _way_up(
    line: int, upper: Ints, status: Ints, hours: Floats, end: Floats, now: float
) -> tuple[float, float]:
    """Return the hours of waiting lines above a line, and the time until those under repair end."""
    path = wait = 0.0
    up = upper[line] - 1
    while up >= 0:
        if status[up] == WAITING:
            path += hours[up]
        elif status[up] == UNDER_REPAIR:
            wait = max(wait, end[up] - now)
        up = upper[up] - 1
    return path, wait


@njit(cache=True, inline="always")
def _nearest(line: int, lines: int, status: Ints, travel: Floats) -> float:
    """Return the way to the nearest other waiting line, 0 if there is none."""
    nearest = np.inf
    for other in range(lines):
        if other != line and status[other] == WAITING:
            nearest = min(nearest, travel[line + 1, other + 1])
    return nearest if nearest < np.inf else 0.0


@njit(cache=True)
def _look_ahead(
    s: State,
    c: Circuit,
    memory: Memory,
    b: int,
    orders: Ints,
    here: int,
    gain: Floats,
    rate: Floats,
    need: Floats,
    rollout: Floats,
) -> None:
    """Try every waiting line.

    Args:
        s: the batch.
        c: its feeders.
        memory: what is known of them.
        b: row.
        orders: Horn's sequence, (1, d).
        here: place of the free crew.
        gain: receives the load that each line would energise at once, (d,).
        rate: receives the same per hour, the way there included, (d,).
        need: receives the load that would stay dark if all but it were repaired, (d,); without
            ties that is all below it, and not changed.
        rollout: receives the harm of going there first, in Horn's order, (d,).
    """
    order = orders[0, : s.left[b]]
    if s.ties[b] == 0:
        _tree_gains(s.lines[b], s.upper[b], s.weight[b], s.status[b], gain)
    else:
        _switched_gains(s, c, memory, b, gain, need)
    for line in order:
        rate[line] = gain[line] / (s.hours[b, line] + s.travel[b, here, line + 1])
    outcomes(s, c, memory, b, order, orders, rollout)
    if s.ties[b] > 0:
        # Horn's sequence knows no ties: what a line energises at once can be the better guide.
        by_need, by_rate = np.empty(len(order), np.int64), np.empty(orders.shape, np.int64)
        _sort(order, need / s.hours[b, : len(need)], by_need)
        _sort(by_need, rate, by_rate[0])
        other = np.empty(len(order))
        outcomes(s, c, memory, b, order, by_rate, other)
        for i in range(len(order)):
            rollout[i] = min(rollout[i], other[i])


@njit(cache=True, inline="always")
def _tree_gains(lines: int, upper: Ints, weight: Floats, status: Ints, gain: Floats) -> None:
    """Add to each waiting line the load behind it that no other waiting line keeps dark."""
    for block in range(1, lines + 1):
        only, up = -1, block - 1
        while up >= 0 and only != -2:
            if status[up] == WAITING:
                only = up if only == -1 else -2
            up = upper[up] - 1
        if only >= 0:
            gain[only] += weight[block]


@njit(cache=True)
def _switched_gains(
    s: State, c: Circuit, memory: Memory, b: int, gain: Floats, need: Floats
) -> None:
    """Find what each waiting line would energise by the switching rule, now and as the last one."""
    future = np.where(s.status[b] == WAITING, WAITING, REPAIRED)
    dark = dark_load(s, c, memory, b, future)
    for line in range(s.lines[b]):
        if s.status[b, line] == WAITING:
            future[line] = REPAIRED
            gain[line] = dark - dark_load(s, c, memory, b, future)
            future[line] = WAITING
    future[:] = REPAIRED
    for line in range(s.lines[b]):
        if s.status[b, line] == WAITING:
            future[line] = WAITING
            need[line] = dark_load(s, c, memory, b, future)
            future[line] = REPAIRED


@njit(cache=True, inline="always")
def _sort(order: Ints, rate: Floats, found: Ints) -> None:
    """Sort lines by falling rate; equal ones stay as they are."""
    for i in range(len(order)):
        line, at = order[i], i
        while at > 0 and rate[found[at - 1]] < rate[line]:
            found[at] = found[at - 1]
            at -= 1
        found[at] = line
