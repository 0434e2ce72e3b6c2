"""The independent check of restorations."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid.cases import load
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.restoration.checker import check, violations
from drlapps.energy.restoration.environment import RestorationEnv
from drlapps.energy.restoration.outage import Outage

GRID = load("ieee33")
OUTAGE = Outage("outage 8", GRID, (7,))


def operations(*words: str) -> dict[str, object]:
    """``close 35`` and the like, as a solution."""
    return {"operations": [word.split() for word in words]}


def line(p_kw: float, r_ohm: float = 1.0, rating_a: float = math.inf) -> Feeder:
    """Two buses 10 kV from each other, joined by a resistance."""
    return Feeder(
        "line",
        (Bus("a"), Bus("b", p_kw)),
        (Branch("ab", "a", "b", r_ohm, 0.0, rating_a=rating_a),),
        "a",
        10.0,
    )


def test_the_best_configuration_of_the_33_bus_feeder() -> None:
    """139.551 kW and 0.93782 pu with 7, 9, 14, 32 and 37 open (Baran and Wu's feeder)."""
    pairs = [(33, 7), (34, 14), (35, 9), (36, 32)]
    words = [word for tie, line in pairs for word in (f"close {tie}", f"open {line}")]
    found = check(Outage("intact", GRID), operations(*words))
    assert found["loss_kw"] == pytest.approx(139.551, abs=5e-4)
    assert found["min_voltage"] == pytest.approx(0.93782, abs=5e-6)
    assert found["switch_operations"] == 8
    assert found["load_served"] == pytest.approx(1.0)
    assert found["feasible"] == 1


def test_nothing_done_after_a_fault() -> None:
    """Branch 8 feeds buses 9 to 18: 675 of 3715 kW."""
    found = check(OUTAGE, operations())
    assert found["load_served"] == pytest.approx(1 - 675 / 3715)
    assert found["switch_operations"] == found["shed_kw"] == 0


def test_a_line_by_its_formula() -> None:
    """V (V0 - V) = P R for a resistance: 8 kV and 16 MW from 10 kV over 1 ohm."""
    outage = Outage("line", line(16_000.0), min_voltage=0.75)
    found = check(outage, operations())
    assert found["min_voltage"] == pytest.approx(0.8, abs=1e-12)
    assert found["loss_kw"] == pytest.approx(4000.0, abs=1e-8)
    assert found["feasible"] == 1
    found = check(replace(outage, min_voltage=0.9), operations())
    assert found["voltage_violation"] == pytest.approx(0.1)
    assert found["load_served"] == found["feasible"] == 0
    found = check(replace(outage, min_voltage=0.9), operations("shed b"))
    assert found["shed_kw"] == 16_000
    assert found["min_voltage"] == found["feasible"] == 1
    assert found["loss_kw"] == 0


def test_an_overload() -> None:
    """16 MW at 8 kV are 2000 A / sqrt(3)."""
    grid = line(16_000.0, rating_a=1000.0)
    found = check(Outage("line", grid, min_voltage=0.75), operations())
    assert found["overload"] == pytest.approx(2 / math.sqrt(3) - 1)
    assert found["load_served"] == 0
    assert found["feasible"] == 0


def test_more_than_the_line_can_carry() -> None:
    """V (10 kV - V) is at most 25 kV^2."""
    found = check(Outage("line", line(26_000.0)), operations())
    assert found == {
        "load_served": 0.0, "voltage_violation": 0.9, "overload": 0.0, "switch_operations": 0.0,
        "shed_kw": 0.0, "loss_kw": 26_000.0, "min_voltage": 0.0, "feasible": 0.0,
    }  # fmt: skip


def test_a_branch_without_impedance() -> None:
    found = check(Outage("bar", line(100.0, r_ohm=0.0)), operations())
    assert found["loss_kw"] == 0
    assert found["min_voltage"] == found["load_served"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["close 8"], "operation 1 (close 8) names a branch that is faulted"),
        (["close 99"], "operation 1 (close 99) names a branch that is faulted, has no switch"),
        (["close 35", "open 35"], "operation 2 (open 35) is the second one there"),
        (["open 35"], "operation 1 (open 35) finds the switch in that position"),
        (["close 3"], "operation 1 (close 3) finds the switch in that position"),
        (["close 36"], None),
        (["close 37", "close 35"], "operation 2 (close 35) leaves a loop closed"),
        (["close 37", "open 5"], None),
        (["close 37", "open 20"], "operation 2 (open 20) leaves a loop closed"),
        (["close 37"], "a loop is closed at the end"),
        (["close 34"], "a loop is closed at the end"),
        (["shed 1"], "operation 1 (shed 1) has no load with a breaker"),
        (["shed 99"], "operation 1 (shed 99) has no load with a breaker"),
        (["shed 5", "shed 5"], "operation 2 (shed 5) is the second one there"),
        (["toggle 5"], "operation 1 (toggle 5) is neither close, open nor shed"),
    ],
)
def test_rules(words: list[str], sentence: str | None) -> None:
    solution = operations(*words)
    found = violations(OUTAGE, solution)
    if sentence is None:
        assert found == []
        assert len(check(OUTAGE, solution)) == 8
    else:
        assert found[0].startswith(sentence)
        assert check(OUTAGE, solution) == {"feasible": 0.0}


def test_switches_and_breakers_that_are_not_there() -> None:
    buses = [replace(bus, sheddable=bus.name != "5") for bus in GRID.buses]
    branches = [replace(branch, switchable=branch.name != "35") for branch in GRID.branches]
    outage = replace(OUTAGE, feeder=replace(GRID, buses=tuple(buses), branches=tuple(branches)))
    for word in ("shed 5", "close 35"):
        assert len(violations(outage, operations(word))) == 1


def test_the_number_of_operations() -> None:
    outage = replace(OUTAGE, max_operations=1)
    assert violations(outage, operations("close 35")) == []
    assert violations(outage, operations("close 35", "shed 5")) == [
        "there are 2 operations, and 1 allowed"
    ]


@pytest.mark.parametrize("solution", [{}, {"operations": 3}, {"operations": [["close"], "x"]}])
def test_no_operations_at_all(solution: dict[str, object]) -> None:
    assert "under 'operations'" in violations(OUTAGE, solution)[0]
    assert check(OUTAGE, solution) == {"feasible": 0.0}


def played(outage: Outage, seed: int) -> tuple[dict[str, float], dict[str, object]]:
    """Random admissible operations: the environment's metrics and solution."""
    env = RestorationEnv(1, [outage], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": [outage]})
    rng = np.random.default_rng(seed)
    over = False
    while not over:
        choices = np.flatnonzero(env.action_masks()[0])
        finish = env.action_masks().shape[1] - 1
        more = choices[choices != finish]
        choices = more if len(more) and rng.random() < 0.9 else choices
        over = bool(env.step(np.array([rng.choice(choices)]))[2].all())
    return env.metrics(0), env.solution(0)


@settings(max_examples=25)
@given(
    faults=st.sets(st.integers(1, 36), max_size=3),
    loading=st.floats(0.3, 2.5),
    seed=st.integers(0, 1000),
)
def test_the_environment_agrees(faults: set[int], loading: float, seed: int) -> None:
    outage = Outage("drawn", GRID, tuple(sorted(faults)), loading)
    metrics, solution = played(outage, seed)
    assert violations(outage, solution) == []
    found = check(outage, solution)
    assert found.keys() == metrics.keys()
    for name, value in found.items():
        assert metrics[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name


@pytest.mark.parametrize(
    ("name", "lie"),
    [
        ("open_lines", ["8"]),
        ("shed", ["3"]),
        ("load_served", [0.8, 1.0, 1.0]),
        ("voltage", [1.0] * 33),
        ("voltage", []),
    ],
)
def test_what_a_solution_tells_must_be_so(name: str, lie: list[object]) -> None:
    _, solution = played(OUTAGE, 3)
    assert violations(OUTAGE, solution) == []
    found = violations(OUTAGE, {**solution, name: lie})
    assert len(found) == 1
    assert found[0].startswith(f"{name} is {lie}")
