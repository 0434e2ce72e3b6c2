"""Numba kernels: blocks, list schedules, Horn's sequence. Small parts of what others build on.

Shapes: ``d`` damaged lines, ``k`` ties, ``m`` crews. Line ``l`` joins block ``upper[l]`` to block
``l + 1``; block 0 has the source.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from drlapps.energy.grid.feeder import Bools, Floats, Ints
from drlapps.energy.grid.kernels import trace

WAITING, UNDER_REPAIR, REPAIRED = 0, 1, 2
"""What a damaged line can be."""


@njit(cache=True)
def divide(
    root: int,
    first: Ints,
    neighbour: Ints,
    through: Ints,
    closed: Bools,
    place: Ints,
    load: Floats,
    count: int,
) -> tuple[Ints, Ints, Floats]:
    """Divide a feeder at its damaged lines.

    Args:
        root: bus of the source.
        first: see :mod:`drlapps.energy.grid.kernels`.
        neighbour: as there.
        through: as there.
        closed: which branches conduct in normal operation, (e,).
        place: number of each branch among the damaged lines, -1 for intact ones, (e,).
        load: weighted load of each bus, (n,).
        count: number of damaged lines.

    Returns:
        The block of each bus (n,), the block above each damaged line (d,) and the load of each
        block (d + 1,).
    """
    n = load.shape[0]
    order, parent, feeding = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    supplied, _ = trace(root, first, neighbour, through, closed, order, parent, feeding)
    block, upper = np.zeros(n, np.int64), np.zeros(count, np.int64)
    weight = np.zeros(count + 1)
    for i in range(supplied):
        bus = order[i]
        if i > 0:
            line = place[feeding[bus]]
            block[bus] = block[parent[bus]]
            if line >= 0:
                upper[line] = block[bus]
                block[bus] = line + 1
        weight[block[bus]] += load[bus]
    return block, upper, weight


@njit(cache=True, inline="always")
def next_crew(free: Floats, crews: int) -> int:
    """Return the crew that is free first; of several, the first."""
    best = 0
    for c in range(1, crews):
        if free[c] < free[best]:
            best = c
    return best


@njit(cache=True, inline="always")
def schedule(
    lines: int,
    crews: int,
    chosen: int,
    order: Ints,
    hours: Floats,
    travel: Floats,
    status: Ints,
    free: Floats,
    site: Ints,
    end: Floats,
) -> None:
    """Send the crews, whichever is free first, to the waiting lines in the given order.

    Args:
        lines: number of damaged lines.
        crews: number of crews.
        chosen: line that goes before all others; -1 for none.
        order: the waiting lines, (d,); what follows them is not read.
        hours: to repair each line, (d,).
        travel: between places, (d + 1, d + 1).
        status: of each line, (d,); not changed.
        free: when each crew is free, (m,); changed.
        site: place of each crew, (m,); changed.
        end: receives the completion of each waiting line, (d,).
    """
    at = -1 if chosen >= 0 else 0
    left = 0
    for line in range(lines):
        if status[line] == WAITING:
            left += 1
    while left > 0:
        line = chosen if at < 0 else order[at]
        if at < 0 or line != chosen:
            c = next_crew(free, crews)
            free[c] += travel[site[c], line + 1] + hours[line]
            site[c] = line + 1
            end[line] = free[c]
            left -= 1
        at += 1


@njit(cache=True, inline="always")
def energise(lines: int, upper: Ints, end: Floats, when: Floats) -> None:
    """Find when each block is energised without ties: by the last completion on its way.

    Args:
        lines: number of damaged lines.
        upper: block above each line, (d,).
        end: completion of each line, (d,).
        when: receives the times, (d + 1,).
    """
    when[0] = 0.0
    for line in range(lines):
        latest, up = end[line], upper[line] - 1
        while up >= 0:
            latest, up = max(latest, end[up]), upper[up] - 1
        when[line + 1] = latest


@njit(cache=True, inline="always")
def subtrees(
    lines: int,
    upper: Ints,
    weight: Floats,
    status: Ints,
    above: Ints,
    load: Floats,
) -> None:
    """Contract all but the waiting lines.

    Args:
        lines: number of damaged lines.
        upper: block above each line, (d,).
        weight: load of each block that counts, (d + 1,).
        status: of each line, (d,).
        above: receives the next waiting line above each line, -1 for none, (d,).
        load: receives the load between each waiting line and the next ones below it, (d,).
    """
    for line in range(lines):
        load[line] = 0.0
    for line in range(lines):
        up = upper[line] - 1
        while up >= 0 and status[up] != WAITING:
            up = upper[up] - 1
        above[line] = up
        if status[line] == WAITING:
            load[line] += weight[line + 1]
        elif up >= 0:
            load[up] += weight[line + 1]


@njit(cache=True, inline="always")
def horn(
    lines: int,
    status: Ints,
    above: Ints,
    load: Floats,
    hours: Floats,
    order: Ints,
    ratio: Floats,
    span: Floats,
    head: Ints,
    after: Ints,
    tail: Ints,
) -> int:
    """Sequence the waiting lines by Horn's algorithm.

    Every line starts as a group of its own. The group of the largest ratio of load to hours joins
    the group of the line above it, behind the lines that are there, or comes next in the sequence
    where that line has been sequenced or is none. The ratio that a group has when it is taken is
    the rho-factor of its first line: the largest of any subtree that begins there.

    Args:
        lines: number of damaged lines.
        status: of each line, (d,).
        above: see :func:`subtrees`.
        load: as there; overwritten.
        hours: to repair each line, (d,).
        order: receives the sequence, (d,).
        ratio: receives the rho-factors, (d,).
        span: receives the hours of the subtrees that have them, (d,).
        head: for work, (d,).
        after: for work, (d,).
        tail: for work, (d,).

    Returns:
        The number of waiting lines.
    """
    groups = 0
    for line in range(lines):
        head[line] = tail[line] = line
        after[line] = -1
        span[line] = hours[line]
        ratio[line] = 0.0
        groups += status[line] == WAITING
    # A line whose group was taken has itself no group left: its head is -1 or another line.
    count = 0
    while groups > 0:
        best = -1
        for line in range(lines):
            if status[line] != WAITING or head[line] != line:
                continue
            if best < 0 or load[line] * span[best] > load[best] * span[line]:
                best = line
        groups -= 1
        ratio[best] = load[best] / span[best]
        into = above[best]
        while into >= 0 and head[into] != into:
            into = head[into]
        if into >= 0:
            load[into] += load[best]
            # The group taken keeps its own hours: they go with its ratio.
            span[into] += span[best]
            after[tail[into]] = best
            tail[into] = tail[best]
            head[best] = into
        else:
            line = best
            while line >= 0:
                order[count] = line
                count += 1
                line = after[line]
            head[best] = -1
    return count
