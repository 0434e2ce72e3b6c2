"""Pictures and the table show the episode that was played."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.dc_motor import views
from drlapps.control.dc_motor.environment import DcMotorEnv
from drlapps.control.dc_motor.instances import named


@pytest.mark.parametrize(
    ("kind", "control", "which"),
    [("series", "current", "finite"), ("shunt", "speed", "continuous")],
)
def test_table_and_figures(kind: str, control: str, which: str) -> None:
    (drive,) = named(["steps:0"], kind, control, steps=15)
    env = DcMotorEnv(1, [drive], control_set=which, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [drive]})
    for _ in range(15 * env.decisions):
        env.step(np.array([1]) if which == "finite" else np.full((1, 1), 0.02))
    solution = env.solution(0)
    rows = views.table(drive, solution)
    assert len(rows) == 15 * env.decisions
    assert rows[-1]["ms"] == pytest.approx(1.5)
    assert rows[3]["voltage"] == solution["voltages"][3]
    last = solution["currents"][-1]
    field = last[0] if kind == "series" else last[1]
    assert rows[-1]["torque_nm"] == pytest.approx(1.7e-3 * field * last[0])
    charts = views.figures(drive, solution, "a drive")
    assert list(charts) == ["tracking", "currents", "voltage", "torque"]
    for chart in charts.values():
        text = chart.to_json()
        assert "a drive" in text
    shown = charts["currents"].to_dict()["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert shown == (["armature", "field"] if kind == "shunt" else ["armature"])
