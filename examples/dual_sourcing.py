"""Two sources of one's own: the exact optimum, the best rules and the trained agent.

The same from the shell, with the problem in a file ``mine.toml``::

    drlapps evaluate scheduling/dual-sourcing --policy pretrained --instances mine.toml
"""

from rich.console import Console

from drlapps import registry, report
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.scheduling.dual_sourcing.dynamic_programming import solve
from drlapps.scheduling.dual_sourcing.heuristics import capped_dual_index
from drlapps.scheduling.dual_sourcing.instances import path
from drlapps.scheduling.dual_sourcing.problem import Problem
from drlapps.scheduling.inventory.demand import Poisson

TASK = registry.get("scheduling/dual-sourcing")
POLICIES = ["pretrained", "capped-dual-index", "dual-index", "tailored-base-surge", "single-index"]

if __name__ == "__main__":
    problem = Problem(
        demand=Poisson(3.0),
        regular_lead_time=4,
        expedited_lead_time=1,
        regular_cost=100.0,
        expedited_cost=110.0,
        holding=5.0,
        penalty=95.0,
    )
    solution = solve(problem)
    print(f"the least that any policy can cost: {solution.cost:.3f} a period")
    print("the best capped dual index policy:", capped_dual_index(problem).details())
    scenarios = [path("mine", problem, number) for number in range(5)]
    contestants = [contestant(TASK, name) for name in POLICIES]
    results = evaluate(TASK, contestants, scenarios)
    cost = {who.name: who.train_cpu_seconds for who in contestants}
    report.terminal(compare(TASK, results, train_cpu_seconds=cost), Console())
