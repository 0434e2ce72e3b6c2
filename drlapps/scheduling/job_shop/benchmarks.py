"""The published job-shop benchmarks, with the best bounds known.

ft, la, abz, orb, swv and yn are read from ``data/classic.txt``. Taillard's ta01 to ta80 and
Demirkol, Mehta and Uzsoy's dmu01 to dmu80 are generated from their published seeds. The bounds
stand in ``data/bounds.csv``; ``data/README.md`` says where everything comes from.

References:
    Taillard, E. (1993). Benchmarks for basic scheduling problems. European Journal of
    Operational Research, 64(2), 278-285.

    Demirkol, E., Mehta, S., Uzsoy, R. (1998). Benchmarks for shop scheduling problems. European
    Journal of Operational Research, 109(1), 137-141.
"""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from functools import cache
from itertools import accumulate, repeat
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.job_shop import files
from drlapps.scheduling.job_shop.shop import JobShop

DATA = Path(__file__).with_name("data")

MODULUS = 2**31 - 1
MULTIPLIER = 16807

CORRECTIONS = {"dmu29": (12, 5, 102), "dmu59": (11, 7, 36)}
"""Cells (job, operation, duration) where the published DMU files differ from the generator."""


def names() -> list[str]:
    """Return the names of all published instances, family by family."""
    return list(_bounds())


def family(name: str) -> str:
    """Return the letters that a published name starts with."""
    return name.rstrip("0123456789")


def canonical(name: str) -> str | None:
    """Return the published name that ``name`` means (``TA1`` is ``ta01``), or ``None``."""
    match = re.fullmatch(r"([a-z]+)0*([0-9]{1,3})", name.strip().lower())
    return _numbered().get((match[1], int(match[2]))) if match else None


@cache
def load(name: str) -> JobShop:
    """Return the published instance with the canonical name ``name`` and its bounds.

    Raises:
        KeyError: if there is none.
    """
    lower, upper = _bounds()[name]
    instance = (
        files.parse_text(_classic()[name], name=name) if name in _classic() else _seeded(name)
    )
    return replace(instance, lower_bound=lower, upper_bound=upper)


def _seeded(name: str) -> JobShop:
    """Generate ta01 to ta80 or dmu01 to dmu80."""
    jobs, machines, seed, machine_seed = _seeds()[name]
    if machine_seed:
        return taillard(name, jobs, machines, time_seed=seed, machine_seed=machine_seed)
    instance = demirkol(name, jobs, machines, seed=seed, halves=name > "dmu40")
    if name not in CORRECTIONS:
        return instance
    job, operation, duration = CORRECTIONS[name]
    durations = instance.durations.copy()
    durations[job, operation] = duration
    return replace(instance, durations=durations)


def taillard(name: str, jobs: int, machines: int, *, time_seed: int, machine_seed: int) -> JobShop:
    """Generate an instance as Taillard (1993) does.

    Durations are uniform on 1..99, drawn job by job from the time seed. Each route starts as
    0, 1, ... and swaps its ``k``-th machine with one drawn from those not before it.
    """
    times = random_numbers(time_seed, jobs * machines) / MODULUS
    durations = 1 + (times * 99).astype(np.int32)
    draws = (random_numbers(machine_seed, jobs * machines) / MODULUS).reshape(jobs, machines)
    routes = np.tile(np.arange(machines, dtype=np.int32), (jobs, 1))
    rows = np.arange(jobs)
    for k in range(machines):
        other = k + (draws[:, k] * (machines - k)).astype(np.int64)
        routes[rows, k], routes[rows, other] = routes[rows, other], routes[:, k].copy()
    return JobShop(name, durations.reshape(jobs, machines), routes)


def demirkol(name: str, jobs: int, machines: int, *, seed: int, halves: bool) -> JobShop:
    """Generate an instance as Demirkol, Mehta and Uzsoy (1998) do, in single precision.

    Each job draws one number for each machine and visits the machines in the order of these
    numbers, then draws its durations, uniform on 1..200. With ``halves`` (dmu41 to dmu80) it
    visits all machines of the first half before any of the second.
    """
    numbers = random_numbers(seed, 2 * jobs * machines).astype(np.float32) / np.float32(2**31)
    keys, times = numbers.reshape(jobs, 2, machines).swapaxes(0, 1)
    late = (np.arange(machines) >= machines // 2) & halves
    routes = np.lexsort((keys, np.broadcast_to(late, keys.shape)), axis=1)
    durations = (1 + times * np.float32(200)).astype(np.int32)
    return JobShop(name, durations, routes.astype(np.int32))


def random_numbers(seed: int, count: int) -> NDArray[np.int64]:
    """Return the ``count`` numbers after ``seed`` of Lewis, Goodman and Miller's generator.

    ``x -> 16807 x mod (2^31 - 1)``; both families of benchmarks are built on it.
    """
    return seed * _powers(count) % MODULUS


@cache
def _powers(count: int) -> NDArray[np.int64]:
    """Return the first powers of the multiplier."""
    powers = accumulate(repeat(MULTIPLIER, count), lambda power, by: power * by % MODULUS)
    return np.fromiter(powers, np.int64, count)


@cache
def _numbered() -> dict[tuple[str, int], str]:
    return {(family(name), int(name[len(family(name)) :])): name for name in names()}


def _rows(file: str) -> list[dict[str, str]]:
    with (DATA / file).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@cache
def _bounds() -> dict[str, tuple[int, int]]:
    """Return the best lower and upper bound of each published instance."""
    return {row["name"]: (int(row["lower"]), int(row["upper"])) for row in _rows("bounds.csv")}


@cache
def _seeds() -> dict[str, tuple[int, int, int, int]]:
    """Return jobs, machines, seed and machine seed (0 for DMU) of each generated instance."""
    return {
        row["name"]: (
            int(row["jobs"]),
            int(row["machines"]),
            int(row["seed"]),
            int(row["machine_seed"] or 0),
        )
        for row in _rows("seeds.csv")
    }


@cache
def _classic() -> dict[str, str]:
    """Return the text of each instance of the classic families."""
    text = (DATA / "classic.txt").read_text(encoding="utf-8")
    blocks = (block.partition("\n") for block in re.split(r"^instance ", text, flags=re.M)[1:])
    return {name: body for name, _, body in blocks}
