"""The base of all environments: one batched implementation of the dynamics, and its views.

A :class:`VectorEnvironment` keeps its state in arrays with a leading batch axis and moves all
copies at once. :class:`ScalarView` shows a batch of one as an ordinary ``gymnasium.Env``;
:mod:`drlapps.bridge` shows a batch as a Stable-Baselines3 ``VecEnv``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from operator import index
from typing import Any, ClassVar, Protocol, runtime_checkable

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

Array = NDArray[Any]
Info = dict[str, Any]


@runtime_checkable
class Instance(Protocol):
    """One concrete problem: immutable and hashed."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def hash(self) -> str:
        """Digest of the content: equal problems have equal hashes, whatever their names."""

    @property
    def reference(self) -> float | None:
        """The metric's best known value, against which gaps are measured."""

    @property
    def bound(self) -> float | None:
        """A proven bound on the metric."""


@runtime_checkable
class Generator(Protocol):
    """A pool without end: instances are drawn from it."""

    def sample(self, rng: np.random.Generator) -> Instance:
        """Draw an instance."""

    def largest(self) -> Instance:
        """Return an instance that no drawn one exceeds in size, for the spaces."""


Pool = Generator | Sequence[Any]
"""Where instances come from: a generator, or a fixed sequence from which one is drawn at random."""


class VectorEnvironment(gymnasium.vector.VectorEnv[Array, Array, Array]):
    """A batch of independent copies of one decision process.

    Subclasses set ``single_observation_space``, ``single_action_space`` and the batched spaces
    (:meth:`_set_spaces`), list the arrays that make up their state in ``STATE``, and write
    :meth:`_load`, :meth:`_advance`, :meth:`_observe`, :meth:`metrics` and :meth:`solution`.

    Equal seeds give bit-equal trajectories whatever the batch size: row ``i`` of
    ``reset(seed=s)`` is the batch of one with ``reset(seed=s + i)``, and the randomness of an
    episode hangs on nothing but (row seed, number of the episode).

    Args:
        num_envs: number of copies.
        pool: where the instances of training episodes come from.
        autoreset_mode: ``SAME_STEP`` for training; ``DISABLED`` for evaluation, where a row whose
            episode has ended stays as it is, ignores actions and gets reward 0.

    Raises:
        ValueError: ``num_envs`` is not positive, or the autoreset mode is ``NEXT_STEP``.
    """

    STATE: ClassVar[tuple[str, ...]] = ()
    EXPORTABLE: ClassVar[bool] = True
    """Whether the state can be exported: a run whose state cannot be starts over when resumed."""

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be positive, not {num_envs}")
        if autoreset_mode is AutoresetMode.NEXT_STEP:
            raise ValueError("autoreset_mode must be SAME_STEP or DISABLED")
        self.num_envs = num_envs
        self.pool = pool
        self.autoreset_mode = autoreset_mode
        self.metadata = {"autoreset_mode": autoreset_mode, "render_modes": []}
        self.instances: list[Any] = [None] * num_envs
        self._row_seeds = np.zeros(num_envs, dtype=np.uint64)
        self._episodes = np.zeros(num_envs, dtype=np.int64)
        self._seeded = np.zeros(num_envs, dtype=np.bool_)
        self._named = np.zeros(num_envs, dtype=np.bool_)
        self._terminated = np.zeros(num_envs, dtype=np.bool_)
        self._truncated = np.zeros(num_envs, dtype=np.bool_)

    def _set_spaces(self, observation: gymnasium.Space[Any], action: gymnasium.Space[Any]) -> None:
        """Set the spaces of one copy and, from them, those of the batch."""
        self.single_observation_space = observation
        self.single_action_space = action
        self.observation_space = gymnasium.vector.utils.batch_space(observation, self.num_envs)
        self.action_space = gymnasium.vector.utils.batch_space(action, self.num_envs)

    @abstractmethod
    def _load(self, row: int, instance: Any, rng: np.random.Generator) -> None:
        """Put ``row`` at the start of an episode of ``instance``.

        All randomness of the episode is drawn here, or keyed by numbers drawn here.
        """

    @abstractmethod
    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        """Move the ``active`` rows by one step.

        Returns:
            Rewards (float), terminated (bool), truncated (bool), each of shape ``(num_envs,)``;
            the entries of inactive rows are ignored.
        """

    @abstractmethod
    def _observe(self) -> Array:
        """Return the observations of all rows: a new array, shape ``(num_envs, ...)``."""

    @abstractmethod
    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics of the row's episode; they hold once it has ended.

        The key ``feasible`` (1 or 0) says whether the solution keeps every constraint.
        """

    @abstractmethod
    def solution(self, row: int) -> dict[str, Any]:
        """Return the row's finished solution as a JSON-able object, for checker and pictures."""

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> tuple[Array, Info]:
        """Start an episode in every row, or in those that ``options["reset_mask"]`` names.

        Args:
            seed: seed of row 0 (row ``i`` gets ``seed + i``), or one seed a row; where it is none
                the row goes on with the seed it has, at first a random one.
            options: ``instances`` names the instance of each row; ``reset_mask`` (bool, one a
                row) restricts the reset to some rows.

        Returns:
            Observations of all rows and an empty info.

        Raises:
            ValueError: the number of seeds, instances or mask entries is not the number of rows,
                a seed is out of range, or an option is unknown.
        """
        options = options or {}
        if unknown := options.keys() - {"instances", "reset_mask"}:
            raise ValueError(f"unknown reset options: {', '.join(sorted(map(str, unknown)))}")
        rows = self._rows_to_reset(options.get("reset_mask"))
        instances = options.get("instances")
        if instances is not None and len(instances) != self.num_envs:
            raise ValueError(f"{len(instances)} instances named for {self.num_envs} rows")
        self._seed_rows(seed, rows)
        for row in rows:
            self._begin(row, None if instances is None else instances[row])
        return self._observe(), {}

    def _rows_to_reset(self, mask: Any) -> list[int]:
        if mask is None:
            return list(range(self.num_envs))
        mask = np.asarray(mask)
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(f"reset_mask needs {self.num_envs} booleans, at least one true")
        return list(rows_of(mask))

    def _seed_rows(self, seed: int | Sequence[int | None] | None, rows: Sequence[int]) -> None:
        if seed is None:
            seeds: list[int | None] = [None] * self.num_envs
        elif isinstance(seed, int | np.integer):
            seeds = [int(seed) + row for row in range(self.num_envs)]
        else:
            seeds = [None if one is None else index(one) for one in seed]
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds given for {self.num_envs} rows")
        if any(one is not None and not 0 <= one < 2**64 for one in seeds):
            raise ValueError(f"seeds must lie between 0 and 2**64 - 1, not {seed}")
        entropy = np.random.SeedSequence().generate_state(self.num_envs, np.uint64)
        for row in rows:
            given = seeds[row]
            if given is None and self._seeded[row]:
                continue
            self._row_seeds[row] = entropy[row] if given is None else given
            self._episodes[row] = 0
            self._seeded[row] = True

    def _begin(self, row: int, instance: Any | None = None) -> None:
        """Start the row's next episode, on ``instance`` or on one drawn from the pool."""
        rng = np.random.default_rng([int(self._row_seeds[row]), int(self._episodes[row])])
        self._named[row] = instance is not None
        if instance is None:
            instance = self.draw(rng)
        self._episodes[row] += 1
        self._terminated[row] = self._truncated[row] = False
        self.instances[row] = instance
        self._load(row, instance, rng)

    def draw(self, rng: np.random.Generator) -> Any:
        """Return an instance of the pool."""
        if isinstance(self.pool, Sequence):
            return self.pool[int(rng.integers(len(self.pool)))]
        return self.pool.sample(rng)

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, Info]:
        """Move all rows by one step.

        Returns:
            Observations, rewards, terminated, truncated and info. Where episodes ended, info has
            ``final_info`` (their metrics) and, under ``SAME_STEP``, ``final_obs``, each with the
            mask of the rows concerned under the same key with a leading underscore. Under
            ``DISABLED`` a row that has ended keeps saying so.

        Raises:
            ResetNeeded: a row was never reset.
            ValueError: the actions are not one a row.
        """
        if not self._seeded.all():
            raise ResetNeeded("reset comes before the first step")
        actions = np.asarray(actions)
        if actions.shape != self.action_space.shape:
            raise ValueError(
                f"actions have shape {actions.shape}, not {self.action_space.shape} (one a row)"
            )
        active = ~(self._terminated | self._truncated)
        rewards, terminated, truncated = self._advance(actions, active)
        rewards = np.where(active, rewards, 0.0)
        self._terminated[active] = terminated[active]
        self._truncated[active] = truncated[active]
        terminated, truncated = self._terminated.copy(), self._truncated.copy()
        ended = (terminated | truncated) & active
        info: Info = {}
        if ended.any():
            rows = list(rows_of(ended))
            info["final_info"], info["_final_info"] = self._final_info(rows, ended), ended
            if self.autoreset_mode is AutoresetMode.SAME_STEP:
                last = self._observe()
                final = np.full(self.num_envs, None, dtype=object)
                for row in rows:
                    final[row] = last[row]
                    self._begin(row)
                info["final_obs"], info["_final_obs"] = final, ended
        return self._observe(), rewards, terminated, truncated, info

    def _final_info(self, rows: Sequence[int], ended: NDArray[np.bool_]) -> Info:
        # Instances may differ in what is measured of them.
        measured: dict[str, dict[int, float]] = {}
        for row in rows:
            for key, value in self.metrics(row).items():
                measured.setdefault(key, {})[row] = value
        info: Info = {}
        for key, column in measured.items():
            values, present = np.zeros(self.num_envs), np.zeros_like(ended)
            values[list(column)], present[list(column)] = list(column.values()), True
            info[key], info[f"_{key}"] = values, present
        return info

    def export_state(self) -> dict[str, Array]:
        """Return the whole state as plain arrays, enough to continue bit for bit."""
        return {name: np.array(getattr(self, name)) for name in self._state_names()}

    def _state_names(self) -> tuple[str, ...]:
        common = ("_row_seeds", "_episodes", "_seeded", "_named", "_terminated", "_truncated")
        return (*common, *self.STATE)

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Go back to an exported state.

        Instances drawn from the pool are drawn again from their seeds; a row that was reset to a
        named instance must have been reset to it here too.

        Raises:
            ValueError: the state belongs to an environment of another kind or size.
        """
        names = self._state_names()
        if differing := state.keys() ^ set(names):
            raise ValueError(f"not a state of this environment: {', '.join(sorted(differing))}")
        for name in names:
            own = getattr(self, name)
            if (own.shape, own.dtype) != (state[name].shape, state[name].dtype):
                raise ValueError(f"state {name!r} has not the shape and type it has in this batch")
        for name in names:
            getattr(self, name)[...] = state[name]
        for row in rows_of(~self._named & (self._episodes > 0)):
            key = [int(self._row_seeds[row]), int(self._episodes[row]) - 1]
            self.instances[row] = self.draw(np.random.default_rng(key))


class ScalarView(gymnasium.Env[Array, Any]):
    """A batch of one as an ordinary Gymnasium environment.

    Args:
        batch: a :class:`VectorEnvironment` of one row whose autoreset is disabled.
    """

    def __init__(self, batch: VectorEnvironment) -> None:
        if batch.num_envs != 1 or batch.autoreset_mode is not AutoresetMode.DISABLED:
            raise ValueError("a scalar view needs a batch of one whose autoreset is disabled")
        self.batch = batch
        self.metadata = {"render_modes": []}
        self.observation_space = batch.single_observation_space
        self.action_space = batch.single_action_space
        if hasattr(batch, "action_masks"):
            self.action_masks = lambda: batch.action_masks()[0]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, Info]:
        """Start an episode; ``options["instance"]`` names its instance."""
        super().reset(seed=seed)
        options = dict(options or {})
        if "instance" in options:
            options["instances"] = [options.pop("instance")]
        observations, info = self.batch.reset(seed=seed, options=options)
        return observations[0], info

    def step(self, action: Any) -> tuple[Array, float, bool, bool, Info]:
        """Move by one step; info holds the episode's metrics when it has ended."""
        observations, rewards, terminated, truncated, _ = self.batch.step(np.asarray(action)[None])
        ended = bool(terminated[0] or truncated[0])
        info: Info = dict(self.batch.metrics(0)) if ended else {}
        return observations[0], float(rewards[0]), bool(terminated[0]), bool(truncated[0]), info


def rows_of(mask: NDArray[np.bool_]) -> Iterator[int]:
    """Yield the indices at which ``mask`` is true, as plain integers."""
    return (int(row) for row in np.flatnonzero(mask))
