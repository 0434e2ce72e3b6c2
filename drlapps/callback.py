"""What ties a run to SB3: the hook between two updates, and the whole state of a model."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import Logger, configure

_COUNTERS = (
    "num_timesteps", "_n_updates", "_n_calls", "_episode_num", "exploration_rate",
    "_current_progress_remaining",
)  # fmt: skip
_REPLAY = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class RunCallback(BaseCallback):
    """Calls back at the start of each rollout.

    Then the last update is done and nothing of the next rollout has been drawn, so what is saved
    is enough to continue exactly.

    Args:
        update: takes the model, to validate, log and save.
        random: the random state with which the first rollout starts, where the run is resumed.
    """

    def __init__(
        self, update: Callable[[BaseAlgorithm], None], random: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__()
        self._update, self._random = update, random

    def _on_rollout_start(self) -> None:
        if self._random is not None:
            restore_random_state(self.model, self._random)
            self._random = None
        self._update(self.model)
        if self.model.use_sde:
            # SB3 drew the noise just before; a resumed run has to draw the same again.
            network: Any = getattr(self.model, "actor", None) or self.model.policy
            network.reset_noise(self.model.n_envs)

    def _on_step(self) -> bool:
        return True


def logger(directory: str) -> Logger:
    """Return a logger that writes TensorBoard events where TensorBoard is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return configure(None, [])
    return configure(directory, ["tensorboard"])


def random_state(model: BaseAlgorithm) -> dict[str, Any]:
    """Return the state of all generators that training on a CPU draws from, as a tree."""
    return {
        "torch": torch.get_rng_state().numpy(),
        "numpy": list(np.random.get_state()),  # noqa: NPY002 - SB3 draws from it
        "actions": model.action_space.np_random.bit_generator.state,
    }


def restore_random_state(model: BaseAlgorithm, state: Mapping[str, Any]) -> None:
    """Go back to what :func:`random_state` returned."""
    torch.set_rng_state(torch.from_numpy(np.array(state["torch"])))
    np.random.set_state(tuple(state["numpy"]))  # noqa: NPY002
    model.action_space.np_random.bit_generator.state = state["actions"]


def model_state(model: BaseAlgorithm) -> dict[str, Any]:
    """Return everything else a model needs to continue, as a tree of arrays and plain values."""
    _, variables = model._get_torch_save_params()
    state: dict[str, Any] = {
        "parameters": _arrays(model.get_parameters()),
        "variables": {name: _arrays(attrgetter(name)(model).data) for name in variables},
        "counters": {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)},
        "last_obs": model._last_obs,
        "last_episode_starts": model._last_episode_starts,
        "lstm": _arrays(list(map(list, getattr(model, "_last_lstm_states", None) or []))),
        "episodes": [dict(episode) for episode in model.ep_info_buffer or ()],
    }
    buffer = getattr(model, "replay_buffer", None)
    if isinstance(buffer, ReplayBuffer):
        size = buffer.buffer_size if buffer.full else buffer.pos
        state["replay"] = {
            "pos": buffer.pos,
            "full": bool(buffer.full),
            **{name: getattr(buffer, name)[:size] for name in _REPLAY},
        }
    return state


def restore_model(model: BaseAlgorithm, state: Mapping[str, Any]) -> None:
    """Put a freshly built model into a saved state."""
    model.set_parameters(_tensors(state["parameters"]), exact_match=True, device=model.device)
    for name, value in state["variables"].items():
        attrgetter(name)(model).data.copy_(torch.from_numpy(np.array(value)))
    for name, value in state["counters"].items():
        setattr(model, name, value)
    model._last_obs = state["last_obs"]
    model._last_episode_starts = state["last_episode_starts"]
    if state["lstm"]:
        kind = type(model._last_lstm_states)  # type: ignore[attr-defined]
        model._last_lstm_states = kind(*(tuple(_tensors(s)) for s in state["lstm"]))  # type: ignore[attr-defined]
    if "replay" in state:
        buffer, saved = model.replay_buffer, state["replay"]  # type: ignore[attr-defined]
        buffer.pos, buffer.full = saved["pos"], saved["full"]
        for name in _REPLAY:
            getattr(buffer, name)[: len(saved[name])] = saved[name]
    model._setup_learn(0, None, reset_num_timesteps=False)
    model.ep_info_buffer.extend(state["episodes"])  # type: ignore[union-attr]


def _arrays(tree: Any) -> Any:
    """Return the tree with tensors as arrays."""
    if isinstance(tree, torch.Tensor):
        return tree.detach().cpu().numpy().copy()
    if isinstance(tree, Mapping):
        return {key: _arrays(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_arrays(value) for value in tree)
    return tree


def _tensors(tree: Any) -> Any:
    """Return the tree with arrays as tensors."""
    if isinstance(tree, np.ndarray):
        return torch.from_numpy(tree.copy())
    if isinstance(tree, Mapping):
        return {key: _tensors(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(_tensors(value) for value in tree)
    return tree
