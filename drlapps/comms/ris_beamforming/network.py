"""A policy network for surfaces: its weights fit any number of elements and of users.

Elements are a set, and so are users: the network treats all alike and hears of them by means only,
so that renumbering elements permutes its actions and renumbering users changes nothing.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.comms.ris_beamforming.kernels import ELEMENT_COLUMNS, USER_COLUMNS
from drlapps.row_policy import GaussianRowPolicy


class Links(nn.Module):
    """What each element learns of its links to the users, (B, n, K, columns) to (B, n, width).

    A link hears its element and its user's mean over all elements (Hartford et al. 2018, "Deep
    models of interactions across sets").

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.link = nn.Linear(USER_COLUMNS, width)
        self.element = nn.Linear(ELEMENT_COLUMNS, width, bias=False)
        self.own = nn.Linear(width, width)
        self.user = nn.Linear(width, width, bias=False)

    def forward(self, elements: Tensor, links: Tensor, exists: Tensor) -> Tensor:
        """Return what the elements hear, pooled over their users."""
        used = links.abs().sum(dim=(1, 3), keepdim=True) > 0
        said = torch.relu(self.link(links) + self.element(elements).unsqueeze(2))
        user = _mean(said, exists.unsqueeze(2), dim=1)
        said = torch.relu(self.own(said) + self.user(user))
        return _mean(said, used.to(said.dtype), dim=2).squeeze(2)


class SurfaceEncoder(BaseFeaturesExtractor):
    """Embeds the elements; row 0 of the result summarises them, row ``1 + n`` is element n.

    Args:
        observation_space: Box (N, 15 + 5 K) of :class:`~.environment.RisBeamformingEnv`.
        width: embedding size of an element.
        link_width: embedding size of an element's link to a user.
        rounds: how often the elements hear of each other.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        width: int = 64,
        link_width: int = 32,
        rounds: int = 2,
    ) -> None:
        super().__init__(observation_space, features_dim=width)
        self.links = Links(link_width)
        self.embed = nn.Linear(ELEMENT_COLUMNS + link_width, width)
        self.own = nn.ModuleList(nn.Linear(width, width) for _ in range(rounds))
        self.heard = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(rounds))

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, N, 15 + 5 K) to (B, 1 + N, width)."""
        elements = observations[..., :ELEMENT_COLUMNS]
        links = observations[..., ELEMENT_COLUMNS:].unflatten(-1, (-1, USER_COLUMNS))
        exists = observations[..., :1]
        rows = self.embed(torch.cat([elements, self.links(elements, links, exists)], dim=-1))
        for own, heard in zip(self.own, self.heard, strict=True):
            said = torch.relu(rows)
            rows = rows + own(said) + heard(_mean(said, exists, dim=1))
        return torch.cat([_mean(torch.relu(rows), exists, dim=1), rows], dim=1)


def _mean(values: Tensor, weight: Tensor, dim: int) -> Tensor:
    """Return the mean over what has weight 1, 0 where nothing has; ``dim`` is kept."""
    total = (values * weight).sum(dim=dim, keepdim=True)
    return total / weight.sum(dim=dim, keepdim=True).clamp(min=1.0)


class SurfacePolicy(GaussianRowPolicy):
    """Actor and critic on a :class:`SurfaceEncoder`."""

    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = SurfaceEncoder
