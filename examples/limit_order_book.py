"""Rules for queues: quotes in a simulated limit order book, and in a recorded one from a file.

The recording here is made up; a file of one's own has the same columns::

    drlapps evaluate finance/limit-order-book --policy inventory-skewed --instances book.csv
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console

from drlapps import registry, report
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate

TASK = registry.get("finance/limit-order-book")
POLICIES = ["inventory-skewed", "avellaneda-stoikov", "symmetric-0", "hold"]


def record(path: Path, rows: int = 500, levels: int = 3) -> None:
    """Write a book whose best prices wander, with some trading on either side."""
    rng = np.random.default_rng(0)
    header = ["time"]
    for side in ("bid", "ask"):
        header += [f"{side}_{what}_{k}" for k in range(1, levels + 1) for what in ("price", "size")]
    lines = [",".join([*header, "bid_volume", "ask_volume"])]
    bid = 10_000
    for time in range(rows):
        bid += int(rng.integers(-1, 2))
        values: list[float] = [time]
        for sign in (-1, 1):
            best = bid if sign < 0 else bid + 1
            for level in range(levels):
                values += [best + sign * level, int(rng.integers(1, 9))]
        lines.append(",".join(map(str, [*values, *rng.integers(0, 4, 2)])))
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    rules = [contestant(TASK, name) for name in POLICIES]
    with TemporaryDirectory() as folder:
        book = Path(folder) / "book.csv"
        record(book)
        sessions = registry.instances(TASK, ["calm:1..5", "busy:1..5", str(book)])
        report.terminal(compare(TASK, evaluate(TASK, rules, sessions)), Console())
