"""Pools of damage and named instances.

=============  ==========================================================================
pool           instances
=============  ==========================================================================
``train``      :class:`~.scenarios.RandomDamage`: endless damage to 128 random feeders
``validation`` 48 damages of other random feeders
``test``       8 damages of each of the scenarios in :data:`TESTED`, on published feeders
``toy``        three feeders with one crew, solved by hand
=============  ==========================================================================

Damage ``K`` of a scenario is named ``FEEDER:crews-M[-lines-D][-travel][-switching]:K``, a range
``...:A..B``. ``FEEDER`` is a feeder of the literature: ``ieee33``, ``ieee69``, ``zhang118`` or
``136``. Without ``lines-D`` every fourth line is damaged. A file ending in .toml holds damage of
one's own, see :mod:`.files`.

What is drawn is said in :mod:`.scenarios`; on published feeders also which loads are critical, each
with probability 1/10: they count tenfold.

Damage for one crew without travel and switching comes with its optimum, by Horn's algorithm.
``data/best_known.csv`` has the least harm that any method has found for the instances of the test
and validation pools, and the bound that was proven on it; its README says how.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from drlapps import naming
from drlapps.energy.crew_restoration import files
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.horn import obstacle, optimum
from drlapps.energy.crew_restoration.scenarios import RandomDamage, Site, random_sites
from drlapps.energy.grid import cases
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.errors import InputError

__all__ = ["Damage", "RandomDamage", "named", "test", "toy", "train", "validation"]

TESTED = (
    "ieee33:crews-2", "ieee33:crews-3-lines-12", "ieee69:crews-3", "zhang118:crews-4",
    "ieee33:crews-2-travel", "ieee69:crews-3-travel", "ieee33:crews-2-switching",
    "ieee69:crews-3-travel-switching",
)  # fmt: skip
"""The scenarios of the test pool."""

TEST_DAMAGES, VALIDATION_DAMAGES = 8, 48
VALIDATION_SITES, VALIDATION_SEED = 24, 11
CRITICAL_SHARE, CRITICAL_WEIGHT = 0.1, 10.0

_SCENARIO = re.compile(r"crews-(\d+)(?:-lines-(\d+))?(-travel)?(-switching)?")
_DATA = Path(__file__).parent / "data" / "best_known.csv"
_FILES = (".toml",)


def train(
    lines: int | Sequence[int] = (6, 20),
    crews: int | Sequence[int] = (2, 4),
    travel: float = 0.35,
    switching: float = 0.25,
    feeders: int = 128,
    seed: int = 0,
) -> RandomDamage:
    """Return the pool to train on.

    Args:
        lines: number of damaged lines, or its range ``(low, high)``.
        crews: number of crews, or its range.
        travel: probability that travel takes time.
        switching: probability that ties may be closed.
        feeders: number of random feeders.
        seed: of the random feeders.

    Raises:
        InputError: a number is impossible.
    """
    for option, share in {"travel": travel, "switching": switching}.items():
        if not 0.0 <= share <= 1.0:
            raise InputError(f"{option} is a probability, so it cannot be {share}")
    if feeders < 1:
        raise InputError(f"feeders must be a whole number above 0, not {feeders}")
    # Its own stream, so that no seed gives the feeders that agents are validated on.
    return RandomDamage(
        _sites(feeders, seed + 1_000),
        _range("lines", lines),
        _range("crews", crews),
        float(travel),
        float(switching),
    )


_sites = cache(random_sites)


def _range(option: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Return a range from one number or two, or say that ``option`` has none."""
    numbers = list(value) if isinstance(value, Sequence) else [value]
    if len(numbers) not in (1, 2) or not all(isinstance(number, int) for number in numbers):
        raise InputError(f"{option} needs one whole number or two, low and high, not {value!r}")
    if not 1 <= numbers[0] <= numbers[-1] <= 1_000:
        raise InputError(f"{option}={value!r} is no range of numbers from 1 to 1000")
    return numbers[0], numbers[-1]


@cache
def validation() -> tuple[Damage, ...]:
    """Return 48 damages of 24 random feeders."""
    pool = RandomDamage(
        _sites(VALIDATION_SITES, VALIDATION_SEED), (8, 20), (2, 4), travel=0.4, switching=0.4
    )
    rng = np.random.default_rng(VALIDATION_SEED)
    return tuple(
        _with_best_known(replace(pool.sample(rng), name=f"validation-{place:02d}"))
        for place in range(1, VALIDATION_DAMAGES + 1)
    )


@cache
def test() -> tuple[Damage, ...]:
    """Return 8 damages of each scenario in :data:`TESTED`."""
    return tuple(_path(name, number) for name in TESTED for number in range(1, TEST_DAMAGES + 1))


def toy() -> tuple[Damage, ...]:
    """Return three feeders with one crew, solved by hand; loads in kW, repairs in hours.

    **toy-star**: three lines from the source, with 30, 20 and 40 kW behind repairs of 3, 1 and
    4 h. Smith's rule: most load per hour first, 20/1, then 30/3 and 40/4 in any order. Harm
    ``20*1 + 30*4 + 40*8 = 460``.

    **toy-path**: two lines in a row, 10 kW between them (2 h) and 60 kW at the end (1 h), and a
    third line from the source with 16 kW (1 h). The path as a whole has 70/3 = 23.3 kW per hour,
    its first line alone 5; Horn's rule takes the whole path before the 16 kW per hour of the third
    line, though that is the best single repair. Harm ``10*2 + 60*3 + 16*4 = 264``; the other order
    gives ``16*1 + 10*3 + 60*4 = 286``.

    **toy-tree**: line 1 (1 h, 2 kW) carries line 2 (2 h, 12 kW) and line 3 (4 h, 4 kW); line 4
    (2 h, 6 kW) starts at the source. Lines 1 and 2 have 14/3 kW per hour, line 4 has 3, line 3 has
    1: harm ``2*1 + 12*3 + 6*5 + 4*9 = 104``.
    """
    return (
        _solved("toy-star", [(0, 30, 3), (0, 20, 1), (0, 40, 4)], 460.0),
        _solved("toy-path", [(0, 10, 2), (1, 60, 1), (0, 16, 1)], 264.0),
        _solved("toy-tree", [(0, 2, 1), (1, 12, 2), (1, 4, 4), (0, 6, 2)], 104.0),
    )


def _solved(name: str, lines: Sequence[tuple[int, float, float]], harm: float) -> Damage:
    """Return damage to all lines, each given by the bus it hangs at, its load and its hours."""
    buses = [Bus("0"), *(Bus(str(i), float(kw)) for i, (_, kw, _) in enumerate(lines, 1))]
    branches = [Branch(str(i), str(up), str(i), 0.1, 0.1) for i, (up, _, _) in enumerate(lines, 1)]
    feeder = Feeder(name, tuple(buses), tuple(branches), "0", 12.66)
    return Damage(
        name,
        feeder,
        tuple(range(len(lines))),
        tuple(float(hours) for _, _, hours in lines),
        best_known=harm,
        lower_bound=harm,
    )


def named(
    words: Iterable[str], *, crews: int | None = None, min_voltage: float | None = None
) -> list[Damage]:
    """Return the instances that the given words name, in their order.

    Args:
        words: names ``FEEDER:crews-M[-lines-D][-travel][-switching]:K``, ranges of them, instances
            of the ``toy`` and ``validation`` pools, files, or several of these with commas between.
        crews: number of crews instead of the instances' own.
        min_voltage: lower limit while ties are closed instead of their own, per unit.

    Raises:
        InputError: there is no such instance, or its file is malformed.
    """
    found: list[Damage] = []
    for word in naming.parts(words):
        if word.lower().endswith(_FILES):
            found.append(files.read(word))
        else:
            found += naming.paths([word], (*toy(), *validation()), _path)
    if crews is None and min_voltage is None:
        return found
    return [
        _with_best_known(
            replace(
                damage,
                crews=damage.crews if crews is None else crews,
                min_voltage=damage.min_voltage if min_voltage is None else min_voltage,
            )
        )
        for damage in found
    ]


def _path(scenario: str, number: int) -> Damage:
    """Return damage ``number`` of a scenario; its seed is a hash of its name."""
    name = f"{scenario}:{number}"
    case, _, rest = scenario.partition(":")
    match = _SCENARIO.fullmatch(rest)
    if match is None:
        raise InputError(
            f"{scenario!r} names no damage; say FEEDER:crews-M[-lines-D][-travel][-switching]:K, "
            "for example ieee33:crews-2:7"
        )
    rng = np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))
    site = Site(_with_critical_loads(cases.load(case), rng))
    lines = int(match[2]) if match[2] else len(site.lines) // 4
    if not 1 <= lines <= len(site.lines):
        raise InputError(f"{scenario!r}: {case} has {len(site.lines)} lines to be damaged")
    damage = site.damage(
        rng, name, int(match[1]), lines, travel=bool(match[3]), switching=bool(match[4])
    )
    return _with_best_known(damage)


def _with_critical_loads(feeder: Feeder, rng: np.random.Generator) -> Feeder:
    critical = rng.random(len(feeder.buses)) < CRITICAL_SHARE
    buses = tuple(
        replace(bus, weight=CRITICAL_WEIGHT) if chosen else bus
        for bus, chosen in zip(feeder.buses, critical, strict=True)
    )
    return replace(feeder, buses=buses)


def _with_best_known(damage: Damage) -> Damage:
    """Return the instance with its optimum, if Horn's algorithm finds it, or what is on record."""
    if not obstacle(damage):
        return replace(damage, best_known=optimum(damage), lower_bound=optimum(damage))
    best, bound = _best_known().get(damage.hash, (None, None))
    return replace(damage, best_known=best, lower_bound=bound)


@cache
def _best_known() -> Mapping[str, tuple[float, float]]:
    """Return the least known harm and the bound of the instances on record, by hash."""
    if not _DATA.exists():
        return {}
    with _DATA.open(encoding="utf-8", newline="") as file:
        return {
            row["hash"]: (float(row["best_known"]), float(row["lower_bound"]))
            for row in csv.DictReader(file)
        }
