"""Numba kernel: loads to shed in a tree, quickly."""

from __future__ import annotations

import numba
import numpy as np

from drlapps.energy.grid.feeder import Bools
from drlapps.energy.restoration.shedding_kernels import (
    EPSILON,
    NOTHING,
    SAME_LOSS,
    Model,
    Tree,
    flow,
)
from drlapps.energy.restoration.shedding_search import ROUNDS, Part, empty_cuts, relax


@numba.njit(cache=True)
def greedy_loads(model: Model, tree: Tree, best: Bools, most_shed: int) -> tuple[float, float]:
    """Shed loads of least reduced worth until limits hold, then reconnect and exchange.

    Args:
        model: of the outage.
        tree: what is supplied.
        best: receives which loads are connected, (n,).
        most_shed: greatest number of loads shed.

    Returns:
        Load served and losses per unit; minus and plus infinity if nothing feasible was found, and
        ``best`` is left as it was.
    """
    n = len(model.p)
    state = np.empty((4, n))
    cuts = empty_cuts(n)
    relax(model, tree, Part(model.free, np.ones(n)), 0, ROUNDS, -1.0, cuts)
    y = np.ones(n)
    items = np.array([bus for bus in tree.order[: tree.supplied] if model.free[bus]], np.int64)
    items = items[np.argsort(cuts.reduced[items], kind="mergesort")]
    solved, kind, _, loss = flow(model, tree, y, state)
    shed = 0
    while (not solved or kind != NOTHING) and shed < min(len(items), most_shed):
        y[items[shed]] = 0.0
        shed += 1
        solved, kind, _, loss = flow(model, tree, y, state)
    if not solved or kind != NOTHING:
        return -np.inf, np.inf
    for k in range(len(items) - 1, -1, -1):
        if y[items[k]] == 0.0:
            y[items[k]] = 1.0
            solved, kind, _, lost = flow(model, tree, y, state)
            if solved and kind == NOTHING:
                loss = lost
            else:
                y[items[k]] = 0.0
    improved = True
    while improved:
        improved = False
        for out in items:
            for into in items:
                gain = model.worth[into] - model.worth[out]
                if y[out] == 0.0 or y[into] == 1.0 or gain < -EPSILON:
                    continue
                y[out], y[into] = 0.0, 1.0
                solved, kind, _, lost = flow(model, tree, y, state)
                if solved and kind == NOTHING and (gain > EPSILON or lost < loss - SAME_LOSS):
                    loss = lost
                    improved = True
                else:
                    y[out], y[into] = 1.0, 0.0
    served = 0.0
    for i in range(tree.supplied):
        served += model.worth[tree.order[i]] * y[tree.order[i]]
    best[:] = y > 0.5
    return served, loss
