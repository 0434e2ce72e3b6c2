"""The table of a history and its pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.control.fishery import views
from drlapps.control.fishery.baselines import ConstantEscapement, NoHarvest
from drlapps.control.fishery.environment import FisheryEnv
from drlapps.control.fishery.instances import Fishery, named, published
from drlapps.control.fishery.tuning import tuned


def solution(fishery: Fishery) -> dict[str, Any]:
    env = FisheryEnv(1, [fishery], autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": [fishery]})
    policy = ConstantEscapement()
    policy.reset(env, 0)
    over = False
    while not over:
        observations, _, terminated, truncated, _ = env.step(policy.act(env, observations))
        over = bool(terminated[0] or truncated[0])
    return env.solution(0)


def test_the_table_keeps_the_books() -> None:
    (fishery,) = named(["model-3:0"])
    found = solution(fishery)
    rows = views.table(fishery, found)
    years = len(found["catches"])
    assert len(rows) == 3 * (years + 1)
    for row in rows[:-3]:
        assert row["catch"] == pytest.approx(row["mortality"] * row["stock"])
    assert "catch" not in rows[-1]
    assert rows[0] == {"year": 0, "species": "X", "stock": 0.5} | {
        key: rows[0][key] for key in ("catch", "mortality")
    }


@pytest.mark.parametrize("name", ["model-1:0", "model-3:0"])
def test_there_is_a_picture_of_each_kind(name: str) -> None:
    (fishery,) = named([name])
    drawn = views.figures(fishery, solution(fishery), "title")
    assert list(drawn) == ["stocks", "harvest", "policy"]
    for chart in drawn.values():
        assert chart.to_dict()


def test_a_policy_map_shows_the_share_at_every_point() -> None:
    model = published("model-3")
    points = _points(views.policy_map(ConstantEscapement(), model, "map"))
    level = dict(zip("XY", tuned(model, "constant-escapement").parameters[:, 0], strict=True))
    for point in points[::97]:
        expected = max(1.0 - level[point["species"]] / point["stock"], 0.0)
        assert point["mortality"] == pytest.approx(expected, abs=1e-6)
    still = _points(views.policy_map(NoHarvest(), model, "map"))
    assert not np.any([point["mortality"] for point in still])


def _points(chart: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = chart.data.values
    return found
