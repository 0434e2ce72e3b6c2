"""Agents: networks built from presets of the closed table, and trained ones as policies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps import hyperparameters
from drlapps.algorithms import ALGORITHMS, Algorithm, Preset
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

__all__ = [
    "ALGORITHMS", "Agent", "Algorithm", "Preset", "build", "build_policy", "check_spaces",
    "network_class", "preset",
]  # fmt: skip

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
        InputError: the action space does not fit, or masks or a differentiable model are needed
            and there are none.
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
    if entry.differentiates:
        from drlapps.analytic_gradient.model import model_of

        model_of(env)


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
        weights: the network's parameters by name.
    """

    def __init__(self, preset: Preset, weights: Mapping[str, Array]) -> None:
        self.environment = preset.environment
        self.instances = preset.instances
        self.algorithm = ALGORITHMS[preset.algorithm]
        self._preset = preset
        self.weights = weights
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
                self._policy = with_weights(build_policy(self._preset, *spaces), self.weights)
        self._memory: tuple[Array, ...] | None = None
        self._starts = np.ones(env.num_envs, dtype=np.bool_)
        self._generator_state = torch.Generator().manual_seed(seed).get_state()

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the likeliest action of each row, or a sampled one if ``samples > 1``."""
        import torch

        assert self._policy is not None, "reset comes before act"
        masked = self.algorithm.masks or (self.algorithm.maskable and hasattr(env, "action_masks"))
        masks = {"action_masks": env.action_masks()} if masked else {}  # type: ignore[attr-defined]
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
