"""Pictures of an episode of any inventory task: network, stock, orders, demand and costs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drlapps.look import ALARM, FAINT, INK, WIDTH, data, dress, palette
from drlapps.scheduling.inventory.checker import Replay
from drlapps.scheduling.inventory.drawing import MOST_NODES, picture
from drlapps.scheduling.inventory.scenario import Scenario

if TYPE_CHECKING:
    import altair as alt

Rows: TypeAlias = list[dict[str, Any]]
FloatArray: TypeAlias = NDArray[np.float64]

COMPARED = ("stock", "orders")
"""What a comparison shows of each policy."""

LONGEST = 200
"""Most periods that are drawn, from the first one."""

_MOST_PANELS = 15
_MOST_ROWS = 1500  # of a picture's data, so that pages stay small
_HEIGHT = 260
_BLUE, _ORANGE, _GREEN = palette(3)
_LIGHT = "#a9c8e6"
_PARTS = {"holding": _BLUE, "shortage": ALARM, "ordering": _ORANGE, "revenue": _GREEN}


def table(instance: Scenario, solution: Mapping[str, Any]) -> Rows:
    """Return a row for each period and node.

    Args:
        instance: the scenario.
        solution: as the environment returns it.

    Returns:
        ``period``, ``node``, ``on_hand`` and ``backorder`` at its end, ``demand``, ``sold``, and
        how much of the demand was ``served`` in the period it came, special deliveries included.
    """
    paths = {name: np.array(solution[name]) for name in ("on_hand", "backorder", "demand", "sold")}
    waited = np.vstack([np.zeros_like(paths["backorder"][:1]), paths["backorder"][:-1]])
    paths["served"] = np.clip(paths["sold"] - waited, 0.0, paths["demand"])
    return [
        {
            "period": period,
            "node": node.name,
            **{name: float(path[period, index]) for name, path in paths.items()},
        }
        for period in range(len(paths["demand"]))
        for index, node in enumerate(instance.network.nodes)
    ]


def figures(
    instance: Scenario, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of an episode by name.

    They are ``network`` (where it is small enough), ``stock``, ``orders``, ``demand`` and
    ``costs``; those over time show the first periods, :data:`LONGEST` at most.

    Args:
        instance: the scenario.
        solution: as the environment returns it.
        title: above the pictures.
    """
    drawn: dict[str, alt.TopLevelMixin] = {}
    if len(instance.network.nodes) <= MOST_NODES:
        drawn["network"] = network(instance, solution, title)
    rows = table(instance, solution)
    return drawn | {
        "stock": stock(instance, rows, title),
        "orders": orders(instance, solution, title),
        "demand": demand(instance, rows, title),
        "costs": costs(instance, solution, title),
    }


def network(instance: Scenario, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return the network, coloured by mean stock, with the share of demand served where it comes.

    Both are of the counted periods.
    """
    means = np.array(solution["on_hand"])[instance.warm_up :].mean(axis=0)
    notes = {
        node.name: [f"stock {mean:.3g}"]
        for node, mean in zip(instance.network.nodes, means, strict=True)
    }
    counted = [row for row in table(instance, solution) if row["period"] >= instance.warm_up]
    for index in instance.network.markets:
        name = instance.network.nodes[index].name
        asked, served = (
            math.fsum(row[key] for row in counted if row["node"] == name)
            for key in ("demand", "served")
        )
        notes[name] += [f"served {100.0 * served / asked:.3g} %"] if asked else []
    return picture(instance.network, title, means.tolist(), notes)


def stock(instance: Scenario, rows: Rows, title: str) -> alt.TopLevelMixin:
    """Return the stock of each node over time, and its backorders below zero."""
    panels = _Panels([node.name for node in instance.network.nodes], len(instance.demand))
    points = [
        {
            "period": row["period"],
            "panel": row["node"],
            "on hand": row["on_hand"],
            "backorders": -row["backorder"],
        }
        for row in panels.of(rows)
    ]
    parts = {"on hand": _BLUE}
    if any(point["backorders"] for point in points):
        parts["backorders"] = ALARM
    layers = [_areas(parts, panels), _zero()]
    return panels.draw(layers, points, title, "units at the end of each period")


def orders(instance: Scenario, solution: Mapping[str, Any], title: str) -> alt.TopLevelMixin:
    """Return what was ordered on each arc over time, and what was shipped."""
    import altair as alt

    labels = arc_names(instance)
    panels = _Panels(labels, len(instance.demand))
    points = panels.of(
        [
            {"period": period, "panel": label, "ordered": order, "shipped": units}
            for period in range(panels.periods)
            for label, order, units in zip(
                labels, solution["orders"][period], solution["shipped"][period], strict=True
            )
        ]
    )
    line = (
        alt.Chart()
        .mark_line(color=INK, strokeWidth=1.0, interpolate="step")
        .encode(x=panels.time(), y=alt.Y("ordered:Q", title=None))
    )
    layers = [_areas({"shipped": _LIGHT}, panels), line]
    return panels.draw(layers, points, title, "units ordered (line) and shipped (area) each period")


def demand(instance: Scenario, rows: Rows, title: str) -> alt.TopLevelMixin:
    """Return the demand of each node with customers, and how much of it was served at once."""
    nodes = instance.network.nodes
    panels = _Panels([nodes[i].name for i in instance.network.markets], len(instance.demand))
    points = [
        {
            "period": row["period"],
            "panel": row["node"],
            "not served at once": row["demand"],
            "served at once": row["served"],
        }
        for row in panels.of(rows)
    ]
    # The whole demand lies behind the part that was served.
    areas = _areas({"not served at once": ALARM, "served at once": _BLUE}, panels)
    return panels.draw([areas], points, title, "units of demand in each period")


def costs(instance: Scenario, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return what each period cost, by part, and the mean over the counted periods."""
    import altair as alt

    replay = Replay(instance, np.array(solution["orders"]))
    panels = _Panels([""], instance.periods)
    charges = {name: replay.charges[name] for name in _PARTS if replay.charges[name].any()}
    means = {name: values[instance.warm_up :].mean() for name, values in charges.items()}
    points = [
        {"period": period, "part": name, "cost": -cost if name == "revenue" else cost}
        for name, values in charges.items()
        for period, cost in enumerate(values[: panels.periods].tolist())
    ]
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=list(charges), range=[_PARTS[name] for name in charges]),
        legend=alt.Legend(title=None, symbolType="square"),
    )
    bars = (
        alt.Chart(data(points))
        .mark_bar(size=max(0.85 * (WIDTH - 170) / panels.periods, 1.0))
        .encode(
            x=panels.time(),
            y=alt.Y("cost:Q", title="cost"),
            color=colour,
            tooltip=["period:Q", "part:N", alt.Tooltip("cost:Q", format=".4~g")],
        )
    )
    mean = float(replay.costs()[instance.warm_up :].mean())
    rule = (
        alt.Chart(data([{"cost": mean}]))
        .mark_rule(color=INK, strokeDash=[5, 4], strokeWidth=1.3)
        .encode(y="cost:Q")
    )
    parts = ", ".join(f"{name} {value:.4g}" for name, value in means.items())
    subtitle = f"mean {mean:.4g} a period (dashed): {parts}{panels.cut}"
    return dress([bars, rule, _zero()], height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def arc_names(instance: Scenario) -> list[str]:
    """Return a name for each arc; those between the same places are told apart by lead time."""
    arcs = instance.network.arcs
    ways = [f"{arc.supplier or 'outside'} \u2192 {arc.node}" for arc in arcs]
    names: list[str] = []
    for arc, way in zip(arcs, ways, strict=True):
        name = way if ways.count(way) == 1 else f"{way}, L {arc.lead_time}"
        names.append(name if name not in names else f"{name} ({names.count(name) + 1})")
    return names


def _areas(parts: Mapping[str, str], panels: _Panels) -> alt.Chart:
    """Return an area for each column, in its colour, from back to front."""
    import altair as alt

    legend = alt.Legend(
        title=None, symbolType="square", symbolStrokeWidth=0, orient="top", offset=8
    )
    colour = alt.Color(
        "part:N",
        scale=alt.Scale(domain=list(parts), range=list(parts.values())),
        legend=legend if len(parts) > 1 else None,
    )
    areas: alt.Chart = (
        alt.Chart()
        .transform_fold(list(parts), as_=["part", "units"])
        .mark_area(interpolate="step", opacity=1.0)
        .encode(x=panels.time(), y=alt.Y("units:Q", title=None, stack=None), color=colour)
    )
    return areas


def _zero() -> alt.Chart:
    import altair as alt

    rule: alt.Chart = (
        alt.Chart(data([{"zero": 0}])).mark_rule(color=FAINT, strokeWidth=0.8).encode(y="zero:Q")
    )
    return rule


class _Panels:
    """Small multiples over time, one a node or an arc.

    Args:
        names: of the panels; the first ones are drawn.
        periods: that there are; the first ones are drawn.
    """

    def __init__(self, names: Sequence[str], periods: int) -> None:
        self.names = list(names[:_MOST_PANELS])
        self.periods = min(periods, LONGEST, _MOST_ROWS // len(self.names))
        left_out = len(names) - len(self.names)
        self.cut = f"; first {self.periods} of {periods} periods" * (self.periods < periods)
        self.cut += f"; {left_out} more left out" * (left_out > 0)

    def of(self, rows: Rows) -> Rows:
        """Return the rows that are drawn."""
        known = set(self.names)
        return [
            row
            for row in rows
            if row["period"] < self.periods and row.get("node", row.get("panel")) in known
        ]

    def time(self) -> alt.X:
        """Return the time axis."""
        import altair as alt

        scale = alt.Scale(domain=[-0.5, self.periods - 0.5], nice=False)
        return alt.X("period:Q", title="period", scale=scale, axis=alt.Axis(tickMinStep=1))

    def draw(
        self, layers: Sequence[alt.Chart], points: Rows, title: str, subtitle: str
    ) -> alt.TopLevelMixin:
        """Return one chart, or one a panel, each with a scale of its own."""
        import altair as alt

        heading = alt.Title(title, subtitle=subtitle + self.cut)
        dressed = dress(layers, height=_HEIGHT, title=heading)
        if len(self.names) == 1:
            return dressed.properties(data=data(points))
        columns = 1 if len(self.names) == 2 else 2 if len(self.names) <= 4 else 3
        panel = alt.layer(*layers, data=data(points)).properties(
            width=(WIDTH - 16) // columns - 44, height=150 if columns < 3 else 96
        )
        facet = alt.Facet(
            "panel:N",
            title=None,
            sort=self.names,
            header=alt.Header(
                labelColor=INK, labelFontSize=12, labelAnchor="start", labelPadding=4
            ),
        )
        chart: alt.FacetChart = (
            panel.facet(facet, columns=columns, title=heading, spacing=14)
            .resolve_scale(y="independent")
            .properties(background="white", padding=8, config=dressed.config)
        )
        return chart
