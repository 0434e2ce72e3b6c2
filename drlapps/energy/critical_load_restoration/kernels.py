"""The island's dynamics as Numba kernels over a batch.

Powers are in kW and energies in kWh; voltages and the impedances behind them are per unit. Loads
stand in the order of their weights, the heaviest first.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.energy.grid.feeder import BASE_KVA
from drlapps.energy.grid.kernels import TOLERANCE, sweep

Floats = NDArray[np.float64]
Ints = NDArray[np.integer[Any]]
Bools = NDArray[np.bool_]

BLOCKS = 12
"""Parts into which observations cut the horizon."""

FEATURES = 21 + 2 * BLOCKS
"""Numbers in an observation, the shares of the single loads not counted."""

LEVELS = 5
"""Forecasts are looked at raised by a standard deviation, as they are, and lowered by 1, 2, 3."""

VOLTAGE_PENALTY = 100.0
"""Reward lost per unit of voltage violation, in steps of serving everything."""

REWARD_SCALE = 10.0
"""The rewards of an episode add up to so many times the metric."""

GRAINS = 4096
"""Parts of the whole load to which the levels that last are rounded down."""


class Parameters(NamedTuple):
    """The parameters of the islands, one row each."""

    loads: Ints
    load_kw: Floats
    load_kvar: Floats
    load_weight: Floats
    load_bus: Ints
    total_kw: Floats
    weighted_kw: Floats
    drop_penalty: Floats
    solar_kw: Floats
    wind_kw: Floats
    turbine_kw: Floats
    battery_kw: Floats
    min_kwh: Floats
    max_kwh: Floats
    charge_efficiency: Floats
    discharge_efficiency: Floats
    buses: Ints
    order: Ints
    """Buses, the battery's first, each after the one that feeds it."""
    parent: Ints
    r: Floats
    """Of the branch that feeds each bus."""
    x: Floats
    solar_at: Floats
    """Share of the solar capacity at each bus."""
    wind_at: Floats
    turbine_bus: Ints
    turbine_kvar: Floats
    """Share of the reactive load that the turbine supplies."""
    source_voltage: Floats
    min_voltage: Floats
    max_voltage: Floats


class State(NamedTuple):
    """The state of a batch: live arrays, shape (B,) unless said, that the kernels change."""

    microgrid: Ints
    """Number of the row's island."""
    steps: Ints
    step_hours: Floats
    error: Floats
    memory: Floats
    weather: Floats
    """(B, most steps, 5) share of solar and wind capacity, noise of their forecasts, clear sky."""
    step_index: Ints
    served: Floats
    """(B, most loads) share of each load that was served in the last step."""
    charge_kwh: Floats
    fuel_kwh: Floats
    weighted_kwh: Floats
    """Energy served so far, each kWh by its weight."""
    dropped_kw: Floats
    """Load given up so far, each kW by its weight."""
    curtailed_kwh: Floats
    violation: Floats
    """Largest so far, per unit."""
    loss_kwh: Floats
    assessed: Ints
    """Step to which the levels belong."""
    levels: Floats
    """(B, 6) load that lasts to the end with forecasts raised, as they are, lowered by 1, 2, 3; in
    the true weather."""
    path: Floats
    """(B, most steps, 4 + most loads) turbine, battery, solar, wind in kW, shares served."""


@njit(cache=True, error_model="numpy")
def autoregressive(normals: Floats, phi: float) -> Floats:
    """Return the stationary process of unit variance that independent normals drive, (T,)."""
    found = np.empty_like(normals)
    scale = math.sqrt(1.0 - phi * phi)
    last = 0.0
    for t in range(normals.size):
        last = phi * last + scale * normals[t] if t else normals[0]
        found[t] = last
    return found


@njit(cache=True, error_model="numpy")
def normal_cdf(values: Floats) -> Floats:
    """Return the standard normal distribution function, of a one-dimensional array."""
    found = np.empty_like(values)
    for i in range(values.size):
        found[i] = 0.5 * math.erfc(-values[i] / math.sqrt(2.0))
    return found


@njit(cache=True, error_model="numpy")
def advance(
    p: Parameters,
    s: State,
    shares: Floats,
    turbine: Floats,
    active: Bools,
    rewards: Floats,
    terminated: Bools,
) -> None:
    """Move every active row by one step.

    Args:
        p: parameters.
        s: state.
        shares: of each load that the policy wants to serve, (B, most loads).
        turbine: share of its capacity that the policy wants the turbine to give, (B,).
        active: rows to move.
        rewards: (B,) to be filled.
        terminated: (B,) to be filled.
    """
    n = p.order.shape[1]
    own, work = np.arange(n), np.empty((5, n))
    real, imaginary = np.empty(n), np.empty(n)
    current_real, current_imaginary = np.empty(n), np.empty(n)
    for b in range(active.size):
        if not active[b]:
            continue
        m, t, dt = s.microgrid[b], s.step_index[b], s.step_hours[b]
        loads = p.loads[m]
        load_kw, weight = p.load_kw[m], p.load_weight[m]
        before, wanted = s.served[b], shares[b]
        sun, wind = p.solar_kw[m] * s.weather[b, t, 0], p.wind_kw[m] * s.weather[b, t, 1]

        load = 0.0
        for i in range(loads):
            wanted[i] = min(max(wanted[i], 0.0), 1.0)
            load += load_kw[i] * wanted[i]
        discharge = min(
            p.battery_kw[m],
            max(s.charge_kwh[b] - p.min_kwh[m], 0.0) * p.discharge_efficiency[m] / dt,
        )
        charge = min(
            p.battery_kw[m],
            max(p.max_kwh[m] - s.charge_kwh[b], 0.0) / (p.charge_efficiency[m] * dt),
        )
        most = min(p.turbine_kw[m], s.fuel_kwh[b] / dt)
        burnt = min(min(max(turbine[b], 0.0), 1.0) * p.turbine_kw[m], most)

        # Too little: the turbine gives more; then what is new is left out, then the rest is shed.
        need = load - sun - wind - burnt
        if need > discharge:
            more = min(need - discharge, most - burnt)
            burnt += more
            need -= more
        for kept in range(2):
            for k in range(loads):
                if need <= discharge:
                    break
                i = loads - 1 - k
                least = min(before[i], wanted[i]) if kept == 0 else 0.0
                cut = min(need - discharge, load_kw[i] * (wanted[i] - least))
                wanted[i] = max(wanted[i] - cut / load_kw[i], least)
                need -= cut
        # Too much: the turbine gives less, then sun and wind are curtailed.
        spilt = 0.0
        if need < -charge:
            less = min(-charge - need, burnt)
            burnt -= less
            need += less
            spilt = max(-charge - need, 0.0)
            need += spilt
        battery = min(max(need, -charge), discharge)
        spilt_share = spilt / (sun + wind) if spilt > 0.0 else 0.0

        stored = battery / p.discharge_efficiency[m]
        if battery < 0.0:
            stored = battery * p.charge_efficiency[m]
        s.charge_kwh[b] = min(max(s.charge_kwh[b] - stored * dt, p.min_kwh[m]), p.max_kwh[m])
        s.fuel_kwh[b] = max(s.fuel_kwh[b] - burnt * dt, 0.0)

        served_now, dropped = 0.0, 0.0
        for i in range(loads):
            served_now += weight[i] * load_kw[i] * wanted[i]
            dropped += weight[i] * load_kw[i] * max(before[i] - wanted[i], 0.0)
            before[i] = wanted[i]
        s.weighted_kwh[b] += served_now * dt
        s.dropped_kw[b] += dropped
        s.curtailed_kwh[b] += spilt * dt

        # Net loads of the buses, and the linearised flow: squared voltages fall by 2 (r P + x Q).
        buses, order, parent, r, x = p.buses[m], p.order[m], p.parent[m], p.r[m], p.x[m]
        bus_p, bus_q, flow_p, flow_q, square = work[0], work[1], work[2], work[3], work[4]
        used = (1.0 - spilt_share) / BASE_KVA
        for i in range(buses):
            bus_p[i] = -used * (sun * p.solar_at[m, i] + wind * p.wind_at[m, i])
            bus_q[i] = 0.0
        reactive = 0.0
        for i in range(loads):
            bus = p.load_bus[m, i]
            bus_p[bus] += load_kw[i] * wanted[i] / BASE_KVA
            kvar = p.load_kvar[m, i] * wanted[i] / BASE_KVA
            bus_q[bus] += kvar
            reactive += kvar
        bus_p[p.turbine_bus[m]] -= burnt / BASE_KVA
        bus_q[p.turbine_bus[m]] -= reactive * p.turbine_kvar[m]

        recorded = s.path.shape[1] > 0
        violation, low, high = 0.0, p.min_voltage[m], p.max_voltage[m]
        if recorded:
            converged, _ = sweep(
                buses, order, parent, own, r, x, bus_p, bus_q, p.source_voltage[m],
                TOLERANCE, real, imaginary, current_real, current_imaginary,
            )  # fmt: skip
            if not converged:
                violation = 1.0
            else:
                lost = 0.0
                for i in range(buses):
                    voltage = math.sqrt(real[i] ** 2 + imaginary[i] ** 2)
                    violation = max(violation, low - voltage, voltage - high)
                    lost += r[i] * (current_real[i] ** 2 + current_imaginary[i] ** 2)
                s.loss_kwh[b] += lost * BASE_KVA * dt
            record = s.path[b, t]
            record[0], record[1] = burnt, battery
            record[2], record[3] = sun * (1.0 - spilt_share), wind * (1.0 - spilt_share)
            for i in range(loads):
                record[4 + i] = wanted[i]
        else:
            for i in range(buses):
                flow_p[i] = bus_p[i]
                flow_q[i] = bus_q[i]
            for k in range(buses - 1, 0, -1):
                bus = order[k]
                flow_p[parent[bus]] += flow_p[bus]
                flow_q[parent[bus]] += flow_q[bus]
            square[order[0]] = p.source_voltage[m] ** 2
            for k in range(1, buses):
                bus = order[k]
                drop = 2.0 * (r[bus] * flow_p[bus] + x[bus] * flow_q[bus])
                square[bus] = square[parent[bus]] - drop
                voltage = math.sqrt(max(square[bus], 0.0))
                violation = max(violation, low - voltage, voltage - high)
        s.violation[b] = max(s.violation[b], violation)

        steps = s.steps[b]
        gain = (served_now - p.drop_penalty[m] * dropped) / p.weighted_kw[m]
        rewards[b] = REWARD_SCALE * (gain - VOLTAGE_PENALTY * violation) / steps
        s.step_index[b] = t + 1
        terminated[b] = t + 1 == steps
