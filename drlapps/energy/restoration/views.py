"""Pictures of a restoration: the feeder, the switching sequence, voltages, the load served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from drlapps.energy.grid.drawing import State, pictures
from drlapps.energy.grid.feeder import BASE_KVA, Bools, Floats
from drlapps.energy.grid.power_flow import power_flow
from drlapps.energy.restoration.outage import TOLERANCE, Outage
from drlapps.look import ALARM, FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

COMPARED = ("feeder", "sequence")
"""What a comparison shows of each policy."""

_BLUE, _ORANGE, _GREEN, _PURPLE = palette(4)
_KINDS = {"start": FAINT, "close": _GREEN, "open": _ORANGE, "shed": _PURPLE}
_RULE: dict[str, Any] = {"strokeDash": [5, 4], "strokeWidth": 1.2}
_HEIGHT, _ROW = 260, 26
_MOST_NAMED = 16  # operations whose names have room below the curve


class Stage(NamedTuple):
    """The feeder after an operation.

    Attributes:
        kind: ``start``, ``close``, ``open`` or ``shed``.
        name: of the branch or bus.
        place: position of the branch or bus.
        closed: which branches conduct, (e,).
        connected: which loads are connected, (n,).
        looped: whether a loop is closed until the next operation; then what follows is as before.
        voltage: of each bus per unit, 0 in the dark; all 0 in a collapse, (n,).
        load_served: share of the weighted load.
        loss_kw: losses; in a collapse all that is drawn.
    """

    kind: str
    name: str
    place: int
    closed: Bools
    connected: Bools
    looped: bool
    voltage: Floats
    load_served: float
    loss_kw: float

    @property
    def min_voltage(self) -> float:
        """The lowest voltage of what is energised, per unit; 0 in a collapse."""
        return float(min(self.voltage[self.voltage > 0], default=0.0))


def stages(instance: Outage, solution: Mapping[str, Any]) -> list[Stage]:
    """Return the feeder after the fault and after each operation, by AC power flow.

    Args:
        instance: the outage.
        solution: as the environment returns it; only ``operations`` are read.
    """
    feeder = instance.feeder
    closed, connected = instance.start.copy(), np.ones(len(feeder.buses), np.bool_)
    found = [_stage(instance, "start", "", -1, closed, connected, None)]
    for kind, name in solution["operations"]:
        closed, connected = closed.copy(), connected.copy()
        place = feeder.index[name] if kind == "shed" else feeder.branch_index[name]
        if kind == "shed":
            connected[place] = False
        else:
            closed[place] = kind == "close"
        found.append(_stage(instance, kind, name, place, closed, connected, found[-1]))
    return found


def _stage(
    instance: Outage,
    kind: str,
    name: str,
    place: int,
    closed: Bools,
    connected: Bools,
    before: Stage | None,
) -> Stage:
    flow = power_flow(
        instance.feeder,
        closed,
        instance.p * connected * BASE_KVA,
        instance.q * connected * BASE_KVA,
    )
    if flow.loops and before is not None:
        kept = before.voltage, before.load_served, before.loss_kw
        return Stage(kind, name, place, closed, connected, True, *kept)
    voltage = np.nan_to_num(np.abs(flow.voltage), nan=0.0)
    low, high = instance.min_voltage - TOLERANCE, instance.max_voltage + TOLERANCE
    served = connected & (voltage >= low) & (voltage <= high)
    share = float(instance.worth[served].sum())
    drawn = float(instance.p[connected & flow.energised].sum()) * BASE_KVA
    loss = flow.loss_kw if flow.converged else drawn
    return Stage(kind, name, place, closed, connected, False, voltage, share, loss)


def table(instance: Outage, solution: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return a row for the start and for each operation.

    Returns:
        ``step``, ``kind``, ``name``, ``ends`` (the buses of a branch), ``loop`` (whether a loop is
        closed until the next operation), ``load_served``, ``min_voltage`` (per unit) and
        ``loss_kw``.
    """
    rows = []
    for step, stage in enumerate(stages(instance, solution)):
        ends = ""
        if stage.kind in ("close", "open"):
            branch = instance.feeder.branches[stage.place]
            ends = f"{branch.from_bus}\u2013{branch.to_bus}"
        rows.append(
            {
                "step": step, "kind": stage.kind, "name": stage.name, "ends": ends,
                "loop": stage.looped, "load_served": stage.load_served,
                "min_voltage": stage.min_voltage, "loss_kw": stage.loss_kw,
            }
        )  # fmt: skip
    return rows


def figures(
    instance: Outage, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a restoration by name.

    They are ``feeder`` (after the fault and after switching), ``sequence`` (what each operation
    brings), ``voltages`` and ``restoration`` (the load served over the operations).

    Args:
        instance: the outage.
        solution: as the environment returns it; only ``operations`` are read.
        title: above the pictures.
    """
    played = stages(instance, solution)
    rows = table(instance, solution)
    return {
        "feeder": feeder(instance, played, title),
        "sequence": sequence(instance, rows, title),
        "voltages": voltages(instance, played, title),
        "restoration": restoration(instance, rows, title),
    }


def feeder(instance: Outage, played: Sequence[Stage], title: str) -> alt.VConcatChart:
    """Return the one-line diagrams before and after the operations."""
    first, last = played[0], played[-1]
    before = "After the fault" if instance.faults else "Before"
    count = len(played) - 1
    after = f"After {count} operation{'s' * (count != 1)}"
    states = {
        f"{before}: {_outcome(first)}": State(first.closed, first.voltage, instance.faults),
        f"{after}: {_outcome(last)}": State(
            closed=last.closed,
            voltage=last.voltage,
            faults=instance.faults,
            shed=np.flatnonzero(~last.connected).tolist(),
            changed={
                stage.place: step
                for step, stage in enumerate(played)
                if stage.kind in ("close", "open")
            },
        ),
    }
    limits = instance.min_voltage, instance.max_voltage
    return pictures(instance.feeder.scaled(instance.loading), states, title, limits)


def _outcome(stage: Stage) -> str:
    served = f"{100.0 * stage.load_served:.4g} % of the weighted load served"
    if not stage.min_voltage:
        return f"{served}, voltage collapse"
    return f"{served}, lowest voltage {stage.min_voltage:.4f} pu, losses {stage.loss_kw:,.1f} kW"


def sequence(instance: Outage, rows: Sequence[Mapping[str, Any]], title: str) -> alt.HConcatChart:
    """Return a row for each operation: what it is, its gain, and the lowest voltage after it.

    The gain is told by the load served; where losses are the aim, by them.
    """
    import altair as alt

    steps: list[dict[str, Any]] = [
        {
            **row,
            "order": row["step"] or "",
            "what": _what(row, bool(instance.faults)),
            "gain": _gain(instance, row),
            "lowest": f"{row['min_voltage']:.4f}" if row["min_voltage"] else "collapse",
            "low": row["min_voltage"] < instance.min_voltage - TOLERANCE,
        }
        for row in rows
    ]
    domain = [len(steps) - 0.5, -0.5]
    y = alt.Y("step:Q", axis=None, scale=alt.Scale(domain=domain, nice=False, padding=0))
    height = _ROW * len(steps)
    base = alt.Chart(data(steps)).encode(y=y)
    named = _named(base).properties(width=260, height=height)
    gains = _bars(base, instance, rows).properties(width=310, height=height)
    lowest = _dots(base, instance, rows).properties(width=290, height=height)
    heading = alt.Title(title, subtitle="by AC power flow after each operation")
    chart: alt.HConcatChart = alt.hconcat(named, gains, lowest, spacing=20, title=heading)
    return chart.properties(background="white", padding=8, config=dress([], height=1).config)


def _what(row: Mapping[str, Any], faulted: bool) -> str:
    """Return an operation in words."""
    if row["kind"] == "start":
        return "after the fault" if faulted else "before"
    if row["kind"] == "shed":
        return f"shed the load of bus {row['name']}"
    loop = ": loop closed" if row["loop"] else ""
    return f"{row['kind']} {row['name']} ({row['ends']}){loop}"


def _gain(instance: Outage, row: Mapping[str, Any]) -> float:
    """Return what the operations are for: load served in percent, or losses in kW."""
    return float(row["loss_kw"] if instance.minimises_loss else 100.0 * row["load_served"])


def _aim(instance: Outage) -> str:
    """Return the name of the gain."""
    return "losses, kW" if instance.minimises_loss else "weighted load served, %"


def _named(base: alt.Chart) -> alt.LayerChart:
    """Return the operations with their numbers."""
    import altair as alt

    kinds = alt.Scale(domain=list(_KINDS), range=list(_KINDS.values()))
    x: dict[str, Any] = {"x": alt.value(12)}
    discs = base.mark_circle(size=260, opacity=1.0).encode(
        **x, fill=alt.Fill("kind:N", scale=kinds, legend=None)
    )
    orders = base.mark_text(fontSize=11, fontWeight=700, color="white").encode(**x, text="order:N")
    words = base.mark_text(align="left", fontSize=12, color=INK).encode(
        x=alt.value(32), text="what:N"
    )
    return alt.LayerChart(layer=[discs, orders, words])


def _bars(base: alt.Chart, instance: Outage, rows: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """Return the gain after each operation."""
    import altair as alt

    most = max(_gain(instance, row) for row in rows) if instance.minimises_loss else 100.0
    x = alt.X(
        "gain:Q", title=_aim(instance), axis=alt.Axis(tickCount=5),
        scale=alt.Scale(domain=[0, 1.16 * most], nice=False),  # with room for the numbers
    )  # fmt: skip
    faded = alt.when("datum.loop").then(alt.value(0.35)).otherwise(alt.value(0.85))
    bars = base.mark_bar(orient="horizontal", size=17, color=_BLUE).encode(
        x=x, x2=alt.datum(0), opacity=faded
    )
    form = ".1f" if instance.minimises_loss else ".4~g"
    texts = base.mark_text(align="left", dx=5, fontSize=11, color=INK).encode(
        x=x, text=alt.Text("gain:Q", format=form)
    )
    return alt.LayerChart(layer=[bars, texts])


def _dots(base: alt.Chart, instance: Outage, rows: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """Return the lowest voltage after each operation, beside its limit."""
    import altair as alt

    found = [row["min_voltage"] for row in rows if row["min_voltage"]]
    low = min([instance.min_voltage, *found]) - 0.01
    high = max([instance.min_voltage, *found]) + 0.01
    domain = [low, high + 0.22 * (high - low)]  # room for the numbers
    x = alt.X(
        "min_voltage:Q", title="lowest voltage, pu",
        scale=alt.Scale(domain=domain, nice=False, clamp=True, zero=False),
        axis=alt.Axis(format=".2f", tickCount=5),
    )  # fmt: skip
    colour = alt.when("datum.low").then(alt.value(ALARM)).otherwise(alt.value(_BLUE))
    faded = alt.when("datum.loop").then(alt.value(0.35)).otherwise(alt.value(1.0))
    dots = base.mark_circle(size=90).encode(x=x, fill=colour, opacity=faded)
    number: dict[str, Any] = {"align": "left", "dx": 9, "fontSize": 11}
    halo = base.mark_text(**number, stroke="white", strokeWidth=3)
    numbers = base.mark_text(**number).encode(color=colour)
    rule = alt.Chart(data([{"limit": instance.min_voltage}])).mark_rule(**_RULE, color=ALARM)
    texts = [text.encode(x=x, text="lowest:N") for text in (halo, numbers)]
    return alt.LayerChart(layer=[rule.encode(x="limit:Q"), *texts, dots])


def voltages(instance: Outage, played: Sequence[Stage], title: str) -> alt.LayerChart:
    """Return the voltage of each bus in normal operation and after switching, with the limits."""
    import altair as alt

    grid = instance.feeder
    normal = power_flow(grid, None, instance.p * BASE_KVA, instance.q * BASE_KVA)
    profiles = {
        "normal operation" if instance.faults else "before": np.abs(normal.voltage),
        "after switching": played[-1].voltage,
    }
    colours = dict(zip(profiles, (FAINT, _BLUE), strict=True))
    rows: list[dict[str, Any]] = [
        {"bus": bus.name, "state": state, "voltage": round(float(value), 5)}
        for state, profile in profiles.items()
        for bus, value in zip(grid.buses, profile, strict=True)
    ]
    limits = (instance.min_voltage, instance.max_voltage)
    there = [row["voltage"] for row in rows if row["voltage"] > 0] + [limits[0]]
    low, high = min(there) - 0.01, max(there) + 0.01
    x = alt.X(
        "bus:N", title="bus", sort=None, scale=alt.Scale(domain=[bus.name for bus in grid.buses]),
        axis=alt.Axis(labelOverlap="greedy", labelAngle=0, labelSeparation=4),
    )  # fmt: skip
    y = alt.Y(
        "voltage:Q", title="voltage, pu", axis=alt.Axis(format=".2f"),
        scale=alt.Scale(domain=[low, high], nice=False, zero=False),
    )  # fmt: skip
    colour = alt.Color(
        "state:N", scale=alt.Scale(domain=list(colours), range=list(colours.values())),
        legend=alt.Legend(title=None, orient="top", symbolType="circle"),
    )  # fmt: skip
    tooltip: list[Any] = ["bus:N", "state:N", alt.Tooltip("voltage:Q", format=".4f")]
    base = alt.Chart(data([row for row in rows if row["voltage"] > 0])).encode(
        x=x, y=y, color=colour, tooltip=tooltip
    )
    dark = [
        row["bus"] for row in rows if row["voltage"] == 0 and row["state"] != "normal operation"
    ]
    layers = [
        alt.Chart(data([{"limit": limit} for limit in limits if low < limit < high]))
        .mark_rule(**_RULE, color=ALARM)
        .encode(y="limit:Q"),
        base.mark_line(strokeWidth=1.2, opacity=0.6),
        base.mark_circle(size=46, opacity=1.0),
    ]
    if dark:
        layers.append(
            alt.Chart(data([{"bus": bus, "voltage": low} for bus in dark]))
            .mark_tick(color=FAINT, thickness=3, size=10, orient="vertical")
            .encode(x=x, y=y)
        )
    subtitle = f"limits {limits[0]:g} and {limits[1]:g} pu (dashed where near)"
    subtitle += "; grey ticks: without supply" * bool(dark)
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def restoration(instance: Outage, rows: Sequence[Mapping[str, Any]], title: str) -> alt.LayerChart:
    """Return the load served over the operations, beside the greatest that can be, if known.

    Where losses are the aim, it is they that are shown.
    """
    import altair as alt

    points: list[dict[str, Any]] = [
        {
            "step": row["step"],
            "kind": row["kind"],
            "gain": _gain(instance, row),
            "what": "" if row["kind"] == "start" else f"{row['kind']} {row['name']}",
        }
        for row in rows
    ]
    last = len(points) - 1
    end = max(1.06 * last, 1.0)
    x = alt.X(
        "step:Q", title="operations", scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(tickMinStep=1, format="d", grid=False),
    )  # fmt: skip
    scale = alt.Scale(zero=True) if instance.minimises_loss else alt.Scale(domain=[0, 105])
    y = alt.Y("gain:Q", title=_aim(instance), scale=scale)
    colour = alt.Fill(
        "kind:N", legend=None, scale=alt.Scale(domain=list(_KINDS), range=list(_KINDS.values()))
    )
    tooltip = ["step:Q", "what:N", alt.Tooltip("gain:Q", title=_aim(instance), format=".5~g")]
    curve = alt.Chart(data([*points, {**points[-1], "step": end}])).encode(x=x, y=y)
    base = alt.Chart(data(points)).encode(x=x, y=y)
    layers = [
        curve.mark_area(interpolate="step-after", color=_BLUE, opacity=0.12),
        curve.mark_line(interpolate="step-after", color=_BLUE, strokeWidth=2.0),
    ]
    first, final = (f"{points[k]['gain']:.5g}" for k in (0, -1))
    subtitle = f"{_aim(instance)}: from {first} to {final}"
    if instance.optimum is not None and not instance.minimises_loss:
        best = 100.0 * instance.optimum
        layers.append(
            alt.Chart(data([{"gain": best}])).mark_rule(**_RULE, color=INK).encode(y="gain:Q")
        )
        subtitle += f"; greatest possible {best:.4g} (dashed)"
    layers.append(base.mark_circle(size=90, opacity=1.0).encode(fill=colour, tooltip=tooltip))
    if last <= _MOST_NAMED:
        layers.append(
            base.mark_text(dy=15, dx=3, align="left", fontSize=11, color=INK).encode(text="what:N")
        )
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))
