from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO, SAC

from drlapps.bridge import SB3Bridge
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.environment import RisBeamformingEnv
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.instances import train
from drlapps.comms.ris_beamforming.network import SoftSurfacePolicy, SurfacePolicy
from drlapps.comms.ris_beamforming.setting import Setting
from drlapps.vector import Array
from drlapps.weights import weights_of, with_weights

BOTH = pytest.mark.parametrize("cls", [SurfacePolicy, SoftSurfacePolicy])


def channel(users: int = 3, elements: int = 6, antennas: int = 4) -> Channel:
    setting = Setting(antennas, elements, users, amplitude="phase-dependent")
    return draw(setting, np.random.default_rng(5), "drawn")


def batch(*channels: Channel) -> tuple[RisBeamformingEnv, Array]:
    env = RisBeamformingEnv(
        len(channels), channels, start="zero", autoreset_mode=AutoresetMode.DISABLED
    )
    env.reset(seed=0, options={"instances": list(channels)})
    # One decision, the same for all, so that what is known of the decision before differs.
    decision = np.full(env.action_space.shape, 0.3, np.float32)
    return env, env.step(decision)[0]


def policy(env: RisBeamformingEnv, cls: Any) -> Any:
    torch.manual_seed(0)
    spaces = env.single_observation_space, env.single_action_space
    made = cls(*spaces, lambda _: 1e-3, width=16, link_width=8)
    # Larger moves than those of an untrained network, so that differences show.
    head = made.action_net[0] if cls is SurfacePolicy else made.actor.mu.out
    torch.nn.init.normal_(head.weight)
    return made


def moves(network: Any, observations: Array) -> tuple[Array, Array]:
    """Return the actor's means (B, N) and the first critic's values (B,)."""
    seen = torch.from_numpy(observations)
    with torch.no_grad():
        if isinstance(network, SurfacePolicy):
            means = network.get_distribution(seen).distribution.mean
            values = network.predict_values(seen)
        else:
            means, _, _ = network.actor.get_action_dist_params(seen)
            values = network.critic(seen, torch.tanh(means))[0]
    return means.numpy(), values.numpy()[:, 0]


def reordered(drawn: Channel, users: Array, elements: Array) -> Channel:
    """Return the channel with users and elements renumbered."""
    return replace(
        drawn,
        cascaded=drawn.cascaded[:, users][:, :, elements],
        direct=drawn.direct[:, users],
        cascaded_estimate=drawn.cascaded_estimate[:, users][:, :, elements],
        direct_estimate=drawn.direct_estimate[:, users],
    )


@BOTH
def test_elements_permute_the_moves_and_users_change_nothing(cls: Any) -> None:
    drawn, rng = channel(), np.random.default_rng(1)
    users, elements = rng.permutation(3), rng.permutation(6)
    env, seen = batch(drawn, reordered(drawn, users, elements))
    (ours, theirs), (value, same) = moves(policy(env, cls), seen)
    assert ours.std() > 0.01
    assert np.allclose(ours[elements], theirs, atol=1e-4)
    assert np.isclose(value, same, atol=1e-4)


@BOTH
@pytest.mark.parametrize("larger", [(3, 9, 4), (5, 6, 5), (6, 12, 8)])
def test_padding_changes_nothing(cls: Any, larger: tuple[int, int, int]) -> None:
    alone, seen = batch(channel())
    network = policy(alone, cls)
    padded, wide = batch(channel(), channel(*larger))
    same = with_weights(policy(padded, cls), weights_of(network))
    assert wide.shape[1:] > seen.shape[1:]
    (ours,), value = moves(network, seen)
    theirs, values = moves(same, wide)
    assert np.allclose(ours, theirs[0, :6], atol=1e-4)
    assert np.isclose(value[0], values[0], atol=1e-4)


@BOTH
def test_rows_without_anything_give_numbers(cls: Any) -> None:
    env, seen = batch(channel())
    means, values = moves(policy(env, cls), np.zeros_like(seen))
    assert np.isfinite(means).all()
    assert np.isfinite(values).all()


def test_critics_judge_the_action_and_differ() -> None:
    env, seen = batch(channel())
    critic = policy(env, SoftSurfacePolicy).critic
    observations, still = torch.from_numpy(seen), torch.zeros(1, 6)
    first, second = critic(observations, still)
    assert first != second
    assert critic(observations, still + 0.5)[0] != first


@BOTH
def test_state_dependent_noise_is_refused(cls: Any) -> None:
    env, _ = batch(channel())
    spaces = env.single_observation_space, env.single_action_space
    with pytest.raises(ValueError, match="state-dependent"):
        cls(*spaces, lambda _: 1e-3, use_sde=True)


def climbed(model: Any, pool: Any, decisions: int) -> float:
    """Train; return by how much the mean rate of 64 channels rises over that before training."""
    channels = [pool.sample(np.random.default_rng(number)) for number in range(64)]

    def mean_rate() -> float:
        env = RisBeamformingEnv(64, channels, steps=4, autoreset_mode=AutoresetMode.DISABLED)
        seen, _ = env.reset(seed=1, options={"instances": channels})
        for _ in range(4):
            seen, *_ = env.step(model.predict(seen, deterministic=True)[0])
        return float(np.mean([env.metrics(row)["sum_rate"] for row in range(64)]))

    before = mean_rate()
    model.learn(decisions)
    return mean_rate() - before


@pytest.mark.slow
def test_ppo_learns_to_climb() -> None:
    pool = train(elements=8, users=2, antennas=2)
    model = PPO(
        SurfacePolicy, SB3Bridge(RisBeamformingEnv(128, pool, steps=4)), n_steps=4, batch_size=256,
        n_epochs=4, gamma=0.9, gae_lambda=0.9, learning_rate=2e-3, seed=0,
        policy_kwargs={"log_std_init": -2.0, "width": 32, "link_width": 16},
    )  # fmt: skip
    assert climbed(model, pool, 128 * 4 * 40) > 2.0


@pytest.mark.slow
def test_sac_learns_to_climb() -> None:
    pool = train(elements=8, users=2, antennas=2)
    model = SAC(
        SoftSurfacePolicy, SB3Bridge(RisBeamformingEnv(16, pool, steps=4)), learning_starts=500,
        gradient_steps=2, batch_size=128, gamma=0.5, learning_rate=3e-3, ent_coef=1e-4, seed=0,
        policy_kwargs={"width": 16, "link_width": 8},
    )  # fmt: skip
    assert climbed(model, pool, 6000) > 0.5
