"""The declaration of ``scheduling/job-shop-improvement``."""

from __future__ import annotations

from drlapps.task import Baseline, Information, Metric, Task

_JOB_SHOP = "drlapps.scheduling.job_shop"
_HERE = "drlapps.scheduling.job_shop_improvement"


def _rule(policy: str, summary: str, information: Information = Information.MODEL) -> Baseline:
    return Baseline(f"{_HERE}.baselines:{policy}", summary, information)


def _gap(method: str, percent: str, source: str) -> dict[str, str]:
    return {"method": method, "mean gap on ta01..ta80, %": percent, "source": source}


JOB_SHOP_IMPROVEMENT = Task(
    id="scheduling/job-shop-improvement",
    env_id="drlapps/JobShopImprovement-v0",
    summary="Job shop: shorten a complete schedule by swapping neighbours on its critical path",
    environment=f"{_HERE}.environment:JobShopImprovementEnv",
    metric=Metric("makespan", unit="time units", minimize=True, reference="best known makespan"),
    instances=f"{_JOB_SHOP}.instances:named",
    pools={
        "train": f"{_JOB_SHOP}.instances:train",
        "validation": f"{_JOB_SHOP}.instances:validation",
        "test": f"{_JOB_SHOP}.instances:test",
        "toy": f"{_JOB_SHOP}.instances:toy",
    },
    baselines={
        "greedy": _rule("Greedy", "The swap of least makespan, each of them tried"),
        "best-improvement": _rule(
            "BestImprovement", "The swap that shortens most; random swaps out of local optima"
        ),
        "first-improvement": _rule(
            "FirstImprovement", "Any swap that shortens; random swaps out of local optima"
        ),
        "tabu": _rule(
            "Tabu",
            "The swap of least estimate that undoes nothing recent",
            Information.OBSERVED,
        ),
        "random": Baseline("drlapps.policy:Random", "Any swap, equally likely"),
    },
    agents={
        "maskable-ppo": f"{_HERE}.presets:MASKABLE_PPO",
        "maskable-ppo-graph": f"{_HERE}.presets:GRAPH",
    },
    pretrained="maskable-ppo",
    checker=f"{_JOB_SHOP}.checker:check",
    views=f"{_JOB_SHOP}.views",
    published=(
        _gap("L2S, 500 / 5000 improvement steps", "12.2 / 7.4", "Zhang et al. 2024"),
        _gap("TBGAT, 500 improvement steps", "10.7", "Zhang et al. 2024b"),
        _gap("shifting bottleneck", "14.8", "Corsini et al. 2024"),
        _gap("CP-SAT 9.15, 600 s, 4 cores", "1.5", "JSPLib"),
    ),
    references=(
        "Zhang et al. 2024, Deep reinforcement learning guided improvement heuristic for job shop "
        "scheduling, ICLR",
        "Zhang et al. 2024b, Learning topological representations with bidirectional graph "
        "attention network for solving job shop scheduling problem, UAI",
        "Nowicki & Smutnicki 1996, A fast taboo search algorithm for the job shop problem, "
        "Management Science 42(6)",
        "Taillard 1994, Parallel taboo search techniques for the job shop scheduling problem, "
        "ORSA Journal on Computing 6(2)",
    ),
)
