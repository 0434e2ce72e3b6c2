"""A network beside a linear law: what controllers of drives mostly are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn


class Beside(BaseFeaturesExtractor):
    """Observations, and beside them what a network makes of them.

    Args:
        observation_space: Box (d,).
        width: of both hidden layers.
    """

    def __init__(self, observation_space: spaces.Box, width: int = 64) -> None:
        (size,) = observation_space.shape
        super().__init__(observation_space, features_dim=size + width)
        self.hidden = nn.Sequential(
            nn.Linear(size, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh()
        )

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, d) to (B, d + width)."""
        return torch.cat([observations, self.hidden(observations)], dim=1)


class BesidePolicy(ActorCriticPolicy):
    """Actor and critic that add a network's correction to a linear function of the observation.

    A decoupled PI controller is such a function, and a perceptron alone takes long to become as
    exact as one.

    Args:
        observation_space: Box (d,).
        action_space: Box (m,).
        lr_schedule: learning rate by progress left.
        width: of the hidden layers.
        arguments: of the base class.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Space[Any],
        lr_schedule: Callable[[float], float],
        width: int = 64,
        **arguments: Any,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=[],
            features_extractor_class=Beside,
            features_extractor_kwargs={"width": width},
            share_features_extractor=False,
            **arguments,
        )
