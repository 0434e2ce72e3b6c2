"""Critical-path evaluations per CPU second: heads, tails and makespan of whole schedules.

The peer is networkx: the same longest paths on the same disjunctive graph, over one topological
order, forward and backward. A second case shows how the cost grows: the exponent of a power of the
number of operations, fitted to shops from 100 to 3200 operations, is 1 where it is linear.
"""

from __future__ import annotations

import statistics
import time
from itertools import pairwise

import numpy as np

from benchmarks.measure import Play, Row, compare, optional

BATCH = 128
BARS = {"ta01": ("15x15 (ta01)", 200_000.0), "ta41": ("30x20 (ta41)", 60_000.0)}
SIZES = ((10, 10), (20, 10), (20, 20), (40, 20), (80, 20), (160, 20))
EXPONENT_UNIT = "exponent"
EXPONENT = 1.15
"""Linear up to what the caches cost."""


def run(repeats: int) -> list[Row]:
    rows = []
    for name, (case, bar) in BARS.items():
        contenders = {
            f"drlapps, batch of {BATCH}": drlapps(name),
            "networkx": optional(networkx, name),
        }
        own, *peers = compare(
            "critical-paths", case, "evaluations", contenders, bars={}, seconds=1.0,
            repeats=repeats,
        )  # fmt: skip
        rows.append(Row(**{**vars(own), "bar": bar, "met": _reaches(own, bar)}))
        rows += peers
    exponent = statistics.median(growth() for _ in range(repeats))
    case = f"cost against operations, {SIZES[0][0]}x{SIZES[0][1]} to {SIZES[-1][0]}x{SIZES[-1][1]}"
    met = exponent <= EXPONENT
    rows.append(
        Row(
            "critical-paths", case, "drlapps", exponent, EXPONENT_UNIT, bar=EXPONENT, met=met
        )
    )  # fmt: skip
    return rows


def _reaches(row: Row, bar: float) -> bool:
    return row.value is not None and row.value >= bar


def drlapps(name: str) -> Play:
    from drlapps.scheduling.job_shop import benchmarks

    return evaluations(benchmarks.load(name))


def evaluations(shop) -> Play:  # type: ignore[no-untyped-def]
    """Evaluate a batch of schedules, each a few random critical swaps from the best rule's."""
    from drlapps.scheduling.job_shop import plans
    from drlapps.scheduling.job_shop.local_search import graph

    s = graph.of_shops([shop] * BATCH)
    start = plans.best_rule_schedule(shop)
    path = np.empty(s.heads.shape[1], np.int32)
    moves = np.empty((path.size, 2), np.int32)
    for b in range(BATCH):
        graph.from_starts(s, b, start)
        rng = np.random.default_rng(b)
        for _ in range(20):
            size = graph.critical_path(s, b, path, int(rng.integers(2**62)))
            count = graph.n5_moves(s, b, path, size, moves)
            if count > 0:
                graph.swap(s, b, *moves[rng.integers(count)])
                graph.evaluate(s, b)
    acyclic = np.zeros(BATCH, np.bool_)

    def play() -> int:
        for _ in range(20):
            graph.evaluate_all(s, acyclic)
        return 20 * BATCH

    return play


def networkx(name: str) -> Play:
    from networkx import DiGraph, topological_sort

    from drlapps.scheduling.job_shop import benchmarks, plans

    shop = benchmarks.load(name)
    starts = plans.best_rule_schedule(shop)
    graph = DiGraph()
    duration = {}
    for j in range(shop.jobs):
        for k in range(shop.n_machines):
            duration[j, k] = int(shop.durations[j, k])
            graph.add_node((j, k))
            if k > 0:
                graph.add_edge((j, k - 1), (j, k))
    for machine in range(shop.n_machines):
        line = sorted(
            zip(*np.nonzero(shop.machines == machine), strict=True), key=lambda v: starts[v]
        )
        graph.add_edges_from(pairwise(line))

    def play() -> int:
        order = list(topological_sort(graph))
        heads: dict[tuple[int, int], int] = {}
        tails: dict[tuple[int, int], int] = {}
        for v in order:
            heads[v] = max((heads[u] + duration[u] for u in graph.predecessors(v)), default=0)
        for v in reversed(order):
            tails[v] = max((tails[w] + duration[w] for w in graph.successors(v)), default=0)
        assert max(heads[v] + duration[v] for v in order) > 0
        return 1

    return play


def growth() -> float:
    """Return the exponent of a power of the operations that fits the CPU time best."""
    from drlapps.scheduling.job_shop.instances import train

    operations, spent = [], []
    for jobs, machines in SIZES:
        play = evaluations(train(jobs=jobs, machines=machines).take(1)[0])
        play()
        started, done = time.process_time(), 0
        while time.process_time() - started < 0.3:
            done += play()
        operations.append(jobs * machines)
        spent.append((time.process_time() - started) / done)
    return float(np.polyfit(np.log(operations), np.log(spent), 1)[0])
