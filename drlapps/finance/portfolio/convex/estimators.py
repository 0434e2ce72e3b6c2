"""Estimates of the mean and the covariance of daily returns.

References:
    Ledoit & Wolf 2004a, "A well-conditioned estimator for large-dimensional covariance matrices",
    Journal of Multivariate Analysis 88(2);
    Ledoit & Wolf 2004b, "Honey, I shrunk the sample covariance matrix", Journal of Portfolio
    Management 30(4);
    J.P. Morgan/Reuters 1996, "RiskMetrics technical document", 4th edition;
    Jorion 1986, "Bayes-Stein estimation for portfolio analysis", Journal of Financial and
    Quantitative Analysis 21(3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from drlapps.finance.portfolio.allocation import Matrix, Vector

MONTHLY_DECAY = 0.97
"""RiskMetrics' decay a day for horizons of a month."""


def sample(returns: Matrix) -> Matrix:
    """Return the unbiased sample covariance of returns, shape (days, assets)."""
    return np.atleast_2d(np.cov(returns, rowvar=False))


def ledoit_wolf(returns: Matrix) -> Matrix:
    """Return the sample covariance shrunk towards a multiple of the identity.

    Ledoit & Wolf (2004a), section 3.2: with S the covariance that divides by the number of days T
    and ‖A‖² = tr(AA')/n, m = tr(S)/n, d² = ‖S - mI‖², b² = min(Σ‖x x' - S‖²/T², d²), it is
    b²/d² mI + (1 - b²/d²) S. It is positive definite however few the days.
    """
    days, assets = returns.shape
    centred, s = _moments(returns)
    target = np.trace(s) / assets * np.eye(assets)
    distance = np.sum((s - target) ** 2)
    fourth = np.sum(np.sum(centred**2, axis=1) ** 2)
    error = (fourth / days - np.sum(s**2)) / days
    return _between(s, target, min(error, distance), distance)


def constant_correlation(returns: Matrix) -> Matrix:
    """Return the sample covariance shrunk towards one that has equal correlations.

    Ledoit & Wolf (2004b), appendix B: the shrinkage is (π - ρ) / γ / T, kept within 0 and 1.
    Variances stay those of the sample.
    """
    days, assets = returns.shape
    centred, s = _moments(returns)
    if assets == 1:
        return s
    deviation = np.sqrt(np.diag(s))
    scale = np.where(deviation > 0.0, deviation, 1.0)
    correlation = s / np.outer(scale, scale)
    mean = (correlation.sum() - np.trace(correlation)) / (assets * (assets - 1))
    target = mean * np.outer(deviation, deviation)
    np.fill_diagonal(target, np.diag(s))
    squared = centred**2
    errors = squared.T @ squared / days - s**2
    skewed = (squared * centred).T @ centred / days - np.diag(s)[:, None] * s
    ratio = deviation[None, :] / scale[:, None]
    np.fill_diagonal(skewed, 0.0)
    common = np.trace(errors) + mean * np.sum(ratio * skewed)
    return _between(s, target, (errors.sum() - common) / days, np.sum((target - s) ** 2))


def ewma(returns: Matrix) -> Matrix:
    """Return the mean of r r' with weights that fall by :data:`MONTHLY_DECAY` a day into the past.

    RiskMetrics (1996), section 5.3: daily means count as zero. The weights sum to one.
    """
    weights = MONTHLY_DECAY ** np.arange(len(returns) - 1.0, -1.0, -1.0)
    return np.asarray((returns * (weights / weights.sum())[:, None]).T @ returns)


COVARIANCES: Mapping[str, Callable[[Matrix], Matrix]] = {
    "sample": sample,
    "ledoit-wolf": ledoit_wolf,
    "constant-correlation": constant_correlation,
    "ewma": ewma,
}
"""Estimators of the covariance by name."""


def sample_mean(returns: Matrix, covariance: Matrix) -> Vector:
    """Return the mean of the returns; the covariance is not needed."""
    return np.asarray(returns.mean(axis=0))


def bayes_stein(returns: Matrix, covariance: Matrix) -> Vector:
    """Return the means shrunk towards the mean return of the minimum-variance portfolio.

    Jorion (1986), equations 14 and 17, with shorts allowed in that portfolio: the shrinkage is
    (n + 2) / (n + 2 + T d'Σ⁻¹d), d the differences from that common mean.
    """
    days, assets = returns.shape
    mean = returns.mean(axis=0)
    inverse = np.linalg.pinv(covariance, hermitian=True)
    common = inverse.sum(axis=0) @ mean / (inverse.sum() or 1.0)
    difference = mean - common
    shrinkage = (assets + 2.0) / (assets + 2.0 + days * difference @ inverse @ difference)
    return np.asarray(mean - shrinkage * difference)


MEANS: Mapping[str, Callable[[Matrix, Matrix], Vector]] = {
    "sample": sample_mean,
    "bayes-stein": bayes_stein,
}
"""Estimators of the mean by name; they take the returns and their covariance."""


def _moments(returns: Matrix) -> tuple[Matrix, Matrix]:
    """Return the centred returns and their covariance, divided by the number of days."""
    centred = returns - returns.mean(axis=0)
    return centred, centred.T @ centred / len(returns)


def _between(s: Matrix, target: Matrix, error: float, distance: float) -> Matrix:
    """Return S moved towards the target by error / distance of the way."""
    shrinkage = float(np.clip(error / distance, 0.0, 1.0)) if distance > 0.0 else 0.0
    return np.asarray(shrinkage * target + (1.0 - shrinkage) * s)
