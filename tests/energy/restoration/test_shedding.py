"""Loads to shed in a given tree: against exhaustion, and the convexity that proves it."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from drlapps.energy.grid.cases import load
from drlapps.energy.grid.feeder import BASE_KVA, Branch, Bus, Feeder
from drlapps.energy.grid.power_flow import power_flow
from drlapps.energy.restoration import shedding_kernels as kernels
from drlapps.energy.restoration.outage import Configuration, Outage, assess
from drlapps.energy.restoration.shedding import best_shedding, model_of, shed


def line(loads: list[tuple[float, float]], **limits: float) -> Outage:
    """A line from the source with these loads, in kW and kvar."""
    buses = [Bus("0"), *(Bus(str(i), *pq) for i, pq in enumerate(loads, 1))]
    rating = limits.pop("rating_a", np.inf)
    branches = tuple(
        Branch(str(i), str(i - 1), str(i), 1.3, 0.9, rating_a=rating) for i in range(1, len(buses))
    )
    return Outage("line", Feeder("line", tuple(buses), branches, "0", 10.0), **limits)  # type: ignore[arg-type]


LOADS = [(310.0, 150.0), (620.0, 80.0), (240.0, 240.0), (500.0, 10.0), (90.0, 60.0), (410.0, 200.0)]


def exhaustion(outage: Outage) -> tuple[float, float]:
    """Greatest load served without violation, and least loss with it."""
    best = (-1.0, -np.inf)
    for taken in product((False, True), repeat=len(outage.p) - 1):
        configuration = Configuration(outage.start, np.array([True, *taken]))
        score = assess(outage, configuration)
        if score.violation == 0:
            best = max(best, (round(score.load_served, 9), score.loss_kw))
    return best


@pytest.mark.parametrize(
    "limits", [{"min_voltage": 0.97}, {"min_voltage": 0.95}, {"rating_a": 75.0}, {"rating_a": 31.0}]
)
def test_best_of_all_loads(limits: dict[str, float]) -> None:
    outage = line(LOADS, **limits)
    found = best_shedding(outage, outage.start)
    served, loss = exhaustion(outage)
    assert found.proven
    assert 0 < found.load_served < 1
    assert found.load_served == pytest.approx(served, abs=1e-8)
    assert assess(outage, found.configuration).loss_kw == pytest.approx(loss, abs=1e-6)


def test_a_capacitor_leaves_no_proof_by_tangents_but_an_answer() -> None:
    outage = line([*LOADS[:4], (0.0, -300.0), LOADS[5]], min_voltage=0.96)
    score = assess(outage, shed(outage, outage.start))
    assert score.violation == 0
    assert score.load_served == pytest.approx(exhaustion(outage)[0], abs=1e-8)


def test_nothing_is_shed_within_limits() -> None:
    outage = Outage("ieee33", load("ieee33"))
    assert shed(outage, outage.start).connected.all()


def test_loads_without_a_breaker_stay() -> None:
    outage = line(LOADS, min_voltage=0.95)
    buses = tuple(
        Bus(bus.name, bus.p_kw, bus.q_kvar, sheddable=bus.name != "6")
        for bus in outage.feeder.buses
    )
    feeder = Feeder("line", buses, outage.feeder.branches, "0", 10.0)
    found = best_shedding(Outage("line", feeder, min_voltage=0.95), outage.start)
    assert found.proven
    assert found.configuration.connected[6]
    assert assess(outage, found.configuration).violation == 0


def test_hopeless_limits_are_answered_without_proof() -> None:
    outage = line([(9000.0, 0.0), (10.0, 0.0)], min_voltage=0.97)
    buses = (Bus("0"), Bus("1", 9000.0, sheddable=False), Bus("2", 10.0))
    feeder = Feeder("line", buses, outage.feeder.branches, "0", 10.0)
    found = best_shedding(Outage("line", feeder, min_voltage=0.97), outage.start)
    assert not found.proven


def test_a_loop_is_refused() -> None:
    outage = Outage("ieee33", load("ieee33"))
    with pytest.raises(ValueError, match="5 loops"):
        shed(outage, np.ones(37, bool))


def test_a_limit_on_operations_counts_load_breakers() -> None:
    outage = line(LOADS, min_voltage=0.95)
    most = int((~shed(outage, outage.start).connected).sum())
    assert most > 1
    tight = line(LOADS, min_voltage=0.95, max_operations=most - 1)
    found = best_shedding(tight, tight.start)
    assert (~found.configuration.connected).sum() <= most - 1


@pytest.mark.parametrize(("kind", "where"), [(kernels.VOLTAGE, 17), (kernels.CURRENT, 5)])
def test_tangents_are_gradients_and_never_cut_off_what_is_feasible(kind: int, where: int) -> None:
    """Voltages squared are concave in the loads, currents squared convex: no twin of the kernel."""
    feeder = load("ieee33")
    outage = Outage("ieee33", feeder, min_voltage=0.93)
    model = model_of(outage)
    limit = 2.0
    model = model._replace(a=model.a._replace(rating=np.full(37, limit)))
    tree = kernels.plant(model, outage.start)

    def excess(y: np.ndarray) -> float:
        flow = power_flow(feeder, outage.start, outage.p * y * BASE_KVA, outage.q * y * BASE_KVA)
        if kind == kernels.VOLTAGE:
            return float(0.93**2 - abs(flow.voltage[where]) ** 2)
        ampere = BASE_KVA / (np.sqrt(3.0) * feeder.kv)
        return float(abs(flow.current_a[tree.feeding[where]] / ampere) ** 2 - limit**2)

    rng = np.random.default_rng(1)
    state, g = np.empty((4, 33)), np.empty(33)
    for share in (0.3, 0.6, 1.0):
        y = rng.random(33) * share
        kernels.flow(model, tree, y, state)
        b = kernels.tangent(model, tree, y, state, kind, where, g)
        steps = 1e-5 * np.eye(33)
        slopes = np.array([(excess(y + s) - excess(y - s)) / 2e-5 for s in steps])
        scale = np.abs(slopes).max()
        assert g == pytest.approx(slopes / scale, abs=1e-6)
        assert g @ y - b == pytest.approx(excess(y) / scale, abs=1e-6)
        for other in rng.random((50, 33)) * rng.random((50, 1)):
            assert (g @ other - b) * scale <= excess(other) + 1e-7
