"""Promised dates: a workshop whose orders are due, by rules, by search and by the shipped agent.

Each order has a due date and a weight, what a unit of delay costs; least total cost is the aim.
"""

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop
from drlapps.scheduling.job_shop_tardiness.views import lateness

TASK = registry.get("scheduling/job-shop-tardiness")
POLICIES = ("edd", "mdd", "atc", "pretrained", "simulated-annealing", "cp-sat")

# Each order is a route of (machine, duration) pairs: cut, drill, paint and pack.
WORKSHOP = JobShop.from_jobs(
    "workshop",
    [
        [(0, 5), (1, 4), (2, 8), (3, 2)],
        [(1, 6), (0, 3), (3, 4), (2, 5)],
        [(0, 7), (2, 6), (3, 3)],
        [(1, 2), (2, 4), (0, 6), (3, 3)],
    ],
    due=[21, 20, 18, 17],
    weights=[1, 4, 2, 1],
)


def main(seconds: float) -> None:
    shop = DueDateShop.of(WORKSHOP)
    chosen = [contestant(TASK, name, {"time_limit": seconds}) for name in POLICIES]
    results = evaluate(TASK, chosen, [shop], keep_solutions=[shop.name])
    for result in results:
        run = "" if result.run_seed is None else f", run {result.run_seed}"
        print(f"{result.policy:<20} costs {result.value:g} ({result.status}{run})")
    best = min(results, key=lambda result: result.value or 0.0)
    for row in lateness(shop, best.solution or {}):
        print("order {job}: due {due}, ends {end}, costs {cost}".format(**row))


if __name__ == "__main__":
    main(seconds=1.0)
