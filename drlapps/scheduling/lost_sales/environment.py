"""Lost sales as a Markov decision process, batched."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.environment import InventoryEnv, largest_of
from drlapps.scheduling.lost_sales import kernels
from drlapps.scheduling.lost_sales.dynamic_programming import Space, solve
from drlapps.scheduling.lost_sales.instances import Shelf
from drlapps.scheduling.lost_sales.lookahead import (
    arrival_costs,
    empty_models,
    fill_model,
    newsvendors,
)
from drlapps.scheduling.lost_sales.problem import Problem
from drlapps.vector import Array, Pool

FloatArray = NDArray[np.float64]

ACTIONS = ("order", "discrete", "penalty")
REWARDS = ("realised", "expected")

BOLDEST = math.log(64.0)
"""Logarithm of the factor by which an action of 1 multiplies the penalty."""


class LostSalesEnv(InventoryEnv):
    """Order for a shelf whose customers leave when it is empty; orders take ``L`` coming periods.

    ## Description

    The classical lost-sales system, see :mod:`drlapps.scheduling.lost_sales`. In every period:

    1. What was ordered ``L`` periods ago is on hand. The policy sees the stock and orders ``q``.
    2. Customers ask for ``D`` units. They take what is there; the rest is lost.
    3. Each unit left over costs ``h``, each one lost ``p``, and the order ``K``, if there is one.

    The inventory position is kept within ``storage``, more than any sensible policy ever needs:
    what an order exceeds it by is cut off.

    ## Observation Space

    ``Box(-10, 10, (15,), float32)``; ``m`` is the mean demand of a period:

    | Index | Value |
    |---|---|
    | 0 | stock on hand, ``x / m - 1`` |
    | 1 ... 6 | what arrives in 1 ... 6 periods, likewise; 0 from ``L`` on |
    | 7 | what arrives later, the sum of the same |
    | 8 | inventory position less ``L m``, over the standard deviation of ``L + 1`` demands |
    | 9 | ``L / 4 - 1`` |
    | 10 | ``ln(p / h) / 2 - 1`` |
    | 11 | coefficient of variation of the demand |
    | 12 | ``1 / m``, how coarse a unit is |
    | 13 | probability of no demand |
    | 14 | ``ln(1 + K / (h m))`` |

    With ``actions = "penalty"`` four numbers follow on the stock ``y`` that will be on hand in
    ``L`` periods without today's order, from its exact distribution: ``E[y] / m - 1``, its standard
    deviation over ``m``, the probability that it will not suffice, and the myopic order over ``m``,
    less 1. All are free of units, so that one agent can serve all problems.

    ## Action Space

    - ``actions = "order"``: ``Box(-1, 1, (1,), float32)``, from no order to the largest possible.
    - ``"discrete"``: ``Discrete(levels)``. Action ``k`` orders ``k`` units, unless the critical
      ratio's quantile of one period's demand, which no optimal order exceeds without fixed cost,
      is larger than ``levels - 1``: then the levels divide it evenly.
    - ``"penalty"``: ``Box(-1, 1, (2,), float32)``. The order is the newsvendor's for the period in
      which it arrives, ``min {q: P(D <= y + q) >= r}``, but with ``r`` the critical ratio of a
      penalty ``64^a_0 p``: the myopic order at ``a_0 = 0``. Nothing is ordered while ``y`` alone
      attains the ratio of ``64^a_1 p``: with a fixed cost, orders pay if they are rare and large.

    ## Rewards

    With ``reward = "realised"``, minus the cost of the period, divided by about the optimal cost.
    With ``"expected"``, ``-(K [q > 0] + E[h (y + q - D)^+ + p (D - y - q)^+])`` in the same unit:
    what the order costs in the period it arrives in, as expected after the period in which it was
    sent. In sum over time that is the same cost, but it comes with the order that caused it, and
    without the luck of later demand.

    ## Starting State

    One mean demand, rounded, on hand and arriving in each of the coming periods.

    ## Episode End

    Truncated after the instance's number of periods, as the shelf goes on; never terminated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where instances come from.
    - ``actions``: ``order``, ``discrete`` or ``penalty``.
    - ``levels``: number of discrete actions.
    - ``reward``: ``realised`` or ``expected``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of and charges expected costs.

    ## Metrics

    All but the last two are per period, after the instance's warm-up.

    - ``expected_cost``: the long-run cost estimated on this path, with the exact martingale control
      variate; never below the optimum. Where a problem has too many states for the exact program,
      the mean of each period's expected cost instead.
    - ``cost``: realised. ``holding``, ``shortage`` and ``ordering`` are its parts.
    - ``fill_rate``: share of the demand that was met.
    - ``feasible``: always 1.

    ## References

    - Zipkin 2008, "Old and new methods for lost-sales inventory systems", Operations Research
      56(5).
    - Bijvank, Bhulai & Huh 2015, "Parametric replenishment policies for inventory systems with lost
      sales and fixed order cost", European Journal of Operational Research 241(2).
    - de Kok & Meijer 2023, "Fixed non-stockout-probability policies for the single-item lost-sales
      model", arXiv:2304.06936.

    ## Version History

    - v0: first release.
    """

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        actions: str = "order",
        levels: int = 21,
        reward: str = "realised",
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        if actions not in ACTIONS:
            raise unknown("kind of actions", str(actions), ACTIONS)
        if reward not in REWARDS:
            raise unknown("reward", str(reward), REWARDS)
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 2:
            raise InputError(f"levels must be a whole number above 1, not {levels!r}")
        self.actions, self.levels, self.reward = actions, levels, reward
        storage = max(one.problem.storage for one in largest_of(pool))
        self.models = empty_models(num_envs, storage)
        self._problems: list[Problem | None] = [None] * num_envs
        self._mean, self._spread = np.ones(num_envs), np.ones(num_envs)
        self._constants = np.zeros((num_envs, kernels.CONSTANTS), np.float32)
        self._top = np.ones(num_envs)
        self._programs: tuple[Problem, ...] = ()
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        spaces: dict[str, gymnasium.Space[Any]] = {
            "order": self.orders_space(),
            "discrete": gymnasium.spaces.Discrete(levels),
            "penalty": gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32),
        }
        features = kernels.PLAIN + (kernels.AHEAD if actions == "penalty" else 0)
        seen = gymnasium.spaces.Box(-10.0, 10.0, (features,), np.float32)
        self._set_spaces(seen, spaces[actions])

    def _describe(self, row: int, instance: Shelf) -> None:  # type: ignore[override]
        super()._describe(row, instance)
        problem = instance.problem
        if problem is self._problems[row]:
            return
        if problem.storage >= self.models.costs.shape[1]:
            raise ValueError(f"{instance.name} has more storage than any problem of this batch")
        fill_model(self.models, row, problem)
        self.scale[row] = problem.scale
        self._mean[row] = problem.demand.mean
        self._spread[row] = math.sqrt(problem.demand.variance * (problem.lead_time + 1)) or 1.0
        self._constants[row] = np.clip(describe(problem), -10.0, 10.0)
        self._top[row] = max(self.levels - 1, problem.demand.quantile(problem.ratio))
        self._problems[row] = problem

    def _orders(self, actions: Array) -> FloatArray:
        if self.actions == "order":
            return self.orders_of(actions)
        if self.actions == "discrete":
            return np.asarray(np.rint(actions * self._top / (self.levels - 1)))[:, None]
        odds = self.models.ratio / (1.0 - self.models.ratio)
        boldness = BOLDEST * np.clip(actions.astype(np.float64), -1.0, 1.0)
        wanted, enough = 1.0 / (1.0 + np.exp(-boldness.T) / odds)
        orders = np.empty((self.num_envs, 1))
        newsvendors(
            self.models, self.on_hand[:, 0], self.pipeline[:, 0], wanted, enough, orders[:, 0]
        )
        return orders

    def _reward(self, orders: FloatArray, costs: FloatArray) -> FloatArray:
        if self.reward == "realised":
            return super()._reward(orders, costs)
        found = np.empty(self.num_envs)
        arrival_costs(self.models, self.on_hand[:, 0], self.pipeline[:, 0], found)
        found += self.models.fixed * (orders[:, 0] > 0.0)
        return np.asarray(-found / self.scale)

    def _expected(self, orders: FloatArray) -> FloatArray:
        if self._programs != tuple(self._problems):
            self._collect()
        found = np.empty(self.num_envs)
        kernels.charge(
            self.models,
            self._ranks,
            self._starts,
            self._values,
            self.on_hand,
            self.pipeline,
            orders,
            found,
        )
        return found

    def _collect(self) -> None:
        """Put the relative values of all problems of the batch one after the other."""
        self._programs = tuple(self._problems)  # type: ignore[arg-type]
        distinct = dict.fromkeys(self._programs)
        values, starts, begin = [np.zeros(0)], {}, 0
        for problem in distinct:
            solution = solve(problem)
            starts[problem] = begin if solution else -1
            values += [solution.values] if solution else []
            begin += solution.space.size if solution else 0
        self._values = np.concatenate(values)
        self._starts = np.array([starts[problem] for problem in self._programs])
        longest, widest = self.models.lead_time.max(), self.models.costs.shape[1]
        self._ranks = np.zeros((self.num_envs, longest, widest), np.int64)
        for row, problem in enumerate(self._programs):
            if starts[problem] >= 0:
                ranks = Space(problem.lead_time, problem.storage).ranks
                self._ranks[row, : ranks.shape[0], : ranks.shape[1]] = ranks

    def _observe(self) -> Array:
        seen = np.empty(self.observation_space.shape or (), np.float32)
        kernels.observe(
            self.models.lead_time,
            self.on_hand,
            self.pipeline,
            self._mean,
            self._spread,
            self._constants,
            seen,
        )
        if self.actions == "penalty":
            kernels.look_ahead(self.models, self.on_hand, self.pipeline, self._mean, seen)
        return seen


def describe(problem: Problem) -> tuple[float, ...]:
    """Return what an observation says of the problem itself."""
    mean = problem.demand.mean
    return (
        problem.lead_time / 4.0 - 1.0,
        math.log(problem.penalty / problem.holding) / 2.0 - 1.0,
        math.sqrt(problem.demand.variance) / mean,
        1.0 / mean,
        float(problem.demand.pmf()[0]),
        math.log1p(problem.fixed / (problem.holding * mean)),
    )
