"""The motors on tensors: what an agent can be trained through.

The equations are those of :mod:`.kernels` in the continuous set without dead time. A period is one
step of Runge and Kutta's method, and the points in it lie on the cubic through its four slopes.
Noise is drawn, not hashed.

Protection is a jump, which has no slope. Here nothing trips: what a current is beyond 90 % of its
limit costs its share of the limit, ten times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drlapps.control.dc_motor import kernels
from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.kernels import HISTORY, INTEGRAL_RATE, MOST, TRIP_PENALTY
from drlapps.control.dc_motor.motor import (
    FIELD_INVERSE,
    FIELD_RESISTANCE,
    INERTIA,
    INVERSE,
    MAGNETS,
    MOST_DELAY,
    MUTUAL,
    POINTS,
    RESISTANCE,
    SELF,
    SOFTENING,
)
from drlapps.control.motors.differentiable import check_differentiable

_MARGIN = 0.9
"""Share of a current's limit from which on it costs."""

_TIMES = np.arange(1, POINTS + 1) / POINTS
_WEIGHTS = torch.from_numpy(
    np.stack(
        [
            _TIMES - 3 / 2 * _TIMES**2 + 2 / 3 * _TIMES**3,
            _TIMES**2 - 2 / 3 * _TIMES**3,
            _TIMES**2 - 2 / 3 * _TIMES**3,
            -1 / 2 * _TIMES**2 + 2 / 3 * _TIMES**3,
        ],
        axis=1,
    )
)
"""Of the slopes in the way to each point, (POINTS, 4); to the last, those of the method itself."""


class Drives(NamedTuple):
    """What stays as it is during an episode, for each row of the batch.

    Attributes:
        constants: of the drive, (CONSTANTS, B); see :mod:`.kernels`.
        plant: of the motor in truth, (PLANT_COLUMNS, B).
        delay: in decisions, (B, 1).
        setpoints: of every period, (T, B).
        torques: static friction and load, of every period, (T, B).
        noise: of every measurement, (T + 1, 2, B).
    """

    constants: Tensor
    plant: Tensor
    delay: Tensor
    setpoints: Tensor
    torques: Tensor
    noise: Tensor


class State(NamedTuple):
    """A batch of drives between two control periods.

    Attributes:
        drives: what stays.
        step: to come, of no shape.
        motion: currents of armature and field and speed, (3, B).
        measured: both currents and speed as they are measured, (3, B).
        commands: the last ones, the latest first, (B, HISTORY).
        changes: of what is controlled by its reach, the latest first, (B, HISTORY).
        integral: of the error, as observed, (B,).
    """

    drives: Drives
    step: Tensor
    motion: Tensor
    measured: Tensor
    commands: Tensor
    changes: Tensor
    integral: Tensor


class Motors:
    """A :class:`~drlapps.analytic_gradient.model.DifferentiableModel` of motor control.

    Args:
        steps: of every episode.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps

    @property
    def horizon(self) -> int:
        """Decisions of an episode."""
        return self.steps

    def load(self, instances: Sequence[Drive], generator: np.random.Generator) -> State:
        """Return the states before the first period.

        Raises:
            InputError: a drive has another number of steps, or a dead time.
        """
        check_differentiable(instances, self.steps)
        rows = len(instances)
        constants = torch.tensor([kernels.constants(one) for one in instances]).T
        noise = torch.from_numpy(generator.standard_normal((self.steps + 1, 3, rows)))
        plant = torch.tensor(np.array([o.motor.plant(o.conditions, o.load) for o in instances]).T)
        # Neither the speed nor a field current that there is not is measured with noise.
        noise[:, 1] *= plant[FIELD_INVERSE] > 0.0
        noise[:, 2] = 0.0
        torques = torch.from_numpy(np.stack([one.torques for one in instances], axis=1))
        drives = Drives(
            constants,
            plant,
            torch.tensor([[one.conditions.delay] for one in instances]),
            torch.from_numpy(np.stack([one.setpoints for one in instances], axis=1)),
            torques + constants[kernels.STATIC],
            noise * constants[kernels.NOISE],
        )
        motion = torch.zeros(3, rows, dtype=torch.float64)
        motion[2] = torch.tensor([one.start for one in instances])
        idle = torch.tensor([[one.idle] for one in instances], dtype=torch.float64)
        return State(
            drives,
            torch.tensor(0),
            motion,
            motion + drives.noise[0],
            idle.expand(-1, HISTORY),
            torch.zeros(rows, HISTORY, dtype=torch.float64),
            torch.zeros(rows, dtype=torch.float64),
        )

    def observe(self, state: State) -> Tensor:
        """Return the observations, (B, FEATURES)."""
        drives, c = state.drives, state.drives.constants
        wanted, off = self._off(state.drives, int(state.step), state.measured)
        scalars = [
            state.measured[0] / c[kernels.LIMIT],
            state.measured[1] / c[kernels.LIMIT],
            state.measured[2] / c[kernels.TOP_SPEED],
            wanted / c[kernels.SCALE],
            off,
            state.integral,
            drives.delay[:, 0] / MOST_DELAY,
        ]
        seen = [torch.stack(scalars, dim=1), state.commands, state.changes]
        return torch.cat(seen, dim=1).clamp(-MOST, MOST)

    def step(self, state: State, actions: Tensor) -> tuple[State, Tensor]:
        """Return the states after a period, and the rewards."""
        drives, t = state.drives, int(state.step)
        c = drives.constants
        commands = torch.cat([actions, state.commands], dim=1)
        volts = c[kernels.SUPPLY] * commands.gather(1, drives.delay)[:, 0]
        motion, path = self._move(drives, state.motion, volts, drives.torques[t])
        value = torch.where(c[kernels.DRIVEN] > 0.0, path[:, 0], path[:, 2])
        error = (drives.setpoints[t] - value).abs().mean(dim=0) / (2.0 * c[kernels.SCALE])
        excess = (path[:, :2].abs().amax(dim=1) / c[kernels.LIMIT] - _MARGIN).relu().mean(dim=0)
        measured = motion + drives.noise[t + 1]
        reach = c[kernels.REACH]
        change = (_controlled(c, measured) - _controlled(c, state.measured)) / reach
        _, off = self._off(drives, t + 1, measured)
        after = State(
            drives,
            state.step + 1,
            motion,
            measured,
            commands[:, :-1],
            torch.cat([change[:, None], state.changes[:, :-1]], dim=1),
            (state.integral + INTEGRAL_RATE * off.clamp(-1.0, 1.0)).clamp(-1.0, 1.0),
        )
        return after, -error - TRIP_PENALTY * excess

    def _off(self, drives: Drives, step: int, measured: Tensor) -> tuple[Tensor, Tensor]:
        """Return the set-points, and how far off one is by what can be reached, both (B,)."""
        c, wanted = drives.constants, drives.setpoints[min(step, self.steps - 1)]
        return wanted, (wanted - _controlled(c, measured)) / c[kernels.REACH]

    def _move(
        self, drives: Drives, motion: Tensor, volts: Tensor, static: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return currents and speed after a period, (3, B), and at its points, (POINTS, 3, B)."""
        c, p, time = drives.constants, drives.plant, drives.constants[kernels.PERIOD]

        held = c[kernels.DRIVEN] > 0.0

        def slopes(x: Tensor) -> Tensor:
            i, e, w = x
            flux = p[SELF] * i + p[MUTUAL] * e + p[MAGNETS]
            turning = c[kernels.ACCELERATION]
            if not held.all():
                friction = (w * p[INERTIA] / SOFTENING).maximum(-static).minimum(static)
                friction = friction + (c[kernels.VISCOUS] + c[kernels.QUADRATIC] * w.abs()) * w
                turning = torch.where(held, turning, (flux * i - friction) / p[INERTIA])
            rise = p[INVERSE] * (volts - p[RESISTANCE] * i - flux * w)
            rise_e = p[FIELD_INVERSE] * (volts - p[FIELD_RESISTANCE] * e)
            return time * torch.stack([rise, rise_e, turning])

        first = slopes(motion)
        second = slopes(motion + 0.5 * first)
        third = slopes(motion + 0.5 * second)
        found = torch.stack([first, second, third, slopes(motion + third)])
        path = motion + torch.tensordot(_WEIGHTS, found, dims=1)
        return path[-1], path


def _controlled(constants: Tensor, motion: Tensor) -> Tensor:
    return torch.where(constants[kernels.DRIVEN] > 0.0, motion[0], motion[2])
