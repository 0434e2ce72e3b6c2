"""Rules that order by the inventory position alone, and the best parameters of each.

Every one of them is ``min(cap, level - y)`` where the position ``y`` is at most ``reorder``, else
nothing. The best parameters are found on exact long-run costs where the states can be tabulated
(a rule never fills the shelf above its level, which keeps the table small), else on simulated ones
with common random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.scenario import Scenario, path_seed
from drlapps.scheduling.inventory.search import best_integer, simulate
from drlapps.scheduling.lost_sales.dynamic_programming import (
    Space,
    evaluate_exactly,
    myopic_orders,
)
from drlapps.scheduling.lost_sales.lookahead import Models, models_of, newsvendors
from drlapps.scheduling.lost_sales.problem import Problem

FloatArray = NDArray[np.float64]

MOST_STATES = 2_000_000
"""Largest table on which rules are judged exactly."""

ROUGH = 1e-6
"""Relative error of the costs by which rules are compared."""

_PATHS, _PERIODS, _WARM_UP = 16, 2_000, 100


@dataclass(frozen=True)
class Rule:
    """Order ``min(cap, level - position)`` if the position is at most ``reorder``.

    Attributes:
        level: to which the position is lifted at most.
        cap: the largest order.
        reorder: the largest position at which anything is ordered.
    """

    level: float = math.inf
    cap: float = math.inf
    reorder: float = math.inf


def rule_orders(rules: FloatArray, position: FloatArray) -> FloatArray:
    """Return the orders of rules ``(level, cap, reorder)``, shape (..., 3), at positions (...)."""
    level, cap, reorder = np.moveaxis(rules, -1, 0)
    wanted = np.clip(level - position, 0.0, cap)
    return np.asarray(np.where(position <= reorder, wanted, 0.0))


def is_small(problem: Problem) -> bool:
    """Whether rules are judged exactly."""
    return Space(problem.lead_time, problem.storage).size <= MOST_STATES


@lru_cache(maxsize=4096)
def exact_cost(problem: Problem, rule: Rule) -> float:
    """Return the long-run cost of a rule, from the states that it can reach."""
    space = Space(problem.lead_time, int(min(rule.level, problem.storage)))
    position = space.states().sum(axis=1)
    wanted = rule_orders(np.array(astuple(rule)), position)
    orders = np.minimum(wanted, space.storage - position)
    return evaluate_exactly(problem, space, orders.astype(np.int64), ROUGH)


@lru_cache(maxsize=256)
def best_base_stock(problem: Problem) -> Rule:
    """Return the best base-stock rule; its cost is convex in the level (Janakiraman & Roundy)."""
    judge = _judge(problem)
    return Rule(
        best_integer(lambda levels: judge([Rule(x) for x in levels[:, 0]]), 0, problem.level)
    )


@lru_cache(maxsize=256)
def best_capped_base_stock(problem: Problem) -> Rule:
    """Return the best base-stock rule with a cap on the orders (Xin 2021)."""
    lowest = int(best_base_stock(problem).level)
    caps = range(max(math.ceil(problem.demand.mean) - 1, 1), problem.storage + 1)
    return _best_pair(problem, caps, lowest, lambda cap, level: Rule(level=level, cap=cap))


@lru_cache(maxsize=256)
def best_reorder_point(problem: Problem) -> Rule:
    """Return the best (s, S) rule: below or at ``s``, order up to ``S``."""
    lots = range(1, problem.storage + 1)
    return _best_pair(problem, lots, 0, lambda lot, level: Rule(level=level, reorder=level - lot))


@lru_cache(maxsize=256)
def best_constant_order(problem: Problem) -> Rule:
    """Return the best order for all periods alike, whatever the stock (Reiman 2004)."""
    judge, most = _judge(problem), math.ceil(problem.demand.mean) - 1
    return Rule(cap=best_integer(lambda caps: judge([Rule(cap=x) for x in caps[:, 0]]), 0, most))


@lru_cache(maxsize=256)
def best_non_stockout(problem: Problem) -> float:
    """Return the best fixed probability to meet all demand of the period an order arrives in.

    It is sought as the critical ratio of another penalty, from an eighth of the problem's own to
    twice that, on two ever finer grids.
    """
    costs = _exact_non_stockout if is_small(problem) else _simulated_non_stockout
    low, high = math.log(1 / 8), math.log(2)
    for _ in range(2):
        grid = np.linspace(low, high, 12)
        odds = np.exp(grid) * problem.penalty / problem.holding
        ratios = odds / (1.0 + odds)
        best = int(costs(problem, ratios).argmin())
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    return float(ratios[best])


def _exact_non_stockout(problem: Problem, ratios: FloatArray) -> FloatArray:
    space = Space(problem.lead_time, problem.storage)
    penalties = problem.holding * ratios / (1.0 - ratios)
    tables = (myopic_orders(problem, space, penalty=float(penalty)) for penalty in penalties)
    return np.array([evaluate_exactly(problem, space, table, ROUGH) for table in tables])


def _simulated_non_stockout(problem: Problem, ratios: FloatArray) -> FloatArray:
    def order(env: InventoryEnv, candidates: FloatArray) -> FloatArray:
        if env.num_envs not in models:
            models[env.num_envs] = models_of([problem] * env.num_envs)
        found = np.zeros((env.num_envs, 1))
        always = np.ones(env.num_envs)
        stock, due = env.on_hand[:, 0], env.pipeline[:, 0]
        newsvendors(models[env.num_envs], stock, due, candidates[:, 0], always, found[:, 0])
        return found

    models: dict[int, Models] = {}
    return simulate(_paths(problem), order)(ratios[:, None])


def _best_pair(
    problem: Problem, outer: Iterable[int], lowest: int, build: Callable[[int, float], Rule]
) -> Rule:
    """Return the best rule of two parameters.

    Args:
        problem: what is ordered for.
        outer: one parameter, rising; the search ends when costs have risen twice in a row.
        lowest: least level, the other parameter; the search assumes costs that fall, then rise.
        build: the rule of both.
    """
    judge = _judge(problem)
    best, least, rises = Rule(), math.inf, 0
    for first in outer:

        def costs(levels: FloatArray, first: int = first) -> FloatArray:
            return judge([build(first, level) for level in levels[:, 0].tolist()])

        level = best_integer(costs, lowest, problem.storage, width=6)
        rule = build(first, float(level))
        cost = float(judge([rule])[0])
        rises = 0 if cost < least else rises + 1
        if cost < least:
            best, least = rule, cost
        if rises == 2:
            break
    return best


def _judge(problem: Problem) -> Callable[[Sequence[Rule]], FloatArray]:
    """Return the function that says what rules cost."""
    if is_small(problem):
        return lambda rules: np.array([exact_cost(problem, rule) for rule in rules])
    costs = simulate(
        _paths(problem), lambda env, rules: rule_orders(rules, env.position()[:, 0])[:, None]
    )
    return lambda rules: costs(np.array([astuple(rule) for rule in rules]))


def _paths(problem: Problem) -> list[Scenario]:
    """Return paths to simulate rules on."""
    return [
        Scenario("rules", problem.network, path_seed("rules", number), _PERIODS, _WARM_UP)
        for number in range(_PATHS)
    ]
