"""The kernels against plain Python."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest

from drlapps.energy.crew_restoration import kernels
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.grid import cases

Draw = Callable[..., Damage]


@pytest.mark.parametrize("case", ["ieee33", "ieee69", "zhang118"])
def test_blocks_are_what_is_left_of_the_graph(case: str) -> None:
    feeder = cases.load(case)
    rng = np.random.default_rng(5)
    closed = np.flatnonzero(feeder.arrays.closed)
    lines = rng.choice(closed, 9, replace=False)
    damage = Damage("d", feeder, tuple(lines.tolist()), (1.0,) * 9)
    graph = nx.Graph(
        (feeder.branches[k].from_bus, feeder.branches[k].to_bus)
        for k in closed
        if k not in damage.lines
    )
    graph.add_nodes_from(bus.name for bus in feeder.buses)
    blocks = damage.blocks
    for part in nx.connected_components(graph):
        numbers = {int(blocks.of_bus[feeder.index[name]]) for name in part}
        assert len(numbers) == 1
        load = sum(bus.p_kw * bus.weight for bus in feeder.buses if bus.name in part)
        assert blocks.weight[numbers.pop()] == pytest.approx(load)
    assert blocks.of_bus[feeder.root] == 0
    for number, line in enumerate(damage.lines):
        ends = {int(blocks.of_bus[end[line]]) for end in (feeder.arrays.tail, feeder.arrays.head)}
        assert ends == {int(blocks.upper[number]), number + 1}


def factors(
    status: np.ndarray, upper: np.ndarray, weight: np.ndarray, hours: np.ndarray
) -> dict[int, float]:
    """The best load per hour of any connected set of waiting lines below each, by enumeration."""
    waiting = [line for line in range(len(upper)) if status[line] == kernels.WAITING]

    def next_up(line: int) -> int:
        up = int(upper[line]) - 1
        while up >= 0 and status[up] != kernels.WAITING:
            up = int(upper[up]) - 1
        return up

    load = dict.fromkeys(waiting, 0.0)
    for line in range(len(upper)):
        owner = line if status[line] == kernels.WAITING else next_up(line)
        if owner >= 0:
            load[owner] += weight[line + 1]

    def sets(line: int) -> list[frozenset[int]]:
        found = [frozenset({line})]
        for child in (c for c in waiting if next_up(c) == line):
            found += [one | other for one in found for other in sets(child)]
        return found

    def ratio(lines: frozenset[int]) -> float:
        return sum(load[one] for one in lines) / float(sum(hours[one] for one in lines))

    return {line: max(map(ratio, sets(line))) for line in waiting}


@pytest.mark.parametrize("seed", range(20))
def test_rho_factors_are_the_best_ratios_of_subtrees(draw: Draw, seed: int) -> None:
    damage = draw(seed, lines=8)
    rng = np.random.default_rng(seed)
    d, blocks, hours = 8, damage.blocks, np.array(damage.hours)
    status = rng.choice(3, d, p=(0.7, 0.15, 0.15))
    above, order, head, after, tail = np.empty((5, d), np.int64)
    load, ratio, span = np.empty((3, d))
    kernels.subtrees(d, blocks.upper, blocks.weight, status, above, load)
    count = kernels.horn(d, status, above, load, hours, order, ratio, span, head, after, tail)
    expected = factors(status, blocks.upper, blocks.weight, hours)
    assert sorted(order[:count]) == sorted(expected)
    for line, value in expected.items():
        assert ratio[line] == pytest.approx(value)
    # The sequence goes on with the largest factor among the lines that can be next.
    place = {line: i for i, line in enumerate(order[:count].tolist())}
    for line in place:
        assert above[line] < 0 or place[int(above[line])] < place[line]
    first = order[0]
    heads = [line for line in place if above[line] < 0]
    assert ratio[first] == pytest.approx(max(ratio[line] for line in heads))
