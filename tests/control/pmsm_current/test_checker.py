"""The checker agrees with honest episodes and with no others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.pmsm_current.checker import check
from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.instances import Drive, named


def played(drive: Drive, spread: float = 0.15, **arguments: Any) -> PmsmCurrentEnv:
    env = PmsmCurrentEnv(1, [drive], autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": [drive]})
    env.action_space.seed(0)
    for _ in range(drive.steps):
        action = env.action_space.sample()
        *_, terminated, truncated, _ = env.step(
            action if env.control == "finite" else spread * action
        )
    assert terminated[0] or truncated[0]
    return env


@pytest.mark.parametrize(
    "arguments", [{}, {"limit": "circle"}, {"control": "abc"}, {"control": "finite"}]
)
@pytest.mark.parametrize("spread", [0.15, 1.0])
@pytest.mark.parametrize(
    "conditions", [{}, {"dead_time": 2.0, "delay": 2, "drift": 0.4, "acceleration": 200.0}]
)
def test_it_finds_the_environments_metrics(
    arguments: dict[str, str], spread: float, conditions: dict[str, float]
) -> None:
    for drive in named(["uncertain:0..1"], steps=120, **conditions):
        env = played(drive, spread, **arguments)
        metrics, found = env.metrics(0), check(drive, env.solution(0))
        assert found.keys() == metrics.keys()
        for name, value in found.items():
            assert value == pytest.approx(metrics[name], rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize(
    "change",
    [
        {"control": "xyz"},
        {"commands": "none"},
        {"commands": []},
        {"commands": [[0.0, 0.0]] * 29},
        {"commands": [[0.0, 0.0]] * 31},
        {"commands": [[0.0, 0.0, 0.0]] * 30},
        {"commands": [[0.0, float("nan")]] * 30},
        {"commands": [[0.0, "x"]] * 30},
        {"control": "abc", "commands": [[0.0, 0.0, 151.0]] * 30},
        {"control": "finite", "commands": [[150.0, 150.0, 149.0]] * 30},
    ],
)
def test_what_no_inverter_could_do_is_infeasible(change: dict[str, Any]) -> None:
    (drive,) = named(["wiener:0"], steps=30)
    solution = {**played(drive).solution(0), **change}
    assert check(drive, solution) == {"feasible": 0.0}


def test_wishes_for_more_than_there_is_are_cut() -> None:
    (drive,) = named(["constant:0"], steps=5, speed=0.0, noise=0.0, delay=0)
    solution = {"control": "dq", "limit": "hexagon", "commands": [[1e6, 0.0]] * 5}
    more = check(drive, solution)
    solution["commands"] = [[200.0, 0.0]] * 5
    assert np.isfinite(more["tracking_error"])
    assert check(drive, solution)["tracking_error"] >= more["tracking_error"] - 0.05
