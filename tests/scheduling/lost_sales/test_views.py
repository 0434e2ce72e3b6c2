"""The pictures of a path: which there are, and that their numbers are those of the path."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.scheduling.lost_sales import views
from drlapps.scheduling.lost_sales.baselines import BaseStock
from drlapps.scheduling.lost_sales.environment import LostSalesEnv
from drlapps.scheduling.lost_sales.instances import named, path
from drlapps.scheduling.lost_sales.rules import best_base_stock


@pytest.fixture(scope="module", params=["poisson5-l1-p4", "poisson5-l2-p4", "poisson3-l3-p9-k2"])
def episode(request):
    shelf = path("short", named(request.param)[0].problem, 0, 80, 10)
    env = LostSalesEnv(1, [shelf], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [shelf]})
    policy = BaseStock()
    policy.reset(env, 0)
    while not env.step(policy.act(env, None))[3].all():
        pass
    return shelf, env.solution(0)


def test_all_pictures_can_be_drawn(episode, monkeypatch):
    monkeypatch.setattr(views, "LEAD_TIMES", (1, 2))
    shelf, solution = episode
    drawn = views.figures(shelf, solution, "title")
    assert {"stock", "orders", "policy", "cost-by-lead-time", "cost-by-penalty"} <= set(drawn)
    assert all(chart.to_dict()["background"] == "white" for chart in drawn.values())


def test_a_base_stock_policy_shows_its_level_in_every_state(episode):
    shelf, solution = episode
    level = best_base_stock(shelf.problem).level
    rows = views.met(shelf, solution)
    assert sum(row["periods"] for row in rows) == 70
    for row in rows:
        position = row["on_hand"] + row["under_way"]
        assert row["order"] == pytest.approx(max(level - position, 0))


def test_pictures_of_large_programs_are_left_out(episode, monkeypatch):
    monkeypatch.setattr(views, "MOST_STATES", 1)
    shelf, solution = episode
    assert "cost-by-penalty" not in views.figures(shelf, solution, "title")


def test_the_curves_are_exact_and_the_optimum_is_lowest(episode):
    shelf, _ = episode
    chart = views.figures(shelf, episode[1], "title")["cost-by-penalty"]
    rows = chart.layer[1].data.values
    at_home = {r["policy"]: r["cost"] for r in rows if r["penalty"] == shelf.problem.penalty}
    assert at_home["optimal"] == pytest.approx(shelf.reference)
    assert at_home["optimal"] == min(at_home.values())
    assert len({row["penalty"] for row in rows}) == 4
    assert np.isfinite([row["cost"] for row in rows]).all()
