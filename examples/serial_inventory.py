"""A supply chain of one's own, its exact optimum, and the beer game as people play it.

The same from the shell, with one's own numbers in a file ``mine.toml``::

    drlapps solve scheduling/serial-inventory --baseline clark-scarf --instance mine.toml
"""

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.evaluate import evaluate
from drlapps.scheduling.serial_inventory.clark_scarf import solve
from drlapps.scheduling.serial_inventory.instances import PROBLEMS, named

TASK = registry.get("scheduling/serial-inventory")
# What Sterman found of the average player; the rule's defaults are his benchmark.
PEOPLE = {"theta": 0.36, "alpha": 0.26, "beta": 0.34, "desired": 17.0}

if __name__ == "__main__":
    solution = solve(PROBLEMS["snyder-6.1"])
    levels = ", ".join(f"{level:.2f}" for level in solution.levels)
    print(f"echelon base-stock levels {levels} cost {solution.cost:.2f} a period")
    own = named(["snyder-6.1"], lead_times=[3, 1, 2], demand="poisson")
    for name in ("clark-scarf", "shang-song"):
        (result,) = evaluate(TASK, [contestant(TASK, name)], own)
        print(f"{name}: {result.value:.3f} expected, {result.metrics['cost']:.3f} simulated")
    for who, options in {"the benchmark": {}, "people": PEOPLE}.items():
        (result,) = evaluate(TASK, [contestant(TASK, "sterman", options)], named(["beer-game"]))
        print(f"beer game, {who}: {36 * result.metrics['cost']:.0f} dollars in 36 weeks")
