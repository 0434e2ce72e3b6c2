"""Synthetic radial feeders with ties, to train on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.power_flow import power_flow
from drlapps.errors import InputError

KV = 12.66
CRITICAL = (1.0, 2.0, 5.0, 10.0)
"""Weights of a feeder with critical loads, and how rare they are."""
_RARITY = (0.6, 0.2, 0.12, 0.08)


@dataclass(frozen=True)
class RandomFeeders:
    """A family of radial feeders of the kind of the published ones.

    A tree grows bus by bus, mostly at its youngest end, so that a trunk with laterals of various
    lengths arises. Ties join buses that are far from each other in the tree, leaves first. The
    impedance of lines is log-normal about that of the IEEE 33-bus feeder; of ties it is larger.
    Loads are log-normal, some buses have none, and all are scaled until the lowest voltage in
    normal operation is one drawn from ``lowest_voltage``.

    Attributes:
        buses: range of their number, both ends included.
        ties: range of their number; fewer where the tree has no distant pairs left.
        lowest_voltage: range of the lowest voltage in normal operation, per unit.
        critical: probability that the loads of a feeder differ in weight.

    Raises:
        InputError: a range is empty or impossible.
    """

    buses: tuple[int, int] = (10, 28)
    ties: tuple[int, int] = (3, 7)
    lowest_voltage: tuple[float, float] = (0.90, 0.94)
    critical: float = 0.3

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, least in (("buses", 4), ("ties", 1)):
            low, high = getattr(self, name)
            if not least <= low <= high <= 5000:
                raise InputError(f"{name}={low}..{high} is no range of numbers from {least}")
        low, high = self.lowest_voltage
        if not 0.8 <= low <= high < 1.0:
            raise InputError(f"lowest_voltage={low}..{high} is no range between 0.8 and 1")

    def sample(self, rng: np.random.Generator) -> Feeder:
        """Draw a feeder."""
        count = int(rng.integers(self.buses[0], self.buses[1] + 1))
        lateral = rng.uniform(0.05, 0.2)
        above = [0, *(_attach(rng, i, lateral) for i in range(2, count))]
        impedance = rng.lognormal(-0.7, 0.6, count - 1)
        ratio = rng.uniform(0.4, 1.1, count - 1)
        lines = [
            Branch(str(i), str(above[i - 1] + 1), str(i + 1), float(r), float(r * k))
            for i, r, k in zip(range(1, count), impedance, ratio, strict=True)
        ]
        buses = [Bus("1"), *(self._bus(rng, i) for i in range(2, count + 1))]
        if rng.random() < self.critical:
            weights = rng.choice(CRITICAL, count, p=_RARITY)
            buses = [replace(bus, weight=float(w)) for bus, w in zip(buses, weights, strict=True)]
        feeder = Feeder(f"random-{count}", tuple(buses), (*lines, *self._ties(rng, above)), "1", KV)
        return _loaded(feeder, float(rng.uniform(*self.lowest_voltage)))

    def _bus(self, rng: np.random.Generator, number: int) -> Bus:
        load, angle, loaded = rng.lognormal(4.4, 0.6), rng.uniform(0.3, 0.9), rng.random() < 0.9
        if not loaded:
            return Bus(str(number))
        return Bus(str(number), float(load), float(load * angle))

    def _ties(self, rng: np.random.Generator, above: list[int]) -> list[Branch]:
        """Return ties between buses of the tree whose bus ``i + 1`` hangs at ``above[i]``."""
        count = len(above) + 1
        depth = np.zeros(count, np.int64)
        distance = np.zeros((count, count), np.int64)
        for i, up in enumerate(above, 1):
            depth[i] = depth[up] + 1
            distance[i, :i] = distance[:i, i] = distance[up, :i] + 1
        leaf = np.ones(count, bool)
        leaf[above] = False
        wanted = int(rng.integers(self.ties[0], self.ties[1] + 1))
        ties: list[Branch] = []
        # Every leaf gets a tie before any bus gets a second one.
        ends = [int(bus) for bus in rng.permutation(np.flatnonzero(leaf))]
        for _ in range(20 * wanted):
            if len(ties) == wanted:
                break
            a = ends[0] if ends else int(rng.integers(2, count))
            b = int(rng.integers(1, count))
            pair = (min(a, b), max(a, b))
            if distance[a, b] < max(4, count // 8):
                continue
            ends = [bus for bus in ends if bus not in pair]
            r = float(rng.lognormal(-0.1, 0.7))
            name = str(count + len(ties))
            ties.append(
                Branch(name, str(pair[0] + 1), str(pair[1] + 1), r, r * rng.uniform(0.5, 1), False)
            )
        return ties

    def largest(self) -> Feeder:
        """Return a feeder with as many buses and branches as any drawn one."""
        count = self.buses[1]
        lines = [Branch(str(i), str(i), str(i + 1), 0.01, 0.01) for i in range(1, count)]
        ties = [
            Branch(str(count + i), "1", str(count), 1.0, 1.0, False) for i in range(self.ties[1])
        ]
        buses = tuple(Bus(str(i + 1), 1.0) for i in range(count))
        return Feeder("largest", buses, (*lines, *ties), "1", KV)


def _attach(rng: np.random.Generator, bus: int, lateral: float) -> int:
    """Return where the tree grows next: at its youngest bus, or somewhere else."""
    return int(rng.integers(0, bus - 1)) if rng.random() < lateral else bus - 1


def _loaded(feeder: Feeder, lowest: float) -> Feeder:
    """Return the feeder with its loads scaled until the lowest voltage is as given.

    The drop of a lightly loaded feeder is proportional to its load; a few corrections do.
    """
    scaled = feeder.scaled(100.0 / max(feeder.load_kw, 1.0))
    for _ in range(8):
        flow = power_flow(scaled)
        drop = scaled.source_voltage - flow.min_voltage if flow.converged else 2.0
        factor = (scaled.source_voltage - lowest) / max(drop, 1e-6)
        # A long step could end where the feeder cannot carry its load at all.
        scaled = scaled.scaled(min(factor, 10.0))
    return scaled
