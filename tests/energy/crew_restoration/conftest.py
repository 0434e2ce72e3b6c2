"""Damage to small random feeders, and what an independent hand would make of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.scenarios import Site
from drlapps.energy.grid.random_feeders import RandomFeeders

Draw = Callable[..., Damage]
Count = Callable[[Damage, Sequence[int]], float]


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Return a function that draws damage to a feeder of 12 to 20 buses."""
    family = RandomFeeders(buses=(12, 20), critical=1.0)

    def drawn(seed: int, lines: int = 5, crews: int = 2, **options: bool) -> Damage:
        rng = np.random.default_rng(seed)
        return Site(family.sample(rng)).damage(rng, f"drawn-{seed}", crews, lines, **options)

    return drawn


def list_harm(damage: Damage, order: Sequence[int]) -> float:
    """The harm of a list without switching: each bus waits for the last repair on its path."""
    crews = [(0.0, crew, 0) for crew in range(damage.crews)]
    done: dict[str, float] = {}
    for line in order:
        free, crew, here = heapq.heappop(crews)
        way = damage.travel[here][line + 1] if damage.travel else 0.0
        done[damage.line_names[line]] = end = free + way + damage.hours[line]
        heapq.heappush(crews, (end, crew, line + 1))
    lit = {damage.feeder.source: 0.0}
    harm = 0.0
    load = {bus.name: bus.weight * bus.p_kw for bus in damage.feeder.buses}
    closed = [branch for branch in damage.feeder.branches if branch.closed]
    while len(lit) < len(load):
        for branch in closed:
            for a, b in ((branch.from_bus, branch.to_bus), (branch.to_bus, branch.from_bus)):
                if a in lit and b not in lit:
                    lit[b] = max(lit[a], done.get(branch.name, 0.0))
                    harm += lit[b] * load[b]
    return harm


@pytest.fixture(scope="session")
def harm() -> Count:
    """Return :func:`list_harm`."""
    return list_harm


@pytest.fixture(scope="session")
def least() -> Callable[[Damage], float]:
    """Return a function that finds the least harm of all lists, without switching."""

    def found(damage: Damage) -> float:
        plain = replace(damage, switching=False)
        return min(list_harm(plain, order) for order in permutations(range(len(damage.lines))))

    return found
