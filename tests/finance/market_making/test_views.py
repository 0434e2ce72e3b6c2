"""Pictures and tables of a session."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gymnasium.vector import AutoresetMode

from drlapps import report
from drlapps.evaluate import rollout
from drlapps.finance.market_making.baselines import Myopic
from drlapps.finance.market_making.environment import MarketMakingEnv
from drlapps.finance.market_making.instances import MARKETS, path
from drlapps.finance.market_making.views import figures, table


@pytest.fixture(scope="module")
def played():
    session = path("drawn", replace(MARKETS["cartea-jaimungal"], limit=4), 1, 2)
    env = MarketMakingEnv(1, [session], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Myopic(), [session], 0)
    return session, env.metrics(0), env.solution(0)


def test_the_table_ends_with_the_metrics_of_the_session(played):
    session, metrics, solution = played
    rows = table(session, solution)
    assert len(rows) == session.market.steps + 1
    assert rows[0]["inventory"] == 2
    assert rows[-1]["time"] == pytest.approx(session.market.horizon)
    assert rows[-1]["pnl"] == pytest.approx(metrics["pnl"])
    assert rows[-1]["inventory"] == metrics["inventory"]
    assert sum(row["bought"] + row["sold"] for row in rows[:-1]) == metrics["fills"]
    for row in rows[:-1]:
        assert ("bid" in row) == (row["inventory"] < 4)
        assert ("ask" in row) == (row["inventory"] > -4)


def test_figures_show_the_trades_and_the_limits_and_become_pictures(played, tmp_path):
    session, metrics, solution = played
    drawn = figures(session, solution, "a session")
    assert list(drawn) == ["quotes", "inventory", "pnl"]
    for name, chart in drawn.items():
        assert chart.to_dict()["title"]["text"] == "a session"
        report.chart_file(chart, tmp_path / f"{name}.svg")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()[:200]
    assert f"{metrics['fills']:.0f} trades" in drawn["quotes"].to_dict()["title"]["subtitle"]
    assert "limit 4" in drawn["inventory"].to_dict()["title"]["subtitle"]
    kinds = [layer["mark"]["type"] for layer in drawn["inventory"].to_dict()["layer"]]
    assert kinds == ["line", "rule"], "the limits are drawn where they are near"
