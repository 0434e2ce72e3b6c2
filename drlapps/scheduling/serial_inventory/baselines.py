"""The base-stock policies of serial systems; how people play is in :mod:`.sterman`."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from functools import cache

import numpy as np

from drlapps.errors import InputError
from drlapps.policy import Report
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.policies import OrderingPolicy
from drlapps.scheduling.inventory.scenario import path_seed
from drlapps.scheduling.inventory.search import (
    Costs,
    Rule,
    cma_es,
    golden_section,
    simulate,
)
from drlapps.scheduling.serial_inventory.clark_scarf import cost_of, shang_song, solve
from drlapps.scheduling.serial_inventory.features import traits
from drlapps.scheduling.serial_inventory.instances import SerialScenario
from drlapps.scheduling.serial_inventory.problem import FloatArray, SerialProblem
from drlapps.vector import VectorEnvironment

Levels = tuple[float, ...]

_PATHS, _PERIODS, _WARM_UP = 8, 400, 50
_ROUNDS = 50


def echelon_orders(env: InventoryEnv, levels: FloatArray) -> FloatArray:
    """Return the orders that lift echelon positions to levels, both by column, (B, A)."""
    return np.maximum(levels - env.echelon_position(), 0.0)


def installation_orders(env: InventoryEnv, levels: FloatArray) -> FloatArray:
    """Return the orders that lift each stage's own position to its level, (B, A).

    Stages order from the customers upward, each after it has read what the stage below orders now,
    where that takes no time.
    """
    missing = levels - env.position()
    orders = np.zeros_like(missing)
    read = np.zeros(env.num_envs)
    for node in range(missing.shape[1] - 1, -1, -1):
        orders[:, node] = np.maximum(missing[:, node] + read, 0.0)
        read = np.where(env.parts.delay[:, node] == 0, orders[:, node], 0.0)
    return orders


class EchelonBaseStock(OrderingPolicy):
    """Orders what lifts each echelon's inventory position to a level of its own.

    Attributes:
        scenarios: the instance of each row.
    """

    scenarios: list[SerialScenario]

    @abstractmethod
    def levels(self, scenario: SerialScenario) -> Levels:
        """Return the echelon base-stock levels, stage 1 first."""

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Find the levels of every row."""
        self.scenarios = list(env.instances)
        self._levels = np.full((env.num_envs, _columns(env)), -np.inf)
        for row, scenario in enumerate(self.scenarios):
            levels = self.levels(scenario)
            self._levels[row, : len(levels)] = levels[::-1]

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, A)."""
        return echelon_orders(env, self._levels)

    def report(self, row: int) -> Report:
        """Return the levels as ``S_1``, ``S_2``, ... and, where it is known, their exact cost."""
        scenario = self.scenarios[row]
        levels = self.levels(scenario)
        details = {f"S_{stage}": level for stage, level in enumerate(levels, 1)}
        if scenario.is_exact:
            assert scenario.problem is not None
            details["expected_cost"] = cost_of(scenario.problem, levels)
        return Report(details=details)


class ClarkScarf(EchelonBaseStock):
    """The optimal levels, by the exact recursion."""

    def levels(self, scenario: SerialScenario) -> Levels:
        """Return the optimal levels."""
        return solve(_problem(scenario, "clark-scarf")).levels

    def report(self, row: int) -> Report:
        """Return ``optimal``, with the levels and the optimal cost."""
        scenario = self.scenarios[row]
        solution = solve(_problem(scenario, "clark-scarf"))
        details = {f"S_{stage}": level for stage, level in enumerate(solution.levels, 1)}
        return Report(
            "optimal", bound=scenario.bound, details={**details, "expected_cost": solution.cost}
        )


class ShangSong(EchelonBaseStock):
    """The levels half-way between two newsvendor bounds."""

    def levels(self, scenario: SerialScenario) -> Levels:
        """Return the heuristic levels."""
        return shang_song(_problem(scenario, "shang-song"))


class BaseStock(EchelonBaseStock):
    """Levels found by simulation: golden section for one stage, CMA-ES for more.

    Candidates meet the same demand (common random numbers), on paths that no pool holds. It needs
    no theory, so it also plays the beer games.
    """

    def levels(self, scenario: SerialScenario) -> Levels:
        """Return the levels of least simulated cost."""
        return searched(scenario, echelon_orders)


class LocalBaseStock(OrderingPolicy):
    """Installation base-stock: each stage looks at its own stock, orders and debts alone.

    Its levels are the differences of Clark and Scarf's echelon levels; once the start is over, it
    does what they do (Axsäter & Rosling 1993). Where there is no exact solution, they are found by
    simulation.
    """

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        """Find the levels of every row."""
        self._local = [_local_levels(scenario) for scenario in env.instances]
        self._levels = np.full((env.num_envs, _columns(env)), -np.inf)
        for row, levels in enumerate(self._local):
            self._levels[row, : len(levels)] = levels[::-1]

    def orders(self, env: InventoryEnv) -> FloatArray:
        """Return the orders, shape (B, A)."""
        return installation_orders(env, self._levels)

    def report(self, row: int) -> Report:
        """Return the installation levels as ``s_1``, ``s_2``, ..."""
        levels = enumerate(self._local[row], 1)
        return Report(details={f"s_{stage}": level for stage, level in levels})


def _columns(env: VectorEnvironment) -> int:
    """Return the number of nodes and of arcs of the largest system of a batch."""
    return max(len(scenario.network.nodes) for scenario in env.instances)


def _problem(scenario: SerialScenario, policy: str) -> SerialProblem:
    """Return the problem of a scenario, for a policy that only theory gives."""
    if scenario.problem is None or not scenario.problem.is_stationary:
        raise InputError(
            f"{policy} needs demand that is the same in every period, in whole units or normal, "
            f"and no order delays: not {scenario.name}; base-stock finds its levels by simulation"
        )
    return scenario.problem


def searched(scenario: SerialScenario, orders: Rule) -> Levels:
    """Return the levels of least simulated cost, stage 1 first.

    Args:
        scenario: whose name and seed do not matter: one search serves all paths of a problem.
        orders: what levels, by column, mean.
    """
    return _searched(replace(scenario, name="", seed=0), orders)


@cache
def _searched(scenario: SerialScenario, orders: Rule) -> Levels:
    paths = [
        replace(
            scenario,
            seed=path_seed("base-stock", number),
            periods=_PERIODS if scenario.problem else scenario.periods,
            warm_up=_WARM_UP if scenario.problem else scenario.warm_up,
        )
        for number in range(_PATHS)
    ]
    system = traits(scenario)
    local = orders is installation_orders
    periods = system.lead_times if local else system.lead_times.cumsum()
    means, spreads = system.mean * periods, system.sd * np.sqrt(periods)
    first = system.mean if scenario.problem else scenario.demand[0].sum()

    def rule(env: InventoryEnv, levels: FloatArray) -> FloatArray:
        wanted = orders(env, levels[:, ::-1])
        return np.where((env.period < scenario.told)[:, None], first, wanted)

    costs = simulate(paths, rule)

    def deviations(candidates: FloatArray) -> FloatArray:
        return costs(means + candidates * spreads)

    if len(means) == 1:
        best = np.array([golden_section(deviations, -3.0, 6.0)])
    else:
        best = cma_es(deviations, np.ones(len(means)), 0.5)
    levels = means + best * spreads
    if scenario.network.integer:
        levels = _polished(costs, np.rint(levels))
    return tuple(float(level) for level in levels)


def _polished(costs: Costs, levels: FloatArray) -> FloatArray:
    """Return whole levels that a unit more or less at any one stage does not improve."""
    steps = np.concatenate([np.eye(len(levels)), -np.eye(len(levels))])
    least = float(costs(levels[None])[0])
    for _ in range(_ROUNDS):
        found = costs(levels + steps)
        if found.min() >= least:
            break
        levels, least = levels + steps[found.argmin()], float(found.min())
    return levels


def _local_levels(scenario: SerialScenario) -> Levels:
    """Return installation levels that do what echelon levels do, stage 1 first.

    Raising an echelon above what the ones further up are raised to has no effect, so the levels are
    first cut to the least of those from there up.
    """
    if scenario.problem is None or not scenario.is_exact:
        return searched(scenario, installation_orders)
    echelon = np.array(solve(scenario.problem).levels)
    effective = np.minimum.accumulate(echelon[::-1])[::-1]
    return tuple(np.diff(effective, prepend=0.0).tolist())
