"""Risk budgeting: weights whose contributions to the portfolio's variance are prescribed.

References:
    Spinu 2013, "An algorithm for computing risk parity weights", SSRN 2297383;
    Maillard, Roncalli & Teïletche 2010, "The properties of equally weighted risk contribution
    portfolios", Journal of Portfolio Management 36(4).
"""

from __future__ import annotations

import numpy as np

from drlapps.errors import Failure
from drlapps.finance.portfolio.allocation import Matrix, Vector

_ITERATIONS = 200
_TOLERANCE = 1e-13
_CLOSE = 0.3
_RISKLESS = 1e6
"""Where y, in units of one over volatility, grows beyond this, its risk is nought."""


def risk_budgeting(covariance: Matrix, budgets: Vector) -> Vector:
    """Return the weights w with w_i (Σw)_i = budget_i w'Σw.

    They are the minimum of ½ y'Cy - Σ budget_i ln y_i in y = w·volatility up to scale, C the
    correlations, found by Newton's method; its steps are damped while they are long beside y, as
    Spinu (2013) shows makes the method converge from anywhere.

    Args:
        covariance: Σ with positive variances, shape (assets, assets).
        budgets: positive, with sum one, shape (assets,).

    Raises:
        Failure: a portfolio without shorts has no risk at all, so there is none to share.
    """
    volatility = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(volatility, volatility)
    y = np.sqrt(budgets)
    for _ in range(_ITERATIONS):
        if y.max() > _RISKLESS:
            break
        gradient = correlation @ y - budgets / y
        if np.abs(y * gradient).max() <= _TOLERANCE:
            weights = y / volatility
            return np.asarray(weights / weights.sum())
        move = np.linalg.solve(correlation + np.diag(budgets / y**2), gradient)
        length = np.abs(move / y).max()
        y = y - (move if length < _CLOSE else move / (1.0 + length))
    raise Failure(
        "no risk to share: a long-only portfolio has no variance in the window; "
        "covariance=ledoit-wolf or a longer lookback avoids that"
    )


def inverse_volatility(covariance: Matrix) -> Vector:
    """Return weights in inverse proportion to volatility, for positive variances.

    They have equal risk contributions if all correlations are equal (Maillard et al. 2010).
    """
    weights = 1.0 / np.sqrt(np.diag(covariance))
    return np.asarray(weights / weights.sum())
