"""Control of a direct-current motor as a Markov decision process, batched.

What a policy reads of a :class:`DcMotorEnv` ``env`` beside the observations; it must change none of
it. ``B`` rows, in ampere, volt, rad/s and seconds:

* ``env.instances[row]``: the :class:`.drive.Drive`; its ``motor`` is the data sheet that
  controllers know, its ``conditions`` are the truth (but for ``delay``, which they know).
* ``env.measured`` (B, 2): currents of armature and field as the sensors have them; ``env.speed``
  (B,); ``env.setpoint()`` (B,): what the controlled quantity is to be in the period that begins.
* ``env.ahead(k)`` (B,): the voltage that acts in ``k`` decisions from now, for ``k`` below the
  delay.
* ``env.decision_time()`` (B,): how long a decision holds.
* ``env.actions_for(voltages)``: the actions that want these voltages, in the continuous set.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.control.dc_motor import kernels
from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.motor import PLANT_COLUMNS, POINTS
from drlapps.errors import InputError, unknown
from drlapps.vector import Array, Pool, VectorEnvironment

if TYPE_CHECKING:
    from drlapps.control.dc_motor.differentiable import Motors

Floats = NDArray[np.float64]

SETS = ("continuous", "finite")


class DcMotorEnv(VectorEnvironment):
    """Make the current or the speed of a direct-current motor follow its set-points.

    ## Description

    The current- and speed-control problems of gym-electric-motor's series, shunt and permanently
    excited motors, with their default parameters; see :mod:`drlapps.control.dc_motor` for the
    formulas. In a decision:

    1. The policy sees measured currents, speed and set-point and commands a voltage. With a delay
       of one decision, which is the default, it acts in the next one.
    2. The four-quadrant converter gives that voltage as the mean of the control period, 100
       microseconds, or, in the finite set, a switching state for a tenth of it; its legs may lose
       some to their dead time.
    3. Currents and speed move by ten steps of Runge and Kutta's method a period. After each the
       error is judged, and the currents are compared with their limit.

    ## Observation Space

    ``Box(-10, 10, (15,), float32)``; everything is a share of its limit, but
    errors and changes are measured by the reach of the controlled quantity: most by which it can
    change in a control period, by the data sheet:

    | Index | Value |
    |---|---|
    | 0 | measured current of the armature |
    | 1 | measured current of the field winding, if it is a circuit of its own |
    | 2 | speed |
    | 3 | set-point for the period that begins |
    | 4 | error, by its reach |
    | 5 | its sum, to which each decision adds 5 % of it, at most 0.05, within 1 |
    | 6 | decisions from a command to its effect, by the most, 4 |
    | 7-10 | the last four commands, latest first: voltages as shares of the supply's |
    | 11-14 | changes of the controlled quantity from decision to decision, by its reach, \
latest first |

    ## Action Space

    - ``control_set="continuous"``: ``Box(-1, 1, (1,), float32)``, mean voltage as a share of the
      supply's.
    - ``control_set="finite"``: ``Discrete(4)``, the switching state: 1 is plus, 2 minus the
      supply's voltage, 0 and 3 are none.

    ## Rewards

    Minus the mean error of the points in the decision, ``|set-point - value|`` over twice the
    limit. When protection trips, -10.

    ## Starting State

    No current; under speed control the motor turns as fast as the first set-point says. What acts
    until the first command does is the voltage that keeps it so, which magnets induce; in the
    finite set it is none.

    ## Episode End

    Terminated when a winding's current exceeds its limit, if the drive has protection; truncated
    after ``T`` control periods, 1000 under current and 2500 under speed control unless told
    otherwise.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where drives come from.
    - ``control_set``: ``continuous`` or ``finite``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of.

    ## Metrics

    - ``tracking_error``: mean error over the ``10 T`` points of an episode, as a share of the range
      from minus the limit to the limit; those from the trip of the protection on count 1. Lower is
      better.
    - ``rms_error``: root of the mean squared error, in ampere or rad/s, over the points that were
      played, as for all that follow.
    - ``overshoot``: most by which the value went past its set-point, from the side on which it was
      when the set-point was last changed, in ampere or rad/s.
    - ``violations``: share of points with a current above its limit.
    - ``tripped``: 1 where protection has ended the episode.
    - ``switching_khz``: how often a leg is switched on and off, on average; in the continuous set
      once a period.
    - ``feasible``: 1 where the currents have kept their limit.

    ## References

    - Traue et al. 2022, "Towards a reinforcement learning environment toolbox for intelligent
      electric motor control", IEEE Transactions on Neural Networks and Learning Systems 33(3).
    - Balakrishna et al. 2021, "gym-electric-motor (GEM): A Python toolbox for the simulation of
      electric drive systems", Journal of Open Source Software 6(58).

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = kernels.State._fields

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        control_set: str = "continuous",
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if control_set not in SETS:
            raise unknown("control_set", str(control_set), SETS)
        self.control_set, self.finite = control_set, control_set == "finite"
        largest: Sequence[Drive]
        largest = pool if isinstance(pool, Sequence) else [cast(Drive, pool.largest())]
        steps = max(one.steps for one in largest)
        kept = steps * self.decisions if autoreset_mode is AutoresetMode.DISABLED else 0
        self.constants = np.ones((num_envs, kernels.CONSTANTS))
        self.plant = np.ones((num_envs, PLANT_COLUMNS))
        self.setpoints = np.zeros((num_envs, steps))
        self.torques = np.zeros((num_envs, steps))
        self.steps = np.ones(num_envs, np.int64)
        self.delay = np.zeros(num_envs, np.int64)
        self.key = np.zeros(num_envs, np.uint64)
        self.step_index = np.zeros(num_envs, np.int64)
        self.current = np.zeros((num_envs, 2))
        self.measured = np.zeros((num_envs, 2))
        self.speed = np.zeros(num_envs)
        self.commands = np.zeros((num_envs, kernels.HISTORY))
        self.legs = np.zeros(num_envs, np.int64)
        self.value = np.zeros(num_envs)
        self.changes = np.zeros((num_envs, kernels.HISTORY))
        self.integral = np.zeros(num_envs)
        self.side = np.zeros(num_envs)
        self.totals = np.zeros((num_envs, 6))
        self.tripped = np.zeros(num_envs, np.bool_)
        self.features = np.zeros((num_envs, kernels.FEATURES), np.float32)
        self.path = np.zeros((num_envs, kept, kernels.PATH))
        self._state = kernels.State(*(getattr(self, name) for name in kernels.State._fields))
        self._rows = np.arange(num_envs)
        action: gymnasium.Space[Any] = gymnasium.spaces.Box(-1.0, 1.0, (1,), np.float32)
        if self.finite:
            action = gymnasium.spaces.Discrete(len(kernels.LEGS))
        self._set_spaces(
            gymnasium.spaces.Box(-kernels.MOST, kernels.MOST, (kernels.FEATURES,), np.float32),
            action,
        )
        # Compile the kernels now: what is timed later should not pay for it.
        kernels.begin(self._state, self.finite, 0)
        self._advance(np.zeros(num_envs), np.zeros(num_envs, np.bool_))

    @property
    def decisions(self) -> int:
        """How many decisions a control period has."""
        return POINTS if self.finite else 1

    def _load(self, row: int, instance: Drive, rng: np.random.Generator) -> None:
        conditions, steps = instance.conditions, instance.steps
        if steps > self.setpoints.shape[1]:
            raise ValueError(f"{instance.name} is longer than any drive of this batch")
        self.constants[row] = kernels.constants(instance)
        self.plant[row] = instance.motor.plant(conditions, instance.load)
        self.setpoints[row, :steps], self.setpoints[row, steps:] = instance.setpoints, 0.0
        self.torques[row, :steps], self.torques[row, steps:] = instance.torques, 0.0
        self.steps[row], self.delay[row] = steps, conditions.delay
        self.key[row] = instance.noise_key
        self.speed[row] = instance.start
        # Before the start both legs are at the lower rail, which is no voltage.
        self.legs[row] = len(kernels.LEGS) - 1
        self.commands[row] = self.legs[row] if self.finite else instance.idle
        self.step_index[row] = 0
        self.tripped[row] = False
        for array in (
            self.current, self.changes, self.integral, self.side, self.totals, self.path
        ):  # fmt: skip
            array[row] = 0.0
        kernels.begin(self._state, self.finite, row)

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        wanted = np.asarray(actions, dtype=np.float64).reshape(self.num_envs)
        if np.isnan(wanted).any() and np.isnan(wanted[active]).any():
            raise ValueError("actions must be numbers, not NaN")
        rewards = np.zeros(self.num_envs)
        terminated = np.zeros(self.num_envs, np.bool_)
        truncated = np.zeros(self.num_envs, np.bool_)
        kernels.advance(self._state, self.finite, wanted, active, rewards, terminated, truncated)
        return rewards, terminated, truncated

    def _observe(self) -> Array:
        return self.features.copy()

    def setpoint(self) -> Floats:
        """Return the set-points for the period that begins, (B,)."""
        now = np.minimum(self.step_index // self.decisions, self.steps - 1)
        return np.asarray(self.setpoints[self._rows, now])

    def decision_time(self) -> Floats:
        """Return how long a decision holds, in seconds, (B,)."""
        return np.asarray(self.constants[:, kernels.PERIOD] / self.decisions)

    def ahead(self, decisions: int) -> Floats:
        """Return the voltage that acts in some decisions from now, where the delay exceeds that.

        In volt, (B,), if the supply is that of the data sheet. Rows whose delay is no longer get
        what means nothing.
        """
        commands = self.commands[self._rows, np.maximum(self.delay - 1 - decisions, 0)]
        if self.finite:
            legs = kernels.LEGS[commands.astype(np.int64)]
            commands = legs[:, 0] - legs[:, 1]
        return np.asarray(self._sheet_voltage() * commands)

    def actions_for(self, voltages: Floats) -> Array:
        """Return the actions that want given voltages, (B,), in the continuous set.

        They are not rounded to the action space's single precision. The supply is that of the data
        sheet: a controller does not know better.
        """
        return np.clip(voltages / self._sheet_voltage(), -1.0, 1.0)[:, None]

    def _sheet_voltage(self) -> Floats:
        return np.array([one.motor.voltage for one in self.instances])

    def differentiable(self) -> Motors:
        """Return the same dynamics on tensors, to learn through (see :mod:`.differentiable`).

        Raises:
            InputError: commands are switching states.
        """
        from drlapps.control.dc_motor.differentiable import Motors

        if self.finite:
            raise InputError("only control_set=continuous is differentiable")
        return Motors(self.setpoints.shape[1])

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        drive: Drive = self.instances[row]
        totals = self.totals[row]
        count = max(totals[kernels.COUNT], 1.0)
        carrier = 1e-3 / drive.motor.period
        switched = totals[kernels.SWITCHED] / (4.0 * count) * POINTS * carrier
        return {
            "tracking_error": float(totals[kernels.ERROR] / (POINTS * drive.steps)),
            "rms_error": float(np.sqrt(totals[kernels.SQUARE] / count)),
            "overshoot": float(totals[kernels.OVERSHOOT]),
            "violations": float(totals[kernels.OVER] / count),
            "tripped": float(self.tripped[row]),
            "switching_khz": float(switched) if self.finite else carrier,
            "feasible": float(totals[kernels.OVER] == 0.0),
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the commands of every decision and what they led to.

        ``control_set`` as in the environment; ``commands``: shares of the supply's voltage, or
        switching states; ``voltages`` that acted, ``currents`` of armature and field and ``speeds``
        after each decision.
        """
        kept = self.path[row, : self.step_index[row]]
        return {
            "control_set": self.control_set,
            "commands": kept[:, 0].tolist(),
            "voltages": kept[:, 1].tolist(),
            "currents": kept[:, 2:4].tolist(),
            "speeds": kept[:, 4].tolist(),
        }
