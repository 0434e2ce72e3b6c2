"""The classical order-up-to policies of a network; :mod:`.rules` has their formulas."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from drlapps.policy import Report
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory.policies import OrderingPolicy
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory_network.levels import stock_of
from drlapps.scheduling.inventory_network.rules import OrderUpTo, optimised
from drlapps.vector import VectorEnvironment

FloatArray = NDArray[np.float64]
Planned = tuple[OrderUpTo, FloatArray]


class LevelPolicy(OrderingPolicy):
    """Orders by an order-up-to rule whose parameters are set once per network."""

    @abstractmethod
    def plan(self, scenario: Scenario) -> Planned:
        """Return the rule and its parameters for the network of a scenario."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Set the parameters for every network in the batch."""
        scenarios: list[Scenario] = list(env.instances)
        kinds = {(one.network, one.periods, one.warm_up): one for one in scenarios}
        plans = {kind: self.plan(scenario) for kind, scenario in kinds.items()}
        self._plans = [plans[one.network, one.periods, one.warm_up] for one in scenarios]
        self._parts: list[tuple[Network, Planned, NDArray[np.bool_]]] = []
        for (network, periods, warm_up), planned in plans.items():
            rows = [
                (one.network, one.periods, one.warm_up) == (network, periods, warm_up)
                for one in scenarios
            ]
            self._parts.append((network, planned, np.array(rows)))

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, A)."""
        found = np.zeros(env.owed.shape)
        for network, (rule, parameters), rows in self._parts:
            some = slice(None) if rows.all() else rows
            found[some, : len(network.arcs)] = rule(stock_of(env, network, some), parameters)
        return found

    def report(self, row: int) -> Report:
        """Return the levels of the row's network."""
        rule, parameters = self._plans[row]
        return Report(details=rule.describe(parameters))


class OptimisedLevels(LevelPolicy):
    """A rule whose parameters a search by simulation chose."""

    echelon: ClassVar[bool] = True
    gaps: ClassVar[bool] = False

    def plan(self, scenario: Scenario) -> Planned:
        """Return the best parameters that the search finds; once per process and network."""
        network, periods = scenario.network, scenario.periods
        parameters = optimised(
            network, periods, scenario.warm_up, echelon=self.echelon, gaps=self.gaps
        )
        return OrderUpTo(network, periods, echelon=self.echelon, gaps=self.gaps), parameters


class EchelonBaseStock(OptimisedLevels):
    """Raises the stock at and below each node, and on its way there, to a level."""


class BaseStock(OptimisedLevels):
    """Raises each node's own stock, and what is on its way there, to a level."""

    echelon = False


class ReorderPoint(OptimisedLevels):
    """The (s, S) policy: waits for a gap before it raises a node's echelon stock to its level."""

    gaps = True


class Newsvendor(LevelPolicy):
    """Raises echelon stocks to quantiles of the demand over their cover; nothing is simulated."""

    def plan(self, scenario: Scenario) -> Planned:
        """Return the newsvendor quantiles."""
        rule = OrderUpTo(scenario.network, scenario.periods, echelon=True)
        return rule, rule.newsvendor


class Steady(OrderingPolicy):
    """Orders the planned mean demand on every arc, whatever the stock."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Work out the demand."""
        inventory = cast(InventoryEnv, env)
        self._orders = np.zeros(inventory.owed.shape)
        for row, scenario in enumerate(env.instances):
            rule = OrderUpTo(scenario.network, scenario.periods, echelon=True)
            rates = rule.flows.use * rule.flows.mean[list(scenario.network.heads)]
            self._orders[row, : len(rates)] = rates

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, A)."""
        return self._orders.copy()
