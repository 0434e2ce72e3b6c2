"""Numba kernels: the search for the loads of a tree that serve most within limits.

Cuts (see :mod:`.shedding_kernels`) with multipliers ``m >= 0`` bound the load served by
``m b + sum_i max(0, w_i - m g_i)``, and every load that deviates from the sign of its reduced worth
``d_i = w_i - m g_i`` costs ``|d_i|`` of that bound. :func:`relax` finds cuts and multipliers by
Kelley's method; :func:`search` enumerates the deviations that the bound affords, those of great
cost first, with an AC power flow at each leaf, which adds a cut if it finds a violation;
:func:`best_loads` divides what takes the search too long.

Reference:
    Kelley, J. E. (1960). The cutting-plane method for solving convex programs. Journal of the
    Society for Industrial and Applied Mathematics, 8(4), 703-712.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from drlapps.energy.grid.feeder import Bools, Floats, Ints
from drlapps.energy.restoration import knapsack_kernels as knapsack
from drlapps.energy.restoration.shedding_kernels import (
    CURRENT,
    EPSILON,
    NOTHING,
    OVERVOLTAGE,
    SAME_LOSS,
    Model,
    Tree,
    floored,
    flow,
    tangent,
)

MOST_CUTS = 24
ROUNDS = 10
"""Greatest number of tangents that are added to bound a part."""
PART_NODES = 1_000
"""Nodes after which the search of a part is given up and the part divided."""


class Cuts(NamedTuple):
    """Linear inequalities ``g y <= b`` on the shares of loads, and their multipliers.

    Attributes:
        g: (MOST_CUTS, n).
        b: (MOST_CUTS,).
        m: multipliers.
        reduced: the reduced worths that follow, (n,).
    """

    g: Floats
    b: Floats
    m: Floats
    reduced: Floats


class Part(NamedTuple):
    """A part of the choices of loads.

    Attributes:
        free: loads that are not decided, (n,).
        y: shares of the loads; of those decided, 0 or 1.
    """

    free: Bools
    y: Floats


@numba.njit(cache=True)
def empty_cuts(n: int) -> Cuts:
    """Return room for cuts."""
    return Cuts(np.zeros((MOST_CUTS, n)), np.zeros(MOST_CUTS), np.zeros(MOST_CUTS), np.zeros(n))


@numba.njit(cache=True)
def bound_of(model: Model, tree: Tree, part: Part, cuts: Cuts, count: int) -> float:
    """Return the bound on the load served that cuts and multipliers prove."""
    total = 0.0
    for k in range(count):
        total += cuts.m[k] * cuts.b[k]
    for i in range(tree.supplied):
        bus = tree.order[i]
        reduced = model.worth[bus]
        for k in range(count):
            reduced -= cuts.m[k] * cuts.g[k, bus]
        cuts.reduced[bus] = reduced
        if part.free[bus]:
            total += max(reduced, 0.0)
        else:
            total += reduced * part.y[bus]
    return total


@numba.njit(cache=True)
def relax(
    model: Model, tree: Tree, part: Part, count: int, rounds: int, least: float, cuts: Cuts
) -> tuple[float, int]:
    """Bound the load that a tree can serve, by tangents where the relaxed loads violate limits.

    Args:
        model: of the outage.
        tree: what is supplied.
        part: which loads are decided; receives the relaxed ones.
        count: number of cuts that there are.
        rounds: greatest number of cuts to add.
        least: the rounds end when the bound falls below.
        cuts: receives them; those on which the bound does not rest are left out.

    Returns:
        The bound, minus infinity where nothing is feasible, and the number of cuts.
    """
    n = len(model.p)
    state = np.empty((4, n))
    y, none = part.y.copy(), np.zeros(n)
    lp = knapsack.begin(model.worth, part.free, y, MOST_CUTS)
    for k in range(count):
        knapsack.add(lp, k, cuts.g[k], cuts.b[k])
    most = min(count + rounds, MOST_CUTS)
    while True:
        if not knapsack.optimise(lp, count):
            return -np.inf, 0
        part.y[:] = y[:] = lp.x[:n]
        for k in range(count):
            cuts.m[k] = max(-lp.reduced[n + k], 0.0)
        bound = bound_of(model, tree, part, cuts, count)
        if floored(model, bound) <= least - EPSILON or count == most:
            break
        solved, kind, where, _ = flow(model, tree, y, state)
        while not solved and y.sum() > 1e-3:
            y *= 0.8
            solved, kind, where, _ = flow(model, tree, y, state)
        if kind in (NOTHING, OVERVOLTAGE) or (kind == CURRENT and not model.consumes):
            break
        if not model.consumes:
            flow(model, tree, none, state)
            y[:] = 0.0
        cuts.b[count] = tangent(model, tree, y, state, kind, where, cuts.g[count])
        if _violation(cuts, count, part.y) < 1e-6:
            break
        knapsack.add(lp, count, cuts.g[count], cuts.b[count])
        count += 1
    kept = 0
    for k in range(count):
        if cuts.m[k] > 0.0:
            cuts.g[kept] = cuts.g[k]
            cuts.b[kept] = cuts.b[k]
            cuts.m[kept] = cuts.m[k]
            kept += 1
    return bound, kept


@numba.njit(cache=True)
def _violation(cuts: Cuts, k: int, y: Floats) -> float:
    """Return by how much shares of loads violate a cut."""
    return float(np.dot(cuts.g[k], y) - cuts.b[k])


@numba.njit(cache=True)
def search(
    model: Model,
    tree: Tree,
    part: Part,
    cuts: Cuts,
    count: int,
    bound: float,
    least: float,
    loss_limit: float,
    most_shed: int,
    most_nodes: int,
    best: Bools,
) -> tuple[float, float, int, bool]:
    """Find the loads of a tree that serve most, and of those the ones that lose least.

    Args:
        model: of the outage.
        tree: what is supplied.
        part: which loads are decided.
        cuts: see :func:`relax`; more are added behind them for the time of the search.
        count: their number.
        bound: the bound that they prove.
        least: load served that must be reached.
        loss_limit: losses that must be undercut if no more than that is served; minus infinity if
            more must be served.
        most_shed: greatest number of loads shed.
        most_nodes: greatest number of nodes.
        best: receives which loads are connected, (n,).

    Returns:
        Load served and losses per unit of the best, minus and plus infinity if there is none; the
        nodes, and whether the search was complete.
    """
    n = len(model.p)
    state = np.empty((4, n))
    y = part.y.copy()
    items = np.array([bus for bus in tree.order[: tree.supplied] if part.free[bus]], np.int64)
    size = len(items)
    items = items[np.argsort(-np.abs(cuts.reduced[items]), kind="mergesort")]
    turn = np.zeros(size + 1, np.int64)
    spent = np.zeros(size + 1)
    shed = np.zeros(size + 1, np.int64)
    for i in range(tree.supplied):
        bus = tree.order[i]
        shed[0] += not part.free[bus] and y[bus] == 0.0
    used = np.zeros((size + 1, MOST_CUTS))
    relief = np.zeros((size + 1, MOST_CUTS))
    for k in range(count):
        _load(tree, part, cuts.g[k], items, y, used[:, k], relief[:, k])
    found, loss = -np.inf, np.inf
    kept = count
    added = nodes = depth = 0
    while depth >= 0:
        if depth == size:
            depth -= 1
            served = 0.0
            for i in range(tree.supplied):
                served += model.worth[tree.order[i]] * y[tree.order[i]]
            if served < least - EPSILON or (served <= least + EPSILON and loss_limit == -np.inf):
                continue
            solved, kind, where, lost = flow(model, tree, y, state)
            if solved and kind == NOTHING:
                if served > least + EPSILON or lost < loss_limit - SAME_LOSS:
                    found, loss = served, lost
                    least = served
                    loss_limit = lost if loss_limit > -np.inf else -np.inf
                    for i in range(n):
                        best[i] = y[i] > 0.5
            elif solved and model.consumes:
                # New cuts replace the oldest of those on which the bound does not rest.
                k = kept + added % (MOST_CUTS - kept)
                added += 1
                count = max(count, k + 1)
                cuts.b[k] = tangent(model, tree, y, state, kind, where, cuts.g[k])
                _load(tree, part, cuts.g[k], items, y, used[:, k], relief[:, k])
            continue
        if turn[depth] == 2:
            turn[depth] = 0
            y[items[depth]] = 1.0
            depth -= 1
            continue
        bus = items[depth]
        connect = (cuts.reduced[bus] > 0.0) == (turn[depth] == 0)
        cost = spent[depth] + (abs(cuts.reduced[bus]) if turn[depth] == 1 else 0.0)
        turn[depth] += 1
        reach = floored(model, bound - cost)
        if reach < least - EPSILON or (reach <= least + EPSILON and loss_limit == -np.inf):
            continue
        shed[depth + 1] = shed[depth] + (0 if connect else 1)
        if shed[depth + 1] > most_shed:
            continue
        fits = True
        for k in range(count):
            used[depth + 1, k] = used[depth, k] + (cuts.g[k, bus] if connect else 0.0)
            fits &= used[depth + 1, k] + relief[depth + 1, k] <= cuts.b[k] + 1e-12
        if not fits:
            continue
        y[bus] = 1.0 if connect else 0.0
        spent[depth + 1] = cost
        nodes += 1
        if nodes > most_nodes:
            return found, loss, nodes, False
        depth += 1
        turn[depth] = 0
    return found, loss, nodes, True


@numba.njit(cache=True)
def _load(
    tree: Tree, part: Part, g: Floats, items: Ints, y: Floats, used: Floats, relief: Floats
) -> None:
    """Fill in what the first loads use of a cut, and what the others can relieve it by at most."""
    used[0] = 0.0
    for i in range(tree.supplied):
        bus = tree.order[i]
        if not part.free[bus]:
            used[0] += g[bus] * y[bus]
    for k in range(len(items)):
        used[k + 1] = used[k] + g[items[k]] * y[items[k]]
    relief[len(items)] = 0.0
    for k in range(len(items) - 1, -1, -1):
        relief[k] = relief[k + 1] + min(g[items[k]], 0.0)


@numba.njit(cache=True)
def best_loads(
    model: Model,
    tree: Tree,
    least: float,
    loss_limit: float,
    most_shed: int,
    most_nodes: int,
    best: Bools,
) -> tuple[float, float, float, int, bool]:
    """Find the loads of a tree that serve most, and of those the ones that lose least.

    Branch and bound: where the search of a part takes long, it is divided by the load that the
    relaxation splits, each half with a bound of its own.

    Args:
        model: of the outage.
        tree: what is supplied.
        least: load served that must be reached.
        loss_limit: losses that must be undercut if no more than that is served; minus infinity if
            more must be served.
        most_shed: greatest number of loads shed.
        most_nodes: greatest number of nodes, all searches together.
        best: receives which loads are connected, (n,).

    Returns:
        Load served and losses per unit of the best, minus and plus infinity if there is none; a
        bound on the load served; the nodes; whether the search was complete.
    """
    n = len(model.p)
    cuts = empty_cuts(n)
    served, loss, top = -np.inf, np.inf, -np.inf
    count = nodes = 0
    complete = True
    parts = [(model.free.copy(), np.ones(n))]
    first = True
    while len(parts) > 0:
        free, y = parts.pop()
        part = Part(free, y)
        bound, count = relax(model, tree, part, count, ROUNDS, least, cuts)
        reach = floored(model, bound)
        if first:
            top = reach
            first = False
        if reach < least - EPSILON or (reach <= least + EPSILON and loss_limit == -np.inf):
            continue
        relaxed = y.copy()
        found, lost, used, done = search(
            model, tree, part, cuts, count, bound, least, loss_limit, most_shed,
            min(PART_NODES, most_nodes - nodes), best,
        )  # fmt: skip
        nodes += used
        if found > -np.inf:
            served, loss, least = found, lost, found
            loss_limit = lost if loss_limit > -np.inf else -np.inf
        if done:
            continue
        if nodes >= most_nodes:
            complete = False
            break
        split = _split(model, part, cuts, relaxed)
        # The half that the relaxation leans to is taken from the stack first.
        likely = 1.0 if relaxed[split] >= 0.5 else 0.0
        free[split] = False
        for share in (1.0 - likely, likely):
            relaxed[split] = share
            parts.append((free.copy(), relaxed.copy()))
    return served, loss, top, nodes, complete


@numba.njit(cache=True)
def _split(model: Model, part: Part, cuts: Cuts, y: Floats) -> int:
    """Return the load to decide: the most worthy of those relaxed, or else the least certain."""
    best, most = -1, -np.inf
    for i in range(len(y)):
        if part.free[i]:
            value = min(y[i], 1.0 - y[i])
            value = model.worth[i] + 1.0 if value > 1e-9 else -abs(cuts.reduced[i])
            if value > most:
                best, most = i, value
    return best
