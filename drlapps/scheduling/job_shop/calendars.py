"""When machines are open: closed windows and what fits between them.

A calendar is an array of rows ``(machine, start, end)``: the machine is closed in ``[start, end)``.
The functions of one machine take its windows as pairs ``(start, end)``, sorted and disjoint. An
operation may not be interrupted, so it lies wholly in open time; one without duration may stand at
the start or the end of a window, but not inside.

The environment has its own kernels for the same (:mod:`.kernels`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Windows = Sequence[tuple[int, int]]
"""Closed windows of one machine: ``(start, end)``, sorted and disjoint."""


def merged(closed: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the calendar sorted, the windows of a machine that touch or overlap made one.

    Args:
        closed: rows ``(machine, start, end)`` with ``start < end``.
    """
    rows: list[list[int]] = []
    for machine, start, end in sorted(closed.tolist()):
        if rows and rows[-1][0] == machine and start <= rows[-1][2]:
            rows[-1][2] = max(rows[-1][2], end)
        else:
            rows.append([machine, start, end])
    return np.array(rows, np.int32).reshape(-1, 3)


def by_machine(closed: NDArray[np.int32], machines: int) -> tuple[Windows, ...]:
    """Return the windows of each machine."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(machines)]
    for machine, start, end in closed.tolist():
        found[machine].append((start, end))
    return tuple(found)


def earliest_start(windows: Windows, time: int, duration: int) -> int:
    """Return the first time, from ``time`` on, at which an operation fits into open time."""
    for start, end in windows[bisect_right(windows, time, key=lambda window: window[1]) :]:
        if time + duration <= start:
            break
        time = end
    return time


def latest_start(windows: Windows, time: int, duration: int) -> int:
    """Return the last time, up to ``time``, at which an operation fits into open time."""
    begun = bisect_left(windows, time + duration, key=lambda window: window[0])
    for start, end in reversed(windows[:begun]):
        if end <= time:
            break
        time = start - duration
    return time


def earliest_end(windows: Windows, time: int, load: int) -> int:
    """Return when so much work begun at ``time`` ends, if closed windows may interrupt it."""
    for start, end in windows[bisect_right(windows, time, key=lambda window: window[1]) :]:
        if time + load <= start:
            break
        load -= max(start - time, 0)
        time = end
    return time + load
