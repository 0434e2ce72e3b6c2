"""A feeder of one's own: every line broken in turn, who restores most; then the least losses.

Branches are lines and ties between buses, loads are in kW and kvar. The pretrained agent has never
seen this feeder.
"""

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.restoration.outage import Outage
from drlapps.evaluate import evaluate

TASK = registry.get("energy/restoration")
METHODS = ("greedy", "milp", "enumeration", "pretrained")

FEEDER = Feeder(
    "valley",
    buses=(
        Bus("substation"),
        Bus("mill", 900, 400),
        Bus("school", 600, 200, weight=5),
        Bus("hospital", 1200, 500, weight=10),
        Bus("farm", 500, 200),
        Bus("harbour", 1500, 900, weight=2),
    ),
    branches=(
        Branch("1", "substation", "mill", 0.49, 0.25),
        Branch("2", "mill", "school", 1.37, 0.99),
        Branch("3", "substation", "hospital", 0.82, 0.71),
        Branch("4", "hospital", "farm", 0.91, 0.64),
        Branch("5", "farm", "harbour", 1.20, 0.85),
        Branch("6", "school", "farm", 2.10, 1.60, closed=False),
        Branch("7", "mill", "harbour", 2.90, 2.10, closed=False),
    ),
    source="substation",
    kv=12.66,
)


def restore() -> None:
    outages = [
        Outage(f"line {branch.name}", FEEDER, (index,), min_voltage=0.95)
        for index, branch in enumerate(FEEDER.branches)
        if branch.closed
    ]
    who = [contestant(TASK, name, {"time_limit": 5}) for name in METHODS]
    results = [r for r in evaluate(TASK, who, outages) if r.run_seed in (None, 0)]
    for outage in outages:
        served = [f"{r.policy} {r.value:.3f}" for r in results if r.instance == outage.name]
        print(f"{outage.name}: {', '.join(served)}")


def reduce_losses() -> None:
    intact = Outage("intact", FEEDER)
    result = evaluate(TASK, [contestant(TASK, "enumeration")], [intact], keep_solutions=["intact"])
    solution = dict(result[0].solution or {})
    print(f"open {', '.join(solution['open_lines'])}: {result[0].metrics['loss_kw']:.1f} kW lost")


if __name__ == "__main__":
    restore()
    reduce_losses()
