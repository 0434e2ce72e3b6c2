"""Machines, and the conditions in which a drive works."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from drlapps.control.motors import discretisation
from drlapps.errors import InputError

Floats = NDArray[np.float64]

BLOCK = 20
"""Steps for which speed and warmth are held where they change."""

MOST_DELAY = 4

COOLING = 0.28
"""Fall of the flux over rise of the resistance: magnets lose 0.11 % a kelvin, copper wins 0.39."""


@dataclass(frozen=True)
class Motor:
    """A machine with its inverter, as its data sheet has it.

    Attributes:
        pole_pairs: how many.
        resistance: of the stator, in ohm.
        inductance_d: in henry.
        inductance_q: likewise.
        flux: linkage of the permanent magnets, in weber.
        current_limit: largest amplitude of the current, in ampere.
        link_voltage: of the inverter, in volt.
        period: of control, in seconds.
        speed_limit: mechanical, in rad/s; a scale of observations only.

    Raises:
        InputError: a number is impossible.
    """

    pole_pairs: int = 3
    resistance: float = 18e-3
    inductance_d: float = 0.37e-3
    inductance_q: float = 1.2e-3
    flux: float = 66e-3
    current_limit: float = 400.0
    link_voltage: float = 300.0
    period: float = 1e-4
    speed_limit: float = 4000.0 * math.pi / 30.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not (_is_number(value) and (value > 0.0 or (field.name == "flux" and value == 0.0))):
                raise InputError(f"motor: {field.name} must be a number above 0, not {value!r}")
        if int(self.pole_pairs) != self.pole_pairs:
            raise InputError(f"motor: pole_pairs must be a whole number, not {self.pole_pairs!r}")

    def torque(self, currents: Floats) -> Floats:
        """Return the torque in Nm for currents in rotor coordinates, (..., 2)."""
        reluctance = (self.inductance_d - self.inductance_q) * currents[..., 0]
        return np.asarray(1.5 * self.pole_pairs * (self.flux + reluctance) * currents[..., 1])


@dataclass(frozen=True)
class Conditions:
    """How the drive differs from what controllers believe of it, and how it runs.

    Attributes:
        speed: mechanical, in rad/s, at the start; controllers measure it.
        acceleration: of the speed, in rad/s per second.
        resistance_scale: true resistance over that of the data sheet.
        inductance_scale: of both inductances.
        flux_scale: of the magnets' flux.
        voltage_scale: of the link voltage.
        drift: share by which the resistance has risen at the end, as the machine warms; the flux
            falls by 0.28 times as much.
        noise: standard deviation of each measured current, in ampere.
        delay: periods from the computation of a voltage to its effect; controllers know it.
        dead_time: of the inverter's legs, in microseconds.
        protection: whether a current above the limit ends the episode; else it is only counted.

    Raises:
        InputError: a number is impossible.
    """

    speed: float = 100.0
    acceleration: float = 0.0
    resistance_scale: float = 1.0
    inductance_scale: float = 1.0
    flux_scale: float = 1.0
    voltage_scale: float = 1.0
    drift: float = 0.0
    noise: float = 0.5
    delay: int = 1
    dead_time: float = 0.0
    protection: bool = True

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "protection":
                if not isinstance(value, bool):
                    raise InputError(f"protection must be true or false, not {value!r}")
            elif not _is_number(value):
                raise InputError(f"{field.name} must be a number, not {value!r}")
        for name in ("resistance_scale", "inductance_scale", "voltage_scale"):
            if not getattr(self, name) > 0.0:
                raise InputError(f"{name} must be above 0, not {getattr(self, name)!r}")
        for name in ("flux_scale", "noise", "dead_time"):
            if not getattr(self, name) >= 0.0:
                raise InputError(f"{name} must be at least 0, not {getattr(self, name)!r}")
        if not -1.0 < self.drift <= 1.0 / COOLING:
            raise InputError(f"drift must lie between -1 and {1 / COOLING:.2f}, not {self.drift!r}")
        if int(self.delay) != self.delay or not 0 <= self.delay <= MOST_DELAY:
            raise InputError(
                f"delay must be a whole number from 0 to {MOST_DELAY}, not {self.delay!r}"
            )

    @property
    def steady(self) -> bool:
        """Whether neither speed nor warmth changes."""
        return self.acceleration == 0.0 and self.drift == 0.0

    def blocks(self, steps: int) -> int:
        """Return into how many stretches of equal speed and warmth an episode falls."""
        return 1 if self.steady else -(-steps // BLOCK)

    def speeds(self, motor: Motor, steps: int) -> Floats:
        """Return the electrical speed in every block, in rad/s."""
        middle = (np.arange(self.blocks(steps)) + 0.5) * BLOCK * motor.period
        mechanical = self.speed + self.acceleration * middle
        return np.asarray(motor.pole_pairs * mechanical)

    def plant(self, motor: Motor, steps: int) -> Floats:
        """Return the true machine in every block, (blocks, PLANT_COLUMNS).

        See :func:`drlapps.control.motors.discretisation.synchronous` for the columns.
        """
        blocks = self.blocks(steps)
        warmth = self.drift * (np.arange(blocks) + 0.5) / blocks
        ones = np.ones(blocks)
        found = np.empty((blocks, discretisation.PLANT_COLUMNS))
        discretisation.synchronous(
            motor.resistance * self.resistance_scale * (1.0 + warmth),
            motor.inductance_d * self.inductance_scale * ones,
            motor.inductance_q * self.inductance_scale * ones,
            motor.flux * self.flux_scale * (1.0 - COOLING * warmth),
            self.speeds(motor, steps),
            motor.period,
            found,
        )
        return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
