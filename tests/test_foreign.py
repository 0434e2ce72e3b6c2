"""Environments of other packages as tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps import foreign, registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import evaluate, rollout
from drlapps.foreign import EpisodeSeed, EpisodeSeeds, episodes, foreign_environment
from drlapps.policy import Random
from drlapps.train import RunSpec, train
from drlapps.vector import Generator, Instance, ScalarView

TINY = Path(__file__).with_name("tiny.py")
NAMES = {"CartPole-v1": "CARTPOLE", "Pendulum-v1": "PENDULUM"}


def batch(env_id: str, rows: int, training: bool = False, **settings: Any) -> Any:
    mode = AutoresetMode.SAME_STEP if training else AutoresetMode.DISABLED
    return foreign_environment(env_id)(rows, EpisodeSeeds(), autoreset_mode=mode, **settings)


def actions_for(env_id: str, seed: int, rows: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if env_id == "CartPole-v1":
        return rng.integers(2, size=rows)
    return rng.uniform(-2.0, 2.0, (rows, 1)).astype(np.float32)


# --- instances ---


def test_an_episode_seed_is_an_instance_and_its_pool_a_generator() -> None:
    seed = EpisodeSeed(3)
    assert isinstance(seed, Instance)
    assert isinstance(EpisodeSeeds(), Generator)
    assert (seed.name, seed.reference, seed.bound) == ("seed-3", None, None)
    assert seed.hash != EpisodeSeed(4).hash


def test_the_pools_are_disjoint() -> None:
    rng = np.random.default_rng(0)
    drawn = {foreign.train().sample(rng).hash for _ in range(500)}
    validation = {seed.hash for seed in foreign.validation()}
    test = {seed.hash for seed in foreign.test()}
    assert (len(drawn), len(validation), len(test)) == (500, 64, 100)
    assert not (drawn & validation)
    assert not (drawn & test)
    assert not (validation & test)


@given(count=st.integers(1, 50), first=st.integers(0, foreign.FIXED_SEEDS - 50))
def test_fixed_episodes_are_successive_and_below_those_of_training(count: int, first: int) -> None:
    found = episodes(count, first)
    assert [seed.seed for seed in found] == list(range(first, first + count))
    assert max(seed.seed for seed in found) < foreign.train().largest().seed


@pytest.mark.parametrize(("count", "first"), [(0, 0), (1, -1), (2, foreign.FIXED_SEEDS - 1)])
def test_other_fixed_episodes_are_refused(count: int, first: int) -> None:
    with pytest.raises(InputError, match="fixed seeds lie between"):
        episodes(count, first)


# --- the batch ---


@pytest.mark.parametrize("env_id", NAMES)
@settings(max_examples=8)
@given(seed=st.integers(0, 1000))
def test_an_episode_is_the_one_that_gymnasium_plays(env_id: str, seed: int) -> None:
    env, alone = batch(env_id, 2), gymnasium.make(env_id)
    seeds = [EpisodeSeed(seed + 1), EpisodeSeed(seed)]
    observations, _ = env.reset(seed=77, options={"instances": seeds})
    seen, _ = alone.reset(seed=seed)
    total, length, ended = 0.0, 0, False
    while not ended:
        np.testing.assert_array_equal(observations[1], seen)
        actions = actions_for(env_id, seed + length, 2)
        observations, rewards, terminated, truncated, _ = env.step(actions)
        seen, reward, *over, _ = alone.step(actions[1])
        assert (rewards[1], terminated[1], truncated[1]) == (reward, *over)
        total, length, ended = total + float(reward), length + 1, any(over)
    assert env.metrics(1) == {"return": pytest.approx(total), "length": length, "feasible": 1.0}
    assert env.solution(1) == {"return": pytest.approx(total), "length": length}
    alone.close()
    env.close()


@pytest.mark.parametrize("env_id", NAMES)
def test_rows_do_not_depend_on_the_size_of_the_batch(env_id: str) -> None:
    big, small = batch(env_id, 3, training=True), batch(env_id, 1, training=True)
    a, b = big.reset(seed=5)[0], small.reset(seed=7)[0]
    np.testing.assert_array_equal(a[2], b[0])
    for step in range(250):
        actions = actions_for(env_id, step, 3)
        a, b = big.step(actions), small.step(actions[[2]])
        for x, y in zip(a[:4], b[:4], strict=True):
            np.testing.assert_array_equal(x[2], y[0])
    assert big._episodes[2] > 1, "episodes came and went"


def test_the_batch_is_a_copy_of_what_the_rows_show() -> None:
    env = batch("CartPole-v1", 2)
    observations, _ = env.reset(seed=0)
    before = observations.copy()
    env.step(np.array([0, 1]))
    np.testing.assert_array_equal(observations, before)


# The checkers advise finite spaces; the environment is not ours.
@pytest.mark.filterwarnings("ignore:.*A Box observation space m:UserWarning")
def test_a_batch_of_one_passes_the_checkers() -> None:
    from gymnasium.utils.env_checker import check_env
    from stable_baselines3.common.env_checker import check_env as sb3_check

    check_env(ScalarView(batch("CartPole-v1", 1)), skip_render_check=True)
    sb3_check(ScalarView(batch("CartPole-v1", 1)))


def test_its_state_stays_its_own() -> None:
    env = batch("CartPole-v1", 1)
    env.reset(seed=0)
    assert not env.EXPORTABLE
    with pytest.raises(NotImplementedError, match="CartPole-v1 cannot be exported"):
        env.export_state()
    with pytest.raises(NotImplementedError, match="cannot be restored"):
        env.restore_state({})


# --- settings ---


def test_parameters_are_those_of_the_environments_constructor() -> None:
    task = registry.get(f"{TINY}:PENDULUM")
    parameters = registry.parameters(task)
    assert parameters["g"].default == 10.0
    assert parameters["g"].of == "environment"
    assert "render_mode" not in parameters
    heavy = registry.make(task, 1, registry.pool(task, "test"), training=False, g=20.0)
    light = registry.make(task, 1, registry.pool(task, "test"), training=False)
    for env in (heavy, light):
        env.reset(seed=0, options={"instances": [EpisodeSeed(1)]})
        env.step(np.array([[0.5]], np.float32))
    assert not np.array_equal(heavy._observations, light._observations)
    with pytest.raises(InputError, match="unexpected keyword"):
        registry.make(task, 1, registry.pool(task, "test"), gravity=20.0)


@pytest.mark.parametrize(
    ("env_id", "message"),
    [
        ("CartPolo-v1", "no Gymnasium environment 'CartPolo-v1'"),
        ("CartPole-v99", "no Gymnasium environment 'CartPole-v99'"),
        ("no_such_module:CartPole-v1", "no Gymnasium environment 'no_such_module"),
        ("not an id", "no Gymnasium environment 'not an id'"),
    ],
)
def test_an_unknown_environment_is_one_sentence(env_id: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        foreign_environment(env_id)


def test_one_environment_is_one_class() -> None:
    assert foreign_environment("CartPole-v1") is foreign_environment("CartPole-v1")
    assert foreign_environment("CartPole-v1") is not foreign_environment("Pendulum-v1")


# --- other spaces ---


class Odd(gymnasium.Env[Any, Any]):
    """Two steps of whatever spaces it is given; may mask its second action."""

    def __init__(
        self,
        observation: Any = None,
        action: Any = None,
        masked: bool = False,
        driver: bool = True,
    ) -> None:
        if not driver:
            raise gymnasium.error.DependencyNotInstalled("install the driver")
        self.observation_space = observation or spaces.Dict(
            {"a": spaces.Box(-1, 1, (2,)), "b": spaces.Discrete(3)}
        )
        self.action_space = action or spaces.Discrete(2)
        if masked:
            self.action_masks = lambda: np.array([self.steps < 2, False])

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> Any:
        self.steps += 1
        return self.observation_space.sample(), 1.0, self.steps == 2, False, {}


@pytest.fixture
def odd() -> Any:
    gymnasium.register("tests/Odd-v0", entry_point=Odd)
    yield "tests/Odd-v0"
    gymnasium.registry.pop("tests/Odd-v0")
    foreign_environment.cache_clear()


def test_dictionaries_are_flattened(odd: str) -> None:
    env = batch(odd, 2)
    assert env.single_observation_space.shape == (5,)
    observations, _ = env.reset(seed=0)
    np.testing.assert_array_equal(observations[:, 2:].sum(axis=1), [1, 1])


def test_masks_are_passed_on_and_an_ended_row_admits_anything(odd: str) -> None:
    env = batch(odd, 2, masked=True)
    instances = [EpisodeSeed(0)] * 2
    env.reset(seed=0, options={"instances": instances})
    np.testing.assert_array_equal(env.action_masks(), [[True, False]] * 2)
    rollout(env, Random(), instances, 0)
    np.testing.assert_array_equal(env.action_masks(), [[True, True]] * 2)
    assert not hasattr(batch(odd, 1), "action_masks")


def test_spaces_that_nothing_can_handle_are_refused(odd: str) -> None:
    with pytest.raises(InputError, match="no policy can handle"):
        batch(odd, 1, action=spaces.Dict({"a": spaces.Discrete(2)}))
    with pytest.raises(InputError, match="no policy can handle"):
        batch(odd, 1, observation=spaces.Text(4))


def test_what_cannot_be_made_is_one_sentence(odd: str) -> None:
    with pytest.raises(InputError, match="cannot make tests/Odd-v0: install the driver"):
        batch(odd, 1, driver=False)


# --- as a task ---


def test_it_is_trained_and_compared_like_any_other(tmp_path: Path) -> None:
    name = f"{TINY}:CARTPOLE"
    spec = RunSpec(
        name, "ppo", 0, str(tmp_path / "run"), steps=512,
        hyperparameters={"n_envs": 8, "n_steps": 32, "batch_size": 64, "validate_every": 256},
    )  # fmt: skip
    manifest = train(spec)
    assert manifest["validation"] == [seed.hash for seed in foreign.validation()]
    task = registry.get(name)
    agent = contestant(task, spec.directory)
    results = evaluate(task, [agent], foreign.test()[:2])
    assert [result.instance for result in results] == ["seed-0", "seed-1"]
    again = evaluate(task, [agent], foreign.test()[:2], seed=9)
    # The instance, not the seed of the evaluation, is the episode.
    assert [result.value for result in again] == [result.value for result in results]
    with pytest.raises(InputError, match="was trained or validated on"):
        evaluate(task, [agent], foreign.validation()[:1])
