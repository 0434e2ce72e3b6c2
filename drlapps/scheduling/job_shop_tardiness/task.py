"""The declaration of ``scheduling/job-shop-tardiness``."""

from __future__ import annotations

from drlapps.task import Baseline, Information, Metric, Task

_JOB_SHOP = "drlapps.scheduling.job_shop"
_HERE = "drlapps.scheduling.job_shop_tardiness"


def _rule(name: str, summary: str, module: str = _HERE, **options: object) -> Baseline:
    return Baseline(f"{module}.rules:{name}", f"{summary} (non-delay schedule)", options=options)


JOB_SHOP_TARDINESS = Task(
    id="scheduling/job-shop-tardiness",
    env_id="drlapps/JobShopTardiness-v0",
    summary="Job shop with due dates: least total weighted tardiness",
    environment=f"{_HERE}.environment:JobShopTardinessEnv",
    metric=Metric(
        "weighted_tardiness", unit="time units", minimize=True, reference="best known tardiness"
    ),
    instances=f"{_HERE}.instances:named",
    pools={
        "train": f"{_HERE}.instances:train",
        "validation": f"{_HERE}.instances:validation",
        "test": f"{_HERE}.instances:singer_pinedo",
        "toy": f"{_HERE}.instances:toy",
    },
    baselines={
        "edd": _rule("EarliestDueDate", "Earliest due date first"),
        "spt": _rule("ShortestProcessingTime", "Shortest processing time first", _JOB_SHOP),
        "wspt": _rule("WeightedShortestProcessingTime", "Greatest weight per time first"),
        "mdd": _rule("ModifiedDueDate", "Earliest modified due date first"),
        "wmdd": _rule("WeightedModifiedDueDate", "Weighted modified due date first"),
        "slack": _rule("SlackPerOperation", "Least slack per operation left first"),
        "covert": _rule("CostOverTime", "Cost over time", waiting=2.0),
        "atc": _rule(
            "ApparentTardinessCost",
            "Apparent tardiness cost, with the look-ahead that is best on the validation instances",
            look_ahead=3.0,
        ),
        "random": Baseline(
            "drlapps.policy:Random", "Any admissible operation, equally likely (non-delay schedule)"
        ),
        "best-rule": Baseline(
            f"{_HERE}.best_rule:BestRule",
            "The best of 19 rules, ATC of twelve kinds among them (non-delay schedule)",
            information=Information.MODEL,
        ),
        "simulated-annealing": Baseline(
            f"{_HERE}.annealing:SimulatedAnnealing",
            "Simulated annealing of the arcs that make jobs late, from the best rule (any "
            "schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0},
        ),
        "cp-sat": Baseline(
            f"{_HERE}.cp_sat:CpSat",
            "Constraint programming with intervals, hint and horizons from the best rule (any "
            "schedule)",
            information=Information.MODEL,
            options={"time_limit": 10.0, "workers": 2},
        ),
    },
    agents={"maskable-ppo": f"{_HERE}.presets:MASKABLE_PPO"},
    pretrained="maskable-ppo",
    checker=f"{_JOB_SHOP}.checker:check",
    views=f"{_HERE}.views",
    references=(
        "Singer & Pinedo 1998, A computational study of branch and bound techniques for minimizing "
        "the total weighted tardiness in job shops, IIE Transactions 30(2)",
        "Vepsalainen & Morton 1987, Priority rules for job shops with weighted tardiness costs, "
        "Management Science 33(8)",
        "Mati, Dauzère-Pérès & Lahlou 2011, A general approach for optimizing regular criteria in "
        "the job-shop scheduling problem, EJOR 212(1)",
    ),
)
