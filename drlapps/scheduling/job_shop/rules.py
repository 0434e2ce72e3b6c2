"""Dispatching rules.

Each rule ranks the operations that the environment admits and dispatches the best; ties go to the
lowest job number. What is admitted is the schedule generation scheme, and it matters more than the
rule: by default the environment's ``delay`` is 0, so every rule builds a **non-delay** schedule (no
machine idles while an operation waits for it). ``--set delay=1`` gives Giffler–Thompson active
schedules. The rules "append in order of rank" of the learning literature are up to twice as bad.

References:
    Haupt 1989, "A survey of priority rule-based scheduling", OR Spektrum 11;
    Sels, Gheysen & Vanhoucke 2012, IJPR 50(15) for FDD/MWKR;
    Corsini et al. 2024, "Self-labeling the job shop scheduling problem", for randomised MOR.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from drlapps.policy import Policy
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.vector import Array, VectorEnvironment


class Rule(Policy):
    """A priority rule: the admitted operation of lowest rank goes first."""

    @abstractmethod
    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return the rank of each job's next operation, shape ``(num_envs, n)``; low goes first."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the admitted job of lowest rank in each row."""
        shop = cast(JobShopEnv, env)
        ranks = np.where(shop.action_masks(), self.rank(shop), np.inf)
        return np.asarray(ranks.argmin(axis=1))


class ShortestProcessingTime(Rule):
    """SPT: the shortest next operation first."""

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return the next operation's duration."""
        return shop.next_durations()


class LongestProcessingTime(Rule):
    """LPT: the longest next operation first."""

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return minus the next operation's duration."""
        return -shop.next_durations()


class MostWorkRemaining(Rule):
    """MWKR: the job with most processing time left first."""

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return minus the work left."""
        return -shop.work_left.astype(float)


class LeastWorkRemaining(Rule):
    """LWKR: the job with least processing time left first."""

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return the work left."""
        return shop.work_left.astype(float)


class MostOperationsRemaining(Rule):
    """MOR: the job with most operations left first."""

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return minus the operations left."""
        return (shop.next_operation - shop.lengths).astype(float)


class LeastOperationsRemaining(Rule):
    """LOR: the job with fewest operations left first."""

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return the operations left."""
        return (shop.lengths - shop.next_operation).astype(float)


class FirstInFirstOut(Rule):
    """FIFO: the job that arrived first at the machine first."""

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return when the job became ready for its next operation."""
        return shop.job_ready.astype(float)


class FlowDueDatePerWorkRemaining(Rule):
    """FDD/MWKR: lowest ratio of flow due date to work left first.

    The flow due date of an operation is the job's release plus its processing time up to and
    including that operation.
    """

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return flow due date / work left."""
        total = shop.durations.sum(axis=2)
        due = shop.release + total - shop.work_left + shop.next_durations()
        return np.asarray(due / np.maximum(shop.work_left, 1e-9))


class RandomMostOperationsRemaining(Rule):
    """Randomised MOR, as Corsini et al. (2024) randomise rules.

    The jobs stand in order of operations left, equal ones at random; then, again and again, one of
    the first :attr:`WINDOW` of those that stand there is drawn. The order of the draws is the rank.
    """

    WINDOW: ClassVar[int] = 3

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Seed the draws."""
        self._rng = np.random.default_rng([seed, 0x30B])

    def rank(self, shop: JobShopEnv) -> NDArray[np.float64]:
        """Return each job's place in a random order that is roughly that of MOR."""
        left = shop.lengths - shop.next_operation
        queue = (-left + self._rng.random(left.shape)).argsort(axis=1)
        batch, n = queue.shape
        rows = np.arange(batch)
        reach = self._rng.integers(np.minimum(self.WINDOW, n - np.arange(n)), size=(batch, n))
        for place in range(n):
            drawn = place + reach[:, place]
            first = queue[:, place].copy()
            queue[:, place] = queue[rows, drawn]
            queue[rows, drawn] = first
        return queue.argsort(axis=1).astype(float)
