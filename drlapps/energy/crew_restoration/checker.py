"""An independent check of a repair plan, from who repairs what when and from switch positions.

The solution is that of :meth:`.environment.CrewRestorationEnv.solution`. Nothing here is shared
with the environment but the AC power flow, by which the limits are defined; what is energised is
found by a search of its own over the bare feeder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from drlapps.energy.crew_restoration.damage import Damage

_TOLERANCE = 1e-6


def check(instance: Damage, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics of a solution.

    Args:
        instance: the problem.
        solution: ``{"repairs": [...], "positions": [...]}``.

    Returns:
        ``harm``, ``mean_outage_h``, ``makespan_h`` and ``switch_operations``, infinite for a
        malformed solution, and ``feasible``: 1 if every constraint is kept, else 0.
    """
    names = ("harm", "mean_outage_h", "makespan_h", "switch_operations")
    try:
        repairs = {str(repair["line"]): repair for repair in solution["repairs"]}
        if len(repairs) < len(solution["repairs"]) or set(repairs) != set(instance.line_names):
            return dict.fromkeys(names, math.inf) | {"feasible": 0.0}
        harm, operations = _unserved(instance, solution["positions"])
        makespan = max(float(repair["end"]) for repair in repairs.values())
        feasible = not violations(instance, solution)
    except (KeyError, TypeError, ValueError):
        return dict.fromkeys(names, math.inf) | {"feasible": 0.0}
    cut_off = _dark_load(instance, {})
    mean = harm / cut_off if cut_off > 0 else 0.0
    return dict(zip(names, (harm, mean, makespan, operations), strict=True)) | {
        "feasible": float(feasible)
    }


def violations(instance: Damage, solution: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each constraint that a well-formed solution breaks."""
    return [
        *_schedule_violations(instance, solution["repairs"]),
        *_switching_violations(instance, solution),
    ]


def _schedule_violations(instance: Damage, repairs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Check the crews: their number, their ways, and how long they stay."""
    found = []
    hours = dict(zip(instance.line_names, instance.hours, strict=True))
    place = {name: i for i, name in enumerate(instance.line_names, 1)}
    ways: dict[int, list[Mapping[str, Any]]] = {}
    for repair in repairs:
        ways.setdefault(int(repair["crew"]), []).append(repair)
        if abs(repair["end"] - repair["start"] - hours[repair["line"]]) > _TOLERANCE:
            found.append(f"line {repair['line']} is not repaired in its {hours[repair['line']]} h")
    if not set(ways) <= set(range(1, instance.crews + 1)):
        found.append(f"crews {sorted(ways)} work, but there are {instance.crews}")
    for crew, way in ways.items():
        here, free = 0, 0.0
        for repair in sorted(way, key=lambda one: (one["start"], one["end"])):
            there = place[repair["line"]]
            arrival = free + (instance.travel[here][there] if instance.travel else 0.0)
            if repair["start"] < arrival - _TOLERANCE:
                found.append(
                    f"crew {crew} starts line {repair['line']} at {repair['start']} h, but cannot "
                    f"be there before {arrival} h"
                )
            here, free = there, repair["end"]
    return found


def _switching_violations(instance: Damage, solution: Mapping[str, Any]) -> list[str]:
    """Check the switches: only what is repaired or a tie, no loops, and the limits."""
    from drlapps.energy.grid.power_flow import power_flow

    found = []
    feeder = instance.feeder
    damaged = {repair["line"]: repair["end"] for repair in solution["repairs"]}
    rating = np.array([branch.rating_a for branch in feeder.branches])
    for step, positions in _history(instance, solution["positions"]):
        time = step["time"]
        for name in step["closed"]:
            branch = feeder.branches[feeder.branch_index[name]]
            if name in damaged and time < damaged[name] - _TOLERANCE:
                found.append(f"line {name} is closed at {time} h, before it is repaired")
            elif name not in damaged and not (
                instance.switching and branch.switchable and not branch.closed
            ):
                found.append(f"branch {name} cannot be closed")
        for name in step["opened"]:
            if name not in damaged and feeder.branches[feeder.branch_index[name]].closed:
                found.append(f"branch {name} cannot be opened")
        flow = power_flow(feeder, np.array([positions[b.name] for b in feeder.branches]))
        if flow.loops:
            found.append(f"what is energised at {time} h is no tree")
        elif any(positions[b.name] for b in feeder.branches if not b.closed):
            low = not flow.converged or flow.min_voltage < instance.min_voltage - _TOLERANCE
            if low or (np.abs(flow.current_a) > rating * (1 + _TOLERANCE)).any():
                found.append(f"a limit is not kept at {time} h")
    return found


def _unserved(instance: Damage, steps: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Return the weighted energy not served in kWh, and the number of tie operations."""
    normal = {branch.name: branch.closed for branch in instance.feeder.branches}
    times, dark, operations = [0.0], [_dark_load(instance, {})], 0
    for step, positions in _history(instance, steps):
        times.append(float(step["time"]))
        dark.append(_dark_load(instance, positions))
        operations += sum(not normal[name] for name in (*step["closed"], *step["opened"]))
    unserved = sum(load * (b - a) for load, (a, b) in zip(dark, pairwise(times), strict=False))
    # What is never energised again costs without end.
    return math.inf if dark[-1] > 0 else unserved, float(operations)


def _history(
    instance: Damage, steps: Sequence[Mapping[str, Any]]
) -> list[tuple[Mapping[str, Any], dict[str, bool]]]:
    """Return each step with the positions of all branches after it."""
    branches = instance.feeder.branches
    positions = {branch.name: branch.closed for branch in branches}
    positions.update(dict.fromkeys(instance.line_names, False))
    found = []
    for step in sorted(steps, key=lambda one: one["time"]):
        positions.update(dict.fromkeys(step["closed"], True))
        positions.update(dict.fromkeys(step["opened"], False))
        found.append((step, dict(positions)))
    return found


def _dark_load(instance: Damage, positions: Mapping[str, bool]) -> float:
    """Return the weighted load that the source does not reach; all damage open by default."""
    feeder = instance.feeder
    damaged = set(instance.line_names)
    neighbours: dict[str, list[str]] = {bus.name: [] for bus in feeder.buses}
    for branch in feeder.branches:
        if positions.get(branch.name, branch.closed and branch.name not in damaged):
            neighbours[branch.from_bus].append(branch.to_bus)
            neighbours[branch.to_bus].append(branch.from_bus)
    reached, ahead = {feeder.source}, [feeder.source]
    while ahead:
        for other in neighbours[ahead.pop()]:
            if other not in reached:
                reached.add(other)
                ahead.append(other)
    return sum(bus.weight * bus.p_kw for bus in feeder.buses if bus.name not in reached)
