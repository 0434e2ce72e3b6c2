"""The look that all charts of the toolkit share: colours, fonts, widths.

Charts are Altair objects with their data inside, so that one object gives an interactive page,
a PNG and an SVG. Altair is imported when the first chart is drawn.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import altair as alt

Picture = TypeVar("Picture", "alt.LayerChart", "alt.FacetChart")

WIDTH = 940
"""Width of a chart with its axes and legend, in pixels."""

INK, FAINT, ALARM = "#1c2430", "#8a94a3", "#c92a2a"
"""Colours of text, of what stands back, and of what is wrong."""

_FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
_TEN = (
    "#1f6fb4", "#e8590c", "#2b8a3e", "#9c36b5", "#c92a2a",
    "#0c8599", "#b08900", "#7048e8", "#d6336c", "#5c940d",
)  # fmt: skip
_GOLDEN = (math.sqrt(5) - 1) / 2


def palette(count: int) -> list[str]:
    """Return ``count`` colours, in which those close in order are far apart in hue."""
    if count <= len(_TEN):
        return list(_TEN[:count])
    shades = ((0.40, 0.65), (0.56, 0.60), (0.72, 0.60))
    colours = []
    for index in range(count):
        lightness, saturation = shades[index % len(shades)]
        rgb = colorsys.hls_to_rgb((0.58 + index * _GOLDEN) % 1, lightness, saturation)
        colours.append("#" + "".join(f"{round(255 * part):02x}" for part in rgb))
    return colours


def ink_on(colour: str) -> str:
    """Return the text colour that reads well on ``#rrggbb``."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "#ffffff"


def data(rows: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    """Return rows as the data of a chart; handed over as they are, there may be any number."""
    import altair as alt

    return alt.InlineData(values=[dict(row) for row in rows])


def dress(
    layers: Sequence[alt.Chart], *, height: int | alt.Step, title: str | alt.Title = ""
) -> alt.LayerChart:
    """Return layers as a chart of the common look and width.

    Args:
        layers: what is drawn, from back to front.
        height: of the plot in pixels, or of each of its rows.
        title: above the plot.
    """
    import altair as alt

    return paint(
        alt.LayerChart(
            layer=list(layers), width=WIDTH, height=height, title=title,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
    )  # fmt: skip


def paint(chart: Picture) -> Picture:
    """Return a chart in the common colours and fonts; :func:`dress` also gives it its width."""
    sizes = {"labelFontSize": 12, "titleFontSize": 12}
    inks = {"labelColor": INK, "titleColor": INK}
    painted: Picture = (
        chart.properties(background="white", padding=8)
        .configure(font=_FONT)
        .configure_view(stroke=None)
        .configure_axis(
            gridColor="#e9ecf0", domainColor="#b8c0cc", tickColor="#b8c0cc", labelLimit=260,
            labelPadding=6, titleFontWeight="normal", titlePadding=8, **sizes, **inks,
        )
        .configure_legend(
            titleFontWeight="normal", labelLimit=200, symbolLimit=60,
            symbolStrokeWidth=3, **sizes, **inks,
        )
        .configure_title(
            anchor="start", fontSize=15, color=INK, subtitleColor="#5a6675", offset=12
        )
        .configure_header(labelFontSize=12, labelFontWeight="bold", labelColor=INK)
    )  # fmt: skip
    return painted
