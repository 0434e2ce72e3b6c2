"""An island without its substation: how long do sun, wind, fuel and battery keep the lights on?

A scenario is named by its island, the error of the forecasts in percent, and its number. Planners
see forecasts, the clairvoyant sees the weather as it will be: nobody passes it. With the extra
``drlapps[opendss]`` the agent's plan is replayed on three unbalanced phases.
"""

from statistics import mean

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.energy.critical_load_restoration.instances import named
from drlapps.energy.critical_load_restoration.opendss import replay
from drlapps.errors import InputError
from drlapps.evaluate import evaluate

TASK = registry.get("energy/critical-load-restoration")
METHODS = ("greedy", "rule-based", "lp-mpc", "pretrained", "clairvoyant")


def contest(error: int) -> None:
    scenarios = named([f"ieee13:error-{error}:0..1"])
    who = [contestant(TASK, name, {"every": 6}) for name in METHODS]
    results = evaluate(TASK, who, scenarios)
    print(f"forecasts that err by {error} %")
    for name in METHODS:
        own = [r for r in results if r.policy == name]
        served = mean(r.metrics["weighted_energy_served"] for r in own)
        print(f"  {name:<12} restored {mean(r.value for r in own):6.3f}, served {served:.3f}")


def three_phases() -> None:
    (scenario,) = named(["ieee13:error-15:3"])
    agent = contestant(TASK, "pretrained")
    result = evaluate(TASK, [agent], [scenario], keep_solutions=[scenario.name])[0]
    try:
        replayed = replay(scenario, result.solution or {})
    except InputError as missing:
        print(missing)
        return
    print(f"on three phases up to {replayed.difference:.4f} pu from the balanced voltages")


if __name__ == "__main__":
    for percent in (5, 25):
        contest(percent)
    three_phases()
