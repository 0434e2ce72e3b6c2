"""A sweep as a document: curves of the metric along each factor, averages, worst cases, tails."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any, TypeAlias

from drlapps.factors import EVERY
from drlapps.look import ALARM, data, dress
from drlapps.report.document import Cell, Column, Document, Grid, Section
from drlapps.report.formats import (
    NOTHING,
    estimate,
    formatter,
    is_number,
    percent,
    seconds,
)
from drlapps.report.policies import Look, Row, kind_of, picking, score_title, thickness
from drlapps.report.tables import INFEASIBLE, Json, label, ranked

if TYPE_CHECKING:
    import altair as alt

Form: TypeAlias = Callable[[float | None], str]
"""How to write a number."""

_HEIGHT = 320
_MOST_TICKS = 12  # values up to which each has a label of its own
_NUMBERS = ("mean", "low", "high")

_READING = (
    ("Sweep", "One factor after the other takes its values, while all others stay as they are. "
     "Every policy meets the same instances and the same luck at every value; controllers go on "
     "believing what they know of the problem unless the task says otherwise."),
    ("Interval", "The intervals and bands hold 95 % confidence. They cover the luck of training "
     "and of the draw of instances, value by value: they are no test of one policy against "
     "another, for which there is drlapps compare."),
    ("Change", "Difference to the same training runs on the same instances with nothing changed; "
     "what both have in common cancels."),
    ("Average", "Mean over the values of the mean metric at each, every value counting alike. "
     "Along the steps from one decision to the next this is the frequency-averaged score."),
    ("Worst case", "The value at which the mean over instances and training runs is worst. The "
     "worst of several uncertain means looks a little worse than it is."),
    ("CVaR 10 %", "Conditional value at risk: the mean over the worst tenth of all instances at "
     "all values, each the mean over the training runs."),
    ("Deciding every k steps", "A policy sees the environment at every k-th step only. In between "
     "it holds its last action or, if it plans ahead, replays its plan."),
    ("Feasible", "Share of results that keep every constraint. Where one does not there is no "
     "mean, for that over the rest would flatter."),
)  # fmt: skip


def document(found: Json, *, pictures: bool = True) -> Document:
    """Return the document of a sweep.

    Args:
        found: the object of ``drlapps evaluate`` with a sweep.
        pictures: whether to draw charts; a terminal and Markdown show none.
    """
    # Scores are the metric itself, as in a comparison without references.
    found = {**found, "aggregates": None}
    sections = [_undisturbed(found)]
    for sweep in _sweeps(found):
        chart = curves(found, sweep).to_dict() if pictures else None
        sections += [_means(found, sweep, chart), _changes(found, sweep), _outcome(found, sweep)]
    return Document(
        title=f"drlapps: robustness in {found['task']}",
        sentences=tuple(_sentences(found)),
        subject=tuple(_subject(found)),
        sections=tuple(sections),
        reading=_READING,
    )


def _sweeps(found: Json) -> list[Json]:
    frequency = found["frequency"]
    return [*([frequency] if frequency else []), *found["sweeps"]]


def _subject(found: Json) -> list[tuple[str, str]]:
    pool = found["pool"] or "chosen by hand"
    frequency = [found["frequency"]] if found["frequency"] else []
    rows = [
        ("task", found["task"]),
        ("pool", "drawn anew from the train pool's family" if pool == "family" else pool),
        ("instances", str(len(found["instances"]))),
        ("metric", score_title(found)),
        *(("decides every", f"{_listed(sweep)} steps") for sweep in frequency),
    ]
    perturbed = "; ".join(f"{sweep['parameter']} {_listed(sweep)}" for sweep in found["sweeps"])
    return [*rows, ("perturbed", perturbed)] if perturbed else rows


def _listed(sweep: Json) -> str:
    return ", ".join(map(_word, sweep["values"]))


def _name(sweep: Json) -> str:
    return "decides every" if sweep["parameter"] == EVERY else str(sweep["parameter"])


def _word(value: object) -> str:
    """Return a value of a factor as people write it."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if is_number(value) else str(value)


def _undisturbed(found: Json) -> Section:
    """Return what policies score with nothing changed, best first."""
    policies = ranked(found)
    form = _form(policies)
    relative = any(is_number(policy["gap_percent"]) for policy in policies)
    gap = formatter(((policy["gap_percent"], None) for policy in policies), digits=4)
    columns = [Column("policy", False), Column("seeds"), Column(f"mean\n{_metric(found)}")]
    columns += [Column("mean\ngap %")] if relative else []
    columns += [
        Column("worst\ninstance"), Column("CVaR\n10 %"), Column("feasible"), Column("plan"),
        Column("act"),
    ]  # fmt: skip
    rows = []
    for policy in policies:
        row = [
            Cell(label(policy)),
            Cell(NOTHING if policy["seeds"] is None else str(policy["seeds"])),
        ]
        row.append(_estimate(policy, form))
        row += [Cell(gap(policy["gap_percent"]))] if relative else []
        row += [Cell(form(policy["worst"])), Cell(form(policy["cvar"])), _feasible([policy])]
        row += [Cell(seconds(policy["seconds"][part])) for part in ("plan", "act")]
        rows.append(tuple(row))
    note = "With 95 % confidence intervals; planning and acting: wall time an instance."
    title = "Nothing changed, best first" if _sweeps(found) else "Policies, best first"
    return Section(title, Grid(tuple(columns), tuple(rows)), note=note)


def _means(found: Json, sweep: Json, chart: Mapping[str, Any] | None) -> Section:
    """Return the mean of every policy at every value of a factor, with its curves."""
    title = f"{_metric(found)} along {_title(sweep)}"
    note = f"Mean {_metric(found)} with 95 % confidence intervals."
    return Section(title, _by_value(found, sweep, "mean", "interval"), chart, note)


def _changes(found: Json, sweep: Json) -> Section:
    """Return what every value of a factor changes."""
    note = (
        "Difference to nothing changed, instance by instance and run by run, with 95 % confidence "
        f"intervals; {'negative' if found['metric']['minimize'] else 'positive'} is better."
    )
    grid = _by_value(found, sweep, "change", "change_interval")
    return Section(f"What {_title(sweep)} changes", grid, note=note)


def _by_value(found: Json, sweep: Json, mean: str, interval: str) -> Grid:
    """Return an estimate for every policy at every value of a factor."""
    policies = ranked(found)
    curves = [sweep["policies"][policy["name"]] for policy in policies]
    # Columns get their own decimals: that of a steady policy may need more than the others.
    forms = [formatter((point[mean], point[interval]) for point in points) for points in curves]
    columns = (Column(_name(sweep)), *(Column(label(policy)) for policy in policies))

    def cell(point: Json, form: Form) -> Cell:
        if not is_number(point["mean"]):
            return Cell(INFEASIBLE, "bad")
        return Cell(estimate(point[mean], point[interval], form))

    rows = tuple(
        (Cell(_word(value)), *map(cell, points, forms))
        for value, points in zip(sweep["values"], zip(*curves, strict=True), strict=True)
    )
    return Grid(columns, rows)


def _outcome(found: Json, sweep: Json) -> Section:
    """Return what the curves come to: averages, worst cases and tails."""
    names = [(policy["name"], label(policy)) for policy in ranked(found)]
    worst, average = sweep["worst_case"], sweep["average"]
    form = _form([*worst.values(), *average.values()])
    relative = any(is_number(each["gap_percent"]) for each in average.values())
    gap = formatter(((each["gap_percent"], None) for each in average.values()), digits=4)
    columns = [Column("policy", False), Column(_averaged(sweep).replace("-", "-\n"))]
    columns += [Column("average\ngap %")] if relative else []
    columns += [Column("worst\nmean"), Column("at"), Column("CVaR\n10 %"), Column("feasible")]
    rows = []
    for name, called in names:
        mean, case = average[name], worst[name]
        row = [Cell(called), _estimate(mean, form)]
        row += [Cell(gap(mean["gap_percent"]))] if relative else []
        row += [_estimate(case, form), Cell(_word(case["value"]))]
        row += [Cell(form(sweep["cvar"][name])), _feasible(sweep["policies"][name])]
        rows.append(tuple(row))
    note = "CVaR: mean over the worst tenth of all instances at all values."
    title = f"What {_title(sweep)} comes to"
    return Section(title, Grid(tuple(columns), tuple(rows)), note=note)


def _title(sweep: Json) -> str:
    return "the steps between decisions" if sweep["parameter"] == EVERY else sweep["parameter"]


def _averaged(sweep: Json) -> str:
    return "frequency-averaged" if sweep["parameter"] == EVERY else "average"


def _metric(found: Json) -> str:
    name: str = found["metric"]["name"]
    return name


def _form(estimates: Sequence[Json]) -> Form:
    """Return how to write the means of a table."""
    return formatter((each["mean"], each["interval"]) for each in estimates)


def _estimate(each: Json, form: Form) -> Cell:
    if not is_number(each["mean"]):
        return Cell(INFEASIBLE, "bad")
    return Cell(estimate(each["mean"], each["interval"], form))


def _feasible(points: Sequence[Json]) -> Cell:
    rate = sum(point["feasible_rate"] for point in points) / len(points)
    return Cell(percent(rate), "" if rate == 1 else "bad")


def _sentences(found: Json) -> list[str]:
    """Return who does best along each factor, or on the instances if there is none."""
    if not _sweeps(found):
        means, tails = ({p["name"]: p[key] for p in found["policies"]} for key in ("mean", "cvar"))
        return [
            f"Best mean {_metric(found)}: {_best(found, means)}; "
            f"best worst tenth: {_best(found, tails)}."
        ]
    said = []
    for sweep in _sweeps(found):
        averages, worst = (
            {name: each["mean"] for name, each in sweep[key].items()}
            for key in ("average", "worst_case")
        )
        said.append(
            f"Along {_title(sweep)}: best {_averaged(sweep)} {_metric(found)}: "
            f"{_best(found, averages)}; best worst case: {_best(found, worst)}."
        )
    return said


def _best(found: Json, scores: Mapping[str, float | None]) -> str:
    """Return whose score is best, and that; bounds count where there is nobody else."""
    bounds = {policy["name"] for policy in found["policies"] if policy["bound"]}
    known = {name: score for name, score in scores.items() if is_number(score)}
    contest = {name: score for name, score in known.items() if name not in bounds} or known
    if not contest:
        return "nobody, for none is feasible throughout"
    form = formatter((score, None) for score in contest.values())
    best = (min if found["metric"]["minimize"] else max)(contest.values())
    # Who shows the same number as the best stands beside it.
    names = [name for name, score in contest.items() if form(score) == form(best)]
    return f"{', '.join(names)} ({form(best)})"


def curves(found: Json, sweep: Json) -> alt.LayerChart:
    """Return the mean of every policy along a factor, with bands of 95 % confidence.

    At the bottom stands how many policies have infeasible results at a value, and thus no mean.
    """
    import altair as alt

    look = Look.of(found)
    rows = [
        _point(look, policy, value, point)
        for policy in ranked(found)
        for value, point in zip(sweep["values"], sweep["policies"][policy["name"]], strict=True)
    ]
    picked, opacity = picking()
    tooltip = [alt.Tooltip("policy:N"), alt.Tooltip("value:N")]
    tooltip += [alt.Tooltip(f"{key}:Q", format=",.4~g") for key in _NUMBERS]
    base = alt.Chart(data(rows)).encode(x=_axis(sweep))
    # Else the legend would be as faint as the bands.
    colour = look.colour(rows).legend(title=None, symbolOpacity=1)
    known = base.encode(color=colour, opacity=opacity, tooltip=tooltip)
    y = alt.Y("mean:Q", title=score_title(found), scale=alt.Scale(zero=False))
    faint = alt.when(picked).then(alt.value(0.14)).otherwise(alt.value(0.03))
    failed = (
        base.transform_filter("!isValid(datum.mean)")
        .transform_aggregate(count="count()", groupby=["value"])
        .transform_calculate(words="datum.count + ' infeasible'")
        .mark_text(color=ALARM)
    )
    layers = [
        base.mark_area().encode(y=alt.Y("low:Q"), y2="high:Q", color=colour, opacity=faint),
        known.mark_line().encode(y=y, strokeWidth=thickness()).add_params(picked),
        known.mark_circle(size=55).encode(y=y),
        failed.encode(text="words:N", y=alt.value(_HEIGHT - 8)),
    ]
    return dress(layers, height=_HEIGHT)


def _point(look: Look, policy: Json, value: object, point: Json) -> Row:
    ends = point["interval"] or (None, None)
    numbers = dict(zip(_NUMBERS, (point["mean"], *ends), strict=True))
    return {
        "policy": look.labels[policy["name"]], "kind": kind_of(policy),
        "value": value if _is_quantity(value) else _word(value),
        **{key: each if is_number(each) else None for key, each in numbers.items()},
    }  # fmt: skip


def _is_quantity(value: object) -> bool:
    return is_number(value) and not isinstance(value, bool)


def _axis(sweep: Json) -> alt.X:
    """Return the axis of a factor: words, a linear scale or, where values multiply, a log scale."""
    import altair as alt

    title = "steps from one decision to the next" if sweep["parameter"] == EVERY else _name(sweep)
    values = sweep["values"]
    if not all(map(_is_quantity, values)):
        level = alt.Axis(labelAngle=0)
        return alt.X("value:N", title=title, sort=list(map(_word, values)), axis=level)
    low, middle, high = min(values), median(values), max(values)
    multiplied = low > 0 and abs(middle - math.sqrt(low * high)) < abs(middle - (low + high) / 2)
    scale = alt.Scale(type="log" if multiplied else "linear", zero=False, nice=False, padding=40)
    own = {"values": values} if len(values) <= _MOST_TICKS else {}
    ticks = alt.Axis(format=",.4~g", **own)
    return alt.X("value:Q", title=title, scale=scale, axis=ticks)
