"""Harvest rules of the field as policies, tuned or planned with the model that managers believe."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from drlapps.control.fishery import dynamic_programming
from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.stocks import StockModel
from drlapps.control.fishery.tuning import Tuned, tuned
from drlapps.errors import InputError
from drlapps.policy import Policy, Report
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]


class MortalityPolicy(Policy):
    """Decides on mortalities, for all rows of a model at once."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Sort the rows by model, and prepare each."""
        self._models: list[StockModel] = [one.belief for one in env.instances]
        rows: dict[StockModel, list[int]] = defaultdict(list)
        for row, model in enumerate(self._models):
            rows[model].append(row)
        self._rows = {model: np.array(some) for model, some in rows.items()}
        for model in rows:
            self.prepare(model)

    def prepare(self, model: StockModel) -> None:
        """Think about a model before the first year."""

    @abstractmethod
    def mortality(self, model: StockModel, stocks: Floats, year: NDArray[np.int64]) -> Floats:
        """Return the share of each fished species to be caught, (R, H).

        Args:
            model: what managers believe.
            stocks: as they are observed, (R, S).
            year: to come, (R,).
        """

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of all rows."""
        env = cast(FisheryEnv, env)
        seen, shares = env.observed(), np.zeros(env.action_space.shape or ())
        for model, rows in self._rows.items():
            stocks = seen[rows, : len(model.species)]
            found = self.mortality(model, stocks, env.year[rows])
            shares[rows, : found.shape[1]] = np.clip(found, 0.0, 1.0)
        return env.actions_for(shares)


class NoHarvest(MortalityPolicy):
    """Catches nothing."""

    def mortality(self, model: StockModel, stocks: Floats, year: NDArray[np.int64]) -> Floats:
        """Return zeros."""
        return np.zeros((len(stocks), len(model.harvested)))


class TunedRule(MortalityPolicy):
    """A rule whose parameters are the best for the model; see :mod:`.tuning`."""

    rule: ClassVar[str]
    columns: ClassVar[tuple[str, ...]] = ()
    """What the parameters of a species are; for the rest, weights of the stocks."""

    def prepare(self, model: StockModel) -> None:
        """Look the parameters up, or search them."""
        tuned(model, self.rule)

    def tuned(self, model: StockModel) -> Tuned:
        """Return the parameters."""
        return tuned(model, self.rule)

    def report(self, row: int) -> Report:
        """Return the parameters, and what they earned when they were found."""
        model = self._models[row]
        found = self.tuned(model)
        names = [*self.columns, *(f"weight of {one.name}" for one in model.species)]
        parameters: Mapping[str, Mapping[str, float]] = {
            model.species[species].name: dict(zip(names, numbers, strict=False))
            for species, numbers in zip(model.harvested, found.parameters.tolist(), strict=True)
        }
        return Report(details={"parameters": parameters, "return_when_tuned": found.mean_return})


class ConstantMortality(TunedRule):
    """Catches the same share of a species every year."""

    rule, columns = "constant-mortality", ("mortality",)

    def mortality(self, model: StockModel, stocks: Floats, year: NDArray[np.int64]) -> Floats:
        """Return the constants."""
        shares = self.tuned(model).parameters[:, 0]
        return np.broadcast_to(shares, (len(stocks), len(shares)))


class ConstantEscapement(TunedRule):
    """Catches what a stock has above a constant level, and nothing below it."""

    rule, columns = "constant-escapement", ("escapement",)

    def mortality(self, model: StockModel, stocks: Floats, year: NDArray[np.int64]) -> Floats:
        """Return what brings the stocks down to their levels."""
        levels, fished = self.tuned(model).parameters[:, 0], stocks[:, model.harvested]
        return np.asarray(1.0 - levels / np.maximum(fished, levels))


class HarvestRule(TunedRule):
    """Catches a share that is a logistic function of all stocks.

    With three species of which two are fished it has eight parameters: for each of the two a bias
    and the weights of the stocks, in units of the initial ones.
    """

    rule, columns = "harvest-rule", ("bias",)

    def mortality(self, model: StockModel, stocks: Floats, year: NDArray[np.int64]) -> Floats:
        """Return the logistic functions."""
        parameters = self.tuned(model).parameters
        score = parameters[:, 0] + (stocks / model.initial) @ parameters[:, 1:].T
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(score, -700.0, 700.0))))


class DynamicProgramming(MortalityPolicy):
    """The best catch by dynamic programming: exact for one species, on a coarse grid for more.

    It alone among the baselines knows the year, and so empties the sea in the last one.

    Args:
        points: grid points a species; 0 for the usual, 1501 for one species and 51 for three.

    Raises:
        InputError: ``points`` is impossible.
    """

    def __init__(self, *, points: int = 0) -> None:
        if isinstance(points, bool) or not isinstance(points, int) or points < 0 or points == 1:
            raise InputError(f"points must be a whole number from 2 on, or 0, not {points!r}")
        self.points = points

    def prepare(self, model: StockModel) -> None:
        """Solve the model."""
        self._solved(model)

    def _solved(self, model: StockModel) -> dynamic_programming.Values:
        return dynamic_programming.solve(model, self.points)

    def mortality(self, model: StockModel, stocks: Floats, year: NDArray[np.int64]) -> Floats:
        """Return what brings the stocks down to where it is best to leave them."""
        values, last = self._solved(model), model.years - 1
        left = [
            dynamic_programming.escapement(values, model, min(int(t), last), row)
            for row, t in zip(stocks, year, strict=True)
        ]
        fished = stocks[:, model.harvested]
        return np.asarray(1.0 - np.array(left) / np.where(fished > 0.0, fished, 1.0))

    def report(self, row: int) -> Report:
        """Return how fine the grid is, and what it promises."""
        values = self._solved(self._models[row])
        sizes = " x ".join(str(len(axis)) for axis in values.axes)
        kind = "exact" if len(values.axes) == 1 else "coarse"
        details = {"grid": f"{kind}: {sizes} points", "expected_return": values.start}
        return Report(details=details)
