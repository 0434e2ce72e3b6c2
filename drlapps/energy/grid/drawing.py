"""One-line diagrams of feeders: what is closed, what is supplied, and at which voltage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from drlapps.energy.grid.feeder import Bools, Feeder, Floats
from drlapps.energy.grid.layout import Layout, layout
from drlapps.look import ALARM, FAINT, INK, WIDTH, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

LIMITS = (0.90, 1.10)
"""Voltages within which a bus is well supplied, per unit, unless said otherwise."""

_BLUE, _ORANGE, _GREEN, _PURPLE = palette(4)
_VOLTAGES = ("#f5a524", "#f4e3a1", "#8fc1e3", _BLUE)  # from the lower limit to the highest
_DARK = "#d5dae1"
_LINES = {
    "closed": (INK, (1, 0)),
    "open": (FAINT, (3, 3)),
    "without supply": ("#b4bcc8", (1, 0)),
    "faulted": (ALARM, (5, 3)),
    "operated: closed": (_GREEN, (1, 0)),
    "operated: opened": (_ORANGE, (4, 3)),
}
"""The states of a branch: colour, dashes."""

_CROSS = "M-1,-1L1,1M-1,1L1,-1"


@dataclass(frozen=True)
class State:
    """What a feeder is like at a time; branches and buses are named by their positions in it.

    Attributes:
        closed: which branches conduct, (e,).
        voltage: of each bus per unit, as magnitudes or complex; 0 or NaN in the dark, (n,). Without
            any, buses tell only whether the source or a generator reaches them.
        faults: broken branches.
        shed: buses whose loads are disconnected.
        changed: branches that were operated, in this order; or each with its number.
        generators: buses that supply others beside the source.
    """

    closed: ArrayLike
    voltage: ArrayLike | None = None
    faults: Sequence[int] = ()
    shed: Sequence[int] = ()
    changed: Sequence[int] | Mapping[int, int] = ()
    generators: Sequence[int] = ()


def picture(
    feeder: Feeder,
    closed: ArrayLike,
    voltage: ArrayLike | None = None,
    title: str = "",
    *,
    subtitle: str = "",
    faults: Sequence[int] = (),
    shed: Sequence[int] = (),
    changed: Sequence[int] | Mapping[int, int] = (),
    generators: Sequence[int] = (),
    limits: tuple[float, float] = LIMITS,
) -> alt.LayerChart:
    """Return the diagram of a feeder at one time.

    Args:
        feeder: whose buses and branches.
        closed: see :class:`State`, as for the next ones.
        voltage: as there.
        title: above the diagram.
        subtitle: below the title; by default, what the signs mean.
        faults: as there.
        shed: as there.
        changed: as there.
        generators: as there.
        limits: lowest and highest voltage that is none too low or high.
    """
    import altair as alt

    state = State(closed, voltage, faults, shed, changed, generators)
    drawn = _Drawn(feeder, layout(feeder, WIDTH - 16.0), state, limits)
    heading = alt.Title(title, subtitle=subtitle or "; ".join(signs(feeder, [state], limits)))
    return dress(drawn.layers(_used([drawn])), height=round(drawn.layout.height), title=heading)


def pictures(
    feeder: Feeder,
    states: Mapping[str, State],
    title: str = "",
    limits: tuple[float, float] = LIMITS,
) -> alt.VConcatChart:
    """Return the diagrams of a feeder at several times, one below the other.

    Args:
        feeder: whose buses and branches.
        states: by what stands above each.
        title: above them all.
        limits: lowest and highest voltage that is none too low or high.
    """
    import altair as alt

    placed = layout(feeder, WIDTH - 16.0)
    drawn = [_Drawn(feeder, placed, state, limits) for state in states.values()]
    used = _used(drawn)
    panels = [
        alt.layer(*one.layers(used)).properties(
            width=placed.width,
            height=round(placed.height),
            title=alt.Title(name, fontSize=13, fontWeight=600, offset=4),
        )
        for name, one in zip(states, drawn, strict=True)
    ]
    heading = alt.Title(title, subtitle="; ".join(signs(feeder, list(states.values()), limits)))
    chart: alt.VConcatChart = alt.vconcat(*panels, spacing=10, title=heading).properties(
        background="white", padding=8, config=dress([], height=1).config
    )
    return chart


def signs(feeder: Feeder, states: Sequence[State], limits: tuple[float, float]) -> list[str]:
    """Return what the signs in diagrams of some states mean."""
    low, high = limits
    voltages = np.concatenate([_magnitudes(feeder, state) for state in states])
    outside = (voltages > 0) & ((voltages < low) | (voltages > high))
    loads = [bus.p_kw for bus in feeder.buses if bus.p_kw]
    used = {
        "square: source": True,
        "diamond: generator": any(state.generators for state in states),
        "discs by load": min(loads, default=0.0) < max(loads, default=0.0),
        "ring: critical load": bool(_critical(feeder).any()),
        "red rim: outside the voltage limits": bool(outside.any()),
        "grey: without supply": bool((voltages == 0).any()),
        "white with \u00d7: load disconnected": any(state.shed for state in states),
        "red \u00d7: fault": any(state.faults for state in states),
        "numbers in discs: order of operation": any(state.changed for state in states),
    }
    return [sign for sign, there in used.items() if there]


def _magnitudes(feeder: Feeder, state: State) -> Floats:
    """Return the voltage of each bus, 0 in the dark; 1 if none is given."""
    if state.voltage is not None:
        magnitudes: Floats = np.nan_to_num(np.abs(np.asarray(state.voltage)), nan=0.0)
        return magnitudes
    a, closed = feeder.arrays, np.asarray(state.closed, bool)
    tail, head = a.tail[closed], a.head[closed]
    supplied = np.zeros(len(feeder.buses))
    supplied[[feeder.root, *state.generators]] = 1.0
    for _ in feeder.buses:
        np.maximum.at(supplied, head, supplied[tail])
        np.maximum.at(supplied, tail, supplied[head])
    return supplied


def _critical(feeder: Feeder) -> Bools:
    """Return which loads weigh more than the usual one, (n,)."""
    a = feeder.arrays
    loads = a.p > 0
    if not loads.any():
        return loads
    critical: Bools = loads & (a.weight > np.median(a.weight[loads]))
    return critical


def _used(drawn: Sequence[_Drawn]) -> list[str]:
    """Return the states of branches that occur, in the order of the legend."""
    found = {state for one in drawn for state in one.states}
    return [state for state in _LINES if state in found]


class _Drawn:
    """The layers of one diagram.

    Args:
        feeder: what is drawn.
        placed: where it stands.
        state: what it is like.
        limits: of the voltage.
    """

    def __init__(
        self, feeder: Feeder, placed: Layout, state: State, limits: tuple[float, float]
    ) -> None:
        self.feeder, self.layout, self.state, self.limits = feeder, placed, state, limits
        self.voltage = _magnitudes(feeder, state)
        self.states = self._states()
        ends = placed.buses[feeder.arrays.tail] - placed.buses[feeder.arrays.head]
        pitch = float(np.median(np.linalg.norm(ends, axis=1)))
        self.radius = min(max(pitch / 5.0, 4.5), 9.0)
        self.font = 11 if pitch >= 44 else 9 if pitch >= 30 else 8

    def layers(self, used: list[str]) -> list[alt.Chart]:
        """Return what is drawn, from back to front."""
        import altair as alt

        width, height = self.layout.width, self.layout.height
        axes = {
            "x": alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False)),
            "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[height, 0], nice=False)),
        }
        return [
            self._lines(axes, used),
            *self._buses(axes),
            *self._marks(axes),
        ]

    def _states(self) -> list[str]:
        """Return the state of each branch."""
        closed = np.asarray(self.state.closed, bool)
        found = []
        for index, tail in enumerate(self.feeder.arrays.tail.tolist()):
            if index in self.state.faults:
                found.append("faulted")
            elif index in self.state.changed:
                found.append(f"operated: {'closed' if closed[index] else 'opened'}")
            elif not closed[index]:
                found.append("open")
            else:
                found.append("closed" if self.voltage[tail] > 0 else "without supply")
        return found

    def _lines(self, axes: Mapping[str, Any], used: list[str]) -> alt.Chart:
        import altair as alt

        order = list(_LINES)
        ranked = sorted(range(len(self.states)), key=lambda k: order.index(self.states[k]))
        rows = [
            {"branch": rank, "state": self.states[k], "step": step, "x": x, "y": y}
            for rank, k in enumerate(ranked)
            for step, (x, y) in enumerate(self.layout.routes[k].round(1).tolist())
        ]
        colours, dashes = zip(*(_LINES[state] for state in used), strict=True)
        legend = alt.Legend(
            title=None, orient="bottom", direction="horizontal", symbolType="stroke",
            symbolSize=500, columnPadding=18,
        )  # fmt: skip
        width = alt.when("indexof(datum.state, 'operated') === 0").then(alt.value(3.2))
        width = width.when("datum.state === 'open'").then(alt.value(1.3))
        stroke = alt.Scale(domain=used, range=list(colours))
        dash = alt.Scale(domain=used, range=list(dashes))
        lines: alt.Chart = alt.Chart(data(rows)).mark_line(strokeJoin="round")
        return lines.encode(
            **axes,
            stroke=alt.Stroke("state:N", scale=stroke, legend=legend),
            strokeDash=alt.StrokeDash("state:N", scale=dash, legend=legend),
            strokeWidth=width.otherwise(alt.value(1.7)),
            detail="branch:N",
            order=alt.Order("step:Q"),
        )

    def _buses(self, axes: Mapping[str, Any]) -> list[alt.Chart]:
        """Return rings, discs, crosses of shed loads and names."""
        import altair as alt

        rows = self._bus_rows()
        base = alt.Chart(data(rows)).encode(**axes)
        tooltip = [
            alt.Tooltip("name:N", title="bus"),
            alt.Tooltip("kw:Q", title="kW", format=",.4~g"),
            alt.Tooltip("kvar:Q", title="kvar", format=",.4~g"),
            alt.Tooltip("weight:Q", format=".3~g"),
            alt.Tooltip("voltage:Q", title="voltage, pu", format=".4f"),
            alt.Tooltip("state:N"),
        ]
        rings = (
            base.transform_filter("datum.critical")
            .mark_circle(filled=False, stroke=_PURPLE, strokeWidth=1.8, opacity=1.0)
            .encode(size=alt.Size("ring:Q", scale=None))
        )
        outside = alt.when("datum.outside")
        disc = base.mark_point(filled=True, opacity=1.0).encode(
            size=alt.Size("size:Q", scale=None),
            shape=alt.Shape("shape:N", scale=None),
            stroke=outside.then(alt.value(ALARM)).otherwise(alt.value(INK)),
            strokeWidth=outside.then(alt.value(2.4)).otherwise(alt.value(0.9)),
            tooltip=tooltip,
        )
        plain = disc.encode(fill=alt.Fill("paint:N", scale=None))
        discs = [plain.transform_filter("datum.paint !== ''")]
        if self.state.voltage is not None:
            coloured = disc.encode(fill=self._voltage())
            discs.append(coloured.transform_filter("datum.paint === ''"))
        crosses = (
            base.transform_filter("datum.shed")
            .mark_point(shape=_CROSS, filled=False, stroke=INK, strokeWidth=1.6, opacity=1.0)
            .encode(size=alt.Size("cross:Q", scale=None))
        )
        name: dict[str, Any] = {
            "align": "left", "baseline": "top", "dx": 2, "dy": self.radius - 1,
            "fontSize": self.font,
        }  # fmt: skip
        halo = base.mark_text(**name, stroke="white", strokeWidth=2.5).encode(text="name:N")
        names = base.mark_text(**name, color="#5a6675").encode(text="name:N")
        return [halo, names, rings, *discs, crosses]

    def _bus_rows(self) -> list[dict[str, Any]]:
        critical, (low, high) = _critical(self.feeder), self.limits
        largest = max((bus.p_kw for bus in self.feeder.buses), default=0.0) or 1.0
        rows = []
        for index, bus in enumerate(self.feeder.buses):
            x, y = self.layout.buses[index].tolist()
            voltage = float(self.voltage[index])
            dark, shed = voltage == 0, index in self.state.shed
            outside = not dark and self.state.voltage is not None and not low <= voltage <= high
            source, generator = index == self.feeder.root, index in self.state.generators
            share = math.sqrt(bus.p_kw / largest)
            radius = self.radius * (1.0 if source or generator else 0.5 + 0.5 * share)
            radius = max(radius, 5.5) if shed else radius  # room for the cross
            states = {"without supply": dark, "load disconnected": shed, "outside limits": outside}
            rows.append(
                {
                    "name": bus.name, "x": round(x, 1), "y": round(y, 1), "kw": bus.p_kw,
                    "kvar": bus.q_kvar, "weight": bus.weight, "voltage": round(voltage, 5),
                    "state": ", ".join(s for s, holds in states.items() if holds) or "supplied",
                    "shed": shed, "critical": bool(critical[index]),
                    "paint": self._paint(index),
                    "shape": "square" if source else "diamond" if generator else "circle",
                    "size": round(math.pi * radius**2, 1),
                    "ring": round(math.pi * (radius + 3.0) ** 2, 1),
                    "cross": round(1.4 * radius**2, 1),
                    "outside": outside,
                }
            )  # fmt: skip
        return rows

    def _paint(self, bus: int) -> str:
        """Return the colour of a bus, none where its voltage gives it."""
        if bus == self.feeder.root:
            return INK
        if bus in self.state.shed:
            return "white"
        if self.voltage[bus] == 0:
            return _DARK
        return "" if self.state.voltage is not None else _VOLTAGES[2]

    def _voltage(self) -> alt.Fill:
        """Return the colour of buses by voltage."""
        import altair as alt

        low = self.limits[0]
        top = max(self.feeder.source_voltage, low + 0.01)
        scale = alt.Scale(
            domain=np.linspace(low, top, 4).tolist(), range=list(_VOLTAGES), clamp=True,
            interpolate="rgb",
        )  # fmt: skip
        legend = alt.Legend(
            title=None, orient="bottom", direction="horizontal", gradientLength=180,
            gradientThickness=9, values=[low, (low + top) / 2.0, top],
            labelExpr="format(datum.value, '.3~f') + ' pu'",
        )  # fmt: skip
        return alt.Fill("voltage:Q", scale=scale, legend=legend)

    def _marks(self, axes: Mapping[str, Any]) -> list[alt.Chart]:
        """Return the crosses of faults, the names of open branches, and the orders of operation."""
        import altair as alt

        changed = self.state.changed
        if not isinstance(changed, Mapping):
            changed = {branch: turn for turn, branch in enumerate(changed, 1)}
        rows = []
        for index, branch in enumerate(self.feeder.branches):
            x, y = self.layout.middles[index].tolist()
            state = self.states[index]
            rows.append(
                {
                    "name": branch.name, "x": round(x, 1), "y": round(y, 1), "state": state,
                    "ends": f"{branch.from_bus}\u2013{branch.to_bus}",
                    "turn": str(changed.get(index, "")),
                }
            )  # fmt: skip
        base = alt.Chart(data(rows)).encode(**axes)
        tooltip = [alt.Tooltip("name:N", title="branch"), "ends:N", "state:N", "turn:N"]
        hover = base.mark_circle(size=220, opacity=0.0).encode(tooltip=tooltip)
        broken = base.transform_filter("datum.state === 'faulted'")
        cross: dict[str, Any] = {"shape": _CROSS, "filled": False, "size": 130, "opacity": 1.0}
        rim = broken.mark_point(**cross, stroke="white", strokeWidth=7)
        crosses = broken.mark_point(**cross, stroke=ALARM, strokeWidth=3).encode(tooltip=tooltip)
        named = base.transform_filter("datum.state === 'open'")
        name: dict[str, Any] = {"fontSize": max(self.font - 1, 8), "fontStyle": "italic"}
        halo = named.mark_text(**name, stroke="white", strokeWidth=3).encode(text="name:N")
        names = named.mark_text(**name, color=FAINT).encode(text="name:N")
        turned = base.transform_filter("datum.turn !== ''")
        colour = alt.when("datum.state === 'operated: closed'").then(alt.value(_GREEN))
        badges = turned.mark_circle(size=200, opacity=1.0, stroke="white", strokeWidth=1.5).encode(
            fill=colour.otherwise(alt.value(_ORANGE)), tooltip=tooltip
        )
        orders = turned.mark_text(fontSize=10, fontWeight=700, color="white").encode(text="turn:N")
        return [hover, rim, crosses, halo, names, badges, orders]
