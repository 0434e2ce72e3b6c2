"""The training of a Decision Transformer, as a Stable-Baselines3 algorithm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor
from torch.nn import functional

from drlapps.decision_transformer.policy import DecisionTransformerPolicy
from drlapps.decision_transformer.trajectories import Episode, Library, Recorder
from drlapps.errors import InputError
from drlapps.gradient_algorithm import GradientAlgorithm
from drlapps.vector import Array

Work = tuple[Library, np.random.Generator]

_STREAM = 0xDEC1DE


class DecisionTransformer(GradientAlgorithm[Work]):
    """Learns by cross-entropy to predict the recorded decisions of guides.

    Args:
        policy: class of the network, or ``"MlpPolicy"``.
        env: the training batch, of which only pool, spaces and number of rows matter: as many
            episodes are recorded at once.
        learning_rate: by progress left.
        guides: names of the task's baselines that are recorded; by default all those that see
            no more than an agent.
        time_limit: seconds that guides who take a time limit have for an instance, if not their
            own.
        episodes: instances that each guide plays.
        replays: repetitions of each of its episodes with errors.
        noise: probability of an error in a decision of a repetition.
        infeasible: whether to learn from episodes whose solution breaks a constraint, too.
        batch_size: windows of a gradient step.
        shortfall: asked for when acting, in units of reward; 0 is as good as the best guide.
        max_grad_norm: to which gradients are clipped.
        policy_kwargs: of the network.
        tensorboard_log: directory of events.
        verbose: of SB3's own messages.
        seed: of everything random.
        device: of the network.
        recorder: who records the guides; needed to learn, not to act.
        _init_setup_model: whether to build the network at once.

    Raises:
        ValueError: a number is out of range, or a guide unknown.
    """

    policy: DecisionTransformerPolicy
    policy_aliases: ClassVar[dict[str, type[BasePolicy]]] = {"MlpPolicy": DecisionTransformerPolicy}

    def __init__(
        self,
        policy: str | type[BasePolicy],
        env: Any,
        learning_rate: float | Callable[[float], float] = 1e-3,
        guides: list[str] | None = None,
        time_limit: float | None = None,
        episodes: int = 200,
        replays: int = 1,
        noise: float = 0.1,
        infeasible: bool = False,
        batch_size: int = 32,
        shortfall: float = 0.0,
        max_grad_norm: float = 1.0,
        policy_kwargs: dict[str, Any] | None = None,
        tensorboard_log: str | None = None,
        verbose: int = 0,
        seed: int | None = None,
        device: torch.device | str = "auto",
        recorder: Recorder | None = None,
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
            supported_action_spaces=(spaces.Discrete,),
        )
        for name, value, least in (("episodes", episodes, 1), ("replays", replays, 0)):
            if value < least:
                raise ValueError(f"{name} must be a whole number from {least} on, not {value}")
        if not 0.0 <= noise <= 1.0:
            raise ValueError(f"noise must lie between 0 and 1, not {noise}")
        if not max_grad_norm > 0.0:
            raise ValueError(f"max_grad_norm must be positive, not {max_grad_norm}")
        self.episodes, self.replays, self.noise = episodes, replays, noise
        self.infeasible, self.batch_size, self.shortfall = infeasible, batch_size, shortfall
        self.max_grad_norm = max_grad_norm
        self.recorder = recorder
        self.guides = recorder.guides(guides or [], time_limit) if recorder else {}
        if _init_setup_model:
            self._setup_model()

    def _setup_model(self) -> None:
        super()._setup_model()
        self.policy.shortfall.fill_(self.shortfall)

    def _prepare(self, callback: BaseCallback) -> Work:
        rng = np.random.default_rng([self.seed or 0, _STREAM])
        library = Library(self._record(rng, callback))
        self.policy.scale.fill_(library.scale)
        return library, rng

    def _record(self, rng: np.random.Generator, callback: BaseCallback) -> list[Episode]:
        """Return the guides' episodes and their replays."""
        if self.recorder is None:
            raise InputError("a decision transformer learns from guides, and has no recorder")
        instances = self.recorder.draw(self.episodes, rng)
        seed = int(rng.integers(2**31))
        played: list[Episode] = []
        for guide in self.guides.values():
            for batch in self.recorder.record(guide, instances, self.n_envs, seed):
                callback.on_rollout_start()
                played += batch
        again = played * self.replays
        for batch in self.recorder.replay(again, instances, self.n_envs, seed, self.noise):
            callback.on_rollout_start()
            played += batch
        found = [episode for episode in played if episode.feasible or self.infeasible]
        if not found:
            raise InputError(
                f"nothing to learn from: no episode of {', '.join(self.guides)} is feasible and "
                "admitted by the masks"
            )
        return found

    def _update(self, work: Work) -> tuple[int, Mapping[str, float]]:
        library, rng = work
        self.policy.set_training_mode(True)
        chosen, decisions, valid = library.windows(self.batch_size, self.policy.context, rng)
        actions = self._tensor(library.actions[decisions])
        logits = self.policy(
            self._tensor(library.observations[decisions]),
            self._tensor(library.masks[decisions]),
            actions,
            self._tensor(library.shortfalls[chosen].astype(np.float32)),
            self._tensor(valid),
        )
        loss = functional.cross_entropy(logits, actions)
        self.policy.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.max_grad_norm)
        self.policy.optimizer.step()
        return len(decisions), {"loss": float(loss.item())}

    def _tensor(self, array: Array) -> Tensor:
        return torch.from_numpy(array).to(self.device)

    def predict(
        self,
        observation: Array | dict[str, Array],
        state: tuple[Array, ...] | None = None,
        episode_start: Array | None = None,
        deterministic: bool = False,
        action_masks: Array | None = None,
    ) -> tuple[Array, tuple[Array, ...] | None]:
        """Return actions and memory; see :meth:`DecisionTransformerPolicy.predict`."""
        return self.policy.predict(observation, state, episode_start, deterministic, action_masks)

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "recorder", "guides"]
