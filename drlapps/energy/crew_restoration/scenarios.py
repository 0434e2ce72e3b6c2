"""What is drawn: damaged lines, how long their repair takes, and how far they are apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drlapps.energy.crew_restoration.damage import Damage, Matrix
from drlapps.energy.grid.feeder import Feeder, Floats, Ints
from drlapps.energy.grid.random_feeders import RandomFeeders

HOURS = (1, 8)
"""Range of the time to repair a line, in whole hours."""

OHM_PER_KM = 0.4
"""Reactance of overhead lines, whatever their conductor: it tells the length of a branch."""

KM_PER_HOUR = 15.0
"""How fast crews drive along the lines; the storm has blocked roads."""


@dataclass(frozen=True)
class Site:
    """A feeder with what drawing damage to it needs.

    Attributes:
        feeder: in normal operation.
    """

    feeder: Feeder

    @cached_property
    def lines(self) -> Ints:
        """The branches that can be damaged: those closed in normal operation."""
        return np.flatnonzero(self.feeder.arrays.closed)

    @cached_property
    def distances(self) -> Floats:
        """The shortest ways between all buses along the branches, in km, (n, n)."""
        from scipy.sparse.csgraph import floyd_warshall

        a = self.feeder.arrays
        graph = np.full((len(a.p), len(a.p)), np.inf)
        lengths = [branch.x_ohm / OHM_PER_KM for branch in self.feeder.branches]
        for ends in ((a.tail, a.head), (a.head, a.tail)):
            np.minimum.at(graph, ends, lengths)
        return np.asarray(floyd_warshall(np.ma.masked_invalid(graph)))

    def travel_times(self, lines: Ints) -> Matrix:
        """Return the hours between the source and the middles of some lines, (d + 1, d + 1)."""
        a, branches = self.feeder.arrays, self.feeder.branches
        ends = np.vstack([[self.feeder.root] * 2, np.stack([a.tail[lines], a.head[lines]], axis=1)])
        half = np.array([0.0, *(branches[line].x_ohm / OHM_PER_KM / 2 for line in lines)])
        km = self.distances[ends[:, :, None, None], ends].min(axis=(1, 3)) + half[:, None] + half
        np.fill_diagonal(km, 0.0)
        return tuple(tuple(row) for row in np.round(km / KM_PER_HOUR, 2).tolist())

    def damage(
        self,
        rng: np.random.Generator,
        name: str,
        crews: int,
        lines: int,
        travel: bool = False,
        switching: bool = False,
        min_voltage: float = 0.90,
    ) -> Damage:
        """Draw the damaged lines, each equally likely, and the hours to repair them.

        Args:
            rng: of the draws.
            name: of the instance.
            crews: number of crews.
            lines: number of damaged lines.
            travel: whether travel takes time.
            switching: whether ties may feed blocks another way.
            min_voltage: lower limit while ties are closed, per unit.
        """
        drawn = np.sort(rng.choice(self.lines, lines, replace=False))
        hours = rng.integers(HOURS[0], HOURS[1] + 1, lines).astype(float)
        return Damage(
            name=name,
            feeder=self.feeder,
            lines=tuple(drawn.tolist()),
            hours=tuple(hours.tolist()),
            crews=crews,
            travel=self.travel_times(drawn) if travel else (),
            switching=switching,
            min_voltage=min_voltage,
        )


@dataclass(frozen=True)
class RandomDamage:
    """A pool without end: damage to given feeders.

    Attributes:
        sites: feeders to draw from, each equally likely.
        lines: range of the number of damaged lines; fewer where a feeder has not so many.
        crews: range of the number of crews.
        travel: probability that travel takes time.
        switching: probability that ties may be closed.
    """

    sites: tuple[Site, ...]
    lines: tuple[int, int]
    crews: tuple[int, int]
    travel: float
    switching: float

    def sample(self, rng: np.random.Generator) -> Damage:
        """Draw one damage."""
        site = self.sites[int(rng.integers(len(self.sites)))]
        crews, lines = (int(rng.integers(a, b + 1)) for a, b in (self.crews, self.lines))
        return site.damage(
            rng,
            f"{site.feeder.name}:crews-{crews}",
            crews,
            min(lines, len(site.lines)),
            travel=bool(rng.random() < self.travel),
            switching=bool(rng.random() < self.switching),
        )

    def largest(self) -> Damage:
        """Return an instance that no drawn one exceeds in size."""
        buses = max(*(len(site.feeder.buses) for site in self.sites), self.lines[1] + 1)
        ties = max(len(site.feeder.branches) - len(site.lines) for site in self.sites)
        feeder = RandomFeeders((buses, buses), (ties, ties)).largest()
        lines = tuple(range(buses - 1))[-self.lines[1] :]
        return Damage(
            "largest", feeder, lines, (1.0,) * len(lines), self.crews[1],
            switching=self.switching > 0, min_voltage=0.1,
        )  # fmt: skip


def random_sites(count: int, seed: int) -> tuple[Site, ...]:
    """Draw feeders with critical loads, of 24 to 70 buses."""
    rng = np.random.default_rng([seed, 0xC4E3])
    family = RandomFeeders(buses=(24, 70), critical=1.0)
    return tuple(Site(family.sample(rng)) for _ in range(count))
