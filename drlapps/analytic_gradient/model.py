"""What an environment offers to be learnt through: its dynamics on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np
from torch import Tensor

from drlapps.errors import InputError
from drlapps.vector import VectorEnvironment

State = TypeVar("State", bound=tuple[Any, ...])


class DifferentiableModel(Protocol[State]):
    """An environment's dynamics, batched over episodes that start and end together.

    A state is a tuple of tensors and tuples of such, so that it can be cut off from its past. All
    episodes have :attr:`horizon` decisions; in those that end earlier nothing more is rewarded.
    """

    @property
    def horizon(self) -> int:
        """Decisions of an episode."""

    def load(self, instances: Sequence[Any], generator: np.random.Generator) -> State:
        """Return the states at the start of an episode of each instance."""

    def observe(self, state: State) -> Tensor:
        """Return observations, laid out as the environment's."""

    def step(self, state: State, actions: Tensor) -> tuple[State, Tensor]:
        """Return the next states and the environment's rewards, shape ``(batch,)``."""


@runtime_checkable
class Differentiable(Protocol):
    """An environment that offers its dynamics as tensors."""

    def differentiable(self) -> DifferentiableModel[Any]:
        """Return the model.

        Raises:
            InputError: as it is set, the environment is not differentiable.
        """


def detached(state: State) -> State:
    """Return the state without its past, through which no gradient flows back."""
    parts = [part.detach() if isinstance(part, Tensor) else detached(part) for part in state]
    return type(state)._make(parts) if hasattr(state, "_make") else type(state)(parts)


def model_of(env: VectorEnvironment) -> DifferentiableModel[Any]:
    """Return the environment's differentiable model.

    Raises:
        InputError: it has none.
    """
    if not isinstance(env, Differentiable):
        raise InputError(
            "apg learns through a differentiable model, and the environment has none; use ppo"
        )
    return env.differentiable()
