"""Models of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from drlapps.control.fishery import files
from drlapps.control.fishery.instances import named, published
from drlapps.control.fishery.stocks import Species
from drlapps.errors import InputError

MODEL_3 = """
[[species]]
name = "X"
initial = 0.5
growth = 1
capacity = 1
price = 1

[[species]]
name = "Y"
initial = 0.5
growth = 1.0
capacity = 1.0
price = 1.0

[[species]]
name = "Z"
initial = 0.7
mortality = 0.1

[[predation]]
predator = "Z"
prey = "X"
rate = 0.3
conversion = 0.1

[[predation]]
predator = "Z"
prey = "Y"
rate = 0.33
conversion = 0.11

[[competition]]
first = "X"
second = "Y"
rate = 0.1
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "own.toml"
    path.write_text(text)
    return path


def test_a_file_can_hold_the_published_model(tmp_path: Path) -> None:
    own, known = files.read(written(tmp_path, MODEL_3)), published("model-3")
    assert own.coefficients == pytest.approx(known.coefficients)
    (fishery,) = named([f"{tmp_path}/own.toml:3"])
    assert fishery.name == "own:3"
    assert fishery.luck.tolist() == named(["model-3:3"])[0].luck.tolist()


def test_the_example_of_the_documentation_is_a_model(tmp_path: Path) -> None:
    text = (files.__doc__ or "").partition("::\n")[2].replace("\n    ", "\n")
    model = files.read(written(tmp_path, text))
    assert model.species[0] == Species(
        "herring", 0.5, 1.0, 1.0, 0.0, 0.1, 1.0, 0.05, 0.3, 0.7, 50.0
    )
    assert model.species[1] == Species("cod", 0.7, mortality=0.1)
    assert (model.years, model.penalty) == (200, 100.0)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("initial = 0.7", ""), "species 3 has no initial"),
        (("initial = 0.7", 'initial = "much"'), "species 3: initial must be a number"),
        (("initial = 0.7", "initial = 0.7\ngrwth = 1"), "did you mean growth"),
        (('prey = "X"', 'prey = "W"'), "unknown species 'W'"),
        (('name = "Z"', "name = 3"), "species 3: name must be a text"),
        (("[[competition]]", "[competition]"), "competition must be a list of tables"),
        (("rate = 0.3\n", "rate = -0.3\n"), "Z and X: rate must not be negative"),
        (('[[species]]\nname = "X"', 'yeers = 3\n[[species]]\nname = "X"'), "did you mean years"),
        (('[[species]]\nname = "X"', 'years = 2.5\n[[species]]\nname = "X"'), "whole number"),
    ],
)
def test_faults_are_named_with_file_and_place(
    tmp_path: Path, change: tuple[str, str], match: str
) -> None:
    assert change[0] in MODEL_3
    path = written(tmp_path, MODEL_3.replace(*change, 1))
    with pytest.raises(InputError, match=match) as caught:
        files.read(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"no such file: nowhere\.toml"):
        named(["nowhere.toml:1"])
