"""The classical market makers: rules that place orders from what anyone in the book sees."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.finance.limit_order_book.environment import LimitOrderBookEnv
from drlapps.finance.limit_order_book.kernels import HOLD, QUOTED
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
_DEEPEST = len(QUOTED) - 1


def action_of(bid: IntArray, ask: IntArray) -> IntArray:
    """Return the actions that place orders at levels.

    Args:
        bid: index of the bid's level among those that can be quoted, 0 to 3.
        ask: of the ask's.

    Returns:
        Actions 1 to 15; of the pair (3, 3), which is none of them, (2, 3) takes the place.
    """
    bid = np.where((bid == _DEEPEST) & (ask == _DEEPEST), _DEEPEST - 1, bid)
    return np.asarray(1 + 4 * bid + ask)


class Hold(Policy):
    """Does nothing at all."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return no change for every row."""
        return np.full(env.num_envs, HOLD)


class QuotingPolicy(Policy):
    """Places a bid and an ask at every decision."""

    @abstractmethod
    def levels(self, env: LimitOrderBookEnv) -> tuple[IntArray, IntArray]:
        """Return the indices of the levels of bid and ask, each of shape ``(num_envs,)``."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions that place the orders."""
        return action_of(*self.levels(cast(LimitOrderBookEnv, env)))


class Symmetric(QuotingPolicy):
    """Quotes both sides at one level, whatever happens; at the position limit only one side.

    Args:
        level: 0, 4 or 9.

    Raises:
        InputError: the level is none of these.
    """

    def __init__(self, level: int = 0) -> None:
        if level not in QUOTED[:-1]:
            raise InputError(f"level must be one of {QUOTED[:-1]}, not {level!r}")
        self.level = QUOTED.index(level)

    def levels(self, env: LimitOrderBookEnv) -> tuple[IntArray, IntArray]:
        """Return the same level for both."""
        both = np.full(env.num_envs, self.level)
        return both, both


class InventorySkewed(QuotingPolicy):
    """Quotes at the touch, and further away on the side that would add to the inventory.

    Args:
        threshold: lots held for each level that the order moves back.

    Raises:
        InputError: the threshold is not positive.
    """

    def __init__(self, threshold: int = 1) -> None:
        if not threshold > 0:
            raise InputError(f"threshold must be positive, not {threshold!r}")
        self.threshold = threshold

    def levels(self, env: LimitOrderBookEnv) -> tuple[IntArray, IntArray]:
        """Return level 0 for the side that reduces the inventory, a deeper one for the other."""
        back = np.clip(env.inventory / self.threshold, -_DEEPEST, _DEEPEST).astype(np.int64)
        return np.maximum(back, 0), np.maximum(-back, 0)


class AvellanedaStoikov(QuotingPolicy):
    """The quotes of Avellaneda and Stoikov 2008 at the levels nearest to them.

    The bid is ``(q + 1/2) gamma v tau + ln(1 + gamma / kappa) / gamma`` below the mid, the ask
    likewise with ``-q``. The variance ``v`` of the mid over a decision is that of the session so
    far. ``tau`` is the number of decisions left, at most a horizon: far from the end a stationary
    rule. The defaults are the best of 27 combinations on the validation pool.

    Args:
        risk_aversion: ``gamma``, for a tick times a lot.
        kappa: how fast fills get rarer with the distance from the mid, per tick.
        horizon: most decisions to look ahead.

    Raises:
        InputError: one of these is not positive.
    """

    def __init__(
        self, risk_aversion: float = 0.1, kappa: float = 10.0, horizon: float = 30.0
    ) -> None:
        given = {"risk_aversion": risk_aversion, "kappa": kappa, "horizon": horizon}
        for name, value in given.items():
            if not 0.0 < value < math.inf:
                raise InputError(f"{name} must be positive, not {value!r}")
        self.risk_aversion, self.kappa, self.horizon = risk_aversion, kappa, horizon

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Forget the past."""
        self._last = cast(LimitOrderBookEnv, env).touch.mean(axis=1)
        self._squares = np.zeros(env.num_envs)
        self._seen = 0

    def levels(self, env: LimitOrderBookEnv) -> tuple[IntArray, IntArray]:
        """Return the levels nearest to the quotes."""
        mid = env.touch.mean(axis=1)
        self._squares += (mid - self._last) ** 2
        self._last = mid
        # One imagined decision with a variance of one tick squared comes before the first.
        variance = (1.0 + self._squares) / (1 + self._seen)
        left = np.clip(env.rows["steps"] - self._seen, 1, self.horizon)
        self._seen += 1
        risk = self.risk_aversion * variance * left
        reach = math.log1p(self.risk_aversion / self.kappa) / self.risk_aversion
        half = 0.5 * (env.touch[:, 1] - env.touch[:, 0])
        behind = [risk * (0.5 + sign * env.inventory) + reach - half for sign in (1, -1)]
        return _nearest(behind[0]), _nearest(behind[1])


def _nearest(ticks: FloatArray) -> IntArray:
    """Return the indices of the levels nearest to distances behind the touch."""
    return np.asarray(np.abs(ticks[:, None] - np.array(QUOTED)).argmin(axis=1))
