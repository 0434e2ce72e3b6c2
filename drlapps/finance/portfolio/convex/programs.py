"""Convex quadratic programs over portfolios, solved by a primal–dual interior-point method.

The method is our own, some sixty lines of NumPy, because no solver among the dependencies is fit
for these programs: HiGHS 1.14 solves them in under a millisecond when there are only limits on
weights (the tests use it as an oracle there), but with a limit on turnover its active-set method
ends in "Solve error" in 6 % of random cases and in some does not end within a minute. Where
the covariance is singular and many portfolios are optimal, an interior point chooses one amid
them, not a corner.

References:
    Mehrotra 1992, "On the implementation of a primal-dual interior point method", SIAM Journal on
    Optimization 2(4);
    Markowitz 1952, "Portfolio selection", Journal of Finance 7(1);
    Cornuejols & Tütüncü 2007, "Optimization Methods in Finance", section 8.2, for the Sharpe ratio.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from drlapps.errors import Failure
from drlapps.finance.portfolio.allocation import Matrix, Vector
from drlapps.finance.portfolio.convex.limits import Admissible, Polyhedron

_ITERATIONS = 100
_QUICK = 20
_GAP = 1e-13
_RESIDUAL = 1e-10
_ZERO = 1e-10
_CENTRING = 0.5


def minimum_variance(admissible: Admissible, covariance: Matrix) -> Vector:
    """Return the weights that minimise w'Σw.

    Args:
        admissible: the portfolios to choose from.
        covariance: Σ, positive semidefinite, shape (assets, assets).

    Raises:
        Failure: the solver did not converge.
    """
    return quadratic_program(admissible, covariance, np.zeros(len(covariance)))


def mean_variance(
    admissible: Admissible, covariance: Matrix, mean: Vector, risk_aversion: float
) -> Vector:
    """Return the weights that maximise mean'w - risk_aversion/2 w'Σw.

    Raises:
        Failure: the solver did not converge.
    """
    return quadratic_program(admissible, risk_aversion * covariance, -mean)


def maximum_sharpe(admissible: Admissible, covariance: Matrix, excess: Vector) -> Vector:
    """Return the weights of the largest Sharpe ratio excess'w / √(w'Σw).

    With y = k w, k > 0, the ratio does not depend on k, and the k with excess'y = 1 makes it a
    convex program over the cone of the admissible portfolios: minimise y'Σy.

    Where no admissible portfolio has a positive excess return, the minimum variance is returned.

    Raises:
        Failure: the solver did not converge.
    """
    portfolios = admissible.polyhedron()
    best = _highest_return(portfolios, excess)
    if best <= 0.0:
        return minimum_variance(admissible, covariance)
    # In units of the best return, k is at least one at the optimum: numbers of like size.
    cone = portfolios.cone().at(excess / best, 1.0)
    y = cone.weights(_minimum(cone, covariance, np.zeros_like(excess)))
    return rounded(y / y.sum())


def nearest(admissible: Admissible, target: Vector) -> Vector:
    """Return the admissible weights nearest to a target in the Euclidean norm.

    Raises:
        Failure: the solver did not converge.
    """
    if target in admissible:
        return target
    return quadratic_program(admissible, np.eye(len(target)), -target)


def quadratic_program(admissible: Admissible, quadratic: Matrix, linear: Vector) -> Vector:
    """Return the weights that minimise ½ w'Qw + c'w.

    Args:
        admissible: the portfolios to choose from.
        quadratic: Q, positive semidefinite, shape (assets, assets).
        linear: c, shape (assets,).

    Raises:
        Failure: the solver did not converge.
    """
    portfolios = admissible.polyhedron()
    return rounded(portfolios.weights(_minimum(portfolios, quadratic, linear)))


def rounded(found: Vector) -> Vector:
    """Return weights without the solver's errors: none negative, one in sum."""
    weights = np.where(found < _ZERO, 0.0, found)
    return np.asarray(weights / weights.sum())


def _highest_return(portfolios: Polyhedron, mean: Vector) -> float:
    """Return the largest mean'w, by a linear program in HiGHS."""
    if not portfolios.moves.size:
        return float(mean @ portfolios.origin)
    found = linprog(
        -(mean @ portfolios.moves),
        A_eq=portfolios.equal,
        b_eq=portfolios.equal_to,
        bounds=(0.0, None),
        method="highs",
    )
    if found.status != 0:
        raise Failure(f"the highest admissible return was not found: {found.message}")
    return float(mean @ portfolios.weights(found.x))


def _minimum(portfolios: Polyhedron, quadratic: Matrix, linear: Vector) -> Vector:
    """Return the x whose weights minimise ½ w'Qw + c'w, in units of the largest number."""
    unit = max(float(np.abs(quadratic).max()), float(np.abs(linear).max())) or 1.0
    moves = portfolios.moves
    return _interior_point(
        portfolios,
        moves.T @ (quadratic / unit) @ moves,
        moves.T @ (quadratic @ portfolios.origin + linear) / unit,
    )


def _interior_point(polyhedron: Polyhedron, quadratic: Matrix, linear: Vector) -> Vector:
    """Minimise ½ x'Qx + c'x over a polyhedron by Mehrotra's predictor–corrector method.

    With multipliers y and z, each step is Newton's on the conditions

        Q x + c - A'y - z = 0,  A x = b,  x_i z_i = μ,  x, z >= 0,

    first with μ = 0 to see how far that goes, then with the μ that this suggests and its second
    order error taken back. In a few cases of ten thousand such steps cycle (Cartis 2009, "Some
    disadvantages of a Mehrotra-type primal-dual corrector interior point algorithm for linear
    programming"): after :data:`_QUICK` steps, about twice as many as are ever needed otherwise,
    μ is plainly halved.
    """
    a, b = polyhedron.equal, polyhedron.equal_to
    ones = np.ones_like(linear)
    x, y, z = _newton(a, quadratic, ones, ones, (-linear, b), 0.0 * ones)
    x, z = (np.asarray(v + max(0.0, 1.0 - v.min(initial=1.0))) for v in (x, z))
    for iteration in range(_ITERATIONS):
        residuals = (a.T @ y + z - quadratic @ x - linear, b - a @ x)
        gap = float(x @ z)
        error = max(float(np.abs(part).max(initial=0.0)) for part in residuals)
        if gap <= _GAP and error <= _RESIDUAL:
            return x
        product = _CENTRING * gap / len(x) - x * z
        if iteration < _QUICK:
            dx, _, dz = _newton(a, quadratic, x, z, residuals, -x * z)
            reach = _reach(x, z, dx, dz)
            centring = (float((x + reach * dx) @ (z + reach * dz)) / gap) ** 3
            product = centring * gap / len(x) - x * z - reach**2 * dx * dz
        dx, dy, dz = _newton(a, quadratic, x, z, residuals, product)
        step = 0.995 * _reach(x, z, dx, dz)
        x, y, z = x + step * dx, y + step * dy, z + step * dz
    raise Failure(f"the portfolio program did not converge: residual {error:.1e}, gap {gap:.1e}")


def _newton(
    a: Matrix,
    quadratic: Matrix,
    x: Vector,
    z: Vector,
    residuals: tuple[Vector, Vector],
    product: Vector,
) -> tuple[Vector, Vector, Vector]:
    """Solve the linearised conditions for the step of (x, y, z).

    Args:
        a: A.
        quadratic: Q.
        x: where the step starts.
        z: its multipliers.
        residuals: what Q dx - A'dy - dz and A dx must be.
        product: what x dz + z dx must be.

    Raises:
        Failure: the conditions are singular.
    """
    dual, primal = residuals
    system: Matrix = np.block([[quadratic + np.diag(z / x), -a.T], [a, np.zeros((len(a), len(a)))]])
    try:
        solution = np.linalg.solve(system, np.append(dual + product / x, primal))
    except np.linalg.LinAlgError as error:
        raise Failure(f"the portfolio program cannot be solved: {error}") from error
    dx, dy = np.asarray(solution[: len(x)]), np.asarray(solution[len(x) :])
    return dx, dy, np.asarray((product - z * dx) / x)


def _reach(x: Vector, z: Vector, dx: Vector, dz: Vector) -> float:
    """Return the step, at most one, at which the first variable or multiplier vanishes."""
    values, changes = np.append(x, z), np.append(dx, dz)
    falling = changes < 0.0
    return float((-values[falling] / changes[falling]).min(initial=1.0))
