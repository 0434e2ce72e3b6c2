"""Policies by linear programming: plan ahead, carry out the first step, plan again.

All three solve the program of :mod:`.linear_equations`; they differ in the demand they plan for.

References:
    Birge & Louveaux 2011, "Introduction to Stochastic Programming", 2nd edition, Springer;
    Simchi-Levi, Chen & Bramel 2014, "The Logic of Logistics", 3rd edition, Springer.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar, cast

import numpy as np
from scipy.stats import binom

from drlapps.errors import InputError
from drlapps.policy import Plan, Report, Solver
from drlapps.scheduling.inventory.environment import InventoryEnv, largest_orders
from drlapps.scheduling.inventory.forecasts import ModelMean, MovingAverage
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory.policies import OrderingPolicy
from drlapps.scheduling.inventory.scenario import Scenario, path_seed
from drlapps.scheduling.inventory.search import Laboratory
from drlapps.scheduling.inventory_network.linear_equations import FloatArray
from drlapps.scheduling.inventory_network.linear_foresight import (
    PathSampler,
    reach,
    safety_factors,
    variances,
)
from drlapps.scheduling.inventory_network.linear_model import State, SupplyProgram
from drlapps.vector import Array, VectorEnvironment

LOOKAHEAD = 4
"""Periods that programs look further ahead than goods take from the outside to a customer."""

_WARM_UP, _PERIODS = 24, 96
"""Most periods of a simulation that chooses a safety factor: before those that count, and those."""

_TOLERANCE = 1e-6
"""Relative error granted to HiGHS, whose constraints hold up to 1e-7."""


class RecedingHorizon(OrderingPolicy):
    """Solves a program in every period and places the orders of its first.

    The program of a row is built once; from period to period its parameters change, and HiGHS goes
    on from its last basis. What is left at the end of the horizon is worth what it cost.

    In node ``i``, demand is planned to exceed what is foreseen, over ``k`` periods together, by::

        safety * z_i * standard deviation of the demand of k periods

    with ``z_i`` the normal quantile of the critical ratio ``b / (b + h)``, ``h`` the node's holding
    cost and ``b`` what it costs to be short of a unit: the penalty of a period's wait, or of a lost
    sale with its margin.

    Args:
        horizon: periods planned ahead; 0 for :data:`LOOKAHEAD` more than goods take from the
            outside to a customer.
        safety: factor of the safety stock; left out, that of :data:`SAFETIES` which costs least in
            a simulation on other paths, once per process and network.
        scenarios: number of demand paths planned for.

    Raises:
        InputError: an option is out of range; at the reset, the horizon does not exceed an order
            delay.
    """

    SAFETIES: ClassVar[tuple[float, ...]]
    TRIALS: ClassVar[int]
    """Number of paths that factors are compared on."""

    def __init__(self, *, horizon: int, safety: float | None, scenarios: int) -> None:
        self.horizon = _count("horizon", horizon, least=0)
        self.scenarios = _count("scenarios", scenarios, least=1)
        if safety is not None and not 0.0 <= safety < np.inf:
            raise InputError(f"safety must be a number of at least 0, not {safety!r}")
        self.safety = safety

    @property
    @abstractmethod
    def options(self) -> dict[str, int]:
        """Return the arguments other than the factor of the safety stock."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Build the program of every row: rows share none, so that none hangs on another's path."""
        networks = [instance.network for instance in env.instances]
        self._programs = [self._program(network) for network in networks]
        self._safeties = [self._safety(instance) for instance in env.instances]
        self._factors = [
            safety * safety_factors(network)
            for safety, network in zip(self._safeties, networks, strict=True)
        ]

    def _safety(self, instance: Scenario) -> float:
        if self.safety is not None:
            return self.safety
        warm_up = min(instance.warm_up, _WARM_UP)
        periods = min(instance.periods, warm_up + _PERIODS)
        options = tuple(self.options.items())
        return best_safety(type(self), options, instance.network, periods, warm_up)

    def report(self, row: int) -> Report:
        """Return the factor of the safety stock."""
        return Report(details={"safety": self._safeties[row]})

    def _program(self, network: Network) -> SupplyProgram:
        horizon = self.horizon or reach(network) + 1 + LOOKAHEAD
        if horizon <= (delay := max(arc.order_delay for arc in network.arcs)):
            raise InputError(f"horizon of {horizon} does not exceed the order delay of {delay}")
        weights = np.power(network.discount, np.arange(horizon))
        return SupplyProgram(
            network,
            weights,
            scenarios=self.scenarios,
            terminal=True,
            largest=np.array(largest_orders(network)),
        )

    @abstractmethod
    def foresee(self, env: InventoryEnv, row: int, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Return demand paths, ``(scenarios, horizon, nodes)``, and variances of each period."""

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the first orders of every row's program; none where the episode has ended."""
        orders = np.zeros_like(env.owed)
        for row, program in enumerate(self._programs):
            if env.period[row] < env.instances[row].periods:
                paths, variance = self.foresee(env, row, program.horizon)
                spread = np.sqrt(variance.cumsum(axis=0))
                surplus = self._factors[row] * np.diff(spread, axis=0, prepend=0.0)
                program.solve(State.of(env, row), np.maximum(paths + surplus, 0.0))
                first = program.orders()[0]
                orders[row, : len(first)] = first
        return orders


@cache
def best_safety(
    policy: type[RecedingHorizon],
    options: tuple[tuple[str, int], ...],
    network: Network,
    periods: int,
    warm_up: int,
) -> float:
    """Return the factor of the safety stock that costs least on a few paths.

    Args:
        policy: what is to use it.
        options: its other arguments.
        network: what is supplied.
        periods: length of the paths.
        warm_up: periods at their start whose costs do not count.
    """
    paths = [
        Scenario("trial", network, path_seed("safety", number), periods, warm_up)
        for number in range(policy.TRIALS)
    ]
    laboratory = Laboratory(paths)
    laboratory.reset(seed=0, options={"instances": paths})

    def cost(safety: float) -> float:
        candidate = policy(safety=safety, **dict(options))
        candidate.reset(laboratory, 0)
        return float(laboratory.play(candidate.orders).mean())

    return min(policy.SAFETIES, key=cost)


class RollingHorizonLP(RecedingHorizon):
    """Plans for the forecast as if it were certain, with a safety stock for what is not.

    With ``safety`` 1 the orders of a single shelf are those of the newsvendor's base-stock level;
    without, half the customers would be planned to find nothing. Tiers above need a little less, as
    shops do not all run short at once, or more, if they can run short themselves.

    Args:
        horizon: as for :class:`RecedingHorizon`, as is the safety.
        safety: factor of the safety stock.
        window: periods whose mean and variance are the forecast; 0 for those of the demand laws.

    Raises:
        InputError: an option is out of range.
    """

    SAFETIES = (0.4, 0.6, 0.8, 1.0, 1.2, 1.5)
    TRIALS = 4

    def __init__(self, *, horizon: int = 0, safety: float | None = None, window: int = 0) -> None:
        super().__init__(horizon=horizon, safety=safety, scenarios=1)
        self.window = _count("window", window, least=0)

    @property
    def options(self) -> dict[str, int]:
        """Return the arguments other than the factor of the safety stock."""
        return {"horizon": self.horizon, "window": self.window}

    def foresee(self, env: InventoryEnv, row: int, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Return the forecast, and the variance about it."""
        network = env.instances[row].network
        history = env.instances[row].demand[: env.period[row]]
        if not self.window:
            means = ModelMean(network).predict(history, horizon)
            return means[np.newaxis], variances(network, len(history), horizon)
        recent = history[-self.window :]
        # One period says nothing of the variance: until there are two, that of a Poisson law.
        variance = recent.var(axis=0, ddof=1) if len(recent) > 1 else recent.sum(axis=0)
        means = MovingAverage(self.window).predict(history, horizon)
        return means[np.newaxis], np.tile(variance, (horizon, 1))


class StochasticLP(RecedingHorizon):
    """Plans for sampled demand paths at once: a two-stage stochastic program.

    The orders of the first period are the same for all paths; what follows is decided knowing the
    path. Such a program trusts that whatever comes can be answered in time, and so stocks too
    little: the safety stock on top, less than half of what a certain forecast needs, makes up for
    it. The paths are those of :class:`PathSampler`.

    Args:
        horizon: as for :class:`RecedingHorizon`, as is the safety.
        safety: factor of the safety stock.
        scenarios: number of demand paths planned for.

    Raises:
        InputError: an option is out of range.
    """

    SAFETIES = (0.0, 0.15, 0.3, 0.45)
    TRIALS = 1

    def __init__(
        self, *, horizon: int = 0, safety: float | None = None, scenarios: int = 12
    ) -> None:
        super().__init__(horizon=horizon, safety=safety, scenarios=scenarios)

    @property
    def options(self) -> dict[str, int]:
        """Return the arguments other than the factor of the safety stock."""
        return {"horizon": self.horizon, "scenarios": self.scenarios}

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Build the programs and draw the demand paths of every network."""
        super().reset(env, seed)
        self._samplers: dict[Network, PathSampler] = {}
        for program, instance in zip(self._programs, env.instances, strict=True):
            network = instance.network
            if network not in self._samplers:
                horizon = program.horizon
                self._samplers[network] = PathSampler(network, horizon, self.scenarios, seed)

    def foresee(self, env: InventoryEnv, row: int, horizon: int) -> tuple[FloatArray, FloatArray]:
        """Return the sampled paths, and the laws' variances."""
        network, period = env.instances[row].network, int(env.period[row])
        return self._samplers[network].paths(period), variances(network, period, horizon)


class PerfectInformationLP(Solver):
    """Plans the whole episode knowing its demand: a bound on what any policy can reach.

    The program contains every path that the network can take under any policy, so its optimum, per
    counted period and discounted as the environment does, is a lower bound on ``cost``. The bound
    leaves out fixed order costs. In networks of whole units the plan's orders are rounded, running
    sums first; where the network must do what the program need not (ship, serve, assemble at
    once), the replay may cost more than the bound, never less.

    The plan comes from a second program, in which the warm-up counts, no order exceeds the largest
    that an action can place, and nobody needs a special delivery.
    """

    def solve(self, instance: Scenario, seed: int) -> Plan:
        """Return the plan for one instance; its actions are orders, shape ``(periods, arcs)``."""
        network, periods = instance.network, instance.periods
        horizon = max(periods, 1 + max(arc.order_delay for arc in network.arcs))
        demand = np.zeros((1, horizon, len(network.nodes)))
        demand[0, :periods] = instance.demand
        start, patient = State.start(network), _patient(instance, horizon)
        weights = np.zeros(horizon)
        weights[:periods] = network.discount ** np.arange(periods)
        counted = np.where(np.arange(horizon) < instance.warm_up, 0.0, weights)
        program = SupplyProgram(network, counted, patient=patient)
        cost = program.solve(start, demand) / max(periods - instance.warm_up, 1)
        # Special deliveries are not for the policy to choose; a plan without needs none.
        program = SupplyProgram(network, weights, patient=np.zeros_like(demand[0]))
        program.limit(np.array(largest_orders(network)))
        program.solve(start, demand)
        orders = program.orders(periods)
        if network.integer:
            orders = np.diff(np.rint(orders.cumsum(axis=0)), axis=0, prepend=0.0)
        bound = cost - _TOLERANCE * max(abs(cost), 1.0)
        return Plan("feasible", bound=bound, actions=orders)

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Solve the instance of every row."""
        super().reset(env, seed)
        arcs = cast(InventoryEnv, env).owed.shape[1]
        self.plans = [
            replace(plan, actions=np.pad(orders, ((0, 0), (0, arcs - orders.shape[1]))))
            for plan in self.plans
            if (orders := plan.actions) is not None
        ]

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions that place the plans' next orders."""
        orders = super().act(env, observations)
        return cast(InventoryEnv, env).actions_for(orders)


def _patient(instance: Scenario, horizon: int) -> FloatArray | None:
    """Return how many customers would take a special delivery if none were served from stock.

    That is drawn in networks of whole units only; in others it is a share, and this ``None``.
    """
    if not len(instance.patience) or not instance.network.integer:
        return None
    shares = [node.waiting for node in instance.network.nodes]
    most = np.zeros((horizon, len(shares)))
    most[: instance.periods] = binom.ppf(instance.patience, instance.demand, shares)
    return most


def _count(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least ``least``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InputError(f"{name} must be a whole number of at least {least}, not {value!r}")
    return value
