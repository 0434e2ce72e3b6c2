"""The controllers: what they are tuned to, and what they do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.dc_motor import instances
from drlapps.control.dc_motor.baselines import Deadbeat, PiControl
from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.instances import named, toy
from drlapps.control.dc_motor.motor import KINDS
from drlapps.control.dc_motor.predictive import FcsMpc, LinearMpc
from drlapps.control.motors.baselines import Zero
from drlapps.errors import InputError
from drlapps.policy import Policy

CONTROLLERS = [PiControl, Deadbeat, LinearMpc, FcsMpc]


def play(policy: Policy, drives: Sequence[Drive]) -> DcMotorEnv:
    env = DcMotorEnv(
        len(drives), drives, autoreset_mode=AutoresetMode.DISABLED, **policy.environment
    )
    seen, _ = env.reset(seed=0, options={"instances": list(drives)})
    policy.reset(env, 0)
    over = np.zeros(len(drives), np.bool_)
    while not over.all():
        seen, _, terminated, truncated, _ = env.step(policy.act(env, seen))
        over = terminated | truncated
    return env


def error(policy: Policy, drives: Sequence[Drive]) -> float:
    env = play(policy, drives)
    return float(np.mean([env.metrics(row)["tracking_error"] for row in range(env.num_envs)]))


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_all_use_all_the_voltage_there_is_where_that_is_best(controller: type[Policy]) -> None:
    drives = toy()
    env = play(controller(), drives)
    for row, drive in enumerate(drives):
        assert env.metrics(row)["tracking_error"] == pytest.approx(drive.reference, rel=1e-6)


def test_deadbeat_reaches_its_set_point_after_the_delay_and_a_period() -> None:
    drives = named(["constant:0..3"], "permanently-excited", noise=0.0, delay=1, steps=5)
    env = play(Deadbeat(observer=0.0), drives)
    wanted = [one.setpoints[0] for one in drives]
    assert env.path[:, 1, 2] == pytest.approx(np.array(wanted), rel=1e-6)


def test_the_observer_takes_the_offset_of_a_wrong_data_sheet_away() -> None:
    settings = {"noise": 0.0, "resistance_scale": 2.0, "flux_scale": 0.8, "steps": 400}
    drives = named(["constant:0..3"], "permanently-excited", **settings)
    wanted = np.array([one.setpoints[0] for one in drives])
    with_, without = play(Deadbeat(), drives), play(Deadbeat(observer=0.0), drives)
    assert with_.current[:, 0] == pytest.approx(wanted, abs=0.01)
    assert np.abs(without.current[:, 0] - wanted).min() > 1.0


def test_pi_control_is_tuned_by_the_magnitude_optimum() -> None:
    # Overshoot of a third-order magnitude optimum is 4.3 % or, with the delay exact, a little more.
    drives = named(["constant:0"], "permanently-excited", noise=0.0, speed=0.0, steps=60)
    env = play(PiControl(), drives)
    aim = abs(drives[0].setpoints[0])
    assert 0.02 < env.metrics(0)["overshoot"] / aim < 0.12
    assert env.current[0, 0] == pytest.approx(drives[0].setpoints[0], rel=2e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_speeds_are_reached_and_currents_kept(kind: str) -> None:
    drives = named(["constant:0..3"], kind, "speed", steps=1000)
    for controller in (PiControl, LinearMpc):
        env = play(controller(), drives)
        wanted = np.array([one.setpoints[0] for one in drives])
        assert env.speed == pytest.approx(wanted, abs=1.0)
        assert not env.tripped.any()


@pytest.mark.parametrize("controller", [PiControl, LinearMpc])
def test_a_shunt_motor_brakes_without_turning_its_field_around(controller: type[Policy]) -> None:
    # A reversed field would speed the rotor up: the set-point of this path falls at 105 ms.
    drives = named(["steps:2"], "shunt", "speed", steps=2000)
    env = play(controller(), drives)
    assert drives[0].setpoints[1200] < drives[0].setpoints[0] - 20.0
    assert env.path[0, :, 3].min() > -1.0
    assert np.diff(env.path[0, 1100:, 4]).max() < 0.05
    assert env.speed[0] < drives[0].start - 20.0


@pytest.mark.parametrize("control", ["current", "speed"])
@pytest.mark.parametrize("kind", KINDS)
def test_controllers_beat_doing_nothing_by_far(kind: str, control: str) -> None:
    drives = [instances.test(kind, control)[row] for row in (0, 32, 33)]
    nothing = error(Zero(), drives)
    for controller in (PiControl, Deadbeat):
        assert error(controller(), drives) < 0.5 * nothing


def test_finite_control_beats_chance_and_counts_its_switching() -> None:
    drives = named(["steps:0..1"], steps=150)
    free, spared = play(FcsMpc(), drives), play(FcsMpc(switching_weight=3e-4), drives)
    errors = [env.metrics(0)["tracking_error"] for env in (free, spared)]
    rates = [env.metrics(0)["switching_khz"] for env in (free, spared)]
    assert rates[1] < rates[0]
    assert errors[1] < 1.1 * errors[0] < 0.5 * error(Zero(), drives)


@pytest.mark.parametrize("horizon", [1, 3])
def test_finite_control_takes_the_best_of_all_sequences(horizon: int) -> None:
    drives = named(["wiener:0"], noise=0.0, delay=0, speed=0.0, steps=3)
    env = play(FcsMpc(horizon=horizon, observer=0.0), drives)
    levels = {0: 0.0, 1: 60.0, 2: -60.0, 3: 0.0}
    gain, keeps = 60.0 / 0.064, np.exp(-0.064 * 1e-5 / 5.419e-3)
    i = 0.0
    for step in range(30):
        wanted = drives[0].setpoints[step // 10]

        def cost(current: float, left: int, wanted: float = wanted) -> float:
            if left == 0:
                return 0.0
            return min(
                abs(wanted - after) + cost(after, left - 1)
                for share in (0.0, 1.0, -1.0)
                for after in [keeps * current + (1.0 - keeps) * gain * share]
            )

        taken = keeps * i + (1.0 - keeps) * gain / 60.0 * levels[int(env.path[0, step, 0])]
        assert abs(wanted - taken) + cost(taken, horizon - 1) == pytest.approx(cost(i, horizon))
        i = float(env.path[0, step, 2])


def test_mpc_plans_ahead_and_keeps_the_margin() -> None:
    drives = named(["steps:0..1"], "permanently-excited", "speed", steps=300, noise=0.0)
    env = play(LinearMpc(margin=0.5), drives)
    assert np.abs(env.path[:, :, 2]).max() < 0.55 * 210.0
    policy = LinearMpc()
    seen, _ = env.reset(seed=0, options={"instances": drives})
    policy.reset(env, 0)
    plan = policy.plan(env, seen, 5)
    assert plan.shape == (5, 2, 1)
    policy.reset(env, 0)
    assert policy.act(env, seen) == pytest.approx(plan[0])


def test_linear_mpc_needs_no_solver_where_no_limit_is_met() -> None:
    drives = named(["wiener:1"], "permanently-excited", steps=40)
    policy = LinearMpc()
    play(policy, drives)
    assert policy._programs == {}


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: PiControl(tuning="modulus"), "unknown tuning 'modulus'"),
        (lambda: PiControl(small_time_constant=0.0), "small_time_constant must be above 0"),
        (lambda: Deadbeat(observer=2.0), "observer must be a number from 0 to 1"),
        (lambda: Deadbeat(slowness=0.0), "slowness must be above 0"),
        (lambda: FcsMpc(horizon=9), "horizon must be 1 to 4"),
        (lambda: FcsMpc(switching_weight=-1.0), "switching_weight must be at least 0"),
        (lambda: LinearMpc(blocks=1), "blocks must be a whole number from 2 to 12"),
        (lambda: LinearMpc(smoothness=0.0), "smoothness must be above 0"),
        (lambda: LinearMpc(margin=1.5), "margin must be a number from 0 to 1"),
    ],
)
def test_impossible_options_are_one_sentence(make: type, match: str) -> None:
    with pytest.raises(InputError, match=match):
        make()


def test_controllers_name_the_control_set_they_need() -> None:
    drives = named(["wiener:0"], steps=2)
    finite = DcMotorEnv(1, drives, control_set="finite", autoreset_mode=AutoresetMode.DISABLED)
    mean = DcMotorEnv(1, drives, autoreset_mode=AutoresetMode.DISABLED)
    for env in (finite, mean):
        env.reset(seed=0, options={"instances": drives})
    for policy in (PiControl(), Deadbeat(), LinearMpc()):
        with pytest.raises(InputError, match="control_set=continuous"):
            policy.reset(finite, 0)
    with pytest.raises(InputError, match="control_set=finite"):
        FcsMpc().reset(mean, 0)
    both = [*named(["wiener:0"], steps=2), *named(["wiener:0"], control="speed", steps=2)]
    env = DcMotorEnv(2, both, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": both})
    with pytest.raises(InputError, match="not both at once"):
        LinearMpc().reset(env, 0)
