"""The L1-median: the centre of points that outliers hardly move."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numba import njit

from drlapps.finance.portfolio.allocation import Matrix, Vector


def l1_median(points: Matrix, tolerance: float = 1e-9, rounds: int = 200) -> Vector:
    """Return the point of least summed Euclidean distance, shape (dimensions,).

    Weiszfeld's iteration, started from the median of each coordinate and modified so that it does
    not get stuck on a data point.

    Args:
        points: shape (points, dimensions).
        tolerance: a step smaller than this, relative to the point in the 1-norm, is the last.
        rounds: most steps.

    Reference:
        Vardi & Zhang 2000, "The multivariate L1-median and associated data depth", PNAS 97(4),
        equations 2.5 to 2.7.
    """
    centre: Vector = np.median(points, axis=0)
    _descend(points, centre, tolerance, rounds)
    return centre


@njit(cache=True)
def _descend(points: Matrix, centre: Vector, tolerance: float, rounds: int) -> None:
    """Move the centre to the median, in place."""
    count, dimensions = points.shape
    pull = np.empty(dimensions)
    for _ in range(rounds):
        pull[:] = 0.0
        inverse, hold = 0.0, 0.0
        for k in range(count):
            square = 0.0
            for i in range(dimensions):
                square += (points[k, i] - centre[i]) ** 2
            distance = sqrt(square)
            if distance < 1e-15:
                # A data point holds the centre back with unit force.
                hold = 1.0
                continue
            inverse += 1.0 / distance
            for i in range(dimensions):
                pull[i] += (points[k, i] - centre[i]) / distance
        square, size, moved = 0.0, 0.0, 0.0
        for i in range(dimensions):
            square += pull[i] ** 2
        force = sqrt(square)
        if force <= hold:
            return
        scale = (1.0 - hold / force) / inverse
        for i in range(dimensions):
            size += abs(centre[i])
            moved += abs(scale * pull[i])
            centre[i] += scale * pull[i]
        if moved <= tolerance * size:
            return
