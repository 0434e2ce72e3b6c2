"""A plain Gymnasium environment of another package as a task.

A task names it by ``environment="gymnasium:CartPole-v1"`` and takes its pools from here::

    CART_POLE = Task(
        id="control/cart-pole",
        env_id="CartPole-v1",
        summary="Keep a pole upright on a cart",
        environment="gymnasium:CartPole-v1",
        metric=Metric("return", unit="", minimize=False),
        pools={
            "train": "drlapps.foreign:train",
            "validation": "drlapps.foreign:validation",
            "test": "drlapps.foreign:test",
        },
    )

An instance is the seed of an episode. The state of such an environment cannot be exported: a
killed training run starts over when it is resumed, and ends with the same weights.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.vector import Array, Pool, VectorEnvironment, rows_of

FIXED_SEEDS = 2**20
"""Seeds below this are those of fixed pools; the ones drawn for training lie above."""

_ACTIONS = (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary)


@dataclass(frozen=True)
class EpisodeSeed:
    """One episode of the environment.

    Attributes:
        seed: given to the environment's ``reset``.
    """

    seed: int
    reference: ClassVar[float | None] = None
    bound: ClassVar[float | None] = None

    @property
    def name(self) -> str:
        """The seed."""
        return f"seed-{self.seed}"

    @property
    def hash(self) -> str:
        """The seed: it is all the content there is."""
        return f"episode-seed:{self.seed}"


@dataclass(frozen=True)
class EpisodeSeeds:
    """A pool without end, disjoint from the fixed ones."""

    def sample(self, rng: np.random.Generator) -> EpisodeSeed:
        """Draw a seed."""
        return EpisodeSeed(int(rng.integers(FIXED_SEEDS, 2**31)))

    def largest(self) -> EpisodeSeed:
        """Return any seed: all episodes have the same spaces."""
        return EpisodeSeed(FIXED_SEEDS)


def episodes(count: int, first: int) -> tuple[EpisodeSeed, ...]:
    """Return the episodes with ``count`` successive seeds from ``first`` on.

    Raises:
        InputError: the seeds are not below those drawn for training.
    """
    if not (count > 0 and 0 <= first <= FIXED_SEEDS - count):
        raise InputError(f"fixed seeds lie between 0 and {FIXED_SEEDS - 1}, at least one of them")
    return tuple(EpisodeSeed(seed) for seed in range(first, first + count))


def train() -> EpisodeSeeds:
    """Return the pool to train on."""
    return EpisodeSeeds()


def validation() -> tuple[EpisodeSeed, ...]:
    """Return 64 fixed episodes, none of them a test episode."""
    return episodes(64, first=1_000)


def test() -> tuple[EpisodeSeed, ...]:
    """Return 100 fixed episodes."""
    return episodes(100, first=0)


class ForeignEnvironment(VectorEnvironment):
    """A batch of scalar Gymnasium environments.

    Dictionaries and tuples of observations are flattened. Where the environments have a method
    ``action_masks``, so has the batch.

    Args:
        num_envs: number of environments.
        pool: episode seeds.
        autoreset_mode: as for every batch.
        settings: keyword arguments of ``gymnasium.make``.

    Raises:
        InputError: the environment cannot be made, or its spaces are of a kind that no policy
            can handle.
    """

    ENV_ID: ClassVar[str]
    EXPORTABLE: ClassVar[bool] = False

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
        **settings: Any,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        self._rows = [_make(self.ENV_ID, settings) for _ in range(num_envs)]
        observation, action = self._rows[0].observation_space, self._rows[0].action_space
        if not isinstance(action, _ACTIONS) or not isinstance(observation, _ACTIONS):
            raise InputError(f"{self.ENV_ID}: no policy can handle {observation} and {action}")
        self._set_spaces(observation, action)
        self._observations = np.zeros(self.observation_space.shape or (), observation.dtype)
        self._returns = np.zeros(num_envs)
        self._lengths = np.zeros(num_envs, dtype=np.int64)
        if self._rows[0].has_wrapper_attr("action_masks"):
            self.action_masks = self._action_masks

    def _load(self, row: int, instance: EpisodeSeed, rng: np.random.Generator) -> None:
        self._observations[row], _ = self._rows[row].reset(seed=instance.seed)
        self._returns[row] = 0.0
        self._lengths[row] = 0

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        rewards = np.zeros(self.num_envs)
        terminated, truncated = np.zeros((2, self.num_envs), dtype=np.bool_)
        for row in rows_of(active):
            self._observations[row], rewards[row], terminated[row], truncated[row], _ = self._rows[
                row
            ].step(actions[row])
        self._returns += rewards
        self._lengths += active
        return rewards, terminated, truncated

    def _observe(self) -> Array:
        return self._observations.copy()

    def _action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are admissible; any where the episode has ended."""
        masks = np.stack([row.get_wrapper_attr("action_masks")() for row in self._rows])
        masks[self._terminated | self._truncated] = True
        return masks

    def metrics(self, row: int) -> dict[str, float]:
        """Return ``return`` (the undiscounted sum of rewards), ``length`` and ``feasible``."""
        return {
            "return": float(self._returns[row]),
            "length": float(self._lengths[row]),
            "feasible": 1.0,
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return the episode's ``return`` and ``length``."""
        return {"return": float(self._returns[row]), "length": int(self._lengths[row])}

    def export_state(self) -> dict[str, Array]:
        """Refuse: what other packages' environments hold cannot be known.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"the state of {self.ENV_ID} cannot be exported")

    def restore_state(self, state: Mapping[str, Array]) -> None:
        """Refuse, as :meth:`export_state` does.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(f"the state of {self.ENV_ID} cannot be restored")

    def close_extras(self, **kwargs: Any) -> None:
        """Close the environments."""
        for row in self._rows:
            row.close()


@cache
def foreign_environment(env_id: str) -> type[ForeignEnvironment]:
    """Return the batched form of a registered Gymnasium environment.

    Its parameters are those of the environment's own constructor.

    Args:
        env_id: as for ``gymnasium.make``, also ``module:ID``.

    Raises:
        InputError: there is no such environment.
    """
    try:
        spec = gymnasium.spec(env_id)
        entry = spec.entry_point
        creator = entry if callable(entry) else load_env_creator(entry or "")
    except (gymnasium.error.Error, ImportError, AttributeError, ValueError) as error:
        raise InputError(f"no Gymnasium environment {env_id!r}: {error}") from error
    given = {**_defaults(creator), **spec.kwargs}
    own = inspect.signature(ForeignEnvironment).parameters
    keyword_only = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature(
        [
            *(parameter for name, parameter in own.items() if name != "settings"),
            *(
                inspect.Parameter(name, keyword_only, default=default)
                for name, default in given.items()
                if name not in {*own, "render_mode"}
            ),
        ]
    )
    name = "".join(filter(str.isalnum, env_id))
    members = {"ENV_ID": env_id, "__module__": __name__, "__signature__": signature}
    return type(name, (ForeignEnvironment,), members)


def _defaults(creator: Any) -> dict[str, Any]:
    """Return the optional parameters of an environment's constructor."""
    parameters = inspect.signature(creator).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def _make(env_id: str, settings: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    try:
        env = gymnasium.make(env_id, disable_env_checker=True, **settings)
    except gymnasium.error.Error as error:
        raise InputError(f"cannot make {env_id}: {error}") from error
    if isinstance(env.observation_space, spaces.Dict | spaces.Tuple):
        return gymnasium.wrappers.FlattenObservation(env)
    return env
