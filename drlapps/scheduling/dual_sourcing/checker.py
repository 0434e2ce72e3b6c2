"""An independent check of a dual-sourcing episode: the shared one, and the expected cost once more.

The states are told by the orders and the demand alone, no pipeline is moved; expectations over the
next state are taken here, from the relative values of the exact program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.dual_sourcing.dynamic_programming import Solution, solve
from drlapps.scheduling.dual_sourcing.instances import DualSourcing
from drlapps.scheduling.dual_sourcing.problem import EXPEDITED, REGULAR
from drlapps.scheduling.inventory.checker import check as check_network

FloatArray = NDArray[np.float64]


def check(instance: DualSourcing, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the scenario.
        solution: as for :func:`drlapps.scheduling.inventory.checker.check`.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the path breaks a rule.
    """
    return check_network(instance, solution, expected_costs)


def states(instance: DualSourcing, solution: Mapping[str, Any]) -> tuple[FloatArray, FloatArray]:
    """Return the states in which was decided, as told by the orders and the demand.

    Returns:
        The expedited inventory position (net stock plus what arrives within ``l_e``), shape
        ``(periods,)``, and the later regular orders, the next to arrive first, shape ``(periods,
        l_r - l_e - 1)``.
    """
    problem, network = instance.problem, instance.network
    fast, slow = problem.expedited_lead_time, problem.regular_lead_time
    orders = np.array(solution["orders"])
    bought = orders.sum(axis=1) - instance.demand[:, 0]
    # Before period t come the orders of the ``slow - 1`` periods before it, those at the start too.
    regular = np.concatenate([network.arcs[REGULAR].initial, orders[:, REGULAR]])
    windows = np.lib.stride_tricks.sliding_window_view(regular, slow)[: len(orders)]
    later = windows[:, fast : slow - 1]
    total = network.nodes[0].initial + sum(network.arcs[REGULAR].initial)
    return total + bought.cumsum() - bought - later.sum(axis=1), later


def expected_costs(instance: DualSourcing, solution: Mapping[str, Any]) -> FloatArray:
    """Return the expected cost charged to each period, shape ``(periods,)``."""
    problem, program = instance.problem, solve(instance.problem)
    regular, expedited = np.array(solution["orders"])[:, [REGULAR, EXPEDITED]].T
    position, later = states(instance, solution)
    level = position + expedited
    lead = problem.demand.lead_time_pmf(problem.expedited_lead_time + 1)
    left = level[:, None] - np.arange(len(lead))
    stock = problem.holding * np.maximum(left, 0.0) + problem.penalty * np.maximum(-left, 0.0)
    charged = problem.expedited_cost * expedited + problem.regular_cost * regular + stock @ lead
    # Units bought at the regular price are only borrowed: the demand pays for them.
    charged += problem.regular_cost * (problem.demand.mean - regular - expedited)
    if program is None:
        return np.asarray(charged)
    ahead = np.concatenate([later, regular[:, None]], axis=1)
    for demand, probability in enumerate(problem.demand.pmf()):
        charged += probability * _value(program, level + ahead[:, 0] - demand, ahead[:, 1:])
    return np.asarray(charged - _value(program, position, later))


def _value(program: Solution, position: FloatArray, later: FloatArray) -> FloatArray:
    """Return the relative value of states; beyond the table as its module says."""
    shape = (program.base,) * later.shape[1]
    number = np.ravel_multi_index(tuple(later.T.astype(int)), shape) if shape else 0
    top = program.low + program.values.shape[1] - 1
    inside = np.clip(position, program.low, top)
    below = program.problem.premium * (inside - np.minimum(position, top))
    return np.asarray(program.values[number, (inside - program.low).astype(int)] + below)
