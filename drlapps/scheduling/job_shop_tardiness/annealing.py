"""Simulated annealing of the arcs that make jobs late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba import njit

from drlapps.errors import InputError
from drlapps.policy import ImprovingSolver, Incumbents, Plan, Start
from drlapps.scheduling.job_shop.kernels import NEVER, opening
from drlapps.scheduling.job_shop.local_search import graph, neighbourhoods, walk
from drlapps.scheduling.job_shop.local_search.budget import Budget, Slices
from drlapps.scheduling.job_shop.local_search.graph import IntArray
from drlapps.scheduling.job_shop.local_search.neighbourhoods import Row, relink, reorder
from drlapps.scheduling.job_shop.local_search.walk import (
    BEST,
    ITERATION,
    Walk,
    below,
    remember,
    uniform,
)
from drlapps.scheduling.job_shop.plans import Schedule
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness import plans
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop


class SimulatedAnnealing(ImprovingSolver):
    """Simulated annealing of the best rule's schedule, one cooling over the whole budget.

    A step draws a late job and follows back from its end what it had to wait for; of the machine
    arcs on this path it draws one and swaps its operations. The starts that follow, and with them
    the total weighted tardiness, are worked out exactly, and the swap stays with the probability
    ``min(1, exp(-increase / T))``. The temperature falls geometrically as the budget is spent, from
    ``hot`` to ``cold`` times the instance's mean duration times its mean weight; where another
    policy has found the start (:mod:`drlapps.hybrid`), its time counts as spent. The best schedule
    of the walk is the result.

    The plan is an active schedule at least as good as the walk's own, in an order that the
    environment admits with ``delay=1``.

    Args:
        time_limit: wall seconds an instance, the rules included.
        iterations: number of steps instead of ``time_limit``, for the same answer on every
            machine.
        hot: temperature at the beginning.
        cold: temperature at the end.

    Raises:
        InputError: an option is out of range.

    References:
        Mati, Dauzère-Pérès & Lahlou 2011, "A general approach for optimizing regular criteria in
        the job-shop scheduling problem", EJOR 212(1), for the neighbourhood;
        van Laarhoven, Aarts & Lenstra 1992, "Job shop scheduling by simulated annealing",
        Operations Research 40(1).
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(
        self,
        *,
        time_limit: float = 10.0,
        iterations: int | None = None,
        hot: float = 4.0,
        cold: float = 0.5,
    ) -> None:
        if not 0.0 < cold <= hot:
            raise InputError(f"hot={hot} and cold={cold} must be positive, and hot no less")
        self.budget = Budget(time_limit, iterations)
        self.hot, self.cold = float(hot), float(cold)
        # Compile now: a time limit should not pay for it.
        jobs = [[(0, 1), (1, 1)], [(0, 1), (1, 1)]]
        tiny = DueDateShop.of(JobShop.from_jobs("tiny", jobs, due=[1, 2]))
        self._walk(tiny, np.array([[0, 2], [1, 3]]), Slices(Budget(1.0, 1), Incumbents()), 0)

    def solve(self, instance: DueDateShop, seed: int, start: Start | None = None) -> Plan:
        """Return the plan for one instance."""
        incumbents = Incumbents(start=start)
        first = plans.first_schedule(instance, start)
        incumbents.add(plans.tardiness(instance, first))
        best = self._walk(instance, first, Slices(self.budget, incumbents), seed)
        return plans.plan(instance, best, instance.certain_tardiness, incumbents)

    def _walk(self, shop: DueDateShop, start: Schedule, slices: Slices, seed: int) -> Schedule:
        """Return the best schedule of a walk that begins at ``start``."""
        s = graph.of_shops([shop])
        graph.from_starts(s, 0, start)
        row, goal = neighbourhoods.row(s, 0), _goal(shop)
        shift(row, goal, 0)
        w = walk.walk(row.before.size, np.random.default_rng([seed, 0x7A]))
        walk.begin(s, 0, row, w)
        w.counters[BEST] = tardiness(row, goal)
        unit = max(float(shop.durations.sum()) / shop.operations * shop.weights.mean(), 1e-9)
        done = 0
        while w.counters[BEST] > shop.certain_tardiness and (until := slices.until(done)) > done:
            share, slope = slices.course()
            anneal(row, w, goal, self.hot * unit, self.cold / self.hot, share, slope, until)
            done = int(w.counters[ITERATION])
            slices.clock.add(int(w.counters[BEST]))
        s.before[0], s.after[0] = w.best_before, w.best_after
        graph.evaluate(s, 0)
        shift(row, goal, 0)
        return np.array(s.heads[0].reshape(shop.durations.shape), np.int64)


class Goal(NamedTuple):
    """What the schedules of a row are judged by, and what the row itself does not know."""

    last: IntArray
    """(n,) last operation of each job."""
    due: IntArray
    """(n,) due dates."""
    weights: IntArray
    """(n,) weights."""
    machines: IntArray
    """(n*o,) machine of each operation."""
    windows: IntArray
    """(1, m, w, 2) closed windows of each machine, as in :mod:`~..job_shop.kernels`."""


def _goal(shop: DueDateShop) -> Goal:
    return Goal(
        last=np.arange(shop.jobs) * shop.durations.shape[1] + shop.lengths - 1,
        due=shop.due.astype(np.int64),
        weights=shop.weights.astype(np.int64),
        machines=shop.machines.ravel(),
        windows=_windows(shop),
    )


def _windows(shop: DueDateShop) -> IntArray:
    most = max(len(windows) for windows in shop.windows)
    found = np.full((1, shop.n_machines, most, 2), NEVER, np.int32)
    for machine, windows in enumerate(shop.windows):
        found[0, machine, : len(windows)] = np.reshape(windows, (-1, 2))
    return found


@njit(cache=True, error_model="numpy", inline="always")
def tardiness(r: Row, g: Goal) -> int:
    """Return the total weighted tardiness of the row's heads."""
    total = np.int64(0)
    for j in range(g.last.size):
        late = r.heads[g.last[j]] + r.durations[g.last[j]] - g.due[j]
        total += g.weights[j] * max(late, 0)
    return int(total)


@njit(cache=True, error_model="numpy")
def late_arc(r: Row, w: Walk, g: Goal) -> int:
    """Draw a late job and a machine arc on a path that decides when it ends.

    The path goes back from the job's last operation to the predecessor, in the job or on the
    machine, that ends later, and to either where they end together. An arc counts if its swap is
    proven to make no cycle: the operation before the second in its job, or the one after the first,
    has a duration, so that no other way from the first to the second could end as early.

    Returns:
        The second operation of the arc, or -1 if the path has none.
    """
    late, v = 0, -1
    for j in range(g.last.size):
        last = g.last[j]
        if g.weights[j] > 0 and r.heads[last] + r.durations[last] > g.due[j]:
            late += 1
            if below(w.random, late) == 0:
                v = last
    arcs, chosen = 0, -1
    while v >= 0:
        u, p = r.before[v], r.predecessor[v]
        ready = r.heads[p] + r.durations[p] if p >= 0 else r.release[v]
        free = r.heads[u] + r.durations[u] if u >= 0 else -1
        if free < ready:
            v = p
            continue
        s = r.successor[u]
        if s < 0 or p < 0 or (s != v and max(r.durations[s], r.durations[p]) > 0):
            arcs += 1
            if below(w.random, arcs) == 0:
                chosen = v
        v = p if p >= 0 and free == ready and below(w.random, 2) == 0 else u
    return chosen


@njit(cache=True, error_model="numpy", inline="always")
def exchange(r: Row, w: Walk, u: int, v: int) -> int:
    """Let ``v`` go before ``u``, its neighbour; return the first place that changed."""
    low = w.position[u]
    w.line[0], w.line[1] = v, u
    relink(r, u, v, w.line, 2)
    reorder(r, u, v, True, w.position, w.moved, w.aside)
    return int(low)


@njit(cache=True, error_model="numpy", inline="always")
def shift(r: Row, g: Goal, low: int) -> None:
    """Bring the heads up to date from a place of the topological order on."""
    calendars = g.windows.shape[2] > 0
    for place in range(low, r.operations):
        v = r.order[place]
        p, m = r.predecessor[v], r.before[v]
        head = r.heads[p] + r.durations[p] if p >= 0 else r.release[v]
        if m >= 0:
            head = max(head, r.heads[m] + r.durations[m])
        if calendars:
            head = opening(g.windows, 0, g.machines[v], head, r.durations[v])
        r.heads[v] = head


@njit(cache=True, error_model="numpy")
def anneal(
    r: Row, w: Walk, g: Goal, hot: float, ratio: float, share: float, slope: float, until: int
) -> None:
    """Anneal on to an iteration count.

    Args:
        r: views of the evaluated row.
        w: the walk, begun.
        g: due dates and weights.
        hot: temperature at the beginning, in units of the objective.
        ratio: temperature at the end over that at the beginning.
        share: share of the budget spent at iteration 0 of the count ...
        slope: ... and what each iteration adds to it.
        until: iteration at which to stop.
    """
    counters, heads, kept = w.counters, r.heads, w.begins
    value = tardiness(r, g)
    while counters[ITERATION] < until and value > 0:
        temperature = hot * ratio ** (share + slope * counters[ITERATION])
        counters[ITERATION] += 1
        v = late_arc(r, w, g)
        if v < 0:
            continue
        u = r.before[v]
        limit = value - temperature * np.log(uniform(w.random))
        kept[:] = heads
        shift(r, g, exchange(r, w, u, v))
        found = tardiness(r, g)
        if found > limit:
            exchange(r, w, v, u)
            heads[:] = kept
            continue
        value = found
        remember(r, w, value)
