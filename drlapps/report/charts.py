"""The charts of a comparison."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from drlapps.look import ALARM, FAINT, INK, data, dress, palette
from drlapps.report.courses import course
from drlapps.report.document import Section
from drlapps.report.formats import is_number, seconds
from drlapps.report.tables import Json, is_relative, ranked

if TYPE_CHECKING:
    import altair as alt

Row: TypeAlias = dict[str, Any]

_SHAPES = {"agent": "diamond", "baseline": "circle", "bound": "cross"}
_KINDS = {"agent": "#1f6fb4", "baseline": "#495057", "bound": FAINT}
_WIDEST_NUMBERS = 16  # instances up to which the cells of the heat map have room for a number
_MOST_LABELS = 120  # instances up to which their names fit under the heat map


class _Look(NamedTuple):
    """What every chart calls the policies, best first, and the colours they keep."""

    labels: dict[str, str]
    colours: dict[str, str]


def _look(comparison: Json) -> _Look:
    policies = ranked(comparison)
    labels = {p["name"]: f"{p['name']} (bound)" if p["bound"] else p["name"] for p in policies}
    # Agents take the first and strongest colours, whatever their rank.
    order = sorted(policies, key=lambda policy: bool(policy["kind"] != "agent"))
    shades = palette(len(order))
    return _Look(labels, {labels[p["name"]]: c for p, c in zip(order, shades, strict=True)})


def _score_title(comparison: Json) -> str:
    metric = comparison["metric"]
    if is_relative(comparison):
        return f"gap to the {comparison['reference'] or 'reference'} (%), lower is better"
    unit = f"{metric['unit']}, " if metric["unit"] else ""
    return f"{metric['name']} ({unit}{'lower' if metric['minimize'] else 'higher'} is better)"


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

    look = _look(comparison)
    mean, interval = ("gap_percent", "gap_interval") if is_relative(comparison) else (
        "mean", "interval",
    )  # fmt: skip
    rows = []
    for policy in ranked(comparison):
        low, high = policy[interval] or (None, None)
        rows.append({
            "policy": look.labels[policy["name"]], "kind": _kind(policy), "mean": policy[mean],
            "low": low, "high": high, "failed": "" if is_number(policy[mean]) else "infeasible",
        })  # fmt: skip
    kinds = _kinds(rows)
    base = alt.Chart(data(rows)).encode(
        y=_rows_of(look),
        color=alt.Color(
            "kind:N",
            scale=alt.Scale(domain=kinds, range=[_KINDS[kind] for kind in kinds]),
            legend=alt.Legend(title=None, orient="top", symbolType="circle"),
        ),
        tooltip=[alt.Tooltip("policy:N"), *(
            alt.Tooltip(f"{key}:Q", format=",.4~g") for key in ("mean", "low", "high")
        )],
    )  # fmt: skip
    scale = alt.Scale(zero=is_relative(comparison), nice=True)
    x = alt.X("mean:Q", title=_score_title(comparison), scale=scale)
    bars = base.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q", scale=scale), x2="high:Q")
    points = base.mark_point(filled=True, size=90, opacity=1).encode(x=x)
    failed = base.transform_filter("datum.failed !== ''").mark_text(align="left", color=ALARM)
    notes = failed.encode(x=alt.value(6), text="failed:N", color=alt.value(ALARM))
    return dress([bars, points, notes], height=alt.Step(26))


def _kind(policy: Json) -> str:
    return "bound" if policy["bound"] else "agent" if policy["kind"] == "agent" else "baseline"


def _kinds(rows: Sequence[Row]) -> list[str]:
    present = {row["kind"] for row in rows}
    return [kind for kind in _KINDS if kind in present]


def _rows_of(look: _Look) -> alt.Y:
    """Return an axis with a row for each policy, best first."""
    import altair as alt

    scale = alt.Scale(domain=list(look.labels.values()))
    return alt.Y("policy:N", title=None, scale=scale, axis=alt.Axis(ticks=False, domain=False))


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
    labels = _look(comparison).labels
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
        y=_rows_of(_look(comparison)),
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

    look = _look(comparison)
    base = alt.Chart(data(rows)).encode(y=_rows_of(look))
    dots = (
        base.transform_filter("isValid(datum.score)")
        .mark_circle(size=42, opacity=0.45)
        .encode(
            x=alt.X("score:Q", title=_score_title(comparison), scale=alt.Scale(zero=False)),
            color=_colour(look, rows, legend=False),
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


def _colour(look: _Look, rows: Sequence[Row], *, legend: bool = True) -> alt.Color:
    """Return the colours of the policies that the rows name."""
    import altair as alt

    present = {row["policy"] for row in rows}
    shown = [label for label in look.labels.values() if label in present]
    return alt.Color(
        "policy:N",
        scale=alt.Scale(domain=shown, range=[look.colours[label] for label in shown]),
        legend=alt.Legend(title=None) if legend else None,
    )


def _picked() -> tuple[alt.Parameter, Any]:
    """Return a click on the legend, and the opacity that follows it."""
    import altair as alt

    picked = alt.selection_point(fields=["policy"], bind="legend", name="picked")
    return picked, alt.when(picked).then(alt.value(1.0)).otherwise(alt.value(0.12))


def _thickness() -> alt.StrokeWidth:
    import altair as alt

    scale = alt.Scale(domain=list(_KINDS), range=[3.2, 1.7, 1.7])
    return alt.StrokeWidth("kind:O", scale=scale, legend=None)


def profiles(comparison: Json) -> alt.LayerChart | None:
    """Return the share of runs and instances whose gap is at most so much, for each policy."""
    import altair as alt

    curves = (comparison["aggregates"] or {"profiles": {"tau": []}})["profiles"]
    if not curves["tau"]:
        return None
    look = _look(comparison)
    rows = [
        {"policy": look.labels[p["name"]], "kind": _kind(p), "gap": tau, "share": share}
        for p in ranked(comparison)
        for tau, share in zip(curves["tau"], curves["share"].get(p["name"], ()), strict=False)
    ]
    picked, opacity = _picked()
    lines = (
        alt.Chart(data(rows))
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("gap:Q", title="gap at most (%)", scale=alt.Scale(nice=False)),
            y=alt.Y("share:Q", title="share of runs and instances", axis=alt.Axis(format="%")),
            color=_colour(look, rows),
            opacity=opacity,
            strokeWidth=_thickness(),
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

    look = _look(comparison)
    steps: list[Row] = []
    points: list[Row] = []
    for policy in ranked(comparison):
        own = [row for row in comparison["results"] if row["policy"] == policy["name"]]
        track = course(comparison, own)
        (steps if len(track) > 1 else points).extend(
            {"policy": look.labels[policy["name"]], "kind": _kind(policy), "seconds": moment,
             "time": seconds(moment), "score": score}
            for moment, score in track
        )  # fmt: skip
    if not steps and not points:
        return None
    x = _time_axis([row["seconds"] for row in steps + points])
    scale = alt.Scale(zero=is_relative(comparison))
    y = alt.Y("score:Q", title=_score_title(comparison), scale=scale)
    kinds = _kinds(points)
    shape = alt.Shape(
        "kind:N",
        scale=alt.Scale(domain=kinds, range=[_SHAPES[kind] for kind in kinds]),
        legend=alt.Legend(title=None),
    )
    picked, opacity = _picked()
    colour = _colour(look, steps + points)
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
