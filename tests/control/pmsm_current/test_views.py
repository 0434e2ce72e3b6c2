"""Pictures and table of an episode."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.pmsm_current.baselines import Deadbeat
from drlapps.control.pmsm_current.environment import PmsmCurrentEnv
from drlapps.control.pmsm_current.instances import named
from drlapps.control.pmsm_current.views import figures, table


def test_the_table_and_the_pictures_show_the_episode() -> None:
    drives = named(["steps:1"], steps=40)
    env = PmsmCurrentEnv(1, drives, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": drives})
    policy = Deadbeat()
    policy.reset(env, 0)
    for _ in range(40):
        observations, *_ = env.step(policy.act(env, observations))
    solution = env.solution(0)
    rows = table(drives[0], solution)
    assert len(rows) == 40
    assert rows[-1]["ms"] == pytest.approx(4.0)
    mean = np.mean([row["error"] for row in rows])
    assert mean == pytest.approx(env.metrics(0)["tracking_error"])
    # 3/2 p (psi + (Ld - Lq) i_d) i_q
    last = rows[-1]
    wanted = 4.5 * (66e-3 + (0.37e-3 - 1.2e-3) * last["i_d"]) * last["i_q"]
    assert last["torque_nm"] == pytest.approx(wanted)
    charts = figures(drives[0], solution, "A title")
    assert list(charts) == ["tracking", "voltages", "plane"]
    for chart in charts.values():
        assert chart.to_dict()["title"]["text"] == "A title"
    assert f"{100 * mean:.3f} %" in charts["tracking"].to_dict()["title"]["subtitle"]
    assert "in 0 of 40" in charts["plane"].to_dict()["title"]["subtitle"]
