"""What every drive can be compared with."""

from __future__ import annotations

import numpy as np

from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment


class Zero(Policy):
    """No voltage: the machine is short-circuited."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return zeros, or the zero state."""
        return np.zeros(env.action_space.shape or (), env.action_space.dtype)
