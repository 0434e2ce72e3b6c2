"""Voltages in the balanced feeder: those of a whole plan, and what keeps their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from drlapps.energy.critical_load_restoration.resources import SOURCES, Microgrid
from drlapps.energy.critical_load_restoration.scenario import Floats, Scenario
from drlapps.energy.grid.feeder import BASE_KVA
from drlapps.energy.grid.linearised import sensitivities
from drlapps.energy.grid.power_flow import power_flow, power_flows
from drlapps.errors import Failure

_REPAIRS = 20
"""Times that the lower limit is raised by what the AC power flow falls short of it."""


def turbine_kvar(grid: Microgrid, served: Floats) -> Floats:
    """Return the turbine's part of the reactive load, (T,): in proportion to its capacity.

    Args:
        grid: the island.
        served: shares of the loads, (T, L).
    """
    kvar = served @ np.array([load.q_kvar for load in grid.loads])
    inverters = grid.turbine.p_kw + grid.battery.p_kw
    return np.asarray(kvar * (grid.turbine.p_kw / inverters if inverters > 0.0 else 0.0))


def plant_kw(grid: Microgrid, solution: Mapping[str, Any]) -> dict[str, Floats]:
    """Return the power of each plant, (T,), by name: that of its source, split by capacity."""
    return {
        plant.name: np.asarray(solution[f"{plant.source}_kw"])
        * (plant.p_kw / max(grid.capacity(plant.source), 1e-9))
        for plant in grid.plants
    }


def balanced_voltages(instance: Scenario, solution: Mapping[str, Any]) -> Floats:
    """Return the voltage at each bus in each step, per unit, (T, n), by AC power flow.

    Where a step's power flow has no solution, its voltages are NaN.

    Args:
        instance: the scenario.
        solution: as the environment returns it.
    """
    grid, feeder = instance.microgrid, instance.microgrid.feeder
    served = np.asarray(solution["served"])
    p, q = np.zeros((2, len(served), len(feeder.buses)))
    for i, load in enumerate(grid.loads):
        p[:, feeder.index[load.bus]] += load.p_kw * served[:, i]
        q[:, feeder.index[load.bus]] += load.q_kvar * served[:, i]
    turbine = feeder.index[grid.turbine.bus]
    p[:, turbine] -= np.asarray(solution["turbine_kw"])
    q[:, turbine] -= turbine_kvar(grid, served)
    power = plant_kw(grid, solution)
    for plant in grid.plants:
        p[:, feeder.index[plant.bus]] -= power[plant.name]
    closed = np.tile(feeder.arrays.closed, (len(served), 1))
    return power_flows(feeder, closed, p, q).voltage


class VoltageModel:
    """How loads and generation move the voltages of an island, by LinDistFlow.

    Args:
        grid: the island.
    """

    def __init__(self, grid: Microgrid) -> None:
        self.grid, feeder = grid, grid.feeder
        r, x = sensitivities(feeder, feeder.arrays.closed)
        self._at = np.array([feeder.index[load.bus] for load in grid.loads])
        self._p = np.array([load.p_kw for load in grid.loads])
        self._q = np.array([load.q_kvar for load in grid.loads])
        self._turbine = feeder.index[grid.turbine.bus]
        kvar = turbine_kvar(grid, np.eye(len(grid.loads)))
        # By how much a load, all of it, lowers the square of each voltage, (L, n); and by how much
        # a kW of each source lifts it, (n,).
        lowered = r[self._at] * self._p[:, None] + x[self._at] * self._q[:, None]
        self._lowered = 2.0 * (lowered - np.outer(kvar, x[self._turbine])) / BASE_KVA
        self._lifted = {
            source: 2.0
            * sum(r[feeder.index[plant.bus]] * plant.p_kw for plant in grid.plants
                  if plant.source == source)
            / (BASE_KVA * max(grid.capacity(source), 1e-9))
            for source in SOURCES
        }  # fmt: skip
        self._by_turbine = 2.0 * r[self._turbine] / BASE_KVA

    def turbine_limits(self, shares: Floats, solar_kw: Floats, wind_kw: Floats) -> Floats:
        """Return the most power of the turbine at which no voltage is too high, in kW, (T,).

        LinDistFlow neglects losses, which lower voltages: the AC power flow keeps the limit, too.

        Args:
            shares: of the loads, (T, L).
            solar_kw: (T,).
            wind_kw: (T,).
        """
        without = self.grid.feeder.source_voltage**2 - shares @ self._lowered
        without += np.outer(solar_kw, self._lifted["solar"])
        without += np.outer(wind_kw, self._lifted["wind"])
        room = np.maximum(self.grid.max_voltage**2 - without, 0.0)
        most = np.divide(
            room, self._by_turbine, out=np.full(room.shape, np.inf), where=self._by_turbine > 0
        )
        return np.asarray(np.minimum(most.min(axis=1), self.grid.turbine.p_kw))

    def largest_shares(self) -> Floats:
        """Return shares of the loads, (L,), at which no voltage is too low whatever is generated.

        Any power that a plant or the turbine feeds in lifts voltages, so the worst is that the
        battery alone feeds the island. For that case they are the shares of most value that keep
        the lower limit by LinDistFlow; its neglect of losses is made up for by raising the limit
        until the AC power flow keeps the true one. Shares below these keep it as well, if no load
        is capacitive.

        Raises:
            Failure: there are none.
        """
        from scipy.optimize import linprog

        grid, limit = self.grid, self.grid.min_voltage
        worth = self._p * [load.weight for load in grid.loads]
        for _ in range(_REPAIRS):
            room = np.full(self._lowered.shape[1], grid.feeder.source_voltage**2 - limit**2)
            found = linprog(-worth, A_ub=self._lowered.T, b_ub=room, bounds=(0.0, 1.0))
            if found.x is None:
                break
            lacking = grid.min_voltage - self._lowest(found.x)
            if lacking <= 0.0:
                return np.asarray(found.x)
            limit += lacking + 1e-6
        raise Failure(f"{grid.name}: no load can be served at {grid.min_voltage:g} per unit")

    def _lowest(self, shares: Floats) -> float:
        """Return the lowest AC voltage when the battery alone serves given shares."""
        p, q = np.zeros((2, len(self.grid.feeder.buses)))
        np.add.at(p, self._at, self._p * shares)
        np.add.at(q, self._at, self._q * shares)
        q[self._turbine] -= turbine_kvar(self.grid, shares[None])[0]
        flow = power_flow(self.grid.feeder, p_kw=p, q_kvar=q)
        return flow.min_voltage if flow.converged else 0.0
