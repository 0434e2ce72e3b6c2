"""An independent check of job-shop schedules, from nothing but their start times.

A solution is ``{"start": [[...], ...]}``: for each job the start times of its operations, in time
units. This module shares no code with the environment and uses only plain Python numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from numbers import Integral
from typing import NamedTuple

from drlapps.scheduling.job_shop.shop import JobShop


class _Operation(NamedTuple):
    """An operation with its time on the machine; sorts by that time."""

    start: int
    end: int
    job: int
    place: int

    def __str__(self) -> str:
        return f"operation {self.place} of job {self.job}"


def check(instance: JobShop, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of a solution.

    Args:
        instance: the problem.
        solution: ``{"start": ...}`` as the module describes.

    Returns:
        ``makespan``: the latest end of an operation, infinite if start times are missing.
        ``feasible``: 1 if the schedule keeps every constraint, else 0.
        ``weighted_tardiness``: where the instance has due dates, the sum over the jobs of weight
            times how late the job ends, infinite if start times are missing.
        ``late_jobs``: where it has due dates, how many jobs end late; all if start times are
            missing.
    """
    dues, weights = instance.due.tolist(), instance.weights.tolist()
    if _defects(instance, solution):
        found = {"makespan": float("inf"), "feasible": 0.0}
        if dues:
            found |= {"weighted_tardiness": float("inf"), "late_jobs": float(len(dues))}
        return found
    jobs = _schedule(instance, solution)
    makespan = max(operation.end for job in jobs for operation in job)
    found = {"makespan": float(makespan), "feasible": float(not _conflicts(instance, jobs))}
    if dues:
        late = [max(job[-1].end - due, 0) for job, due in zip(jobs, dues, strict=True)]
        cost = sum(weight * time for weight, time in zip(weights, late, strict=True))
        found["weighted_tardiness"] = float(cost)
        found["late_jobs"] = float(sum(time > 0 for time in late))
    return found


def violations(instance: JobShop, solution: Mapping[str, object]) -> list[str]:
    """Return a sentence for each constraint that a solution breaks; none if it is feasible.

    The constraints: every operation has a start time, a whole number; no job starts before its
    release; no operation starts before its predecessor in the job ends; of two operations on a
    machine one ends before the other starts (so one without duration may stand at the ends of
    another, but not inside it); and likewise of an operation and a window in which its machine is
    closed.
    """
    defects = _defects(instance, solution)
    return defects or _conflicts(instance, _schedule(instance, solution))


def _defects(instance: JobShop, solution: Mapping[str, object]) -> list[str]:
    """Return what keeps the solution from being a table of start times."""
    table = solution.get("start")
    if not isinstance(table, list | tuple):
        return ["the solution has no table of start times under 'start'"]
    lengths = instance.lengths.tolist()
    if len(table) != len(lengths):
        return [f"the solution has start times for {len(table)} jobs, the instance {len(lengths)}"]
    found = []
    for job, (row, length) in enumerate(zip(table, lengths, strict=True)):
        if not isinstance(row, list | tuple) or len(row) != length:
            count = len(row) if isinstance(row, list | tuple) else "no"
            found.append(f"job {job} has {count} start times for {length} operations")
            continue
        found += [
            f"the start {start!r} of operation {place} of job {job} is not a whole number"
            for place, start in enumerate(row)
            if not isinstance(start, Integral) or isinstance(start, bool)
        ]
    return found


def _schedule(instance: JobShop, solution: Mapping[str, object]) -> list[list[_Operation]]:
    """Return the operations of each job; the solution must be without defects."""
    table = solution["start"]
    assert isinstance(table, list | tuple)
    return [
        [
            _Operation(int(start), int(start) + duration, job, place)
            for place, (start, duration) in enumerate(zip(row, durations, strict=False))
        ]
        for job, (row, durations) in enumerate(zip(table, instance.durations.tolist(), strict=True))
    ]


def _conflicts(instance: JobShop, jobs: list[list[_Operation]]) -> list[str]:
    """Return the broken constraints of a complete schedule."""
    found = []
    machines: dict[int, list[_Operation]] = {}
    routes, releases = instance.machines.tolist(), instance.release.tolist()
    for operations, route, release in zip(jobs, routes, releases, strict=True):
        if operations[0].start < release:
            found.append(
                f"{operations[0]} starts at {operations[0].start}, "
                f"before the release of the job at {release}"
            )
        for before, after in pairwise(operations):
            if after.start < before.end:
                found.append(
                    f"{after} starts at {after.start}, before its predecessor ends at {before.end}"
                )
        for operation, machine in zip(operations, route, strict=False):
            machines.setdefault(machine, []).append(operation)
    for machine, operations in sorted(machines.items()):
        last, *others = sorted(operations)
        for operation in others:
            if operation.start < last.end:
                found.append(
                    f"{operation} starts at {operation.start} on machine {machine}, "
                    f"which {last} holds from {last.start} to {last.end}"
                )
            last = max(last, operation, key=lambda each: each.end)
    return found + _closed(instance, machines)


def _closed(instance: JobShop, machines: Mapping[int, list[_Operation]]) -> list[str]:
    """Return the operations that lie, even in part, where their machine is closed."""
    found = []
    for machine, start, end in instance.closed.tolist():
        for operation in machines.get(machine, []):
            if operation.start < end and start < operation.end:
                found.append(
                    f"{operation} runs from {operation.start} to {operation.end} on machine "
                    f"{machine}, which is closed from {start} to {end}"
                )
    return found
