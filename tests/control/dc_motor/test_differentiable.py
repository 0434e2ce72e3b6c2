"""The motors on tensors: the environment's dynamics, with derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.instances import named
from drlapps.control.dc_motor.motor import KINDS
from drlapps.errors import InputError


def environment(drives: list[Drive], **arguments: object) -> DcMotorEnv:
    env = DcMotorEnv(len(drives), drives, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": drives})
    return env


@pytest.mark.parametrize("control", ["current", "speed"])
@pytest.mark.parametrize("kind", KINDS)
def test_tensors_move_as_the_environment_does(kind: str, control: str) -> None:
    quiet = {"steps": 40, "noise": 0.0, "protection": False}
    drives = [
        *named(["wiener:0", "uncertain:0"], kind, control, delay=2, voltage_scale=0.9, **quiet),
        *named(["steps:0..1"], kind, control, delay=0, acceleration=300.0, **quiet),
    ]
    env = environment(drives)
    observations, model = env._observe(), env.differentiable()
    state = model.load(drives, np.random.default_rng(0))
    # About the voltage that keeps the current low: nothing comes near its limit.
    idle = np.array([[one.idle] for one in drives])
    rng, most = np.random.default_rng(1), 0.6 if kind == "series" else 0.06
    for _ in range(40):
        assert model.observe(state).numpy() == pytest.approx(observations, abs=1e-4)
        actions = np.clip(idle + rng.uniform(-most, most, (4, 1)), -1.0, 1.0)
        observations, rewards, *_ = env.step(actions)
        state, found = model.step(state, torch.from_numpy(actions))
        assert found.numpy() == pytest.approx(rewards, abs=1e-6)
    assert np.abs(env.current).max() > 1.0


def test_what_comes_near_the_limit_costs_more_the_nearer_it_comes() -> None:
    drives = named(["constant:0"], "permanently-excited", noise=0.0, delay=0, speed=0.0, steps=4)
    model = environment(drives).differentiable()
    state = model.load(drives, np.random.default_rng(0))
    costs = [-float(model.step(state, torch.tensor([[share]]))[1]) for share in (0.5, 0.7, 0.9)]
    # 60 V on 19 uH and 16 mOhm: the current in a period, of which 189 A are free.
    path = 60.0 / 16e-3 * (1.0 - np.exp(-16e-3 / 19e-6 * 1e-5 * np.arange(1, 11)))
    for share, cost in zip((0.5, 0.7, 0.9), costs, strict=True):
        error = np.abs(drives[0].setpoints[0] - share * path).mean() / 420.0
        excess = np.maximum(share * path / 210.0 - 0.9, 0.0).mean()
        assert cost == pytest.approx(error + 10.0 * excess, rel=1e-4)
    assert costs == sorted(costs)


@pytest.mark.parametrize("control", ["current", "speed"])
def test_the_derivatives_are_those_of_small_changes(control: str) -> None:
    drives = named(["wiener:2..3"], "shunt", control, steps=6, noise=0.0)
    model = environment(drives).differentiable()
    actions = torch.tensor(np.random.default_rng(0).uniform(-0.1, 0.1, (6, 2, 1)))

    def total(actions: torch.Tensor) -> torch.Tensor:
        state, rewards = model.load(drives, np.random.default_rng(0)), []
        for one in actions:
            state, reward = model.step(state, one)
            rewards.append(reward)
        return torch.stack(rewards).sum()

    assert torch.autograd.gradcheck(total, actions.requires_grad_())


def test_what_is_measured_with_noise_has_it_in_its_size() -> None:
    drives = named(["wiener:0..3"], "shunt", steps=400, noise=2.0)
    noise = environment(drives).differentiable().load(drives, np.random.default_rng(0)).drives.noise
    assert noise.std(dim=(0, 2)).tolist() == pytest.approx([2.0, 2.0, 0.0], rel=0.06)
    # A series motor has no field current of its own.
    drives = named(["wiener:0"], steps=10)
    noise = environment(drives).differentiable().load(drives, np.random.default_rng(0)).drives.noise
    assert float(noise[:, 1].abs().max()) == 0.0


def test_what_is_not_differentiable_is_one_sentence() -> None:
    drives = named(["wiener:0"], steps=5)
    with pytest.raises(InputError, match="only control_set=continuous is differentiable"):
        environment(drives, control_set="finite").differentiable()
    model = environment(drives).differentiable()
    with pytest.raises(InputError, match="has not 5 steps"):
        model.load(named(["wiener:0"], steps=6), np.random.default_rng(0))
    with pytest.raises(InputError, match="a dead time is not differentiable"):
        model.load(named(["wiener:0"], steps=5, dead_time=1.0), np.random.default_rng(0))
