"""AC power flow of radial configurations, one or many at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.energy.grid import kernels
from drlapps.energy.grid.feeder import BASE_KVA, Arrays, Bools, Feeder, Floats, Ints

Complexes = NDArray[np.complex128]


@dataclass(frozen=True)
class PowerFlow:
    """What a configuration supplies, and how.

    Where ``loops`` is not 0 or ``converged`` is false there are no voltages: they, the currents
    and the losses are NaN.

    Attributes:
        energised: buses connected with the source, (n,).
        islands: number of connected parts without the source.
        loops: independent loops among what is energised.
        converged: whether the sweeps did. They diverge where the load exceeds what the lines can
            carry.
        sweeps: their number.
        voltage: per unit, complex (n,); 0 in the dark.
        current_a: in each branch, complex, from its ``from_bus`` to its ``to_bus``, in A (e,).
        loss_kw: active power lost in branches.
    """

    energised: Bools
    islands: int
    loops: int
    converged: bool
    sweeps: int
    voltage: Complexes
    current_a: Complexes
    loss_kw: float

    @property
    def min_voltage(self) -> float:
        """The lowest voltage of an energised bus, per unit."""
        return float(np.abs(self.voltage[self.energised]).min())


def power_flow(
    feeder: Feeder,
    closed: Bools | None = None,
    p_kw: Floats | None = None,
    q_kvar: Floats | None = None,
) -> PowerFlow:
    """Solve one configuration.

    Args:
        feeder: whose lines and loads.
        closed: which branches conduct (e,); the normal positions by default.
        p_kw: active load of each bus (n,), the feeder's own by default; negative for generation.
        q_kvar: reactive load likewise.

    Raises:
        ValueError: an argument is of another size.
    """
    a = feeder.arrays
    closed = _sized("closed", a.closed if closed is None else np.asarray(closed, bool), a.tail)
    p = a.p if p_kw is None else _sized("p_kw", np.asarray(p_kw, float), a.p) / BASE_KVA
    q = a.q if q_kvar is None else _sized("q_kvar", np.asarray(q_kvar, float), a.p) / BASE_KVA
    sweeper = Sweeper(feeder)
    sweeper.solve(closed, p, q)
    real, imaginary, current_real, current_imaginary = sweeper.work
    fed = sweeper.order[1 : sweeper.supplied]
    lines = sweeper.feeding[fed]
    energised = np.zeros(len(a.p), np.bool_)
    energised[sweeper.order[: sweeper.supplied]] = True
    # Currents are kept by the bus they flow into; a branch may have been declared the other way.
    current = np.zeros(len(a.tail), np.complex128)
    current[lines] = np.where(a.head[lines] == fed, 1.0, -1.0) * (
        current_real[fed] + 1j * current_imaginary[fed]
    )
    return PowerFlow(
        energised=energised,
        islands=_islands(a, closed, energised),
        loops=sweeper.loops,
        converged=sweeper.converged,
        sweeps=sweeper.sweeps,
        voltage=real + 1j * imaginary,
        current_a=current * (BASE_KVA / (math.sqrt(3.0) * feeder.kv)),
        loss_kw=sweeper.loss_kw,
    )


class Sweeper:
    """Solves one configuration after another of a feeder, as fast as single calls can be.

    Unlike :func:`power_flow` it checks no sizes, and its arrays are filled anew by each solution.

    Args:
        feeder: whose lines and loads.

    Attributes:
        supplied: number of energised buses: the first ones of ``order``.
        loops: independent loops among what is energised.
        converged: whether there is a solution; if not, all energised have the voltage NaN.
        sweeps: their number.
        loss_kw: active power lost in branches; NaN without a solution.
        min_voltage: the lowest of an energised bus, per unit; NaN without a solution.
        voltage: magnitudes per unit (n,); 0 in the dark.
        order: the energised buses, from the source downwards (n,).
        parent: the bus that feeds each one, -1 in the dark and at the source (n,).
        feeding: the branch that does (n,).
        work: rows of real and imaginary voltages and of the currents into the buses (4, n).
    """

    def __init__(self, feeder: Feeder) -> None:
        self._arrays, self._root, self._source = feeder.arrays, feeder.root, feeder.source_voltage
        n = len(feeder.buses)
        self.order, self.parent, self.feeding = np.empty((3, n), np.int64)
        self.work, self.voltage = np.empty((4, n)), np.empty(n)
        self.supplied, self.loops, self.converged, self.sweeps = 0, 0, False, 0
        self.loss_kw = self.min_voltage = math.nan

    def solve(self, closed: Bools, p: Floats | None = None, q: Floats | None = None) -> bool:
        """Solve a configuration and return whether there is a solution.

        Args:
            closed: which branches conduct, (e,).
            p: active load of each bus per unit (n,), the feeder's own by default.
            q: reactive load likewise.
        """
        a = self._arrays
        self.supplied, self.loops, self.converged, self.sweeps, loss, self.min_voltage = _solve(
            a, self._root, closed, a.p if p is None else p, a.q if q is None else q, self._source,
            self.order, self.parent, self.feeding, self.work, self.voltage,
        )  # fmt: skip
        self.loss_kw = loss * BASE_KVA
        return self.converged


@dataclass(frozen=True)
class PowerFlows:
    """What :class:`PowerFlow` says of each of ``b`` configurations, in short.

    Attributes:
        energised: (b, n).
        loops: (b,).
        converged: (b,).
        voltage: magnitude per unit (b, n); 0 in the dark, NaN without a solution.
        loss_kw: (b,); NaN without a solution.
    """

    energised: Bools
    loops: Ints
    converged: Bools
    voltage: Floats
    loss_kw: Floats


def power_flows(
    feeder: Feeder,
    closed: Bools,
    p_kw: Floats | None = None,
    q_kvar: Floats | None = None,
) -> PowerFlows:
    """Solve many configurations or loads of one feeder.

    Args:
        feeder: whose lines and loads.
        closed: which branches conduct, (b, e).
        p_kw: active loads, (b, n) or (n,); the feeder's own by default.
        q_kvar: reactive loads likewise.

    Raises:
        ValueError: an argument is of another size.
    """
    a = feeder.arrays
    closed = np.ascontiguousarray(closed, np.bool_)
    if closed.ndim != 2 or closed.shape[1] != len(a.tail):
        raise ValueError(f"closed has shape {closed.shape}, not (b, {len(a.tail)})")
    shape = (len(closed), len(a.p))
    p = np.broadcast_to(a.p if p_kw is None else np.asarray(p_kw, float) / BASE_KVA, shape)
    q = np.broadcast_to(a.q if q_kvar is None else np.asarray(q_kvar, float) / BASE_KVA, shape)
    energised, voltage = np.empty(shape, np.bool_), np.empty(shape)
    loops, converged = np.empty(shape[0], np.int64), np.empty(shape[0], np.bool_)
    loss = np.empty(shape[0])
    _solve_all(
        a, feeder.root, closed, p, q, feeder.source_voltage, energised, loops, converged, voltage,
        loss,
    )  # fmt: skip
    return PowerFlows(energised, loops, converged, voltage, loss * BASE_KVA)


def _sized(name: str, given: NDArray, like: NDArray) -> NDArray:  # type: ignore[type-arg]
    if given.shape != like.shape:
        raise ValueError(f"{name} has shape {given.shape}, not {like.shape}")
    return given


@numba.njit(cache=True)
def _islands(a: Arrays, closed: Bools, energised: Bools) -> int:
    """Return the number of connected parts in the dark."""
    seen, waiting = energised.copy(), np.empty(energised.shape[0], np.int64)
    islands = 0
    for start in range(seen.shape[0]):
        if seen[start]:
            continue
        islands += 1
        seen[start] = True
        waiting[0], left = start, 1
        while left > 0:
            left -= 1
            bus = waiting[left]
            for k in range(a.first[bus], a.first[bus + 1]):
                other = a.neighbour[k]
                if closed[a.through[k]] and not seen[other]:
                    seen[other] = True
                    waiting[left] = other
                    left += 1
    return islands


@numba.njit(cache=True)
def _solve(
    a: Arrays,
    root: int,
    closed: Bools,
    p: Floats,
    q: Floats,
    source_voltage: float,
    order: Ints,
    parent: Ints,
    feeding: Ints,
    work: Floats,
    voltage: Floats,
) -> tuple[int, int, bool, int, float, float]:
    """Return supplied buses, loops, convergence, sweeps, losses and the lowest voltage."""
    supplied, loops = kernels.trace(
        root, a.first, a.neighbour, a.through, closed, order, parent, feeding
    )
    converged, count = False, 0
    if loops == 0:
        converged, count = kernels.sweep(
            supplied, order, parent, feeding, a.r, a.x, p, q, source_voltage, kernels.TOLERANCE,
            work[0], work[1], work[2], work[3],
        )  # fmt: skip
    voltage[:] = 0.0
    if not converged:
        work[:] = 0.0
        for k in range(supplied):
            voltage[order[k]] = math.nan
            work[:, order[k]] = math.nan
        return supplied, loops, False, count, math.nan, math.nan
    lowest = math.inf
    for k in range(supplied):
        bus = order[k]
        voltage[bus] = math.sqrt(work[0, bus] ** 2 + work[1, bus] ** 2)
        lowest = min(lowest, voltage[bus])
    loss = kernels.losses(supplied, order, feeding, a.r, work[2], work[3])
    return supplied, loops, True, count, loss, lowest


@numba.njit(cache=True)
def _solve_all(
    a: Arrays,
    root: int,
    closed: Bools,
    p: Floats,
    q: Floats,
    source_voltage: float,
    energised: Bools,
    loops: Ints,
    converged: Bools,
    voltage: Floats,
    loss: Floats,
) -> None:
    n = p.shape[1]
    order, parent, feeding = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    real, imaginary = np.empty(n), np.empty(n)
    current_real, current_imaginary = np.empty(n), np.empty(n)
    for b in range(closed.shape[0]):
        supplied, loops[b] = kernels.trace(
            root, a.first, a.neighbour, a.through, closed[b], order, parent, feeding
        )
        energised[b] = False
        voltage[b] = 0.0
        converged[b] = False
        for k in range(supplied):
            energised[b, order[k]] = True
            voltage[b, order[k]] = np.nan
        loss[b] = np.nan
        if loops[b] > 0:
            continue
        converged[b], _ = kernels.sweep(
            supplied, order, parent, feeding, a.r, a.x, p[b], q[b], source_voltage,
            kernels.TOLERANCE, real, imaginary, current_real, current_imaginary,
        )  # fmt: skip
        if converged[b]:
            for k in range(supplied):
                bus = order[k]
                voltage[b, bus] = math.sqrt(real[bus] ** 2 + imaginary[bus] ** 2)
            loss[b] = kernels.losses(supplied, order, feeding, a.r, current_real, current_imaginary)
