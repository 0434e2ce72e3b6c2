"""What controllers have in common: the data sheet's motor, and a speed loop around the current."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.motor import (
    FIELD_INVERSE,
    FIELD_RESISTANCE,
    INERTIA,
    INVERSE,
    MAGNETS,
    MUTUAL,
    RESISTANCE,
    SELF,
    SPEED,
)
from drlapps.control.motors.observer import Observer, check_share
from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]

SLEW = 0.1
"""Largest change of the current that the speed's controller asks for, as a share of the limit, in a
control period: more would trip the protection where inductances are less than believed."""

_CHANGE = 0.1
"""Usual change of the current, as a share of its limit."""

_LEAST_FIELD = 0.02
"""Least excitation current with which torque is divided, likewise."""


class Sheet:
    """The data sheets of a batch.

    Args:
        drives: one a row.

    Attributes:
        plant: coefficients, (B, PLANT_COLUMNS); see :mod:`.motor`.
        supply: voltage, (B,).
        limit: of the currents, in ampere, (B,).
        one_way: whether torque cannot be negative, because both currents turn at once, (B,).
    """

    def __init__(self, drives: Sequence[Drive]) -> None:
        self.plant = np.array([one.motor.plant(load=one.load) for one in drives])
        self.supply = np.array([one.motor.voltage for one in drives])
        self.limit = np.array([one.motor.current_limit for one in drives])
        self.one_way = self.plant[:, SELF] > 0.0

    def flux(self, currents: Floats) -> Floats:
        """Return what the armature links, in weber, (B,), at currents (B, 2)."""
        p = self.plant
        return np.asarray(
            p[:, SELF] * currents[:, 0] + p[:, MUTUAL] * currents[:, 1] + p[:, MAGNETS]
        )

    def for_torque(self, wanted: Floats, currents: Floats) -> Floats:
        """Return the armature current for a torque in Nm, (B,), at currents (B, 2)."""
        field = np.maximum(currents[:, 1], _LEAST_FIELD * self.limit)
        other = self.plant[:, MUTUAL] * field + self.plant[:, MAGNETS]
        squared = np.maximum(wanted, 0.0) / np.where(self.one_way, self.plant[:, SELF], 1.0)
        linear = wanted / np.where(self.one_way, 1.0, other)
        return np.where(self.one_way, np.sqrt(squared), linear)

    def least(self, currents: Floats, margin: float) -> Floats:
        """Return the least armature current that speed control may ask for, (B,).

        A series motor's torque has one sign. A shunt motor can brake while it has a field, which
        braking consumes: reversed, it would speed the rotor up again.
        """
        floor = _LEAST_FIELD * self.limit
        rest = np.clip((currents[:, 1] - floor) / floor, 0.0, 1.0)
        rest = np.where(self.plant[:, MUTUAL] > 0.0, rest, ~self.one_way)
        return np.asarray(-margin * self.limit * rest)

    def answer(self, speed: Floats, time: Floats) -> tuple[Floats, Floats]:
        """Return what is left of the armature current after a time, and what a volt adds, (B,)."""
        p = self.plant
        pole = (p[:, RESISTANCE] + p[:, SELF] * speed) * p[:, INVERSE] * time
        # (1 - exp(-x)) / x, which is 1 at 0.
        mean = np.where(
            np.abs(pole) > 1e-9, -np.expm1(-pole) / np.where(pole == 0.0, 1.0, pole), 1.0
        )
        return np.exp(-pole), mean * p[:, INVERSE] * time

    def push(self, currents: Floats, speed: Floats) -> Floats:
        """Return the voltage that field winding and magnets induce, (B,)."""
        return np.asarray((self.plant[:, MUTUAL] * currents[:, 1] + self.plant[:, MAGNETS]) * speed)

    def after(self, currents: Floats, speed: Floats, volts: Floats, time: Floats) -> Floats:
        """Return the currents after a time with given voltages, (B, 2), at a constant speed."""
        keeps, gain = self.answer(speed, time)
        armature = keeps * currents[:, 0] + gain * (volts - self.push(currents, speed))
        decay = np.exp(-self.plant[:, FIELD_RESISTANCE] * self.plant[:, FIELD_INVERSE] * time)
        ends = volts / np.where(self.plant[:, MUTUAL] > 0.0, self.plant[:, FIELD_RESISTANCE], 1.0)
        field = decay * currents[:, 1] + (1.0 - decay) * ends
        return np.stack([armature, field], axis=1)


class Cascade(Policy):
    """Controls the current; under speed control, to what a controller of the speed wants.

    That one is proportional-integral, tuned by Kessler's symmetrical optimum: with the moment of
    inertia ``J`` and the small time constant ``T``, it asks for the torque ``K e + z``, ``K = J /
    (2 T)``, where ``z`` integrates ``K e`` with the time constant ``4 T``. ``T`` is how long the
    loop of the current takes: the decisions until a command has acted, and the time in which all of
    the voltage changes the current by a tenth of its limit. What the limit of the current leaves
    undone is fed back to the integral.

    The current is predicted to when the command will act, with the commands under way. An observer
    adds to the prediction what it has lately missed by, smoothed, which makes control free of
    offset though the motor is not the one on the data sheet.

    Args:
        observer: share of a prediction's error that the estimated disturbance takes over in each
            decision; 0 for none.
        slowness: factor of the small time constant of the speed's controller.
        set_point_weight: share of the set-point that the proportional part sees: below 1, less
            overshoot after steps.
        margin: largest current that the speed's controller asks for, as a share of the limit.

    Raises:
        InputError: a number is impossible, or, at the start, the control set another.

    References:
        Kessler, C. (1958). Das symmetrische Optimum. Regelungstechnik, 6, 395-400.
    """

    environment: Mapping[str, object] = {"control_set": "continuous"}

    def __init__(
        self,
        observer: float = 0.0,
        slowness: float = 1.0,
        set_point_weight: float = 0.5,
        margin: float = 0.8,
    ) -> None:
        shares = {"observer": observer, "set_point_weight": set_point_weight, "margin": margin}
        for name, share in shares.items():
            check_share(name, share)
        if not slowness > 0.0:
            raise InputError(f"slowness must be above 0, not {slowness!r}")
        self.observer, self.slowness = observer, slowness
        self.set_point_weight, self.margin = set_point_weight, margin

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Read the data sheets and tune the speed's controller."""
        env = cast(DcMotorEnv, env)
        needed = self.environment["control_set"]
        if env.control_set != needed:
            raise InputError(f"this controller needs control_set={needed}")
        self.sheet = sheet = Sheet(env.instances)
        self.time = env.decision_time()
        self.controls_speed = np.array([one.control == SPEED for one in env.instances])
        self._observer = Observer(self.observer, (env.num_envs,))
        rise = _CHANGE * sheet.limit / (sheet.plant[:, INVERSE] * sheet.supply)
        small = self.slowness * ((env.delay + 1.0) * self.time + rise)
        self._gain = sheet.plant[:, INERTIA] / (2.0 * small)
        self._share = self.time / (4.0 * small)
        # At rest in the first set-point, whatever its weight.
        self._torque = self._gain * (1.0 - self.set_point_weight) * env.setpoint()
        self._current = np.zeros(env.num_envs)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Predict the currents, ask the speed's controller, and decide."""
        env = cast(DcMotorEnv, env)
        currents = env.measured
        self._observer.correct(currents[:, 0], env.step_index)
        for ahead in range(int(env.delay.max())):
            after = self._after(env, currents, env.ahead(ahead))
            currents = np.where((env.delay > ahead)[:, None], after, currents)
        actions, volts = self.decide(env, currents, self._wanted(env))
        if self.observer:
            acting = np.where(env.delay > 0, env.ahead(0), volts)
            expected = self._after(env, env.measured, acting)
            self._observer.expect(expected[:, 0], env.step_index)
        return actions

    @property
    def disturbance(self) -> Floats:
        """What the model's current misses by in a decision, in ampere, (B,)."""
        return self._observer.disturbance

    def _after(self, env: DcMotorEnv, currents: Floats, volts: Floats) -> Floats:
        """Return the currents expected after a decision, (B, 2)."""
        after = self.sheet.after(currents, env.speed, volts, self.time)
        after[:, 0] += self.disturbance
        return after

    def _wanted(self, env: DcMotorEnv) -> Floats:
        """Return the set-points of the armature current, (B,)."""
        setpoint = env.setpoint()
        if not self.controls_speed.any():
            return setpoint
        sheet = self.sheet
        error = setpoint - env.speed
        proportional = self._gain * (self.set_point_weight * setpoint - env.speed)
        torque = proportional + self._torque
        most = self.margin * sheet.limit
        least = sheet.least(env.measured, self.margin)
        current = np.clip(sheet.for_torque(torque, env.measured), least, most)
        faster = SLEW * sheet.limit / env.decisions
        current = np.clip(current, self._current - faster, self._current + faster)
        self._current = current
        given = current * np.where(
            sheet.one_way, sheet.plant[:, SELF] * current, sheet.flux(env.measured)
        )
        self._torque += self._share * (self._gain * error + given - torque)
        return np.where(self.controls_speed, current, setpoint)

    @abstractmethod
    def decide(self, env: DcMotorEnv, currents: Floats, wanted: Floats) -> tuple[Array, Floats]:
        """Return the actions, and the voltages that they mean, (B,).

        Args:
            env: the batch.
            currents: expected when the command will begin to act, (B, 2).
            wanted: of the armature current, (B,).
        """
