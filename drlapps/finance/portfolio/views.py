"""Pictures of portfolios: wealth, drawdown and weights over time, and those of a tear sheet."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from drlapps.finance import metrics
from drlapps.finance.portfolio.instances import Window
from drlapps.look import FAINT, INK, data, dress, palette

if TYPE_CHECKING:
    import altair as alt

Floats: TypeAlias = NDArray[np.float64]
Days: TypeAlias = Sequence[str] | Sequence[int]
"""ISO dates, or numbers of days where the data have no dates."""

CASH, OTHERS = "cash", "others"

_GENERAL = "format(datum.value, '~g')"  # as it is, where axes would round to their steps
_DATES = (
    "utcFormat(datum.value, utcdate(datum.value) > 1 ? '%-d %b' : "
    "utcmonth(datum.value) > 0 ? '%b' : '%Y')"
)
_DAY = 86_400_000  # in the milliseconds of a time axis
_MOST_POINTS = 700  # of a line: weekly over thirteen years, and closer than a pixel
_MOST_OF_ALL = 9000  # points of all lines of a chart, so that a page stays small
_MOST_WEEKS = 400  # points of a stack of weights
_MOST_ASSETS = 20  # in a stack of weights, beyond which colours cannot be told apart
_SHORT = 0.005  # share below zero that rounding and costs explain
_SHORT = 0.005  # share below zero that rounding and costs explain
_GREYS = {CASH: "#dee2e6", OTHERS: "#868e96"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Curve(NamedTuple):
    """A line of a chart.

    Attributes:
        policy: whose it is.
        values: a number for each day; what is not finite is left out.
        width: of the line in pixels; below 1 it is drawn faintly, as a single run beside its mean.
    """

    policy: str
    values: Floats
    width: float = 1.7


def figures(
    instance: Window, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a solution by name: wealth, drawdown and weights over time.

    Args:
        instance: the window of the market.
        solution: the environment's ledger: ``wealth``, ``weights`` (share of each asset after
            each entry of the wealth path; cash is the rest) and ``rules``.
        title: above the pictures.
    """
    wealth = np.asarray(solution["wealth"], np.float64)
    weights = np.asarray(solution["weights"], np.float64).reshape(len(wealth), -1)
    days = _days(instance, solution)
    growth = returns(wealth[1:]) if len(wealth) > 1 else np.zeros(1)
    below = np.concatenate([[0.0], metrics.drawdowns(growth)])[: len(wealth)]
    shares = np.column_stack([1.0 - weights.sum(axis=1), weights])
    # The first entry is the start, before anything was bought.
    first = min(1, len(wealth) - 1)
    said = {
        "wealth": f"terminal wealth {wealth[-1]:,.4g} times the start",
        "drawdown": f"deepest {100 * below.min():.1f} %",
        "weights": "shares of wealth, cash included",
    }
    titles = {name: _title(title, subtitle) for name, subtitle in said.items()}
    return {
        "wealth": equity(days, [Curve("wealth", wealth)], title=titles["wealth"]),
        "drawdown": drawdown(days, [Curve("drawdown", below)], title=titles["drawdown"]),
        "weights": stack(
            days[first:], (CASH, *instance.assets), shares[first:], title=titles["weights"]
        ),
    }


def _days(instance: Window, solution: Mapping[str, Any]) -> Days:
    """Return the day of each entry of the wealth path."""
    count, dates = len(solution["wealth"]), instance.dates()
    if dates is None:
        return range(count)
    # Orders filled at an open start a path before the first close.
    early = 1 if solution["rules"]["fill"] == "next-open" else 0
    return [dates[max(entry - early, 0)] for entry in range(count)]


def _title(title: str, subtitle: str) -> alt.Title:
    import altair as alt

    return alt.Title(title, subtitle=subtitle)


def returns(wealth: ArrayLike) -> Floats:
    """Return the simple returns of wealth that starts at 1; after ruin they are -1.

    Args:
        wealth: at the end of each day, shape (..., days).
    """
    path = np.asarray(wealth, np.float64)
    before = np.concatenate([np.ones((*path.shape[:-1], 1)), path[..., :-1]], axis=-1)
    growth: Floats = np.divide(path, before, out=np.zeros_like(path), where=before > 0.0)
    return growth - 1.0


def equity(
    days: Days,
    curves: Sequence[Curve],
    colours: Mapping[str, str] | None = None,
    *,
    title: str | alt.Title = "",
) -> alt.LayerChart:
    """Return wealth over time on a logarithmic scale, on which equal growth is equally steep."""
    import altair as alt

    whole = [curve._replace(values=np.where(curve.values > 0.0, curve.values, np.nan))
             for curve in curves]  # fmt: skip
    y = alt.Y(
        "value:Q", title="wealth (start = 1, log scale)",
        scale=alt.Scale(type="log", nice=False, padding=8),
        axis=alt.Axis(values=_levels([curve.values for curve in whole]), labelExpr=_GENERAL),
    )  # fmt: skip
    return _lines(days, whole, colours, y=y, height=360, level=1.0, title=title)


def _levels(paths: Sequence[Floats]) -> list[float]:
    """Return round numbers to label on a logarithmic axis.

    Vega's own leave much of an axis bare that holds no or little more than one power of ten.
    """
    values = np.concatenate([[1.0], *paths])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if high > 5 * low:
        powers = 10.0 ** np.arange(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
        levels = [float(power * step) for power in powers for step in (1, 2, 5)]
        return [level for level in levels if low <= level <= high]
    gap = max((high - low) / 5, 0.001 * high)
    power = 10.0 ** math.floor(math.log10(gap))
    step = next(power * step for step in (1, 2, 5, 10) if power * step >= gap * 0.999)
    return [step * count for count in range(math.ceil(low / step), math.floor(high / step) + 1)]


def drawdown(
    days: Days,
    curves: Sequence[Curve],
    colours: Mapping[str, str] | None = None,
    *,
    title: str | alt.Title = "",
) -> alt.LayerChart:
    """Return how far wealth is below its last peak; a single curve is filled."""
    import altair as alt

    axis = alt.Axis(format="~%", tickCount=6)
    y = alt.Y(
        "value:Q", title="below the last peak", scale=alt.Scale(domainMax=0.0), axis=axis,
        stack=None,
    )  # fmt: skip
    return _lines(
        days, curves, colours, y=y, height=260, level=0.0, title=title, filled=len(curves) == 1
    )


def rolling(days: Days, curves: Sequence[Curve], colours: Mapping[str, str]) -> alt.LayerChart:
    """Return Sharpe ratios of the latest year over time."""
    import altair as alt

    y = alt.Y("value:Q", title="Sharpe ratio of 252 days", axis=alt.Axis(tickCount=6))
    return _lines(days, curves, colours, y=y, height=260, level=0.0)


def _lines(
    days: Days,
    curves: Sequence[Curve],
    colours: Mapping[str, str] | None,
    *,
    y: alt.Y,
    height: int,
    level: float,
    title: str | alt.Title = "",
    filled: bool = False,
) -> alt.LayerChart:
    """Return curves over time with a line at a level; without colours there is no legend."""
    import altair as alt

    keep = _thinned(len(days), min(_MOST_POINTS, max(_MOST_OF_ALL // len(curves), 50)))
    rows = [
        {"policy": curve.policy, "line": index, "width": curve.width,
         "day": [days[day] for day in keep], "value": _plain(curve.values[keep])}
        for index, curve in enumerate(curves)
    ]  # fmt: skip
    picked = alt.selection_point(fields=["policy"], bind="legend", name="picked")
    base = (
        _flat(days, rows, "value")
        .transform_filter("isValid(datum.value)")
        .encode(
            x=_time(days), y=y, color=_colour("policy", colours), detail="line:N",
            tooltip=["policy:N"],
        )
    )  # fmt: skip
    if filled:
        marked = base.mark_area(opacity=0.3, line={"strokeWidth": 1.5}, clip=True)
    else:
        marked = base.mark_line(clip=True).encode(
            strokeWidth=alt.StrokeWidth("width:Q", scale=None),
            opacity=alt.when(picked & "datum.width >= 1").then(alt.value(1.0))
            .when(picked).then(alt.value(0.45)).otherwise(alt.value(0.1)),
        ).add_params(picked)  # fmt: skip
    rule = alt.Chart(data([{"level": level}])).mark_rule(color=FAINT, strokeDash=[4, 3])
    return dress([rule.encode(y="level:Q"), marked], height=height, title=title)


def stack(
    days: Days, assets: Sequence[str], weights: Floats, *, title: str | alt.Title = ""
) -> alt.LayerChart:
    """Return weights over time as stacked areas; of many assets the largest and the others.

    Args:
        days: the days.
        assets: names, cash among them.
        weights: shares of wealth, shape (days, assets).
        title: above the chart.
    """
    import altair as alt

    keep = _thinned(len(days), _MOST_WEEKS)
    names, shares = _largest(assets, weights[keep])
    shades = iter(palette(len(names)))
    colours = {name: _GREYS.get(name) or next(shades) for name in names}
    rows = [
        {"asset": name, "place": place, "day": [days[day] for day in keep],
         "weight": _plain(shares[:, place], 4)}
        for place, name in enumerate(names)
    ]  # fmt: skip
    picked = alt.selection_point(fields=["asset"], bind="legend", name="picked")
    long_only = shares.min() >= -_SHORT
    areas = (
        _flat(days, rows, "weight")
        .mark_area(clip=True)
        .encode(
            x=_time(days),
            y=alt.Y(
                "weight:Q", title="share of wealth", stack="zero", axis=alt.Axis(format="~%"),
                scale=alt.Scale(domain=[0, 1], nice=False) if long_only else alt.Undefined,
            ),
            color=_colour("asset", colours),
            # From the top down, as in the legend.
            order=alt.Order("place:Q", sort="descending"),
            tooltip=["asset:N"],
            opacity=alt.when(picked).then(alt.value(1.0)).otherwise(alt.value(0.15)),
        )
        .add_params(picked)
    )  # fmt: skip
    return dress([areas], height=max(260, 19 * len(names)), title=title)


def _largest(assets: Sequence[str], weights: Floats) -> tuple[list[str], Floats]:
    """Return cash, the assets of the largest mean size, and the sum of the others."""
    size = np.abs(weights).mean(axis=0)
    size[[name == CASH for name in assets]] = np.inf
    order = np.argsort(-size, kind="stable")
    most = _MOST_ASSETS + (CASH in assets)
    names, shares = [assets[column] for column in order], weights[:, order]
    if len(names) <= most:
        return names, shares
    rest = shares[:, most:].sum(axis=1, keepdims=True)
    return [*names[:most], OTHERS], np.hstack([shares[:, :most], rest])


def months(years: Sequence[int], table: Floats) -> alt.LayerChart:
    """Return monthly returns as a heat map, a row for each year.

    Args:
        years: the years.
        table: returns from January to December, NaN where there are none, shape (years, 12).
    """
    import altair as alt

    rows = [
        {"year": int(year), "month": month, "value": float(value)}
        for year, line in zip(years, table, strict=True)
        for month, value in zip(_MONTHS, line, strict=True)
        if np.isfinite(value)
    ]
    limit = float(np.nanmax(np.abs(table))) or 1.0
    base = alt.Chart(data(rows)).encode(
        x=alt.X("month:O", sort=list(_MONTHS), title=None,
                scale=alt.Scale(domain=list(_MONTHS)),
                axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False)),
        y=alt.Y("year:O", title=None, axis=alt.Axis(ticks=False, domain=False)),
        tooltip=["year:O", "month:O", alt.Tooltip("value:Q", format="+.2%")],
    )  # fmt: skip
    scale = alt.Scale(scheme="redblue", domain=[-limit, limit], domainMid=0.0)
    dark = f"abs(datum.value) > {0.62 * limit}"
    return dress(
        [
            base.mark_rect(stroke="white").encode(color=alt.Color("value:Q", scale=scale,
                                                                  legend=None)),
            base.transform_calculate(percent="format(100 * datum.value, '+.1f')")
            .mark_text(fontSize=11)
            .encode(text="percent:N", color=alt.condition(dark, alt.value("white"),
                                                          alt.value(INK))),
        ],
        height=alt.Step(24),
    )  # fmt: skip


def against_cost(
    sweeps: Mapping[str, Sequence[tuple[float, float]]], colours: Mapping[str, str]
) -> alt.LayerChart:
    """Return Sharpe ratios against trading costs.

    Args:
        sweeps: pairs of basis points and Sharpe ratio of each policy.
        colours: of the policies.
    """
    import altair as alt

    rows = [
        {"policy": name, "cost": cost, "value": value}
        for name, sweep in sweeps.items()
        for cost, value in sweep
    ]
    levels = sorted({cost for sweep in sweeps.values() for cost, _ in sweep})
    picked = alt.selection_point(fields=["policy"], bind="legend", name="picked")
    lines = (
        alt.Chart(data(rows))
        .mark_line(point={"size": 36}, strokeWidth=2)
        .encode(
            x=alt.X("cost:Q", title="basis points of each dollar traded",
                    axis=alt.Axis(values=levels, labelExpr=_GENERAL)),
            y=alt.Y("value:Q", title="Sharpe ratio", scale=alt.Scale(zero=False)),
            color=_colour("policy", {name: colours[name] for name in sweeps}),
            opacity=alt.when(picked).then(alt.value(1.0)).otherwise(alt.value(0.12)),
            tooltip=["policy:N", "cost:Q", alt.Tooltip("value:Q", format=".3f")],
        )
        .add_params(picked)
    )  # fmt: skip
    return dress([lines], height=260)


def _flat(days: Days, rows: Sequence[Mapping[str, Any]], field: str) -> alt.Chart:
    """Return rows that hold a list of days and one of values as the points of a chart.

    A row for each line, and not for each point, keeps pages small.
    """
    import altair as alt

    chart: alt.Chart = alt.Chart(data(rows)).transform_flatten(["day", field])
    return chart.transform_calculate(day="toDate(datum.day)") if _dated(days) else chart


def _time(days: Days) -> alt.X:
    import altair as alt

    if _dated(days):
        # Dates are no moments: in local time some would fall on the day before.
        axis = alt.Axis(tickMinStep=_DAY, labelExpr=_DATES)
        return alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=axis)
    return alt.X("day:Q", title="day", scale=alt.Scale(nice=False), axis=alt.Axis(tickCount=12))


def _dated(days: Days) -> bool:
    return isinstance(days[0], str)


def _colour(field: str, colours: Mapping[str, str] | None) -> alt.Color | alt.ColorValue:
    import altair as alt

    if colours is None:
        return alt.ColorValue(palette(1)[0])
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    legend = alt.Legend(title=None, symbolType="square" if field == "asset" else "stroke")
    return alt.Color(f"{field}:N", scale=scale, legend=legend)


def _thinned(count: int, most: int) -> NDArray[np.int64]:
    """Return at most so many of the places 0 .. count - 1, evenly, the first and last included."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.int64))


def _plain(values: Floats, digits: int = 5) -> list[float | None]:
    """Return values in a form that JSON has, to so many significant digits."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in values]
