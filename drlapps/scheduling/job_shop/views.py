"""Pictures and tables of a schedule, as the field draws them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from drlapps.look import ALARM, FAINT, INK, WIDTH, data, dress, ink_on, palette
from drlapps.scheduling.job_shop.shop import JobShop

if TYPE_CHECKING:
    import altair as alt

_MOST_LEGEND = 20  # jobs beyond which a legend of colours helps nobody


def table(instance: JobShop, solution: Mapping[str, Any]) -> list[dict[str, int]]:
    """Return a row for each operation, by machine and start.

    Args:
        instance: the problem.
        solution: ``{"start": [[start of each operation] of each job]}``, in time units.
    """
    rows = [
        {
            "machine": int(instance.machines[job, place]),
            "job": job,
            "operation": place,
            "start": int(start),
            "end": int(start) + int(instance.durations[job, place]),
            "duration": int(instance.durations[job, place]),
        }
        for job, starts in enumerate(solution["start"])
        for place, start in enumerate(starts)
    ]
    return sorted(rows, key=lambda row: (row["machine"], row["start"], row["end"]))


def figures(
    instance: JobShop, solution: Mapping[str, Any], title: str
) -> dict[str, alt.TopLevelMixin]:
    """Return the pictures of a solution by name: the Gantt chart.

    Args:
        instance: the problem.
        solution: as for :func:`table`.
        title: above the pictures.
    """
    return {"gantt": gantt(instance, solution, title)}


def gantt(instance: JobShop, solution: Mapping[str, Any], title: str) -> alt.LayerChart:
    """Return the Gantt chart: a row for each machine, a bar for each operation, a colour a job.

    Wide bars bear the number of their job; in a page, a click on a bar picks its job out. A line
    marks the makespan, a dashed one that of the best known schedule. Behind the bars, a machine is
    grey while it is closed.
    """
    import altair as alt

    rows = table(instance, solution)
    colours = palette(instance.jobs)
    machines = [f"machine {index}" for index in range(instance.n_machines)]
    makespan = max(row["end"] for row in rows)
    best = instance.upper_bound
    horizon = max(makespan, best or 0, 1)
    shortest = (7 * len(str(instance.jobs - 1)) + 4) / (WIDTH - 180) * horizon
    bars: list[dict[str, Any]] = [
        {
            **row,
            "machine": machines[row["machine"]],
            "ink": ink_on(colours[row["job"]]),
            "label": str(row["job"]) if row["duration"] >= shortest else "",
        }
        for row in rows
    ]
    height = 30 if len(machines) <= 10 else 24 if len(machines) <= 30 else 16
    x = alt.X(
        "start:Q", title="time", scale=alt.Scale(domain=[0, horizon], nice=False),
        axis=alt.Axis(format="~d", tickCount=12),
    )  # fmt: skip
    y = alt.Y(
        "machine:N", title=None, scale=alt.Scale(domain=machines, paddingInner=0.14),
        axis=alt.Axis(ticks=False),
    )  # fmt: skip
    few = instance.jobs <= _MOST_LEGEND
    colour = alt.Color(
        "job:N",
        scale=alt.Scale(domain=list(range(instance.jobs)), range=colours),
        legend=alt.Legend(title="job", symbolType="square") if few else None,
    )
    tooltip = ["job:N", "operation:N", "machine:N", "start:Q", "end:Q", "duration:Q"]
    if instance.due.size:
        tooltip.append("due:Q")
        for bar in bars:
            bar["due"] = int(instance.due[bar["job"]])
    base = alt.Chart(data(bars)).encode(y=y, tooltip=tooltip)
    picked = alt.selection_point(fields=["job"], name="picked")
    layers = [
        base.mark_bar(stroke="white", strokeWidth=0.6)
        .encode(
            x=x, x2="end:Q", color=colour,
            opacity=alt.when(picked).then(alt.value(1.0)).otherwise(alt.value(0.15)),
        )
        .add_params(picked)
    ]  # fmt: skip
    if closed := _closed(instance, horizon):
        bands = alt.Chart(data(closed)).mark_bar(color=FAINT, opacity=0.3)
        layers.insert(
            0, bands.encode(x=x, x2="end:Q", y=y, tooltip=["machine:N", "start:Q", "end:Q"])
        )
    if best is not None:
        layers.append(_line(best, INK, dashed=True))
    layers += [
        _line(makespan, ALARM, dashed=False),
        base.transform_filter("datum.label !== ''")
        .transform_calculate(middle="(datum.start + datum.end) / 2")
        .mark_text(fontSize=min(11, height - 6))
        .encode(x="middle:Q", text="label:N", color=alt.Color("ink:N", scale=None)),
    ]
    heading = alt.Title(title, subtitle=_subtitle(instance, rows))
    return dress(layers, height=alt.Step(height), title=heading)


def _closed(instance: JobShop, horizon: int) -> list[dict[str, Any]]:
    """Return the windows in which machines are closed, as far as the picture goes."""
    return [
        {"machine": f"machine {machine}", "start": start, "end": min(end, horizon)}
        for machine, start, end in instance.closed.tolist()
        if start < horizon
    ]


def _subtitle(instance: JobShop, rows: list[dict[str, int]]) -> str:
    """Return the schedule's figures in words."""
    ends = np.zeros(instance.jobs, np.int64)
    for row in rows:
        ends[row["job"]] = max(ends[row["job"]], row["end"])
    parts = [f"makespan {ends.max():,} (red line)"]
    if instance.upper_bound is not None:
        parts.append(f"best known {instance.upper_bound:,} (dashed)")
    if missed := instance.tardiness(ends):
        parts.append(f"total weighted tardiness {missed['weighted_tardiness']:,.0f}")
        parts.append(f"late jobs {missed['late_jobs']:.0f}")
    if instance.closed.size:
        parts.append("closed times grey")
    return ", ".join(parts)


def _line(time: int, colour: str, *, dashed: bool) -> alt.Chart:
    import altair as alt

    rule: alt.Chart = (
        alt.Chart(data([{"time": time}]))
        .mark_rule(color=colour, strokeWidth=1.6, strokeDash=[5, 4] if dashed else [1, 0])
        .encode(x="time:Q")
    )
    return rule
