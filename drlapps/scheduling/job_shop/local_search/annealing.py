"""Simulated annealing on critical arcs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit

from drlapps.errors import InputError, unknown
from drlapps.policy import ImprovingSolver, Incumbents, Plan, Start
from drlapps.scheduling.job_shop import plans
from drlapps.scheduling.job_shop.local_search import graph, neighbourhoods, walk
from drlapps.scheduling.job_shop.local_search.budget import Budget, Slices
from drlapps.scheduling.job_shop.local_search.graph import Selection, critical_path
from drlapps.scheduling.job_shop.local_search.neighbourhoods import (
    Neighbourhood,
    Row,
    critical_arcs,
    estimate,
    insertions,
    rearranged,
)
from drlapps.scheduling.job_shop.local_search.walk import (
    CHOICES,
    ITERATION,
    STUCK,
    Walk,
    below,
    bits,
    remember,
    step,
    uniform,
)
from drlapps.scheduling.job_shop.shop import JobShop

_KINDS = {kind.name.lower(): kind for kind in (Neighbourhood.N1, Neighbourhood.N5)}


class SimulatedAnnealing(ImprovingSolver):
    """Simulated annealing of the best rule's schedule, one cooling over the whole budget.

    A step draws a swap from the neighbourhood of a critical path and makes it with the probability
    ``min(1, exp(-increase / T))``. The temperature falls geometrically from ``hot`` to ``cold``
    times the mean duration of the instance as the budget is spent; where another policy has found
    the start (:mod:`drlapps.hybrid`), its time counts as spent. (Van Laarhoven et al. cool by
    the spread of the makespans seen and stop when it freezes, which fits no budget.) The best
    schedule of the walk is the result; at the elementary lower bound it ends early.

    The plan is an active schedule at least as good as the walk's own, in an order that the
    environment admits with ``delay=1``.

    Args:
        time_limit: wall seconds an instance, the rules included.
        iterations: number of steps instead of ``time_limit``, for the same answer on every
            machine.
        neighbourhood: ``n1`` (all critical arcs: an optimum can be reached from everywhere) or
            ``n5`` (the ends of critical blocks).
        hot: temperature at the beginning, in mean durations.
        cold: temperature at the end.

    Raises:
        InputError: an option is out of range.

    References:
        van Laarhoven, Aarts & Lenstra 1992, "Job shop scheduling by simulated annealing",
        Operations Research 40(1).
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(
        self,
        *,
        time_limit: float = 10.0,
        iterations: int | None = None,
        neighbourhood: str = "n1",
        hot: float = 0.5,
        cold: float = 0.02,
    ) -> None:
        if neighbourhood.lower() not in _KINDS:
            raise unknown("neighbourhood", neighbourhood, _KINDS)
        if not 0.0 < cold <= hot:
            raise InputError(f"hot={hot} and cold={cold} must be positive, and hot no less")
        self.budget = Budget(time_limit, iterations)
        self.neighbourhood = _KINDS[neighbourhood.lower()]
        self.hot, self.cold = float(hot), float(cold)
        # Compile now: a time limit should not pay for it.
        tiny = JobShop.from_jobs("tiny", [[(0, 1), (1, 1)], [(0, 1), (1, 1)]])
        self._walk(tiny, np.array([[0, 2], [1, 3]]), Slices(Budget(1.0, 1), Incumbents()), 0)

    def solve(self, instance: JobShop, seed: int, start: Start | None = None) -> Plan:
        """Return the plan for one instance."""
        plans.refuse_closed(instance, "simulated-annealing")
        incumbents = Incumbents(start=start)
        first = plans.first_schedule(instance, start)
        incumbents.add(plans.makespan(instance, first))
        best = self._walk(instance, first, Slices(self.budget, incumbents), seed)
        return plans.plan(instance, best, instance.elementary_bound, incumbents)

    def _walk(
        self, shop: JobShop, start: plans.Schedule, slices: Slices, seed: int
    ) -> plans.Schedule:
        """Return the best schedule of a walk that begins at ``start``."""
        s = graph.of_shops([shop])
        graph.from_starts(s, 0, start)
        row = neighbourhoods.row(s, 0)
        w = walk.walk(row.before.size, np.random.default_rng([seed, 0x5A]))
        walk.begin(s, 0, row, w)
        mean = max(shop.durations.sum() / shop.operations, 1e-9)
        done = 0
        while (
            w.counters[walk.BEST] > shop.elementary_bound
            and not w.counters[STUCK]
            and (until := slices.until(done)) > done
        ):
            share, slope = slices.course()
            anneal(
                s, 0, row, w, self.neighbourhood,
                self.hot * mean, self.cold / self.hot, share, slope, until,
            )  # fmt: skip
            done = int(w.counters[ITERATION])
            slices.clock.add(int(w.counters[walk.BEST]))
        s.before[0], s.after[0] = w.best_before, w.best_after
        graph.evaluate(s, 0)
        return np.array(s.heads[0].reshape(shop.durations.shape), np.int64)


@njit(cache=True, error_model="numpy")
def anneal(
    s: Selection,
    b: int,
    r: Row,
    w: Walk,
    kind: int,
    hot: float,
    ratio: float,
    share: float,
    slope: float,
    until: int,
) -> None:
    """Anneal on to an iteration count.

    Args:
        s: the batch.
        b: the row.
        r: its views.
        w: the walk, begun.
        kind: the :class:`~.neighbourhoods.Neighbourhood`: N1 or N5.
        hot: temperature at the beginning, in time units.
        ratio: temperature at the end over that at the beginning.
        share: share of the budget spent at iteration 0 of the count ...
        slope: ... and what each iteration adds to it.
        until: iteration at which to stop.
    """
    counters = w.counters
    while counters[ITERATION] < until and counters[STUCK] == 0:
        if counters[CHOICES] == 0:
            size = critical_path(s, b, w.path, bits(w.random))
            if kind == Neighbourhood.N1:
                counters[CHOICES] = critical_arcs(r, w.path, size, w.moves)
            else:
                counters[CHOICES] = insertions(r, w.path, size, kind, w.moves)
            if counters[CHOICES] == 0:
                counters[STUCK] = 1
                break
        temperature = hot * ratio ** (share + slope * counters[ITERATION])
        counters[ITERATION] += 1
        chosen = below(w.random, counters[CHOICES])
        u, v = w.moves[chosen, 0], w.moves[chosen, 1]
        makespan = s.makespan[b]
        # Metropolis's rule, the draw first: a swap whose own longest path is beyond the limit
        # need not be made to be refused.
        limit = makespan - temperature * np.log(uniform(w.random))
        length = rearranged(r, u, v, True, w.line)
        if estimate(r, u, v, w.line, length, w.begins) > limit:
            continue
        s.makespan[b] = step(r, w, u, v, True, length)
        if s.makespan[b] > limit:
            w.line[0], w.line[1] = u, v
            s.makespan[b] = step(r, w, v, u, True, length)
            continue
        counters[CHOICES] = 0
        remember(r, w, s.makespan[b])
