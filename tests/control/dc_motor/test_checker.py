"""The checker recomputes the metrics and refuses impossible commands."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.control.dc_motor.checker import check
from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.instances import named
from drlapps.control.dc_motor.motor import CONTROLS, KINDS


def played(drive: Drive, which: str, seed: int, most: float) -> tuple[DcMotorEnv, Any]:
    env = DcMotorEnv(1, [drive], control_set=which, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [drive]})
    rng, over = np.random.default_rng(seed), False
    while not over:
        shape = env.action_space.shape
        finite = which == "finite"
        action = rng.integers(0, 4, shape) if finite else rng.uniform(-most, most, shape)
        _, _, terminated, truncated, _ = env.step(action)
        over = bool(terminated[0] or truncated[0])
    return env, env.solution(0)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    kind=st.sampled_from(KINDS),
    control=st.sampled_from(CONTROLS),
    which=st.sampled_from(["continuous", "finite"]),
    conditions=st.fixed_dictionaries(
        {
            "delay": st.integers(0, 4),
            "dead_time": st.sampled_from([0.0, 1.5]),
            "acceleration": st.sampled_from([0.0, 300.0]),
            "voltage_scale": st.floats(0.5, 1.2),
            "load_torque": st.floats(0.0, 2.0),
            "protection": st.booleans(),
        }
    ),
)
def test_it_agrees_with_the_environment(
    seed: int, kind: str, control: str, which: str, conditions: dict[str, Any]
) -> None:
    (drive,) = named([f"uncertain:{seed % 1000}"], kind, control, steps=25, **conditions)
    env, solution = played(drive, which, seed, 0.3)
    assert check(drive, solution) == pytest.approx(env.metrics(0), rel=1e-10, abs=1e-12)


def broken(kind: str, solution: dict[str, Any]) -> dict[str, Any]:
    commands = list(solution["commands"])
    match kind:
        case "too much":
            commands[2] = 1.5
        case "no number":
            commands[2] = float("nan")
        case "text":
            commands[2] = "much"
        case "short":
            commands.pop()
        case "long":
            commands.append(0.0)
        case "pairs":
            commands = [[one, one] for one in commands]
        case "no state":
            return {"control_set": "finite", "commands": [7, *[0] * 39]}
        case "other set":
            return {"control_set": "both", "commands": commands}
        case _:
            return {"control_set": "continuous"}
    return {"control_set": "continuous", "commands": commands}


@pytest.mark.parametrize(
    "kind",
    ["too much", "no number", "text", "short", "long", "pairs", "no state", "other set", "none"],
)
def test_impossible_commands_are_infeasible(kind: str) -> None:
    (drive,) = named(["wiener:0"], steps=4)
    _, solution = played(drive, "continuous", 0, 0.5)
    assert check(drive, broken(kind, solution)) == {"feasible": 0.0}
