"""A mass and its limits: predictive control, and what can be proven of a learnt program.

A program whose constraints never matter is a linear regulator. Its region of attraction within the
limits is proven box by box.
"""

import numpy as np
import torch

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.control.double_integrator.instances import named, plant
from drlapps.control.process import verification
from drlapps.control.process.qp_layer import QpLayer
from drlapps.control.process.targets import regulator
from drlapps.evaluate import evaluate

TASK = registry.get("control/double-integrator")


def contest() -> None:
    for name in ("zero", "lqr", "mpc"):
        results = evaluate(TASK, [contestant(TASK, name)], named(["mass:0..4"]))
        cost = np.mean([result.metrics["cost_per_step"] for result in results])
        print(f"{name:<5} cost a step {cost:7.3f}")


def proof() -> None:
    layer = QpLayer(inputs=2, variables=1, constraints=2, iterations=1)
    with torch.no_grad():
        layer.matrix.copy_(torch.tensor([[1e-3], [-1e-3]]))
        # Observations are states over 5, actions forces over 0.5.
        layer.linear.weight.copy_(torch.as_tensor(10.0 * regulator(plant()).gain))
    found = verification.certify(layer, plant(), boxes=200_000)
    print(f"proven: {found.share:.1%} of the box of the limits is a region of attraction")
    print(f"spectral radius at the equilibrium {found.radius:.3f}")


if __name__ == "__main__":
    contest()
    proof()
