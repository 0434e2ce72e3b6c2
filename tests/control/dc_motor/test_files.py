"""Drives of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from drlapps.control.dc_motor import files
from drlapps.control.dc_motor.instances import named, train
from drlapps.control.dc_motor.motor import LOADS, MOTORS
from drlapps.errors import InputError

OWN = """
signal = "steps"
control = "speed"

[motor]
kind = "shunt"
voltage = 48

[load]
static = 0.1

[conditions]
noise = 0.2
"""


def written(folder: Path, text: str) -> str:
    path = folder / "own.toml"
    path.write_text(text)
    return str(path)


def test_what_is_left_out_is_the_motor_of_the_same_kind(tmp_path: Path) -> None:
    own = files.read(Path(written(tmp_path, OWN)))
    assert (own.motor.voltage, own.motor.field_resistance) == (48, MOTORS["shunt"].field_resistance)
    assert (own.load.static, own.load.viscous) == (0.1, LOADS["shunt"].viscous)


def test_it_is_named_and_changed_like_any_other(tmp_path: Path) -> None:
    path = written(tmp_path, OWN)
    drives = named([f"{path}:3..4"], resistance_scale=1.5)
    assert [one.name for one in drives] == ["own:3", "own:4"]
    assert (drives[0].control, drives[0].steps) == ("speed", 2500)
    assert (drives[0].conditions.noise, drives[0].conditions.resistance_scale) == (0.2, 1.5)
    (current,) = named([path], control="current")
    assert (current.control, current.steps) == ("current", 1000)
    pool = train(path)
    assert (pool.motor.voltage, pool.control) == (48, "speed")
    with pytest.raises(InputError, match=r"own\.toml has its own motor"):
        named([path], motor="series")


def test_the_example_of_the_documentation_is_a_drive(tmp_path: Path) -> None:
    text = (files.__doc__ or "").partition("::\n")[2].replace("\n    ", "\n")
    own = files.read(Path(written(tmp_path, text)))
    assert (own.motor.kind, own.steps, own.conditions.dead_time) == ("shunt", 2000, 1.5)
    assert own.load.quadratic == 1e-5


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("voltage", "volts"), r"unknown entry of \[motor\] 'volts'; did you mean voltage"),
        (('"shunt"', '"shnt"'), "unknown kind of motor 'shnt'"),
        (('"speed"', '"torque"'), "unknown control 'torque'"),
        (('"steps"', "3"), "signal must be a text"),
        (("[load]", "[lood]"), "unknown entry 'lood'"),
        (("[load]\nstatic = 0.1", "load = 3"), "unknown entry of"),
        (("static = 0.1", "static = -1"), "load: static must be a number at least 0"),
        (("voltage = 48", 'voltage = "much"'), "motor: voltage must be a number above 0"),
        (('signal = "steps"', "steps = 2.5"), "steps must be a whole number"),
        (('signal = "steps"', "load = 3\n"), "own.toml"),
    ],
)
def test_faults_are_named_with_file_and_place(
    tmp_path: Path, change: tuple[str, str], match: str
) -> None:
    assert change[0] in OWN
    path = written(tmp_path, OWN.replace(*change, 1))
    with pytest.raises(InputError, match=match) as caught:
        files.read(Path(path))
    assert path in str(caught.value)


def test_a_table_that_is_none_and_a_missing_file_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"motor must be a table: write \[motor\] above it"):
        files.read(Path(written(tmp_path, "motor = 3")))
    with pytest.raises(InputError, match=r"no such file: nowhere\.toml"):
        named(["nowhere.toml:1"])
