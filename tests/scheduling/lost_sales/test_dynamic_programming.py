"""The exact program against published optima, brute force and independent recursions."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.scheduling.inventory.demand import Constant, Empirical, Poisson
from drlapps.scheduling.lost_sales.dynamic_programming import (
    Space,
    evaluate_exactly,
    myopic_orders,
    solve,
)
from drlapps.scheduling.lost_sales.instances import named, toy
from drlapps.scheduling.lost_sales.problem import Problem

# Zipkin 2008, table 3: optimal costs for lead times 1 and 2, penalties 4, 9, 19, 39, and some of
# lead time 4; Bijvank, Bhulai & Huh 2015, table 1.
PUBLISHED = {
    "poisson5-l1-p4": 4.04, "poisson5-l1-p9": 5.44, "poisson5-l1-p19": 6.68,
    "poisson5-l1-p39": 7.84, "poisson5-l2-p4": 4.40, "poisson5-l2-p9": 6.09,
    "poisson5-l2-p19": 7.66, "poisson5-l2-p39": 9.11, "poisson5-l4-p4": 4.73,
    "poisson5-l4-p19": 8.89, "geometric5-l4-p4": 10.61, "geometric5-l4-p19": 22.95,
    "poisson5-l2-p14-k5": 11.46,
}  # fmt: skip


@pytest.mark.parametrize(("name", "cost"), PUBLISHED.items())
def test_published_optima_are_reproduced_to_the_printed_digits(name, cost):
    solution = solve(named(name)[0].problem)
    assert round(solution.cost, 2) == pytest.approx(cost)
    assert 0 <= solution.cost - solution.bound < 1e-9


def test_toys_have_the_optima_worked_out_by_hand():
    assert [one.reference for one in toy()] == pytest.approx([5 / 6, 1 / 4, 3 / 2], abs=1e-9)


@pytest.mark.parametrize("lead_time", [1, 2, 3])
def test_states_are_numbered_without_a_gap(lead_time):
    space = Space(lead_time, 6)
    states = space.states()
    assert len({tuple(state) for state in states}) == space.size
    assert states.min() == 0
    assert states.sum(axis=1).max() == 6
    assert np.array_equal(space.numbers(states), np.arange(space.size))
    everything = [s for s in product(range(7), repeat=lead_time) if sum(s) <= 6]
    assert len(everything) == space.size


def brute_force(problem, rounds=2_000):
    """Relative value iteration over dictionaries, straight from the definition."""
    most, chances = problem.storage, problem.demand.pmf()
    states = [s for s in product(range(most + 1), repeat=problem.lead_time) if sum(s) <= most]
    values = dict.fromkeys(states, 0.0)
    low, high = -np.inf, np.inf
    for _ in range(rounds):
        after = {}
        for state in states:
            options = []
            for order in range(most - sum(state) + 1):
                cost = problem.fixed * (order > 0)
                for demand, chance in enumerate(chances):
                    left, pipeline = max(state[0] - demand, 0), (*state[1:], order)
                    cost += chance * (
                        problem.holding * left
                        + problem.penalty * max(demand - state[0], 0)
                        + values[(pipeline[0] + left, *pipeline[1:])]
                    )
                options.append(cost)
            after[state] = min(options)
        changes = [after[state] - values[state] for state in states]
        low, high = min(changes), max(changes)
        values = {state: after[state] - after[states[0]] for state in states}
        if high - low < 1e-10:
            break
    return (low + high) / 2


@settings(max_examples=12, deadline=None)
@given(
    lead_time=st.integers(1, 2),
    penalty=st.floats(0.5, 20),
    fixed=st.sampled_from([0.0, 1.0]),
    weights=st.lists(st.floats(0.1, 1.0), min_size=2, max_size=3),
)
def test_the_optimum_is_that_of_the_definition(lead_time, penalty, fixed, weights):
    chances = tuple(w / sum(weights) for w in weights)
    law = Empirical(tuple(float(n) for n in range(len(chances))), chances)
    problem = Problem(lead_time, penalty, law, fixed=fixed)
    assert solve(problem).cost == pytest.approx(brute_force(problem), abs=1e-8)


@pytest.mark.parametrize("name", ["poisson5-l3-p9", "geometric5-l2-p19", "poisson5-l2-p14-k5"])
def test_the_storage_does_not_bind(name):
    problem = named(name)[0].problem
    solution = solve(problem)
    larger = Problem(problem.lead_time, problem.penalty, problem.demand, fixed=problem.fixed)
    larger.__dict__["storage"] = problem.storage + 10
    assert solve.__wrapped__(larger).cost == pytest.approx(solution.cost, rel=1e-9)
    # Where the shelf is not overfull already, no optimal order comes near the limit.
    position = solution.space.states().sum(axis=1)
    ordering = solution.orders > 0
    assert (position + solution.orders)[ordering].max() < problem.storage


@pytest.mark.parametrize("name", ["poisson5-l1-p4", "geometric5-l3-p9", "poisson5-l2-p14-k5"])
def test_the_optimal_orders_are_worth_the_optimum_and_no_others_less(name):
    problem = named(name)[0].problem
    solution = solve(problem)
    assert evaluate_exactly(problem, solution.space, solution.orders) == pytest.approx(
        solution.cost, rel=1e-10
    )
    for horizon in (1, 2):
        orders = myopic_orders(problem, solution.space, horizon)
        assert evaluate_exactly(problem, solution.space, orders) >= solution.bound - 1e-12


# Zipkin 2008, table 3: costs of the myopic policies at lead time 4.
@pytest.mark.parametrize(
    ("name", "horizon", "cost"),
    [("poisson5-l4-p4", 1, 5.06), ("poisson5-l4-p4", 2, 4.82), ("geometric5-l4-p19", 2, 23.28)],
)
def test_published_costs_of_the_myopic_policies(name, horizon, cost):
    problem = named(name)[0].problem
    space = Space(problem.lead_time, problem.storage)
    orders = myopic_orders(problem, space, horizon)
    assert round(evaluate_exactly(problem, space, orders, 1e-6), 2) == pytest.approx(cost)


def test_optimal_orders_fall_slower_than_the_stock_grows_and_most_with_the_newest():
    # Zipkin 2008, "On the structure of lost-sales inventory models": in each entry of the state
    # the slope lies in [-1, 0], and it is steepest in the newest order.
    problem = named("poisson5-l3-p9")[0].problem
    solution = solve(problem)
    states = solution.space.states()
    inner = states[states.sum(axis=1) < problem.storage]
    slopes = [
        solution.orders[solution.space.numbers(inner + unit)]
        - solution.orders[solution.space.numbers(inner)]
        for unit in np.eye(3, dtype=np.int64)
    ]
    assert all(slope.min() == -1 and slope.max() == 0 for slope in slopes)
    assert slopes[2].mean() < slopes[1].mean() < slopes[0].mean()


def test_a_problem_with_too_many_states_has_no_solution():
    assert solve(Problem(8, 19.0, Poisson(5.0))) is None


def test_huge_penalties_leave_rounding_errors_only():
    solution = solve(Problem(2, 1e7, Poisson(20.0)))
    assert 0 <= solution.cost - solution.bound < 1e-6
    with_waiting = Problem(2, 1e7, Poisson(20.0)).scale
    assert solution.cost == pytest.approx(with_waiting, rel=1e-3)
    assert solution.cost < with_waiting


def test_a_policy_is_judged_from_an_empty_shelf():
    problem = Problem(1, 1.0, Constant(1.0))
    space = Space(1, 2)
    # By number: with two units, with one, with none. One is always replaced, but none stays none.
    assert evaluate_exactly(problem, space, np.array([0, 1, 0])) == pytest.approx(1.0)
    # One is replaced by none and none by one: every other customer is lost.
    assert evaluate_exactly(problem, space, np.array([0, 0, 1])) == pytest.approx(0.5)
