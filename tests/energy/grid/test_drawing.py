"""Pictures of feeders: what they show, and that they become files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from drlapps import report
from drlapps.energy.grid.cases import load
from drlapps.energy.grid.drawing import State, picture, pictures, signs
from drlapps.energy.grid.power_flow import power_flow


@pytest.fixture(scope="module")
def grid():
    """The 33-bus feeder; the load of bus 24 is critical."""
    feeder = load("ieee33")
    buses = [replace(bus, weight=5.0 if bus.name == "24" else 1.0) for bus in feeder.buses]
    return replace(feeder, buses=tuple(buses))


def drawn(chart, *fields):
    """The rows of a chart that have some fields, of all its panels."""
    spec = chart.to_dict()
    tables = [*spec.get("datasets", {}).values()]
    pending = [spec]
    while pending:
        part = pending.pop()
        if "values" in part.get("data", {}):
            tables.append(part["data"]["values"])
        pending += part.get("layer", []) + part.get("vconcat", [])
    return [row for table in tables for row in table if set(fields) <= row.keys()]


def states(chart):
    return {row["name"]: row["state"] for row in drawn(chart, "ends", "state")}


def buses(chart):
    return {row["name"]: row for row in drawn(chart, "kw", "voltage")}


def test_normal_operation(grid):
    chart = picture(grid, grid.arrays.closed, power_flow(grid).voltage, "normal")
    found = states(chart)
    assert {name for name, state in found.items() if state == "open"} == set(
        ["33", "34", "35", "36", "37"]
    )
    assert set(found.values()) == {"open", "closed"}
    rows = buses(chart)
    assert rows["18"]["voltage"] == pytest.approx(0.91309, abs=1e-5)  # Baran and Wu (1989)
    assert [name for name, row in rows.items() if row["shape"] == "square"] == ["1"]
    assert [name for name, row in rows.items() if row["critical"]] == ["24"]
    assert rows["24"]["size"] > rows["23"]["size"], "by load"
    spec = chart.to_dict()
    assert spec["title"]["text"] == "normal"
    assert spec["title"]["subtitle"] == "square: source; discs by load; ring: critical load"


def test_a_restoration(grid):
    closed = grid.arrays.closed.copy()
    closed[[7, 13]] = False
    closed[[34, 35]] = True
    voltage = power_flow(grid, closed).voltage
    chart = picture(grid, closed, voltage, faults=[7], shed=[16], changed=[34, 13, 35])
    found = states(chart)
    assert found["8"] == "faulted"
    assert found["35"] == found["36"] == "operated: closed"
    assert found["14"] == "operated: opened"
    turns = {row["name"]: row["turn"] for row in drawn(chart, "turn") if row["turn"]}
    assert turns == {"35": "1", "14": "2", "36": "3"}
    assert [name for name, row in buses(chart).items() if row["shed"]] == ["17"]
    numbered = picture(grid, closed, voltage, changed={34: 1, 13: 7})
    turns = {row["name"]: row["turn"] for row in drawn(numbered, "turn") if row["turn"]}
    assert turns == {"35": "1", "14": "7"}


def test_what_is_in_the_dark_and_what_is_too_low(grid):
    closed = grid.arrays.closed.copy()
    closed[[1, 32]] = False, True
    flow = power_flow(grid, closed)
    rows = buses(picture(grid, closed, flow.voltage, faults=[1]))
    low = {name for name, row in rows.items() if row["outside"]}
    assert low == {
        bus.name for bus, v in zip(grid.buses, abs(flow.voltage), strict=True) if v < 0.9
    }
    assert low
    closed[32] = False
    chart = picture(grid, closed, power_flow(grid, closed).voltage, faults=[1])
    dark = {name for name, row in buses(chart).items() if "without supply" in row["state"]}
    assert dark == {str(bus) for bus in [*range(3, 19), *range(23, 34)]}
    assert states(chart)["3"] == "without supply"


def test_without_voltages_supply_is_found_in_the_graph(grid):
    closed = grid.arrays.closed.copy()
    closed[[1, 9]] = False  # 2-3 and 10-11
    rows = buses(picture(grid, closed, generators=[5]))
    supplied = {name for name, row in rows.items() if row["voltage"] > 0}
    assert supplied == {str(bus) for bus in [*range(1, 11), *range(19, 34)]}
    assert rows["6"]["shape"] == "diamond"


def test_signs_explain_what_is_there(grid):
    closed = grid.arrays.closed
    voltage = np.where(np.arange(33) == 5, 0.85, 1.0)
    assert signs(grid, [State(closed, voltage)], (0.9, 1.1)) == [
        "square: source",
        "discs by load",
        "ring: critical load",
        "red rim: outside the voltage limits",
    ]
    found = signs(grid, [State(closed, shed=[3], faults=[2], changed=[1], generators=[4])], (0, 2))
    assert found[-3:] == [
        "white with \u00d7: load disconnected",
        "red \u00d7: fault",
        "numbers in discs: order of operation",
    ]


def test_several_times_have_equal_places_and_one_legend(grid):
    fault = grid.arrays.closed.copy()
    fault[7] = False
    chart = pictures(
        grid,
        {
            "before": State(grid.arrays.closed, power_flow(grid).voltage),
            "after": State(fault, power_flow(grid, fault).voltage, faults=[7]),
        },
        "two",
    )
    spec = chart.to_dict()
    assert [panel["title"]["text"] for panel in spec["vconcat"]] == ["before", "after"]
    rows = drawn(chart, "kw", "voltage")
    places = {(row["name"], row["x"], row["y"]) for row in rows}
    assert len(places) == 33
    domains = [panel["layer"][0]["encoding"]["stroke"]["scale"] for panel in spec["vconcat"]]
    assert domains[0] == domains[1]


def test_the_largest_feeder_becomes_a_picture(tmp_path):
    grid = load("136")
    chart = picture(grid, grid.arrays.closed, power_flow(grid).voltage, "136")
    assert len(json.dumps(chart.to_dict())) < 200_000, "pages stay small"
    report.chart_file(chart, tmp_path / "feeder.svg")
    assert "<svg" in (tmp_path / "feeder.svg").read_text()[:200]
