"""The job-shop instance: an immutable value with its content hash and elementary bounds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import calendars

IntArray = NDArray[np.int32]

LARGEST = int(np.iinfo(np.int32).max)
"""No schedule of an instance may run beyond this time, so that 32-bit sums cannot overflow."""

LAST_MACHINE = 99_999
"""Highest machine index, so that a mistyped one cannot make arrays of that size."""

_SINGULAR = {"durations": "duration", "machines": "machine", "due": "due date", "weights": "weight"}


def _empty() -> IntArray:
    return np.zeros(0, np.int32)


@dataclass(frozen=True, eq=False)
class JobShop:
    """A job shop: ``n`` jobs, each a fixed sequence of operations on given machines.

    Operation ``k`` of job ``j`` occupies machine ``machines[j, k]`` for ``durations[j, k]`` time
    units without interruption, after operation ``k - 1`` of the job; a machine holds one operation
    at a time. In the classical problem every job visits every machine once, but a route may be any
    sequence of machines, with repetitions. Jobs with fewer operations than the longest one are
    padded: only the first ``lengths[j]`` columns of row ``j`` count, the others are zero.

    Beyond the classical problem a job may have a release date, a due date and a weight, and a
    machine may be closed at times. An operation lies wholly in open time; one without duration
    may stand at the start or the end of a closed window, but not inside.

    The arrays are copied, turned into ``int32`` and made read-only. Compare the content of two
    instances by :attr:`hash`.

    Attributes:
        name: what reports call it.
        durations: processing times in time units, shape ``(n, m)``, not negative.
        machines: machine indices from 0, shape ``(n, m)``.
        release: earliest start of each job, shape ``(n,)``; zeros when left out.
        lower_bound: best makespan known to be impossible to beat.
        upper_bound: makespan of the best known schedule.
        lengths: number of operations of each job, shape ``(n,)``; all ``m`` when left out.
        due: due date of each job, shape ``(n,)``; empty where there are none.
        weights: weight of each job's tardiness, shape ``(n,)``; ones when left out.
        closed: rows ``(machine, start, end)``, shape ``(w, 3)``: the machine is closed in
            ``[start, end)``. They are sorted, and those of a machine that touch made one.

    Raises:
        InputError: if the arrays do not describe a job shop, or a bound contradicts them.
    """

    name: str
    durations: IntArray
    machines: IntArray
    release: IntArray = field(default_factory=_empty)
    lower_bound: int | None = None
    upper_bound: int | None = None
    lengths: IntArray = field(default_factory=_empty)
    due: IntArray = field(default_factory=_empty)
    weights: IntArray = field(default_factory=_empty)
    closed: IntArray = field(default_factory=_empty)

    def __post_init__(self) -> None:
        """Check the arrays and put private read-only copies in their place."""
        durations = self._integers("durations", self.durations, 2)
        machines = self._integers("machines", self.machines, 2)
        if durations.size == 0:
            raise self._error("has no operations")
        if durations.shape != machines.shape:
            raise self._error(
                f"has durations of shape {durations.shape} but machines of shape {machines.shape}"
            )
        count, width = durations.shape
        release = self._per_job("release", self.release, count, 0)
        lengths = self._per_job("lengths", self.lengths, count, width)
        if lengths.min() < 1 or lengths.max() > width:
            raise self._error(f"has a job without operations or with more than {width}")
        if lengths.min() < width:
            padding = np.arange(width) >= lengths[:, None]
            durations[padding] = machines[padding] = 0
        due = self._per_job("due", self.due, count, None)
        weights = self._per_job("weights", self.weights, count, 1)
        arrays = {"durations": durations, "machines": machines, "release": release}
        arrays |= {"lengths": lengths, "due": due, "weights": weights}
        for what, values in arrays.items():
            if values.size and values.min() < 0:
                raise self._error(f"has the negative {_SINGULAR.get(what, what)} {values.min()}")
        if machines.max() > LAST_MACHINE:
            raise self._error(f"has machine {machines.max()}; the last index is {LAST_MACHINE}")
        arrays["closed"] = self._calendar(self.closed, int(machines.max()))
        for key, values in arrays.items():
            values.setflags(write=False)
            object.__setattr__(self, key, values)
        if self.latest_end > LARGEST:
            raise self._error(f"has times whose sum exceeds {LARGEST}")
        self._check_bounds()

    @classmethod
    def from_jobs(
        cls,
        name: str,
        jobs: Iterable[Sequence[tuple[int, int]]],
        *,
        release: Sequence[int] = (),
        lower_bound: int | None = None,
        upper_bound: int | None = None,
        due: Sequence[int] = (),
        weights: Sequence[int] = (),
        closed: Sequence[tuple[int, int, int]] = (),
    ) -> JobShop:
        """Build an instance from each job's ``(machine, duration)`` pairs, which may be ragged."""
        rows = [list(job) for job in jobs]
        lengths = np.array([len(job) for job in rows], dtype=np.int32)
        values = np.asarray([pair for job in rows for pair in job])
        if lengths.size == 0 or lengths.min() == 0 or values.ndim != 2 or values.shape[1] != 2:
            raise InputError(f"job-shop instance {name!r} needs (machine, duration) pairs as jobs")
        exists = np.arange(lengths.max()) < lengths[:, None]
        machines, durations = np.zeros((2, *exists.shape), dtype=values.dtype)
        machines[exists], durations[exists] = values.T
        return cls(
            name,
            durations=durations,
            machines=machines,
            release=np.asarray(release),
            lower_bound=lower_bound,
            upper_bound=upper_bound,
            lengths=lengths,
            due=np.asarray(due),
            weights=np.asarray(weights),
            closed=np.asarray(closed),
        )

    @property
    def jobs(self) -> int:
        """Number of jobs ``n``."""
        return len(self.durations)

    @cached_property
    def n_machines(self) -> int:
        """Number of machines: one more than the highest index in use."""
        return int(self.machines.max()) + 1

    @cached_property
    def operations(self) -> int:
        """Number of operations of all jobs, padding not counted."""
        return int(self.lengths.sum())

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what makes the problem (not of its name or bounds), in hexadecimal."""
        digest = hashlib.sha256(b"job-shop")
        for values in (self.durations, self.machines, self.release, self.lengths):
            digest.update(repr(values.shape).encode())
            digest.update(values.astype("<i4").tobytes())
        # Only where there are any, so that a classical shop keeps the hash it always had.
        extras = {b"due": self.due, b"closed": self.closed}
        if (self.weights != 1).any():
            extras[b"weights"] = self.weights
        for key, values in extras.items():
            if values.size:
                digest.update(key + repr(values.shape).encode() + values.astype("<i4").tobytes())
        return digest.hexdigest()

    @cached_property
    def windows(self) -> tuple[calendars.Windows, ...]:
        """The closed windows ``(start, end)`` of each machine."""
        return calendars.by_machine(self.closed, self.n_machines)

    @cached_property
    def latest_end(self) -> int:
        """No schedule without needless idle time ends later: one job after the other, at the end.

        Once all jobs are released and no window is left, some machine is always at work.
        """
        begin = max(int(self.release.max()), int(self.closed[:, 2].max(initial=0)))
        return begin + int(self.durations.sum(dtype=np.int64))

    def ends(self, starts: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return when each job ends, shape ``(n,)``.

        Args:
            starts: start of each operation, shape ``(n, m)``; what is beyond a job's length means
                nothing.
        """
        jobs, last = np.arange(self.jobs), self.lengths - 1
        return np.asarray(starts[jobs, last] + self.durations[jobs, last], np.int64)

    def tardiness(self, ends: NDArray[np.integer[Any]]) -> dict[str, float]:
        """Return ``weighted_tardiness`` and ``late_jobs``; nothing where there are no due dates.

        Args:
            ends: when each job ends, shape ``(n,)``.
        """
        if not self.due.size:
            return {}
        late = np.maximum(ends.astype(np.float64) - self.due, 0.0)
        return {
            "weighted_tardiness": float(late @ self.weights),
            "late_jobs": float(np.count_nonzero(late)),
        }

    @property
    def reference(self) -> float | None:
        """Makespan of the best known schedule, the reference of gaps."""
        return None if self.upper_bound is None else float(self.upper_bound)

    @property
    def bound(self) -> float:
        """The best lower bound on the makespan: the published one or :attr:`elementary_bound`."""
        return float(max(self.lower_bound or 0, self.elementary_bound))

    @cached_property
    def elementary_bound(self) -> int:
        """The longest job or the most loaded machine, whichever is longer.

        A job needs its release time and all its durations. A machine needs the shortest head
        (time before one of its operations can start), its load, and the shortest tail (time from
        the end of one of its operations to the end of its job). Where machines are closed at
        times, heads wait for open time and the load, as if it could be interrupted, fills it.
        """
        exists = np.arange(self.durations.shape[1]) < self.lengths[:, None]
        heads = self.heads
        work = self.durations.cumsum(axis=1, dtype=np.int64)
        tails = work[:, -1:] - work
        bound = int(self.ends(heads).max())
        for machine in np.unique(self.machines[exists]):
            here = exists & (self.machines == machine)
            load = int(self.durations[here].sum())
            end = calendars.earliest_end(self.windows[machine], int(heads[here].min()), load)
            bound = max(bound, end + int(tails[here].min()))
        return bound

    @cached_property
    def heads(self) -> NDArray[np.int64]:
        """Earliest start of each operation, were there no other job, shape ``(n, m)``.

        Entries beyond a job's length mean nothing.
        """
        durations = self.durations.astype(np.int64)
        heads = np.asarray(self.release[:, None] + durations.cumsum(axis=1) - durations)
        if self.closed.size:
            for job, length in enumerate(self.lengths.tolist()):
                time = int(self.release[job])
                for place in range(length):
                    windows = self.windows[self.machines[job, place]]
                    duration = int(durations[job, place])
                    heads[job, place] = calendars.earliest_start(windows, time, duration)
                    time = int(heads[job, place]) + duration
        heads.setflags(write=False)
        return heads

    def _integers(self, what: str, values: object, dimensions: int) -> IntArray:
        """Return a private ``int32`` copy of ``values``, or say why it cannot be one."""
        array = np.asarray(values)
        if array.ndim != dimensions:
            raise self._error(f"needs {what} of {dimensions} dimensions, not {array.ndim}")
        if array.size == 0:
            return np.zeros(array.shape, np.int32)
        if array.dtype.kind not in "iu":
            raise self._error(f"needs whole numbers as {what}")
        if array.dtype != np.int32 and (array.max() > LARGEST or array.min() < -LARGEST):
            raise self._error(f"has {what} beyond {LARGEST}")
        return array.astype(np.int32)

    def _per_job(self, what: str, values: object, count: int, default: int | None) -> IntArray:
        """Return one number for each job, the default where none are given, none if it is none."""
        array = self._integers(what, values, 1)
        if array.size == 0:
            return array if default is None else np.full(count, default, np.int32)
        if array.size != count:
            raise self._error(
                f"needs {count} numbers as {what}, one for each job, not {array.size}"
            )
        return array

    def _calendar(self, values: object, last: int) -> IntArray:
        """Return the closed windows, sorted and merged."""
        if np.asarray(values).size == 0:
            return np.zeros((0, 3), np.int32)
        rows = self._integers("closed", values, 2)
        if rows.shape[1] != 3:
            raise self._error("needs closed windows as rows of machine, start and end")
        for machine, start, end in rows.tolist():
            if not 0 <= machine <= last:
                raise self._error(f"closes machine {machine}, but its machines are 0 to {last}")
            if not 0 <= start < end:
                raise self._error(
                    f"closes machine {machine} from {start} to {end}, which is no window of time"
                )
        return calendars.merged(rows)

    def _check_bounds(self) -> None:
        if self.upper_bound is None:
            return
        least = int(self.bound)
        if self.upper_bound < least:
            raise self._error(f"has upper bound {self.upper_bound} below its lower bound {least}")

    def _error(self, problem: str) -> InputError:
        return InputError(f"job-shop instance {self.name!r} {problem}")
