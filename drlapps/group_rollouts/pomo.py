"""POMO through Stable-Baselines3's PPO: the mean of a group of episodes is the baseline."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.buffers import MaskableRolloutBufferSamples
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from stable_baselines3.common.callbacks import BaseCallback
from torch import Tensor

from drlapps.group_rollouts.rollouts import GroupPlayer, Rollouts, check_groups
from drlapps.vector import Array


class Pomo(MaskablePPO):
    """Proximal policy optimisation whose advantages compare episodes of the same instance.

    Kwon et al. (2020) take the return of an episode minus the mean of its group as the advantage
    of all its decisions, undiscounted, and follow REINFORCE from the symmetric starts of a
    routing problem. Here episodes differ by the actions drawn, and the update is that of PPO, which
    may learn more than once from the same decisions. Its critic is left alone, so that other
    algorithms can go on with its weights.

    Args:
        policy: class of the network, or ``"MlpPolicy"``; masks are kept to where there are any.
        env: the training batch.
        learning_rate: by progress left.
        group_size: episodes of the same instance.
        batch_size: decisions of a gradient step, at least.
        n_epochs: passes over the decisions of an iteration.
        clip_range: of the ratio of probabilities, by progress left.
        normalize_advantage: whether to bring the advantages of a minibatch to mean 0 and standard
            deviation 1.
        ent_coef: weight of the entropy.
        max_grad_norm: to which gradients are clipped.
        target_kl: divergence at which the update stops early, if any.
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

    def __init__(
        self,
        policy: str | type[MaskableActorCriticPolicy],
        env: Any,
        learning_rate: float | Callable[[float], float] = 3e-4,
        group_size: int = 16,
        batch_size: int = 2048,
        n_epochs: int = 1,
        clip_range: float | Callable[[float], float] = 0.2,
        normalize_advantage: bool = True,
        ent_coef: float = 0.0,
        max_grad_norm: float = 0.5,
        target_kl: float | None = None,
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
            n_steps=1,  # of the base class's buffer, which stays empty
            batch_size=batch_size,
            n_epochs=n_epochs,
            clip_range=clip_range,
            normalize_advantage=normalize_advantage,
            ent_coef=ent_coef,
            vf_coef=0.0,
            max_grad_norm=max_grad_norm,
            target_kl=target_kl,
            policy_kwargs=policy_kwargs,
            tensorboard_log=tensorboard_log,
            verbose=verbose,
            seed=seed,
            device=device,
            _init_setup_model=False,
        )
        check_groups(self.env, group_size, batch_size)
        self.group_size, self.memory = group_size, memory
        if _init_setup_model:
            self._setup_model()

    def collect_rollouts(
        self,
        env: Any,
        callback: BaseCallback,
        rollout_buffer: Any,
        n_rollout_steps: int,
        use_masking: bool = True,
    ) -> bool:
        """Play one episode in each row; the arguments of the base class's buffer do not matter."""
        player = GroupPlayer(env, self.group_size, self.memory)
        callback.on_rollout_start()
        rng = player.rng(self.seed, self.num_timesteps)
        rollouts = player.play(self.policy, rng)
        self.num_timesteps += rollouts.steps
        self.rollout_buffer = _Compared(rollouts, rng, self.device)  # type: ignore[assignment]
        if not callback.on_step():
            return False
        callback.on_rollout_end()
        return True


class _Compared:
    """What PPO's update asks of a rollout buffer; the critic, which has no weight, gets zeros.

    Args:
        rollouts: what was played.
        rng: who shuffles.
        device: of the minibatches.
    """

    def __init__(
        self, rollouts: Rollouts, rng: np.random.Generator, device: torch.device | str
    ) -> None:
        self._decisions, self._rng, self._device = rollouts.decisions, rng, device
        self._advantages = rollouts.advantages().astype(np.float32)[rollouts.decisions.rows]
        self.values = self.returns = np.zeros(len(self._decisions), np.float32)

    def get(self, batch_size: int) -> Iterator[MaskableRolloutBufferSamples]:
        """Yield all decisions once, in random minibatches."""
        for chosen in self._decisions.minibatches(batch_size, self._rng):
            batch, nothing = self._decisions.take(chosen), self._tensor(self.values[chosen])
            masks: Any = batch.masks  # Arrays will do, and none where everything is admissible.
            yield MaskableRolloutBufferSamples(
                observations=self._tensor(batch.observations),
                actions=self._tensor(batch.actions),
                old_values=nothing,
                old_log_prob=self._tensor(batch.log_probs),
                advantages=self._tensor(self._advantages[chosen]),
                returns=nothing,
                action_masks=masks,
            )

    def _tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(array).to(self._device)
