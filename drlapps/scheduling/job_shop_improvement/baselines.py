"""Classical ways to choose the next swap, each with the steps that the agent has.

The rules of Zhang et al. (2024), and a tabu rule on the same moves. All but the tabu rule try every
candidate and see its true makespan, which the agent does not. The decision process knows no jump
back to another schedule; a *restart* from a local optimum is a kick of random swaps, as in iterated
local search.

References:
    Nowicki & Smutnicki 1996, "A fast taboo search algorithm for the job shop problem", Management
    Science 42(6);
    Lourenço, Martin & Stützle 2003, "Iterated local search", in Handbook of Metaheuristics;
    Zhang et al. 2024, "Deep reinforcement learning guided improvement heuristic for job shop
    scheduling", ICLR.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.scheduling.job_shop_improvement import kernels
from drlapps.scheduling.job_shop_improvement.environment import JobShopImprovementEnv
from drlapps.scheduling.job_shop_improvement.kernels import (
    ADVANCED,
    DELAYED,
    ESTIMATE,
    FIRST,
    SECOND,
    IntArray,
    Search,
)
from drlapps.vector import Array, VectorEnvironment


class Greedy(Policy):
    """GD: the candidate of least true makespan, also where that is longer than the present one."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the best candidate of each row."""
        return np.asarray(outcomes(env).argmin(axis=1))


class _Improvement(Policy):
    """Takes a candidate that shortens the schedule; where there is none, a kick.

    Args:
        kick: random swaps of a restart.
    """

    SEED_STREAM: ClassVar[int] = 0x1B5

    def __init__(self, kick: int = 5) -> None:
        if kick < 1:
            raise InputError(f"kick must be positive, not {kick}")
        self.kick = kick

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Seed the draws."""
        self._rng = np.random.default_rng([seed, self.SEED_STREAM])
        self._kicks = np.zeros(env.num_envs, np.int64)

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return an improving candidate of each row, or a random one while it is being kicked."""
        search = cast(JobShopImprovementEnv, env)
        found = outcomes(env)
        draws = self._rng.random(found.shape)
        improving = found < search.selection.makespan[:, None]
        stuck = (self._kicks == 0) & ~improving.any(axis=1)
        self._kicks[stuck] = self.kick
        kicked = self._kicks > 0
        self._kicks[kicked] -= 1
        drawn = np.where(search.action_masks(), draws, 2.0).argmin(axis=1)
        ranks = np.where(improving, self.rank(found, draws), np.inf)
        actions: Array = np.where(kicked, drawn, ranks.argmin(axis=1))
        return actions

    @abstractmethod
    def rank(self, found: IntArray, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return which of the improving candidates is taken, from makespans and random numbers."""


class BestImprovement(_Improvement):
    """BI: the candidate that shortens the schedule most."""

    def rank(self, found: IntArray, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the makespans."""
        return found.astype(float)


class FirstImprovement(_Improvement):
    """FI: the first candidate, in random order, that shortens the schedule."""

    def rank(self, found: IntArray, draws: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the random order."""
        return draws


class Tabu(Policy):
    """The lowest estimate among the swaps that undo nothing recent.

    A swap is tabu that delays what was advanced, or advances what was delayed, in the latest
    ``tenure`` steps, or that leads to a selection already met; unless its estimate is better than
    the best schedule. Where all are tabu, the one goes whose operations have rested longest.

    Args:
        tenure: steps for which a move is tabu.
    """

    def __init__(self, tenure: int = 12) -> None:
        if tenure < 0:
            raise InputError(f"tenure must not be negative, but is {tenure}")
        self.tenure = tenure

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the chosen candidate of each row."""
        search = cast(JobShopImprovementEnv, env)
        actions = np.zeros(env.num_envs, np.int64)
        least_tabu(search.search, self.tenure, actions)
        return actions


def outcomes(env: VectorEnvironment) -> IntArray:
    """Return the true makespan of each candidate, shape ``(num_envs, C)``."""
    search = cast(JobShopImprovementEnv, env)
    found = np.empty(search.search.candidates.shape[:2], np.int32)
    kernels.makespans(search.selection, search.search, found)
    return found


@njit(cache=True, error_model="numpy")
def least_tabu(t: Search, tenure: int, actions: IntArray) -> None:
    """Fill ``actions`` with the choice of :class:`Tabu`; candidates come by estimate."""
    for b in range(t.steps.size):
        oldest = t.steps[b] + 1
        for c in range(t.choices[b]):
            u, v = t.candidates[b, c, FIRST], t.candidates[b, c, SECOND]
            undone = max(t.moved[b, u, ADVANCED], t.moved[b, v, DELAYED])
            code = kernels.flip(t.hash[b], u, v)
            met = t.visited[b, kernels.place_of(t.visited[b], code)] == code
            free = t.steps[b] - undone >= tenure and not met
            if free or t.candidates[b, c, ESTIMATE] < t.best[b]:
                actions[b] = c
                break
            if undone < oldest:
                oldest = undone
                actions[b] = c
