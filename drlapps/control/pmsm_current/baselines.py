"""The field's controllers without optimisation: PI with decoupling, deadbeat."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.control.motors import inverter
from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.model import ModelPolicy, Sheet, invert, step
from drlapps.errors import InputError, unknown
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]

TUNINGS = ("magnitude", "symmetrical")


class PiControl(Policy):
    """A proportional-integral controller for each current, with decoupling and anti-windup.

    ``u* = K_p e + z + u_ff``, where ``u_ff = (-w L_q i_q, w (L_d i_d + psi))`` feeds forward what
    couples the axes. All that delays the effect of a voltage is lumped into a small time constant
    ``T = (delay + 1/2) tau``: computation, and half a period in which it is held. Then, after
    Kessler, ``K_p = L / (2 T)``, and

    * ``magnitude``: the zero cancels the machine's pole, ``T_i = L / R``;
    * ``symmetrical``: ``T_i = 4 T``, faster against disturbances, at the price of an overshoot.

    Where the inverter cannot give ``u*``, what is missing is fed back to the integral with the time
    constant ``T_i``.

    Args:
        tuning: ``magnitude`` or ``symmetrical``.
        small_time_constant: ``T`` in periods; by default as above.

    Raises:
        InputError: there is no such tuning, or the time constant is not positive.

    References:
        Kessler, C. (1955). Ueber die Vorausberechnung optimal abgestimmter Regelkreise.
        Regelungstechnik, 3, 40-49.

        Kessler, C. (1958). Das symmetrische Optimum. Regelungstechnik, 6, 395-400.
    """

    def __init__(self, tuning: str = "magnitude", small_time_constant: float | None = None) -> None:
        if tuning not in TUNINGS:
            raise unknown("tuning", tuning, TUNINGS)
        if small_time_constant is not None and not small_time_constant > 0.0:
            raise InputError(f"small_time_constant must be above 0, not {small_time_constant!r}")
        self.tuning, self.small_time_constant = tuning, small_time_constant

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Tune the controllers."""
        env = cast(PmsmCurrentEnv, env)
        self._sheet = sheet = Sheet([one.motor for one in env.instances])
        periods = env.delay + 0.5 if self.small_time_constant is None else self.small_time_constant
        small = np.broadcast_to(sheet.period * periods, (env.num_envs,))[:, None]
        self._proportional = sheet.inductance / (2.0 * small)
        slow = sheet.inductance / sheet.resistance[:, None]
        self._share = sheet.period / (slow if self.tuning == "magnitude" else 4.0 * small)
        self._integral = np.zeros((env.num_envs, 2))

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of all rows."""
        env = cast(PmsmCurrentEnv, env)
        sheet, speed, currents = self._sheet, env.speed(), env.measured
        error = env.setpoint() - currents
        forward = np.stack(
            [
                -speed * sheet.inductance[:, 1] * currents[:, 1],
                speed * (sheet.inductance[:, 0] * currents[:, 0] + sheet.flux),
            ],
            axis=1,
        )
        wanted = self._proportional * error + self._integral + forward
        given = inverter.within_hexagon(wanted, env.phasor, sheet.link)
        self._integral += self._share * (self._proportional * error + given - wanted)
        return env.actions_for(given)


class Deadbeat(ModelPolicy):
    """The voltage that would bring both currents to their set-points in one period.

    ``u = G^-1 (i* - F i - h - d)`` with the data sheet's exact discrete model, from the currents
    expected when it acts; what the hexagon has no room for is shortened.

    Args:
        observer: as for :class:`.model.ModelPolicy`.
        compensate: likewise; without, a delay of one period makes it oscillate.
    """

    def __init__(self, observer: float = 0.05, compensate: bool = True) -> None:
        super().__init__(observer, compensate)

    def decide(
        self, env: PmsmCurrentEnv, plant: Floats, currents: Floats, phasor: Floats
    ) -> tuple[Array, Floats]:
        """Invert the model."""
        idle = step(plant, currents, np.zeros_like(currents)) + self.disturbance
        wanted = invert(plant, env.setpoint() - idle)
        given = inverter.within_hexagon(wanted, phasor, self.sheet.link)
        return env.actions_for(given), given
