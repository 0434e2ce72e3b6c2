"""Numba kernels: a first look at every candidate of :mod:`.enumeration`."""

from __future__ import annotations

import numba
import numpy as np

from drlapps.energy.grid.feeder import Bools, Floats, Ints
from drlapps.energy.restoration import shedding_kernels as kernels
from drlapps.energy.restoration.outage import TOLERANCE


@numba.njit(cache=True)
def screen(model: kernels.Model, bases: Bools, base: Ints, flips: Ints) -> tuple[Floats, Floats]:
    """Bound the load that each candidate can serve, by LinDistFlow at the bus of lowest voltage.

    Returns:
        The bounds, minus infinity for loops; and the losses per unit of those that serve all they
        supply within limits, NaN for the others; (c,) each.
    """
    number, n = len(base), len(model.p)
    bound, loss = np.empty(number), np.full(number, np.nan)
    state = np.empty((4, n))
    ones = np.ones(n)
    p, q, square, common = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in range(number):
        closed = bases[base[i]].copy()
        for branch in flips[i]:
            if branch >= 0:
                closed[branch] = not closed[branch]
        tree = kernels.plant(model, closed)
        if tree.loops > 0:
            bound[i] = -np.inf
            continue
        bound[i] = linear_bound(model, tree, p, q, square, common)
        if bound[i] == np.inf:
            served = 0.0
            for k in range(tree.supplied):
                served += model.worth[tree.order[k]]
            bound[i] = served
            solved, kind, _, lost = kernels.flow(model, tree, ones, state)
            if solved and kind == kernels.NOTHING:
                loss[i] = lost
    return bound, loss


@numba.njit(cache=True)
def linear_bound(
    model: kernels.Model, tree: kernels.Tree, p: Floats, q: Floats, square: Floats, common: Floats
) -> float:
    """Bound the load served by the lowest voltage of LinDistFlow; infinity if it is no limit.

    Args:
        model: of the outage.
        tree: what is supplied.
        p: room for active flows, (n,).
        q: for reactive flows.
        square: for squared voltages.
        common: for what each load takes from the squared voltage at the bus.
    """
    a = model.a
    for k in range(tree.supplied):
        bus = tree.order[k]
        p[bus], q[bus], common[bus] = model.p[bus], model.q[bus], -1.0
    for k in range(tree.supplied - 1, 0, -1):
        bus = tree.order[k]
        p[tree.parent[bus]] += p[bus]
        q[tree.parent[bus]] += q[bus]
    square[model.root] = model.source_voltage**2
    lowest = model.root
    for k in range(1, tree.supplied):
        bus = tree.order[k]
        line = tree.feeding[bus]
        drop = 2.0 * (a.r[line] * p[bus] + a.x[line] * q[bus])
        square[bus] = square[tree.parent[bus]] - drop
        if square[bus] < square[lowest]:
            lowest = bus
    room = model.source_voltage**2 - (model.low - TOLERANCE) ** 2
    if square[lowest] >= model.source_voltage**2 - room:
        return np.inf
    bus = lowest
    while bus >= 0:
        common[bus] = 1.0
        bus = tree.parent[bus]
    # Resistance and reactance that a bus shares with the lowest one, from the source down.
    p[model.root] = q[model.root] = 0.0
    served = 0.0
    ratio, size = np.empty(tree.supplied), np.empty(tree.supplied)
    for k in range(tree.supplied):
        bus = tree.order[k]
        if k > 0:
            up, line = tree.parent[bus], tree.feeding[bus]
            onward = common[bus] > 0.0
            p[bus] = p[up] + (a.r[line] if onward else 0.0)
            q[bus] = q[up] + (a.x[line] if onward else 0.0)
        size[k] = 2.0 * (p[bus] * model.p[bus] + q[bus] * model.q[bus])
        ratio[k] = np.inf
        if size[k] <= 0.0 or not model.free[bus]:
            room -= size[k]
            served += model.worth[bus]
        else:
            ratio[k] = -model.worth[bus] / size[k]
    if room < 0.0:
        return -np.inf
    for k in np.argsort(ratio):
        if ratio[k] == np.inf:
            break
        share = min(1.0, room / size[k])
        served += share * model.worth[tree.order[k]]
        room -= share * size[k]
        if room <= 0.0:
            break
    return kernels.floored(model, served)
