"""An independent check of a dispatch, from nothing but its set-points.

A solution holds what each load, the turbine, the battery, sun and wind gave or took in each step.
This module shares no code with the environment: it keeps its own books of battery and fuel, and
solves the AC power flow by another method, the fixed point ``V = V_0 - Z conj(S / V)`` with the
dense matrix ``Z`` of the impedances that two buses' paths to the source have in common.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration.resources import Microgrid
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.energy.grid.feeder import Feeder

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

_COLUMNS = ("turbine_kw", "battery_kw", "solar_kw", "wind_kw")
_SLACK = 1e-6
"""Difference in kW or kWh that is none."""
_KVA = 1000.0


def check(instance: Scenario, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of a dispatch.

    Args:
        instance: the scenario.
        solution: lists with an entry a step under ``turbine_kw``, ``battery_kw`` (negative when it
            charges), ``solar_kw`` and ``wind_kw`` (what was used), and under ``served`` a list of
            the shares of the loads a step.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the dispatch breaks a rule.
    """
    if violations(instance, solution):
        return {"feasible": 0.0}
    grid, battery, hours = instance.microgrid, instance.microgrid.battery, instance.step_hours
    served, columns = _read(instance, solution)
    worth = np.array([load.p_kw * load.weight for load in grid.loads])
    shares = np.vstack([np.zeros(len(grid.loads)), served])
    given_up = float((np.maximum(shares[:-1] - shares[1:], 0.0) @ worth).sum() / worth.sum())
    energy = float((served @ worth).sum() / (instance.steps * worth.sum()))
    violation, loss = _voltages(grid, served, columns)
    fuel = grid.turbine.fuel_kwh
    burnt = math.fsum(columns["turbine_kw"]) * hours
    usable = battery.max_kwh - battery.min_kwh
    left = _charges(instance, columns["battery_kw"])[-1] - battery.min_kwh
    offered = float((instance.solar_kw + instance.wind_kw).sum())
    used = float((columns["solar_kw"] + columns["wind_kw"]).sum())
    return {
        "restored": energy - grid.drop_penalty * given_up / instance.steps,
        "weighted_energy_served": energy,
        "drops": given_up,
        "voltage_violation": violation,
        "fuel_left": max(1.0 - burnt / fuel, 0.0) if fuel else 0.0,
        "charge_left": min(max(left / usable, 0.0), 1.0) if usable else 0.0,
        "curtailed": (offered - used) * hours,
        "loss_kwh": loss * hours,
        "feasible": float(violation <= 1e-6),
    }


def violations(instance: Scenario, solution: Mapping[str, object]) -> list[str]:
    """Return a sentence for each rule that a dispatch breaks; none if it is feasible.

    The rules: every step has its numbers; shares lie between 0 and 1; power balances; sun and wind
    give no more than there is; turbine and battery keep within their power and energy. Voltages are
    a metric.
    """
    if fault := _malformed(instance, solution):
        return [fault]
    grid, battery = instance.microgrid, instance.microgrid.battery
    served, columns = _read(instance, solution)
    given = columns["battery_kw"]
    supplied = sum(columns.values())
    consumed = served @ np.array([load.p_kw for load in grid.loads])
    charges = _charges(instance, given)
    burnt = np.cumsum(columns["turbine_kw"]) * instance.step_hours
    broken = {
        "a share is not between 0 and 1": (served < 0.0).any(axis=1) | (served > 1.0).any(axis=1),
        "supply and load differ": np.abs(supplied - consumed) > _SLACK,
        "the turbine's power is out of range": _outside(
            columns["turbine_kw"], 0.0, grid.turbine.p_kw
        ),
        "the battery's power is out of range": _outside(given, -battery.p_kw, battery.p_kw),
        "there is not that much sun": _outside(columns["solar_kw"], 0.0, instance.solar_kw),
        "there is not that much wind": _outside(columns["wind_kw"], 0.0, instance.wind_kw),
        "there is no fuel left": burnt > grid.turbine.fuel_kwh + _SLACK,
        "the battery's energy is out of range": _outside(
            charges[1:], battery.min_kwh, battery.max_kwh
        ),
    }
    return [
        f"step {int(np.flatnonzero(steps)[0])}: {what}"
        for what, steps in broken.items()
        if steps.any()
    ]


def _outside(values: Floats, least: float, most: float | Floats) -> NDArray[np.bool_]:
    return (values < least - _SLACK) | (values > most + _SLACK)


def _malformed(instance: Scenario, solution: Mapping[str, object]) -> str:
    """Return what is wrong with the solution's form, if anything."""
    shapes = dict.fromkeys(_COLUMNS, (instance.steps,))
    shapes["served"] = (instance.steps, len(instance.microgrid.loads))  # type: ignore[assignment]
    for name, shape in shapes.items():
        try:
            column = np.asarray(solution.get(name), np.float64)
        except (TypeError, ValueError):
            column = np.empty(0)
        if column.shape != shape or not np.isfinite(column).all():
            size = " x ".join(map(str, shape))
            return f"the solution needs {size} finite numbers under {name!r}"
    return ""


def _read(instance: Scenario, solution: Mapping[str, object]) -> tuple[Floats, dict[str, Floats]]:
    """Return the shares served, (T, L), and the other columns, (T,) each."""
    columns = {name: np.asarray(solution[name], np.float64) for name in _COLUMNS}
    return np.asarray(solution["served"], np.float64), columns


def _charges(instance: Scenario, given_kw: Floats) -> Floats:
    """Return the battery's energy before each step and after the last, (T + 1,)."""
    battery = instance.microgrid.battery
    out = np.maximum(given_kw, 0.0) / battery.discharge_efficiency
    into = np.maximum(-given_kw, 0.0) * battery.charge_efficiency
    change = (into - out) * instance.step_hours
    return instance.initial_kwh + np.concatenate([[0.0], np.cumsum(change)])


def _voltages(
    grid: Microgrid, served: Floats, columns: Mapping[str, Floats]
) -> tuple[float, float]:
    """Return the largest violation of a voltage limit, and the losses in kW, added over steps."""
    feeder, z = grid.feeder, _common_impedance(grid.feeder)
    index = feeder.index
    power = np.zeros((len(served), len(feeder.buses)), np.complex128)
    for i, load in enumerate(grid.loads):
        power[:, index[load.bus]] += served[:, i] * complex(load.p_kw, load.q_kvar)
    reactive = power.imag.sum(axis=1)
    inverters = grid.turbine.p_kw + grid.battery.p_kw
    part = grid.turbine.p_kw / inverters if inverters else 0.0
    power[:, index[grid.turbine.bus]] -= columns["turbine_kw"] + 1j * part * reactive
    for plant in grid.plants:
        share = plant.p_kw / max(grid.capacity(plant.source), 1e-3)
        power[:, index[plant.bus]] -= share * columns[f"{plant.source}_kw"]
    worst, lost = 0.0, 0.0
    for drawn in power / _KVA:
        found = _flow(z, drawn, feeder.source_voltage)
        if found is None:
            worst = max(worst, 1.0)
            continue
        voltage, current = found
        size = np.abs(voltage)
        worst = max(
            worst, grid.min_voltage - float(size.min()), float(size.max()) - grid.max_voltage
        )
        lost += float((current.conj() @ z.real @ current).real) * _KVA
    return worst, lost


def _flow(
    z: Complexes, power: Complexes, source_voltage: float
) -> tuple[Complexes, Complexes] | None:
    """Return voltages and the currents that buses draw, per unit; none without a solution."""
    voltage = np.full(len(power), source_voltage, np.complex128)
    for _ in range(200):
        current = np.conj(power / voltage)
        after = source_voltage - z @ current
        if not np.isfinite(after).all() or np.abs(after).min() < 1e-3:
            return None
        if np.abs(after - voltage).max() < 1e-13:
            return after, current
        voltage = after
    return None


@lru_cache(maxsize=64)
def _common_impedance(feeder: Feeder) -> Complexes:
    """Return the impedance that the paths of two buses to the source share, per unit, (n, n)."""
    lines = [branch for branch in feeder.branches if branch.closed]
    paths: dict[str, set[int]] = {feeder.source: set()}
    while len(paths) < len(feeder.buses):
        for number, line in enumerate(lines):
            for near, far in ((line.from_bus, line.to_bus), (line.to_bus, line.from_bus)):
                if near in paths and far not in paths:
                    paths[far] = paths[near] | {number}
    ohm = feeder.kv**2 * 1000.0 / _KVA
    impedance = np.array([complex(line.r_ohm, line.x_ohm) / ohm for line in lines])
    through = np.zeros((len(feeder.buses), len(lines)))
    for place, bus in enumerate(feeder.buses):
        through[place, list(paths[bus.name])] = 1.0
    return np.asarray((through * impedance) @ through.T)
