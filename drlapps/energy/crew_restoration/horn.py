"""Horn's algorithm: the best sequence of repairs for one crew without travel.

Repairing a subtree as a whole energises its load ``W`` in ``P`` hours. The *ρ-factor* of a line is
the largest ``W / P`` of any subtree of damaged lines that begins with it. A best sequence always
goes on with the line of largest ρ-factor among those that can be next. Horn (1972) proves it for
``1 | outtree | sum w_j C_j``; with one crew, soft precedence is no easier to please (Tan et al.
2019, theorem 1: an optimal sequence obeys it).

All ρ-factors come from merging: the group of lines with the largest ratio joins the group of the
line above it, until it has none (:func:`.kernels.horn`); for ``d`` lines in ``O(d^2)``.

Example, with loads 10 and 60 kW on a path of repairs of 2 h and 1 h, and 16 kW behind 1 h beside
it: the path as a whole has 70/3 kW per hour and goes before the 16 kW.

>>> import numpy as np
>>> sequence(np.array([0, 1, 0]), np.array([0.0, 10.0, 60.0, 16.0]), np.array([2.0, 1.0, 1.0]))
array([0, 1, 2])

References:
    Horn 1972, "Single-machine job sequencing with treelike precedence ordering and linear delay
    penalties", SIAM Journal on Applied Mathematics 23(2).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from drlapps.energy.crew_restoration import kernels
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.grid.feeder import Floats, Ints
from drlapps.errors import InputError
from drlapps.policy import Plan, Solver


@njit(cache=True)
def sequence(upper: Ints, weight: Floats, hours: Floats) -> Ints:
    """Return the best sequence for one crew.

    Args:
        upper: block above each line, (d,).
        weight: load of each block, (d + 1,).
        hours: to repair each line, (d,).
    """
    d = len(upper)
    status = np.full(d, kernels.WAITING)
    above, order, head, after, tail = np.empty((5, d), np.int64)
    load, ratio, span = np.empty((3, d))
    kernels.subtrees(d, upper, weight, status, above, load)
    kernels.horn(d, status, above, load, hours, order, ratio, span, head, after, tail)
    return order.copy()


def best_sequence(instance: Damage) -> Ints:
    """Return the best sequence if one crew repaired the instance, without travel and switching."""
    blocks = instance.blocks
    return sequence(blocks.upper, blocks.weight, np.array(instance.hours))


def optimum(instance: Damage) -> float:
    """Return the harm of that sequence: with one crew the least there is."""
    order = best_sequence(instance)
    # What is above a line is repaired before it, so a block waits for its own line only.
    ends = np.array(instance.hours)[order].cumsum()
    return float((instance.blocks.weight[1:][order] * ends).sum())


def obstacle(instance: Damage) -> str:
    """Return what keeps the sequence from being optimal, in words; nothing if it is optimal."""
    if instance.crews > 1:
        return f"{instance.name} has {instance.crews}"
    if instance.travels:
        return f"in {instance.name} travel takes time"
    return f"in {instance.name} ties may be closed" if len(instance.blocks.ties) else ""


class Horn(Solver):
    """Horn's algorithm; refused where it is not exact."""

    def solve(self, instance: Damage, seed: int) -> Plan:
        """Return the optimal plan of one crew.

        Raises:
            InputError: there are several crews, travel takes time, or ties may be closed.
        """
        if reason := obstacle(instance):
            raise InputError(
                f"horn is for one crew without travel and switching, and {reason}; conversion "
                "turns its sequence into a plan for any"
            )
        return Plan(status="optimal", bound=optimum(instance), actions=best_sequence(instance))
