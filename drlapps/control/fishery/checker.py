"""An independent check of a fishery's history: stocks and catches, year by year.

This module shares no code with the environment: it goes through the years with the species and
bonds of the model by name, not with a table of coefficients. Each year is checked from the stocks
that the history states at its beginning: over many years the dynamics would blow up rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from drlapps.control.fishery.instances import Fishery
from drlapps.control.fishery.stocks import LARGEST_STOCK, StockModel

Stocks = dict[str, float]

_SLACK = 1e-9
"""A difference between stocks, or of a catch beyond the stock, that is rounding."""


def check(instance: Fishery, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of a history.

    Args:
        instance: the fishery.
        solution: under ``catches`` a list a year of the catch of each species, under ``stocks``
            likewise the stocks before each year and after the last.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if a rule is broken: there is a
        catch of each species in every year up to ``T`` or the first in which a species is lost;
        none is negative or larger than the stock; of what has no price nothing is caught; and the
        stocks are those that grow from what is left.
    """
    model, catches, stated = instance.model, solution.get("catches"), solution.get("stocks")
    if not _well_formed(model, catches):
        return {"feasible": 0.0}
    assert isinstance(catches, Sequence)
    if not isinstance(stated, Sequence) or len(stated) != len(catches) + 1:
        return {"feasible": 0.0}
    grown = {one.name: one.initial for one in model.species}
    worth, least, lost = [], math.inf, False
    for year, row in enumerate(catches):
        stocks = _near(grown, stated[year])
        caught = dict(zip(grown, map(float, row), strict=True))
        if stocks is None or lost:
            return {"feasible": 0.0}
        if any(not 0.0 <= caught[name] <= stocks[name] + _SLACK for name in stocks):
            return {"feasible": 0.0}
        worth.append(math.fsum(one.price * caught[one.name] for one in model.species))
        left = {name: max(stocks[name] - caught[name], 0.0) for name in stocks}
        luck = dict(zip(stocks, instance.luck[year].tolist(), strict=True))
        grown = _a_year_later(model, left, year, luck)
        least = min(least, *grown.values())
        lost = least <= model.threshold
    if _near(grown, stated[-1]) is None:
        return {"feasible": 0.0}
    if not lost and len(catches) != model.years:
        return {"feasible": 0.0}
    value = math.fsum(worth)
    return {
        "mean_return": value - (model.penalty / len(catches) if lost else 0.0),
        "survival_rate": 0.0 if lost else 1.0,
        "mean_harvest": value / model.years,
        "years": float(len(catches)),
        "smallest_stock": least,
        "feasible": 1.0,
    }


def _near(grown: Stocks, stated: object) -> Stocks | None:
    """Return the stated stocks if they are those that grew."""
    if not isinstance(stated, Sequence) or len(stated) != len(grown):
        return None
    found = dict(zip(grown, stated, strict=True))
    near = all(abs(found[name] - grown[name]) <= _SLACK * max(1.0, grown[name]) for name in grown)
    return found if near else None


def _well_formed(model: StockModel, catches: object) -> bool:
    """Whether catches are numbers, as many as there are species, for some years."""
    if not isinstance(catches, Sequence) or not 0 < len(catches) <= model.years:
        return False
    for row in catches:
        if not isinstance(row, Sequence) or len(row) != len(model.species):
            return False
        if not all(isinstance(number, int | float) and math.isfinite(number) for number in row):
            return False
        if any(number and not one.price for number, one in zip(row, model.species, strict=True)):
            return False
    return True


def _a_year_later(model: StockModel, left: Stocks, year: int, luck: Stocks) -> Stocks:
    """Return the stocks that grow from what is left."""
    change = dict.fromkeys(left, 0.0)
    for one in model.species:
        stock, rate = left[one.name], one.growth
        if one.final_growth is not None:
            rate += (one.final_growth - one.growth) * min(year / one.drift_years, 1.0)
        change[one.name] += rate * stock * (1.0 - stock / one.capacity) - one.mortality * stock
        change[one.name] -= one.predation * _appetite(stock, one.half_saturation)
        change[one.name] += one.noise * stock * luck[one.name]
    saturation = {one.name: one.half_saturation for one in model.species}
    for meal in model.predation:
        predators, prey = left[meal.predator], left[meal.prey]
        change[meal.prey] -= meal.rate * predators * _appetite(prey, saturation[meal.prey])
        change[meal.predator] += meal.conversion * predators * prey
    for rivalry in model.competition:
        lost = rivalry.rate * left[rivalry.first] * left[rivalry.second]
        change[rivalry.first] -= lost
        change[rivalry.second] -= lost
    return {name: min(max(left[name] + change[name], 0.0), LARGEST_STOCK) for name in left}


def _appetite(prey: float, half: float) -> float:
    """Return what predators eat as a share of their most: Holling's third type."""
    return prey**2 / (half**2 + prey**2)
