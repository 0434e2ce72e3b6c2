"""Reference signals: what the control is to follow, as shares of a limit.

==================== =======================================================================
signal               what it does
==================== =======================================================================
:class:`Wiener`      a random walk that stays within a margin and changes its pace at times
:class:`Steps`       levels drawn anew at random times
:class:`Constant`    one level for the whole episode
==================== =======================================================================

:class:`Wiener` with its pace between 0.001 and 0.1 is that of gym-electric-motor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Signal(Protocol):
    """Draws the reference of one quantity."""

    def draw(self, rng: np.random.Generator, steps: int) -> Floats:
        """Return the reference at every step, (steps,)."""


@dataclass(frozen=True)
class Wiener:
    """A random walk.

    Attributes:
        slow: least standard deviation of its steps.
        fast: largest; it is drawn between the two, evenly in the logarithm, for every stretch.
        shortest: least length of a stretch, in steps.
        longest: largest.
        low: margin that it does not pass.
        high: likewise.
    """

    slow: float = 1e-3
    fast: float = 1.2e-2
    shortest: int = 500
    longest: int = 2000
    low: float = -0.6
    high: float = 0.6

    def draw(self, rng: np.random.Generator, steps: int) -> Floats:
        """Return the reference at every step, (steps,)."""
        start = rng.uniform(self.low, self.high)
        walk = rng.standard_normal(steps)
        at = 0
        while at < steps:
            end = at + int(rng.integers(self.shortest, self.longest, endpoint=True))
            walk[at:end] *= self.slow * (self.fast / self.slow) ** rng.random()
            at = end
        _keep_within(walk, start, self.low, self.high)
        return walk


@dataclass(frozen=True)
class Steps:
    """Levels that hold for a while.

    Attributes:
        shortest: least time between two changes, in steps.
        longest: largest.
        low: least level.
        high: largest.
    """

    shortest: int = 50
    longest: int = 300
    low: float = -0.6
    high: float = 0.6

    def draw(self, rng: np.random.Generator, steps: int) -> Floats:
        """Return the reference at every step, (steps,)."""
        found, at = np.empty(steps), 0
        while at < steps:
            end = at + int(rng.integers(self.shortest, self.longest, endpoint=True))
            found[at:end] = rng.uniform(self.low, self.high)
            at = end
        return found


@dataclass(frozen=True)
class Constant:
    """One level.

    Attributes:
        low: least level.
        high: largest.
    """

    low: float = -0.6
    high: float = 0.6

    def draw(self, rng: np.random.Generator, steps: int) -> Floats:
        """Return the reference at every step, (steps,)."""
        return np.full(steps, rng.uniform(self.low, self.high))


@numba.njit(cache=True)
def _keep_within(walk: Floats, start: float, low: float, high: float) -> None:
    """Turn the steps of a walk into its places, none of them beyond the margins."""
    place = start
    for k in range(len(walk)):
        place = min(max(place + walk[k], low), high)
        walk[k] = place
