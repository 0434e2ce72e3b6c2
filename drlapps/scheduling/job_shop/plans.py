"""Schedules as the solvers handle them: where they start from, and how they become plans.

A *schedule* here is the table of start times of all operations, shape ``(n, m)`` like the
instance's durations; entries beyond a job's length mean nothing.

References:
    Giffler & Thompson 1960, "Algorithms for solving production-scheduling problems", Operations
    Research 8(4);
    Kolisch 1996, "Serial and parallel resource-constrained project scheduling methods revisited",
    European Journal of Operational Research 90(2).
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.policy import Incumbents, Plan, Start
from drlapps.scheduling.job_shop.calendars import earliest_start
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.rules import (
    FirstInFirstOut,
    FlowDueDatePerWorkRemaining,
    LeastOperationsRemaining,
    LeastWorkRemaining,
    LongestProcessingTime,
    MostOperationsRemaining,
    MostWorkRemaining,
    Rule,
    ShortestProcessingTime,
)
from drlapps.scheduling.job_shop.shop import JobShop

Schedule = NDArray[np.int64]

RULES = (
    FlowDueDatePerWorkRemaining,
    MostWorkRemaining,
    MostOperationsRemaining,
    ShortestProcessingTime,
    FirstInFirstOut,
    LongestProcessingTime,
    LeastWorkRemaining,
    LeastOperationsRemaining,
)
"""The rules that draw nothing at random; of equally good ones the first counts."""


def refuse_closed(shop: JobShop, method: str) -> None:
    """Refuse a shop with closed machines, for methods whose model has no place for them.

    Args:
        shop: the problem.
        method: its name.

    Raises:
        InputError: it has closed windows.
    """
    if shop.closed.size:
        raise InputError(
            f"{method} cannot plan {shop.name}, whose machines are closed at times; cp-sat, "
            "large-neighbourhood, the dispatching rules and the agents can"
        )


def best_rule_schedule(shop: JobShop) -> Schedule:
    """Return the best of the non-delay schedules that the rules of :data:`RULES` build.

    Each rule has a row of one batch, so it takes 10 ms for 15x15 and 0.2 s for 100x20.
    """
    rules = [rule() for rule in RULES]
    env = JobShopEnv(len(rules), [shop], autoreset_mode=AutoresetMode.DISABLED)
    return best_schedule(env, rules, shop, "makespan")


def best_schedule(env: JobShopEnv, rules: Sequence[Rule], shop: JobShop, metric: str) -> Schedule:
    """Return the schedule of the rule that does best; of equally good ones the first counts.

    Args:
        env: a batch with a row for each rule, its autoreset disabled.
        rules: who schedules.
        shop: the problem.
        metric: what is to be small.
    """
    env.reset(seed=0, options={"instances": [shop] * len(rules)})
    for _ in range(shop.operations):
        ranks = np.stack([rule.rank(env)[row] for row, rule in enumerate(rules)])
        env.step(np.where(env.action_masks(), ranks, np.inf).argmin(axis=1))
    best = min(range(len(rules)), key=lambda row: env.metrics(row)[metric])
    return np.array(env.starts[best], np.int64)


def first_schedule(shop: JobShop, start: Start | None) -> Schedule:
    """Return the schedule that another policy has found, or else the best of the rules'."""
    if start is None:
        return best_rule_schedule(shop)
    found = np.zeros(shop.durations.shape, np.int64)
    for job, times in enumerate(start.solution["start"]):
        found[job, : len(times)] = times
    return found


def makespan(shop: JobShop, starts: Schedule) -> int:
    """Return the end of the schedule's last operation."""
    return int(shop.ends(starts).max())


def tails(shop: JobShop) -> Schedule:
    """Return the least time from the start of each operation to the end of its job."""
    return shop.durations[:, ::-1].astype(np.int64).cumsum(axis=1)[:, ::-1]


def left_shifted(shop: JobShop, starts: Schedule) -> Schedule:
    """Return an active schedule in which no operation starts later than in the given one.

    The operations are inserted in order of their start, each into the first gap of its machine's
    open time that holds it (the serial schedule generation scheme, Kolisch 1996).

    Args:
        shop: the problem.
        starts: a feasible schedule, or one that is so up to rounding: only its order is used.
    """
    exists = np.arange(starts.shape[1]) < shop.lengths[:, None]
    job, place = np.nonzero(exists)
    ends = starts + shop.durations
    # Of two operations that start together on a machine, the one without duration goes first.
    order = np.lexsort((place, job, ends[exists], starts[exists]))
    shifted = np.zeros(starts.shape, np.int64)
    step = [0] * shop.jobs
    ready = shop.release.tolist()
    busy = [list(windows) for windows in shop.windows]
    for j in job[order].tolist():
        k = step[j]
        duration = int(shop.durations[j, k])
        held = busy[shop.machines[j, k]]
        begin = ready[j]
        for start, end in held:
            if begin + duration <= start:
                break
            begin = max(begin, end)
        insort(held, (begin, begin + duration))
        shifted[j, k] = begin
        ready[j] = begin + duration
        step[j] = k + 1
    return shifted


def dispatch_order(shop: JobShop, starts: Schedule) -> NDArray[np.int64]:
    """Return the jobs to dispatch, one an operation, that rebuild a schedule or a better one.

    The schedule is made active (:func:`left_shifted`) and its operations are named in the order
    in which the scheme of Giffler and Thompson comes to them. So every action is one that the
    environment admits with ``delay=1``, and appending each operation at its earliest start gives
    the active schedule exactly: no operation starts later than in ``starts``.
    """
    starts = left_shifted(shop, starts)
    ends = starts + shop.durations
    jobs = np.arange(shop.jobs)
    step = np.zeros(shop.jobs, np.int64)
    job_ready = shop.release.astype(np.int64)
    machine_ready = np.zeros(shop.n_machines, np.int64)
    actions = np.empty(shop.operations, np.int64)
    for t in range(len(actions)):
        k = np.minimum(step, shop.lengths - 1)
        machines = shop.machines[jobs, k]
        durations = shop.durations[jobs, k]
        begins = np.maximum(job_ready, machine_ready[machines])
        if shop.closed.size:
            waiting = zip(machines.tolist(), begins.tolist(), durations.tolist(), strict=True)
            begins = np.array([earliest_start(shop.windows[i], *rest) for i, *rest in waiting])
        completes = begins + durations
        unfinished = np.flatnonzero(step < shop.lengths)
        chosen = machines[unfinished[completes[unfinished].argmin()]]
        here = unfinished[machines[unfinished] == chosen]
        j = here[np.lexsort((ends[here, k[here]], starts[here, k[here]]))[0]]
        actions[t] = j
        step[j] += 1
        job_ready[j] = machine_ready[chosen] = completes[j]
    return actions


def plan(
    shop: Any,
    starts: Schedule,
    bound: int,
    incumbents: Incumbents,
    value: Callable[[Any, Schedule], int] = makespan,
) -> Plan:
    """Return a solver's answer, made active: optimal if it meets the bound, else feasible.

    Args:
        shop: the problem.
        starts: the best schedule that the solver found.
        bound: the best lower bound on its value that it proved.
        incumbents: its improvements so far.
        value: what a schedule of the shop is judged by.
    """
    starts = left_shifted(shop, starts)
    reached = value(shop, starts)
    incumbents.add(reached)
    return Plan(
        status="optimal" if reached <= bound else "feasible",
        bound=float(bound),
        incumbents=incumbents.log(),
        actions=dispatch_order(shop, starts),
    )
