"""The state of a batch and its moves, as Numba kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.energy.crew_restoration.kernels import (
    REPAIRED,
    UNDER_REPAIR,
    WAITING,
    energise,
    horn,
    next_crew,
    schedule,
    subtrees,
)
from drlapps.energy.crew_restoration.switching import feed
from drlapps.energy.grid.feeder import Bools, Floats, Ints

REWARD_SCALE = 100.0

BITS = 62
"""Sets of at most so many lines are remembered, by a number with a bit for each."""


class State(NamedTuple):
    """The state of a batch: live arrays that the kernels change in place.

    Rows are padded to the largest instance: ``d`` damaged lines, ``k`` ties, ``m`` crews, ``n``
    buses, ``e`` branches. Times are in hours, loads in weighted kW.
    """

    lines: Ints
    """(B,) number of damaged lines."""
    ties: Ints
    """(B,) number of ties that may be used."""
    crews: Ints
    """(B,)."""
    hours: Floats
    """(B, d) to repair each line."""
    travel: Floats
    """(B, d + 1, d + 1) between places: the base, then the lines."""
    upper: Ints
    """(B, d) block above each line."""
    weight: Floats
    """(B, d + 1) load of each block."""
    tie_ends: Ints
    """(B, k, 2) blocks at the ends of each tie."""
    scale: Floats
    """(B,) harm of Horn's list schedule, or a share of that without ties."""
    status: Ints
    """(B, d) of each line."""
    begin: Floats
    """(B, d) when its repair begins."""
    end: Floats
    """(B, d) and ends."""
    crew: Ints
    """(B, d) who repairs it."""
    free: Floats
    """(B, m) when each crew is free."""
    site: Ints
    """(B, m) where it is then."""
    lit: Bools
    """(B, d + 1) the energised blocks."""
    now: Floats
    """(B,)."""
    harm: Floats
    """(B,) until now."""
    estimate: Floats
    """(B,) harm at the end, if Horn's sequence of the waiting lines were followed from here on."""
    left: Ints
    """(B,) number of waiting lines."""
    events: Ints
    """(B,) repairs completed so far, plus 1 for the start."""
    event_time: Floats
    """(B, d + 1) when they were."""
    conducts: Bools
    """(B, d + 1, d + k) which edges do from then on: the row's lines, then its ties."""


class Circuit(NamedTuple):
    """What the power flows need of each row's feeder; see :func:`.switching.feed`."""

    branch: Ints
    min_voltage: Floats
    root: Ints
    source_voltage: Floats
    first: Ints
    neighbour: Ints
    through: Ints
    r: Floats
    x: Floats
    rating: Floats
    p: Floats
    q: Floats
    intact: Bools


class Memory(NamedTuple):
    """Dark loads that were found before, by the set of repaired lines: power flows are dear.

    It holds nothing that could not be found again, so it is no part of the state.
    """

    key: NDArray[np.uint64]
    """(B, entries) number of the set plus 1; 0 where there is none."""
    dark: Floats
    """(B, entries)."""


@njit(cache=True)
def relight(s: State, c: Circuit, b: int, status: Ints, closed: Bools, lit: Bools) -> float:
    """Apply the switching rule to row ``b``, its lines being as ``status`` says.

    Returns:
        The load that stays dark.
    """
    feed(
        s.lines[b], s.ties[b], s.upper[b], s.tie_ends[b], s.weight[b], status, c.branch[b],
        c.min_voltage[b], c.root[b], c.source_voltage[b], c.first[b], c.neighbour[b],
        c.through[b], c.r[b], c.x[b], c.rating[b], c.p[b], c.q[b], c.intact[b], closed, lit,
    )  # fmt: skip
    dark = 0.0
    for block in range(s.lines[b] + 1):
        if not lit[block]:
            dark += s.weight[b, block]
    return dark


@njit(cache=True)
def start(s: State, c: Circuit, b: int) -> None:
    """Set the switches of row ``b`` before anything is repaired."""
    s.events[b] = 1
    relight(s, c, b, s.status[b], s.conducts[b, 0], s.lit[b])


@njit(cache=True)
def dark_load(s: State, c: Circuit, memory: Memory, b: int, status: Ints) -> float:
    """Return the load that stays dark in row ``b`` when its lines are as ``status`` says."""
    lines, edges = s.lines[b], s.lines[b] + s.ties[b]
    key = np.uint64(1)
    for line in range(lines):
        if status[line] == REPAIRED:
            key += np.uint64(1) << np.uint64(line)
    place = entry(key, memory.key.shape[1])
    if lines > BITS or memory.key[b, place] != key:
        closed, lit = np.empty(edges, np.bool_), np.empty(lines + 1, np.bool_)
        memory.dark[b, place] = relight(s, c, b, status, closed, lit)
        memory.key[b, place] = key
    return float(memory.dark[b, place])


@njit(cache=True, inline="always")
def entry(key: np.uint64, entries: int) -> np.uint64:
    """Return where a set of lines is remembered, if it is."""
    mixed = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    return mixed % np.uint64(entries)


@njit(cache=True)
def outcomes(
    s: State, c: Circuit, memory: Memory, b: int, chosen: Ints, orders: Ints, found: Floats
) -> None:
    """Find the harm at the end of going on by each of several lists.

    Args:
        s: the batch.
        c: its feeders.
        memory: what is known of them.
        b: row.
        chosen: line that goes before all others, -1 for none, (i,).
        orders: the waiting lines, (i, d), or one list for all, (1, d).
        found: receives the harm, (i,).
    """
    lines, ties, crews = s.lines[b], s.ties[b], s.crews[b]
    upper, weight, hours, travel = s.upper[b], s.weight[b], s.hours[b], s.travel[b]
    status, keys, darks = s.status[b], memory.key[b], memory.dark[b]
    end, free, site = np.empty(lines), np.empty(crews), np.empty(crews, np.int64)
    when, later = np.empty(lines + 1), np.empty(lines, np.int64)
    for i in range(len(chosen)):
        free[:] = s.free[b, :crews]
        site[:] = s.site[b, :crews]
        end[:] = s.end[b, :lines]
        order = orders[i % len(orders)]
        schedule(lines, crews, chosen[i], order, hours, travel, status, free, site, end)
        if ties == 0:
            energise(lines, upper, end, when)
            total = 0.0
            for block in range(lines + 1):
                total += weight[block] * when[block]
            found[i] = total
            continue
        now, total, key = s.now[b], s.harm[b], np.uint64(1)
        for line in range(lines):
            later[line] = status[line]
            if status[line] == REPAIRED:
                key += np.uint64(1) << np.uint64(line)
        while True:
            line = -1
            for other in range(lines):
                if later[other] != REPAIRED and (line < 0 or end[other] < end[line]):
                    line = other
            if line < 0:
                break
            if end[line] > now:
                place = entry(key, len(keys))
                known = lines <= BITS and keys[place] == key
                dark = darks[place] if known else dark_load(s, c, memory, b, later)
                total += dark * (end[line] - now)
                now = end[line]
            later[line] = REPAIRED
            key += np.uint64(1) << np.uint64(line)
        found[i] = total


@njit(cache=True)
def estimate(s: State, c: Circuit, memory: Memory, b: int) -> float:
    """Return the harm at the end of going on by Horn's sequence of the waiting lines."""
    lines, status, lit = s.lines[b], s.status[b], s.lit[b]
    above, head, after, tail = np.empty((4, lines), np.int64)
    orders = np.empty((1, lines), np.int64)
    load, ratio, span = np.empty((3, lines))
    dark, found = np.empty(lines + 1), np.empty(1)
    for block in range(lines + 1):
        dark[block] = 0.0 if lit[block] else s.weight[b, block]
    subtrees(lines, s.upper[b], dark, status, above, load)
    horn(lines, status, above, load, s.hours[b], orders[0], ratio, span, head, after, tail)
    outcomes(s, c, memory, b, np.full(1, -1), orders, found)
    return float(found[0])


@njit(cache=True)
def complete(s: State, c: Circuit, b: int, until: float) -> None:
    """Let time pass until ``until``, or until the last repair under way ends."""
    lines = s.lines[b]
    status, end, weight, lit = s.status[b], s.end[b], s.weight[b], s.lit[b]
    while True:
        line = -1
        for other in range(lines):
            if status[other] == UNDER_REPAIR and (line < 0 or end[other] < end[line]):
                line = other
        over = line < 0 or end[line] > until
        if over and until == np.inf:
            return
        time = until if over else end[line]
        dark = 0.0
        for block in range(lines + 1):
            if not lit[block]:
                dark += weight[block]
        s.harm[b] += dark * (time - s.now[b])
        s.now[b] = time
        if over:
            return
        status[line] = REPAIRED
        event = s.events[b]
        s.events[b] = event + 1
        s.event_time[b, event] = time
        relight(s, c, b, status, s.conducts[b, event], lit)


@njit(cache=True)
def advance(
    s: State,
    c: Circuit,
    memory: Memory,
    actions: Ints,
    active: Bools,
    rewards: Floats,
    terminated: Bools,
) -> None:
    """Send the next free crew of every active row to line ``actions[b]``."""
    for b in range(s.lines.shape[0]):
        if not active[b]:
            continue
        line = actions[b]
        while line >= s.lines[b] or s.status[b, line] != WAITING:
            line = 0 if line >= s.lines[b] else line + 1
        crew = next_crew(s.free[b], s.crews[b])
        begin = s.free[b, crew] + s.travel[b, s.site[b, crew], line + 1]
        s.status[b, line] = UNDER_REPAIR
        s.begin[b, line] = begin
        s.end[b, line] = begin + s.hours[b, line]
        s.crew[b, line] = crew
        s.free[b, crew] = s.end[b, line]
        s.site[b, crew] = line + 1
        s.left[b] -= 1
        before = s.estimate[b]
        if s.left[b] > 0:
            complete(s, c, b, s.free[b, next_crew(s.free[b], s.crews[b])])
            s.estimate[b] = estimate(s, c, memory, b)
        else:
            complete(s, c, b, np.inf)
            s.estimate[b] = s.harm[b]
            terminated[b] = True
        rewards[b] = REWARD_SCALE * (before - s.estimate[b]) / s.scale[b]
