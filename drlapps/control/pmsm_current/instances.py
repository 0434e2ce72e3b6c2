"""Pools of drives, and drives by name.

==================== =======================================================================
pool                 drives
==================== =======================================================================
``train``            :class:`RandomDrives`: drives without end, their parameters within ranges
``validation``       96 drives: 32 of each of the three groups of ``test``
``test``             96 drives: ``wiener:0..31``, ``steps:0..31`` and ``uncertain:0..31``
``toy``              three drives of three periods whose least error one can work out
==================== =======================================================================

A drive is named ``SIGNAL:K``: path ``K`` of the set-points, their angle and the noise; ``A..B`` in
place of ``K`` is a range, and without ``K`` it is path 0:

=============== ============================================================================
signal          set-points of both currents
=============== ============================================================================
``wiener``      random walks whose steps have deviations of 0.1 to 1.2 % of the limit
``fast-wiener`` likewise, 0.1 to 10 %: those of gym-electric-motor
``steps``       levels that change every 5 to 30 ms, each for itself
``constant``    one level
``uncertain``   in turn ``wiener`` and ``steps``, where no machine is quite what its data sheet
                says: see :data:`UNCERTAIN`
=============== ============================================================================

All stay within 60 % of the limit, the nominal current, in either axis. A file ending in .toml holds
one's own machine (see :mod:`.files`): ``mine.toml:K``.

Settings change drives (see :class:`.motor.Conditions`), named ones and those of pools, and not what
controllers believe of them: they go on with the data sheet. They know speed, angle, link voltage of
the data sheet and delay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps import naming
from drlapps.control.motors.files import SUFFIX
from drlapps.control.motors.settings import Range, changeable, draw, ends, length
from drlapps.control.motors.signals import Constant, Signal, Steps, Wiener
from drlapps.control.pmsm_current import files
from drlapps.control.pmsm_current.motor import Conditions, Motor
from drlapps.errors import InputError, unknown

STEPS = 1000
GROUPS = ("wiener", "steps", "uncertain")
PATHS = 32
"""Of each group in a pool."""

SIGNALS: Mapping[str, Signal] = {
    "wiener": Wiener(),
    "fast-wiener": Wiener(fast=1e-1),
    "steps": Steps(),
    "constant": Constant(),
}

UNCERTAIN: Mapping[str, tuple[float, float]] = {
    "speed": (0.0, 120.0),
    "resistance_scale": (0.5, 2.0),
    "inductance_scale": (0.6, 1.3),
    "flux_scale": (0.8, 1.2),
}
"""Ranges of the drives called ``uncertain``: iron saturates, magnets and windings are warm."""

_FIRST_VALIDATION = 1_000_000
"""Number of the first validation path: named ones lie far below."""


@dataclass(frozen=True)
class Drive:
    """A machine, how it runs, and what its currents are to follow.

    Attributes:
        name: of the drive.
        motor: its data sheet, which controllers believe.
        signal: of the set-points, as a share of the current limit.
        seed: of set-points, angle and noise.
        conditions: how the drive differs from its data sheet, and how it runs.
        steps: length of the episode.
        given: set-points in ampere in place of those of the signal, one pair a step.
        reference: least tracking error there is, where it is known.
    """

    name: str
    motor: Motor
    signal: Signal
    seed: int
    conditions: Conditions
    steps: int = STEPS
    given: tuple[tuple[float, float], ...] = ()
    reference: float | None = None

    @cached_property
    def _drawn(self) -> tuple[float, int, NDArray[np.float64]]:
        rng = np.random.default_rng(self.seed)
        angle, key = rng.uniform(-np.pi, np.pi), int(rng.integers(2**63))
        if self.given:
            return 0.0, key, np.array(self.given)
        found = np.empty((self.steps, 2))
        for axis in range(2):
            drawn = self.signal.draw(rng, self.steps)
            np.multiply(drawn, self.motor.current_limit, out=found[:, axis])
        return angle, key, found

    @property
    def setpoints(self) -> NDArray[np.float64]:
        """Set-points for the period that begins at each step, in ampere, (T, 2)."""
        return self._drawn[2]

    @property
    def angle(self) -> float:
        """Electrical angle of the rotor at the start."""
        return self._drawn[0]

    @property
    def noise_key(self) -> int:
        """Key of the sensors' noise."""
        return self._drawn[1]

    @property
    def bound(self) -> float | None:
        """The reference: where it is known, no policy passes it."""
        return self.reference

    @cached_property
    def hash(self) -> str:
        """Digest of all but the name."""
        content = [
            asdict(self.motor), repr(self.signal), self.seed, asdict(self.conditions), self.steps,
            self.given,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True)
class RandomDrives:
    """A pool without end.

    Attributes:
        motor: the data sheet.
        signals: to draw from, each equally likely.
        low: the least of all conditions.
        high: the largest; each is drawn between its ends, evenly.
        steps: length of an episode.
    """

    motor: Motor
    signals: tuple[Signal, ...]
    low: Conditions
    high: Conditions
    steps: int

    @cached_property
    def _ranges(self) -> dict[str, tuple[float, float]]:
        ends = zip(vars(self.low).items(), vars(self.high).values(), strict=True)
        return {name: (low, high) for (name, low), high in ends if low != high}

    def sample(self, rng: np.random.Generator) -> Drive:
        """Draw conditions, a signal and its path."""
        conditions = replace(self.low, **draw(self._ranges, rng)) if self._ranges else self.low
        signal = self.signals[int(rng.integers(len(self.signals)))]
        # Named paths have seeds of 63 bits, too: that two are equal is out of the question.
        seed = int(rng.integers(2**63))
        return Drive("random", self.motor, signal, seed, conditions, self.steps)

    def largest(self) -> Drive:
        """Return a drive that changes while it runs, if any does."""
        changing = self.low if self.high.steady else self.high
        return Drive("largest", self.motor, self.signals[0], 0, changing, self.steps)


def train(
    signal: str = "uncertain",
    motor: str = "",
    steps: int = STEPS,
    speed: Range = UNCERTAIN["speed"],
    acceleration: Range = 0.0,
    resistance_scale: Range = UNCERTAIN["resistance_scale"],
    inductance_scale: Range = UNCERTAIN["inductance_scale"],
    flux_scale: Range = UNCERTAIN["flux_scale"],
    voltage_scale: Range = 1.0,
    drift: Range = 0.0,
    noise: Range = 0.5,
    delay: Range = (0, 2),
    dead_time: Range = 0.0,
    protection: bool = True,
) -> RandomDrives:
    """Return the pool to train on.

    Args:
        signal: name of a signal; ``uncertain`` for ``wiener`` and ``steps``, each equally likely.
        motor: a file with one's own machine.
        steps: length of an episode.
        speed: of the rotor, or the two ends between which it is drawn anew for every episode, as
            for all that follow; see :class:`.motor.Conditions`.
        acceleration: of the speed.
        resistance_scale: true resistance over that of the data sheet.
        inductance_scale: of both inductances.
        flux_scale: of the magnets' flux.
        voltage_scale: of the link voltage.
        drift: share by which the resistance rises.
        noise: deviation of the measured currents, in ampere.
        delay: in periods.
        dead_time: of the legs, in microseconds.
        protection: whether a current above the limit ends the episode.

    Raises:
        InputError: there is no such signal or file, or a range is impossible.
    """
    own = files.read(Path(motor)) if motor else None
    given = {name: value for name, value in locals().items() if name in Conditions.__annotations__}
    low, high = ends(given)
    chosen = ("wiener", "steps") if signal == "uncertain" else (signal,)
    signals = tuple(_signal(name) for name in chosen)
    sheet = own.motor if own else Motor()
    pool = RandomDrives(sheet, signals, Conditions(**low), Conditions(**high), length(steps))
    for name in low:
        if low[name] > high[name]:
            raise InputError(f"{name}: the range {given[name]!r} has no numbers")
    return pool


@changeable(Conditions)
def validation(**settings: Any) -> Sequence[Drive]:
    """Return 32 drives of each group.

    Args:
        settings: as for :func:`named`.
    """
    drives = _groups(_FIRST_VALIDATION, settings)
    return tuple(replace(drive, name=f"validation-{drive.name}") for drive in drives)


@changeable(Conditions)
def test(**settings: Any) -> Sequence[Drive]:
    """Return 32 drives of each group.

    Args:
        settings: as for :func:`named`.
    """
    return _groups(0, settings)


def _groups(first: int, settings: Mapping[str, Any]) -> tuple[Drive, ...]:
    changes = {name: value for name, value in settings.items() if value is not None}
    numbers = range(first, first + PATHS)
    return tuple(_path(group, number, changes) for group in GROUPS for number in numbers)


def toy() -> tuple[Drive, ...]:
    """Return three drives whose least tracking error one can work out.

    They stand still, where the axes do not see each other, are what their data sheets say, and have
    no noise; the angle is 0, so that the d axis points at a corner of the hexagon.

    **toy-reach**: 40 A in the d axis for three periods, without delay. The corner, 200 V, would
    reach ``200 V / R (1 - exp(-R tau / L_d)) = 53.92 A`` in one: no error at all is possible.

    **toy-late**: the same with a delay of one period, in which nothing can be done: an error of
    ``40 / (4 * 400)`` once in three periods.

    **toy-far**: 100 A in the d axis, without delay: 53.92 A after the first period with all the
    voltage there is, which is also best for what comes later, and no error after that. Two periods
    of full voltage would reach 107.6 A.
    """
    motor = Motor()
    still = Conditions(speed=0.0, noise=0.0, delay=0)
    decay = np.exp(-motor.resistance * motor.period / motor.inductance_d)
    reach = 2.0 / 3.0 * motor.link_voltage / motor.resistance * (1.0 - decay)

    def drive(name: str, level: float, delay: int, missed: float) -> Drive:
        return Drive(
            name, motor, Constant(), 0, replace(still, delay=delay), 3, ((level, 0.0),) * 3,
            reference=float(missed / (4.0 * motor.current_limit) / 3.0),
        )  # fmt: skip

    return (
        drive("toy-reach", 40.0, 0, 0.0),
        drive("toy-late", 40.0, 1, 40.0),
        drive("toy-far", 100.0, 0, 100.0 - reach),
    )


@changeable(Conditions)
def named(words: Iterable[str], **settings: Any) -> list[Drive]:
    """Return the drives that the given words name, in their order.

    Args:
        words: names, as above.
        settings: conditions that differ (see :class:`.motor.Conditions`), and ``steps``; what is
            ``None`` stays as the drive has it.

    Raises:
        InputError: there is no such drive, a number is impossible, or a file is malformed.
    """
    changes = {name: value for name, value in settings.items() if value is not None}
    fixed = [] if changes else [*toy(), *validation()]
    return naming.paths(words, fixed, lambda word, number: _path(word, number, changes))


def _path(word: str, number: int, changes: Mapping[str, Any]) -> Drive:
    """Return path ``number`` of a signal, or of a file's; its seed is a hash of the number."""
    digest = hashlib.sha256(f"drive:{number}".encode()).digest()
    seed = int.from_bytes(digest[:8], "big") >> 1
    settings = dict(changes)
    steps = settings.pop("steps", None)
    if word.endswith(SUFFIX):
        own = files.read(Path(word))
        stem, sheet, signal = Path(word).stem, own.motor, _signal(own.signal)
        conditions, usual = own.conditions, own.steps
    elif word == "uncertain":
        stem, sheet, signal = word, Motor(), _signal(("wiener", "steps")[number % 2])
        conditions, usual = Conditions(**draw(UNCERTAIN, np.random.default_rng([seed, 1]))), STEPS
    else:
        stem, sheet, signal = word, Motor(), _signal(word)
        conditions, usual = Conditions(), STEPS
    return Drive(
        f"{stem}:{number}",
        sheet,
        signal,
        seed,
        replace(conditions, **settings),
        usual if steps is None else length(steps),
    )


def _signal(name: str) -> Signal:
    if name not in SIGNALS:
        raise unknown("signal", str(name), (*SIGNALS, "uncertain"))
    return SIGNALS[name]
