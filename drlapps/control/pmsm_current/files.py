"""Drives of one's own, from TOML files.

An example with everything there can be; what is left out is as in :class:`.motor.Motor` and
:class:`.motor.Conditions`::

    signal = "steps"             # of the set-points, see drlapps.control.pmsm_current.instances
    steps = 2000                 # control periods of an episode

    [motor]                      # the data sheet, which controllers believe
    pole_pairs = 4
    resistance = 0.025           # ohm
    inductance_d = 0.3e-3        # henry
    inductance_q = 0.9e-3
    flux = 0.05                  # weber
    current_limit = 250          # ampere, amplitude
    link_voltage = 400           # volt
    period = 1e-4                # seconds
    speed_limit = 600            # rad/s, mechanical

    [conditions]                 # how the drive differs from its data sheet, and how it runs
    speed = 150                  # rad/s, mechanical
    acceleration = 0
    resistance_scale = 1.4
    inductance_scale = 0.8
    flux_scale = 0.95
    voltage_scale = 1.0
    drift = 0.1
    noise = 0.5                  # ampere
    delay = 1                    # control periods
    dead_time = 1.5              # microseconds
    protection = true
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from drlapps.control.motors.files import entries
from drlapps.control.pmsm_current.motor import Conditions, Motor
from drlapps.errors import InputError, unknown
from drlapps.files import read_toml


@dataclass(frozen=True)
class OwnDrive:
    """What a file says.

    Attributes:
        motor: the data sheet.
        conditions: how the drive runs.
        signal: name of the signal of the set-points.
        steps: length of an episode.
    """

    motor: Motor
    conditions: Conditions
    signal: str
    steps: int


def read(path: Path) -> OwnDrive:
    """Read a drive of one's own.

    Raises:
        InputError: one sentence that names the file, the place in it and what is wrong there.
    """
    if not path.exists():
        raise InputError(f"no such file: {path}")
    table = read_toml(path)
    known = ("motor", "conditions", "signal", "steps")
    try:
        for key in table:
            if key not in known:
                raise unknown("entry", key, known)
        signal, steps = table.get("signal", "wiener"), table.get("steps", 1000)
        if not isinstance(signal, str):
            raise InputError(f"signal must be a text, not {signal!r}")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError(f"steps must be a whole number from 1 on, not {steps!r}")
        motor = Motor(**entries(table, "motor", Motor))
        conditions = Conditions(**entries(table, "conditions", Conditions))
        return OwnDrive(motor, conditions, signal, steps)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault
