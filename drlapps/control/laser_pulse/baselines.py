"""Policies that go straight to settings they know beforehand."""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import numpy as np

from drlapps.control.laser_pulse import optimum
from drlapps.control.laser_pulse.environment import LaserPulseEnv
from drlapps.control.laser_pulse.laser import Laser, conjugate
from drlapps.control.laser_pulse.spectrum import Floats
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment


def way(env: LaserPulseEnv, targets: Floats, steps: int) -> Array:
    """Return the actions, (steps, B, 3), that move all settings to ``targets``, (B, 3), and stay.

    Each setting takes the shortest way, as far as so many steps go.
    """
    left = (targets - env.psi) / env.move_limit
    until = np.arange(1, steps + 1)[:, None, None]
    # What is left after all full steps is the last, shorter one; then there is nothing.
    reached = np.clip(left, -until, until)
    return np.asarray(np.diff(reached, axis=0, prepend=0.0))


class GoTo(Policy):
    """Goes to settings by the shortest way, and stays there."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Look up where to go."""
        self._targets = np.array([self.target(laser) for laser in env.instances])

    @abstractmethod
    def target(self, laser: Laser) -> tuple[float, float, float]:
        """Return the settings for a laser, each within [0, 1]."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return one step of the way."""
        action: Array = self.plan(env, observations, 1)[0]
        return action

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        """Return so many steps of the way, (steps, B, 3)."""
        return way(cast(LaserPulseEnv, env), self._targets, steps)


class PhaseConjugation(GoTo):
    """Adds what the published compressor takes away, whatever the laser's own does."""

    def target(self, laser: Laser) -> tuple[float, float, float]:
        """Return the conjugate of the published compressor."""
        return conjugate()


class CompressorConjugation(GoTo):
    """Adds what the laser's compressor takes away, and leaves the nonlinearity as it is."""

    def target(self, laser: Laser) -> tuple[float, float, float]:
        """Return the conjugate of the laser's own compressor."""
        return conjugate(laser.compressor)


class Optimum(GoTo):
    """Knows laser and future, and goes to the best settings for the B-integral at the end."""

    def target(self, laser: Laser) -> tuple[float, float, float]:
        """Return the settings that the searches of :mod:`.optimum` have found."""
        return optimum.best(laser.final_b, laser.compressor).psi
