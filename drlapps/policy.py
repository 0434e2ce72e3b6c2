"""Policies: anything that acts. The base of agents, rules and solvers."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from drlapps.vector import Array, VectorEnvironment


@dataclass(frozen=True)
class Report:
    """What a policy says of its own work on one instance.

    Attributes:
        status: ``optimal``, ``feasible``, ``timeout`` (nothing found in time), ``infeasible``, or
            ``heuristic`` for a method that proves nothing.
        bound: a bound on the metric that the method has proven.
        incumbents: (seconds, value) of each improvement, on the method's own clock.
        details: what the method found out on its way and people may want to know, such as its
            optimised parameters; JSON-able, by name.
    """

    status: str = "heuristic"
    bound: float | None = None
    incumbents: tuple[tuple[float, float], ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


class Policy(ABC):
    """Acts on all rows of a batch at once.

    A policy that looks ahead may also have ``plan(env, observations, steps)``, which returns its
    next actions, shape ``(steps, num_envs, ...)``; where it decides less often than the environment
    moves, it replays them (see :mod:`drlapps.frequency`).

    Attributes:
        environment: parameters of the environment that the policy expects to act in, such as the
            admissible actions it was trained with. They never change the metric.
        samples: episodes played per instance, of which the best counts.
        draw: which of several repetitions it is; each has a luck of its own.
    """

    environment: Mapping[str, object] = {}
    samples: int = 1
    draw: int = 0

    def reset(self, env: VectorEnvironment, seed: int) -> None:  # noqa: B027 - optional hook
        """Think before the first action; time spent here counts as planning.

        Args:
            env: the batch, already reset; ``env.instances`` holds the instance of each row.
            seed: of whatever randomness the policy has.
        """

    @abstractmethod
    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return one action a row, shape ``(num_envs, ...)``."""

    def report(self, row: int) -> Report:
        """Return what the policy says of the row's episode."""
        return Report()


@dataclass(frozen=True)
class Plan(Report):
    """A solver's answer: the actions that carry out its solution, and what it proved.

    Attributes:
        actions: shape ``(steps, ...)``; ``None`` where nothing feasible was found in time.
    """

    actions: Array | None = field(default=None, compare=False)


class Solver(Policy):
    """A policy that thinks once per instance and then replays its plan through the environment."""

    @abstractmethod
    def solve(self, instance: Any, seed: int) -> Plan:
        """Return the plan for one instance."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Solve the instance of every row."""
        self.plans = self._solve_all(env.instances, seed)
        self._step = 0
        if any(plan.actions is None for plan in self.plans):
            raise NoPlan(self.plans)

    def _solve_all(self, instances: Sequence[Any], seed: int) -> list[Plan]:
        return [self.solve(instance, seed) for instance in instances]

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the plans' next actions; a row whose plan is done repeats its last."""
        rows = [plan.actions for plan in self.plans]
        actions = np.stack([a[min(self._step, len(a) - 1)] for a in rows if a is not None])
        self._step += 1
        return actions

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return the plans' next actions for so many steps, shape ``(steps, num_envs, ...)``."""
        return np.stack([self.act(env, observations) for _ in range(steps)])

    def report(self, row: int) -> Report:
        """Return the plan's status, bound and incumbents."""
        return self.plans[row]


@dataclass(frozen=True)
class Start:
    """What another policy has found, for a solver to improve on.

    Attributes:
        solution: as the environment returns it.
        value: of the metric.
        seconds: that it took, which count against the solver's own limit.
    """

    solution: Mapping[str, Any]
    value: float
    seconds: float


class ImprovingSolver(Solver):
    """A solver that may start from what another policy has found (see :mod:`drlapps.hybrid`).

    Attributes:
        starts: one for each instance to be solved; by default the solver finds its own.
    """

    starts: Sequence[Start] = ()

    @abstractmethod
    def solve(self, instance: Any, seed: int, start: Start | None = None) -> Plan:
        """Return the plan for one instance."""

    def _solve_all(self, instances: Sequence[Any], seed: int) -> list[Plan]:
        if not self.starts:
            return super()._solve_all(instances, seed)
        pairs = zip(instances, self.starts, strict=True)
        return [self.solve(instance, seed, start) for instance, start in pairs]


class NoPlan(Exception):
    """A solver found nothing feasible in its time; the result is reported as infeasible."""

    def __init__(self, plans: list[Plan]) -> None:
        super().__init__("no feasible solution within the limit")
        self.plans = plans


class Incumbents:
    """Collects (seconds, value) of each improvement of a running solver.

    Args:
        minimize: whether less is better.
        start: where the solver starts from, if it is not its own; its seconds count.
    """

    def __init__(self, minimize: bool = True, start: Start | None = None) -> None:
        self._started = time.perf_counter() - (start.seconds if start else 0.0)
        self._sign = 1.0 if minimize else -1.0
        self._found: list[tuple[float, float]] = []

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return time.perf_counter() - self._started

    def add(self, value: float) -> None:
        """Note a solution, if it improves on the last one."""
        if not self._found or self._sign * value < self._sign * self._found[-1][1]:
            self._found.append((self.seconds(), value))

    def log(self) -> tuple[tuple[float, float], ...]:
        """Return the improvements so far."""
        return tuple(self._found)


class Random(Policy):
    """Takes an admissible action at random, each equally likely.

    Where the environment masks no actions, a draw from the action space.
    """

    SEED_STREAM: ClassVar[int] = 0x5EED

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Seed the draws."""
        self._rng = np.random.default_rng([seed, self.SEED_STREAM])
        env.action_space.seed(seed)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return a random admissible action a row."""
        masks = getattr(env, "action_masks", None)
        if masks is None:
            drawn: Array = env.action_space.sample()
            return drawn
        admitted: Array = masks()
        # A draw of exactly 0 must still beat what is not admitted.
        scores: Array = np.where(admitted, self._rng.random(admitted.shape), -1.0)
        return np.asarray(scores.argmax(axis=1))
