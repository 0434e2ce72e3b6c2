"""The tables of a tear sheet: what ``drlapps backtest`` found, as plain text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from drlapps.report.document import Cell, Column, Grid, Section
from drlapps.report.formats import NOTHING, estimate, is_number, p_value, seconds
from drlapps.report.tables import TONES

Json: TypeAlias = Mapping[str, Any]


def number(value: float, digits: int = 2) -> str:
    """Return a number with some decimals."""
    return f"{round(value, digits) + 0.0:,.{digits}f}"


def chance(value: float) -> str:
    """Return a probability with three decimals."""
    return number(value, 3)


def amount(value: float) -> str:
    """Return a factor of wealth, which may be tiny or huge, with at least two digits."""
    return number(value) if not value or 0.1 <= abs(value) < 1e7 else f"{value:.2g}"


def percent(value: float, digits: int = 1) -> str:
    """Return a share in percent, without the sign."""
    return number(100 * value, digits)


def fine_percent(value: float) -> str:
    """Return a small share in percent, without the sign."""
    return percent(value, 2)


class Measure(NamedTuple):
    """A metric: the header of its column, how it is written, and what it is."""

    header: str
    form: Callable[[float], str]
    meaning: str

    @property
    def name(self) -> str:
        """The header on one line."""
        return self.header.replace("\n", " ")


MEASURES = {
    "terminal_wealth": Measure("wealth", amount, "Wealth at the end, net of costs; the start "
        "is 1."),
    "cagr": Measure("CAGR %", percent, "Compound annual growth rate, W^(252 / n) - 1 for "
        "terminal wealth W after n days."),
    "sharpe": Measure("Sharpe", number, "Mean of the daily returns over their standard "
        "deviation, times the root of 252: reward for each unit of risk."),
    "sortino": Measure("Sortino", number, "As Sharpe, with the root mean square of the losses "
        "for risk: gains count as no risk."),
    "max_drawdown": Measure("max\ndrawdown %", percent, "Deepest fall of wealth below an "
        "earlier peak, the start included."),
    "calmar": Measure("Calmar", number, "CAGR over the size of the deepest drawdown."),
    "volatility": Measure("volatility %", percent, "Standard deviation of the daily returns, "
        "times the root of 252."),
    "cvar_95": Measure("daily\nCVaR 95 %", fine_percent, "Mean loss of the worst 5 % of the days "
        "(Rockafellar & Uryasev 2000); lower is better."),
    "turnover": Measure("turnover\na year", number, "Half the sum of all changes of weights: 1 "
        "means that wealth was exchanged once a year."),
    "costs": Measure("costs %", percent, "All trading costs, each as a share of the wealth of "
        "its day."),
    "psr": Measure("PSR", chance, "Probabilistic Sharpe ratio: how sure these "
        "days make it that the true Sharpe ratio is above 0, given their number, skewness and "
        "kurtosis (Bailey & López de Prado 2012)."),
    "dsr": Measure("DSR", chance, "Deflated Sharpe ratio: as PSR, but above "
        "what the best of all trials would show if none had any skill (Bailey & López de Prado "
        "2014). Below 0.95 a good result may be the luck of many trials."),
}  # fmt: skip
"""The metrics that have columns of their own."""


def performance(policies: Sequence[Json]) -> Section:
    """Return what was earned, and at what risk."""
    keys = ("terminal_wealth", "cagr", "sharpe", "sortino", "max_drawdown", "calmar")
    note = (
        "The best Sharpe ratio first; agents: means over their runs. Brackets: 95 % confidence "
        "intervals."
    )
    return Section("Performance", _table(policies, keys), note=note)


def significance(policies: Sequence[Json]) -> Section:
    """Return the other risks, trading, and how sure the Sharpe ratios are."""
    keys = ("volatility", "cvar_95", "turnover", "costs", "psr", "dsr")
    note = "PSR and DSR: how surely the Sharpe ratio is above 0, and above the luck of all trials."
    return Section("Risk, trading and significance", _table(policies, keys), note=note)


def differences(entries: Sequence[Json]) -> Section:
    """Return each agent beside each baseline, metric by metric, with the verdicts."""
    columns = (
        Column("agent", False), Column("baseline", False), Column("metric", False),
        Column("difference"), Column("p"), Column("p (Holm)"), Column("verdict", False),
    )  # fmt: skip
    rows = []
    for entry in entries:
        measure = MEASURES[entry["metric"]]
        rows.append((
            Cell(entry["agent"]),
            Cell(entry["baseline"]),
            Cell(measure.name),
            Cell(estimate(entry["difference"], entry["interval"], measure.form)),
            Cell(p_value(entry["p_value"])),
            Cell(p_value(entry["p_holm"])),
            Cell(entry["verdict"], TONES.get(entry["verdict"], "")),
        ))  # fmt: skip
    note = (
        "Agent minus baseline with its 95 % confidence interval. Positive is better, of CVaR "
        "negative; a drawdown is a negative number."
    )
    return Section("Differences", Grid(columns, tuple(rows)), note=note)


def years(policies: Sequence[Json]) -> Section:
    """Return the return of each calendar year."""
    found = sorted({year for policy in policies for year in policy["years"]})
    columns = (Column("year", False), *(Column(policy["name"]) for policy in policies))
    rows = tuple(
        (Cell(year), *(_both(p["years"].get(year, {}), "total_return") for p in policies))
        for year in found
    )
    note = "Return in %, Sharpe ratio in parentheses."
    return Section("Calendar years", Grid(columns, rows), note=note)


def _both(values: Json, key: str) -> Cell:
    """Return a return with its Sharpe ratio."""
    gain, sharpe = values.get(key), values.get("sharpe")
    said = percent(gain) if is_number(gain) else NOTHING
    return Cell(f"{said} ({number(sharpe)})" if is_number(sharpe) else said)


def regimes(policies: Sequence[Json]) -> Section:
    """Return how each policy did in each regime of the market."""
    keys = ("cagr", "sharpe", "max_drawdown")
    columns = (
        Column("regime", False), Column("policy", False), Column("days"),
        *(Column(MEASURES[key].header) for key in keys),
    )  # fmt: skip
    names = dict.fromkeys(regime for policy in policies for regime in policy["regimes"])
    rows = tuple(
        (
            Cell(regime),
            Cell(policy["name"]),
            Cell(f"{policy['regimes'][regime]['days']:,.0f}"),
            *(Cell(_value(policy["regimes"][regime], key)) for key in keys),
        )
        for regime in names
        for policy in policies
        if regime in policy["regimes"]
    )
    note = "Regimes are dated afterwards, with knowledge of what came later."
    return Section("Market regimes", Grid(columns, rows), note=note)


def costs(policies: Sequence[Json], chart: Mapping[str, Any] | None) -> Section:
    """Return what higher trading costs leave, beside the chart of it."""
    found = {
        policy["name"]: {entry["cost_bps"]: entry for entry in policy["cost_sweep"]}
        for policy in policies
        if policy["cost_sweep"]
    }
    levels = sorted({level for sweep in found.values() for level in sweep})
    columns = (Column("policy", False), *(Column(f"{level:g} bps") for level in levels))
    rows = tuple(
        (Cell(name), *(_both(sweep.get(level, {}), "cagr") for level in levels))
        for name, sweep in found.items()
    )
    note = "CAGR in %, Sharpe ratio in parentheses, by basis points of each dollar traded."
    return Section("Sensitivity to costs", Grid(columns, rows), chart, note)


def decay(policies: Sequence[Json]) -> Section:
    """Return what is left of the Sharpe ratio on which agents were chosen."""
    columns = (
        Column("policy", False), Column("validation\nSharpe"), Column("test\nSharpe"),
        Column("change"),
    )  # fmt: skip
    rows = []
    for policy in policies:
        if not policy["decay"]:
            continue
        before, after = (policy["decay"][f"{days}_sharpe"] for days in ("validation", "test"))
        both = is_number(before) and is_number(after)
        numbers = (before, after, after - before if both else None)
        rows.append((Cell(policy["name"]), *(Cell(estimate(n, None, number)) for n in numbers)))
    note = "On the days that agents were chosen by, and on those they had never met."
    return Section("Decay", Grid(columns, tuple(rows)), note=note)


def effort(policies: Sequence[Json]) -> Section:
    """Return what each policy may see and what it costs to run."""
    columns = (
        Column("policy", False), Column("information", False), Column("plan"), Column("act"),
        Column("train CPU"),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(policy["name"]),
            Cell(policy["information"]),
            Cell(seconds(policy["seconds"]["plan"])),
            Cell(seconds(policy["seconds"]["act"])),
            Cell(seconds(policy["train_cpu_seconds"])),
        )
        for policy in policies
    )
    note = "Planning and acting: wall time of the backtest; training: CPU time a run."
    return Section("Information and cost", Grid(columns, rows), note=note)


def every_metric(policies: Sequence[Json]) -> Section:
    """Return all metrics of all policies, a row for each metric, folded away."""
    names = dict.fromkeys(name for policy in policies for name in policy["metrics"])
    columns = (Column("metric", False), *(Column(policy["name"]) for policy in policies))
    rows = tuple(
        (
            Cell(name),
            *(Cell(estimate(p["metrics"].get(name), None, "{:,.4g}".format)) for p in policies),
        )
        for name in names
    )
    return Section("Every metric, in plain numbers", Grid(columns, rows), folded=True)


def every_run(policies: Sequence[Json]) -> Section:
    """Return the metrics of each training run, folded away."""
    columns = (
        Column("policy", False), Column("seed"),
        *(Column(measure.header) for measure in MEASURES.values()),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(policy["name"]),
            Cell(str(run["run_seed"])),
            *(Cell(_value(run["metrics"], key)) for key in MEASURES),
        )
        for policy in policies
        for run in policy["by_run"]
        if run["run_seed"] is not None
    )
    return Section("Every training run", Grid(columns, rows), folded=True)


def written(policy: Json, key: str) -> str:
    """Return a metric of a policy, with its interval where there is one."""
    return estimate(policy["metrics"].get(key), policy["intervals"].get(key), MEASURES[key].form)


def _value(values: Json, key: str) -> str:
    return estimate(values.get(key), None, MEASURES[key].form)


def _table(policies: Sequence[Json], keys: Sequence[str]) -> Grid:
    columns = (
        Column("policy", False), Column("runs"), *(Column(MEASURES[key].header) for key in keys),
    )  # fmt: skip
    rows = tuple(
        (
            Cell(policy["name"]),
            Cell(str(len(policy["run_seeds"])) if policy["kind"] == "agent" else NOTHING),
            *(Cell(written(policy, key)) for key in keys),
        )
        for policy in policies
    )
    return Grid(columns, rows)
