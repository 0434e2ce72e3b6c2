"""The shifting bottleneck procedure."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit

from drlapps.errors import InputError
from drlapps.policy import Incumbents, Plan, Solver
from drlapps.scheduling.job_shop import plans
from drlapps.scheduling.job_shop.local_search import graph
from drlapps.scheduling.job_shop.local_search.graph import IntArray, Selection, evaluate
from drlapps.scheduling.job_shop.local_search.one_machine import NONE, sequence
from drlapps.scheduling.job_shop.shop import JobShop


class ShiftingBottleneck(Solver):
    """Order one machine after the other, the bottleneck first; re-order the others after each.

    Of the machines not yet ordered, each is a problem of its own with heads and tails from what is
    ordered (:mod:`.one_machine`); the one of the greatest optimum is the bottleneck and takes its
    order. Then each ordered machine is freed and ordered again, worst first, ``cycles`` times or
    until nothing improves; once all are ordered, until nothing improves. It starts from nothing
    and draws nothing: equal shops have equal answers, unless the time runs out.

    The plan is an active schedule at least as good as the procedure's own, in an order that the
    environment admits with ``delay=1``.

    Args:
        time_limit: wall seconds an instance; then the machines left take the order of Schrage's
            rule.
        cycles: rounds of re-ordering after each machine but the last.
        nodes: nodes after which a one-machine problem counts as solved.

    Raises:
        InputError: an option is out of range.

    References:
        Adams, Balas & Zawack 1988, "The shifting bottleneck procedure for job shop scheduling",
        Management Science 34(3);
        Balas, Lenstra & Vazacopoulos 1995, "The one-machine problem with delayed precedence
        constraints and its use in job shop scheduling", Management Science 41(1).
    """

    environment: Mapping[str, object] = {"delay": 1.0, "skip_forced": False}

    def __init__(self, *, time_limit: float = 10.0, cycles: int = 3, nodes: int = 1000) -> None:
        for name, value in {"time_limit": time_limit, "nodes": nodes}.items():
            if not value > 0:
                raise InputError(f"{name} must be positive, not {value}")
        if cycles < 0:
            raise InputError(f"cycles must not be negative, but is {cycles}")
        self.time_limit = float(time_limit)
        self.cycles = int(cycles)
        self.nodes = int(nodes)
        # Compile now: a time limit should not pay for it.
        tiny = _Partial(JobShop.from_jobs("tiny", [[(0, 1), (1, 1)], [(0, 1), (1, 1)]]))
        tiny.order(0, nodes=1)
        tiny.free(0)

    def solve(self, instance: JobShop, seed: int) -> Plan:
        """Return the plan for one instance."""
        plans.refuse_closed(instance, "shifting-bottleneck")
        incumbents = Incumbents()
        partial = _Partial(instance)
        waiting = [int(machine) for machine in np.unique(partial.machines)]
        ordered: dict[int, int] = {}
        while waiting:
            nodes = self._nodes(incumbents)
            values = {machine: partial.solve(machine, nodes)[0] for machine in waiting}
            bottleneck = max(waiting, key=lambda machine: values[machine])
            waiting.remove(bottleneck)
            ordered[bottleneck] = partial.order(bottleneck, nodes)
            if not waiting:
                incumbents.add(partial.makespan)
            self._reoptimise(partial, ordered, self.cycles if waiting else None, incumbents)
        return plans.plan(instance, partial.schedule(), instance.elementary_bound, incumbents)

    def _nodes(self, clock: Incumbents) -> int:
        return self.nodes if clock.seconds() < self.time_limit else 1

    def _reoptimise(
        self, partial: _Partial, ordered: dict[int, int], cycles: int | None, clock: Incumbents
    ) -> None:
        """Free and order again each ordered machine, so many times or until it no longer helps."""
        before = partial.makespan + 1
        while partial.makespan < before and cycles != 0 and len(ordered) > 1:
            before = partial.makespan
            for machine in sorted(ordered, key=lambda machine: -ordered[machine]):
                if clock.seconds() >= self.time_limit:
                    return
                ordered[machine] = partial.improve(machine, self.nodes)
            if cycles is None:
                clock.add(partial.makespan)
            else:
                cycles -= 1


class _Partial:
    """A shop of which some machines are ordered."""

    def __init__(self, shop: JobShop) -> None:
        self.shop = shop
        self.s = graph.of_shops([shop])
        exists = np.arange(shop.durations.shape[1]) < shop.lengths[:, None]
        flat = np.where(exists, shop.machines, -1).ravel()
        self.machines = np.unique(flat[flat >= 0])
        self.members = {int(m): np.flatnonzero(flat == m).astype(np.int32) for m in self.machines}
        evaluate(self.s, 0)

    @property
    def makespan(self) -> int:
        """The longest path with the orders fixed so far."""
        return int(self.s.makespan[0])

    def solve(self, machine: int, nodes: int) -> tuple[int, IntArray]:
        """Return the optimum of a machine that is not ordered, and its operations in order."""
        value, line = solve_machine(self.s, 0, self.members[machine], nodes)
        return int(value), line

    def order(self, machine: int, nodes: int) -> int:
        """Order a machine; return the optimum of its problem."""
        value, line = self.solve(machine, nodes)
        set_order(self.s, 0, line)
        return value

    def free(self, machine: int) -> IntArray:
        """Undo the order of a machine and return it."""
        members = self.members[machine]
        position = np.empty(self.s.order.shape[1], np.int64)
        position[self.s.order[0, : self.shop.operations]] = np.arange(self.shop.operations)
        line = members[position[members].argsort()]
        clear_order(self.s, 0, members)
        return line

    def improve(self, machine: int, nodes: int) -> int:
        """Order a machine again, unless that is worse; return the optimum of its problem."""
        before = self.makespan
        line = self.free(machine)
        value = self.order(machine, nodes)
        if self.makespan > before:
            clear_order(self.s, 0, self.members[machine])
            set_order(self.s, 0, line)
        return value

    def schedule(self) -> plans.Schedule:
        """Return the start times."""
        return np.array(self.s.heads[0].reshape(self.shop.durations.shape), np.int64)


@njit(cache=True, error_model="numpy")
def set_order(s: Selection, b: int, line: IntArray) -> None:
    """Put the operations of a machine in the given order, and evaluate."""
    for i in range(line.size):
        s.before[b, line[i]] = line[i - 1] if i > 0 else -1
        s.after[b, line[i]] = line[i + 1] if i + 1 < line.size else -1
    evaluate(s, b)


@njit(cache=True, error_model="numpy")
def clear_order(s: Selection, b: int, members: IntArray) -> None:
    """Take the operations of a machine out of any order, and evaluate."""
    for v in members:
        s.before[b, v] = s.after[b, v] = -1
    evaluate(s, b)


@njit(cache=True, error_model="numpy")
def solve_machine(s: Selection, b: int, members: IntArray, nodes: int) -> tuple[int, IntArray]:
    """Solve the problem of a machine whose operations are not ordered.

    Returns:
        The longest path through the machine, and its operations in order.
    """
    heads = s.heads[b][members].astype(np.int64)
    durations = s.durations[b].ravel()[members].astype(np.int64)
    tails = s.tails[b][members].astype(np.int64)
    value, order, _ = sequence(heads, durations, tails, lags(s, b, members), nodes)
    return value, members[order]


@njit(cache=True, error_model="numpy")
def lags(s: Selection, b: int, members: IntArray) -> IntArray:
    """Return the longest paths between operations, start to start, where there are any."""
    durations, successor, after = s.durations[b].ravel(), s.successor[b], s.after[b]
    n = members.size
    found = np.full((n, n), NONE, np.int64)
    place = np.empty(durations.size, np.int64)
    for k in range(s.operations[b]):
        place[s.order[b, k]] = k
    for i in range(n):
        reached = np.full(durations.size, NONE, np.int64)
        reached[members[i]] = 0
        for k in range(place[members[i]], s.operations[b]):
            v = s.order[b, k]
            if reached[v] < 0:
                continue
            for w in (successor[v], after[v]):
                if w >= 0:
                    reached[w] = max(reached[w], reached[v] + durations[v])
        for j in range(n):
            if j != i:
                found[i, j] = reached[members[j]]
    return found
