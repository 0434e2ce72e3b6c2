"""The picture of a comparison: how high the pulses are after so many of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.control.laser_pulse.laser import Laser
from drlapps.control.laser_pulse.spectrum import Floats
from drlapps.look import INK, data, paint
from drlapps.report.policies import Look, kind_of, picking, thickness
from drlapps.report.tables import ranked
from drlapps.stats import mean_interval

if TYPE_CHECKING:
    import altair as alt

_FIRED, _BEST = "pulse fired last", "best pulse so far"
_SIZE = (350, 320)
_MANY = 40
"""Of more pulses than these the axis is logarithmic."""
_TICKS = (1, 5, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200, 500, 1000)


def comparison_figures(
    instances: Sequence[Laser], comparison: Mapping[str, Any]
) -> dict[str, alt.TopLevelMixin]:
    """Return ``share-by-pulse``: peak intensity against the number of pulses fired.

    Beside that of the pulse itself, which is what the laser does, stands that of the best one so
    far, to which a search could go back; where B-integrals move there is no going back, and no
    such panel.

    Args:
        instances: the lasers that were played.
        comparison: the object of ``drlapps compare``; results without a solution are left out.
    """
    best = {laser.name: laser.reference for laser in instances}
    shares = {policy["name"]: _shares(policy, comparison, best) for policy in ranked(comparison)}
    shares = {name: table for name, table in shares.items() if table.size}
    if not shares:
        return {}
    views: dict[str, Callable[[Floats], Floats]] = {_FIRED: np.asarray}
    if all(laser.shift == "none" for laser in instances):
        views[_BEST] = partial(np.maximum.accumulate, axis=2)
    labels, kinds = Look.of(comparison).labels, {p["name"]: kind_of(p) for p in ranked(comparison)}
    points = [
        {"policy": labels[name], "kind": kinds[name], "panel": panel, **point}
        for name, table in shares.items()
        for panel, view in views.items()
        for point in _course(view(table))
    ]
    return {"share-by-pulse": _chart(points, comparison)}


def _course(shares: Floats) -> list[dict[str, float]]:
    """Return the mean and its interval pulse by pulse, of shares (runs, lasers, pulses)."""
    points = []
    for pulse, table in enumerate(np.moveaxis(shares, 2, 0), start=1):
        mean, (low, high) = float(table.mean()), mean_interval(table)
        low, high = (mean, mean) if math.isnan(low) else (low, high)
        points.append({"pulse": pulse, "share": mean, "low": low, "high": high})
    return points


def _shares(
    policy: Mapping[str, Any], comparison: Mapping[str, Any], best: Mapping[str, float]
) -> Floats:
    """Return a policy's shares of the lasers' best, (runs, lasers, pulses); empty if unknown."""
    runs: dict[int | None, list[Floats]] = {}
    for row in comparison["results"]:
        if row["policy"] == policy["name"] and row.get("solution"):
            shares = np.array(row["solution"]["shares"]) / best[row["instance"]]
            runs.setdefault(row["run_seed"], []).append(shares)
    most = max((len(shares) for run in runs.values() for shares in run), default=0)
    # An episode that was stopped stays where it was.
    table = [[np.pad(one, (0, most - len(one)), "edge") for one in run] for run in runs.values()]
    return np.array(table)


def _chart(points: list[dict[str, Any]], comparison: Mapping[str, Any]) -> alt.FacetChart:
    """Return the panels of points beside each other."""
    import altair as alt

    look = Look.of(comparison)
    most = max(row["pulse"] for row in points)
    level = alt.Scale(domain=[0.0, 1.0])
    picked, opacity = picking()
    base = alt.Chart().encode(
        x=alt.X(
            "pulse:Q",
            title="pulses fired",
            scale=alt.Scale(type="log" if most > _MANY else "linear", domain=[1, most], nice=False),
            axis=alt.Axis(format="d", values=[n for n in _TICKS if n <= most]),
        ),
        color=look.colour(points).legend(title=None, symbolOpacity=1.0),
    )
    bands = base.mark_area(opacity=0.15, clip=True).encode(
        y=alt.Y("low:Q", scale=level, title=""),
        y2="high:Q",
    )
    lines = base.mark_line(clip=True).encode(
        y=alt.Y(
            "share:Q",
            scale=level,
            title="peak intensity, share of the laser's best",
            axis=alt.Axis(format="%"),
        ),
        strokeWidth=thickness(),
        opacity=opacity,
        tooltip=["policy:N", "pulse:Q", alt.Tooltip("share:Q", format=".1%")],
    )
    layers = [bands.transform_filter(picked), lines.add_params(picked)]
    facet = alt.Facet(
        "panel:N",
        title=None,
        sort=[_FIRED, _BEST],
        header=alt.Header(labelFontSize=12, labelFontWeight="bold", labelColor=INK),
    )
    heading = alt.Title("means with 95 % confidence bands", fontSize=12, fontWeight="normal")
    panel = alt.layer(*layers, data=data(points)).properties(width=_SIZE[0], height=_SIZE[1])
    return paint(panel.facet(facet, columns=2, spacing=24, title=heading))
