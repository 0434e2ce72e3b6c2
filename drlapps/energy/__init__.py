"""Power and energy."""

from drlapps.task import Baseline, Information, Metric, Task

_RESTORATION = "drlapps.energy.restoration"
_CRITICAL = "drlapps.energy.critical_load_restoration"
_CREWS = "drlapps.energy.crew_restoration"


def _method(name: str, summary: str, **options: object) -> Baseline:
    return Baseline(f"{_RESTORATION}.baselines:{name}", summary, Information.MODEL, options=options)


def _rule(name: str, summary: str) -> Baseline:
    return Baseline(f"{_CREWS}.baselines:{name}", summary)


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
        "masked-a2c": f"{_RESTORATION}.presets:MASKED_A2C",
        "decision-transformer": f"{_RESTORATION}.presets:DECISION_TRANSFORMER",
    },
    pretrained="maskable-ppo",
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

CRITICAL_LOAD_RESTORATION = Task(
    id="energy/critical-load-restoration",
    env_id="drlapps/CriticalLoadRestoration-v0",
    summary="Critical load restoration: make sun, wind, fuel and battery of an island last six "
    "hours",
    environment=f"{_CRITICAL}.environment:CriticalLoadRestorationEnv",
    metric=Metric(
        "restored",
        unit="share of weighted energy",
        minimize=False,
        reference="optimum in hindsight (linear program)",
    ),
    instances=f"{_CRITICAL}.instances:named",
    pools={
        "train": f"{_CRITICAL}.instances:train",
        "validation": f"{_CRITICAL}.instances:validation",
        "test": f"{_CRITICAL}.instances:test",
        "toy": f"{_CRITICAL}.instances:toy",
    },
    baselines={
        "rule-based": Baseline(
            f"{_CRITICAL}.rules:RuleBased",
            "Loads by priority, as many as the energy left and forecast will feed to the end",
        ),
        "greedy": Baseline(
            f"{_CRITICAL}.rules:Greedy", "Loads by priority, as many as can be served right now"
        ),
        "lp-mpc": Baseline(
            f"{_CRITICAL}.baselines:LpMpc",
            "Receding horizon: a linear program over the forecasts in every step",
            information=Information.MODEL,
        ),
        "milp-mpc": Baseline(
            f"{_CRITICAL}.baselines:MilpMpc",
            "Receding horizon: a mixed-integer program that restores loads whole or not at all",
            information=Information.MODEL,
            compared=False,
        ),
        "clairvoyant": Baseline(
            f"{_CRITICAL}.baselines:Clairvoyant",
            "The linear program over the weather as it will be: the optimum in hindsight",
            information=Information.CLAIRVOYANT,
        ),
    },
    agents={
        "ppo": f"{_CRITICAL}.presets:PPO",
        "sac": f"{_CRITICAL}.presets:SAC",
    },
    pretrained="ppo",
    checker=f"{_CRITICAL}.checker:check",
    views=f"{_CRITICAL}.views",
    references=(
        "Zhang et al. 2023, Curriculum-based reinforcement learning for distribution system "
        "critical load restoration, IEEE Transactions on Power Systems 38(5), arXiv:2203.04166",
        "Chen, Wang, Wang & Chen 2016, Resilient distribution system by microgrids formation after "
        "natural disasters, IEEE Transactions on Smart Grid 7(2)",
        "Madsen et al. 2005, Standardizing the performance evaluation of short-term wind power "
        "prediction models, Wind Engineering 29(6)",
    ),
)

CREW_RESTORATION = Task(
    id="energy/crew-restoration",
    env_id="drlapps/CrewRestoration-v0",
    summary="Repair crews: send them to damaged lines so that least energy goes unserved",
    environment=f"{_CREWS}.environment:CrewRestorationEnv",
    metric=Metric("harm", unit="weighted kWh", minimize=True, reference="least known harm"),
    instances=f"{_CREWS}.instances:named",
    pools={
        "train": f"{_CREWS}.instances:train",
        "validation": f"{_CREWS}.instances:validation",
        "test": f"{_CREWS}.instances:test",
        "toy": f"{_CREWS}.instances:toy",
    },
    baselines={
        "rho-factor": _rule(
            "RhoFactor", "Most dark load per hour of a subtree first (Tan et al.'s dispatch rule)"
        ),
        "largest-weight": _rule("LargestWeight", "The line with most dark load behind it first"),
        "shortest-repair": _rule("ShortestRepair", "The shortest repair first"),
        "nearest": _rule("Nearest", "The nearest line first, then the shortest repair"),
        "random": Baseline("drlapps.policy:Random", "Any waiting line, equally likely"),
        "rollout": _rule(
            "Rollout",
            "The line after which Horn's sequence does least harm, decided anew each time",
        ),
        "local-search": Baseline(
            f"{_CREWS}.local_search:LocalSearch",
            "Iterated local search over lists: move a line or exchange two, from Horn's sequence",
            information=Information.MODEL,
            options={"descents": 20},
        ),
        "conversion": Baseline(
            f"{_CREWS}.list_scheduling:Conversion",
            "Horn's sequence for one crew as the list of all crews: a (2 - 1/m)-approximation",
            information=Information.MODEL,
        ),
        "lp-list-scheduling": Baseline(
            f"{_CREWS}.list_scheduling:LpListScheduling",
            "List by the midpoints of a linear program, by Pyomo and HiGHS: a 2-approximation",
            information=Information.MODEL,
        ),
        "time-indexed": Baseline(
            f"{_CREWS}.time_indexed:TimeIndexed",
            "Time-indexed mixed-integer program by Pyomo and HiGHS, exact without travel and "
            "switching",
            information=Information.MODEL,
            options={"time_limit": 30.0},
            compared=False,
        ),
        "horn": Baseline(
            f"{_CREWS}.horn:Horn",
            "Horn's algorithm, exact for one crew without travel and switching",
            information=Information.MODEL,
            compared=False,
        ),
    },
    agents={"maskable-ppo": f"{_CREWS}.presets:MASKABLE_PPO"},
    pretrained="maskable-ppo",
    checker=f"{_CREWS}.checker:check",
    views=f"{_CREWS}.views",
    references=(
        "Tan et al. 2019, Scheduling post-disaster repairs in electricity distribution networks, "
        "IEEE Transactions on Power Systems 34(4)",
        "Horn 1972, Single-machine job sequencing with treelike precedence ordering and linear "
        "delay penalties, SIAM Journal on Applied Mathematics 23(2)",
    ),
)

TASKS = (RESTORATION, CRITICAL_LOAD_RESTORATION, CREW_RESTORATION)
