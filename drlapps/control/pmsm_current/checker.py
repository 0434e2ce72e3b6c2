"""An independent check of an episode, from nothing but the commands that were given.

This module shares no code with the environment: it turns the commands into voltages with complex
space phasors, and solves the machine's differential equation by the exponential of one matrix that
holds its inputs as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm

from drlapps.control.pmsm_current.instances import Drive

Floats = NDArray[np.float64]

_PHASES = np.exp(2j * np.pi / 3.0 * np.arange(3))
"""Axes of the phases."""

_BLOCK = 20
"""Steps for which a changing speed or warmth is held."""


def check(instance: Drive, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of an episode.

    Args:
        instance: the drive.
        solution: ``control`` and ``limit`` as in the environment, and ``commands``, a list of the
            voltages of each period: in rotor coordinates, or of the three legs.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the commands are malformed.
    """
    commands = _read(instance, solution)
    if commands is None:
        return {"feasible": 0.0}
    control, circle = solution["control"], solution.get("limit") == "circle"
    currents, switched = _simulate(instance, commands, str(control), circle)
    limit, steps = instance.motor.current_limit, instance.steps
    size = np.abs(currents[1:])
    played = len(size)
    tripped = instance.conditions.protection and played > 0 and bool(size[-1] > limit)
    if played != steps and not tripped:
        return {"feasible": 0.0}
    wanted = instance.setpoints[:played] @ np.array([1.0, 1j])
    off = wanted - currents[1:]
    errors = (np.abs(off.real) + np.abs(off.imag)) / (4.0 * limit)
    if tripped:
        errors[-1] = 1.0
    demand = float(np.sum(np.abs(wanted) ** 2))
    carrier = 1e-3 / instance.motor.period
    return {
        "tracking_error": float(errors.sum() + steps - played) / steps,
        "rms_d": float(np.sqrt(np.mean(off.real**2))),
        "rms_q": float(np.sqrt(np.mean(off.imag**2))),
        "overshoot": max(
            _overshoot(wanted.real, currents.real), _overshoot(wanted.imag, currents.imag)
        ),
        "distortion": float(np.sqrt(np.sum(np.abs(off) ** 2) / demand)) if demand else 0.0,
        "violations": float(np.mean(size > limit)),
        "tripped": float(tripped),
        "switching_khz": switched / (6.0 * played) * carrier if control == "finite" else carrier,
        "feasible": float(not (size > limit).any()),
    }


def _read(instance: Drive, solution: Mapping[str, object]) -> Floats | None:
    """Return the commands, (T, 2 or 3); none if the inverter could not carry them out."""
    rows, control = solution.get("commands"), solution.get("control")
    if control not in ("dq", "abc", "finite") or not isinstance(rows, Sequence):
        return None
    try:
        commands = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    width = 2 if control == "dq" else 3
    if commands.ndim != 2 or commands.shape[1] != width or not np.isfinite(commands).all():
        return None
    if not 0 < len(commands) <= instance.steps:
        return None
    half = 0.5 * instance.motor.link_voltage * instance.conditions.voltage_scale
    sizes = np.abs(commands) / half
    if control == "abc" and (sizes > 1.0 + 1e-9).any():
        return None
    if control == "finite" and (np.abs(sizes - 1.0) > 1e-9).any():
        return None
    return commands


def _simulate(
    instance: Drive, commands: Floats, control: str, circle: bool
) -> tuple[NDArray[np.complex128], int]:
    """Return the currents before every period and after the last, and how often a leg switched."""
    motor, conditions, steps = instance.motor, instance.conditions, instance.steps
    link = motor.link_voltage * conditions.voltage_scale
    dead = conditions.dead_time * 1e-6 / motor.period
    lower = np.full(3, -0.5 * link)
    nothing = lower if control == "finite" else np.zeros(commands.shape[1])
    waiting = [nothing] * conditions.delay
    current, angle, legs, switched = 0j, instance.angle, lower, 0
    path = [current]
    steady = conditions.acceleration == 0.0 and conditions.drift == 0.0
    blocks = 1 if steady else -(-steps // _BLOCK)
    for t, command in enumerate(commands):
        if t == 0 or (t % _BLOCK == 0 and t // _BLOCK < blocks):
            machine, speed = _machine(instance, t // _BLOCK, blocks)
        waiting.append(command)
        acting = waiting.pop(0)
        turn = np.exp(1j * angle)
        if control == "dq":
            voltage = _shortened(complex(*acting) * turn, link, circle)
            acting = (voltage * _PHASES.conj()).real
            acting = acting - 0.5 * (acting.max() + acting.min())
        flows = np.sign(np.round((current * turn * _PHASES.conj()).real, 12))
        changes = legs * acting < 0.0
        if control == "finite":
            switched += int(changes.sum())
            legs = acting
            between = np.where(changes, -0.5 * link * flows, acting)
            acting = dead * between + (1.0 - dead) * acting
        elif dead > 0.0:
            acting = np.clip(acting - dead * link * flows, -0.5 * link, 0.5 * link)
        voltage = 2.0 / 3.0 * np.sum(acting * _PHASES) / turn
        after = machine @ [current.real, current.imag, voltage.real, voltage.imag, 1.0]
        current = complex(after[0], after[1])
        path.append(current)
        angle += speed * motor.period
    return np.array(path), switched


def _machine(instance: Drive, block: int, blocks: int) -> tuple[Floats, float]:
    """Return what makes currents, voltages and 1 the next currents, and the electrical speed."""
    motor, conditions = instance.motor, instance.conditions
    warmth = conditions.drift * (block + 0.5) / blocks
    r = motor.resistance * conditions.resistance_scale * (1.0 + warmth)
    psi = motor.flux * conditions.flux_scale * (1.0 - 0.28 * warmth)
    ld = motor.inductance_d * conditions.inductance_scale
    lq = motor.inductance_q * conditions.inductance_scale
    time = (block + 0.5) * _BLOCK * motor.period
    w = motor.pole_pairs * (conditions.speed + conditions.acceleration * time)
    rate = np.zeros((5, 5))
    rate[0] = [-r / ld, w * lq / ld, 1.0 / ld, 0.0, 0.0]
    rate[1] = [-w * ld / lq, -r / lq, 0.0, 1.0 / lq, -w * psi / lq]
    return np.asarray(expm(rate * motor.period)), w


def _shortened(voltage: complex, link: float, circle: bool) -> complex:
    """Return a voltage in stator coordinates that the inverter can give, in the same direction."""
    if voltage == 0.0:
        return voltage
    # The hexagon's sides are at the same distance from its centre, one every 60 degrees.
    side = link / np.sqrt(3.0)
    from_corner = np.angle(voltage) % (np.pi / 3.0)
    room = side if circle else side / np.cos(from_corner - np.pi / 6.0)
    return complex(voltage * min(1.0, room / abs(voltage)))


def _overshoot(wanted: Floats, current: Floats) -> float:
    """Return by how much a current went past its set-point at most."""
    changed = np.concatenate([[True], wanted[1:] != wanted[:-1]])
    latest = np.maximum.accumulate(np.where(changed, np.arange(len(wanted)), 0))
    side = (wanted - current[:-1])[latest]
    off = wanted - current[1:]
    return float(np.abs(off)[off * side < 0.0].max(initial=0.0))
