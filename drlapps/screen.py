"""What the commands print: data on stdout, messages on stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from drlapps.files import json_text, write_atomic, write_json

JSON = Mapping[str, Any]

_hushed = False


def show(found: Any, render: Callable[[Any, Console], None], as_json: bool) -> None:
    """Print an object as JSON or as its renderer draws it."""
    if as_json:
        sys.stdout.write(json_text(found) + "\n")
    else:
        render(found, Console())


def _say(text: str) -> None:
    if not _hushed:
        Console(stderr=True, highlight=False).print(text, soft_wrap=True)


def hush(quiet: bool) -> None:
    """Print no messages from now on, only data."""
    global _hushed
    _hushed = quiet


def _table(*columns: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _number(value: float | None, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def task_list(found: Sequence[JSON], console: Console) -> None:
    """Draw the list of tasks."""
    if not found:
        console.print("no tasks")
        return
    table = _table("task", "what it is", "agents", "baselines")
    for row in found:
        agents = [*row["agents"], *(["pretrained"] if row["pretrained"] else [])]
        table.add_row(row["task"], row["summary"], ", ".join(agents), str(len(row["baselines"])))
    console.print(table)


def task(found: JSON, console: Console) -> None:
    """Draw a task."""
    metric = found["metric"]
    aim = "minimised" if metric["minimize"] else "maximised"
    console.print(f"[bold]{found['task']}[/]  {found['summary']}")
    facts = _table("", "")
    facts.show_header = False
    facts.add_row("Gymnasium id", found["env_id"])
    facts.add_row("metric", f"{metric['name']} ({metric['unit']}), {aim}")
    facts.add_row("reference", metric["reference"] or "none")
    facts.add_row("observation", found["observation_space"])
    facts.add_row("action", found["action_space"])
    pools = ", ".join(f"{key} ({size})" for key, size in found["pools"].items())
    facts.add_row("pools", pools)
    if found["pretrained"]:
        shipped = found["pretrained"]
        cost = sum(shipped["train_cpu_seconds"]) / len(shipped["train_cpu_seconds"])
        facts.add_row(
            "pretrained",
            f"{shipped['agent']}, {len(shipped['seeds'])} runs of {cost:,.0f} CPU s: "
            f"{shipped['recipe']}",
        )
    console.print(facts)
    table = _table("baseline", "sees", "what it does", "options", title="\nBaselines")
    for key, baseline in found["baselines"].items():
        options = ", ".join(f"{k}={v}" for k, v in baseline["options"].items())
        table.add_row(key, baseline["information"], baseline["summary"], options)
    console.print(table)
    table = _table("agent", "algorithm", "steps", title="\nAgents")
    for key, recipe in found["agents"].items():
        table.add_row(key, recipe["algorithm"], f"{recipe['steps']:,}")
    console.print(table)
    table = _table("--set", "default", "of", title="\nParameters")
    for key, parameter in found["parameters"].items():
        table.add_row(key, str(parameter["default"]), parameter["of"])
    console.print(table)
    if found["published"]:
        columns = list(found["published"][0])
        table = _table(*columns, title="\nPublished results")
        for row in found["published"]:
            table.add_row(*(str(row[column]) for column in columns))
        console.print(table)
    console.print("\nReferences")
    for reference in found["references"]:
        console.print(f"  {reference}", highlight=False)


def runs(found: Sequence[JSON], console: Console) -> None:
    """Draw the trained runs."""
    table = _table("run", "steps", "CPU s", "validation")
    for row in found:
        table.add_row(
            row["directory"], f"{row['steps']:,}", _number(row["train_cpu_seconds"], 0),
            _number(row["validation_score"], 2),
        )  # fmt: skip
    console.print(table)
    home = Path(found[0]["directory"]).parent
    _say(f"Next: drlapps compare {found[0]['task']} --agents {home}")


def results(found: Sequence[JSON], console: Console) -> None:
    """Draw result rows, then the mean gap of each policy."""
    from drlapps import report

    report.evaluation(found, console)
    for policy in dict.fromkeys(row["policy"] for row in found):
        gaps = [row["gap_percent"] for row in found if row["policy"] == policy]
        if None not in gaps:
            mean = sum(gaps) / len(gaps)
            console.print(f"{policy}: mean gap {mean:.2f} % over {len(gaps)} results")


def solved(found: JSON, console: Console) -> None:
    """Draw one solved instance."""
    from drlapps import report

    report.solution(found, console)


def comparison(found: JSON, console: Console) -> None:
    """Draw a comparison."""
    from drlapps import report

    report.terminal(found, console)


def document(found: Any, console: Console) -> None:
    """Draw a document: sentences and tables."""
    from drlapps import report

    report.terminal_document(found, console)


def data_list(found: Sequence[JSON], console: Console) -> None:
    """Draw the embedded data."""
    table = _table("data", "assets", "days", "from", "to", "what it is")
    for row in found:
        table.add_row(
            row["name"], str(row["assets"]), f"{row['days']:,}", row["start"] or "undated",
            row["end"] or "", row["source"].split(";")[0],
        )  # fmt: skip
    console.print(table)


def data_fetched(found: JSON, console: Console) -> None:
    """Draw what was fetched."""
    for caution in found["cautions"]:
        _say(f"caution: {caution}")
    console.print(
        f"{found['out']}: {', '.join(found['tickers'])}, {found['days']:,} days from "
        f"{found['start']} to {found['end']}"
    )


def data_check(found: JSON, console: Console) -> None:
    """Draw what is wrong with prices."""
    period = f", {found['start']} to {found['end']}" if found["start"] else ""
    console.print(f"{found['source']}: {found['assets']} assets, {found['days']:,} days{period}")
    table = _table("severity", "what", "asset", "where", "finding")
    for row in found["findings"]:
        table.add_row(row["severity"], row["kind"], row["asset"], row["where"], row["message"])
    if found["findings"]:
        console.print(table)
    console.print("nothing that must be mended" if found["ok"] else "errors: mend them first")


def verification(found: JSON, console: Console) -> None:
    """Draw what verify found."""
    for run in found["runs"]:
        console.print(f"{run['directory']}: {'; '.join(run['problems']) or 'unchanged'}")


def imported(found: JSON, console: Console) -> None:
    """Draw an imported run."""
    console.print(f"imported as {found['spec']['directory']}")


def save_solution(row: JSON, path: Path | None) -> None:
    """Write the solution of a solved instance as JSON."""
    if path is not None:
        keys = ("task", "policy", "instance", "instance_hash", "metric", "feasible", "solution")
        write_json(path, {key: row[key] for key in keys})
        _say(f"wrote {path}")


def save_plot(charts: Mapping[str, Any], path: Path | None) -> None:
    """Write the charts of a solution to a page, or the first one to a picture."""
    if path is not None:
        from drlapps import report

        first, *more = charts.values()
        report.chart_file(first, path, *more)
        _say(f"wrote {path}")


def save_comparison(
    found: JSON, save: Path | None, html: Path | None, markdown: Path | None
) -> None:
    """Write a comparison in the forms asked for."""
    from drlapps import report

    forms = {html: report.html, markdown: report.markdown}
    _save(found, save, {path: partial(form, found) for path, form in forms.items()})


def save_document(
    found: JSON,
    document: Callable[[], Any],
    save: Path | None,
    html: Path | None,
    markdown: Path | None,
) -> None:
    """Write a result as JSON, and the document that shows it as a page or as Markdown."""
    from drlapps import report

    forms: dict[Path | None, Callable[[], str]] = {
        html: lambda: report.html_document(document()),
        markdown: lambda: report.markdown_document(document()),
    }
    _save(found, save, forms)


def _save(found: JSON, save: Path | None, texts: Mapping[Path | None, Callable[[], str]]) -> None:
    if save is not None:
        write_json(save, found)
    for path, text in texts.items():
        if path is not None:
            write_atomic(path, text())
    for path in (save, *texts):
        if path is not None:
            _say(f"wrote {path}")
