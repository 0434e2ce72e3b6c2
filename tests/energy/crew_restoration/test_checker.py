"""The checker notices what is wrong with a plan."""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import pytest

from drlapps.energy.crew_restoration.checker import check, violations
from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.list_scheduling import referee
from drlapps.energy.grid import cases

DAMAGE = Damage(
    "d", cases.load("ieee33"), (5, 8, 20), (2.0, 3.0, 1.0), crews=2,
    travel=((0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)), switching=True,
)  # fmt: skip


def plan() -> dict[str, Any]:
    env = referee(DAMAGE)
    for line in range(3):
        env.step(np.array([line]))
    return env.solution(0)


def test_a_plan_by_the_rules_breaks_none() -> None:
    assert violations(DAMAGE, plan()) == []
    assert check(DAMAGE, plan())["feasible"] == 1.0


def too_early(solution: dict[str, Any]) -> None:
    solution["repairs"][0]["start"] -= 0.5
    solution["repairs"][0]["end"] -= 0.5


def too_short(solution: dict[str, Any]) -> None:
    solution["repairs"][0]["end"] -= 0.5


def too_many(solution: dict[str, Any]) -> None:
    solution["repairs"][0]["crew"] = 3


def at_once(solution: dict[str, Any]) -> None:
    for repair in solution["repairs"]:
        repair["crew"] = 1


def before_repair(solution: dict[str, Any]) -> None:
    solution["positions"][0]["closed"].append("6")


def loop(solution: dict[str, Any]) -> None:
    solution["positions"][-1]["closed"].append("34")


def unrepaired(solution: dict[str, Any]) -> None:
    solution["positions"][-1]["opened"].append("2")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (too_early, "cannot be there before 1.0 h"),
        (too_short, "is not repaired in its 2.0 h"),
        (too_many, "but there are 2"),
        (at_once, "cannot be there before"),
        (before_repair, "before it is repaired"),
        (loop, "no tree"),
        (unrepaired, "branch 2 cannot be opened"),
    ],
)
def test_what_breaks_a_rule_is_named(change: Callable[[Any], None], words: str) -> None:
    solution = deepcopy(plan())
    change(solution)
    assert any(words in sentence for sentence in violations(DAMAGE, solution))
    assert check(DAMAGE, solution)["feasible"] == 0.0


def test_ties_need_switching_and_limits() -> None:
    from dataclasses import replace

    solution = plan()
    assert any(step["closed"] for step in solution["positions"])
    plain = replace(DAMAGE, switching=False)
    assert any("cannot be closed" in sentence for sentence in violations(plain, solution))
    strict = replace(DAMAGE, min_voltage=0.912)
    assert any("a limit is not kept" in sentence for sentence in violations(strict, solution))


def test_load_that_stays_dark_costs_without_end() -> None:
    solution = plan()
    unrepaired(solution)
    assert check(DAMAGE, solution)["harm"] == math.inf


@pytest.mark.parametrize(
    "solution",
    [{}, {"repairs": [], "positions": []}, {"repairs": [{"line": "6"}] * 3, "positions": []}],
)
def test_what_is_no_plan_is_infeasible(solution: dict[str, Any]) -> None:
    found = check(DAMAGE, solution)
    assert found["feasible"] == 0.0
    assert found["harm"] == math.inf
