"""What controllers believe: the data sheet's machine, and a prediction of the currents with it."""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.control.motors import discretisation, inverter
from drlapps.control.motors.observer import Observer, check_share
from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.motor import Motor
from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]


class Sheet:
    """The data sheets of a batch.

    Args:
        motors: one a row.

    Attributes:
        resistance: in ohm, (B,).
        inductance: in d and q, in henry, (B, 2).
        flux: in weber, (B,).
        link: voltage, (B,).
        limit: of the current, in ampere, (B,).
        period: of control, in seconds.

    Raises:
        InputError: the rows' periods differ.
    """

    def __init__(self, motors: list[Motor]) -> None:
        self.resistance = np.array([one.resistance for one in motors])
        self.inductance = np.array([(one.inductance_d, one.inductance_q) for one in motors])
        self.flux = np.array([one.flux for one in motors])
        self.link = np.array([one.link_voltage for one in motors])
        self.limit = np.array([one.current_limit for one in motors])
        self.period = motors[0].period
        if any(one.period != self.period for one in motors):
            raise InputError("all drives that are controlled at once need the same period")
        self._speed = np.full(len(motors), np.nan)
        self._plant = np.empty((len(motors), discretisation.PLANT_COLUMNS))

    def plant(self, speed: Floats) -> Floats:
        """Return the discrete machines at given electrical speeds, (B, PLANT_COLUMNS)."""
        if not np.array_equal(speed, self._speed):
            self._speed = speed
            discretisation.synchronous(
                self.resistance,
                np.ascontiguousarray(self.inductance[:, 0]),
                np.ascontiguousarray(self.inductance[:, 1]),
                self.flux,
                speed,
                self.period,
                self._plant,
            )
        return self._plant


class ModelPolicy(Policy):
    """Knows the data sheet, and predicts with it when its command will act.

    An observer of disturbances adds to the prediction what it has lately missed by, smoothed: that
    makes control free of offset though the machine is not the one on the data sheet.

    Args:
        observer: share of a prediction's error that the estimated disturbance takes over in each
            period; 0 for none.
        compensate: whether the currents are predicted to the period in which the command acts; else
            the delay is ignored.

    Raises:
        InputError: ``observer`` is no share.
    """

    def __init__(self, observer: float = 0.0, compensate: bool = True) -> None:
        check_share("observer", observer)
        self.observer, self.compensate = observer, compensate

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Read the data sheets."""
        env = cast(PmsmCurrentEnv, env)
        self.sheet = Sheet([one.motor for one in env.instances])
        self._observer = Observer(self.observer, (env.num_envs, 2))

    @property
    def disturbance(self) -> Floats:
        """What predictions lately missed by, (B, 2)."""
        return self._observer.disturbance

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Predict, and decide."""
        env = cast(PmsmCurrentEnv, env)
        plant = self.sheet.plant(env.speed())
        currents, phasor, expected = env.measured, env.phasor, None
        self._observer.correct(currents, env.step_index)
        for period in range(int(env.delay.max()) if self.compensate else 0):
            voltages = self._acting(env, period, phasor)
            after = step(plant, currents, voltages) + self.disturbance
            expected = after if period == 0 else expected
            late = (env.delay > period)[:, None]
            currents = np.where(late, after, currents)
            phasor = np.where(late, turn(plant, phasor), phasor)
        actions, voltages = self.decide(env, plant, currents, phasor)
        now = step(plant, env.measured, voltages) + self.disturbance
        soon = now if expected is None else expected
        self._observer.expect(np.where((env.delay > 0)[:, None], soon, now), env.step_index)
        return actions

    def _acting(self, env: PmsmCurrentEnv, period: int, phasor: Floats) -> Floats:
        """Return the voltages that act some periods from now."""
        commands = env.ahead(period)
        if env.control == "dq":
            return inverter.within_hexagon(commands[:, :2], phasor, self.sheet.link)
        return inverter.to_rotor(commands, phasor)

    @abstractmethod
    def decide(
        self, env: PmsmCurrentEnv, plant: Floats, currents: Floats, phasor: Floats
    ) -> tuple[Array, Floats]:
        """Return the actions, and the voltages that they mean.

        Args:
            env: the batch.
            plant: of the data sheets, at the present speeds.
            currents: expected when the command will begin to act, (B, 2).
            phasor: of the rotor's angle then, (B, 2).
        """


def step(plant: Floats, currents: Floats, voltages: Floats) -> Floats:
    """Return the currents after a period with given voltages, (B, 2)."""
    f, g = plant[:, 0:4].reshape(-1, 2, 2), plant[:, 4:8].reshape(-1, 2, 2)
    return np.asarray(
        np.einsum("bij,bj->bi", f, currents) + np.einsum("bij,bj->bi", g, voltages) + plant[:, 8:10]
    )


def turn(plant: Floats, phasor: Floats) -> Floats:
    """Return the rotor's phasor after a period, (B, 2)."""
    cosine, sine = phasor.T
    return np.stack(
        [cosine * plant[:, 10] - sine * plant[:, 11], sine * plant[:, 10] + cosine * plant[:, 11]],
        axis=1,
    )


def invert(plant: Floats, wanted: Floats) -> Floats:
    """Return the voltages whose effect on the currents in a period is ``wanted``, (B, 2)."""
    g = plant[:, 4:8]
    determinant = g[:, 0] * g[:, 3] - g[:, 1] * g[:, 2]
    return np.stack(
        [
            (g[:, 3] * wanted[:, 0] - g[:, 1] * wanted[:, 1]) / determinant,
            (g[:, 0] * wanted[:, 1] - g[:, 2] * wanted[:, 0]) / determinant,
        ],
        axis=1,
    )
