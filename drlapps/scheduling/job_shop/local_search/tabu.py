"""Tabu search with path relinking of elite schedules: the strongest local search here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from drlapps.errors import InputError, unknown
from drlapps.policy import ImprovingSolver, Incumbents, Plan, Start
from drlapps.scheduling.job_shop import plans
from drlapps.scheduling.job_shop.local_search import graph, neighbourhoods, relinking, walk
from drlapps.scheduling.job_shop.local_search.budget import Budget, Slices
from drlapps.scheduling.job_shop.local_search.neighbourhoods import Neighbourhood
from drlapps.scheduling.job_shop.local_search.tabu_kernel import TabuList, tabu_list, tabu_search
from drlapps.scheduling.job_shop.shop import JobShop

APART = 20
"""Elite schedules differ in the followers of at least one in so many operations."""


class TabuSearch(ImprovingSolver):
    """Tabu search from the best dispatching rule, then from schedules between good ones.

    A search (:mod:`.tabu_kernel`) ends when ``patience`` iterations gained nothing. The first
    starts from the best schedule of all rules (non-delay) or from what another policy has found
    (:mod:`drlapps.hybrid`), the next from random schedules until there are ``elite`` results, all
    others from a schedule between two of these (:mod:`.relinking`). A new result replaces the
    worst of them unless it is worse; where one of them is all but the same schedule, it replaces
    that one or none, so that they stay apart. It ends early at the elementary lower bound.

    The plan is an active schedule at least as good as the search's own, in an order that the
    environment admits with ``delay=1``.

    Args:
        time_limit: wall seconds an instance, the rules included.
        iterations: number of moves instead of ``time_limit``, for the same answer on every
            machine.
        neighbourhood: ``n5``, ``n6`` or ``n7``.
        patience: iterations without a better schedule that end one search.
        elite: how many results are relinked; 2 or more.

    Raises:
        InputError: an option is out of range.

    References:
        Nowicki & Smutnicki 1996, "A fast taboo search algorithm for the job shop problem",
        Management Science 42(6);
        Balas & Vazacopoulos 1998, "Guided local search with shifting bottleneck for job shop
        scheduling", Management Science 44(2);
        Peng, Lü & Cheng 2015, "A tabu search/path relinking algorithm to solve the job shop
        scheduling problem", Computers & Operations Research 53.
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(
        self,
        *,
        time_limit: float = 10.0,
        iterations: int | None = None,
        neighbourhood: str = "n6",
        patience: int = 12_500,
        elite: int = 10,
    ) -> None:
        kinds = {kind.name.lower(): kind for kind in Neighbourhood}
        if neighbourhood.lower() not in kinds:
            raise unknown("neighbourhood", neighbourhood, kinds)
        if patience < 1:
            raise InputError(f"patience must be positive, not {patience}")
        if elite < 2:
            raise InputError(f"elite must be 2 or more, not {elite}")
        self.budget = Budget(time_limit, iterations)
        self.neighbourhood = kinds[neighbourhood.lower()]
        self.patience = int(patience)
        self.elite = int(elite)
        # Compile now: a time limit should not pay for it.
        tiny = JobShop.from_jobs("tiny", [[(0, 1), (1, 1)], [(0, 1), (1, 1)]])
        search = _Search(self, tiny, np.array([[0, 2], [1, 3]]), seed=0)
        search.advance(1)
        search.collect()
        search.restart()

    def solve(self, instance: JobShop, seed: int, start: Start | None = None) -> Plan:
        """Return the plan for one instance."""
        plans.refuse_closed(instance, "tabu")
        incumbents = Incumbents(start=start)
        first = plans.first_schedule(instance, start)
        incumbents.add(plans.makespan(instance, first))
        search = _Search(self, instance, first, seed)
        slices = Slices(self.budget, incumbents)
        bound = instance.elementary_bound
        while search.best > bound and (until := slices.until(search.done)) > search.done:
            search.advance(until)
            incumbents.add(search.best)
        search.collect()
        return plans.plan(instance, search.schedule(instance), bound, incumbents)


class _Search:
    """The state of a search: row 0 is where it stands, the other rows are the elite."""

    def __init__(
        self, options: TabuSearch, shop: JobShop, start: plans.Schedule, seed: int
    ) -> None:
        self.options = options
        self.s = graph.of_shops([shop] * (1 + options.elite))
        graph.from_starts(self.s, 0, start)
        self.row = neighbourhoods.row(self.s, 0)
        self.rng = np.random.default_rng([seed, 0x7AB])
        self.walk = walk.walk(self.row.before.size, self.rng)
        exists = np.arange(self.s.machines.shape[2]) < self.s.lengths[0, :, None]
        self.tabu: TabuList = tabu_list(self.s.machines[0].ravel(), exists.ravel())
        # As in Zhang et al. 2008.
        self.tenure = 10 + shop.jobs // shop.n_machines
        self.apart = max(shop.operations // APART, 1)
        self.members = 0
        self.best = int(self.s.makespan[0])
        walk.begin(self.s, 0, self.row, self.walk)

    @property
    def done(self) -> int:
        """Iterations so far."""
        return int(self.walk.counters[walk.ITERATION])

    def advance(self, until: int) -> None:
        """Search on to an iteration count; where the walk is stuck, start another."""
        tabu_search(
            self.s, 0, self.row, self.walk, self.tabu,
            self.options.neighbourhood, self.tenure, self.options.patience, until,
        )  # fmt: skip
        self.best = min(self.best, int(self.walk.counters[walk.BEST]))
        if self.walk.counters[walk.STUCK]:
            self.collect()
            self.restart()

    def collect(self) -> None:
        """Go to the best schedule of this walk, and keep it if the elite has use for it."""
        s = self.s
        s.before[0], s.after[0] = self.walk.best_before, self.walk.best_after
        graph.evaluate(s, 0)
        elite = range(1, 1 + self.members)
        near = min(elite, key=lambda b: relinking.distance(s, 0, b), default=0)
        if near and relinking.distance(s, 0, near) < self.apart:
            replaced = near
        elif self.members < self.options.elite:
            self.members += 1
            relinking.copy(s, 0, self.members)
            return
        else:
            replaced = 1 + int(s.makespan[1:].argmax())
        if s.makespan[0] <= s.makespan[replaced]:
            relinking.copy(s, 0, replaced)

    def restart(self) -> None:
        """Start a walk between two of the elite, or from a random schedule while it is small."""
        if self.members < self.options.elite:
            relinking.scatter(self.s, 0, self.walk.random)
        else:
            a, b = 1 + self.rng.choice(self.members, 2, replace=False)
            relinking.merge(self.s, a, b, 0, self.walk.random)
        walk.begin(self.s, 0, self.row, self.walk)

    def schedule(self, shop: JobShop) -> plans.Schedule:
        """Return the start times of the best schedule of all walks."""
        b = int(self.s.makespan[: 1 + self.members].argmin())
        n, o = shop.durations.shape
        return np.array(self.s.heads[b].reshape(n, o), np.int64)
