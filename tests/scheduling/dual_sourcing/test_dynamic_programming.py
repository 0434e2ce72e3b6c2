"""The exact program: published optima, an independent solution, proofs that hold everywhere."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.scheduling.dual_sourcing import heuristics
from drlapps.scheduling.dual_sourcing.dynamic_programming import solve
from drlapps.scheduling.dual_sourcing.problem import Problem
from drlapps.scheduling.inventory.demand import Geometric, Poisson, UniformInteger

SMALL = Problem(UniformInteger(0, 2), 3, 0, 10.0, 13.0, 1.0, 9.0, regular_capacity=2)
SLOW = Problem(Poisson(2.0), 4, 1, 100.0, 112.0, 5.0, 60.0)
CHEAP = Problem(UniformInteger(0, 3), 3, 0, 10.0, 40.0, 1.0, 4.0)
"""Backorders are cheaper than expediting, so that the table must reach far down."""


@pytest.mark.parametrize(
    ("lead_time", "expedited_cost", "optimum"),
    # The setting of Gijsbrechts et al. 2022, section 6.2 (U{0..4}, h = 5, b = 495, c_r = 100). The
    # optima are those that two independent public solvers of it print.
    [(2, 105, 216.770), (3, 105, 216.877), (4, 105, 216.893), (2, 110, 219.733)],
)
def test_published_optima(lead_time, expedited_cost, optimum):
    solution = solve(Problem(regular_lead_time=lead_time, expedited_cost=expedited_cost))
    assert solution.cost == pytest.approx(optimum, abs=5e-4)
    assert 0.0 <= solution.cost - solution.bound < 1e-8


def by_sweeps(problem, low, high, most):
    """The optimum by plain value iteration over states, orders and demands, all costs included."""
    pmf = problem.demand.pmf()
    entries = problem.lead_time_difference - 1
    largest = problem.capacity
    states = list(product(range(low, high + 1), *[range(largest + 1)] * entries))
    place = {state: index for index, state in enumerate(states)}
    costs, following = [], []
    for x, *pipeline in states:
        for fast, slow in product(range(most + 1), range(largest + 1)):
            after = [*pipeline, slow]
            nets = [x + fast - d for d in range(len(pmf))]
            stock = sum(
                p * (problem.holding * max(net, 0) + problem.penalty * max(-net, 0))
                for p, net in zip(pmf, nets, strict=True)
            )
            costs.append(problem.regular_cost * slow + problem.expedited_cost * fast + stock)
            ends = [(min(max(net + after[0], low), high), *after[1:]) for net in nets]
            following.append([place[end] for end in ends])
    costs = np.reshape(costs, (len(states), -1))
    following = np.reshape(following, (*costs.shape, len(pmf)))
    values = np.zeros(len(states))
    for _ in range(2000):
        new = (costs + values[following] @ pmf).min(axis=1)
        change = new - values
        if np.ptp(change) < 1e-10:
            break
        values = new - new[0]
    return change.mean()


def test_the_optimum_is_that_of_plain_value_iteration():
    assert solve(SMALL).cost == pytest.approx(by_sweeps(SMALL, -6, 10, 8), abs=1e-8)


@pytest.mark.parametrize("capacity", [5, 8])
def test_more_capacity_than_the_largest_demand_brings_nothing(capacity):
    usual, more = Problem(), Problem(regular_capacity=capacity)
    assert usual.capacity == 4
    assert solve(more).cost == pytest.approx(solve(usual).cost, abs=1e-7)


def test_the_default_capacity_costs_nothing_that_matters():
    usual, more = Problem(Poisson(2.0), 3), Problem(Poisson(2.0), 3, regular_capacity=16)
    assert usual.capacity == 8
    assert solve(more).cost == pytest.approx(solve(usual).cost, rel=1e-6)


def test_one_period_apart_two_order_up_to_levels_are_optimal():
    # Fukuda 1964: with consecutive lead times the dual index policy is optimal.
    for problem in (Problem(regular_lead_time=1), Problem(Poisson(2.0), 2, 1, penalty=50.0)):
        assert heuristics.dual_index(problem).cost == pytest.approx(solve(problem).cost, abs=1e-6)


def test_without_a_reason_to_mix_one_source_is_optimal():
    cheap = Problem(expedited_cost=100.01)
    assert solve(cheap).cost == pytest.approx(heuristics.expedite_only(cheap).cost, abs=1e-6)
    dear = Problem(UniformInteger(0, 4), 2, 0, 100.0, 500.0, 5.0, 20.0)
    assert solve(dear).cost == pytest.approx(heuristics.regular_only(dear).cost, abs=1e-6)


def test_certain_demand_costs_its_units_alone():
    assert solve(Problem(UniformInteger(3, 3), 3)).cost == pytest.approx(300.0)


def test_too_large_a_problem_is_not_solved():
    assert solve(Problem(Geometric(20.0), 9)) is None


@settings(max_examples=60, deadline=None)
@given(
    problem=st.sampled_from([Problem(regular_lead_time=4), SMALL, SLOW, CHEAP]),
    data=st.data(),
)
def test_no_orders_beat_the_bound_in_any_state(problem, data):
    solution = solve(problem)
    entries = problem.lead_time_difference - 1
    unit = st.integers(0, problem.capacity)
    position = data.draw(st.integers(-500, 500))
    pipeline = data.draw(st.lists(unit, min_size=entries, max_size=entries))
    regular, expedited = data.draw(unit), data.draw(st.integers(0, 600))
    state = np.array([float(position)]), np.array([pipeline], np.float64).reshape(1, entries)
    cost = solution.expected_cost(*state, np.array([regular]), np.array([expedited]))
    assert cost[0] >= solution.bound - 1e-7
    if solution.low <= position < solution.low + solution.values.shape[1]:
        best = solution.expected_cost(*state, *solution.orders(*state))
        assert best[0] == pytest.approx(solution.cost, abs=1e-6)


def test_far_outside_the_table_the_optimal_orders_stay_sensible():
    solution = solve(Problem(regular_lead_time=3))
    pipeline = np.zeros((3, 1))
    regular, expedited = solution.orders(np.array([-1000.0, 4.0, 1000.0]), pipeline)
    assert expedited.tolist() == [1004.0, 0.0, 0.0]
    assert regular[2] == 0.0
