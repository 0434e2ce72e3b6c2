"""The charts of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from drlapps.look import ALARM, INK, data, dress, paint
from drlapps.report.courses import course
from drlapps.report.document import Section
from drlapps.report.formats import Interval, is_number, seconds
from drlapps.report.policies import (
    KINDS,
    SHAPES,
    Look,
    Row,
    kind_of,
    kinds_in,
    picking,
    score_title,
    thickness,
)
from drlapps.report.tables import Json, is_relative, ranked

if TYPE_CHECKING:
    import altair as alt

_WIDEST_NUMBERS = 16  # instances up to which the cells of the heat map have room for a number
_MOST_PANELS, _ABREAST, _PANEL = 24, 3, 230  # by problem; panels abreast, and their width
_MOST_LABELS = 120  # instances up to which their names fit under the heat map


def comparison_charts(comparison: Json) -> list[Section]:
    """Return the charts of a comparison, leaving out those without data."""
    found = (
        (
            "Mean score with 95 % confidence interval",
            forest(comparison),
            "Overlapping intervals are no verdict: see the table of verdicts, which compares "
            "instance by instance.",
        ),
        (
            "By problem, with 95 % confidence interval",
            by_problem(comparison),
            "Each panel has its own scale.",
        ),
        (
            "Instance by instance",
            by_instance(comparison),
            "Agents: mean over the training runs. Grey: infeasible."
            if is_relative(comparison)
            else "Each dot is an instance; agents: mean over the training runs.",
        ),
        (
            "Performance profiles",
            profiles(comparison),
            "How often a policy comes that close to the reference; the more to the upper left, the "
            "better. A click on a name picks it out.",
        ),
        (
            "Quality against time",
            anytime(comparison),
            "Lines: mean over the instances of a solver's best solution so far, from the moment "
            "when every instance has one. Points: mean time and mean score of all others.",
        ),
    )
    return [
        Section(title, chart=chart.to_dict(), note=note)
        for title, chart, note in found
        if chart is not None
    ]


def forest(comparison: Json) -> alt.LayerChart:
    """Return the mean score of each policy with its interval, best first."""
    import altair as alt

    look = Look.of(comparison)
    mean, interval = ("gap_percent", "gap_interval") if is_relative(comparison) else (
        "mean", "interval",
    )  # fmt: skip
    rows = [
        _estimate(look, policy, policy[mean], policy[interval]) for policy in ranked(comparison)
    ]
    scale = alt.Scale(zero=is_relative(comparison), nice=True)
    base = alt.Chart(data(rows))
    layers = _estimates(base, look, rows, score_title(comparison), scale)
    return dress(layers, height=alt.Step(26))


def by_problem(comparison: Json) -> alt.FacetChart | None:
    """Return the mean metric of each policy with its interval, a panel for each problem."""
    import altair as alt

    problems = comparison.get("problems", [])
    if not 0 < len(problems) <= _MOST_PANELS:
        return None
    look = Look.of(comparison)
    rows = [
        {**_estimate(look, policy, own["mean"], own["interval"]), "problem": problem["name"]}
        for problem in problems
        for policy in ranked(comparison)
        for own in [problem["policies"][policy["name"]]]
    ]
    scale = alt.Scale(zero=False, nice=True)
    layers = _estimates(alt.Chart(), look, rows, comparison["metric"]["name"], scale)
    panel = alt.LayerChart(layer=layers, width=_PANEL, height=alt.Step(18))
    order = [problem["name"] for problem in problems]
    facet = alt.Facet("problem:N", title=None, sort=order)
    panels = alt.FacetChart(
        data=data(rows), spec=panel, facet=facet, columns=_ABREAST,
        resolve=alt.Resolve(scale=alt.ScaleResolveMap(x="independent")),
    )  # fmt: skip
    return paint(panels)


def _estimate(look: Look, policy: Json, mean: float | None, interval: Interval) -> Row:
    low, high = interval or (None, None)
    return {
        "policy": look.labels[policy["name"]], "kind": kind_of(policy), "mean": mean, "low": low,
        "high": high, "failed": "" if is_number(mean) else "infeasible",
    }  # fmt: skip


def _estimates(
    base: alt.Chart, look: Look, rows: Sequence[Row], title: str, scale: alt.Scale
) -> list[alt.Chart]:
    """Return the layers of means with their intervals, a row for each policy."""
    import altair as alt

    kinds = kinds_in(rows)
    base = base.encode(
        y=look.rows(),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=kinds, range=[KINDS[kind] for kind in kinds]),
            legend=alt.Legend(title=None, orient="top", symbolType="circle"),
        ),
        tooltip=[alt.Tooltip("policy:N"), *(
            alt.Tooltip(f"{key}:Q", format=",.4~g") for key in ("mean", "low", "high")
        )],
    )  # fmt: skip
    bars = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        x=alt.X("mean:Q", title=title, scale=scale)
    )
    failed = base.transform_filter("datum.failed !== ''").mark_text(align="left", color=ALARM)
    notes = failed.encode(x=alt.value(6), text="failed:N", color=alt.value(ALARM))
    return [bars, points, notes]


def by_instance(comparison: Json) -> alt.LayerChart | None:
    """Return every policy's score on every instance; an agent's is the mean over its runs.

    Gaps make a heat map. Without references, scores of different instances have no common scale
    of colours, and every policy gets a row of dots.
    """
    rows = _cells(comparison)
    if not rows:
        return None
    return _heat(comparison, rows) if is_relative(comparison) else _dots(comparison, rows)


def _cells(comparison: Json) -> list[Row]:
    """Return a row for each policy and instance."""
    labels = Look.of(comparison).labels
    relative = is_relative(comparison)
    cells: dict[tuple[str, str], list[float | None]] = {}
    for result in comparison["results"]:
        value = result["gap_percent"] if relative else result["metric"]["value"]
        usable = result["feasible"] and is_number(value)
        cell = cells.setdefault((result["policy"], result["instance"]), [])
        cell.append(value if usable else None)
    rows = []
    for name in labels:
        for instance in comparison["instances"]:
            values = cells.get((name, instance), [])
            whole = [value for value in values if value is not None]
            complete = values and len(whole) == len(values)
            rows.append({
                "policy": labels[name], "instance": instance, "runs": len(values),
                "score": sum(whole) / len(whole) if complete else None,
                "state": "feasible" if complete else "infeasible",
            })  # fmt: skip
    return rows


def _heat(comparison: Json, rows: list[Row]) -> alt.LayerChart:
    import altair as alt

    instances = comparison["instances"]
    letters = len(instances) * max(map(len, instances))
    scores = [row["score"] for row in rows if row["score"] is not None]
    base = alt.Chart(data(rows)).encode(
        x=alt.X(
            "instance:N", sort=instances, title="instance",
            axis=alt.Axis(
                labels=len(instances) <= _MOST_LABELS, labelAngle=0 if letters < 90 else -90,
                ticks=False, labelOverlap=True, domain=False,
            ),
        ),
        y=Look.of(comparison).rows(),
        tooltip=["policy:N", "instance:N", alt.Tooltip("score:Q", title="gap %", format=".2f"),
                 "state:N", "runs:Q"],
    )  # fmt: skip
    # The root spreads the small gaps, where the contest is.
    colour = alt.Color(
        "score:Q", title="gap %",
        scale=alt.Scale(type="sqrt", scheme="yelloworangered", domainMin=min([0.0, *scores])),
        legend=alt.Legend(orient="top", gradientLength=260, titleOrient="left"),
    )  # fmt: skip
    layers = [
        base.transform_filter("isValid(datum.score)").mark_rect().encode(color=colour),
        base.transform_filter("!isValid(datum.score)").mark_rect(color="#dee2e6"),
    ]
    if len(instances) <= _WIDEST_NUMBERS:
        dark = f"datum.score > {0.3 * max([0.0, *scores])}"
        layers.append(
            base.transform_filter("isValid(datum.score)")
            .mark_text(fontSize=11)
            .encode(
                text=alt.Text("score:Q", format=".1f"),
                color=alt.condition(dark, alt.value("white"), alt.value(INK)),
            )
        )
        layers.append(
            base.transform_filter("!isValid(datum.score)")
            .mark_text(fontSize=11, color=ALARM)
            .encode(text=alt.value("✕"))
        )
    return dress(layers, height=alt.Step(24))


def _dots(comparison: Json, rows: list[Row]) -> alt.LayerChart:
    import altair as alt

    look = Look.of(comparison)
    base = alt.Chart(data(rows)).encode(y=look.rows())
    dots = (
        base.transform_filter("isValid(datum.score)")
        .mark_circle(size=42, opacity=0.45)
        .encode(
            x=alt.X("score:Q", title=score_title(comparison), scale=alt.Scale(zero=False)),
            color=look.colour(rows, legend=False),
            tooltip=["policy:N", "instance:N", alt.Tooltip("score:Q", format=",.4~g"), "runs:Q"],
        )
    )
    failed = (
        base.transform_filter("!isValid(datum.score)")
        .transform_aggregate(count="count()", groupby=["policy"])
        .transform_calculate(words="datum.count + ' infeasible'")
        .mark_text(align="right", dx=-4, color=ALARM)
        .encode(text="words:N", x=alt.value("width"))
    )
    return dress([dots, failed], height=alt.Step(24))


def profiles(comparison: Json) -> alt.LayerChart | None:
    """Return the share of runs and instances whose gap is at most so much, for each policy."""
    import altair as alt

    curves = (comparison["aggregates"] or {"profiles": {"tau": []}})["profiles"]
    if not curves["tau"]:
        return None
    look = Look.of(comparison)
    rows = [
        {"policy": look.labels[p["name"]], "kind": kind_of(p), "gap": tau, "share": share}
        for p in ranked(comparison)
        for tau, share in zip(curves["tau"], curves["share"].get(p["name"], ()), strict=False)
    ]
    picked, opacity = picking()
    lines = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("gap:Q", title="gap at most (%)", scale=alt.Scale(nice=False)),
            y=alt.Y("share:Q", title="share of runs and instances", axis=alt.Axis(format="%")),
            color=look.colour(rows),
            opacity=opacity,
            strokeWidth=thickness(),
            tooltip=["policy:N", alt.Tooltip("gap:Q", format=".1f"),
                     alt.Tooltip("share:Q", format=".0%")],
        )
        .add_params(picked)
    )  # fmt: skip
    return dress([lines], height=320)


def anytime(comparison: Json) -> alt.LayerChart | None:
    """Return the mean score against the seconds spent on an instance.

    A solver that logs its incumbents draws a line: at each moment the mean over the instances of
    the best value so far, from the moment on when every instance has one. Any other policy is a
    point at the mean seconds it took.
    """
    import altair as alt

    look = Look.of(comparison)
    steps: list[Row] = []
    points: list[Row] = []
    for policy in ranked(comparison):
        own = [row for row in comparison["results"] if row["policy"] == policy["name"]]
        track = course(comparison, own)
        (steps if len(track) > 1 else points).extend(
            {"policy": look.labels[policy["name"]], "kind": kind_of(policy), "seconds": moment,
             "time": seconds(moment), "score": score}
            for moment, score in track
        )  # fmt: skip
    if not steps and not points:
        return None
    x = _time_axis([row["seconds"] for row in steps + points])
    scale = alt.Scale(zero=is_relative(comparison))
    y = alt.Y("score:Q", title=score_title(comparison), scale=scale)
    kinds = kinds_in(points)
    shape = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[SHAPES[kind] for kind in kinds]),
        legend=alt.Legend(title=None),
    )
    picked, opacity = picking()
    colour = look.colour(steps + points)
    tooltip = ["policy:N", "time:N", alt.Tooltip("score:Q", format=",.4~g")]
    lines = alt.Chart(data(steps)).mark_line(interpolate="step-after", strokeWidth=2.2)
    dots = alt.Chart(data(points)).mark_point(filled=True, size=110)
    layers = []
    if steps:
        layers.append(lines.encode(x=x, y=y, color=colour, opacity=opacity, tooltip=tooltip))
    if points:
        layers.append(
            dots.encode(x=x, y=y, color=colour, opacity=opacity, shape=shape, tooltip=tooltip)
        )
    layers[0] = layers[0].add_params(picked)
    return dress(layers, height=340)


def _time_axis(times: Sequence[float]) -> alt.X:
    """Return a logarithmic axis of seconds, with a label at each power of ten."""
    import altair as alt

    low, high = math.floor(math.log10(min(times))), math.ceil(math.log10(max(times)))
    powers = range(low, max(high, low + 1) + 1)
    words = (
        "datum.value < 1e-3 ? format(datum.value * 1e6, '~g') + ' µs' : "
        "datum.value < 1 ? format(datum.value * 1e3, '~g') + ' ms' : "
        "format(datum.value, ',~f') + ' s'"
    )
    return alt.X(
        "seconds:Q",
        title="planning and acting time an instance",
        scale=alt.Scale(type="log", domain=[10.0 ** powers[0], 10.0 ** powers[-1]], nice=False),
        axis=alt.Axis(values=[10.0**power for power in powers], labelExpr=words),
    )
