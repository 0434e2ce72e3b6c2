"""Tables and pictures of a plan."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from drlapps.energy.crew_restoration import views
from drlapps.energy.crew_restoration.instances import named
from drlapps.energy.crew_restoration.list_scheduling import referee

DAMAGE = named(["ieee33:crews-2-switching:2"])[0]


@pytest.fixture(scope="module")
def played() -> tuple[dict[str, object], float]:
    env = referee(DAMAGE)
    for line in range(len(DAMAGE.lines)):
        env.step(np.array([line]))
    return env.solution(0), env.metrics(0)["harm"]


def test_the_area_above_the_curve_is_the_harm(played: tuple[dict[str, object], float]) -> None:
    solution, harm = played
    steps = views.supply(DAMAGE, solution)
    assert steps[0]["time"] == 0.0
    assert steps[-1]["served"] == pytest.approx(1.0)
    total = steps[-1]["served_kw"]
    area = sum(
        (total - before["served_kw"]) * (after["time"] - before["time"])
        for before, after in pairwise(steps)
    )
    assert area == pytest.approx(harm)
    rows = views.table(DAMAGE, solution)
    assert [row["order"] for row in rows] == list(range(1, len(DAMAGE.lines) + 1))
    assert sorted(row["line"] for row in rows) == sorted(DAMAGE.line_names)


def test_pictures_hold_the_plan(played: tuple[dict[str, object], float]) -> None:
    solution, harm = played
    figures = views.figures(DAMAGE, solution, "a storm")
    assert set(figures) == {"restoration", "crews", "feeder"}
    assert set(views.COMPARED) <= set(figures)
    texts = {name: str(chart.to_dict()) for name, chart in figures.items()}
    assert all("a storm" in text for text in texts.values())
    assert f"harm {harm:,.0f}" in texts["restoration"]
    assert "crew 2" in texts["crews"]
    assert "all repaired" in texts["feeder"]


def test_ways_between_repairs_are_drawn() -> None:
    damage = named(["ieee33:crews-2-travel:1"])[0]
    env = referee(damage)
    for line in range(len(damage.lines)):
        env.step(np.array([line]))
    assert "on the way" in str(views.crews(damage, env.solution(0), "").to_dict())
