"""Every online algorithm through the referee, against the OLPS toolbox run under Octave."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.finance.portfolio.instances import named

TASK = registry.get("finance/portfolio")
FILE = Path(__file__).parent / "online" / "olps_toolbox.csv"
# What the toolbox itself knows to fewer digits: bcrp is what its optimiser stops at, and anticor
# hangs on ties that the last bit of the data decides.
DIGITS = {"ons": 1e-6, "anticor": 1e-4, "bcrp": 1e-6, "rmr": 1e-6}
SLOW = ("nyse-o", "nyse-n", "tse")


def cases() -> Iterator[object]:
    with open(FILE, newline="") as file:
        lines = [line for line in file if not line.startswith("#")]
    for row in csv.DictReader(lines):
        name, data, cost = row["algorithm"], row["set"], float(row["tc"])
        marks = [pytest.mark.slow] if data in SLOW or name in ("anticor", "rmr", "ons") else []
        yield pytest.param(
            name, data, cost, float(row["terminal_wealth"]), marks=marks, id=f"{name}-{data}-{cost}"
        )


@pytest.mark.parametrize(("name", "data", "cost", "wealth"), list(cases()))
def test_wealth_is_the_toolboxs(name: str, data: str, cost: float, wealth: float) -> None:
    settings = {"cost_bps": 1e4 * cost}
    (result,) = evaluate(TASK, [contestant(TASK, name)], named([data]), settings=settings)
    # Ten printed digits; over thousands of days of reversals roundings grow.
    assert result.metrics["terminal_wealth"] == pytest.approx(wealth, rel=DIGITS.get(name, 1e-9))
