"""Pictures of restorations."""

from __future__ import annotations

import json

import numpy as np
import pytest

from drlapps import report
from drlapps.energy.grid.cases import load
from drlapps.energy.restoration import views
from drlapps.energy.restoration.outage import Configuration, Outage, assess
from drlapps.energy.restoration.views import COMPARED, figures, stages, table

GRID = load("ieee33")
OUTAGE = Outage("outage 2, 9, 29", GRID, (1, 8, 28), 0.5, optimum=1.0)
WORDS = ("close 35", "close 36", "close 34", "shed 30", "close 37", "open 22")


def solution(*words):
    return {"operations": [word.split() for word in words]}


def tables(chart):
    """All data of a chart, table by table."""
    spec = chart.to_dict()
    found = [*spec.get("datasets", {}).values()]
    pending = [spec]
    while pending:
        part = pending.pop()
        if "values" in part.get("data", {}):
            found.append(part["data"]["values"])
        pending += part.get("layer", []) + part.get("vconcat", []) + part.get("hconcat", [])
    return found


def test_the_table_tells_what_each_operation_brings():
    rows = table(OUTAGE, solution(*WORDS))
    assert [row["kind"] for row in rows] == ["start", *(word.split()[0] for word in WORDS)]
    assert [row["ends"] for row in rows] == [
        "", "12\u201322", "18\u201333", "9\u201315", "", "25\u201329", "3\u201323",
    ]  # fmt: skip
    # Faults at 2, 9 and 29 leave buses 1, 2 and 19 to 22: 460 of 3715 kW.
    assert rows[0]["load_served"] == pytest.approx(460 / 3715)
    assert [row["loop"] for row in rows] == [False] * 5 + [True, False]
    for name in ("load_served", "min_voltage", "loss_kw"):
        assert rows[5][name] == rows[4][name], "a loop that is closed for a moment changes nothing"
    assert rows[6]["loss_kw"] != rows[5]["loss_kw"]


def test_stages_agree_with_the_objective():
    for stage in stages(OUTAGE, solution(*WORDS)):
        score = assess(OUTAGE, Configuration(stage.closed, stage.connected))
        assert score.radial != stage.looped
        if score.radial:
            assert stage.load_served == pytest.approx(score.load_served)
            assert stage.loss_kw == pytest.approx(-score.loss_kw)
            shortfall = max(OUTAGE.min_voltage - stage.min_voltage, 0.0)
            assert shortfall == pytest.approx(-score.violation)


@pytest.mark.parametrize(
    ("outage", "words"),
    [
        (OUTAGE, WORDS),
        (Outage("intact", GRID), ("close 33", "open 7", "close 34", "open 14")),
        (Outage("too much", GRID, (1,), 5.0), ("close 33",)),
    ],
)
def test_figures_become_pictures(outage, words, tmp_path):
    drawn = figures(outage, solution(*words), "a restoration")
    assert list(drawn) == ["feeder", "sequence", "voltages", "restoration"]
    assert set(COMPARED) <= drawn.keys()
    for name, chart in drawn.items():
        spec = chart.to_dict()
        assert spec["title"]["text"] == "a restoration"
        assert len(json.dumps(spec, allow_nan=False)) < 200_000, "pages stay small"
        report.chart_file(chart, tmp_path / f"{name}.svg")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()[:200]


def test_the_feeder_before_and_after():
    spec = views.feeder(OUTAGE, stages(OUTAGE, solution(*WORDS)), "").to_dict()
    rows = table(OUTAGE, solution(*WORDS))
    before, after = (panel["title"]["text"] for panel in spec["vconcat"])
    assert before.startswith(f"After the fault: {100 * rows[0]['load_served']:.4g} %")
    assert after.startswith(f"After 6 operations: {100 * rows[-1]['load_served']:.4g} %")
    text = json.dumps(spec)
    for branch, turn in {"35": 1, "36": 2, "34": 3, "37": 5, "22": 6}.items():
        assert f'"turn": "{turn}"' in text, branch


def test_a_collapse_is_named():
    """Five times the load is more than the line to bus 8 can carry."""
    outage = Outage("too much", GRID, (1,), 5.0)
    played = stages(outage, solution("close 33"))
    assert played[-1].min_voltage == played[-1].load_served == 0
    assert "voltage collapse" in json.dumps(views.feeder(outage, played, "").to_dict())
    drawn = views.sequence(outage, table(outage, solution("close 33")), "")
    steps = next(rows for rows in tables(drawn) if "lowest" in rows[0])
    assert [row["lowest"] == "collapse" for row in steps] == [False, True]


def test_where_losses_are_the_aim_they_are_shown():
    outage = Outage("intact", GRID)
    rows = table(outage, solution("close 33", "open 7"))
    curve = next(r for r in tables(views.restoration(outage, rows, "")) if "gain" in r[0])
    assert curve[0]["gain"] == pytest.approx(202.677, abs=5e-4)  # Baran and Wu (1989)
    assert "losses, kW" in json.dumps(views.sequence(outage, rows, "").to_dict())


def test_the_profile_has_all_energised_buses_and_marks_the_others():
    drawn = views.voltages(OUTAGE, stages(OUTAGE, solution()), "")
    rows = next(rows for rows in tables(drawn) if "state" in rows[0])
    after = {row["bus"]: row["voltage"] for row in rows if row["state"] == "after switching"}
    assert after.keys() == {"1", "2", "19", "20", "21", "22"}
    dark = next(rows for rows in tables(drawn) if set(rows[0]) == {"bus", "voltage"})
    assert {row["bus"] for row in dark} == {bus.name for bus in GRID.buses} - after.keys()
    normal = np.array([row["voltage"] for row in rows if row["state"] == "normal operation"])
    assert len(normal) == 33
