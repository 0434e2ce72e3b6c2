"""Pictures and a table of an episode: what was controlled, currents and voltage, and the torque."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.motor import CURRENT, MAGNETS, MUTUAL, SELF, SHUNT
from drlapps.control.motors.look import time_axis
from drlapps.look import ALARM, FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

Rows: TypeAlias = list[dict[str, Any]]

HEIGHT = 260
TALL = 420
MOST_ROWS = 5000
"""A longer episode, as the finite set's, is thinned out: every so many decisions are drawn."""

_BLUE, _ORANGE = palette(2)
_WINDINGS = {"armature": _BLUE, "field": _ORANGE}


def table(instance: Drive, solution: Mapping[str, Any]) -> Rows:
    """Return a row for each decision.

    Args:
        instance: the drive.
        solution: as the environment returns it.

    Returns:
        ``step``, ``ms`` at its end, ``set_point`` and ``value`` of what is controlled, in ampere or
        rad/s, ``armature`` and ``field`` currents, the ``voltage`` that acted,
        ``speed``, ``torque_nm`` of the motor in truth, and the ``error`` at the end.
    """
    currents, speeds = np.array(solution["currents"]), np.array(solution["speeds"])
    decisions = 10 if solution["control_set"] == "finite" else 1
    wanted = np.repeat(instance.setpoints, decisions)[: len(speeds)]
    value = currents[:, 0] if instance.control == CURRENT else speeds
    plant = instance.motor.plant(instance.conditions)
    flux = plant[SELF] * currents[:, 0] + plant[MUTUAL] * currents[:, 1] + plant[MAGNETS]
    columns = {
        "ms": 1e3 * instance.motor.period / decisions * np.arange(1, len(speeds) + 1),
        "set_point": wanted,
        "value": value,
        "armature": currents[:, 0],
        "field": currents[:, 1],
        "voltage": np.array(solution["voltages"]),
        "speed": speeds,
        "torque_nm": flux * currents[:, 0],
        "error": np.abs(wanted - value) / (2.0 * instance.scale),
    }
    return [
        {"step": step, **{name: float(column[step]) for name, column in columns.items()}}
        for step in range(len(speeds))
    ]


def figures(
    instance: Drive, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by name: ``tracking``, ``currents``, ``voltage``, ``torque``.

    Args:
        instance: the drive.
        solution: as the environment returns it.
        title: above the pictures.
    """
    rows = table(instance, solution)
    mean = sum(row["error"] for row in rows) / len(rows)
    drawn = rows[:: -(-len(rows) // MOST_ROWS)]
    return {
        "tracking": tracking(instance, drawn, title, mean),
        "currents": currents(instance, drawn, title),
        "voltage": voltage(instance, drawn, title),
        "torque": torque(drawn, title),
    }


def tracking(instance: Drive, rows: Rows, title: str, mean: float) -> alt.LayerChart:
    """Return what is controlled over time, with its set-point as a thin line."""
    import altair as alt

    what = "armature current, A" if instance.control == CURRENT else "speed, rad/s"
    aims = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-before", color=INK, strokeWidth=1.0)
        .encode(x=time_axis(rows), y=alt.Y("set_point:Q", title=what))
    )
    line = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=2.0, opacity=0.85, color=_BLUE)
        .encode(x=time_axis(rows), y="value:Q")
    )
    subtitle = f"set-points black; mean error {100 * mean:.3f} % of the range at ends of decisions"
    return dress([line, aims], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def currents(instance: Drive, rows: Rows, title: str) -> alt.LayerChart:
    """Return the currents of the windings over time, with their limit."""
    import altair as alt

    names = list(_WINDINGS) if instance.motor.kind == SHUNT else ["armature"]
    limit = instance.motor.current_limit
    long = [
        {"ms": row["ms"], "winding": name, "current": row[name]} for row in rows for name in names
    ]
    lines = (
        alt.Chart(data(long))
        .mark_line(strokeWidth=1.6, opacity=0.85)
        .encode(
            x=time_axis(rows),
            y=alt.Y("current:Q", title="current, A"),
            color=alt.Color(
                "winding:N",
                title="current of",
                scale=alt.Scale(domain=names, range=[_WINDINGS[name] for name in names]),
            ),
        )
    )
    most = max(abs(row[name]) for row in rows for name in names)
    layers = [lines]
    if most > 0.5 * limit:
        rules = alt.Chart(data([{"level": -limit}, {"level": limit}]))
        layers.append(rules.mark_rule(color=ALARM, strokeDash=[4, 3]).encode(y="level:Q"))
    subtitle = f"largest current {most:.0f} A of the limit's {limit:g} A"
    return dress(layers, height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def voltage(instance: Drive, rows: Rows, title: str) -> alt.LayerChart:
    """Return the voltage that acted, with that of the supply."""
    import altair as alt

    supply = instance.motor.voltage * instance.conditions.voltage_scale
    line = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-before", strokeWidth=1.2, color=_BLUE)
        .encode(x=time_axis(rows), y=alt.Y("voltage:Q", title="voltage, V"))
    )
    rules = alt.Chart(data([{"level": -supply}, {"level": supply}]))
    limits = rules.mark_rule(color=FAINT, strokeDash=[4, 3]).encode(y="level:Q")
    full = sum(abs(row["voltage"]) > 0.999 * supply for row in rows) / len(rows)
    subtitle = f"all of the supply's {supply:g} V (dashed) {100 * full:.0f} % of the time"
    return dress([limits, line], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def torque(rows: Rows, title: str) -> alt.LayerChart:
    """Return the path in the plane of speed and torque, in which drives are specified."""
    import altair as alt

    speeds = [row["speed"] for row in rows]
    held = max(speeds) - min(speeds) < 1e-6
    across = (
        alt.X("ms:Q", title="milliseconds")
        if held
        else alt.X("speed:Q", title="speed, rad/s", scale=alt.Scale(zero=False))
    )
    line = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=1.4, opacity=0.85, color=_BLUE)
        .encode(x=across, y=alt.Y("torque_nm:Q", title="torque, Nm"), order="step:Q")
    )
    largest = max(abs(row["torque_nm"]) for row in rows)
    where = f"at {speeds[0]:.0f} rad/s" if held else f"{min(speeds):.0f} to {max(speeds):.0f} rad/s"
    subtitle = f"{where}; largest torque {largest:.1f} Nm"
    return dress([line], height=TALL, title=alt.Title(title, subtitle=subtitle))
