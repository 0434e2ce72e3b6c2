"""The declaration of the job shop."""

from drlapps.task import Baseline, Information, Metric, Task

_JOB_SHOP = "drlapps.scheduling.job_shop"
_RULES = f"{_JOB_SHOP}.rules"
_LOCAL_SEARCH = f"{_JOB_SHOP}.local_search"


def _rule(name: str, summary: str) -> Baseline:
    return Baseline(f"{_RULES}:{name}", f"{summary} (non-delay schedule)")


def _gap(method: str, percent: str, source: str) -> dict[str, str]:
    return {"method": method, "mean gap on ta01..ta80, %": percent, "source": source}


_PUBLISHED = (
    _gap("L2D, greedy", "27.1", "Zhang et al. 2020"),
    _gap("SPT / MWKR / FDD/MWKR as printed there", "58.0 / 52.2 / 43.3", "Zhang et al. 2020"),
    _gap("L2D, best of 128", "20.5", "Corsini et al. 2024"),
    _gap("ScheduleNet", "16.1", "Park et al. 2021"),
    _gap("shifting bottleneck", "14.8", "Corsini et al. 2024"),
    _gap("random MOR, best of 128", "14.5", "Corsini et al. 2024"),
    _gap("SLIM, greedy", "13.4", "Corsini et al. 2024"),
    _gap("residual scheduling, greedy", "12.5", "Ho et al. 2023"),
    _gap("SI-GD, greedy", "8.1", "Pirnay & Grimm 2024"),
    _gap("SLIM, best of 512", "7.8", "Corsini et al. 2024"),
    _gap("L2S, 5000 improvement steps", "7.4", "Zhang et al. 2024"),
    _gap("CP-SAT 9.15, 600 s, 4 cores", "1.5", "JSPLib"),
)

JOB_SHOP = Task(
    id="scheduling/job-shop",
    env_id="drlapps/JobShop-v0",
    summary="Job shop: order operations on machines so that the last one ends early",
    environment=f"{_JOB_SHOP}.environment:JobShopEnv",
    metric=Metric("makespan", unit="time units", minimize=True, reference="best known makespan"),
    instances=f"{_JOB_SHOP}.instances:named",
    pools={
        "train": f"{_JOB_SHOP}.instances:train",
        "validation": f"{_JOB_SHOP}.instances:validation",
        "test": f"{_JOB_SHOP}.instances:test",
        "toy": f"{_JOB_SHOP}.instances:toy",
    },
    baselines={
        "spt": _rule("ShortestProcessingTime", "Shortest processing time first"),
        "lpt": _rule("LongestProcessingTime", "Longest processing time first"),
        "mwkr": _rule("MostWorkRemaining", "Most work remaining first"),
        "lwkr": _rule("LeastWorkRemaining", "Least work remaining first"),
        "mor": _rule("MostOperationsRemaining", "Most operations remaining first"),
        "lor": _rule("LeastOperationsRemaining", "Least operations remaining first"),
        "fifo": _rule("FirstInFirstOut", "First in at the machine, first out"),
        "fdd-mwkr": _rule(
            "FlowDueDatePerWorkRemaining", "Lowest flow due date per work remaining first"
        ),
        "random": Baseline(
            "drlapps.policy:Random", "Any admissible operation, equally likely (non-delay schedule)"
        ),
        "random-mor": Baseline(
            f"{_RULES}:RandomMostOperationsRemaining",
            "Best of 128 schedules that draw among the jobs with most operations remaining "
            "(non-delay schedules)",
            samples=128,
        ),
        "cp-sat": Baseline(
            f"{_JOB_SHOP}.cp_sat:CpSat",
            "Constraint programming with intervals, hint and horizon from the best rule (any "
            "schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0, "workers": 2},
        ),
        "cp-sat-cold": Baseline(
            f"{_JOB_SHOP}.cp_sat:CpSat",
            "The same without a hint: may find nothing in time (any schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0, "workers": 2, "hint": False},
            compared=False,
        ),
        "tabu": Baseline(
            f"{_LOCAL_SEARCH}.tabu:TabuSearch",
            "Tabu search (N6) and path relinking, from the best rule (any schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0},
        ),
        "simulated-annealing": Baseline(
            f"{_LOCAL_SEARCH}.annealing:SimulatedAnnealing",
            "Simulated annealing of critical arcs, from the best rule (any schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0},
        ),
        "shifting-bottleneck": Baseline(
            f"{_LOCAL_SEARCH}.shifting_bottleneck:ShiftingBottleneck",
            "Shifting bottleneck: one machine after the other to its optimum (any schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0},
        ),
        "large-neighbourhood": Baseline(
            f"{_JOB_SHOP}.large_neighbourhood:LargeNeighbourhoodSearch",
            "CP-SAT orders one time window after the other anew, from the best rule (any schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0},
        ),
        "improvement": Baseline(
            "drlapps.scheduling.job_shop_improvement.solver:ImprovementAgent",
            "The shipped agent of scheduling/job-shop-improvement, from the best rule (any "
            "schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0},
        ),
        "milp": Baseline(
            f"{_JOB_SHOP}.milp:Milp",
            "Manne's disjunctive mixed-integer program by Pyomo and HiGHS, for small instances "
            "(any schedule)",
            information=Information.MODEL,
            options={"time_limit": 30.0},
        ),
    },
    agents={
        "maskable-ppo": f"{_JOB_SHOP}.presets:MASKABLE_PPO",
        "self-labelling": f"{_JOB_SHOP}.presets:SELF_LABELLING",
        "pomo": f"{_JOB_SHOP}.presets:POMO",
    },
    pretrained="maskable-ppo",
    checker=f"{_JOB_SHOP}.checker:check",
    views=f"{_JOB_SHOP}.views",
    published=_PUBLISHED,
    references=(
        "Taillard 1993, Benchmarks for basic scheduling problems, EJOR 64(2)",
        "Bierwirth & Mattfeld 1999, Production scheduling and rescheduling with genetic "
        "algorithms, Evolutionary Computation 7(1)",
        "Adams, Balas & Zawack 1988, The shifting bottleneck procedure for job shop scheduling, "
        "Management Science 34(3)",
        "Balas & Vazacopoulos 1998, Guided local search with shifting bottleneck for job shop "
        "scheduling, Management Science 44(2)",
        "Zhang et al. 2020, Learning to dispatch for job shop scheduling via deep reinforcement "
        "learning, NeurIPS 33",
        "Corsini et al. 2024, Self-labeling the job shop scheduling problem, NeurIPS 37",
    ),
)
