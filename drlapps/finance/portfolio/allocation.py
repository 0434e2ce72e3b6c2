"""The base of the classical portfolio policies: target weights from what has been seen so far."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.finance.portfolio.seen import Matrix, Seen, Vector
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

if TYPE_CHECKING:
    from drlapps.finance.portfolio.environment import PortfolioEnv

__all__ = ["Allocation", "Matrix", "Seen", "Vector"]


class Allocation(Policy):
    """A policy that sets target weights, one episode at a time.

    The environment may delay the trade (``fill``) and charges its costs; drift is its business
    too.
    """

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Give each row a memory of its own."""
        self._memories = [self.start(len(env.instances[row].assets)) for row in range(env.num_envs)]

    def start(self, assets: int) -> Any:
        """Return what the policy will remember during an episode: its own mutable object."""
        return None

    @abstractmethod
    def target(self, seen: Seen, memory: Any) -> Vector | None:
        """Return the target weights of the risky assets, shape (assets,); the rest is cash.

        ``None`` means: do not trade, let the weights drift.
        """

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return target weights of cash and assets, one row an episode; not a number: no order."""
        market: PortfolioEnv = env  # type: ignore[assignment]
        actions = np.full((env.num_envs, *(env.single_action_space.shape or ())), np.nan)
        for row, memory in enumerate(self._memories):
            risky = self.target(market.seen(row), memory)
            if risky is not None:
                actions[row, 0] = 1.0 - risky.sum()
                actions[row, 1 : 1 + len(risky)] = risky
        return actions
