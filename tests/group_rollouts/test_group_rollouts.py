"""Groups of episodes: what they share, what is kept, what is learnt from them, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.vec_env import DummyVecEnv

from drlapps import registry
from drlapps.agents import ALGORITHMS, Agent, Preset, build, check_spaces, preset
from drlapps.bridge import SB3Bridge
from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.group_rollouts.pomo import Pomo
from drlapps.group_rollouts.rollouts import Decisions, GroupPlayer, Rollouts
from drlapps.group_rollouts.self_labelling import SelfLabelling
from drlapps.vector import Array, VectorEnvironment
from drlapps.weights import weights_of, with_weights

TINY = Path(__file__).parents[1] / "tiny.py"
tiny = registry.user_module(TINY)
NAMES = ("self-labelling", "pomo")
ROWS, SIZE = 12, 4


def walk(rows: int = ROWS, **settings: Any) -> VectorEnvironment:
    env: VectorEnvironment = tiny.Walk(rows, tiny.Starts(), **settings)
    return env


def made(name: str, env: VectorEnvironment, seed: int = 0, **hyperparameters: Any) -> Any:
    chosen = Preset(
        name,
        steps=1,
        hyperparameters={"group_size": SIZE, "batch_size": 64, **hyperparameters},
        policy_kwargs={"net_arch": [16]},
    )
    return build(chosen, SB3Bridge(env), seed)


def played(env: VectorEnvironment, memory: int = 10_000, seed: int = 0) -> Rollouts:
    model = made("pomo", env)
    player = GroupPlayer(model.env, SIZE, memory)
    return player.play(model.policy, player.rng(seed, 0))


# --- what is played ---


def test_a_group_meets_one_instance_and_one_noise() -> None:
    env = walk()
    played(env)
    instances = np.array([start.hash for start in env.instances]).reshape(-1, SIZE)
    assert all(len(set(group)) == 1 for group in instances)
    assert len(set(instances[:, 0])) == ROWS // SIZE
    noise: Any = env
    groups = noise.noise.reshape(-1, SIZE, tiny.LONGEST)
    np.testing.assert_array_equal(groups, np.broadcast_to(groups[:, :1], groups.shape))
    assert not np.array_equal(groups[0], groups[1])


@pytest.mark.parametrize("masked", [False, True])
def test_every_row_plays_its_episode_to_the_end_and_no_further(masked: bool) -> None:
    """Played again row by row, in a batch of one."""
    env = walk(masked=masked)
    found = played(env)
    seeds = found_seeds(env)
    decisions = found.decisions
    assert found.steps == len(decisions)
    for row in range(ROWS):
        own = decisions.take(decisions.rows == row)
        alone = tiny.Walk(1, env.pool, masked=masked, autoreset_mode=AutoresetMode.DISABLED)
        observations, _ = alone.reset(seed=seeds[row])
        total, ended = 0.0, False
        for seen, action in zip(own.observations, own.actions, strict=True):
            assert not ended
            np.testing.assert_array_equal(seen, observations[0])
            observations, rewards, terminated, truncated, _ = alone.step(np.array([action]))
            total += float(rewards[0])
            ended = bool(terminated[0] or truncated[0])
        assert ended
        assert found.returns.ravel()[row] == pytest.approx(total)


def found_seeds(env: VectorEnvironment) -> list[int]:
    return [int(seed) for seed in env.export_state()["_row_seeds"]]


def test_masked_actions_are_never_drawn() -> None:
    decisions = played(walk(rows=60, masked=True)).decisions
    assert decisions.masks is not None
    assert not decisions.masks.all(), "some were forbidden"
    assert decisions.masks[np.arange(len(decisions)), decisions.actions].all()
    assert played(walk()).decisions.masks is None


def test_the_log_probabilities_are_those_of_the_policy() -> None:
    env = walk(masked=True)
    model = made("pomo", env)
    player = GroupPlayer(model.env, SIZE, 1_000)
    decisions = player.play(model.policy, player.rng(0, 0)).decisions
    np.testing.assert_allclose(decisions.log_probs, expected_logs(model, decisions), atol=1e-5)


def expected_logs(model: Any, decisions: Decisions) -> Array:
    """The logarithm of a softmax over the admissible actions, in NumPy."""
    with torch.no_grad():
        features = torch.from_numpy(decisions.observations)
        latent = model.policy.mlp_extractor.forward_actor(features)
        logits = model.policy.action_net(latent).numpy().astype(np.float64)
    if decisions.masks is not None:
        logits = np.where(decisions.masks, logits, -np.inf)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    found: Array = logs[np.arange(len(decisions)), decisions.actions]
    return found


def test_the_batch_restarts_ended_episodes_again_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = walk()
    played(env)
    assert env.autoreset_mode is AutoresetMode.SAME_STEP

    def broken(*args: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(env, "_advance", broken)
    with pytest.raises(RuntimeError, match="broken"):
        played(env)
    assert env.autoreset_mode is AutoresetMode.SAME_STEP


def test_the_memory_bounds_what_is_kept_not_what_is_counted() -> None:
    everything, some = played(walk()), played(walk(), memory=20)
    assert len(some.decisions) == 20
    assert some.steps == everything.steps > 20
    np.testing.assert_array_equal(some.returns, everything.returns)
    known = {(row, *seen.tolist()) for row, seen in rows_and_sights(everything.decisions)}
    kept = [(row, *seen.tolist()) for row, seen in rows_and_sights(some.decisions)]
    assert len(set(kept)) == 20
    assert known.issuperset(kept)


def rows_and_sights(decisions: Decisions) -> Any:
    return zip(decisions.rows.tolist(), decisions.observations, strict=True)


# --- what is made of it ---


@given(
    st.integers(1, 5),
    st.integers(2, 6),
    st.integers(0, 2**32 - 1),
)
def test_advantages_of_a_group_sum_to_zero_and_the_label_is_the_best(
    groups: int, size: int, seed: int
) -> None:
    returns = np.random.default_rng(seed).integers(-3, 3, (groups, size)).astype(float)
    empty = np.zeros(0, np.int64)
    found = Rollouts(returns, Decisions(empty, empty, empty.astype(np.float32), empty), 0)
    advantages = found.advantages()
    flat = returns.ravel()
    for group in range(groups):
        rows = range(group * size, (group + 1) * size)
        mean = sum(flat[row] for row in rows) / size
        np.testing.assert_allclose(
            [advantages[row] for row in rows], [flat[r] - mean for r in rows]
        )
        assert sum(advantages[row] for row in rows) == pytest.approx(0.0, abs=1e-12)
        assert found.best()[group] == max(rows, key=lambda row: flat[row])


@given(st.integers(1, 200), st.integers(2, 50))
def test_minibatches_show_everything_once_and_are_never_small(count: int, size: int) -> None:
    column = np.arange(count)
    decisions = Decisions(column, column, column.astype(np.float32), column)
    parts = list(decisions.minibatches(size, np.random.default_rng(0)))
    assert sorted(np.concatenate(parts).tolist()) == list(range(count))
    assert all(len(part) >= min(size, count) for part in parts)
    assert all(len(part) < 2 * size for part in parts)


def test_self_labelling_steps_on_the_cross_entropy_of_the_best_episodes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    env = walk(masked=True)
    model: SelfLabelling = made("self-labelling", env, batch_size=1_000)
    imitated: list[Decisions] = []
    imitate = SelfLabelling._imitate

    def noted(self: SelfLabelling, labels: Decisions) -> float:
        imitated.append(labels)
        entropy = -expected_logs(self, labels).mean()
        loss = imitate(self, labels)
        assert loss == pytest.approx(float(entropy), rel=1e-5)
        assert -expected_logs(self, labels).mean() < entropy, "it has come nearer to the labels"
        return loss

    monkeypatch.setattr(SelfLabelling, "_imitate", noted)
    player = GroupPlayer(model.env, SIZE, 10_000)
    taken, records = model._update(player)
    assert len(imitated) == 1
    assert taken > len(imitated[0])
    assert set(imitated[0].rows // SIZE) == set(range(ROWS // SIZE))
    assert len(set(imitated[0].rows)) == ROWS // SIZE
    assert records["best_return"] > records["return"]


def test_pomo_gives_every_decision_the_advantage_of_its_episode() -> None:
    model: Pomo = made("pomo", walk())
    model.learn(1)
    buffer: Any = model.rollout_buffer
    [batch] = buffer.get(1_000)
    player = GroupPlayer(model.env, SIZE, 10_000)
    again = made("pomo", walk())
    rollouts = player.play(again.policy, player.rng(0, 0))
    returns = rollouts.returns
    expected = (returns - returns.mean(axis=1, keepdims=True)).ravel()[rollouts.decisions.rows]
    np.testing.assert_allclose(
        np.sort(batch.advantages.numpy()), np.sort(expected), rtol=1e-5, atol=1e-5
    )
    assert not batch.returns.any()


def test_pomo_raises_what_was_better_than_its_group() -> None:
    """One gradient step on all decisions: the weighted log-probabilities grow."""
    env = walk()
    model: Pomo = made("pomo", env, batch_size=10_000, learning_rate=1e-3, n_epochs=1)
    model.learn(1)
    buffer: Any = model.rollout_buffer
    decisions: Decisions = buffer._decisions
    before, after = decisions.log_probs, expected_logs(model, decisions)
    assert float(((after - before) * buffer._advantages).sum()) > 0.0


@pytest.mark.parametrize("name", NAMES)
def test_the_critic_is_left_alone(name: str) -> None:
    model = made(name, walk())
    before = weights_of(model.policy)
    model.learn(500)
    after = weights_of(model.policy)
    changed = {key for key in before if not np.array_equal(before[key], after[key])}
    assert changed == {key for key in before if "policy_net" in key or "action_net" in key}


# --- learning ---

SHOPS = {"jobs": [6, 6], "machines": [4, 4]}
QUICK: dict[str, dict[str, Any]] = {
    "self-labelling": {"group_size": 8, "batch_size": 64, "learning_rate": 5e-3},
    "pomo": {"group_size": 8, "batch_size": 256, "n_epochs": 2, "learning_rate": 5e-3},
}


def mean_metric(chosen: Preset, model: Any, env: VectorEnvironment, metric: str) -> float:
    """Of the greedy policy on the instances of the environment; lower is better."""
    rollout(env, Agent(chosen, weights_of(model.policy)), env.pool, 0)
    return float(np.mean([env.metrics(row)[metric] for row in range(env.num_envs)]))


@pytest.mark.parametrize("name", NAMES)
def test_they_improve_on_the_untrained_network_of_a_job_shop(name: str) -> None:
    task = registry.get("scheduling/job-shop")
    chosen = replace(preset(task, name), hyperparameters=QUICK[name], policy_kwargs={"width": 16})
    pool: Any = registry.pool(task, "train", **SHOPS)
    instances = pool.take(40)
    judge = registry.make(task, 40, instances, training=False, **chosen.environment)
    model = build(chosen, SB3Bridge(registry.make(task, 32, pool, **chosen.environment)), 0)
    before = mean_metric(chosen, model, judge, "makespan")
    model.learn(12_000)
    assert mean_metric(chosen, model, judge, "makespan") < 0.97 * before
    assert model.num_timesteps >= 12_000


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_they_learn_to_stay_near_zero_with_and_without_masks(name: str, masked: bool) -> None:
    chosen = Preset(name, 1, hyperparameters=QUICK[name], policy_kwargs={"net_arch": [16]})
    model = build(chosen, SB3Bridge(walk(rows=32, masked=masked)), 0)
    model.learn(8_000)
    starts = tiny.validation() * 8
    judge = tiny.Walk(len(starts), starts, masked=masked, autoreset_mode=AutoresetMode.DISABLED)
    cost = mean_metric(chosen, model, judge, "cost")
    rollout(judge, tiny.Homing(), starts, 0)
    homing = float(np.mean([judge.metrics(row)["cost"] for row in range(len(starts))]))
    assert cost < 1.3 * homing


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_weights(name: str) -> None:
    learnt = []
    for seed in (3, 3, 4):
        model = made(name, walk(), seed)
        model.learn(1_000)
        learnt.append(weights_of(model.policy))
    first, again, other = learnt
    for key, array in first.items():
        np.testing.assert_array_equal(array, again[key])
    assert any(not np.array_equal(array, other[key]) for key, array in first.items())


@pytest.mark.parametrize("name", NAMES)
def test_agents_keep_to_masks_where_there_are_any(name: str) -> None:
    chosen = preset(registry.get(f"{TINY}:WALK"), name)
    for masked in (True, False):
        env = tiny.Walk(40, tiny.Starts(), masked=masked, autoreset_mode=AutoresetMode.DISABLED)
        model = build(chosen, SB3Bridge(walk(masked=masked)), 0)
        agent = Agent(chosen, weights_of(model.policy))
        agent.samples = 2
        observations, _ = env.reset(seed=0, options={"instances": [tiny.Start(1.4, 12)] * 40})
        agent.reset(env, 0)
        assert (2 in agent.act(env, observations)) is not masked


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", ["ppo", "a2c", "maskable-ppo"])
def test_one_can_go_on_where_the_other_ended(name: str, other: str) -> None:
    model = made(name, walk(masked=True))
    chosen = Preset(other, 1, policy_kwargs={"net_arch": [16]})
    stranger = build(chosen, SB3Bridge(walk(masked=True)), 1)
    weights = weights_of(stranger.policy)
    with_weights(model.policy, weights)
    for key, array in weights_of(model.policy).items():
        np.testing.assert_array_equal(array, weights[key])


@pytest.mark.parametrize("name", NAMES)
def test_an_sb3_zip_of_it_acts_alike(name: str, tmp_path: Path) -> None:
    model = made(name, walk())
    model.learn(200)
    model.save(tmp_path / "model.zip")
    again = type(model).load(tmp_path / "model.zip", device="cpu")
    observations, _ = walk(5).reset(seed=0)
    np.testing.assert_array_equal(
        again.predict(observations, deterministic=True)[0],
        model.predict(observations, deterministic=True)[0],
    )


# --- what cannot be ---


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group_size": 1}, "group_size must be a whole number from 2 on, not 1"),
        ({"group_size": 0}, "0 is no possible group_size"),
        ({"group_size": 5}, "n_envs=12 rows do not form whole groups of group_size=5"),
        ({"batch_size": 1}, "batch_size must be a whole number from 2 on, not 1"),
        ({"memory": 0}, "0 is no possible memory"),
        ({"gamma": 0.9}, "unknown hyper-parameter of .* 'gamma'"),
    ],
)
def test_impossible_hyperparameters_are_one_sentence(name: str, changes: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        made(name, walk(), **changes)


def test_gradients_are_clipped_to_something() -> None:
    with pytest.raises(InputError, match=r"max_grad_norm must be positive, not 0\.0"):
        made("self-labelling", walk(), max_grad_norm=0.0)


@pytest.mark.parametrize("name", NAMES)
def test_continuous_actions_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"{name} cannot act in a Box action space; these can"):
        check_spaces(name, walk(continuous=True))
    check_spaces(name, walk())
    assert not ALGORITHMS[name].masks


def test_environments_of_others_are_refused() -> None:
    import gymnasium

    env = DummyVecEnv([lambda: gymnasium.make("CartPole-v1")] * 2)
    with pytest.raises(InputError, match="need one of the toolkit's environments"):
        SelfLabelling("MlpPolicy", env, group_size=2).learn(1)
