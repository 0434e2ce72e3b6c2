"""Pools of job shops with due dates: random ones to train on, Singer and Pinedo's to test on.

=============  ==========================================================================
pool           instances
=============  ==========================================================================
``train``      :class:`RandomDueDateShops`, random job shops of random tightness
``validation`` 48 fixed instances of the same family, 10x10 to 15x15
``test``       the 22 instances of Singer & Pinedo (1998), 10x10, of tightness 1.3
``toy``        three tiny instances whose optimum a reader can check by hand
=============  ==========================================================================

References:
    Singer, M., Pinedo, M. (1998). A computational study of branch and bound techniques for
    minimizing the total weighted tardiness in job shops. IIE Transactions, 30(2), 109-118.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from drlapps.errors import InputError
from drlapps.scheduling.job_shop import benchmarks
from drlapps.scheduling.job_shop import instances as job_shop
from drlapps.scheduling.job_shop.extras import with_due_dates, with_shifts
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

BEST_KNOWN = Path(__file__).with_name("data") / "best_known.csv"

TIGHTNESS = 1.3
"""Of the test instances, and of published shops where nothing else is said."""

FIRST_TEN = {f"la{number}-10x10": f"la{number}" for number in range(21, 25)}
"""Test instances that are the first ten jobs of a published shop, whose name follows."""

TEST = (
    "abz5", "abz6", *(f"la{number}" for number in range(16, 21)), *FIRST_TEN, "ft10",
    *(f"orb{number:02d}" for number in range(1, 11)),
)  # fmt: skip
"""Names of the test instances."""

VALIDATION = tuple(
    (jobs, machines, tightness)
    for jobs, machines in ((10, 10), (10, 15), (15, 10), (15, 15))
    for tightness in (1.2, 1.3, 1.5, 1.6)
    for _ in range(3)
)
"""Jobs, machines and tightness of the validation instances, in order."""


@dataclass(frozen=True)
class RandomDueDateShops:
    """A pool without end: random job shops with due dates.

    Attributes:
        shops: the pool that the shops come from; it has a range of tightness.

    Raises:
        InputError: if it has none.
    """

    shops: job_shop.RandomJobShops

    def __post_init__(self) -> None:
        """Check that there will be due dates."""
        if self.shops.tightness is None:
            raise InputError("tightness is needed: without it the shops have no due dates")

    def sample(self, rng: np.random.Generator) -> DueDateShop:
        """Draw one instance."""
        return DueDateShop.of(self.shops.sample(rng))

    def largest(self) -> DueDateShop:
        """Return an instance no drawn one exceeds in jobs, machines or closed windows."""
        return DueDateShop.of(with_due_dates(self.shops.largest(), TIGHTNESS))

    def take(self, count: int) -> tuple[DueDateShop, ...]:
        """Return the first ``count`` instances drawn from the seed of :attr:`shops`."""
        return tuple(DueDateShop.of(shop) for shop in self.shops.take(count))


def train(
    jobs: int | Sequence[int] = (10, 15),
    machines: int | Sequence[int] = (10, 10),
    tightness: float | Sequence[float] = (1.2, 1.8),
    durations: int | Sequence[int] = (1, 99),
    release: int | Sequence[int] = (0, 0),
    shift: Sequence[int] = (),
    seed: int = 0,
) -> RandomDueDateShops:
    """Return the pool of random instances; a single number stands for a range of one.

    Args:
        jobs: number of jobs, or its range ``(low, high)``.
        machines: number of machines, or its range.
        tightness: due date less release, in processing times of the job, or its range.
        durations: range of the durations in time units.
        release: range of the release dates in time units.
        shift: for how long all machines are open, then closed, again and again.
        seed: seed of :meth:`RandomDueDateShops.take`.
    """
    return RandomDueDateShops(
        job_shop.train(
            jobs=jobs, machines=machines, durations=durations, release=release,
            tightness=tightness, shift=shift, seed=seed,
        )
    )  # fmt: skip


def validation() -> tuple[DueDateShop, ...]:
    """Return 48 fixed instances, of the sizes and tightnesses of :data:`VALIDATION`.

    They come from Taillard's generator, whose sequence no library version can change. The seeds
    are hashes of the words ``tardiness-01 time``, ``tardiness-01 machine`` and so on.
    """
    return tuple(
        _drawn(f"tardiness-{number:02d}", *row) for number, row in enumerate(VALIDATION, start=1)
    )


def _drawn(name: str, jobs: int, machines: int, tightness: float) -> DueDateShop:
    shop = benchmarks.taillard(
        name, jobs, machines, time_seed=_seed(f"{name} time"), machine_seed=_seed(f"{name} machine")
    )
    return DueDateShop.of(replace(with_due_dates(shop, tightness), name=name))


def _seed(word: str) -> int:
    """Return a seed of Taillard's generator for ``word``."""
    digest = hashlib.sha256(word.encode()).digest()
    return 1 + int.from_bytes(digest[:8], "big") % (benchmarks.MODULUS - 1)


def singer_pinedo(tightness: float = TIGHTNESS) -> tuple[DueDateShop, ...]:
    """Return the 22 instances of Singer & Pinedo (1998), 10x10.

    Args:
        tightness: due date less release, in processing times of the job.
    """
    return tuple(_judged(_dated(_published(name), tightness)) for name in TEST)


def _published(name: str) -> JobShop:
    """Return a test instance, as yet without due dates."""
    if name not in FIRST_TEN:
        return benchmarks.load(name)
    shop = benchmarks.load(FIRST_TEN[name])
    return JobShop(name, shop.durations[:10], shop.machines[:10])


def _dated(shop: JobShop, tightness: float) -> JobShop:
    """Return the shop with due dates; its name says their tightness unless it is the usual one."""
    dated = with_due_dates(shop, tightness)
    return replace(dated, name=shop.name) if tightness == TIGHTNESS else dated


def _judged(shop: JobShop) -> DueDateShop:
    """Return a shop with due dates as an instance, with what is known of its optimum."""
    least, best = _best_known().get(shop.hash, (None, None))
    return DueDateShop.of(shop, least_tardiness=least, best_tardiness=best)


@cache
def _best_known() -> dict[str, tuple[int, int]]:
    """Return the best bounds known, lower and upper, by the hash of the instance."""
    with BEST_KNOWN.open(encoding="utf-8", newline="") as lines:
        return {
            _dated(_published(row["name"]), float(row["tightness"])).hash: (
                int(row["lower"]),
                int(row["upper"]),
            )
            for row in csv.DictReader(lines)
        }


def toy() -> tuple[DueDateShop, ...]:
    """Return three instances solved by hand; ``a/b`` is an operation of ``b`` units on machine a.

    **toy-single**, one machine, jobs of 4, 2 and 3 units due at 4, 3 and 6 of weights 1, 3 and 2.
    The last of them ends at 9, which costs 5, 18 or 6. Job 1, then 2, then 0 costs no more than
    the 5. Optimum 5.

    **toy-turn**, 2 jobs: ``0/4 1/2`` due at 7 and ``0/1 1/3`` due at 3, of weights 1 and 2. Job 1
    takes 4 units, so it is late by 1 at least, which costs 2. If it goes first it ends at 4, and
    job 0 runs 1-5 and 5-7, on time. Optimum 2.

    **toy-wait**, 2 jobs: ``0/10`` due at 12 and ``1/1 0/1 2/10`` due at 11, of weights 1 and 3. Job
    1 takes 12 units, so it is late by 1 at least, which costs 3. It ends at 12 if machine 0 takes
    it at 1; then job 0 runs 2-12, on time. Optimum 3, by leaving machine 0 idle at first.
    """
    return (
        _solved("toy-single", [[(0, 4)], [(0, 2)], [(0, 3)]], (4, 3, 6), (1, 3, 2), 5),
        _solved("toy-turn", [[(0, 4), (1, 2)], [(0, 1), (1, 3)]], (7, 3), (1, 2), 2),
        _solved("toy-wait", [[(0, 10)], [(1, 1), (0, 1), (2, 10)]], (12, 11), (1, 3), 3),
    )


def _solved(
    name: str,
    jobs: list[list[tuple[int, int]]],
    due: Sequence[int],
    weights: Sequence[int],
    optimum: int,
) -> DueDateShop:
    shop = JobShop.from_jobs(name, jobs, due=due, weights=weights)
    return DueDateShop.of(shop, best_tardiness=optimum, least_tardiness=optimum)


def named(
    words: Iterable[str], tightness: float | None = None, shift: Sequence[int] = ()
) -> list[DueDateShop]:
    """Return the instances that the given words name, in their order.

    A word is one of the test, toy or validation instances, or whatever names instances of
    ``scheduling/job-shop``: published ones, ranges, files.

    Args:
        words: the names.
        tightness: of due dates for each of them. Without, shops keep the due dates that they have,
            and published ones get those of :data:`TIGHTNESS`.
        shift: for how long all machines are open, then closed, again and again.

    Raises:
        InputError: there is no such instance, its file is malformed or has no due dates while no
            tightness is given, or a change is impossible.
    """
    words = [words] if isinstance(words, str) else words
    own: dict[str, JobShop] = {shop.name: shop for shop in (*toy(), *validation())}
    own |= {name: _published(name) for name in FIRST_TEN}
    found: list[DueDateShop] = []
    for part in (part.strip() for word in words for part in word.split(",")):
        known = own.get(part.lower())
        for shop in job_shop.named([part]) if known is None else [known]:
            found.append(_changed(shop, tightness, shift))
    return found


def _changed(shop: JobShop, tightness: float | None, shift: Sequence[int]) -> DueDateShop:
    """Return a named shop with its own due dates or those of a tightness, and with shifts."""
    if tightness is None and shop.due.size == 0:
        if not _is_published(shop):
            raise InputError(f"{shop.name} has no due dates; give them, or --set tightness=1.3")
        tightness = TIGHTNESS
    if isinstance(shop, DueDateShop):
        if tightness is None and not shift:
            return shop
        # What is known of its optimum does not outlast a change.
        shop = DueDateShop.of(shop)
    if tightness is not None:
        shop = _dated(shop, tightness)
    return _judged(with_shifts(shop, *shift) if shift else shop)


def _is_published(shop: JobShop) -> bool:
    """Return whether it is what its name says: a file may bear any name."""
    if shop.name in FIRST_TEN:
        return shop.hash == _published(shop.name).hash
    return shop.name in benchmarks.names() and shop.hash == benchmarks.load(shop.name).hash
