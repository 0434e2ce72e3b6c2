"""Drives of one's own, from TOML files.

An example with everything there can be; what is left out is that of gym-electric-motor's motor of
the same kind, see :mod:`.motor`::

    signal = "steps"             # of the set-points, see drlapps.control.dc_motor.instances
    control = "speed"            # what is to follow them: current or speed
    steps = 2000                 # control periods of an episode

    [motor]                      # the data sheet, which controllers believe
    kind = "shunt"               # or series, permanently-excited
    armature_resistance = 0.02   # ohm
    armature_inductance = 25e-6  # henry
    field_resistance = 0.5
    field_inductance = 6e-3
    mutual_inductance = 2e-3
    magnet_flux = 0.165          # weber; no matter here
    inertia = 3e-3               # kg m^2
    current_limit = 180          # ampere
    speed_limit = 300            # rad/s
    voltage = 48                 # volt
    period = 1e-4                # seconds

    [load]
    static = 0.1                 # Nm
    viscous = 0.01               # Nm s
    quadratic = 1e-5             # Nm s^2
    inertia = 1e-3               # kg m^2

    [conditions]                 # how the drive differs from its data sheet, and how it runs
    speed = 100                  # rad/s, under current control
    acceleration = 0
    load_torque = 0.4            # Nm, under speed control
    resistance_scale = 1.4
    inductance_scale = 0.8
    flux_scale = 0.95
    inertia_scale = 1.0
    voltage_scale = 1.0
    noise = 0.5                  # ampere
    delay = 1                    # decisions
    dead_time = 1.5              # microseconds
    protection = true
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from drlapps.control.dc_motor.motor import (
    CONTROLS,
    CURRENT,
    KINDS,
    LOADS,
    MOTORS,
    SERIES,
    Conditions,
    Load,
    Motor,
)
from drlapps.control.motors.files import entries
from drlapps.errors import InputError, unknown
from drlapps.files import read_toml

_KNOWN = ("signal", "control", "steps", "motor", "load", "conditions")


@dataclass(frozen=True)
class OwnDrive:
    """What a file says.

    Attributes:
        motor: the data sheet.
        load: what it drives.
        conditions: how the drive runs.
        signal: name of the signal of the set-points.
        control: what is to follow them.
        steps: length of an episode, or none said.
    """

    motor: Motor
    load: Load
    conditions: Conditions
    signal: str
    control: str
    steps: int | None


def read(path: Path) -> OwnDrive:
    """Read a drive of one's own.

    Raises:
        InputError: one sentence that names the file, the place in it and what is wrong there.
    """
    if not path.exists():
        raise InputError(f"no such file: {path}")
    table = read_toml(path)
    try:
        for key in table:
            if key not in _KNOWN:
                raise unknown("entry", key, _KNOWN)
        signal, control = _text(table, "signal", "wiener"), _text(table, "control", CURRENT)
        if control not in CONTROLS:
            raise unknown("control", control, CONTROLS)
        steps = table.get("steps")
        if steps is not None and (isinstance(steps, bool) or not isinstance(steps, int)):
            raise InputError(f"steps must be a whole number, not {steps!r}")
        kind = _text(entries(table, "motor", Motor), "kind", SERIES)
        if kind not in KINDS:
            raise unknown("kind of motor", kind, KINDS)
        motor = Motor(**asdict(MOTORS[kind]) | entries(table, "motor", Motor))
        load = Load(**asdict(LOADS[kind]) | entries(table, "load", Load))
        conditions = Conditions(**entries(table, "conditions", Conditions))
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault
    return OwnDrive(motor, load, conditions, signal, control, steps)


def _text(table: Mapping[str, Any], key: str, default: str) -> str:
    found = table.get(key, default)
    if not isinstance(found, str):
        raise InputError(f"{key} must be a text, not {found!r}")
    return found
