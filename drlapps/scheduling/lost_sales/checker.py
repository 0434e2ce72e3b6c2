"""An independent check of a lost-sales episode: the shared one, and the expected cost once more.

States are told by the orders and the demand alone; expectations over the demand are sums over its
probabilities, taken from the relative values of the exact program without the environment's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.inventory.checker import check as check_network
from drlapps.scheduling.lost_sales.dynamic_programming import solve
from drlapps.scheduling.lost_sales.instances import Shelf

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def check(instance: Shelf, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the scenario.
        solution: as for :func:`drlapps.scheduling.inventory.checker.check`.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the path breaks a rule.
    """
    return check_network(instance, solution, expected_costs)


def states(instance: Shelf, solution: Mapping[str, Any]) -> IntArray:
    """Return the states in which was decided: on hand, then what arrives; shape (periods, L)."""
    arc = instance.network.arcs[0]
    orders = [int(order) for (order,) in solution["orders"]]
    later = instance.problem.lead_time - 1
    arriving = [*map(int, arc.initial), *[0] * (later - len(arc.initial)), *orders]
    stock = int(instance.network.nodes[0].initial)
    found = []
    for period, demand in enumerate(instance.demand[:, 0]):
        found.append([stock, *arriving[period : period + later]])
        stock = max(stock - int(demand), 0) + arriving[period]
    return np.array(found, np.int64)


def expected_costs(instance: Shelf, solution: Mapping[str, Any]) -> FloatArray:
    """Return the expected cost charged to each period, shape ``(periods,)``."""
    problem, program = instance.problem, solve(instance.problem)
    orders = np.array(solution["orders"], np.int64)[:, 0]
    before = states(instance, solution)
    stock, pmf = before[:, 0], problem.demand.pmf()
    left = stock[:, None] - np.arange(len(pmf))
    costs = problem.holding * np.maximum(left, 0) + problem.penalty * np.maximum(-left, 0)
    charged = costs @ pmf + problem.fixed * (orders > 0)
    if program is None:
        return np.asarray(charged)
    ahead = np.column_stack([before[:, 1:], orders])
    for demand, probability in enumerate(pmf):
        after = ahead.copy()
        after[:, 0] += np.maximum(stock - demand, 0)
        charged += probability * program.values[program.space.numbers(after)]
    return np.asarray(charged - program.values[program.space.numbers(before)])
