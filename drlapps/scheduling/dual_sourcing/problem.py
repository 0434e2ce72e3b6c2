"""The parameters of a dual-sourcing problem."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Demand, UniformInteger
from drlapps.scheduling.inventory.network import OUTSIDE, Arc, Network, Node, network

FloatArray = NDArray[np.float64]

REGULAR, EXPEDITED = 0, 1
"""Columns of the two arcs."""

_USUAL = 0.999


@dataclass(frozen=True)
class Problem:
    """One item, one shelf, two sources.

    Attributes:
        demand: of a period; whole units, the same law in every period.
        regular_lead_time: ``l_r``, periods; more than the expedited one's.
        expedited_lead_time: ``l_e``, periods.
        regular_cost: ``c_r`` per unit.
        expedited_cost: ``c_e`` per unit, above ``c_r``.
        holding: ``h`` per unit on hand at the end of a period.
        penalty: ``b`` per unit backordered at the end of a period.
        regular_capacity: most units of a regular order; 0 for the 99.9 % quantile of the demand,
            with which no good policy is short.

    Raises:
        InputError: the numbers make no dual-sourcing problem.
    """

    demand: Demand = field(default_factory=lambda: UniformInteger(0, 4))
    regular_lead_time: int = 2
    expedited_lead_time: int = 0
    regular_cost: float = 100.0
    expedited_cost: float = 105.0
    holding: float = 5.0
    penalty: float = 495.0
    regular_capacity: int = 0

    def __post_init__(self) -> None:
        """Check the numbers; those that the network checks too are left to it."""
        if self.regular_lead_time <= self.expedited_lead_time:
            raise InputError("the regular lead time must be longer than the expedited one")
        if not self.expedited_cost > self.regular_cost:
            raise InputError("the expedited source must cost more than the regular one")
        if not (self.holding > 0.0 and self.penalty > 0.0):
            raise InputError("holding and penalty must be above 0")
        capacity = self.regular_capacity
        if isinstance(capacity, bool) or not isinstance(capacity, int) or capacity < 0:
            raise InputError(f"regular_capacity must be a whole number, not {capacity!r}")
        self.demand.pmf()  # raises for laws that are continuous or change from period to period
        if self.demand.mean <= 0.0:
            raise InputError("the mean demand must be above 0")
        _ = self.network

    @property
    def premium(self) -> float:
        """What an expedited unit costs more than a regular one."""
        return self.expedited_cost - self.regular_cost

    @property
    def lead_time_difference(self) -> int:
        """Periods by which the regular source is slower: at least 1."""
        return self.regular_lead_time - self.expedited_lead_time

    @property
    def critical_ratio(self) -> float:
        """The service level of a single source, ``b / (b + h)``."""
        return self.penalty / (self.penalty + self.holding)

    @cached_property
    def capacity(self) -> int:
        """Most units of a regular order."""
        return self.regular_capacity or max(1, int(self.demand.quantile(_USUAL)))

    @cached_property
    def network(self) -> Network:
        """The shelf and its two sources, the regular one first.

        It starts with the newsvendor's stock against ``l_e + 1`` demands on the shelf, and the mean
        demand, rounded, in each slot of the regular pipeline.
        """
        usual = float(min(round(self.demand.mean), self.capacity))
        node = Node(
            "shelf",
            initial=float(self.base_stock(self.expedited_lead_time + 1)),
            holding=self.holding,
            demand=self.demand,
            penalty=self.penalty,
        )
        regular = Arc(
            OUTSIDE,
            node.name,
            lead_time=self.regular_lead_time,
            cost=self.regular_cost,
            capacity=float(self.capacity),
            initial=(usual,) * (self.regular_lead_time - 1),
        )
        expedited = Arc(
            OUTSIDE, node.name, lead_time=self.expedited_lead_time, cost=self.expedited_cost
        )
        return network([node], [regular, expedited])

    def base_stock(self, periods: int) -> int:
        """Return the newsvendor's stock against the demand of a number of periods."""
        return int(self.demand.quantile(self.critical_ratio, periods))

    @cached_property
    def stock_costs(self) -> FloatArray:
        """Expected holding and penalty cost ``l_e`` periods after a decision.

        Entry ``z`` is that of an expedited inventory position of ``z`` after ordering, for ``z``
        from 0 to the largest demand of ``l_e + 1`` periods.
        """
        return newsvendor_costs(
            self.demand.lead_time_pmf(self.expedited_lead_time + 1), self.holding, self.penalty
        )

    def stock_cost(self, position: NDArray[np.float64]) -> FloatArray:
        """Return :attr:`stock_costs` at any positions: beyond the table they are straight."""
        table = self.stock_costs
        inside = np.clip(position, 0, len(table) - 1)
        costs = table[inside.astype(np.int64)]
        above, below = np.maximum(position - inside, 0.0), np.maximum(inside - position, 0.0)
        return np.asarray(costs + self.holding * above + self.penalty * below)

    @property
    def unavoidable(self) -> float:
        """What the demand costs at the regular price, per period: no policy pays less."""
        return self.regular_cost * self.demand.mean


def newsvendor_costs(pmf: FloatArray, holding: float, penalty: float) -> FloatArray:
    """Return the expected cost of a stock of 0, 1, ... against a demand, shape like ``pmf``.

    ``C(s) = h E(s - D)+ + b E(D - s)+``, by ``C(s + 1) - C(s) = (h + b) P(D <= s) - b``.
    """
    mean = float(pmf @ np.arange(len(pmf)))
    slopes = (holding + penalty) * np.cumsum(pmf[:-1]) - penalty
    return np.asarray(penalty * mean + np.concatenate([[0.0], np.cumsum(slopes)]))


def newsvendor(pmf: FloatArray, holding: float, penalty: float) -> tuple[int, float]:
    """Return the best stock against a demand, and its expected cost."""
    reached = np.cumsum(pmf) >= penalty / (penalty + holding) - 1e-12
    stock = int(np.argmax(reached)) if reached.any() else len(pmf) - 1
    return stock, float(newsvendor_costs(pmf, holding, penalty)[stock])
