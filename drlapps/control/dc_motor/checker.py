"""An independent check of an episode, from nothing but the commands that were given.

This module shares no code with the environment: each motor's equations are written out for
themselves, for one drive at a time, and the metrics are taken
from the finished path.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from drlapps.control.dc_motor.drive import Drive

Floats = NDArray[np.float64]
Slopes = Callable[[float, float, float, float, float], tuple[float, float, float]]

_POINTS = 10
"""Points in a control period."""

_SOFTENING = 1e-3
"""Seconds in which static friction would stop a motor that barely turns."""

_LEGS = ((1, 1), (1, 0), (0, 1), (0, 0))
"""Upper switches of both legs in each switching state."""


def check(instance: Drive, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the drive.
        solution: ``control_set`` as in the environment, and ``commands``: of each decision a share
            of the supply's voltage, or a switching state.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the commands are malformed.
    """
    commands, finite = _read(instance, solution), solution.get("control_set") == "finite"
    if commands is None:
        return {"feasible": 0.0}
    path, switched = _simulate(instance, commands, finite)
    limit, points = instance.motor.current_limit, _POINTS * instance.steps
    over = np.abs(path[1:, :2]).max(axis=1) > limit
    played = len(over)
    tripped = instance.conditions.protection and bool(over[-1])
    if played != points and not tripped:
        return {"feasible": 0.0}
    drawn = instance.setpoints
    value = path[:, 0 if instance.control == "current" else 2]
    wanted = np.repeat(drawn, _POINTS)[:played]
    off = wanted - value[1:]
    scale = limit if instance.control == "current" else instance.motor.speed_limit
    errors = np.abs(off) / (2.0 * scale)
    if tripped:
        errors[-1] = 1.0
    changed = np.concatenate([[True], wanted[1:] != wanted[:-1]])
    latest = np.maximum.accumulate(np.where(changed, np.arange(played), 0))
    side = (wanted - value[:-1])[latest]
    carrier = 1e-3 / instance.motor.period
    return {
        "tracking_error": float(errors.sum() + points - played) / points,
        "rms_error": float(np.sqrt(np.mean(off**2))),
        "overshoot": float(np.abs(off)[off * side < 0.0].max(initial=0.0)),
        "violations": float(over.mean()),
        "tripped": float(tripped),
        "switching_khz": switched / (4.0 * played) * _POINTS * carrier if finite else carrier,
        "feasible": float(not over.any()),
    }


def _read(instance: Drive, solution: Mapping[str, object]) -> Floats | None:
    """Return the commands; none if the converter could not carry them out."""
    rows, which = solution.get("commands"), solution.get("control_set")
    if which not in ("continuous", "finite") or not isinstance(rows, Sequence):
        return None
    try:
        commands = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    most = instance.steps * (_POINTS if which == "finite" else 1)
    if commands.ndim != 1 or not 0 < len(commands) <= most:
        return None
    fits = np.isin(commands, [0, 1, 2, 3]) if which == "finite" else np.abs(commands) <= 1.0
    return commands if fits.all() else None


def _voltages(
    instance: Drive, commands: Floats, finite: bool
) -> Iterator[Callable[[float], tuple[float, int]]]:
    """Yield, for each decision, what makes the winding's current the voltage and legs switched."""
    motor, how = instance.motor, instance.conditions
    supply = motor.voltage * how.voltage_scale
    dead = how.dead_time * 1e-6 / motor.period
    queue = [3.0 if finite else instance.idle] * int(how.delay) + commands.tolist()
    legs = (0, 0)
    for command in queue[: len(commands)]:
        if not finite:
            yield lambda flow, share=command: (  # type: ignore[misc]
                float(np.clip(supply * (share - 2.0 * dead * np.sign(flow)), -supply, supply)),
                0,
            )
            continue
        states = legs, _LEGS[int(command)]
        legs = states[1]

        def switched(
            flow: float, states: tuple[tuple[int, int], ...] = states
        ) -> tuple[float, int]:
            levels, count = [], 0
            for old, new, out in zip(*states, (flow, -flow), strict=True):
                count += old != new
                between = new if old == new or out == 0.0 else int(out < 0.0)
                levels.append(_POINTS * dead * between + (1.0 - _POINTS * dead) * new)
            return supply * (levels[0] - levels[1]), count

        yield switched


def _simulate(instance: Drive, commands: Floats, finite: bool) -> tuple[Floats, int]:
    """Return currents and speed at the start and all points, and how often a leg switched."""
    slopes, limit = _equations(instance), instance.motor.current_limit
    step, inner = instance.motor.period / _POINTS, 1 if finite else _POINTS
    x = (0.0, 0.0, instance.start)
    path, total = [x], 0
    for number, voltage in enumerate(_voltages(instance, commands, finite)):
        volts, switched = voltage(x[0] + x[1])
        total += switched
        extra = float(instance.torques[number * inner // _POINTS])
        for _ in range(inner):
            x = _runge_kutta(slopes, x, volts, extra, step)
            path.append(x)
            if instance.conditions.protection and max(abs(x[0]), abs(x[1])) > limit:
                return np.array(path), total
    return np.array(path), total


def _runge_kutta(
    slopes: Slopes, x: tuple[float, float, float], volts: float, extra: float, step: float
) -> tuple[float, float, float]:
    """Return currents and speed a step later, by the classical method of fourth order."""
    a, b, c = x
    found = [slopes(a, b, c, volts, extra)]
    for part in (0.5 * step, 0.5 * step, step):
        da, db, dc = found[-1]
        found.append(slopes(a + part * da, b + part * db, c + part * dc, volts, extra))
    first, second, third, fourth = found
    mean = [
        (p + 2.0 * q + 2.0 * r + s) / 6.0
        for p, q, r, s in zip(first, second, third, fourth, strict=True)
    ]
    return a + step * mean[0], b + step * mean[1], c + step * mean[2]


def _equations(instance: Drive) -> Slopes:
    """Return the differential equation of the drive as it is in truth."""
    motor, load, how = instance.motor, instance.load, instance.conditions
    ra, re = how.resistance_scale * motor.armature_resistance, motor.field_resistance
    la, le = how.inductance_scale * motor.armature_inductance, motor.field_inductance
    re, le = how.resistance_scale * re, how.inductance_scale * le
    mutual, magnet = how.flux_scale * motor.mutual_inductance, how.flux_scale * motor.magnet_flux
    inertia = how.inertia_scale * (motor.inertia + load.inertia)
    held = instance.control == "current"

    def turning(torque: float, w: float, extra: float) -> float:
        if held:
            return how.acceleration
        most = load.static + extra
        friction = max(-most, min(most, w * inertia / _SOFTENING))
        friction += load.viscous * w + load.quadratic * w * abs(w)
        return (torque - friction) / inertia

    def series(i: float, _: float, w: float, u: float, extra: float) -> tuple[float, float, float]:
        rise = (u - (ra + re) * i - mutual * i * w) / (la + le)
        return rise, 0.0, turning(mutual * i * i, w, extra)

    def shunt(i: float, e: float, w: float, u: float, extra: float) -> tuple[float, float, float]:
        rise = (u - ra * i - mutual * e * w) / la
        return rise, (u - re * e) / le, turning(mutual * e * i, w, extra)

    def magnets(i: float, _: float, w: float, u: float, extra: float) -> tuple[float, float, float]:
        return (u - ra * i - magnet * w) / la, 0.0, turning(magnet * i, w, extra)

    return {"series": series, "shunt": shunt, "permanently-excited": magnets}[motor.kind]
