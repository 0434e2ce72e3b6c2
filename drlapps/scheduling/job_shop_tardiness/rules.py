"""Dispatching rules for due dates.

As in :mod:`drlapps.scheduling.job_shop.rules`, each ranks the operations that the environment
admits; by default the environment's ``delay`` is 0, so every rule builds a **non-delay** schedule.

For the next operation of a job, of duration ``p``, which could start at ``t``: ``d`` is the due
date of the job, ``w`` its weight and ``P`` its work left, ``p`` included. Its *slack* is
``d - t - P``.

References:
    Vepsalainen & Morton 1987, "Priority rules for job shops with weighted tardiness costs",
    Management Science 33(8), for ATC and COVERT;
    Baker & Bertrand 1982, "A dynamic priority rule for scheduling against due-dates", Journal of
    Operations Management 3(1), for MDD;
    Kanet & Li 2004, "A weighted modified due date rule for sequencing to minimize weighted
    tardiness", Journal of Scheduling 7(4).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.rules import Rule
from drlapps.scheduling.job_shop_tardiness.environment import JobShopTardinessEnv

Ranks = NDArray[np.float64]


class DueDateRule(Rule):
    """A rule that sees due dates and weights."""

    def rank(self, shop: JobShopEnv) -> Ranks:
        """Return the rank of each job's next operation, shape ``(num_envs, n)``; low goes first."""
        return self.rank_by_due_dates(cast(JobShopTardinessEnv, shop))

    @abstractmethod
    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return the rank."""


class EarliestDueDate(DueDateRule):
    """EDD: the job due first, first."""

    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return ``d``."""
        return shop.due.astype(float)


class WeightedShortestProcessingTime(DueDateRule):
    """WSPT: the greatest weight per time first."""

    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return ``- w / p``."""
        return -_weight_per_time(shop)


class ModifiedDueDate(DueDateRule):
    """MDD: the due date, or the earliest possible end if that is later."""

    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return ``max(d, t + P)``."""
        return np.maximum(shop.due, shop.next_heads() + shop.work_left)


class WeightedModifiedDueDate(DueDateRule):
    """WMDD: the time to the modified due date, over the weight."""

    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return ``max(P, d - t) / w``."""
        ahead = np.maximum(shop.work_left, shop.due - shop.next_heads())
        return np.asarray(ahead / np.maximum(shop.weights, 1e-9))


class SlackPerOperation(DueDateRule):
    """S/OPN: least slack per operation left first."""

    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return ``(d - t - P) / operations left``."""
        return np.asarray(_slack(shop) / np.maximum(shop.lengths - shop.next_operation, 1))


class CostOverTime(DueDateRule):
    """COVERT: weight per time, less the more of the expected waiting time is still to spare.

    Of operations without any urgency the one with least slack goes first.

    Args:
        waiting: the expected waiting time, in units of the work left.

    Raises:
        InputError: it is not positive.
    """

    def __init__(self, *, waiting: float = 1.0) -> None:
        if not waiting > 0:
            raise InputError(f"waiting must be positive, not {waiting}")
        self.waiting = float(waiting)

    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return ``- (w / p) max(0, 1 - max(0, slack) / (waiting P))``; late slack follows."""
        slack = _slack(shop)
        expected = self.waiting * np.maximum(shop.work_left, 1)
        urgency = np.clip(1.0 - np.maximum(slack, 0.0) / expected, 0.0, None)
        # Ranks from 1 to 2 are for those without urgency.
        idle = 1.0 + np.maximum(slack, 0.0) / (1.0 + np.maximum(slack, 0.0))
        return np.where(urgency > 0.0, -_weight_per_time(shop) * urgency, idle)


class ApparentTardinessCost(DueDateRule):
    """ATC: weight per time, discounted exponentially by the slack beyond the waiting to come.

    Args:
        look_ahead: the slack, in mean durations of the operations that compete, by which the
            discount is ``1 / e``.
        waiting: the expected waiting before each later operation, in units of its duration.

    Raises:
        InputError: ``look_ahead`` is not positive, or ``waiting`` negative.
    """

    def __init__(self, *, look_ahead: float = 3.0, waiting: float = 0.0) -> None:
        if not look_ahead > 0:
            raise InputError(f"look_ahead must be positive, not {look_ahead}")
        if not waiting >= 0:
            raise InputError(f"waiting must not be negative, not {waiting}")
        self.look_ahead, self.waiting = float(look_ahead), float(waiting)

    def rank_by_due_dates(self, shop: JobShopTardinessEnv) -> Ranks:
        """Return the negative logarithm of the index, which no slack lets vanish."""
        durations, rivals = shop.next_durations(), shop.action_masks()
        mean = (durations * rivals).sum(axis=1) / np.maximum(rivals.sum(axis=1), 1)
        ahead = self.waiting * (shop.work_left - durations)
        spare = np.maximum(_slack(shop) - ahead, 0.0)
        discount = spare / (self.look_ahead * np.maximum(mean, 1.0))[:, None]
        return np.asarray(discount - np.log(np.maximum(_weight_per_time(shop), 1e-12)))


def _slack(shop: JobShopTardinessEnv) -> Ranks:
    return np.asarray(shop.due - shop.next_heads() - shop.work_left)


def _weight_per_time(shop: JobShopTardinessEnv) -> Ranks:
    return np.asarray(shop.weights / np.maximum(shop.next_durations(), 1.0))
