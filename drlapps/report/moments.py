"""The tables of a comparison at earlier moments: who was ahead after so many seconds."""

from __future__ import annotations

from typing import Any

from drlapps.report.document import Cell, Column, Grid, Section
from drlapps.report.formats import NOTHING, estimate, formatter, is_number, seconds
from drlapps.report.tables import TONES, Json, is_relative, label, ranked


def sections(comparison: Json) -> list[Section]:
    """Return the means and the verdicts by time; nothing where no moments were asked for."""
    if not comparison.get("moments"):
        return []
    means = _means(comparison)
    return [means, _verdicts(comparison)] if comparison["verdicts"] else [means]


def _columns(comparison: Json) -> list[Column]:
    """Return a column for each moment, and one for the end."""
    return [*(Column(seconds(m["seconds"])) for m in comparison["moments"]), Column("end")]


def _at_all_times(comparison: Json) -> list[Any]:
    return [*comparison["moments"], comparison]


def _means(comparison: Json) -> Section:
    key = "gap_percent" if is_relative(comparison) else "mean"
    policies = ranked(comparison)
    by_name = [{p["name"]: p[key] for p in then["policies"]} for then in _at_all_times(comparison)]
    form = formatter(((value, None) for then in by_name for value in then.values()), digits=4)

    def cell(value: float | None) -> Cell:
        return Cell(form(value)) if is_number(value) else Cell(NOTHING, "faint")

    rows = tuple(
        (Cell(label(policy)), *(cell(then[policy["name"]]) for then in by_name))
        for policy in policies
    )
    what = "gap %" if is_relative(comparison) else comparison["metric"]["name"]
    note = (
        f"Mean {what} of the best that each had found by then; {NOTHING} where it had nothing yet "
        "on some instance. A method that paces itself by its budget, such as annealing, may do "
        "better with less time than it stood after as long."
    )
    return Section(
        "By time", Grid((Column("policy", False), *_columns(comparison)), rows), note=note
    )


def _verdicts(comparison: Json) -> Section:
    found = [then["verdicts"] for then in _at_all_times(comparison)]
    form = formatter(((v["difference"], v["interval"]) for then in found for v in then), digits=4)

    def cell(verdict: Json) -> Cell:
        if not is_number(verdict["difference"]):
            return Cell(verdict["verdict"], TONES.get(verdict["verdict"], ""))
        difference = estimate(verdict["difference"], verdict["interval"], form)
        return Cell(f"{difference} {verdict['verdict']}", TONES.get(verdict["verdict"], ""))

    rows = tuple(
        (Cell(pair[0]["agent"]), Cell(pair[0]["baseline"]), *(cell(verdict) for verdict in pair))
        for pair in zip(*found, strict=True)
    )
    columns = (Column("agent", False), Column("baseline", False), *_columns(comparison))
    note = "Agent minus baseline; p-values are adjusted within each moment."
    return Section("Verdicts by time", Grid(columns, rows), note=note)
