"""Run benchmarks by name, all by default."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import (
    critical_paths,
    env_steps,
    finance_steps,
    improvement_steps,
    inventory_steps,
    laser_pulse,
    pmsm_steps,
    power_flow,
    process_decisions,
    ris_solvers,
    ris_steps,
    startup,
    training,
)
from benchmarks.measure import Row
from drlapps.errors import InputError, unknown

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

BENCHMARKS = {
    "critical-paths": critical_paths.run,
    "env-steps": env_steps.run,
    "finance-steps": finance_steps.run,
    "improvement-steps": improvement_steps.run,
    "inventory-steps": inventory_steps.run,
    "laser-pulse": laser_pulse.run,
    "pmsm-steps": pmsm_steps.run,
    "power-flow": power_flow.run,
    "process-decisions": process_decisions.run,
    "ris-solvers": ris_solvers.run,
    "ris-steps": ris_steps.run,
    "training": training.run,
    "startup": startup.run,
}


@app.command()
def main(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=", ".join(BENCHMARKS))
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="measurements of each contender")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON, for programs")] = False,
) -> None:
    """Measure speed beside named peers, in medians over CPU seconds.

    Example: python -m benchmarks env-steps --json
    """
    rows: list[Row] = []
    for name in names or BENCHMARKS:
        if name not in BENCHMARKS:
            raise unknown("benchmark", name, BENCHMARKS)
        print(f"measuring {name}", file=sys.stderr)
        rows += BENCHMARKS[name](repeats)
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        console = Console()
        for _, group in groupby(rows, key=lambda row: (row.benchmark, row.case)):
            console.print(_table(list(group)))
            console.print()


def _table(rows: Sequence[Row]) -> Table:
    first = rows[0]
    table = Table(
        title=f"{first.benchmark}: {first.case}", title_justify="left", title_style="bold",
        box=None, pad_edge=False, padding=(0, 2, 0, 0),
    )  # fmt: skip
    table.add_column("who")
    for column in (first.unit, "drlapps is", "bar", ""):
        table.add_column(column, justify="right", no_wrap=True)
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.1f} x as fast"
        met = {True: "met", False: "missed", None: ""}[row.met]
        table.add_row(row.who, _value(row.value), ratio, _bar(row), met)
    return table


def _value(value: float | None) -> str:
    if value is None:
        return "not installed, skipped"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3f}"


def _bar(row: Row) -> str:
    if row.bar is None:
        return ""
    if row.ratio is not None:
        return f"at least {row.bar:g} x"
    # Of time and its growth less is better, of what is done in it more.
    return (
        f"at most {row.bar:g}"
        if row.unit in ("CPU s", critical_paths.EXPONENT_UNIT, ris_solvers.UNIT)
        else f"at least {row.bar:,.0f}"
    )


if __name__ == "__main__":
    try:
        app()
    except InputError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        sys.exit(2)
