"""Rows of an observation to embeddings of cash and assets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Required, TypedDict

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn
from torch.nn import functional

from drlapps.errors import InputError, unknown
from drlapps.finance.portfolio.networks.cells import build_cell

_HEADS = 4


class Network(TypedDict, total=False):
    """Settings that all portfolio policies share; see :class:`Encoder`.

    Attributes:
        window: how many of the last columns are daily returns; the others are point features.
        cell: key of :data:`~.cells.CELLS`.
        width: embedding size.
        layers: rounds of :class:`Round`.
        relation: ``mean``, ``attention`` or ``None``: how assets hear of each other.
        base: point columns that go straight into the logits, each with a learned scale.
    """

    window: Required[int]
    cell: str
    width: int
    layers: int
    relation: str | None
    base: Sequence[int]


class Tokens(NamedTuple):
    """What passes from the encoder to the heads.

    Attributes:
        embedding: (B, 1 + n, width), cash first.
        present: (B, 1 + n) bool; the other rows are padding.
        base: (B, 1 + n, base) columns of the observation for the logits.
    """

    embedding: Tensor
    present: Tensor
    base: Tensor


class Mean(nn.Module):
    """All hear the mean of those present (Zaheer et al. 2017, Deep Sets).

    Args:
        width: embedding size.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.said = nn.Linear(width, width, bias=False)

    def forward(self, embedding: Tensor, present: Tensor) -> Tensor:
        """Return (B, 1, width)."""
        heard: Tensor = self.said(mean_of(embedding, present)).unsqueeze(1)
        return heard


class Attention(nn.Module):
    """Each hears a mean of those present of its own choice (Vaswani et al. 2017), in four heads.

    Args:
        width: embedding size.

    Raises:
        InputError: the heads do not divide the width.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        if width % _HEADS:
            raise InputError(f"{_HEADS} heads do not divide a network of width {width}")
        self.project = nn.Linear(width, 3 * width, bias=False)
        self.said = nn.Linear(width, width, bias=False)

    def forward(self, embedding: Tensor, present: Tensor) -> Tensor:
        """Return (B, 1 + n, width)."""
        projected = self.project(embedding).unflatten(-1, (3 * _HEADS, -1)).transpose(1, 2)
        query, key, value = projected.chunk(3, dim=1)
        mask = present[:, None, None, :]
        heard = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        said: Tensor = self.said(heard.transpose(1, 2).flatten(2))
        return said


RELATIONS = {"mean": Mean, "attention": Attention}


class Round(nn.Module):
    """A residual update of each row by itself and by what it hears of the others.

    Args:
        width: embedding size.
        relation: key of :data:`RELATIONS`; ``None``: it hears nothing, as in EIIE.

    Raises:
        InputError: there is no such relation.
    """

    def __init__(self, width: int, relation: str | None) -> None:
        super().__init__()
        if relation is not None and relation not in RELATIONS:
            raise unknown("relation", relation, RELATIONS)
        self.own = nn.Linear(width, width)
        self.others = RELATIONS[relation](width) if relation else None
        self.update = nn.Linear(width, width)

    def forward(self, embedding: Tensor, present: Tensor) -> Tensor:
        """Return updated embeddings (B, 1 + n, width)."""
        heard = self.own(embedding)
        if self.others is not None:
            heard = heard + self.others(embedding, present)
        updated: Tensor = embedding + self.update(torch.relu(heard))
        return updated


class Encoder(BaseFeaturesExtractor):
    """Embeds cash and assets as :class:`Tokens`.

    The same cell reads the window of every asset, the same weights its point features. Cash has
    no window and weights of its own.

    Args:
        observation_space: Box (1 + n, F); column 0 says which rows are present, the last
            ``window`` columns are returns, oldest first.
        window: days of returns in a row.
        cell: what reads them.
        width: embedding size.
        layers: rounds after the embedding.
        relation: how assets hear of each other in a round.
        base: point columns that are passed on as they are.

    Raises:
        InputError: a setting is unknown or does not fit the observation.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        window: int,
        cell: str = "cnn",
        width: int = 32,
        layers: int = 1,
        relation: str | None = None,
        base: Sequence[int] = (),
    ) -> None:
        super().__init__(observation_space, features_dim=width)
        points = observation_space.shape[-1] - window
        if window < 1 or points < 2:
            raise InputError(
                f"rows of {observation_space.shape[-1]} columns hold no window of {window} days "
                "beside presence and weight"
            )
        if wrong := [column for column in base if not 0 <= column < points]:
            raise InputError(f"base column {wrong[0]} is none of the {points} point features")
        self.points = points
        self.base = list(base)
        self.cell = build_cell(cell, window, width)
        self.asset = nn.Linear(points, width)
        self.cash = nn.Linear(points, width)
        self.rounds = nn.ModuleList(Round(width, relation) for _ in range(layers))

    def forward(self, observations: Tensor) -> Tokens:
        """Embed observations (B, 1 + n, F)."""
        points, present = observations[..., : self.points], present_rows(observations)
        windows = observations[:, 1:, self.points :]
        read = self.cell(windows.flatten(0, 1)).view(*windows.shape[:2], -1)
        assets = self.asset(points[:, 1:]) + read
        embedding = torch.relu(torch.cat([self.cash(points[:, :1]), assets], dim=1))
        for one in self.rounds:
            embedding = one(embedding, present)
        return Tokens(embedding, present, points[..., self.base])


def present_rows(observations: Tensor) -> Tensor:
    """Return which rows are no padding, (B, 1 + n) bool."""
    present = observations[..., 0] > 0.5
    # Where nothing is present let a mean be one over anything, not over nothing.
    return present | ~present.any(dim=1, keepdim=True)


def mean_of(embedding: Tensor, present: Tensor) -> Tensor:
    """Return the mean over the rows present, (B, width)."""
    weight = present.to(embedding.dtype)
    weight = weight / weight.sum(dim=1, keepdim=True)
    return (weight.unsqueeze(1) @ embedding).squeeze(1)


def peak_of(embedding: Tensor, present: Tensor) -> Tensor:
    """Return the largest of each feature over the rows present, (B, width)."""
    return embedding.masked_fill(~present.unsqueeze(-1), -torch.inf).amax(dim=1)
