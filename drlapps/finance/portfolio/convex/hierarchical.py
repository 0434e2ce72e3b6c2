"""Hierarchical risk parity: weights from a tree of clusters, without inverting the covariance.

References:
    López de Prado 2016, "Building diversified portfolios that outperform out of sample", Journal
    of Portfolio Management 42(4).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import pdist

from drlapps.finance.portfolio.allocation import Matrix, Vector

LINKAGES = ("single", "complete", "average", "ward")
"""How the distance between clusters is measured."""


def hierarchical_risk_parity(covariance: Matrix, method: str = "single") -> Vector:
    """Return the weights of the paper's three stages.

    1. Tree clustering: assets i and j are √((1 - ρ_ij) / 2) apart; clustered are the Euclidean
       distances between the columns of that matrix.
    2. Quasi-diagonalisation: the assets in the order of the tree's leaves.
    3. Recursive bisection: each half of the list gets its share in inverse proportion to the
       variance that its inverse-variance portfolio has.

    Args:
        covariance: with positive variances, shape (assets, assets).
        method: one of :data:`LINKAGES`; the paper's is ``single``.
    """
    assets = len(covariance)
    weights = np.ones(assets)
    if assets == 1:
        return weights
    volatility = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(volatility, volatility)
    # Rounding may take a correlation just above one.
    distance = np.sqrt(np.maximum(1.0 - correlation, 0.0) / 2.0)
    order = leaves_list(linkage(pdist(distance.T), method))
    pending = [order]
    while pending:
        cluster = pending.pop()
        if len(cluster) == 1:
            continue
        left, right = cluster[: len(cluster) // 2], cluster[len(cluster) // 2 :]
        risks = [_cluster_variance(covariance, half) for half in (left, right)]
        weights[left] *= risks[1] / sum(risks)
        weights[right] *= risks[0] / sum(risks)
        pending += [left, right]
    return weights


def _cluster_variance(covariance: Matrix, cluster: NDArray[np.int32]) -> float:
    """Return the variance of a cluster's inverse-variance portfolio."""
    inside = covariance[np.ix_(cluster, cluster)]
    weights = 1.0 / np.diag(inside)
    weights /= weights.sum()
    return float(weights @ inside @ weights)
