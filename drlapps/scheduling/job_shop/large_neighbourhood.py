"""Large-neighbourhood search: CP-SAT re-optimises one part of a schedule after the other.

References:
    Shaw 1998, "Using constraint programming and local search methods to solve vehicle routing
    problems", CP 1998;
    Godard, Laborie & Nuijten 2005, "Randomized large neighborhood search for cumulative
    scheduling", ICAPS 2005.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from drlapps.errors import InputError, unknown
from drlapps.policy import ImprovingSolver, Incumbents, Plan, Start
from drlapps.scheduling.job_shop import calendars, plans
from drlapps.scheduling.job_shop.cp_sat import closed_intervals
from drlapps.scheduling.job_shop.local_search import graph
from drlapps.scheduling.job_shop.local_search.budget import Budget
from drlapps.scheduling.job_shop.local_search.graph import IntArray
from drlapps.scheduling.job_shop.shop import JobShop

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

PARTS = ("window", "machines", "both")

_FEWEST = 20
"""Operations of the smallest part."""


class LargeNeighbourhoodSearch(ImprovingSolver):
    """Frees a time window, or a few machines, around a critical operation; CP-SAT orders it anew.

    The order of everything else stays. What a window can gain is limited by heads and tails
    alone, since a path that leaves it never comes back, so that its model is as small as the
    window. Parts grow while CP-SAT proves them optimal early, and shrink while it does not.
    A part may change without gain: that is how the search moves on.

    Where machines are closed at times, what comes after a window has no length of its own: it
    matters when its operations start. Then a window is given what would be in time for a makespan
    less by one, and must not be too late for the present one.

    Args:
        time_limit: wall seconds an instance, the first schedule included.
        iterations: number of parts instead of ``time_limit``; then ``part_time`` is in CP-SAT's
            deterministic time and the answer the same on every machine.
        part: ``window``, ``machines``, or ``both`` in turn.
        operations: of the first part.
        part_time: limit for a part, in seconds.

    Raises:
        InputError: an option is out of range.
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(
        self,
        *,
        time_limit: float = 10.0,
        iterations: int | None = None,
        part: str = "window",
        operations: int = 100,
        part_time: float = 0.5,
    ) -> None:
        if part not in PARTS:
            raise unknown("part", part, PARTS)
        for name, value in {"operations": operations, "part_time": part_time}.items():
            if not value > 0:
                raise InputError(f"{name} must be positive, not {value}")
        self.budget = Budget(time_limit, iterations)
        self.part, self.operations, self.part_time = part, int(operations), float(part_time)

    def solve(self, instance: JobShop, seed: int, start: Start | None = None) -> Plan:
        """Return the plan for one instance."""
        incumbents = Incumbents(start=start)
        search = _Search(instance, plans.first_schedule(instance, start), seed)
        incumbents.add(search.makespan)
        kinds = ("window", "machines") if self.part == "both" else (self.part,)
        sizes = dict.fromkeys(kinds, float(self.operations))
        bound, done = instance.elementary_bound, 0
        while search.makespan > bound and not self.budget.spent(incumbents.seconds(), done):
            kind = kinds[done % len(kinds)]
            part = search.pick(kind, round(sizes[kind]))
            proven = search.improve(part, self._limit(incumbents.seconds()), self._counted)
            if proven and kind == "window" and len(part.operations) == instance.operations:
                bound = search.makespan
            sizes[kind] *= 1.1 if proven else 0.8
            sizes[kind] = min(max(sizes[kind], _FEWEST), float(instance.operations))
            incumbents.add(search.makespan)
            done += 1
        return plans.plan(instance, search.schedule(), bound, incumbents)

    @property
    def _counted(self) -> bool:
        return self.budget.iterations is not None

    def _limit(self, spent: float) -> float:
        """Return the limit for the next part."""
        left = self.part_time if self._counted else self.budget.time_limit - spent
        return min(self.part_time, max(left, 1e-3))


@dataclass(frozen=True)
class _Part:
    """What CP-SAT orders anew.

    Attributes:
        operations: a stretch of a topological order, so that no path leaves it and comes back.
        later: operations that follow in that order.
        machines: those whose order is open; on others it stays.
    """

    operations: list[int]
    later: list[int]
    machines: frozenset[int]


class _Search:
    """A schedule, as a selection, and the parts of it that are ordered anew."""

    def __init__(self, shop: JobShop, starts: plans.Schedule, seed: int) -> None:
        self.shop = shop
        self.s = graph.of_shops([shop])
        graph.from_starts(self.s, 0, starts)
        self.rng = np.random.default_rng([seed, 0x1A5])
        self.durations = self.s.durations[0].ravel().astype(np.int64)
        self.on = self.s.machines[0].ravel()
        self.timing = _Timing.of(self.s, shop)

    @property
    def makespan(self) -> int:
        """Of the schedule."""
        return self.timing.makespan

    def schedule(self) -> plans.Schedule:
        """Return the start times."""
        return np.array(self.timing.heads.reshape(self.shop.durations.shape), np.int64)

    def pick(self, kind: str, size: int) -> _Part:
        """Return a part with about ``size`` free operations, a critical one among them."""
        heads, tails = self.timing.heads, self.timing.tails
        order = self.s.order[0, : self.shop.operations]
        order = order[np.argsort(heads[order], kind="stable")]
        critical = np.flatnonzero((heads + self.durations + tails)[order] >= self.makespan)
        place = int(self.rng.choice(critical))
        machines = np.unique(self.on[order])
        if kind == "window":
            first = max(min(place - int(self.rng.integers(size)), len(order) - size), 0)
            window, later = order[first : first + size], order[first + size :]
            return _Part(window.tolist(), later.tolist(), frozenset(machines.tolist()))
        own = int(self.on[order[place]])
        count = round(size * len(machines) / len(order))
        others = self.rng.permutation(machines[machines != own])[: max(count - 1, 1)]
        return _Part(order.tolist(), [], frozenset([own, *others.tolist()]))

    def improve(self, part: _Part, limit: float, deterministic: bool) -> bool:
        """Order a part anew; return whether CP-SAT has proven that nothing is better.

        Args:
            part: what to order.
            limit: in seconds.
            deterministic: whether they are CP-SAT's deterministic ones.
        """
        from ortools.sat.python import cp_model

        solver = cp_model.CpSolver()
        parameters = solver.parameters
        parameters.num_workers = 1
        parameters.linearization_level = 0
        parameters.random_seed = int(self.rng.integers(2**31))
        # Its own handler would leave none behind: an interrupt would then kill the process.
        parameters.catch_sigint_signal = False
        if deterministic:
            parameters.max_deterministic_time = limit
        else:
            parameters.max_time_in_seconds = limit
        model, starts = self._model(part)
        status = solver.solve(model)
        if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            found = self.timing.heads.astype(np.int64)
            found[part.later] += self.makespan
            found[list(starts)] = [solver.value(start) for start in starts.values()]
            graph.from_starts(self.s, 0, found.reshape(self.shop.durations.shape))
            self.timing = _Timing.of(self.s, self.shop)
        return bool(status == cp_model.OPTIMAL)

    def _model(self, part: _Part) -> tuple[cp_model.CpModel, dict[int, cp_model.IntVar]]:
        """Return the model of a part, no worse than the schedule, and the starts in it."""
        from ortools.sat.python import cp_model

        s, t, durations = self.s, self.timing, self.durations
        width, inside = self.shop.durations.shape[1], set(part.operations)
        model = cp_model.CpModel()
        end = model.new_int_var(0, t.longest, "makespan")
        groups: dict[int, list[int]] = {}
        for v in part.operations:
            groups.setdefault(int(self.on[v]), []).append(v)
        starts: dict[int, cp_model.IntVar] = {}
        for machine, group in groups.items():
            head, follower = self._head(s.before[0, group[0]]), int(s.after[0, group[-1]])
            for v in group:
                earliest, outside = max(head, int(s.release[0, v // width])), [follower]
                if v % width and v - 1 not in inside:
                    earliest = max(earliest, self._head(v - 1))
                if s.successor[0, v] not in inside:
                    outside.append(int(s.successor[0, v]))
                rest = max(self._tail(t.tails, w) for w in outside)
                least = max(self._tail(t.least_tails, w) for w in outside)
                duration = int(durations[v])
                starts[v] = model.new_int_var(earliest, t.makespan - duration - least, "")
                model.add_hint(starts[v], int(t.heads[v]))
                model.add(end >= starts[v] + duration + rest)
            windows = self.shop.windows[machine]
            if machine in part.machines or windows:
                intervals = closed_intervals(model, windows, t.makespan)
                intervals += [
                    model.new_fixed_size_interval_var(starts[v], int(durations[v]), "")
                    for v in group
                ]
                model.add_no_overlap(intervals)
            if machine not in part.machines:
                for u, v in pairwise(group):
                    model.add(starts[v] >= starts[u] + int(durations[u]))
        for v in part.operations:
            after = int(s.successor[0, v])
            if after in inside:
                model.add(starts[after] >= starts[v] + int(durations[v]))
        model.minimize(end)
        return model, starts

    def _head(self, v: int) -> int:
        """Return when an operation ends; 0 for none."""
        return int(self.timing.heads[v] + self.durations[v]) if v >= 0 else 0

    def _tail(self, tails: IntArray, v: int) -> int:
        """Return how long it takes from an operation's start to the end of all; 0 for none."""
        return int(self.durations[v] + tails[v]) if v >= 0 else 0


@dataclass(frozen=True)
class _Timing:
    """When the operations of a selection start, and what is left after them.

    Attributes:
        heads: start of each operation, as early as the selection allows.
        makespan: of the schedule.
        tails: time from the end of each operation to the end of all, if it is to be in time for a
            makespan less by one.
        least_tails: the same if it is to be in time for the present makespan.
        longest: an operation's longest way from 0 to the end of all.
    """

    heads: IntArray
    makespan: int
    tails: IntArray
    least_tails: IntArray
    longest: int

    @classmethod
    def of(cls, s: graph.Selection, shop: JobShop) -> _Timing:
        """Return the times of a selection; without calendars they stand in the graph."""
        makespan = int(s.makespan[0])
        if not shop.closed.size:
            return cls(s.heads[0], makespan, s.tails[0], s.tails[0], makespan)
        heads = _heads(s, shop)
        durations = s.durations[0].ravel()
        order = s.order[0, : shop.operations]
        makespan = int((heads + durations)[order].max())
        tails, least = (_tails(s, shop, goal) for goal in (makespan - 1, makespan))
        longest = int((heads + durations + tails)[order].max())
        return cls(heads, makespan, tails, least, longest)


def _heads(s: graph.Selection, shop: JobShop) -> IntArray:
    """Return the start of each operation if all wait for open time."""
    durations, machines = s.durations[0].ravel().tolist(), s.machines[0].ravel().tolist()
    successor, after = s.successor[0].tolist(), s.after[0].tolist()
    heads = shop.release.repeat(shop.durations.shape[1]).tolist()
    for v in s.order[0, : shop.operations].tolist():
        heads[v] = calendars.earliest_start(shop.windows[machines[v]], heads[v], durations[v])
        for w in (successor[v], after[v]):
            if w >= 0:
                heads[w] = max(heads[w], heads[v] + durations[v])
    return np.array(heads, np.int64)


def _tails(s: graph.Selection, shop: JobShop, goal: int) -> IntArray:
    """Return the time from the latest end of each operation, all of them in time, to the goal."""
    durations, machines = s.durations[0].ravel().tolist(), s.machines[0].ravel().tolist()
    successor, after = s.successor[0].tolist(), s.after[0].tolist()
    starts = [goal] * len(durations)
    for v in reversed(s.order[0, : shop.operations].tolist()):
        end = min([goal, *(starts[w] for w in (successor[v], after[v]) if w >= 0)])
        windows = shop.windows[machines[v]]
        starts[v] = calendars.latest_start(windows, end - durations[v], durations[v])
    return np.asarray(goal - np.array(starts) - s.durations[0].ravel())
