"""What lasts: the loads that can be served to the end, and what agents see, as Numba kernels.

Powers are in kW and energies in kWh.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration.kernels import (
    BLOCKS,
    GRAINS,
    LEVELS,
    Floats,
    Parameters,
    State,
)


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


@njit(cache=True, inline="always")
def _forecast(weather: Floats, error: float, fade: float, t: int, at: int) -> tuple[float, float]:
    """Return the forecast of sun and wind that step ``t`` has of step ``at``, shares of capacity.

    Args:
        weather: of the episode, see :class:`~.kernels.State`.
        error: of the forecasts, as a share.
        fade: how much of what is known of the error now still holds then.
        t: now.
        at: then.
    """
    most = weather[at, 4]
    sun = weather[at, 0] - error * most * (weather[at, 2] - fade * weather[t, 2])
    wind = weather[at, 1] - error * (weather[at, 3] - fade * weather[t, 3])
    return min(max(sun, 0.0), most), min(max(wind, 0.0), 1.0)


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
            sun, wind = _forecast(weather, error, fade, t, at)
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
            sun, wind = _forecast(weather, error, fade, t, at)
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
