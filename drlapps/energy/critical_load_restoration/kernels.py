"""The island's dynamics and observations as Numba kernels over a batch.

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


@njit(cache=True, inline="always")
def _lasts(
    level: float,
    steps: int,
    renewable: Floats,
    charge: float,
    room: float,
    fuel: float,
    battery_kw: float,
    turbine_kw: float,
    charge_efficiency: float,
    discharge_efficiency: float,
) -> bool:
    """Return whether a constant load can be served to the end.

    Turbine and battery share what sun and wind lack in proportion to the energy that is in them:
    their proportion stays the same, unless one is at its limits or the battery is charged.

    Args:
        level: the load.
        steps: number of steps to come.
        renewable: power of sun and wind in each.
        charge: energy that the battery can take out of store, in kW times a step, as the next two.
        room: energy that it can still take in.
        fuel: energy of the turbine.
        battery_kw: power of the battery.
        turbine_kw: power of the turbine.
        charge_efficiency: of the battery.
        discharge_efficiency: of the battery.
    """
    lasts = True
    loss = 1.0 / discharge_efficiency
    part = -1.0
    for k in range(steps):
        need = level - renewable[k]
        if need <= 0.0:
            taken = min(charge_efficiency * min(-need, battery_kw), room)
            charge += taken
            room -= taken
            part = -1.0
            continue
        stored = charge * discharge_efficiency
        discharge = min(battery_kw, stored)
        most = min(turbine_kw, fuel)
        if need > discharge + most + 1e-9:
            lasts = False
            break
        if part < 0.0:
            part = fuel / (fuel + stored)
        wanted = need * part
        burnt = min(max(wanted, need - discharge), most)
        if burnt != wanted:
            part = -1.0
        fuel = max(fuel - burnt, 0.0)
        taken = min((need - burnt) * loss, charge)
        charge -= taken
        room += taken
    return lasts


@njit(cache=True, error_model="numpy")
def assess(p: Parameters, s: State, truth: bool) -> None:
    """Find the constant loads that last to the end, for every row where that is still to be done.

    A good guess is that which uses up all energy, another that of the step before. From there the
    search strides out, then halves.

    Args:
        p: parameters.
        s: state.
        truth: whether to find that of the true weather, too.
    """
    longest = s.weather.shape[1]
    renewable = np.empty((LEVELS + 1, longest))
    for b in range(s.steps.size):
        m, t, steps, hours = s.microgrid[b], s.step_index[b], s.steps[b], s.step_hours[b]
        if s.assessed[b] == t:
            continue
        s.assessed[b] = t
        if t >= steps:
            s.levels[b] = 0.0
            continue
        weather, error = s.weather[b], s.error[b]
        fade = 1.0
        for k in range(steps - t):
            at = t + k
            most = weather[at, 4]
            sun = error * most * (weather[at, 2] - fade * weather[t, 2])
            sun = min(max(weather[at, 0] - sun, 0.0), most)
            wind = error * (weather[at, 3] - fade * weather[t, 3])
            wind = min(max(weather[at, 1] - wind, 0.0), 1.0)
            doubt = error * math.sqrt(1.0 - fade * fade)
            for i in range(LEVELS):
                solar_kw = p.solar_kw[m] * min(max(sun - (i - 1) * most * doubt, 0.0), most)
                wind_kw = p.wind_kw[m] * min(max(wind - (i - 1) * doubt, 0.0), 1.0)
                renewable[i, k] = solar_kw + wind_kw
            renewable[LEVELS, k] = p.solar_kw[m] * weather[at, 0] + p.wind_kw[m] * weather[at, 1]
            fade *= s.memory[b]
        unit = p.total_kw[m] / GRAINS
        charge = (s.charge_kwh[b] - p.min_kwh[m]) / hours
        room = (p.max_kwh[m] - s.charge_kwh[b]) / hours
        fuel = s.fuel_kwh[b] / hours
        for i in range(LEVELS + truth):
            supply = fuel + charge * p.discharge_efficiency[m]
            for k in range(steps - t):
                supply += renewable[i, k]
            level = min(max(int(supply / ((steps - t) * unit)), 1), GRAINS)
            before = round(s.levels[b, i] / unit)
            low, high, stride = 0, GRAINS + 1, 1
            while high - low > 1:
                if _lasts(
                    level * unit, steps - t, renewable[i], charge, room, fuel, p.battery_kw[m],
                    p.turbine_kw[m], p.charge_efficiency[m], p.discharge_efficiency[m],
                ):  # fmt: skip
                    low = level
                else:
                    high = level
                if low == 0 and 0 < before < high:
                    level = before
                    before = 0
                elif high > GRAINS and low + stride <= GRAINS:
                    level = low + stride
                    stride *= 4
                elif low == 0 and high > stride:
                    level = high - stride
                    stride *= 4
                else:
                    level = (low + high) // 2
            s.levels[b, i] = low * unit


@njit(cache=True, error_model="numpy")
def hindsight(p: Parameters, s: State, values: Floats) -> None:
    """Write what is still to be had, in hindsight, from the state of every row, (B,).

    In steps of serving everything: what it is worth to serve to the end the load that lasts in the
    true weather, less the penalty if more than that is on now. 0 at the end.
    """
    for b in range(values.size):
        m = s.microgrid[b]
        now, worth, left = 0.0, 0.0, s.levels[b, LEVELS]
        for i in range(p.loads[m]):
            weight, load_kw = p.load_weight[m, i], p.load_kw[m, i]
            now += weight * load_kw * s.served[b, i]
            worth += weight * min(load_kw, max(left, 0.0))
            left -= load_kw
        ahead = s.steps[b] - s.step_index[b]
        penalty = p.drop_penalty[m] * max(now - worth, 0.0) if ahead > 0 else 0.0
        values[b] = (ahead * worth - penalty) / p.weighted_kw[m]


@njit(cache=True, error_model="numpy")
def observe(p: Parameters, s: State, out: NDArray[np.float32]) -> None:
    """Write the features of every row, (B, FEATURES)."""
    for b in range(out.shape[0]):
        m, t, dt, steps = s.microgrid[b], s.step_index[b], s.step_hours[b], s.steps[b]
        total, row = p.total_kw[m], out[b]
        row[:] = 0.0
        if t >= steps:
            continue
        # Forecasts, averaged over blocks that begin now.
        length = (steps + BLOCKS - 1) // BLOCKS
        weather, error = s.weather[b], s.error[b]
        fade = 1.0
        for k in range(steps - t):
            at = t + k
            most = weather[at, 4]
            sun = error * most * (weather[at, 2] - fade * weather[t, 2])
            sun = min(max(weather[at, 0] - sun, 0.0), most)
            wind = error * (weather[at, 3] - fade * weather[t, 3])
            wind = min(max(weather[at, 1] - wind, 0.0), 1.0)
            j = k // length
            share = 1.0 / (min(length, steps - t - j * length) * total)
            row[21 + j] += p.solar_kw[m] * sun * share
            row[21 + BLOCKS + j] += p.wind_kw[m] * wind * share
            fade *= s.memory[b]
        for j in range(2 * BLOCKS):
            row[21 + j] = min(row[21 + j], np.float32(3.0))
        charge = s.charge_kwh[b] - p.min_kwh[m]
        room = p.max_kwh[m] - s.charge_kwh[b]

        load, margin = 0.0, p.load_weight[m, 0]
        for i in range(p.loads[m]):
            load += p.load_kw[m, i] * s.served[b, i]
            if s.served[b, i] > 0.0:
                margin = p.load_weight[m, i]
        left = (steps - t) * dt
        delivered = charge * p.discharge_efficiency[m]
        row[0] = (steps - t) / steps
        row[1] = load / total
        row[2] = margin
        row[3] = s.weighted_kwh[b] / (p.weighted_kw[m] * steps * dt)
        row[4] = min(s.fuel_kwh[b] / (left * total), 3.0)
        row[5] = min(delivered / (left * total), 3.0)
        row[6] = s.fuel_kwh[b] / max(s.fuel_kwh[b] + delivered, 1e-9)
        row[7] = room / max(p.max_kwh[m] - p.min_kwh[m], 1e-9)
        row[8] = min(room / (left * total), 3.0)
        row[9] = min(p.turbine_kw[m] / total, 3.0)
        row[10] = min(p.battery_kw[m] / total, 3.0)
        row[11] = 4.0 * s.error[b]
        row[12] = min(p.solar_kw[m] * weather[t, 0] / total, 3.0)
        row[13] = min(p.wind_kw[m] * weather[t, 1] / total, 3.0)
        row[14] = 0.01 * p.drop_penalty[m] if p.drop_penalty[m] < 300.0 else 3.0
        for i in range(LEVELS):
            row[15 + i] = s.levels[b, i] / total
        row[20] = min(max((load - s.levels[b, 1]) / total * 5.0, -3.0), 3.0)


@njit(cache=True, error_model="numpy")
def by_priority(p: Parameters, s: State, actions: Floats, shares: Floats, turbine: Floats) -> None:
    """Turn thresholds into set-points.

    Args:
        p: parameters.
        s: state.
        actions: (B, 2) between -1 and 1: trust in the forecasts when load is restored, and when it
            is shed.
        shares: of each load to be served, (B, most loads), to be filled.
        turbine: share of its capacity, (B,), to be filled.
    """
    for b in range(actions.shape[0]):
        m, t = s.microgrid[b], s.step_index[b]
        if t >= s.steps[b]:
            continue
        level = s.levels[b]
        raised = _between(level[4], level[3], level[2], actions[b, 0])
        borne = max(_between(level[2], level[1], level[0], actions[b, 1]), raised)
        load = 0.0
        for i in range(p.loads[m]):
            load += p.load_kw[m, i] * s.served[b, i]
        target = min(max(load, raised), borne)
        left = target
        for i in range(p.loads[m]):
            shares[b, i] = min(max(left / p.load_kw[m, i], 0.0), 1.0)
            left -= p.load_kw[m, i]
        renewable = p.solar_kw[m] * s.weather[b, t, 0] + p.wind_kw[m] * s.weather[b, t, 1]
        stored = (s.charge_kwh[b] - p.min_kwh[m]) * p.discharge_efficiency[m]
        fuel = s.fuel_kwh[b]
        burnt = max(target - renewable, 0.0) * fuel / max(fuel + stored, 1e-9)
        turbine[b] = burnt / p.turbine_kw[m] if p.turbine_kw[m] > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def _between(low: float, middle: float, high: float, action: float) -> float:
    """Interpolate between three levels, at -1, 0 and 1."""
    if action < 0.0:
        return middle + (middle - low) * max(action, -1.0)
    return middle + (high - middle) * min(action, 1.0)
