"""Clark and Scarf's recursion, and the heuristic of Shang and Song."""

from __future__ import annotations

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import (
    Constant,
    Demand,
    Geometric,
    Poisson,
    Trace,
    UniformInteger,
)
from drlapps.scheduling.serial_inventory import clark_scarf
from drlapps.scheduling.serial_inventory.clark_scarf import cost_of, shang_song, solve, stage_cost
from drlapps.scheduling.serial_inventory.instances import PROBLEMS, toy
from drlapps.scheduling.serial_inventory.problem import SerialProblem

EXAMPLE = PROBLEMS["snyder-6.1"]


@st.composite
def small_problems(draw: st.DrawFn) -> SerialProblem:
    stages = draw(st.integers(1, 3))
    law: Demand = draw(
        st.sampled_from([Poisson(1.5), UniformInteger(0, 3), Geometric(0.7), Constant(2.0)])
    )
    return SerialProblem(
        tuple(draw(st.lists(st.integers(1, 2), min_size=stages, max_size=stages))),
        tuple(draw(st.lists(st.sampled_from([0.5, 1.0, 2.5]), min_size=stages, max_size=stages))),
        draw(st.sampled_from([1.0, 5.0, 30.0])),
        law,
    )


def test_the_example_of_the_book() -> None:
    # Snyder & Shen 2019, example 6.1, prints S* = 6.49, 12.02, 22.71 and a cost of 47.65;
    # stockpyl 1.0.2 finds 47.6654 on its own, coarser grid.
    found = solve(EXAMPLE)
    assert found.levels == pytest.approx((6.49, 12.02, 22.71), abs=0.006)
    assert found.cost == pytest.approx(47.65, abs=0.02)
    assert doctest.testmod(clark_scarf).failed == 0


@pytest.mark.parametrize(
    ("name", "cost"),
    # stockpyl 1.0.2, whose default grid has 1000 points: its errors are about 1e-4 of the cost.
    [("problem-6.1", 166.271), ("problem-6.2a", 451.729)],
)
def test_problems_of_the_book(name: str, cost: float) -> None:
    assert solve(PROBLEMS[name]).cost == pytest.approx(cost, rel=4e-4)


def test_two_stages_agree_with_numerical_integration() -> None:
    problem = PROBLEMS["problem-6.1"]
    mean, sd = 100.0, 15.0

    def first(y: float) -> float:
        z = (y - mean) / sd
        return (y - mean) + 17.0 * sd * (norm.pdf(z) - z * norm.sf(z))

    # The critical ratio of stage 1 is (15 + 1) / (15 + 2).
    level = mean + sd * norm.ppf(16 / 17)
    top = 228.41812

    def expected(demand: float) -> float:
        return float(first(min(level, top - demand)) * norm.pdf(demand, mean, sd))

    integral, _ = quad(expected, 0.0, 200.0, points=[top - level], epsabs=1e-10, limit=200)
    found = solve(problem)
    assert found.levels == pytest.approx((level, top), abs=1e-4)
    assert found.cost == pytest.approx(top - mean + integral, rel=1e-6)


def test_toys_have_the_optima_worked_out_in_their_docstring() -> None:
    found = [solve(scenario.problem) for scenario in toy()]
    assert [one.cost for one in found] == pytest.approx([1.25, 2.0, 1.5], abs=1e-11)
    assert [one.levels for one in found] == [(2.0,), (2.0, 4.0), (1.0, 1.0)]


def test_the_grid_of_normal_demand_is_fine_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = solve(EXAMPLE).cost
    monkeypatch.setattr(clark_scarf, "STEPS", 1500)
    assert clark_scarf.solve.__wrapped__(EXAMPLE).cost == pytest.approx(exact, rel=1e-7)


@given(small_problems())
@settings(max_examples=25, deadline=None)
def test_levels_are_optimal_among_all_near_them(problem: SerialProblem) -> None:
    found = solve(problem)
    assert cost_of(problem, found.levels) == pytest.approx(found.cost, abs=1e-9)
    for change in itertools.product((-1.0, 0.0, 1.0), repeat=problem.stages):
        assert cost_of(problem, np.add(found.levels, change)) >= found.cost - 1e-9


@given(small_problems())
@settings(max_examples=25, deadline=None)
def test_induced_costs_are_convex_and_linear_beyond_the_grid(problem: SerialProblem) -> None:
    rates = np.cumsum(problem.holding)
    for stage, function in enumerate(solve(problem).functions):
        assert (np.diff(function.values, 2) >= -1e-9).all()
        # Far below, every unit that is missing waits; far above, it lies at this stage.
        far = function(np.array([-1000.0, -999.0, 9000.0, 9001.0]))
        assert far[1] - far[0] == pytest.approx(rates[stage] - rates[-1] - problem.penalty)
        assert far[3] - far[2] == pytest.approx(problem.holding[stage], abs=1e-8)


def test_one_stage_is_a_newsvendor() -> None:
    problem = SerialProblem((3,), (2.0,), 18.0, Poisson(4.0))
    # Over three periods demand is Poisson(12); the least S with P(D <= S) >= 0.9 is 17.
    assert solve(problem).levels == (17.0,)
    pmf = Poisson(12.0).pmf()
    units = np.arange(len(pmf))
    over, short = np.maximum(17 - units, 0) @ pmf, np.maximum(units - 17, 0) @ pmf
    assert solve(problem).cost == pytest.approx(2.0 * over + 18.0 * short)


def test_the_first_function_needs_no_recursion() -> None:
    levels = np.linspace(-3.0, 15.0, 50)
    assert stage_cost(EXAMPLE)(levels) == pytest.approx(solve(EXAMPLE).functions[0](levels))


def test_shang_and_song_bracket_the_optimum() -> None:
    for problem in PROBLEMS.values():
        cost = cost_of(problem, shang_song(problem))
        # Shang & Song 2003 report an average error of 0.24 % and a largest of 1.5 %.
        assert solve(problem).cost - 1e-4 <= cost <= 1.015 * solve(problem).cost
    # Stage 1 has one bound: the optimum.
    assert shang_song(EXAMPLE)[0] == pytest.approx(solve(EXAMPLE).levels[0], abs=1e-5)


def test_stages_that_add_no_holding_cost_hold_all_they_can_use() -> None:
    problem = SerialProblem((1, 1), (0.0, 1.0), 10.0, Poisson(3.0))
    levels = shang_song(problem)
    assert levels[0] >= levels[1]
    assert cost_of(problem, levels) == pytest.approx(solve(problem).cost, rel=0.02)


def test_demand_that_changes_is_refused() -> None:
    problem = SerialProblem((1,), (1.0,), 5.0, Trace((1.0, 2.0)))
    assert not problem.is_stationary
    for function in (solve, stage_cost):
        with pytest.raises(InputError, match="same in every period"):
            function(problem)
