"""Names, settings, families and toys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.fishery import instances
from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.instances import named, published, toy, train
from drlapps.control.fishery.stocks import Changes, Species, StockModel
from drlapps.errors import InputError


def test_a_path_has_the_same_luck_in_every_model_and_under_every_change() -> None:
    first, other, changed = (
        named(["model-3:7"])[0],
        named(["model-4:7"])[0],
        named(["model-3:7"], growth_scale=0.8)[0],
    )
    assert np.array_equal(first.luck, other.luck)
    assert np.array_equal(first.luck, changed.luck)
    assert len({first.hash, other.hash, changed.hash}) == 3
    assert not np.array_equal(first.luck, named(["model-3:8"])[0].luck)


def test_settings_change_the_fishery_but_not_what_managers_believe() -> None:
    (fishery,) = named(["model-3:0"], growth_scale=0.5, predation_scale=2.0, noise_scale=3.0)
    assert fishery.belief == published("model-3")
    x = fishery.model.species[0]
    assert [x.growth, x.noise] == pytest.approx([0.5, 0.3])
    assert [one.rate for one in fishery.model.predation] == pytest.approx([0.6, 0.66])


def test_each_change_changes_the_model() -> None:
    model = replace(
        published("model-4"), species=(replace(published("model-4").species[0], predation=0.1),
                                       *published("model-4").species[1:]),
    )  # fmt: skip
    for name in (name for name in vars(Changes()) if name.endswith("_scale")):
        assert replace(Changes(), **{name: 0.9}).of(model) != model
    assert Changes().of(model) == model


def test_ranges_are_drawn_anew_and_stay_within_their_ends() -> None:
    pool, rng = (
        train(growth_scale=[0.8, 1.2], delay=[0, 2], noise_scale=0.5),
        np.random.default_rng(0),
    )
    drawn = [pool.sample(rng).changes for _ in range(200)]
    growth = np.array([one.growth_scale for one in drawn])
    assert 0.8 <= growth.min() < 0.82
    assert 1.18 < growth.max() <= 1.2
    assert {one.delay for one in drawn} == {0, 1, 2}
    assert {one.noise_scale for one in drawn} == {0.5}


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"model": "model-5"}, "unknown fishery 'model-5'"),
        ({"growth_scale": [1.2, 0.8]}, "growth_scale"),
        ({"growth_scale": [1.0, 1.1, 1.2]}, "growth_scale must be a number or a range"),
        ({"noise_scale": -1.0}, "noise_scale must be a number that is not negative"),
        ({"delay": 0.5}, "delay must be a whole number"),
    ],
)
def test_impossible_families_are_refused(settings: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        train(**settings)


def test_every_path_of_a_pool_has_its_own_place_in_a_family() -> None:
    family = instances.test(growth_scale=[0.8, 1.2])
    drawn = {fishery.changes.growth_scale for fishery in family}
    assert len(drawn) == len(family)
    assert min(drawn) >= 0.8
    assert max(drawn) <= 1.2
    assert family == instances.test(growth_scale=[0.8, 1.2])
    assert named(["model-3:5"], growth_scale=[0.8, 1.2]) == [family[5]]
    assert {one.changes.delay for one in instances.validation(delay=1)} == {1.0}


def test_toys_are_solved_by_hand() -> None:
    # What is best to leave: 0.5, where growth is largest, and the floor in the last year.
    floor = 1.0 - np.sqrt(0.95) + 1e-6
    for fishery in toy():
        env = FisheryEnv(1, [fishery], autoreset_mode=AutoresetMode.DISABLED)
        env.reset(seed=0, options={"instances": [fishery]})
        for year in range(fishery.model.years):
            left = floor if year == fishery.model.years - 1 else 0.5
            share = 1.0 - left / env.observed()[:, :2]
            env.step(env.actions_for(share))
        metrics = env.metrics(0)
        assert metrics["survival_rate"] == 1.0
        assert metrics["mean_return"] == pytest.approx(fishery.reference, abs=1e-5)


def test_pools_hold_the_models_that_they_are_called_by() -> None:
    for name in ("model-1", "model-2", "model-4"):
        pool = getattr(instances, name.replace("-", "_"))()
        assert pool[3].name == f"{name}:3"
        assert pool[3].belief == published(name)
    assert instances.validation("model-4")[0].belief == published("model-4")
    (again,) = named(["validation-model-3:5"])
    assert again == instances.validation()[5]


@pytest.mark.parametrize(
    ("model", "match"),
    [
        (lambda: StockModel((Species("X", 0.5),)), "nothing to catch"),
        (lambda: StockModel((Species("X", 0.04, price=1.0),)), "threshold"),
        (lambda: StockModel((Species("X", 0.5, price=1.0),) * 2), "each of its own name"),
        (lambda: Species("X", 0.5, growth=-1.0), "growth must not be negative"),
        (lambda: Species("X", 0.5, capacity=0.0), "capacity must be above 0"),
    ],
)
def test_impossible_models_are_refused(model: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        model()  # type: ignore[operator]
