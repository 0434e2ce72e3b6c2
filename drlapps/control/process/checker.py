"""An independent check of an episode, from nothing but the process and the inputs.

This module shares no code with the environment: states and costs are added up number by number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from drlapps.control.process.instances import Episode
from drlapps.control.process.plant import LinearPlant

State = list[float]
Step = Callable[[State, Sequence[float]], State]

_ROUNDING = 1e-9
"""Share of a range by which inputs may seem beyond their limits."""
_BEYOND = 1e-6
"""Share of a range beyond a limit that counts as a violation."""
_PENALTY = 1e5


def check(instance: Episode, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of an episode of a linear plant.

    Args:
        instance: the episode.
        solution: under ``inputs`` a list of the inputs of each step.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if inputs break a rule: they are
        numbers within their limits, in as many steps as the episode has or up to one after which a
        state is beyond its limits.
    """
    plant = instance.truth
    assert isinstance(plant, LinearPlant)
    a, b = plant.a.tolist(), plant.b.tolist()

    def step(state: State, inputs: Sequence[float]) -> State:
        return [_dot(own, state) + _dot(moved, inputs) for own, moved in zip(a, b, strict=True)]

    return judge(instance, solution, step)


def path(instance: Episode, inputs: Sequence[Sequence[float]], step: Step) -> list[State]:
    """Return the states before each step and after the last."""
    states = [instance.initial.tolist()]
    for one, luck in zip(inputs, instance.disturbances.tolist(), strict=False):
        moved = step(states[-1], one)
        states.append([x + w for x, w in zip(moved, luck, strict=True)])
    return states


def judge(instance: Episode, solution: Mapping[str, object], step: Step) -> dict[str, float]:
    """Recompute the metrics of an episode whose process moves by ``step``."""
    process, inputs = instance.truth, solution.get("inputs")
    if not _well_formed(instance, inputs):
        return {"feasible": 0.0}
    assert isinstance(inputs, Sequence)
    states = path(instance, inputs, step)[1:]
    limits = list(zip(process.lower.tolist(), process.upper.tolist(), strict=True))
    excess = [
        max(
            max(x - high, low - x, 0.0) / (high - low)
            for x, (low, high) in zip(state, limits, strict=True)
        )
        for state in states
    ]
    if len(inputs) < process.steps and excess[-1] <= _BEYOND:
        return {"feasible": 0.0}
    q, r = process.state_cost.tolist(), process.input_cost.tolist()
    wanted = instance.references.tolist()[1:]
    costs = [
        _form(q, [x - y for x, y in zip(state, goal, strict=True)]) + _form(r, one)
        for state, goal, one in zip(states, wanted, inputs, strict=False)
    ]
    broken = [share > _BEYOND for share in excess]
    cost, count = math.fsum(costs), len(inputs)
    return {
        "cost_per_step": cost / count,
        "violating_episodes": float(any(broken)),
        "violated_steps": sum(broken) / count,
        "largest_violation": max(excess),
        "penalised_cost": (cost + _PENALTY * any(broken)) / count,
        "cost": cost,
        "steps": float(count),
        "feasible": 1.0,
    }


def _form(matrix: list[list[float]], vector: Sequence[float]) -> float:
    return math.fsum(x * _dot(row, vector) for x, row in zip(vector, matrix, strict=True))


def _well_formed(instance: Episode, inputs: object) -> bool:
    """Whether inputs are numbers within their limits, for some steps of the episode."""
    process = instance.truth
    if not isinstance(inputs, Sequence) or not 0 < len(inputs) <= process.steps:
        return False
    for one in inputs:
        if not isinstance(one, Sequence) or len(one) != len(process.inputs):
            return False
        for value, low, high in zip(one, process.input_lower, process.input_upper, strict=True):
            slack = _ROUNDING * (high - low)
            if not isinstance(value, int | float) or not low - slack <= value <= high + slack:
                return False
    return True


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    return math.fsum(x * y for x, y in zip(left, right, strict=True))
