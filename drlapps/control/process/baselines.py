"""Controllers of linear plants that do not predict."""

from __future__ import annotations

from typing import cast

import numpy as np

from drlapps.control.process.environment import ProcessEnv
from drlapps.control.process.plant import LinearPlant, Real
from drlapps.control.process.targets import calculator, regulator
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment


class Lqr(Policy):
    """Linear-quadratic regulator around the target: ``u = u_s - K (x - x_s)``, cut at its limits.

    The target is the best steady state within the limits (see :mod:`.targets`); on the way there
    limits of the states are not heeded.
    """

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Find gain and target of every row."""
        plants = [cast(LinearPlant, one.belief) for one in env.instances]
        wanted = cast(ProcessEnv, env).targets()
        self._targets = [
            calculator(plant).find(row) for plant, row in zip(plants, wanted, strict=True)
        ]
        self._gain = np.stack([regulator(plant).gain for plant in plants])
        self._state = np.stack([target.state for target in self._targets])
        self._inputs = np.stack([target.inputs for target in self._targets])
        self._a = np.stack([plant.a for plant in plants])
        self._b = np.stack([plant.b for plant in plants])
        self._lower = np.stack([plant.input_lower for plant in plants])
        self._upper = np.stack([plant.input_upper for plant in plants])

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of every row."""
        process = cast(ProcessEnv, env)
        return process.actions_for(self.law(process.measured()))

    def law(self, state: Real) -> Real:
        """Return the inputs (B, m) at the states (B, n)."""
        away = (self._gain @ (state - self._state)[:, :, None])[:, :, 0]
        return np.clip(self._inputs - away, self._lower, self._upper)

    def follow(self, state: Real, steps: int) -> Real:
        """Return the inputs (steps, B, m) that the law sets on the nominal plant."""
        found = np.empty((steps, *self._inputs.shape))
        for step in range(steps):
            found[step] = self.law(state)
            moved = self._a @ state[:, :, None] + self._b @ found[step][:, :, None]
            state = moved[:, :, 0]
        return found

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return the next actions (steps, B, m) as they would be on the nominal plant."""
        process = cast(ProcessEnv, env)
        inputs = self.follow(process.measured(), steps)
        return np.stack([process.actions_for(one) for one in inputs])


class Idle(Policy):
    """Sets no input, or the smallest there is."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of every row."""
        process = cast(ProcessEnv, env)
        return process.actions_for(np.zeros(process.input_middle.shape))
