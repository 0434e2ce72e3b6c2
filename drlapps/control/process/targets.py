"""Where a linear plant should rest: its best steady state, and the gain that brings it there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg import solve_discrete_are

from drlapps.control.process.plant import LinearPlant, Real
from drlapps.errors import InputError


@dataclass(frozen=True, eq=False)
class Target:
    """The best steady state for a reference.

    Attributes:
        state: x_s, (n,).
        inputs: u_s, (m,).
        price: by how much the whole future costs more for a unit more of each state, (n,).
    """

    state: Real
    inputs: Real
    price: Real


@dataclass(frozen=True, eq=False)
class Regulator:
    """The linear-quadratic regulator of a plant.

    Attributes:
        gain: K of ``u = u_s - K (x - x_s)``, (m, n).
        value: S, by which the future costs ``(x - x_s)' S (x - x_s)`` beyond what is inevitable.
    """

    gain: Real
    value: Real

    @classmethod
    def of(cls, plant: LinearPlant) -> Regulator:
        """Solve the discrete-time algebraic Riccati equation.

        Raises:
            InputError: no inputs stabilise the plant at a finite cost.
        """
        a, b, r = plant.a, plant.b, plant.input_cost
        try:
            s = solve_discrete_are(a, b, plant.state_cost, r)
        except np.linalg.LinAlgError as fault:
            raise InputError(f"{plant.name} cannot be stabilised by its inputs") from fault
        return cls(np.linalg.solve(r + b.T @ s @ b, b.T @ s @ a), s)


class TargetCalculator:
    """Finds the steady state within the limits that costs least, by a quadratic program.

    Minimises ``(x - r)' Q (x - r) + u' R u`` subject to ``x = A x + B u`` and all limits, by OSQP.
    The multiplier of the equation is the price of the state: with it, ``(x - x_s)' S (x - x_s) +
    price' (x - x_s)`` is what the future costs beyond the steady state's cost, whether the
    reference can be reached or not.

    Args:
        plant: as controllers know it.
    """

    def __init__(self, plant: LinearPlant) -> None:
        import osqp  # type: ignore[import-untyped, unused-ignore]

        n, m = plant.b.shape
        self._plant, self._sizes = plant, (n, m)
        rest = np.hstack([np.eye(n) - plant.a, -plant.b])
        limits = sparse.csc_matrix(np.vstack([rest, np.eye(n + m)]))
        hessian = sparse.block_diag([2.0 * plant.state_cost, 2.0 * plant.input_cost], format="csc")
        least = np.concatenate([np.zeros(n), plant.lower, plant.input_lower])
        most = np.concatenate([np.zeros(n), plant.upper, plant.input_upper])
        self._solver: Any = osqp.OSQP()
        self._solver.setup(
            hessian, np.zeros(n + m), limits, least, most, verbose=False, eps_abs=1e-8,
            eps_rel=1e-8, max_iter=100_000, polishing=True,
        )  # fmt: skip

    def find(self, reference: Real) -> Target:
        """Return the target for a reference (n,)."""
        n, m = self._sizes
        linear = np.concatenate([-2.0 * self._plant.state_cost @ reference, np.zeros(m)])
        self._solver.update(q=linear)
        found = self._solver.solve(raise_error=False)
        return Target(found.x[:n], found.x[n:], -found.y[:n])


@lru_cache(maxsize=64)
def calculator(plant: LinearPlant) -> TargetCalculator:
    """Return the target calculator of a plant, made once."""
    return TargetCalculator(plant)


@lru_cache(maxsize=64)
def regulator(plant: LinearPlant) -> Regulator:
    """Return the regulator of a plant, made once."""
    return Regulator.of(plant)
