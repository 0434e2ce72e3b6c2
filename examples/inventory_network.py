"""A supply network of one's own: classical levels, a look ahead by linear programming, and a bound.

The same from the shell, with the network in a file ``mine.toml``::

    drlapps compare scheduling/inventory-network --instances mine.toml:0..4
    drlapps train scheduling/inventory-network --agent ppo --set problem=mine.toml
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from drlapps import registry, report
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate

TASK = registry.get("scheduling/inventory-network")
POLICIES = ["echelon-base-stock", "newsvendor", "rolling-horizon-lp", "clairvoyant-lp"]

MINE = """
periods = 120
warm_up = 20

[[node]]
name = "depot"
initial = 40
holding = 0.5
storage = 150

[[node]]
name = "town"
initial = 15
holding = 1.0
penalty = 12.0
lost_sales = true
demand = {law = "poisson", mean = 6}

[[node]]
name = "village"
initial = 8
holding = 1.0
penalty = 12.0
lost_sales = true
demand = {law = "negative-binomial", mean = 3, variance = 9}

[[arc]]
node = "depot"
lead_time = 3
cost = 1.0
capacity = 15

[[arc]]
supplier = "depot"
node = "town"

[[arc]]
supplier = "depot"
node = "village"
lead_time = 2
"""

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mine.toml"
        file.write_text(MINE)
        scenarios = registry.instances(TASK, [f"{file}:0..4"])
    contestants = [contestant(TASK, name) for name in POLICIES]
    results = evaluate(TASK, contestants, scenarios)
    levels = next(result.details["levels"] for result in results if result.details)
    print(f"order-up-to levels: {levels}")
    report.terminal(compare(TASK, results), Console())
