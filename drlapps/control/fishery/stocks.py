"""Fish stocks: what grows, what eats what, and what a catch is worth."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown

THRESHOLD = 0.05
"""Stock at which a species counts as lost."""

LARGEST_STOCK = 1e9
"""Where stocks stop that nothing else stops: a species needs no capacity."""

MOST_SPECIES, MOST_YEARS = 12, 10_000

COLUMNS = 9
"""Columns of :attr:`StockModel.coefficients` before the two square blocks."""


@dataclass(frozen=True)
class Species:
    """One species; stocks in units of the model's choice, rates a year.

    Attributes:
        name: of the species.
        initial: stock in the first year.
        growth: rate ``r`` at which a small stock grows.
        capacity: stock ``K`` at which growth stops.
        mortality: rate ``d`` of natural death.
        noise: standard deviation ``sigma`` of the yearly luck, as a share of the stock.
        price: of a unit caught; 0 where the species is not fished.
        predation: most ``q`` that predators outside the model eat in a year.
        half_saturation: stock ``c`` at which predators eat half of their most.
        final_growth: growth rate at the end of its drift; none if it does not drift.
        drift_years: years that the drift takes.
    """

    name: str
    initial: float
    growth: float = 0.0
    capacity: float = math.inf
    mortality: float = 0.0
    noise: float = 0.1
    price: float = 0.0
    predation: float = 0.0
    half_saturation: float = 0.3
    final_growth: float | None = None
    drift_years: float = 100.0

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name == "name" or (one.name == "final_growth" and value is None):
                continue
            if not value >= 0.0 or (value == math.inf and one.name != "capacity"):
                raise InputError(f"{self.name}: {one.name} must not be negative, not {value!r}")
        for name in ("initial", "capacity", "half_saturation", "drift_years"):
            if not getattr(self, name) > 0.0:
                raise InputError(f"{self.name}: {name} must be above 0")


@dataclass(frozen=True)
class Predation:
    """A predator of the model and its prey.

    Attributes:
        predator: name of the one that eats.
        prey: name of the one that is eaten.
        rate: most ``beta`` that a unit of predators eats in a year.
        conversion: rate ``b`` at which a unit of prey makes a unit of predators grow.
    """

    predator: str
    prey: str
    rate: float
    conversion: float = 0.0


@dataclass(frozen=True)
class Competition:
    """Two species that take food from each other.

    Attributes:
        first: name of one.
        second: name of the other.
        rate: ``a``: either loses ``a`` times the product of the stocks in a year.
    """

    first: str
    second: str
    rate: float


@dataclass(frozen=True)
class StockModel:
    """A fishery without its luck.

    Attributes:
        species: in the order of all arrays.
        predation: who eats whom.
        competition: who takes food from whom.
        threshold: stock at or below which a species is lost, and with it the fishery.
        penalty: taken off when that happens, divided by the number of years so far.
        years: length ``T``.
    """

    species: tuple[Species, ...]
    predation: tuple[Predation, ...] = ()
    competition: tuple[Competition, ...] = ()
    threshold: float = THRESHOLD
    penalty: float = 100.0
    years: int = 200

    def __post_init__(self) -> None:
        names = [one.name for one in self.species]
        if not 0 < len(names) <= MOST_SPECIES or len(set(names)) < len(names):
            raise InputError(f"a model has 1 to {MOST_SPECIES} species, each of its own name")
        if not 0 < self.years <= MOST_YEARS:
            raise InputError(f"years must be 1 to {MOST_YEARS}, not {self.years!r}")
        if not 0.0 <= self.threshold < min(one.initial for one in self.species):
            raise InputError("the threshold must lie between 0 and the smallest initial stock")
        if not 0.0 <= self.penalty < math.inf:
            raise InputError(f"penalty must not be negative, not {self.penalty!r}")
        if not self.harvested.size:
            raise InputError("no species has a price: there is nothing to catch")
        pairs = [(one, (one.predator, one.prey)) for one in self.predation]
        for bond, pair in (*pairs, *((one, (one.first, one.second)) for one in self.competition)):
            for name in pair:
                if name not in names:
                    raise unknown("species", name, names)
            for rate in ("rate", "conversion"):
                value = getattr(bond, rate, 0.0)
                if not 0.0 <= value < math.inf:
                    raise InputError(f"{' and '.join(pair)}: {rate} must not be negative")

    @cached_property
    def harvested(self) -> NDArray[np.int64]:
        """Numbers of the species that are fished, ascending."""
        return np.flatnonzero([one.price > 0.0 for one in self.species])

    @cached_property
    def initial(self) -> NDArray[np.float64]:
        """Stocks in the first year, (S,)."""
        return np.array([one.initial for one in self.species])

    @cached_property
    def coefficients(self) -> NDArray[np.float64]:
        """All rates, a row a species: (S, COLUMNS + 2 S).

        Columns: growth, final growth, years of drift, 1 / capacity, mortality, predation from
        outside, squared half-saturation, noise, price; then the predators' rates ``beta_ij``; then
        the linear rates ``b_ij - a_ij``.
        """
        count = len(self.species)
        table = np.zeros((count, COLUMNS + 2 * count))
        eaten, linear = table[:, COLUMNS : COLUMNS + count], table[:, COLUMNS + count :]
        for row, one in zip(table, self.species, strict=True):
            final = one.growth if one.final_growth is None else one.final_growth
            row[:COLUMNS] = (
                one.growth, final, one.drift_years, 1.0 / one.capacity, one.mortality,
                one.predation, one.half_saturation**2, one.noise, one.price,
            )  # fmt: skip
        place = {one.name: number for number, one in enumerate(self.species)}
        for meal in self.predation:
            eaten[place[meal.prey], place[meal.predator]] += meal.rate
            linear[place[meal.predator], place[meal.prey]] += meal.conversion
        for rivalry in self.competition:
            first, second = place[rivalry.first], place[rivalry.second]
            linear[first, second] -= rivalry.rate
            linear[second, first] -= rivalry.rate
        return table

    @cached_property
    def hash(self) -> str:
        """Digest of the model."""
        return hashlib.sha256(json.dumps(asdict(self)).encode()).hexdigest()


@dataclass(frozen=True)
class Changes:
    """How a fishery differs from the model that people believe in; all ones and zeros: not at all.

    Attributes:
        growth_scale: factor of all growth rates.
        capacity_scale: of all capacities.
        mortality_scale: of all rates of natural death.
        predation_scale: of what predators eat at most, inside the model and out.
        conversion_scale: of what predators grow by prey.
        competition_scale: of all rates of competition.
        noise_scale: of all deviations of the yearly luck.
        initial_scale: of all initial stocks.
        observation_noise: standard deviation of the logarithm of the observed stocks; they are
            right in the mean.
        delay: years by which the observed stocks are old.
    """

    growth_scale: float = 1.0
    capacity_scale: float = 1.0
    mortality_scale: float = 1.0
    predation_scale: float = 1.0
    conversion_scale: float = 1.0
    competition_scale: float = 1.0
    noise_scale: float = 1.0
    initial_scale: float = 1.0
    observation_noise: float = 0.0
    delay: float = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            number = not isinstance(value, bool) and isinstance(value, int | float)
            if not (number and 0.0 <= value < math.inf):
                raise InputError(f"{name} must be a number that is not negative, not {value!r}")
        if self.delay != int(self.delay):
            raise InputError(f"delay must be a whole number of years, not {self.delay!r}")

    def of(self, model: StockModel) -> StockModel:
        """Return the changed model."""

        def changed(one: Species) -> Species:
            final = one.final_growth
            return replace(
                one,
                initial=one.initial * self.initial_scale,
                growth=one.growth * self.growth_scale,
                final_growth=None if final is None else final * self.growth_scale,
                capacity=one.capacity * self.capacity_scale,
                mortality=one.mortality * self.mortality_scale,
                noise=one.noise * self.noise_scale,
                predation=one.predation * self.predation_scale,
            )

        return replace(
            model,
            species=tuple(map(changed, model.species)),
            predation=tuple(
                replace(
                    one,
                    rate=one.rate * self.predation_scale,
                    conversion=one.conversion * self.conversion_scale,
                )
                for one in model.predation
            ),
            competition=tuple(
                replace(one, rate=one.rate * self.competition_scale) for one in model.competition
            ),
        )


def three_species(prices: tuple[float, float], final_growth: float | None = None) -> StockModel:
    """Return two rival species, X and Y, and their predator Z, with the published numbers."""
    x, y = (
        Species("X", 0.5, 1.0, 1.0, price=prices[0], final_growth=final_growth),
        Species("Y", 0.5, 1.0, 1.0, price=prices[1]),
    )
    z = Species("Z", 0.7, mortality=0.1)
    eats = (Predation("Z", "X", 0.3, 0.1), Predation("Z", "Y", 1.1 * 0.3, 1.1 * 0.1))
    return StockModel((x, y, z), eats, (Competition("X", "Y", 0.1),))


MODELS: dict[str, Callable[[], StockModel]] = {
    "model-1": lambda: StockModel(
        (Species("X", 0.5, 1.0, 1.0, price=1.0, predation=0.23, half_saturation=0.1),)
    ),
    "model-2": lambda: three_species((1.0, 0.0)),
    "model-3": lambda: three_species((1.0, 1.0)),
    "model-4": lambda: three_species((1.0, 1.0), final_growth=0.5),
}
"""The published models by name."""
