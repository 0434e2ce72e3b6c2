"""A lost-sales problem of one's own: its exact optimum, classical rules and the trained agent.

The same from the shell, with the problem in a file ``mine.toml``::

    lead_time = 3
    penalty = 12
    fixed = 2
    demand = {law = "negative-binomial", mean = 4, variance = 9}

    drlapps evaluate scheduling/lost-sales --policy pretrained --instances mine.toml
"""

from rich.console import Console

from drlapps import registry, report
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.scheduling.inventory.demand import NegativeBinomial
from drlapps.scheduling.lost_sales.dynamic_programming import solve
from drlapps.scheduling.lost_sales.instances import path
from drlapps.scheduling.lost_sales.problem import Problem
from drlapps.scheduling.lost_sales.rules import best_reorder_point, exact_cost

TASK = registry.get("scheduling/lost-sales")
POLICIES = ["pretrained", "fixed-non-stockout", "capped-base-stock", "s-S", "myopic-2"]

if __name__ == "__main__":
    problem = Problem(lead_time=3, penalty=12.0, demand=NegativeBinomial(4.0, 9.0), fixed=2.0)
    solution = solve(problem)
    assert solution is not None, "too many states for the exact program"
    rule = best_reorder_point(problem)
    print(f"optimal long-run cost {solution.cost:.4f}, proven bound {solution.bound:.4f}")
    print(f"best (s, S) = ({rule.reorder:g}, {rule.level:g}): {exact_cost(problem, rule):.4f}")
    order = solution.orders[solution.space.numbers([5, 4, 4])]
    print(f"with 5 units on hand and 4 and 4 to come, order {order}")
    paths = [path("mine", problem, number) for number in range(4)]
    contestants = [contestant(TASK, name) for name in POLICIES]
    results = evaluate(TASK, contestants, paths)
    cost = {who.name: who.train_cpu_seconds for who in contestants}
    report.terminal(compare(TASK, results, train_cpu_seconds=cost), Console())
