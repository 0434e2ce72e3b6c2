"""Episodes in groups that share an instance: how they are played, and what is kept of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy

from drlapps.bridge import SB3Bridge
from drlapps.errors import InputError
from drlapps.group_rollouts.reservoir import Reservoir
from drlapps.vector import Array, VectorEnvironment

_STREAM = 0x6209


@dataclass(frozen=True)
class Decisions:
    """N decisions, in any order.

    Attributes:
        observations: before each, (N, ...).
        actions: taken, (N, ...).
        log_probs: of the actions when they were drawn, (N,).
        rows: of the batch, (N,).
        masks: admissible actions, (N, n); none where the environment has no masks.
    """

    observations: Array
    actions: Array
    log_probs: NDArray[np.float32]
    rows: NDArray[np.int64]
    masks: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, chosen: Array) -> Decisions:
        """Return the decisions that an index array or a mask chooses."""
        columns: dict[str, Any] = {
            name: column[chosen] for name, column in vars(self).items() if column is not None
        }
        return Decisions(**columns)

    def minibatches(self, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        """Yield all indices once, in random parts of ``size`` or more, or in a single part."""
        yield from np.array_split(rng.permutation(len(self)), max(len(self) // size, 1))


@dataclass(frozen=True)
class Rollouts:
    """One episode of each row, groups of successive rows on the same instance.

    Attributes:
        returns: sums of rewards, (groups, group size).
        decisions: those kept.
        steps: number of decisions, those not kept included.
    """

    returns: NDArray[np.float64]
    decisions: Decisions
    steps: int

    def advantages(self) -> NDArray[np.float64]:
        """Return each row's return minus the mean of its group."""
        advantages: NDArray[np.float64] = self.returns - self.returns.mean(axis=1, keepdims=True)
        return advantages.ravel()

    def best(self) -> NDArray[np.int64]:
        """Return the row with the highest return of each group, of equal ones the first."""
        groups, size = self.returns.shape
        best: NDArray[np.int64] = np.arange(groups) * size + self.returns.argmax(axis=1)
        return best


class GroupPlayer:
    """Plays groups of episodes in the rows of a training batch.

    Args:
        env: the training batch, as Stable-Baselines3 sees it.
        group_size: rows that share an instance.
        memory: most decisions kept of a call; of more, a uniform sample.

    Raises:
        InputError: it is no environment of the toolkit.
    """

    def __init__(self, env: Any, group_size: int, memory: int) -> None:
        if not isinstance(env, SB3Bridge):
            raise InputError("groups of episodes need one of the toolkit's environments")
        self.bridge = env
        self.group_size, self.memory = group_size, memory

    def rng(self, seed: int | None, steps: int) -> np.random.Generator:
        """Return the generator of a call, which hangs on nothing but seed and steps so far.

        So a resumed run draws what an uninterrupted one draws.
        """
        return np.random.default_rng([seed or 0, _STREAM, steps])

    def play(self, policy: MaskableActorCriticPolicy, rng: np.random.Generator) -> Rollouts:
        """Play an episode in each row, all rows of a group with the same seed.

        Rows whose episode has ended wait for the others. Decisions of an episode are drawn from
        the policy among the actions that the masks admit, if the environment has masks.
        """
        batch = self.bridge.batch
        groups = batch.num_envs // self.group_size
        seeds = np.repeat(rng.integers(2**63, size=groups), self.group_size)
        kept = Reservoir(self.memory, rng)
        returns = np.zeros(batch.num_envs)
        policy.set_training_mode(False)
        with _ended_rows_waiting(batch):
            observations, _ = batch.reset(seed=seeds.tolist())
            waiting = np.zeros(batch.num_envs, np.bool_)
            actions = np.zeros(batch.action_space.shape or (), batch.action_space.dtype)
            while not waiting.all():
                rows = np.flatnonzero(~waiting)
                seen = {"observations": observations[rows]}
                if hasattr(batch, "action_masks"):
                    seen["masks"] = batch.action_masks()[rows]
                actions[rows], log_probs = _draw(policy, **seen)
                kept.add(**seen, actions=actions[rows], log_probs=log_probs, rows=rows)
                observations, rewards, terminated, truncated, _ = batch.step(actions)
                returns += rewards
                waiting = terminated | truncated
        self.bridge.latest_returns.extend(returns.tolist())
        decisions = Decisions(**kept.columns())
        return Rollouts(returns.reshape(groups, self.group_size), decisions, kept.seen)


def check_groups(env: Any, group_size: int, batch_size: int) -> None:
    """Refuse groups that the rows cannot form, or that cannot be compared.

    Raises:
        ValueError: a number is out of range, or the rows are no multiple of the group size.
    """
    if group_size < 2:
        raise ValueError(f"group_size must be a whole number from 2 on, not {group_size}")
    if batch_size < 2:
        raise ValueError(f"batch_size must be a whole number from 2 on, not {batch_size}")
    if env is not None and env.num_envs % group_size:
        raise ValueError(
            f"n_envs={env.num_envs} rows do not form whole groups of group_size={group_size}"
        )


@contextmanager
def _ended_rows_waiting(batch: VectorEnvironment) -> Iterator[None]:
    """Let ended rows stay as they are instead of starting the next episode."""
    mode, batch.autoreset_mode = batch.autoreset_mode, AutoresetMode.DISABLED
    try:
        yield
    finally:
        batch.autoreset_mode = mode


def _draw(
    policy: MaskableActorCriticPolicy,
    observations: Array,
    masks: NDArray[np.bool_] | None = None,
) -> tuple[Array, NDArray[np.float32]]:
    """Return actions and their log-probabilities."""
    with torch.no_grad():
        seen, _ = policy.obs_to_tensor(observations)
        distribution = policy.get_distribution(seen, action_masks=masks)
        actions = distribution.get_actions()
        log_probs = distribution.log_prob(actions)
    return actions.cpu().numpy(), log_probs.cpu().numpy()
