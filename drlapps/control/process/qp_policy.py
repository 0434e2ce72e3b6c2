"""The policy that is shaped like a quadratic program, as an actor-critic of Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from drlapps.agents import Agent
from drlapps.control.process.qp_layer import Floats, QpLayer, Recurrence
from drlapps.errors import InputError
from drlapps.policy import Policy

ITERATIONS = 10
"""Of the solver, unless a policy is made with others."""

_LAYER = "action_net.layer."
"""What the names of a program's weights begin with."""


class QpPolicy(ActorCriticPolicy):
    """Actor: the first entries of a :class:`~.qp_layer.QpLayer`; critic: a perceptron.

    The layer's first variables are the actions themselves, without a squashing function; the
    environment cuts them at the limits of the inputs.

    Args:
        observation_space: Box (d,).
        action_space: Box (m,).
        lr_schedule: learning rate by progress left.
        variables: of the program, at least m.
        constraints: of the program.
        iterations: of its solver.
        critic: widths of the critic's hidden layers.
        log_std_init: logarithm of the standard deviation of actions before training.
        arguments: of the base class.

    Raises:
        ValueError: there are fewer variables than actions.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Callable[[float], float],
        variables: int = 8,
        constraints: int = 48,
        iterations: int = ITERATIONS,
        critic: Sequence[int] = (64, 64),
        log_std_init: float = -1.5,
        **arguments: Any,
    ) -> None:
        if variables < action_space.shape[0]:
            raise ValueError(f"{variables} variables hold no {action_space.shape[0]} actions")
        self._sizes = variables, constraints, iterations
        self._worked_out: tuple[tuple[int, ...], Recurrence] | None = None
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch={"pi": [], "vf": list(critic)},
            log_std_init=log_std_init,
            ortho_init=False,
            **arguments,
        )

    def _build(self, lr_schedule: Callable[[float], float]) -> None:
        super()._build(lr_schedule)
        size, actions = self.observation_space.shape, self.action_space.shape
        assert size is not None
        assert actions is not None
        self.action_net = _Head(QpLayer(size[0], *self._sizes), actions[0])
        make: Any = self.optimizer_class
        self.optimizer = make(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)

    def predict(
        self,
        observation: Any,
        state: tuple[Floats, ...] | None = None,
        episode_start: Floats | None = None,
        deterministic: bool = False,
    ) -> tuple[Floats, tuple[Floats, ...] | None]:
        """Return actions; the likeliest ones by NumPy alone, which is faster for few rows."""
        if not deterministic:
            return super().predict(observation, state, episode_start, deterministic)
        weights = list(self.layer.parameters())
        # In-place changes, as by an optimiser, raise a tensor's version.
        versions = tuple(weight._version for weight in weights)
        if self._worked_out is None or self._worked_out[0] != versions:
            size = self.action_space.shape
            assert size is not None
            self._worked_out = versions, Recurrence.of(self.layer, size[0], np.float32)
        actions = self._worked_out[1](np.asarray(observation))
        return np.clip(actions, -1.0, 1.0), state

    @property
    def layer(self) -> QpLayer:
        """The actor's program."""
        head = self.action_net
        assert isinstance(head, _Head)
        return head.layer


class _Head(nn.Module):
    """The first variables of a program."""

    def __init__(self, layer: QpLayer, actions: int) -> None:
        super().__init__()
        self.layer, self.actions = layer, actions

    def forward(self, features: Tensor) -> Tensor:
        """Map observations (B, d) to actions (B, m)."""
        found: Tensor = self.layer(features)
        return found[:, : self.actions]


def learnt_layer(policy: Policy, iterations: int = ITERATIONS) -> QpLayer:
    """Return the program of a trained agent, in double precision.

    Args:
        policy: a trained agent.
        iterations: with which it acts.

    Raises:
        InputError: the policy is no agent, or one of another shape.
    """
    if not isinstance(policy, Agent) or f"{_LAYER}matrix" not in policy.weights:
        raise InputError("only agents that are shaped like a quadratic program can be verified")
    weights = {
        name.removeprefix(_LAYER): torch.as_tensor(value)
        for name, value in policy.weights.items()
        if name.startswith(_LAYER)
    }
    constraints, variables = weights["matrix"].shape
    layer = QpLayer(weights["linear.weight"].shape[1], variables, constraints, iterations)
    layer.load_state_dict(weights)
    return layer.double()


def actor_parameters(policy: ActorCriticPolicy) -> int:
    """Return the number of weights that an actor-critic needs in order to act."""
    parts = [policy.mlp_extractor.policy_net, policy.action_net]
    return sum(weight.numel() for part in parts for weight in part.parameters())
