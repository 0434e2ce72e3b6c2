"""The classical policies as players: the exact optimum and the rules of few parameters."""

from __future__ import annotations

from abc import abstractmethod
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.policy import Report
from drlapps.scheduling.dual_sourcing import heuristics
from drlapps.scheduling.dual_sourcing.dynamic_programming import Solution, solve
from drlapps.scheduling.dual_sourcing.environment import DualSourcingEnv
from drlapps.scheduling.dual_sourcing.heuristics import Rule
from drlapps.scheduling.dual_sourcing.instances import DualSourcing
from drlapps.scheduling.dual_sourcing.problem import EXPEDITED, REGULAR, Problem
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.policies import OrderingPolicy
from drlapps.vector import VectorEnvironment

FloatArray = NDArray[np.float64]


class Optimal(OrderingPolicy):
    """The optimal orders of the exact dynamic program."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Solve the problems of the batch.

        Raises:
            InputError: a problem has too many states.
        """
        self._solutions = [_solution(scenario) for scenario in env.instances]

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the optimal orders."""
        dual = cast(DualSourcingEnv, env)
        found, positions = np.zeros((env.num_envs, 2)), dual.expedited_position()
        for row, solution in enumerate(self._solutions):
            later = dual.later_orders(row)[None]
            regular, expedited = solution.orders(positions[row : row + 1], later)
            found[row, [REGULAR, EXPEDITED]] = regular[0], expedited[0]
        return found

    def report(self, row: int) -> Report:
        """Return ``optimal``, with the long-run cost and the proven bound on it."""
        solution = self._solutions[row]
        return Report("optimal", solution.bound, details={"expected_cost": solution.cost})


def _solution(scenario: DualSourcing) -> Solution:
    if (solution := solve(scenario.problem)) is None:
        raise InputError(f"{scenario.name} has too many states for the exact dynamic program")
    return solution


class RulePolicy(OrderingPolicy):
    """Orders by a rule whose best parameters are found before the first period."""

    @staticmethod
    @abstractmethod
    def rule(problem: Problem) -> Rule:
        """Return the rule at its best parameters."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Find the parameters for each problem of the batch."""
        self._rules = [self.rule(scenario.problem) for scenario in env.instances]

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the rule's orders."""
        dual = cast(DualSourcingEnv, env)
        found, positions, totals = np.zeros((env.num_envs, 2)), *self._positions(dual)
        for row, rule in enumerate(self._rules):
            one = slice(row, row + 1)
            regular, expedited = rule.orders(positions[one], totals[one])
            found[row, [REGULAR, EXPEDITED]] = regular[0], expedited[0]
        return found

    @staticmethod
    def _positions(env: DualSourcingEnv) -> tuple[FloatArray, FloatArray]:
        return env.expedited_position(), env.position()[:, 0]

    def report(self, row: int) -> Report:
        """Return the rule's parameters and its long-run cost."""
        return Report(details=self._rules[row].details())


class CappedDualIndex(RulePolicy):
    """Two order-up-to levels and a cap on regular orders."""

    rule = staticmethod(heuristics.capped_dual_index)


class DualIndex(RulePolicy):
    """Two order-up-to levels, each with its own inventory position."""

    rule = staticmethod(heuristics.dual_index)


class SingleIndex(RulePolicy):
    """Two order-up-to levels of one inventory position."""

    rule = staticmethod(heuristics.single_index)


class TailoredBaseSurge(RulePolicy):
    """A constant regular order; expedited orders fill up what it leaves."""

    rule = staticmethod(heuristics.tailored_base_surge)


class ExpediteOnly(RulePolicy):
    """A base-stock policy of the expedited source."""

    rule = staticmethod(heuristics.expedite_only)


class RegularOnly(RulePolicy):
    """A base-stock policy of the regular source."""

    rule = staticmethod(heuristics.regular_only)
