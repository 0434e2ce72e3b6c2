"""The switching rule: from the set of repaired lines to the positions of all switches.

It is a function of the set alone, so that a policy need not think about switches, and schedules
can be compared by their repairs:

1. Starting from the source, every repaired line that an energised block touches from above is
   closed: what normal operation would feed is fed as in normal operation. These blocks are part of
   the undamaged feeder's tree, so no limit is in danger.
2. Among the dark blocks that a tie or a repaired line joins to an energised one, take the heaviest.
   Close the branch to it after whose closing an AC power flow has the highest lowest voltage and
   keeps every limit. Branches that do not keep them stay open. Repeat until no branch is left.

A block is fed as a whole or not at all, and closing a branch between an energised and a dark block
makes no loop, so what is energised is a tree at all times. Once a block's own line is repaired, the
tie that fed it opens again.

A greedy rule is not always the best: a heavy block can use up the voltage that two others would
have shared. On feeders with a handful of ties it rarely is not.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from drlapps.energy.crew_restoration.kernels import REPAIRED
from drlapps.energy.grid.feeder import Bools, Floats, Ints
from drlapps.energy.grid.kernels import sweep, trace

TOLERANCE = 1e-7
"""Of the power flows, per unit: they only tell whether limits are kept."""


@njit(cache=True)
def lowest_voltage(
    root: int,
    source_voltage: float,
    first: Ints,
    neighbour: Ints,
    through: Ints,
    r: Floats,
    x: Floats,
    rating: Floats,
    p: Floats,
    q: Floats,
    closed: Bools,
    tree: Ints,
    work: Floats,
) -> float:
    """Return the lowest voltage of an energised bus; -1 if a current is too large.

    Args:
        root: bus of the source.
        source_voltage: per unit.
        first: see :mod:`drlapps.energy.grid.kernels`.
        neighbour: as there.
        through: as there.
        r: resistance of each branch, (e,).
        x: reactance, (e,).
        rating: greatest current, (e,).
        p: active load of each bus, (n,).
        q: reactive load, (n,).
        closed: which branches conduct, (e,).
        tree: for work, (3, n).
        work: for work, (4, n).
    """
    order, parent, feeding = tree[0], tree[1], tree[2]
    supplied, _ = trace(root, first, neighbour, through, closed, order, parent, feeding)
    converged, _ = sweep(
        supplied, order, parent, feeding, r, x, p, q, source_voltage,
        TOLERANCE, work[0], work[1], work[2], work[3],
    )  # fmt: skip
    if not converged:
        return -1.0
    lowest = np.inf
    for i in range(supplied):
        bus = order[i]
        lowest = min(lowest, work[0, bus] ** 2 + work[1, bus] ** 2)
        if i > 0 and work[2, bus] ** 2 + work[3, bus] ** 2 > rating[feeding[bus]] ** 2 * (1 + 1e-9):
            return -1.0
    return math.sqrt(lowest)


@njit(cache=True)
def feed(
    lines: int,
    ties: int,
    upper: Ints,
    tie_ends: Ints,
    weight: Floats,
    status: Ints,
    branch: Ints,
    min_voltage: float,
    root: int,
    source_voltage: float,
    first: Ints,
    neighbour: Ints,
    through: Ints,
    r: Floats,
    x: Floats,
    rating: Floats,
    p: Floats,
    q: Floats,
    intact: Bools,
    closed: Bools,
    lit: Bools,
) -> None:
    """Apply the rule.

    The *edges* are the damaged lines and, behind them, the ties.

    Args:
        lines: number of damaged lines.
        ties: number of ties that may be used; without any no power flow is needed.
        upper: block above each line, (d,).
        tie_ends: blocks at the ends of each tie, (k, 2).
        weight: load of each block, (d + 1,).
        status: of each line, (d,).
        branch: which branch each edge is, (d + k,).
        min_voltage: lower limit, per unit.
        root: see :func:`lowest_voltage`, as for the next ones.
        source_voltage: as there.
        first: as there.
        neighbour: as there.
        through: as there.
        r: as there.
        x: as there.
        rating: as there.
        p: as there.
        q: as there.
        intact: the branches within blocks, which always conduct, (e,).
        closed: receives which edges conduct, (d + k,).
        lit: receives which blocks are energised, (d + 1,).
    """
    closed[:] = False
    lit[:] = False
    lit[0] = True
    changed = True
    while changed:
        changed = False
        for line in range(lines):
            if status[line] == REPAIRED and lit[upper[line]] and not closed[line]:
                closed[line] = lit[line + 1] = changed = True
    if ties == 0:
        return
    conducts = intact.copy()
    for line in range(lines):
        conducts[branch[line]] = closed[line]
    tree, work = np.empty((3, p.shape[0]), np.int64), np.empty((4, p.shape[0]))
    rejected = np.zeros(lines + ties, np.bool_)
    while True:
        dark = -1
        for edge in range(lines + ties):
            if rejected[edge] or (edge < lines and status[edge] != REPAIRED):
                continue
            a = upper[edge] if edge < lines else tie_ends[edge - lines, 0]
            b = edge + 1 if edge < lines else tie_ends[edge - lines, 1]
            if lit[a] != lit[b]:
                other = b if lit[a] else a
                if dark < 0 or weight[other] > weight[dark]:
                    dark = other
        if dark < 0:
            return
        best, highest = -1, min_voltage
        for edge in range(lines + ties):
            if rejected[edge] or (edge < lines and status[edge] != REPAIRED):
                continue
            a = upper[edge] if edge < lines else tie_ends[edge - lines, 0]
            b = edge + 1 if edge < lines else tie_ends[edge - lines, 1]
            if not ((a == dark and lit[b]) or (b == dark and lit[a])):
                continue
            conducts[branch[edge]] = True
            lowest = lowest_voltage(
                root, source_voltage, first, neighbour, through, r, x, rating, p, q, conducts,
                tree, work,
            )  # fmt: skip
            conducts[branch[edge]] = False
            if lowest < min_voltage:
                rejected[edge] = True
            elif best < 0 or lowest > highest:
                best, highest = edge, lowest
        if best >= 0:
            closed[best] = lit[dark] = conducts[branch[best]] = True
