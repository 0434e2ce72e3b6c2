"""The picture of a supply network: its nodes in columns, suppliers to the left."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from drlapps.look import FAINT, INK, WIDTH, data, dress, palette
from drlapps.scheduling.inventory.network import Arc, Network

if TYPE_CHECKING:
    import altair as alt

Point: TypeAlias = tuple[float, float]
"""In pixels from the top left corner."""

MOST_NODES = 60
"""Nodes beyond which a picture helps nobody."""

_CUSTOMERS = palette(2)[1]
_RADIUS = 17.0
_LEFT, _RIGHT, _TOP = 30.0, 110.0, 26.0
_WIDEST = 250.0  # pixels between columns
_SWEEPS = 8
_NARROW = 130.0  # pixels between columns, below which labels stand above the lines
_GREY = "#5a6675"
_PIECES = 24  # straight ones that make a curve


def picture(
    network: Network,
    title: str,
    stocks: Sequence[float] | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
) -> alt.LayerChart:
    """Return the picture of a network.

    Args:
        network: with at most :data:`MOST_NODES` nodes.
        title: above the picture.
        stocks: by which nodes are coloured, as a number each; none: all alike.
        notes: what stands below the name of a node, part by part, by its name.
    """
    import altair as alt

    layout = _Layout(network)
    axes: dict[str, Any] = {
        "x": alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, layout.width], nice=False)),
        "y": alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[layout.height, 0], nice=False)),
    }
    nodes = [
        {
            "name": node.name,
            "note": (", " if layout.step > _NARROW else "\n").join(
                (notes or {}).get(node.name, ())
            ),
            "stock": None if stocks is None else float(stocks[index]),
            "x": layout.points[index][0],
            "y": layout.points[index][1],
        }
        for index, node in enumerate(network.nodes)
    ]
    layers = [
        *_arrows(layout.arrows, axes, FAINT, layout.step > _NARROW),
        *_arrows(layout.customers, axes, _CUSTOMERS, True),
        _discs(nodes, axes, stocks is not None),
    ]
    layers += _captions(nodes, axes, limit=max(layout.step - 4.0, 78.0))
    subtitle = "; ".join(_signs(network, stocks is not None))
    return dress(layers, height=round(layout.height), title=alt.Title(title, subtitle=subtitle))


def _signs(network: Network, coloured: bool) -> list[str]:
    """Return what the signs of the picture mean."""
    signs = {
        "L: lead time in periods": True,
        "≤: most units a period": any(arc.capacity < math.inf for arc in network.arcs),
        "×: units in one unit made": any(arc.quantity != 1.0 for arc in network.arcs),
        "+: periods until the order arrives": any(arc.order_delay for arc in network.arcs),
        "orange: customers and their mean demand a period": True,
        "blue: mean stock": coloured,
    }
    return [sign for sign, used in signs.items() if used]


def _captions(
    nodes: Sequence[Mapping[str, Any]], axes: Mapping[str, Any], limit: float
) -> list[alt.Chart]:
    """Return the names and notes below the nodes, on white rims that read well on lines."""
    import altair as alt

    captions = []
    base = alt.Chart(data(nodes)).encode(**axes)
    styles: dict[str, dict[str, Any]] = {
        "name": {"dy": 28, "fontSize": 12, "fontWeight": 600},
        "note": {"dy": 42, "fontSize": 11, "lineBreak": "\n"},
    }
    for (name, style), colour in zip(styles.items(), (INK, _GREY), strict=True):
        text = base.encode(text=f"{name}:N")
        captions.append(text.mark_text(**style, limit=limit, stroke="white", strokeWidth=3))
        captions.append(text.mark_text(**style, limit=limit, color=colour))
    return captions


def _discs(
    nodes: Sequence[Mapping[str, Any]], axes: Mapping[str, Any], coloured: bool
) -> alt.Chart:
    import altair as alt

    discs: alt.Chart = alt.Chart(data(nodes)).mark_circle(
        size=math.pi * _RADIUS**2, opacity=1.0, stroke=INK, strokeWidth=1.4, color="#dbe7f3"
    )
    if not coloured:
        return discs.encode(**axes, tooltip=["name:N"])
    colour = alt.Color(
        "stock:Q",
        scale=alt.Scale(range=["#f4f8fc", "#1f6fb4"], zero=True),
        legend=None,
    )
    return discs.encode(
        **axes, color=colour, tooltip=["name:N", alt.Tooltip("stock:Q", format=".3~g"), "note:N"]
    )


def _arrows(
    arrows: Sequence[_Arrow], axes: Mapping[str, Any], colour: str, room: bool
) -> list[alt.Chart]:
    """Return the lines of arrows, their heads and their labels: on the line if there is room."""
    import altair as alt

    lines, heads, labels = [], [], []
    for number, arrow in enumerate(arrows):
        for step, (x, y) in enumerate(arrow.curve):
            lines.append({"arrow": number, "step": step, "x": x, "y": y})
        (x0, y0), (x1, y1) = arrow.curve[-2:]
        angle = math.degrees(math.atan2(y1 - y0, x1 - x0)) + 90.0
        heads.append({"x": x1, "y": y1, "angle": angle})
        x, y = arrow.label_at
        wide = 2.7 * len(arrow.label) + 3.0
        box = {"left": x - wide, "right": x + wide, "top": y - 7.0, "bottom": y + 7.0}
        labels.append({"x": x, "y": y, "label": arrow.label, **box})
    line = (
        alt.Chart(data(lines))
        .mark_line(strokeWidth=1.5, color=colour)
        .encode(**axes, detail="arrow:N", order="step:Q")
    )
    head = (
        alt.Chart(data(heads))
        .mark_point(shape="triangle", filled=True, size=70, opacity=1.0, color=colour)
        .encode(**axes, angle=alt.Angle("angle:Q", scale=None))
    )
    base = alt.Chart(data(labels))
    text = base.mark_text(fontSize=11, color=_GREY, dy=0 if room else -12)
    drawn = [line, head, text.encode(**axes, text="label:N")]
    if room:
        # The line stops where its label stands.
        gap = base.mark_rect(color="white").encode(
            x=alt.X("left:Q", axis=None),
            x2="right:Q",
            y=alt.Y("top:Q", axis=None),
            y2="bottom:Q",
        )
        drawn.insert(1, gap)
    return drawn


class _Arrow(NamedTuple):
    """A curve with a label.

    Attributes:
        curve: points along it.
        label: what stands by it.
        label_at: middle of the label.
    """

    curve: list[Point]
    label: str
    label_at: Point


@dataclass
class _Layout:
    """Where everything stands.

    Attributes:
        network: what is drawn.
        points: centre of each node.
        arrows: those from outside and between nodes.
        customers: those to customers.
        width: of the picture.
        height: of the picture.
        step: from one column to the next.
    """

    network: Network
    points: dict[int, Point] = field(default_factory=dict)
    arrows: list[_Arrow] = field(default_factory=list)
    customers: list[_Arrow] = field(default_factory=list)
    width: float = WIDTH - 16.0
    height: float = 0.0
    step: float = 0.0

    def __post_init__(self) -> None:
        """Find the places."""
        columns = _columns(self.network)
        highest = max(len(column) for column in columns)
        gap = 84.0 if highest <= 8 else 68.0
        parallel = max(
            sum(arc.node == node.name and not arc.supplier for arc in self.network.arcs)
            for node in self.network.nodes
        )
        self.height = _TOP + max(highest * gap, 40.0 * parallel + 44.0)
        self.step = step = min(_WIDEST, (self.width - _LEFT - _RIGHT) / len(columns))
        left = (self.width - _RIGHT + _LEFT - step * len(columns)) / 2.0
        for place, column in enumerate(columns, 1):
            ys = (np.arange(len(column)) - (len(column) - 1) / 2.0) * gap + self.height / 2.0 - 10.0
            for index, y in zip(column, ys.tolist(), strict=True):
                self.points[index] = (left + place * step, y)
        self._connect()
        for index, law in self.network.laws:
            x, y = self.points[index]
            start = x + _RADIUS
            curve = [(start, y), (start + 26.0, y)]
            self.customers.append(_Arrow(curve, f"{law.mean:.3g}", (start + 50.0, y)))

    def _connect(self) -> None:
        """Draw the arcs; those between the same places bend apart."""
        pairs = list(zip(self.network.suppliers, self.network.heads, strict=True))
        for number, (arc, (supplier, head)) in enumerate(
            zip(self.network.arcs, pairs, strict=True)
        ):
            twins = [index for index, pair in enumerate(pairs) if pair == (supplier, head)]
            bend = 40.0 * (twins.index(number) - (len(twins) - 1) / 2.0)
            end = self.points[head]
            place = 0.5
            if supplier < 0:
                length = 0.72 if self.network.incoming(head) == tuple(twins) else 0.5
                # From a place of its own it need not bend.
                start, bend = (end[0] - length * self.step, end[1] + bend), 0.0
            else:
                start = self.points[supplier]
                # The labels of a fan take turns, or stand near its tips if it is wide.
                fan = self.network.outgoing(supplier)
                place = 0.5 if len(fan) == 1 else 0.34 + 0.2 * (fan.index(number) % 2)
                place = place if len(fan) <= 6 else 0.74
            curve = _curve(start, end, bend)
            self.arrows.append(_Arrow(curve, _label(arc), curve[round(place * _PIECES) - 1]))


def _columns(network: Network) -> list[list[int]]:
    """Return the nodes of each column from top to bottom, so that few arcs cross.

    A node stands right of all that supply it, and as far right as those it supplies allow; columns
    are sorted again and again by the mean place of their neighbours (Sugiyama's barycentres).
    """
    generations = list(nx.topological_generations(network.graph))
    column_of = {name: place for place, names in enumerate(generations) for name in names}
    for name in reversed([name for names in generations for name in names]):
        below = [column_of[other] for other in network.graph.successors(name)]
        if below:
            column_of[name] = min(below) - 1
    columns: list[list[str]] = [[] for _ in generations]
    for node in network.nodes:
        columns[column_of[node.name]].append(node.name)
    height: dict[str, float] = {}
    for sweep in range(_SWEEPS):
        ordered = columns if sweep % 2 == 0 else columns[::-1]
        for column in ordered:
            sides = (network.graph.predecessors, network.graph.successors)
            near = sides[sweep % 2]
            wanted = {}
            for place, name in enumerate(column):
                seen = [height[other] for other in near(name) if other in height]
                wanted[name] = float(np.mean(seen)) if seen else height.get(name, place)
            column.sort(key=lambda name: wanted[name])
            middle = (len(column) - 1) / 2.0
            height |= {name: place - middle for place, name in enumerate(column)}
    return [[network.place[name] for name in column] for column in columns]


def _curve(start: Point, end: Point, bend: float) -> list[Point]:
    """Return a curve that leaves and arrives level, cut where the discs begin."""
    share = np.linspace(0.0, 1.0, 8 * _PIECES)[:, None]
    a, d = np.array(start), np.array(end)
    reach = np.array([0.45 * (d[0] - a[0]), 0.0])
    lift = np.array([0.0, 1.3 * bend])
    b, c = a + reach + lift, d - reach + lift
    points: NDArray[np.float64] = (
        (1 - share) ** 3 * a
        + 3 * (1 - share) ** 2 * share * b
        + 3 * (1 - share) * share**2 * c
        + share**3 * d
    )
    away = np.hypot(*(points - d).T) > _RADIUS + 5.0
    points = points[away & (np.hypot(*(points - a).T) > _RADIUS)]
    kept = points[np.linspace(0, len(points) - 1, _PIECES).round().astype(int)]
    return [(float(x), float(y)) for x, y in kept]


def _label(arc: Arc) -> str:
    delay = f"+{arc.order_delay}" if arc.order_delay else ""
    label = f"L {arc.lead_time}{delay}"
    if arc.capacity < math.inf:
        label += f", ≤ {arc.capacity:g}"
    return label if arc.quantity == 1.0 else f"{label}, × {arc.quantity:g}"
