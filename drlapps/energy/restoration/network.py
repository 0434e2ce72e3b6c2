"""A policy network on the feeder's graph: its weights fit feeders of every size."""

from __future__ import annotations

from typing import ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.energy.restoration.features import FEATURES, LABELS
from drlapps.row_policy import RowPolicy

_LABELS = 2
"""The first columns are names, not measures."""
_IS_BRANCH, _IS_BUS, _CLOSED = (FEATURES.index(name) for name in ("is_branch", "is_bus", "closed"))


class Relation(nn.Module):
    """One round of messages: a branch hears its two ends, a bus the branches that meet there.

    Conducting and open branches speak to a bus by different words.

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, width)
        self.to_ends = nn.Linear(width, 2 * width, bias=False)
        self.from_ends = nn.Linear(width, width, bias=False)
        self.everyone = nn.Linear(width, width, bias=False)
        self.update = nn.Linear(width, width)

    def forward(self, rows: Tensor, graph: Graph) -> Tensor:
        """Return updated embeddings of all rows, (B, rows, width)."""
        heard = self.own(rows) + self.everyone(graph.mean(rows)).unsqueeze(1)
        branches, buses = rows[:, : graph.branches], rows[:, graph.branches : -1]
        closed, opened = self.to_ends(branches).chunk(2, dim=-1)
        said = torch.where(graph.closed, closed, opened)
        at_buses = graph.at_buses(said)
        at_branches = graph.at_branches(self.from_ends(buses))
        none = torch.zeros_like(rows[:, :1])
        heard = heard + torch.cat([at_branches, at_buses, none], dim=1)
        updated: Tensor = rows + self.update(torch.relu(heard))
        return updated


class Graph:
    """Who is next to whom in a batch of feeders.

    Args:
        observations: (B, e + n + 1, features) of :class:`~.environment.RestorationEnv`.
    """

    def __init__(self, observations: Tensor) -> None:
        self.count, rows, _ = observations.shape
        # The first row of a bus comes after those of all branches.
        self.branches = branches = int(observations[..., _IS_BUS].amax(dim=0).argmax())
        self.buses = rows - branches - 1
        ends = (observations[:, :branches, :_LABELS] * LABELS).round().long()
        offset = torch.arange(self.count, device=observations.device)[:, None, None] * self.buses
        self.ends = (ends + offset).reshape(-1, _LABELS)
        present = observations[:, :, [_IS_BRANCH, _IS_BUS]].sum(dim=-1, keepdim=True)
        # Padding sends its messages, which are worth nothing, to the first bus.
        self.there = present[:, :branches]
        self.closed = observations[:, :branches, _CLOSED, None] > 0.5
        self.weight = present / present.sum(dim=1, keepdim=True).clamp(min=1.0)

    def mean(self, rows: Tensor) -> Tensor:
        """Return the mean over the rows that exist, (B, width)."""
        return (rows * self.weight).sum(dim=1)

    def at_buses(self, said: Tensor) -> Tensor:
        """Return the sum of what the branches at each bus say, (B, n, width)."""
        width = said.shape[-1]
        said = (said * self.there).reshape(-1, width)
        heard = said.new_zeros(self.count * self.buses, width)
        heard = heard.index_add(0, self.ends[:, 0], said).index_add(0, self.ends[:, 1], said)
        return heard.reshape(self.count, self.buses, width)

    def at_branches(self, said: Tensor) -> Tensor:
        """Return the sum of what the two ends of each branch say, (B, e, width)."""
        flat = said.reshape(self.count * self.buses, -1)
        heard = flat[self.ends[:, 0]] + flat[self.ends[:, 1]]
        return heard.reshape(self.count, self.branches, -1)


class FeederEncoder(BaseFeaturesExtractor):
    """Embeds branches and buses; row 0 of the result summarises them, row ``1 + a`` is action a.

    Args:
        observation_space: Box (e + n + 1, features) of :class:`~.environment.RestorationEnv`.
        width: embedding size.
        layers: rounds of messages.
    """

    def __init__(self, observation_space: spaces.Box, width: int = 48, layers: int = 2) -> None:
        super().__init__(observation_space, features_dim=width)
        measures = len(FEATURES) - _LABELS
        self.embed = nn.Sequential(nn.Linear(measures, width), nn.ReLU(), nn.Linear(width, width))
        self.relations = nn.ModuleList(Relation(width) for _ in range(layers))
        self.summary = nn.Sequential(nn.Linear(3 * width, width), nn.ReLU())

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, rows, features) to (B, 1 + rows, width)."""
        graph = Graph(observations)
        rows = self.embed(observations[..., _LABELS:])
        for relation in self.relations:
            rows = relation(rows, graph)
        peak = rows.masked_fill(graph.weight <= 0, -1e9).amax(dim=1)
        # Padding alone, as in a row whose episode has ended, has no peak.
        peak = torch.where(peak > -1e8, peak, 0.0)
        summary = self.summary(torch.cat([graph.mean(rows), peak, rows[:, -1]], dim=-1))
        return torch.cat([summary.unsqueeze(1), rows], dim=1)


class FeederPolicy(RowPolicy):
    """Actor and critic on a :class:`FeederEncoder`."""

    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = FeederEncoder
