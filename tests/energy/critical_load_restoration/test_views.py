"""Pictures and tables of an outage."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps import report
from drlapps.energy.critical_load_restoration.checker import check
from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.energy.critical_load_restoration.instances import named
from drlapps.energy.critical_load_restoration.opendss import Replay
from drlapps.energy.critical_load_restoration.rules import Greedy
from drlapps.energy.critical_load_restoration.views import figures, table, three_phase
from drlapps.evaluate import rollout


@pytest.fixture(scope="module")
def played():
    scenario = named(["ieee13:error-15:3"])[0]
    env = CriticalLoadRestorationEnv(1, [scenario], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, Greedy(), [scenario], 0)
    return scenario, env.metrics(0), env.solution(0)


def rows_of(chart):
    """The rows of the first layer, wherever Altair has put them."""
    content = chart.to_dict()
    first = content["layer"][0].get("data") or content["data"]
    return first["values"] if "values" in first else content["datasets"][first["name"]]


def test_the_table_balances_and_ends_with_the_metrics(played):
    scenario, metrics, solution = played
    rows = table(scenario, solution)
    assert len(rows) == scenario.steps
    for row in rows:
        supply = row["sun"] + row["wind"] + row["turbine"] + row["battery"]
        assert supply == pytest.approx(row["load_kw"], abs=1e-6)
    battery = scenario.microgrid.battery
    usable = battery.max_kwh - battery.min_kwh
    assert (rows[-1]["charge_kwh"] - battery.min_kwh) / usable == pytest.approx(
        metrics["charge_left"], abs=1e-9
    )
    fuel = scenario.microgrid.turbine.fuel_kwh
    assert rows[-1]["fuel_kwh"] / fuel == pytest.approx(metrics["fuel_left"], abs=1e-9)
    served = np.mean([row["weighted_share"] for row in rows])
    assert served == pytest.approx(metrics["weighted_energy_served"])
    excess = max(max(0.95 - row["lowest"], row["highest"] - 1.05) for row in rows)
    assert max(excess, 0.0) == pytest.approx(
        check(scenario, solution)["voltage_violation"], abs=1e-8
    )


def test_figures_become_pictures_that_say_what_they_show(played, tmp_path):
    scenario, metrics, solution = played
    drawn = figures(scenario, solution, "an outage")
    assert list(drawn) == ["dispatch", "loads", "stores", "voltage", "forecast"]
    for name, chart in drawn.items():
        assert chart.to_dict()["title"]["text"] == "an outage"
        report.chart_file(chart, tmp_path / f"{name}.svg")
        assert "<svg" in (tmp_path / f"{name}.svg").read_text()[:200]
    assert metrics["drops"] > 0
    given_up = np.maximum(-np.diff(solution["served"], axis=0), 0.0)
    kw = given_up.sum(axis=0) @ [load.p_kw for load in scenario.microgrid.loads]
    assert f"{kw:.0f} kW given up" in drawn["loads"].to_dict()["title"]["subtitle"]
    assert "error of 15%" in drawn["forecast"].to_dict()["title"]["subtitle"]


def test_stretches_of_the_heat_map_cover_every_load_once(played):
    scenario, _, solution = played
    cells = rows_of(figures(scenario, solution, "an outage")["loads"])
    hours = {load: 0.0 for load in {cell["load"] for cell in cells}}
    for cell in cells:
        hours[cell["load"]] += cell["end"] - cell["hour"]
    assert len(hours) == len(scenario.microgrid.loads)
    assert list(hours.values()) == pytest.approx([6.0] * len(hours))


def test_the_replay_is_drawn_by_phase(played):
    scenario, _, _ = played
    voltage = np.full((scenario.steps, 2, 3), 1.0)
    voltage[:, 1] = (0.99, np.nan, 1.02)
    replay = Replay(("632", "684"), voltage, np.full((scenario.steps, 2), 1.0), 0.95, 1.05)
    chart = three_phase(scenario, replay, "an outage")
    ends = {(row["phase"], row["end"]): row["voltage"] for row in rows_of(chart)}
    assert ends["a", "lowest"] == 0.99
    assert ends["b", "lowest"] == ends["b", "highest"] == 1.0
    assert ends["c", "highest"] == 1.02
    assert "by up to 0.0300, and from the balanced" in chart.to_dict()["title"]["subtitle"]
