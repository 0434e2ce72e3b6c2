"""A job shop of one's own: rules and a solver on it, then a trained agent against them.

The agent here learns for seconds, on tiny shops; what ships with the package is ``pretrained``.
"""

from dataclasses import replace
from tempfile import TemporaryDirectory

from rich.console import Console

from drlapps import registry, report
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.scheduling.job_shop.shop import JobShop
from drlapps.train import RunSpec, train

TASK = registry.get("scheduling/job-shop")
SOLVERS = [contestant(TASK, name, {"time_limit": 1}) for name in ("spt", "fdd-mwkr", "cp-sat")]

# Each job is a route of (machine, duration) pairs: cut, drill, paint and pack four products.
WORKSHOP = JobShop.from_jobs(
    "workshop",
    [
        [(0, 5), (1, 4), (2, 8), (3, 2)],
        [(1, 6), (0, 3), (3, 4), (2, 5)],
        [(0, 7), (2, 6), (3, 3)],
        [(1, 2), (2, 4), (0, 6), (3, 3)],
    ],
)


def plan() -> None:
    for result in evaluate(TASK, SOLVERS, [WORKSHOP], keep_solutions=["workshop"]):
        print(f"{result.policy:<10} ends at {result.value:g} ({result.status})")
    print("starts by job:", dict(result.solution or {})["start"])


def contest(runs: str) -> None:
    small = {"n_steps": 16, "batch_size": 512, "validate_every": 0}
    for seed in range(3):
        shops = {"jobs": [10, 10], "machines": [5, 5]}
        directory = f"{runs}/seed-{seed}"
        train(RunSpec(TASK.id, "maskable-ppo", seed, directory, 4096, small, shops))
    agent = replace(contestant(TASK, runs), name="maskable-ppo")
    instances = registry.instances(TASK, ["la01..la05"])
    results = evaluate(TASK, [agent, contestant(TASK, "pretrained"), *SOLVERS], instances)
    cost = {agent.name: agent.train_cpu_seconds}
    report.terminal(compare(TASK, results, train_cpu_seconds=cost), Console())


if __name__ == "__main__":
    plan()
    with TemporaryDirectory() as runs:
        contest(runs)
