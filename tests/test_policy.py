"""The base of all policies: plans that are replayed, incumbents, random actions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps import policy, registry
from drlapps.evaluate import rollout
from drlapps.policy import Incumbents, NoPlan, Plan, Policy, Random, Report, Solver

tiny = registry.user_module(Path(__file__).with_name("tiny.py"))


def walk(instances: list[Any], **settings: Any) -> Any:
    return tiny.Walk(len(instances), instances, autoreset_mode=AutoresetMode.DISABLED, **settings)


class Straight(Solver):
    """Plans to go right for as many steps as the instance lasts; gives up on long ones."""

    def solve(self, instance: Any, seed: int) -> Plan:
        if instance.horizon > 8:
            return Plan(status="timeout", bound=1.0)
        actions = np.full(instance.horizon, 2)
        return Plan(status="optimal", bound=float(seed), actions=actions)


def test_a_policy_reports_nothing_special_by_default() -> None:
    found = tiny.Homing().report(0)
    assert found == Report("heuristic", None, ())
    assert (tiny.Homing.samples, dict(Policy.environment)) == (1, {})


def test_a_plan_is_replayed_row_by_row() -> None:
    instances = [tiny.Start(-1.0, 2), tiny.Start(-1.0, 5)]
    env, solver = walk(instances), Straight()
    env.reset(seed=3, options={"instances": instances})
    solver.reset(env, 4)
    for _ in range(5):
        np.testing.assert_array_equal(solver.act(env, env._observe()), [2, 2])
        env.step(np.array([2, 2]))
    assert solver.report(1) == Plan(status="optimal", bound=4.0)
    rollout(env, solver, instances, 3)
    assert env.metrics(0)["cost"] > 0.0


def test_no_plan_is_said_before_the_first_step() -> None:
    instances = [tiny.Start(0.0, 3), tiny.Start(0.0, 12)]
    with pytest.raises(NoPlan) as caught:
        rollout(walk(instances), Straight(), instances, 0)
    assert [plan.status for plan in caught.value.plans] == ["optimal", "timeout"]


@pytest.mark.parametrize(("minimize", "kept"), [(True, [5.0, 4.0, 1.0]), (False, [5.0, 7.0, 8.0])])
def test_incumbents_are_improvements(
    minimize: bool, kept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(100))
    monkeypatch.setattr(policy.time, "perf_counter", lambda: float(next(clock)))
    found = Incumbents(minimize)
    for value in (5.0, 5.0, 4.0, 7.0, 7.0, 1.0, 8.0):
        found.add(value)
    assert [value for _, value in found.log()] == kept
    assert [seconds for seconds, _ in found.log()] == [1.0, 2.0, 3.0]
    assert found.seconds() == 4.0


def test_random_actions_are_admissible_and_repeatable() -> None:
    instances = [tiny.Start(2.0, 12)] * 4
    env = walk(instances, masked=True)
    seen = []
    for seed in (1, 1, 2):
        env.reset(seed=0, options={"instances": instances})
        random = Random()
        random.reset(env, seed)
        seen.append([random.act(env, env._observe()).tolist() for _ in range(30)])
    assert seen[0] == seen[1] != seen[2]
    assert {action for step in seen[0] for action in step} == {0, 1}


class Zeros:
    """A generator whose every draw is zero."""

    def random(self, shape: tuple[int, ...]) -> np.ndarray:
        return np.zeros(shape)


def test_even_a_draw_of_zero_is_admissible() -> None:
    env = walk([tiny.Start(-2.0, 12)] * 2, masked=True)
    env.reset(seed=0, options={"instances": env.pool})
    random = Random()
    random.reset(env, 0)
    random._rng = Zeros()
    assert random.act(env, env._observe()).tolist() == [1, 1]


def test_random_actions_without_masks_come_from_the_space() -> None:
    env = walk([tiny.Start(0.0, 12)] * 3, continuous=True)
    env.reset(seed=0)
    draws = []
    for _ in range(2):
        random = Random()
        random.reset(env, 5)
        draws.append(random.act(env, env._observe()))
    np.testing.assert_array_equal(*draws)
    assert env.action_space.contains(draws[0])
