"""Power and energy."""

from drlapps.task import Baseline, Information, Metric, Task

_RESTORATION = "drlapps.energy.restoration"


def _method(name: str, summary: str, **options: object) -> Baseline:
    return Baseline(
        f"{_RESTORATION}.baselines:{name}", summary, Information.MODEL, options=options
    )


RESTORATION = Task(
    id="energy/restoration",
    env_id="drlapps/Restoration-v0",
    summary="Power restoration: operate switches so that a faulted feeder serves all it can",
    environment=f"{_RESTORATION}.environment:RestorationEnv",
    metric=Metric(
        "load_served", unit="share of weighted load", minimize=False, reference="exact optimum"
    ),
    instances=f"{_RESTORATION}.instances:named",
    pools={
        name: f"{_RESTORATION}.instances:{name}"
        for name in ("train", "validation", "test", "double", "ieee69", "toy")
    },
    baselines={
        "enumeration": _method(
            "Enumeration", "Exact: every radial tree and every subset of loads, by AC power flow"
        ),
        "milp": _method(
            "Milp",
            "Directed LinDistFlow program by Pyomo and HiGHS, repaired until AC agrees",
            time_limit=60.0,
        ),
        "branch-exchange": _method(
            "BranchExchange", "Exchanges of a tie and a branch from the greedy answer, by AC"
        ),
        "greedy": _method("Greedy", "One tie after the other, the best by AC power flow"),
        "minimum-spanning-tree": _method(
            "MinimumSpanningTree", "Tree of least impedance, loads shed until AC agrees"
        ),
        "do-nothing": _method("DoNothing", "What protection leaves"),
    },
    agents={
        "maskable-ppo": f"{_RESTORATION}.presets:MASKABLE_PPO",
    },
    checker=f"{_RESTORATION}.checker:check",
    views=f"{_RESTORATION}.views",
    references=(
        "Baran & Wu 1989, Network reconfiguration in distribution systems for loss reduction and "
        "load balancing, IEEE Transactions on Power Delivery 4(2)",
        "Shirmohammadi & Hong 1989, Reconfiguration of electric distribution networks for "
        "resistive line losses reduction, IEEE Transactions on Power Delivery 4(2)",
        "Taylor & Hover 2012, Convex models of distribution system reconfiguration, IEEE "
        "Transactions on Power Systems 27(3)",
        "Zhao et al. 2024, Exploring a physics-informed decision transformer for distribution "
        "system restoration, arXiv:2407.00808",
    ),
)

TASKS = (RESTORATION,)
