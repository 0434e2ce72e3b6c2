"""What keeps the voltages of an island within their limits."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.energy.critical_load_restoration.instances import named, toy
from drlapps.energy.critical_load_restoration.voltages import VoltageModel, balanced_voltages


def dispatched(grid, shares, turbine_kw=0.0, solar_kw=0.0):
    """A solution of one step; the battery does not stand in it, for its bus is the slack."""
    return {
        "served": [list(shares)],
        "turbine_kw": [turbine_kw],
        "solar_kw": [solar_kw],
        "wind_kw": [0.0],
    }


def test_voltages_are_those_of_one_line_by_hand():
    # 100 kW and 20 kvar, of which the turbine at the source gives some, behind 0.01 + j0.01 ohm at
    # 4.16 kV: 0.1 * 5.779e-4 + 0.02 * 5.779e-4 = 6.93e-5 per unit.
    scenario = toy()[0]
    found = balanced_voltages(scenario, dispatched(scenario.microgrid, (1.0, 0.0)))
    assert found.shape == (1, 2)
    assert 1.0 - found[0, 1] == pytest.approx(6.93e-5, rel=0.01)


@pytest.mark.parametrize("island", ["random-8", "random-12", "random-20"])
def test_the_largest_shares_keep_the_limit_and_leave_out_no_more_than_they_must(island):
    scenario = named([f"{island}:error-0"])[0]
    grid = scenario.microgrid
    shares = VoltageModel(grid).largest_shares()
    lowest = balanced_voltages(scenario, dispatched(grid, shares)).min()
    assert lowest >= grid.min_voltage - 1e-9
    if shares.min() < 1.0:
        assert lowest == pytest.approx(grid.min_voltage, abs=3e-4)
        everything = balanced_voltages(scenario, dispatched(grid, np.ones(len(shares))))
        assert everything.min() < grid.min_voltage


def test_on_the_13_node_feeder_nothing_binds():
    model = VoltageModel(named(["ieee13:error-0"])[0].microgrid)
    assert model.largest_shares().tolist() == [1.0] * 15
    full = model.turbine_limits(np.zeros((1, 15)), np.array([300.0]), np.array([400.0]))
    assert full.tolist() == [400.0]


def test_the_turbine_goes_as_far_as_the_upper_limit():
    scenario = named(["ieee33:error-0"])[0]
    grid = scenario.microgrid
    shares, solar = np.zeros(len(grid.loads)), 300.0
    most = VoltageModel(grid).turbine_limits(shares[None], np.array([solar]), np.zeros(1))[0]
    assert 0.0 < most < grid.turbine.p_kw
    highest = balanced_voltages(scenario, dispatched(grid, shares, most, solar)).max()
    # LinDistFlow neglects losses, which lower voltages.
    assert grid.max_voltage - 0.005 < highest <= grid.max_voltage + 1e-9
