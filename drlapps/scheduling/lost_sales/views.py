"""Pictures of an episode: those of all inventory tasks, its policy, and costs of like problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from drlapps.look import INK, data, dress, palette
from drlapps.scheduling.inventory import views
from drlapps.scheduling.inventory.views import table
from drlapps.scheduling.lost_sales import rules
from drlapps.scheduling.lost_sales.dynamic_programming import Space, solve
from drlapps.scheduling.lost_sales.instances import Shelf
from drlapps.scheduling.lost_sales.problem import Problem

if TYPE_CHECKING:
    import altair as alt

__all__ = ["figures", "table"]

Rows: TypeAlias = list[dict[str, Any]]

COMPARED = ("stock", "policy")
"""What a comparison shows of each policy."""

MOST_STATES = 120_000
"""Largest exact program that is solved for a picture."""

LEAD_TIMES, FACTORS = (1, 2, 3, 4), (0.25, 0.5, 1.0, 2.0)
"""Lead times, and multiples of the penalty, at which costs are drawn."""

_HEIGHT = 320


def figures(
    instance: Shelf, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of an episode by name.

    To those of all inventory tasks are added ``policy`` and, where the exact programs are small,
    ``cost-by-lead-time`` and ``cost-by-penalty``.

    Args:
        instance: the path.
        solution: as the environment returns it.
        title: above the pictures.
    """
    drawn = views.figures(instance, solution, title)
    drawn["policy"] = policy(instance, solution, title)
    problem = instance.problem
    families = {
        "lead_time": [replace(problem, lead_time=n) for n in LEAD_TIMES],
        "penalty": [replace(problem, penalty=f * problem.penalty) for f in FACTORS],
    }
    for name, problems in families.items():
        rows = _curves(problems, name)
        if len({row[name] for row in rows}) > 1:
            chart = curves(rows, name, getattr(problem, name), title)
            drawn[f"cost-by-{name.replace('_', '-')}"] = chart
    return drawn


def policy(instance: Shelf, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return the mean order in the states that were met, by stock on hand and under way."""
    import altair as alt

    rows = met(instance, solution)
    subtitle = "mean order by units on hand and under way; larger squares were met more often"
    near = alt.Scale(zero=False)
    cells = (
        alt.Chart(data(rows))
        .mark_square(opacity=1.0)
        .encode(
            x=alt.X("on_hand:Q", title="units on hand", scale=near),
            y=alt.Y("under_way:Q", title="units under way", scale=near),
            color=alt.Color("order:Q", title="order", scale=alt.Scale(scheme="viridis")),
            size=alt.Size("periods:Q", scale=alt.Scale(range=[30, 260]), legend=None),
            tooltip=["on_hand:Q", "under_way:Q", alt.Tooltip("order:Q", format=".3~g"),
                     "periods:Q"],
        )
    )  # fmt: skip
    return dress([cells], height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))


def met(instance: Shelf, solution: Mapping[str, Any]) -> Rows:
    """Return the states that decisions were made in, after the warm-up.

    Returns:
        For each ``on_hand`` and ``under_way`` that was met, the mean ``order`` and in how many
        ``periods``.
    """
    (node,), (arc,) = instance.network.nodes, instance.network.arcs
    under_way = list(arc.initial) + [0.0] * (arc.lead_time - 1 - len(arc.initial))
    stock = node.initial
    found = defaultdict(list)
    for period, ((order,), (left,)) in enumerate(
        zip(solution["orders"], solution["on_hand"], strict=True)
    ):
        if period >= instance.warm_up:
            found[stock, sum(under_way)].append(order)
        under_way.append(order)
        stock = left + under_way.pop(0)
    return [
        {"on_hand": x, "under_way": y, "order": float(np.mean(orders)), "periods": len(orders)}
        for (x, y), orders in sorted(found.items())
    ]


def _curves(problems: Sequence[Problem], varied: str) -> Rows:
    """Return the costs of the optimum and of the best simple rules, exactly."""
    return [
        {varied: getattr(problem, varied), "policy": name, "cost": cost}
        for problem in problems
        if Space(problem.lead_time, problem.storage).size <= MOST_STATES
        for name, cost in _costs(problem).items()
    ]


@cache
def _costs(problem: Problem) -> dict[str, float]:
    """Return the long-run cost of each policy that is drawn."""
    solution = solve(problem)
    assert solution is not None
    finders = {"base-stock": rules.best_base_stock}
    if problem.fixed:
        finders["(s, S)"] = rules.best_reorder_point
    else:
        finders["capped base-stock"] = rules.best_capped_base_stock
    costs = {name: rules.exact_cost(problem, find(problem)) for name, find in finders.items()}
    return {"optimal": solution.cost, **costs}


def curves(
    rows: Sequence[Mapping[str, Any]], varied: str, own: float, title: str
) -> alt.LayerChart:
    """Return costs over one number of the problem.

    Args:
        rows: the number, ``policy`` and ``cost``.
        varied: name of the number: ``lead_time`` or ``penalty``.
        own: what it is in the problem at hand.
        title: above the picture.
    """
    import altair as alt

    names = list(dict.fromkeys(row["policy"] for row in rows))
    called = varied.replace("_", " ")
    factors = alt.Scale(type="log", nice=False, padding=20)
    axis = alt.X(
        f"{varied}:Q",
        title=called,
        scale=factors if varied == "penalty" else alt.Scale(zero=False, padding=20),
        axis=alt.Axis(values=sorted({row[varied] for row in rows}), format=".4~g"),
    )
    lines = (
        alt.Chart(data(rows))
        .mark_line(point=True)
        .encode(
            x=axis,
            y=alt.Y("cost:Q", title="long-run cost per period", scale=alt.Scale(zero=False)),
            color=alt.Color(
                "policy:N",
                scale=alt.Scale(domain=names, range=palette(len(names))),
                legend=alt.Legend(title=None),
            ),
            tooltip=["policy:N", f"{varied}:Q", alt.Tooltip("cost:Q", format=".5~g")],
        )
    )
    here = alt.Chart(data([{varied: own}])).mark_rule(color=INK, strokeDash=[4, 4]).encode(x=axis)
    subtitle = f"exact, all else as in the problem at hand, whose {called} is {own:g}"
    return dress([here, lines], height=_HEIGHT, title=alt.Title(title, subtitle=subtitle))
