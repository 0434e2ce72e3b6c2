"""The L1-median: optimality, robustness, and points that coincide with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.finance.portfolio.online.medians import l1_median


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 6))
def test_no_step_brings_it_nearer_to_all_points(seed: int, count: int, dimensions: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.lognormal(0.0, 0.5, (count, dimensions))
    found = l1_median(points, tolerance=1e-12, rounds=20_000)

    def distance(centre: np.ndarray) -> float:
        return float(np.linalg.norm(points - centre, axis=1).sum())

    steps = 1e-2 * rng.normal(size=(30, dimensions))
    assert min(distance(found + step) for step in steps) >= distance(found) - 1e-9
    assert min(distance(point) for point in points) >= distance(found) - 1e-9


def test_an_outlier_hardly_moves_it() -> None:
    cluster = np.array([[1.0, 1.0], [1.1, 0.9], [0.9, 1.1], [1.0, 0.9]])
    near, far = (l1_median(np.vstack([cluster, [[x, x]]])) for x in (2.0, 2e6))
    np.testing.assert_allclose(far, near, atol=1e-2)


def test_it_leaves_a_data_point_that_is_not_the_median() -> None:
    # Each coordinate's median is the third point's, where Weiszfeld's own step is undefined.
    points = np.array([[0.0, 2.0], [0.5, 3.0], [1.0, 1.0], [9.0, 0.9], [9.0, 0.8]])
    np.testing.assert_array_equal(np.median(points, axis=0), points[2])
    found = l1_median(points, tolerance=1e-12, rounds=10_000)
    pull = (points - found) / np.linalg.norm(points - found, axis=1)[:, None]
    np.testing.assert_allclose(pull.sum(axis=0), 0.0, atol=1e-6)
    assert not np.allclose(found, points[2], atol=1e-3)


def test_it_stays_on_a_data_point_that_is_the_median() -> None:
    points = np.array([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [0.0, 0.0]])
    np.testing.assert_array_equal(l1_median(points), [0.0, 0.0])


def test_equal_points_are_their_own_median() -> None:
    assert l1_median(np.full((4, 2), 3.0)) == pytest.approx([3.0, 3.0])
