"""Plays a sweep: one factor after the other takes its values, with all others as they are.

A factor is a parameter of the task, or the steps from one decision to the next. Every policy meets
the same instances and the same luck at every value of every factor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from drlapps import registry
from drlapps.commands import stage
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import Contestant, Result, evaluate
from drlapps.factors import EVERY, Factor, frequencies, perturbations
from drlapps.frequency import Held, deciding
from drlapps.naming import MOST_PATHS
from drlapps.progress import Bar
from drlapps.robustness import JSON, policy, sweep
from drlapps.task import Task
from drlapps.vector import Generator

FAMILY = "family"
FAMILY_STREAM = 0xFA311E5
"""Spawn key of the randomness that draws instances; that of training has none."""


@dataclass(frozen=True)
class Scene:
    """All that is needed to play one value of one factor.

    Attributes:
        every: steps from one decision to the next.
        perturbed: what differs from the settings given.
        contestants: who acts, as seldom as that.
        settings: of the environment.
        instances: what is played.
    """

    every: int
    perturbed: Mapping[str, object]
    contestants: Sequence[Contestant]
    settings: Mapping[str, object]
    instances: Sequence[Any]

    @property
    def size(self) -> int:
        """Number of its results."""
        return sum(len(who.policies) for who in self.contestants) * len(self.instances)

    def check(self, task: Task) -> None:
        """Refuse at once what would otherwise fail when other scenes have been played.

        Raises:
            InputError: the environment's settings are impossible, or it lets no action be held.
        """
        env = registry.make(task, 1, self.instances[:1], training=False, **self.settings)
        for acting in chain(*(who.policies.values() for who in self.contestants)):
            if isinstance(acting, Held):
                acting.check(env)

    def row(self, task: Task, result: Result) -> JSON:
        """Return the JSON object of one of its results."""
        return {**result.row(task), EVERY: self.every, "perturbed": dict(self.perturbed)}


@dataclass(frozen=True)
class Contest:
    """Who plays what, as the command line names it.

    Attributes:
        task: the problem.
        contestants: who plays.
        instances: names of what is played.
        pool: whose instances are played where none are named.
        draws: how many instances of :func:`family` are played instead of both, if any.
        settings: of the environment and the instances.
        seed: of everything random.
    """

    task: Task
    contestants: Sequence[Contestant]
    instances: Sequence[str]
    pool: str
    draws: int | None
    settings: Mapping[str, object]
    seed: int

    def scene(self, every: int, perturbed: Mapping[str, object]) -> Scene:
        """Return the scene in which policies decide so seldom and settings are perturbed.

        Raises:
            InputError: there is no such scene.
        """
        settings = {**self.settings, **perturbed}
        if self.draws is None:
            env, chosen = stage(self.task, self.instances, self.pool, settings)
        else:
            env, own = registry.split_settings(self.task, settings)
            chosen = family(self.task, self.draws, self.seed, own)
        who = [deciding(each, every) for each in self.contestants]
        found = Scene(every, perturbed, who, env, chosen)
        found.check(self.task)
        return found

    def scenes(self, factor: Factor, nominal: Scene) -> list[Scene]:
        """Return the scene of each value of a factor; ``nominal`` is that without any."""
        if factor.parameter != EVERY:
            return [self.scene(1, {factor.parameter: value}) for value in factor.values]
        return [nominal if steps == 1 else self.scene(steps, {}) for steps in factor.values]

    def play(self, scene: Scene, bar: Bar, solutions: bool) -> list[Result]:
        """Return the results of a scene."""
        kept = {instance.name for instance in scene.instances} if solutions else set()
        results = evaluate(
            self.task, scene.contestants, scene.instances, seed=self.seed,
            settings=scene.settings, on_result=bar.scored, keep_solutions=kept,
        )  # fmt: skip
        if self.draws is None:
            return results
        # What a generator draws may all go by one name.
        return [
            replace(result, instance=f"{FAMILY}:{number % self.draws + 1}")
            for number, result in enumerate(results)
        ]


def robustness(
    name: str,
    *,
    policies: Sequence[str],
    instances: Sequence[str],
    pool: str,
    draws: int | None,
    every: Sequence[str],
    perturb: Sequence[str],
    settings: Mapping[str, object],
    options: Mapping[str, object],
    seed: int,
    bar: Bar,
    solutions: bool = False,
) -> JSON:
    """Score policies as things are, and with one factor after the other at each of its values.

    Args:
        name: of the task.
        policies: who is scored.
        instances: on which, by name.
        pool: on whose instances, where none are named.
        draws: on how many instances of :func:`family` instead, if any.
        every: steps from one decision to the next, as in ``1,2,4``.
        perturb: parameters and their values, see :func:`.perturbations`.
        settings: of the environment and the instances, where they are not swept.
        options: of the baselines.
        seed: of everything random.
        bar: shows the progress.
        solutions: whether the results keep their solutions.

    Returns:
        The public JSON object of ``drlapps evaluate`` with a sweep.

    Raises:
        InputError: a factor is impossible, or instances are both named and to be drawn.
    """
    task = registry.get(name)
    if draws is not None and instances:
        raise InputError("--family draws instances, so --instances can name none")
    frequency, perturbed = frequencies(every), perturbations(task, perturb)
    factors = [*([frequency] if frequency else []), *perturbed]
    who = [contestant(task, word, options) for word in dict.fromkeys(policies)]
    contest = Contest(task, who, instances, pool, draws, settings, seed)
    nominal = contest.scene(1, {})
    along = [contest.scenes(factor, nominal) for factor in factors]
    # The undisturbed scene may be one of a factor's; it is played once.
    scenes = {id(scene): scene for scene in (nominal, *chain(*along))}
    bar.start(sum(scene.size for scene in scenes.values()))
    played = {key: contest.play(scene, bar, solutions) for key, scene in scenes.items()}
    undisturbed = played[id(nominal)]
    sweeps = [
        sweep(factor, who, [played[id(scene)] for scene in own], undisturbed, task.metric)
        for factor, own in zip(factors, along, strict=True)
    ]
    return {
        "task": task.id,
        "pool": "" if instances else pool if draws is None else FAMILY,
        "instances": list(dict.fromkeys(result.instance for result in undisturbed)),
        "metric": {key: getattr(task.metric, key) for key in ("name", "unit", "minimize")},
        "policies": [policy(each, undisturbed, task.metric) for each in who],
        "frequency": sweeps.pop(0) if frequency else None,
        "sweeps": sweeps,
        "results": [
            scene.row(task, result) for key, scene in scenes.items() for result in played[key]
        ],
    }


def family(task: Task, count: int, seed: int, settings: Mapping[str, object]) -> list[Any]:
    """Draw instances from the train pool's generator, in a stream that training never uses.

    Instance ``K`` hangs on the seed and ``K`` alone, so that with other settings it is, as far as
    the generator allows, the same instance under other settings.

    Args:
        task: whose train pool.
        count: how many.
        seed: of the draws.
        settings: parameters of the train pool.

    Raises:
        InputError: the number is impossible, a setting is unknown, or the pool is a fixed set.
    """
    if not 1 <= count <= MOST_PATHS:
        raise InputError(f"--family draws 1 to {MOST_PATHS} instances, not {count}")
    pool = registry.pool(task, "train", **settings)
    if not isinstance(pool, Generator):
        raise InputError(
            f"the train pool of {task.id} is a fixed set of instances, all of which training sees"
        )
    streams = (np.random.SeedSequence((seed, k), spawn_key=(FAMILY_STREAM,)) for k in range(count))
    return [pool.sample(np.random.default_rng(stream)) for stream in streams]
