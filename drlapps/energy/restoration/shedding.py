"""Which loads of a given tree to shed, so that its voltages and currents keep their limits.

Shedding a load raises all voltages and lowers all currents, as long as loads only consume: if
everything can be connected within limits, nothing is shed, and else the question is a knapsack
whose constraints are the power flow's. :mod:`.shedding_kernels` solves it exactly, with cuts that
are tangents to the limits and an AC power flow for every candidate (:mod:`.shedding_search`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from drlapps.energy.grid.feeder import BASE_KVA, Bools
from drlapps.energy.restoration import shedding_kernels as kernels
from drlapps.energy.restoration.outage import Configuration, Outage, assess, rank
from drlapps.energy.restoration.shedding_greedy import greedy_loads
from drlapps.energy.restoration.shedding_search import best_loads

MOST_NODES = 200_000
"""Of the search; the greedy answer stands in where it ends early and has nothing better."""


class Shedding(NamedTuple):
    """The loads to shed in a tree.

    Attributes:
        configuration: the tree with the loads left connected.
        load_served: share of the weighted load that is served.
        proven: whether no other loads serve more within limits, nor as much at less loss.
    """

    configuration: Configuration
    load_served: float
    proven: bool


def shed(outage: Outage, closed: Bools) -> Configuration:
    """Return a tree with the loads connected that serve most within limits, at least loss.

    See :func:`best_shedding`.
    """
    return best_shedding(outage, closed).configuration


def best_shedding(outage: Outage, closed: Bools, most_nodes: int = MOST_NODES) -> Shedding:
    """Find the loads of a tree that serve most within limits, and of those the least loss.

    Exact unless the search exceeds ``most_nodes``; then at least as good as greedy shedding with
    exchanges. Where limits cannot be kept, because loads without a breaker
    violate them, loads are shed as long as :func:`~.outage.rank` gains by it.

    Args:
        outage: with the feeder and its limits.
        closed: which branches conduct, (e,).
        most_nodes: greatest number of nodes of the search.

    Raises:
        ValueError: what is supplied is no tree.
    """
    model = model_of(outage)
    closed = np.array(closed, np.bool_)
    tree = kernels.plant(model, closed)
    if tree.loops:
        raise ValueError(f"{tree.loops} loops: loads are shed in trees only")
    connected = np.ones(len(outage.p), np.bool_)
    solved, violated, _, _ = kernels.flow(
        model, tree, np.ones(len(connected)), np.empty((4, len(connected)))
    )
    if solved and violated == kernels.NOTHING:
        return _shedding(outage, closed, connected, proven=True)
    most_shed = shed_limit(outage, closed)
    served, loss = greedy_loads(model, tree, connected, most_shed)
    better, _, _, _, complete = best_loads(
        model, tree, max(served, -1.0), loss, most_shed, most_nodes, connected
    )
    if max(served, better) == -np.inf:
        return _shedding(outage, closed, _least_violation(outage, closed, tree), proven=False)
    return _shedding(outage, closed, connected, proven=complete)


def model_of(outage: Outage) -> kernels.Model:
    """Return what the kernels need of an outage."""
    feeder = outage.feeder
    return kernels.Model(
        a=feeder.arrays,
        root=feeder.root,
        p=outage.p,
        q=outage.q,
        worth=outage.worth,
        free=feeder.arrays.sheddable,
        source_voltage=feeder.source_voltage,
        low=outage.min_voltage,
        high=outage.max_voltage,
        consumes=bool((outage.q >= 0).all()),
        unit=_unit(outage),
    )


def shed_limit(outage: Outage, closed: Bools) -> int:
    """Return how many loads may be shed after the switching, given the outage's operations."""
    if outage.max_operations is None:
        return len(outage.p)
    return outage.max_operations - int((closed != outage.start).sum())


def _shedding(outage: Outage, closed: Bools, connected: Bools, proven: bool) -> Shedding:
    configuration = Configuration(closed, connected)
    return Shedding(configuration, assess(outage, configuration).load_served, proven)


def _unit(outage: Outage) -> float:
    """Return the greatest worth of which all are multiples: that of 5 kW, say; 0 if none is."""
    arrays = outage.feeder.arrays
    weighted = arrays.weight * arrays.p * BASE_KVA * 1000.0
    whole = np.rint(weighted)
    total = weighted.sum()
    if total == 0 or np.abs(weighted - whole).max() > 1e-6:
        return 0.0
    return math.gcd(*(int(number) for number in whole)) / float(total)


def _least_violation(outage: Outage, closed: Bools, tree: kernels.Tree) -> Bools:
    """Shed one load at a time, that after which the answer ranks best, while it gains."""
    connected = np.ones(len(outage.p), np.bool_)
    best = rank(outage, assess(outage, Configuration(closed, connected)))
    supplied = tree.order[: tree.supplied]
    loads = supplied[outage.feeder.arrays.sheddable[supplied]]
    for _ in range(min(len(loads), max(shed_limit(outage, closed), 0))):
        trials = []
        for load in loads[connected[loads]]:
            trial = connected.copy()
            trial[load] = False
            trials.append((rank(outage, assess(outage, Configuration(closed, trial))), load))
        value, load = max(trials)
        if value <= best:
            break
        best = value
        connected[load] = False
    return connected
