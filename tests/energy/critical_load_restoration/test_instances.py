"""Pools and names of outages."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sparse
from scipy.optimize import linprog

from drlapps.energy.critical_load_restoration import instances
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.errors import InputError


def optimum(scenario: Scenario) -> float:
    """The best value in hindsight, load by load: a program written apart from the task's own."""
    grid, steps, hours = scenario.microgrid, scenario.steps, scenario.step_hours
    power = np.array([load.p_kw for load in grid.loads])
    worth = power * np.array([load.weight for load in grid.loads])
    loads, battery = len(power), grid.battery
    eye, zero = sparse.eye(steps), sparse.csr_matrix((steps, steps))
    before = sparse.eye(steps, k=-1)
    none = sparse.csr_matrix((steps, steps * loads))
    # Columns: shares, drops, turbine, charging, discharging, energy after the step, renewables.
    balance = [sparse.kron(eye, power), none, -eye, eye, -eye, zero, -eye]
    store = [none, none, zero, -battery.charge_efficiency * hours * eye]
    store += [hours / battery.discharge_efficiency * eye, eye - before, zero]
    equal = sparse.vstack([sparse.hstack(balance), sparse.hstack(store)])
    drops = sparse.kron(before - eye, sparse.eye(loads))
    rest = sparse.csr_matrix((steps * loads, 5 * steps))
    # The first row of drops has no predecessor: all is dark before.
    fall = sparse.hstack([drops, -sparse.eye(steps * loads), rest])
    fuel = sparse.csr_matrix(
        np.concatenate([np.zeros(2 * steps * loads), np.full(steps, hours), np.zeros(4 * steps)])
    )
    cost = np.concatenate(
        [-np.tile(worth, steps), grid.drop_penalty * np.tile(worth, steps), np.zeros(5 * steps)]
    )
    renewable = scenario.solar_kw + scenario.wind_kw
    bounds = [(0.0, 1.0)] * (steps * loads) + [(0.0, None)] * (steps * loads)
    bounds += [(0.0, grid.turbine.p_kw)] * steps + [(0.0, battery.p_kw)] * (2 * steps)
    bounds += [(battery.min_kwh, battery.max_kwh)] * steps + [(0.0, r) for r in renewable]
    begin = np.zeros(steps)
    begin[0] = scenario.initial_kwh
    found = linprog(
        cost,
        sparse.vstack([fall, fuel]),
        np.append(np.zeros(steps * loads), grid.turbine.fuel_kwh),
        equal,
        np.concatenate([np.zeros(steps), begin]),
        bounds,
    )
    return float(-found.fun / (steps * worth.sum()))


def test_the_toys_have_the_optima_of_the_docstring() -> None:
    expected = {"toy-power": 0.8, "toy-fuel": 140.0 / 300.0, "toy-sun": 350.0 / 450.0}
    for toy in instances.toy():
        assert optimum(toy) == pytest.approx(expected[toy.name])
        assert toy.reference == pytest.approx(expected[toy.name])


@pytest.mark.parametrize("name", ["ieee13:error-15:3", "ieee33:error-5:1", "random-4:error-0:2"])
def test_the_bound_is_the_optimum_in_hindsight(name: str) -> None:
    (scenario,) = instances.named([name])
    assert scenario.bound == pytest.approx(optimum(scenario), abs=1e-6)


def test_an_outage_has_the_same_weather_at_every_error() -> None:
    found = instances.named(["ieee13:error-0:4", "ieee13:error-12.5:4"])
    assert found[0].truth_hash == found[1].truth_hash
    assert found[0].hash != found[1].hash
    assert np.array_equal(found[0].weather.wind_error, found[1].weather.wind_error)
    assert [one.error for one in found] == [0.0, 0.125]


def test_names_and_ranges() -> None:
    found = instances.named(["ieee13:error-15:3..5,toy-sun", "ieee13:error-15"])
    assert [one.name for one in found] == [
        "ieee13:error-15:3",
        "ieee13:error-15:4",
        "ieee13:error-15:5",
        "toy-sun",
        "ieee13:error-15:0",
    ]
    by_name = instances.named([instances.test()[7].name])
    assert by_name[0].hash == instances.test()[7].hash
    by_name = instances.named([instances.validation()[3].name])
    assert by_name[0].hash == instances.validation()[3].hash


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("ieee13", "write MICROGRID:error-PERCENT:K"),
        ("ieee14:error-5:1", "ieee13"),
        ("ieee13:error-500:1", "error must be between 0 and 1"),
        ("nothing.toml", "no such file"),
    ],
)
def test_what_is_no_outage_is_named(name: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        instances.named([name])


def test_the_pools_hold_what_they_say() -> None:
    assert len(instances.test()) == 96
    assert len({one.truth_hash for one in instances.test()}) == 16
    assert len(instances.validation()) == 192
    errors = {round(100 * one.error) for one in instances.test()}
    assert errors == {0, 5, 10, 15, 20, 25}


def test_training_families() -> None:
    rng = np.random.default_rng(0)
    family = instances.train("random", islands=8)
    drawn = [family.sample(rng) for _ in range(40)]
    most = len(family.largest().microgrid.loads)
    assert max(len(one.microgrid.loads) for one in drawn) <= most
    assert len({one.microgrid.hash for one in drawn}) > 4
    assert all(0.0 <= one.error <= 0.25 for one in drawn)
    for wrong in ({"microgrid": "ieee9"}, {"islands": 0}, {"largest_error": 2.0}):
        with pytest.raises(InputError):
            instances.train(**wrong)
