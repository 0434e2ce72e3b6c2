"""Recompute the table of exact optima of energy/restoration.

    python -m benchmarks.restoration_optima [FILE]

Writes the table row by row, to ``drlapps/energy/restoration/data/optima.csv`` by default; takes
some minutes.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from drlapps.energy.grid.cases import load
from drlapps.energy.restoration.enumeration import configure
from drlapps.energy.restoration.outage import Outage, assess

FILE = Path(__file__).parents[1] / "drlapps" / "energy" / "restoration" / "data" / "optima.csv"
COLUMNS = ("feeder", "outage", "load_served", "operations", "loss_kw", "min_voltage", "shed")


def outages() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield feeders and the numbers, from 1, of their faulted branches."""
    yield from (("ieee33", (line,)) for line in range(1, 33))
    yield from (("ieee33", pair) for pair in random_pairs(200))
    yield from (("ieee69", (line,)) for line in range(1, 69))


def random_pairs(number: int, lines: int = 32, seed: int = 33) -> list[tuple[int, ...]]:
    """Draw distinct unordered pairs of lines."""
    rng = np.random.default_rng(seed)
    pairs: dict[tuple[int, ...], None] = {}
    while len(pairs) < number:
        pair = rng.choice(lines, 2, replace=False) + 1
        pairs[tuple(sorted(pair.tolist()))] = None
    return list(pairs)


def row(name: str, lines: tuple[int, ...]) -> dict[str, object]:
    from drlapps.energy.grid.feeder import BASE_KVA
    from drlapps.energy.grid.power_flow import power_flow

    feeder = load(name)
    outage = Outage(name, feeder, tuple(line - 1 for line in lines), min_voltage=0.90)
    answer = configure(outage)
    assert answer.status == "optimal", (name, lines)
    closed, connected = answer.configuration
    score = assess(outage, answer.configuration)
    flow = power_flow(
        feeder, closed, outage.p * connected * BASE_KVA, outage.q * connected * BASE_KVA
    )
    return {
        "feeder": name,
        "outage": "-".join(map(str, lines)),
        "load_served": f"{score.load_served:.9f}",
        "operations": -score.operations,
        "loss_kw": f"{abs(score.loss_kw):.6f}",
        "min_voltage": f"{flow.min_voltage:.6f}",
        "shed": " ".join(feeder.buses[i].name for i in np.flatnonzero(~connected)),
    }


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else FILE
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for name, lines in outages():
            table.writerow(row(name, lines))
            file.flush()


if __name__ == "__main__":
    main()
