"""Motors, what they drive, and the conditions in which a drive works."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown

Floats = NDArray[np.float64]

SERIES, SHUNT, MAGNET = KINDS = ("series", "shunt", "permanently-excited")
CURRENT, SPEED = CONTROLS = ("current", "speed")

POINTS = 10
"""Points of a control period at which the error is judged: one each for a switching state."""

MOST_DELAY = 4

SOFTENING = 1e-3
"""Time in seconds in which static friction would stop a motor that barely turns: it then falls in
proportion to the speed, as in gym-electric-motor, so that it has no jump."""

RESISTANCE, INVERSE, FIELD_RESISTANCE, FIELD_INVERSE, SELF, MUTUAL, MAGNETS, INERTIA = range(8)
"""Columns of a plant: resistance and reciprocal inductance of armature and field circuit (0 where
there is none); flux by armature and field current and of magnets; moment of inertia."""

PLANT_COLUMNS = 8

_STIFFEST = 5.0
"""Longest control period, in time constants of a circuit, that ten sub-steps resolve."""


def _positive(default: float) -> float:
    found: float = field(default=default, metadata={"least": "above 0"})
    return found


@dataclass(frozen=True)
class Motor:
    """A motor with its converter, as its data sheet has it.

    Attributes:
        kind: ``series``, ``shunt`` or ``permanently-excited``.
        armature_resistance: in ohm.
        armature_inductance: in henry.
        field_resistance: of the excitation winding; no matter where there is none, as for the next.
        field_inductance: likewise.
        mutual_inductance: flux that the armature links, over the excitation current.
        magnet_flux: of permanent magnets, in weber.
        inertia: of the rotor, in kg m^2.
        current_limit: of either winding, in ampere.
        speed_limit: in rad/s; set-points of the speed are shares of it.
        voltage: of the supply, in volt.
        period: of control, in seconds.

    Raises:
        InputError: a number is impossible, or the period too long for a circuit.
    """

    kind: str = SERIES
    armature_resistance: float = _positive(16e-3)
    armature_inductance: float = _positive(19e-6)
    field_resistance: float = _positive(48e-3)
    field_inductance: float = _positive(5.4e-3)
    mutual_inductance: float = _positive(1.7e-3)
    magnet_flux: float = _positive(0.165)
    inertia: float = _positive(2.5e-3)
    current_limit: float = _positive(210.0)
    speed_limit: float = _positive(400.0)
    voltage: float = _positive(60.0)
    period: float = _positive(1e-4)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("motor", str(self.kind), KINDS)
        _check(self, "motor: ")
        plant = self.plant()
        fastest = max(
            plant[RESISTANCE] * plant[INVERSE], plant[FIELD_RESISTANCE] * plant[FIELD_INVERSE]
        )
        if fastest * self.period > _STIFFEST:
            raise InputError(
                f"motor: a period of {self.period:g} s is too long for a circuit whose time "
                f"constant is {1.0 / fastest:g} s"
            )

    def plant(self, conditions: Conditions | None = None, load: Load | None = None) -> Floats:
        """Return the motor's coefficients, (PLANT_COLUMNS,).

        Args:
            conditions: how the motor differs from its data sheet.
            load: whose inertia is added to the rotor's.
        """
        how = conditions or Conditions()
        found = np.zeros(PLANT_COLUMNS)
        resistance, inductance = self.armature_resistance, self.armature_inductance
        if self.kind == SERIES:
            resistance += self.field_resistance
            inductance += self.field_inductance
            found[SELF] = how.flux_scale * self.mutual_inductance
        elif self.kind == SHUNT:
            found[FIELD_RESISTANCE] = how.resistance_scale * self.field_resistance
            found[FIELD_INVERSE] = 1.0 / (how.inductance_scale * self.field_inductance)
            found[MUTUAL] = how.flux_scale * self.mutual_inductance
        else:
            found[MAGNETS] = how.flux_scale * self.magnet_flux
        found[RESISTANCE] = how.resistance_scale * resistance
        found[INVERSE] = 1.0 / (how.inductance_scale * inductance)
        found[INERTIA] = how.inertia_scale * (self.inertia + (load.inertia if load else 0.0))
        return found


@dataclass(frozen=True)
class Load:
    """What resists the motor: ``static sign(w) + viscous w + quadratic w |w|``.

    Attributes:
        static: friction, in Nm.
        viscous: in Nm s.
        quadratic: in Nm s^2.
        inertia: in kg m^2.

    Raises:
        InputError: a number is impossible.
    """

    static: float = 0.01
    viscous: float = 0.05
    quadratic: float = 0.0
    inertia: float = 1e-4

    def __post_init__(self) -> None:
        _check(self, "load: ")


@dataclass(frozen=True)
class Conditions:
    """How the drive differs from what controllers believe of it, and how it runs.

    Attributes:
        speed: in rad/s, which a dynamometer holds under current control; controllers measure it.
        acceleration: of that speed, in rad/s per second.
        load_torque: largest torque in Nm that a load adds to the friction under speed control; it
            is drawn anew, from zero to this, every 30 to 100 ms.
        resistance_scale: true resistances over those of the data sheet.
        inductance_scale: likewise of inductances.
        flux_scale: likewise of what makes flux: magnets, or the mutual inductance.
        inertia_scale: likewise of rotor and load together.
        voltage_scale: likewise of the supply.
        noise: standard deviation of each measured current, in ampere.
        delay: decisions from a command to its effect; controllers know it.
        dead_time: of the converter's legs, in microseconds.
        protection: whether a current above the limit ends the episode; else it is only counted.

    Raises:
        InputError: a number is impossible.
    """

    speed: float = field(default=100.0, metadata={"least": ""})
    acceleration: float = field(default=0.0, metadata={"least": ""})
    load_torque: float = 0.5
    resistance_scale: float = _positive(1.0)
    inductance_scale: float = _positive(1.0)
    flux_scale: float = _positive(1.0)
    inertia_scale: float = _positive(1.0)
    voltage_scale: float = _positive(1.0)
    noise: float = 0.5
    delay: int = 1
    dead_time: float = 0.0
    protection: bool = True

    def __post_init__(self) -> None:
        _check(self, "")
        if int(self.delay) != self.delay or self.delay > MOST_DELAY:
            raise InputError(
                f"delay must be a whole number from 0 to {MOST_DELAY}, not {self.delay!r}"
            )


def _check(values: Motor | Load | Conditions, what: str) -> None:
    """Refuse what is no number, or below the least that its field allows."""
    for one in fields(values):
        value, least = getattr(values, one.name), one.metadata.get("least", "at least 0")
        if one.name == "kind":
            continue
        if one.name == "protection":
            if not isinstance(value, bool):
                raise InputError(f"{what}protection must be true or false, not {value!r}")
            continue
        fits = isinstance(value, int | float) and not isinstance(value, bool)
        fits = fits and math.isfinite(value)
        if fits and least:
            fits = value > 0.0 or (value == 0.0 and least == "at least 0")
        if not fits:
            kind = f"a number {least}".strip()
            raise InputError(f"{what}{one.name} must be {kind}, not {value!r}")


MOTORS: Mapping[str, Motor] = {
    SERIES: Motor(),
    SHUNT: Motor(SHUNT, field_resistance=0.4),
    MAGNET: Motor(MAGNET, inertia=25e-3),
}
"""gym-electric-motor's defaults."""

LOADS: Mapping[str, Load] = {
    SERIES: Load(),
    SHUNT: Load(static=0.05, viscous=0.01),
    MAGNET: Load(static=0.0, viscous=0.0),
}
"""Those of its environments ``Cont-SC-...``."""
