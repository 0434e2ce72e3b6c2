"""Rules and baselines: published costs, brute force over parameters, long lead times."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from drlapps.scheduling.inventory.demand import Poisson
from drlapps.scheduling.lost_sales import rules
from drlapps.scheduling.lost_sales.baselines import StandardVector
from drlapps.scheduling.lost_sales.dynamic_programming import (
    Space,
    evaluate_exactly,
    myopic_orders,
    solve,
)
from drlapps.scheduling.lost_sales.instances import named
from drlapps.scheduling.lost_sales.problem import Problem
from drlapps.scheduling.lost_sales.rules import Rule, exact_cost


def problem(name):
    return named(name)[0].problem


# Zipkin 2008, table 3 (base-stock); Xin 2021, table 1 (capped); Bijvank et al. 2015 (s, S).
@pytest.mark.parametrize(
    ("find", "name", "cost"),
    [
        (rules.best_base_stock, "poisson5-l4-p4", 5.20),
        (rules.best_capped_base_stock, "poisson5-l4-p4", 4.80),
        (rules.best_capped_base_stock, "poisson5-l4-p19", 8.95),
        (rules.best_constant_order, "poisson5-l4-p4", 5.27),
        (rules.best_reorder_point, "poisson5-l2-p14-k5", 11.62),
    ],
)
def test_published_costs_of_the_best_rules(find, name, cost):
    assert round(exact_cost(problem(name), find(problem(name))), 2) == pytest.approx(cost)


def test_the_published_s_and_S_are_found():
    found = rules.best_reorder_point(problem("poisson5-l2-p14-k5"))
    assert (found.reorder, found.level) == (17, 23)


def test_no_other_parameters_are_better():
    one = problem("geometric5-l2-p9")
    levels = range(10, one.level + 1)
    base = [exact_cost(one, Rule(level)) for level in levels]
    assert exact_cost(one, rules.best_base_stock(one)) == pytest.approx(min(base), rel=1e-6)
    capped = [exact_cost(one, Rule(level, cap)) for level in levels for cap in range(3, 14)]
    assert exact_cost(one, rules.best_capped_base_stock(one)) <= min(capped) * (1 + 1e-6)
    lots = [exact_cost(one, Rule(level, reorder=s)) for level in levels for s in range(8, level)]
    assert exact_cost(one, rules.best_reorder_point(one)) <= min(*lots, *base) * (1 + 1e-6)


def test_a_constant_order_costs_the_same_at_every_lead_time():
    # Orders that never change do not care when they were sent; the storage hardly binds.
    costs = [
        exact_cost(problem(f"poisson5-l{lead_time}-p4"), Rule(cap=4.0)) for lead_time in (1, 2, 3)
    ]
    assert costs == pytest.approx([costs[2]] * 3, rel=0.005)


def test_simulated_parameters_agree_with_exact_ones(monkeypatch):
    one = Problem(2, 9.0, Poisson(3.0))
    exact = [exact_cost(one, find(one)) for find in FINDERS]
    monkeypatch.setattr(rules, "MOST_STATES", 0)
    for find, least in zip(FINDERS, exact, strict=True):
        rule = find.__wrapped__(one)
        assert exact_cost(one, rule) == pytest.approx(least, rel=0.01)
    simulated = rules.best_non_stockout.__wrapped__(one)
    monkeypatch.undo()
    assert simulated == pytest.approx(rules.best_non_stockout(one), abs=0.05)


FINDERS = (rules.best_base_stock, rules.best_capped_base_stock, rules.best_constant_order)


def test_orders_of_a_rule_lie_between_nothing_and_the_cap():
    position = np.array([0.0, 5.0, 8.0, 12.0])
    for rule, wanted in (
        (Rule(10, 6, 8), [6, 5, 2, 0]),
        (Rule(10, reorder=6), [10, 5, 0, 0]),
        (Rule(cap=3), [3, 3, 3, 3]),
    ):
        assert rules.rule_orders(np.array(astuple(rule)), position).tolist() == wanted


def standard_vector(name):
    one = problem(name)
    space = Space(one.lead_time, one.storage)
    states = space.states()
    orders = StandardVector().plan(one)(states)
    return one, space, np.minimum(orders, one.storage - states.sum(axis=1)).astype(np.int64)


def test_the_published_cost_of_the_standard_vector_base_stock_policy():
    # Zipkin 2008, table 3.
    assert round(evaluate_exactly(*standard_vector("poisson5-l4-p4"), 1e-6), 2) == 5.83


@pytest.mark.parametrize("name", ["poisson5-l2-p9", "geometric5-l3-p4"])
def test_the_standard_vector_orders_are_never_below_the_optimal_ones(name):
    one, _, orders = standard_vector(name)
    assert (solve(one).orders <= orders).all()


def test_a_fixed_probability_of_no_stockout_is_nearly_optimal():
    # De Kok & Meijer 2023 find it close to the optimum, and better than the other rules.
    one = problem("poisson5-l3-p9")
    ratio = rules.best_non_stockout(one)
    space = Space(one.lead_time, one.storage)
    orders = myopic_orders(one, space, penalty=ratio / (1 - ratio))
    cost, optimum = evaluate_exactly(one, space, orders, 1e-6), solve(one).cost
    assert optimum <= cost * (1 + 1e-6) < optimum * 1.001
    assert exact_cost(one, rules.best_capped_base_stock(one)) > optimum * 1.01
