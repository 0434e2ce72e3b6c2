"""Pictures and a table of a session: quotes around the price, inventory, profit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drlapps.finance.market_making.session import Session
from drlapps.look import ALARM, FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

_BUY, _SELL = palette(3)[0], palette(3)[1]
_HEIGHT = 260


def table(instance: Session, solution: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return a row for each step, and one for the end.

    Args:
        instance: the session.
        solution: as the environment returns it.

    Returns:
        ``step``, ``time``, ``mid``, the quoted prices ``bid`` and ``ask`` (left out where the limit
        closes the side, and at the end), ``bought`` and ``sold`` within the step, and before it
        ``inventory`` and ``pnl``.
    """
    market, units, cash = instance.market, instance.inventory, 0.0
    first = units * market.price
    rows = []
    for step, mid in enumerate(solution["mid"]):
        row = {
            "step": step,
            "time": step * market.dt,
            "mid": mid,
            "inventory": units,
            "pnl": cash + units * mid - first,
        }
        rows.append(row)
        if step == len(solution["bid"]):
            break
        bought, sold = solution["bought"][step], solution["sold"][step]
        bid, ask = mid - solution["bid"][step], mid + solution["ask"][step]
        row |= {"bid": bid} if units < market.limit else {}
        row |= {"ask": ask} if units > -market.limit else {}
        row |= {"bought": bought, "sold": sold}
        cash += sold * ask - bought * bid
        units += bought - sold
    return rows


def figures(
    instance: Session, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a session by name: ``quotes``, ``inventory`` and ``pnl``.

    Args:
        instance: the session.
        solution: as the environment returns it.
        title: above the pictures.
    """
    rows = table(instance, solution)
    return {
        "quotes": quotes(instance, rows, title),
        "inventory": inventory(instance, rows, title),
        "pnl": pnl(rows, title),
    }


def quotes(instance: Session, rows: list[dict[str, float]], title: str) -> alt.LayerChart:
    """Return the mid-price between the quotes, with a triangle at every trade."""
    import altair as alt

    base = alt.Chart(data(rows)).encode(x=_time(rows))
    price = alt.Scale(zero=False)
    layers = [
        base.mark_line(color=colour, strokeWidth=width, interpolate="step-after").encode(
            y=alt.Y(f"{name}:Q", title="price", scale=price)
        )
        for name, colour, width in (("bid", _BUY, 0.8), ("ask", _SELL, 0.8), ("mid", INK, 1.4))
    ]
    trades = (("bid", "bought", "triangle-up", _BUY), ("ask", "sold", "triangle-down", _SELL))
    for name, fill, shape, colour in trades:
        layers.append(
            base.transform_filter(f"datum.{fill} == 1")
            .mark_point(shape=shape, color=colour, filled=True, size=42, opacity=1.0)
            .encode(y=alt.Y(f"{name}:Q", scale=price), tooltip=["time:Q", f"{name}:Q"])
        )
    count = int(sum(row.get("bought", 0) + row.get("sold", 0) for row in rows))
    subtitle = f"{count} trades: bought at the bid (up), sold at the ask (down)"
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def inventory(instance: Session, rows: list[dict[str, float]], title: str) -> alt.LayerChart:
    """Return the inventory over time, with its limits where it comes near them."""
    import altair as alt

    layers = [
        alt.Chart(data(rows))
        .mark_line(color=INK, interpolate="step-after")
        .encode(x=_time(rows), y=alt.Y("inventory:Q", title="inventory (units)"))
    ]
    limit = instance.market.limit
    most = int(max(abs(row["inventory"]) for row in rows))
    if 2 * most >= limit:
        ends = data([{"limit": limit}, {"limit": -limit}])
        layers.append(alt.Chart(ends).mark_rule(color=ALARM, strokeDash=[5, 4]).encode(y="limit:Q"))
    subtitle = f"largest {most}, limit {limit}"
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def pnl(rows: list[dict[str, float]], title: str) -> alt.LayerChart:
    """Return cash plus inventory at the mid, less what it was at the start."""
    import altair as alt

    base = alt.Chart(data(rows))
    layers = [
        base.mark_rule(color=FAINT).encode(y=alt.datum(0)),
        base.mark_line(color=INK).encode(
            x=_time(rows), y=alt.Y("pnl:Q", title="profit and loss (price units)")
        ),
    ]
    subtitle = f"{rows[-1]['pnl']:,.4g} at the end"
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def _time(rows: list[dict[str, float]]) -> alt.X:
    import altair as alt

    domain = [0.0, rows[-1]["time"]]
    return alt.X("time:Q", title="time", scale=alt.Scale(domain=domain, nice=False))
