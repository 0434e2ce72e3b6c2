"""The policies: an estimate, a program, and a calendar of rebalancings."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from drlapps.errors import InputError, unknown
from drlapps.finance.portfolio.allocation import Allocation, Matrix, Seen, Vector
from drlapps.finance.portfolio.convex import programs
from drlapps.finance.portfolio.convex.calendar import Calendar
from drlapps.finance.portfolio.convex.estimators import COVARIANCES
from drlapps.finance.portfolio.convex.hierarchical import hierarchical_risk_parity
from drlapps.finance.portfolio.convex.limits import Admissible, Limits
from drlapps.finance.portfolio.convex.risk_parity import risk_budget
from drlapps.finance.portfolio.convex.tail_risk import TailRisk

LEAST_DAYS = 20
"""Days of returns below which nothing is estimated and weights are equal."""


@dataclass
class Memory:
    """What a policy keeps during an episode."""

    calendar: Calendar
    tail_risk: dict[str, TailRisk] = field(default_factory=dict)


class Rebalanced(Allocation):
    """A long-only, fully invested portfolio that is chosen anew by a calendar.

    Args:
        rebalance: ``daily``, ``weekly``, ``monthly``, ``quarterly`` or ``yearly``.
        lookback: days that estimates are made from.
        covariance: ``sample``, ``ledoit-wolf`` or ``ewma``.
        min_weight: of each asset.
        max_weight: of each asset.
        max_turnover: share of wealth that may be sold at a rebalancing.

    Raises:
        InputError: an argument is impossible.
    """

    COVARIANCE: ClassVar[str] = "sample"

    def __init__(
        self,
        rebalance: str = "monthly",
        lookback: int = 252,
        covariance: str = "",
        min_weight: float = 0.0,
        max_weight: float = 1.0,
        max_turnover: float = 1.0,
    ) -> None:
        chosen = covariance or self.COVARIANCE
        if chosen not in COVARIANCES:
            raise unknown("covariance", chosen, COVARIANCES)
        if lookback < LEAST_DAYS:
            raise InputError(f"lookback must be at least {LEAST_DAYS} days, not {lookback}")
        Calendar(rebalance)
        self._rebalance, self._lookback = rebalance, lookback
        self._estimate = COVARIANCES[chosen]
        self._limits = Limits(min_weight, max_weight, max_turnover)

    def start(self, assets: int) -> Memory:
        """Return a calendar of the episode's own."""
        self._limits.check(assets)
        return Memory(Calendar(self._rebalance))

    def target(self, seen: Seen, memory: Memory) -> Vector | None:
        """Return new weights when they are due, else no order."""
        if not memory.calendar.due(seen):
            return None
        admissible = self._limits.around(seen.weights[1:])
        returns = seen.relatives[-self._lookback :] - 1.0
        # What has not moved has no risk to speak of, and no place in a program of risks.
        if len(returns) < LEAST_DAYS or not returns.std(axis=0).all():
            return programs.nearest(admissible, _equal(len(seen.weights) - 1))
        return self.choose(admissible, returns, memory)

    @abstractmethod
    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return admissible weights for past returns of shape (days, assets)."""


def _equal(assets: int) -> Vector:
    return np.full(assets, 1.0 / assets)


class OneOverN(Rebalanced):
    """1/N: equal weights (DeMiguel, Garlappi & Uppal 2009)."""

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return equal weights."""
        return programs.nearest(admissible, _equal(returns.shape[1]))


class InverseVolatility(Rebalanced):
    """Weights inverse to volatility."""

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return weights in proportion to one over the standard deviation."""
        inverse = 1.0 / np.sqrt(np.diag(self._estimate(returns)))
        return programs.nearest(admissible, inverse / inverse.sum())


class MinVariance(Rebalanced):
    """Minimum variance, of the shrunk covariance: the sample's own overfits (Ledoit & Wolf)."""

    COVARIANCE = "ledoit-wolf"

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return the weights of least estimated variance."""
        return programs.minimum_variance(admissible, self._estimate(returns))


class MaxSharpe(Rebalanced):
    """Maximum ratio of past mean to estimated deviation; without gains, minimum variance."""

    COVARIANCE = "ledoit-wolf"

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return the weights of the largest estimated Sharpe ratio."""
        return programs.maximum_sharpe(admissible, self._estimate(returns), returns.mean(axis=0))


class MeanVariance(Rebalanced):
    """Mean less half the risk aversion times variance (Markowitz 1952).

    Args:
        risk_aversion: positive.
        **options: of :class:`Rebalanced`.
    """

    COVARIANCE = "ledoit-wolf"

    def __init__(
        self,
        risk_aversion: float = 5.0,
        rebalance: str = "monthly",
        lookback: int = 252,
        covariance: str = "",
        min_weight: float = 0.0,
        max_weight: float = 1.0,
        max_turnover: float = 1.0,
    ) -> None:
        super().__init__(rebalance, lookback, covariance, min_weight, max_weight, max_turnover)
        if risk_aversion <= 0.0:
            raise InputError(f"risk_aversion must be positive, not {risk_aversion}")
        self._risk_aversion = risk_aversion

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return the weights of the largest estimated utility."""
        return programs.mean_variance(
            admissible, self._estimate(returns), returns.mean(axis=0), self._risk_aversion
        )


class RiskParity(Rebalanced):
    """Equal contributions to risk (Maillard, Roncalli & Teiletche 2010)."""

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return the weights of equal contributions to the estimated risk."""
        return programs.nearest(admissible, risk_budget(self._estimate(returns)))


class Hrp(Rebalanced):
    """Hierarchical risk parity (Lopez de Prado 2016)."""

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return the weights of hierarchical risk parity."""
        return programs.nearest(admissible, hierarchical_risk_parity(self._estimate(returns)))


class MinCvar(Rebalanced):
    """Minimum conditional value at risk of past returns (Rockafellar & Uryasev 2000).

    Args:
        alpha: its level.
        **options: of :class:`Rebalanced`.
    """

    def __init__(
        self,
        alpha: float = 0.95,
        rebalance: str = "monthly",
        lookback: int = 252,
        min_weight: float = 0.0,
        max_weight: float = 1.0,
        max_turnover: float = 1.0,
    ) -> None:
        super().__init__(rebalance, lookback, "", min_weight, max_weight, max_turnover)
        if not 0.0 < alpha < 1.0:
            raise InputError(f"alpha must lie between 0 and 1, not {alpha}")
        self._alpha = alpha

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return the weights of least conditional value at risk."""
        program = memory.tail_risk.setdefault("cvar", TailRisk(self._alpha))
        return program.weights(admissible, returns)


class Mad(Rebalanced):
    """Minimum mean absolute deviation of past returns (Konno & Yamazaki 1991)."""

    def choose(self, admissible: Admissible, returns: Matrix, memory: Memory) -> Vector:
        """Return the weights of least mean absolute deviation."""
        program = memory.tail_risk.setdefault("mad", TailRisk(None))
        return program.weights(admissible, returns)
