"""The refinement on tensors is the environment's, and its gradients are those of differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.analytic_gradient.model import Differentiable, model_of
from drlapps.comms.ris_beamforming.differentiable import Refinement
from drlapps.comms.ris_beamforming.environment import RisBeamformingEnv
from drlapps.comms.ris_beamforming.instances import toy, train
from drlapps.errors import InputError

STEPS = 3
WORLDS: dict[str, dict[str, Any]] = {
    "ideal": {},
    "one of each": {"antennas": 1, "elements": 1, "users": 1},
    "more users than antennas": {"antennas": 2, "users": 3, "direct": True},
    "amplitude": {"amplitude": "phase-dependent", "beta_min": 0.3, "mu": 0.4, "kappa": 2.5},
    "unknown amplitude": {"amplitude": "phase-dependent", "mismatch": True},
    "no least amplitude": {"amplitude": "phase-dependent", "beta_min": 0.0, "kappa": 0.5},
    "errors": {"csi_error_variance": 0.05, "direct": True},
    "levels": {"bits": 2},
    "many": {"family": "mixed"},
    "many sizes": {"family": "sizes", "direct": True},
    "blocks": {"family": "mixed", "blocks": 3, "pilot_period": 2},
}


def twins(
    world: dict[str, Any], rows: int, seed: int = 0, steps: int = STEPS
) -> tuple[RisBeamformingEnv, Refinement, Any]:
    """The environment and its model at the start of the same episodes."""
    pool, rng = train(**world), np.random.default_rng(seed)
    channels = [pool.sample(rng) for _ in range(rows)]  # type: ignore[union-attr]
    env = RisBeamformingEnv(
        rows,
        channels,
        precoder="mmse",
        steps=steps,
        start="zero",
        autoreset_mode=AutoresetMode.DISABLED,
    )
    model = env.differentiable()
    return env, model, model.load(channels, rng)


def check_twins(world: dict[str, Any], rows: int, seed: int) -> None:
    env, model, state = twins(world, rows, seed)
    rng = np.random.default_rng([seed, 1])
    observations, _ = env.reset(seed=0, options={"instances": env.pool})
    ended = np.zeros(rows, np.bool_)
    for _ in range(model.horizon):
        assert not ended.any()
        np.testing.assert_allclose(model.observe(state).numpy(), observations, atol=1e-5)
        actions = rng.uniform(-1.0, 1.0, env.action_space.shape or ()).astype(np.float32)
        observations, rewards, ended, _, _ = env.step(actions)
        state, given_ = model.step(state, torch.from_numpy(actions))
        np.testing.assert_allclose(given_.numpy(), rewards, atol=1e-8)
    assert ended.all()


@pytest.mark.parametrize("world", WORLDS)
def test_it_is_the_environment_step_by_step(world: str) -> None:
    check_twins(WORLDS[world], rows=5, seed=0)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["mixed", "sizes"]),
    st.booleans(),
    st.integers(0, 2),
    st.integers(0, 10_000),
)
def test_it_is_the_environment_in_any_world(
    family: str, direct: bool, bits: int, seed: int
) -> None:
    check_twins({"family": family, "direct": direct, "bits": bits}, rows=3, seed=seed)


@pytest.mark.parametrize(
    "world", ["ideal", "amplitude", "unknown amplitude", "errors", "many sizes", "blocks"]
)
def test_gradients_are_those_of_differences(world: str) -> None:
    """Of the return of a policy that acts on what it sees: curvature matters, too."""
    _, model, start = twins(WORLDS[world], rows=2, steps=2)
    rng = np.random.default_rng(5)
    columns = start.seen.shape[2]
    weights = torch.from_numpy(rng.normal(0.0, 0.05, columns)).requires_grad_()

    def returns() -> torch.Tensor:
        state, total = start, torch.zeros(())
        for _ in range(model.horizon):
            state, rewards = model.step(state, torch.tanh(model.observe(state) @ weights))
            total = total + rewards.sum()
        return total

    (gradient,) = torch.autograd.grad(returns(), weights)
    direction = torch.from_numpy(rng.normal(size=columns))
    ends = []
    for sign in (1.0, -1.0):
        with torch.no_grad():
            weights += sign * 1e-6 * direction
            ends.append(float(returns()))
            weights -= sign * 1e-6 * direction
    slope = (ends[0] - ends[1]) / 2e-6
    assert float(gradient @ direction) == pytest.approx(slope, rel=1e-4, abs=1e-5)


def test_gradients_are_finite_where_nothing_can_be_gained() -> None:
    """In the first toy no phase matters: roots of zero stand in the observations."""
    channels = [toy()[0]] * 2
    model = Refinement(1, 1, 1, blocks=1, steps=3, start="random")
    state = model.load(channels, np.random.default_rng(0))
    shift = torch.zeros((), requires_grad=True)
    total = torch.zeros(())
    for _ in range(3):
        state, rewards = model.step(state, 0.1 * model.observe(state)[:, :, 5] + shift)
        total = total + rewards.sum()
    (gradient,) = torch.autograd.grad(total, shift)
    assert float(gradient) == pytest.approx(0.0, abs=1e-9)


def test_levels_pass_gradients_on() -> None:
    _, model, state = twins({"bits": 1}, rows=2, steps=1)
    action = torch.full((2, 16), 0.1, requires_grad=True)
    _, rewards = model.step(state, action)
    (gradient,) = torch.autograd.grad(rewards.sum(), action)
    assert float(gradient.abs().min()) > 0.0


def test_random_starts_follow_the_generator() -> None:
    pool = train()
    channels = [pool.sample(np.random.default_rng(1))] * 3  # type: ignore[union-attr]
    model = Refinement(4, 20, 4, blocks=1, steps=2, start="random")
    one, same = (model.load(channels, np.random.default_rng(7)) for _ in range(2))
    torch.testing.assert_close(one.phases, same.phases, rtol=0.0, atol=0.0)
    assert bool((one.phases[:, :16] != 0.0).all())
    assert not bool(one.phases[:, 16:].any()), "elements that are not there"
    assert not bool(one.seen[:, 16:].any())
    assert len(set(one.value.tolist())) == 3


def test_what_cannot_be_differentiated_is_refused() -> None:
    pool = train()
    for other in ({"actions": "phases"}, {"precoder": "zf"}):
        env = RisBeamformingEnv(1, pool, **other)  # type: ignore[arg-type]
        with pytest.raises(InputError, match="only increments"):
            model_of(env)
    env = RisBeamformingEnv(1, pool)
    assert isinstance(env, Differentiable)
    model, rng = env.differentiable(), np.random.default_rng(0)
    for world, message in (
        ({"paper_model": True}, "paper_model is not differentiable"),
        ({"blocks": 2}, "has not 1 blocks, as others have"),
    ):
        with pytest.raises(InputError, match=message):
            model.load([train(**world).sample(rng)], rng)  # type: ignore[union-attr]
