"""The linearised power flow against hand calculations and the AC power flow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.energy.grid import cases
from drlapps.energy.grid.feeder import BASE_KVA, Branch, Bus, Feeder
from drlapps.energy.grid.linearised import Arc, RadialModel, reach, sensitivities
from drlapps.energy.grid.power_flow import power_flow

# At 10 kV one per unit of 1 MVA is 100 ohm.
RING = Feeder(
    "ring",
    (Bus("s"), Bus("a", 1000.0, 500.0), Bus("b", 2000.0, 1000.0), Bus("c", 1000.0, 0.0)),
    (
        Branch("1", "s", "a", 1.0, 2.0),
        Branch("2", "a", "b", 2.0, 1.0),
        Branch("3", "b", "c", 1.0, 1.0),
        Branch("4", "s", "b", 4.0, 4.0, closed=False),
    ),
    source="s",
    kv=10.0,
)


def solve(radial: RadialModel, expression: object, sense: int = -1) -> dict[object, float]:
    """Optimise an expression, the greatest by default, and return all values."""
    from pyomo.contrib.appsi.solvers import Highs
    from pyomo.environ import Objective

    radial.model.aim = Objective(expr=expression, sense=sense)
    solver = Highs()
    solver.config.load_solution = False
    solver.solve(radial.model)
    values = solver.get_primals()
    return {variable.name: value for variable, value in values.items()}


def radial_model(feeder: Feeder, usable: np.ndarray, low: float = 0.5) -> RadialModel:
    a = feeder.arrays
    return RadialModel(feeder, usable, a.p, a.q, min_voltage=low, max_voltage=1.1)


def voltages(radial: RadialModel) -> np.ndarray:
    """Return the greatest squared voltages of a model whose loads are all connected."""
    from pyomo.environ import quicksum

    for served in radial.model.served.values():
        served.fix(1)
    v = radial.model.v
    values = solve(radial, quicksum(v.values()))
    return np.array([values[v[i].name] for i in radial.reach.buses])


def test_sensitivities_by_hand() -> None:
    r, x = sensitivities(RING, RING.arrays.closed)
    assert 100 * r == pytest.approx(
        np.array([[0, 0, 0, 0], [0, 1, 1, 1], [0, 1, 3, 3], [0, 1, 3, 4]])
    )
    assert 100 * x == pytest.approx(
        np.array([[0, 0, 0, 0], [0, 2, 2, 2], [0, 2, 3, 3], [0, 2, 3, 4]])
    )


def test_sensitivities_of_buses_in_the_dark_are_zero_and_loops_are_refused() -> None:
    r, x = sensitivities(RING, np.array([True, False, True, False]))
    assert np.count_nonzero(r) == np.count_nonzero(x) == 1
    with pytest.raises(ValueError, match="closes a loop"):
        sensitivities(RING, np.ones(4, bool))


@pytest.mark.parametrize("name", ["ieee33", "ieee69"])
def test_sensitivities_are_the_derivative_of_the_ac_power_flow(name: str) -> None:
    feeder = cases.load(name).scaled(1e-5)
    r, x = sensitivities(feeder, feeder.arrays.closed)
    linear = 1 - 2 * (r @ feeder.arrays.p + x @ feeder.arrays.q)
    ac = np.abs(power_flow(feeder).voltage) ** 2
    assert linear == pytest.approx(ac, abs=1e-11)
    assert linear.min() < 1 - 1e-6


def test_reach_leaves_out_arcs_that_no_tree_uses() -> None:
    found = reach(RING, np.ones(4, bool))
    a, b, c = 1, 2, 3
    # Nothing flows into the source, nor out of c, which only b feeds.
    assert found.buses == (0, a, b, c)
    assert found.beyond == {
        Arc(0, 0, a): {a, b, c},
        Arc(1, a, b): {b, c},
        Arc(1, b, a): {a},
        Arc(2, b, c): {c},
        Arc(3, 0, b): {a, b, c},
    }


def test_reach_ends_where_branches_are_unusable() -> None:
    found = reach(RING, np.array([True, False, True, False]))
    assert found.buses == (0, 1)
    assert set(found.beyond) == {Arc(0, 0, 1)}


def test_the_model_is_lindistflow_until_it_has_tangents() -> None:
    feeder = cases.load("ieee33")
    a = feeder.arrays
    radial = radial_model(feeder, a.closed)
    r, x = sensitivities(feeder, a.closed)
    assert voltages(radial) == pytest.approx(1 - 2 * (r @ a.p + x @ a.q), abs=1e-7)


def test_with_tangents_at_the_ac_solution_the_model_is_that_solution() -> None:
    feeder = cases.load("ieee33")
    radial = radial_model(feeder, feeder.arrays.closed)
    flow = power_flow(feeder)
    current = flow.current_a / (BASE_KVA / (np.sqrt(3) * feeder.kv))
    for arc in radial.arcs:
        # The case lists every line from the end that is nearer to the source.
        power = flow.voltage[arc.tail] * np.conj(current[arc.branch])
        radial.add_tangent(arc, power.real, power.imag, abs(flow.voltage[arc.tail]) ** 2)
    assert voltages(radial) == pytest.approx(np.abs(flow.voltage) ** 2, abs=1e-7)


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000), loading=st.floats(0.1, 1.5))
def test_the_model_never_excludes_what_ac_allows(seed: int, loading: float) -> None:
    rng = np.random.default_rng(seed)
    feeder = cases.load("ieee33").scaled(loading)
    a = feeder.arrays
    flow = power_flow(feeder)
    v = np.abs(flow.voltage) ** 2
    r, x = sensitivities(feeder, a.closed)
    assert (v <= 1 - 2 * (r @ a.p + x @ a.q) + 1e-12).all()
    radial = radial_model(feeder, a.closed)
    # Tangents at any points, not only at solutions.
    for arc in radial.arcs:
        radial.add_tangent(arc, *rng.uniform(0.0, 5.0, 2), rng.uniform(0.7, 1.0))
    assert (v <= voltages(radial) + 1e-7).all()


def test_a_rating_bounds_the_power_of_a_line_and_a_tree_is_chosen_around_it() -> None:
    from pyomo.environ import quicksum

    a = RING.arrays
    # 125 A at 10 kV are 2.17 MVA: a and c need 2.13 with losses, b alone 2.24, all of them 4.27.
    weak = Feeder(
        "weak",
        RING.buses,
        (Branch("1", "s", "a", 1.0, 2.0, rating_a=125.0), *RING.branches[1:]),
        source="s",
        kv=10.0,
    )
    radial = radial_model(weak, np.ones(4, bool))
    most = solve(radial, quicksum(a.p[i] * radial.model.served[i] for i in (1, 2, 3)))
    assert [round(most[f"served[{i}]"]) for i in (1, 2, 3)] == [1, 1, 1]
    assert round(most["arc[3,0,2]"]) == 1
    radial = radial_model(weak, np.array([True, True, True, False]))
    most = solve(radial, quicksum(a.p[i] * radial.model.served[i] for i in (1, 2, 3)))
    assert sum(a.p[i] * most[f"served[{i}]"] for i in (1, 2, 3)) == pytest.approx(2.0)


def test_branches_that_cannot_be_switched_conduct_unless_dark() -> None:
    fixed = Feeder(
        "fixed",
        RING.buses,
        (RING.branches[0], Branch("2", "a", "b", 2.0, 1.0, switchable=False), *RING.branches[2:]),
        source="s",
        kv=10.0,
    )
    a = fixed.arrays
    for spanning in (True, False):
        radial = RadialModel(
            fixed, np.ones(4, bool), a.p, a.q,
            min_voltage=0.5, max_voltage=1.1, spanning=spanning,
        )  # fmt: skip
        values = solve(radial, radial.conducts(1), sense=1)
        feeding = values["arc[0,0,1]"] + values["arc[3,0,2]"]
        assert feeding == pytest.approx(float(spanning))
        assert values["arc[1,1,2]"] + values["arc[1,2,1]"] == pytest.approx(float(spanning))
