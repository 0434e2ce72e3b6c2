"""Restoration pools: random outages of random feeders to train on, published feeders to test on.

=============  ==========================================================================
pool           outages
=============  ==========================================================================
``train``      :class:`RandomOutages`: one to three faults in random feeders
``validation`` 96 fixed outages of 96 other random feeders
``test``       every single outage of a line of the IEEE 33-bus feeder
``double``     200 random double outages of that feeder
``ieee69``     every single outage of a line of the IEEE 69-bus feeder
``toy``        three tiny feeders whose optimum a reader can check by hand
=============  ==========================================================================

An outage is named ``FEEDER:outage-8`` or, of several branches, ``FEEDER:outage-8-22``;
``FEEDER:singles`` are all single outages of closed branches, and ``FEEDER:intact``, or ``FEEDER``
alone, is the feeder without a fault. A feeder is a published one or a file.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np

from drlapps import naming
from drlapps.energy.grid import cases, files, profiles
from drlapps.energy.grid.feeder import Branch, Bus, Feeder, Ints
from drlapps.energy.grid.power_flow import power_flows
from drlapps.energy.grid.random_feeders import RandomFeeders
from drlapps.energy.restoration.outage import Outage
from drlapps.errors import InputError, unknown

VALIDATION = 96
_OPTIMA = Path(__file__).with_name("data") / "optima.csv"
_STREAM = 0x0E5
"""Keeps the feeders of training and validation apart."""


@dataclass(frozen=True)
class RandomOutages:
    """A pool without end: faults in feeders drawn at random.

    Attributes:
        family: of the feeders.
        feeders: how many different ones; drawing one is dear.
        feeder: the only one, instead.
        broken: the only faults, instead.
        faults: probabilities of one fault, two, three and so on.
        min_voltage: range of the lower voltage limit, per unit.
        loading: range of the factor on all loads.
        seed: of the feeders.

    Raises:
        InputError: a range is empty or impossible.
    """

    family: RandomFeeders = field(default_factory=RandomFeeders)
    feeders: int = 512
    feeder: Feeder | None = None
    broken: tuple[int, ...] = ()
    faults: tuple[float, ...] = (0.5, 0.35, 0.15)
    min_voltage: tuple[float, float] = (0.90, 0.90)
    max_voltage: float = 1.10
    loading: tuple[float, float] = (0.8, 1.1)
    max_operations: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.feeders < 1:
            raise InputError(f"feeders={self.feeders} is no number of feeders to draw from")
        if min(self.faults, default=-1.0) < 0 or not abs(sum(self.faults) - 1.0) < 1e-9:
            raise InputError(f"faults={list(self.faults)} are no probabilities that sum to 1")
        for name, least, most in (("min_voltage", 0.5, 0.999), ("loading", 0.01, 10.0)):
            low, high = getattr(self, name)
            if not least <= low <= high <= most:
                raise InputError(f"{name}={low}..{high} is no range between {least} and {most}")

    def sample(self, rng: np.random.Generator) -> Outage:
        """Draw an outage."""
        number = int(rng.integers(self.feeders))
        feeder, decisive = self._own or _drawn(self.family, self.seed, number)
        broken = self.broken or self._faults(rng, feeder, decisive)
        return self._outage(
            feeder,
            broken,
            loading=float(rng.uniform(*self.loading)),
            min_voltage=float(rng.uniform(*self.min_voltage)),
        )

    @cached_property
    def _own(self) -> tuple[Feeder, Ints] | None:
        return None if self.feeder is None else (self.feeder, _decisive(self.feeder))

    def _faults(self, rng: np.random.Generator, feeder: Feeder, decisive: Ints) -> tuple[int, ...]:
        """Return faults of which the first alone leaves something to be reconnected."""
        lines = len(feeder.buses) - 1
        broken = {int(decisive[rng.integers(len(decisive))])}
        count = 1 + int(np.searchsorted(np.cumsum(self.faults), rng.random()))
        while len(broken) < min(count, lines):
            drawn = int(rng.integers(len(feeder.branches)))
            if feeder.arrays.closed[drawn]:
                broken.add(drawn)
        return tuple(sorted(broken))

    def largest(self) -> Outage:
        """Return an outage of a feeder as large as any drawn one."""
        feeder = self.feeder or self.family.largest()
        return self._outage(feeder, (), self.loading[0], self.min_voltage[0])

    def _outage(
        self, feeder: Feeder, faults: tuple[int, ...], loading: float, min_voltage: float
    ) -> Outage:
        return Outage(
            feeder.name, feeder, faults, loading, min_voltage, self.max_voltage,
            self.max_operations,
        )  # fmt: skip


@cache
def _drawn(family: RandomFeeders, seed: int, number: int) -> tuple[Feeder, Ints]:
    feeder = family.sample(np.random.default_rng([_STREAM, seed, number]))
    return feeder, _decisive(feeder)


def _decisive(feeder: Feeder) -> Ints:
    """Return the lines whose outage leaves a part in the dark that a tie leads to; else all."""
    a = feeder.arrays
    lines, ties = np.flatnonzero(a.closed), np.flatnonzero(~a.closed)
    closed = np.repeat(a.closed[None], len(lines), axis=0)
    closed[np.arange(len(lines)), lines] = False
    lit = power_flows(feeder, closed).energised
    decisive: Ints = lines[(lit[:, a.tail[ties]] != lit[:, a.head[ties]]).any(axis=1)]
    return decisive if len(decisive) else lines


def train(
    buses: tuple[int, int] = (10, 28),
    ties: tuple[int, int] = (3, 7),
    lowest_voltage: tuple[float, float] = (0.90, 0.94),
    critical: float = 0.3,
    feeders: int = 512,
    feeder: str = "",
    outage: str | int = "",
    faults: tuple[float, ...] = (0.5, 0.35, 0.15),
    min_voltage: float | tuple[float, float] = 0.90,
    max_voltage: float = 1.10,
    loading: float | tuple[float, float] = (0.8, 1.1),
    customers: str = "",
    hour: float = 19.0,
    max_operations: int | None = None,
    seed: int = 0,
) -> RandomOutages:
    """Return the pool of random outages; a single number stands for a range of one.

    Args:
        buses: range of the number of buses.
        ties: range of the number of ties.
        lowest_voltage: range of the lowest voltage in normal operation, per unit.
        critical: probability that the loads of a feeder differ in weight.
        feeders: number of different feeders.
        feeder: a published one or a file, to learn the outages of that alone.
        outage: its branches that are broken, with hyphens between them, to learn that alone.
        faults: probabilities of one fault, two, three and so on.
        min_voltage: lower voltage limit, per unit, or its range.
        max_voltage: upper voltage limit.
        loading: factor on all loads, or its range.
        customers: whose loads at ``hour`` are a further factor, see :mod:`..grid.profiles`;
            nobody's by default.
        hour: of the day.
        max_operations: greatest number of operations.
        seed: of the feeders.
    """
    factor = _factor(customers, hour)
    low, high = _pair("loading", loading)
    family = RandomFeeders(
        _pair("buses", buses),
        _pair("ties", ties),
        _pair("lowest_voltage", lowest_voltage),
        critical,
    )
    one = _read(feeder) if feeder else None
    if outage and one is None:
        raise InputError("outage names branches of a feeder; set feeder too")
    return RandomOutages(
        family,
        feeders,
        one,
        _broken(one, str(outage)) if one is not None and outage else (),
        tuple(faults),
        _pair("min_voltage", min_voltage),
        max_voltage,
        (low * factor, high * factor),
        max_operations,
        seed,
    )


def _factor(customers: str, hour: float) -> float:
    """Return the share of the peak that customers draw at an hour; 1 for nobody."""
    return float(profiles.profile(customers, hour)) if customers else 1.0


def _pair(option: str, value: object) -> tuple[Any, Any]:
    numbers = list(value) if isinstance(value, list | tuple) else [value]
    if len(numbers) not in (1, 2) or not all(isinstance(number, int | float) for number in numbers):
        raise InputError(f"{option} needs a number or two, low and high, not {value!r}")
    return numbers[0], numbers[-1]


@cache
def validation() -> tuple[Outage, ...]:
    """Return 96 outages, each of another random feeder, none of them in the train pool."""
    pool = RandomOutages(feeders=1_000_000, seed=1)
    rng = np.random.default_rng(20_000)
    drawn = (pool.sample(rng) for _ in range(VALIDATION))
    return tuple(replace(outage, name=f"validation-{i:02d}") for i, outage in enumerate(drawn, 1))


def test() -> tuple[Outage, ...]:
    """Return every single outage of a line of the IEEE 33-bus feeder."""
    return tuple(named(["ieee33:singles"]))


def double() -> tuple[Outage, ...]:
    """Return 200 random double outages of the IEEE 33-bus feeder."""
    pairs = (name for name in _optima() if name.startswith("ieee33:") and name.count("-") == 2)
    return tuple(named(pairs))


def ieee69() -> tuple[Outage, ...]:
    """Return every single outage of a line of the IEEE 69-bus feeder."""
    return tuple(named(["ieee69:singles"]))


def toy() -> tuple[Outage, ...]:
    """Return three outages solved by hand. The source is bus 1; all loads are active.

    **toy-ring**: lines 1-2 and 2-3, a tie 1-3. Line 1-2 is broken: closing the tie feeds bus 3, and
    bus 2 through it. Drops are small. Optimum: everything is served, 1.

    **toy-shed**: a broken line and a tie of resistance ``r`` both lead from the source to bus 2;
    lines without impedance lead on to bus 3. The loads are 0.5 and 0.4 per unit, ``r = 0.15``. A
    single drop with only active power has the voltage ``v = (1 + sqrt(1 - 4 r P)) / 2``, which is
    at least 0.9 where ``r P <= 0.09``. Both loads make 0.135, the first alone 0.075. Optimum 5/9.

    **toy-exchange**: bus 4, load 0.5, hangs at bus 3, load 0.5, behind the broken line 1-2. One tie
    leads from the source to bus 3 with resistance 0.1, one to bus 4 with 0.15. By the first alone
    the drop is that of ``r P = 0.1``, by the second alone 0.15, both too much; with line 3-4 open
    each feeds one load with 0.05 and 0.075. Optimum 1, by three operations.
    """
    ring = _network("toy-ring", [0, 0.1, 0.1], [(1, 2, 0.1), (2, 3, 0.1), (1, 3, 0.1)], ties=1)
    shed = _network("toy-shed", [0, 0.5, 0.4], [(1, 2, 0.01), (2, 3, 0.0), (1, 2, 0.15)], ties=1)
    exchange = _network(
        "toy-exchange",
        [0, 0.0, 0.5, 0.5],
        [(1, 2, 0.01), (2, 3, 0.01), (3, 4, 0.0), (1, 3, 0.1), (1, 4, 0.15)],
        ties=2,
    )
    return (
        Outage("toy-ring", ring, (0,), optimum=1.0),
        Outage("toy-shed", shed, (0,), optimum=5.0 / 9.0),
        Outage("toy-exchange", exchange, (0,), optimum=1.0),
    )


def _network(
    name: str, loads: list[float], lines: list[tuple[int, int, float]], ties: int
) -> Feeder:
    """Return a feeder whose numbers are per unit: 1 kV on a base of 1 MVA makes 1 ohm."""
    buses = tuple(Bus(str(i), 1000.0 * load) for i, load in enumerate(loads, 1))
    branches = tuple(
        Branch(str(i), str(a), str(b), r, 0.0, closed=i <= len(lines) - ties)
        for i, (a, b, r) in enumerate(lines, 1)
    )
    return Feeder(name, buses, branches, "1", 1.0)


def named(
    words: Iterable[str],
    *,
    outage: str | int = "",
    min_voltage: float = 0.90,
    max_voltage: float = 1.10,
    loading: float = 1.0,
    critical: float = 0.0,
    customers: str = "",
    hour: float = 19.0,
    max_operations: int | None = None,
) -> list[Outage]:
    """Return the outages that the words name, in their order.

    Args:
        words: see the module; ``validation-01`` and toys also by their names.
        outage: branches that are broken, with hyphens between them, where a word names none.
        min_voltage: lower voltage limit, per unit.
        max_voltage: upper voltage limit.
        loading: factor on all loads.
        critical: share of the loads that weigh more than others, see :func:`.cases.critical`.
        customers: whose loads at ``hour`` are a further factor, see :mod:`..grid.profiles`;
            nobody's by default.
        hour: of the day.
        max_operations: greatest number of operations.

    Raises:
        InputError: there is no such feeder or branch, or a limit is impossible.
    """
    fixed = {one.name: one for one in (*toy(), *validation())}
    found = []
    for word in naming.parts(words):
        if word in fixed:
            found.append(fixed[word])
            continue
        name, feeder, faults = _resolve(word, str(outage))
        feeder = cases.critical(feeder, share=critical) if critical else feeder
        for label, broken in faults:
            one = Outage(
                f"{name}:{label}", feeder, broken, loading * _factor(customers, hour), min_voltage,
                max_voltage, max_operations,
            )  # fmt: skip
            # The optima are those for the limits and weights that an outage has by default.
            if not critical and one == Outage(one.name, feeder, broken):
                one = replace(one, optimum=_optima().get(one.name))
            found.append(one)
    return found


def _resolve(word: str, outage: str) -> tuple[str, Feeder, list[tuple[str, tuple[int, ...]]]]:
    """Return the feeder of a word, and label and branches of each of its outages."""
    name, _, what = word.rpartition(":")
    if not name or not (what in ("intact", "singles") or what.startswith("outage-")):
        name, what = word, f"outage-{outage}" if outage else "intact"
    feeder = _read(name)
    name = name if _is_file(name) else feeder.name
    if what == "intact":
        return name, feeder, [("intact", ())]
    if what == "singles":
        lines = [k for k, branch in enumerate(feeder.branches) if branch.closed]
        return name, feeder, [(f"outage-{feeder.branches[k].name}", (k,)) for k in lines]
    return name, feeder, [(what, _broken(feeder, what.removeprefix("outage-")))]


def _is_file(name: str) -> bool:
    return bool(Path(name).suffix) or Path(name).exists()


def _read(name: str) -> Feeder:
    """Return the feeder of a file or a published one."""
    return files.read(name) if _is_file(name) else cases.load(name)


def _broken(feeder: Feeder, what: str) -> tuple[int, ...]:
    """Return the branches that ``A-B`` names; a name may have hyphens of its own."""
    if what in feeder.branch_index:
        return (feeder.branch_index[what],)
    parts = what.split("-")
    for name in parts:
        if name not in feeder.branch_index:
            raise unknown(f"branch of {feeder.name}", name, feeder.branch_index)
    return tuple(sorted(feeder.branch_index[name] for name in parts))


@cache
def _optima() -> dict[str, float]:
    """Return the load served at best, as exact enumeration has found it, by name of the outage."""
    with _OPTIMA.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        return {
            f"{row['feeder']}:outage-{row['outage']}": float(row["load_served"]) for row in rows
        }
