"""A market of one's own: its exact optimum, closed forms and the trained agent.

The same from the shell, with the market in a file ``mine.toml``::

    drlapps evaluate finance/market-making --policy pretrained --instances mine.toml
"""

from dataclasses import replace

from rich.console import Console

from drlapps import registry, report
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.finance.market_making.dynamic_programming import solve
from drlapps.finance.market_making.instances import MARKETS, path

TASK = registry.get("finance/market-making")
POLICIES = ["pretrained", "cartea-jaimungal", "gueant-lehalle-fernandez-tapia", "symmetric"]

if __name__ == "__main__":
    market = replace(MARKETS["cartea-jaimungal"], intensity=80.0, limit=12, steps=100)
    solution = solve(market)
    print(f"the best that any quotes can earn: {solution.values[0, market.limit]:.3f}")
    sessions = [path("mine", market, number) for number in range(10)]
    contestants = [contestant(TASK, name) for name in POLICIES]
    results = evaluate(TASK, contestants, sessions)
    cost = {who.name: who.train_cpu_seconds for who in contestants}
    report.terminal(compare(TASK, results, train_cpu_seconds=cost), Console())
