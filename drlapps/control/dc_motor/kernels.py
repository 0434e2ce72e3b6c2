"""The control periods of many drives at once, compiled.

The motor's equations are integrated by the classical Runge-Kutta method in ten sub-steps a period,
with the voltage held: 10 microseconds, where circuits have time constants of 1 to 100 ms.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.control.dc_motor.drive import Drive
from drlapps.control.dc_motor.motor import (
    CURRENT,
    FIELD_INVERSE,
    FIELD_RESISTANCE,
    INERTIA,
    INVERSE,
    MAGNETS,
    MOST_DELAY,
    MUTUAL,
    POINTS,
    RESISTANCE,
    SELF,
    SOFTENING,
)
from drlapps.control.motors.noise import normals
from drlapps.control.motors.scalars import cut, sign

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

HISTORY = MOST_DELAY
"""Decisions that an observation looks back: enough to see all commands under way."""

FEATURES = 7 + 2 * HISTORY
INTEGRAL_RATE = 0.05
MOST = 10.0
"""Limit of the observations."""
TRIP_PENALTY = 10.0
"""In points of the worst error: what gym-electric-motor takes off by default."""

LEGS = np.array([[1, 1], [1, 0], [0, 1], [0, 0]])
"""Upper switches of both legs in each switching state: zero, plus, minus, zero."""

(LIMIT, SUPPLY, DEAD, NOISE, PROTECTION, TOP_SPEED, SCALE, REACH, PERIOD, STATIC, VISCOUS,
 QUADRATIC, DRIVEN, ACCELERATION) = range(14)  # fmt: skip
"""Columns of the constants: current limit; supply's voltage; dead time in seconds; noise; whether
there is protection; speed limit; limit of what is controlled, and its reach; control period;
friction; whether the speed is held from outside, and how it then changes."""

CONSTANTS = 14


def constants(drive: Drive) -> tuple[float, ...]:
    """Return the constants of a drive."""
    motor, load, how = drive.motor, drive.load, drive.conditions
    return (
        motor.current_limit, motor.voltage * how.voltage_scale, 1e-6 * how.dead_time, how.noise,
        float(how.protection), motor.speed_limit, drive.scale, drive.reach, motor.period,
        load.static, load.viscous, load.quadratic, float(drive.control == CURRENT),
        how.acceleration,
    )  # fmt: skip


ERROR, SQUARE, OVER, OVERSHOOT, SWITCHED, COUNT = range(6)
"""Columns of the totals: errors, squared errors, points above the limit, largest overshoot, legs
that were switched, points that were played."""

PATH = 5
"""What is kept of a decision: the command, the voltage, and currents and speed after it."""


class State(NamedTuple):
    """The arrays of a batch; ``B`` rows.

    Attributes:
        constants: of the drive, (B, CONSTANTS).
        plant: of the motor, (B, PLANT_COLUMNS).
        setpoints: for the period that begins at each step, (B, T).
        torques: that the load adds in each period, (B, T).
        steps: length of the episode in periods, (B,).
        delay: in decisions, (B,).
        key: of the noise, (B,).
        step_index: of the decision to come, (B,).
        current: of armature and field in truth, (B, 2); the field's is 0 where it is no circuit.
        measured: what the sensors say of it, (B, 2).
        speed: of the rotor, (B,).
        commands: the last ones, the latest first, (B, HISTORY).
        legs: switching state of the last period, (B,).
        value: what was controlled, as last measured, (B,).
        changes: of it by its reach, the latest first, (B, HISTORY).
        integral: of the error, as observed, (B,).
        side: error when the set-point was last changed, (B,).
        totals: what metrics are made of, (B, 6).
        tripped: (B,).
        features: the observation, (B, FEATURES).
        path: what is kept of every decision, (B, kept, PATH).
    """

    constants: Floats
    plant: Floats
    setpoints: Floats
    torques: Floats
    steps: Ints
    delay: Ints
    key: NDArray[np.uint64]
    step_index: Ints
    current: Floats
    measured: Floats
    speed: Floats
    commands: Floats
    legs: Ints
    value: Floats
    changes: Floats
    integral: Floats
    side: Floats
    totals: Floats
    tripped: Bools
    features: Singles
    path: Floats


@numba.njit(inline="always")
def _mean_voltage(wanted: float, current: float, supply: float, dead: float) -> float:
    """Return the mean of a period in which each leg switches, and interlocks, once.

    Both legs lose in the dead time, against the current.
    """
    return cut(wanted - 2.0 * dead * supply * sign(current), supply)


@numba.njit(inline="always")
def _switched_voltage(
    before: int, now: int, current: float, supply: float, dead: float
) -> tuple[float, int]:
    """Return the mean voltage of a switching state, and how many legs were switched to it."""
    first, second = float(LEGS[now, 0]), float(LEGS[now, 1])
    moved = 0
    # A leg that interlocks is led to a rail by its current: the second's is the other way.
    if LEGS[before, 0] != LEGS[now, 0]:
        moved += 1
        first += dead * (0.5 - 0.5 * sign(current) - first) * abs(sign(current))
    if LEGS[before, 1] != LEGS[now, 1]:
        moved += 1
        second += dead * (0.5 + 0.5 * sign(current) - second) * abs(sign(current))
    return supply * (first - second), moved


@numba.njit(inline="always")
def _slopes(
    i: float,
    e: float,
    w: float,
    u: float,
    r: float,
    inverse: float,
    r_e: float,
    inverse_e: float,
    self: float,
    mutual: float,
    magnets: float,
    driven: bool,
    acceleration: float,
    slowness: float,
    static: float,
    viscous: float,
    quadratic: float,
) -> tuple[float, float, float]:
    """Return how fast both currents and the speed change; ``slowness`` is one over the inertia."""
    flux = self * i + mutual * e + magnets
    rise = inverse * (u - r * i - flux * w)
    rise_e = inverse_e * (u - r_e * e)
    if driven:
        return rise, rise_e, acceleration
    friction = cut(w / (SOFTENING * slowness), static) + (viscous + quadratic * abs(w)) * w
    return rise, rise_e, slowness * (flux * i - friction)


@numba.njit(inline="always")
def _share(command: float, finite: bool) -> float:
    """Return the voltage of a command, as a share of the supply's."""
    if not finite:
        return command
    return float(LEGS[int(command), 0] - LEGS[int(command), 1])


@numba.njit(inline="always")
def _shift(history: Floats, row: int, latest: float) -> None:
    for k in range(history.shape[1] - 1, 0, -1):
        history[row, k] = history[row, k - 1]
    history[row, 0] = latest


@numba.njit(inline="always")
def _measure(state: State, finite: bool, row: int, t: int) -> None:
    """Measure before decision ``t``, and observe that with all else that is known."""
    points = 1 if finite else POINTS
    armature, winding = state.current[row, 0], state.current[row, 1]
    noise = state.constants[row, NOISE]
    if noise > 0.0:
        first, second = normals(state.key[row], t)
        armature += noise * first
        if state.plant[row, FIELD_INVERSE] > 0.0:
            winding += noise * second
    speed, unit = state.speed[row], 1.0 / state.constants[row, SCALE]
    value = armature if state.constants[row, DRIVEN] > 0.0 else speed
    now = min(t * points // POINTS, state.steps[row] - 1)
    wanted = unit * state.setpoints[row, now]
    reach = 1.0 / state.constants[row, REACH]
    off = reach * (state.setpoints[row, now] - value)
    total = cut(state.integral[row] + INTEGRAL_RATE * cut(off, 1.0), 1.0)
    f = state.features
    f[row, 0] = cut(armature / state.constants[row, LIMIT], MOST)
    f[row, 1] = cut(winding / state.constants[row, LIMIT], MOST)
    f[row, 2] = cut(speed / state.constants[row, TOP_SPEED], MOST)
    f[row, 3] = cut(wanted, MOST)
    f[row, 4] = cut(off, MOST)
    f[row, 5] = total
    f[row, 6] = state.delay[row] / MOST_DELAY
    _shift(state.changes, row, reach * (value - state.value[row]))
    for k in range(HISTORY):
        f[row, 7 + k] = _share(state.commands[row, k], finite)
        f[row, 7 + HISTORY + k] = cut(state.changes[row, k], MOST)
    state.integral[row], state.value[row] = total, value
    state.measured[row, 0], state.measured[row, 1] = armature, winding


@numba.njit(cache=True)
def begin(state: State, finite: bool, row: int) -> None:
    """Measure and observe for the first time."""
    _measure(state, finite, row, 0)
    # So far there was neither an error to sum up nor a change.
    state.integral[row] = state.changes[row, 0] = 0.0
    state.features[row, 5] = state.features[row, 7 + HISTORY] = 0.0


@numba.njit(cache=True)
def advance(
    state: State,
    finite: bool,
    actions: Floats,
    active: Bools,
    rewards: Floats,
    terminated: Bools,
    truncated: Bools,
) -> None:
    """Move the active rows by one decision: a control period, or a tenth in the finite set.

    Args:
        state: of the batch.
        finite: whether actions are switching states.
        actions: shares of the supply's voltage, or numbers of switching states, (B,).
        active: rows to move, (B,).
        rewards: gets the rewards, (B,).
        terminated: gets where protection has tripped, (B,).
        truncated: gets where the episode is over, (B,).
    """
    kept, points = state.path.shape[1], 1 if finite else POINTS
    for row in range(len(rewards)):
        if not active[row]:
            continue
        t, delay = state.step_index[row], state.delay[row]
        supply, scale = state.constants[row, SUPPLY], state.constants[row, SCALE]
        limit = state.constants[row, LIMIT]
        step = state.constants[row, PERIOD] / POINTS
        dead = state.constants[row, DEAD] / (step * points)
        i, e, w = state.current[row, 0], state.current[row, 1], state.speed[row]
        command = actions[row] if finite else cut(actions[row], 1.0)
        if t < kept:
            state.path[row, t, 0] = command
        acting = state.commands[row, delay - 1] if delay > 0 else command
        _shift(state.commands, row, command)
        if finite:
            u, moved = _switched_voltage(state.legs[row], int(acting), i + e, supply, dead)
            state.totals[row, SWITCHED] += moved
            state.legs[row] = int(acting)
        else:
            u = _mean_voltage(supply * acting, i + e, supply, dead)
        period = t * points // POINTS
        wanted = state.setpoints[row, period]
        driven = state.constants[row, DRIVEN] > 0.0
        before = i if driven else w
        fresh = t * points % POINTS == 0
        if t == 0 or (fresh and wanted != state.setpoints[row, period - 1]):
            state.side[row] = wanted - before
        r, inverse = state.plant[row, RESISTANCE], state.plant[row, INVERSE]
        r_e, inverse_e = state.plant[row, FIELD_RESISTANCE], state.plant[row, FIELD_INVERSE]
        self, mutual = state.plant[row, SELF], state.plant[row, MUTUAL]
        magnets, slowness = state.plant[row, MAGNETS], 1.0 / state.plant[row, INERTIA]
        acceleration = state.constants[row, ACCELERATION]
        viscous, quadratic = state.constants[row, VISCOUS], state.constants[row, QUADRATIC]
        static = state.constants[row, STATIC] + state.torques[row, period]
        half, sixth = 0.5 * step, step / 6.0
        gained, trips = 0.0, False
        for _ in range(points):
            # Runge and Kutta's four slopes.
            x, y, z = _slopes(
                i, e, w, u, r, inverse, r_e, inverse_e, self, mutual, magnets, driven,
                acceleration, slowness, static, viscous, quadratic,
            )  # fmt: skip
            sum_x, sum_y, sum_z = x, y, z
            x, y, z = _slopes(
                i + half * x, e + half * y, w + half * z, u, r, inverse, r_e, inverse_e, self,
                mutual, magnets, driven, acceleration, slowness, static, viscous, quadratic,
            )  # fmt: skip
            sum_x, sum_y, sum_z = sum_x + 2.0 * x, sum_y + 2.0 * y, sum_z + 2.0 * z
            x, y, z = _slopes(
                i + half * x, e + half * y, w + half * z, u, r, inverse, r_e, inverse_e, self,
                mutual, magnets, driven, acceleration, slowness, static, viscous, quadratic,
            )  # fmt: skip
            sum_x, sum_y, sum_z = sum_x + 2.0 * x, sum_y + 2.0 * y, sum_z + 2.0 * z
            x, y, z = _slopes(
                i + step * x, e + step * y, w + step * z, u, r, inverse, r_e, inverse_e, self,
                mutual, magnets, driven, acceleration, slowness, static, viscous, quadratic,
            )  # fmt: skip
            i, e, w = i + sixth * (sum_x + x), e + sixth * (sum_y + y), w + sixth * (sum_z + z)
            off = wanted - (i if driven else w)
            error = 0.5 * abs(off) / scale
            over = abs(i) > limit or abs(e) > limit
            state.totals[row, COUNT] += 1.0
            state.totals[row, SQUARE] += off * off
            state.totals[row, OVER] += over
            if off * state.side[row] < 0.0:
                state.totals[row, OVERSHOOT] = max(state.totals[row, OVERSHOOT], abs(off))
            trips = over and state.constants[row, PROTECTION] > 0.0
            if trips:
                # From the trip on, every point counts as the worst there is.
                rest = POINTS * state.steps[row] - state.totals[row, COUNT] + 1.0
                state.totals[row, ERROR] += rest
                break
            state.totals[row, ERROR] += error
            gained += error
        state.current[row, 0], state.current[row, 1], state.speed[row] = i, e, w
        if t < kept:
            state.path[row, t, 1] = u
            state.path[row, t, 2], state.path[row, t, 3], state.path[row, t, 4] = i, e, w
        state.step_index[row], state.tripped[row] = t + 1, trips
        terminated[row] = trips
        truncated[row] = not trips and (t + 1) * points >= POINTS * state.steps[row]
        rewards[row] = -TRIP_PENALTY if trips else -gained / points
        _measure(state, finite, row, t + 1)
