"""Pools, names and settings of drives."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

from drlapps.control.motors.signals import Steps, Wiener
from drlapps.control.pmsm_current import instances
from drlapps.control.pmsm_current.files import read
from drlapps.control.pmsm_current.instances import UNCERTAIN, named, toy, train, validation
from drlapps.control.pmsm_current.motor import Conditions, Motor
from drlapps.errors import InputError

OWN = """
signal = "steps"
steps = 40

[motor]
pole_pairs = 4
resistance = 0.025
link_voltage = 400

[conditions]
speed = 150
inductance_scale = 0.8
"""


def test_pools_have_three_groups() -> None:
    names = [drive.name for drive in instances.test()]
    assert names[0] == "wiener:0"
    assert names[32] == "steps:0"
    assert names[-1] == "uncertain:31"
    assert len(validation()) == len(instances.test()) == 96
    assert named(["uncertain:3"])[0].hash == instances.test()[67].hash
    assert named([validation()[5].name])[0].hash == validation()[5].hash


def test_settings_change_pools_as_they_change_named_drives() -> None:
    changed = instances.test(inductance_scale=0.8, delay=2, steps=50)
    assert changed[3].hash == named(["wiener:3"], inductance_scale=0.8, delay=2, steps=50)[0].hash
    assert all(drive.conditions.inductance_scale == 0.8 for drive in changed)
    for function in (named, validation, instances.test):
        names = inspect.signature(function).parameters.keys()
        assert {*vars(Conditions()), "steps"} <= names
        assert "settings" not in names


def test_paths_have_their_own_set_points_and_conditions_do_not_change_them() -> None:
    first, second, slow = *named(["wiener:0..1"]), *named(["wiener:0"], speed=20.0)
    assert not np.array_equal(first.setpoints, second.setpoints)
    assert np.array_equal(first.setpoints, slow.setpoints)
    assert first.angle == slow.angle
    assert first.hash != slow.hash
    assert np.abs(first.setpoints).max() <= 0.6 * 400.0


def test_uncertain_drives_differ_within_their_ranges_and_settings_win() -> None:
    drives = named(["uncertain:0..63"])
    for name, (low, high) in UNCERTAIN.items():
        values = [getattr(drive.conditions, name) for drive in drives]
        assert low <= min(values) < low + 0.2 * (high - low)
        assert high - 0.2 * (high - low) < max(values) <= high
    assert {type(drive.signal) for drive in drives} == {Wiener, Steps}
    (hot,) = named(["uncertain:0"], resistance_scale=3.0)
    assert hot.conditions.resistance_scale == 3.0
    assert hot.conditions.flux_scale == drives[0].conditions.flux_scale
    assert all(drive.motor == Motor() for drive in drives)


def test_the_train_pool_draws_within_ranges() -> None:
    pool = train(signal="steps", delay=[0, 2], noise=[0.0, 1.0], drift=[0.0, 0.3], steps=30)
    drawn = [pool.sample(np.random.default_rng(seed)) for seed in range(40)]
    assert {drive.conditions.delay for drive in drawn} == {0, 1, 2}
    assert all(0.0 <= drive.conditions.noise <= 1.0 for drive in drawn)
    assert all(isinstance(drive.signal, Steps) and drive.steps == 30 for drive in drawn)
    blocks = pool.largest().conditions.blocks(30)
    assert blocks == max(drive.conditions.blocks(30) for drive in drawn) == 2


def test_a_warming_machine_gains_resistance_and_loses_flux() -> None:
    warming = Conditions(drift=0.4, speed=0.0)
    plant = warming.plant(Motor(), 1000)
    resistance = -np.log(plant[:, 0]) * 0.37e-3 / 1e-4
    assert resistance[[0, -1]] == pytest.approx([18e-3 * 1.004, 18e-3 * 1.396], rel=1e-6)
    assert np.array_equal(Conditions().plant(Motor(), 1000), Conditions().plant(Motor(), 10))


def test_toys_are_what_is_worked_out() -> None:
    reach, late, far = toy()
    assert reach.reference == 0.0
    assert late.reference == pytest.approx(40.0 / 1600.0 / 3.0)
    # 53.92 A: 200 V on 18 mOhm and 0.37 mH for 100 us.
    assert far.reference == pytest.approx((100.0 - 53.92) / 1600.0 / 3.0, rel=1e-4)


def test_a_machine_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN)
    first, second = named([f"{path}:0..1"], flux_scale=0.9)
    assert first.name == "mine:0"
    assert (first.motor.pole_pairs, first.motor.flux, first.steps) == (4, 66e-3, 40)
    assert first.conditions == Conditions(speed=150, inductance_scale=0.8, flux_scale=0.9)
    assert isinstance(second.signal, Steps)
    assert train(motor=str(path)).motor == first.motor


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("speed = 3", "unknown entry 'speed'"),
        ("[motor]\nflux = -1", r"motor: flux must be a number above 0, not -1"),
        ("[motor]\nohm = 1", r"unknown entry of \[motor\] 'ohm'"),
        ("motor = 3", r"motor must be a table: write \[motor\] above it"),
        ("[conditions]\ndelay = 9", "delay must be a whole number from 0 to 4, not 9"),
        ("[conditions]\nprotection = 1", "protection must be true or false, not 1"),
        ("signal = 3", "signal must be a text, not 3"),
        ("steps = 0", "steps must be a whole number from 1 on, not 0"),
    ],
)
def test_a_malformed_file_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=sentence) as caught:
        read(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: named(["winer:0"]), "unknown signal 'winer'; did you mean wiener"),
        (lambda: named(["none.toml"]), "no such file: none.toml"),
        (lambda: named(["wiener"], steps=0), "steps must be a whole number from 1"),
        (lambda: named(["wiener"], inductance_scale=0.0), "inductance_scale must be above 0"),
        (lambda: named(["wiener"], noise=-1.0), "noise must be at least 0"),
        (lambda: named(["wiener"], drift=9.0), "drift must lie between -1 and 3.57"),
        (lambda: named(["wiener"], speed=float("nan")), "speed must be a number, not nan"),
        (lambda: train(speed=[1.0, 2.0, 3.0]), r"speed must be a number or a range"),
        (lambda: train(speed=[2.0, 1.0]), "the range .* has no numbers"),
        (lambda: train(signal="sine"), "unknown signal 'sine'"),
        (lambda: Motor(pole_pairs=1.5), "pole_pairs must be a whole number"),
    ],
)
def test_what_cannot_be_is_one_sentence(call: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        call()
