"""Pictures and a table of a fishery: stocks, catches, and the harvest policy behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from gymnasium.vector import AutoresetMode

from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.instances import Fishery
from drlapps.control.fishery.stocks import StockModel
from drlapps.look import ALARM, WIDTH, data, dress, paint, palette
from drlapps.policy import Policy

if TYPE_CHECKING:
    import altair as alt

Rows: TypeAlias = list[dict[str, Any]]

HEIGHT = 260

_MAP = 48
"""Points of a policy map along either axis."""


def table(instance: Fishery, solution: Mapping[str, Any]) -> Rows:
    """Return a row for each species and year.

    Args:
        instance: the fishery.
        solution: as the environment returns it.

    Returns:
        ``year``, ``species``, ``stock`` at its beginning, ``catch`` and ``mortality``, the share of
        the stock that was caught; in a last year after all others the stock alone.
    """
    catches = solution["catches"]
    names = [one.name for one in instance.model.species]
    rows: Rows = []
    for year, stocks in enumerate(solution["stocks"]):
        for number, (name, stock) in enumerate(zip(names, stocks, strict=True)):
            row: dict[str, Any] = {"year": year, "species": name, "stock": stock}
            if year < len(catches):
                caught = catches[year][number]
                row |= {"catch": caught, "mortality": caught / stock if stock else 0.0}
            rows.append(row)
    return rows


def figures(
    instance: Fishery, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures by name: ``stocks``, ``harvest`` and ``policy``.

    Args:
        instance: the fishery.
        solution: as the environment returns it.
        title: above the pictures.
    """
    rows = table(instance, solution)
    return {
        "stocks": stocks(instance, rows, title),
        "harvest": harvest(instance, rows, title),
        "policy": policy(instance, rows, title),
    }


def stocks(instance: Fishery, rows: Rows, title: str) -> alt.LayerChart:
    """Return the stock of every species over the years, with the level at which it is lost."""
    import altair as alt

    model = instance.model
    lines = (
        alt.Chart(data(rows))
        .mark_line(strokeWidth=1.8)
        .encode(
            x=_years(model),
            y=alt.Y("stock:Q", title="stock", scale=alt.Scale(domainMin=0.0)),
            color=_colour(model),
        )
    )
    level = alt.Chart(data([{"level": model.threshold}]))
    rule = level.mark_rule(color=ALARM, strokeDash=[4, 3]).encode(y="level:Q")
    smallest = min(row["stock"] for row in rows)
    lost = smallest <= model.threshold
    fate = f"a species is lost in year {rows[-1]['year']}" if lost else "no species is lost"
    subtitle = f"{fate}; the smallest stock is {smallest:.3f}, the limit {model.threshold:g}"
    return dress([rule, lines], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def harvest(instance: Fishery, rows: Rows, title: str) -> alt.LayerChart:
    """Return the catch of every fished species a year, one on the other."""
    import altair as alt

    model = instance.model
    fished = _fished(model, rows)
    # The last year once more at its end: what steps are drawn from.
    last = fished[-1]["year"]
    ends = [{**row, "year": last + 1} for row in fished if row["year"] == last]
    areas = (
        alt.Chart(data([*fished, *ends]))
        .mark_area(interpolate="step-after", opacity=0.85)
        .encode(
            x=_years(model),
            y=alt.Y("catch:Q", title="catch", stack="zero"),
            color=_colour(model, fished=True),
        )
    )
    prices = {one.name: one.price for one in model.species}
    value = sum(prices[row["species"]] * row["catch"] for row in fished)
    subtitle = f"worth {value:.2f} in all, {value / model.years:.3f} a year"
    return dress([areas], height=HEIGHT, title=alt.Title(title, subtitle=subtitle))


def policy(instance: Fishery, rows: Rows, title: str) -> alt.FacetChart:
    """Return the mortality chosen in each year, over the fished species' and the watched stock.

    The watched one is the last that is not fished, the predator of the published models; if there
    is none, it is the last.
    """
    model = instance.model
    watched = _watched(model)
    seen = {row["year"]: row["stock"] for row in rows if row["species"] == watched}
    points = [{**row, "watched": seen[row["year"]]} for row in _fished(model, rows)]
    return _plane(model, points, watched, title, "mortality in every year", size=34)


def policy_map(policy: Policy, model: StockModel, title: str, seed: int = 0) -> alt.FacetChart:
    """Return the mortality that a policy chooses over the plane of two stocks, the others initial.

    Each fished species has a plane of its own stock and the watched one of :func:`policy`.

    Args:
        policy: who decides.
        model: the fishery, without change.
        title: above the picture.
        seed: of the policy.
    """
    watched = _watched(model)
    names = [one.name for one in model.species]
    levels = np.linspace(model.threshold, 1.6 * float(model.initial.max()), _MAP)
    across, up = (grid.ravel() for grid in np.meshgrid(levels, levels))
    env = FisheryEnv(
        len(across),
        [Fishery("map", model, 0)],
        autoreset_mode=AutoresetMode.DISABLED,
    )
    env.reset(seed=0)
    policy.reset(env, seed)
    points: Rows = []
    for place, species in enumerate(model.harvested):
        states = np.tile(model.initial, (len(across), 1))
        states[:, names.index(watched)], states[:, species] = up, across
        shares = env.mortality_of(policy.act(env, env.at(states)))[:, place]
        points += [
            {"species": names[species], "stock": x, "watched": z, "mortality": share}
            for x, z, share in zip(across.tolist(), up.tolist(), shares.tolist(), strict=True)
        ]
    return _plane(model, points, watched, title, "other stocks at their initial size", size=0)


def _plane(
    model: StockModel, points: Sequence[Mapping[str, Any]], watched: str, title: str, note: str,
    size: int,
) -> alt.FacetChart:  # fmt: skip
    """Return mortality over two stocks: as points of a size, or, without size, as squares."""
    import altair as alt

    most = max(point["mortality"] for point in points) if size else 1.0
    count = len(model.harvested)
    width = (WIDTH - 190) // max(count, 2)
    chart = alt.Chart(data(points))
    # Squares that just touch.
    side = (width / _MAP + 1.0) ** 2
    mark = (
        chart.mark_circle(size=size, opacity=0.9)
        if size
        else chart.mark_square(size=side, opacity=1.0)
    )
    shape: alt.FacetChart = (
        mark.encode(
            x=alt.X("stock:Q", title="stock of the species", scale=alt.Scale(nice=False)),
            y=alt.Y(
                "watched:Q", title=f"stock of {watched}", scale=alt.Scale(nice=False, zero=False)
            ),
            color=alt.Color(
                "mortality:Q",
                scale=alt.Scale(scheme="viridis", domain=[0.0, most or 1.0]),
                legend=alt.Legend(title="caught", format="~%"),
            ),
            tooltip=[alt.Tooltip("mortality:Q", format=".1%")],
        )
        .properties(width=width, height=width * 0.8)
        .facet(column=alt.Column("species:N", title=None), title=alt.Title(title, subtitle=note))
    )
    return paint(shape)


def _watched(model: StockModel) -> str:
    """Return the last species that is not fished, or else the last."""
    free = [one.name for one in model.species if not one.price]
    return (free or [model.species[-1].name])[-1]


def _fished(model: StockModel, rows: Rows) -> Rows:
    """Return the rows of fished species and years in which they could be."""
    names = {one.name for one in model.species if one.price}
    return [row for row in rows if row["species"] in names and "catch" in row]


def _years(model: StockModel) -> alt.X:
    import altair as alt

    return alt.X("year:Q", title="year", scale=alt.Scale(domain=[0, model.years], nice=False))


def _colour(model: StockModel, fished: bool = False) -> alt.Color:
    """Return the colours of all species, or of those that are fished."""
    import altair as alt

    colours = {
        one.name: colour
        for one, colour in zip(model.species, palette(len(model.species)), strict=True)
        if one.price or not fished
    }
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    return alt.Color("species:N", scale=scale, title=None)
