"""Pictures and tables of a repair plan."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.grid.feeder import BASE_KVA, Bools
from drlapps.look import ALARM, FAINT, data, dress, ink_on, palette

if TYPE_CHECKING:
    import altair as alt

    from drlapps.energy.grid.drawing import State

COMPARED = ("restoration", "crews")
"""What a comparison shows of each policy."""

_TRAVEL = FAINT


def table(instance: Damage, solution: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each repair, in order of completion: who, what, when, what it energised."""
    gains = {
        after["time"]: after["served_kw"] - before["served_kw"]
        for before, after in pairwise(supply(instance, solution))
    }
    return [
        {**repair, "order": order, "energised_kw": gains.get(repair["end"], 0.0)}
        for order, repair in enumerate(sorted(solution["repairs"], key=lambda r: r["end"]), 1)
    ]


def supply(instance: Damage, solution: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return the weighted load served from each time on, and its share of all load."""
    weight = instance.feeder.arrays.weight * instance.feeder.arrays.p * BASE_KVA
    total = max(float(weight.sum()), 1e-9)
    rows: dict[float, dict[str, float]] = {}
    for time, closed in _positions(instance, solution):
        served = float(weight[_energised(instance, closed)].sum())
        rows[time] = {"time": time, "served_kw": served, "served": served / total}
    return list(rows.values())


def figures(
    instance: Damage, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a plan by name: restoration curve, crews, feeder.

    Args:
        instance: the problem.
        solution: ``{"repairs": [...], "positions": [...]}``.
        title: above the pictures.
    """
    return {
        "restoration": restoration(instance, solution, title),
        "crews": crews(instance, solution, title),
        "feeder": feeder(instance, solution, title),
    }


def restoration(instance: Damage, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return the share of the weighted load served over time; the area above it is the harm."""
    import altair as alt

    steps = supply(instance, solution)
    end = max(repair["end"] for repair in solution["repairs"])
    total = steps[-1]["served_kw"]
    rows = [{**step, "all": 1.0} for step in (*steps, {**steps[-1], "time": end})]
    harm = sum((total - a["served_kw"]) * (b["time"] - a["time"]) for a, b in pairwise(rows))
    share = alt.Y(
        "served:Q", title="weighted load served", axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )  # fmt: skip
    hours = alt.X("time:Q", title="hours", scale=alt.Scale(domain=[0, end], nice=False))
    tooltip = [alt.Tooltip("time:Q"), alt.Tooltip("served:Q", format=".1%")]
    base = alt.Chart(data(rows)).encode(x=hours, y=share, tooltip=tooltip)
    above = base.mark_area(interpolate="step-after", color=ALARM, opacity=0.10)
    layers = [
        above.encode(y2=alt.Y2("all:Q")),
        base.mark_line(interpolate="step-after", color=palette(1)[0], strokeWidth=2.4),
    ]
    subtitle = f"harm {harm:,.0f} weighted kWh (the area above the line), all repaired at {end:g} h"
    return dress(layers, height=260, title=alt.Title(title, subtitle=subtitle))


def crews(instance: Damage, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return the Gantt chart: a row for each crew, a bar for each repair, grey for travel.

    A bar bears the name of its line; the darker it is, the more its completion energised.
    """
    import altair as alt

    rows = table(instance, solution)
    most = max(max(row["energised_kw"] for row in rows), 1e-9)
    end = max(row["end"] for row in rows)
    names = [f"crew {crew + 1}" for crew in range(instance.crews)]
    colours = ("#f3e3c3", "#e8590c")
    bars = [
        {
            **row,
            "crew": names[row["crew"] - 1],
            "ink": ink_on(colours[int(row["energised_kw"] > 0.4 * most)]),
            "label": row["line"] if row["end"] - row["start"] > end / 60 else "",
            "middle": (row["start"] + row["end"]) / 2,
        }
        for row in rows
    ]
    x = alt.X("start:Q", title="hours", scale=alt.Scale(domain=[0, end], nice=False))
    y = alt.Y(
        "crew:N", title=None, scale=alt.Scale(domain=names, paddingInner=0.14),
        axis=alt.Axis(ticks=False),
    )  # fmt: skip
    energised = alt.Color(
        "energised_kw:Q", scale=alt.Scale(type="sqrt", domain=[0, most], range=list(colours)),
        legend=alt.Legend(title="weighted kW energised"),
    )  # fmt: skip
    tooltip = ["order:Q", "line:N", "crew:N", "start:Q", "end:Q", "energised_kw:Q"]
    base = alt.Chart(data(bars)).encode(y=y, tooltip=tooltip)
    layers = [
        alt.Chart(data(_ways(bars)))
        .mark_bar(color=_TRAVEL, height=6)
        .encode(x=x, x2="end:Q", y=y, tooltip=["crew:N", "start:Q", "end:Q"]),
        base.mark_bar(stroke="white", strokeWidth=0.8).encode(x=x, x2="end:Q", color=energised),
        base.mark_text(fontSize=11).encode(
            x="middle:Q", text="label:N", color=alt.Color("ink:N", scale=None)
        ),
    ]
    travel = "; grey: on the way" if instance.travels else ""
    subtitle = f"a bar is the repair of the line whose name it bears{travel}"
    return dress(layers, height=alt.Step(34), title=alt.Title(title, subtitle=subtitle))


def feeder(instance: Damage, solution: Mapping[str, Any], title: str) -> alt.VConcatChart:
    """Return the feeder after the storm, half-way, and with the order in which it was repaired."""
    from drlapps.energy.grid.drawing import pictures

    ends = sorted(repair["end"] for repair in solution["repairs"])
    half = ends[(len(ends) - 1) // 2]
    states = {
        "after the storm": _state(instance, solution, 0.0),
        f"after {half:g} h": _state(instance, solution, half),
        f"after {ends[-1]:g} h, all repaired": _state(instance, solution, ends[-1]),
    }
    return pictures(instance.feeder, states, title, limits=(instance.min_voltage, 1.10))


def _state(instance: Damage, solution: Mapping[str, Any], time: float) -> State:
    """Return what the feeder is like at a time, repaired lines numbered in order of completion."""
    from drlapps.energy.grid.drawing import State
    from drlapps.energy.grid.power_flow import power_flow

    index = instance.feeder.branch_index
    closed = next(
        closed for t, closed in reversed(_positions(instance, solution)) if t <= time + 1e-9
    )
    repairs = sorted(solution["repairs"], key=lambda repair: repair["end"])
    done = [index[repair["line"]] for repair in repairs if repair["end"] <= time + 1e-9]
    changed = {line: turn for turn, line in enumerate(done, 1) if closed[line]}
    flow = power_flow(instance.feeder, closed)
    return State(
        closed,
        np.abs(flow.voltage) if flow.converged else None,
        faults=[line for line in instance.lines if line not in done],
        changed=changed,
    )


def _positions(instance: Damage, solution: Mapping[str, Any]) -> list[tuple[float, Bools]]:
    """Return which branches conduct from each time on, from the start."""
    index = instance.feeder.branch_index
    closed = instance.feeder.arrays.closed.copy()
    closed[list(instance.lines)] = False
    found = [(0.0, closed.copy())]
    for step in solution["positions"]:
        closed[[index[name] for name in step["closed"]]] = True
        closed[[index[name] for name in step["opened"]]] = False
        found.append((float(step["time"]), closed.copy()))
    return found


def _energised(instance: Damage, closed: Bools) -> Bools:
    from drlapps.energy.grid.power_flow import power_flow

    return power_flow(instance.feeder, closed).energised


def _ways(bars: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the time of each crew between its repairs."""
    found = []
    for crew in {bar["crew"] for bar in bars}:
        free = 0.0
        for bar in sorted((bar for bar in bars if bar["crew"] == crew), key=lambda b: b["start"]):
            if bar["start"] > free:
                found.append({"crew": crew, "start": free, "end": bar["start"]})
            free = bar["end"]
    return found
