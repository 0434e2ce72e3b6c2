"""The schedules that a search starts from: those of the dispatching rules, in one kernel.

The same non-delay schedules as :mod:`drlapps.scheduling.job_shop.rules` builds, step by step by
the kernels of that task, but without a call for every operation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numba import njit

from drlapps.scheduling.job_shop.environment import JobShopEnv
from drlapps.scheduling.job_shop.kernels import State, admit, dispatch
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_improvement.kernels import IntArray, mix
from drlapps.vector import Pool

RULES = ("spt", "lpt", "mwkr", "lwkr", "mor", "lor", "fifo", "fdd-mwkr", "random")
"""Names of the rules; ``random`` takes any admissible operation, each equally likely."""


class Starter:
    """Builds the starting schedules of a batch, one shop at a time.

    Args:
        rule: one of :data:`RULES`.
        pool: where the shops come from.
    """

    def __init__(self, rule: str, pool: Pool) -> None:
        self._rule = RULES.index(rule)
        self._shop = JobShopEnv(1, pool, autoreset_mode=AutoresetMode.DISABLED)
        self._state = State(*(getattr(self._shop, name) for name in State._fields))

    def starts(self, shop: JobShop, key: int) -> IntArray:
        """Return the start times, padded as the largest shop of the pool is.

        Args:
            shop: the problem.
            key: seed of the draws of ``random``.
        """
        self._shop.reset(seed=0, options={"instances": [shop]})
        build(self._state, self._rule, np.uint64(key))
        starts: IntArray = self._shop.starts[0]
        return starts


@njit(cache=True, error_model="numpy")
def build(s: State, rule: int, key: Any) -> None:
    """Dispatch all operations of row 0, the admissible one of lowest rank first."""
    n = s.lengths.shape[1]
    draws = np.uint64(0)
    while s.operations_left[0] > 0:
        chosen, lowest = -1, np.inf
        for j in range(n):
            if not s.mask[0, j]:
                continue
            draws += np.uint64(1)
            value = rank(s, j, rule, mix(key + draws))
            if value < lowest:
                chosen, lowest = j, value
        dispatch(s, None, 0, chosen)
        admit(s, None, 0, 0.0)


@njit(cache=True, error_model="numpy")
def rank(s: State, j: int, rule: int, bits: Any) -> float:
    """Return the rank of job ``j``'s next operation by the rule of that number; low goes first."""
    k = s.next_operation[0, j]
    left = s.lengths[0, j] - k
    duration, work_left = float(s.durations[0, j, k]), float(s.work_left[0, j])
    if rule == 0:
        return duration
    if rule == 1:
        return -duration
    if rule == 2:
        return -work_left
    if rule == 3:
        return work_left
    if rule == 4:
        return -float(left)
    if rule == 5:
        return float(left)
    if rule == 6:
        return float(s.job_ready[0, j])
    if rule == 7:
        due = float(s.release[0, j]) + float(s.job_work[0, j]) - work_left + duration
        return due / max(work_left, 1e-9)
    return float(bits >> np.uint64(11))
