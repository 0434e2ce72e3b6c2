"""Pictures of an episode: states with limits and references, inputs, and the phase plane."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from drlapps.control.process import checker
from drlapps.control.process.curves import comparison_figures
from drlapps.control.process.instances import Episode
from drlapps.control.process.plant import LinearPlant
from drlapps.look import ALARM, FAINT, WIDTH, data, dress, paint, palette

if TYPE_CHECKING:
    import altair as alt

__all__ = ["COMPARED", "comparison_figures", "drawings", "figures", "phase_plane", "settings"]

Rows: TypeAlias = list[dict[str, Any]]

COMPARED = ("states", "inputs")
"""What a comparison shows of each policy."""

_BLUE, _ORANGE = palette(2)
_HEIGHT = 150
_PLANE = 460
_KINDS = "state", "reference"


def figures(
    instance: Episode, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of an episode of a linear plant by name.

    ``states`` and ``inputs`` always, ``phase-plane`` where there are two states.

    Args:
        instance: the episode.
        solution: as the environment returns it.
        title: above the pictures.
    """
    plant = instance.truth
    assert isinstance(plant, LinearPlant)
    a, b = plant.a, plant.b
    states = checker.path(instance, solution["inputs"], lambda x, u: (a @ x + b @ u).tolist())
    drawn = drawings(instance, states, solution["inputs"], title)
    if len(plant.states) == 2:
        drawn["phase-plane"] = phase_plane(plant, np.array(states), title)
    return drawn


def drawings(
    instance: Episode, states: list[list[float]], inputs: list[list[float]], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures that any process has.

    Args:
        instance: the episode.
        states: before each step and after the last.
        inputs: of each step.
        title: above the pictures.
    """
    return {
        "states": courses(instance, states, title),
        "inputs": settings(instance, inputs, title),
    }


def courses(instance: Episode, states: list[list[float]], title: str) -> alt.FacetChart:
    """Return each state over time with its reference, between its limits."""
    process = instance.truth
    rows: Rows = []
    for step, state in enumerate(states):
        for index, name in enumerate(process.states):
            place = {"step": step, "of": name}
            rows.append({**place, "value": state[index], "kind": _KINDS[0]})
            if index in process.tracked:
                wanted = float(instance.references[step, index])
                rows.append({**place, "value": wanted, "kind": _KINDS[1]})
    path, limits = np.array(states[1:]), (process.lower, process.upper)
    beyond = np.maximum(path - limits[1], limits[0] - path) / (limits[1] - limits[0])
    worst = float(beyond.max())
    fate = f"limits broken by {worst:.2%} of the range" if worst > 1e-6 else "no limit is broken"
    return _panels(rows, process.states, limits, title, fate, "linear")


def settings(instance: Episode, inputs: list[list[float]], title: str) -> alt.FacetChart:
    """Return each input over time, between its limits."""
    process = instance.truth
    # The last input is held to the end of its step.
    held = [*inputs, inputs[-1]]
    rows: Rows = [
        {"step": step, "of": name, "value": one[index], "kind": _KINDS[0]}
        for step, one in enumerate(held)
        for index, name in enumerate(process.inputs)
    ]
    limits = (process.input_lower, process.input_upper)
    return _panels(rows, process.inputs, limits, title, f"{len(inputs)} steps", "step-after")


def _panels(
    rows: Rows, names: tuple[str, ...], limits: tuple[np.ndarray, np.ndarray], title: str,
    subtitle: str, interpolate: Any,
) -> alt.FacetChart:  # fmt: skip
    """Return a panel for each name, two side by side."""
    import altair as alt

    # Limits are rows as well: the panels of a chart share one table.
    ends = {
        name: pair for name, *pair in zip(names, *(side.tolist() for side in limits), strict=True)
    }
    table = [{**row, "low": ends[row["of"]][0], "high": ends[row["of"]][1]} for row in rows]
    present = list(dict.fromkeys(row["kind"] for row in rows))
    base = alt.Chart()
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False))
    lines = base.encode(
        x=alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, format="d")),
        y=y,
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=present, range=[_BLUE, _ORANGE][: len(present)]),
            legend=alt.Legend(title=None, orient="top") if len(present) > 1 else None,
        ),
        strokeDash=alt.StrokeDash(
            "kind:N", scale=alt.Scale(domain=present, range=[[1, 0], [5, 3]]), legend=None
        ),
    )
    rules = [
        base.mark_rule(color=ALARM, strokeDash=[4, 3]).encode(y=f"mean({end}):Q")
        for end in ("low", "high")
    ]
    # References are held, as inputs are.
    held = {_KINDS[0]: interpolate, _KINDS[1]: "step-after"}
    drawn = [
        lines.mark_line(strokeWidth=2.0, interpolate=held[kind], clip=True).transform_filter(
            f"datum.kind === '{kind}'"
        )
        for kind in present
    ]
    columns = min(2, len(names))
    width = (WIDTH - 110) // 2 if columns == 2 else WIDTH - 90
    chart = alt.layer(*rules, *drawn, data=data(table)).properties(width=width, height=_HEIGHT)
    panels: alt.FacetChart = chart.facet(
        facet=alt.Facet("of:N", title=None, sort=list(names)),
        columns=columns,
        title=alt.Title(title, subtitle=subtitle),
    ).resolve_scale(y="independent")
    return paint(panels)


def phase_plane(plant: LinearPlant, states: np.ndarray, title: str) -> alt.LayerChart:
    """Return the path in the plane of two states, with the set that episodes begin in."""
    import altair as alt

    names = plant.states
    axes: dict[str, Any] = {
        key: channel(
            f"{key}:Q", title=name,
            scale=alt.Scale(domain=[low, high], nice=False),
        )
        for key, channel, name, low, high in zip(
            "xy", (alt.X, alt.Y), names, plant.lower.tolist(), plant.upper.tolist(), strict=True
        )
    }  # fmt: skip
    edge = _corners(plant)
    area = (
        alt.Chart(data([{"x": x, "y": y, "order": k} for k, (x, y) in enumerate(edge.tolist())]))
        .mark_line(color=FAINT, filled=True, fillOpacity=0.15, strokeWidth=1.2)
        .encode(**axes, order="order:Q")
    )
    path = alt.Chart(
        data([{"x": x, "y": y, "order": k} for k, (x, y) in enumerate(states.tolist())])
    ).encode(**axes, order="order:Q", tooltip=["order:Q", "x:Q", "y:Q"])
    lines = path.mark_line(color=_BLUE, strokeWidth=1.6, clip=True)
    dots = path.mark_circle(color=_BLUE, size=40, opacity=1.0, clip=True)
    start = path.transform_filter("datum.order === 0").mark_point(
        color=_ORANGE, size=120, filled=True, opacity=1.0
    )
    subtitle = f"{len(states) - 1} steps from the orange dot; grey: where episodes may begin"
    return dress(
        [area, lines, dots, start], height=_PLANE, title=alt.Title(title, subtitle=subtitle)
    )


def _corners(plant: LinearPlant) -> np.ndarray:
    """Return the corners of the set of initial states of a plant with two, closed, (k, 2)."""
    low, high = plant.initial
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    for *normal, offset in plant.cuts.tolist():
        corners = _cut(corners, np.array(normal), offset)
    return np.concatenate([corners, corners[:1]])


def _cut(corners: np.ndarray, normal: np.ndarray, offset: float) -> np.ndarray:
    """Return the part of a convex polygon in a half-plane (Sutherland and Hodgman)."""
    kept = []
    for here, there in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        now, then = normal @ here - offset, normal @ there - offset
        if now <= 0.0:
            kept.append(here)
        if now * then < 0.0:
            kept.append(here + now / (now - then) * (there - here))
    return np.array(kept)
