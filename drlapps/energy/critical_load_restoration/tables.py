"""The islands of a batch as arrays, padded to the largest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration.kernels import Parameters
from drlapps.energy.critical_load_restoration.resources import Microgrid
from drlapps.energy.grid import kernels as grid
from drlapps.energy.grid.feeder import BASE_KVA
from drlapps.errors import InputError


class Tables:
    """Gives every island a number and its parameters a row.

    Args:
        most_loads: loads of the largest island.

    Attributes:
        parameters: of all islands so far.
    """

    def __init__(self, most_loads: int) -> None:
        self._most_loads = most_loads
        self._numbers: dict[str, int] = {}
        self._rows: list[dict[str, NDArray[np.generic]]] = []

    def number(self, microgrid: Microgrid) -> int:
        """Return the number of an island, which is new or not.

        Raises:
            InputError: it has more loads than the batch has room for.
        """
        if microgrid.hash not in self._numbers:
            if len(microgrid.loads) > self._most_loads:
                raise InputError(
                    f"{microgrid.name} has {len(microgrid.loads)} loads, and this batch room for "
                    f"{self._most_loads}"
                )
            self._rows.append(_row(microgrid))
            self._numbers[microgrid.hash] = len(self._numbers)
            self.parameters = self._stacked()
        return self._numbers[microgrid.hash]

    def _stacked(self) -> Parameters:
        found = {}
        for name in Parameters._fields:
            columns = [row[name] for row in self._rows]
            longest = max((column.shape[0] for column in columns if column.ndim), default=0)
            if name.startswith("load_"):
                longest = self._most_loads
            shape = (len(columns), longest) if columns[0].ndim else (len(columns),)
            table = np.zeros(shape, columns[0].dtype)
            for place, column in zip(table, columns, strict=True) if longest else ():
                place[: len(column)] = column
            found[name] = table if longest else np.array(columns)
        return Parameters(**found)


def _row(microgrid: Microgrid) -> dict[str, NDArray[np.generic]]:
    """Return an island's parameters, by their names in :class:`.kernels.Parameters`."""
    feeder, battery, turbine = microgrid.feeder, microgrid.battery, microgrid.turbine
    inverters = turbine.p_kw + battery.p_kw
    found: dict[str, object] = {
        "loads": len(microgrid.loads),
        "load_kw": [load.p_kw for load in microgrid.loads],
        "load_kvar": [load.q_kvar for load in microgrid.loads],
        "load_weight": [load.weight for load in microgrid.loads],
        "load_bus": [feeder.index[load.bus] for load in microgrid.loads],
        "total_kw": microgrid.load_kw,
        "weighted_kw": microgrid.weighted_kw,
        "drop_penalty": float(microgrid.drop_penalty),
        "solar_kw": float(microgrid.capacity("solar")),
        "wind_kw": float(microgrid.capacity("wind")),
        "turbine_kw": float(turbine.p_kw),
        "battery_kw": float(battery.p_kw),
        "min_kwh": float(battery.min_kwh),
        "max_kwh": float(battery.max_kwh),
        "charge_efficiency": float(battery.charge_efficiency),
        "discharge_efficiency": float(battery.discharge_efficiency),
        "buses": len(feeder.buses),
        **_tree(microgrid),
        "solar_at": _shares(microgrid, "solar"),
        "wind_at": _shares(microgrid, "wind"),
        "turbine_bus": feeder.index[turbine.bus],
        "turbine_kvar": turbine.p_kw / inverters if inverters > 0 else 0.0,
        "source_voltage": float(feeder.source_voltage),
        "min_voltage": float(microgrid.min_voltage),
        "max_voltage": float(microgrid.max_voltage),
    }
    return {name: np.asarray(value) for name, value in found.items()}


def _tree(microgrid: Microgrid) -> dict[str, object]:
    """Return the lines that are closed in normal operation as a tree from the battery's bus."""
    feeder, a = microgrid.feeder, microgrid.feeder.arrays
    n = len(feeder.buses)
    order, parent, feeding = (np.empty(n, np.int64) for _ in range(3))
    supplied, _ = grid.trace(
        feeder.root, a.first, a.neighbour, a.through, a.closed, order, parent, feeding
    )
    if supplied < n:
        raise InputError(f"{microgrid.name}: in normal operation not every bus is connected")
    fed = feeding >= 0
    r, x = (np.where(fed, values[feeding], 0.0) for values in (a.r, a.x))
    return {"order": order, "parent": parent, "r": r, "x": x}


def _shares(microgrid: Microgrid, source: str) -> NDArray[np.float64]:
    """Return the capacity of a source at each bus, per unit, as a share of all of it."""
    found = np.zeros(len(microgrid.feeder.buses))
    for plant in microgrid.plants:
        if plant.source == source:
            found[microgrid.feeder.index[plant.bus]] += plant.p_kw
    return found / max(microgrid.capacity(source), 1.0 / BASE_KVA)
