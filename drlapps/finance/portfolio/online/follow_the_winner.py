"""Follow-the-winner algorithms: they shift wealth to what has done well, and bound their regret."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drlapps.errors import InputError
from drlapps.finance.portfolio.allocation import Matrix, Seen, Vector
from drlapps.finance.portfolio.online.learner import FirstOrderLearner, Memory, OnlineLearner
from drlapps.finance.portfolio.online.simplex import minimize_quadratic, uniform


class ExponentiatedGradient(FirstOrderLearner):
    """EG: weights grow exponentially with each asset's share in the last return.

    Args:
        eta: learning rate.

    Reference:
        Helmbold, Schapire, Singer & Warmuth 1998, "On-line portfolio selection using
        multiplicative updates", Mathematical Finance 8(4), equation 3.3.
    """

    def __init__(self, eta: float = 0.05) -> None:
        self.eta = eta

    def update(self, seen: Seen, memory: Memory) -> Vector:
        """Return b exp(eta x / (b . x)), up to its sum."""
        relative = seen.relatives[-1]
        powers = self.eta * relative / (relative @ memory.weights)
        # Less the largest, lest a huge learning rate overflow.
        grown: Vector = memory.weights * np.exp(powers - powers.max())
        return grown


@dataclass
class NewtonMemory(Memory):
    """What ONS remembers.

    Attributes:
        curvature: identity and the sum of the gradients' outer products, shape (assets, assets).
        slope: sum of the gradients of the log return, shape (assets,).
        leader: the weights before they are mixed with uniform ones, shape (assets,).
    """

    curvature: Matrix
    slope: Vector
    leader: Vector


class OnlineNewtonStep(OnlineLearner[NewtonMemory]):
    """ONS: follow the leader of second-order approximations of the log return.

    Args:
        eta: share of the uniform portfolio mixed in, 0 to 1.
        beta: curvature constant.
        delta: how far the leader moves along the Newton direction.

    Reference:
        Agarwal, Hazan, Kale & Schapire 2006, "Algorithms for portfolio management based on the
        Newton method", ICML, figure 1 (the toolbox measures A from the identity matrix).
    """

    def __init__(self, eta: float = 0.0, beta: float = 1.0, delta: float = 0.125) -> None:
        if not (0.0 <= eta <= 1.0 and beta > 0.0 and delta > 0.0):
            raise InputError(
                "ONS needs eta between 0 and 1 and positive beta and delta; "
                f"they are {eta}, {beta} and {delta}"
            )
        self.eta, self.beta, self.delta = eta, beta, delta

    def start(self, assets: int) -> NewtonMemory:
        """Return uniform weights and no curvature but the identity."""
        first = uniform(assets)
        return NewtonMemory(first, np.eye(assets), np.zeros(assets), first)

    def update(self, seen: Seen, memory: NewtonMemory) -> Vector:
        """Return the projection of delta A^-1 b in the norm of A, mixed with uniform weights."""
        relative = seen.relatives[-1]
        gradient = relative / (relative @ memory.weights)
        memory.curvature += np.outer(gradient, gradient)
        memory.slope += gradient
        # A p of p = delta A^-1 (1 + 1 / beta) sum g needs no inverse.
        linear = self.delta * (1.0 + 1.0 / self.beta) * memory.slope
        memory.leader = minimize_quadratic(memory.curvature, linear, memory.leader)
        mixed: Vector = (1.0 - self.eta) * memory.leader + self.eta / len(relative)
        return mixed
