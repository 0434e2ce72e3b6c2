"""Policies whose actions are kept, to be played again under other conditions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drlapps.evaluate import Contestant
from drlapps.policy import Policy, Report
from drlapps.vector import Array, VectorEnvironment


class Recorder(Policy):
    """Another policy, whose actions are kept."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.environment, self.samples = policy.environment, 1
        self.actions: list[Array] = []

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Let the other one think."""
        self.actions = []
        self.policy.reset(env, seed)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return and keep the other one's actions."""
        found = self.policy.act(env, observations)
        self.actions.append(np.array(found[0]))
        return found

    def report(self, row: int) -> Report:
        """Return what the other one says."""
        return self.policy.report(row)


class Replay(Policy):
    """Actions that were recorded, in every row of a batch."""

    def __init__(self, recorder: Recorder) -> None:
        self.environment = recorder.environment
        self._actions = iter(recorder.actions)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the next action of the record."""
        return np.repeat(next(self._actions)[None], env.num_envs, axis=0)


def recorded(contestant: Contestant) -> Contestant:
    """Return a contestant with recorders in place of its policies."""
    policies = {seed: Recorder(policy) for seed, policy in contestant.policies.items()}
    return replace(contestant, policies=policies)
