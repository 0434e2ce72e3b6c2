"""Shorten a complete schedule, swap by swap: rules, and an agent that learns for seconds.

All choose among the same swaps, in as many steps. What ships with the package is ``pretrained``.
"""

from tempfile import TemporaryDirectory

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.train import RunSpec, train

TASK = registry.get("scheduling/job-shop-improvement")
RULES = ("random", "greedy", "best-improvement", "tabu")


def main(steps: int, runs: str) -> None:
    shops = registry.instances(TASK, ["la16..la20"])
    quick = {"n_steps": 16, "batch_size": 512, "validate_every": 0}
    small = {"jobs": [10, 10], "machines": [10, 10], "steps": 100}
    train(RunSpec(TASK.id, "maskable-ppo", 0, runs, 32_768, quick, small))
    for word in (*RULES, runs):
        played = evaluate(TASK, [contestant(TASK, word)], shops, settings={"steps": steps})
        start = sum(result.metrics["start_makespan"] for result in played)
        best = sum(result.metrics["makespan"] for result in played)
        name = word if word in RULES else "agent"
        print(f"{name:<17} {start:g} -> {best:g} in {steps} steps")


if __name__ == "__main__":
    with TemporaryDirectory() as directory:
        main(steps=200, runs=f"{directory}/seed-0")
