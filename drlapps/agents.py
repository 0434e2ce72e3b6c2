"""The closed table of algorithms, their CPU presets, and agents as policies.

An artefact names its algorithm by a key of :data:`ALGORITHMS`; nothing that a run directory
contains is ever imported, evaluated or unpickled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps import hyperparameters
from drlapps.errors import InputError, unknown
from drlapps.policy import Policy
from drlapps.registry import load
from drlapps.task import Task
from drlapps.vector import Array, VectorEnvironment
from drlapps.weights import with_weights

if TYPE_CHECKING:
    from gymnasium import Space
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.policies import BasePolicy

    from drlapps.bridge import SB3Bridge


@dataclass(frozen=True)
class Preset:
    """Everything that makes a training run but its seed; JSON-able.

    Attributes:
        algorithm: key of :data:`ALGORITHMS`.
        steps: environment steps of a run.
        n_envs: rows of the training batch.
        hyperparameters: of the SB3 class; see :mod:`drlapps.hyperparameters` for schedules and
            action noise.
        policy: import string of the network's SB3 policy class; empty for SB3's own.
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
    environment: Mapping[str, Any] = field(default_factory=dict)
    instances: Mapping[str, Any] = field(default_factory=dict)
    validate_every: int = 0

    def recipe(self) -> dict[str, object]:
        """Return what a manifest keeps of the preset: all but the policy's import string."""
        names = [f.name for f in fields(self) if f.name != "policy"]
        return {name: hyperparameters.plain(getattr(self, name)) for name in names}

    def with_recipe(self, recipe: Mapping[str, Any]) -> Preset:
        """Return the preset of a manifest's recipe; only the policy's import string is its own.

        Raises:
            InputError: the recipe is not one of this preset's algorithm.
        """
        if set(recipe) != set(self.recipe()):
            wrong = ", ".join(sorted(set(recipe) ^ set(self.recipe())))
            raise InputError(f"the recipe has unknown or missing entries: {wrong}")
        if recipe["algorithm"] not in ALGORITHMS:
            raise unknown("algorithm", str(recipe["algorithm"]), ALGORITHMS)
        if recipe["algorithm"] != self.algorithm:
            raise InputError(f"the recipe is one of {recipe['algorithm']}, not {self.algorithm}")
        for name, value in self.recipe().items():
            if type(recipe[name]) is not type(value):
                raise InputError(f"the recipe's {name} is no {type(value).__name__}")
        return replace(self, **recipe)


@dataclass(frozen=True)
class Algorithm:
    """An algorithm of SB3, of sb3-contrib, or one made like them.

    Attributes:
        cls: import string of the class.
        actions: the action spaces it can handle, by class name.
        preset: settings that train well on a CPU where a task states none of its own.
        masks: whether it needs action masks.
        samples: whether its policy can draw actions; else all its episodes are the same.
        resumes: whether a killed run continues where it was; else it starts over. The continued
            run ends with the very weights of an uninterrupted one.
        network: name of SB3's own policy class.
        policy_kwargs: what the algorithm itself adds to those of its policy class.
        scheduled: whether its policy class is built with a learning-rate schedule.
        guided: whether it learns from recorded episodes of the task's baselines, by a ``recorder``;
            its steps are the recorded decisions that it has learnt from.
    """

    cls: str
    actions: tuple[str, ...]
    preset: Preset
    masks: bool = False
    samples: bool = True
    resumes: bool = True
    network: str = "MlpPolicy"
    policy_kwargs: Mapping[str, object] = field(default_factory=dict)
    scheduled: bool = True
    guided: bool = False


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
_VALUES: dict[str, object] = {
    **_REPLAY, "learning_starts": 1_000, "batch_size": 128,
    "learning_rate": {"linear": [2.3e-3, 0.0]}, "target_update_interval": 512,
    "exploration_fraction": 0.16, "exploration_final_eps": 0.04,
}  # fmt: skip
# A candidate is scored by the first episode of every row. From zero weights a network with a hidden
# layer would never move.
_ARS: dict[str, object] = {
    "n_eval_episodes": 4, "n_delta": 8, "n_top": 4, "learning_rate": 0.05, "delta_std": 0.1,
    "zero_policy": False,
}  # fmt: skip
_NOISE: dict[str, object] = {**_REPLAY, "action_noise": {"normal": 0.1}}


def _preset(algorithm: str, steps: int, n_envs: int, **hyperparameters: object) -> Preset:
    return Preset(algorithm, steps, n_envs, hyperparameters, validate_every=max(steps // 20, 1))


ALGORITHMS: dict[str, Algorithm] = {
    "ppo": Algorithm("stable_baselines3:PPO", _ANY, _preset("ppo", 1_000_000, 64, **_PPO)),
    "a2c": Algorithm(
        "stable_baselines3:A2C",
        _ANY,
        _preset("a2c", 1_000_000, 64, n_steps=8, learning_rate={"linear": [1e-3, 0.0]}),
    ),
    "trpo": Algorithm(
        "sb3_contrib:TRPO", _ANY, _preset("trpo", 1_000_000, 64, n_steps=64, batch_size=1024)
    ),
    "maskable-ppo": Algorithm(
        "sb3_contrib:MaskablePPO",
        ("Discrete", "MultiDiscrete", "MultiBinary"),
        _preset("maskable-ppo", 1_000_000, 64, **_PPO),
        masks=True,
    ),
    "recurrent-ppo": Algorithm(
        "sb3_contrib:RecurrentPPO",
        _ANY,
        replace(
            _preset("recurrent-ppo", 500_000, 64, **{**_PPO, "n_epochs": 4}),
            policy_kwargs={"lstm_hidden_size": 64},
        ),
        network="MlpLstmPolicy",
    ),
    "dqn": Algorithm(
        "stable_baselines3:DQN", _DISCRETE, _preset("dqn", 300_000, 16, **_VALUES), samples=False
    ),
    "qr-dqn": Algorithm(
        "sb3_contrib:QRDQN",
        _DISCRETE,
        # The cost grows with the square of the quantiles; the paper's 200 are for a GPU.
        replace(_preset("qr-dqn", 300_000, 16, **_VALUES), policy_kwargs={"n_quantiles": 32}),
        samples=False,
    ),
    "sac": Algorithm("stable_baselines3:SAC", _BOX, _preset("sac", 100_000, 16, **_REPLAY)),
    "td3": Algorithm(
        "stable_baselines3:TD3", _BOX, _preset("td3", 100_000, 16, **_NOISE), samples=False
    ),
    "ddpg": Algorithm(
        "stable_baselines3:DDPG",
        _BOX,
        _preset("ddpg", 100_000, 16, **_NOISE),
        samples=False,
        policy_kwargs={"n_critics": 1},
    ),
    "tqc": Algorithm("sb3_contrib:TQC", _BOX, _preset("tqc", 100_000, 16, **_REPLAY)),
    "crossq": Algorithm(
        "sb3_contrib:CrossQ",
        _BOX,
        # The paper's critics of width 1024 are for a GPU.
        replace(
            _preset("crossq", 100_000, 16, **_REPLAY),
            policy_kwargs={"net_arch": {"pi": [256, 256], "qf": [256, 256]}},
        ),
    ),
    "ars": Algorithm(
        "sb3_contrib:ARS",
        ("Box", "Discrete"),
        replace(_preset("ars", 2_000_000, 4, **_ARS), policy_kwargs={"net_arch": [16]}),
        samples=False,
        # It draws its candidates before it says that a rollout starts, and hides them.
        resumes=False,
        scheduled=False,
    ),
    "decision-transformer": Algorithm(
        "drlapps.decision_transformer.algorithm:DecisionTransformer",
        _DISCRETE,
        _preset("decision-transformer", 1_000_000, 64, learning_rate={"linear": [1e-3, 0.0]}),
        masks=True,
        # What it has recorded would have to be stored, too.
        resumes=False,
        guided=True,
    ),
}

# What SB3 raises for arguments it cannot use.
_IMPOSSIBLE = (TypeError, ValueError, AssertionError, RuntimeError)
_ACTIVATIONS = ("ReLU", "Tanh", "ELU", "SiLU", "GELU", "LeakyReLU")


def preset(task: Task, agent: str) -> Preset:
    """Return the task's preset of that name, or the table's own.

    Raises:
        InputError: neither knows the agent, or the task's preset names no known algorithm.
    """
    if agent not in task.agents:
        if agent not in ALGORITHMS:
            raise unknown("agent", agent, {*task.agents, *ALGORITHMS})
        return ALGORITHMS[agent].preset
    found = load(task.agents[agent])
    if not isinstance(found, Preset):
        raise InputError(f"{task.agents[agent]} is no preset of an agent")
    if found.algorithm not in ALGORITHMS:
        raise unknown("algorithm", found.algorithm, ALGORITHMS)
    if found.policy.startswith(":"):
        return replace(found, policy=task.agents[agent].partition(":")[0] + found.policy)
    return found


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


def build(
    preset: Preset, bridge: SB3Bridge, seed: int, device: str = "cpu", task: Task | None = None
) -> BaseAlgorithm:
    """Return the untrained SB3 model of a preset; it may learn from the baselines of the task.

    Raises:
        InputError: a hyper-parameter is unknown or impossible.
    """
    entry = ALGORITHMS[preset.algorithm]
    cls = load(entry.cls)
    given = hyperparameters.resolve(cls, preset.hyperparameters, bridge.action_space.shape or ())
    if entry.guided and task is not None:
        from drlapps.decision_transformer.trajectories import Recorder

        given["recorder"] = Recorder(task, bridge.batch.pool, preset.environment)
    try:
        model: BaseAlgorithm = cls(
            load(preset.policy) if preset.policy else entry.network,
            bridge,
            seed=seed,
            device=device,
            policy_kwargs=_network(preset),
            **given,
        )
    except _IMPOSSIBLE as error:
        raise InputError(f"{preset.algorithm}: {error}") from error
    return model


def network_class(preset: Preset) -> type[BasePolicy]:
    """Return the SB3 policy class of a preset."""
    entry = ALGORITHMS[preset.algorithm]
    aliases = {} if preset.policy else load(entry.cls).policy_aliases
    found: type[BasePolicy] = load(preset.policy) if preset.policy else aliases[entry.network]
    return found


def build_policy(
    preset: Preset, observation_space: Space[Any], action_space: Space[Any]
) -> BasePolicy:
    """Return the untrained network alone, for spaces that may differ in size from training's.

    Raises:
        InputError: the network cannot be built from the preset's arguments.
    """
    entry = ALGORITHMS[preset.algorithm]
    cls = network_class(preset)
    schedule = ((lambda _: 0.0),) if entry.scheduled else ()
    exploration = {"use_sde": True} if preset.hyperparameters.get("use_sde") else {}
    try:
        policy: BasePolicy = cls(
            observation_space,
            action_space,
            *schedule,
            **_network(preset),
            **exploration,
        )
    except _IMPOSSIBLE as error:
        raise InputError(f"{preset.algorithm}: no such network: {error}") from error
    return policy


class Agent(Policy):
    """A trained network as a policy; greedy, or sampled where several samples are asked for.

    Args:
        preset: what it was trained with.
        weights: the network's parameters by name.

    Attributes:
        instances: parameters of the train pool it learnt from.
    """

    def __init__(self, preset: Preset, weights: Mapping[str, Array]) -> None:
        self.environment = preset.environment
        self.instances = preset.instances
        self.algorithm = ALGORITHMS[preset.algorithm]
        self._preset = preset
        self._weights = weights
        # Import now what the first plan would otherwise be billed for; torch imports half of itself
        # with the first optimizer.
        import torch

        network_class(preset)
        torch.optim.Adam([torch.zeros(1, requires_grad=True)])
        self._policy: BasePolicy | None = None

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Fit the network to the batch's spaces; seed its sampling."""
        import torch

        spaces = env.single_observation_space, env.single_action_space
        policy = self._policy
        if policy is None or (policy.observation_space, policy.action_space) != spaces:
            with torch.random.fork_rng(devices=[]):
                self._policy = with_weights(build_policy(self._preset, *spaces), self._weights)
        self._memory: tuple[Array, ...] | None = None
        self._starts = np.ones(env.num_envs, dtype=np.bool_)
        self._generator_state = torch.Generator().manual_seed(seed).get_state()

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the likeliest action of each row, or a sampled one if ``samples > 1``."""
        import torch

        assert self._policy is not None, "reset comes before act"
        masks = {"action_masks": env.action_masks()} if self.algorithm.masks else {}  # type: ignore[attr-defined]
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


@cache
def _activations() -> dict[str, type]:
    from torch import nn

    return {name.lower(): getattr(nn, name) for name in _ACTIVATIONS}


def _network(preset: Preset) -> dict[str, Any]:
    """Return the policy kwargs with the activation's name replaced by its class."""
    found = {**ALGORITHMS[preset.algorithm].policy_kwargs, **preset.policy_kwargs}
    if "activation_fn" in found:
        name = str(found["activation_fn"]).lower()
        if name not in _activations():
            raise unknown("activation", name, _activations())
        found["activation_fn"] = _activations()[name]
    return found
