"""Dual sourcing as a Markov decision process, batched."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple, cast

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import unknown
from drlapps.scheduling.dual_sourcing.dynamic_programming import solve
from drlapps.scheduling.dual_sourcing.instances import DualSourcing
from drlapps.scheduling.dual_sourcing.problem import EXPEDITED, REGULAR, Problem
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.vector import Array, Pool

FloatArray = NDArray[np.float64]

ACTIONS = ("orders", "levels", "pairs")
LEVELS, QUANTITIES = 9, 13
"""Choices of the discrete actions: levels to expedite up to, and regular orders."""

SEEN = 5
"""Regular orders that an observation lists one by one."""

WORST_REWARD = -5.0
FEATURES = SEEN + 14


class DualSourcingEnv(InventoryEnv):
    """Order from a cheap slow source and a dear fast one, period by period.

    ## Description

    See :mod:`drlapps.scheduling.dual_sourcing` for the problem. In each period:

    1. What is due is on the shelf; the policy orders from both sources.
    2. An expedited order of lead time 0 arrives.
    3. Customers come; those who find no stock wait.
    4. Orders, stock on hand and backorders are charged.

    ## Observation Space

    ``Box(-10, 10, (19,), float32)``; ``mu`` and ``sigma`` are the mean and the standard deviation
    of a period's demand, ``S`` the newsvendor's stock against ``l_e + 1`` demands, ``y_k`` the
    regular order due ``l_e + k`` periods from now, ``L = l_r - l_e``, ``C`` the expected costs of
    stock and backorders:

    | Index | Value |
    |---|---|
    | 0 | ``(x - S) / (2 sigma)``, ``x`` the net stock plus what arrives within ``l_e`` |
    | 1..5 | ``(y_k - mu) / (2 sigma)``, ``k = 1..5``; 0 where ``k >= L`` |
    | 6 | the sum of the same for all ``k > 5`` |
    | 7 | ``(x + y_1 + y_2 + ... - (L - 1) mu - S) / (2 sigma sqrt(L))`` |
    | 8 | ``L / 4`` |
    | 9 | ``l_e / 4`` |
    | 10 | ``log((c_e - c_r) / h)`` |
    | 11 | ``log(b / h) / 3`` |
    | 12 | ``log(mu)`` |
    | 13 | ``sigma / mu`` |
    | 14 | P(D = 0) |
    | 15 | ``(S - (l_e + 1) mu) / (2 sigma)`` |
    | 16..18 | ``r / (1 + r)``, ``r = (C(S - k) - C(S)) / (c_e - c_r) / k``, ``k = 1..3`` |

    ## Action Space

    ``Box(-1, 1, (2,), float32)``: the regular and the expedited order, from nothing at -1 to the
    largest order at 1, in whole units. With ``actions = "levels"`` it is ``MultiDiscrete([9,
    13])``: expedite nothing (0) or up to ``S - 8 + i``, ``i = 1..8``, and order ``j`` regular
    units, ``j = 0..12``. Steps are larger than a unit where the demand is: ``sigma / 3`` of levels,
    ``mu / 6`` of orders, rounded. With ``actions = "pairs"`` it is ``Discrete(117)``: action ``13 i
    + j`` is the pair ``(i, j)``.

    ## Rewards

    ``1 - cost / w``, at least -5. ``cost = (c_e - c_r) q_e + C(x + q_e)`` is what the period's
    orders cause: the premium, as every unit costs ``c_r`` whatever its source, and the expected
    costs of stock and backorders ``l_e`` periods later. ``w`` is the mean of the same under the
    best policy that always expedites: 0 is the reward of doing without the regular source.

    ## Starting State

    The newsvendor's stock ``S`` on the shelf, and the mean demand, rounded, in each slot of the
    regular pipeline.

    ## Episode End

    Truncated after the scenario's periods, as the shelf goes on; never terminated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where scenarios come from.
    - ``actions``: ``orders``, ``levels`` or ``pairs``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of and charges expected costs.

    ## Metrics

    All but the last two in cost per period after the warm-up.

    - ``expected_cost``: with the exact martingale control variate; never below the optimal long-run
      cost.
    - ``cost``: what was paid; ``holding``, ``shortage`` and ``ordering`` are its parts.
    - ``fill_rate``: share of the demand served at once.
    - ``feasible``: 1.

    ## References

    - Gijsbrechts et al. 2022, "Can deep reinforcement learning improve inventory management?",
      Manufacturing & Service Operations Management 24(3).
    - Sun & Van Mieghem 2019, "Robust dual sourcing inventory management", Manufacturing & Service
      Operations Management 21(4).

    ## Version History

    - v0: first release.
    """

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        actions: str = "orders",
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        if actions not in ACTIONS:
            raise unknown("actions", str(actions), ACTIONS)
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        self.actions = actions
        slots = self.pipeline.shape[2]
        # Weights that pick what counts as near, and the regular orders after that, in their order.
        self._near = np.zeros((num_envs, slots))
        self._later = np.zeros((num_envs, slots, SEEN + 1))
        self._numbers = _Numbers(*(np.ones(num_envs) for _ in _Numbers._fields))
        self._stock_costs = np.zeros((num_envs, 1))
        self._observations = np.zeros((num_envs, FEATURES), np.float32)
        self._before = np.zeros(num_envs)
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (FEATURES,), np.float32), self._choices()
        )

    def _choices(self) -> gymnasium.Space[Array] | gymnasium.spaces.Discrete:
        if self.actions == "levels":
            return gymnasium.spaces.MultiDiscrete([LEVELS, QUANTITIES])
        if self.actions == "pairs":
            return gymnasium.spaces.Discrete(LEVELS * QUANTITIES)
        return self.orders_space()

    def _describe(self, row: int, instance: Scenario) -> None:
        super()._describe(row, instance)
        problem = cast(DualSourcing, instance).problem
        fast, slow = problem.expedited_lead_time, problem.regular_lead_time
        self._near[row] = 0.0
        self._near[row, :fast] = 1.0
        self._later[row] = 0.0
        for place, slot in enumerate(range(fast, slow - 1)):
            self._later[row, slot, min(place, SEEN)] = 1.0
        numbers, context = _facts(problem)
        for name, value in numbers.items():
            getattr(self._numbers, name)[row] = value
        self._observations[row, SEEN + 3 :] = context
        costs = problem.stock_costs
        if (lacking := len(costs) - self._stock_costs.shape[1]) > 0:
            self._stock_costs = np.pad(self._stock_costs, ((0, 0), (0, lacking)))
        self._stock_costs[row, : len(costs)] = costs

    def expedited_position(self) -> FloatArray:
        """Return ``x``: net stock plus what arrives within ``l_e`` periods, (B,)."""
        near = (self.pipeline[:, REGULAR] * self._near).sum(axis=1)
        fast = self.pipeline[:, EXPEDITED].sum(axis=1)
        return np.asarray(self.on_hand[:, 0] - self.backorder[:, 0] + near + fast)

    def later_orders(self, row: int) -> FloatArray:
        """Return ``y_1, y_2, ..``: the regular orders that arrive later than that, in one row."""
        problem: Problem = self.instances[row].problem
        later = slice(problem.expedited_lead_time, problem.regular_lead_time - 1)
        return np.asarray(self.pipeline[row, REGULAR, later])

    def _orders(self, actions: Array) -> FloatArray:
        self._before = self.expedited_position()
        if self.actions == "orders":
            return self.orders_of(actions)
        if self.actions == "pairs":
            level, quantity = np.divmod(actions, QUANTITIES)
        else:
            level, quantity = np.asarray(actions).T
        numbers = self._numbers
        target = numbers.stock + np.rint(numbers.level_step * (level - (LEVELS - 1)))
        expedited = np.where(level > 0, np.maximum(target - self._before, 0.0), 0.0)
        regular = np.minimum(np.rint(numbers.order_step * quantity), numbers.capacity)
        return np.stack([regular, expedited], axis=1)

    def _expected(self, orders: FloatArray) -> FloatArray:
        found = np.empty(self.num_envs)
        positions = self.expedited_position()
        for problem, rows in self._rows().items():
            regular, expedited = orders[rows, REGULAR], orders[rows, EXPEDITED]
            solution = solve(problem)
            if solution is None:
                level = positions[rows] + expedited
                charged = problem.premium * expedited + problem.stock_cost(level)
                found[rows] = problem.unavoidable + charged
            else:
                pipeline = np.stack([self.later_orders(row) for row in rows])
                found[rows] = solution.expected_cost(positions[rows], pipeline, regular, expedited)
        return found

    def _rows(self) -> dict[Problem, list[int]]:
        """Return the rows of each problem."""
        found: dict[Problem, list[int]] = {}
        for row, instance in enumerate(self.instances):
            if instance is not None:
                found.setdefault(instance.problem, []).append(row)
        return found

    def _reward(self, orders: FloatArray, costs: FloatArray) -> FloatArray:
        numbers, level = self._numbers, self._before + orders[:, EXPEDITED]
        inside = np.clip(level, 0.0, numbers.largest)
        tabled = self._stock_costs[np.arange(self.num_envs), inside.astype(np.int64)]
        beyond = numbers.holding * (level - inside).clip(0.0)
        short = numbers.penalty * (inside - level).clip(0.0)
        caused = numbers.premium * orders[:, EXPEDITED] + tabled + beyond + short
        return np.asarray(np.maximum(1.0 - caused / numbers.usual, WORST_REWARD))

    def _observe(self) -> Array:
        numbers, found = self._numbers, self._observations.copy()
        position = self.expedited_position()
        later = (self.pipeline[:, REGULAR, :, None] * self._later).sum(axis=1)
        later -= self._later.sum(axis=1) * numbers.mean[:, None]
        near = position - numbers.stock
        found[:, 0] = near / (2.0 * numbers.sd)
        found[:, 1 : SEEN + 2] = later / (2.0 * numbers.sd[:, None])
        found[:, SEEN + 2] = (near + later.sum(axis=1)) / (
            2.0 * numbers.sd * np.sqrt(numbers.difference)
        )
        return np.clip(found, -10.0, 10.0, out=found)


class _Numbers(NamedTuple):
    """What orders, rewards and observations need of a problem; an entry a row.

    Attributes:
        stock: ``S``, the newsvendor's against ``l_e + 1`` demands.
        level_step: units between two levels to expedite up to.
        order_step: units between two regular orders.
        capacity: most units of a regular order.
        mean: of a period's demand.
        sd: of a period's demand, at least 1/2.
        difference: ``l_r - l_e``.
        premium: of an expedited unit.
        holding: cost.
        penalty: cost.
        largest: the highest position whose stock cost is tabled.
        usual: cost of always expediting, without ``c_r E[D]``.
    """

    stock: FloatArray
    level_step: FloatArray
    order_step: FloatArray
    capacity: FloatArray
    mean: FloatArray
    sd: FloatArray
    difference: FloatArray
    premium: FloatArray
    holding: FloatArray
    penalty: FloatArray
    largest: FloatArray
    usual: FloatArray


@cache
def _facts(problem: Problem) -> tuple[dict[str, float], FloatArray]:
    """Return a problem's numbers, and the part of the observation that never changes."""
    mean, sd = problem.demand.mean, max(math.sqrt(problem.demand.variance), 0.5)
    periods = problem.expedited_lead_time + 1
    stock = problem.base_stock(periods)
    numbers = dict(
        stock=stock,
        level_step=max(1.0, sd / 3.0),
        order_step=max(1.0, mean / 6.0),
        capacity=problem.capacity,
        mean=mean,
        sd=sd,
        difference=problem.lead_time_difference,
        premium=problem.premium,
        holding=problem.holding,
        penalty=problem.penalty,
        largest=len(problem.stock_costs) - 1,
        usual=problem.premium * mean + float(problem.stock_costs[stock]),
    )
    lower = problem.stock_cost(stock - np.arange(4.0))
    ratios = (lower[1:] - lower[0]) / problem.premium / np.arange(1.0, 4.0)
    context = np.array(
        [
            problem.lead_time_difference / 4.0,
            problem.expedited_lead_time / 4.0,
            math.log(problem.premium / problem.holding),
            math.log(problem.penalty / problem.holding) / 3.0,
            math.log(mean),
            sd / mean,
            problem.demand.pmf()[0],
            (stock - periods * mean) / (2.0 * sd),
            *(ratios / (1.0 + ratios)),
        ]
    )
    return numbers, context
