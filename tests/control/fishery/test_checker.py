"""The checker recomputes the metrics and refuses impossible catches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.control.fishery.checker import check
from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.instances import Fishery, named


def played(fishery: Fishery, rng: np.random.Generator, most: float) -> tuple[FisheryEnv, Any]:
    env = FisheryEnv(1, [fishery], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [fishery]})
    over = False
    while not over:
        actions = rng.uniform(-1.0, most, env.action_space.shape)
        _, _, terminated, truncated, _ = env.step(actions)
        over = bool(terminated[0] or truncated[0])
    return env, env.solution(0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), model=st.sampled_from(["model-1", "model-3", "model-4"]))
def test_it_agrees_with_the_environment(seed: int, model: str) -> None:
    rng = np.random.default_rng(seed)
    (fishery,) = named([f"{model}:{seed % 1000}"], predation_scale=0.9, capacity_scale=1.1)
    env, solution = played(fishery, rng, float(rng.uniform(-0.8, 0.5)))
    assert check(fishery, solution) == pytest.approx(env.metrics(0), rel=1e-9)


def broken(kind: str, catches: list[list[float]]) -> object:
    match kind:
        case "negative":
            catches[3][0] = -0.01
        case "more than there is":
            catches[3][0] = 5.0
        case "not for sale":
            catches[3][2] = 0.01
        case "too short":
            catches.pop()
        case "too long":
            catches.append([0.0, 0.0, 0.0])
        case "not a number":
            catches[3][1] = float("nan")
        case "a species missing":
            catches[3].pop()
        case "nothing":
            return None
    return catches


@pytest.mark.parametrize(
    "kind",
    [
        "negative", "more than there is", "not for sale", "too short", "too long", "not a number",
        "a species missing", "nothing",
    ],
)  # fmt: skip
def test_impossible_catches_are_infeasible(kind: str) -> None:
    (fishery,) = named(["model-3:0"])
    _, solution = played(fishery, np.random.default_rng(0), -0.8)
    assert check(fishery, solution)["feasible"] == 1.0
    history = {**solution, "catches": broken(kind, solution["catches"])}
    assert check(fishery, history) == {"feasible": 0.0}


@pytest.mark.parametrize("year", [0, 7, 200])
def test_stocks_that_nothing_makes_grow_are_infeasible(year: int) -> None:
    (fishery,) = named(["model-3:0"])
    _, solution = played(fishery, np.random.default_rng(0), -0.8)
    solution["stocks"][year][0] += 1e-6
    assert check(fishery, solution) == {"feasible": 0.0}


def test_nothing_can_be_caught_after_a_loss() -> None:
    (fishery,) = named(["model-3:0"])
    _, solution = played(fishery, np.random.default_rng(0), 1.0)
    assert len(solution["catches"]) < 200
    for part in solution.values():
        part.append([0.0, 0.0, 0.0])
    assert check(fishery, solution) == {"feasible": 0.0}
