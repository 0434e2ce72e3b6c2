"""The time-indexed mixed-integer program, in Pyomo, solved by HiGHS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.list_scheduling import harms
from drlapps.energy.crew_restoration.local_search import search
from drlapps.energy.grid.feeder import Floats, Ints
from drlapps.errors import InputError
from drlapps.policy import Incumbents, Plan, Solver

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

_LARGEST_SEED = 2**31 - 1
_MINUTES = 60
_MOST_STEPS = 240
"""Time steps of a model; beyond them a step covers more and repair times are rounded down."""
_MOST_WAYS = 3_000
"""Ways to feed the blocks, all together; beyond them no model is built."""

Way = frozenset[int]
"""Lines whose repair suffices to feed a block."""


class TimeIndexed(Solver):
    """Tan et al.'s time-indexed program, from the best list that a short local search finds.

    Time has steps of the length that divides all repair times. With ``x_lt = 1`` if the repair of
    line ``l`` starts at ``t``, ``z_bt = 1`` if block ``b`` is energised by ``t``, ``y_kt`` the same
    by way ``k`` (a least set of lines that joins the block to the source), and ``T`` by which every
    list schedule ends::

        min  sum_b w_b sum_t (1 - z_bt)
        s.t. sum_t x_lt = 1                                  for each line
             sum_l sum_{t - p_l < s <= t} x_ls <= m          at each t
             z_bt <= sum_{k feeds b} y_kt
             y_kt <= sum_{s <= t - p_l} x_ls                 for each line l on way k

    Without ties each block has one way and the program is exact. With switching blocks have one for
    each chain of ties, whose limits the program ignores; with travel each repair takes at least the
    shortest way there longer, and time is cut into at most 240 steps. Then it is a relaxation: its
    bound is valid, and its order of starts, played as a list, competes with the list from which it
    started. Networks with very many ways get that list and no bound.

    Args:
        time_limit: wall seconds an instance, building the model included.
        workers: threads of the search.

    Raises:
        InputError: an option is out of range.
    """

    def __init__(self, *, time_limit: float = 30.0, workers: int = 1) -> None:
        for name, value in {"time_limit": time_limit, "workers": workers}.items():
            if not value > 0:
                raise InputError(f"{name} must be positive, not {value}")
        self.time_limit = float(time_limit)
        self.workers = int(workers)

    def solve(self, instance: Damage, seed: int) -> Plan:
        """Return the plan for one instance; a keyboard interrupt ends the search at once."""
        incumbents = Incumbents()
        order = search(instance, 1, seed, incumbents)
        ways = feeding_ways(instance)
        if ways is None:
            return Plan(status="feasible", incumbents=incumbents.log(), actions=order)
        grid = Grid.of(instance)
        model = _model(instance, grid, ways, order)
        options = {"threads": self.workers, "random_seed": seed % _LARGEST_SEED}
        starts, bound = _search(model, self.time_limit, options, incumbents)
        lists = [order]
        if starts is not None:
            lists.append(np.lexsort((np.argsort(order), starts)))
        found = harms(instance, np.array(lists))
        best = int(found.argmin())
        incumbents.add(float(found[best]))
        optimal = found[best] <= bound * (1.0 + 1e-6)
        return Plan(
            status="optimal" if optimal else "feasible",
            # A hair's breadth of the solver's tolerance must not make the bound exceed the harm.
            bound=min(bound, float(found[best])),
            incumbents=incumbents.log(),
            actions=lists[best],
        )


@dataclass(frozen=True)
class Grid:
    """How time is cut into steps.

    Attributes:
        step: length of a step in hours.
        durations: steps that each line takes a crew, rounded down, (d,).
        steps: number of steps by which every list schedule has ended.
    """

    step: float
    durations: Ints
    steps: int

    @classmethod
    def of(cls, instance: Damage) -> Grid:
        """Return the finest grid that has not too many steps."""
        travel = instance.travel_hours + np.diag(np.full(len(instance.lines) + 1, np.inf))
        shortest = np.where(instance.travels, travel[:, 1:].min(axis=0), 0.0)
        exact = (np.array(instance.hours) + shortest) * _MINUTES
        minutes = np.floor(exact + 1e-6).astype(np.int64)
        step = max(reduce(math.gcd, minutes.tolist()), 1)
        horizon = _list_horizon(exact, instance.crews)
        step = max(step, math.ceil(horizon / _MOST_STEPS))
        durations = minutes // step
        return cls(step / _MINUTES, durations, math.ceil(_list_horizon(durations, instance.crews)))


def _list_horizon(durations: Floats | Ints, crews: int) -> float:
    """Return when every list schedule without travel has ended."""
    # While the last line to end waits, all crews work on others.
    longest = float(durations.max())
    return (float(durations.sum()) - longest) / crews + longest


def feeding_ways(instance: Damage) -> list[list[Way]] | None:
    """Return the least sets of lines that join each block to the source, limits ignored.

    Ties join blocks for good, so what is left are the simple paths of lines among groups of blocks.

    Returns:
        The ways of each block (d + 1,); ``None`` if they are too many.
    """
    blocks = instance.blocks
    group = list(range(len(blocks.weight)))
    for a, b in blocks.tie_ends:
        old, new = group[a], group[b]
        group = [new if g == old else g for g in group]
    ends = [(group[up], group[line + 1]) for line, up in enumerate(blocks.upper)]
    ways: dict[int, set[Way]] = {g: set() for g in group}
    ways[group[0]] = {frozenset()}
    fresh: list[tuple[int, Way]] = [(group[0], frozenset())]
    while fresh:
        here, way = fresh.pop(0)
        if way not in ways[here]:
            continue
        for line, (a, b) in enumerate(ends):
            if line in way or here not in (a, b):
                continue
            there, longer = (b if here == a else a), way | {line}
            if any(other <= longer for other in ways[there]):
                continue
            ways[there] = {w for w in ways[there] if not longer <= w} | {longer}
            fresh.append((there, longer))
            if sum(map(len, ways.values())) > _MOST_WAYS:
                return None
    return [sorted(ways[g], key=sorted) for g in group]


def _model(instance: Damage, grid: Grid, ways: list[list[Way]], order: Ints) -> ConcreteModel:
    """Return the program, its starts set to those of the list."""
    from pyomo.environ import (
        Binary,
        ConcreteModel,
        Constraint,
        Objective,
        RangeSet,
        UnitInterval,
        Var,
    )

    duration = grid.durations.tolist()
    weight = instance.blocks.weight.tolist()
    lines = range(len(duration))
    fed = [b for b in range(1, len(weight)) if weight[b] > 0 and frozenset() not in ways[b]]
    pairs = [(b, k) for b in fed for k in range(len(ways[b]))]
    model = ConcreteModel()
    model.times = RangeSet(0, grid.steps)
    starts = [(line, t) for line in lines for t in range(grid.steps - duration[line] + 1)]
    model.start = Var(starts, domain=Binary)
    model.done = Var(lines, model.times, domain=UnitInterval)
    model.fed = Var(fed, model.times, domain=UnitInterval)
    model.way = Var(pairs, model.times, domain=UnitInterval)

    def once(_: Any, line: int) -> Any:
        return sum(model.start[line, t] for t in range(grid.steps - duration[line] + 1)) == 1

    def done(_: Any, line: int, t: int) -> Any:
        begun = t - duration[line]
        if begun < 0:
            return model.done[line, t] == 0
        before = model.done[line, t - 1] if t > 0 else 0
        return model.done[line, t] == before + model.start[line, begun]

    def crews(_: Any, t: int) -> Any:
        busy = [
            model.start[line, s]
            for line in lines
            for s in range(max(t - duration[line] + 1, 0), t + 1)
            if (line, s) in model.start
        ]
        return sum(busy) <= instance.crews if len(busy) > instance.crews else Constraint.Skip

    def feeds(_: Any, block: int, t: int) -> Any:
        return model.fed[block, t] <= sum(model.way[block, k, t] for k in range(len(ways[block])))

    model.once = Constraint(lines, rule=once)
    model.completion = Constraint(lines, model.times, rule=done)
    model.crews = Constraint(model.times, rule=crews)
    model.feeds = Constraint(fed, model.times, rule=feeds)
    needs = [(b, k, line) for b, k in pairs for line in sorted(ways[b][k])]
    model.repaired = Constraint(
        needs,
        model.times,
        rule=lambda _, b, k, line, t: model.way[b, k, t] <= model.done[line, t],
    )
    model.harm = Objective(
        expr=sum(
            grid.step * weight[b] * (1 - model.fed[b, t]) for b in fed for t in range(grid.steps)
        )
    )
    _set_starts(model, grid, instance.crews, order)
    return model


def _set_starts(model: ConcreteModel, grid: Grid, crews: int, order: Ints) -> None:
    """Set the starts to those of a list schedule without travel."""
    free = [0] * crews
    chosen = set()
    for line in order.tolist():
        crew = free.index(min(free))
        chosen.add((line, free[crew]))
        free[crew] += int(grid.durations[line])
    for index, start in model.start.items():
        start.set_value(int(index in chosen))


def _search(
    model: ConcreteModel,
    time_limit: float,
    options: Mapping[str, object],
    incumbents: Incumbents,
) -> tuple[Floats | None, float]:
    """Run HiGHS from the model's values.

    Returns:
        The step in which each line starts (d,), or ``None`` if it found none, and its lower bound.
    """
    if incumbents.seconds() >= time_limit:
        return None, 0.0
    import highspy
    from pyomo.contrib.appsi.solvers import Highs

    # Threads are fixed for the whole process by the first solve unless its scheduler goes.
    highspy.Highs.resetGlobalScheduler(True)
    solver = Highs()
    solver.set_instance(model)
    # Pyomo offers no callbacks: this is its HiGHS object.
    highs = solver._solver_model
    solver.highs_options = {"log_to_console": False, **options}
    solver.config.load_solution = False
    solver.config.warmstart = True
    solver.config.mip_gap = 1e-7
    solver.config.time_limit = max(time_limit - incumbents.seconds(), 0.0)
    results = solver.solve(model)
    if highs.getModelStatus() == highspy.HighsModelStatus.kInterrupt:
        raise KeyboardInterrupt
    bound = results.best_objective_bound
    proven = max(float(bound), 0.0) if bound is not None and math.isfinite(bound) else 0.0
    if results.best_feasible_objective is None:
        return None, proven
    primals = solver.get_primals(list(model.start.values()))
    starts = np.zeros(1 + max(line for line, _ in model.start))
    for (line, t), start in model.start.items():
        starts[line] += t * primals[start]
    return starts, proven
