"""Pictures and a table of a session: mid, own orders and fills, inventory, profit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drlapps.finance.limit_order_book.session import Session
from drlapps.look import ALARM, FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

_BUY, _SELL = palette(3)[0], palette(3)[1]
_HEIGHT = 260


def table(instance: Session, solution: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return a row for each decision, and one for the end.

    Args:
        instance: the session.
        solution: as the environment returns it.

    Returns:
        ``time`` in book steps, ``mid``, one's own orders ``bid`` and ``ask`` after the decision
        (left out where there is none), and before it ``inventory`` and ``pnl``.
    """
    rules = instance.rules
    fills = list(solution["fills"])
    units, cash, done, rows = 0, 0.0, 0, []
    for step, (bid, ask) in enumerate(zip(solution["best_bid"], solution["best_ask"], strict=True)):
        time = step * rules.repeats
        # A market order at this very time belongs to the decision, not to what was before it.
        while done < len(fills) and fills[done]["time"] <= time - (not fills[done]["maker"]):
            fill = fills[done]
            units += fill["side"]
            cash -= fill["side"] * fill["price"]
            cash -= rules.maker_fee if fill["maker"] else rules.taker_fee
            done += 1
        mid = (bid + ask) / 2
        row = {"time": time, "mid": mid, "inventory": units, "pnl": cash + units * mid}
        if step < rules.steps:
            own = {"bid": solution["bid"][step], "ask": solution["ask"][step]}
            row |= {name: price for name, price in own.items() if price is not None}
        rows.append(row)
    return rows


def figures(
    instance: Session, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a session by name: ``book``, ``inventory`` and ``pnl``.

    Args:
        instance: the session.
        solution: as the environment returns it.
        title: above the pictures.
    """
    rows = table(instance, solution)
    return {
        "book": book(rows, solution["fills"], title),
        "inventory": inventory(instance, rows, title),
        "pnl": pnl(rows, title),
    }


def book(rows: list[dict[str, float]], fills: list[dict[str, Any]], title: str) -> alt.LayerChart:
    """Return the mid-price, one's own orders, and a mark at every fill."""
    import altair as alt

    base = alt.Chart(data(rows)).encode(x=_time(rows))
    price = alt.Scale(zero=False)
    layers = [
        base.mark_line(color=INK, strokeWidth=1.2, interpolate="step-after").encode(
            y=alt.Y("mid:Q", title="price (ticks)", scale=price)
        )
    ]
    for name, colour in (("bid", _BUY), ("ask", _SELL)):
        layers.append(
            base.transform_filter(f"isValid(datum.{name})")
            .mark_tick(color=colour, thickness=1, size=4, orient="vertical", opacity=0.6)
            .encode(y=alt.Y(f"{name}:Q", scale=price))
        )
    marks = {True: ("triangle-up", _BUY), False: ("triangle-down", _SELL)}
    for bought, (shape, colour) in marks.items():
        chosen = [fill for fill in fills if (fill["side"] > 0) == bought]
        layers.append(
            alt.Chart(data(chosen))
            .mark_point(shape=shape, color=colour, filled=True, size=36, opacity=1.0)
            .encode(x=_time(rows), y=alt.Y("price:Q", scale=price), tooltip=["time:Q", "price:Q"])
        )
    makers = sum(fill["maker"] for fill in fills)
    subtitle = f"{makers} orders filled, {len(fills) - makers} lots closed by market orders"
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def inventory(instance: Session, rows: list[dict[str, float]], title: str) -> alt.LayerChart:
    """Return the inventory over time, with its limits where it comes near them."""
    import altair as alt

    layers = [
        alt.Chart(data(rows))
        .mark_line(color=INK, interpolate="step-after")
        .encode(x=_time(rows), y=alt.Y("inventory:Q", title="inventory (lots)"))
    ]
    limit = instance.rules.limit
    most = int(max(abs(row["inventory"]) for row in rows))
    if 2 * most >= limit:
        ends = data([{"limit": limit}, {"limit": -limit}])
        layers.append(alt.Chart(ends).mark_rule(color=ALARM, strokeDash=[5, 4]).encode(y="limit:Q"))
    subtitle = f"largest {most} at a decision, limit {limit}"
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def pnl(rows: list[dict[str, float]], title: str) -> alt.LayerChart:
    """Return cash plus inventory at the mid, after fees."""
    import altair as alt

    base = alt.Chart(data(rows))
    layers = [
        base.mark_rule(color=FAINT).encode(y=alt.datum(0)),
        base.mark_line(color=INK).encode(
            x=_time(rows), y=alt.Y("pnl:Q", title="profit and loss (ticks x lots)")
        ),
    ]
    subtitle = f"{rows[-1]['pnl']:,.4g} at the end"
    return dress(layers, height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def _time(rows: list[dict[str, float]]) -> alt.X:
    import altair as alt

    domain = [0.0, rows[-1]["time"]]
    return alt.X("time:Q", title="time (book steps)", scale=alt.Scale(domain=domain, nice=False))
