"""The machine on tensors: the environment's dynamics, with derivatives."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.instances import Drive, named
from drlapps.errors import InputError


def environment(drives: list[Drive], **arguments: object) -> PmsmCurrentEnv:
    env = PmsmCurrentEnv(len(drives), drives, autoreset_mode=AutoresetMode.DISABLED, **arguments)
    env.reset(seed=0, options={"instances": drives})
    return env


@pytest.mark.parametrize("limit", ["hexagon", "circle"])
def test_tensors_move_as_the_environment_does(limit: str) -> None:
    drives = [
        *named(["wiener:0..1", "uncertain:0"], steps=50, noise=0.0, delay=2, drift=0.3),
        *named(["steps:0"], steps=50, noise=0.0, delay=0, acceleration=300.0),
        *named(["wiener:1"], steps=50, noise=0.0, protection=False),
    ]
    env = environment(drives, limit=limit)
    observations, model = env._observe(), env.differentiable()
    state = model.load(drives, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    wild = rng.uniform(-1.0, 1.0, (5, 2))
    for step in range(50):
        assert model.observe(state).numpy() == pytest.approx(observations, abs=1e-6)
        # The same voltage for long makes some trip.
        actions = wild if step < 25 else rng.uniform(-1.0, 1.0, (5, 2))
        observations, rewards, terminated, *_ = env.step(actions)
        state, found = model.step(state, torch.from_numpy(actions))
        assert found.numpy() == pytest.approx(rewards, abs=1e-9)
        running = ~terminated
        observations = np.where(running[:, None], observations, model.observe(state).numpy())
    assert terminated.any()
    assert not terminated.all()


def test_the_derivatives_are_those_of_small_changes() -> None:
    drives = named(["wiener:2..3"], steps=6, noise=0.0)
    model = environment(drives).differentiable()
    actions = torch.tensor(np.random.default_rng(0).uniform(-0.3, 0.3, (6, 2, 2)))

    def total(actions: torch.Tensor) -> torch.Tensor:
        state, rewards = model.load(drives, np.random.default_rng(0)), []
        for one in actions:
            state, reward = model.step(state, one)
            rewards.append(reward)
        return torch.stack(rewards).sum()

    assert torch.autograd.gradcheck(total, actions.requires_grad_())


def test_noise_is_of_its_size() -> None:
    drives = named(["wiener:0..3"], steps=400, noise=2.0)
    state = environment(drives).differentiable().load(drives, np.random.default_rng(0))
    assert float(state.drives.noise.std()) == pytest.approx(2.0, rel=0.05)


def test_what_is_not_differentiable_is_one_sentence() -> None:
    drives = named(["wiener:0"], steps=5)
    with pytest.raises(InputError, match="only control=dq is differentiable"):
        environment(drives, control="abc").differentiable()
    model = environment(drives).differentiable()
    with pytest.raises(InputError, match="has not 5 steps"):
        model.load(named(["wiener:0"], steps=6), np.random.default_rng(0))
    with pytest.raises(InputError, match="a dead time is not differentiable"):
        model.load(named(["wiener:0"], steps=5, dead_time=1.0), np.random.default_rng(0))
