"""Solvers that start from what another policy has found: ``cp-sat+pretrained``.

An agent builds a good schedule in milliseconds, a solver improves on any; together they get the
time that either would have alone.
"""

from __future__ import annotations

from dataclasses import replace

from drlapps.errors import InputError
from drlapps.evaluate import Contestant, play
from drlapps.policy import ImprovingSolver, Policy, Report, Start
from drlapps.task import Task
from drlapps.vector import Array, Instance, VectorEnvironment


class Hybrid(Policy):
    """A solver that starts from the best of another policy's episodes.

    What the first policy takes counts against the solver's time limit.

    Args:
        task: the problem.
        solver: who improves.
        starter: who goes first.
        draw: which of several repetitions it is.
    """

    def __init__(self, task: Task, solver: ImprovingSolver, starter: Policy, draw: int = 0) -> None:
        self.task, self.solver, self.starter, self.draw = task, solver, starter, draw
        self.environment = solver.environment

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Let both work on the instance of every row."""
        self.solver.starts = [self._start(instance, seed) for instance in env.instances]
        self.solver.reset(env, seed)

    def _start(self, instance: Instance, seed: int) -> Start:
        played = play(self.task, self.starter, instance, seed, {})
        seconds = played.plan_seconds + played.act_seconds
        return Start(played.solution, played.metrics[self.task.metric.name], seconds)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the solver's actions."""
        return self.solver.act(env, observations)

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return the solver's next actions."""
        return self.solver.plan(env, observations, steps)

    def report(self, row: int) -> Report:
        """Return what the solver says, whose incumbents begin with the start."""
        return self.solver.report(row)


def hybrid(task: Task, name: str, solver: Contestant, starter: Contestant) -> Contestant:
    """Return a solver that starts from each of another contestant's policies, by other draws.

    Args:
        task: the problem.
        name: of both together.
        solver: who improves: one policy.
        starter: who goes first.

    Raises:
        InputError: the solver cannot start from anything but what it finds itself.
    """
    (policy,) = solver.policies.values()
    if not isinstance(policy, ImprovingSolver):
        raise InputError(f"{name}: {solver.name} cannot start from what another policy found")
    policies = {
        run: Hybrid(task, policy, own, draw)
        for draw, (run, own) in enumerate(starter.policies.items())
    }
    return replace(starter, name=name, information=solver.information, policies=policies)
