"""Where the double integrator begins, and its pictures."""

from __future__ import annotations

import numpy as np
from gymnasium.vector import AutoresetMode

from drlapps.control.double_integrator.environment import DoubleIntegratorEnv
from drlapps.control.double_integrator.instances import named, plant, stoppable, toy
from drlapps.control.process import views
from drlapps.control.process.mpc import Mpc
from drlapps.evaluate import rollout


def test_braking_stops_in_time_exactly_from_the_stoppable_set() -> None:
    rows = stoppable(5.0)
    for state in np.random.default_rng(0).uniform(-5.0, 5.0, (300, 2)):
        position, speed = state
        farthest = abs(position)
        while abs(speed) > 0.0:
            position += speed
            farthest = max(farthest, abs(position))
            speed -= np.clip(speed, -0.5, 0.5)
        inside = bool((rows[:, :2] @ state <= rows[:, 2]).all())
        assert inside == (farthest <= 5.0)


def test_episodes_begin_where_looking_ahead_breaks_no_limit() -> None:
    episodes = named(["mass:0..14"])
    env = DoubleIntegratorEnv(15, episodes, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Mpc(), episodes, 0)
    metrics = [env.metrics(row) for row in range(15)]
    assert not any(one["violating_episodes"] for one in metrics)
    assert all(np.abs(env.path[:, -1]).max(axis=1) < 0.05)


def test_toys_are_best_by_the_regulator_over_a_long_horizon() -> None:
    # Their references are least costs: random inputs never fall below.
    for episode in toy():
        env = DoubleIntegratorEnv(500, [episode] * 500, autoreset_mode=AutoresetMode.DISABLED)
        env.reset(seed=0, options={"instances": [episode] * 500})
        rng, costs = np.random.default_rng(0), []
        for _ in range(episode.belief.steps):
            env.step(rng.normal(0.0, 0.03, (500, 1)))
        costs = [env.metrics(row)["cost_per_step"] for row in range(500)]
        assert episode.reference is not None
        assert episode.reference <= min(costs) < episode.reference + 0.01


def test_the_phase_plane_is_drawn_with_the_stoppable_set() -> None:
    (episode,) = named(["mass:2"])
    env = DoubleIntegratorEnv(1, [episode], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Mpc(), [episode], 0)
    drawn = views.figures(episode, env.solution(0), "title")
    assert list(drawn) == ["states", "inputs", "phase-plane"]
    assert all(chart.to_dict() for chart in drawn.values())
    corners = views._corners(plant())
    cuts = plant().cuts
    assert (corners @ cuts[:, :2].T <= cuts[:, 2] + 1e-9).all()
    assert (np.abs(corners) <= 4.9 + 1e-9).all()
    assert len(corners) > 10
