"""Improve the table of optima of scheduling/job-shop-tardiness.

    python -m benchmarks.tardiness_optima [FILE] [SECONDS]

Each test instance whose optimum is not proved is annealed several times, and CP-SAT goes on from
the best schedule for so many seconds (600 by default) on one thread. The table, with what was
found if it is better, is written after each instance, to
``drlapps/scheduling/job_shop_tardiness/data/best_known.csv`` by default. Takes an hour or two.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from pathlib import Path

from gymnasium.vector import AutoresetMode

from drlapps.policy import Plan, Start
from drlapps.scheduling.job_shop_tardiness.annealing import SimulatedAnnealing
from drlapps.scheduling.job_shop_tardiness.cp_sat import CpSat
from drlapps.scheduling.job_shop_tardiness.environment import JobShopTardinessEnv
from drlapps.scheduling.job_shop_tardiness.instances import BEST_KNOWN, TIGHTNESS, singer_pinedo
from drlapps.scheduling.job_shop_tardiness.shop import DueDateShop

WALKS, STEPS = 4, 5_000_000


def value(plan: Plan) -> float:
    return plan.incumbents[-1][1]


def start(shop: DueDateShop, plan: Plan) -> Start:
    """Return what a plan's actions build."""
    env = JobShopTardinessEnv(1, [shop], delay=1.0, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shop]})
    assert plan.actions is not None
    for action in plan.actions:
        env.step(action[None])
    return Start(env.solution(0), value(plan), seconds=0.0)


def bounds(shop: DueDateShop, seconds: float) -> tuple[float, float]:
    """Return the better of what is known and what is found now, lower and upper."""
    solver = SimulatedAnnealing(iterations=STEPS)
    walk = min((solver.solve(shop, seed) for seed in range(WALKS)), key=value)
    found = CpSat(time_limit=seconds, workers=1).solve(shop, 0, start(shop, walk))
    assert found.bound is not None
    best = value(found) if shop.reference is None else min(value(found), shop.reference)
    return max(found.bound, shop.bound), best


def write(path: Path, table: Mapping[str, tuple[float, float]]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("name", "tightness", "lower", "upper"))
        for name, (lower, upper) in table.items():
            rows.writerow((name, TIGHTNESS, round(lower), round(upper)))


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else BEST_KNOWN
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 600.0
    shops = singer_pinedo()
    table = {s.name: (s.bound, s.reference) for s in shops if s.reference is not None}
    for shop in shops:
        if shop.bound != shop.reference:
            table[shop.name] = bounds(shop, seconds)
            write(path, table)


if __name__ == "__main__":
    main()
