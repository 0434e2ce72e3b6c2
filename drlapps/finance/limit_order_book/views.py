"""Pictures and a table of a session: mid, own orders and fills, inventory, profit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drlapps.finance.limit_order_book.session import Session
from drlapps.finance.maker_views import BUY, HEIGHT, SELL, inventory, pnl, time_axis
from drlapps.look import INK, data, dress

if TYPE_CHECKING:
    import altair as alt

_TIME = "time (book steps)"


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
    time = time_axis(rows, _TIME)
    return {
        "book": book(rows, solution["fills"], title),
        "inventory": inventory(
            rows, instance.rules.limit, title, unit="lots", time=time, note=" at a decision"
        ),
        "pnl": pnl(rows, title, unit="ticks x lots", time=time),
    }


def book(rows: list[dict[str, float]], fills: list[dict[str, Any]], title: str) -> alt.LayerChart:
    """Return the mid-price, one's own orders, and a mark at every fill."""
    import altair as alt

    base = alt.Chart(data(rows)).encode(x=time_axis(rows, _TIME))
    price = alt.Scale(zero=False)
    layers = [
        base.mark_line(color=INK, strokeWidth=1.2, interpolate="step-after").encode(
            y=alt.Y("mid:Q", title="price (ticks)", scale=price)
        )
    ]
    for name, colour in (("bid", BUY), ("ask", SELL)):
        layers.append(
            base.transform_filter(f"isValid(datum.{name})")
            .mark_tick(color=colour, thickness=1, size=4, orient="vertical", opacity=0.6)
            .encode(y=alt.Y(f"{name}:Q", scale=price))
        )
    marks = {True: ("triangle-up", BUY), False: ("triangle-down", SELL)}
    for bought, (shape, colour) in marks.items():
        chosen = [fill for fill in fills if (fill["side"] > 0) == bought]
        layers.append(
            alt.Chart(data(chosen))
            .mark_point(shape=shape, color=colour, filled=True, size=36, opacity=1.0)
            .encode(
                x=time_axis(rows, _TIME),
                y=alt.Y("price:Q", scale=price),
                tooltip=["time:Q", "price:Q"],
            )
        )
    makers = sum(fill["maker"] for fill in fills)
    subtitle = f"{makers} orders filled, {len(fills) - makers} lots closed by market orders"
    return dress(layers, height=HEIGHT, title=alt.Title(title, subtitle=subtitle))
