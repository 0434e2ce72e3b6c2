"""Batches: seeds, resets, autoreset, exported state and the view of a batch of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env as gymnasium_check
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps import registry
from drlapps.vector import Generator, Instance, ScalarView, VectorEnvironment

tiny = registry.user_module(Path(__file__).with_name("tiny.py"))


def walk(rows: int, *, training: bool = True, pool: Any = None, **settings: Any) -> Any:
    mode = AutoresetMode.SAME_STEP if training else AutoresetMode.DISABLED
    return tiny.Walk(rows, pool or tiny.Starts(), autoreset_mode=mode, **settings)


def actions_of(row_seed: int, steps: int) -> np.ndarray:
    return np.random.default_rng(row_seed).integers(3, size=steps)


def trajectory(env: VectorEnvironment, actions: np.ndarray) -> list[np.ndarray]:
    """Observations, rewards and flags of all steps; ``actions`` is (steps, rows)."""
    seen = []
    for step in actions:
        observations, rewards, terminated, truncated, _ = env.step(step)
        seen.append(np.column_stack([observations, rewards, terminated, truncated]))
    return seen


# --- what a batch is made of ---


def test_the_protocols_describe_instances_and_generators() -> None:
    assert isinstance(tiny.Start(0.0, 3), Instance)
    assert isinstance(tiny.Starts(), Generator)


@pytest.mark.parametrize("rows", [0, -1])
def test_a_batch_has_rows(rows: int) -> None:
    with pytest.raises(ValueError, match="num_envs must be positive"):
        walk(rows)


def test_next_step_autoreset_is_refused() -> None:
    with pytest.raises(ValueError, match="SAME_STEP or DISABLED"):
        tiny.Walk(1, tiny.Starts(), autoreset_mode=AutoresetMode.NEXT_STEP)


def test_spaces_are_those_of_one_copy_and_of_all() -> None:
    env = walk(4)
    assert env.single_observation_space.shape == (2,)
    assert env.observation_space.shape == (4, 2)
    assert env.action_space == gymnasium.spaces.MultiDiscrete([3] * 4)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP


# --- seeds ---


@settings(max_examples=25)
@given(seed=st.integers(0, 2**40), rows=st.integers(1, 6), data=st.data())
def test_a_row_is_the_batch_of_one_with_its_seed(seed: int, rows: int, data: Any) -> None:
    row = data.draw(st.integers(0, rows - 1))
    big, small = walk(rows), walk(1)
    first, _ = big.reset(seed=seed)
    alone, _ = small.reset(seed=seed + row)
    np.testing.assert_array_equal(first[row], alone[0])
    # Long enough for several episodes.
    actions = np.column_stack([actions_of(seed + r, 30) for r in range(rows)])
    together = trajectory(big, actions)
    single = trajectory(small, actions[:, [row]])
    for a, b in zip(together, single, strict=True):
        np.testing.assert_array_equal(a[row], b[0])


def test_a_list_gives_each_row_its_own_seed() -> None:
    a, _ = walk(3).reset(seed=[7, 3, 7])
    b, _ = walk(1).reset(seed=3)
    np.testing.assert_array_equal(a[0], a[2])
    np.testing.assert_array_equal(a[1], b[0])


def test_without_a_seed_rows_go_on_with_the_one_they_have() -> None:
    env, twin = walk(2), walk(2)
    env.reset(seed=5)
    twin.reset(seed=5)
    again, _ = env.reset()
    np.testing.assert_array_equal(again, twin.reset(seed=[None, None])[0])
    assert not np.array_equal(again, walk(2).reset(seed=5)[0])
    np.testing.assert_array_equal(env.reset(seed=5)[0], walk(2).reset(seed=5)[0])


def test_without_any_seed_runs_differ_and_so_do_rows() -> None:
    a, b = walk(3).reset()[0], walk(3).reset()[0]
    assert len({*a[:, 0].tolist(), *b[:, 0].tolist()}) == 6


def test_rows_left_out_of_the_first_reset_get_seeds_of_their_own() -> None:
    env = walk(3)
    env.reset(options={"reset_mask": np.array([True, False, False])})
    observations, _ = env.reset()
    assert len(set(observations[:, 0].tolist())) == 3


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        ([1, 2], "2 seeds given for 3 rows"),
        ([1, 2, 3, 4], "4 seeds given"),
        (-1, "between 0"),
        ([0, 1, 2**64], "between 0"),
    ],
)
def test_impossible_seeds_are_refused(seed: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        walk(3).reset(seed=seed)


def test_a_seed_is_a_whole_number() -> None:
    with pytest.raises(TypeError):
        walk(2).reset(seed=[0.5, 1.5])


# --- resets ---


def test_named_instances_are_used_row_by_row() -> None:
    env = walk(2)
    starts = [tiny.Start(1.25, 5), tiny.Start(-0.5, 9)]
    observations, info = env.reset(seed=0, options={"instances": starts})
    assert env.instances == starts
    assert info == {}
    np.testing.assert_allclose(observations[:, 0], [1.25, -0.5])


def test_after_a_named_instance_training_draws_from_the_pool() -> None:
    env = walk(1)
    env.reset(seed=0, options={"instances": [tiny.Start(0.0, 1)]})
    env.step(np.array([1]))
    assert env.instances[0].horizon >= 4


def test_a_fixed_pool_is_drawn_from() -> None:
    pool = tiny.validation()
    env = walk(40, pool=pool)
    env.reset(seed=0)
    assert set(env.instances) == set(pool)


def test_a_mask_restricts_the_reset() -> None:
    env = walk(3, training=False)
    before, _ = env.reset(seed=0)
    env.step(np.array([1, 1, 1]))
    moved = env.position.copy()
    mask = np.array([False, True, False])
    after, _ = env.reset(seed=0, options={"reset_mask": mask})
    np.testing.assert_array_equal(after[1], before[1])
    np.testing.assert_array_equal(env.position[~mask], moved[~mask])
    assert env.time.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    "mask",
    [
        np.array([True, False]),
        np.array([1, 0, 1]),
        np.array([[True, False, True]]),
        np.array([False, False, False]),
    ],
)
def test_a_mask_is_one_boolean_a_row_and_names_a_row(mask: np.ndarray) -> None:
    with pytest.raises(ValueError, match="reset_mask needs 3 booleans"):
        walk(3).reset(seed=0, options={"reset_mask": mask})


def test_wrong_counts_and_names_are_refused_before_anything_changes() -> None:
    env = walk(2, training=False)
    env.reset(seed=0)
    state = env.export_state()
    for options in ({"instances": [tiny.Start(0.0, 4)]}, {"instance": tiny.Start(0.0, 4)}):
        with pytest.raises(
            ValueError, match=r"1 instances named for 2|unknown reset options: inst"
        ):
            env.reset(seed=1, options=options)
    for name, value in env.export_state().items():
        np.testing.assert_array_equal(value, state[name])


# --- steps ---


def test_a_step_needs_a_reset() -> None:
    with pytest.raises(ResetNeeded):
        walk(1).step(np.array([1]))


@pytest.mark.parametrize("actions", [[1], [1, 1, 1], [[1], [1]], 1])
def test_actions_are_one_a_row(actions: Any) -> None:
    env = walk(2)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"not \(2,\)"):
        env.step(np.array(actions))


def test_an_ended_row_stays_as_it_is() -> None:
    env = walk(2, training=False)
    starts = [tiny.Start(0.0, 1), tiny.Start(0.0, 3)]
    env.reset(seed=0, options={"instances": starts})
    last, _reward, terminated, truncated, info = env.step(np.array([1, 1]))
    assert truncated.tolist() == [True, False]
    assert not terminated.any()
    assert info["_final_info"].tolist() == [True, False]
    assert "final_obs" not in info
    frozen = env.export_state()
    observations, rewards, _, truncated, info = env.step(np.array([2, 2]))
    np.testing.assert_array_equal(observations[0], last[0])
    assert rewards[0] == 0.0 != rewards[1]
    assert truncated.tolist() == [True, False]
    assert info == {}
    for name in tiny.Walk.STATE:
        np.testing.assert_array_equal(env.export_state()[name][0], frozen[name][0])
    env.step(np.array([2, 2]))
    assert env.metrics(0)["cost"] == pytest.approx(float(last[0, 0]) ** 2, rel=1e-6)


def test_termination_and_truncation_are_told_apart() -> None:
    env = walk(2)
    starts = [tiny.Start(2.9, 5), tiny.Start(0.0, 1)]
    env.reset(seed=0, options={"instances": starts})
    _, _, terminated, truncated, info = env.step(np.array([2, 1]))
    assert terminated.tolist() == [True, False]
    assert truncated.tolist() == [False, True]
    assert info["final_info"]["feasible"].tolist() == [0.0, 1.0]


def test_rewards_may_be_written_to() -> None:
    env = walk(1)
    env.reset(seed=0)
    _, rewards, _, _, _ = env.step(np.array([1]))
    kept = env.cost.copy()
    rewards[0] += 100.0
    np.testing.assert_array_equal(env.cost, kept)


def test_infos_have_the_form_that_gymnasium_documents() -> None:
    """Ours beside those of Gymnasium's own vector environment over the same copies."""
    rows = 3
    seeds = [4, 5, 6]
    ours = registry.make(registry.get(f"{tiny.__file__}:CARTPOLE"), rows, cartpole_seeds(seeds))
    theirs = SyncVectorEnv(
        [lambda: gymnasium.make("CartPole-v1") for _ in range(rows)],
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    ours.reset(seed=0, options={"instances": cartpole_seeds(seeds)})
    theirs.reset(seed=seeds)
    for _ in range(60):
        actions = np.zeros(rows, np.int64)
        a, b = ours.step(actions), theirs.step(actions)
        for x, y in zip(a[1:4], b[1:4], strict=True):
            np.testing.assert_array_equal(x, y)
        if b[4]:
            break
    info, documented = a[4], b[4]
    assert info.keys() == documented.keys() == {"final_obs", "_final_obs", "final_info",
                                                "_final_info"}  # fmt: skip
    np.testing.assert_array_equal(info["_final_obs"], documented["_final_obs"])
    np.testing.assert_array_equal(info["_final_info"], documented["_final_info"])
    assert info["final_obs"].dtype == documented["final_obs"].dtype == object
    for x, y in zip(info["final_obs"], documented["final_obs"], strict=True):
        assert (x is None) == (y is None)
        if x is not None:
            np.testing.assert_array_equal(x, y)
    for key, values in info["final_info"].items():
        assert values.shape == (rows,)
        if not key.startswith("_"):
            np.testing.assert_array_equal(info["final_info"][f"_{key}"], info["_final_info"])
    ours.close()
    theirs.close()


def cartpole_seeds(seeds: list[int]) -> list[Any]:
    from drlapps.foreign import EpisodeSeed

    return [EpisodeSeed(seed) for seed in seeds]


def test_final_observations_come_before_the_restart() -> None:
    env = walk(1)
    env.reset(seed=0, options={"instances": [tiny.Start(0.5, 2)]})
    env.step(np.array([1]))
    observations, _, _, truncated, info = env.step(np.array([1]))
    assert truncated[0]
    assert info["final_obs"][0][1] == 0.0, "no time was left at the end"
    assert observations[0, 1] > 0.0, "the next episode has its time before it"
    assert info["final_info"]["cost"][0] > 0.0
    assert env.cost[0] == 0.0


# --- exported state ---


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), before=st.integers(0, 25), after=st.integers(1, 25))
def test_a_restored_batch_continues_bit_for_bit(seed: int, before: int, after: int) -> None:
    env = walk(3)
    env.reset(seed=seed)
    rng = np.random.default_rng(seed)
    trajectory(env, rng.integers(3, size=(before, 3)))
    state = env.export_state()
    actions = rng.integers(3, size=(after, 3))
    expected = trajectory(env, actions)
    other = walk(3)
    other.restore_state(state)
    for a, b in zip(expected, trajectory(other, actions), strict=True):
        np.testing.assert_array_equal(a, b)
    assert other.instances == env.instances


def test_exported_arrays_are_copies() -> None:
    env = walk(1)
    env.reset(seed=0)
    state = env.export_state()
    env.step(np.array([1]))
    assert state["time"].tolist() == [0]


def test_a_state_of_another_size_or_kind_is_refused_and_changes_nothing() -> None:
    env = walk(2)
    env.reset(seed=0)
    mine = env.export_state()
    bigger = walk(3)
    bigger.reset(seed=1)
    reals = {**mine, "time": mine["time"].astype(float)}
    with pytest.raises(ValueError, match="not the shape and type"):
        env.restore_state(bigger.export_state())
    with pytest.raises(ValueError, match="not the shape and type"):
        env.restore_state(reals)
    with pytest.raises(ValueError, match="not a state of this environment: surplus"):
        env.restore_state({**mine, "surplus": np.zeros(2)})
    with pytest.raises(ValueError, match="not a state of this environment: cost, noise"):
        env.restore_state({k: v for k, v in mine.items() if k not in ("cost", "noise")})
    for name, value in env.export_state().items():
        np.testing.assert_array_equal(value, mine[name])


# --- a batch of one as an ordinary environment ---


@pytest.mark.parametrize("continuous", [False, True])
def test_gymnasium_and_sb3_accept_the_view(continuous: bool) -> None:
    from stable_baselines3.common.env_checker import check_env as sb3_check

    env = ScalarView(walk(1, training=False, continuous=continuous))
    gymnasium_check(env, skip_render_check=True)
    sb3_check(env)


# Jobs x features is the shape that the task's own network wants.
@pytest.mark.filterwarnings("ignore:Your observation:UserWarning")
def test_the_view_of_the_job_shop_is_accepted() -> None:
    from stable_baselines3.common.env_checker import check_env as sb3_check

    env = registry.make_scalar("scheduling/job-shop", jobs=[3, 3], machines=[3, 3])
    gymnasium_check(env, skip_render_check=True)
    sb3_check(env)
    env.reset(seed=0)
    assert env.action_masks().shape == (3,)


def test_the_view_shows_the_batch() -> None:
    view, env = ScalarView(walk(1, training=False)), walk(1, training=False)
    start = tiny.Start(0.3, 2)
    a, info = view.reset(seed=3, options={"instance": start})
    b, _ = env.reset(seed=3, options={"instances": [start]})
    np.testing.assert_array_equal(a, b[0])
    assert info == {}
    for _ in range(2):
        a, reward, terminated, truncated, info = view.step(1)
        b, rewards, _, _, _ = env.step(np.array([1]))
        np.testing.assert_array_equal(a, b[0])
        assert reward == rewards[0]
    assert (terminated, truncated) == (False, True)
    assert info == env.metrics(0)
    assert type(reward) is float
    assert type(terminated) is bool
    assert not hasattr(view, "action_masks")


def test_the_view_passes_masks_on() -> None:
    view = ScalarView(walk(1, training=False, masked=True))
    view.reset(seed=0, options={"instance": tiny.Start(2.0, 3)})
    assert view.action_masks().tolist() == [True, True, False]


@pytest.mark.parametrize(("rows", "training"), [(2, False), (1, True)])
def test_a_view_needs_a_batch_of_one_without_autoreset(rows: int, training: bool) -> None:
    with pytest.raises(ValueError, match="batch of one"):
        ScalarView(walk(rows, training=training))


def test_gymnasium_makes_both_forms_of_a_task() -> None:
    env = gymnasium.make("drlapps.envs:drlapps/JobShop-v0", jobs=[3, 3], machines=[2, 2])
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    batch = gymnasium.make_vec(
        "drlapps.envs:drlapps/JobShop-v0", num_envs=5, jobs=[3, 3], machines=[2, 2]
    )
    observations, _ = batch.reset(seed=0)
    assert observations.shape == (5, *observation.shape)
    np.testing.assert_array_equal(observations[0], observation)
    env.close()
    batch.close()
