"""What makes a lost-sales system: lead time, costs and the law of demand."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Demand
from drlapps.scheduling.inventory.network import Arc, Network, Node, network

FloatArray = NDArray[np.float64]

LONGEST_LEAD_TIME = 100
MOST_UNITS = 20_000


@dataclass(frozen=True)
class Problem:
    """A shelf, its customers and its supplier; equal numbers are equal problems.

    Attributes:
        lead_time: ``L``: an order of period ``t`` can serve customers of period ``t + L``.
        penalty: ``p``, per unit of demand lost.
        demand: of a period, in whole units, independent of all other periods.
        holding: ``h``, per unit on hand at the end of a period.
        fixed: ``K``, per order.

    Raises:
        InputError: a number is impossible, or demand is not in whole units and stationary.
    """

    lead_time: int
    penalty: float
    demand: Demand
    holding: float = 1.0
    fixed: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name in ("lead_time", "penalty", "holding", "fixed"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"{name} must be a number, not {value!r}")
            if not 0 <= value < math.inf or (value == 0 and name != "fixed"):
                least = "not negative" if name == "fixed" else "positive"
                raise InputError(f"{name} must be {least} and finite, not {value!r}")
            object.__setattr__(self, name, float(value))
        if self.lead_time != int(self.lead_time) or self.lead_time > LONGEST_LEAD_TIME:
            most = LONGEST_LEAD_TIME
            raise InputError(f"lead_time must be a whole number up to {most}, not {self.lead_time}")
        object.__setattr__(self, "lead_time", int(self.lead_time))
        self.demand.pmf()
        if self.demand.mean == 0.0:
            raise InputError("lost sales need a demand above 0")
        if self.fixed > MOST_UNITS * self.holding or self.storage > MOST_UNITS:
            raise InputError(
                f"orders or stocks would exceed {MOST_UNITS:,} units; count in larger units"
            )

    @property
    def ratio(self) -> float:
        """The critical ratio of the newsvendor, ``p / (p + h)``."""
        return self.penalty / (self.penalty + self.holding)

    @cached_property
    def storage(self) -> int:
        """Units on hand and under way that no order may exceed: what makes the states finite.

        Without fixed cost no optimal order lifts the inventory position above the critical ratio's
        quantile of the demand in ``L + 1`` periods, nor does the best base-stock level (Zipkin
        2008, "On the structure of lost-sales inventory models"). With one, it is the level beyond
        which holding costs more than ordering again (Veinott's bound for backorders). A mean demand
        is added, so that it never binds.
        """
        costs, level = self._backorders
        if self.fixed:
            level = int(np.searchsorted(costs[level:], costs[level] + self.fixed)) + level
        return level + math.ceil(self.demand.mean)

    @property
    def level(self) -> int:
        """The base-stock level that would be best if customers waited; too high if they do not."""
        return self._backorders[1]

    @cached_property
    def scale(self) -> float:
        """Roughly the optimal cost: what it would be if customers waited."""
        costs, level = self._backorders
        lots = math.sqrt(2.0 * self.fixed * self.demand.mean * self.holding)
        return float(costs[level]) + lots

    @cached_property
    def _backorders(self) -> tuple[FloatArray, int]:
        """Cost of a period by base-stock level if customers wait, and the best level."""
        pmf = self.demand.lead_time_pmf(self.lead_time + 1)
        level = int(np.searchsorted(np.cumsum(pmf), self.ratio))
        most = len(pmf) + math.ceil(self.fixed / self.holding)
        return self.one_period_costs(pmf, most, self.penalty), level

    @cached_property
    def chances(self) -> FloatArray:
        """``P(D = d)`` and ``P(D >= d)`` for ``d`` from 0 to a unit more than the storage."""
        width, pmf = self.storage + 2, self.demand.pmf()
        pmf = np.pad(pmf, (0, max(width - len(pmf), 0)))
        tail = np.cumsum(pmf[::-1])[::-1]
        return np.stack((pmf[:width], tail[:width]))

    @cached_property
    def costs(self) -> FloatArray:
        """Expected holding and penalty cost of a period, by the stock it begins with."""
        return self.one_period_costs(self.demand.pmf(), self.storage, self.penalty)

    def one_period_costs(self, pmf: FloatArray, storage: int, penalty: float) -> FloatArray:
        """Return the expected cost of a random demand that meets 0, 1, ... ``storage`` units.

        Args:
            pmf: of the demand, from 0.
            storage: the largest stock.
            penalty: per unit lost.
        """
        # One unit more is left over if demand does not exceed the stock, else it serves somebody.
        enough = np.pad(np.cumsum(pmf), (0, max(storage - len(pmf), 0)), constant_values=1.0)
        changes = (self.holding + penalty) * enough[:storage] - penalty
        return penalty * float(pmf @ np.arange(len(pmf))) + np.concatenate(
            ([0.0], changes.cumsum())
        )

    @cached_property
    def network(self) -> Network:
        """The problem as a supply network of one node and one arc.

        It starts in the middle of things: one mean demand arrives in every period.
        """
        lead_time, mean = self.lead_time, round(self.demand.mean)
        node = Node(
            "shelf",
            initial=min(mean, self.storage),
            holding=self.holding,
            storage=self.storage,
            demand=self.demand,
            penalty=self.penalty,
            lost_sales=True,
        )
        under_way = (mean,) * (lead_time - 1) if mean * lead_time <= self.storage else ()
        arc = Arc("", "shelf", lead_time=lead_time, fixed=self.fixed, initial=under_way)
        return network([node], [arc])
