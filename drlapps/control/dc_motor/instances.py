"""Pools of drives, and drives by name.

==================== =======================================================================
pool                 drives
==================== =======================================================================
``train``            :class:`.drive.RandomDrives`: drives without end, parameters within ranges
``validation``       48 drives: 16 of each of the three groups of ``test``
``test``             96 drives: ``wiener:0..31``, ``steps:0..31`` and ``uncertain:0..31``
``toy``              three drives of three periods whose least error one can work out
==================== =======================================================================

A drive is named ``SIGNAL:K``: path ``K`` of set-points, load torque and noise; ``A..B`` in place of
``K`` is a range, and without ``K`` it is path 0:

=============== ============================================================================
signal          set-points
=============== ============================================================================
``wiener``      random walks at a pace that a motor can keep
``fast-wiener`` likewise, steps of up to 10 % of the limit: those of gym-electric-motor
``steps``       levels that change every 5 to 30 ms, under speed control 50 to 150
``constant``    one level
``uncertain``   in turn ``wiener`` and ``steps``, where no motor is quite what its data sheet
                says: see :data:`UNCERTAIN`
=============== ============================================================================

Set-points of currents stay within the nominal current, 45 % of the limit; those of the speed within
:data:`SPEEDS`. A file ending in .toml holds one's own motor (see :mod:`.files`): ``mine.toml:K``.

``motor`` and ``control`` choose the problem in every pool but ``toy``. The other settings change
the drive (see :class:`.motor.Conditions`) and not what controllers believe of it: they go on with
the data sheet. They know speed and delay, and neither the load nor its friction.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from drlapps import naming
from drlapps.control.dc_motor import files
from drlapps.control.dc_motor.drive import STEPS, Drive, RandomDrives
from drlapps.control.dc_motor.motor import (
    CONTROLS,
    CURRENT,
    KINDS,
    LOADS,
    MAGNET,
    MOTORS,
    POINTS,
    SERIES,
    SHUNT,
    SPEED,
    Conditions,
    Motor,
)
from drlapps.control.motors.files import SUFFIX
from drlapps.control.motors.settings import Range, changeable, draw, ends, length
from drlapps.control.motors.signals import Constant, Signal, Steps, Wiener
from drlapps.errors import InputError, unknown

GROUPS = ("wiener", "steps", "uncertain")
TEST_PATHS, VALIDATION_PATHS = 32, 16

_SIGNALS: Mapping[str, Mapping[str, Signal]] = {
    CURRENT: {
        "wiener": Wiener(slow=2e-4, fast=4e-3),
        "fast-wiener": Wiener(slow=1e-3, fast=1e-1),
        "steps": Steps(),
        "constant": Constant(),
    },
    SPEED: {
        "wiener": Wiener(slow=3e-5, fast=3e-4),
        "fast-wiener": Wiener(slow=1e-3, fast=1e-1),
        "steps": Steps(shortest=500, longest=1500),
        "constant": Constant(),
    },
}

SPEEDS: Mapping[str, tuple[float, float]] = {
    SERIES: (0.05, 0.6),
    SHUNT: (0.05, 0.45),
    MAGNET: (-0.4, 0.4),
}
"""Where set-points of the speed lie, as shares of its limit.

A series or shunt motor cannot brake against its load, and turns in one direction only. A shunt
motor does not pass 235 rad/s, whatever the voltage: there the flux that it makes holds all of
it."""

_CURRENTS = (-0.45, 0.45)

UNCERTAIN: Mapping[str, tuple[float, float]] = {
    "speed": (0.0, 150.0),
    "resistance_scale": (0.5, 2.0),
    "inductance_scale": (0.6, 1.3),
    "flux_scale": (0.8, 1.2),
    "inertia_scale": (0.7, 1.5),
}
"""Ranges of the drives called ``uncertain``: iron saturates, windings are warm."""

_FIRST_VALIDATION = 1_000_000
"""Number of the first validation path: named ones lie far below."""


def train(
    motor: str = SERIES,
    control: str | None = None,
    signal: str = "uncertain",
    steps: int | None = None,
    speed: Range = UNCERTAIN["speed"],
    acceleration: Range = 0.0,
    load_torque: Range = 0.5,
    resistance_scale: Range = UNCERTAIN["resistance_scale"],
    inductance_scale: Range = UNCERTAIN["inductance_scale"],
    flux_scale: Range = UNCERTAIN["flux_scale"],
    inertia_scale: Range = UNCERTAIN["inertia_scale"],
    voltage_scale: Range = 1.0,
    noise: Range = 0.5,
    delay: Range = 1,
    dead_time: Range = 0.0,
    protection: bool = True,
) -> RandomDrives:
    """Return the pool to train on.

    Args:
        motor: ``series``, ``shunt``, ``permanently-excited`` or a file with one's own.
        control: ``current`` or ``speed``; by default as the file says, else the current.
        signal: name of a signal; ``uncertain`` for ``wiener`` and ``steps``, each equally likely.
        steps: length of an episode; by default 1000 for the current and 2500 for the speed.
        speed: which a dynamometer holds, or the two ends between which it is drawn anew for every
            episode, as for all that follow; see :class:`.motor.Conditions`.
        acceleration: of that speed.
        load_torque: that comes and goes.
        resistance_scale: true resistances over those of the data sheet.
        inductance_scale: of inductances.
        flux_scale: of what makes flux.
        inertia_scale: of rotor and load.
        voltage_scale: of the supply.
        noise: deviation of the measured currents, in ampere.
        delay: in decisions.
        dead_time: of the legs, in microseconds.
        protection: whether a current above the limit ends the episode.

    Raises:
        InputError: there is no such motor, signal or file, or a range is impossible.
    """
    given = {name: value for name, value in locals().items() if name in Conditions.__annotations__}
    low, high = ends(given)
    own = _own(motor)
    what = control or own.control
    chosen = ("wiener", "steps") if signal == "uncertain" else (signal,)
    pool = RandomDrives(
        own.motor, own.load, what, tuple(_signal(name, what, own.motor) for name in chosen),
        Conditions(**low), Conditions(**high), length(_first(steps, own.steps, STEPS[what])),
    )  # fmt: skip
    for name in low:
        if low[name] > high[name]:
            raise InputError(f"{name}: the range {given[name]!r} has no numbers")
    return pool


@changeable(Conditions)
def validation(
    motor: str = SERIES, control: str | None = None, **settings: Any
) -> tuple[Drive, ...]:
    """Return 16 drives of each group.

    Args:
        motor: as for :func:`train`.
        control: likewise.
        settings: as for :func:`named`.
    """
    first, changes = _FIRST_VALIDATION, _given(settings)
    return tuple(
        replace(
            _path(group, number, motor, control, changes),
            name=f"validation-{group}:{number - first}",
        )
        for group in GROUPS
        for number in range(first, first + VALIDATION_PATHS)
    )


@changeable(Conditions)
def test(
    motor: str = SERIES,  # noqa: PT028
    control: str | None = None,  # noqa: PT028
    **settings: Any,
) -> tuple[Drive, ...]:
    """Return 32 drives of each group; arguments as for :func:`validation`."""
    changes = _given(settings)
    return tuple(
        _path(group, number, motor, control, changes)
        for group in GROUPS
        for number in range(TEST_PATHS)
    )


def toy() -> tuple[Drive, ...]:
    """Return three drives whose least tracking error one can work out.

    Series motors as on the data sheet, without noise and delay, whose current is to rise so far
    within three periods that nothing is better than all the voltage there is, throughout. At the
    speed ``w`` the current then is ``U / (R + M w) (1 - exp(-(R + M w) t / L))``, and the error its
    mean distance from the set-point at 30 points.

    **toy-still**: to 60 A at standstill. **toy-turning**: to 60 A at 100 rad/s. **toy-back**: to
    -60 A at standstill.
    """
    motor, load = MOTORS[SERIES], LOADS[SERIES]
    steps = 3
    time = motor.period / POINTS * np.arange(1, steps * POINTS + 1)
    resistance = motor.armature_resistance + motor.field_resistance
    inductance = motor.armature_inductance + motor.field_inductance

    def drive(name: str, level: float, speed: float) -> Drive:
        drop = resistance + motor.mutual_inductance * speed
        current = motor.voltage / drop * (1.0 - np.exp(-drop * time / inductance))
        missed = np.mean(abs(level) - current) / (2.0 * motor.current_limit)
        share = level / motor.current_limit
        return Drive(
            name, motor, load, CURRENT, Constant(share, share), 0,
            Conditions(speed=speed, noise=0.0, delay=0), steps, float(missed),
        )  # fmt: skip

    return (
        drive("toy-still", 60.0, 0.0),
        drive("toy-turning", 60.0, 100.0),
        drive("toy-back", -60.0, 0.0),
    )


@changeable(Conditions)
def named(
    words: Iterable[str], motor: str | None = None, control: str | None = None, **settings: Any
) -> list[Drive]:
    """Return the drives that the given words name, in their order.

    Args:
        words: names, as above.
        motor: as for :func:`train`.
        control: likewise.
        settings: conditions that differ (see :class:`.motor.Conditions`), and ``steps``; what is
            ``None`` stays as the drive has it.

    Raises:
        InputError: there is no such drive, a number is impossible, or a file is malformed.
    """
    changes = _given(settings)
    chosen = motor or SERIES
    fixed = [] if changes else [*validation(chosen, control)]
    if not changes and chosen == SERIES and control in (None, CURRENT):
        fixed += toy()
    return naming.paths(
        words, fixed, lambda word, number: _path(word, number, motor, control, changes)
    )


def _own(motor: str) -> files.OwnDrive:
    """Return a motor of gym-electric-motor's or of a file."""
    if motor.endswith(SUFFIX):
        return files.read(Path(motor))
    if motor not in KINDS:
        raise unknown("motor", str(motor), KINDS)
    return files.OwnDrive(MOTORS[motor], LOADS[motor], Conditions(), "wiener", CURRENT, None)


def _path(
    word: str, number: int, motor: str | None, control: str | None, changes: Mapping[str, Any]
) -> Drive:
    """Return path ``number`` of a signal, or of a file's; its seed is a hash of the number."""
    digest = hashlib.sha256(f"dc-drive:{number}".encode()).digest()
    seed = int.from_bytes(digest[:8], "big") >> 1
    settings = dict(changes)
    steps = settings.pop("steps", None)
    if word.endswith(SUFFIX):
        if motor is not None:
            raise InputError(f"{word} has its own motor: leave out motor={motor}")
        own = files.read(Path(word))
        stem, signal = Path(word).stem, own.signal
    else:
        own = _own(motor or SERIES)
        stem, signal = word, word
    conditions = own.conditions
    if signal == "uncertain":
        signal = ("wiener", "steps")[number % 2]
        conditions = replace(conditions, **draw(UNCERTAIN, np.random.default_rng([seed, 1])))
    what = control or own.control
    return Drive(
        f"{stem}:{number}",
        own.motor,
        own.load,
        what,
        _signal(signal, what, own.motor),
        seed,
        replace(conditions, **settings),
        length(_first(steps, own.steps, STEPS[what])),
    )


def _signal(name: str, control: str, motor: Motor) -> Signal:
    """Return a signal between the margins of what is controlled."""
    if control not in CONTROLS:
        raise unknown("control", str(control), CONTROLS)
    if name not in _SIGNALS[control]:
        raise unknown("signal", str(name), (*_SIGNALS[control], "uncertain"))
    low, high = _CURRENTS if control == CURRENT else SPEEDS[motor.kind]
    return replace(_SIGNALS[control][name], low=low, high=high)  # type: ignore[type-var]


def _first(*lengths: object) -> object:
    return next(length for length in lengths if length is not None)


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value is not None}
