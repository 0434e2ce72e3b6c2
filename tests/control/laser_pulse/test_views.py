"""Pictures and the table of an episode."""

from __future__ import annotations

import pytest
from gymnasium.vector import AutoresetMode

from drlapps import registry
from drlapps.compare import compare
from drlapps.contestants import contestant
from drlapps.control.laser_pulse.baselines import Optimum
from drlapps.control.laser_pulse.environment import LaserPulseEnv
from drlapps.control.laser_pulse.instances import named
from drlapps.control.laser_pulse.views import COMPARED, comparison_figures, figures, table
from drlapps.evaluate import evaluate, rollout


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


def compared(names, steps=6):
    task, lasers = registry.get("control/laser-pulse"), named(names)
    who = [contestant(task, name) for name in ("nelder-mead", "optimum")]
    kept = [laser.name for laser in lasers]
    results = evaluate(task, who, lasers, settings={"steps": steps}, keep_solutions=kept)
    return lasers, compare(task, results)


def drawn(lasers, comparison):
    chart = comparison_figures(lasers, comparison)["share-by-pulse"]
    (rows,) = chart.to_dict()["datasets"].values()
    return rows


def test_a_comparison_shows_shares_pulse_by_pulse():
    lasers, comparison = compared(["family:0..2"])
    rows = {(r["policy"], r["panel"], r["pulse"]): r for r in drawn(lasers, comparison)}
    assert len(rows) == 2 * 2 * 7
    (policy,) = (p for p in comparison["policies"] if p["name"] == "nelder-mead")
    last = rows["nelder-mead", "pulse fired last", 7]
    assert last["share"] == pytest.approx(1 - policy["gap_percent"] / 100)
    assert last["low"] < last["share"] < last["high"]
    climbed = [rows["nelder-mead", "best pulse so far", k]["share"] for k in range(1, 8)]
    assert climbed == sorted(climbed)
    assert climbed[-1] == pytest.approx(last["share"], rel=1e-3)


def test_where_lasers_change_there_is_no_best_so_far():
    lasers, comparison = compared(["jump:0..1"])
    assert {row["panel"] for row in drawn(lasers, comparison)} == {"pulse fired last"}
    for row in comparison["results"]:
        row["solution"] = None
    assert comparison_figures(lasers, comparison) == {}
