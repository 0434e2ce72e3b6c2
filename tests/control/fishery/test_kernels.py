"""The compiled years agree with a NumPy twin, and harvest rules with their policies."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from drlapps.control.fishery import kernels
from drlapps.control.fishery.baselines import ConstantEscapement, ConstantMortality, HarvestRule
from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.instances import Fishery, named, published
from drlapps.control.fishery.stocks import (
    COLUMNS,
    LARGEST_STOCK,
    Competition,
    Predation,
    Species,
    StockModel,
)
from drlapps.control.fishery.tuning import tuned
from drlapps.policy import Policy

Floats = NDArray[np.float64]


def twin(table: Floats, left: Floats, year: int, luck: Floats) -> Floats:
    """Return the stocks a year after those that escaped, (S,)."""
    count = len(left)
    eaten, linear = table[:, COLUMNS : COLUMNS + count], table[:, COLUMNS + count :]
    growth, final, drift, inverse, death, outside, half, noise, _ = table[:, :COLUMNS].T
    rate = growth + (final - growth) * np.minimum(year / drift, 1.0)
    appetite = left**2 / (half + left**2)
    change = rate * left * (1.0 - left * inverse) - death * left
    change += left * (linear @ left) - (eaten @ left + outside) * appetite
    after: Floats = np.clip(left + change + noise * left * luck, 0.0, LARGEST_STOCK)
    return after


def models(rng: np.random.Generator) -> StockModel:
    """Return a random model of one to four species."""
    count = int(rng.integers(1, 5))
    species = tuple(
        Species(
            f"species {number}",
            initial=float(rng.uniform(0.2, 1.0)),
            growth=float(rng.uniform(0.2, 1.0)),
            capacity=float(rng.choice([0.9, np.inf])),
            mortality=float(rng.uniform(0.0, 0.3)),
            price=float(number == 0 or rng.integers(2)),
            predation=float(rng.uniform(0.0, 0.1)),
            final_growth=float(rng.uniform(0.0, 1.0)),
            drift_years=float(rng.integers(1, 30)),
        )
        for number in range(count)
    )
    names = [one.name for one in species]
    return StockModel(
        species,
        tuple(Predation(*rng.choice(names, 2), *rng.uniform(0.0, 0.4, 2)) for _ in range(2)),
        (Competition(names[0], names[-1], 0.1),),
        years=20,
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_environment_goes_the_way_of_its_twin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fisheries = [Fishery(str(number), models(rng), number) for number in range(3)]
    env = FisheryEnv(3, fisheries, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": fisheries})
    for year in range(20):
        before, over = env.path[:, year].copy(), env.crashed.copy()
        actions = rng.uniform(-1.0, 0.0, env.action_space.shape)
        _, rewards, *_ = env.step(actions)
        for row, fishery in enumerate(fisheries):
            if over[row]:
                assert rewards[row] == 0.0
                continue
            model = fishery.model
            stocks = before[row, : len(model.species)]
            shares = np.zeros(len(stocks))
            shares[model.harvested] = ((1.0 + actions[row, : len(model.harvested)]) / 2.0) ** 2
            after = twin(model.coefficients, (1.0 - shares) * stocks, year, fishery.luck[year])
            worth = float((shares * stocks) @ model.coefficients[:, 8])
            if after.min() <= model.threshold:
                worth -= model.penalty / (year + 1)
            assert rewards[row] == pytest.approx(worth)
            assert env.path[row, year + 1, : len(stocks)] == pytest.approx(after)


@pytest.mark.parametrize(
    ("policy", "rule", "kind"),
    [
        (ConstantMortality(), "constant-mortality", kernels.MORTALITY),
        (ConstantEscapement(), "constant-escapement", kernels.ESCAPEMENT),
        (HarvestRule(), "harvest-rule", kernels.LOGISTIC),
    ],
)
def test_a_played_rule_earns_what_its_policy_earns(policy: Policy, rule: str, kind: int) -> None:
    fisheries, model = named(["model-3:0..7"]), published("model-3")
    env = FisheryEnv(8, fisheries, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": fisheries})
    policy.reset(env, 0)
    for _ in range(200):
        observations, *_ = env.step(policy.act(env, observations))
    earned = kernels.play(
        model.coefficients,
        np.array([model.threshold, model.penalty]),
        model.initial,
        model.harvested,
        np.stack([fishery.luck for fishery in fisheries]),
        kind,
        tuned(model, rule).parameters,
    )
    assert [env.metrics(row)["mean_return"] for row in range(8)] == pytest.approx(earned.tolist())
