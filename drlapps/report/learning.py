"""The learning curve of a training run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from drlapps.errors import InputError
from drlapps.look import ALARM, data, dress, palette
from drlapps.report.formats import seconds

if TYPE_CHECKING:
    import altair as alt


def convergence(rows: Sequence[Mapping[str, Any]], title: str = "") -> alt.LayerChart:
    """Return the learning curve of a run: validation score against steps.

    Args:
        rows: of the run's ``progress.csv``: ``steps``, ``cpu_seconds`` and, where the agent was
            validated, ``validation`` (lower is better).
        title: of the chart.

    Raises:
        InputError: the agent was never validated.
    """
    import altair as alt

    points: list[dict[str, Any]] = [
        {
            "steps": float(row["steps"]),
            "validation": float(row["validation"]),
            "cpu": seconds(float(row["cpu_seconds"])),
        }
        for row in rows
        if row["validation"] not in ("", None)
    ]
    if not points:
        raise InputError("the run has no validation score yet, so there is no learning curve")
    least = min(points, key=itemgetter("validation"))
    tooltip = [alt.Tooltip("steps:Q", format=",d"), alt.Tooltip("validation:Q", format=",.4~g"),
               alt.Tooltip("cpu:N", title="CPU time")]  # fmt: skip
    base = alt.Chart(data(points)).encode(
        x=alt.X("steps:Q", title="environment steps", axis=alt.Axis(format="~s")),
        y=alt.Y(
            "validation:Q",
            title="validation score (lower is better)",
            scale=alt.Scale(zero=False),
        ),
        tooltip=tooltip,
    )
    best = base.transform_filter(f"datum.steps === {least['steps']}")
    layers = [
        base.mark_line(color=palette(1)[0], strokeWidth=2, point={"size": 28}),
        best.mark_point(size=160, color=ALARM, strokeWidth=2),
        best.mark_text(dy=-16, color=ALARM, fontSize=12, text="chosen"),
    ]
    return dress(layers, height=300, title=title)
