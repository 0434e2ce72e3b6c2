"""The classical market makers: all quote by step and inventory alone."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.finance.market_making import closed_forms
from drlapps.finance.market_making.dynamic_programming import solve
from drlapps.finance.market_making.environment import MarketMakingEnv
from drlapps.finance.market_making.market import Market
from drlapps.finance.market_making.session import Session
from drlapps.policy import Policy, Report
from drlapps.vector import Array, VectorEnvironment

FloatArray = NDArray[np.float64]


class QuotingPolicy(Policy):
    """Looks its half-spreads up in a table made for each market before the first step.

    Attributes:
        sessions: the instance of each row.
    """

    sessions: list[Session]

    @abstractmethod
    def quotes(self, market: Market) -> FloatArray:
        """Return half-spreads of bid and ask in price, shape ``(N, 2 Q + 1, 2)``."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Make the table of every market in the batch."""
        self.sessions = list(env.instances)
        markets = dict.fromkeys(session.market for session in self.sessions)
        tables = {market: self.quotes(market).reshape(-1, 2) for market in markets}
        starts = dict(zip(markets, np.cumsum([0, *map(len, tables.values())])[:-1], strict=True))
        self._table = np.concatenate(list(tables.values()))
        self._starts = np.array([starts[session.market] for session in self.sessions])
        self._last = np.array([session.market.steps - 1 for session in self.sessions])
        self._limits = np.array([session.market.limit for session in self.sessions])

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions that come closest to the table's half-spreads."""
        maker = cast(MarketMakingEnv, env)
        step = np.minimum(maker.step_index, self._last)
        place = step * (2 * self._limits + 1) + maker.inventory + self._limits
        return maker.actions_for(self._table[self._starts + place])


class Optimal(QuotingPolicy):
    """The optimal quotes of the exact dynamic program."""

    def quotes(self, market: Market) -> FloatArray:
        """Return the optimal half-spreads."""
        return solve(market).quotes

    def report(self, row: int) -> Report:
        """Return ``optimal``; with Hawkes arrivals the program at the mean is a heuristic."""
        session = self.sessions[row]
        return Report() if session.market.is_hawkes else Report("optimal", bound=session.bound)


class CarteaJaimungal(QuotingPolicy):
    """The quotes that are optimal in continuous time."""

    def quotes(self, market: Market) -> FloatArray:
        """Return :func:`.closed_forms.cartea_jaimungal`."""
        return closed_forms.cartea_jaimungal(market)


class Myopic(QuotingPolicy):
    """The quotes that earn most from an order, whatever the inventory."""

    def quotes(self, market: Market) -> FloatArray:
        """Return :func:`.closed_forms.myopic`."""
        return closed_forms.myopic(market)


class RiskAverse(QuotingPolicy):
    """Quotes that follow from a risk aversion.

    Args:
        risk_aversion: ``gamma``; left out, the market's own, ``2 phi / sigma^2``.

    Raises:
        InputError: it is negative.
    """

    def __init__(self, risk_aversion: float | None = None) -> None:
        if risk_aversion is not None and not 0.0 <= risk_aversion < math.inf:
            raise InputError(f"risk_aversion must not be negative, not {risk_aversion}")
        self.risk_aversion = risk_aversion

    def quotes(self, market: Market) -> FloatArray:
        """Return the rule's half-spreads."""
        given = self.risk_aversion
        return self.rule(market, market.risk_aversion if given is None else given)

    @staticmethod
    @abstractmethod
    def rule(market: Market, risk_aversion: float) -> FloatArray:
        """Return the half-spreads that follow from the risk aversion."""


class AvellanedaStoikov(RiskAverse):
    """The quotes of Avellaneda and Stoikov around their reservation price."""

    @staticmethod
    def rule(market: Market, risk_aversion: float) -> FloatArray:
        """Return :func:`.closed_forms.avellaneda_stoikov`."""
        return closed_forms.avellaneda_stoikov(market, risk_aversion)


class Symmetric(RiskAverse):
    """The spread of Avellaneda and Stoikov around the mid."""

    @staticmethod
    def rule(market: Market, risk_aversion: float) -> FloatArray:
        """Return :func:`.closed_forms.symmetric`."""
        return closed_forms.symmetric(market, risk_aversion)


class GueantLehalleFernandezTapia(RiskAverse):
    """The asymptotic quotes of Guéant, Lehalle and Fernandez-Tapia."""

    @staticmethod
    def rule(market: Market, risk_aversion: float) -> FloatArray:
        """Return :func:`.closed_forms.gueant_lehalle_fernandez_tapia`."""
        return closed_forms.gueant_lehalle_fernandez_tapia(market, risk_aversion)
