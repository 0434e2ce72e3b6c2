"""Optimisation by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.scheduling.inventory.demand import Poisson
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.network import Arc, Network, Node, network
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory.search import (
    Laboratory,
    best_integer,
    cma_es,
    golden_section,
    simulate,
)


def shop(lead_time: int = 1) -> Network:
    """One shop with backorders: its best base-stock level is a newsvendor quantile."""
    node = Node("shop", initial=10, holding=1.0, demand=Poisson(5.0), penalty=9.0)
    return network([node], [Arc("", "shop", lead_time=lead_time)], backlog=True)


def base_stock(env: InventoryEnv, parameters: np.ndarray) -> np.ndarray:
    return np.maximum(parameters - env.position(), 0.0)


def scenarios(count: int, periods: int = 400) -> list[Scenario]:
    return [Scenario("study", shop(), seed, periods, warm_up=20) for seed in range(count)]


@pytest.mark.parametrize("best", [-2.0, 0.3, 6.5])
def test_golden_section_finds_the_bottom_of_a_valley(best: float) -> None:
    found = golden_section(lambda x: np.abs(x[:, 0] - best) ** 1.5, -3.0, 7.0, 1e-4)
    assert found == pytest.approx(best, abs=1e-4)


@pytest.mark.parametrize("best", [0, 1, 137, 999, 1000])
def test_the_best_integer_is_found_at_every_place(best: int) -> None:
    rounds = 0

    def costs(x: np.ndarray) -> np.ndarray:
        nonlocal rounds
        rounds += 1
        return np.abs(x[:, 0] - best)

    assert best_integer(costs, 0, 1000) == best
    assert rounds <= 5


def test_cma_es_finds_the_bottom_of_a_bent_valley_and_keeps_to_the_bounds() -> None:
    def rosenbrock(x: np.ndarray) -> np.ndarray:
        return 100.0 * (x[:, 1] - x[:, 0] ** 2) ** 2 + (1.0 - x[:, 0]) ** 2

    start = np.array([-1.0, 1.0])
    found = cma_es(rosenbrock, start, 0.5, generations=150)
    assert found == pytest.approx([1.0, 1.0], abs=1e-3)
    again = cma_es(rosenbrock, start, 0.5, generations=150)
    assert np.array_equal(found, again)
    bounds = np.array([[-2.0, 0.5], [-2.0, 2.0]])
    kept = cma_es(rosenbrock, start, 0.5, generations=100, bounds=bounds)
    assert kept == pytest.approx([0.5, 0.25], abs=1e-2)


def test_a_simulated_base_stock_level_is_the_newsvendor_quantile() -> None:
    # Zipkin 2000, section 9.4: the least S with P(demand over lead time + 1 <= S) >= p / (p + h).
    costs = simulate(scenarios(8, periods=4000), base_stock)
    assert best_integer(costs, 0, 40) == Poisson(5.0).quantile(0.9, 2)
    # The exact cost of level 14, by the loss function of Poisson(10).
    pmf = Poisson(5.0).lead_time_pmf(2)
    units = np.arange(len(pmf))
    exact = pmf @ (np.maximum(14 - units, 0) + 9.0 * np.maximum(units - 14, 0))
    assert costs(np.array([[14.0]]))[0] == pytest.approx(exact, rel=0.01)


def test_candidates_meet_the_same_demand_whatever_their_company() -> None:
    costs = simulate(scenarios(3), base_stock)
    together = costs(np.array([[10.0], [14.0], [14.0]]))
    assert together[1] == together[2] == costs(np.array([[14.0]]))[0]
    assert together[0] != together[1]


def test_a_laboratory_plays_scenarios_of_different_lengths() -> None:
    mixed = [
        Scenario("long", shop(), 1, 300),
        Scenario("short", shop(), 1, 30, warm_up=10),
        Scenario("slow", shop(lead_time=4), 2, 50),
    ]

    def rule(env: InventoryEnv) -> np.ndarray:
        return np.maximum(14.0 - env.position(), 0.0)

    together = Laboratory(mixed).play(rule)
    alone = [Laboratory([one]).play(rule)[0] for one in mixed]
    assert together.tolist() == alone
