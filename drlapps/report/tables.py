"""The tables and sentences of a comparison as plain text, ready for any medium.

Everything here words what :func:`drlapps.compare.compare` found; nothing is computed.
:mod:`drlapps.report.comparison` makes a document of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence, Set
from typing import Any, TypeAlias

from drlapps.report.document import Cell, Column, Grid, Section
from drlapps.report.formats import (
    NOTHING,
    estimate,
    formatter,
    is_number,
    p_value,
    percent,
    seconds,
)
from drlapps.stats import MIN_INSTANCES, MIN_SEEDS, Verdict

Json: TypeAlias = Mapping[str, Any]
"""A JSON object, such as a comparison."""

INFEASIBLE = "infeasible"

TONES = {
    Verdict.BETTER: "good",
    Verdict.WORSE: "bad",
    Verdict.NOT_SEPARATED: "unsure",
    Verdict.EQUIVALENT: "same",
    Verdict.NO_VERDICT: "faint",
}
"""The tone of a cell that holds a verdict."""

_PHRASES = {
    Verdict.BETTER: "better than",
    Verdict.WORSE: "worse than",
    Verdict.EQUIVALENT: "equivalent to",
    Verdict.NOT_SEPARATED: "not separated from",
}


def is_relative(comparison: Json) -> bool:
    """Return whether scores are gaps to a reference; if not, they are in the metric's unit."""
    return comparison["aggregates"] is not None


def ranked(comparison: Json) -> list[Json]:
    """Return the policies from best to worst by mean score, those without a mean last.

    The score is the gap to the reference where there is one: it is what verdicts compare.
    """
    key = "gap_percent" if is_relative(comparison) else "mean"
    sign = 1.0 if is_relative(comparison) or comparison["metric"]["minimize"] else -1.0

    def order(policy: Json) -> float:
        return sign * policy[key] if is_number(policy[key]) else math.inf

    return sorted(comparison["policies"], key=order)


def label(policy: Json) -> str:
    """Return what to call a policy where bounds stand among the others."""
    return f"{policy['name']} (bound)" if policy["bound"] else policy["name"]


def subject(comparison: Json) -> list[tuple[str, str]]:
    """Return what was compared as pairs of a word and its meaning here."""
    metric = comparison["metric"]
    better = "lower" if metric["minimize"] else "higher"
    unit = f"{metric['unit']}, " if metric["unit"] else ""
    budget = comparison["budget_seconds"]
    rows = [
        ("task", comparison["task"]),
        ("pool", comparison["pool"] or "chosen by hand"),
        ("instances", str(len(comparison["instances"]))),
        ("metric", f"{metric['name']} ({unit}{better} is better)"),
        ("gap to", comparison["reference"] or NOTHING),
        ("differences in", comparison["difference_unit"] or metric["name"]),
        ("budget", f"{seconds(budget)} an instance" if is_number(budget) else "none"),
    ]
    return [(word, meaning) for word, meaning in rows if meaning != NOTHING]


def tables(comparison: Json) -> list[Section]:
    """Return all tables of a comparison, in the order in which to read them."""
    bounds = [policy for policy in ranked(comparison) if policy["bound"]]
    contest = [policy for policy in ranked(comparison) if not policy["bound"]]
    found = [_quality("Policies, best first", contest, comparison)]
    if bounds:
        note = "These see the future: they show what is possible, and compete with nobody."
        found.append(_quality("Bounds", bounds, comparison, note))
    if comparison["verdicts"]:
        found.append(_verdicts(comparison))
    if comparison.get("problems"):
        found.append(_problems([*contest, *bounds], comparison))
    found.append(_costs([*contest, *bounds]))
    return found + _aggregates(comparison)


def _quality(title: str, policies: Sequence[Json], comparison: Json, note: str = "") -> Section:
    relative = is_relative(comparison)
    mean = formatter((p["mean"], p["interval"]) for p in policies)
    gap = formatter(((p["gap_percent"], p["gap_interval"]) for p in policies), digits=4)
    columns = [Column("policy", False), Column("seeds"), Column(f"mean\n{_name(comparison)}")]
    columns += [Column("mean\ngap %")] if relative else []
    columns += [Column(f"worst 10 %\n{'gap %' if relative else ''}"), Column("feasible")]
    rows = []
    for p in policies:
        whole = is_number(p["mean"])
        row = [Cell(p["name"]), Cell(NOTHING if p["seeds"] is None else str(p["seeds"]))]
        row.append(
            Cell(estimate(p["mean"], p["interval"], mean)) if whole else Cell(INFEASIBLE, "bad")
        )
        row += [Cell(estimate(p["gap_percent"], p["gap_interval"], gap))] if relative else []
        row.append(Cell((gap if relative else mean)(p["worst_decile"])))
        row.append(Cell(percent(p["feasible_rate"]), "" if p["feasible_rate"] == 1 else "bad"))
        rows.append(tuple(row))
    note = note or "Means over seeds and instances with 95 % confidence intervals."
    return Section(title, Grid(tuple(columns), tuple(rows)), note=note)


def _costs(policies: Sequence[Json]) -> Section:
    columns = (
        Column("policy", False), Column("information", False), Column("status", False),
        Column("plan"), Column("act"), Column("train CPU"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(p["name"]),
            Cell(p["information"]),
            Cell(_statuses(p["statuses"])),
            Cell(seconds(p["seconds"]["plan"])),
            Cell(seconds(p["seconds"]["act"])),
            Cell(seconds(p["train_cpu_seconds"])),
        )
        for p in policies
    )
    note = "Planning and acting: wall time an instance; training: CPU time a run."
    return Section("Information and cost", Grid(columns, rows), note=note)


def _verdicts(comparison: Json) -> Section:
    verdicts = comparison["verdicts"]
    lower = is_relative(comparison) or comparison["metric"]["minimize"]
    unit = comparison["difference_unit"]
    difference = formatter(((v["difference"], v["interval"]) for v in verdicts), digits=4)
    columns = (
        Column("agent", False), Column("baseline", False), Column("difference"),
        Column("p (Holm)"), Column("wins"), Column("verdict", False),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(v["agent"]),
            Cell(v["baseline"]),
            Cell(estimate(v["difference"], v["interval"], difference)),
            Cell(p_value(v["p_holm"])),
            Cell(f"{100 * v['win_rate']:.0f} %" if is_number(v["win_rate"]) else NOTHING),
            Cell(v["verdict"], TONES.get(v["verdict"], "")),
        )
        for v in verdicts
    )
    note = (
        f"Difference: agent minus baseline{f' in {unit}' if unit else ''} with its 95 % confidence "
        f"interval; {'negative' if lower else 'positive'} is better."
    )
    return Section("Verdicts", Grid(columns, rows), note=note)


def _problems(policies: Sequence[Json], comparison: Json) -> Section:
    """Return the mean of each policy on each problem; the shorter list makes the columns."""
    problems = comparison["problems"]
    names = [label(policy) for policy in policies]
    by_problem = [_means(problem, policies, comparison) for problem in problems]
    heads = [problem["name"] for problem in problems]
    if len(policies) < len(problems):
        grid = _matrix("problem", names, heads, by_problem)
    else:
        grid = _matrix("policy", heads, names, list(zip(*by_problem, strict=True)))
    counts = sorted({problem["instances"] for problem in problems})
    each = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    better = "lowest" if comparison["metric"]["minimize"] else "highest"
    note = (
        f"Mean {_name(comparison)} over seeds and the instances of a problem ({each}); the "
        f"{better} of the contest stands out, which is no verdict."
    )
    return Section("By problem", grid, note=note)


def _means(problem: Json, policies: Sequence[Json], comparison: Json) -> list[Cell]:
    """Return the mean of each policy on a problem, the best one of the contest marked."""
    found = [problem["policies"][policy["name"]] for policy in policies]
    form = formatter(((each["mean"], None) for each in found), digits=4)
    contest = [
        each["mean"]
        for each, policy in zip(found, policies, strict=True)
        if is_number(each["mean"]) and not policy["bound"]
    ]
    best = (min if comparison["metric"]["minimize"] else max)(contest, default=None)

    def cell(mean: float | None, bound: bool) -> Cell:
        if not is_number(mean):
            return Cell(INFEASIBLE, "bad")
        # Whoever shows the same number as the best stands out with it.
        return Cell(form(mean), "faint" if bound else "good" if form(mean) == form(best) else "")

    return [cell(each["mean"], p["bound"]) for each, p in zip(found, policies, strict=True)]


def _matrix(
    corner: str, heads: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[Cell]]
) -> Grid:
    columns = (Column(corner, False), *(Column(head) for head in heads))
    return Grid(columns, tuple((Cell(name), *row) for name, row in zip(names, rows, strict=True)))


def _aggregates(comparison: Json) -> list[Section]:
    """Return what tells several agents apart; nothing where there are no two."""
    agents = [policy["name"] for policy in ranked(comparison) if policy["kind"] == "agent"]
    aggregates = comparison["aggregates"]
    if len(agents) < 2 or not aggregates or not aggregates["iqm"]:
        return []
    iqm = aggregates["iqm"]
    names = [policy["name"] for policy in ranked(comparison) if policy["name"] in iqm]
    # Resampling the runs within each instance says nothing where there are hardly any.
    few = {p["name"] for p in comparison["policies"] if p["seeds"] and p["seeds"] < MIN_SEEDS}
    spread = {name: None if name in few else iqm[name]["interval"] for name in names}
    form = formatter(((iqm[name]["value"], spread[name]) for name in names), digits=4)
    middle = Grid(
        (Column("policy", False), Column("gap %")),
        tuple(
            (Cell(name), Cell(estimate(iqm[name]["value"], spread[name], form))) for name in names
        ),
    )
    sections = [
        Section(
            "Interquartile means",
            middle,
            note="Mean gap of the middle half of all runs and instances; agents of several runs "
            "with 95 % stratified bootstrap intervals.",
        )
    ]
    if pairs := aggregates["probability_of_improvement"]:
        sections.append(_improvement(pairs, few))
    return sections


def _improvement(pairs: Sequence[Json], few: Set[str]) -> Section:
    """Return how likely one agent beats another; ``few`` name those without an interval."""
    columns = (
        Column("agent", False), Column("over", False), Column("probability of improvement"),
    )  # fmt: skip
    rows = []
    for pair in pairs:
        interval = None if few & {pair["agent"], pair["over"]} else pair["interval"]
        chance = estimate(pair["probability"], interval, "{:.2f}".format)
        rows.append((Cell(pair["agent"]), Cell(pair["over"]), Cell(chance)))
    note = "Chance that a run of the first beats a run of the second on an instance."
    return Section("Agent against agent", Grid(columns, tuple(rows)), note=note)


def sentences(comparison: Json) -> list[str]:
    """Return a plain sentence for each agent that sums its verdicts up."""
    agents = dict.fromkeys(verdict["agent"] for verdict in comparison["verdicts"])
    if agents:
        return [_sentence(agent, comparison) for agent in agents]
    contest = [policy for policy in ranked(comparison) if not policy["bound"]]
    best = (contest or ranked(comparison))[0]
    why = "Without an agent beside a baseline there is no verdict"
    if not is_number(best["mean"]):
        return [f"{why}, and no policy is feasible on every instance."]
    what = "gap" if is_relative(comparison) else _name(comparison)
    return [f"{why}; the best mean {what} is {best['name']}'s."]


def _sentence(agent: str, comparison: Json) -> str:
    found: dict[str, list[str]] = {}
    for verdict in comparison["verdicts"]:
        if verdict["agent"] == agent:
            found.setdefault(verdict["verdict"], []).append(verdict["baseline"])
    parts = [
        f"{phrase} {', '.join(found[verdict])}"
        for verdict, phrase in _PHRASES.items()
        if verdict in found
    ]
    refused = found.get(Verdict.NO_VERDICT, [])
    if not parts:
        return f"No verdict on {agent}: {_why(agent, refused, comparison)}."
    said = f"{agent} is {'; '.join(parts)}"
    if refused:
        against = ", ".join(refused)
        said += f"; no verdict against {against} ({_why(agent, refused, comparison)})"
    return f"{said}."


def _why(agent: str, baselines: Sequence[str], comparison: Json) -> str:
    """Return why there is no verdict on an agent beside these baselines."""
    policies = {policy["name"]: policy for policy in comparison["policies"]}
    bad = "infeasible results"
    if is_number(comparison["budget_seconds"]):
        bad = "results over budget or infeasible"
    if policies[agent]["feasible_rate"] < 1:
        return f"{agent} has {bad}"
    seeds, instances = policies[agent]["seeds"], len(comparison["instances"])
    if seeds is not None and seeds < MIN_SEEDS:
        runs = "training run" if seeds == 1 else "training runs"
        return f"it has {seeds} {runs}, and chance alone may explain fewer than {MIN_SEEDS}"
    if instances < MIN_INSTANCES:
        return f"a verdict needs at least {MIN_INSTANCES} instances"
    failed = [name for name in baselines if policies[name]["feasible_rate"] < 1]
    if failed:
        return f"{', '.join(failed)} {'has' if len(failed) == 1 else 'have'} {bad}"
    return "the differences allow no test"


def solution(row: Json) -> list[tuple[str, str]]:
    """Return one result, the object of ``drlapps solve``, as pairs of a word and its meaning."""
    metric = row["metric"]
    form = formatter([(metric["value"], None), (row["reference"], None), (row["bound"], None)])
    gap = formatter([(row["gap_percent"], None)], digits=4)
    known = {metric["name"], "feasible"}
    pairs = [
        ("task", row["task"]),
        ("policy", f"{row['policy']} (information: {row['information']})"),
        ("instance", row["instance"]),
        (metric["name"], f"{form(metric['value'])} {metric['unit']}".rstrip()),
        ("also", _listed({k: v for k, v in row["metrics"].items() if k not in known})),
        ("details", _listed(row["details"])),
        ("feasible", "yes" if row["feasible"] else "no"),
        ("status", row["status"]),
        ("reference", form(row["reference"])),
        ("gap", f"{gap(row['gap_percent'])} %"),
        ("bound", form(row["bound"])),
        ("planning", seconds(row["seconds"]["plan"])),
        ("acting", seconds(row["seconds"]["act"])),
    ]
    return [(word, meaning) for word, meaning in pairs if not meaning.startswith(NOTHING)]


def _listed(values: Json) -> str:
    """Return names and values in one line."""
    words = [f"{k} {v:.6g}" if is_number(v) else f"{k} {v}" for k, v in values.items()]
    return ", ".join(words) or NOTHING


def evaluation(rows: Sequence[Json]) -> Grid:
    """Return the table of a list of results, as ``drlapps evaluate`` gives it."""
    value = formatter((row["metric"]["value"], None) for row in rows)
    gap = formatter(((row["gap_percent"], None) for row in rows), digits=4)
    name = rows[0]["metric"]["name"] if rows else "value"
    columns = (
        Column("policy", False), Column("seed"), Column("instance", False), Column(name),
        Column("gap %"), Column("status", False), Column("plan"), Column("act"),
    )  # fmt: skip
    cells = tuple(
        (
            Cell(row["policy"]),
            Cell(NOTHING if row["run_seed"] is None else str(row["run_seed"])),
            Cell(row["instance"]),
            Cell(value(row["metric"]["value"])) if row["feasible"] else Cell(INFEASIBLE, "bad"),
            Cell(gap(row["gap_percent"]) if row["feasible"] else NOTHING),
            Cell(row["status"]),
            Cell(seconds(row["seconds"]["plan"])),
            Cell(seconds(row["seconds"]["act"])),
        )
        for row in rows
    )
    return Grid(columns, cells)


def _name(comparison: Json) -> str:
    name: str = comparison["metric"]["name"]
    return name


def _statuses(counts: Mapping[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{status} {count}" for status, count in counts.items())
