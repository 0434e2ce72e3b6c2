"""The referee of processes, on linear plants."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.control.double_integrator import instances as mass
from drlapps.control.double_integrator.environment import DoubleIntegratorEnv
from drlapps.control.process import checker, kernels
from drlapps.control.quadruple_tank import instances as tank
from drlapps.control.quadruple_tank.environment import QuadrupleTankEnv
from drlapps.errors import InputError

OFF = AutoresetMode.DISABLED


def played(env: QuadrupleTankEnv, seed: int = 0) -> QuadrupleTankEnv:
    """Play random actions to the end of all episodes."""
    rng = np.random.default_rng(seed)
    over = np.zeros(env.num_envs, np.bool_)
    while not over.all():
        actions = rng.uniform(-1.2, 1.2, env.action_space.shape)
        _, _, terminated, truncated, _ = env.step(actions)
        over = terminated | truncated
    return env


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_the_checker_agrees_whatever_is_done(seed: int, stop: bool) -> None:
    words = dict(a_scale=0.99, b_scale=1.1, model_error=0.001, noise=0.1, measurement_noise=0.01)
    episodes = tank.named([f"tank:{seed}..{seed + 1}"], **words)
    env = QuadrupleTankEnv(2, episodes, stop_at_violation=stop, autoreset_mode=OFF)
    env.reset(seed=0, options={"instances": episodes})
    played(env, seed)
    for row, episode in enumerate(episodes):
        metrics = env.metrics(row)
        independent = checker.check(episode, env.solution(row))
        assert independent.keys() == metrics.keys()
        for name, value in independent.items():
            assert metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_kernels_agree_with_plain_sums() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 4, 4)), rng.normal(size=(5, 4, 2))
    q, r = rng.normal(size=(5, 4, 4)), rng.normal(size=(5, 2, 2))
    x, u, w, goal = (rng.normal(size=(5, k)) for k in (4, 2, 4, 4))
    low, high = -np.ones((5, 4)), 2.0 * np.ones((5, 4))
    active = np.array([True, False, True, True, True])
    found, cost, excess = np.zeros((5, 4)), np.zeros(5), np.zeros(5)
    kernels.transition(a, b, x, u, w, active, found)
    kernels.judge(q, r, low, high, found, goal, u, active, cost, excess)
    moved = np.einsum("bij,bj->bi", a, x) + np.einsum("bij,bj->bi", b, u) + w
    error = moved - goal
    costs = np.einsum("bi,bij,bj->b", error, q, error) + np.einsum("bi,bij,bj->b", u, r, u)
    beyond = np.maximum(np.maximum(moved - high, low - moved) / 3.0, 0.0).max(axis=1)
    assert found[active] == pytest.approx(moved[active])
    assert cost[active] == pytest.approx(costs[active])
    assert excess[active] == pytest.approx(beyond[active])
    assert not found[1].any()
    assert cost[1] == excess[1] == 0.0


def test_rewards_are_scaled_costs_and_penalties() -> None:
    (episode,) = tank.named(["tank:0"])
    env = QuadrupleTankEnv(1, [episode], penalty=3.0, autoreset_mode=OFF)
    env.reset(seed=0, options={"instances": [episode]})
    _, rewards, *_ = env.step(np.ones((1, 2)))
    for _ in range(4):
        _, rewards, *_ = env.step(np.ones((1, 2)))
    state, wanted = env.path[0, 5], episode.references[5]
    cost = ((state - wanted) ** 2).sum() + 0.1 * (8.0**2 + 8.0**2)
    assert state.max() > 20.0
    assert rewards[0] == pytest.approx(-cost / 100.0 - 3.0)


def test_an_episode_ends_with_its_time_or_a_violation_if_asked_to() -> None:
    (episode,) = tank.named(["tank:0"])
    for stop in (False, True):
        env = QuadrupleTankEnv(1, [episode], stop_at_violation=stop, autoreset_mode=OFF)
        env.reset(seed=0, options={"instances": [episode]})
        metrics = played(env).metrics(0)
        assert metrics["violating_episodes"] == 1.0
        assert metrics["feasible"] == 1.0
        assert (metrics["steps"] == 100.0) is not stop
    assert metrics["steps"] < 10.0
    assert metrics["penalised_cost"] == pytest.approx((metrics["cost"] + 1e5) / metrics["steps"])


def test_late_inputs_are_those_of_earlier_steps() -> None:
    (episode,) = tank.named(["tank:0"])
    env = QuadrupleTankEnv(1, [episode], delay=2, autoreset_mode=OFF)
    env.reset(seed=0, options={"instances": [episode]})
    for volts in (1.0, 2.0, 3.0, 4.0, 5.0):
        env.step(env.actions_for(np.array([[volts, 0.0]])))
    assert env.taken[0, :5, 0] == pytest.approx([1.0, 1.0, 1.0, 2.0, 3.0])
    metrics = played(env).metrics(0)
    assert metrics == pytest.approx(checker.check(episode, env.solution(0)))


def test_observations_hold_measured_states_and_references_by_their_limits() -> None:
    (episode,) = tank.named(["tank:0"], measurement_noise=0.1)
    env = QuadrupleTankEnv(1, [episode], autoreset_mode=OFF)
    seen, _ = env.reset(seed=0, options={"instances": [episode]})
    measured = episode.initial + episode.errors[0]
    assert seen[0, :4] == pytest.approx(measured / 10.0 - 1.0, abs=1e-6)
    assert seen[0, 4:] == pytest.approx(episode.references[0] / 10.0 - 1.0, abs=1e-6)
    assert DoubleIntegratorEnv(1, mass.toy()).single_observation_space.shape == (2,)


def test_actions_and_inputs_are_inverse() -> None:
    env = QuadrupleTankEnv(2, tank.toy())
    env.reset(seed=0)
    inputs = np.array([[0.0, 8.0], [3.0, 5.0]])
    assert env.inputs_of(env.actions_for(inputs)) == pytest.approx(inputs)
    assert env.actions_for(inputs + 100.0) == pytest.approx(np.ones((2, 2)))


def test_paths_keep_their_luck_whatever_is_changed() -> None:
    (one,), (other,) = tank.named(["tank:5"]), tank.named(["tank:5"], a_scale=0.9, noise=0.5)
    assert (one.initial == other.initial).all()
    assert (one.references == other.references).all()
    assert other.truth.a == pytest.approx(0.9 * one.truth.a)  # type: ignore[attr-defined]
    assert other.belief.a is one.belief.a  # type: ignore[attr-defined]
    assert other.disturbances.std() == pytest.approx(0.5, rel=0.1)
    assert one.hash != other.hash


def test_the_train_pool_draws_within_ranges() -> None:
    pool = tank.train(a_scale=[0.9, 1.0], noise=0.2)
    drawn = [pool.sample(np.random.default_rng(seed)) for seed in range(20)]
    scales = [one.truth.a[0, 0] / 0.984 for one in drawn]  # type: ignore[attr-defined]
    assert 0.9 <= min(scales) < 0.93
    assert 0.97 < max(scales) <= 1.0
    assert {one.noise for one in drawn} == {0.2}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"a_scale": [1.0, 0.9]}, "a_scale must be a number or two in order"),
        ({"noise": "loud"}, "noise must be a number"),
        ({"noise": -1.0}, "noise must not be negative"),
        ({"b_scale": float("nan")}, "b_scale must be a number"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tank.train(**wrong)  # type: ignore[arg-type]


def test_impossible_arguments_and_names_are_refused() -> None:
    with pytest.raises(InputError, match="horizon"):
        QuadrupleTankEnv(1, tank.toy(), horizon=0)
    with pytest.raises(InputError, match="penalty"):
        QuadrupleTankEnv(1, tank.toy(), penalty=-1.0)
    with pytest.raises(InputError, match="delay"):
        QuadrupleTankEnv(1, tank.toy(), delay=-1)
    with pytest.raises(InputError, match="did you mean"):
        tank.named(["tanks:1"])
    with pytest.raises(ValueError, match="not the states and inputs"):
        QuadrupleTankEnv(1, tank.toy()).reset(options={"instances": [mass.toy()[0]]})


@pytest.mark.parametrize(
    "inputs",
    [None, [], [[0.0, 0.0]] * 99, [[0.0, 9.0]] * 100, [[0.0]] * 100, [[0.0, None]] * 100, 3],
)
def test_the_checker_refuses_what_breaks_a_rule(inputs: object) -> None:
    assert checker.check(tank.named(["tank:0"])[0], {"inputs": inputs}) == {"feasible": 0.0}
