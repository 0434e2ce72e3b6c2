"""How people play: the anchoring and adjustment heuristic of Sterman."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

from drlapps.errors import InputError
from drlapps.policy import Report
from drlapps.scheduling.inventory.demand import Trace
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.policies import OrderingPolicy
from drlapps.scheduling.serial_inventory.features import traits
from drlapps.scheduling.serial_inventory.instances import SerialScenario
from drlapps.scheduling.serial_inventory.problem import FloatArray
from drlapps.vector import VectorEnvironment


class Sterman(OrderingPolicy):
    """How people play the beer game: anchor on expected demand, adjust for stock and orders.

    Each stage orders ``max(0, D + alpha (S' - S - beta SL))``: ``D`` is its forecast, smoothed from
    the orders that reach it, ``D <- theta I + (1 - theta) D``; ``S`` its stock less what it owes,
    ``SL`` all it has ordered and not received. Sterman's 44 teams played on average with theta =
    0.36, alpha = 0.26, beta = 0.34, S' = 17. The defaults are his benchmark: no forecasting, and
    the whole gap closed at once.

    Goods that arrive between the end of a week and the decision count as stock here and as supply
    line on Sterman's board, which differs where beta is not 1.

    Args:
        theta: weight of the latest order in the forecast.
        alpha: share of the gap that is closed in a period.
        beta: share of the supply line that is kept in mind.
        desired: ``S'`` of every stage; left out, what covers the time from an order to its use at
            the highest mean demand, or at the newsvendor ratio where demand is random, less the
            first forecast: 28 at all desks of the beer game but 20 at the factory.

    Raises:
        InputError: a parameter is out of range.
    """

    def __init__(
        self,
        theta: float = 0.0,
        alpha: float = 1.0,
        beta: float = 1.0,
        desired: float | None = None,
    ) -> None:
        for name, value in {"theta": theta, "alpha": alpha, "beta": beta}.items():
            if not 0.0 <= value <= 1.0:
                raise InputError(f"{name} must lie between 0 and 1, not {value}")
        if desired is not None and not 0.0 <= desired < math.inf:
            raise InputError(f"desired must not be negative, not {desired}")
        self.theta, self.alpha, self.beta, self.desired = theta, alpha, beta, desired

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Begin with a forecast of the first period's mean demand."""
        networks = [scenario.network for scenario in env.instances]
        shape = (env.num_envs, max(len(network.nodes) for network in networks))
        self._goals = np.zeros(shape)
        self._forecast = np.zeros(shape)
        # What a stage ordered, newest first; the oldest is what its supplier read last.
        self._delays = np.zeros(shape, np.int64)
        longest = 1
        for row, scenario in enumerate(env.instances):
            network = scenario.network
            nodes = len(network.nodes)
            demand = network.nodes[-1].demand
            assert demand is not None
            self._forecast[row, :nodes] = demand.means(1)[0]
            goals = [self.desired] * nodes if self.desired is not None else _desired(scenario)
            self._goals[row, :nodes] = goals
            self._delays[row, :nodes] = [arc.order_delay for arc in network.arcs]
            longest = max(longest, 1 + int(self._delays[row].max()))
        self._sent = np.repeat(self._forecast[None], longest, axis=0)
        self._last = np.array([len(network.nodes) - 1 for network in networks])
        self._integer = np.array([network.integer for network in networks])
        self._told = np.array([scenario.told for scenario in env.instances])
        self._routine = self._forecast.copy()
        self._stood: FloatArray | None = None

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, A)."""
        incoming = self._incoming(env)
        self._forecast += self.theta * (incoming - self._forecast)
        line = env.in_transit() + env.mail.sum(axis=2) + env.owed
        stock = env.position() - line
        gap = self._goals - stock - self.beta * line
        orders = np.clip(self._forecast + self.alpha * gap, 0.0, env.largest_order)
        orders = np.where(self._integer[:, None], np.rint(orders), orders)
        orders = np.where((env.period < self._told)[:, None], self._routine, orders)
        self._sent = np.concatenate([orders[None], self._sent[:-1]])
        return orders

    def _incoming(self, env: InventoryEnv) -> FloatArray:
        """Return what was ordered of each stage in the period before, shape (B, N)."""
        rows = np.arange(env.num_envs)
        position = env.echelon_position()[rows, self._last]
        incoming = self._forecast.copy()
        if self._stood is not None:
            # Positions fall by what customers ask for, and rise by orders alone.
            read = np.take_along_axis(self._sent, self._delays[None], axis=0)[0]
            incoming[:, :-1] = read[:, 1:]
            incoming[rows, self._last] = self._stood + self._sent[0][rows, self._last] - position
        self._stood = position
        return incoming

    def report(self, row: int) -> Report:
        """Return the rule's parameters; the desired stock as ``S_1``, ``S_2``, ..."""
        goals = self._goals[row, : self._last[row] + 1][::-1].tolist()
        named = {f"S_{stage}": goal for stage, goal in enumerate(goals, 1)}
        rule = {"theta": self.theta, "alpha": self.alpha, "beta": self.beta}
        return Report(details={**rule, **named})


def _desired(scenario: SerialScenario) -> list[float]:
    """Return the default ``S'`` of each node, the most upstream first."""
    system, network = traits(scenario), scenario.network
    demand = network.nodes[-1].demand
    assert demand is not None
    # All that may be asked of a stage between a decision and the use of its goods. Goods that come
    # late in a period can serve its customers, but no stage.
    late = [float(network.late_receipts)] * (len(network.nodes) - 1) + [0.0]
    periods = [
        arc.lead_time + arc.order_delay + 1 + more
        for arc, more in zip(network.arcs, late, strict=True)
    ]
    anchor = float(demand.means(1)[0])
    if isinstance(demand, Trace):
        highest = float(demand.means(scenario.periods).max())
        return [highest * number - anchor for number in periods]
    ratio = system.penalty / (system.penalty + float(system.rates.sum()))
    safety = float(ndtri(ratio)) * system.sd
    return [system.mean * number + safety * math.sqrt(number) - anchor for number in periods]
