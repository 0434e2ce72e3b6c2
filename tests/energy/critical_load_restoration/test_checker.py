"""The checker agrees with the environment and notices what is wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.energy.critical_load_restoration import instances
from drlapps.energy.critical_load_restoration.checker import check, violations
from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.energy.critical_load_restoration.scenario import Scenario


def played(words: list[str]) -> list[tuple[Scenario, dict[str, float], dict[str, Any]]]:
    pool = instances.named(words)
    env = CriticalLoadRestorationEnv(len(pool), pool, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": pool})
    rng = np.random.default_rng(0)
    while not env._terminated.all():
        env.step(rng.uniform(-1.0, 1.0, env.action_space.shape))
    return [(one, env.metrics(i), env.solution(i)) for i, one in enumerate(pool)]


def test_metrics_agree_with_the_environment() -> None:
    words = ["ieee13:error-10:0..3", "ieee33:error-20:3", "random-7:error-5:0", "toy-sun"]
    for scenario, metrics, solution in played(words):
        found = check(scenario, solution)
        assert found.keys() == metrics.keys()
        for name, value in found.items():
            assert metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize(
    ("column", "change", "sentence"),
    [
        ("turbine_kw", 1.0, "supply and load differ"),
        ("battery_kw", 600.0, "the battery's power is out of range"),
        ("solar_kw", 400.0, "not that much sun"),
        ("wind_kw", 500.0, "not that much wind"),
        ("turbine_kw", 900.0, "the turbine's power is out of range"),
        ("turbine_kw", math.nan, "finite numbers under 'turbine_kw'"),
    ],
)
def test_a_wrong_number_is_noticed(column: str, change: float, sentence: str) -> None:
    ((scenario, _, solution),) = played(["ieee13:error-10:1"])
    solution[column][5] += change
    assert any(sentence in found for found in violations(scenario, solution))
    assert check(scenario, solution) == {"feasible": 0.0}


def test_energy_from_nowhere_is_noticed() -> None:
    ((scenario, _, solution),) = played(["ieee13:error-10:1"])
    for step in range(72):
        shift = 400.0 - solution["turbine_kw"][step]
        solution["turbine_kw"][step] += shift
        solution["battery_kw"][step] -= shift
    assert any("no fuel left" in found for found in violations(scenario, solution))
    for step in range(72):
        solution["battery_kw"][step] = 250.0
    assert any("battery's energy" in found for found in violations(scenario, solution))


def test_a_short_solution_is_noticed() -> None:
    ((scenario, _, solution),) = played(["toy-fuel"])
    solution["served"] = solution["served"][:1]
    assert violations(scenario, solution) == [
        "the solution needs 2 x 2 finite numbers under 'served'"
    ]
    solution["served"] = [["all", 1.0], [1.0, 1.0]]
    assert check(scenario, solution) == {"feasible": 0.0}
