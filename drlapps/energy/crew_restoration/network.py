"""A policy network over the set of lines: blind to their order, indifferent to their number."""

from __future__ import annotations

from typing import ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.energy.crew_restoration.features import COLUMN
from drlapps.row_policy import RowPolicy


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


class CrewPolicy(RowPolicy):
    """Actor and critic on a shared :class:`LineEncoder`; its weights fit damage of every size."""

    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = LineEncoder
