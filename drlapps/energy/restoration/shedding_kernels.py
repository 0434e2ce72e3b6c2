"""Numba kernels: the AC power flow of a tree with some of its loads, and tangents to its limits.

Let ``y`` say which share of each load is connected, between 0 and 1. In a tree whose loads only
consume, the squared voltages of the AC power flow are **concave** in ``y``, and the squared
currents and the losses convex. For relax Farivar and Low's (2013) branch flow equation
``l = |S|^2 / v`` to ``l >= |S|^2 / v``: what remains is a convex set in ``(y, S, l, v)``. Within
it, lower currents mean lower flows and higher voltages, and thus still lower currents are admitted;
iterating, from any of its points one descends to the power flow's own solution, which therefore has
the highest voltages and lowest currents of all points with this ``y``. And the greatest value of a
linear function over a convex set is concave in its parameter.

Hence a tangent to a limit, wherever it is taken, is a valid linear inequality ``g y <= b`` on the
loads: a cut. The tangent at ``y = 0`` is LinDistFlow (Baran & Wu 1989), which leaves the losses
out; it is valid whatever the sign of the loads, as losses lower voltages. Where something
generates, no other tangent is valid.

References:
    Farivar, M., & Low, S. H. (2013). Branch flow model: Relaxations and convexification.
    IEEE Transactions on Power Systems, 28(3), 2554-2572.
    Baran, M. E., & Wu, F. F. (1989). Network reconfiguration in distribution systems for loss
    reduction and load balancing. IEEE Transactions on Power Delivery, 4(2), 1401-1407.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from drlapps.energy.grid import kernels
from drlapps.energy.grid.feeder import Arrays, Bools, Floats, Ints
from drlapps.energy.restoration.outage import TOLERANCE

Complexes = NDArray[np.complex128]

NOTHING, VOLTAGE, OVERVOLTAGE, CURRENT = range(4)
"""Kinds of limits that are violated."""
EPSILON = 1e-9
"""Difference of load served, as a share of all, that is none."""
SAME_LOSS = 1e-9
"""Difference of losses, per unit, that is none: trees may differ by where nothing flows."""


class Model(NamedTuple):
    """What kernels know of an outage; numbers per unit.

    Attributes:
        a: the feeder.
        root: index of the source.
        p: active loads, (n,).
        q: reactive loads.
        worth: share of the weighted load that each bus has.
        free: loads that can be shed.
        source_voltage: of the source.
        low: lower limit of voltages.
        high: upper limit.
        consumes: whether all loads consume both active and reactive power.
        unit: of which each worth is a multiple; 0 if there is none.
    """

    a: Arrays
    root: int
    p: Floats
    q: Floats
    worth: Floats
    free: Bools
    source_voltage: float
    low: float
    high: float
    consumes: bool
    unit: float


class Tree(NamedTuple):
    """The part of a configuration that is supplied; see :mod:`drlapps.energy.grid.kernels`."""

    supplied: int
    loops: int
    order: Ints
    parent: Ints
    feeding: Ints


@numba.njit(cache=True)
def plant(model: Model, closed: Bools) -> Tree:
    """Search the supplied part of a configuration."""
    n = len(model.p)
    order, parent, feeding = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    a = model.a
    supplied, loops = kernels.trace(
        model.root, a.first, a.neighbour, a.through, closed, order, parent, feeding
    )
    return Tree(supplied, loops, order, parent, feeding)


@numba.njit(cache=True)
def flow(model: Model, tree: Tree, y: Floats, state: Floats) -> tuple[bool, int, int, float]:
    """Solve the AC power flow with a share of each load.

    Args:
        model: of the outage.
        tree: what is supplied.
        y: share of each load, (n,).
        state: receives voltages and currents, real and imaginary, (4, n).

    Returns:
        Whether there is a solution, the kind of limit that it violates most, the bus at which (for
        currents, the bus to which), and the losses per unit.
    """
    a = model.a
    solved, _ = kernels.sweep(
        tree.supplied, tree.order, tree.parent, tree.feeding, a.r, a.x, model.p * y, model.q * y,
        model.source_voltage, kernels.TOLERANCE, state[0], state[1], state[2], state[3],
    )  # fmt: skip
    if not solved:
        return False, NOTHING, -1, np.inf
    worst, kind, where = TOLERANCE, NOTHING, -1
    for k in range(tree.supplied):
        bus = tree.order[k]
        voltage = math.hypot(state[0, bus], state[1, bus])
        if model.low - voltage > worst:
            worst, kind, where = model.low - voltage, VOLTAGE, bus
        if voltage - model.high > worst:
            worst, kind, where = voltage - model.high, OVERVOLTAGE, bus
        if k > 0:
            rating = a.rating[tree.feeding[bus]]
            excess = math.hypot(state[2, bus], state[3, bus]) / rating - 1.0
            if excess > worst:
                worst, kind, where = excess, CURRENT, bus
    lost = kernels.losses(tree.supplied, tree.order, tree.feeding, a.r, state[2], state[3])
    return True, kind, where, lost


@numba.njit(cache=True)
def tangent(
    model: Model, tree: Tree, y: Floats, state: Floats, kind: int, where: int, g: Floats
) -> float:
    """Write the tangent to a limit at a solved power flow into ``g`` and return its ``b``.

    The gradient is that of the implicit function, by the adjoint method. With impedances ``Z``
    between buses, ``V = V0 - Z I`` and ``I = conj(s) / conj(V)``, so ``dI = u + K conj(dV)`` with
    ``u = conj(ds) / conj(V)`` and ``K = -I / conj(V)``. A limited quantity that changes by the real
    product of ``c`` with ``dV`` plus that of ``e`` with ``u`` changes by that of ``e - h`` with
    ``u``, where ``h = Z* (c - K conj(h))``: sweeps as those of the power flow.
    """
    a = model.a
    n = len(y)
    voltage = state[0] + 1j * state[1]
    drawn = (model.p - 1j * model.q) * y
    k = np.zeros(n, np.complex128)
    c = np.zeros(n, np.complex128)
    e = np.zeros(n, np.complex128)
    for i in range(tree.supplied):
        bus = tree.order[i]
        k[bus] = -drawn[bus] / np.conj(voltage[bus]) ** 2
    if kind == VOLTAGE:
        # -|V|^2 <= -low^2
        c[where] = -2.0 * voltage[where]
        value = -(abs(voltage[where]) ** 2)
        most = -((model.low - TOLERANCE) ** 2)
    else:
        # |J|^2 <= rating^2, with J the sum of what is drawn beyond
        current = complex(state[2, where], state[3, where])
        e[where] = 2.0 * current
        for i in range(1, tree.supplied):
            bus = tree.order[i]
            if e[tree.parent[bus]] != 0 and bus != where:
                e[bus] = 2.0 * current
            c[bus] = k[bus] * np.conj(e[bus])
        value = abs(current) ** 2
        most = (a.rating[tree.feeding[where]] * (1.0 + TOLERANCE)) ** 2
    h = _adjoint(model, tree, k, c)
    b = most - value
    scale = 0.0
    for i in range(n):
        g[i] = 0.0
    for i in range(tree.supplied):
        bus = tree.order[i]
        slope = (e[bus] - h[bus]) / voltage[bus]
        g[bus] = model.p[bus] * slope.real - model.q[bus] * slope.imag
        b += g[bus] * y[bus]
        scale = max(scale, abs(g[bus]))
    for i in range(n):
        g[i] /= scale
    return float(b / scale)


@numba.njit(cache=True)
def _adjoint(model: Model, tree: Tree, k: Complexes, c: Complexes) -> Complexes:
    """Return the solution of ``h = Z* (c - k conj(h))``."""
    a = model.a
    h = np.zeros(len(k), np.complex128)
    below = np.empty(len(k), np.complex128)
    for _ in range(kernels.MOST_SWEEPS):
        for i in range(tree.supplied):
            bus = tree.order[i]
            below[bus] = c[bus] - k[bus] * np.conj(h[bus])
        for i in range(tree.supplied - 1, 0, -1):
            bus = tree.order[i]
            below[tree.parent[bus]] += below[bus]
        change = 0.0
        for i in range(1, tree.supplied):
            bus = tree.order[i]
            line = tree.feeding[bus]
            new = h[tree.parent[bus]] + complex(a.r[line], -a.x[line]) * below[bus]
            change = max(change, abs(new - h[bus]))
            h[bus] = new
        if change < TOLERANCE:
            break
    return h


@numba.njit(cache=True)
def floored(model: Model, bound: float) -> float:
    """Return the greatest load that can be served under a bound, given the unit of worth."""
    if model.unit == 0.0:
        return bound
    return math.floor(bound / model.unit + 1e-6) * model.unit
