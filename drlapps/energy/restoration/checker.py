"""An independent check of a restoration, from nothing but its switching operations.

This module shares no code with the environment and its power flow: it replays the operations on
sets of names, searches the graph in plain Python, and solves the AC power flow in kV, MVA and ohm
by Newton's method on the matrix of path impedances.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.grid.feeder import Feeder
from drlapps.energy.restoration.outage import Outage

Complexes = NDArray[np.complex128]

TOLERANCE = 1e-9
"""Excess over a limit that counts as none."""

_SETTLED, _MOST_ITERATIONS = 1e-11, 100
"""Where the fixed-point iteration does not settle within these, voltages count as collapsed."""


def check(instance: Outage, solution: Mapping[str, object]) -> dict[str, float]:
    """Recompute the metrics of a restoration.

    Args:
        instance: the outage.
        solution: ``operations``, a list of ``[kind, name]`` with the kinds ``close``, ``open`` and
            ``shed``; beside them, where it tells, ``load_served``, ``open_lines``, ``shed`` and
            ``voltage`` as the environment does.

    Returns:
        Every metric of the environment; ``feasible`` alone, 0, if the operations break a rule or
        do not lead to what the solution tells.
    """
    if violations(instance, solution):
        return {"feasible": 0.0}
    *_, last = _replay(instance, _operations(solution))
    outcome = _outcome(instance, last)
    start = _start(instance)
    feeder = instance.feeder
    shed = [b.p_kw * instance.loading for b in feeder.buses if b.name in last.shed]
    return {
        "load_served": outcome.load_served,
        "voltage_violation": outcome.excess if outcome.excess > TOLERANCE else 0.0,
        "overload": outcome.overload if outcome.overload > TOLERANCE else 0.0,
        "switch_operations": float(len(last.closed ^ start)),
        "shed_kw": math.fsum(shed),
        "loss_kw": outcome.loss_kw,
        "min_voltage": min(outcome.voltage.values()),
        "feasible": float(max(outcome.excess, outcome.overload) <= TOLERANCE),
    }


def violations(instance: Outage, solution: Mapping[str, object]) -> list[str]:
    """Return a sentence for each rule that a restoration breaks; none if it keeps them all.

    The rules: every operation names a switch that is not faulted, can be switched, has not been
    operated before and is in the other position, or a load with a breaker that is still
    connected; a loop is opened by the operation next to the one that closed it; there are no more
    operations than allowed; and what the solution tells of their outcome is true.
    """
    operations = _operations(solution)
    if operations is None:
        return ["the solution has no list of [kind, name] pairs under 'operations'"]
    found = []
    limit = instance.max_operations
    if limit is not None and len(operations) > limit:
        found.append(f"there are {len(operations)} operations, and {limit} allowed")
    found += _inadmissible(instance, operations)
    return found or _false_statements(instance, solution, operations)


class _Positions(NamedTuple):
    """Names of the closed branches, and of the loads that are disconnected."""

    closed: frozenset[str]
    shed: frozenset[str] = frozenset()


class _Outcome(NamedTuple):
    """What positions lead to.

    Attributes:
        voltage: of each energised bus, per unit, by its name.
        load_served: share of the weighted load.
        excess: greatest over a voltage limit, per unit.
        overload: greatest over a rating, as a share of it.
        loss_kw: in all branches.
    """

    voltage: dict[str, float]
    load_served: float
    excess: float
    overload: float
    loss_kw: float


def _operations(solution: Mapping[str, object]) -> list[tuple[str, str]] | None:
    """Return the operations, or nothing if they are no list of pairs of words."""
    listed = solution.get("operations")
    if not isinstance(listed, list | tuple):
        return None
    pairs = [tuple(pair) if isinstance(pair, list | tuple) else () for pair in listed]
    if not all(len(pair) == 2 and all(isinstance(word, str) for word in pair) for pair in pairs):
        return None
    return pairs


def _start(instance: Outage) -> frozenset[str]:
    """Return the branches that are closed once protection has opened the faulted ones."""
    branches = enumerate(instance.feeder.branches)
    return frozenset(b.name for k, b in branches if b.closed and k not in instance.faults)


def _replay(instance: Outage, operations: Sequence[tuple[str, str]] | None) -> Iterator[_Positions]:
    """Yield the positions at the start and after each operation."""
    closed, shed = _start(instance), frozenset[str]()
    yield _Positions(closed, shed)
    for kind, name in operations or ():
        if kind == "shed":
            shed |= {name}
        else:
            closed = closed | {name} if kind == "close" else closed - {name}
        yield _Positions(closed, shed)


def _inadmissible(instance: Outage, operations: Sequence[tuple[str, str]]) -> list[str]:
    """Return what is wrong with single operations, or with their order."""
    feeder = instance.feeder
    faulted = {feeder.branches[k].name for k in instance.faults}
    switches = {b.name for b in feeder.branches if b.switchable} - faulted
    breakers = {b.name for b in feeder.buses if b.sheddable and (b.p_kw or b.q_kvar)}
    found: list[str] = []
    operated: set[tuple[bool, str]] = set()
    before = _Positions(_start(instance))
    for step, ((kind, name), after) in enumerate(
        zip(operations, list(_replay(instance, operations))[1:], strict=True), 1
    ):
        where = f"operation {step} ({kind} {name})"
        if kind not in ("close", "open", "shed"):
            found.append(f"{where} is neither close, open nor shed")
        elif kind == "shed" and name not in breakers:
            found.append(f"{where} has no load with a breaker")
        elif kind != "shed" and name not in switches:
            found.append(f"{where} names a branch that is faulted, has no switch, or is unknown")
        elif (kind == "shed", name) in operated:
            found.append(f"{where} is the second one there")
        elif kind != "shed" and (name in before.closed) == (kind == "close"):
            found.append(f"{where} finds the switch in that position")
        elif _loops(feeder, before.closed) and _loops(feeder, after.closed):
            found.append(f"{where} leaves a loop closed that the one before it made")
        operated.add((kind == "shed", name))
        before = after
    if not found and _loops(feeder, before.closed):
        found.append("a loop is closed at the end")
    return found


def _false_statements(
    instance: Outage, solution: Mapping[str, object], operations: Sequence[tuple[str, str]]
) -> list[str]:
    """Return what the solution says of its outcome that is not so."""
    feeder = instance.feeder
    states = list(_replay(instance, operations))
    served: list[float] = []
    for state in states:
        # With a loop closed for a moment, nothing is switched off: as much is served as before.
        looped = bool(_loops(feeder, state.closed))
        served.append(served[-1] if looped else _outcome(instance, state).load_served)
    voltage = _outcome(instance, states[-1]).voltage
    names = [branch.name for branch in feeder.branches]
    truth: dict[str, list[str] | list[float]] = {
        "open_lines": [name for name in names if name not in states[-1].closed],
        "shed": [bus.name for bus in feeder.buses if bus.name in states[-1].shed],
        "load_served": served,
        "voltage": [voltage.get(bus.name, 0.0) for bus in feeder.buses],
    }
    return [
        f"{name} is {solution[name]}, but the operations lead to {values}"
        for name, values in truth.items()
        if name in solution and not _agree(solution[name], values)
    ]


def _agree(said: object, truth: Sequence[str] | Sequence[float]) -> bool:
    if not isinstance(said, list | tuple) or len(said) != len(truth):
        return False
    return all(
        abs(a - b) <= TOLERANCE if isinstance(a, float) and isinstance(b, float) else a == b
        for a, b in zip(said, truth, strict=True)
    )


def _ways(feeder: Feeder, closed: frozenset[str], start: str) -> dict[str, tuple[int, ...]]:
    """Return the branches on a way from one bus to each that it reaches."""
    ways: dict[str, tuple[int, ...]] = {start: ()}
    fresh = [start]
    while fresh:
        bus = fresh.pop()
        for index, branch in enumerate(feeder.branches):
            if branch.name in closed and bus in (branch.from_bus, branch.to_bus):
                other = branch.to_bus if bus == branch.from_bus else branch.from_bus
                if other not in ways:
                    ways[other] = (*ways[bus], index)
                    fresh.append(other)
    return ways


def _loops(feeder: Feeder, closed: frozenset[str]) -> int:
    """Return the number of independent loops, in the light and in the dark."""
    parts, seen = 0, set[str]()
    for bus in feeder.buses:
        if bus.name not in seen:
            parts += 1
            seen |= _ways(feeder, closed, bus.name).keys()
    return len(closed) - len(feeder.buses) + parts


def _outcome(instance: Outage, positions: _Positions) -> _Outcome:
    """Return what radial positions lead to; a collapse counts as all voltages zero."""
    feeder = instance.feeder
    ways = _ways(feeder, positions.closed, feeder.source)
    buses = {bus.name: bus for bus in feeder.buses}
    loads = np.array(
        [
            0j if name in positions.shed else complex(buses[name].p_kw, buses[name].q_kvar)
            for name in ways
        ]
    )
    mva = (loads * instance.loading / 1000.0).astype(np.complex128)
    along = np.zeros((len(feeder.branches), len(ways)))
    for column, way in enumerate(ways.values()):
        along[list(way), column] = 1.0
    ohm = np.array([complex(branch.r_ohm, branch.x_ohm) for branch in feeder.branches])
    shared = (along.T @ (ohm[:, None] * along)).astype(np.complex128)
    kv = _voltages(shared, mva, feeder.kv * feeder.source_voltage)
    if kv is None:
        zero = dict.fromkeys(ways, 0.0)
        return _Outcome(zero, 0.0, instance.min_voltage, 0.0, float(mva.real.sum()) * 1000.0)
    kiloampere = np.abs(along @ np.conj(mva / kv)) / math.sqrt(3.0)
    voltage = dict(zip(ways, (np.abs(kv) / feeder.kv).tolist(), strict=True))
    excess = {
        name: max(instance.min_voltage - value, value - instance.max_voltage)
        for name, value in voltage.items()
    }
    weighted = {name: bus.weight * bus.p_kw for name, bus in buses.items()}
    ratings = [branch.rating_a for branch in feeder.branches]
    overload = 1000.0 * kiloampere / ratings - 1.0
    served = [
        weighted[name]
        for name, way in ways.items()
        if name not in positions.shed
        and excess[name] <= TOLERANCE
        and all(overload[k] <= TOLERANCE for k in way)
    ]
    return _Outcome(
        voltage=voltage,
        load_served=math.fsum(served) / (math.fsum(weighted.values()) or 1.0),
        excess=max(*excess.values(), 0.0),
        overload=max(float(overload.max()), 0.0),
        loss_kw=float(3.0 * (ohm.real * kiloampere**2).sum()) * 1000.0,
    )


def _voltages(impedance: Complexes, mva: Complexes, source_kv: float) -> Complexes | None:
    """Solve ``V = V0 - Z conj(S / V)`` for the voltages in kV; none if they collapse.

    Fixed-point iteration tells whether they do, and Newton's method polishes what it finds.
    """
    kv: Complexes = np.full(len(mva), complex(source_kv))
    with np.errstate(all="ignore"):
        for _ in range(_MOST_ITERATIONS):
            before, kv = kv, source_kv - impedance @ np.conj(mva / kv)
            if np.abs(kv - before).max() <= _SETTLED * source_kv:
                break
        else:
            return None
    unit = np.eye(len(mva))
    for _ in range(2):
        residual = kv - source_kv + impedance @ np.conj(mva / kv)
        slope = impedance * np.conj(mva / kv**2)
        jacobian = np.block([[unit - slope.real, -slope.imag], [-slope.imag, unit + slope.real]])
        step = np.linalg.solve(jacobian, np.concatenate([residual.real, residual.imag]))
        kv = kv - (step[: len(kv)] + 1j * step[len(kv) :])
    return kv
