"""The network: a causal transformer over the latest states and actions of an episode."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor, nn
from torch.nn import functional

from drlapps.vector import Array

_INADMISSIBLE = -1e9
_WORST = -5.0
"""Shortfalls beyond so many typical ones are all the same."""


class Flat(nn.Module):
    """Embeds an observation of any shape by a multilayer perceptron; actions are labels.

    Args:
        size: numbers in an observation.
        actions: number of actions.
        width: embedding size.
        layers: hidden layers.
    """

    def __init__(self, size: int, actions: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = [size, *[width] * layers]
        hidden = [
            part
            for before, after in pairwise(sizes)
            for part in (nn.Linear(before, after), nn.ReLU())
        ]
        self.summary = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(sizes[-1], width))
        self.labels = nn.Parameter(torch.randn(actions, width) / width**0.5)

    def forward(self, observations: Tensor) -> Tensor:
        """Map (B, ...) to (B, 1 + actions, width)."""
        summary = self.summary(observations)[:, None]
        return torch.cat([summary, self.labels.expand(len(summary), -1, -1)], dim=1)


class Block(nn.Module):
    """Causal self-attention and a perceptron, each after a layer norm.

    Args:
        width: embedding size.
        heads: of the attention; they divide the width.
        dropout: share of the updates that is dropped in training.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.attention = nn.Linear(width, 3 * width)
        self.mixed = nn.Linear(width, width)
        self.perceptron = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.drop = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map (B, L, width) to the same shape; a token hears itself and those before it."""
        batch, length, width = tokens.shape
        split = self.attention(self.norms[0](tokens)).view(batch, length, 3, self.heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        heard = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        tokens = tokens + self.drop(self.mixed(heard.transpose(1, 2).reshape(batch, length, width)))
        updated: Tensor = tokens + self.drop(self.perceptron(self.norms[1](tokens)))
        return updated


class Memory(NamedTuple):
    """The latest decisions of each row, from the left; what lies beyond ``lengths`` is rubbish.

    Attributes:
        states: embedded states, (B, context, width).
        moves: embedded actions, (B, context, width).
        lengths: how many decisions are remembered, (B,).
    """

    states: Array
    moves: Array
    lengths: NDArray[np.int64]

    @classmethod
    def empty(cls, rows: int, context: int, width: int) -> Memory:
        """Return what is remembered at the start of an episode."""
        nothing = np.zeros((rows, context, width), np.float32)
        return cls(nothing, nothing.copy(), np.zeros(rows, np.int64))

    def with_room(self, starts: Array | None) -> Memory:
        """Return a copy, empty where episodes start, without the oldest decision where full."""
        states, moves, lengths = (part.copy() for part in self)
        if starts is not None:
            lengths[starts.astype(np.bool_)] = 0
        full = lengths == states.shape[1]
        for part in (states, moves):
            part[full, :-1] = part[full, 1:]
        lengths[full] -= 1
        return Memory(states, moves, lengths)


class DecisionTransformerPolicy(BasePolicy):
    """Predicts a decision from the shortfall asked for and the latest states and actions.

    Without an encoder of the task the observation is flat, and actions are labels. The weights of
    an encoder of rows, one for each action, fit any number of them.

    Args:
        observation_space: Box.
        action_space: Discrete.
        lr_schedule: learning rate by progress left.
        width: embedding size.
        layers: of the encoder.
        blocks: of the transformer.
        heads: of each block's attention.
        context: latest decisions that are seen.
        dropout: in the transformer, in training.
        weight_decay: of AdamW.

    Attributes:
        ENCODER: maps observations (B, ...) to (B, 1 + n, width), what describes the state first,
            then each of the n actions; called with the observation space, ``width`` and ``layers``.

    Raises:
        ValueError: a size is impossible.
    """

    ENCODER: ClassVar[type[nn.Module] | None] = None
    shortfall: Tensor
    scale: Tensor

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Discrete,
        lr_schedule: Callable[[float], float],
        width: int = 64,
        layers: int = 2,
        blocks: int = 2,
        heads: int = 2,
        context: int = 16,
        dropout: float = 0.1,
        weight_decay: float = 1e-4,
    ) -> None:
        super().__init__(observation_space, action_space)
        sizes = {"width": width, "blocks": blocks, "heads": heads, "context": context}
        for name, size in sizes.items():
            if size < 1:
                raise ValueError(f"{name} must be a whole number from 1 on, not {size}")
        if width % heads:
            raise ValueError(f"a width of {width} cannot be divided among {heads} heads")
        self.width, self.context = width, context
        self.encoder = self._encoder(width, layers)
        self.goal = nn.Linear(1, width)
        self.state, self.move = nn.Linear(width, width), nn.Linear(width, width)
        self.places = nn.Parameter(torch.randn(context, width) * 0.02)
        self.prepare = nn.Sequential(nn.LayerNorm(width), nn.Dropout(dropout))
        self.blocks = nn.Sequential(*(Block(width, heads, dropout) for _ in range(blocks)))
        self.row = nn.Linear(width, width)
        self.asked = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width, bias=False))
        self.score = nn.Linear(width, 1)
        self.register_buffer("shortfall", torch.zeros(1))
        self.register_buffer("scale", torch.ones(1))
        self.optimizer = torch.optim.AdamW(
            self.parameters(), lr=lr_schedule(1.0), weight_decay=weight_decay
        )

    def _encoder(self, width: int, layers: int) -> nn.Module:
        assert isinstance(self.observation_space, spaces.Box)
        assert isinstance(self.action_space, spaces.Discrete)
        if self.ENCODER is not None:
            return self.ENCODER(self.observation_space, width=width, layers=layers)
        size = int(np.prod(self.observation_space.shape))
        return Flat(size, int(self.action_space.n), width, layers)

    def contexts(self, shortfalls: Tensor, states: Tensor, moves: Tensor) -> Tensor:
        """Return what the network makes of each state of a sequence and all before it.

        Args:
            shortfalls: (B,), in units of reward.
            states: summaries of the states, (B, T, width), ``T <= context``.
            moves: embeddings of the actions taken there, (B, T, width).

        Returns:
            (B, T, width).
        """
        batch, length, width = states.shape
        goal = self.goal((shortfalls / self.scale).clamp(min=_WORST)[:, None])
        steps = torch.stack([self.state(states), self.move(moves)], dim=2)
        steps = steps + self.places[:length, None]
        tokens = torch.cat([goal[:, None], steps.view(batch, 2 * length, width)], dim=1)
        heard: Tensor = self.blocks(self.prepare(tokens))
        return heard[:, 1::2]

    def logits(self, rows: Tensor, contexts: Tensor, masks: Tensor) -> Tensor:
        """Return the scores of all actions, (M, n), from (M, n, width), (M, width) and (M, n)."""
        agreed = torch.relu(self.row(rows) + self.asked(contexts)[:, None])
        scores: Tensor = self.score(agreed).squeeze(-1)
        return scores.masked_fill(~masks, _INADMISSIBLE)

    def forward(
        self,
        observations: Tensor,
        masks: Tensor,
        actions: Tensor,
        shortfalls: Tensor,
        valid: Tensor,
    ) -> Tensor:
        """Return the logits of M recorded decisions, which lie in B windows of T places.

        Args:
            observations: (M, ...), window by window.
            masks: admissible actions, (M, n).
            actions: taken, (M,).
            shortfalls: of the windows' episodes, (B,).
            valid: which places of the windows hold a decision, (B, T); the first ones do.

        Returns:
            (M, n).
        """
        embedded = self.encoder(observations)
        summary, rows = embedded[:, 0], embedded[:, 1:]
        chosen = rows[torch.arange(len(rows), device=rows.device), actions]
        # What follows the valid places cannot be heard by them.
        states = summary.new_zeros(*valid.shape, self.width)
        moves = torch.zeros_like(states)
        states[valid], moves[valid] = summary, chosen
        return self.logits(rows, self.contexts(shortfalls, states, moves)[valid], masks)

    def predict(
        self,
        observation: Array | dict[str, Array],
        state: tuple[Array, ...] | None = None,
        episode_start: Array | None = None,
        deterministic: bool = False,
        action_masks: Array | None = None,
    ) -> tuple[Array, tuple[Array, ...] | None]:
        """Return actions and the memory of the latest decisions, for the next call.

        Args:
            observation: of each row, or of a single one.
            state: what the last call returned; at first nothing.
            episode_start: in which rows an episode starts.
            deterministic: take the likeliest action; else draw.
            action_masks: admissible actions of each row; all by default.
        """
        self.set_training_mode(False)
        observations, batched = self.obs_to_tensor(observation)
        assert isinstance(observations, Tensor)
        rows = len(observations)
        memory = Memory.empty(rows, self.context, self.width) if state is None else Memory(*state)
        memory = memory.with_room(episode_start)
        with torch.no_grad():
            embedded = self.encoder(observations)
            logits = self._next(memory, embedded, action_masks)
            actions = (
                logits.argmax(dim=1)
                if deterministic
                else torch.multinomial(logits.softmax(dim=1), 1).squeeze(1)
            )
            every = torch.arange(rows, device=self.device)
            here = np.arange(rows), memory.lengths
            memory.moves[here] = embedded[every, 1 + actions].cpu().numpy()
        chosen = actions.cpu().numpy()
        memory.lengths[:] += 1
        return chosen if batched else chosen[0], tuple(memory)

    def _next(self, memory: Memory, embedded: Tensor, action_masks: Array | None) -> Tensor:
        """Remember the states; return the logits of the actions there."""
        rows = len(embedded)
        here = np.arange(rows), memory.lengths
        memory.states[here] = embedded[:, 0].cpu().numpy()
        length = int(memory.lengths.max()) + 1
        states, moves = (
            torch.as_tensor(part[:, :length], device=self.device)
            for part in (memory.states, memory.moves)
        )
        contexts = self.contexts(self.shortfall.expand(rows), states, moves)[here]
        shape = (rows, embedded.shape[1] - 1)
        masks = np.ones(shape, np.bool_) if action_masks is None else action_masks
        admitted = torch.as_tensor(np.reshape(masks, shape), device=self.device, dtype=torch.bool)
        return self.logits(embedded[:, 1:], contexts, admitted)

    def _predict(self, observation: Any, deterministic: bool = False) -> Tensor:
        actions, _ = self.predict(observation.cpu().numpy(), deterministic=deterministic)
        return torch.as_tensor(actions)
