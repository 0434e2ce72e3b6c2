"""A policy network over the set of jobs: blind to their order, indifferent to their number."""

from __future__ import annotations

from typing import ClassVar

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.row_policy import RowPolicy
from drlapps.scheduling.job_shop.features import MACHINE_COLUMNS

_KINDS = 3


class Relation(nn.Module):
    """One round of messages among jobs along the machines they need.

    A job hears the mean of the jobs that wait for its current machine, of those that will come to
    it next, of those that wait for its next machine, and of all. These are the disjunctive arcs of
    the problem's graph, summarised; no graph is built.

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, width)
        self.said = nn.Linear(width, _KINDS * width, bias=False)
        self.everyone = nn.Linear(width, width, bias=False)
        self.update = nn.Linear(width, width)

    def forward(self, jobs: Tensor, neighbours: Tensor, weight: Tensor) -> Tensor:
        """Return updated embeddings.

        Args:
            jobs: (B, n, width).
            neighbours: (B, n, 3 n) weights of the three kinds of neighbour, each kind a mean.
            weight: (B, 1, n) weights of the mean over the unfinished jobs.
        """
        said = torch.cat(self.said(jobs).chunk(_KINDS, dim=-1), dim=1)
        heard = torch.baddbmm(self.own(jobs), neighbours, said)
        updated: Tensor = jobs + self.update(torch.relu(heard + self.everyone(weight @ jobs)))
        return updated


class JobEncoder(BaseFeaturesExtractor):
    """Embeds the jobs; row 0 of the result summarises them all, row ``1 + j`` is job ``j``.

    Args:
        observation_space: Box (n, features) of :class:`~.environment.JobShopEnv`, or with other
            features that end in the same columns for the machines.
        width: embedding size.
        layers: rounds of messages.
    """

    def __init__(self, observation_space: spaces.Box, width: int = 64, layers: int = 1) -> None:
        super().__init__(observation_space, features_dim=width)
        self.measures = observation_space.shape[-1] - MACHINE_COLUMNS
        self.embed = nn.Sequential(
            nn.Linear(self.measures, width), nn.ReLU(), nn.Linear(width, width)
        )
        self.relations = nn.ModuleList(Relation(width) for _ in range(layers))
        self.summary = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU())

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, n, features) to (B, 1 + n, width)."""
        measures, machine = observations[..., : self.measures], observations[..., self.measures :]
        unfinished = measures[..., 0] > 0.5
        # A row whose episode has ended has no job left; let it attend to anything, not to nothing.
        unfinished = unfinished | ~unfinished.any(dim=1, keepdim=True)
        neighbours, weight = _neighbours(machine, unfinished)
        jobs = self.embed(measures)
        for relation in self.relations:
            jobs = relation(jobs, neighbours, weight)
        mean = (weight @ jobs).squeeze(1)
        peak = jobs.masked_fill(~unfinished.unsqueeze(-1), -1e9).amax(dim=1)
        summary = self.summary(torch.cat([mean, peak], dim=-1))
        return torch.cat([summary.unsqueeze(1), jobs], dim=1)


def _neighbours(machine: Tensor, unfinished: Tensor) -> tuple[Tensor, Tensor]:
    """Return the weights of the means of :class:`Relation` from the machine columns (B, n, 3)."""
    # The empty row of a finished job must match nobody.
    current = torch.where(unfinished, machine[..., 0], -2.0)
    following = torch.where(unfinished, machine[..., 1], -1.0)
    kinds = ((current, current), (current, following), (following, current))
    means = []
    for mine, theirs in kinds:
        same = (mine[:, :, None] == theirs[:, None, :]).to(machine.dtype)
        means.append(same / same.sum(dim=-1, keepdim=True).clamp(min=1.0))
    weight = unfinished.to(machine.dtype)
    return torch.cat(means, dim=-1), (weight / weight.sum(dim=1, keepdim=True)).unsqueeze(1)


class JobShopPolicy(RowPolicy):
    """Actor and critic on a :class:`JobEncoder`; its weights fit shops of every size."""

    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = JobEncoder
