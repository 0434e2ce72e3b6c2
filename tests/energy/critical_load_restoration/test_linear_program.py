"""The dispatch program against one that forgets nothing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from drlapps.energy.critical_load_restoration.instances import named, toy
from drlapps.energy.critical_load_restoration.linear_program import DispatchProgram, State


def explicit(grid, renewable, dt, state):
    """The program of the task with a share and a drop for every load, solved by SciPy."""
    steps, loads = len(renewable), len(grid.loads)
    kw = np.array([load.p_kw for load in grid.loads])
    worth = kw * [load.weight for load in grid.loads]
    battery = grid.battery
    # Columns: shares (steps x loads), drops (steps x loads), turbine, discharging, charging.
    n = 2 * steps * loads + 3 * steps
    share = np.arange(steps * loads).reshape(steps, loads)
    drop = share + steps * loads
    turbine, out, into = 2 * steps * loads + np.arange(3 * steps).reshape(3, steps)
    rows, limits = [], []

    def add(limit, **columns):
        row = np.zeros(n)
        for at, value in columns.values():
            row[at] += value
        rows.append(row)
        limits.append(limit)

    for k in range(steps):
        add(renewable[k], a=(share[k], kw), b=(turbine[k], -1), c=(out[k], -1), d=(into[k], 1))
        for i in range(loads):
            if k:
                add(0.0, a=(share[k - 1, i], 1), b=(share[k, i], -1), c=(drop[k, i], -1))
            else:
                add(-state.served[i], b=(share[k, i], -1), c=(drop[k, i], -1))
        spent = (out[: k + 1], dt / battery.discharge_efficiency)
        taken = (into[: k + 1], -dt * battery.charge_efficiency)
        add(state.charge_kwh - battery.min_kwh, a=spent, b=taken)
        add(battery.max_kwh - state.charge_kwh, a=(spent[0], -spent[1]), b=(taken[0], -taken[1]))
    add(state.fuel_kwh, a=(turbine, dt))
    cost = np.zeros(n)
    cost[share], cost[drop] = -worth, grid.drop_penalty * worth
    bounds = [(0.0, 1.0)] * (steps * loads) + [(0.0, None)] * (steps * loads)
    bounds += [(0.0, grid.turbine.p_kw)] * steps + [(0.0, battery.p_kw)] * (2 * steps)
    found = linprog(cost, A_ub=np.array(rows), b_ub=np.array(limits), bounds=bounds)
    assert found.status == 0
    return -found.fun


@pytest.mark.parametrize("seed", range(6))
def test_to_forget_which_loads_are_served_loses_nothing(seed):
    rng = np.random.default_rng(seed)
    grid = named([f"random-{seed}:error-0"])[0].microgrid
    loads, steps = len(grid.loads), 5
    served = np.clip(rng.uniform(-0.5, 1.5) - np.linspace(0.0, 1.0, loads), 0.0, 1.0)
    # What was served so far had been served in the order of the weights.
    served = np.where(np.cumsum(served < 1.0) > 1, 0.0, served)
    battery = grid.battery
    state = State(served, rng.uniform(battery.min_kwh, battery.max_kwh), rng.uniform(0.0, 900.0))
    renewable = rng.uniform(0.0, 0.8 * grid.load_kw, steps)
    program = DispatchProgram(grid, steps, 1.0, np.ones(loads))
    found = program.solve(state, renewable)
    assert found.objective == pytest.approx(explicit(grid, renewable, 1.0, state), rel=1e-7)
    worth = np.array([load.p_kw * load.weight for load in grid.loads])
    shares = np.vstack([served, found.shares])
    drops = np.maximum(shares[:-1] - shares[1:], 0.0) @ worth
    value = found.shares @ worth
    assert (value - grid.drop_penalty * drops).sum() == pytest.approx(found.objective, rel=1e-6)


def test_steps_after_the_end_change_nothing():
    scenario = toy()[1]
    grid = scenario.microgrid
    state = State(np.array([0.7, 0.0]), 50.0, 100.0)
    exact = DispatchProgram(grid, 2, 1.0, np.ones(2)).solve(state, np.zeros(2))
    padded = DispatchProgram(grid, 6, 1.0, np.ones(2)).solve(state, np.zeros(2))
    # Four more steps that serve 100 of weight 1 and 100 of weight 0.5.
    assert padded.objective == pytest.approx(exact.objective + 4 * 150)
    assert padded.shares.shape == (2, 2)


def test_limits_of_the_turbine_are_kept():
    scenario = toy()[0]
    program = DispatchProgram(scenario.microgrid, 1, 1.0, np.ones(2))
    state = State(np.zeros(2), 50.0, 1000.0)
    # 40 kW of the battery and 30 of the turbine.
    limited = program.solve(state, np.zeros(1), np.array([30.0]))
    assert limited.turbine_kw == pytest.approx([30.0])
    assert limited.objective == pytest.approx(70.0)
    assert program.solve(state, np.zeros(1)).objective == pytest.approx(120.0)


def test_of_equal_plans_the_even_one_is_chosen():
    # 50 kW for an hour out of 40 kWh in the battery and 160 of fuel: a fifth from the battery.
    grid = toy()[0].microgrid
    state = State(np.zeros(2), 50.0, 160.0)
    program = DispatchProgram(grid, 1, 1.0, np.array([0.5, 0.0]), even=1)
    found = program.solve(state, np.zeros(1))
    assert found.objective == pytest.approx(50.0)
    assert found.turbine_kw == pytest.approx([40.0])
