"""The classical methods as policies: each decides on a configuration and switches its way there."""

from __future__ import annotations

import numpy as np

from drlapps.energy.restoration import enumeration, heuristics
from drlapps.energy.restoration.branch_exchange import branch_exchange
from drlapps.energy.restoration.outage import Configuration, Outage
from drlapps.energy.restoration.plans import Answer, Planner


class Enumeration(Planner):
    """Exact: :func:`.enumeration.configure`.

    Args:
        limit: greatest number of radial configurations.
    """

    def __init__(self, limit: int = enumeration.LIMIT) -> None:
        self.limit = limit

    def configure(self, outage: Outage, seed: int) -> Answer:
        """Return the best configuration of all."""
        return enumeration.configure(outage, self.limit)


class Milp(Planner):
    """Mixed-integer program with repair: :func:`.milp.configure`.

    Args:
        time_limit: wall seconds.
        gap: relative gap at which to stop.
    """

    def __init__(self, time_limit: float = 60.0, gap: float = 1e-3) -> None:
        # Import now what the first plan would otherwise be billed for.
        from drlapps.energy.restoration import milp

        self.time_limit, self.gap = time_limit, gap
        self._configure = milp.configure

    def configure(self, outage: Outage, seed: int) -> Answer:
        """Return the program's configuration, which keeps all limits by AC."""
        return self._configure(outage, time_limit=self.time_limit, gap=self.gap)


class BranchExchange(Planner):
    """Local search by exchanges of a tie and a branch: :func:`.branch_exchange.branch_exchange`.

    Args:
        restarts: from perturbed configurations, keeping the best; 10 by default, 30 without a
            fault.
    """

    def __init__(self, restarts: int | None = None) -> None:
        self.restarts = restarts

    def configure(self, outage: Outage, seed: int) -> Answer:
        """Return a configuration that no exchange improves."""
        return branch_exchange(outage, self.restarts, seed)


class Greedy(Planner):
    """Closes one tie after the other: :func:`.heuristics.greedy`."""

    def configure(self, outage: Outage, seed: int) -> Answer:
        """Return where no further tie restores anything."""
        return heuristics.greedy(outage)


class MinimumSpanningTree(Planner):
    """The tree of least impedance: :func:`.heuristics.minimum_spanning_tree`."""

    def configure(self, outage: Outage, seed: int) -> Answer:
        """Return the tree, with the loads shed that its voltages demand."""
        return heuristics.minimum_spanning_tree(outage)


class DoNothing(Planner):
    """Leaves everything as protection left it."""

    def configure(self, outage: Outage, seed: int) -> Answer:
        """Return the outage's start."""
        return Answer(Configuration(outage.start, np.ones(len(outage.p), np.bool_)))
