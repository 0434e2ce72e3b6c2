"""A serial inventory system as a Markov decision process, batched."""

from __future__ import annotations

import math
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.serial_inventory.clark_scarf import solve, stage_cost
from drlapps.scheduling.serial_inventory.features import FEATURES, SHARED, Traits, traits
from drlapps.scheduling.serial_inventory.instances import SerialScenario
from drlapps.scheduling.serial_inventory.problem import SerialProblem
from drlapps.scheduling.serial_inventory.tables import CostTables
from drlapps.vector import Array, Pool

FloatArray = NDArray[np.float64]

ACTIONS = ("orders", "order-up-to", "discrete")
REWARDS = ("expected", "realised")

HORIZON = 20.0
"""Rewards are divided by it, so that what an agent expects of the near future is of order one."""

HIGHEST = 2.5
"""Standard deviations above the mean of the highest discrete level; the lowest is the mean."""

CENTRE, SPAN = 1.0, 3.0
"""Standard deviations above the mean of the continuous action 0, and more of them of action 1."""

_MOST_ACTIONS = 10_000


class SerialInventoryEnv(InventoryEnv):
    """Order at every stage of a supply chain, so that customers at its end rarely wait.

    ## Description

    Stage ``N`` is supplied from outside, stage ``j`` by stage ``j + 1``, customers by stage 1; see
    :mod:`drlapps.scheduling.serial_inventory` for the costs and
    :mod:`drlapps.scheduling.inventory` for the order of events. In each period every stage orders,
    suppliers ship what they have and owe the rest, what is due arrives, customers come and wait
    where stock is short, and stock (under way at the rate of the stage it left) and backorders are
    charged.

    ## Observation Space

    ``Box(-10, 10, (8 W + 3,), float32)`` for ``W`` stages, stage 1 first. ``mu`` and ``sigma`` are
    of the demand of a period, ``L_j`` the periods from an order of stage ``j`` to its use, ``E_j``
    their sum up to ``j``, ``h_j`` echelon holding rates, ``q`` the normal quantile. For each stage:

    | Index | Value |
    |---|---|
    | 0 | 1; where there is no such stage this and all that follows is 0 |
    | 1 | ``(echelon position - mu E_j) / (3 sigma sqrt(E_j))`` |
    | 2 | ``(echelon stock - mu (E_j - L_j)) / (3 sigma sqrt(E_j))``, nothing under way to it |
    | 3 | ``(units arriving next - mu) / (3 sigma)`` |
    | 4 | ``L_j / 10`` |
    | 5 | ``E_j / 20`` |
    | 6 | ``q((p + sum_{i>j} h_i) / (p + sum_i h_i)) / 2``, its newsvendor ratio from below |
    | 7 | ``q((p + sum_{i>j} h_i) / (p + sum_{i>=j} h_i)) / 2``, and from above |

    Then ``sigma / mu``, ``1 / sqrt(1 + mu)``, and 1 if units are whole. Demands of different
    periods are independent: their past says nothing.

    ## Action Space

    ``Box(-1, 1, (W,), float32)``: the order on each arc, supplied stages in the order of the
    network (the most upstream first), from none at -1 to a largest one at 1.

    With ``actions = "order-up-to"``, ``Box(-1, 1, (W,), float32)``, stage 1 first: order what lifts
    the echelon position to ``mu E_j + (1 + 3 a) sigma sqrt(E_j)``. With ``"discrete"``,
    ``Discrete(levels ** W)``: the same with one of ``levels`` numbers from 0 to 2.5 in place of
    ``1 + 3 a``, stage 1 being the last digit of the action.

    ## Rewards

    Minus a period's cost by echelon, over a scale: ``C_1(y_1)``, the expected cost of stage 1's
    stock when what is now shipped to it arrives, and ``h_j x_j`` of the others, ``x_j`` being what
    is at and below stage ``j`` at the end of the period. That needs the model of stage 1, and no
    optimisation; over time the mean is that of the cost but for a constant. With ``reward =
    "realised"``, and where demand differs from period to period, the cost itself.

    ## Starting State

    A mean period's demand on hand at each stage and in each slot of its pipeline; in the beer
    games, 12 cases and 4 on each place of the board.

    ## Episode End

    Truncated after the scenario's periods (1,000 in the test pool, of which 100 do not count), as
    the chain goes on; never terminated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where scenarios come from.
    - ``actions``: ``orders``, ``order-up-to`` or ``discrete``.
    - ``reward``: ``expected`` or ``realised``.
    - ``levels``: of a stage's discrete actions.
    - ``width``: ``W`` of observations and of order-up-to and discrete actions; 0 for the stages of
      the largest system of the pool.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of and charges expected costs.

    ## Metrics

    Per counted period, lower is better:

    - ``expected_cost``: the long-run cost estimated on this path with Clark and Scarf's functions
      as control variate, never below the optimum; where there are none, ``cost``.
    - ``cost``: what the period's events cost; ``holding``, ``shortage`` and ``ordering`` its parts.
    - ``fill_rate``: share of the demand that was served at once.
    - ``feasible``: 1.

    ## References

    - Clark & Scarf 1960, "Optimal policies for a multi-echelon inventory problem", Management
      Science 6(4).
    - Snyder & Shen 2019, "Fundamentals of Supply Chain Theory", 2nd edition, section 6.2.
    - Sterman 1989, "Modeling managerial behavior", Management Science 35(3).

    ## Version History

    - v0: first release.
    """

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        actions: str = "orders",
        reward: str = "expected",
        levels: int = 6,
        width: int = 0,
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        arcs = self.owed.shape[1]
        self._width = _width(width, arcs)
        if actions not in ACTIONS:
            raise unknown("actions", str(actions), ACTIONS)
        if reward not in REWARDS:
            raise unknown("reward", str(reward), REWARDS)
        self._kind, self._reward_kind = actions, reward
        self._levels = _checked_levels(levels, self._width) if actions == "discrete" else 0
        self._tables = CostTables()
        self._functions = np.zeros((num_envs, arcs), np.int64)
        self._exact = np.zeros(num_envs, np.bool_)
        self._told = np.zeros(num_envs, np.int64)
        self._routine = np.zeros((num_envs, arcs))
        self._traits = Traits.empty(num_envs, self._width)
        self._set_spaces(
            gymnasium.spaces.Box(-10.0, 10.0, (FEATURES * self._width + SHARED,), np.float32),
            self._action_space(),
        )

    def _action_space(self) -> gymnasium.Space[Any]:
        if self._kind == "discrete":
            return gymnasium.spaces.Discrete(self._levels**self._width)
        if self._kind == "order-up-to":
            return gymnasium.spaces.Box(-1.0, 1.0, (self._width,), np.float32)
        return self.orders_space()

    def _describe(self, row: int, instance: SerialScenario) -> None:  # type: ignore[override]
        if instance.network is not self._networks[row]:
            self._learn(row, instance)
        super()._describe(row, instance)
        self._told[row] = instance.told
        routine = instance.network.nodes[-1].demand
        assert routine is not None
        self._routine[row] = routine.means(1)[0]

    def _learn(self, row: int, instance: SerialScenario) -> None:
        """Look up what follows from the row's system."""
        system = traits(instance)
        stages = len(system.lead_times)
        if stages > self._width:
            raise InputError(
                f"{instance.name} has {stages} stages, more than the {self._width} of this agent "
                "or batch"
            )
        self._traits.fill(row, system)
        self._exact[row] = instance.is_exact
        self._functions[row] = 0
        if instance.problem is not None and instance.is_exact:
            problem = instance.problem
            self._traits.scale[row] = _par(problem)
            whole = self._keeps_path
            functions = solve(problem).functions if whole else (stage_cost(problem),)
            first = self._tables.number(problem, functions)
            if whole:
                self._functions[row, :stages] = first + np.arange(stages)[::-1]
            else:
                self._functions[row] = first

    def _orders(self, actions: Array) -> FloatArray:
        if self._kind == "orders":
            orders = self.orders_of(actions)
        else:
            orders = self._orders_up_to(self._deviations(actions))
        return np.where((self.period < self._told)[:, None], self._routine, orders)

    def _deviations(self, actions: Array) -> FloatArray:
        """Return standard deviations above the mean, (B, W), stage 1 first."""
        if self._kind == "order-up-to":
            return CENTRE + SPAN * np.clip(np.asarray(actions, np.float64), -1.0, 1.0)
        digits = np.asarray(actions, np.int64)[:, None] // (self._levels ** np.arange(self._width))
        return np.asarray(HIGHEST / (self._levels - 1) * (digits % self._levels))

    def _orders_up_to(self, deviations: FloatArray) -> FloatArray:
        """Return the orders that lift echelon positions so far above their mean demand."""
        known = self._traits
        targets = known.means + deviations * known.spreads
        missing = np.maximum(targets - self._by_stage(self.echelon_position()), 0.0)
        orders = np.zeros_like(self.owed)
        rows, stages = np.nonzero(known.exists)
        orders[rows, known.columns[rows, stages]] = missing[rows, stages]
        return orders

    def _by_stage(self, columns: FloatArray) -> FloatArray:
        """Return numbers by node or arc, (B, N), by stage, (B, W), stage 1 first."""
        found = np.take_along_axis(columns, self._traits.columns, axis=1)
        return np.asarray(np.where(self._traits.exists, found, 0.0))

    def echelon_stock(self) -> FloatArray:
        """Return what is at and below each node less backorders, and under way to it, (B, N).

        Column ``k``: goods under way to node ``k`` count, those owed to it do not.
        """
        stock = self.on_hand - self.backorder + self.in_transit()
        return np.asarray(stock[:, ::-1].cumsum(axis=1)[:, ::-1])

    def _expected(self, orders: FloatArray) -> FloatArray | None:
        """Return the period's expected cost by the decomposition of the package's docstring."""
        if not self._exact.any():
            return None
        supply = np.full_like(orders, np.inf)
        supply[:, 1:] = self.on_hand[:, :-1]
        reached = self.echelon_stock()
        available = reached - self.in_transit()
        reached = reached + np.minimum(orders + self.owed, supply)
        charged = self._tables.costs(self._functions, reached)
        # Stage N may go as high as it likes; what the others forgo is what they should not pay.
        charged[:, 1:] -= self._tables.least_up_to(self._functions[:, 1:], available[:, :-1])
        exists = np.arange(orders.shape[1]) < self.parts.arcs[:, None]
        expected = np.where(exists, charged, 0.0).sum(axis=1)
        return np.asarray(np.where(self._exact, expected, np.nan))

    def _reward(self, orders: FloatArray, costs: FloatArray) -> FloatArray:
        if self._reward_kind == "realised" or not self._exact.any():
            return -costs / (HORIZON * self._traits.scale)
        rows = np.arange(self.num_envs)
        known = self._traits
        demand = self._demand[rows, self.period - 1, known.columns[:, 0]]
        stock = self.echelon_stock()
        reached = self._by_stage(stock)[:, 0] + demand
        first = self._tables.costs(self._functions[rows, known.columns[:, 0]], reached)
        over = self._by_stage(stock - self.in_transit()) - known.stock_means
        others = (known.rates * over)[:, 1:].sum(axis=1)
        charged = np.where(self._exact, first + others, costs) / known.scale
        return np.asarray((self._exact - charged) / HORIZON)

    def _observe(self) -> Array:
        known = self._traits
        observations = np.zeros((self.num_envs, FEATURES * self._width + SHARED), np.float32)
        stages = observations[:, : FEATURES * self._width].reshape(-1, self._width, FEATURES)
        stages[..., 0] = known.exists
        position = self._by_stage(self.echelon_position())
        stages[..., 1] = (position - known.means) / (SPAN * known.spreads)
        stock = self._by_stage(self.echelon_stock() - self.in_transit())
        stages[..., 2] = (stock - known.stock_means) / (SPAN * known.spreads)
        arriving = self._by_stage(self.pipeline[:, :, 0])
        stages[..., 3] = (arriving - known.arriving) / (SPAN * known.sd[:, None])
        stages[..., 4:] = known.constants
        stages *= known.exists[..., None]
        observations[:, FEATURES * self._width :] = known.shared
        return np.clip(observations, -10.0, 10.0)

    def metrics(self, row: int) -> dict[str, float]:
        """Return the metrics listed above."""
        found = super().metrics(row)
        return {"expected_cost": found["cost"], **found}


def _par(problem: SerialProblem) -> float:
    """Return what a period may cost beyond goods under way: the unit of rewards.

    Stage 1's least cost on its own, and a standard deviation of safety stock at each other echelon.
    """
    others = zip(problem.holding[1:], problem.echelon_lead_times[1:], strict=True)
    spread = math.sqrt(problem.demand.variance)
    safety = spread * sum(rate * math.sqrt(periods) for rate, periods in others)
    return max(float(stage_cost(problem).values.min()) + safety, 1e-6 * problem.penalty)


def _width(width: object, arcs: int) -> int:
    """Return the number of stages that observations and actions have room for."""
    if isinstance(width, bool) or not isinstance(width, int) or width < 0:
        raise InputError(f"width must be a number of stages, not {width!r}")
    if 0 < width < arcs:
        raise InputError(f"a system of {arcs} stages does not fit into a width of {width}")
    return width or arcs


def _checked_levels(levels: object, width: int) -> int:
    if isinstance(levels, bool) or not isinstance(levels, int) or levels < 2:
        raise InputError(f"levels must be a whole number above 1, not {levels!r}")
    if width * math.log(levels) > math.log(_MOST_ACTIONS):
        raise InputError(
            f"{levels} levels at {width} stages make more than {_MOST_ACTIONS} discrete actions"
        )
    return levels
