"""A rule of one's own on real prices, beside classical portfolios, with costs and a tear sheet.

The same from the shell, with the class below in a file::

    drlapps backtest --policy examples/portfolio.py:Momentum,one-over-n,risk-parity
"""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.console import Console

from drlapps import registry, report
from drlapps.contestants import contestant
from drlapps.evaluate import Contestant
from drlapps.finance.portfolio import backtest
from drlapps.finance.portfolio.allocation import Allocation, Seen, Vector
from drlapps.task import Information

TASK = registry.get("finance/portfolio")


class Momentum(Allocation):
    """Once a month, equal weights in the half of the assets that rose most over a year."""

    def start(self, assets: int) -> dict[str, Any]:
        return {"month": None}

    def target(self, seen: Seen, memory: dict[str, Any]) -> Vector | None:
        month = None if seen.date is None else seen.date.astype("datetime64[M]")
        if month == memory["month"]:
            return None  # no order: what is held is kept
        memory["month"] = month
        rise = np.log(seen.relatives[-252:]).sum(axis=0)
        chosen = rise >= np.median(rise)
        return chosen / chosen.sum()


if __name__ == "__main__":
    own = Contestant("momentum", "baseline", Information.OBSERVED, {None: Momentum()})
    others = [contestant(TASK, name) for name in ("one-over-n", "risk-parity", "bah")]
    found = backtest.run(TASK, [own, *others], start="2015-01-01", settings={"cost_bps": 20.0})
    report.terminal_document(backtest.document(found, pictures=False), Console())
