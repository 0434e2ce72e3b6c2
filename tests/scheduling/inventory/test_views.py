"""Pictures and tables of an episode, for one node and for many."""

from __future__ import annotations

import json

import numpy as np
import pytest

from drlapps import report
from drlapps.scheduling.inventory.demand import Poisson
from drlapps.scheduling.inventory.drawing import MOST_NODES, picture
from drlapps.scheduling.inventory.network import Arc, Node, network
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory.views import LONGEST, arc_names, figures, table


def fan(shops, **flags):
    """A depot and its shops, the first of which also buys outside, in two ways."""
    nodes = [Node("depot", 20, holding=1.0)]
    arcs = [Arc("", "depot", lead_time=2, capacity=30)]
    for place in range(shops):
        name = f"shop {place}"
        nodes.append(Node(name, 4, holding=1.0, demand=Poisson(3.0), penalty=9.0))
        arcs.append(Arc("depot", name))
    twice = [Arc("", "shop 0", lead_time=lead) for lead in (1, 4)]
    return network(nodes, [*arcs, *twice], **flags)


ONE = network(
    [Node("shelf", 5, holding=1.0, demand=Poisson(5.0), penalty=9.0, lost_sales=True, price=1.0)],
    [Arc("", "shelf", lead_time=3)],
)


@pytest.fixture(scope="module", params=[ONE, fan(3), fan(11, backlog=True)])
def played(request, play):
    arcs = len(request.param.arcs)
    case = Scenario("drawn", request.param, 1, 260, 20)
    orders = np.random.default_rng(0).poisson(3.0, (260, arcs))
    return case, play(case, orders)[0]


def test_the_table_agrees_with_the_metrics(played):
    case, env = played
    rows = table(case, env.solution(0))
    assert len(rows) == case.periods * len(case.network.nodes)
    counted = [row for row in rows if row["period"] >= case.warm_up]
    served, asked = (sum(row[name] for row in counted) for name in ("served", "demand"))
    assert served / asked == pytest.approx(env.metrics(0)["fill_rate"])
    holding = sum(
        case.network.nodes[case.network.place[row["node"]]].holding * row["on_hand"]
        for row in counted
    )
    assert holding / 240 == pytest.approx(env.metrics(0)["holding"])


def test_figures_become_pictures(played, tmp_path):
    case, env = played
    drawn = figures(case, env.solution(0), "an episode")
    assert list(drawn) == ["network", "stock", "orders", "demand", "costs"]
    for name, chart in drawn.items():
        spec = chart.to_dict()
        assert spec["title"]["text"] == "an episode"
        assert len(json.dumps(spec)) < 200_000, "pages stay small"
        report.chart_file(chart, tmp_path / f"{name}.svg")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()[:200]
    costs = drawn["costs"].to_dict()["title"]["subtitle"]
    assert f"mean {env.metrics(0)['cost']:.4g} a period" in costs
    assert f"first {LONGEST} of 260 periods" in costs
    text = json.dumps(drawn["network"].to_dict())
    for node in case.network.nodes:
        assert f'"{node.name}"' in text
    assert "L 3" in text or "\\u2264 30" in text


def test_arcs_have_names_of_their_own():
    assert arc_names(Scenario("two ways", fan(1), 0, 1)) == [
        "outside → depot",
        "outside → shop 0, L 1",
        "outside → shop 0, L 4",
        "depot → shop 0",
    ]
    same = network([Node("a", demand=Poisson(1.0))], [Arc("", "a"), Arc("", "a")])
    assert len(set(arc_names(Scenario("same", same, 0, 1)))) == 2


def test_columns_keep_neighbours_side_by_side():
    # Two chains, named crosswise: drawn well, no arcs cross.
    names = ["top", "low", "low end", "top end"]
    ends = [Node(name, demand=Poisson(1.0)) for name in names[2:]]
    built = network(
        [Node("top"), Node("low"), *ends],
        [Arc("", "top"), Arc("", "low"), Arc("top", "top end"), Arc("low", "low end")],
    )
    places = {
        row["name"]: (row["x"], row["y"])
        for rows in picture(built, "chains").to_dict()["datasets"].values()
        for row in rows
        if "name" in row
    }
    assert places["top"][1] == places["top end"][1]
    assert places["low"][1] == places["low end"][1]
    assert places["top"][0] < places["top end"][0]


def test_a_network_too_large_to_draw_is_left_out(play):
    case = Scenario("large", fan(MOST_NODES), 0, 3)
    env, _ = play(case, np.zeros((3, len(case.network.arcs))))
    drawn = figures(case, env.solution(0), "large")
    assert "network" not in drawn
    assert "46 more left out" in drawn["stock"].to_dict()["title"]["subtitle"]
