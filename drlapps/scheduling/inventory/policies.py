"""The base of the classical inventory policies: they decide in orders."""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.policy import Policy
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.vector import Array, VectorEnvironment


class OrderingPolicy(Policy):
    """Says what to order on each arc; the environment turns that into actions."""

    @abstractmethod
    def orders(self, env: InventoryEnv) -> NDArray[np.float64]:
        """Return the orders, shape (B, A)."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions that place the orders."""
        inventory = cast(InventoryEnv, env)
        return inventory.actions_for(self.orders(inventory))
