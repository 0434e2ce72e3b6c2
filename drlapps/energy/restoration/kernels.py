"""Numba kernels of the environment: what an operation does, and what may be done next."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import numba

from drlapps.energy.grid.feeder import Bools, Floats, Ints
from drlapps.energy.grid.kernels import TOLERANCE, losses, sweep, trace
from drlapps.energy.restoration.outage import TOLERANCE as LIMIT_TOLERANCE

VIOLATION = 2.0
"""What a per-unit excess over a limit costs, as a share of the load."""
WORST = 0.1
"""Excess beyond which it costs no more, per unit."""
RATING = 0.1
"""What counts as an excess of one, of a current over its rating as a share of that."""
OPERATION = 0.002
"""What a switching operation costs."""
LOSS = 0.05
"""What it costs to lose all load in the lines."""
FAILURE = 0.5
"""What it costs to finish with a limit violated, besides the load that is not within limits."""


class State(NamedTuple):
    """Everything the environment knows: ``b`` rows of ``n`` buses and ``e`` branches.

    The first group is the instance, see :class:`~drlapps.energy.grid.feeder.Arrays` and
    :class:`~.outage.Outage`; the second the positions; the third what follows from them.

    Attributes:
        n_bus: buses of the row's instance, (b,).
        n_branch: its branches, (b,).
        root: position of the source, (b,).
        tail: (b, e).
        head: (b, e).
        r: (b, e).
        x: (b, e).
        rating: (b, e).
        first: (b, n + 1).
        neighbour: (b, 2 e).
        through: (b, 2 e).
        p: (b, n).
        q: (b, n).
        worth: share of the weighted load, (b, n).
        sheddable: (b, n).
        operable: (b, e).
        start: (b, e).
        source_voltage: (b,).
        min_voltage: (b,).
        max_voltage: (b,).
        limit: greatest number of actions, (b,).
        conducts: whether the branch is closed, (b, e).
        moved: switches that have been operated, (b, e).
        connected: loads that are connected, (b, n).
        pending: the tie whose loop must be opened next, or -1, (b,).
        operations: number of actions so far, (b,).
        log: the actions, as index of a branch, or e + index of a bus, (b, e + n).
        served: load served before the first and after each operation, (b, e + n + 1).
        ended: (b,).
        supplied: number of energised buses, (b,).
        order: those buses, then each dead part; see :mod:`drlapps.energy.grid.kernels`, (b, n).
        parent: next bus towards the source, or towards the first bus of the dead part, (b, n).
        feeding: the branch to it, (b, n).
        depth: number of branches to there, (b, n).
        energised: (b, n).
        real: of the voltage, (b, n).
        imaginary: of the voltage, (b, n).
        current_real: that flows into each bus from its parent, (b, n).
        current_imaginary: the same, (b, n).
        voltage: its magnitude; 0 in the dark and where the power flow has no solution, (b, n).
        load_served: (b,).
        supply: share of the weighted load that is connected and energised, (b,).
        excess: greatest over a voltage limit, per unit, at least 0, (b,).
        overload: greatest over a rating, as a share of it, at least 0, (b,).
        loss: per unit, (b,).
        mask: admissible actions, (b, e + n + 1).
    """

    n_bus: Ints
    n_branch: Ints
    root: Ints
    tail: Ints
    head: Ints
    r: Floats
    x: Floats
    rating: Floats
    first: Ints
    neighbour: Ints
    through: Ints
    p: Floats
    q: Floats
    worth: Floats
    sheddable: Bools
    operable: Bools
    start: Bools
    source_voltage: Floats
    min_voltage: Floats
    max_voltage: Floats
    limit: Ints
    conducts: Bools
    moved: Bools
    connected: Bools
    pending: Ints
    operations: Ints
    log: Ints
    served: Floats
    ended: Bools
    supplied: Ints
    order: Ints
    parent: Ints
    feeding: Ints
    depth: Ints
    energised: Bools
    real: Floats
    imaginary: Floats
    current_real: Floats
    current_imaginary: Floats
    voltage: Floats
    load_served: Floats
    supply: Floats
    excess: Floats
    overload: Floats
    loss: Floats
    mask: Bools


Room: TypeAlias = tuple[Floats, Floats, Ints]
"""Scratch: active and reactive power that buses draw, and whole numbers of buses; (n,) each."""


@numba.njit(cache=True)
def advance(s: State, actions: Ints, active: Bools, room: Room, rewards: Floats) -> None:
    """Carry out one action in every active row.

    Args:
        s: the state.
        actions: one a row.
        active: rows to move.
        room: scratch.
        rewards: receives them, (b,).
    """
    e = s.tail.shape[1]
    finish = s.mask.shape[1] - 1
    for b in range(actions.shape[0]):
        if not active[b]:
            continue
        action = actions[b]
        if not s.mask[b, action]:
            action = finish
            if s.pending[b] >= 0:
                action = 0
                while not s.mask[b, action]:
                    action += 1
        total = s.p[b].sum()
        before = potential(s.supply[b], s.excess[b], s.overload[b], s.loss[b] / total)
        if action == finish:
            s.ended[b] = True
            rewards[b] = 0.0
            if s.excess[b] > LIMIT_TOLERANCE or s.overload[b] > LIMIT_TOLERANCE:
                rewards[b] = s.load_served[b] - s.supply[b] - FAILURE
            s.mask[b] = True
            continue
        s.log[b, s.operations[b]] = action
        s.operations[b] += 1
        cost = 0.0
        if action >= e:
            s.connected[b, action - e] = False
            settle(s, b, room)
        else:
            s.moved[b, action] = True
            cost = OPERATION
            if s.conducts[b, action]:
                s.conducts[b, action] = False
                s.pending[b] = -1
                settle(s, b, room)
            elif s.energised[b, s.tail[b, action]] and s.energised[b, s.head[b, action]]:
                # The flow stays as it was until the loop is open again.
                s.conducts[b, action] = True
                s.pending[b] = action
            else:
                s.conducts[b, action] = True
                settle(s, b, room)
        s.served[b, s.operations[b]] = s.load_served[b]
        admit(s, b, room)
        after = potential(s.supply[b], s.excess[b], s.overload[b], s.loss[b] / total)
        rewards[b] = after - before - cost


@numba.njit(cache=True, inline="always")
def potential(supply: float, excess: float, overload: float, loss: float) -> float:
    """Return the worth of a state, by whose increase the agent is rewarded.

    Load that is supplied at a voltage beyond its limits counts at first: most ways to a good state
    lead through such states. To finish in one is what costs.

    Args:
        supply: share of the weighted load that is connected and energised.
        excess: over a voltage limit, per unit.
        overload: over a rating, as a share of it.
        loss: as a share of the load.
    """
    return supply - VIOLATION * min(excess + RATING * overload, WORST) - LOSS * loss


@numba.njit(cache=True)
def settle(s: State, b: int, room: Room) -> None:
    """Work out what the row's positions supply, by AC power flow, and what lies in the dark."""
    n = s.n_bus[b]
    load_p, load_q, overloaded = room
    order, parent, feeding, depth = s.order[b], s.parent[b], s.feeding[b], s.depth[b]
    first, neighbour, through, closed = s.first[b], s.neighbour[b], s.through[b], s.conducts[b]
    supplied, _ = trace(
        s.root[b], first, neighbour, through, closed, order[:n], parent[:n], feeding[:n]
    )
    for i in range(n):
        s.energised[b, i] = False
        load_p[i] = s.p[b, i] if s.connected[b, i] else 0.0
        load_q[i] = s.q[b, i] if s.connected[b, i] else 0.0
        depth[i] = -1
    depth[s.root[b]] = 0
    for k in range(supplied):
        bus = order[k]
        s.energised[b, bus] = True
        if k > 0:
            depth[bus] = depth[parent[bus]] + 1
    found = supplied
    for start in range(n):
        if depth[start] >= 0:
            continue
        depth[start] = 0
        order[found] = start
        at = found
        found += 1
        while at < found:
            bus = order[at]
            at += 1
            for k in range(first[bus], first[bus + 1]):
                other = neighbour[k]
                if closed[through[k]] and depth[other] < 0:
                    depth[other] = depth[bus] + 1
                    parent[other] = bus
                    feeding[other] = through[k]
                    order[found] = other
                    found += 1
    s.supplied[b] = supplied
    solved, _ = sweep(
        supplied, order, parent, feeding, s.r[b], s.x[b], load_p, load_q, s.source_voltage[b],
        TOLERANCE, s.real[b], s.imaginary[b], s.current_real[b], s.current_imaginary[b],
    )  # fmt: skip
    s.load_served[b] = 0.0
    s.supply[b] = 0.0
    s.excess[b] = 0.0
    s.overload[b] = 0.0
    for k in range(supplied):
        if s.connected[b, order[k]]:
            s.supply[b] += s.worth[b, order[k]]
    if not solved:
        # Voltage collapse: as if every voltage were zero, and all that is drawn were lost.
        s.voltage[b] = 0.0
        s.excess[b] = s.min_voltage[b]
        s.loss[b] = 0.0
        for k in range(supplied):
            s.loss[b] += load_p[order[k]]
        return
    s.loss[b] = losses(supplied, order, feeding, s.r[b], s.current_real[b], s.current_imaginary[b])
    s.voltage[b] = 0.0
    for k in range(supplied):
        bus = order[k]
        voltage = math.sqrt(s.real[b, bus] ** 2 + s.imaginary[b, bus] ** 2)
        s.voltage[b, bus] = voltage
        excess = max(s.min_voltage[b] - voltage, voltage - s.max_voltage[b])
        s.excess[b] = max(s.excess[b], excess)
        # What is fed through an overloaded branch is not within limits either.
        overloaded[bus] = 0
        if k > 0:
            current = math.sqrt(s.current_real[b, bus] ** 2 + s.current_imaginary[b, bus] ** 2)
            over = current / s.rating[b, feeding[bus]] - 1.0
            s.overload[b] = max(s.overload[b], over)
            overloaded[bus] = max(overloaded[parent[bus]], over > LIMIT_TOLERANCE)
        if s.connected[b, bus] and excess <= LIMIT_TOLERANCE and not overloaded[bus]:
            s.load_served[b] += s.worth[b, bus]


@numba.njit(cache=True)
def admit(s: State, b: int, room: Room) -> None:
    """Set the row's mask."""
    n, e = s.n_bus[b], s.tail.shape[1]
    _, _, ties = room
    s.mask[b] = False
    if s.pending[b] >= 0:
        _mark_loop(s, b, s.pending[b])
        return
    finish = s.mask.shape[1] - 1
    s.mask[b, finish] = True
    left = s.limit[b] - s.operations[b]
    if left <= 0:
        return
    violated = s.excess[b] > LIMIT_TOLERANCE or s.overload[b] > LIMIT_TOLERANCE
    breakers = True
    for i in range(n):
        ties[i] = 0
        if s.energised[b, i] and s.connected[b, i] and (s.p[b, i] != 0 or s.q[b, i] != 0):
            if violated and s.sheddable[b, i]:
                s.mask[b, e + i] = True
                s.mask[b, finish] = False
            breakers = breakers and s.sheddable[b, i]
    for k in range(s.n_branch[b]):
        if not s.operable[b, k] or s.moved[b, k] or s.conducts[b, k]:
            continue
        a, c = s.tail[b, k], s.head[b, k]
        if s.energised[b, a] and s.energised[b, c]:
            s.mask[b, k] = left > 1 and loop_opens(s, b, k)
        elif s.energised[b, a] or s.energised[b, c]:
            s.mask[b, k] = True
            ties[a if s.energised[b, c] else c] += 1
    # Numbers of ties at and below each bus of a dead part; all of them at its first bus.
    for k in range(n - 1, s.supplied[b] - 1, -1):
        bus = s.order[b, k]
        if s.parent[b, bus] >= 0:
            ties[s.parent[b, bus]] += ties[bus]
    all_ties = 0
    for k in range(s.supplied[b], n):
        bus = s.order[b, k]
        if s.parent[b, bus] < 0:
            all_ties = ties[bus]
            continue
        branch = s.feeding[b, bus]
        if s.operable[b, branch] and not s.moved[b, branch]:
            # To split a dead part makes sense where both halves can be fed.
            s.mask[b, branch] = 0 < ties[bus] < all_ties and left > 2
    if violated and not breakers:
        for k in range(1, s.supplied[b]):
            branch = s.feeding[b, s.order[b, k]]
            if s.operable[b, branch] and not s.moved[b, branch]:
                s.mask[b, branch] = True
                s.mask[b, finish] = False


@numba.njit(cache=True, inline="always")
def loop_opens(s: State, b: int, tie: int) -> bool:
    """Whether a branch of the loop that an open tie would close can be opened."""
    u, v = s.tail[b, tie], s.head[b, tie]
    opens = False
    while u != v and not opens:
        if s.depth[b, u] < s.depth[b, v]:
            u, v = v, u
        branch = s.feeding[b, u]
        opens = s.operable[b, branch] and not s.moved[b, branch]
        u = s.parent[b, u]
    return opens


@numba.njit(cache=True, inline="always")
def _mark_loop(s: State, b: int, tie: int) -> None:
    """Admit the branches of a loop."""
    u, v = s.tail[b, tie], s.head[b, tie]
    while u != v:
        if s.depth[b, u] < s.depth[b, v]:
            u, v = v, u
        branch = s.feeding[b, u]
        s.mask[b, branch] = s.operable[b, branch] and not s.moved[b, branch]
        u = s.parent[b, u]


@numba.njit(cache=True)
def start_row(s: State, b: int, room: Room) -> None:
    """Work out the row's starting state."""
    settle(s, b, room)
    s.served[b, 0] = s.load_served[b]
    admit(s, b, room)
