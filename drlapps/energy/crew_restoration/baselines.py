"""Dispatch rules: where the free crew goes next.

Each rule looks at one column of the observation (:data:`.features.FEATURES`) and sends the crew to
the waiting line that is best there; of equal ones to the first. Rules that say nothing of the path
consider only lines between which and the source no other waits: to repair what stays dark behind an
unrepaired line would make them worse.

References:
    Tan et al. 2019, "Scheduling post-disaster repairs in electricity distribution networks", IEEE
    Transactions on Power Systems 34(4), for the rho-factor;
    Bertsekas, Tsitsiklis & Wu 1997, "Rollout algorithms for combinatorial optimization", Journal of
    Heuristics 3.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from drlapps.energy.crew_restoration.features import COLUMN
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment


class Rule(Policy):
    """Goes to the waiting line whose entry in a column is best.

    Attributes:
        column: of the observation.
        largest: whether the largest entry is best, or the smallest.
        in_order: whether only lines count above which none waits.
        tie_break: column whose smallest entry decides between equals.
    """

    column: ClassVar[str]
    largest: ClassVar[bool] = False
    in_order: ClassVar[bool] = True
    tie_break: ClassVar[str] = "place"

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the best line of each row."""
        column = observations[..., COLUMN[self.column]]
        score = -column if self.largest else column
        candidates = observations[..., COLUMN["waiting"]] > 0
        if self.in_order:
            candidates = observations[..., COLUMN["head"]] > 0
        score = np.where(candidates, score, np.inf)
        best = score == score.min(axis=1, keepdims=True)
        second = np.where(best, observations[..., COLUMN[self.tie_break]], np.inf)
        return np.asarray(second.argmin(axis=1))


class RhoFactor(Rule):
    """The largest ρ-factor first: the most dark load per hour of a subtree that begins there.

    Tan et al.'s dispatch rule, with the way of the free crew counted as part of the time. With one
    crew and no travel it is Horn's algorithm; with more crews it is the list schedule of Horn's
    sequence.
    """

    column = "rho"
    largest = True


class LargestWeight(Rule):
    """The line with most dark weighted load behind it first."""

    column = "subtree_load"
    largest = True


class ShortestRepair(Rule):
    """The shortest repair first."""

    column = "hours"


class Nearest(Rule):
    """The nearest line first; of several, as without travel, the shortest repair."""

    column = "travel"
    tie_break = "hours"


class Rollout(Rule):
    """The line after which going on by a list does least harm, at every decision anew.

    The rollout algorithm of Bertsekas, Tsitsiklis and Wu (1997) with Horn's list schedule as its
    base heuristic, and with switching also the list by what each line would energise per hour.
    Lines may be repaired out of order.
    """

    column = "rollout_over_best"
    in_order = False
