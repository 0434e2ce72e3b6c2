"""The map of a policy."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps import report
from drlapps.evaluate import rollout
from drlapps.scheduling.dual_sourcing.baselines import Optimal
from drlapps.scheduling.dual_sourcing.environment import DualSourcingEnv
from drlapps.scheduling.dual_sourcing.instances import path
from drlapps.scheduling.dual_sourcing.problem import Problem
from drlapps.scheduling.dual_sourcing.views import figures, policy_table
from drlapps.scheduling.inventory.demand import Poisson


@pytest.fixture(scope="module", params=[Problem(), Problem(Poisson(2.0), 5, 2, penalty=60.0)])
def played(request):
    scenario = path("drawn", request.param, 1, 120, 20)
    env = DualSourcingEnv(1, [scenario], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Optimal(), [scenario], 0)
    return scenario, env.solution(0)


def test_the_table_counts_every_decision(played):
    scenario, solution = played
    rows = policy_table(scenario, solution)
    orders = np.array(solution["orders"]).sum(axis=0)
    for column, source in enumerate(("regular order", "expedited order")):
        mine = [row for row in rows if row["source"] == source]
        assert sum(row["times"] for row in mine) == 120
        total = sum(row["times"] * row["order"] for row in mine)
        assert total == pytest.approx(orders[column], abs=0.1)


def test_the_map_becomes_a_picture(played, tmp_path):
    scenario, solution = played
    drawn = figures(scenario, solution, "an episode")
    assert next(iter(drawn)) == "policy"
    assert {"stock", "orders", "costs"} < set(drawn)
    chart = drawn["policy"]
    assert "states met" in chart.to_dict()["title"]["subtitle"]
    report.chart_file(chart, tmp_path / "policy.svg")
    assert "<svg" in (tmp_path / "policy.svg").read_text()[:200]
