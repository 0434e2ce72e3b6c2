"""Pictures and tables of a session."""

from __future__ import annotations

import pytest
from gymnasium.vector import AutoresetMode

from drlapps import report
from drlapps.evaluate import rollout
from drlapps.finance.limit_order_book.environment import LimitOrderBookEnv
from drlapps.finance.limit_order_book.instances import KINDS, numbered
from drlapps.finance.limit_order_book.session import Rules
from drlapps.finance.limit_order_book.views import figures, table
from drlapps.policy import Random


@pytest.fixture(scope="module")
def played():
    session = numbered("drawn", KINDS["busy"], 1, Rules(steps=80, limit=2, maker_fee=-0.1))
    env = LimitOrderBookEnv(1, [session], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Random(), [session], 0)
    return session, env.metrics(0), env.solution(0)


def test_the_table_ends_with_the_metrics_of_the_session(played):
    session, metrics, solution = played
    rows = table(session, solution)
    assert len(rows) == session.rules.steps + 1
    assert rows[-1]["time"] == 400
    assert rows[-1]["pnl"] == pytest.approx(metrics["pnl"])
    held = [abs(row["inventory"]) for row in rows[1:]]
    assert sum(held) / 80 == pytest.approx(metrics["inventory"])
    assert "bid" not in rows[-1]


def test_figures_show_the_trades_and_the_limits_and_become_pictures(played, tmp_path):
    session, metrics, solution = played
    drawn = figures(session, solution, "a session")
    assert list(drawn) == ["book", "inventory", "pnl"]
    for name, chart in drawn.items():
        assert chart.to_dict()["title"]["text"] == "a session"
        report.chart_file(chart, tmp_path / f"{name}.svg")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()[:200]
    makers = sum(fill["maker"] for fill in solution["fills"])
    subtitle = drawn["book"].to_dict()["title"]["subtitle"]
    assert f"{makers} orders filled, {metrics['fills'] - makers:.0f} lots closed" in subtitle
    kinds = [layer["mark"]["type"] for layer in drawn["inventory"].to_dict()["layer"]]
    assert kinds == ["line", "rule"], "the limits are drawn where they are near"
