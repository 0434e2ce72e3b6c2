"""The checker on episodes worked out by hand, and on false ones."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest

from drlapps.scheduling.inventory.checker import check, violations
from drlapps.scheduling.inventory.demand import Constant, Poisson, Trace
from drlapps.scheduling.inventory.network import Arc, Node, network
from drlapps.scheduling.inventory.scenario import Scenario

SHELF = network(
    [Node("shelf", 3, holding=1.0, demand=Trace((2, 5, 1)), penalty=10.0, lost_sales=True)],
    [Arc("", "shelf", lead_time=2, cost=0.5, fixed=4.0)],
)


def scenario(built, periods=3, warm_up=0):
    return Scenario("by hand", built, 0, periods, warm_up)


def paths(env, *names):
    return [env.solution(0)[name] for name in names]


def test_lost_sales_by_hand(play):
    # 3 - 2 = 1 left; then 1 + 0 < 5, four lost; then the first order of 2 is there: 2 - 1 = 1 left.
    case = scenario(SHELF)
    env, costs = play(case, [[2], [0], [7]])
    assert paths(env, "on_hand", "sold") == [[[1], [0], [1]], [[2], [1], [1]]]
    assert costs.tolist() == [1 + 4 + 1, 40, 1 + 4 + 3.5]
    found = check(case, env.solution(0))
    assert found == {
        "cost": pytest.approx(54.5 / 3),
        "holding": pytest.approx(2 / 3),
        "shortage": pytest.approx(40 / 3),
        "ordering": pytest.approx(12.5 / 3),
        "fill_rate": 0.5,
        "feasible": 1.0,
    }
    assert check(replace(case, warm_up=1), env.solution(0))["cost"] == pytest.approx(48.5 / 2)


def test_discounting_starts_at_the_first_period(play):
    case = Scenario("by hand", replace(SHELF, discount=0.5), 0, 3, 1)
    env, _ = play(case, [[2], [0], [7]])
    assert check(case, env.solution(0))["cost"] == pytest.approx((0.5 * 40 + 0.25 * 8.5) / 2)
    assert check(case, env.solution(0)) == env.metrics(0)


def test_backorders_and_lead_times_by_hand(play):
    # Orders are a period on their way to the warehouse, which has 2 and gets 4 in period 2.
    built = network(
        [
            Node("warehouse", 2, holding=1.0),
            Node("shop", 1, holding=2.0, demand=Constant(3), penalty=5.0, price=1.0),
        ],
        [
            Arc("", "warehouse", lead_time=2),
            Arc("warehouse", "shop", order_delay=1, holding=0.25, penalty=0.125, ordered=(1,)),
        ],
        backlog=True,
    )
    env, costs = play(scenario(built, 4), [[4, 5], [0, 0], [0, 0], [0, 0]])
    shipped, on_hand, backorder, sold = paths(env, "shipped", "on_hand", "backorder", "sold")
    # Period 0 ships the unit ordered before; period 1 ships one of five; period 2 the other four.
    assert shipped == [[4, 1], [0, 1], [0, 4], [0, 0]]
    assert on_hand == [[1, 0], [0, 0], [0, 0], [0, 0]]
    assert [row[1] for row in backorder] == [2, 4, 6, 5]
    assert [row[1] for row in sold] == [1, 1, 1, 4]
    assert costs.tolist() == [
        1 + 0.25 + 5 * 2 - 1,
        0.25 + 0.125 * 4 + 5 * 4 - 1,
        4 * 0.25 + 5 * 6 - 1,
        5 * 5 - 4,
    ]
    assert violations(scenario(built, 4), env.solution(0)) == []


def test_late_receipts_serve_customers_but_are_not_shipped_on(play):
    built = network(
        [Node("depot"), Node("shop", demand=Constant(2), lost_sales=True)],
        [Arc("", "depot", lead_time=0), Arc("depot", "shop", lead_time=0)],
        late_receipts=True,
    )
    env, _ = play(scenario(built), [[2, 2], [2, 2], [0, 2]])
    assert paths(env, "shipped", "sold") == [[[2, 0], [2, 2], [0, 2]], [[0, 0], [0, 2], [0, 2]]]


@pytest.mark.parametrize(
    ("allocation", "shipped"),
    [
        # 7 units for requests of 6, 6 and 2: running shares 3, 6, 7.
        ("proportional", [3, 3, 1]),
        ("priority", [6, 1, 0]),
        # Positions 4, 0 and 1: up to 2 there is room for 2 + 1, up to 4 for 4 + 2; a has the last.
        ("balanced", [1, 4, 2]),
    ],
)
def test_short_stock_is_rationed_by_the_rule(play, allocation, shipped):
    shops = zip("abc", (4, 0, 1), strict=True)
    built = network(
        [Node("depot", 7), *(Node(name, stock, demand=Constant(0)) for name, stock in shops)],
        [Arc("", "depot"), *(Arc("depot", name) for name in "abc")],
        allocation=allocation,
    )
    env, _ = play(scenario(built, 1), [[0, 6, 6, 2]])
    assert env.solution(0)["shipped"] == [[0, *shipped]]
    assert violations(scenario(built, 1), env.solution(0)) == []


def test_an_assembling_node_waits_for_its_scarcest_part(play):
    built = network(
        [Node("wheels", 9), Node("bicycle", demand=Constant(0), assembles=True, holding=1.0)],
        [
            Arc("", "bicycle", lead_time=1, holding=0.5),
            Arc("wheels", "bicycle", lead_time=0, quantity=2, holding=0.25),
            Arc("", "wheels"),
        ],
    )
    # Arcs: wheels and frames from outside, wheels to the bicycle.
    env, costs = play(scenario(built), [[0, 3, 5], [0, 0, 2], [0, 0, 0]])
    # Five wheels wait for three frames: two bicycles; two more wheels: the third, one wheel left.
    assert [row[1] for row in env.solution(0)["on_hand"]] == [0, 3, 3]
    assert costs.tolist() == [3 * 0.5 + 5 * 0.25, 3 + 0.25, 3 + 0.25]
    assert violations(scenario(built), env.solution(0)) == []


def test_patient_customers_are_served_from_the_suppliers_stock(play):
    shop = Node(
        "shop", 1, demand=Constant(5), penalty=7.0, lost_sales=True, waiting=1.0, special=2.0
    )
    built = network([Node("depot", 3), shop], [Arc("", "depot"), Arc("depot", "shop")])
    env, costs = play(scenario(built, 1), [[0, 0]])
    assert env.solution(0)["sold"] == [[0, 4]]
    assert costs.tolist() == [3 * 2.0 + 7.0]
    assert check(scenario(built, 1), env.solution(0))["fill_rate"] == 0.2
    # The number of patient ones is binomial: the mean over many periods is that of the law.
    half = network([Node("depot", 10_000), replace(shop, initial=0, waiting=0.5)], built.arcs)
    long = Scenario("many", half, 1, 800)
    env, _ = play(long, np.zeros((800, 2)))
    assert np.mean(env.solution(0)["sold"], axis=0)[1] == pytest.approx(
        2.5, abs=4 * 1.12 / 800**0.5
    )
    assert violations(long, env.solution(0)) == []


def test_an_episode_without_demand_has_served_all(play):
    built = network([Node("shelf", 1, demand=Constant(0))], [Arc("", "shelf")])
    env, _ = play(scenario(built), [[0], [0], [0]])
    assert check(scenario(built), env.solution(0))["fill_rate"] == 1.0


def test_expected_costs_are_averaged_over_the_counted_periods(play):
    case = scenario(SHELF, warm_up=1)
    env, _ = play(case, [[2], [0], [7]])
    found = check(case, env.solution(0), lambda instance, solution: np.array([9.0, 2.0, 3.0]))
    assert found["expected_cost"] == 2.5


STORED = network(
    [Node("shelf", 3, storage=8.0, demand=Poisson(2.0), lost_sales=True)],
    [Arc("", "shelf", lead_time=2)],
)


@pytest.fixture(scope="module")
def stored(play):
    case = scenario(STORED, 6)
    return case, play(case, np.full((6, 1), 2.0))[0].solution(0)


@pytest.mark.parametrize(
    ("name", "change", "sentence"),
    [
        ("orders", lambda rows: None, "needs 6 x 1 finite numbers under 'orders'"),
        ("orders", lambda rows: rows[:-1], "needs 6 x 1 finite numbers under 'orders'"),
        ("sold", lambda rows: [[float("nan")], *rows[1:]], "finite numbers under 'sold'"),
        ("shipped", lambda rows: [["much"], *rows[1:]], "finite numbers under 'shipped'"),
        ("on_hand", lambda rows: [[1, 2], *rows[1:]], "6 x 1 finite numbers under 'on_hand'"),
        ("demand", lambda rows: [[9.0], *rows[1:]], "the demand is not that of the scenario"),
        (
            "orders",
            lambda rows: [[-1.0], *rows[1:]],
            "period 0 orders -1 on outside -> shelf, less",
        ),
        ("orders", lambda rows: [[1.5], *rows[1:]], "period 0 orders 1.5 on outside -> shelf, not"),
        ("orders", lambda rows: [[6.0], *rows[1:]], "where storage has room for 5"),
        ("orders", lambda rows: [[1.0], *rows[1:]], "has shipped of 2 at outside -> shelf, not 1"),
        ("shipped", lambda rows: [[3.0], *rows[1:]], "has shipped of 3 at outside -> shelf, not 2"),
        ("on_hand", lambda rows: [*rows[:-1], [99.0]], "period 5 has on_hand of 99 at shelf, not"),
        ("backorder", lambda rows: [[1.0], *rows[1:]], "has backorder of 1 at shelf, not 0"),
        ("sold", lambda rows: [[8.0], *rows[1:]], "period 0 has sold of 8 at shelf, not"),
    ],
)
def test_false_paths_are_noticed(stored, name, change, sentence):
    case, solution = stored
    assert violations(case, solution) == []
    false = {**solution, name: change(deepcopy(solution[name]))}
    assert any(sentence in found for found in violations(case, false))
    assert check(case, false) == {"feasible": 0.0}
