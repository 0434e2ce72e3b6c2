"""The base of the online algorithms: uniform at first, then an update of the last weights a day."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar

from drlapps.finance.portfolio.allocation import Allocation, Seen, Vector
from drlapps.finance.portfolio.online.simplex import uniform


@dataclass
class Memory:
    """What a learner remembers of its own doing.

    Attributes:
        weights: the weights it decided on last, shape (assets,); not those held, which drift.
    """

    weights: Vector


MemoryT = TypeVar("MemoryT", bound=Memory)


class OnlineLearner(Allocation, Generic[MemoryT]):
    """A policy whose first weights are uniform and whose next ones follow from its last."""

    @abstractmethod
    def start(self, assets: int) -> MemoryT:
        """Return the memory at the start of an episode, with uniform weights."""

    @abstractmethod
    def update(self, seen: Seen, memory: MemoryT) -> Vector:
        """Return the new weights, shape (assets,), non-negative and not all zero."""

    def target(self, seen: Seen, memory: MemoryT) -> Vector:
        """Return uniform weights on the first day and updated ones on every other.

        Where orders are filled later, there may be a second day on which nothing has been seen.
        """
        if seen.day > 0 and len(seen.relatives):
            weights = self.update(seen, memory)
            memory.weights = weights / weights.sum()
        return memory.weights


class FirstOrderLearner(OnlineLearner[Memory]):
    """A learner that remembers nothing but its last weights."""

    def start(self, assets: int) -> Memory:
        """Return uniform weights."""
        return Memory(uniform(assets))
