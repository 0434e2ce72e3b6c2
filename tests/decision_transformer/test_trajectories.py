"""Recording: who plays what, what is written down, and how good it is said to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps import registry
from drlapps.decision_transformer.trajectories import Episode, Library, Recorder, shortfalls
from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.policy import Plan, Policy, Solver
from drlapps.task import Baseline, Information
from drlapps.vector import Array, VectorEnvironment

TINY = Path(__file__).parents[1] / "tiny.py"
tiny = registry.user_module(TINY)
TASK = registry.get(f"{TINY}:WALK")


def recorder(pool: Any = None, task: Any = TASK) -> Recorder:
    return Recorder(task, tiny.Starts() if pool is None else pool, {"masked": True})


def recorded(guide: Policy, instances: Any, rows: int = 3) -> list[Episode]:
    return [e for batch in recorder().record(guide, instances, rows, 7) for e in batch]


def replayed(episodes: list[Episode], instances: Any, noise: float, seed: int = 7) -> Any:
    return [e for b in recorder().replay(episodes, instances, 3, seed, noise) for e in b]


def episode(*rewards: float, instance: int = 0) -> Episode:
    steps = len(rewards)
    return Episode(
        instance, np.full((steps, 2), instance, np.float32), np.ones((steps, 3), np.bool_),
        np.arange(steps) % 3, np.array(rewards), True,
    )  # fmt: skip


def starts(count: int) -> list[Any]:
    return recorder().draw(count, np.random.default_rng(0))


class Walker(Solver):
    """Knows no way from the left, and from the far right only a forbidden one."""

    def __init__(self) -> None:
        self.batches: list[int] = []

    def solve(self, instance: Any, seed: int) -> Plan:
        if instance.position < 0:
            return Plan(actions=None)
        return Plan(actions=np.full(12, 2 if instance.position > 1 else 1))

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        self.batches.append(env.num_envs)
        super().reset(env, seed)


def test_an_episode_is_what_the_referee_would_see() -> None:
    """Batches of three, the last one of one, against the referee's own rollout of each."""
    instances = starts(7)
    episodes = recorded(tiny.Homing(), instances)
    assert [e.instance for e in episodes] == list(range(7))
    for i, (instance, found) in enumerate(zip(instances, episodes, strict=True)):
        env = registry.make(TASK, 1, [instance], training=False, masked=True)
        rollout(env, tiny.Homing(), [instance], 7 + i)
        metrics = env.metrics(0)
        assert found.observations[0, 0] == np.float32(instance.position)
        assert found.feasible == bool(metrics["feasible"])
        assert len(found.actions) == len(found.rewards) == env.time[0]
        np.testing.assert_array_equal(
            found.actions, 1 - np.sign(found.observations[:, 0]).astype(int)
        )
        outside = found.observations[:, 0] > 1.0
        np.testing.assert_array_equal(found.masks[:, 2], ~outside)
        assert found.rewards.sum() == pytest.approx(-metrics["cost"])


def test_a_solver_plays_one_instance_at_a_time_and_need_not_solve_them_all() -> None:
    instances = [tiny.Start(p, 6) for p in (0.5, -0.5, 1.5, 0.2)]
    walker = Walker()
    episodes = recorded(walker, instances)
    assert walker.batches == [1] * 4
    # No plan for the second, a forbidden one for the third.
    assert [e.instance for e in episodes] == [0, 3]


def test_a_repetition_without_errors_is_the_episode() -> None:
    instances = starts(5)
    episodes = recorded(tiny.Homing(), instances)
    for before, after in zip(episodes, replayed(episodes, instances, 0.0), strict=True):
        assert after.instance == before.instance
        np.testing.assert_array_equal(after.actions, before.actions)
        np.testing.assert_array_equal(after.observations, before.observations)
        np.testing.assert_array_equal(after.rewards, before.rewards)


@given(noise=st.floats(0.0, 1.0), seed=st.integers(0, 100))
def test_repetitions_keep_to_the_mask_and_can_be_repeated(noise: float, seed: int) -> None:
    instances = starts(4)
    episodes = recorded(tiny.Homing(), instances)
    first, again = (replayed(episodes, instances, noise, seed) for _ in range(2))
    assert all(e.admitted for e in first)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.actions, other.actions)


def test_errors_are_as_frequent_as_they_should_be() -> None:
    instances = [tiny.Start(0.0, 12)] * 200
    stays = recorded(tiny.Homing(lazy=True), instances, rows=50)
    assert (np.concatenate([e.actions for e in stays]) == 1).all()
    actions = np.concatenate([e.actions for e in replayed(stays, instances, 0.3)])
    # Two of three errors are moves; at the mask's edge, where few are, one of two. Some 2400
    # decisions: five standard errors are 0.04.
    assert (actions != 1).mean() == pytest.approx(0.2, abs=0.04)


def test_shortfalls_by_hand() -> None:
    episodes = [
        episode(1.0, 2.0), episode(0.5, 0.25, 1.0), episode(-4.0, instance=2),
        episode(4.0, instance=1), episode(0.0, 3.0), episode(-1.0, -1.0, -1.5, instance=2),
    ]  # fmt: skip
    # Returns 3, 1.75, 3 of instance 0; 4 of 1; -4, -3.5 of 2.
    np.testing.assert_allclose(shortfalls(episodes), [0.0, -1.25, -0.5, 0.0, 0.0, 0.0])


def test_the_scale_is_the_mean_of_those_that_fall_short() -> None:
    assert Library([episode(3.0), episode(1.0), episode(2.0)]).scale == pytest.approx(1.5)
    assert Library([episode(3.0), episode(3.0)]).scale == 1.0


def test_the_shortfall_is_constant_along_an_episode() -> None:
    """What is left of the return, minus what is left of the best, by Chen et al.'s bookkeeping."""
    rewards, best = np.array([0.5, -1.0, 0.25]), 2.0
    to_go = rewards[::-1].cumsum()[::-1]
    target_to_go = best - np.concatenate([[0.0], rewards.cumsum()[:-1]])
    missing = shortfalls([episode(*rewards), episode(best)])[0]
    np.testing.assert_allclose(to_go - target_to_go, missing)


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5),
    context=st.integers(1, 6),
    seed=st.integers(0, 99),
)
def test_windows_are_runs_of_an_episode(lengths: list[int], context: int, seed: int) -> None:
    library = Library([episode(*[0.0] * n, instance=i) for i, n in enumerate(lengths)])
    chosen, decisions, valid = library.windows(8, context, np.random.default_rng(seed))
    assert valid.shape[1] <= context
    assert len(decisions) == valid.sum()
    parts = np.split(decisions, valid.sum(axis=1).cumsum()[:-1])
    for e, part in zip(chosen, parts, strict=True):
        assert len(part) == min(lengths[e], context)
        np.testing.assert_array_equal(np.diff(part), 1)
        assert (library.observations[part, 0] == e).all()


def test_every_decision_can_be_drawn() -> None:
    library = Library([episode(*[0.0] * n) for n in (1, 7, 3)])
    rng = np.random.default_rng(0)
    drawn = np.concatenate([library.windows(50, 3, rng)[1] for _ in range(20)])
    assert set(drawn) == set(range(11))


def test_instances_of_a_fixed_pool_are_drawn_once() -> None:
    pool = tiny.validation()
    drawn = recorder(pool).draw(99, np.random.default_rng(0))
    assert sorted(s.position for s in drawn) == sorted(s.position for s in pool)
    assert len(recorder(pool).draw(2, np.random.default_rng(0))) == 2


def test_guides_are_baselines_by_name() -> None:
    oracle = Baseline(TASK.baselines["homing"].policy, "", Information.CLAIRVOYANT)
    lazy = replace(TASK.baselines["homing"], options={"lazy": True})
    task = replace(TASK, baselines={**TASK.baselines, "oracle": oracle, "lazy": lazy})
    found = recorder(task=task)
    assert list(found.guides([])) == ["homing", "lazy"]
    assert found.guides(["lazy"])["lazy"].lazy  # type: ignore[attr-defined]
    assert list(found.guides(["oracle"])) == ["oracle"]
    with pytest.raises(InputError, match=r"unknown guide .*of user/walk 'homin'; did you mean hom"):
        found.guides(["homin"])
    with pytest.raises(InputError, match="unknown guide"):
        found.guides([f"{TINY}:Homing"])
    with pytest.raises(InputError, match="no baseline of user/walk sees just what an agent sees"):
        recorder(task=replace(TASK, baselines={"oracle": oracle})).guides([])


def test_a_time_limit_is_for_those_who_take_one() -> None:
    task = registry.get("scheduling/job-shop")
    found = recorder(task=task).guides(["cp-sat", "mwkr"], 0.5)
    assert found["cp-sat"].time_limit == 0.5  # type: ignore[attr-defined]
    assert recorder(task=task).guides(["cp-sat"])["cp-sat"].time_limit == 10.0  # type: ignore[attr-defined]


class Idle(Policy):
    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        return np.ones(env.num_envs, np.int32)


def test_actions_of_any_whole_type_are_recorded() -> None:
    assert recorded(Idle(), starts(2))[0].actions.dtype == np.int64
