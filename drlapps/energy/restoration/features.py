"""What the agent sees: a row of numbers for each action."""

from __future__ import annotations

import math

import numba
import numpy as np

from drlapps.energy.grid.feeder import Bools, Floats, Ints
from drlapps.energy.grid.kernels import losses, sweep, trace
from drlapps.energy.restoration.kernels import State, potential

FEATURES = (
    "tail", "head", "is_branch", "is_bus", "admissible", "closed", "operable", "locked",
    "resistance", "reactance", "current", "reconnects", "makes_loop", "pending", "loop",
    "end_difference", "known", "load_after", "margin_after", "loss_after", "potential_after",
    "below_best", "is_best", "energised", "connected", "active_load", "reactive_load", "worth",
    "margin", "path_resistance", "relief", "relief_per_worth", "dark_worth", "load_served",
    "worst_margin", "budget",
)  # fmt: skip
"""The columns of an observation; what each is stands in the environment's description."""

LABELS = 512.0
"""Numbers of buses are divided by it: whole numbers stay exact, and small."""

(
    _TAIL, _HEAD, _IS_BRANCH, _IS_BUS, _ADMISSIBLE, _CLOSED, _OPERABLE, _LOCKED,
    _RESISTANCE, _REACTANCE, _CURRENT, _RECONNECTS, _MAKES_LOOP, _PENDING, _LOOP,
    _END_DIFFERENCE, _KNOWN, _LOAD_AFTER, _MARGIN_AFTER, _LOSS_AFTER, _POTENTIAL_AFTER,
    _BELOW_BEST, _IS_BEST, _ENERGISED, _CONNECTED, _ACTIVE_LOAD, _REACTIVE_LOAD, _WORTH,
    _MARGIN, _PATH_RESISTANCE, _RELIEF, _RELIEF_PER_WORTH, _DARK_WORTH, _LOAD_SERVED,
    _WORST_MARGIN, _BUDGET,
) = range(len(FEATURES))  # fmt: skip

_ROUGH = 1e-4
"""Tolerance of the power flows that look ahead, per unit."""
_VOLTS = 0.02
"""Scale of voltage margins, per unit."""


@numba.njit(cache=True, inline="always")
def _squash(value: float) -> float:
    return value / (1.0 + abs(value))


@numba.njit(cache=True)
def observe(s: State, stale: Bools, work: Floats, index: Ints, closed: Bools, out: Floats) -> None:
    """Fill the observations of some rows.

    Args:
        s: the state.
        stale: which rows, (b,).
        work: room for numbers, (8, n).
        index: room for positions, (3, e + n).
        closed: room for positions of switches, (e,).
        out: receives them, (b, e + n + 1, columns).
    """
    for b in range(out.shape[0]):
        if not stale[b]:
            continue
        out[b] = 0.0
        if s.ended[b]:
            continue
        _describe(s, b, out)
        _relief(s, b, work, out)
        _look_ahead(s, b, work, index, closed, out)


@numba.njit(cache=True)
def _describe(s: State, b: int, out: Floats) -> None:
    """Fill in what is known of branches and buses as they stand."""
    n, e = s.n_bus[b], s.tail.shape[1]
    total = max(s.p[b].sum(), 1e-9)
    dark = 0.0
    lowest = s.source_voltage[b]
    for i in range(n):
        row = e + i
        out[b, row, _IS_BUS] = 1.0
        out[b, row, _TAIL] = i / LABELS
        out[b, row, _HEAD] = i / LABELS
        out[b, row, _CONNECTED] = s.connected[b, i]
        out[b, row, _ACTIVE_LOAD] = 5.0 * min(s.p[b, i] / total, 1.0)
        out[b, row, _REACTIVE_LOAD] = max(-5.0, min(5.0 * s.q[b, i] / total, 5.0))
        out[b, row, _WORTH] = 5.0 * s.worth[b, i]
        if s.energised[b, i]:
            out[b, row, _ENERGISED] = 1.0
            lowest = min(lowest, s.voltage[b, i])
            out[b, row, _MARGIN] = _squash((s.voltage[b, i] - s.min_voltage[b]) / _VOLTS)
        else:
            dark += s.worth[b, i]
    for k in range(s.n_branch[b]):
        tail, head = s.tail[b, k], s.head[b, k]
        out[b, k, _IS_BRANCH] = 1.0
        out[b, k, _TAIL] = tail / LABELS
        out[b, k, _HEAD] = head / LABELS
        out[b, k, _CLOSED] = s.conducts[b, k]
        out[b, k, _OPERABLE] = s.operable[b, k] and not s.moved[b, k]
        out[b, k, _LOCKED] = not s.operable[b, k] and not s.conducts[b, k]
        out[b, k, _RESISTANCE] = _squash(5.0 * s.r[b, k] * total)
        out[b, k, _REACTANCE] = _squash(5.0 * s.x[b, k] * total)
        out[b, k, _PENDING] = s.pending[b] == k
        if s.energised[b, tail] and s.energised[b, head]:
            if not s.conducts[b, k]:
                out[b, k, _MAKES_LOOP] = 1.0
            gap = (s.voltage[b, tail] - s.voltage[b, head]) / _VOLTS
            out[b, k, _END_DIFFERENCE] = _squash(abs(gap))
        elif s.energised[b, tail] or s.energised[b, head]:
            out[b, k, _RECONNECTS] = s.operable[b, k] and not s.moved[b, k]
    for k in range(1, n):
        bus = s.order[b, k]
        if s.parent[b, bus] >= 0 and k < s.supplied[b]:
            current = math.hypot(s.current_real[b, bus], s.current_imaginary[b, bus])
            out[b, s.feeding[b, bus], _CURRENT] = min(current / total, 2.0)
    margin = _squash((lowest - s.min_voltage[b]) / _VOLTS)
    for a in range(out.shape[1]):
        out[b, a, _ADMISSIBLE] = s.mask[b, a]
        out[b, a, _LOOP] = s.pending[b] >= 0
        out[b, a, _DARK_WORTH] = dark
        out[b, a, _LOAD_SERVED] = s.load_served[b]
        out[b, a, _WORST_MARGIN] = margin
        out[b, a, _BUDGET] = min((s.limit[b] - s.operations[b]) / 10.0, 1.0)


@numba.njit(cache=True)
def _relief(s: State, b: int, work: Floats, out: Floats) -> None:
    """Fill in by how much each load, if shed, would raise the lowest voltage (LinDistFlow)."""
    e = s.tail.shape[1]
    resistance, reactance = work[0], work[1]
    worst = s.root[b]
    for k in range(s.supplied[b]):
        bus = s.order[b, k]
        if s.voltage[b, bus] < s.voltage[b, worst]:
            worst = bus
    # The impedance that a bus shares with the worst one: all of it on the way there.
    shared_r, shared_x = work[2], work[3]
    total = max(s.p[b].sum(), 1e-9)
    for k in range(s.supplied[b]):
        bus = s.order[b, k]
        shared_r[bus] = -1.0
        if k == 0:
            resistance[bus] = reactance[bus] = 0.0
            continue
        up, line = s.parent[b, bus], s.feeding[b, bus]
        resistance[bus] = resistance[up] + s.r[b, line]
        reactance[bus] = reactance[up] + s.x[b, line]
    bus = worst
    while bus >= 0:
        shared_r[bus], shared_x[bus] = resistance[bus], reactance[bus]
        bus = s.parent[b, bus]
    for k in range(s.supplied[b]):
        bus = s.order[b, k]
        if shared_r[bus] < 0.0:
            shared_r[bus], shared_x[bus] = shared_r[s.parent[b, bus]], shared_x[s.parent[b, bus]]
        out[b, e + bus, _PATH_RESISTANCE] = _squash(5.0 * resistance[bus] * total)
        if s.connected[b, bus]:
            rise = shared_r[bus] * s.p[b, bus] + shared_x[bus] * s.q[b, bus]
            out[b, e + bus, _RELIEF] = _squash(rise / _VOLTS)
            relative = rise / _VOLTS / (10.0 * s.worth[b, bus] + 1e-6)
            out[b, e + bus, _RELIEF_PER_WORTH] = _squash(relative)


@numba.njit(cache=True)
def _look_ahead(s: State, b: int, work: Floats, index: Ints, closed: Bools, out: Floats) -> None:
    """Fill in what admissible branch operations lead to, by a rough AC power flow of each.

    Of a tie within the energised part, it is the exchange with the branch that would carry the
    least current once the loop is closed (Shirmohammadi and Hong 1989).
    """
    n, e = s.n_bus[b], s.tail.shape[1]
    load_p, load_q, real, imaginary = work[0], work[1], work[2], work[3]
    current_real, current_imaginary = work[4], work[5]
    order, parent, feeding = index[0], index[1], index[2]
    for i in range(n):
        load_p[i] = s.p[b, i] if s.connected[b, i] else 0.0
        load_q[i] = s.q[b, i] if s.connected[b, i] else 0.0
    for k in range(e):
        closed[k] = s.conducts[b, k]
    total = max(s.p[b].sum(), 1e-9)
    now = potential(s.supply[b], s.excess[b], s.overload[b], s.loss[b] / total)
    best, winner = -1e9, -1
    for action in range(s.n_branch[b]):
        if not s.mask[b, action]:
            continue
        tail, head = s.tail[b, action], s.head[b, action]
        if not (s.energised[b, tail] or s.energised[b, head]):
            continue  # splits a dead part: changes nothing yet
        partner = -1
        if s.pending[b] < 0 and s.energised[b, tail] and s.energised[b, head]:
            partner = -1 if s.conducts[b, action] else _partner(s, b, action)
        closed[action] = not closed[action]
        if partner >= 0:
            closed[partner] = False
        supplied, _ = trace(
            s.root[b], s.first[b], s.neighbour[b], s.through[b], closed,
            order[:n], parent[:n], feeding[:n],
        )  # fmt: skip
        solved, _ = sweep(
            supplied, order, parent, feeding, s.r[b], s.x[b], load_p, load_q,
            s.source_voltage[b], _ROUGH, real, imaginary, current_real, current_imaginary,
        )  # fmt: skip
        closed[action] = not closed[action]
        if partner >= 0:
            closed[partner] = True
        supply, excess, lowest, overload = 0.0, 0.0, s.source_voltage[b], 0.0
        loss = total
        for k in range(supplied):
            if s.connected[b, order[k]]:
                supply += s.worth[b, order[k]]
        if not solved:
            lowest, excess = 0.0, 1.0
        else:
            loss = losses(supplied, order, feeding, s.r[b], current_real, current_imaginary)
            for k in range(supplied):
                bus = order[k]
                voltage = math.sqrt(real[bus] ** 2 + imaginary[bus] ** 2)
                lowest = min(lowest, voltage)
                over = max(s.min_voltage[b] - voltage, voltage - s.max_voltage[b])
                excess = max(excess, over)
                if k > 0:
                    current = math.hypot(current_real[bus], current_imaginary[bus])
                    overload = max(overload, current / s.rating[b, feeding[bus]] - 1.0)
        after = potential(supply, excess, overload, loss / total)
        out[b, action, _KNOWN] = 1.0
        out[b, action, _LOAD_AFTER] = supply - s.supply[b]
        out[b, action, _MARGIN_AFTER] = _squash((lowest - s.min_voltage[b]) / _VOLTS)
        out[b, action, _LOSS_AFTER] = _squash(20.0 * (loss - s.loss[b]) / total)
        out[b, action, _POTENTIAL_AFTER] = max(-5.0, min(5.0 * (after - now), 5.0))
        if after > best:
            best, winner = after, action
    if winner >= 0:
        out[b, winner, _IS_BEST] = 1.0
        for action in range(s.n_branch[b]):
            if out[b, action, _KNOWN] > 0.0:
                below = best - now - out[b, action, _POTENTIAL_AFTER] / 5.0
                out[b, action, _BELOW_BEST] = _squash(50.0 * below)


@numba.njit(cache=True)
def _partner(s: State, b: int, tie: int) -> int:
    """Return the branch of a tie's loop to open: that with the least current once it is closed."""
    u, v = s.tail[b, tie], s.head[b, tie]
    r, x = s.r[b, tie], s.x[b, tie]
    i, j = u, v
    while i != j:
        if s.depth[b, i] >= s.depth[b, j]:
            r, x = r + s.r[b, s.feeding[b, i]], x + s.x[b, s.feeding[b, i]]
            i = s.parent[b, i]
        else:
            r, x = r + s.r[b, s.feeding[b, j]], x + s.x[b, s.feeding[b, j]]
            j = s.parent[b, j]
    # Current that the difference of the ends' voltages drives from u through the tie to v.
    a = s.real[b, u] - s.real[b, v]
    c = s.imaginary[b, u] - s.imaginary[b, v]
    square = max(r * r + x * x, 1e-18)
    drive_real, drive_imaginary = (a * r + c * x) / square, (c * r - a * x) / square
    best, least = -1, np.inf
    while u != v:
        if s.depth[b, u] >= s.depth[b, v]:
            bus, sign = u, 1.0
            u = s.parent[b, u]
        else:
            bus, sign = v, -1.0
            v = s.parent[b, v]
        branch = s.feeding[b, bus]
        current = math.hypot(
            s.current_real[b, bus] + sign * drive_real,
            s.current_imaginary[b, bus] + sign * drive_imaginary,
        )
        if s.operable[b, branch] and not s.moved[b, branch] and current < least:
            best, least = branch, current
    return best
