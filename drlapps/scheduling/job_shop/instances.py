"""Job-shop pools: random instances to train on, fixed ones to validate on, Taillard's to test on.

=============  ==========================================================================
pool           instances
=============  ==========================================================================
``train``      :class:`RandomJobShops`, a generator of the family of Taillard (1993)
``validation`` 64 fixed instances of the same family, 15x15 to 30x20
``test``       Taillard's ta01 to ta80, 15x15 to 100x20
``toy``        three tiny instances whose optimum a reader can check by hand
=============  ==========================================================================

References:
    Taillard, E. (1993). Benchmarks for basic scheduling problems. European Journal of
    Operational Research, 64(2), 278-285.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown
from drlapps.scheduling.job_shop import benchmarks, files
from drlapps.scheduling.job_shop.extras import LOOSEST, with_due_dates, with_shifts
from drlapps.scheduling.job_shop.shop import IntArray, JobShop

__all__ = ["JobShop", "RandomJobShops", "named", "names", "test", "toy", "train", "validation"]

VALIDATION_SIZES = (
    *[(15, 15)] * 16,
    *[(20, 15)] * 16,
    *[(20, 20)] * 12,
    *[(30, 15)] * 12,
    *[(30, 20)] * 8,
)
"""Jobs and machines of the validation instances, in order."""

VALIDATION_DRAWS = 8
"""Each validation instance is the most balanced of so many, see :class:`RandomJobShops`."""

LARGEST = 1_000_000
"""Highest number that a range of :class:`RandomJobShops` may contain."""

_VALIDATION_NAMES = tuple(f"validation-{i:02d}" for i in range(1, len(VALIDATION_SIZES) + 1))


@dataclass(frozen=True)
class RandomJobShops:
    """A pool without end: classical job shops drawn at random.

    Every job visits each machine once, in an order drawn uniformly; durations are uniform, as in
    Taillard (1993). With release dates each job may start only after a uniform delay; due dates
    and shifts are those of :mod:`.extras`. All ranges ``(low, high)`` include both ends.

    Balanced shops, in which no machine or job alone decides the makespan, are the hard ones;
    Taillard's benchmarks are the hardest of many. With ``draws`` above 1 an instance is the one
    of so many whose heaviest machine or longest job is lightest.

    Attributes:
        jobs: range of the number of jobs.
        machines: range of the number of machines.
        sizes: ``(jobs, machines)`` pairs to draw from instead of the two ranges, when not empty.
        durations: range of the durations in time units.
        release: range of the release dates in time units.
        draws: how many to choose the most balanced one of.
        seed: seed of :meth:`take`.
        tightness: range of the tightness of the due dates; none without it.
        shift: for how long all machines are open, then closed, again and again; always open
            without it.

    Raises:
        InputError: if a range is empty or contains impossible numbers.
    """

    jobs: tuple[int, int] = (10, 20)
    machines: tuple[int, int] = (10, 15)
    sizes: tuple[tuple[int, int], ...] = ()
    durations: tuple[int, int] = (1, 99)
    release: tuple[int, int] = (0, 0)
    draws: int = 1
    seed: int = 0
    tightness: tuple[float, float] | None = None
    shift: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        ranges = {"jobs": self.jobs, "machines": self.machines}
        ranges |= {"durations": self.durations, "release": self.release}
        for option, (low, high) in ranges.items():
            least = 1 if option in ("jobs", "machines") else 0
            if not least <= low <= high <= LARGEST:
                raise InputError(
                    f"{option}={low}..{high} is not a range of numbers from {least} to {LARGEST}"
                )
        if self.draws < 1:
            raise InputError(f"draws={self.draws} is no number of instances to choose from")
        for jobs, machines in self.sizes:
            if min(jobs, machines) < 1:
                raise InputError(f"sizes contains {jobs}x{machines}, which is no job shop")
        if self.tightness:
            tight, loose = self.tightness
            if not 0 <= tight <= loose <= LOOSEST:
                raise InputError(
                    f"tightness={tight}..{loose} is not a range of numbers from 0 to {LOOSEST:g}"
                )
        if self.shift:
            self.largest()

    def sample(self, rng: np.random.Generator) -> JobShop:
        """Draw one instance."""
        shop = self._classical(rng)
        if self.tightness:
            low, high = self.tightness
            shop = with_due_dates(shop, low if low == high else float(rng.uniform(low, high)))
        return with_shifts(shop, *self.shift) if self.shift else shop

    def _classical(self, rng: np.random.Generator) -> JobShop:
        """Draw a shop without due dates that is always open."""
        if self.sizes:
            jobs, machines = self.sizes[rng.integers(len(self.sizes))]
        else:
            jobs, machines = _draw(rng, self.jobs), _draw(rng, self.machines)
        low, high = self.durations
        shape = (self.draws, jobs, machines)
        drawn = rng.integers(low, high + 1, shape, dtype=np.int32)
        routed = rng.permuted(np.broadcast_to(_sorted_routes(jobs, machines), shape), axis=2)
        best = 0 if self.draws == 1 else int(np.argmin(_heaviest(drawn, routed)))
        durations, routes = drawn[best], routed[best]
        name = f"random-{jobs}x{machines}"
        if self.release == (0, 0):
            return JobShop(name, durations, routes)
        low, high = self.release
        release = rng.integers(low, high + 1, jobs, dtype=np.int32)
        return JobShop(name, durations, routes, release)

    def largest(self) -> JobShop:
        """Return an instance with as many jobs, machines and closed windows as any drawn one."""
        pairs = self.sizes or ((self.jobs[1], self.machines[1]),)
        jobs, machines = max(n for n, _ in pairs), max(m for _, m in pairs)
        durations = np.full((jobs, machines), self.durations[1] if self.shift else 1)
        release = np.full(jobs, self.release[1])
        shop = JobShop("largest", durations, _sorted_routes(jobs, machines), release)
        return with_shifts(shop, *self.shift) if self.shift else shop

    def take(self, count: int) -> tuple[JobShop, ...]:
        """Return the first ``count`` instances drawn from :attr:`seed`."""
        rng = np.random.default_rng(self.seed)
        return tuple(self.sample(rng) for _ in range(count))


def _draw(rng: np.random.Generator, bounds: tuple[int, int]) -> int:
    low, high = bounds
    return low if low == high else int(rng.integers(low, high + 1))


@cache
def _sorted_routes(jobs: int, machines: int) -> IntArray:
    """Return routes that visit the machines in order, for the caller to permute a copy of."""
    routes = np.tile(np.arange(machines, dtype=np.int32), (jobs, 1))
    routes.setflags(write=False)
    return routes


def _heaviest(durations: IntArray, machines: IntArray) -> NDArray[np.float64]:
    """Return the load of the heaviest machine or longest job of each shop, from (B, n, m)."""
    count, _, m = durations.shape
    cells = machines + m * np.arange(count)[:, None, None]
    loads = np.bincount(cells.ravel(), durations.ravel(), count * m).reshape(count, m)
    heaviest: NDArray[np.float64] = np.maximum(loads.max(axis=1), durations.sum(axis=2).max(axis=1))
    return heaviest


def train(
    jobs: int | Sequence[int] = (10, 20),
    machines: int | Sequence[int] = (10, 15),
    sizes: int | Sequence[int | Sequence[int]] = (),
    durations: int | Sequence[int] = (1, 99),
    release: int | Sequence[int] = (0, 0),
    draws: int = 1,
    seed: int = 0,
    tightness: float | Sequence[float] = (),
    shift: Sequence[int] = (),
) -> RandomJobShops:
    """Return the pool of random instances; a single number stands for a range of one.

    Args:
        jobs: number of jobs, or its range ``(low, high)``.
        machines: number of machines, or its range.
        sizes: ``(jobs, machines)`` pairs to draw from instead; a number stands for a square.
        durations: range of the durations in time units.
        release: range of the release dates in time units.
        draws: how many to choose the most balanced one of.
        seed: seed of :meth:`RandomJobShops.take`.
        tightness: of the due dates (:func:`.extras.with_due_dates`), or its range; none without it.
        shift: for how long all machines are open, then closed, again and again.
    """
    squares = sizes if isinstance(sizes, Sequence) else [sizes]
    return RandomJobShops(
        jobs=_pair("jobs", jobs),
        machines=_pair("machines", machines),
        sizes=tuple(_pair("sizes", size) for size in squares),
        durations=_pair("durations", durations),
        release=_pair("release", release),
        draws=draws,
        seed=seed,
        tightness=_tightness(tightness),
        shift=_shift(shift),
    )


def _pair(option: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Return two whole numbers from one or two, or say that ``option`` has none."""
    numbers = list(value) if isinstance(value, Sequence) else [value]
    if len(numbers) not in (1, 2) or not all(isinstance(number, int) for number in numbers):
        raise InputError(f"{option} needs one whole number or two, low and high, not {value!r}")
    return numbers[0], numbers[-1]


def _tightness(value: float | Sequence[float]) -> tuple[float, float] | None:
    """Return a range from one number or two, ``None`` from none, or say that it is neither."""
    numbers = list(value) if isinstance(value, Sequence) else [value]
    if len(numbers) > 2 or not all(isinstance(number, int | float) for number in numbers):
        raise InputError(f"tightness needs one number or two, low and high, not {value!r}")
    return (numbers[0], numbers[-1]) if numbers else None


def _shift(value: Sequence[int]) -> tuple[int, int] | None:
    """Return how long a shift is open and closed, ``None`` from nothing, or say what is wrong."""
    numbers = list(value) if isinstance(value, Sequence) else [value]
    if len(numbers) not in (0, 2) or not all(isinstance(number, int) for number in numbers):
        raise InputError(f"shift needs two whole numbers, open and closed, not {value!r}")
    return (numbers[0], numbers[1]) if numbers else None


def validation() -> tuple[JobShop, ...]:
    """Return 64 fixed instances of the test family, the size of each in :data:`VALIDATION_SIZES`.

    They come from Taillard's generator, whose sequence no library version can change; each is the
    most balanced of :data:`VALIDATION_DRAWS`. The seeds are hashes of the words
    ``validation-01 1 time``, ``validation-01 1 machine`` and so on, none of them a published
    seed. The optima are unknown.
    """
    return tuple(
        _validation(name, *size)
        for name, size in zip(_VALIDATION_NAMES, VALIDATION_SIZES, strict=True)
    )


def _validation(name: str, jobs: int, machines: int) -> JobShop:
    drawn = [
        benchmarks.taillard(
            name,
            jobs,
            machines,
            time_seed=_seed(f"{name} {draw} time"),
            machine_seed=_seed(f"{name} {draw} machine"),
        )
        for draw in range(1, VALIDATION_DRAWS + 1)
    ]
    heaviest = _heaviest(
        np.stack([shop.durations for shop in drawn]), np.stack([shop.machines for shop in drawn])
    )
    return drawn[int(np.argmin(heaviest))]


def _seed(word: str) -> int:
    """Return a seed of Taillard's generator for ``word``."""
    digest = hashlib.sha256(word.encode()).digest()
    return 1 + int.from_bytes(digest[:8], "big") % (benchmarks.MODULUS - 1)


def test() -> tuple[JobShop, ...]:
    """Return Taillard's ta01 to ta80."""
    return tuple(benchmarks.load(name) for name in benchmarks.names() if name.startswith("ta"))


def toy() -> tuple[JobShop, ...]:
    """Return three instances solved by hand; ``a/b`` is an operation of ``b`` units on machine a.

    **toy-flow**, 2 jobs: ``0/3 1/2`` and ``0/2 1/4``. Machine 1 works 6 units and cannot start
    before 2, the shortest first operation: no schedule beats 8. Johnson's rule puts job 1 first:
    machine 0 works 0-2 and 2-5, machine 1 works 2-6 and 6-8. Optimum 8.

    **toy-ragged**, 3 jobs: ``0/3 1/2 2/2``, ``0/2 2/1 1/4`` and ``1/4 2/3``. Machine 1 works 10
    units, so 10 needs it busy from 0 to 10. Then it starts with job 2 (0-4), the only one ready
    at 0, and ends with job 1 (6-10), the only one with nothing after it; job 0 is on it 4-6. Job 0
    must leave machine 0 by 4, so it goes first there (0-3), job 1 follows (3-5), and job 1's
    operation on machine 2 fills exactly 5-6. Machine 2 then has to fit job 2 (3 units, ready at 4)
    and job 0 (2 units, ready at 6) after 6: it ends at 11. That schedule is feasible. Optimum 11.
    (The example of the OR-Tools documentation.)

    **toy-release**, 2 jobs: ``0/2 1/2`` and, released at 4, ``1/3 0/1``. Job 1 cannot end before
    4 + 3 + 1 = 8; job 0 runs 0-4 and is out of its way. Optimum 8.
    """
    return (
        _solved("toy-flow", [[(0, 3), (1, 2)], [(0, 2), (1, 4)]], 8),
        _solved(
            "toy-ragged",
            [[(0, 3), (1, 2), (2, 2)], [(0, 2), (2, 1), (1, 4)], [(1, 4), (2, 3)]],
            11,
        ),
        _solved("toy-release", [[(0, 2), (1, 2)], [(1, 3), (0, 1)]], 8, release=(0, 4)),
    )


def _solved(
    name: str, jobs: list[list[tuple[int, int]]], optimum: int, release: Sequence[int] = ()
) -> JobShop:
    return JobShop.from_jobs(name, jobs, release=release, lower_bound=optimum, upper_bound=optimum)


def names() -> list[str]:
    """Return the names of all published instances, family by family."""
    return benchmarks.names()


def named(
    words: Iterable[str], tightness: float | None = None, shift: Sequence[int] = ()
) -> list[JobShop]:
    """Return the instances that the given words name, in their order.

    A word is a published instance (``ta01``, also ``TA1``), a range of one family
    (``ta01..ta10``), a fixed instance of the ``toy`` or ``validation`` pool, a file, or several of
    these with commas between them. A word with a path separator or ending in .txt, .jsp or .json
    is always a file.

    Args:
        words: what to find.
        tightness: of due dates for each of them, see :func:`.extras.with_due_dates`.
        shift: for how long all their machines are open, then closed, again and again.

    Raises:
        InputError: if there is no such instance, its file is malformed, or a change is impossible.
    """
    words = [words] if isinstance(words, str) else words
    found = [instance for word in words for part in _parts(word) for instance in _resolve(part)]
    if tightness is not None:
        if not isinstance(tightness, int | float):
            raise InputError(f"tightness of a named instance is one number, not {tightness!r}")
        found = [with_due_dates(shop, tightness) for shop in found]
    if numbers := _shift(shift):
        found = [with_shifts(shop, *numbers) for shop in found]
    return found


def _parts(word: str) -> list[str]:
    """Split at commas what is not, as a whole, the name of a file."""
    if os.path.isfile(word):
        return [word]
    parts = [part.strip() for part in word.split(",") if part.strip()]
    if not parts:
        raise InputError(f"{word!r} names no job-shop instance")
    return parts


def _resolve(word: str) -> list[JobShop]:
    if _is_path(word):
        return [files.read(word)]
    if found := benchmarks.canonical(word):
        return [benchmarks.load(found)]
    if match := re.fullmatch(r"(\w+?)\s*\.\.\s*(\w+)", word):
        return _range(word, *match.groups())
    if os.path.isfile(word):
        return [files.read(word)]
    local = {instance.name: instance for instance in (*toy(), *validation())}
    if word.lower() in local:
        return [local[word.lower()]]
    raise unknown("job-shop instance", word, [*benchmarks.names(), *local])


def _is_path(word: str) -> bool:
    separators = {os.sep, os.altsep or os.sep}
    return any(sep in word for sep in separators) or word.lower().endswith(files.SUFFIXES)


def _range(word: str, first: str, last: str) -> list[JobShop]:
    ends = []
    for end in (first, last):
        found = benchmarks.canonical(end)
        if found is None:
            raise unknown("job-shop instance", end, benchmarks.names())
        ends.append(found)
    published = benchmarks.names()
    low, high = map(published.index, ends)
    chosen = published[low : high + 1]
    if not chosen:
        raise InputError(f"the range {word!r} runs backwards")
    if len({benchmarks.family(name) for name in chosen}) > 1:
        raise InputError(f"the range {word!r} runs from one family of instances into another")
    return [benchmarks.load(name) for name in chosen]
