"""Demand laws of a few parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import betainc, betaln, gammainc, gammaln, ndtr, xlogy

from drlapps.errors import InputError
from drlapps.scheduling.inventory.law import LARGEST, Demand, keep, normal_quantile
from drlapps.scheduling.inventory.probabilities import (
    Floats,
    check_length,
    moments,
    normalised,
    support,
)


@dataclass(frozen=True)
class Poisson(Demand):
    """Poisson demand of a given mean."""

    mean: float

    def __post_init__(self) -> None:
        """Check the parameter."""
        keep(self, "mean")

    @property
    def variance(self) -> float:
        """The mean."""
        return self.mean

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path."""
        return rng.poisson(self.mean, periods).astype(np.float64)

    def pmf(self) -> Floats:
        """Return the probabilities."""
        units = support(lambda n: float(gammainc(n, self.mean)), self.mean)
        return normalised(np.exp(xlogy(units, self.mean) - self.mean - gammaln(units + 1.0)))


@dataclass(frozen=True)
class Geometric(Demand):
    """Geometric demand on 0, 1, 2, ... of a given mean: ``P(D >= n) = (mean / (1 + mean))**n``."""

    mean: float

    def __post_init__(self) -> None:
        """Check the parameter."""
        keep(self, "mean")

    @property
    def variance(self) -> float:
        """The variance."""
        return self.mean * (1.0 + self.mean)

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path."""
        return rng.geometric(1.0 / (1.0 + self.mean), periods).astype(np.float64) - 1.0

    def pmf(self) -> Floats:
        """Return the probabilities."""
        ratio = self.mean / (1.0 + self.mean)
        return normalised(ratio ** support(lambda n: ratio**n, self.mean))


@dataclass(frozen=True)
class NegativeBinomial(Demand):
    """Negative binomial demand of a given mean and a larger variance.

    It is the Poisson law whose rate is gamma distributed; failures before ``mean**2 / (variance -
    mean)`` successes of probability ``mean / variance``.
    """

    mean: float
    variance: float

    def __post_init__(self) -> None:
        """Check the parameters."""
        keep(self, "mean", "variance")
        if not self.variance > self.mean > 0.0:
            raise InputError(
                f"negative binomial demand needs a variance ({self.variance:g}) above its mean "
                f"({self.mean:g}), and a mean above 0"
            )

    @property
    def size(self) -> float:
        """Number of successes: the shape of the gamma law of the rate."""
        return self.mean**2 / (self.variance - self.mean)

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path."""
        draws = rng.negative_binomial(self.size, self.mean / self.variance, periods)
        return draws.astype(np.float64)

    def pmf(self) -> Floats:
        """Return the probabilities."""
        size, failure = self.size, (self.variance - self.mean) / self.variance
        units = support(lambda n: float(betainc(n, size, failure)), self.mean)
        # The binomial coefficient; as a beta function it keeps its digits where the size is large.
        ways = -betaln(size, units + 1.0) - np.log(size + units)
        return normalised(np.exp(ways + xlogy(units, failure) + size * math.log1p(-failure)))


@dataclass(frozen=True)
class UniformInteger(Demand):
    """Every whole number from ``low`` to ``high``, both included, equally likely."""

    low: int
    high: int

    def __post_init__(self) -> None:
        """Check the parameters."""
        keep(self, "low", "high")
        if self.low != int(self.low) or self.high != int(self.high) or self.low > self.high:
            raise InputError(
                f"uniform demand needs whole numbers low <= high, not {self.low:g} and "
                f"{self.high:g}"
            )
        object.__setattr__(self, "low", int(self.low))
        object.__setattr__(self, "high", int(self.high))

    @property
    def mean(self) -> float:
        """The midpoint."""
        return (self.low + self.high) / 2

    @property
    def variance(self) -> float:
        """The variance."""
        return ((self.high - self.low + 1) ** 2 - 1) / 12

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path."""
        return rng.integers(self.low, self.high + 1, periods).astype(np.float64)

    def pmf(self) -> Floats:
        """Return the probabilities."""
        check_length(self.high)
        return normalised((np.arange(self.high + 1) >= self.low).astype(np.float64))


@dataclass(frozen=True)
class Normal(Demand):
    """Normal demand, not in whole units.

    Mean, variance and quantiles are those of the bell curve, as in the theory. A draw below 0
    counts as 0, which a path shows where ``sd`` is more than a third of the mean.
    """

    mean: float
    sd: float

    def __post_init__(self) -> None:
        """Check the parameters."""
        keep(self, "mean", "sd")
        _check_spread(self.sd)

    @property
    def variance(self) -> float:
        """The square of ``sd``."""
        return self.sd**2

    @property
    def discrete(self) -> bool:
        """False."""
        return False

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path."""
        return np.maximum(rng.normal(self.mean, self.sd, periods), 0.0)

    def _quantile(self, q: float, periods: int) -> float:
        return normal_quantile(self, q, periods)


@dataclass(frozen=True)
class RoundedNormal(Demand):
    """A normal number, rounded, or 0 where that is negative: ``max(0, round(N(mean, sd)))``.

    Attributes:
        location: the mean of the normal number; demand has another, :attr:`mean`.
        sd: the standard deviation of the normal number.
    """

    location: float
    sd: float

    def __post_init__(self) -> None:
        """Check the parameters."""
        keep(self, "location", lowest=-LARGEST)
        keep(self, "sd")
        _check_spread(self.sd)

    @property
    def mean(self) -> float:
        """Mean demand."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Variance of demand."""
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[float, float]:
        pmf = self.pmf()
        return moments(np.arange(len(pmf), dtype=np.float64), pmf)

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path."""
        return np.rint(np.maximum(rng.normal(self.location, self.sd, periods), 0.0))

    def pmf(self) -> Floats:
        """Return the probabilities."""
        units = support(self._at_least, max(self.location, 0.0))
        above = ndtr((self.location + 0.5 - np.append(units, units[-1] + 1.0)) / self.sd)
        above[0] = 1.0
        return normalised(-np.diff(above))

    def _at_least(self, units: int) -> float:
        return float(ndtr((self.location + 0.5 - units) / self.sd))


def _check_spread(sd: float) -> None:
    if not sd > 0.0:
        raise InputError("sd of demand must be positive; where demand never varies, use constant")
