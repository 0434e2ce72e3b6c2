"""Dynamic programming: exact for one species, coarse for three."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.fishery import kernels
from drlapps.control.fishery.baselines import DynamicProgramming
from drlapps.control.fishery.dynamic_programming import escapement, solve
from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.instances import Fishery, named, published, toy
from drlapps.control.fishery.stocks import Species, StockModel
from drlapps.control.fishery.tuning import tuned
from drlapps.errors import InputError


def earned(policy: DynamicProgramming, fisheries: list[Fishery]) -> np.ndarray:
    env = FisheryEnv(len(fisheries), fisheries, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": fisheries})
    policy.reset(env, 0)
    for _ in range(fisheries[0].model.years):
        observations, *_ = env.step(policy.act(env, observations))
    return np.array([env.metrics(row)["mean_return"] for row in range(len(fisheries))])


def test_without_luck_it_finds_the_optimum_of_the_textbook() -> None:
    # Logistic growth with r = K = 1, without discount: leave 0.5 in every year, 0 in the last, for
    # nothing is lost at a threshold of 0 as long as something is left.
    cod = Species("cod", 0.75, 1.0, 1.0, noise=0.0, price=2.0)
    model = StockModel((cod,), threshold=0.0, penalty=0.0, years=20)
    values = solve(model)
    for year in (0, 10, 18):
        assert escapement(values, model, year, np.array([0.75])) == pytest.approx([0.5], abs=1e-3)
    assert escapement(values, model, 19, np.array([0.75])) == pytest.approx([0.0])
    assert escapement(values, model, 0, np.array([0.3])) == pytest.approx([0.3])
    assert values.start == pytest.approx(2.0 * (0.25 * 19 + 0.75), rel=1e-4)


def test_on_model_1_it_keeps_what_it_promises() -> None:
    returns = earned(DynamicProgramming(), named(["model-1:0..29"]))
    promised = solve(published("model-1")).start
    assert returns.mean() == pytest.approx(promised, abs=4 * returns.std() / np.sqrt(30))
    # An independent implementation: 5.6.
    assert promised == pytest.approx(5.6, abs=0.2)


def test_on_model_1_it_promises_more_than_constant_escapement_earns() -> None:
    model = published("model-1")
    rule = kernels.play(
        model.coefficients,
        np.array([model.threshold, model.penalty]),
        model.initial,
        model.harvested,
        np.stack([fishery.luck for fishery in named(["model-1:0..999"])]),
        kernels.ESCAPEMENT,
        tuned(model, "constant-escapement").parameters,
    )
    assert rule.mean() + 3 * rule.std() / np.sqrt(1000) < solve(model).start


def test_one_species_hardly_changes_with_the_grid() -> None:
    model = published("model-1")
    assert solve(model, 501).start == pytest.approx(solve(model).start, abs=0.01)


def test_toys_are_solved_up_to_the_grid() -> None:
    for fishery in toy():
        (value,) = earned(DynamicProgramming(points=31), [fishery])
        assert fishery.reference is not None
        assert fishery.reference - 0.15 <= value <= fishery.reference


@pytest.mark.slow
def test_a_coarse_grid_of_model_3_beats_the_constant_rules() -> None:
    returns = earned(DynamicProgramming(points=31), named(["model-3:0..15"]))
    assert returns.mean() > 65.0


def test_it_says_how_fine_its_grid_is() -> None:
    policy = DynamicProgramming(points=5)
    earned(policy, [toy()[0]])
    assert policy.report(0).details["grid"] == "coarse: 5 x 5 x 5 points"
    earned(policy := DynamicProgramming(), named(["model-1:0"]))
    assert policy.report(0).details["grid"] == "exact: 1501 points"


def test_more_than_three_species_are_refused() -> None:
    model = StockModel(tuple(Species(name, 0.5, price=1.0) for name in "ABCD"))
    with pytest.raises(InputError, match="at most 3 species, not 4"):
        solve(model)


@pytest.mark.parametrize("points", [1, -3, 2.5, True])
def test_an_impossible_grid_is_refused(points: object) -> None:
    with pytest.raises(InputError, match="points must be a whole number"):
        DynamicProgramming(points=points)  # type: ignore[arg-type]
