"""Results of a sweep -> means with intervals, worst cases and tails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drlapps import aggregates, stats
from drlapps.evaluate import Contestant, Result
from drlapps.factors import Factor
from drlapps.task import Information, Metric

JSON: TypeAlias = dict[str, Any]
Floats: TypeAlias = NDArray[np.float64]

TAIL = 0.1
"""Share of the scores whose mean is the conditional value at risk."""


def policy(contestant: Contestant, results: Sequence[Result], metric: Metric) -> JSON:
    """Return who a contestant is and what it scores, as the public JSON object.

    Args:
        contestant: the policy.
        results: of all contestants, with nothing changed.
        metric: what is scored.
    """
    return {
        "name": contestant.name,
        "kind": contestant.kind,
        "information": str(contestant.information),
        "bound": contestant.information == Information.CLAIRVOYANT,
        "seeds": len(contestant.policies) if contestant.kind == "agent" else None,
        **_summary(_own(contestant, results), _table(contestant, results), metric),
        "train_cpu_seconds": contestant.train_cpu_seconds,
    }


def sweep(
    factor: Factor,
    contestants: Sequence[Contestant],
    played: Sequence[Sequence[Result]],
    undisturbed: Sequence[Result],
    metric: Metric,
) -> JSON:
    """Return what contestants score along a factor and what that comes to, as public JSON.

    A mean over results of which one is infeasible would flatter, so there is none.

    Args:
        factor: what was swept.
        contestants: who was scored.
        played: results of all of them at each value of the factor.
        undisturbed: their results with nothing changed.
        metric: what is scored.
    """
    found: JSON = {"policies": {}, "average": {}, "worst_case": {}, "cvar": {}}
    for who in contestants:
        tables = [_table(who, results) for results in played]
        before = _table(who, undisturbed)
        points = [
            {**_summary(_own(who, results), table, metric), **_change(table, before)}
            for results, table in zip(played, tables, strict=True)
        ]
        found["policies"][who.name] = points
        found["average"][who.name] = _average(tables, points)
        found["worst_case"][who.name] = _worst_case(factor, points, metric)
        found["cvar"][who.name] = _tail(tables, metric)
    return {
        "parameter": factor.parameter,
        "of": factor.of,
        "values": list(factor.values),
        **found,
    }


def _own(contestant: Contestant, results: Sequence[Result]) -> list[Result]:
    return [result for result in results if result.policy == contestant.name]


def _table(contestant: Contestant, results: Sequence[Result]) -> Floats:
    """Return the contestant's metric, shape (runs, instances), NaN where infeasible."""
    values = [r.value if r.feasible else None for r in _own(contestant, results)]
    return np.array(values, dtype=float).reshape(len(contestant.policies), -1)


def _summary(results: Sequence[Result], table: Floats, metric: Metric) -> JSON:
    """Return what one contestant's results at one value come to."""
    whole = bool(np.isfinite(table).all())
    by_instance = table.mean(axis=0)
    gaps = [result.gap_percent for result in results if result.gap_percent is not None]
    return {
        "mean": float(table.mean()) if whole else None,
        "interval": list(stats.mean_interval(table)) if whole else None,
        "gap_percent": float(np.mean(gaps)) if whole and len(gaps) == len(results) else None,
        "worst": float(by_instance.max() if metric.minimize else by_instance.min())
        if whole
        else None,
        "cvar": _tail([table], metric),
        "feasible_rate": float(np.mean([result.feasible for result in results])),
        "seconds": {
            "plan": float(np.mean([result.plan_seconds for result in results])),
            "act": float(np.mean([result.act_seconds for result in results])),
        },
    }


def _change(table: Floats, before: Floats) -> JSON:
    """Return how much the mean differs from that with nothing changed, run by run and by instance.

    Both have met the same luck, so this is far less uncertain than either mean.
    """
    if table.shape != before.shape or not np.isfinite(table - before).all():
        return {"change": None, "change_interval": None}
    change = table - before
    return {"change": float(change.mean()), "change_interval": list(stats.mean_interval(change))}


def _average(tables: Sequence[Floats], points: Sequence[JSON]) -> JSON:
    """Return the mean over the values of the mean at each, with an interval.

    The interval takes an instance's scores at all values together, so it needs the same number of
    instances at each.
    """
    gaps = [point["gap_percent"] for point in points]
    if any(point["mean"] is None for point in points):
        return {"mean": None, "interval": None, "gap_percent": None}
    same = len({table.shape for table in tables}) == 1
    return {
        "mean": float(np.mean([point["mean"] for point in points])),
        "interval": list(stats.mean_interval(np.mean(tables, axis=0))) if same else None,
        "gap_percent": None if None in gaps else float(np.mean(gaps)),
    }


def _worst_case(factor: Factor, points: Sequence[JSON], metric: Metric) -> JSON:
    """Return the value at which the mean is worst: the one with most infeasible results, if any."""
    sign = 1.0 if metric.minimize else -1.0

    def badness(place: int) -> tuple[float, float]:
        mean = points[place]["mean"]
        return 1.0 - points[place]["feasible_rate"], 0.0 if mean is None else sign * mean

    place = max(range(len(points)), key=badness)
    keys = ("mean", "interval", "feasible_rate")
    return {"value": factor.values[place], **{key: points[place][key] for key in keys}}


def _tail(tables: Sequence[Floats], metric: Metric) -> float | None:
    """Return the mean over the worst tenth of all instances at all values.

    An instance's score is the mean over the training runs.
    """
    scores = np.concatenate([table.mean(axis=0) for table in tables])
    if not np.isfinite(scores).all():
        return None
    return float(aggregates.cvar(scores, TAIL, minimize=metric.minimize))
