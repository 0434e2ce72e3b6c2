"""Pictures and a table of an episode: currents and voltages over time, and in the current plane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from drlapps.control.motors.inverter import CIRCLE, CORNER
from drlapps.control.motors.look import time_axis
from drlapps.control.pmsm_current.instances import Drive
from drlapps.look import ALARM, FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

Rows: TypeAlias = list[dict[str, Any]]

HEIGHT = 260
PLANE = 560
_WIDER = 1.55
"""How much wider than high a chart's plot is, so that circles look round."""

_BLUE, _ORANGE = palette(2)
_AXES = {"d": _BLUE, "q": _ORANGE}


def table(instance: Drive, solution: Mapping[str, Any]) -> Rows:
    """Return a row for each control period.

    Args:
        instance: the drive.
        solution: as the environment returns it.

    Returns:
        ``step``, ``ms`` at its end, set-points ``set_d`` and ``set_q``, currents ``i_d`` and
        ``i_q`` at its end, in ampere, voltages ``u_d`` and ``u_q`` in it, in volt, ``torque_nm`` of
        the machine on the data sheet, and the ``error`` of the metric.
    """
    currents, voltages = np.array(solution["currents"]), np.array(solution["voltages"])
    wanted = instance.setpoints[: len(currents)]
    error = np.abs(wanted - currents).sum(axis=1) / (4.0 * instance.motor.current_limit)
    columns = {
        "ms": 1e3 * instance.motor.period * np.arange(1, len(currents) + 1),
        "set_d": wanted[:, 0],
        "set_q": wanted[:, 1],
        "i_d": currents[:, 0],
        "i_q": currents[:, 1],
        "u_d": voltages[:, 0],
        "u_q": voltages[:, 1],
        "torque_nm": instance.motor.torque(currents),
        "error": error,
    }
    return [
        {"step": step, **{name: float(column[step]) for name, column in columns.items()}}
        for step in range(len(currents))
    ]


def figures(
    instance: Drive, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by name: ``tracking``, ``voltages``, ``plane``.

    Args:
        instance: the drive.
        solution: as the environment returns it.
        title: above the pictures.
    """
    rows = table(instance, solution)
    return {
        "tracking": tracking(rows, title),
        "voltages": voltages(instance, rows, title),
        "plane": plane(instance, rows, title),
    }


def tracking(rows: Rows, title: str) -> alt.LayerChart:
    """Return both currents over time, with their set-points as thin lines."""
    import altair as alt

    currents = [
        {"ms": row["ms"], "axis": axis, "current": row[f"i_{axis}"]}
        for row in rows
        for axis in _AXES
    ]
    wanted = [
        {"ms": row["ms"], "axis": axis, "current": row[f"set_{axis}"]}
        for row in rows
        for axis in _AXES
    ]
    aims = (
        alt.Chart(data(wanted))
        .mark_line(interpolate="step-before", color=INK, strokeWidth=1.0)
        .encode(x=time_axis(rows), y=alt.Y("current:Q", title="current, A"), detail="axis:N")
    )
    lines = (
        alt.Chart(data(currents))
        .mark_line(strokeWidth=2.0, opacity=0.85)
        .encode(x=time_axis(rows), y="current:Q", color=_colour("current of axis"))
    )
    mean = sum(row["error"] for row in rows) / len(rows)
    subtitle = f"set-points black; mean error {100 * mean:.3f} % of the current's range"
    return dress([lines, aims], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def voltages(instance: Drive, rows: Rows, title: str) -> alt.LayerChart:
    """Return the voltages that acted, with the radius of the circle that the hexagon holds."""
    import altair as alt

    long = [
        {"ms": row["ms"], "axis": axis, "voltage": row[f"u_{axis}"]}
        for row in rows
        for axis in _AXES
    ]
    lines = (
        alt.Chart(data(long))
        .mark_line(interpolate="step-before", strokeWidth=1.4)
        .encode(
            x=time_axis(rows),
            y=alt.Y("voltage:Q", title="voltage, V"),
            color=_colour("voltage of axis"),
        )
    )
    link = instance.motor.link_voltage * instance.conditions.voltage_scale
    limits = (
        alt.Chart(data([{"level": sign * CIRCLE * link} for sign in (-1, 1)]))
        .mark_rule(color=FAINT, strokeDash=[4, 3])
        .encode(y="level:Q")
    )
    most = max(np.hypot(row["u_d"], row["u_q"]) for row in rows)
    subtitle = (
        f"largest amplitude {most:.0f} V; hexagon from {CIRCLE * link:.0f} V (dashed) to "
        f"{CORNER * link:.0f} V"
    )
    return dress([limits, lines], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def plane(instance: Drive, rows: Rows, title: str) -> alt.LayerChart:
    """Return the path of the currents in their plane, with the limit and the set-points."""
    import altair as alt

    limit = instance.motor.current_limit
    far = 1.05 * max(limit, *(np.hypot(row["i_d"], row["i_q"]) for row in rows))
    circle = [
        {"i_d": limit * np.cos(angle), "i_q": limit * np.sin(angle), "step": step}
        for step, angle in enumerate(np.linspace(0.0, 2.0 * np.pi, 181).tolist())
    ]
    start = {"i_d": 0.0, "i_q": 0.0, "step": -1}
    path = [start, *({name: row[name] for name in ("i_d", "i_q", "step")} for row in rows)]
    aims = [{"i_d": row["set_d"], "i_q": row["set_q"]} for row in rows]
    border = (
        alt.Chart(data(circle))
        .mark_line(color=ALARM, strokeDash=[4, 3])
        .encode(x=_axis("d", far), y=_axis("q", far, vertical=True), order="step:O")
    )
    marks = (
        alt.Chart(data(_distinct(aims)))
        .mark_point(shape="cross", size=40, color=INK, opacity=0.5)
        .encode(x=_axis("d", far), y=_axis("q", far, vertical=True))
    )
    line = (
        alt.Chart(data(path))
        .mark_line(color=_BLUE, strokeWidth=1.4, opacity=0.85)
        .encode(x=_axis("d", far), y=_axis("q", far, vertical=True), order="step:Q")
    )
    over = sum(np.hypot(row["i_d"], row["i_q"]) > limit for row in rows)
    subtitle = (
        f"set-points crosses; above the limit of {limit:g} A in {over} of {len(rows)} periods"
    )
    return dress([border, marks, line], height=PLANE, title=alt.Title(title, subtitle=subtitle))


def _distinct(points: Sequence[Mapping[str, float]]) -> list[Mapping[str, float]]:
    """Return each point once, in order."""
    return list({tuple(point.values()): point for point in points}.values())


def _axis(axis: str, far: float, *, vertical: bool = False) -> Any:
    import altair as alt

    kind = alt.Y if vertical else alt.X
    reach = far if vertical else _WIDER * far
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    return kind(f"i_{axis}:Q", title=f"current of axis {axis}, A", scale=scale)


def _colour(title: str) -> alt.Color:
    import altair as alt

    scale = alt.Scale(domain=list(_AXES), range=list(_AXES.values()))
    return alt.Color("axis:N", scale=scale, title=title)
