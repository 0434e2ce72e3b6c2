"""Quality against time: how the mean score of a policy falls while it thinks."""

from __future__ import annotations

import math
from collections.abc import Sequence

from drlapps.report.formats import is_number
from drlapps.report.tables import Json, is_relative
from drlapps.task import Metric

_INSTANT = 1e-7  # seconds; a logarithmic axis has no zero
_MOST_STEPS = 400  # corners of a line beyond which nobody sees a difference


def course(comparison: Json, results: Sequence[Json]) -> list[tuple[float, float]]:
    """Return (seconds, mean of the best scores so far) at each change and at the end.

    A single point, at the mean of the seconds, where no result logged more than one value. Empty
    where a result is infeasible: a mean without it would flatter.
    """
    relative = is_relative(comparison)
    metric = Metric("", "", comparison["metric"]["minimize"])
    events: list[tuple[float, int, float]] = []
    ends: list[tuple[float, float]] = []
    for index, result in enumerate(results):
        score = result["gap_percent"] if relative else result["metric"]["value"]
        if not result["feasible"] or not is_number(score):
            return []
        for moment, value in result["incumbents"]:
            gap = metric.gap_percent(value, result["reference"]) if relative else value
            events += [] if gap is None else [(moment, index, gap)]
        took = [result["seconds"][part] or 0.0 for part in ("plan", "act")]
        ends.append((max(sum(took), _INSTANT), score))
    if len(events) > len(results):
        events += [(end, index, score) for index, (end, score) in enumerate(ends)]
        return mean_steps(events, len(results), relative or metric.minimize)
    count = len(ends)
    if not count:
        return []
    return [(sum(end for end, _ in ends) / count, sum(score for _, score in ends) / count)]


def mean_steps(
    events: Sequence[tuple[float, int, float]], count: int, lower: bool
) -> list[tuple[float, float]]:
    """Return the mean over ``count`` results of the best score so far, at each change.

    Args:
        events: (seconds, result, score) of every incumbent.
        count: results; the mean starts when each has an incumbent.
        lower: whether lower scores are better.
    """
    best: dict[int, float] = {}
    steps: list[tuple[float, float]] = []
    last = max(moment for moment, _, _ in events)
    for moment, index, score in sorted(events):
        known = best.get(index, score)
        best[index] = min(known, score) if lower else max(known, score)
        mean = sum(best.values()) / count
        if len(best) == count and (not steps or mean != steps[-1][1] or moment == last):
            steps.append((max(moment, _INSTANT), mean))
    stride = math.ceil(len(steps) / _MOST_STEPS)
    return [*steps[:-1:stride], steps[-1]]
