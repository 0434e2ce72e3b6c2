"""Branch exchange: a local search over trees.

Closing an open branch makes a loop, and opening any other branch of it another tree. Of all such
exchanges the one that ranks best is made, by full AC power flow of each rather than by the
estimates of the papers, until none improves. Restarts (iterated local search) shake the best tree
by a few random exchanges and descend again.

References:
    Civanlar, S., Grainger, J. J., Yin, H., & Lee, S. S. H. (1988). Distribution feeder
    reconfiguration for loss reduction. IEEE Transactions on Power Delivery, 3(3), 1217-1223.
    Baran, M. E., & Wu, F. F. (1989). Network reconfiguration in distribution systems for loss
    reduction and load balancing. IEEE Transactions on Power Delivery, 4(2), 1401-1407.
    Shirmohammadi, D., & Hong, H. W. (1989). Reconfiguration of electric distribution networks for
    resistive line losses reduction. IEEE Transactions on Power Delivery, 4(2), 1492-1498.
    Lourenço, H. R., Martin, O. C., & Stützle, T. (2003). Iterated local search. Handbook of
    Metaheuristics, 320-353.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import numpy as np

from drlapps.energy.grid.feeder import BASE_KVA, Bools
from drlapps.energy.grid.power_flow import power_flows
from drlapps.energy.grid.radial_trees import loops
from drlapps.energy.restoration import shedding_kernels as kernels
from drlapps.energy.restoration.heuristics import Rank, appraise, greedy
from drlapps.energy.restoration.outage import Outage
from drlapps.energy.restoration.plans import Answer
from drlapps.energy.restoration.shedding import model_of, shed

SHAKES = (2, 5)
"""Least and greatest number of random exchanges before a restart."""


def branch_exchange(outage: Outage, restarts: int | None = None, seed: int = 0) -> Answer:
    """Exchange branches from greedy's answer, or from normal operation if nothing is faulted.

    Args:
        outage: the instance.
        restarts: number of restarts after the plain descent; by default 30 where losses are the
            aim, and else 10.
        seed: of the random exchanges.
    """
    began = time.perf_counter()
    rng = np.random.default_rng(seed)
    starts = (
        [outage.start, flow_pattern(outage)]
        if outage.minimises_loss and outage.max_operations is None
        else [greedy(outage).configuration.closed]
    )
    descents = [_descend(outage, start) for start in starts]
    closed, value, _ = max(descents, key=lambda descent: descent[1])
    made = sum(moves for *_, moves in descents)
    incumbents = [(time.perf_counter() - began, value[1])]
    if restarts is None:
        restarts = 30 if outage.minimises_loss else 10
    for _ in range(restarts):
        found, reached, more = _descend(outage, _shaken(outage, closed, rng), again=True)
        made += more
        if reached > value:
            closed, value = found, reached
            incumbents.append((time.perf_counter() - began, value[1]))
    return Answer(shed(outage, closed), incumbents=tuple(incumbents), details={"exchanges": made})


def flow_pattern(outage: Outage) -> Bools:
    """Close everything, and open the branch with the least current until all is radial.

    The currents are those that lose least: of constant-current loads in the meshed network of the
    resistances alone (Shirmohammadi & Hong 1989).
    """
    a = outage.feeder.arrays
    found = loops(a, outage.feeder.root, outage.start | outage.operable, outage.operable)
    closed = found.closed.copy()
    buses = np.flatnonzero(found.reached)
    buses = buses[buses != outage.feeder.root]
    drawn = outage.p - 1j * outage.q
    # Zero resistances, between substations, would make the equations singular.
    conductance = 1.0 / np.maximum(a.r, 1e-9)
    incidence = np.zeros((len(closed), len(outage.p)))
    incidence[np.arange(len(closed)), a.tail] = 1.0
    incidence[np.arange(len(closed)), a.head] = -1.0
    incidence = incidence[:, buses]
    for _ in range(len(found.matrix)):
        weighted = incidence * (conductance * closed)[:, None]
        voltage = np.linalg.solve(incidence.T @ weighted, -drawn[buses])
        current = np.abs(weighted @ voltage)
        inside = loops(a, outage.feeder.root, closed, closed & outage.operable)
        in_loop = (inside.matrix != 0).any(axis=0) & inside.openable
        closed[np.argmin(np.where(in_loop, current, np.inf))] = False
    return closed | (outage.start & ~found.closed)


def exchanges(outage: Outage, closed: Bools) -> Bools:
    """Return the trees one exchange away, or one tie that feeds a dead part, (b, e)."""
    a = outage.feeder.arrays
    tree = kernels.plant(model_of(outage), closed)
    depth = np.full(len(outage.p), -1)
    depth[outage.feeder.root] = 0
    for bus in tree.order[1 : tree.supplied]:
        depth[bus] = depth[tree.parent[bus]] + 1
    changes: list[tuple[int, int]] = []
    for tie in np.flatnonzero(outage.operable & ~closed).tolist():
        one, other = int(a.tail[tie]), int(a.head[tie])
        if (depth[one] < 0) != (depth[other] < 0):
            changes.append((tie, tie))
        while depth[one] >= 0 and depth[other] >= 0 and one != other:
            if depth[one] < depth[other]:
                one, other = other, one
            if outage.operable[tree.feeding[one]]:
                changes.append((tie, int(tree.feeding[one])))
            one = int(tree.parent[one])
    found = np.repeat(closed[None], len(changes), axis=0)
    if changes:
        ties, opened = np.array(changes).T
        found[np.arange(len(changes)), opened] = False
        found[np.arange(len(changes)), ties] = True
    if outage.max_operations is not None:
        found = found[(found != outage.start).sum(axis=1) <= outage.max_operations]
    return found


def _descend(outage: Outage, closed: Bools, again: bool = False) -> tuple[Bools, Rank, int]:
    """Make exchanges until none improves; return the tree, its rank and their number.

    Where losses are the aim they lead the way at first, without regard to voltage limits: what
    lowers losses raises voltages, and the way is not blocked by loads shed in between. What they
    lead to is not mended if it is one of many descents (``again``).
    """
    neighbours = partial(exchanges, outage)
    made = 0
    if outage.minimises_loss:
        closed, _, made = _improved(closed, neighbours, partial(_losses, outage))
    if outage.minimises_loss and again:
        return closed, _ranks(outage, closed[None])[0], made
    closed, value, more = _improved(closed, neighbours, partial(_ranks, outage))
    return closed, value, made + more


def _improved(
    closed: Bools, neighbours: Callable[[Bools], Bools], judge: Callable[[Bools], list[Rank]]
) -> tuple[Bools, Rank, int]:
    """Move to the best neighbour as long as it is better; also return its value, and the moves."""
    (value,) = judge(closed[None])
    moves = 0
    while len(choices := neighbours(closed)):
        values = judge(choices)
        best = max(range(len(choices)), key=values.__getitem__)
        if values[best] <= value:
            break
        closed, value = choices[best], values[best]
        moves += 1
    return closed, value, moves


def _ranks(outage: Outage, closed: Bools) -> list[Rank]:
    return [value for value, _ in appraise(outage, closed)]


def _losses(outage: Outage, closed: Bools) -> list[Rank]:
    flows = power_flows(outage.feeder, closed, outage.p * BASE_KVA, outage.q * BASE_KVA)
    return [(-loss,) for loss in np.where(flows.converged, flows.loss_kw, np.inf)]


def _shaken(outage: Outage, closed: Bools, rng: np.random.Generator) -> Bools:
    """Return a tree some random exchanges away."""
    for _ in range(rng.integers(*SHAKES, endpoint=True)):
        if len(choices := exchanges(outage, closed)):
            closed = choices[rng.integers(len(choices))]
    return closed
