"""A policy network that chooses among candidate swaps; its weights fit shops of every size.

Candidates are scored by what they measure themselves and, where the observation shows the graph,
by embeddings of their two operations. Those come from two kinds of module, as in Zhang et al.
(2024): *topology* passes messages along the arcs of jobs and machines, *context* tells each
operation of the others of its job and of its machine. Both cost time linear in the operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.row_policy import RowPolicy
from drlapps.scheduling.job_shop_improvement.features import CANDIDATE, LABELS, OPERATION

_OWN, _GRAPH = LABELS["candidate"], LABELS["operation"]
_ARCS = 4


class Arcs(NamedTuple):
    """The graph of a batch, its operations in one line; index 0 stands for none."""

    neighbours: Tensor
    """(4, B*N) of each operation before and after it in its job, and on its machine."""
    groups: Tensor
    """(2, B*N) the job and the machine of each operation."""
    exists: Tensor
    """(B*N, 1) 1 for an operation, 0 for padding."""


class Topology(nn.Module):
    """One round of messages along the arcs of the selection.

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, width)
        self.said = nn.Linear(width, _ARCS * width, bias=False)
        self.update = nn.Linear(width, width)

    def forward(self, operations: Tensor, arcs: Arcs) -> Tensor:
        """Return updated embeddings (B*N, width)."""
        heard = self.own(operations)
        for said, neighbour in zip(
            self.said(operations).chunk(_ARCS, 1), arcs.neighbours, strict=True
        ):
            heard = heard + nn.functional.pad(said, (0, 0, 1, 0)).index_select(0, neighbour)
        updated: Tensor = operations + self.update(torch.relu(heard)) * arcs.exists
        return updated


class Context(nn.Module):
    """Tells each operation the means over its job and over its machine.

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, width)
        self.said = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(2))
        self.update = nn.Linear(width, width)

    def forward(self, operations: Tensor, arcs: Arcs) -> Tensor:
        """Return updated embeddings (B*N, width)."""
        heard = self.own(operations)
        for said, group in zip(self.said, arcs.groups, strict=True):
            heard = heard + said(_group_mean(operations, group, arcs.exists))
        updated: Tensor = operations + self.update(torch.relu(heard)) * arcs.exists
        return updated


def _group_mean(operations: Tensor, group: Tensor, exists: Tensor) -> Tensor:
    """Return for each operation the mean over its group."""
    zeros = operations.new_zeros(len(operations) + 1, operations.shape[1])
    sums = zeros.index_add(0, group, operations)
    sizes = zeros[:, :1].index_add(0, group, exists).clamp(min=1.0)
    return (sums / sizes).index_select(0, group)


class GraphEncoder(nn.Module):
    """Embeds the operations.

    Args:
        width: embedding size.
        layers: rounds of topology and context.
    """

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Linear(_GRAPH, width)
        self.topology = nn.ModuleList(Topology(width) for _ in range(layers))
        self.context = nn.ModuleList(Context(width) for _ in range(layers))

    def forward(self, rows: Tensor) -> Tensor:
        """Map (B, N, columns) to (B, N, width)."""
        arcs = _arcs(rows)
        operations = torch.relu(self.embed(rows[..., :_GRAPH])).flatten(0, 1) * arcs.exists
        for topology, context in zip(self.topology, self.context, strict=True):
            operations = context(topology(operations, arcs), arcs)
        return operations.view(*rows.shape[:2], -1)


def _arcs(rows: Tensor) -> Arcs:
    """Decode the labels of the operations' rows (B, N, columns)."""
    batch, size = rows.shape[:2]
    labels = (rows[..., _GRAPH : len(OPERATION)] * size).round().long()
    job, machine, before, after = labels.unbind(dim=-1)
    exists = rows[..., 0] > 0.5
    line = torch.arange(batch * size, device=rows.device).view(batch, size)
    first = line[:, :1]
    continues = torch.zeros_like(exists)
    continues[:, 1:] = exists[:, 1:] & exists[:, :-1] & (job[:, 1:] == job[:, :-1])
    precedes = continues.roll(-1, dims=1)
    none = torch.zeros_like(line)
    neighbours = (
        torch.where(continues, line, none),
        torch.where(precedes, line + 2, none),
        torch.where(exists & (before >= 0), first + before + 1, none),
        torch.where(exists & (after >= 0), first + after + 1, none),
    )
    groups = [torch.where(exists, first + group + 1, none) for group in (job, machine)]
    return Arcs(
        torch.stack(neighbours).flatten(1),
        torch.stack(groups).flatten(1),
        exists.to(rows.dtype).view(-1, 1),
    )


class CandidateEncoder(BaseFeaturesExtractor):
    """Embeds the candidates; row 0 of the result summarises them, row ``1 + c`` is one of them.

    Args:
        observation_space: Box (C or C + N, columns) of
            :class:`~.environment.JobShopImprovementEnv`.
        candidates: C.
        width: embedding size of a candidate.
        graph_width: embedding size of an operation.
        layers: rounds of the graph network, if the observation shows the graph.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        candidates: int,
        width: int = 32,
        graph_width: int = 16,
        layers: int = 2,
    ) -> None:
        super().__init__(observation_space, features_dim=width)
        self.candidates = candidates
        self.embed = nn.Linear(_OWN, width)
        self.graph: GraphEncoder | None = None
        if observation_space.shape[0] > candidates:
            self.graph = GraphEncoder(graph_width, layers)
            self.ends = nn.Linear(2 * graph_width, width, bias=False)
        self.mix = nn.Linear(width, width)
        self.summary = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU())

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, rows, columns) to (B, 1 + C, width)."""
        candidates = observations[:, : self.candidates]
        exists = candidates[..., :1] > 0.5
        # A row whose episode has ended has no candidate; let it read anything, not nothing.
        exists = exists | ~exists.any(dim=1, keepdim=True)
        rows = self.embed(candidates[..., :_OWN])
        if self.graph is not None:
            rows = rows + self.ends(self._ends(candidates, observations[:, self.candidates :]))
        rows = self.mix(torch.relu(rows))
        weight = exists.to(rows.dtype)
        mean = (rows * weight).sum(dim=1) / weight.sum(dim=1)
        peak = rows.masked_fill(~exists, -1e9).amax(dim=1)
        summary = self.summary(torch.cat([mean, peak], dim=-1))
        return torch.cat([summary.unsqueeze(1), torch.relu(rows)], dim=1)

    def _ends(self, candidates: Tensor, operations: Tensor) -> Tensor:
        """Return the embeddings of both operations of each candidate, (B, C, 2 width)."""
        assert self.graph is not None
        embedded = self.graph(operations)
        labels = (candidates[..., _OWN : len(CANDIDATE)] * operations.shape[1]).round().long()
        place = labels.flatten(1).unsqueeze(-1).expand(-1, -1, embedded.shape[-1])
        ends: Tensor = embedded.gather(1, place)
        return ends.view(*labels.shape[:2], -1)


class ImprovementPolicy(RowPolicy):
    """Actor and critic on a :class:`CandidateEncoder`.

    A search that always takes the likeliest swap runs in circles. So this policy always draws, even
    where the one best action is asked for.

    Args:
        observation_space: Box (C or C + N, columns).
        action_space: Discrete (C).
        lr_schedule: learning rate by progress left.
        optimizer_kwargs: of Adam.
        encoder: keyword arguments of the encoder, such as ``width``.
    """

    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = CandidateEncoder

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
            optimizer_kwargs=optimizer_kwargs,
            candidates=int(action_space.n),
            **encoder,
        )

    def _predict(
        self,
        observation: Any,
        deterministic: bool = False,
        action_masks: NDArray[np.bool_] | None = None,
    ) -> Tensor:
        """Return actions (B,) drawn from the policy, ``deterministic`` or not."""
        return super()._predict(observation, deterministic=False, action_masks=action_masks)
