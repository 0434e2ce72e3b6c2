"""Pictures and a table of a session: quotes around the price, inventory, profit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drlapps.finance.maker_views import BUY, HEIGHT, SELL, inventory, pnl, time_axis
from drlapps.finance.market_making.session import Session
from drlapps.look import INK, data, dress

if TYPE_CHECKING:
    import altair as alt

_TIME = "time"


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
    time = time_axis(rows, _TIME)
    return {
        "quotes": quotes(instance, rows, title),
        "inventory": inventory(rows, instance.market.limit, title, unit="units", time=time),
        "pnl": pnl(rows, title, unit="price units", time=time),
    }


def quotes(instance: Session, rows: list[dict[str, float]], title: str) -> alt.LayerChart:
    """Return the mid-price between the quotes, with a triangle at every trade."""
    import altair as alt

    base = alt.Chart(data(rows)).encode(x=time_axis(rows, _TIME))
    price = alt.Scale(zero=False)
    layers = [
        base.mark_line(color=colour, strokeWidth=width, interpolate="step-after").encode(
            y=alt.Y(f"{name}:Q", title="price", scale=price)
        )
        for name, colour, width in (("bid", BUY, 0.8), ("ask", SELL, 0.8), ("mid", INK, 1.4))
    ]
    trades = (("bid", "bought", "triangle-up", BUY), ("ask", "sold", "triangle-down", SELL))
    for name, fill, shape, colour in trades:
        layers.append(
            base.transform_filter(f"datum.{fill} == 1")
            .mark_point(shape=shape, color=colour, filled=True, size=42, opacity=1.0)
            .encode(y=alt.Y(f"{name}:Q", scale=price), tooltip=["time:Q", f"{name}:Q"])
        )
    count = int(sum(row.get("bought", 0) + row.get("sold", 0) for row in rows))
    subtitle = f"{count} trades: bought at the bid (up), sold at the ask (down)"
    return dress(layers, height=HEIGHT, title=alt.Title(title, subtitle=subtitle))
