"""Numba kernels: which buses a configuration supplies, and its AC power flow.

Arguments that several functions share, for a feeder of ``n`` buses and ``e`` branches
(see :class:`~drlapps.energy.grid.feeder.Arrays`): ``first``, ``neighbour``, ``through`` are the
graph in compressed rows; ``closed`` (e,) says which branches conduct; ``order`` (n,) receives the
supplied buses, the source first, every bus after the one that feeds it; ``parent`` (n,) the bus
that feeds each and ``feeding`` (n,) the branch through which it does, -1 for the source and for
buses in the dark.
"""

from __future__ import annotations

import numba

from drlapps.energy.grid.feeder import Bools, Floats, Ints

TOLERANCE = 1e-11
"""At which the sweeps of a power flow that counts stop, per unit."""
MOST_SWEEPS = 100


@numba.njit(cache=True, inline="always")
def trace(
    root: int,
    first: Ints,
    neighbour: Ints,
    through: Ints,
    closed: Bools,
    order: Ints,
    parent: Ints,
    feeding: Ints,
) -> tuple[int, int]:
    """Search the graph from the source, breadth first.

    Returns:
        The number of supplied buses, and of independent loops among them.
    """
    for i in range(parent.shape[0]):
        parent[i] = -2
        feeding[i] = -1
    parent[root] = -1
    order[0] = root
    supplied = 1
    ends = 0
    at = 0
    while at < supplied:
        bus = order[at]
        at += 1
        for k in range(first[bus], first[bus + 1]):
            if closed[through[k]]:
                ends += 1
                other = neighbour[k]
                if parent[other] == -2:
                    parent[other] = bus
                    feeding[other] = through[k]
                    order[supplied] = other
                    supplied += 1
    for i in range(parent.shape[0]):
        if parent[i] == -2:
            parent[i] = -1
    return supplied, ends // 2 - (supplied - 1)


@numba.njit(cache=True, inline="always")
def sweep(
    supplied: int,
    order: Ints,
    parent: Ints,
    feeding: Ints,
    r: Floats,
    x: Floats,
    p: Floats,
    q: Floats,
    source_voltage: float,
    tolerance: float,
    real: Floats,
    imaginary: Floats,
    current_real: Floats,
    current_imaginary: Floats,
) -> tuple[bool, int]:
    """Solve the AC power flow of a tree by backward and forward sweeps of currents and voltages.

    Shirmohammadi et al. (1988). Loads draw ``p + j q`` whatever the voltage.

    Args:
        supplied: number of supplied buses.
        order: see the module.
        parent: see the module.
        feeding: see the module.
        r: resistance of each branch, per unit.
        x: reactance.
        p: active load of each bus, per unit.
        q: reactive load.
        source_voltage: per unit.
        tolerance: greatest change of a voltage, per unit, at which the sweeps stop.
        real: receives the voltages (n,), 0 in the dark.
        imaginary: the same.
        current_real: receives the current that flows into each bus from its parent (n,).
        current_imaginary: the same.

    Returns:
        Whether the sweeps converged, and their number.
    """
    for i in range(real.shape[0]):
        real[i] = 0.0
        imaginary[i] = 0.0
        current_real[i] = 0.0
        current_imaginary[i] = 0.0
    for k in range(supplied):
        real[order[k]] = source_voltage
    for count in range(1, MOST_SWEEPS + 1):
        for k in range(supplied):
            bus = order[k]
            a, b = real[bus], imaginary[bus]
            square = a * a + b * b
            if not square > 0.0:
                return False, count
            current_real[bus] = (p[bus] * a + q[bus] * b) / square
            current_imaginary[bus] = (p[bus] * b - q[bus] * a) / square
        for k in range(supplied - 1, 0, -1):
            bus = order[k]
            up = parent[bus]
            current_real[up] += current_real[bus]
            current_imaginary[up] += current_imaginary[bus]
        change = 0.0
        for k in range(1, supplied):
            bus = order[k]
            up, line = parent[bus], feeding[bus]
            a = real[up] - r[line] * current_real[bus] + x[line] * current_imaginary[bus]
            b = imaginary[up] - r[line] * current_imaginary[bus] - x[line] * current_real[bus]
            change = max(change, abs(a - real[bus]), abs(b - imaginary[bus]))
            real[bus] = a
            imaginary[bus] = b
        # Written so that a NaN is no convergence.
        if change <= tolerance:
            return True, count
        if not change < 1e3:
            return False, count
    return False, MOST_SWEEPS


@numba.njit(cache=True, inline="always")
def losses(
    supplied: int,
    order: Ints,
    feeding: Ints,
    r: Floats,
    current_real: Floats,
    current_imaginary: Floats,
) -> float:
    """Return the active power lost in the branches, per unit."""
    lost = 0.0
    for k in range(1, supplied):
        bus = order[k]
        square = current_real[bus] ** 2 + current_imaginary[bus] ** 2
        lost += r[feeding[bus]] * square
    return lost
