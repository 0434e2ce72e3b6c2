"""The field's controllers without optimisation: cascaded PI, deadbeat."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.control.dc_motor.cascade import Cascade
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.motor import INVERSE, RESISTANCE
from drlapps.errors import InputError, unknown
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]

TUNINGS = ("magnitude", "symmetrical")


class PiControl(Cascade):
    """A proportional-integral controller of the current, with feed-forward and anti-windup.

    ``u* = K e + z + phi w``, the last of which is the voltage that the motor induces. All that
    delays the effect of a voltage is lumped into a small time constant ``T = (delay + 1/2) tau``:
    computation, and half a period in which it is held. Then, after Kessler, ``K = L / (2 T)``, and

    * ``magnitude``: the zero cancels the circuit's pole, ``T_i = L / R``;
    * ``symmetrical``: ``T_i = 4 T``, faster against disturbances, at the price of an overshoot.

    Where the converter cannot give ``u*``, what is missing is fed back to the integral with the
    time constant ``T_i``. Under speed control it is the inner loop of the cascade, see
    :class:`.cascade.Cascade`.

    Args:
        tuning: ``magnitude`` or ``symmetrical``: of the current's controller.
        small_time_constant: ``T`` in periods; by default as above.
        slowness: as for :class:`.cascade.Cascade`.
        set_point_weight: likewise.
        margin: likewise.

    Raises:
        InputError: there is no such tuning, or a number is impossible.

    References:
        Kessler, C. (1955). Ueber die Vorausberechnung optimal abgestimmter Regelkreise.
        Regelungstechnik, 3, 40-49.
    """

    def __init__(
        self,
        tuning: str = "magnitude",
        small_time_constant: float | None = None,
        slowness: float = 1.0,
        set_point_weight: float = 0.5,
        margin: float = 0.8,
    ) -> None:
        super().__init__(0.0, slowness, set_point_weight, margin)
        if tuning not in TUNINGS:
            raise unknown("tuning", tuning, TUNINGS)
        if small_time_constant is not None and not small_time_constant > 0.0:
            raise InputError(f"small_time_constant must be above 0, not {small_time_constant!r}")
        self.tuning, self.small_time_constant = tuning, small_time_constant

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Tune the controllers."""
        super().reset(env, seed)
        env = cast(DcMotorEnv, env)
        plant = self.sheet.plant
        periods = env.delay + 0.5 if self.small_time_constant is None else self.small_time_constant
        small = self.time * periods
        self._proportional = 1.0 / (2.0 * small * plant[:, INVERSE])
        slow = 1.0 / (plant[:, RESISTANCE] * plant[:, INVERSE])
        self._rate = self.time / (slow if self.tuning == "magnitude" else 4.0 * small)
        self._integral = np.zeros(env.num_envs)

    def decide(self, env: DcMotorEnv, currents: Floats, wanted: Floats) -> tuple[Array, Floats]:
        """Control the current as it was measured."""
        part = self._proportional * (wanted - env.measured[:, 0])
        volts = part + self._integral + self.sheet.flux(env.measured) * env.speed
        given = np.clip(volts, -self.sheet.supply, self.sheet.supply)
        self._integral += self._rate * (part + given - volts)
        return env.actions_for(given), given


class Deadbeat(Cascade):
    """The voltage that would bring the current to its set-point in one period.

    The data sheet's model at the present speed, inverted, from the current expected when the
    voltage acts; what the converter cannot give is cut off. Under speed control it is the inner
    loop of the cascade.

    Args:
        observer: as for :class:`.cascade.Cascade`, likewise the rest.
        slowness: see there.
        set_point_weight: see there.
        margin: see there.
    """

    def __init__(
        self,
        observer: float = 0.1,
        slowness: float = 1.0,
        set_point_weight: float = 0.5,
        margin: float = 0.8,
    ) -> None:
        super().__init__(observer, slowness, set_point_weight, margin)

    def decide(self, env: DcMotorEnv, currents: Floats, wanted: Floats) -> tuple[Array, Floats]:
        """Invert the model."""
        keeps, gain = self.sheet.answer(env.speed, self.time)
        idle = keeps * currents[:, 0] + self.disturbance
        volts = (wanted - idle) / gain + self.sheet.push(currents, env.speed)
        given = np.clip(volts, -self.sheet.supply, self.sheet.supply)
        return env.actions_for(given), given
