"""Self-labelling as a Stable-Baselines3 algorithm: imitate the best of one's own episodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy

from drlapps.gradient_algorithm import GradientAlgorithm
from drlapps.group_rollouts.rollouts import Decisions, GroupPlayer, check_groups
from drlapps.vector import Array


class SelfLabelling(GradientAlgorithm[GroupPlayer]):
    """Imitates the best of several episodes of the same instance (Corsini et al. 2024).

    Args:
        policy: class of the network, or ``"MlpPolicy"``; an actor-critic that takes masks, whose
            critic is left alone, so that other algorithms can go on with its weights.
        env: the training batch.
        learning_rate: by progress left.
        group_size: episodes of the same instance, of which the best is the label.
        batch_size: decisions of a gradient step, at least; of fewer all.
        n_epochs: passes over the labels before new ones are made.
        max_grad_norm: to which gradients are clipped.
        memory: most decisions of an iteration that are kept; of more, a uniform sample.
        policy_kwargs: of the network.
        tensorboard_log: directory of events.
        verbose: of SB3's own messages.
        seed: of everything random.
        device: of the network.
        _init_setup_model: whether to build the network at once.

    Raises:
        ValueError: a number is out of range, or the rows do not form whole groups.
    """

    policy: MaskableActorCriticPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"MlpPolicy": MaskableActorCriticPolicy}

    def __init__(
        self,
        policy: str | type[BasePolicy],
        env: Any,
        learning_rate: float | Callable[[float], float] = 3e-4,
        group_size: int = 32,
        batch_size: int = 256,
        n_epochs: int = 1,
        max_grad_norm: float = 1.0,
        memory: int = 65_536,
        policy_kwargs: dict[str, Any] | None = None,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        _init_setup_model: bool = True,
    ) -> None:
        super().__init__(
            policy,
            env,
            learning_rate,
            policy_kwargs=policy_kwargs,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            seed=seed,
            device=device,
            support_multi_env=True,
            supported_action_spaces=(spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary),
        )
        check_groups(self.env, group_size, batch_size)
        if not max_grad_norm > 0.0:
            raise ValueError(f"max_grad_norm must be positive, not {max_grad_norm}")
        self.group_size, self.memory = group_size, memory
        self.batch_size, self.n_epochs = batch_size, n_epochs
        self.max_grad_norm = max_grad_norm
        if _init_setup_model:
            self._setup_model()

    def _prepare(self, callback: BaseCallback) -> GroupPlayer:
        return GroupPlayer(self.env, self.group_size, self.memory)

    def _update(self, work: GroupPlayer) -> tuple[int, Mapping[str, float]]:
        rng = work.rng(self.seed, self.num_timesteps)
        rollouts = work.play(self.policy, rng)
        of_best = np.isin(rollouts.decisions.rows, rollouts.best())
        labels = rollouts.decisions.take(of_best)
        self.policy.set_training_mode(True)
        losses = [
            self._imitate(labels.take(chosen))
            for _ in range(self.n_epochs)
            for chosen in labels.minibatches(self.batch_size, rng)
        ]
        records = {
            "loss": float(np.mean(losses)),
            "return": float(rollouts.returns.mean()),
            "best_return": float(rollouts.returns.max(axis=1).mean()),
        }
        return rollouts.steps, records

    def _imitate(self, labels: Decisions) -> float:
        """Take a gradient step on the cross-entropy of the labels; return it."""
        seen, _ = self.policy.obs_to_tensor(labels.observations)
        distribution = self.policy.get_distribution(seen, action_masks=labels.masks)
        actions = torch.from_numpy(labels.actions).to(self.device)
        loss = -distribution.log_prob(actions).mean()
        self.policy.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return float(loss.item())

    def predict(
        self,
        observation: Array | dict[str, Array],
        state: tuple[Array, ...] | None = None,
        episode_start: Array | None = None,
        deterministic: bool = False,
        action_masks: Array | None = None,
    ) -> tuple[Array, tuple[Array, ...] | None]:
        """Return actions and no memory; see SB3's ``BasePolicy.predict``."""
        return self.policy.predict(observation, state, episode_start, deterministic, action_masks)
