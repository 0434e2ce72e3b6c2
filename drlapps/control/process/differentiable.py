"""The dynamics of processes on tensors, to learn through."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from drlapps.control.process.environment import LIMIT, TOLERANCE, ProcessEnv
from drlapps.control.process.instances import Episode
from drlapps.control.process.plant import LinearPlant, Process
from drlapps.errors import InputError

_BEYOND = 20.0
"""Price of a share of the range beyond a limit, in units of ``penalty``: a jump has no slope."""


class Fixed(NamedTuple):
    """What does not change in an episode; all with a leading batch axis."""

    dynamics: tuple[Tensor, ...]
    state_cost: Tensor
    input_cost: Tensor
    lower: Tensor
    upper: Tensor
    input_middle: Tensor
    input_half: Tensor
    scale: Tensor
    references: Tensor
    disturbances: Tensor
    errors: Tensor


class State(NamedTuple):
    """Where the episodes stand.

    Attributes:
        state: x, (B, n).
        at: steps taken, of one row.
        fixed: the rest.
    """

    state: Tensor
    at: Tensor
    fixed: Fixed


class ProcessModel(ABC):
    """A process as a :class:`~drlapps.analytic_gradient.model.DifferentiableModel`.

    Where the environment takes ``penalty`` off in a step beyond a limit, the model takes the size
    of all excesses as shares of their ranges, times ``20 penalty``: beyond 5 % of the range it is
    the larger one.

    Args:
        env: whose sizes and penalty hold.

    Raises:
        InputError: an episode may end before its time, or inputs are delayed.
    """

    def __init__(self, env: ProcessEnv) -> None:
        if env.stop_at_violation or env.delay:
            raise InputError("a differentiable model needs stop_at_violation=false and delay=0")
        self.horizon = env.taken.shape[1]
        self._tracked, self._penalty = list(env.tracked), env.penalty

    @abstractmethod
    def _dynamics(self, truths: Sequence[Process]) -> tuple[Tensor, ...]:
        """Return the constants of the true processes, each with a leading batch axis."""

    @abstractmethod
    def _next(self, dynamics: tuple[Tensor, ...], state: Tensor, inputs: Tensor) -> Tensor:
        """Return the states after a step without disturbances, (B, n)."""

    def load(self, instances: Sequence[Episode], generator: np.random.Generator) -> State:
        """Return the states at the start of an episode of each instance.

        Raises:
            ValueError: an episode is shorter than others of its batch.
        """
        truths = [one.truth for one in instances]
        if any(truth.steps != self.horizon for truth in truths):
            raise ValueError("all episodes of a differentiable batch have the same number of steps")
        low = stack([truth.input_lower for truth in truths])
        high = stack([truth.input_upper for truth in truths])
        fixed = Fixed(
            self._dynamics(truths),
            stack([truth.state_cost for truth in truths]),
            stack([truth.input_cost for truth in truths]),
            stack([truth.lower for truth in truths]),
            stack([truth.upper for truth in truths]),
            0.5 * (low + high),
            0.5 * (high - low),
            torch.tensor([truth.scale for truth in truths]),
            stack([one.references for one in instances]),
            stack([one.disturbances for one in instances]),
            stack([one.errors for one in instances]),
        )
        initial = stack([one.initial for one in instances])
        return State(initial, torch.zeros(1, dtype=torch.long), fixed)

    def observe(self, state: State) -> Tensor:
        """Return observations, laid out as the environment's."""
        fixed, at = state.fixed, int(state.at)
        middle = 0.5 * (fixed.lower + fixed.upper)
        half = 0.5 * (fixed.upper - fixed.lower)
        seen = (state.state + fixed.errors[:, at] - middle) / half
        wanted = (fixed.references[:, at] - middle) / half
        return torch.cat([seen, wanted[:, self._tracked]], dim=1).clamp(-LIMIT, LIMIT)

    def step(self, state: State, actions: Tensor) -> tuple[State, Tensor]:
        """Return the next states and the rewards, (B,)."""
        fixed, at = state.fixed, int(state.at)
        inputs = fixed.input_middle + fixed.input_half * actions.clamp(-1.0, 1.0)
        moved = self._next(fixed.dynamics, state.state, inputs) + fixed.disturbances[:, at]
        error = moved - fixed.references[:, at + 1]
        cost = _form(fixed.state_cost, error) + _form(fixed.input_cost, inputs)
        excess = torch.relu(torch.maximum(moved - fixed.upper, fixed.lower - moved))
        beyond = torch.relu(excess / (fixed.upper - fixed.lower) - TOLERANCE).sum(dim=1)
        rewards = -cost / fixed.scale - _BEYOND * self._penalty * beyond
        return State(moved, state.at + 1, fixed), rewards


class LinearModel(ProcessModel):
    """A linear plant to learn through."""

    def _dynamics(self, truths: Sequence[Process]) -> tuple[Tensor, ...]:
        linear = [truth for truth in truths if isinstance(truth, LinearPlant)]
        return stack([truth.a for truth in linear]), stack([truth.b for truth in linear])

    def _next(self, dynamics: tuple[Tensor, ...], state: Tensor, inputs: Tensor) -> Tensor:
        a, b = dynamics
        return _times(a, state) + _times(b, inputs)


def stack(arrays: Sequence[np.ndarray]) -> Tensor:
    """Return arrays as one tensor of single precision with a leading batch axis."""
    return torch.tensor(np.stack(arrays), dtype=torch.float32)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return torch.bmm(matrix, vector.unsqueeze(2)).squeeze(2)


def _form(matrix: Tensor, vector: Tensor) -> Tensor:
    return (vector * _times(matrix, vector)).sum(dim=1)
