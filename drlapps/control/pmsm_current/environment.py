"""Current control of a synchronous machine as a Markov decision process, batched.

What a policy reads of a :class:`PmsmCurrentEnv` ``env`` beside observations; it must change none of
it. ``B`` rows; rotor coordinates, (B, 2), in ampere and volt:

* ``env.instances[row]``: the :class:`.instances.Drive`; its ``motor`` is the data sheet that
  controllers know, its ``conditions`` are the truth (but for ``delay``, which they know).
* ``env.measured``: currents as the sensors have them; ``env.setpoint()``: what they are to be after
  the period that begins.
* ``env.speed()`` (B,): electrical, in rad/s; ``env.phasor``: cosine and sine of the rotor's angle.
* ``env.ahead(k)``: the command that acts in ``k`` periods from now, for ``k`` below the delay.
* ``env.actions_for(voltages)``: the actions that want these voltages, under ``control="dq"`` and
  ``"abc"``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.control.motors import inverter
from drlapps.control.motors.discretisation import PLANT_COLUMNS
from drlapps.control.pmsm_current import kernels
from drlapps.control.pmsm_current.instances import Drive
from drlapps.control.pmsm_current.motor import BLOCK, MOST_DELAY
from drlapps.errors import InputError, unknown
from drlapps.vector import Array, Pool, VectorEnvironment

if TYPE_CHECKING:
    from drlapps.control.pmsm_current.differentiable import Machine

Floats = NDArray[np.float64]

CONTROLS = ("dq", "abc", "finite")
LIMITS = ("hexagon", "circle")


class PmsmCurrentEnv(VectorEnvironment):
    """Make both currents of a machine follow their set-points.

    ## Description

    The current-control problem of gym-electric-motor, with its default machine; see
    :mod:`drlapps.control.pmsm_current` for the formulas. In a control period:

    1. The policy sees measured currents and set-points and commands a voltage. With a delay of one
       period, which is the default, it acts in the next one; nothing acts in the first.
    2. The inverter shortens the voltage to what its hexagon (or the circle in it) has room for, and
       loses some to its dead time: of the period's mean in the control sets ``dq`` and ``abc``, and
       of legs that switch in ``finite``.
    3. The currents that result are exact for a constant speed; where speed or warmth change, they
       are held for 20 periods each.

    ## Observation Space

    ``Box(-10, 10, (20,), float32)``; currents are shares of the limit, voltages of 2/3 of the link:

    | Index | Value |
    |---|---|
    | 0, 1 | measured current, d and q |
    | 2, 3 | set-points for the period that begins |
    | 4, 5 | 10 times the error |
    | 6, 7 | the error's sum, of which each step adds 5 %, within 1 |
    | 8, 9 | voltage last commanded |
    | 10, 11 | the one before |
    | 12, 13 | 10 times the change of the current since the last step |
    | 14 | speed, as a share of its limit |
    | 15, 16 | cosine and sine of the rotor's electrical angle |
    | 17, 18 | speed times measured current, d and q: what couples the axes |
    | 19 | delay, as a share of four periods |

    ## Action Space

    - ``control="dq"``: ``Box(-1, 1, (2,), float32)``, voltage in rotor coordinates as a share of
      the hexagon's corner, 2/3 of the link voltage.
    - ``control="abc"``: ``Box(-1, 1, (3,), float32)``, voltage of each leg as a share of half the
      link voltage, as in gym-electric-motor's ``Cont-CC-PMSM-v0``.
    - ``control="finite"``: ``Discrete(8)``, the switching state: 0 and 7 are the zero states, 1 to
      6 the corners of the hexagon by their angle from that of phase a on.

    ## Rewards

    Minus the error of the step, ``(|i_d* - i_d| + |i_q* - i_q|) / (4 I)``: gym-electric-motor's.
    When protection trips, -10.

    ## Starting State

    No current, no voltage; the angle is drawn.

    ## Episode End

    Terminated when ``|i|`` exceeds its limit, if the drive has protection; truncated after ``T``
    periods, 1000 (0.1 s) unless told otherwise.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where drives come from.
    - ``control``: ``dq``, ``abc`` or ``finite``.
    - ``limit``: ``hexagon`` or ``circle``: of voltages under ``control="dq"``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of.

    ## Metrics

    - ``tracking_error``: mean over all ``T`` periods of the error of a step; those from the trip of
      the protection on count 1. Lower is better.
    - ``rms_d``, ``rms_q``: root of the mean squared error of either current, in ampere, over the
      periods that were played, as for all that follow.
    - ``overshoot``: most by which a current went past its set-point, from the side on which it was
      when the set-point was last changed, in ampere.
    - ``distortion``: root of the mean squared error of both currents over that of their set-points;
      where set-points are constant, the harmonic distortion and the transient together.
    - ``violations``: share of periods that ended with the current above its limit.
    - ``tripped``: 1 where protection has ended the episode.
    - ``switching_khz``: how often a leg is switched on and off, on average; with a modulator
      (``dq``, ``abc``) once a period.
    - ``feasible``: 1 where the current has kept its limit.

    ## References

    - Balakrishna et al. 2021, "gym-electric-motor (GEM): A Python toolbox for the simulation of
      electric drive systems", Journal of Open Source Software 6(58).
    - Traue et al. 2022, "Towards a reinforcement learning environment toolbox for intelligent
      electric motor control", IEEE Transactions on Neural Networks and Learning Systems 33(3).

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = kernels.State._fields

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        control: str = "dq",
        limit: str = "hexagon",
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if control not in CONTROLS:
            raise unknown("control", str(control), CONTROLS)
        if limit not in LIMITS:
            raise unknown("limit", str(limit), LIMITS)
        self.control, self.limit = control, limit
        largest: Sequence[Drive]
        largest = pool if isinstance(pool, Sequence) else [cast(Drive, pool.largest())]
        steps = max(one.steps for one in largest)
        blocks = max(one.conditions.blocks(one.steps) for one in largest)
        kept = steps if autoreset_mode is AutoresetMode.DISABLED else 0
        self.constants = np.ones((num_envs, 6))
        self.plant = np.zeros((num_envs, blocks, PLANT_COLUMNS))
        self.blocks = np.ones(num_envs, np.int64)
        self.speeds = np.zeros((num_envs, blocks))
        self.setpoints = np.zeros((num_envs, steps, 2))
        self.steps = np.ones(num_envs, np.int64)
        self.delay = np.zeros(num_envs, np.int64)
        self.key = np.zeros(num_envs, np.uint64)
        self.step_index = np.zeros(num_envs, np.int64)
        self.current = np.zeros((num_envs, 2))
        self.measured = np.zeros((num_envs, 2))
        self.phasor = np.zeros((num_envs, 2))
        self.pending = np.zeros((num_envs, MOST_DELAY, 3))
        self.legs = np.zeros((num_envs, 3))
        self.recent = np.zeros((num_envs, 4))
        self.integral = np.zeros((num_envs, 2))
        self.side = np.zeros((num_envs, 2))
        self.totals = np.zeros((num_envs, 7))
        self.tripped = np.zeros(num_envs, np.bool_)
        self.features = np.zeros((num_envs, kernels.FEATURES), np.float32)
        self.path = np.zeros((num_envs, kept, kernels.PATH))
        self._state = kernels.State(*(getattr(self, name) for name in kernels.State._fields))
        self._rows = np.arange(num_envs)
        actions: dict[str, gymnasium.Space[Any]] = {
            "dq": gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32),
            "abc": gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32),
            "finite": gymnasium.spaces.Discrete(len(inverter.STATES)),
        }
        self._set_spaces(
            gymnasium.spaces.Box(-kernels.MOST, kernels.MOST, (kernels.FEATURES,), np.float32),
            actions[control],
        )
        # Compile the kernels now: what is timed later should not pay for it.
        kernels.begin(self._state, 0)
        self._advance(np.zeros(self.action_space.shape or ()), np.zeros(num_envs, np.bool_))

    def _load(self, row: int, instance: Drive, rng: np.random.Generator) -> None:
        motor, conditions, steps = instance.motor, instance.conditions, instance.steps
        blocks = conditions.blocks(steps)
        if steps > self.setpoints.shape[1] or blocks > self.plant.shape[1]:
            raise ValueError(f"{instance.name} is longer than any drive of this batch")
        self.constants[row] = (
            motor.current_limit,
            motor.link_voltage * conditions.voltage_scale,
            1e-6 * conditions.dead_time / motor.period,
            conditions.noise,
            conditions.protection,
            motor.pole_pairs * motor.speed_limit,
        )
        self.plant[row, :blocks] = conditions.plant(motor, steps)
        self.speeds[row, :blocks] = conditions.speeds(motor, steps)
        self.plant[row, blocks:] = self.speeds[row, blocks:] = 0.0
        self.setpoints[row, :steps] = instance.setpoints
        self.setpoints[row, steps:] = 0.0
        self.blocks[row], self.steps[row], self.delay[row] = blocks, steps, conditions.delay
        self.key[row] = instance.noise_key
        self.phasor[row] = np.cos(instance.angle), np.sin(instance.angle)
        self.step_index[row] = 0
        self.tripped[row] = False
        # Before the start all legs are at the lower rail.
        self.legs[row] = -0.5 * self.constants[row, kernels.LINK]
        self.pending[row] = self.legs[row] if self.control == "finite" else 0.0
        for array in (self.current, self.recent, self.integral, self.side, self.totals, self.path):
            array[row] = 0.0
        kernels.begin(self._state, row)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        wanted = np.asarray(actions, dtype=np.float64).reshape(self.num_envs, -1)
        if np.isnan(wanted.sum()) and np.isnan(wanted[active]).any():
            raise ValueError("actions must be numbers, not NaN")
        rewards = np.zeros(self.num_envs)
        terminated = np.zeros(self.num_envs, np.bool_)
        truncated = np.zeros(self.num_envs, np.bool_)
        kernels.advance(
            self._state,
            CONTROLS.index(self.control),
            self.limit == "circle",
            wanted,
            active,
            rewards,
            terminated,
            truncated,
        )
        return rewards, terminated, truncated

    def _observe(self) -> Array:
        return self.features.copy()

    def setpoint(self) -> Floats:
        """Return the set-points for the period that begins, (B, 2)."""
        now = np.minimum(self.step_index, self.steps - 1)
        return np.asarray(self.setpoints[self._rows, now])

    def speed(self) -> Floats:
        """Return the electrical speed, in rad/s, (B,)."""
        block = np.minimum(self.step_index // BLOCK, self.blocks - 1)
        return np.asarray(self.speeds[self._rows, block])

    def ahead(self, periods: int) -> Array:
        """Return the command that acts in some periods from now, where the delay exceeds that.

        Volts in rotor coordinates and a zero under ``control="dq"``, else of the legs, (B, 3), if
        the link voltage is that of the data sheet. Rows whose delay is no longer get what means
        nothing.
        """
        slot = (self.step_index + periods) % np.maximum(self.delay, 1)
        share = self._sheet_link() / self.constants[:, kernels.LINK]
        return np.asarray(self.pending[self._rows, slot] * share[:, None])

    def _sheet_link(self) -> Floats:
        return np.array([one.motor.link_voltage for one in self.instances])

    def actions_for(self, voltages: Floats) -> Array:
        """Return the actions that want given voltages, under ``control="dq"`` and ``"abc"``.

        They are not rounded to the action space's single precision. The link voltage is that of the
        data sheet: a controller does not know better. Legs are told for the angle that the rotor
        will have when they act.

        Args:
            voltages: in rotor coordinates, (B, 2).
        """
        link = self._sheet_link()[:, None]
        if self.control == "dq":
            return voltages / (inverter.CORNER * link)
        period = np.array([one.motor.period for one in self.instances])
        angle = self.speed() * period * self.delay
        cosine, sine = np.cos(angle), np.sin(angle)
        x, y = self.phasor.T
        later = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=1)
        legs = inverter.centred(inverter.to_phases(voltages, later))
        return np.clip(legs / (0.5 * link), -1.0, 1.0)

    def differentiable(self) -> Machine:
        """Return the same dynamics on tensors, to learn through (see :mod:`.differentiable`).

        Raises:
            InputError: voltages are not commanded in rotor coordinates.
        """
        from drlapps.control.pmsm_current.differentiable import Machine

        if self.control != "dq":
            raise InputError("only control=dq is differentiable")
        return Machine(self.setpoints.shape[1], self.limit == "circle")

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        drive: Drive = self.instances[row]
        totals, played = self.totals[row], int(self.step_index[row])
        count = max(played, 1)
        squares = totals[kernels.SQUARE_D] + totals[kernels.SQUARE_Q]
        demand = totals[kernels.SQUARE_SET]
        carrier = 1e-3 / drive.motor.period
        switched = totals[kernels.SWITCHED] / (6.0 * count) * carrier
        return {
            "tracking_error": float(totals[kernels.ERROR] / drive.steps),
            "rms_d": float(np.sqrt(totals[kernels.SQUARE_D] / count)),
            "rms_q": float(np.sqrt(totals[kernels.SQUARE_Q] / count)),
            "overshoot": float(totals[kernels.OVERSHOOT]),
            "distortion": float(np.sqrt(squares / demand)) if demand else 0.0,
            "violations": float(totals[kernels.OVER] / count),
            "tripped": float(self.tripped[row]),
            "switching_khz": float(switched) if self.control == "finite" else carrier,
            "feasible": float(totals[kernels.OVER] == 0.0),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the commands of every period and what they led to.

        ``control`` and ``limit`` as in the environment; ``commands``: voltages in rotor
        coordinates, or of the legs; ``voltages`` that acted and ``currents`` after each period, in
        rotor coordinates.
        """
        kept = self.path[row, : self.step_index[row]]
        return {
            "control": self.control,
            "limit": self.limit,
            "commands": kept[:, : 2 if self.control == "dq" else 3].tolist(),
            "voltages": kept[:, 3:5].tolist(),
            "currents": kept[:, 5:7].tolist(),
        }
