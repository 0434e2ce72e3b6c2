"""Pictures that both market-making tasks draw of a session: inventory, and profit and loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from drlapps.look import ALARM, FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

Rows: TypeAlias = Sequence[dict[str, float]]
"""Rows with ``time``, ``inventory`` and ``pnl``, in the order of time."""

BUY, SELL = palette(3)[0], palette(3)[1]
HEIGHT = 260


def inventory(
    rows: Rows, limit: int, title: str, *, unit: str, time: alt.X, note: str = ""
) -> alt.LayerChart:
    """Return the inventory over time, with its limits where it comes near them.

    Args:
        rows: of the session.
        limit: most that may be held, long or short.
        title: above the picture.
        unit: of the inventory.
        time: the time axis.
        note: at what moments the inventory is known, if not always.
    """
    import altair as alt

    layers = [
        alt.Chart(data(rows))
        .mark_line(color=INK, interpolate="step-after")
        .encode(x=time, y=alt.Y("inventory:Q", title=f"inventory ({unit})"))
    ]
    most = int(max(abs(row["inventory"]) for row in rows))
    if 2 * most >= limit:
        ends = data([{"limit": limit}, {"limit": -limit}])
        layers.append(alt.Chart(ends).mark_rule(color=ALARM, strokeDash=[5, 4]).encode(y="limit:Q"))
    subtitle = f"largest {most}{note}, limit {limit}"
    return dress(layers, height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def pnl(rows: Rows, title: str, *, unit: str, time: alt.X) -> alt.LayerChart:
    """Return profit and loss over time: cash plus inventory at the mid.

    Args:
        rows: of the session.
        title: above the picture.
        unit: of the profit.
        time: the time axis.
    """
    import altair as alt

    base = alt.Chart(data(rows))
    layers = [
        base.mark_rule(color=FAINT).encode(y=alt.datum(0)),
        base.mark_line(color=INK).encode(
            x=time, y=alt.Y("pnl:Q", title=f"profit and loss ({unit})")
        ),
    ]
    subtitle = f"{rows[-1]['pnl']:,.4g} at the end"
    return dress(layers, height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def time_axis(rows: Rows, title: str) -> alt.X:
    """Return a time axis from zero to the last row."""
    import altair as alt

    domain = [0.0, rows[-1]["time"]]
    return alt.X("time:Q", title=title, scale=alt.Scale(domain=domain, nice=False))
