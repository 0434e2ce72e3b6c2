"""The base of algorithms of our own: a network, and one update after the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, Self, TypeVar

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback

Work = TypeVar("Work")


class GradientAlgorithm(BaseAlgorithm, Generic[Work]):
    """A Stable-Baselines3 algorithm that makes its own data and loss.

    Subclasses write :meth:`_prepare` and :meth:`_update`.
    """

    policy: Any

    @abstractmethod
    def _prepare(self, callback: BaseCallback) -> Work:
        """Return what the updates work on; called once, before the first."""

    @abstractmethod
    def _update(self, work: Work) -> tuple[int, Mapping[str, float]]:
        """Improve the network; return how many decisions that took, and what to log."""

    def _setup_model(self) -> None:
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        network: Any = self.policy_class(
            self.observation_space, self.action_space, self.lr_schedule, **self.policy_kwargs
        )
        self.policy = network.to(self.device)

    def learn(
        self,
        total_timesteps: int,
        callback: Any = None,
        log_interval: int = 100,
        tb_log_name: str = "",
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> Self:
        """Update until as many decisions have been learnt from.

        Raises:
            InputError: there is nothing to learn from.
        """
        name = tb_log_name or type(self).__name__
        total, called = self._setup_learn(
            total_timesteps, callback, reset_num_timesteps, name, progress_bar
        )
        called.on_training_start(locals(), globals())
        work = self._prepare(called)
        while self.num_timesteps < total:
            called.on_rollout_start()
            self._update_learning_rate(self.policy.optimizer)
            decisions, records = self._update(work)
            self.num_timesteps += decisions
            self._n_updates += 1
            self._update_current_progress_remaining(self.num_timesteps, total)
            if self._n_updates % log_interval == 0:
                for key, value in records.items():
                    self.logger.record(f"train/{key}", value)
                self.logger.dump(self.num_timesteps)
            if not called.on_step():
                break
        called.on_training_end()
        return self

    def _get_torch_save_params(self) -> tuple[list[str], list[str]]:
        return ["policy", "policy.optimizer"], []
