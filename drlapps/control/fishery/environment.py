"""A fishery as a Markov decision process, batched.

What a policy reads of a :class:`FisheryEnv` ``env`` beside the observations; it must change none of
it. ``B`` rows, ``S`` species of the largest model, ``H`` fished ones:

* ``env.observed()``: stocks as they are observed, (B, S), with the errors and the delay there are;
  all that policies but clairvoyant ones may see of the stocks.
* ``env.instances[row]``: the :class:`.instances.Fishery`; its ``belief`` is the model that managers
  know, its ``model`` and ``luck`` are the truth.
* ``env.year`` (B,): the year to come, from 0.
* ``env.actions_for(mortality (B, H))``: the actions that catch these shares of the fished species,
  in their order; entries beyond a model's own are ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.control.fishery import kernels
from drlapps.control.fishery.instances import Fishery
from drlapps.control.fishery.stocks import COLUMNS
from drlapps.vector import Array, Pool, VectorEnvironment

LEAST, MOST = -10.0, 10.0
"""Limits of the observations."""


class FisheryEnv(VectorEnvironment):
    """Catch fish for 200 years without losing any species.

    ## Description

    The problem of Montealegre-Mora et al. (2023); see :mod:`drlapps.control.fishery` for the
    formulas. In a year:

    1. The policy sees the stocks, perhaps with an error or late, and says what share of each fished
       species is to be caught. It is caught.
    2. What has escaped grows, eats, is eaten and has its luck.
    3. If a species is lost, the fishery ends with a penalty.

    ## Observation Space

    ``Box(-10, 10, (2 S,), float32)`` for ``S`` species: first each stock as a share of its initial
    one, less 1; then the logarithm of that share. Both are cut at the limits. Neither the year nor
    any rate is observed.

    ## Action Space

    ``Box(-1, 1, (H,), float32)`` for ``H`` fished species: action ``a`` catches the share
    ``((1 + a) / 2)^2`` of the stock: nothing at -1, a quarter at 0, all at 1.

    ## Rewards

    The value of the year's catch; less the penalty of the model, 100, over the number of years, if
    a species is lost.

    ## Starting State

    The initial stocks of the model.

    ## Episode End

    Terminated when a stock, fished or not, falls to the threshold; truncated after ``T`` years, 200
    in all pools but ``toy``.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where fisheries come from.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation.

    ## Metrics

    - ``mean_return``: value of all catches, less the penalty if a species was lost: the published
      figure of merit when averaged over episodes; higher is better.
    - ``survival_rate``: 1 where no species was lost, else 0.
    - ``mean_harvest``: value of the catch per year of ``T``; there is none after a loss.
    - ``years``: until a species was lost, at most ``T``.
    - ``smallest_stock``: least that any species had left.
    - ``feasible``: 1; shares of the stock cannot be broken.

    ## References

    - Montealegre-Mora et al. 2023, "Pretty darn good control: when are approximate solutions better
      than approximate models", Bulletin of Mathematical Biology 85.
    - May 1977, "Thresholds and breakpoints in ecosystems with a multiplicity of stable states",
      Nature 269.

    ## Version History

    - v0: first release.
    """

    STATE: ClassVar[tuple[str, ...]] = (
        "coefficients", "species", "fished", "limits", "initial", "luck", "survey", "delay",
        "horizon", "year", "path", "catches", "value", "crashed",
    )  # fmt: skip

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        largest: Sequence[Fishery]
        largest = pool if isinstance(pool, Sequence) else [cast(Fishery, pool.largest())]
        models = [one.belief for one in largest]
        count = max(len(one.species) for one in models)
        fished = max(len(one.harvested) for one in models)
        years = max(one.years for one in models)
        self.coefficients = np.zeros((num_envs, count, COLUMNS + 2 * count))
        self.species = np.zeros(num_envs, np.int64)
        self.fished = np.full((num_envs, fished), -1)
        self.limits = np.zeros((num_envs, 2))
        self.initial = np.ones((num_envs, count))
        self.luck = np.zeros((num_envs, years, count))
        self.survey = np.ones((num_envs, years + 1, count))
        self.delay = np.zeros(num_envs, np.int64)
        self.horizon = np.zeros(num_envs, np.int64)
        self.year = np.zeros(num_envs, np.int64)
        self.path = np.zeros((num_envs, years + 1, count))
        self.catches = np.zeros((num_envs, years, count))
        self.value = np.zeros(num_envs)
        self.crashed = np.zeros(num_envs, np.bool_)
        self._rows = np.arange(num_envs)
        self._set_spaces(
            gymnasium.spaces.Box(LEAST, MOST, (2 * count,), np.float32),
            gymnasium.spaces.Box(-1.0, 1.0, (fished,), np.float32),
        )
        # Compile the kernel now: what is timed later should not pay for it.
        self._advance(np.zeros(self.action_space.shape or ()), np.zeros(num_envs, np.bool_))

    def _load(self, row: int, instance: Fishery, rng: np.random.Generator) -> None:
        model = instance.model
        count, fished, years = len(model.species), model.harvested, model.years
        if count > self.path.shape[2] or len(fished) > self.fished.shape[1]:
            raise ValueError(f"{instance.name} has more species than any fishery of this batch")
        if years > self.luck.shape[1]:
            raise ValueError(f"{instance.name} has more years than any fishery of this batch")
        table, widest = model.coefficients, self.path.shape[2]
        self.coefficients[row] = 0.0
        # A missing species has no stock; a half-saturation keeps its terms finite.
        self.coefficients[row, :, 6] = 1.0
        self.coefficients[row, :, 2] = 1.0
        for block, first in ((COLUMNS, 0), (count, COLUMNS), (count, COLUMNS + count)):
            place = first if first <= COLUMNS else COLUMNS + widest
            self.coefficients[row, :count, place : place + block] = table[:, first : first + block]
        self.species[row] = count
        self.fished[row] = -1
        self.fished[row, : len(fished)] = fished
        self.limits[row] = model.threshold, model.penalty
        self.initial[row] = 1.0
        self.initial[row, :count] = instance.belief.initial
        self.luck[row, :years, :count] = instance.luck
        self.survey[row, : years + 1, :count] = instance.survey
        self.delay[row] = int(instance.changes.delay)
        self.horizon[row] = years
        self.year[row] = 0
        self.path[row] = 0.0
        self.path[row, 0, :count] = model.initial
        self.catches[row] = 0.0
        self.value[row] = 0.0
        self.crashed[row] = False

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        shares = self.mortality_of(actions)
        if np.isnan(shares[active]).any():
            raise ValueError("actions must be numbers, not NaN")
        mortality = np.zeros((self.num_envs, self.path.shape[2] + 1))
        # What is not fished goes to a last column that no one reads.
        np.put_along_axis(mortality, self.fished, shares, axis=1)
        before = np.minimum(self.year, self.catches.shape[1] - 1)
        caught, rewards = np.zeros(self.initial.shape), np.zeros(self.num_envs)
        kernels.advance(
            self.coefficients,
            self.species,
            self.limits,
            self.luck,
            self.path,
            self.year,
            mortality[:, :-1],
            active,
            caught,
            rewards,
            self.crashed,
        )
        self.catches[self._rows[active], before[active]] = caught[active]
        self.value += rewards
        terminated = self.crashed.copy()
        return rewards, terminated, ~terminated & (self.year >= self.horizon)

    def observed(self) -> NDArray[np.float64]:
        """Return the stocks as they are observed, (B, S); those of missing species are 0."""
        seen = np.maximum(self.year - self.delay, 0)
        return np.asarray(self.path[self._rows, seen] * self.survey[self._rows, seen])

    def at(self, stocks: NDArray[np.float64]) -> Array:
        """Put every row at the stocks (B, S) in its first year; return the observations."""
        self.year[:] = 0
        self.path[:, 0] = stocks
        return self._observe()

    def mortality_of(self, actions: Array) -> NDArray[np.float64]:
        """Return the shares that actions catch of the fished species, (B, H)."""
        return np.asarray((0.5 + 0.5 * np.clip(actions.astype(np.float64), -1.0, 1.0)) ** 2)

    def _observe(self) -> Array:
        shares = self.observed() / self.initial
        with np.errstate(divide="ignore"):
            features = np.concatenate([shares - 1.0, np.log(shares)], axis=1)
        seen: Array = np.clip(features, LEAST, MOST).astype(np.float32)
        return seen

    def actions_for(self, mortality: NDArray[np.float64]) -> Array:
        """Return the actions that catch given shares of the fished species.

        They are not rounded to the action space's single precision.

        Args:
            mortality: shares in [0, 1], (B, H).
        """
        return np.asarray(2.0 * np.sqrt(mortality) - 1.0)

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        fishery: Fishery = self.instances[row]
        lost, years = bool(self.crashed[row]), int(self.year[row])
        total = float(self.value[row])
        penalty = fishery.model.penalty / years if lost else 0.0
        stocks = self.path[row, 1 : years + 1, : len(fishery.model.species)]
        return {
            "mean_return": total,
            "survival_rate": float(not lost),
            "mean_harvest": (total + penalty) / fishery.model.years,
            "years": float(years),
            "smallest_stock": float(stocks.min(initial=np.inf)),
            "feasible": 1.0,
        }

    def solution(self, row: int) -> dict[str, Any]:
        """Return ``catches`` of each species a year, ``stocks`` before each and after the last."""
        count, years = len(self.instances[row].model.species), self.year[row]
        return {
            "catches": self.catches[row, :years, :count].tolist(),
            "stocks": self.path[row, : years + 1, :count].tolist(),
        }
