"""Order-up-to rules."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtri

from drlapps.scheduling.inventory.demand import Constant, Poisson
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.network import Arc, Network, Node, network
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory.search import Laboratory
from drlapps.scheduling.inventory_network.levels import Flows, stock_of
from drlapps.scheduling.inventory_network.networks import PROBLEMS, van_roy
from drlapps.scheduling.inventory_network.rules import (
    OrderUpTo,
    arc_names,
    groups,
    newsvendor_factors,
    optimised,
)


def single(lead_time: int = 2, fixed: float = 0.0) -> Network:
    shop = Node("shop", initial=20, holding=1.0, demand=Poisson(5.0), penalty=9.0)
    return network([shop], [Arc("", "shop", lead_time=lead_time, fixed=fixed)], backlog=True)


def play(
    net: Network, rule: OrderUpTo, parameters: np.ndarray, periods: int = 30
) -> list[list[float]]:
    """Return the orders of every period."""
    found = []

    def act(env: InventoryEnv) -> np.ndarray:
        orders = rule(stock_of(env, net, slice(None)), parameters)
        found.append(orders[0].tolist())
        return orders

    Laboratory([Scenario("play", net, 1, periods)]).play(act)
    return found


def test_equal_arcs_share_a_group() -> None:
    assert groups(van_roy(5.0, 14.0, 2, 2, (250, 20))).tolist() == [0] + [1] * 10
    assert groups(PROBLEMS["ten-node"]().network).tolist() == list(range(13))
    twins = [Node(name, demand=Poisson(3.0), penalty=1.0) for name in ("a", "b", "c")]
    depots = [Node("north"), Node("south")]
    arcs = [Arc("", "north"), Arc("", "south"), Arc("north", "a"), Arc("north", "b")]
    # The depots are equal but for what they supply, so all that differs by them differs.
    net = network([*depots, *twins], [*arcs, Arc("south", "c")])
    assert groups(net).tolist() == [0, 1, 2, 2, 3]


def test_levels_cover_the_lead_time_and_the_review() -> None:
    rule = OrderUpTo(single(lead_time=2), 10, echelon=True)
    assert np.allclose(rule.base, 15.0)
    assert np.allclose(rule.spread, math.sqrt(15.0))
    chain = PROBLEMS["two-stage"]().network
    rule = OrderUpTo(chain, 10, echelon=True)
    assert np.allclose(rule.base[0], [20.0, 10.0])
    rule = OrderUpTo(chain, 10, echelon=False)
    assert np.allclose(rule.base[0], [15.0, 10.0])


def test_an_order_raises_the_position_to_the_level() -> None:
    net = single()
    rule = OrderUpTo(net, 30, echelon=True)
    demand = Scenario("play", net, 1, 30).demand[:, 0]
    level = 15.0 + 1.5 * math.sqrt(15.0)
    orders = np.ravel(play(net, rule, np.array([1.5])))
    assert orders[0] == pytest.approx(level - 20.0)
    # From then on each order replaces the demand, up to the rounding of whole units.
    assert np.abs(orders[1:] - demand[:-1]).max() < 1.0


def test_a_gap_delays_small_orders() -> None:
    net = single(fixed=30.0)
    rule = OrderUpTo(net, 30, echelon=True, gaps=True)
    orders = np.ravel(play(net, rule, np.array([1.0, 3.0])))
    placed = orders[orders > 0.0]
    assert 3 <= len(placed) <= 11
    assert placed[1:].min() >= 3.0 * 5.0


def test_the_fast_supplier_is_asked_for_what_the_slow_one_would_bring_too_late() -> None:
    shop = Node("shop", initial=4, demand=Constant(4.0), penalty=1.0)
    arcs = [Arc("", "shop", lead_time=4, cost=1.0), Arc("near", "shop", lead_time=1, cost=9.0)]
    net = network([shop, Node("near", initial=99)], [*arcs, Arc("", "near")], backlog=True)
    rule = OrderUpTo(net, 12, echelon=True)
    names = arc_names(net)
    slow, fast = names.index("outside -> shop"), names.index("near -> shop")
    orders = np.array(play(net, rule, np.zeros(int(rule.groups.max()) + 1), periods=12))
    # Level 8 for 2 periods by the fast supplier, 20 for 5 by the slow one.
    assert orders[:4, fast].tolist() == [4, 4, 4, 0]
    assert orders[:4, slow].tolist() == [12, 0, 0, 4]
    # Once the slow supplier's goods arrive, they do.
    assert not orders[4:, fast].any()
    assert (orders[4:, slow] == 4).all()


def test_newsvendor_factors_are_the_quantiles_of_shang_and_song() -> None:
    assert newsvendor_factors(Flows(single())) == pytest.approx([ndtri(0.9)])
    # Local holding 1 and 2, penalty 20: (20 + 0) / (20 + 1), (20 + 0) / (20 + 2); (20 + 1) / 22.
    chain = newsvendor_factors(Flows(PROBLEMS["two-stage"]().network))
    assert chain[0] == pytest.approx((ndtri(20 / 21) + ndtri(20 / 22)) / 2)
    assert chain[1] == pytest.approx(ndtri(21 / 22))


def test_the_search_finds_the_newsvendor_level_of_a_shelf() -> None:
    net = single()
    best = optimised(net, 260, 20, echelon=True)
    level = 15.0 + best[0] * math.sqrt(15.0)
    assert level == pytest.approx(Poisson(5.0).quantile(0.9, 3), abs=1.5)
    assert optimised(net, 5000, 20, echelon=True) is best


def test_the_search_beats_the_quantiles_of_a_chain() -> None:
    net = PROBLEMS["distribution"]().network
    rule = OrderUpTo(net, 200, echelon=True)
    paths = [Scenario("held out", net, seed, 200, 40) for seed in range(6)]

    def cost(parameters: np.ndarray) -> float:
        found = Laboratory(paths).play(
            lambda env: rule(stock_of(env, net, slice(None)), parameters)
        )
        return float(found.mean())

    assert cost(optimised(net, 200, 40, echelon=True)) < cost(rule.newsvendor)


def test_parameters_are_described_by_names() -> None:
    net = PROBLEMS["ten-node"]().network
    rule = OrderUpTo(net, 24, echelon=True, gaps=True)
    levels = rule.describe(rule.newsvendor)["levels"]
    assert isinstance(levels, dict)
    assert {"far", "harbour", "near -> north", "south -> centre"} < levels.keys()
    assert levels["harbour"] == pytest.approx(16 + 1.98 * math.sqrt(32), abs=1.5)
    rule = OrderUpTo(PROBLEMS["distribution"]().network, 24, echelon=True, gaps=True)
    assert rule.describe(rule.newsvendor)["gaps"] == {"warehouse": 20.0}


def test_gaps_pay_where_orders_are_charged() -> None:
    net = single(fixed=60.0)
    paths = [Scenario("held out", net, seed, 300, 20) for seed in range(6)]

    def cost(gaps: bool) -> float:
        rule = OrderUpTo(net, 300, echelon=True, gaps=gaps)
        parameters = optimised(net, 260, 20, echelon=True, gaps=gaps)
        found = Laboratory(paths).play(
            lambda env: rule(stock_of(env, net, slice(None)), parameters)
        )
        return float(found.mean())

    # Ordering every period costs 60 a period and more; every fourth, about a quarter of that.
    assert cost(True) < 0.6 * cost(False)
