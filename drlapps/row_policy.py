"""Actor and critic for environments whose observations have a row for each action.

A row is a candidate of which one is chosen, or moves by a number of its own. Either way the same
weights serve every row, so that they fit any number of rows; what a task adds is the encoder that
lets the rows hear of each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn


class Heads(nn.Module):
    """Splits the encoder's result: rows and summary for the actor, the summary for the critic.

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.latent_dim_pi = self.latent_dim_vf = width
        self.actor_row = nn.Linear(width, width)
        self.actor_summary = nn.Linear(width, width, bias=False)
        self.critic = nn.Sequential(nn.Linear(width, width), nn.ReLU())

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the actor's (B, n, width) and the critic's (B, width) latents."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Return (B, n, width)."""
        summary = self.actor_summary(features[:, :1])
        return torch.relu(self.actor_row(features[:, 1:]) + summary)

    def forward_critic(self, features: Tensor) -> Tensor:
        """Return (B, width)."""
        latent: Tensor = self.critic(features[:, 0])
        return latent


class _OneNumberARow(BasePolicy):
    """What both policies share; stands before SB3's actor-critic in the order of base classes.

    Attributes:
        ENCODER: maps observations (B, n, features) to (B, 1 + n, width), a summary first.
    """

    ENCODER: ClassVar[type[BaseFeaturesExtractor]]
    features_dim: int
    mlp_extractor: Any
    action_net: Any

    def set_training_mode(self, mode: bool) -> None:
        """Switch between training and evaluation, where the mode changes."""
        if mode != self.training:
            super().set_training_mode(mode)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = Heads(self.features_dim)

    def _build_action_net(self) -> None:
        score = nn.Linear(self.features_dim, 1)
        # Near-equal numbers at first: the agent starts by exploring.
        nn.init.orthogonal_(score.weight, gain=0.01)
        nn.init.zeros_(score.bias)
        self.action_net = nn.Sequential(score, nn.Flatten())

    def _build(self, lr_schedule: Callable[[float], float]) -> None:
        super()._build(lr_schedule)  # type: ignore[misc]
        self._build_action_net()
        self.optimizer = self.optimizer_class(
            self.parameters(),
            lr=lr_schedule(1.0),  # type: ignore[call-arg]
            **self.optimizer_kwargs,
        )


class RowPolicy(_OneNumberARow, MaskableActorCriticPolicy):
    """Chooses a row: actor and critic on one shared encoder, for masked discrete actions.

    Args:
        observation_space: Box (n, features).
        action_space: Discrete (n).
        lr_schedule: learning rate by progress left.
        optimizer_kwargs: of Adam.
        encoder: keyword arguments of the encoder, such as ``width``.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Discrete,
        lr_schedule: Callable[[float], float],
        optimizer_kwargs: dict[str, Any] | None = None,
        **encoder: Any,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=self.ENCODER,
            features_extractor_kwargs=encoder,
            optimizer_kwargs=optimizer_kwargs,
        )

    def _predict(
        self,
        observation: Any,
        deterministic: bool = False,
        action_masks: NDArray[np.bool_] | None = None,
    ) -> Tensor:
        """Return the actions; the likeliest ones without building a distribution, which is slow."""
        if not deterministic:
            return super()._predict(observation, deterministic, action_masks)
        features = self.extract_features(observation, self.pi_features_extractor)
        scores: Tensor = self.action_net(self.mlp_extractor.forward_actor(features))
        if action_masks is not None:
            admitted = torch.as_tensor(action_masks, dtype=torch.bool, device=scores.device)
            scores = scores.masked_fill(~admitted, -torch.inf)
        return scores.argmax(dim=1)


class GaussianRowPolicy(_OneNumberARow, ActorCriticPolicy):
    """Draws a number for every row: actor and critic on one shared encoder.

    The numbers are independent Gaussians; the mean is the row's, the standard deviation the same
    for all.

    Args:
        observation_space: Box (n, features).
        action_space: Box (n,).
        lr_schedule: learning rate by progress left.
        use_sde: refused; state-dependent noise has a matrix for a fixed number of actions.
        log_std_init: logarithm of the standard deviation before training.
        optimizer_kwargs: of Adam.
        encoder: keyword arguments of the encoder, such as ``width``.

    Raises:
        ValueError: ``use_sde`` is asked for.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Callable[[float], float],
        use_sde: bool = False,
        log_std_init: float = 0.0,
        optimizer_kwargs: dict[str, Any] | None = None,
        **encoder: Any,
    ) -> None:
        refuse_sde(use_sde)
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            log_std_init=log_std_init,
            features_extractor_class=self.ENCODER,
            features_extractor_kwargs=encoder,
            optimizer_kwargs=optimizer_kwargs,
        )

    def _build_action_net(self) -> None:
        super()._build_action_net()
        self.log_std = nn.Parameter(torch.full((1,), float(self.log_std_init)))


def refuse_sde(use_sde: bool) -> None:
    """Refuse state-dependent noise, which has a matrix for a fixed number of rows.

    Raises:
        ValueError: it is asked for.
    """
    if use_sde:
        raise ValueError("a policy that fits any number of rows has no state-dependent noise")
