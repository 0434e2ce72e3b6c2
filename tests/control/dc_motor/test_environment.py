"""The environment's episodes, metrics and arguments."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.instances import named, toy, train
from drlapps.errors import InputError


def environment(drives: list[Drive], **arguments: object) -> DcMotorEnv:
    env = DcMotorEnv(len(drives), drives, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": drives})
    return env


def test_protection_ends_the_episode_and_the_rest_counts_as_the_worst() -> None:
    drives = named(["constant:0"], "permanently-excited", steps=50, noise=0.0, speed=0.0)
    env = environment(drives)
    env.step(np.array([[1.0]]))
    _, rewards, terminated, truncated, info = env.step(np.array([[1.0]]))
    # 60 V on 19 uH: 31.6 A in each tenth of a period, so that the seventh passes 210 A.
    assert (terminated[0], truncated[0], rewards[0]) == (True, False, -10.0)
    assert env.totals[0, 5] == 17
    wanted = abs(drives[0].setpoints[0])
    path = 60.0 / 16e-3 * (1.0 - np.exp(-16e-3 / 19e-6 * 1e-5 * np.arange(1, 7)))
    sign = np.sign(drives[0].setpoints[0])
    played = np.concatenate([np.full(10, wanted), np.abs(wanted - sign * path)]) / 420.0
    error = info["final_info"]["tracking_error"][0]
    assert error == pytest.approx((played.sum() + 500 - 16) / 500)
    metrics = env.metrics(0)
    assert (metrics["tripped"], metrics["feasible"]) == (1.0, 0.0)
    assert metrics["violations"] == pytest.approx(1 / 17)


def test_without_protection_the_current_is_only_counted() -> None:
    env = environment(named(["constant:0"], "shunt", steps=20, protection=False))
    for _ in range(20):
        _, _, terminated, truncated, _ = env.step(np.array([[0.8]]))
    assert (terminated[0], truncated[0]) == (False, True)
    metrics = env.metrics(0)
    assert (metrics["tripped"], metrics["feasible"]) == (0.0, 0.0)
    assert 0.5 < metrics["violations"] < 1.0


@pytest.mark.parametrize("control", ["current", "speed"])
def test_in_the_finite_set_the_path_has_every_point_of_the_metrics(control: str) -> None:
    (drive,) = named(["steps:3"], control=control, steps=80)
    env = environment([drive], control_set="finite")
    rng = np.random.default_rng(0)
    for _ in range(800):
        env.step(rng.choice([0, 1, 1, 2], 1))
    value = env.path[0, :, 2 if control == "current" else 4]
    wanted = np.repeat(drive.setpoints, 10)
    metrics = env.metrics(0)
    assert metrics["tracking_error"] == pytest.approx(
        np.abs(wanted - value).mean() / (2.0 * drive.scale)
    )
    assert metrics["rms_error"] == pytest.approx(np.sqrt(np.mean((wanted - value) ** 2)))
    legs = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])[env.path[0, :-1, 0].astype(int)]
    states = np.vstack([[[0, 0], [0, 0]], legs])
    changes = np.abs(np.diff(states, axis=0)).sum()
    # Two legs, on and off, in 8 ms.
    assert metrics["switching_khz"] == pytest.approx(changes / 4 / 8.0)


def test_overshoot_is_seen_from_the_side_of_the_last_change() -> None:
    drives = named(["constant:0"], noise=0.0, delay=0, speed=0.0, steps=60)
    env = environment(drives)
    aim = drives[0].setpoints[0]
    for _ in range(60):
        env.step(np.array([[np.sign(aim)]]))
    past = max(abs(env.current[0, 0]) - abs(aim), 0.0)
    assert past > 0.0
    assert env.metrics(0)["overshoot"] == pytest.approx(past)


@pytest.mark.parametrize("delay", [0, 1, 3])
@pytest.mark.parametrize("which", ["continuous", "finite"])
def test_a_voltage_acts_after_the_delay(delay: int, which: str) -> None:
    env = environment(named(["constant:0"], delay=delay, steps=6), control_set=which)
    for step in range(6):
        env.step(np.full(env.action_space.shape, int(step == 0)))
    assert np.flatnonzero(np.abs(env.path[0, :6, 1]) > 1.0).tolist() == [delay]


@pytest.mark.parametrize("which", ["continuous", "finite"])
def test_the_command_ahead_is_the_one_that_acts(which: str) -> None:
    env = environment(named(["wiener:0..1"], delay=2, steps=20), control_set=which)
    env.action_space.seed(1)
    for step in range(12):
        expected = env.ahead(0)
        env.step(env.action_space.sample())
        assert env.path[:, step, 1] == pytest.approx(expected)


def test_set_points_and_duration_are_those_of_the_period_that_begins() -> None:
    (drive,) = named(["wiener:4"], acceleration=500.0, steps=20)
    env = environment([drive], control_set="finite")
    assert env.decision_time() == pytest.approx([1e-5])
    for step in range(150):
        assert env.setpoint()[0] == drive.setpoints[step // 10]
        assert env.speed[0] == pytest.approx(100.0 + 500.0 * 1e-5 * step)
        env.step(np.array([0]))


def test_a_magnet_motor_starts_at_rest_though_nothing_was_commanded() -> None:
    drives = named(["steps:0..3"], "permanently-excited", "speed", noise=0.0, flux_scale=1.2)
    env = environment(drives)
    env.step(np.zeros((4, 1)))
    assert np.abs(env.speed).min() > 1.0
    # Only the load pulls, and only the speed's change makes a current.
    assert np.abs(env.current[:, 0]).max() < 1.0


def test_voltages_are_those_of_the_data_sheet() -> None:
    env = environment(named(["wiener:0"], voltage_scale=0.5, delay=0))
    assert env.actions_for(np.array([30.0])) == pytest.approx(np.array([[0.5]]))
    env.step(env.actions_for(np.array([30.0])))
    assert env.path[0, 0, 1] == pytest.approx(15.0)


def test_wrong_arguments_are_one_sentence() -> None:
    with pytest.raises(InputError, match=r"unknown control_set 'finit'; did you mean finite"):
        DcMotorEnv(1, train(), control_set="finit")
    env = DcMotorEnv(1, train())
    env.reset(seed=0)
    with pytest.raises(ValueError, match="NaN"):
        env.step(np.full((1, 1), np.nan))


def test_rows_that_have_ended_stay_as_they_are() -> None:
    env = environment([*toy(), *named(["wiener:0"], steps=5)])
    for _ in range(3):
        env.step(np.zeros((4, 1)))
    frozen = env.export_state()
    env.step(np.ones((4, 1)))
    for name, before in frozen.items():
        if name in DcMotorEnv.STATE:
            assert np.array_equal(getattr(env, name)[:3], before[:3]), name
    with pytest.raises(ValueError, match="longer than any drive"):
        env.reset(options={"instances": named(["wiener:0..3"], steps=9)})
