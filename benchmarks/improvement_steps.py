"""Job-shop improvement steps per CPU second: a swap, its makespan, the next moves, their features.

Random candidates, drawing them included. A second case shows how the cost grows with the shop when
the whole graph is observed: the exponent of a power of the number of operations, fitted to shops
from 225 to 2000 operations, is 1 where it is linear.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

import numpy as np
from gymnasium.vector import AutoresetMode

from benchmarks.critical_paths import EXPONENT_UNIT
from benchmarks.measure import Play, Row, compare

BATCH = 128
CASES = {"ta01": "15x15 (ta01)", "ta41": "30x20 (ta41)", "ta71": "100x20 (ta71)"}
FAMILY = ("ta01", "ta11", "ta21", "ta31", "ta41", "ta51", "ta61", "ta71")
EXPONENT = 1.15
"""Linear up to what the caches cost."""


def run(repeats: int) -> list[Row]:
    rows = []
    for name, case in CASES.items():
        play = drlapps([name], BATCH)
        rows += compare(
            "improvement-steps", case, "steps", {f"drlapps, batch of {BATCH}": play}, bars={},
            seconds=1.0, repeats=repeats,
        )  # fmt: skip
    exponent = statistics.median(growth() for _ in range(repeats))
    case = "cost against operations, 15x15 to 100x20"
    met = exponent <= EXPONENT
    row = Row("improvement-steps", case, "drlapps", exponent, EXPONENT_UNIT, bar=EXPONENT, met=met)
    return [*rows, row]


def drlapps(names: Sequence[str], rows: int, *, show_graph: bool = False) -> Play:
    from drlapps.policy import Random
    from drlapps.scheduling.job_shop.instances import named
    from drlapps.scheduling.job_shop_improvement.environment import JobShopImprovementEnv

    shops = named(names)
    env = JobShopImprovementEnv(
        rows, shops, show_graph=show_graph, autoreset_mode=AutoresetMode.SAME_STEP
    )
    observations, _ = env.reset(seed=0)
    policy = Random()
    policy.reset(env, 0)

    def play() -> int:
        for _ in range(20):
            env.step(policy.act(env, observations))
        return 20 * rows

    return play


def growth() -> float:
    """Return the exponent of a power of the operations that fits the CPU time best."""
    from drlapps.scheduling.job_shop.instances import named

    spent = []
    for name in FAMILY:
        play = drlapps([name], 16, show_graph=True)
        play()
        started, done = time.process_time(), 0
        while time.process_time() - started < 0.3:
            done += play()
        spent.append((time.process_time() - started) / done)
    operations = [shop.operations for shop in named(FAMILY)]
    return float(np.polyfit(np.log(operations), np.log(spent), 1)[0])
