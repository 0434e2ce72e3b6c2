"""Projections onto the simplex and minima over it: optimality, and points far away."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from drlapps.errors import Failure
from drlapps.finance.portfolio.online.simplex import minimize_quadratic, project, uniform

Floats = NDArray[np.float64]
POINTS = arrays(np.float64, st.integers(1, 12), elements=st.floats(-5.0, 5.0))
SEEDS = st.integers(0, 2**32 - 1)


def on_simplex(point: Floats) -> bool:
    return bool((point >= 0.0).all() and abs(point.sum() - 1.0) < 1e-12)


@settings(max_examples=40)
@given(POINTS)
def test_no_corner_is_on_the_far_side_of_the_projection(point: Floats) -> None:
    nearest = project(point)
    assert on_simplex(nearest)
    # Variational inequality: (point - nearest) . (corner - nearest) <= 0.
    away = point - nearest
    assert (away - away @ nearest).max() <= 1e-12


@settings(max_examples=40)
@given(POINTS, st.floats(-1e3, 1e3))
def test_a_common_shift_changes_no_projection(point: Floats, shift: float) -> None:
    np.testing.assert_allclose(project(point + shift), project(point), atol=1e-11)


def test_a_point_of_the_simplex_is_its_own_projection() -> None:
    point = np.array([0.25, 0.0, 0.75])
    np.testing.assert_array_equal(project(point), point)


@pytest.mark.parametrize("size", [1e8, 1e17, 1e200])
def test_far_points_still_have_a_projection(size: float) -> None:
    np.testing.assert_array_equal(project(np.array([-size, size, 0.5 * size])), [0.0, 1.0, 0.0])


@settings(max_examples=40)
@given(SEEDS, st.integers(1, 12))
def test_a_quadratic_is_minimal_where_no_feasible_direction_descends(
    seed: int, assets: int
) -> None:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(assets, assets))
    matrix = factor @ factor.T + np.eye(assets)
    linear = 5.0 * rng.normal(size=assets)
    found = minimize_quadratic(matrix, linear, rng.dirichlet(np.ones(assets)))
    assert on_simplex(found)
    slope = matrix @ found - linear
    assert slope.min() >= slope @ found - 1e-9
    again = minimize_quadratic(matrix, linear, uniform(assets))
    np.testing.assert_allclose(again, found, atol=1e-10)


def test_a_search_cut_short_is_no_answer() -> None:
    with pytest.raises(Failure, match="of 3 assets in 1 rounds"):
        minimize_quadratic(np.eye(3), np.array([9.0, 0.0, 0.0]), uniform(3), rounds=1)


@settings(max_examples=40)
@given(POINTS)
def test_in_the_euclidean_norm_it_is_the_projection(point: Floats) -> None:
    found = minimize_quadratic(np.eye(len(point)), point, uniform(len(point)))
    np.testing.assert_allclose(found, project(point), atol=1e-10)
