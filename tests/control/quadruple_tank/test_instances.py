"""Episodes of the four tanks, and the task's own commands."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.process import views
from drlapps.control.process.baselines import Lqr
from drlapps.control.quadruple_tank.environment import QuadrupleTankEnv
from drlapps.control.quadruple_tank.instances import named, plant, toy
from drlapps.control.quadruple_tank.instances import test as judged
from drlapps.evaluate import rollout


def test_no_pump_means_no_overflow() -> None:
    # So that breaking a limit is always the controller's fault.
    a = plant().a
    states = np.array(np.meshgrid(*[[0.0, 16.0]] * 4)).reshape(4, -1)
    for _ in range(200):
        assert states.max() <= 20.0
        assert states.min() >= 0.0
        states = a @ states


def test_starts_and_wanted_levels_are_drawn_from_their_ranges() -> None:
    episodes = judged()
    starts = np.array([one.initial for one in episodes])
    wanted = np.array([one.references[0] for one in episodes])
    assert starts.min() >= 0.0
    assert 15.5 < starts.max() <= 16.0
    assert 19.5 < wanted.max() <= 20.0
    assert all((one.references == one.references[0]).all() for one in episodes)
    assert judged(noise=0.1)[3].name == episodes[3].name


def test_toys_cost_what_was_worked_out() -> None:
    best = {"toy-pumps": [[1.0, 2.0]], "toy-limit": [[8.0, 0.0]], "toy-drain": [[0.0, 0.0]] * 2}
    for episode in toy():
        env = QuadrupleTankEnv(1, [episode], autoreset_mode=AutoresetMode.DISABLED)
        env.reset(seed=0, options={"instances": [episode]})
        for inputs in best[episode.name]:
            env.step(env.actions_for(np.array([inputs])))
        assert env.metrics(0)["cost_per_step"] == pytest.approx(episode.reference)


def test_pictures_tell_of_broken_limits() -> None:
    for word, said in (("tank:26", "limits broken by"), ("tank:0", "no limit is broken")):
        (episode,) = named([word])
        env = QuadrupleTankEnv(1, [episode], autoreset_mode=AutoresetMode.DISABLED)
        rollout(env, Lqr(), [episode], 0)
        drawn = views.figures(episode, env.solution(0), "title")
        assert list(drawn) == ["states", "inputs"]
        assert said in str(drawn["states"].to_dict()["title"])
