"""The classical policies for lost sales, each with the parameters that are best for the problem."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.policy import Report
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.policies import OrderingPolicy
from drlapps.scheduling.lost_sales import lookahead, rules
from drlapps.scheduling.lost_sales.dynamic_programming import (
    MOST_STATES,
    Solution,
    Space,
    myopic_orders,
    solve,
)
from drlapps.scheduling.lost_sales.environment import LostSalesEnv
from drlapps.scheduling.lost_sales.problem import Problem
from drlapps.scheduling.lost_sales.rules import Rule
from drlapps.vector import VectorEnvironment

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

Decide = Callable[[IntArray], NDArray[Any]]
"""Orders (n,) in states (n, L): on hand, then what arrives in each of the coming periods."""


class PerProblem(OrderingPolicy):
    """Makes up its mind about each problem of the batch before the first period.

    Attributes:
        problems: the problem of each row.
    """

    problems: list[Problem]

    @abstractmethod
    def plan(self, problem: Problem) -> Decide:
        """Return the policy for a problem."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Plan for every problem of the batch."""
        self.problems = [shelf.problem for shelf in env.instances]
        self._plans = []
        for problem in dict.fromkeys(self.problems):
            rows = np.array([row for row, one in enumerate(self.problems) if one == problem])
            self._plans.append((rows, problem.lead_time, self.plan(problem)))

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, 1)."""
        found = np.zeros((env.num_envs, 1))
        for rows, lead_time, decide in self._plans:
            due = env.pipeline[rows, 0, : lead_time - 1]
            states = np.concatenate((env.on_hand[rows], due), axis=1).astype(np.int64)
            found[rows, 0] = decide(states)
        return found


class Optimal(PerProblem):
    """The optimal orders of the exact dynamic program.

    Raises:
        InputError: a problem has too many states.
    """

    def plan(self, problem: Problem) -> Decide:
        """Return the look-up of the optimal orders."""
        solution = self._solve(problem)
        return lambda states: solution.orders[solution.space.numbers(states)]

    def report(self, row: int) -> Report:
        """Return ``optimal`` and the proven bound."""
        return Report("optimal", bound=self._solve(self.problems[row]).bound)

    @staticmethod
    def _solve(problem: Problem) -> Solution:
        solution = solve(problem)
        if solution is None:
            size = Space(problem.lead_time, problem.storage).size
            raise InputError(
                f"the exact program of lead time {problem.lead_time} has {size:,} states, more "
                f"than {MOST_STATES:,}"
            )
        return solution


class Myopic(OrderingPolicy):
    """The order that is best for the period in which it arrives (Morton 1971)."""

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, 1)."""
        models = cast(LostSalesEnv, env).models
        found = np.zeros((env.num_envs, 1))
        lookahead.myopic_orders(models, env.on_hand[:, 0], env.pipeline[:, 0], found[:, 0])
        return found


class Myopic2(PerProblem):
    """The order that is best for the period in which it arrives and the one after it."""

    def plan(self, problem: Problem) -> Decide:
        """Return a look-up where the states can be tabulated, else the search for the best."""
        space = Space(problem.lead_time, problem.storage)
        if space.size <= rules.MOST_STATES:
            table = myopic_orders(problem, space, horizon=2)
            return lambda states: table[space.numbers(states)]

        def decide(states: IntArray) -> FloatArray:
            state, found = states.astype(np.float64), np.zeros(len(states))
            models = lookahead.models_of([problem] * len(states))
            lookahead.myopic_2_orders(models, state[:, 0], state[:, 1:], found)
            return found

        return decide


class StandardVector(PerProblem):
    """The standard vector base-stock policy, an upper bound on the optimal orders.

    The newest ``j`` orders, the one of today included, are lifted to the critical ratio's quantile
    of the demand in ``j`` periods, or left as they are (Morton 1969; Zipkin 2008).
    """

    def plan(self, problem: Problem) -> Decide:
        """Return the rule."""
        periods = range(1, problem.lead_time + 2)
        levels = np.array([problem.demand.quantile(problem.ratio, n) for n in periods])

        def decide(states: IntArray) -> FloatArray:
            newest = np.cumsum(states[:, ::-1], axis=1)
            gaps = np.minimum(levels[0], (levels[1:] - newest).min(axis=1))
            return np.asarray(np.maximum(gaps, 0.0))

        return decide


class FixedNonStockout(OrderingPolicy):
    """Orders such that demand is met with a fixed probability in the period the order arrives in.

    The policy FP3 of de Kok and Meijer, the probability chosen to cost least.
    """

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Find the probability of every problem of the batch."""
        self._ratios = np.array([rules.best_non_stockout(one.problem) for one in env.instances])

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, 1)."""
        models = cast(LostSalesEnv, env).models
        found = np.zeros((env.num_envs, 1))
        lookahead.newsvendors(
            models,
            env.on_hand[:, 0],
            env.pipeline[:, 0],
            self._ratios,
            np.ones(env.num_envs),
            found[:, 0],
        )
        return found

    def report(self, row: int) -> Report:
        """Return the probability."""
        return Report(details={"non_stockout": float(self._ratios[row])})


class PositionRule(OrderingPolicy):
    """Orders by the inventory position alone, with the best parameters of its kind.

    Attributes:
        shown: names of the parameters in reports, by attribute of the rule.
    """

    shown: ClassVar[Mapping[str, str]]

    @staticmethod
    @abstractmethod
    def find(problem: Problem) -> Rule:
        """Return the best rule of the kind."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Find the best parameters for every problem of the batch."""
        self._problems = [one.problem for one in env.instances]
        self._found = [self.find(problem) for problem in self._problems]
        self._rules = np.array([astuple(rule) for rule in self._found])

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, 1)."""
        return rules.rule_orders(self._rules, env.position()[:, 0])[:, None]

    def report(self, row: int) -> Report:
        """Return the parameters and, where the states can be tabulated, the long-run cost."""
        rule, problem = self._found[row], self._problems[row]
        details = {shown: float(getattr(rule, name)) for name, shown in self.shown.items()}
        if rules.is_small(problem):
            details["long_run_cost"] = rules.exact_cost(problem, rule)
        return Report(details=details)


class BaseStock(PositionRule):
    """Lift the inventory position to a level in every period."""

    shown: ClassVar[Mapping[str, str]] = {"level": "base_stock"}
    find = staticmethod(rules.best_base_stock)


class CappedBaseStock(PositionRule):
    """Lift the inventory position to a level, but by a limited order (Xin 2021)."""

    shown: ClassVar[Mapping[str, str]] = {"level": "base_stock", "cap": "cap"}
    find = staticmethod(rules.best_capped_base_stock)


class ReorderPoint(PositionRule):
    """(s, S): if the inventory position is at most ``s``, lift it to ``S``."""

    shown: ClassVar[Mapping[str, str]] = {"reorder": "s", "level": "S"}
    find = staticmethod(rules.best_reorder_point)


class ConstantOrder(PositionRule):
    """The same order in every period."""

    shown: ClassVar[Mapping[str, str]] = {"cap": "order"}
    find = staticmethod(rules.best_constant_order)
