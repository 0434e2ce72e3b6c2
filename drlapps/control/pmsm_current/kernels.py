"""The control periods of many drives at once, compiled.

Currents are in ampere, voltages in volt, both in rotor coordinates, (B, 2), unless said otherwise;
phases a, b and c are (B, 3).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.control.motors.inverter import CIRCLE, CORNER, LEGS
from drlapps.control.motors.noise import normals
from drlapps.control.motors.scalars import cut, sign
from drlapps.control.pmsm_current.motor import BLOCK, MOST_DELAY

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

DQ, ABC, FINITE = 0, 1, 2
"""Control sets."""

FEATURES = 20
ZOOM = 10.0
"""Factor of errors and changes in the observation, which are small."""
INTEGRAL_RATE = 0.05
MOST = 10.0
"""Limit of the observations."""
TRIP_PENALTY = 10.0
"""In steps of the worst error: what gym-electric-motor takes off by default."""

LIMIT, LINK, DEAD, NOISE, PROTECTION, SPEED = range(6)
"""Columns of the constants: current limit, link voltage, dead time as a share of the period, noise,
whether there is protection, electrical speed limit."""

ERROR, SQUARE_D, SQUARE_Q, SQUARE_SET, OVER, OVERSHOOT, SWITCHED = range(7)
"""Columns of the totals: errors, squared errors, squared set-points, steps above the limit, largest
overshoot, and legs that were switched."""

PATH = 7
"""What is kept of a step: the command (3), the voltage (2) and the currents after it (2)."""

_SINE = math.sqrt(3.0) / 2.0


class State(NamedTuple):
    """The arrays of a batch; ``B`` rows.

    Attributes:
        constants: of the drive, (B, 6).
        plant: of every block, (B, blocks, PLANT_COLUMNS).
        blocks: how many the drive has, (B,).
        speeds: electrical, of every block, (B, blocks).
        setpoints: for the period that begins at each step, (B, T, 2).
        steps: length of the episode, (B,).
        delay: in periods, (B,).
        key: of the noise, (B,).
        step_index: of the step to come, (B,).
        current: in truth.
        measured: what the sensors say of it.
        phasor: cosine and sine of the rotor's electrical angle.
        pending: commands that have yet to act, a ring, (B, MOST_DELAY, 3).
        legs: as they were in the last period, (B, 3).
        recent: the last two commands, the latest first, (B, 4).
        integral: of the error, as observed.
        side: error when the set-point was last changed.
        totals: what metrics are made of, (B, 7).
        tripped: (B,).
        features: the observation, (B, FEATURES).
        path: what is kept of every step, (B, kept, PATH).
    """

    constants: Floats
    plant: Floats
    blocks: Ints
    speeds: Floats
    setpoints: Floats
    steps: Ints
    delay: Ints
    key: NDArray[np.uint64]
    step_index: Ints
    current: Floats
    measured: Floats
    phasor: Floats
    pending: Floats
    legs: Floats
    recent: Floats
    integral: Floats
    side: Floats
    totals: Floats
    tripped: Bools
    features: Singles
    path: Floats


@numba.njit(inline="always")
def _clarke(a: float, b: float, c: float) -> tuple[float, float]:
    """Return phases in stator coordinates."""
    return (2.0 * a - b - c) / 3.0, 0.5 * (b - c) / _SINE


@numba.njit(inline="always")
def _to_rotor(alpha: float, beta: float, cosine: float, sine: float) -> tuple[float, float]:
    return cosine * alpha + sine * beta, cosine * beta - sine * alpha


@numba.njit(inline="always")
def _to_stator(d: float, q: float, cosine: float, sine: float) -> tuple[float, float]:
    return cosine * d - sine * q, sine * d + cosine * q


@numba.njit(inline="always")
def _command(control: int, actions: Floats, row: int, link: float) -> tuple[float, float, float]:
    """Return what an action commands: a voltage in rotor coordinates and 0, or the legs'."""
    half = 0.5 * link
    if control == DQ:
        return CORNER * link * actions[row, 0], CORNER * link * actions[row, 1], 0.0
    if control == ABC:
        return (
            half * cut(actions[row, 0], 1.0),
            half * cut(actions[row, 1], 1.0),
            half * cut(actions[row, 2], 1.0),
        )
    number = int(actions[row, 0])
    return half * LEGS[number, 0], half * LEGS[number, 1], half * LEGS[number, 2]


@numba.njit(inline="always")
def _fitting(alpha: float, beta: float, link: float, circle: bool) -> float:
    """Return the share of a voltage that the inverter can give."""
    # The hexagon has room for what keeps the largest line voltage within that of the link.
    right, left = 1.5 * alpha, _SINE * beta
    widest = max(abs(right - left), abs(right + left), 2.0 * abs(left))
    share = link / widest if widest > link else 1.0
    if circle:
        size = math.sqrt(alpha * alpha + beta * beta)
        share = min(share, CIRCLE * link / size) if size > CIRCLE * link else share
    return share


@numba.njit(inline="always")
def _leg(
    wanted: float, before: float, toward: float, dead: float, half: float, finite: bool
) -> float:
    """Return a leg's mean voltage when it interlocks: its current leads it to the far rail."""
    if not finite:
        return cut(wanted - 2.0 * half * dead * toward, half)
    if before * wanted < 0.0:
        return wanted - dead * (half * toward + wanted)
    return wanted


@numba.njit(inline="always")
def _measure(state: State, row: int, t: int) -> None:
    """Measure the currents before step ``t``, and observe them with all else that is known."""
    d, q = state.current[row, 0], state.current[row, 1]
    noise = state.constants[row, NOISE]
    if noise > 0.0:
        first, second = normals(state.key[row], t)
        d, q = d + noise * first, q + noise * second
    scale = 1.0 / state.constants[row, LIMIT]
    now = min(t, state.steps[row] - 1)
    set_d, set_q = scale * state.setpoints[row, now, 0], scale * state.setpoints[row, now, 1]
    off_d, off_q = set_d - scale * d, set_q - scale * q
    sum_d = cut(state.integral[row, 0] + INTEGRAL_RATE * off_d, 1.0)
    sum_q = cut(state.integral[row, 1] + INTEGRAL_RATE * off_q, 1.0)
    speed = state.speeds[row, min(t // BLOCK, state.blocks[row] - 1)]
    f = state.features
    f[row, 0], f[row, 1] = cut(d * scale, MOST), cut(q * scale, MOST)
    f[row, 2], f[row, 3] = cut(set_d, MOST), cut(set_q, MOST)
    f[row, 4], f[row, 5] = cut(ZOOM * off_d, MOST), cut(ZOOM * off_q, MOST)
    f[row, 6], f[row, 7] = sum_d, sum_q
    f[row, 8], f[row, 9] = cut(state.recent[row, 0], MOST), cut(state.recent[row, 1], MOST)
    f[row, 10], f[row, 11] = cut(state.recent[row, 2], MOST), cut(state.recent[row, 3], MOST)
    f[row, 12] = cut(ZOOM * scale * (d - state.measured[row, 0]), MOST)
    f[row, 13] = cut(ZOOM * scale * (q - state.measured[row, 1]), MOST)
    turning = speed / state.constants[row, SPEED]
    f[row, 14] = cut(turning, MOST)
    f[row, 15], f[row, 16] = state.phasor[row, 0], state.phasor[row, 1]
    f[row, 17] = cut(turning * d * scale, MOST)
    f[row, 18] = cut(turning * q * scale, MOST)
    f[row, 19] = state.delay[row] / MOST_DELAY
    state.integral[row, 0], state.integral[row, 1] = sum_d, sum_q
    state.measured[row, 0], state.measured[row, 1] = d, q


@numba.njit(inline="always")
def _judge(state: State, row: int, t: int, before_d: float, before_q: float) -> float:
    """Add a step to the totals but for its error, which it returns."""
    set_d, set_q = state.setpoints[row, t, 0], state.setpoints[row, t, 1]
    off_d, off_q = set_d - state.current[row, 0], set_q - state.current[row, 1]
    state.totals[row, SQUARE_D] += off_d * off_d
    state.totals[row, SQUARE_Q] += off_q * off_q
    state.totals[row, SQUARE_SET] += set_d * set_d + set_q * set_q
    if t == 0 or set_d != state.setpoints[row, t - 1, 0]:
        state.side[row, 0] = set_d - before_d
    if t == 0 or set_q != state.setpoints[row, t - 1, 1]:
        state.side[row, 1] = set_q - before_q
    past_d = abs(off_d) if off_d * state.side[row, 0] < 0.0 else 0.0
    past_q = abs(off_q) if off_q * state.side[row, 1] < 0.0 else 0.0
    state.totals[row, OVERSHOOT] = max(state.totals[row, OVERSHOOT], past_d, past_q)
    error: float = 0.25 * (abs(off_d) + abs(off_q)) / state.constants[row, LIMIT]
    return error


@numba.njit(cache=True)
def begin(state: State, row: int) -> None:
    """Measure and observe for the first time."""
    _measure(state, row, 0)
    state.integral[row] = 0.0
    state.features[row, 6:8] = 0.0
    state.features[row, 12:14] = 0.0


@numba.njit(cache=True)
def advance(
    state: State,
    control: int,
    circle: bool,
    actions: Floats,
    active: Bools,
    rewards: Floats,
    terminated: Bools,
    truncated: Bools,
) -> None:
    """Move the active rows by one control period.

    Args:
        state: of the batch.
        control: the control set.
        circle: whether voltages keep within the circle in the hexagon.
        actions: in the control set ``DQ``, shares of the corner's voltage, (B, 2); in ``ABC``, of
            half the link voltage, (B, 3); in ``FINITE``, numbers of switching states, (B, 1).
        active: rows to move, (B,).
        rewards: gets the rewards, (B,).
        terminated: gets where protection has tripped, (B,).
        truncated: gets where the episode is over, (B,).
    """
    kept = state.path.shape[1]
    for row in range(len(rewards)):
        if not active[row]:
            continue
        t, delay = state.step_index[row], state.delay[row]
        link, dead = state.constants[row, LINK], state.constants[row, DEAD]
        cosine, sine = state.phasor[row, 0], state.phasor[row, 1]
        i_d, i_q = state.current[row, 0], state.current[row, 1]
        x, y, z = _command(control, actions, row, link)
        if control == DQ:
            wanted_d, wanted_q = x, y
        else:
            alpha, beta = _clarke(x, y, z)
            wanted_d, wanted_q = _to_rotor(alpha, beta, cosine, sine)
        state.recent[row, 2], state.recent[row, 3] = state.recent[row, 0], state.recent[row, 1]
        state.recent[row, 0] = wanted_d / (CORNER * link)
        state.recent[row, 1] = wanted_q / (CORNER * link)
        if t < kept:
            state.path[row, t, 0], state.path[row, t, 1], state.path[row, t, 2] = x, y, z
        if delay > 0:
            slot = t % delay
            x, state.pending[row, slot, 0] = state.pending[row, slot, 0], x
            y, state.pending[row, slot, 1] = state.pending[row, slot, 1], y
            z, state.pending[row, slot, 2] = state.pending[row, slot, 2], z
        if control == DQ:
            alpha, beta = _to_stator(x, y, cosine, sine)
            share = _fitting(alpha, beta, link, circle)
            u_d, u_q = share * x, share * y
            if dead > 0.0:
                x, y = share * alpha, share * beta
                x, y, z = x, _SINE * y - 0.5 * x, -_SINE * y - 0.5 * x
                middle = 0.5 * (max(x, y, z) + min(x, y, z))
                x, y, z = x - middle, y - middle, z - middle
        if control == FINITE:
            before_a, before_b, before_c = (
                state.legs[row, 0],
                state.legs[row, 1],
                state.legs[row, 2],
            )
            changed = (before_a * x < 0.0) + (before_b * y < 0.0) + (before_c * z < 0.0)
            state.totals[row, SWITCHED] += changed
            state.legs[row, 0], state.legs[row, 1], state.legs[row, 2] = x, y, z
        else:
            before_a = before_b = before_c = 0.0
        if dead > 0.0:
            a, b = _to_stator(i_d, i_q, cosine, sine)
            half, finite = 0.5 * link, control == FINITE
            x = _leg(x, before_a, sign(a), dead, half, finite)
            y = _leg(y, before_b, sign(_SINE * b - 0.5 * a), dead, half, finite)
            z = _leg(z, before_c, sign(-_SINE * b - 0.5 * a), dead, half, finite)
        if control != DQ or dead > 0.0:
            alpha, beta = _clarke(x, y, z)
            u_d, u_q = _to_rotor(alpha, beta, cosine, sine)
        m, k = state.plant, min(t // BLOCK, state.blocks[row] - 1)
        new_d = m[row, k, 0] * i_d + m[row, k, 1] * i_q + m[row, k, 8]
        new_q = m[row, k, 2] * i_d + m[row, k, 3] * i_q + m[row, k, 9]
        new_d += m[row, k, 4] * u_d + m[row, k, 5] * u_q
        new_q += m[row, k, 6] * u_d + m[row, k, 7] * u_q
        state.current[row, 0], state.current[row, 1] = new_d, new_q
        state.phasor[row, 0] = cosine * m[row, k, 10] - sine * m[row, k, 11]
        state.phasor[row, 1] = sine * m[row, k, 10] + cosine * m[row, k, 11]
        if t < kept:
            state.path[row, t, 3], state.path[row, t, 4] = u_d, u_q
            state.path[row, t, 5], state.path[row, t, 6] = new_d, new_q
        over = new_d * new_d + new_q * new_q > state.constants[row, LIMIT] ** 2
        trips = over and state.constants[row, PROTECTION] > 0.0
        error = _judge(state, row, t, i_d, i_q)
        # From the trip on, every step counts as the worst there is.
        state.totals[row, ERROR] += state.steps[row] - t if trips else error
        state.totals[row, OVER] += over
        state.step_index[row], state.tripped[row] = t + 1, trips
        terminated[row] = trips
        truncated[row] = not trips and t + 1 >= state.steps[row]
        rewards[row] = -TRIP_PENALTY if trips else -error
        _measure(state, row, t + 1)
