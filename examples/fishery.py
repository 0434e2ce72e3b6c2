"""Three species, two of them fished: what a trained agent knows that rules of thumb do not.

Every policy meets the same luck. The maps show which share of a stock the agent catches, by that
stock and by the predator's. The same from the shell, with a fishery of one's own in a file::

    drlapps evaluate control/fishery --policy pretrained,harvest-rule --instances mine.toml:0..99
"""

import sys
from statistics import mean

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.fishery.instances import named, published
from drlapps.control.fishery.views import policy_map
from drlapps.evaluate import evaluate

TASK = registry.get("control/fishery")
METHODS = ("constant-escapement", "constant-mortality", "harvest-rule", "pretrained")


def contest(growth: float) -> None:
    fisheries = named(["model-3:0..7"], growth_scale=growth)
    results = evaluate(TASK, [contestant(TASK, name) for name in METHODS], fisheries)
    print(f"fish that grow at {growth:.0%} of the rate that managers believe")
    for name in METHODS:
        own = [result for result in results if result.policy == name]
        survived = mean(result.metrics["survival_rate"] for result in own)
        print(f"  {name:<20} earns {mean(r.value for r in own):6.2f}, {survived:4.0%} survive")


if __name__ == "__main__":
    for scale in (1.0, 0.9):
        contest(scale)
    if len(sys.argv) > 1:
        agent = contestant(TASK, "pretrained").policies[0]
        policy_map(agent, published("model-3"), "the agent's harvest").save(sys.argv[1])
