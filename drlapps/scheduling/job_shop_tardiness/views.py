"""Pictures of a schedule with due dates: the Gantt chart, and each job beside its due date."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from drlapps.look import ALARM, FAINT, INK, data, dress
from drlapps.scheduling.job_shop.views import gantt, table
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

if TYPE_CHECKING:
    import altair as alt

__all__ = ["due_dates", "figures", "lateness", "table"]


def figures(
    instance: DueDateShop, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a solution by name: the Gantt chart and the due dates.

    Args:
        instance: the problem.
        solution: ``{"start": [[start of each operation] of each job]}``, in time units.
        title: above the pictures.
    """
    return {
        "gantt": gantt(instance, solution, title),
        "due-dates": due_dates(instance, solution, title),
    }


def lateness(instance: DueDateShop, solution: Mapping[str, Any]) -> list[dict[str, int]]:
    """Return a row for each job, the one due first first.

    Its start and end, its due date and weight, and what its tardiness costs.
    """
    rows = []
    for job, starts in enumerate(solution["start"]):
        end = int(starts[-1]) + int(instance.durations[job, len(starts) - 1])
        due, weight = int(instance.due[job]), int(instance.weights[job])
        rows.append(
            {
                "job": job,
                "start": int(starts[0]),
                "end": end,
                "due": due,
                "weight": weight,
                "tardiness": max(end - due, 0),
                "cost": weight * max(end - due, 0),
            }
        )
    return sorted(rows, key=lambda row: (row["due"], row["job"]))


def due_dates(instance: DueDateShop, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return a bar for each job from start to end, red from its due date on, with the cost."""
    import altair as alt

    rows = lateness(instance, solution)
    names = [f"job {row['job']}" for row in rows]
    bars: list[dict[str, Any]] = [
        {
            **row,
            "name": name,
            "late_from": max(min(row["due"], row["end"]), row["start"]),
            "label": f"{row['weight']} × {row['tardiness']:,}" if row["tardiness"] else "",
        }
        for row, name in zip(rows, names, strict=True)
    ]
    furthest = max(max(row["end"], row["due"]) for row in rows)
    x = alt.Scale(domain=[0, max(round(1.08 * furthest), 1)], nice=False)
    y = alt.Y("name:N", title=None, sort=names, axis=alt.Axis(ticks=False))
    tooltip = [f"{key}:Q" for key in rows[0]]
    base = alt.Chart(data(bars)).encode(y=y, tooltip=tooltip)
    layers = [
        base.mark_bar(color=FAINT, opacity=0.45).encode(
            x=alt.X("start:Q", title="time", scale=x, axis=alt.Axis(format="~d")), x2="late_from:Q"
        ),
        base.mark_bar(color=ALARM).encode(x="late_from:Q", x2="end:Q"),
        base.mark_tick(color=INK, thickness=2, height=18).encode(x="due:Q"),
        base.mark_text(align="left", dx=6, color=INK).encode(x="end:Q", text="label:N"),
    ]
    total, late = sum(row["cost"] for row in rows), sum(row["tardiness"] > 0 for row in rows)
    subtitle = f"total weighted tardiness {total:,}, {late} of {len(rows)} jobs late"
    return dress(layers, height=alt.Step(22), title=alt.Title(title, subtitle=subtitle))
