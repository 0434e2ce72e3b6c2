"""Four tanks: how far must a controller look ahead so that none overflows?

The regulator knows where to rest but not what is on its way; predictive control looks ahead. Both
believe in the nominal plant: what do they do where the pumps are stronger than they think?
"""

from statistics import mean

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.quadruple_tank.instances import named
from drlapps.evaluate import evaluate

TASK = registry.get("control/quadruple-tank")
EPISODES = ["tank:0..3", "tank:26", "tank:50"]


def contest(b_scale: float) -> None:
    episodes = named(EPISODES, b_scale=b_scale)
    print(f"pumps {b_scale:g} times as strong as believed")
    for name, options in (("lqr", {}), ("mpc", {"horizon": 2}), ("mpc", {"horizon": 16})):
        results = evaluate(TASK, [contestant(TASK, name, options)], episodes)
        cost = mean(result.metrics["cost_per_step"] for result in results)
        broken = mean(result.metrics["violating_episodes"] for result in results)
        label = f"{name} {options.get('horizon', '')}"
        print(f"  {label:<8} cost a step {cost:7.2f}, violating episodes {broken:4.0%}")


if __name__ == "__main__":
    for strength in (1.0, 1.2):
        contest(strength)
