"""Episodes of a task's baselines, recorded to be learnt from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError, unknown
from drlapps.policy import NoPlan, Policy, Solver
from drlapps.task import Information, Task
from drlapps.vector import Array, Generator, Pool, VectorEnvironment, rows_of

Bools = NDArray[np.bool_]
Choose = Callable[[Array, Bools, Bools], Array]
"""Maps observations, masks and which rows are still active to actions."""


@dataclass(frozen=True)
class Episode:
    """What happened in one episode of T decisions.

    Attributes:
        instance: number of the recorded instance.
        observations: before each decision, (T, ...).
        masks: admissible actions, (T, n).
        actions: taken, (T,).
        rewards: received, (T,).
        feasible: whether the solution keeps every constraint.
    """

    instance: int
    observations: Array
    masks: Bools
    actions: NDArray[np.int64]
    rewards: NDArray[np.float64]
    feasible: bool

    @property
    def admitted(self) -> bool:
        """Whether the masks admit all of its actions."""
        return bool(self.masks[np.arange(len(self.actions)), self.actions].all())


class Recorder:
    """Lets baselines of a task play instances of a pool, and writes down what they do.

    Args:
        task: whose baselines.
        pool: where the instances come from.
        environment: parameters of the environment, which are the learner's.
    """

    def __init__(self, task: Task, pool: Pool, environment: Mapping[str, Any]) -> None:
        self.task, self.pool, self.environment = task, pool, environment

    def guides(self, names: Sequence[str], time_limit: float | None = None) -> dict[str, Policy]:
        """Return the named baselines; without names all that see no more than an agent does.

        Args:
            names: of baselines.
            time_limit: seconds that those who take a time limit have for an instance, if not
                their own.

        Raises:
            InputError: the task has no such baseline.
        """
        known = self.task.baselines
        for name in names:
            if name not in known:
                raise unknown(f"guide among the baselines of {self.task.id}", name, known)
        seeing = [name for name in known if known[name].information is Information.OBSERVED]
        if not (names or seeing):
            raise InputError(
                f"no baseline of {self.task.id} sees just what an agent sees; name some as guides"
            )
        options = {} if time_limit is None else {"time_limit": time_limit}
        chosen = names or seeing
        return {name: contestant(self.task, name, options).policies[None] for name in chosen}

    def draw(self, count: int, rng: np.random.Generator) -> list[Any]:
        """Draw instances; from a fixed pool different ones, and no more than it has."""
        if isinstance(self.pool, Generator):
            return [self.pool.sample(rng) for _ in range(count)]
        return [self.pool[int(chosen)] for chosen in rng.permutation(len(self.pool))[:count]]

    def record(
        self, guide: Policy, instances: Sequence[Any], rows: int, seed: int
    ) -> Iterator[list[Episode]]:
        """Yield a guide's episodes, a batch at a time.

        Args:
            guide: who plays. Episodes in which it takes an action that the mask refuses are left
                out, as are instances for which a solver finds no plan.
            instances: on what.
            rows: of a batch; a solver, which takes its time, plays one instance at a time.
            seed: of the guide; the instance of number ``i`` is played with the seed ``seed + i``.
        """
        env = self._batch(1 if isinstance(guide, Solver) else min(rows, len(instances)))

        def choose(observations: Array, masks: Bools, active: Bools) -> Array:
            return np.asarray(guide.act(env, observations))

        for first in range(0, len(instances), env.num_envs):
            numbers = range(first, min(first + env.num_envs, len(instances)))
            observations = _begin(env, instances, numbers, seed)
            try:
                guide.reset(env, seed)
            except NoPlan:
                continue
            played = _play(env, observations, numbers, choose)
            yield [episode for episode in played if episode.admitted]

    def replay(
        self,
        episodes: Sequence[Episode],
        instances: Sequence[Any],
        rows: int,
        seed: int,
        noise: float,
    ) -> Iterator[list[Episode]]:
        """Yield the episodes played again with errors, a batch at a time.

        With probability ``noise`` a decision is drawn from the admissible ones; else it is the
        first of the episode's actions that is left and admissible.
        """
        if not episodes:
            return
        env = self._batch(min(rows, len(episodes)))
        rng = np.random.default_rng([seed, len(episodes)])
        for first in range(0, len(episodes), env.num_envs):
            played = episodes[first : first + env.num_envs]
            numbers = [episode.instance for episode in played]
            plans = [episode.actions.tolist() for episode in played]
            plans += [[] for _ in range(env.num_envs - len(played))]
            observations = _begin(env, instances, numbers, seed)
            yield _play(env, observations, numbers, _straying(plans, noise, rng))

    def _batch(self, rows: int) -> VectorEnvironment:
        return registry.make(self.task, rows, self.pool, training=False, **self.environment)


def _begin(
    env: VectorEnvironment, instances: Sequence[Any], numbers: Sequence[int], seed: int
) -> Array:
    """Start the instances of these numbers; the last one fills the rows that are left."""
    padded = [*numbers, *[numbers[-1]] * (env.num_envs - len(numbers))]
    observations, _ = env.reset(
        seed=[seed + number for number in padded],
        options={"instances": [instances[number] for number in padded]},
    )
    return observations


def _play(
    env: VectorEnvironment, observations: Array, numbers: Sequence[int], choose: Choose
) -> list[Episode]:
    """Play the rows to their ends; return an episode for each of the numbers."""
    active = np.ones(env.num_envs, np.bool_)
    lengths = np.zeros(env.num_envs, np.int64)
    seen, admitted, taken, received = [], [], [], []
    while active.any():
        masks: Bools = np.array(env.action_masks())  # type: ignore[attr-defined]
        actions = choose(observations, masks, active)
        seen.append(observations)
        admitted.append(masks)
        taken.append(actions)
        lengths += active
        observations, rewards, terminated, truncated, _ = env.step(actions)
        received.append(rewards)
        active = ~(terminated | truncated)

    def of(row: int, steps: list[Array]) -> Array:
        return np.stack([step[row] for step in steps[: lengths[row]]])

    return [
        Episode(
            number,
            of(row, seen),
            of(row, admitted),
            of(row, taken).astype(np.int64),
            of(row, received).astype(np.float64),
            bool(env.metrics(row)["feasible"]),
        )
        for row, number in enumerate(numbers)
    ]


def _straying(plans: list[list[int]], noise: float, rng: np.random.Generator) -> Choose:
    """Return who carries out a plan in each row, with errors."""

    def choose(_: Array, masks: Bools, active: Bools) -> Array:
        chosen = np.zeros(len(masks), np.int64)
        for row in rows_of(active):
            chosen[row] = _stray(plans[row], masks[row], noise, rng)
        return chosen

    return choose


def _stray(plan: list[int], mask: Bools, noise: float, rng: np.random.Generator) -> int:
    """Return the plan's next admissible action, taken out of it, or a random one."""
    if rng.random() >= noise:
        for place, action in enumerate(plan):
            if mask[action]:
                return plan.pop(place)
    return int(rng.choice(np.flatnonzero(mask)))


class Library:
    """Recorded episodes, ready to draw windows from.

    Args:
        episodes: at least one.

    Attributes:
        shortfalls: return of each episode minus the best one on the same instance; none positive.
    """

    def __init__(self, episodes: Sequence[Episode]) -> None:
        self.observations = np.concatenate([e.observations for e in episodes])
        self.masks = np.concatenate([e.masks for e in episodes])
        self.actions = np.concatenate([e.actions for e in episodes])
        self.lengths = np.array([len(e.actions) for e in episodes])
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.shortfalls = shortfalls(episodes)

    @property
    def scale(self) -> float:
        """The typical shortfall of episodes that fall short; 1 if none does."""
        short = self.shortfalls[self.shortfalls < -_NONE]
        return float(-short.mean()) if len(short) else 1.0

    def windows(
        self, count: int, context: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Bools]:
        """Draw runs of up to ``context`` decisions, from an episode the likelier the longer it is.

        Returns:
            The windows' episodes (B,), the M decisions in them, window by window, and which of
            the (B, T) places hold one.
        """
        chosen = rng.choice(len(self.lengths), count, p=self.lengths / self.lengths.sum())
        spare = np.maximum(self.lengths[chosen] - context, 0)
        first = self.starts[chosen] + rng.integers(spare + 1)
        lengths = np.minimum(self.lengths[chosen], context)
        places = np.arange(lengths.max())
        valid = places < lengths[:, None]
        return chosen, (first[:, None] + places)[valid], valid


_NONE = 1e-9
"""A shortfall that is none, in units of reward: sums of the same rewards may differ in rounding."""


def shortfalls(episodes: Sequence[Episode]) -> NDArray[np.float64]:
    """Return by how much each episode's return misses the best one on its instance, negative."""
    returns = np.array([e.rewards.sum() for e in episodes])
    instances = np.array([e.instance for e in episodes])
    best = np.full(instances.max() + 1, -np.inf)
    np.maximum.at(best, instances, returns)
    missing: NDArray[np.float64] = returns - best[instances]
    return missing
