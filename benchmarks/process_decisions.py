"""Microseconds a decision of the controllers of linear plants, one plant at a time, and weights.

A controller on a plant decides alone, not in a batch: an episode is played in one row, and the
environment's own time does not count.
"""

from __future__ import annotations

import statistics
import time

from benchmarks.measure import Row

BENCHMARK, UNIT = "process-decisions", "us a decision"
TASKS = {"control/quadruple-tank": "tank:0..4", "control/double-integrator": "mass:0..4"}
HORIZONS = (2, 4, 8, 16)
ACTING = ("action_net.", "mlp_extractor.policy_net.")
"""What the names of those weights begin with that an agent acts by; the rest is its critic."""


def run(repeats: int) -> list[Row]:
    rows = []
    for task, episodes in TASKS.items():
        rows += decisions(task, episodes, repeats)
    return rows


def decisions(name: str, words: str, repeats: int) -> list[Row]:
    """Return the median CPU microseconds of each controller, and the weights of each agent."""
    from drlapps import registry
    from drlapps.contestants import contestant, shipped
    from drlapps.threads import one_thread

    task = registry.get(name)
    episodes = registry.load(task.instances)([words])
    policies = {"lqr": contestant(task, "lqr")}
    for steps in HORIZONS:
        policies[f"mpc, {steps} steps"] = contestant(task, "mpc", {"horizon": steps})
    agents = [one.name for one in sorted(shipped(task).parent.iterdir())] if task.pretrained else []
    for agent in agents:
        policies[agent] = contestant(task, f"pretrained:{agent}")
    rows, sizes = [], []
    for who, one in policies.items():
        policy = next(iter(one.policies.values()))
        with one_thread():
            times = [microseconds(task, policy, episodes) for _ in range(repeats + 1)][1:]
        rows.append(Row(BENCHMARK, name, who, statistics.median(times), UNIT))
        if who in agents:
            count = sum(v.size for k, v in policy.weights.items() if k.startswith(ACTING))
            sizes.append(Row(BENCHMARK, f"{name}: size", who, float(count), "weights that act"))
    return rows + sizes


def microseconds(task, policy, episodes) -> float:
    """Return the CPU microseconds of a decision, from one row at a time."""
    import numpy as np

    from drlapps import registry

    spent, decided = 0.0, 0
    for episode in episodes:
        env = registry.make(task, 1, [episode], training=False, **policy.environment)
        seen, _ = env.reset(seed=0, options={"instances": [episode]})
        policy.reset(env, 0)
        over = np.zeros(1, np.bool_)
        while not over.all():
            started = time.process_time()
            action = policy.act(env, seen)
            spent += time.process_time() - started
            decided += 1
            seen, _, _, over, _ = env.step(action)
    return spent / decided * 1e6
