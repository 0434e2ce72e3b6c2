"""Pictures and the table of an episode."""

from __future__ import annotations

import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.laser_pulse.baselines import Optimum
from drlapps.control.laser_pulse.environment import LaserPulseEnv
from drlapps.control.laser_pulse.instances import named
from drlapps.control.laser_pulse.views import COMPARED, figures, table
from drlapps.evaluate import rollout


@pytest.fixture(scope="module")
def episode():
    lasers = named(["family:4"])
    env = LaserPulseEnv(1, lasers, steps=6, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Optimum(), lasers, 0)
    return lasers[0], env.metrics(0), env.solution(0)


def test_the_table_ends_with_the_metrics(episode):
    laser, metrics, solution = episode
    rows = table(laser, solution)
    assert len(rows) == metrics["evaluations"]
    for name in ("intensity_share", "fwhm_ps"):
        assert rows[-1][name] == pytest.approx(metrics[name])


def test_figures_say_what_they_show(episode):
    laser, metrics, solution = episode
    drawn = figures(laser, solution, "a laser")
    assert list(drawn) == ["pulse", "phase", "course", "trace"]
    assert set(COMPARED) <= drawn.keys()
    for chart in drawn.values():
        assert chart.to_dict()
    assert f"{metrics['intensity_share']:.1%}" in str(drawn["pulse"].to_dict()["title"])
    assert "100.0% of the best" in str(drawn["course"].to_dict()["title"])
