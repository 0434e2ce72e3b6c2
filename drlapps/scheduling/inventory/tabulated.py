"""Demand laws made of given values or of other laws: constant, empirical, replayed, seasonal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drlapps.errors import InputError
from drlapps.scheduling.inventory.law import Demand, keep, normal_quantile, numbers
from drlapps.scheduling.inventory.probabilities import (
    Floats,
    bin_weights,
    check_length,
    first_above,
    mixture,
    moments,
    normalised,
    power,
    product,
)

_GRID = 2_000
"""Steps of the grid on which sums of fractions are tabulated."""


@dataclass(frozen=True)
class Constant(Demand):
    """The same demand in every period."""

    value: float

    def __post_init__(self) -> None:
        """Check the parameter."""
        keep(self, "value")

    @property
    def mean(self) -> float:
        """The value."""
        return self.value

    @property
    def variance(self) -> float:
        """0."""
        return 0.0

    @property
    def discrete(self) -> bool:
        """Whether the value is a whole number."""
        return self.value.is_integer()

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Return the path; nothing is drawn."""
        return self.means(periods)

    def pmf(self) -> Floats:
        """Return the probabilities."""
        return Empirical((self.value,)).pmf()

    def _quantile(self, q: float, periods: int) -> float:
        return self.value * periods


@dataclass(frozen=True)
class Empirical(Demand):
    """Given values, drawn with given probabilities.

    Attributes:
        values: what may be asked for; kept sorted, each once.
        probabilities: of each value; none: all equally likely.
    """

    values: tuple[float, ...]
    probabilities: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check, sort and merge the values."""
        values = numbers("values", self.values)
        given = numbers("probabilities", self.probabilities)
        weights = given or (1.0,) * len(values)
        if not values or len(weights) != len(values):
            raise InputError(
                f"empirical demand has {len(values)} values and {len(weights)} probabilities; "
                "it needs as many, and one at least"
            )
        if given and abs(sum(weights) - 1.0) > 1e-6:
            raise InputError(f"probabilities of demand add up to {sum(weights):g}, not to 1")
        distinct, places = np.unique(values, return_inverse=True)
        merged = normalised(bin_weights(places, weights))
        object.__setattr__(self, "values", tuple(distinct.tolist()))
        object.__setattr__(self, "probabilities", tuple(merged.tolist()))

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return self._moments[0]

    @property
    def variance(self) -> float:
        """Variance of the values."""
        return self._moments[1]

    @cached_property
    def _moments(self) -> tuple[float, float]:
        return moments(np.array(self.values), np.array(self.probabilities))

    @cached_property
    def discrete(self) -> bool:
        """Whether all values are whole numbers."""
        return _whole(self.values)

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path by the inverse of the distribution function."""
        steps = np.cumsum(self.probabilities[:-1])
        return np.array(self.values)[np.searchsorted(steps, rng.random(periods), side="right")]

    def pmf(self) -> Floats:
        """Return the probabilities."""
        if not self.discrete:
            return super().pmf()
        check_length(self.values[-1])
        return bin_weights(self.values, self.probabilities)

    def _quantile(self, q: float, periods: int) -> float:
        if self.discrete or periods == 1:
            steps = self.pmf() if self.discrete else np.array(self.probabilities)
            place = first_above(power(steps, periods), q)
            return float(place) if self.discrete else self.values[place]
        # Sums of fractions: on a grid so fine that the error is below `periods / 4000` of the most.
        step = self.values[-1] / _GRID
        on_grid = bin_weights(np.array(self.values) / step, self.probabilities)
        return step * first_above(power(on_grid, periods), q)


@dataclass(frozen=True)
class Trace(Demand):
    """A known path, replayed; after its end the last value goes on."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the values."""
        object.__setattr__(self, "values", numbers("values", self.values))
        if not self.values:
            raise InputError("a trace of demand needs a value at least")

    @property
    def mean(self) -> float:
        """Mean of the values."""
        return float(np.mean(self.values))

    @property
    def variance(self) -> float:
        """Variance of the values."""
        return float(np.var(self.values))

    @cached_property
    def discrete(self) -> bool:
        """Whether all values are whole numbers."""
        return _whole(self.values)

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Return the path; nothing is drawn."""
        return self.means(periods)

    def means(self, periods: int) -> Floats:
        """Return the path itself."""
        known = np.array(self.values[:periods])
        return np.pad(known, (0, periods - len(known)), mode="edge")

    def variances(self, periods: int) -> Floats:
        """Return zeros: nothing is uncertain."""
        return np.zeros(periods)

    def after(self, periods: int) -> Trace:
        """Return the rest of the path."""
        return Trace(self.values[min(periods, len(self.values) - 1) :])

    def _quantile(self, q: float, periods: int) -> float:
        """Return the quantile of the sums of neighbouring values."""
        path = self.means(max(periods, len(self.values)))
        sums = np.convolve(path, np.ones(periods), mode="valid")
        return float(np.quantile(sums, q, method="inverted_cdf"))


@dataclass(frozen=True)
class Cyclic(Demand):
    """Seasonal demand: that of period ``t`` follows ``laws[t % len(laws)]``."""

    laws: tuple[Demand, ...]

    def __post_init__(self) -> None:
        """Check the laws."""
        object.__setattr__(self, "laws", tuple(self.laws))
        if not self.laws:
            raise InputError("cyclic demand needs a law at least")
        for law in self.laws:
            if not isinstance(law, Demand) or isinstance(law, Trace | Cyclic):
                raise InputError(
                    "cyclic demand needs laws that do not change from period to period"
                )

    @cached_property
    def mean(self) -> float:
        """Mean over the cycle."""
        return float(np.mean([law.mean for law in self.laws]))

    @cached_property
    def variance(self) -> float:
        """Variance over the cycle, within its periods and between them."""
        within = np.mean([law.variance for law in self.laws])
        return float(within + np.var([law.mean for law in self.laws]))

    @cached_property
    def discrete(self) -> bool:
        """Whether all laws are."""
        return all(law.discrete for law in self.laws)

    def sample(self, rng: np.random.Generator, periods: int) -> Floats:
        """Draw a path."""
        path = np.empty(periods)
        for phase, law in enumerate(self.laws[:periods]):
            turns = path[phase :: len(self.laws)]
            turns[:] = law.sample(rng, len(turns))
        return path

    def means(self, periods: int) -> Floats:
        """Return the mean of each period."""
        return np.resize([law.mean for law in self.laws], periods)

    def variances(self, periods: int) -> Floats:
        """Return the variance of each period."""
        return np.resize([law.variance for law in self.laws], periods)

    def after(self, periods: int) -> Cyclic:
        """Return the cycle from another of its periods on."""
        start = periods % len(self.laws)
        return Cyclic(self.laws[start:] + self.laws[:start])

    def _quantile(self, q: float, periods: int) -> float:
        """Return the quantile of the sum from a period picked at random."""
        if not self.discrete:
            return normal_quantile(self, q, periods)
        cycles, rest = divmod(periods, len(self.laws))
        pmfs = [law.pmf() for law in self.laws]
        whole = power(product(pmfs), cycles)
        starts = range(len(pmfs))
        sums = [product([whole, *(pmfs * 2)[start : start + rest]]) for start in starts]
        return float(first_above(mixture(sums), q))


def _whole(values: Sequence[float]) -> bool:
    return all(value.is_integer() for value in values)
