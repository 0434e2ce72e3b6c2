"""EG and ONS: steps worked out by hand."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.portfolio.online.follow_the_winner import (
    ExponentiatedGradient,
    OnlineNewtonStep,
)

PATH = np.array([[1.2, 0.8], [1.0, 1.0]])


def test_exponentiated_gradient_multiplies_by_shares_in_the_return(olps: ModuleType) -> None:
    targets, _ = olps.Market(PATH).play(ExponentiatedGradient(eta=0.5))
    # b . x = 1, so the odds of asset 0 are exp(0.5 (1.2 - 0.8)).
    assert targets[1, 0] / targets[1, 1] == pytest.approx(np.exp(0.2), rel=1e-14)


def test_without_a_learning_rate_weights_stay_equal(olps: ModuleType) -> None:
    targets, _ = olps.Market(PATH).play(ExponentiatedGradient(eta=0.0))
    np.testing.assert_array_equal(targets, 0.5)


def test_a_huge_learning_rate_follows_the_winner_without_overflow(olps: ModuleType) -> None:
    targets, _ = olps.Market(PATH).play(ExponentiatedGradient(eta=1e6))
    np.testing.assert_array_equal(targets[1], [1.0, 0.0])


def test_the_newton_step_minimises_in_the_norm_of_its_curvature(olps: ModuleType) -> None:
    targets, _ = olps.Market(PATH).play(OnlineNewtonStep())
    gradient = PATH[0]
    curvature = np.eye(2) + np.outer(gradient, gradient)
    aim = 0.125 * np.linalg.solve(curvature, 2.0 * gradient)
    share = np.linspace(0.0, 1.0, 100_001)
    offset = np.stack([share, 1.0 - share]) - aim[:, None]
    best = np.einsum("ik,ij,jk->k", offset, curvature, offset).argmin()
    assert targets[1, 0] == pytest.approx(share[best], abs=1e-5)


def test_eta_mixes_in_uniform_weights(olps: ModuleType) -> None:
    alone, _ = olps.Market(PATH).play(OnlineNewtonStep())
    mixed, _ = olps.Market(PATH).play(OnlineNewtonStep(eta=0.4))
    np.testing.assert_allclose(mixed[1], 0.6 * alone[1] + 0.4 * 0.5, rtol=1e-12)


@pytest.mark.parametrize("options", [{"eta": 1.1}, {"beta": 0.0}, {"delta": -1.0}])
def test_impossible_parameters_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InputError, match="ONS needs eta between 0 and 1"):
        OnlineNewtonStep(**options)
