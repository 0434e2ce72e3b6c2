"""Rules of thumb: serve all one can, or as much as will last."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import cast

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration.environment import CriticalLoadRestorationEnv
from drlapps.energy.critical_load_restoration.resources import Microgrid
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.errors import InputError
from drlapps.policy import Policy
from drlapps.vector import Array, VectorEnvironment

Floats = NDArray[np.float64]

_LEVELS, _ROUNDS = 17, 3
"""Levels that are tried at once, and how often, each time between two of the last."""


class SetPointPolicy(Policy):
    """Decides on set-points, row by row: shares of the loads and the power of the turbine."""

    environment: Mapping[str, object] = {"actions": "setpoints"}

    @abstractmethod
    def decide(self, env: CriticalLoadRestorationEnv, row: int) -> tuple[Floats, float]:
        """Return the share of each load to be served, (L,), and the turbine's power in kW."""

    def act(self, env: VectorEnvironment, observations: Array) -> Array:
        """Return the actions of all rows; those whose episode has ended do nothing."""
        env = cast(CriticalLoadRestorationEnv, env)
        shares, turbine = np.zeros(env.served.shape), np.zeros(env.num_envs)
        for row, scenario in enumerate(env.instances):
            if env.step_index[row] < scenario.steps:
                found, turbine[row] = self.decide(env, row)
                shares[row, : len(found)] = found
        return env.actions_for(shares, turbine)


class Greedy(SetPointPolicy):
    """Serves all loads as long as there is power, the heaviest first, come what may."""

    def decide(self, env: CriticalLoadRestorationEnv, row: int) -> tuple[Floats, float]:
        """Want everything; what cannot be is left out by the environment, light loads first."""
        scenario = env.instances[row]
        grid = scenario.microgrid
        step = int(env.step_index[row])
        lacking = grid.load_kw - renewable_kw(scenario, step, 0.0)[0]
        inverters = grid.turbine.p_kw + grid.battery.p_kw
        part = grid.turbine.p_kw / inverters if inverters > 0.0 else 0.0
        return np.ones(len(grid.loads)), part * max(lacking, 0.0)


class RuleBased(SetPointPolicy):
    """Priority dispatch on an energy budget: serves, heavy loads first, a level that will last.

    A level lasts if sun, wind, turbine and battery can serve it to the end, the latter two in
    proportion to their energy. Load is raised to the level that lasts under cautious forecasts. It
    is lowered only if it would not last under less cautious ones, to the level that does. The
    defaults did best in validation.

    Args:
        margin: standard deviations by which the forecasts for raising load are lowered.
        keep: the same for keeping it.

    Raises:
        InputError: ``keep`` exceeds ``margin``, or one is no number.
    """

    def __init__(self, *, margin: float = 2.0, keep: float = 0.0) -> None:
        self.margin, self.keep = margins(margin, keep)

    def decide(self, env: CriticalLoadRestorationEnv, row: int) -> tuple[Floats, float]:
        """Find the level, and split what it lacks in proportion to fuel and charge."""
        scenario, step = env.instances[row], int(env.step_index[row])
        grid = scenario.microgrid
        kw = np.array([load.p_kw for load in grid.loads])
        charge, fuel = float(env.charge_kwh[row]), float(env.fuel_kwh[row])
        served = float(kw @ env.served[row, : len(kw)])
        powers = [renewable_kw(scenario, step, margin) for margin in (self.margin, self.keep)]
        raised, kept = (lasting(grid, power, scenario.step_hours, charge, fuel) for power in powers)
        level = max(raised, min(served, kept))
        stored = (charge - grid.battery.min_kwh) * grid.battery.discharge_efficiency
        part = fuel / (fuel + stored) if fuel > 0.0 else 0.0
        above = np.concatenate([[0.0], np.cumsum(kw)[:-1]])
        return np.clip((level - above) / kw, 0.0, 1.0), part * max(level - powers[0][0], 0.0)


def margins(margin: float, keep: float) -> tuple[float, float]:
    """Check the margins of forecasts for raising and keeping load."""
    for name, value in (("margin", margin), ("keep", keep)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 10.0:
            raise InputError(f"{name} must be a number between -10 and 10, not {value!r}")
    if keep > margin:
        raise InputError(f"keep ({keep:g}) must not exceed margin ({margin:g})")
    return float(margin), float(keep)


def renewable_kw(scenario: Scenario, step: int, margin: float) -> Floats:
    """Return the power of sun and wind from this step on as forecast, in kW, (T - step,).

    Args:
        scenario: the outage.
        step: the present.
        margin: standard deviations of their error by which forecasts are lowered, all at once:
            errors at different lead times are nearly those at one.
    """
    solar, wind = scenario.forecast(step, margin)
    return solar + wind


def lasting(
    grid: Microgrid, powers: Floats, step_hours: float, charge_kwh: float, fuel_kwh: float
) -> float:
    """Return the highest constant load that can be served to the end, in kW.

    Args:
        grid: the island.
        powers: of sun and wind in each step to come, in kW.
        step_hours: length of each.
        charge_kwh: energy in the battery.
        fuel_kwh: energy in the tank.
    """
    battery, dt = grid.battery, step_hours
    low, high = 0.0, grid.load_kw
    for _ in range(_ROUNDS):
        levels = np.linspace(low, high, _LEVELS)
        charge = np.full(_LEVELS, charge_kwh - battery.min_kwh)
        room = battery.max_kwh - battery.min_kwh
        fuel = np.full(_LEVELS, fuel_kwh)
        lasts = np.ones(_LEVELS, np.bool_)
        for power in powers:
            need = levels - power
            stored = charge * battery.discharge_efficiency
            discharge = np.minimum(battery.p_kw, stored / dt)
            most = np.minimum(grid.turbine.p_kw, fuel / dt)
            lacking = np.maximum(need, 0.0)
            lasts &= lacking <= discharge + most + 1e-9
            burnt = lacking * fuel / np.maximum(fuel + stored, 1e-9)
            burnt = np.minimum(np.maximum(burnt, lacking - discharge), most)
            given = np.minimum(lacking - burnt, discharge)
            taken = np.minimum(np.maximum(-need, 0.0), battery.p_kw)
            fuel = fuel - burnt * dt
            change = battery.charge_efficiency * taken - given / battery.discharge_efficiency
            charge = np.clip(charge + change * dt, 0.0, room)
        # A level below one that lasts lasts as well.
        best = int(np.flatnonzero(lasts).max(initial=0))
        low, high = levels[best], levels[min(best + 1, _LEVELS - 1)]
    return float(low)
