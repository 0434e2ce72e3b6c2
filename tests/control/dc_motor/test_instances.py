"""Drives by name, pools and toys."""

from __future__ import annotations

import math

import numpy as np
import pytest

from drlapps.control.dc_motor import instances
from drlapps.control.dc_motor.instances import SPEEDS, UNCERTAIN, named, toy, train, validation
from drlapps.control.dc_motor.motor import KINDS, Conditions, Motor
from drlapps.errors import InputError


def test_names_ranges_and_settings() -> None:
    drives = named(["steps:0..2", "wiener"], "shunt", "speed", noise=0.0, inertia_scale=1.2)
    assert [one.name for one in drives] == ["steps:0", "steps:1", "steps:2", "wiener:0"]
    assert {one.motor.kind for one in drives} == {"shunt"}
    assert {one.conditions.inertia_scale for one in drives} == {1.2}
    assert len({one.hash for one in drives}) == 4


def test_settings_change_the_truth_and_not_what_must_be_followed() -> None:
    (plain,), (worn,) = named(["uncertain:1"]), named(["uncertain:1"], resistance_scale=3.0)
    assert worn.motor == plain.motor
    assert worn.setpoints.tolist() == plain.setpoints.tolist()
    assert worn.conditions.flux_scale == plain.conditions.flux_scale
    assert worn.conditions.resistance_scale == 3.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("control", ["current", "speed"])
def test_set_points_stay_within_their_margins(kind: str, control: str) -> None:
    low, high = (-0.45, 0.45) if control == "current" else SPEEDS[kind]
    for drive in instances.test(kind, control):
        shares = drive.setpoints / drive.scale
        assert low <= shares.min()
        assert shares.max() <= high
        assert len(shares) == {"current": 1000, "speed": 2500}[control]
    assert validation(kind, control)[0].motor.kind == kind


def test_load_torques_come_and_go_under_speed_control_alone() -> None:
    (held,), (free,) = named(["steps:0"]), named(["steps:0"], control="speed", load_torque=2.0)
    assert not held.torques.any()
    assert 0.0 <= free.torques.min() < free.torques.max() <= 2.0
    assert free.start == free.setpoints[0]
    assert held.start == 100.0


def test_random_drives_lie_within_their_ranges() -> None:
    pool = train("permanently-excited", "speed", delay=[0, 2], noise=[0.1, 0.2])
    rng = np.random.default_rng(0)
    drawn = [pool.sample(rng).conditions for _ in range(60)]
    assert {one.delay for one in drawn} == {0, 1, 2}
    assert all(0.1 <= one.noise <= 0.2 for one in drawn)
    low, high = UNCERTAIN["inductance_scale"]
    assert all(low <= one.inductance_scale <= high for one in drawn)


def test_the_toys_are_worked_out() -> None:
    # 60 V in a coil of 5.419 mH and 64 mOhm, by hand: 3.3168 A after 0.3 ms.
    still, turning, back = toy()
    points = 1e-5 * np.arange(1, 31)
    current = 60.0 / 0.064 * (1.0 - np.exp(-0.064 * points / 5.419e-3))
    assert current[-1] == pytest.approx(3.316, abs=1e-3)
    assert still.reference == pytest.approx(np.mean(60.0 - current) / 420.0)
    assert back.reference == pytest.approx(still.reference)
    # At 100 rad/s the motor's own flux pushes back.
    assert turning.reference is not None
    assert turning.reference > float(still.reference or 0.0)
    assert math.isclose(turning.setpoints[0], 60.0)


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"motor": "shnt"}, "unknown motor 'shnt'; did you mean shunt"),
        ({"control": "torque"}, "unknown control 'torque'"),
        ({"steps": 0}, "steps must be a whole number from 1"),
        ({"noise": -1.0}, "noise must be a number at least 0"),
        ({"delay": 9}, "delay must be a whole number from 0 to 4"),
        ({"protection": 1}, "protection must be true or false"),
        ({"flux_scale": 0.0}, "flux_scale must be a number above 0"),
        ({"speed": math.inf}, "speed must be a number, not inf"),
    ],
)
def test_impossible_settings_are_one_sentence(settings: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        named(["wiener:0"], **settings)  # type: ignore[arg-type]


def test_impossible_pools_are_one_sentence() -> None:
    with pytest.raises(InputError, match="unknown signal 'wave'"):
        train(signal="wave")
    with pytest.raises(InputError, match=r"noise must be a number or a range"):
        train(noise=[1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=r"speed: the range .* has no numbers"):
        train(speed=[10.0, 0.0])
    with pytest.raises(InputError, match="unknown signal 'ramp'"):
        named(["ramp:0"])


def test_a_period_too_long_for_the_circuit_is_refused() -> None:
    with pytest.raises(InputError, match=r"period of 0.01 s is too long .* 0.0011875 s"):
        Motor("shunt", field_resistance=0.4, period=1e-2)
    with pytest.raises(InputError, match="inertia must be a number above 0"):
        Motor(inertia=0.0)
    with pytest.raises(InputError, match="unknown motor"):
        Motor("stepper")
    assert Conditions(delay=0).delay == 0
