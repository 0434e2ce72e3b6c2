"""A mass and its limits: what can be proven of a learnt controller, and of a regulator?

The plane of position and speed is cut into cells. From those that are proven, all limits are kept
for ever and the mass comes to rest; from those that are refuted, some limit is broken.
"""

import numpy as np
import torch

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.double_integrator.instances import named, plant
from drlapps.control.process import verification
from drlapps.control.process.qp_layer import QpLayer
from drlapps.control.process.qp_policy import learnt_layer
from drlapps.control.process.targets import regulator
from drlapps.evaluate import evaluate

TASK = registry.get("control/double-integrator")


def contest() -> None:
    for name in ("zero", "lqr", "mpc", "pretrained"):
        results = evaluate(TASK, [contestant(TASK, name)], named(["mass:0..4"]))
        cost = np.mean([result.metrics["cost_per_step"] for result in results])
        print(f"{name:<10} cost a step {cost:7.3f}")


def linear() -> QpLayer:
    """Return a program without active constraints: the linear regulator, cut at its limits."""
    layer = QpLayer(inputs=2, variables=1, constraints=1, iterations=1).double()
    with torch.no_grad():
        layer.matrix.zero_()
        # Observations are states over 5, actions forces over 0.5; P is 1.01.
        layer.linear.weight.copy_(torch.as_tensor(10.1 * regulator(plant()).gain))
    return layer


def proof(name: str, layer: QpLayer) -> None:
    found = verification.certify(layer, plant(), boxes=10_000)
    print(
        f"{name:<10} proven {found.share:.1%} of the box of the limits, refuted {found.refuted:.1%}"
        f"; spectral radius {found.radius:.3f} where it comes to rest"
    )


if __name__ == "__main__":
    contest()
    proof("lqr", linear())
    agents = contestant(TASK, "pretrained").policies
    for seed, agent in agents.items():
        proof(f"agent {seed}", learnt_layer(agent))
