"""Linear plants of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.process import files
from drlapps.control.process.mpc import Mpc
from drlapps.control.quadruple_tank.environment import QuadrupleTankEnv
from drlapps.control.quadruple_tank.instances import named, train, validation
from drlapps.errors import InputError
from drlapps.evaluate import rollout

EXAMPLE = re.sub(r"^.*?::\n", "", files.__doc__ or "", flags=re.S).replace("    ", "")


def written(path: Path, text: str) -> Path:
    file = path / "cart.toml"
    file.write_text(text)
    return file


def test_the_example_of_the_manual_is_read_and_controlled(tmp_path: Path) -> None:
    file = written(tmp_path, EXAMPLE)
    plant = files.read(file)
    assert plant.a == pytest.approx(np.array([[1.0, 0.1], [0.0, 1.0]]))
    assert plant.state_cost == pytest.approx(np.diag([1.0, 0.1]))
    assert plant.tracked == (0, 1)
    episodes = named([f"{file}:3..4"], noise=0.001)
    assert [one.name for one in episodes] == ["cart:3", "cart:4"]
    env = QuadrupleTankEnv(2, episodes, autoreset_mode=AutoresetMode.DISABLED)
    assert env.single_observation_space.shape == (4,)
    rollout(env, Mpc(horizon=20), episodes, 0)
    for row in range(2):
        assert env.path[row, 100, 0] == pytest.approx(env.references[row, 100, 0], abs=0.1)


def test_agents_can_learn_on_a_plant_of_ones_own(tmp_path: Path) -> None:
    file = str(written(tmp_path, EXAMPLE))
    drawn = train(model=file, noise=[0.0, 0.1]).sample(np.random.default_rng(0))
    assert drawn.belief.name == "cart"
    assert {one.belief.name for one in validation(model=file)} == {"cart"}
    with pytest.raises(InputError, match="model"):
        train(model="tonk")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("A = ", "a = ", "entry 'a'"),
        ("steps = 100", "steps = 0", "steps must be a whole number above 0"),
        ("Q = [1.0, 0.1]", "Q = [1.0]", "Q must hold 2 finite numbers"),
        ("Q = [1.0, 0.1]", "Q = [[1.0, 2.0], [2.0, 1.0]]", "positive semidefinite"),
        ("R = [0.01]", "R = [0.0]", "R must be positive definite"),
        ("lower = [-5.0, -2.0]", "lower = [5.0, -2.0]", "lower must be below upper"),
        ("B = [[0.0], [0.1]]", 'B = [[0.0], ["x"]]', "B must hold numbers only"),
        ("initial = [[-4.0", "initial = [[9.0", "first row of initial"),
        ('inputs = ["force (N)"]', "inputs = []", "inputs must be a list of names"),
        ("input_lower = [-1.0]", "", "there is no input_lower"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in EXAMPLE
    with pytest.raises(InputError, match=message) as fault:
        files.read(written(tmp_path, EXAMPLE.replace(old, new)))
    assert "cart.toml" in str(fault.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        files.read(tmp_path / "none.toml")
