"""The machine on tensors: what an agent can be trained through.

The arithmetic is that of :mod:`.kernels` under ``control="dq"`` without dead time, in double
precision, and all of it has derivatives. Noise is drawn, not hashed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drlapps.control.motors.differentiable import check_differentiable
from drlapps.control.motors.inverter import CIRCLE, CORNER
from drlapps.control.pmsm_current.instances import Drive
from drlapps.control.pmsm_current.kernels import INTEGRAL_RATE, MOST, TRIP_PENALTY, ZOOM
from drlapps.control.pmsm_current.motor import BLOCK, MOST_DELAY


class Drives(NamedTuple):
    """What stays as it is during an episode, for each row of the batch.

    Attributes:
        limit: of the current, (B, 1).
        link: voltage, (B, 1).
        top_speed: electrical, (B, 1).
        protection: whether there is any, (B,).
        delay: in periods, (B, 1, 1).
        last_block: number of the last block, (B,).
        plant: of every block, (B, blocks, PLANT_COLUMNS).
        speeds: electrical, of every block, (B, blocks).
        setpoints: of every step, (B, T, 2).
        noise: of every measurement, (B, T + 1, 2).
    """

    limit: Tensor
    link: Tensor
    top_speed: Tensor
    protection: Tensor
    delay: Tensor
    last_block: Tensor
    plant: Tensor
    speeds: Tensor
    setpoints: Tensor
    noise: Tensor


class State(NamedTuple):
    """A batch of drives between two control periods.

    Attributes:
        drives: what stays.
        step: to come, of no shape.
        current: in truth, (B, 2).
        measured: as it is measured, (B, 2).
        change: of the measured current since the last step, (B, 2).
        integral: of the error, as observed, (B, 2).
        phasor: of the rotor's angle, (B, 2).
        commands: the latest, newest first, (B, MOST_DELAY + 1, 2).
        alive: 1 until protection trips, (B,).
    """

    drives: Drives
    step: Tensor
    current: Tensor
    measured: Tensor
    change: Tensor
    integral: Tensor
    phasor: Tensor
    commands: Tensor
    alive: Tensor


class Machine:
    """A :class:`~drlapps.analytic_gradient.model.DifferentiableModel` of current control.

    Args:
        steps: of every episode.
        circle: whether voltages keep within the circle in the hexagon.
    """

    def __init__(self, steps: int, circle: bool) -> None:
        self.steps, self.circle = steps, circle

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
        drives = _drives(instances, self.steps, generator)
        angles = torch.tensor([one.angle for one in instances], dtype=torch.float64)
        nothing = torch.zeros(rows, 2, dtype=torch.float64)
        return State(
            drives,
            torch.tensor(0),
            nothing,
            drives.noise[:, 0],
            nothing,
            nothing,
            torch.stack([angles.cos(), angles.sin()], dim=1),
            torch.zeros(rows, MOST_DELAY + 1, 2, dtype=torch.float64),
            torch.ones(rows, dtype=torch.float64),
        )

    def observe(self, state: State) -> Tensor:
        """Return the observations, (B, 20)."""
        drives = state.drives
        setpoint = drives.setpoints[:, min(int(state.step), self.steps - 1)]
        turning = _of_block(drives.speeds, state)[:, None] / drives.top_speed
        features = [
            state.measured / drives.limit,
            setpoint / drives.limit,
            ZOOM * (setpoint - state.measured) / drives.limit,
            state.integral,
            state.commands[:, 0] / (CORNER * drives.link),
            state.commands[:, 1] / (CORNER * drives.link),
            ZOOM * state.change / drives.limit,
            turning,
            state.phasor,
            turning * state.measured / drives.limit,
            drives.delay[:, :, 0] / MOST_DELAY,
        ]
        return torch.cat(features, dim=1).clamp(-MOST, MOST)

    def step(self, state: State, actions: Tensor) -> tuple[State, Tensor]:
        """Return the states after a period, and the rewards."""
        drives, t = state.drives, int(state.step)
        command = CORNER * drives.link * actions
        commands = torch.cat([command[:, None], state.commands[:, :-1]], dim=1)
        acting = commands.gather(1, drives.delay.expand(-1, 1, 2))[:, 0]
        voltage = self._shortened(acting, state.phasor, drives.link)
        m = _of_block(drives.plant, state)
        current = (
            torch.einsum("bij,bj->bi", m[:, 0:4].view(-1, 2, 2), state.current)
            + torch.einsum("bij,bj->bi", m[:, 4:8].view(-1, 2, 2), voltage)
            + m[:, 8:10]
        )
        cosine, sine = state.phasor.unbind(dim=1)
        phasor = torch.stack(
            [cosine * m[:, 10] - sine * m[:, 11], sine * m[:, 10] + cosine * m[:, 11]], dim=1
        )
        error = (drives.setpoints[:, t] - current).abs().sum(dim=1) / (4.0 * drives.limit[:, 0])
        trips = drives.protection & (current.norm(dim=1) > drives.limit[:, 0])
        rewards = -state.alive * torch.where(trips, TRIP_PENALTY, error)
        measured = current + drives.noise[:, t + 1]
        ahead = drives.setpoints[:, min(t + 1, self.steps - 1)]
        integral = state.integral + INTEGRAL_RATE * (ahead - measured) / drives.limit
        after = State(
            drives,
            state.step + 1,
            current,
            measured,
            measured - state.measured,
            integral.clamp(-1.0, 1.0),
            phasor,
            commands,
            state.alive * ~trips,
        )
        return after, rewards

    def _shortened(self, voltage: Tensor, phasor: Tensor, link: Tensor) -> Tensor:
        """Return what the inverter can give of voltages in rotor coordinates, (B, 2)."""
        cosine, sine = phasor.unbind(dim=1)
        alpha = cosine * voltage[:, 0] - sine * voltage[:, 1]
        beta = sine * voltage[:, 0] + cosine * voltage[:, 1]
        right, left = 1.5 * alpha, 0.75**0.5 * beta
        lines = torch.stack([right - left, right + left, 2.0 * left], dim=1)
        widest = lines.abs().amax(dim=1, keepdim=True)
        share = link / widest.clamp(min=1.0).maximum(link)
        if self.circle:
            size = (voltage.square().sum(dim=1, keepdim=True) + 1e-12).sqrt()
            share = share.minimum(CIRCLE * link / size.maximum(CIRCLE * link))
        return voltage * share


def _drives(instances: Sequence[Drive], steps: int, generator: np.random.Generator) -> Drives:
    motors = [one.motor for one in instances]
    conditions = [one.conditions for one in instances]
    blocks = [one.blocks(steps) for one in conditions]
    most = max(blocks)

    def column(values: Sequence[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)[:, None]

    def padded(arrays: Sequence[np.ndarray]) -> Tensor:
        rows = [np.concatenate([a, np.repeat(a[-1:], most - len(a), axis=0)]) for a in arrays]
        return torch.from_numpy(np.stack(rows))

    noise = generator.standard_normal((len(instances), steps + 1, 2))
    return Drives(
        column([one.current_limit for one in motors]),
        column([m.link_voltage * c.voltage_scale for m, c in zip(motors, conditions, strict=True)]),
        column([one.pole_pairs * one.speed_limit for one in motors]),
        torch.tensor([one.protection for one in conditions]),
        torch.tensor([one.delay for one in conditions])[:, None, None],
        torch.tensor(blocks) - 1,
        padded([c.plant(m, steps) for m, c in zip(motors, conditions, strict=True)]),
        padded([c.speeds(m, steps) for m, c in zip(motors, conditions, strict=True)]),
        torch.from_numpy(np.stack([one.setpoints for one in instances])),
        torch.from_numpy(noise) * column([one.noise for one in conditions])[:, None],
    )


def _of_block(values: Tensor, state: State) -> Tensor:
    """Return the entries of the block to which the step belongs."""
    rows = torch.arange(len(values))
    return values[rows, state.drives.last_block.clamp(max=int(state.step) // BLOCK)]
