"""What a demand law is, whatever its shape.

Demands of different periods are independent. Every law knows its moments, draws a path, and
forecasts its own mean. Laws in whole units that are the same in every period also give exact
probabilities, of one period and of the sum of several: the demand over a lead time, on which most
of inventory theory turns.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from drlapps.errors import InputError
from drlapps.scheduling.inventory.probabilities import Floats, first_above, power

LARGEST = 1e9
"""The largest parameter of a law, and so about the largest demand of a period."""


class Demand(ABC):
    """The law of the demand of a node's customers, period by period."""

    # For type checkers only: at run time, dataclasses would take the properties for defaults.
    if TYPE_CHECKING:

        @property
        def mean(self) -> float:
            """Mean demand of a period picked at random."""

        @property
        def variance(self) -> float:
            """Variance of the demand of a period picked at random."""

    @property
    def discrete(self) -> bool:
        """Whether demand comes in whole units."""
        return True

    @abstractmethod
    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw the demand of the first periods, shape ``(periods,)``."""

    def means(self, periods: int) -> Floats:
        """Return the mean demand of each of the first periods: a perfect model's forecast."""
        return np.full(periods, self.mean)

    def variances(self, periods: int) -> Floats:
        """Return the variance of each of the first periods, about its own mean."""
        return np.full(periods, self.variance)

    def after(self, periods: int) -> Demand:
        """Return the law as it is when some periods have passed."""
        return self

    def pmf(self) -> Floats:
        """Return P(D = 0), P(D = 1), ... of a period, without a tail of at most 1e-12.

        Raises:
            InputError: the law is continuous, or differs from period to period.
        """
        raise InputError(f"{type(self).__name__} demand has no probabilities of whole units")

    def lead_time_pmf(self, periods: int) -> Floats:
        """Return the probabilities of the sum of ``periods`` independent demands.

        Raises:
            InputError: as for :meth:`pmf`.
        """
        return power(self.pmf(), periods)

    def quantile(self, q: float, periods: int = 1) -> float:
        """Return the least number that the sum of ``periods`` demands exceeds with at most 1 - q.

        Args:
            q: in (0, 1).
            periods: how many demands are added up; of no demand, the quantile is 0.

        Raises:
            InputError: ``q`` is out of range.
        """
        if not 0.0 < q < 1.0:
            raise InputError(f"a quantile's probability must lie in (0, 1), not {q!r}")
        return self._quantile(float(q), periods) if periods else 0.0

    def _quantile(self, q: float, periods: int) -> float:
        return float(first_above(self.lead_time_pmf(periods), q))


def normal_quantile(law: Demand, q: float, periods: int) -> float:
    """Return the quantile of the sum of many demands, by the central limit."""
    return float(law.mean * periods + math.sqrt(law.variance * periods) * ndtri(q))


def keep(law: Demand, *names: str, lowest: float = 0.0) -> None:
    """Check the named parameters and keep them as floats, so that equal laws look the same."""
    for name in names:
        object.__setattr__(law, name, number(name, getattr(law, name), lowest))


def number(name: str, value: object, lowest: float = 0.0) -> float:
    """Return a parameter as a float; refuse what is no number of a sensible size."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InputError(f"{name} of demand must be a number, not {value!r}")
    if not lowest <= value <= LARGEST:
        raise InputError(
            f"{name} of demand must lie between {lowest:g} and {LARGEST:g}, not {value:g}"
        )
    return float(value)


def numbers(name: str, values: Sequence[float]) -> tuple[float, ...]:
    """Return a parameter that is a list of numbers."""
    return tuple(number(name, value) for value in values)
