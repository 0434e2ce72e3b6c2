"""Drives: a motor, what it has to follow, and the luck it meets; and pools of them without end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.control.dc_motor.motor import (
    CURRENT,
    INERTIA,
    INVERSE,
    MAGNETS,
    MUTUAL,
    SELF,
    SPEED,
    Conditions,
    Load,
    Motor,
)
from drlapps.control.motors.settings import draw
from drlapps.control.motors.signals import Signal, Steps

STEPS: Mapping[str, int] = {CURRENT: 1000, SPEED: 2500}
"""Length of an episode in control periods: a tenth and a quarter of a second."""

_TORQUE = Steps(shortest=300, longest=1000, low=0.0, high=1.0)
"""Share of the largest load torque."""


@dataclass(frozen=True)
class Drive:
    """A motor, how it runs, and what it is to follow.

    Attributes:
        name: of the drive.
        motor: its data sheet, which controllers believe.
        load: what it drives under speed control.
        control: what is to follow the set-points: ``current`` or ``speed``.
        signal: of the set-points, as a share of the limit.
        seed: of set-points, load torque and noise.
        conditions: how the drive differs from its data sheet, and how it runs.
        steps: length of the episode in control periods.
        reference: least tracking error there is, where it is known.
    """

    name: str
    motor: Motor
    load: Load
    control: str
    signal: Signal
    seed: int
    conditions: Conditions = Conditions()  # noqa: RUF009 - frozen
    steps: int = STEPS[CURRENT]
    reference: float | None = None

    @cached_property
    def _drawn(self) -> tuple[int, NDArray[np.float64], NDArray[np.float64]]:
        rng = np.random.default_rng(self.seed)
        key = int(rng.integers(2**63))
        setpoints = self.scale * self.signal.draw(rng, self.steps)
        if self.control == CURRENT:
            return key, setpoints, np.zeros(self.steps)
        return key, setpoints, self.conditions.load_torque * _TORQUE.draw(rng, self.steps)

    @property
    def scale(self) -> float:
        """Limit of what is controlled, in ampere or rad/s."""
        return self.motor.current_limit if self.control == CURRENT else self.motor.speed_limit

    @property
    def reach(self) -> float:
        """Most by which the controlled quantity can change in a period, by the data sheet.

        Of the current, by all the voltage there is; of the speed, by the torque at the limit.
        """
        motor, limit = self.motor, self.motor.current_limit
        plant = motor.plant(load=self.load)
        if self.control == CURRENT:
            return float(motor.voltage * motor.period * plant[INVERSE])
        flux = (plant[SELF] + plant[MUTUAL]) * limit + plant[MAGNETS]
        return float(flux * limit / plant[INERTIA] * motor.period)

    @property
    def setpoints(self) -> NDArray[np.float64]:
        """Set-points for the period that begins at each step, in ampere or rad/s, (T,)."""
        return self._drawn[1]

    @property
    def torques(self) -> NDArray[np.float64]:
        """What the load adds to the static friction in each period, in Nm, (T,)."""
        return self._drawn[2]

    @property
    def start(self) -> float:
        """Speed at the start: under speed control that of the first set-point."""
        return self.conditions.speed if self.control == CURRENT else float(self.setpoints[0])

    @property
    def idle(self) -> float:
        """Voltage under way at the start, as a share of the supply's: what the magnets induce."""
        plant, conditions = self.motor.plant(self.conditions), self.conditions
        share = plant[MAGNETS] * self.start / (self.motor.voltage * conditions.voltage_scale)
        return float(np.clip(share, -1.0, 1.0))

    @property
    def noise_key(self) -> int:
        """Key of the sensors' noise."""
        return self._drawn[0]

    @property
    def bound(self) -> float | None:
        """The reference: where it is known, no policy passes it."""
        return self.reference

    @cached_property
    def hash(self) -> str:
        """Digest of all but the name."""
        content = [
            asdict(self.motor), asdict(self.load), self.control, repr(self.signal), self.seed,
            asdict(self.conditions), self.steps,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


@dataclass(frozen=True)
class RandomDrives:
    """A pool without end.

    Attributes:
        motor: the data sheet.
        load: what it drives.
        control: what is controlled.
        signals: to draw from, each equally likely.
        low: the least of all conditions.
        high: the largest; each is drawn between its ends, evenly.
        steps: length of an episode.
    """

    motor: Motor
    load: Load
    control: str
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
        return self._drive("random", signal, int(rng.integers(2**63)), conditions)

    def largest(self) -> Drive:
        """Return any drive: all are equally long."""
        return self._drive("largest", self.signals[0], 0, self.low)

    def _drive(self, name: str, signal: Signal, seed: int, conditions: Conditions) -> Drive:
        return Drive(
            name, self.motor, self.load, self.control, signal, seed, conditions, self.steps
        )
