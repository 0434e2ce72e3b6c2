"""Policies that decide at every k-th step only: who holds, who replays, who is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.errors import InputError
from drlapps.evaluate import Contestant, evaluate, rollout
from drlapps.frequency import Held, deciding
from drlapps.policy import Policy, Report
from drlapps.task import Information
from drlapps.vector import Array, VectorEnvironment

TINY = f"{Path(__file__).with_name('tiny.py')}:"
WALK = registry.get(f"{TINY}WALK")
JOB_SHOP = registry.get("scheduling/job-shop")


class Counting(Policy):
    """Acts 0, 1, 2, 0, 1, 2, ... by its own decisions, and notes when it is asked."""

    samples = 2

    def __init__(self) -> None:
        self.asked: list[Array] = []

    def reset(self, env: VectorEnvironment, seed: int) -> None:
        self.asked = []

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        self.asked.append(observations)
        return np.full(env.num_envs, (len(self.asked) - 1) % 3)

    def report(self, row: int) -> Report:
        return Report(details={"decisions": len(self.asked)})


class Foreseeing(Counting):
    """Plans to act 2, 1, 0 after a decision, whatever it would do if it were asked again."""

    def plan(self, env: VectorEnvironment, observations: Array, steps: int) -> Array:
        self.asked.append(observations)
        return np.repeat(np.array([[2], [1], [0]])[:steps], env.num_envs, axis=1)


class Designing(Counting):
    """Has a method of that name which plans something else."""

    def plan(self, problem: object) -> float:
        raise AssertionError("this is no plan of actions")


def batch(rows: int = 2) -> VectorEnvironment:
    env = registry.make(WALK, rows, registry.pool(WALK, "train"), training=False)
    env.reset(seed=1)
    return env


def actions(policy: Policy, steps: int, rows: int = 2) -> list[list[int]]:
    env = batch(rows)
    policy.reset(env, 0)
    observations, taken = env.reset(seed=1)[0], []
    for _ in range(steps):
        taken.append(policy.act(env, observations))
        observations = env.step(taken[-1])[0]
    return [list(map(int, action)) for action in taken]


@given(every=st.integers(1, 9), steps=st.integers(1, 12), rows=st.integers(1, 3))
def test_an_action_is_held_until_the_next_decision(every: int, steps: int, rows: int) -> None:
    policy = Counting()
    taken = actions(Held(policy, every), steps, rows)
    assert taken == [[step // every % 3] * rows for step in range(steps)]
    assert len(policy.asked) == -(-steps // every)


def test_a_decision_is_made_of_what_is_seen_then() -> None:
    class Homing(Policy):
        def act(self, env: VectorEnvironment, observations: Array) -> Array:
            return 1 - np.sign(observations[:, 0]).astype(np.int64)

    [start] = list(registry.pool(WALK, "test"))[:1]
    env = registry.make(WALK, 1, [start], training=False)
    rollout(env, Held(Homing(), 3), [start], seed=4)
    # The same walk by hand: the direction is that towards zero at steps 0, 3, 6 and 9.
    rng = np.random.default_rng([4, 0])
    noise = rng.normal(0.0, 0.2, 12)
    position, cost = start.position, 0.0
    for step in range(12):
        if step % 3 == 0:
            direction = -np.sign(np.float32(position))
        position += 0.5 * direction + noise[step]
        cost += position**2
    assert env.metrics(0)["cost"] == pytest.approx(cost)


def test_who_plans_ahead_replays_the_plan_unless_told_to_hold() -> None:
    assert actions(Held(Foreseeing(), 3), 5, rows=1) == [[2], [1], [0], [2], [1]]
    assert actions(Held(Foreseeing(), 2), 4, rows=1) == [[2], [1], [2], [1]]
    assert actions(Held(Foreseeing(), 2, replay=False), 4, rows=1) == [[0], [0], [1], [1]]
    # A policy that may always decide is asked for an action, not for a plan.
    assert actions(Held(Foreseeing(), 1), 3, rows=1) == [[0], [1], [2]]


def test_a_plan_shorter_than_the_interval_ends_in_its_last_action_held() -> None:
    assert actions(Held(Foreseeing(), 5), 7, rows=1) == [[2], [1], [0], [0], [0], [2], [1]]


def test_a_method_called_plan_that_plans_something_else_is_left_alone() -> None:
    assert actions(Held(Designing(), 2), 4, rows=1) == [[0], [0], [1], [1]]


def test_an_episode_begins_with_a_decision() -> None:
    held = Held(Counting(), 4)
    assert actions(held, 2, rows=1) == [[0], [0]]
    assert actions(held, 5, rows=1) == [[0], [0], [0], [0], [1]]


def test_what_a_policy_asks_for_and_says_is_passed_through() -> None:
    class Particular(Counting):
        environment = {"step": 0.25}  # noqa: RUF012 - as policies declare it

    policy = Particular()
    held = Held(policy, 4)
    assert held.samples == 2
    assert held.environment == {"step": 0.25}
    actions(held, 8)
    assert held.report(0).details == {"decisions": 2}


def test_a_contestant_decides_seldom_and_its_decisions_are_its_acting_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = [0.0]

    class Slow(Counting):
        samples = 1

        def act(self, env: VectorEnvironment, observations: Array) -> Array:
            clock[0] += 1.0
            return super().act(env, observations)

    monkeypatch.setattr("drlapps.evaluate.time.perf_counter", lambda: clock[0])
    who = Contestant("slow", "baseline", Information.OBSERVED, {None: Slow()})
    start = [one for one in registry.pool(WALK, "test") if one.position == 0.5]
    assert deciding(who, 1) is who
    [often] = evaluate(WALK, [who], start)
    [seldom] = evaluate(WALK, [deciding(who, 5)], start)
    assert (often.act_seconds, seldom.act_seconds) == (12.0, 3.0)
    assert (seldom.policy, seldom.details) == ("slow", {"decisions": 3})


def test_a_solver_loses_nothing_where_a_rule_is_refused() -> None:
    [ft06] = registry.instances(JOB_SHOP, ["ft06"])
    solver = contestant(JOB_SHOP, "cp-sat", {"time_limit": 20.0})
    [result] = evaluate(JOB_SHOP, [deciding(solver, 7)], [ft06])
    # The optimum of ft06 (Fisher & Thompson 1963).
    assert (result.value, result.status) == (55.0, "optimal")
    rule = deciding(contestant(JOB_SHOP, "spt"), 2)
    with pytest.raises(InputError, match="no action can be held"):
        evaluate(JOB_SHOP, [rule], [ft06])


def test_a_rule_of_an_inventory_holds_its_order() -> None:
    task = registry.get("scheduling/lost-sales")
    toy = list(registry.pool(task, "toy"))[:1]
    name = next(iter(task.baselines))
    rows: list[Any] = evaluate(task, [deciding(contestant(task, name), 2)], toy)
    assert rows[0].feasible


@pytest.mark.parametrize("every", [0, -3])
def test_an_impossible_interval_is_refused(every: int) -> None:
    with pytest.raises(InputError, match=f"not every {every}"):
        Held(Counting(), every)
