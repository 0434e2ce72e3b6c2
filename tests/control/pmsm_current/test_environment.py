"""The environment's episodes, metrics and arguments."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.instances import Drive, named, toy, train
from drlapps.errors import InputError


def environment(drives: list[Drive], **arguments: object) -> PmsmCurrentEnv:
    env = PmsmCurrentEnv(len(drives), drives, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": drives})
    return env


def test_protection_ends_the_episode_and_the_rest_counts_as_the_worst() -> None:
    env = environment(named(["constant:0"], steps=200, noise=0.0))
    actions = np.array([[1.0, 0.0]])
    errors = []
    while True:
        _, rewards, terminated, truncated, info = env.step(actions)
        if terminated[0]:
            break
        errors.append(-rewards[0])
    played = len(errors) + 1
    assert not truncated[0]
    assert rewards[0] == -10.0
    assert 5 < played < 50
    wanted = (sum(errors) + 200 - len(errors)) / 200
    assert info["final_info"]["tracking_error"][0] == pytest.approx(wanted)
    metrics = env.metrics(0)
    assert (metrics["tripped"], metrics["feasible"]) == (1.0, 0.0)
    assert metrics["violations"] == pytest.approx(1 / played)


def test_without_protection_the_current_is_only_counted() -> None:
    env = environment(named(["constant:0"], steps=60, protection=False))
    for _ in range(60):
        _, _, terminated, truncated, _ = env.step(np.array([[1.0, 0.0]]))
    assert (terminated[0], truncated[0]) == (False, True)
    metrics = env.metrics(0)
    assert metrics["tripped"] == 0.0
    assert metrics["feasible"] == 0.0
    over = np.hypot(*env.path[0, :, 5:7].T) > 400.0
    assert metrics["violations"] == pytest.approx(over.mean())


def test_metrics_are_those_of_the_path() -> None:
    (drive,) = named(["steps:3"], steps=300)
    env = environment([drive])
    rng = np.random.default_rng(0)
    for _ in range(300):
        env.step(rng.uniform(-0.2, 0.2, (1, 2)))
    off = drive.setpoints - env.path[0, :, 5:7]
    metrics = env.metrics(0)
    assert metrics["tracking_error"] == pytest.approx(np.abs(off).sum(axis=1).mean() / 1600.0)
    assert metrics["rms_d"] == pytest.approx(np.sqrt(np.mean(off[:, 0] ** 2)))
    assert metrics["rms_q"] == pytest.approx(np.sqrt(np.mean(off[:, 1] ** 2)))
    wanted = np.sqrt((off**2).sum() / (drive.setpoints**2).sum())
    assert metrics["distortion"] == pytest.approx(wanted)
    assert metrics["switching_khz"] == pytest.approx(10.0)


def test_the_switching_frequency_counts_legs() -> None:
    env = environment(named(["constant:0"], steps=100, delay=0, protection=False), control="finite")
    for step in range(100):
        env.step(np.array([(0, 7)[step % 2]]))
    # All legs switch in 99 of 100 periods: nearly half of 10 kHz.
    assert env.metrics(0)["switching_khz"] == pytest.approx(0.5 * 10.0 * 99 / 100)


def test_overshoot_is_seen_from_the_side_of_the_last_change() -> None:
    # At rest the d axis is a coil with a resistance: 200 V for one period give 53.92 A.
    still = {"speed": 0.0, "noise": 0.0, "delay": 0, "steps": 3}
    (drive,) = named(["constant:0"], **still)
    env = environment([drive])
    aim = drive.setpoints[0]
    volts = np.array([np.sign(aim[0]), 0.0])
    level = 0.0
    for _ in range(3):
        env.step(volts[None])
        level = env.path[0, int(env.step_index[0]) - 1, 5]
    past = max(abs(level) - abs(aim[0]), 0.0)
    assert env.metrics(0)["overshoot"] == pytest.approx(past)
    (near,) = [one for one in toy() if one.name == "toy-reach"]
    env = environment([near])
    for _ in range(3):
        env.step(np.array([[1.0, 0.0]]))
    after = env.path[0, :, 5]
    assert after[0] == pytest.approx(53.92, abs=0.01)
    assert env.metrics(0)["overshoot"] == pytest.approx(after[2] - 40.0)


@pytest.mark.parametrize("delay", [0, 1, 3])
def test_a_voltage_acts_after_the_delay(delay: int) -> None:
    env = environment(named(["constant:0"], speed=0.0, noise=0.0, delay=delay, steps=6))
    moved = []
    for step in range(6):
        env.step(np.array([[float(step == 0), 0.0]]))
        moved.append(float(env.path[0, step, 3]))
    assert np.flatnonzero(np.abs(moved) > 1.0).tolist() == [delay]


def test_the_command_ahead_is_the_one_that_acts() -> None:
    env = environment(named(["wiener:0..1"], delay=2, steps=20))
    rng = np.random.default_rng(1)
    for _ in range(15):
        env.step(rng.uniform(-0.2, 0.2, (2, 2)))
        expected = env.ahead(0)[:, :2]
        step = int(env.step_index[0])
        env.step(np.zeros((2, 2)))
        assert env.path[:, step, 3:5] == pytest.approx(expected)
        if step + 1 >= 18:
            break


def test_set_points_and_speed_are_those_of_the_period_that_begins() -> None:
    (drive,) = named(["wiener:4"], acceleration=500.0, steps=60)
    env = environment([drive])
    for step in range(50):
        assert env.setpoint()[0] == pytest.approx(drive.setpoints[step])
        # Blocks of 20 steps; 3 pole pairs.
        middle = (step // 20 + 0.5) * 20e-4
        assert env.speed()[0] == pytest.approx(3.0 * (100.0 + 500.0 * middle))
        env.step(np.zeros((1, 2)))


def test_legs_reach_what_the_rotor_wants() -> None:
    drives = named(["wiener:0..7"], noise=0.0, steps=5)
    wanted = np.random.default_rng(0).uniform(-100.0, 100.0, (8, 2))
    paths = []
    for control in ("dq", "abc"):
        env = environment(drives, control=control)
        env.step(env.actions_for(wanted))
        env.step(env.actions_for(wanted))
        paths.append(env.path[:, 1, 3:5].copy())
    # The delay turns the rotor by 0.03 radians meanwhile; that is allowed for.
    assert paths[0] == pytest.approx(wanted)
    assert paths[1] == pytest.approx(wanted, abs=1e-9)


def test_wrong_arguments_are_one_sentence() -> None:
    with pytest.raises(InputError, match=r"unknown control 'dp'; did you mean dq"):
        PmsmCurrentEnv(1, train(), control="dp")
    with pytest.raises(InputError, match="unknown limit 'square'"):
        PmsmCurrentEnv(1, train(), limit="square")
    env = PmsmCurrentEnv(1, train())
    env.reset(seed=0)
    with pytest.raises(ValueError, match="NaN"):
        env.step(np.full((1, 2), np.nan))


def test_rows_that_have_ended_stay_as_they_are() -> None:
    env = environment([*toy(), *named(["wiener:0"], steps=5)])
    for _ in range(3):
        env.step(np.zeros((4, 2)))
    frozen = env.export_state()
    env.step(np.ones((4, 2)))
    for name, before in frozen.items():
        if name in PmsmCurrentEnv.STATE:
            assert np.array_equal(getattr(env, name)[:3], before[:3]), name
    with pytest.raises(ValueError, match="longer than any drive"):
        env.reset(options={"instances": named(["wiener:0..3"], steps=9)})
