"""The picture of a comparison: what a decision costs in time, and what it brings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from drlapps.control.process.instances import Episode
from drlapps.look import WIDTH, data, paint, palette

if TYPE_CHECKING:
    import altair as alt

_BLUE, _ORANGE = palette(2)
_VIOLATING = "violating episodes, %"
_FAR = 1.5
"""Policies above so many times the least cost are named, not drawn: they would flatten the rest."""


def comparison_figures(
    instances: Sequence[Episode], comparison: Mapping[str, Any]
) -> dict[str, alt.TopLevelMixin]:
    """Return ``cost-by-time``: cost and violations of each policy over its time for a decision.

    Args:
        instances: the episodes that were played.
        comparison: the object of ``drlapps compare``.
    """
    import altair as alt

    metric = comparison["metric"]
    cost = f"{metric['name'].replace('_', ' ')}, {metric['unit']}"
    cells: dict[str, list[Mapping[str, Any]]] = {}
    for row in comparison["results"]:
        cells.setdefault(row["policy"], []).append(row)
    means = [_means(policy, own) for policy, own in cells.items()]
    most = _FAR * min(mean["cost"] for mean in means)
    far = [mean["policy"] for mean in means if mean["cost"] > most]
    near = [mean for mean in means if mean["cost"] <= most]
    rows = [
        {**mean, "of": of, "value": mean[key]}
        for mean in near
        for of, key in ((cost, "cost"), (_VIOLATING, "violating"))
    ]
    base = alt.Chart().encode(
        x=alt.X(
            "time:Q",
            title="microseconds a decision",
            # Names stand to the right of their points.
            scale=alt.Scale(type="log", domainMax=3.0 * max(mean["time"] for mean in near)),
            axis=alt.Axis(tickCount=3, format="~g"),
        ),
        y=alt.Y("value:Q", title=None, scale=alt.Scale(zero=False)),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=["agent", "controller"], range=[_ORANGE, _BLUE]),
            legend=alt.Legend(title=None, orient="top"),
        ),
        tooltip=["policy:N", "time:Q", "value:Q"],
    )
    subtitle = "means over all episodes" + (f"; far off: {', '.join(far)}" if far else "")
    points = base.mark_circle(size=90, opacity=1.0)
    names = base.mark_text(align="left", dx=8, fontSize=11).encode(text="policy:N")
    chart = alt.layer(points, names, data=data(rows)).properties(
        width=(WIDTH - 150) // 2, height=260
    )
    panels = chart.facet(
        facet=alt.Facet("of:N", title=None, sort=[cost, _VIOLATING]),
        columns=2,
        title=alt.Title("What a decision brings, and how long it takes", subtitle=subtitle),
    ).resolve_scale(y="independent")
    return {"cost-by-time": paint(panels)}


def _means(policy: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the means of a policy over its rows."""
    steps = math.fsum(row["metrics"]["steps"] for row in rows)
    violating = math.fsum(row["metrics"]["violating_episodes"] for row in rows)
    return {
        "policy": policy,
        "kind": "agent" if rows[0]["kind"] == "agent" else "controller",
        "time": 1e6 * math.fsum(row["seconds"]["act"] for row in rows) / steps,
        "cost": math.fsum(row["metric"]["value"] for row in rows) / len(rows),
        "violating": 100.0 * violating / len(rows),
    }
