"""Four tanks: how far must a controller look ahead so that none overflows?

The regulator knows where to rest but not what is on its way; predictive control looks ahead. Both
believe in the nominal plant: what do they do where the pumps are stronger than they think?

Then the same on a cart of one's own, from a file.
"""

from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.process.instances import Episode
from drlapps.control.quadruple_tank.instances import named
from drlapps.evaluate import evaluate

TASK = registry.get("control/quadruple-tank")
CONTROLLERS = (("lqr", {}), ("mpc", {"horizon": 2}), ("mpc", {"horizon": 16}))

CART = """
states = ["position (m)", "speed (m/s)"]
inputs = ["force (N)"]
A = [[1.0, 0.1], [0.0, 1.0]]
B = [[0.0], [0.1]]
Q = [1.0, 0.1]
R = [0.01]
lower = [-5.0, -1.0]
upper = [5.0, 1.0]
input_lower = [-1.0]
input_upper = [1.0]
initial = [[-4.0, 0.0], [4.0, 0.0]]
references = [[-3.0, 0.0], [3.0, 0.0]]
"""


def contest(title: str, episodes: list[Episode]) -> None:
    print(title)
    for name, options in CONTROLLERS:
        results = evaluate(TASK, [contestant(TASK, name, options)], episodes)
        cost = mean(result.metrics["cost_per_step"] for result in results)
        broken = mean(result.metrics["violating_episodes"] for result in results)
        label = f"{name} {options.get('horizon', '')}"
        print(f"  {label:<8} cost a step {cost:7.2f}, violating episodes {broken:4.0%}")


if __name__ == "__main__":
    for strength in (1.0, 1.2):
        tanks = named(["tank:0..3", "tank:26", "tank:50"], b_scale=strength)
        contest(f"pumps {strength:g} times as strong as believed", tanks)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "cart.toml"
        file.write_text(CART)
        contest("a cart of one's own", named([f"{file}:0..3"]))
