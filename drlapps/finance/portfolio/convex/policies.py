"""The convex and risk-based baselines as policies.

Where no estimate of the mean is needed, the defaults are those under which the literature reports
each method at its best: a shrunk covariance wherever it is optimised over, because an optimiser
seeks out its errors (Ledoit & Wolf 2004); the sample's where only its variances or their order
count (inverse volatility, hierarchical risk parity), as shrinking to the identity would change
just these. ``covariance=sample`` is the textbook's choice everywhere.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drlapps.errors import InputError, unknown
from drlapps.finance.portfolio.allocation import Allocation, Matrix, Seen, Vector
from drlapps.finance.portfolio.convex import estimators, programs
from drlapps.finance.portfolio.convex.calendar import CALENDARS, Calendar
from drlapps.finance.portfolio.convex.hierarchical import LINKAGES, hierarchical_risk_parity
from drlapps.finance.portfolio.convex.limits import Admissible, Limits
from drlapps.finance.portfolio.convex.risk_parity import inverse_volatility, risk_budgeting
from drlapps.finance.portfolio.convex.scenarios import ScenarioProgram

FEWEST_DAYS = 20
"""With fewer days seen the weights are equal."""

TRADING_DAYS = 252


@dataclass
class Memory:
    """What a policy keeps during an episode.

    Attributes:
        calendar: when it last rebalanced.
        program: the linear program, built at its first use.
    """

    calendar: Calendar
    program: ScenarioProgram | None = None


@dataclass(kw_only=True, eq=False)
class OneOverN(Allocation):
    """Equal weights, restored at each date of a calendar.

    Args:
        rebalance: ``daily``, ``weekly``, ``monthly``, ``quarterly`` or ``yearly``.
        max_turnover: see :class:`~drlapps.finance.portfolio.convex.limits.Limits`.

    Raises:
        InputError: an option is out of range.

    References:
        DeMiguel, Garlappi & Uppal 2009, "Optimal versus naive diversification: how inefficient is
        the 1/N portfolio strategy?", Review of Financial Studies 22(5).
    """

    rebalance: str = "monthly"
    max_turnover: float = 1.0

    def __post_init__(self) -> None:
        if self.rebalance not in CALENDARS:
            raise unknown("rebalancing calendar", self.rebalance, CALENDARS)
        _between("max_turnover", self.max_turnover, 0.0, 1.0)

    def limits(self) -> Limits:
        """Return the limits that the options set."""
        return Limits(max_turnover=self.max_turnover)

    def start(self, assets: int) -> Memory:
        """Return a new memory, if the universe allows the limits."""
        self.limits().check(assets)
        return Memory(Calendar(self.rebalance))

    def target(self, seen: Seen, memory: Memory) -> Vector | None:
        """Return new weights at a date of the calendar, else no order."""
        if not memory.calendar.due(seen.day, seen.date):
            return None
        return self.choose(seen.relatives - 1.0, self.limits().around(seen.weights[1:]), memory)

    def choose(self, returns: Matrix, admissible: Admissible, memory: Memory) -> Vector:
        """Return the weights to rebalance to.

        Args:
            returns: of all days seen, shape (days, assets).
            admissible: the portfolios to choose from.
            memory: of the episode.
        """
        assets = returns.shape[1]
        return programs.nearest(admissible, np.full(assets, 1.0 / assets))


@dataclass(kw_only=True, eq=False)
class Estimated(OneOverN):
    """The base of the policies that estimate from the latest days.

    Where the method is no program, its limits are kept by the admissible portfolio that is nearest
    to the method's own. Before :data:`FEWEST_DAYS` days have been seen the weights are equal.

    Args:
        rebalance: ``daily``, ``weekly``, ``monthly``, ``quarterly`` or ``yearly``.
        max_turnover: see :class:`~drlapps.finance.portfolio.convex.limits.Limits`.
        lookback: days to estimate from; where fewer have been seen, those.
        min_weight: of each asset.
        max_weight: of each asset.

    Raises:
        InputError: an option is out of range.
    """

    lookback: int = TRADING_DAYS
    min_weight: float = 0.0
    max_weight: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.lookback, int) or self.lookback < FEWEST_DAYS:
            raise InputError(
                f"lookback must be a whole number of at least {FEWEST_DAYS} days, "
                f"not {self.lookback!r}"
            )
        _between("min_weight", self.min_weight, 0.0, 1.0)
        _between("max_weight", self.max_weight, 0.0, 1.0)
        self.limits()

    def limits(self) -> Limits:
        """Return the limits that the options set."""
        return Limits(self.min_weight, self.max_weight, self.max_turnover)

    def choose(self, returns: Matrix, admissible: Admissible, memory: Memory) -> Vector:
        """Return the method's weights, or equal ones while too little has been seen."""
        if len(returns) < FEWEST_DAYS:
            return super().choose(returns, admissible, memory)
        return self.portfolio(returns[-self.lookback :], admissible)

    @abstractmethod
    def portfolio(self, returns: Matrix, admissible: Admissible) -> Vector:
        """Return the method's weights for the returns of the window, shape (days, assets)."""


@dataclass(kw_only=True, eq=False)
class Covariant(Estimated):
    """The base of the policies that estimate a covariance.

    Args:
        covariance: ``sample``, ``ledoit-wolf`` (shrunk to a multiple of the identity),
            ``constant-correlation`` (shrunk to that) or ``ewma``.
    """

    covariance: str = "ledoit-wolf"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.covariance not in estimators.COVARIANCES:
            raise unknown("covariance", self.covariance, estimators.COVARIANCES)

    def estimate(self, returns: Matrix) -> Matrix:
        """Return the covariance of daily returns, shape (assets, assets)."""
        return estimators.COVARIANCES[self.covariance](returns)


class MinVariance(Covariant):
    """The portfolio of least variance.

    Shrinkage is the default because it is where this portfolio's weights come from: Ledoit & Wolf
    find its variance out of sample lowest so.

    References:
        Markowitz 1952, "Portfolio selection", Journal of Finance 7(1); Ledoit & Wolf 2003,
        "Improved estimation of the covariance matrix of stock returns with an application to
        portfolio selection", Journal of Empirical Finance 10(5).
    """

    def portfolio(self, returns: Matrix, admissible: Admissible) -> Vector:
        """Return the weights that minimise w'Σw."""
        return programs.minimum_variance(admissible, self.estimate(returns))


@dataclass(kw_only=True, eq=False)
class MaxSharpe(Covariant):
    """The portfolio of the largest ratio of expected excess return to volatility.

    Where no admissible portfolio has a positive excess return, that of least variance.

    Args:
        mean: ``sample``, or ``bayes-stein`` (shrunk to the minimum-variance portfolio's).
        risk_free: rate a year in excess of which returns count.

    References:
        Sharpe 1966, "Mutual fund performance", Journal of Business 39(1); Cornuejols & Tütüncü
        2007, "Optimization Methods in Finance", section 8.2; Jorion 1986, "Bayes-Stein estimation
        for portfolio analysis", Journal of Financial and Quantitative Analysis 21(3).
    """

    mean: str = "sample"
    risk_free: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _known_mean(self.mean)
        _between("risk_free", self.risk_free, -1.0, 1.0)

    def portfolio(self, returns: Matrix, admissible: Admissible) -> Vector:
        """Return the weights that maximise (mean'w - risk free) / √(w'Σw)."""
        covariance = self.estimate(returns)
        mean = estimators.MEANS[self.mean](returns, covariance)
        return programs.maximum_sharpe(admissible, covariance, mean - self.risk_free / TRADING_DAYS)


@dataclass(kw_only=True, eq=False)
class MeanVariance(Covariant):
    """The portfolio of the largest mean'w - risk_aversion/2 w'Σw.

    Args:
        mean: ``sample``, or ``bayes-stein`` (shrunk to the minimum-variance portfolio's).
        risk_aversion: 1 is that of logarithmic utility; 2 to 10 is usual.

    References:
        Markowitz 1952, "Portfolio selection", Journal of Finance 7(1).
    """

    mean: str = "sample"
    risk_aversion: float = 5.0

    def __post_init__(self) -> None:
        super().__post_init__()
        _known_mean(self.mean)
        _between("risk_aversion", self.risk_aversion, 0.0, 1e6)

    def portfolio(self, returns: Matrix, admissible: Admissible) -> Vector:
        """Return the weights that maximise mean'w - risk_aversion/2 w'Σw."""
        covariance = self.estimate(returns)
        mean = estimators.MEANS[self.mean](returns, covariance)
        return programs.mean_variance(admissible, covariance, mean, self.risk_aversion)


class Scenarios(Estimated):
    """The base of the policies that take the days of the window as scenarios."""

    level: float | None = None
    """Level of the conditional value at risk to minimise; ``None``: mean absolute deviation."""

    def choose(self, returns: Matrix, admissible: Admissible, memory: Memory) -> Vector:
        """Return the weights of the linear program, which the memory keeps."""
        window = returns[-self.lookback :]
        if len(window) < FEWEST_DAYS:
            return super().choose(returns, admissible, memory)
        if memory.program is None or memory.program.shape != window.shape:
            memory.program = ScenarioProgram(window.shape, self.level)
        return memory.program.solve(window, len(returns) - len(window), admissible)

    def portfolio(self, returns: Matrix, admissible: Admissible) -> Vector:
        """Return the weights of the linear program, built for this window alone."""
        return ScenarioProgram(returns.shape, self.level).solve(returns, 0, admissible)


class Mad(Scenarios):
    """The portfolio of the least mean absolute deviation, by a linear program.

    References:
        Konno & Yamazaki 1991, "Mean-absolute deviation portfolio optimization model and its
        applications to Tokyo stock market", Management Science 37(5).
    """


@dataclass(kw_only=True, eq=False)
class MinCvar(Scenarios):
    """The portfolio of the least conditional value at risk, by a linear program.

    Args:
        alpha: level; 0.95 averages over the worst 5 % of the days.

    References:
        Rockafellar & Uryasev 2000, "Optimization of conditional value-at-risk", Journal of Risk
        2(3).
    """

    alpha: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        _between("alpha", self.alpha, 0.0, 1.0 - 1e-6)
        self.level = self.alpha


class RiskBased(Covariant):
    """The base of the methods that spread risk; an asset whose price stood still gets nothing."""

    def portfolio(self, returns: Matrix, admissible: Admissible) -> Vector:
        """Return the admissible weights nearest to the method's."""
        covariance = self.estimate(returns)
        moving = np.flatnonzero(np.ptp(returns, axis=0) > 0.0)
        weights = np.zeros(len(covariance))
        if len(moving):
            weights[moving] = self.spread(covariance[np.ix_(moving, moving)], moving)
        else:
            weights[:] = 1.0 / len(weights)
        return programs.nearest(admissible, weights)

    @abstractmethod
    def spread(self, covariance: Matrix, assets: np.ndarray) -> Vector:
        """Return the weights of the assets with these numbers, given their covariance."""


@dataclass(kw_only=True, eq=False)
class RiskParity(RiskBased):
    """The portfolio in which each asset contributes its budget of the variance.

    Args:
        budgets: positive, one an asset, in any unit; ``None`` for equal contributions.

    References:
        Maillard, Roncalli & Teïletche 2010, "The properties of equally weighted risk contribution
        portfolios", Journal of Portfolio Management 36(4); Spinu 2013, "An algorithm for computing
        risk parity weights", SSRN 2297383.
    """

    budgets: Sequence[float] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for budget in self.budgets or ():
            _between("each of budgets", budget, 1e-9, 1e9)

    def start(self, assets: int) -> Memory:
        """Return a new memory, if there is a budget for each asset."""
        if self.budgets is not None and len(self.budgets) != assets:
            raise InputError(f"budgets has {len(self.budgets)} entries for {assets} assets")
        return super().start(assets)

    def spread(self, covariance: Matrix, assets: np.ndarray) -> Vector:
        """Return the weights with the prescribed contributions."""
        budgets = np.ones(len(assets)) if self.budgets is None else np.array(self.budgets)[assets]
        return risk_budgeting(covariance, budgets / budgets.sum())


@dataclass(kw_only=True, eq=False)
class Hrp(RiskBased):
    """Hierarchical risk parity.

    Args:
        covariance: the paper's is the sample's.
        linkage: ``single`` (the paper's), ``complete``, ``average`` or ``ward``.

    References:
        López de Prado 2016, "Building diversified portfolios that outperform out of sample",
        Journal of Portfolio Management 42(4).
    """

    covariance: str = "sample"
    linkage: str = "single"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.linkage not in LINKAGES:
            raise unknown("linkage", self.linkage, LINKAGES)

    def spread(self, covariance: Matrix, assets: np.ndarray) -> Vector:
        """Return the weights by recursive bisection of the tree's leaves."""
        return hierarchical_risk_parity(covariance, self.linkage)


@dataclass(kw_only=True, eq=False)
class InverseVolatility(RiskBased):
    """Weights in inverse proportion to volatility.

    Args:
        covariance: only its variances count.

    References:
        Kirby & Ostdiek 2012, "It's all in the timing: simple active portfolio strategies that
        outperform naive diversification", Journal of Financial and Quantitative Analysis 47(2).
    """

    covariance: str = "sample"

    def spread(self, covariance: Matrix, assets: np.ndarray) -> Vector:
        """Return the weights that volatility gives."""
        return inverse_volatility(covariance)


def _known_mean(name: str) -> None:
    """Refuse an unknown estimator of the mean."""
    if name not in estimators.MEANS:
        raise unknown("mean", name, estimators.MEANS)


def _between(name: str, value: object, low: float, high: float) -> None:
    """Refuse what is not a number from low to high."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and low <= float(str(value)) <= high):
        raise InputError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
