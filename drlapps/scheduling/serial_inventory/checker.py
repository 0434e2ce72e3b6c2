"""An independent check of a serial episode: the shared one, and the expected cost once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from drlapps.scheduling.inventory.checker import check as check_network
from drlapps.scheduling.serial_inventory.clark_scarf import solve
from drlapps.scheduling.serial_inventory.instances import SerialScenario
from drlapps.scheduling.serial_inventory.problem import FloatArray


def check(instance: SerialScenario, solution: Mapping[str, Any]) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the scenario.
        solution: as for :func:`drlapps.scheduling.inventory.checker.check`.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the path breaks a rule.
    """
    if instance.is_exact:
        return check_network(instance, solution, expected_costs)
    found = check_network(instance, solution)
    return {**found, "expected_cost": found["cost"]} if found["feasible"] else found


def expected_costs(instance: SerialScenario, solution: Mapping[str, Any]) -> FloatArray:
    """Return the expected cost charged to each period, from shipments and demand alone.

    What an echelon holds is what it started with and what was shipped into it, less the demand so
    far; no stock level is looked at.
    """
    assert instance.problem is not None
    functions = solve(instance.problem).functions[::-1]
    nodes, arcs = instance.network.nodes, instance.network.arcs
    shipped, demand = np.array(solution["shipped"]), instance.demand.sum(axis=1)
    asked = demand.cumsum() - demand
    charged = np.zeros(len(shipped))
    present = np.zeros(len(shipped))
    for stage, (function, arc) in enumerate(zip(functions, arcs, strict=True)):
        start = sum(node.initial for node in nodes[stage:]) + sum(
            sum(below.initial) for below in arcs[stage:]
        )
        reached = start + shipped[:, stage].cumsum() - asked
        charged += function(reached)
        if stage:
            # The stage above holds ``present`` at and below it: that much could have been reached.
            charged -= function(np.minimum(present, function.grid[function.best]))
        moving = np.concatenate([[0.0], arc.initial, shipped[:, stage]])
        window = arc.lead_time + 1
        sums = moving.cumsum()
        present = reached - (sums[window:] - sums[:-window])
    return charged
