"""Pictures and a table of an outage: who feeds whom, what is left, voltages, forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.energy.critical_load_restoration.voltages import balanced_voltages
from drlapps.look import ALARM, FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

    from drlapps.energy.critical_load_restoration.opendss import Replay

Rows: TypeAlias = list[dict[str, Any]]

HEIGHT = 260

_BLUE, _, _GREEN = palette(3)
_SUN, _WIND, _TURBINE, _BATTERY = "#f0b400", _GREEN, "#8a6d3b", _BLUE
_SOURCES = {"sun": _SUN, "wind": _WIND, "turbine": _TURBINE, "battery": _BATTERY}
_PHASES = dict(zip("abc", palette(3), strict=True))
_FORECASTS = 4
"""Forecasts that are drawn, made at even intervals."""


def table(instance: Scenario, solution: Mapping[str, Any]) -> Rows:
    """Return a row for each step.

    Args:
        instance: the scenario.
        solution: as the environment returns it.

    Returns:
        ``step``, ``hour`` of its start, ``load_kw`` served, ``weighted_share`` of all load, the
        power of ``sun``, ``wind``, ``turbine`` and ``battery`` (negative when it charges) in kW,
        ``charge_kwh`` and ``fuel_kwh`` at its end, ``lowest`` and ``highest`` voltage per unit.
    """
    grid, battery, dt = instance.microgrid, instance.microgrid.battery, instance.step_hours
    served = np.asarray(solution["served"])
    kw = np.array([load.p_kw for load in grid.loads])
    worth = kw * [load.weight for load in grid.loads]
    given = np.asarray(solution["battery_kw"])
    efficiency = np.where(given > 0, 1.0 / battery.discharge_efficiency, battery.charge_efficiency)
    stored = given * efficiency * dt
    burnt = np.asarray(solution["turbine_kw"]) * dt
    voltage = balanced_voltages(instance, solution)
    columns = {
        "hour": np.arange(len(served)) * dt,
        "load_kw": served @ kw,
        "weighted_share": served @ worth / worth.sum(),
        "sun": np.asarray(solution["solar_kw"]),
        "wind": np.asarray(solution["wind_kw"]),
        "turbine": np.asarray(solution["turbine_kw"]),
        "battery": given,
        "charge_kwh": instance.initial_kwh - np.cumsum(stored),
        "fuel_kwh": grid.turbine.fuel_kwh - np.cumsum(burnt),
        "lowest": voltage.min(axis=1),
        "highest": voltage.max(axis=1),
    }
    return [
        {"step": step, **{name: float(column[step]) for name, column in columns.items()}}
        for step in range(len(served))
    ]


def figures(
    instance: Scenario, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by name: ``dispatch``, ``loads``, ``stores``, ``voltage``, ``forecast``.

    Args:
        instance: the scenario.
        solution: as the environment returns it.
        title: above the pictures.
    """
    rows = table(instance, solution)
    return {
        "dispatch": dispatch(instance, rows, title),
        "loads": loads(instance, solution, title),
        "stores": stores(instance, rows, title),
        "voltage": voltage(instance, rows, title),
        "forecast": forecast(instance, title),
    }


def dispatch(instance: Scenario, rows: Rows, title: str) -> alt.LayerChart:
    """Return the power of sun, wind, turbine and battery in a stack, with the load that it serves.

    What lies above the load charges the battery, which is below zero as much.
    """
    import altair as alt

    held = _held(instance, rows)
    long = [
        {"hour": row["hour"], "source": name, "place": place, "kw": row[name]}
        for row in held
        for place, name in enumerate(_SOURCES)
    ]
    stack = (
        alt.Chart(data(long))
        .mark_area(interpolate="step-after", opacity=0.85)
        .encode(
            x=_time(instance),
            y=alt.Y("kw:Q", title="power, kW", stack="zero"),
            color=_colour("source", _SOURCES),
            order="place:Q",
        )
    )
    load = (
        alt.Chart(data(held))
        .mark_line(interpolate="step-after", color=INK, strokeWidth=2.2)
        .encode(x=_time(instance), y="load_kw:Q")
    )
    energy = sum(row["load_kw"] for row in rows) * instance.step_hours
    subtitle = f"{energy:,.0f} kWh served (line); the battery charges below zero"
    return dress([stack, load], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def loads(instance: Scenario, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return the served share of every load over time, the heaviest weight on top."""
    import altair as alt

    grid = instance.microgrid
    names = [f"{load.name}  ({load.weight:g}, {load.p_kw:.0f} kW)" for load in grid.loads]
    served = np.asarray(solution["served"])
    rows = [
        {**stretch, "load": name}
        for name, shares in zip(names, served.T, strict=True)
        for stretch in _stretches(shares.tolist(), instance.step_hours)
    ]
    cells = (
        alt.Chart(data(rows))
        .mark_rect()
        .encode(
            x=_time(instance),
            x2="end:Q",
            y=alt.Y("load:N", sort=names, title="load (weight, power)"),
            color=alt.Color(
                "served:Q",
                scale=alt.Scale(scheme="blues", domain=[0.0, 1.0]),
                legend=alt.Legend(title="served", format="~%"),
            ),
            tooltip=["load:N", "hour:Q", alt.Tooltip("served:Q", format=".1%")],
        )
    )
    given_up = np.maximum(-np.diff(served, axis=0), 0.0) @ [load.p_kw for load in grid.loads]
    subtitle = f"{given_up.sum():.0f} kW given up after they had been restored"
    heading = alt.Title(title, subtitle=subtitle)
    return dress([cells], height=alt.Step(18), title=heading)


def stores(instance: Scenario, rows: Rows, title: str) -> alt.LayerChart:
    """Return the energy in battery and tank, with the least that the battery keeps."""
    import altair as alt

    grid, battery = instance.microgrid, instance.microgrid.battery
    colours = {"battery": _BATTERY, "fuel": _TURBINE}
    start = {"charge_kwh": instance.initial_kwh, "fuel_kwh": grid.turbine.fuel_kwh}
    long = [
        {"hour": k * instance.step_hours, "store": store, "kwh": row[column]}
        for k, row in enumerate([start, *rows])
        for store, column in (("battery", "charge_kwh"), ("fuel", "fuel_kwh"))
    ]
    lines = (
        alt.Chart(data(long))
        .mark_line(strokeWidth=2.2)
        .encode(
            x=_time(instance),
            y=alt.Y("kwh:Q", title="energy, kWh", scale=alt.Scale(domainMin=0)),
            color=_colour("store", colours),
        )
    )
    limits = _rules([battery.min_kwh, battery.max_kwh], FAINT)
    subtitle = (
        f"battery within {battery.min_kwh:,.0f} and {battery.max_kwh:,.0f} kWh; at the end "
        f"{rows[-1]['charge_kwh'] - battery.min_kwh:,.0f} kWh above its least, "
        f"{rows[-1]['fuel_kwh']:,.0f} of {grid.turbine.fuel_kwh:,.0f} kWh of fuel"
    )
    return dress([limits, lines], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def voltage(instance: Scenario, rows: Rows, title: str) -> alt.LayerChart:
    """Return the band between the lowest and the highest voltage, with the limits."""
    import altair as alt

    grid = instance.microgrid
    held = _held(instance, rows)
    base = alt.Chart(data(held)).encode(x=_time(instance))
    axis = alt.Y("lowest:Q", title="voltage, per unit", scale=alt.Scale(zero=False))
    layers = [
        base.mark_area(interpolate="step-after", color=_BLUE, opacity=0.25).encode(
            y=axis, y2="highest:Q"
        ),
        *(
            base.mark_line(interpolate="step-after", color=_BLUE, strokeWidth=1.6).encode(
                y=alt.Y(f"{name}:Q", scale=alt.Scale(zero=False))
            )
            for name in ("lowest", "highest")
        ),
        _rules([grid.min_voltage, grid.max_voltage], ALARM),
    ]
    lowest, highest = min(row["lowest"] for row in rows), max(row["highest"] for row in rows)
    subtitle = (
        f"over all buses {lowest:.4f} to {highest:.4f}; "
        f"limits {grid.min_voltage:g} and {grid.max_voltage:g}"
    )
    return dress(layers, height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def forecast(instance: Scenario, title: str) -> alt.LayerChart:
    """Return sun and wind together as they came, and as forecast at some moments."""
    import altair as alt

    dt, steps = instance.step_hours, instance.steps
    truth = (instance.solar_kw + instance.wind_kw).tolist()
    moments = sorted({steps * k // _FORECASTS for k in range(_FORECASTS)})
    names = [f"at {moment * dt:.2g} h" for moment in moments]
    rows = [
        {"hour": (moment + k) * dt, "forecast": name, "kw": power}
        for moment, name in zip(moments, names, strict=True)
        for k, power in enumerate(np.sum(instance.forecast(moment), axis=0).tolist())
    ]
    lines = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=1.3, strokeDash=[5, 3])
        .encode(
            x=_time(instance),
            y=alt.Y("kw:Q", title="sun and wind, kW"),
            color=_colour("forecast", dict(zip(names, palette(len(names)), strict=True))),
        )
    )
    came = (
        alt.Chart(data([{"hour": k * dt, "kw": power} for k, power in enumerate(truth)]))
        .mark_line(color=INK, strokeWidth=2.2)
        .encode(x=_time(instance), y="kw:Q")
    )
    subtitle = f"as they came (black), and as forecast with an error of {instance.error:.0%}"
    return dress([lines, came], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def three_phase(instance: Scenario, replay: Replay, title: str) -> alt.LayerChart:
    """Return the lowest and the highest voltage of each phase, from a replay in OpenDSS."""
    import altair as alt

    held = np.concatenate([replay.voltage, replay.voltage[-1:]])
    ends = {"lowest": np.nanmin(held, axis=1), "highest": np.nanmax(held, axis=1)}
    rows = [
        {"hour": t * instance.step_hours, "phase": phase, "end": end, "voltage": float(value)}
        for end, values in ends.items()
        for phase, column in zip(_PHASES, values.T, strict=True)
        for t, value in enumerate(column)
    ]
    lines = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-after", strokeWidth=1.6)
        .encode(
            x=_time(instance),
            y=alt.Y("voltage:Q", title="voltage, per unit", scale=alt.Scale(zero=False)),
            color=_colour("phase", _PHASES),
            strokeDash=alt.StrokeDash("end:N", sort=list(ends), title="of all nodes"),
        )
    )
    limits = _rules([replay.min_voltage, replay.max_voltage], ALARM)
    subtitle = (
        f"phases differ at a node by up to {replay.unbalance:.4f}, and from the balanced voltage "
        f"by up to {replay.difference:.4f}"
    )
    return dress([lines, limits], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def _stretches(shares: Sequence[float], dt: float) -> Iterator[dict[str, float]]:
    """Yield when a load was served to what share, to the tenth of a percent, without seams."""
    for share, steps in groupby(enumerate(shares), key=lambda step: round(step[1], 3)):
        first, *others = [t for t, _ in steps]
        yield {"hour": first * dt, "end": (first + len(others) + 1) * dt, "served": share}


def _held(instance: Scenario, rows: Rows) -> Rows:
    """Return the rows with the last one once more at its end: what steps are drawn from."""
    return [*rows, {**rows[-1], "hour": instance.steps * instance.step_hours}]


def _time(instance: Scenario) -> alt.X:
    import altair as alt

    domain = [0.0, instance.steps * instance.step_hours]
    scale, axis = alt.Scale(domain=domain, nice=False), alt.Axis(tickCount=12, format="~g")
    return alt.X("hour:Q", title="hours", scale=scale, axis=axis)


def _colour(field: str, colours: Mapping[str, str]) -> alt.Color:
    import altair as alt

    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color(f"{field}:N", scale=scale, title=field)


def _rules(levels: Sequence[float], colour: str) -> alt.Chart:
    import altair as alt

    rules: alt.Chart = (
        alt.Chart(data([{"level": level} for level in levels]))
        .mark_rule(color=colour, strokeDash=[4, 3])
        .encode(y="level:Q")
    )
    return rules
