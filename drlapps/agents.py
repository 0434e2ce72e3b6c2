"""The closed table of algorithms, their CPU presets, and agents as policies.

An artefact names its algorithm by a key of :data:`ALGORITHMS`; nothing that a run directory
contains is ever imported, evaluated or unpickled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.errors import InputError, unknown
from drlapps.policy import Policy
from drlapps.registry import load
from drlapps.task import Task
from drlapps.vector import Array, VectorEnvironment

if TYPE_CHECKING:
    import torch
    from gymnasium import Space
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.policies import BasePolicy
    from torch import Tensor

    from drlapps.bridge import SB3Bridge


@dataclass(frozen=True)
class Preset:
    """Everything that makes a training run but its seed; JSON-able but for the policy's string.

    Attributes:
        algorithm: key of :data:`ALGORITHMS`.
        steps: environment steps of a run.
        n_envs: rows of the training batch.
        hyperparameters: of the SB3 class; ``{"linear": [a, b]}`` is a schedule from a to b.
        policy: import string of the network's SB3 policy class; empty for SB3's ``MlpPolicy``.
        policy_kwargs: of the policy class; ``activation_fn`` by name.
        environment: parameters of the training environment, kept when the agent is evaluated.
        instances: parameters of the train pool.
        validate_every: steps between validations, which choose the checkpoint that is kept.
    """

    algorithm: str
    steps: int
    n_envs: int = 64
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    policy: str = ""
    policy_kwargs: Mapping[str, object] = field(default_factory=dict)
    environment: Mapping[str, object] = field(default_factory=dict)
    instances: Mapping[str, object] = field(default_factory=dict)
    validate_every: int = 0

    def recipe(self) -> dict[str, object]:
        """Return what a manifest keeps of the preset."""
        keys = ("algorithm", "steps", "n_envs", "hyperparameters", "policy_kwargs")
        return {
            **{key: _plain(getattr(self, key)) for key in keys},
            "environment": _plain(self.environment),
            "instances": _plain(self.instances),
            "validate_every": self.validate_every,
        }


@dataclass(frozen=True)
class Algorithm:
    """An SB3 or sb3-contrib algorithm.

    Attributes:
        cls: import string of the class.
        actions: the action spaces it can handle, by class name.
        preset: settings that train well on a CPU where a task states none of its own.
        on_policy: whether a resumed run ends with the very weights of an uninterrupted one.
        masks: whether it needs action masks.
        scheduled: whether its policy class is built with a learning-rate schedule.
    """

    cls: str
    actions: tuple[str, ...]
    preset: Preset
    on_policy: bool = False
    masks: bool = False
    scheduled: bool = True


_ANY = ("Box", "Discrete", "MultiDiscrete", "MultiBinary")
_DISCRETE = ("Discrete",)
_BOX = ("Box",)
# Large batches from many rows: small minibatches spend a CPU's time on overhead, not learning.
_PPO: dict[str, object] = {
    "n_steps": 64, "batch_size": 1024, "n_epochs": 8, "learning_rate": {"linear": [7e-4, 0.0]},
    "gamma": 0.99, "gae_lambda": 0.95, "ent_coef": 0.005,
}  # fmt: skip
_REPLAY: dict[str, object] = {
    "buffer_size": 200_000, "learning_starts": 2_000, "batch_size": 256, "learning_rate": 7e-4,
    "train_freq": 1, "gradient_steps": 4,
}  # fmt: skip


def _preset(algorithm: str, steps: int, n_envs: int, **hyperparameters: object) -> Preset:
    return Preset(algorithm, steps, n_envs, hyperparameters, validate_every=max(steps // 20, 1))


ALGORITHMS: dict[str, Algorithm] = {
    "ppo": Algorithm(
        "stable_baselines3:PPO", _ANY, _preset("ppo", 1_000_000, 64, **_PPO), on_policy=True
    ),
    "a2c": Algorithm(
        "stable_baselines3:A2C",
        _ANY,
        _preset("a2c", 1_000_000, 64, n_steps=8, learning_rate={"linear": [1e-3, 0.0]}),
        on_policy=True,
    ),
    "trpo": Algorithm(
        "sb3_contrib:TRPO",
        _ANY,
        _preset("trpo", 1_000_000, 64, n_steps=64, batch_size=1024),
        on_policy=True,
    ),
    "maskable-ppo": Algorithm(
        "sb3_contrib:MaskablePPO",
        ("Discrete", "MultiDiscrete", "MultiBinary"),
        _preset("maskable-ppo", 1_000_000, 64, **_PPO),
        on_policy=True,
        masks=True,
    ),
    "recurrent-ppo": Algorithm(
        "sb3_contrib:RecurrentPPO",
        _ANY,
        replace(
            _preset("recurrent-ppo", 500_000, 64, **{**_PPO, "n_epochs": 4}),
            policy_kwargs={"lstm_hidden_size": 64},
        ),
        on_policy=True,
    ),
    "dqn": Algorithm(
        "stable_baselines3:DQN",
        _DISCRETE,
        _preset(
            "dqn", 300_000, 16, **_REPLAY, target_update_interval=1_000, exploration_fraction=0.3
        ),
    ),
    "qr-dqn": Algorithm(
        "sb3_contrib:QRDQN",
        _DISCRETE,
        _preset(
            "qr-dqn", 300_000, 16, **_REPLAY, target_update_interval=1_000,
            exploration_fraction=0.3,
        ),
    ),  # fmt: skip
    "sac": Algorithm("stable_baselines3:SAC", _BOX, _preset("sac", 100_000, 16, **_REPLAY)),
    "td3": Algorithm("stable_baselines3:TD3", _BOX, _preset("td3", 100_000, 16, **_REPLAY)),
    "ddpg": Algorithm(
        "stable_baselines3:DDPG",
        _BOX,
        replace(_preset("ddpg", 100_000, 16, **_REPLAY), policy_kwargs={"n_critics": 1}),
    ),
    "tqc": Algorithm("sb3_contrib:TQC", _BOX, _preset("tqc", 100_000, 16, **_REPLAY)),
    "crossq": Algorithm("sb3_contrib:CrossQ", _BOX, _preset("crossq", 100_000, 16, **_REPLAY)),
    "ars": Algorithm(
        "sb3_contrib:ARS",
        ("Box", "Discrete"),
        _preset("ars", 1_000_000, 16, n_delta=16, n_top=8, zero_policy=False),
        scheduled=False,
    ),
}

_ACTIVATIONS = ("ReLU", "Tanh", "ELU", "SiLU", "GELU", "LeakyReLU")


def preset(task: Task, agent: str) -> Preset:
    """Return the task's preset of that name, or the table's own.

    Raises:
        InputError: neither knows the agent.
    """
    if agent in task.agents:
        found: Preset = load(task.agents[agent])
        return found
    if agent in ALGORITHMS:
        return ALGORITHMS[agent].preset
    raise unknown("agent", agent, {*task.agents, *ALGORITHMS})


def check_spaces(algorithm: str, env: VectorEnvironment) -> None:
    """Refuse an algorithm that cannot act in the environment.

    Raises:
        InputError: the action space does not fit, or masks are needed and there are none.
    """
    entry = ALGORITHMS[algorithm]
    space = type(env.single_action_space).__name__
    if space not in entry.actions:
        fits = [key for key, other in ALGORITHMS.items() if space in other.actions]
        raise InputError(
            f"{algorithm} cannot act in a {space} action space; these can: {', '.join(fits)}"
        )
    if entry.masks and not hasattr(env, "action_masks"):
        raise InputError(f"{algorithm} needs action masks, and the environment has none; use ppo")


def build(preset: Preset, bridge: SB3Bridge, seed: int, device: str = "cpu") -> BaseAlgorithm:
    """Return the untrained SB3 model of a preset."""
    entry = ALGORITHMS[preset.algorithm]
    hyperparameters = {key: _resolve(value) for key, value in preset.hyperparameters.items()}
    policy = load(preset.policy) if preset.policy else "MlpPolicy"
    cls = load(entry.cls)
    try:
        model: BaseAlgorithm = cls(
            policy,
            bridge,
            seed=seed,
            device=device,
            policy_kwargs=_network(preset.policy_kwargs),
            **hyperparameters,
        )
    except TypeError as error:
        raise InputError(f"{preset.algorithm}: {error}") from error
    return model


def build_policy(
    preset: Preset, observation_space: Space[Any], action_space: Space[Any]
) -> BasePolicy:
    """Return the untrained network alone, for spaces that may differ in size from training's."""
    entry = ALGORITHMS[preset.algorithm]
    cls = load(preset.policy) if preset.policy else load(entry.cls).policy_aliases["MlpPolicy"]
    schedule = ((lambda _: 0.0),) if entry.scheduled else ()
    policy: BasePolicy = cls(
        observation_space, action_space, *schedule, **_network(preset.policy_kwargs)
    )
    return policy


class Agent(Policy):
    """A trained network as a policy; greedy, or sampled where several samples are asked for.

    Args:
        preset: what it was trained with.
        weights: the network's parameters by name.
    """

    def __init__(self, preset: Preset, weights: Mapping[str, Array]) -> None:
        self.environment = preset.environment
        self._preset = preset
        self._weights = weights
        self._masks = ALGORITHMS[preset.algorithm].masks
        self._recurrent = preset.algorithm == "recurrent-ppo"
        self._policy: BasePolicy | None = None

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Fit the network to the batch's spaces; seed its sampling."""
        import torch

        spaces = env.single_observation_space, env.single_action_space
        policy = self._policy
        if policy is None or (policy.observation_space, policy.action_space) != spaces:
            self._policy = with_weights(build_policy(self._preset, *spaces), self._weights)
        self._memory: tuple[Array, ...] | None = None
        self._starts = np.ones(env.num_envs, dtype=np.bool_)
        self._generator_state = torch.Generator().manual_seed(seed).get_state()

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the likeliest action of each row, or a sampled one if ``samples > 1``."""
        import torch

        assert self._policy is not None, "reset comes before act"
        masks = {"action_masks": env.action_masks()} if self._masks else {}  # type: ignore[attr-defined]
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._generator_state)
            actions, self._memory = self._policy.predict(
                observations,
                self._memory,
                self._starts,
                deterministic=self.samples == 1,
                **masks,
            )
            self._generator_state = torch.get_rng_state()
        self._starts[:] = False
        return actions


def weights_of(policy: BasePolicy) -> dict[str, Array]:
    """Return the network's parameters and buffers as arrays."""
    state = _unique(policy)
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}


def _unique(policy: BasePolicy) -> dict[str, Tensor]:
    """Return the state once: actor and critic may share modules under several names."""
    seen: set[tuple[int, torch.Size]] = set()
    state = {}
    for name, tensor in policy.state_dict().items():
        if (key := (tensor.data_ptr(), tensor.shape)) not in seen:
            seen.add(key)
            state[name] = tensor
    return state


def with_weights(policy: BasePolicy, weights: Mapping[str, Array]) -> BasePolicy:
    """Put the weights into the network and return it.

    Raises:
        InputError: they belong to another network.
    """
    import torch

    own = _unique(policy)
    for name in sorted({*own, *weights}):
        if name not in own or name not in weights or own[name].shape != weights[name].shape:
            raise InputError(
                f"the agent's weights do not fit this environment: {name!r} differs; "
                "an agent with a fixed-size network acts only on the size it was trained for"
            )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(torch.from_numpy(np.array(weights[name])))
    policy.set_training_mode(False)
    return policy


@cache
def _activations() -> dict[str, type]:
    from torch import nn

    return {name.lower(): getattr(nn, name) for name in _ACTIVATIONS}


def _network(kwargs: Mapping[str, object]) -> dict[str, Any]:
    """Return policy kwargs with the activation's name replaced by its class."""
    found = dict(kwargs)
    if "activation_fn" in found:
        name = str(found["activation_fn"]).lower()
        if name not in _activations():
            raise unknown("activation", name, _activations())
        found["activation_fn"] = _activations()[name]
    return found


def _resolve(value: object) -> object:
    """Turn ``{"linear": [a, b]}`` into a schedule of the progress left (1 at first, 0 at last)."""
    if isinstance(value, Mapping) and set(value) == {"linear"}:
        first, last = value["linear"]
        schedule: Callable[[float], float] = lambda left: last + (first - last) * left  # noqa: E731
        return schedule
    return value


def _plain(value: Any) -> Any:
    """Return mappings and sequences as the dicts and lists that JSON gives back."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return value
