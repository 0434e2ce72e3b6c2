"""Constructive heuristics: greedy tie closing, and the minimum spanning tree.

Both build a tree and leave the loads to :func:`.shedding.shed`.

References:
    Morelato, A. L., & Monticelli, A. (1989). Heuristic search approach to distribution system
    restoration. IEEE Transactions on Power Delivery, 4(4), 2235-2241.
    Kruskal, J. B. (1956). On the shortest spanning subtree of a graph and the traveling salesman
    problem. Proceedings of the American Mathematical Society, 7(1), 48-50.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import networkx as nx
import numpy as np

from drlapps.energy.grid.feeder import BASE_KVA, Bools, Ints
from drlapps.energy.grid.power_flow import power_flows
from drlapps.energy.restoration import shedding_kernels as kernels
from drlapps.energy.restoration.outage import TOLERANCE, Configuration, Outage, Score, assess, rank
from drlapps.energy.restoration.plans import Answer, path_between, reached
from drlapps.energy.restoration.shedding import model_of, shed, shed_limit
from drlapps.energy.restoration.shedding_greedy import greedy_loads

Rank = tuple[float, ...]


def greedy(outage: Outage) -> Answer:
    """Close ties one by one, each time the one after which the answer ranks best.

    A tie joins a dead section to what is energised. Where two ties reach the same section, closing
    both and opening one of the branches between them, so that each feeds a part, is a choice as
    well. Every choice is judged by AC power flow, with loads shed greedily where limits demand it.
    """
    closed = outage.start
    value, _ = appraise(outage, closed[None])[0]
    while len(choices := _within(outage, [*_closings(outage, closed)])):
        values = [value for value, _ in appraise(outage, choices)]
        best = max(range(len(choices)), key=values.__getitem__)
        if values[best] <= value:
            break
        closed, value = choices[best], values[best]
    return Answer(shed(outage, closed))


def minimum_spanning_tree(outage: Outage) -> Answer:
    """Build the spanning tree of least impedance, of all trees or of those that switch least.

    Two trees by Kruskal's algorithm: one of all branches, one that keeps closed what is. The better
    counts.
    """
    a = outage.feeder.arrays
    impedance = np.hypot(a.r, a.x)
    fixed = outage.start & ~outage.operable
    trees = [
        _kruskal(outage, np.where(fixed, -1.0, impedance)),
        _kruskal(outage, np.where(outage.start, -1.0, impedance)),
    ]
    answers = [shed(outage, tree) for tree in _within(outage, [*trees, outage.start])]
    return Answer(max(answers, key=lambda answer: rank(outage, assess(outage, answer))))


def appraise(outage: Outage, closed: Bools) -> list[tuple[Rank, Bools]]:
    """Rank radial configurations by AC power flow, with loads shed greedily where need be.

    Loads are shed only if no configuration serves everything, for else it does not matter.

    Args:
        outage: whose.
        closed: which branches conduct, (b, e).

    Returns:
        The rank of each, and which loads are connected.
    """
    everything = np.ones(len(outage.p), np.bool_)
    scores = _scores(outage, closed)
    found = [(rank(outage, score), everything) for score in scores]
    whole = [score.violation >= 0 and score.load_served for score in scores]
    top = max((served for served in whole if served), default=-1.0)
    model = model_of(outage)
    for i, positions in enumerate(closed):
        if whole[i]:
            continue
        tree = kernels.plant(model, positions)
        reach = outage.worth[tree.order[: tree.supplied]].sum()
        if tree.loops or reach <= top + kernels.EPSILON:
            continue
        connected = everything.copy()
        most = shed_limit(outage, positions)
        if greedy_loads(model, tree, connected, most)[0] >= 0:
            score = assess(outage, Configuration(positions, connected))
            found[i] = max(found[i], (rank(outage, score), connected), key=lambda pair: pair[0])
    return found


def _scores(outage: Outage, closed: Bools) -> list[Score]:
    """Score configurations with all loads connected."""
    everything = np.ones(len(outage.p), np.bool_)
    if np.isfinite(outage.feeder.arrays.rating).any():
        return [assess(outage, Configuration(positions, everything)) for positions in closed]
    flows = power_flows(outage.feeder, closed, outage.p * BASE_KVA, outage.q * BASE_KVA)
    excess = np.maximum(outage.min_voltage - flows.voltage, flows.voltage - outage.max_voltage)
    within = flows.energised & (excess <= TOLERANCE)
    served = within @ outage.worth
    worst = np.where(flows.energised, excess, 0.0).max(axis=1, initial=0.0)
    operations = (closed != outage.start).sum(axis=1)
    return [
        Score(True, float(served[i]), -float(worst[i]), -int(operations[i]), -flows.loss_kw[i])
        if flows.converged[i]
        else Score(False, 0.0, -np.inf, -int(operations[i]), -np.inf)
        for i in range(len(closed))
    ]


def _within(outage: Outage, choices: Sequence[Bools]) -> Bools:
    """Return the configurations that keep the limit on operations, (b, e)."""
    stacked = np.array(choices, np.bool_).reshape(-1, len(outage.start))
    if outage.max_operations is None:
        return stacked
    kept: Bools = stacked[(stacked != outage.start).sum(axis=1) <= outage.max_operations]
    return kept


def _closings(outage: Outage, closed: Bools) -> Iterator[Bools]:
    """Yield the configurations with one more tie, or two with a branch between them opened."""
    a = outage.feeder.arrays
    energised = reached(outage, closed)
    can_open = closed & outage.operable
    crossing = energised[a.tail] != energised[a.head]
    ties = np.flatnonzero(outage.operable & ~closed & crossing).tolist()
    for tie in ties:
        yield _switched(closed, [tie])
    for one, other in combinations(ties, 2):
        both = _switched(closed, [one, other])
        ends = (_dead_end(outage, energised, tie) for tie in (one, other))
        loop = path_between(outage, closed, *ends)
        for branch in loop:
            if can_open[branch]:
                yield _switched(both, [branch])


def _switched(closed: Bools, branches: Sequence[int]) -> Bools:
    switched = closed.copy()
    switched[list(branches)] ^= True
    return switched


def _dead_end(outage: Outage, energised: Bools, tie: int) -> int:
    a = outage.feeder.arrays
    return int(a.head[tie] if energised[a.tail[tie]] else a.tail[tie])


def _kruskal(outage: Outage, weights: Ints) -> Bools:
    """Return the minimum spanning tree of what can be reached, the rest as the fault left it."""
    a = outage.feeder.arrays
    graph = nx.MultiGraph()
    for branch in np.flatnonzero(outage.start | outage.operable):
        graph.add_edge(a.tail[branch], a.head[branch], branch, weight=weights[branch])
    graph.add_node(outage.feeder.root)
    reached = graph.subgraph(nx.node_connected_component(graph, outage.feeder.root))
    closed = outage.start.copy()
    closed[[branch for *_, branch in reached.edges(keys=True)]] = False
    tree = nx.minimum_spanning_edges(reached, weight="weight", keys=True, data=False)
    closed[[branch for *_, branch in tree]] = True
    return closed
