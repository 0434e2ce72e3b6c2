"""A policy network over the set of lines: blind to their order, indifferent to their number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.energy.crew_restoration.features import COLUMN


class LineEncoder(BaseFeaturesExtractor):
    """Embeds the lines; row 0 of the result summarises them all, row ``1 + l`` is line ``l``.

    Every line goes through the same network, hears the mean and the maximum of all unrepaired
    lines, and goes through a second one (Zaheer et al. 2017, "Deep sets").

    Args:
        observation_space: Box (d, features) of :class:`~.environment.CrewRestorationEnv`.
        width: embedding size.
    """

    def __init__(self, observation_space: spaces.Box, width: int = 48) -> None:
        super().__init__(observation_space, features_dim=width)
        features = observation_space.shape[-1]
        self.embed = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width))
        self.pool = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU())
        self.heard = nn.Linear(width, width, bias=False)
        self.own = nn.Linear(width, width)
        self.update = nn.Linear(width, width)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, d, features) to (B, 1 + d, width)."""
        unrepaired = observations[..., COLUMN["unrepaired"]] > 0.5
        # A row whose episode has ended has no line left; let it pool anything, not nothing.
        unrepaired = unrepaired | ~unrepaired.any(dim=1, keepdim=True)
        lines = self.embed(observations)
        summary = self._pooled(lines, unrepaired)
        lines = lines + self.update(torch.relu(self.own(lines) + self.heard(summary).unsqueeze(1)))
        return torch.cat([self._pooled(lines, unrepaired).unsqueeze(1), lines], dim=1)

    def _pooled(self, lines: Tensor, unrepaired: Tensor) -> Tensor:
        weight = unrepaired.to(lines.dtype)
        weight = weight / weight.sum(dim=1, keepdim=True)
        mean = (weight.unsqueeze(1) @ lines).squeeze(1)
        peak = lines.masked_fill(~unrepaired.unsqueeze(-1), -1e9).amax(dim=1)
        pooled: Tensor = self.pool(torch.cat([mean, peak], dim=-1))
        return pooled


class Heads(nn.Module):
    """Splits the encoder's result: lines and summary for the actor, the summary for the critic.

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.latent_dim_pi = self.latent_dim_vf = width
        self.actor_line = nn.Linear(width, width)
        self.actor_summary = nn.Linear(width, width, bias=False)
        self.critic = nn.Sequential(nn.Linear(width, width), nn.ReLU())

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the actor's (B, d, width) and the critic's (B, width) latents."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Return (B, d, width)."""
        summary = self.actor_summary(features[:, :1])
        return torch.relu(self.actor_line(features[:, 1:]) + summary)

    def forward_critic(self, features: Tensor) -> Tensor:
        """Return (B, width)."""
        latent: Tensor = self.critic(features[:, 0])
        return latent


class CrewPolicy(MaskableActorCriticPolicy):
    """Actor and critic on a shared :class:`LineEncoder`; its weights fit damage of every size.

    Args:
        observation_space: Box (d, features).
        action_space: Discrete (d).
        lr_schedule: learning rate by progress left.
        width: embedding size.
        optimizer_kwargs: of Adam.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Discrete,
        lr_schedule: Callable[[float], float],
        width: int = 48,
        optimizer_kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            features_extractor_class=LineEncoder,
            features_extractor_kwargs={"width": width},
            optimizer_kwargs=optimizer_kwargs,
        )

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = Heads(self.features_dim)  # type: ignore[assignment]

    def _build(self, lr_schedule: Callable[[float], float]) -> None:
        super()._build(lr_schedule)
        score = nn.Linear(self.features_dim, 1)
        # Near-equal scores at first: the agent starts by exploring.
        nn.init.orthogonal_(score.weight, gain=0.01)
        nn.init.zeros_(score.bias)
        self.action_net = nn.Sequential(score, nn.Flatten())
        self.optimizer = self.optimizer_class(
            self.parameters(),
            lr=lr_schedule(1.0),  # type: ignore[call-arg]
            **self.optimizer_kwargs,
        )
