"""A batched environment as a Stable-Baselines3 ``VecEnv``."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv

from drlapps.vector import Array, VectorEnvironment, rows_of

EPISODES = 100
"""How many of the latest episodes :attr:`SB3Bridge.latest_returns` holds."""


class SB3Bridge(VecEnv):
    """Lets SB3 algorithms train on a :class:`~drlapps.vector.VectorEnvironment`.

    Terminal observations, ``TimeLimit.truncated`` and episode statistics are in the infos where
    SB3 looks for them; action masks answer ``env_method("action_masks")`` for the whole batch at
    once.

    Args:
        batch: an environment with ``AutoresetMode.SAME_STEP``.

    Attributes:
        latest_returns: sums of rewards of the latest :data:`EPISODES` episodes.

    Raises:
        ValueError: the batch has another autoreset mode.
    """

    def __init__(self, batch: VectorEnvironment) -> None:
        if batch.autoreset_mode is not AutoresetMode.SAME_STEP:
            raise ValueError("SB3 needs a batch that restarts ended episodes in the same step")
        self.batch = batch
        self.latest_returns: deque[float] = deque(maxlen=EPISODES)
        self._returns = np.zeros(batch.num_envs)
        self._lengths = np.zeros(batch.num_envs, dtype=np.int64)
        self._started = time.time()
        super().__init__(batch.num_envs, batch.single_observation_space, batch.single_action_space)

    def reset(self) -> Array:
        """Start an episode in every row, with the seed last given to :meth:`seed`, if any."""
        observations, _ = self.batch.reset(seed=self._seeds)
        self._reset_seeds()
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return observations

    def step_async(self, actions: Array) -> None:
        """Keep the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[Array, Array, Array, list[dict[str, Any]]]:
        """Move all rows; return observations, rewards, dones and infos."""
        observations, rewards, terminated, truncated, info = self.batch.step(self._actions)
        self._returns += rewards
        self._lengths += 1
        dones = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in rows_of(dones):
            self.latest_returns.append(float(self._returns[row]))
            infos[row] = {
                "terminal_observation": info["final_obs"][row],
                "TimeLimit.truncated": bool(truncated[row] and not terminated[row]),
                "episode": {
                    "r": float(self._returns[row]),
                    "l": int(self._lengths[row]),
                    "t": time.time() - self._started,
                },
            }
            self._returns[row] = 0.0
            self._lengths[row] = 0
        return observations, rewards, dones, infos

    def export_state(self) -> dict[str, Array]:
        """Return the batch's state and the running episode statistics as arrays."""
        return {
            **self.batch.export_state(),
            "bridge.returns": self._returns.copy(),
            "bridge.lengths": self._lengths.copy(),
            "bridge.latest_returns": np.array(self.latest_returns, dtype=np.float64),
        }

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state."""
        rest = dict(state)
        self._returns[...] = rest.pop("bridge.returns")
        self._lengths[...] = rest.pop("bridge.lengths")
        self.latest_returns = deque(rest.pop("bridge.latest_returns").tolist(), maxlen=EPISODES)
        self.batch.restore_state(rest)

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method of the batch; its result has one entry a row already."""
        result = getattr(self.batch, method_name)(*args, **kwargs)
        return [result[row] for row in self._get_indices(indices)]

    def has_attr(self, attr_name: str) -> bool:
        """Whether the batch has the attribute."""
        return hasattr(self.batch, attr_name)

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Return the batch's attribute, once for each row asked for."""
        return [getattr(self.batch, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the batch, which all rows share."""
        setattr(self.batch, attr_name, value)

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:
        """No row is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def close(self) -> None:
        """Close the batch."""
        self.batch.close()
