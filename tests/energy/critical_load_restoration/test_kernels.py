"""The kernels against plain Python, and against physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.energy.critical_load_restoration import instances, kernels, lookahead
from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.energy.grid.power_flow import power_flow


def environment(words: list[str], **settings: object) -> CriticalLoadRestorationEnv:
    pool = instances.named(words)
    env = CriticalLoadRestorationEnv(
        len(pool), pool, autoreset_mode=AutoresetMode.DISABLED, **settings
    )
    env.reset(seed=0, options={"instances": pool})
    return env


def lasting(scenario: Scenario, step: int, margin: float, charge: float, fuel: float) -> float:
    """The load that lasts, by the description, in plain Python."""
    grid, battery = scenario.microgrid, scenario.microgrid.battery
    power, hours = np.add(*scenario.forecast(step, margin)), scenario.step_hours

    def lasts(level: float) -> bool:
        energy, tank = charge, fuel
        for need in level - power:
            if need <= 0.0:
                energy += battery.charge_efficiency * min(-need, battery.p_kw) * hours
                energy = min(energy, battery.max_kwh)
                continue
            stored = (energy - battery.min_kwh) * battery.discharge_efficiency
            most = min(grid.turbine.p_kw, tank / hours)
            discharge = min(battery.p_kw, stored / hours)
            if need > most + discharge + 1e-9:
                return False
            burnt = min(max(need * tank / (tank + stored), need - discharge), most)
            tank -= burnt * hours
            energy -= (need - burnt) * hours / battery.discharge_efficiency
        return True

    low, high = 0.0, grid.load_kw
    if lasts(high):
        return high
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if lasts(middle) else (low, middle)
    return low


def test_levels_are_what_lasts_in_plain_python() -> None:
    env = environment(["ieee13:error-20:0..7"], actions="priority")
    for step in range(60):
        if step % 12 == 0:
            for row, scenario in enumerate(env.instances):
                state = float(env.charge_kwh[row]), float(env.fuel_kwh[row])
                for place, margin in enumerate((-1.0, 0.0, 1.0, 2.0, 3.0)):
                    expected = lasting(scenario, step, margin, *state)
                    found = env.levels[row, place]
                    assert found <= expected + 1e-6
                    assert found >= expected - scenario.microgrid.load_kw / kernels.GRAINS
        env.step(np.zeros((8, 2)))


def test_thresholds_raise_hold_and_shed() -> None:
    env = environment(["ieee13:error-20:1"], actions="priority")
    kw = np.array([load.p_kw for load in env.instances[0].microgrid.loads])

    def load() -> float:
        return float(kw @ env.served[0])

    levels = env.levels[0, :5].copy()
    assert (np.diff(levels) <= 0.0).all()
    env.step(np.array([[-1.0, 1.0]]))
    assert load() == pytest.approx(levels[4])
    daring = env.levels[0, 2]
    env.step(np.array([[1.0, 1.0]]))
    assert load() == pytest.approx(daring)
    # More than lasts with caution, but not more than with hope: it stays.
    assert env.levels[0, 3] < daring < env.levels[0, 0]
    env.step(np.array([[-1.0, 1.0]]))
    assert load() == pytest.approx(daring)
    # Much more than will last: it goes, down to what does.
    env.served[0] = 1.0
    expected = env.levels[0, 1]
    env.step(np.array([[-1.0, 0.0]]))
    assert load() == pytest.approx(expected)
    shares = env.served[0]
    assert (np.diff(shares) <= 1e-12).all(), "light loads before heavy ones"


def test_voltages_are_those_of_the_power_flow() -> None:
    env = environment(["ieee33:error-10:3"])
    scenario = env.instances[0]
    grid, row = scenario.microgrid, env.path[0]
    worst = 0.0
    lost = 0.0
    for step in range(scenario.steps):
        env.step(env.actions_for(np.ones((1, 32)), np.array([2000.0])))
        turbine, _, solar, wind = row[step, :4]
        p, q = np.zeros(33), np.zeros(33)
        for share, load in zip(row[step, 4:], grid.loads, strict=True):
            p[grid.feeder.index[load.bus]] += share * load.p_kw
            q[grid.feeder.index[load.bus]] += share * load.q_kvar
        part = grid.turbine.p_kw / (grid.turbine.p_kw + grid.battery.p_kw)
        q[grid.feeder.index[grid.turbine.bus]] -= part * q.sum()
        p[grid.feeder.index[grid.turbine.bus]] -= turbine
        for plant in grid.plants:
            power = solar if plant.source == "solar" else wind
            share = plant.p_kw / grid.capacity(plant.source)
            p[grid.feeder.index[plant.bus]] -= share * power
        flow = power_flow(grid.feeder, p_kw=p, q_kvar=q)
        size = np.abs(flow.voltage)
        worst = max(worst, 0.95 - size.min(), size.max() - 1.05)
        lost += flow.loss_kw / 12.0
    assert worst > 0.0
    assert env.metrics(0)["voltage_violation"] == pytest.approx(worst, abs=1e-9)
    assert env.metrics(0)["loss_kwh"] == pytest.approx(lost, rel=1e-9)


def test_the_linearised_voltages_of_training_come_near_the_exact_ones() -> None:
    words = ["ieee33:error-10:1..4"]
    exact = environment(words)
    trained = CriticalLoadRestorationEnv(4, exact.pool)
    trained.reset(seed=0, options={"instances": exact.pool})
    action = np.ones((4, 33))
    for _ in range(71):
        exact.step(action)
        trained.step(action)
    assert exact.violation.max() > 0.01
    assert trained.violation == pytest.approx(exact.violation, abs=0.004)


def test_the_potential_is_what_lasts_in_the_true_weather() -> None:
    words = ["ieee13:error-10:2..4"]
    env = environment(words, actions="priority", reward="hindsight")
    values = np.zeros(3)
    lookahead.hindsight(env._tables.parameters, env._state, values)
    for row, scenario in enumerate(env.instances):
        level = lasting(replace(scenario, error=0.0), 0, 0.0, scenario.initial_kwh, 1200.0)
        worth = 0.0
        for load in scenario.microgrid.loads:
            worth += load.weight * min(max(level, 0.0), load.p_kw)
            level -= load.p_kw
        expected = 72.0 * worth / scenario.microgrid.weighted_kw
        assert values[row] == pytest.approx(expected, rel=1e-3)
