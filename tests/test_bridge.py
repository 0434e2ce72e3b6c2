"""The SB3 bridge against environments stepped by hand and against SB3's own vector environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecMonitor

from drlapps import registry
from drlapps.bridge import EPISODES, SB3Bridge
from drlapps.foreign import EpisodeSeed

tiny = registry.user_module(Path(__file__).with_name("tiny.py"))


def bridge(rows: int, **settings: Any) -> SB3Bridge:
    return SB3Bridge(tiny.Walk(rows, tiny.Starts(), **settings))


def test_it_is_a_vec_env_of_single_spaces() -> None:
    env = bridge(3)
    assert isinstance(env, VecEnv)
    assert env.num_envs == 3
    assert env.observation_space.shape == (2,)
    assert env.action_space == gymnasium.spaces.Discrete(3)


def test_a_batch_that_does_not_restart_is_refused() -> None:
    batch = tiny.Walk(2, tiny.Starts(), autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(ValueError, match="restarts ended episodes"):
        SB3Bridge(batch)


def test_episodes_are_those_of_rows_stepped_by_hand() -> None:
    rows, steps = 3, 60
    env = bridge(rows)
    env.seed(9)
    observations = env.reset()
    hands = [
        tiny.Walk(1, tiny.Starts(), autoreset_mode=AutoresetMode.DISABLED) for _ in range(rows)
    ]
    for row, hand in enumerate(hands):
        np.testing.assert_array_equal(hand.reset(seed=9 + row)[0][0], observations[row])
    rewards_of: list[list[float]] = [[] for _ in range(rows)]
    finished = []
    rng = np.random.default_rng(0)
    for _ in range(steps):
        actions = rng.integers(3, size=rows)
        observations, rewards, dones, infos = env.step(actions)
        for row, hand in enumerate(hands):
            seen, reward, terminated, truncated, _ = hand.step(actions[[row]])
            rewards_of[row].append(float(reward[0]))
            assert rewards[row] == reward[0]
            assert dones[row] == (terminated[0] or truncated[0])
            if not dones[row]:
                assert infos[row] == {}
                np.testing.assert_array_equal(observations[row], seen[0])
                continue
            info = infos[row]
            np.testing.assert_array_equal(info["terminal_observation"], seen[0])
            assert info["TimeLimit.truncated"] == (truncated[0] and not terminated[0])
            assert info["episode"]["r"] == pytest.approx(sum(rewards_of[row]))
            assert info["episode"]["l"] == len(rewards_of[row])
            assert info["episode"]["t"] >= 0.0
            finished.append(sum(rewards_of[row]))
            rewards_of[row] = []
            np.testing.assert_array_equal(observations[row], hand.reset()[0][0])
    assert len(finished) > rows
    assert list(env.latest_returns) == pytest.approx(finished)


@pytest.mark.parametrize("name", ["CARTPOLE", "PENDULUM"])
def test_infos_are_those_of_sb3s_own_vector_environment(name: str) -> None:
    task = registry.get(f"{tiny.__file__}:{name}")
    seeds = [11, 12]
    ours = SB3Bridge(registry.make(task, 2, [EpisodeSeed(seed) for seed in seeds]))
    options = {"instances": [EpisodeSeed(seed) for seed in seeds]}
    ours.batch.reset(seed=0, options=options)
    theirs = DummyVecEnv([lambda: Monitor(gymnasium.make(task.env_id)) for _ in seeds])
    theirs.seed(seeds[0])
    theirs.reset()
    for _ in range(200):
        actions = np.array([ours.action_space.high if name == "PENDULUM" else 1] * 2)
        a, b = ours.step(actions), theirs.step(actions)
        np.testing.assert_array_equal(a[2], b[2])
        np.testing.assert_allclose(a[1], b[1], rtol=1e-6)
        if b[2].any():
            break
        np.testing.assert_array_equal(a[0], b[0])
    assert b[2].any()
    for row in np.flatnonzero(b[2]):
        mine, other = a[3][row], b[3][row]
        np.testing.assert_array_equal(mine["terminal_observation"], other["terminal_observation"])
        assert mine["TimeLimit.truncated"] == other["TimeLimit.truncated"] == (name == "PENDULUM")
        assert mine["episode"]["l"] == other["episode"]["l"]
        assert mine["episode"]["r"] == pytest.approx(other["episode"]["r"], abs=1e-4)
    ours.close()
    theirs.close()


def test_seeds_hold_for_the_next_reset_only() -> None:
    env = bridge(2)
    env.seed(4)
    first, second = env.reset(), env.reset()
    batch = tiny.Walk(2, tiny.Starts())
    np.testing.assert_array_equal(first, batch.reset(seed=4)[0])
    np.testing.assert_array_equal(second, batch.reset()[0])
    env.seed(4)
    np.testing.assert_array_equal(env.reset(), first)


def test_masks_answer_for_all_rows_or_some() -> None:
    env = bridge(4, masked=True)
    env.seed(1)
    env.reset()
    expected = env.batch.action_masks()
    assert is_masking_supported(env)
    np.testing.assert_array_equal(get_action_masks(env), expected)
    np.testing.assert_array_equal(env.env_method("action_masks", indices=[2, 0]), expected[[2, 0]])
    np.testing.assert_array_equal(env.env_method("action_masks", indices=1), expected[[1]])
    assert not is_masking_supported(bridge(2))


def test_attributes_are_those_of_the_batch() -> None:
    env = bridge(3)
    assert env.has_attr("stride")
    assert not env.has_attr("no_such_thing")
    assert env.get_attr("stride") == [0.5] * 3
    assert env.get_attr("stride", indices=[0, 2]) == [0.5] * 2
    env.set_attr("stride", 0.25)
    assert env.batch.stride == 0.25
    assert env.env_is_wrapped(Monitor) == [False] * 3
    assert env.env_is_wrapped(Monitor, indices=0) == [False]


def test_an_exported_bridge_continues_with_its_running_episodes() -> None:
    rng = np.random.default_rng(3)
    env = bridge(2)
    env.seed(7)
    env.reset()
    for _ in range(15):
        env.step(rng.integers(3, size=2))
    state = env.export_state()
    twin = bridge(2)
    twin.restore_state(state)
    for _ in range(30):
        actions = rng.integers(3, size=2)
        a, b = env.step(actions), twin.step(actions)
        for x, y in zip(a[:3], b[:3], strict=True):
            np.testing.assert_array_equal(x, y)
        for mine, other in zip(a[3], b[3], strict=True):
            assert mine.keys() == other.keys()
            if mine:
                assert mine["episode"]["r"] == other["episode"]["r"]
                assert mine["episode"]["l"] == other["episode"]["l"]
    assert env.latest_returns == twin.latest_returns


def test_only_the_latest_returns_are_kept() -> None:
    env = bridge(10)
    env.seed(0)
    env.reset()
    for _ in range(150):
        env.step(np.ones(10, np.int64))
    assert len(env.latest_returns) == EPISODES


def test_sb3_trains_on_it_and_its_wrappers_take_it() -> None:
    env = VecMonitor(bridge(4))
    model = PPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, device="cpu", seed=0)
    model.learn(128)
    assert model.num_timesteps == 128
    assert all(np.isfinite(episode["r"]) for episode in model.ep_info_buffer)
    mean, _ = evaluate_policy(model, env, n_eval_episodes=5)
    assert np.isfinite(mean)


def test_closing_it_closes_the_batch() -> None:
    env = bridge(1)
    env.close()
    assert env.batch.closed
