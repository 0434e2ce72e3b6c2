"""The reactor, its controllers and its referee."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from drlapps.control.cstr import checker, kernels, views
from drlapps.control.cstr.baselines import Lqr, Pid
from drlapps.control.cstr.environment import CstrEnv
from drlapps.control.cstr.instances import named, toy, train
from drlapps.control.cstr.nmpc import Nmpc
from drlapps.control.cstr.reactor import SUBSTEPS, Changes, nominal
from drlapps.control.process.instances import Episode
from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.policy import Policy

OFF = AutoresetMode.DISABLED


def costs(policy: Policy, episodes: list[Episode]) -> np.ndarray:
    env = CstrEnv(len(episodes), episodes, autoreset_mode=OFF)
    rollout(env, policy, episodes, 0)
    return np.array([env.metrics(row)["cost"] for row in range(len(episodes))])


def test_nmpc_reaches_the_published_oracle() -> None:
    # pcgym 0.1.8, its oracle (do-mpc, five steps ahead): 7.18, ending each setpoint on it.
    episodes = named(["published"])
    env = CstrEnv(1, episodes, autoreset_mode=OFF)
    rollout(env, Nmpc(), episodes, 0)
    assert env.metrics(0)["cost"] == pytest.approx(7.18, abs=0.02)
    assert env.path[0, [20, 40, 60], 0] == pytest.approx([0.85, 0.9, 0.87], abs=1e-4)


def test_a_step_is_the_solution_of_the_balances() -> None:
    reactor, start = nominal(), np.array([0.8, 330.0])
    for jacket in (295.0, 302.0):
        exact = solve_ivp(
            lambda _, x, u=jacket: reactor.slope(x, u), (0.0, 26.0 / 60.0), start,
            rtol=1e-10, atol=1e-12,
        ).y[:, -1]  # fmt: skip
        found = np.zeros((1, 2))
        kernels.advance(
            reactor.constants[None], start[None], np.array([[jacket]]), np.ones(1, np.bool_),
            SUBSTEPS, found,
        )  # fmt: skip
        assert found[0] == pytest.approx(reactor.after(start, jacket), rel=1e-12)
        assert found[0, 0] == pytest.approx(exact[0], abs=1e-7)
        assert found[0, 1] == pytest.approx(exact[1], abs=1e-4)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_checker_agrees_whatever_is_done(seed: int) -> None:
    episodes = named([f"cstr:{seed}"], rate_scale=1.05, cooling_scale=0.9, measurement_noise=0.01)
    env = CstrEnv(1, episodes, autoreset_mode=OFF)
    env.reset(seed=0, options={"instances": episodes})
    rng = np.random.default_rng(seed)
    for _ in range(60):
        env.step(rng.uniform(-1.0, 1.0, (1, 1)))
    independent, metrics = checker.check(episodes[0], env.solution(0)), env.metrics(0)
    assert independent.keys() == metrics.keys()
    for name, value in independent.items():
        assert metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-12)


def test_rests_rest() -> None:
    reactor = nominal()
    for level in (0.84, 0.87, 0.91):
        temperature, jacket = reactor.rest(level)
        state = np.array([level, temperature])
        assert reactor.after(state, jacket) == pytest.approx(state, abs=1e-9)
        assert 295.0 < jacket < 302.0
    with pytest.raises(InputError, match="no temperature"):
        reactor.rest(1.0)


def test_predictions_are_those_of_the_reactor() -> None:
    reactor, start = nominal(), np.array([0.82, 328.0])
    courses = np.random.default_rng(0).uniform(295.0, 302.0, (3, 4))
    found = np.zeros((3, 4))
    kernels.predict(reactor.constants, start, courses, SUBSTEPS, found)
    for course, concentrations in zip(courses, found, strict=True):
        state = start
        for jacket, concentration in zip(course.tolist(), concentrations, strict=True):
            state = reactor.after(state, jacket)
            assert concentration == pytest.approx(state[0], rel=1e-12)


def test_the_order_of_controllers() -> None:
    episodes = named(["published", "cstr:0..3"])
    nmpc, lqr, pid = (costs(policy, episodes) for policy in (Nmpc(), Lqr(), Pid()))
    assert (nmpc <= lqr + 1e-3).all()
    assert lqr.mean() < 1.05 * nmpc.mean()
    assert pid.mean() < 1.25 * nmpc.mean()


def test_a_plan_holds_its_last_input_and_starts_like_what_is_done() -> None:
    episodes = named(["published"])
    env = CstrEnv(1, episodes, autoreset_mode=OFF)
    seen, _ = env.reset(seed=0, options={"instances": episodes})
    planner, actor = Nmpc(horizon=4), Nmpc(horizon=4)
    planner.reset(env, 0)
    actor.reset(env, 0)
    plan = planner.plan(env, seen, 6)
    assert plan.shape == (6, 1, 1)
    assert plan[0] == pytest.approx(actor.act(env, seen), abs=1e-6)
    assert (plan[4:] == plan[3]).all()


def test_toys_cost_what_was_worked_out() -> None:
    for episode in toy():
        assert costs(Nmpc(), [episode])[0] == pytest.approx(episode.reference)


def test_settings_change_the_truth_alone() -> None:
    (one,) = named(["cstr:1"], rate_scale=1.1, feed_warmth=2.0)
    assert one.truth.rate == pytest.approx(1.1 * one.belief.rate)  # type: ignore[attr-defined]
    assert one.truth.warmth == 352.0  # type: ignore[attr-defined]
    drawn = train(rate_scale=[0.9, 1.1]).sample(np.random.default_rng(0))
    assert 0.9 * 7.2e10 < drawn.truth.rate < 1.1 * 7.2e10  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="rate_scale must be positive"):
        Changes(rate_scale=0.0)
    with pytest.raises(InputError, match="did you mean"):
        named(["cstrs"])
    with pytest.raises(InputError, match="effort"):
        Lqr(effort=0.0)


def test_the_differentiable_model_is_the_environment() -> None:
    episodes = named(["cstr:0..2"], rate_scale=1.02, measurement_noise=0.02)
    env = CstrEnv(3, episodes, autoreset_mode=OFF)
    seen, _ = env.reset(seed=0, options={"instances": episodes})
    model = env.differentiable()
    state = model.load(episodes, np.random.default_rng(0))
    rng = np.random.default_rng(1)
    for _ in range(model.horizon - 1):
        assert model.observe(state).numpy() == pytest.approx(seen, abs=1e-3)
        actions = rng.uniform(-0.5, 0.5, (3, 1)).astype(np.float32)
        state, reward = model.step(state, torch.as_tensor(actions))
        seen, rewards, *_ = env.step(actions)
        assert reward.numpy() == pytest.approx(rewards, rel=1e-3, abs=1e-3)


def test_pictures_show_states_and_the_jacket() -> None:
    (episode,) = named(["published"])
    env = CstrEnv(1, [episode], autoreset_mode=OFF)
    rollout(env, Pid(), [episode], 0)
    drawn = views.figures(episode, env.solution(0), "title")
    assert list(drawn) == ["states", "inputs"]
    assert all(chart.to_dict() for chart in drawn.values())
