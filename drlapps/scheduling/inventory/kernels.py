"""The dynamics of all inventory tasks as Numba kernels over a batch.

All that is random lies in the demand that the rows were loaded with. Quantities are floats even
where they are whole units, which floats hold exactly. The independent recomputation that must agree
is :mod:`.checker`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.scheduling.inventory.rationing import (
    BALANCED,
    EPSILON,
    patient_customers,
    ration,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]

COST, HOLDING, SHORTAGE, ORDERING, DEMAND, SERVED = range(6)
"""Columns of the totals."""


class Parts(NamedTuple):
    """The networks of the rows, padded to the largest; arcs are sorted by supplier."""

    nodes: IntArray
    """(B,) number of nodes; those of arcs, and flags, likewise."""
    arcs: IntArray
    integer: BoolArray
    backlog: BoolArray
    late: BoolArray
    allocation: IntArray
    discount: FloatArray
    holding: FloatArray
    """(B, N), as all of a node."""
    storage: FloatArray
    penalty: FloatArray
    lost: BoolArray
    price: FloatArray
    waiting: FloatArray
    special: FloatArray
    assembles: BoolArray
    source: IntArray
    """Supplier of the node's special deliveries; -1 where there are none."""
    first: IntArray
    """(B, N + 1) first arc that the node supplies; arcs before ``first[:, 0]`` are from outside."""
    head: IntArray
    """(B, A), as all of an arc: the node it supplies."""
    lead: IntArray
    delay: IntArray
    unit_cost: FloatArray
    fixed: FloatArray
    capacity: FloatArray
    transit: FloatArray
    """Holding cost under way."""
    unfilled: FloatArray
    """Penalty on what the supplier could not ship."""
    quantity: FloatArray


class State(NamedTuple):
    """The state of a batch: live arrays that the kernel changes."""

    period: IntArray
    """(B,)."""
    on_hand: FloatArray
    """(B, N), as the backorders."""
    backorder: FloatArray
    component: FloatArray
    """(B, A) arrived and waiting to be assembled."""
    pipeline: FloatArray
    """(B, A, P) under way; slot 0 is received next."""
    mail: FloatArray
    """(B, A, I) orders under way to the supplier; slot 0 reaches it next."""
    owed: FloatArray
    """(B, A) asked of the supplier, and not shipped yet."""
    discounting: FloatArray
    """(B,) what a cost of this period counts."""
    totals: FloatArray
    """(B, 6) sums over the counted periods, columns as named above."""


class Outcome(NamedTuple):
    """What happened in one period."""

    cost: FloatArray
    """(B,)."""
    shipped: FloatArray
    """(B, A)."""
    on_hand: FloatArray
    """(B, N) at the end of the period, before the next receipts; the backorders likewise."""
    backorder: FloatArray
    sold: FloatArray
    """(B, N) units handed to customers, special deliveries among them."""


@njit(cache=True, error_model="numpy")
def admit(parts: Parts, state: State, orders: FloatArray) -> None:
    """Round orders to whole units where units are whole, and cut them to the room in storage."""
    room = np.zeros(parts.storage.shape[1])
    for row in range(orders.shape[0]):
        whole = parts.integer[row]
        for node in range(parts.nodes[row]):
            room[node] = parts.storage[row, node] - state.on_hand[row, node]
        for arc in range(parts.arcs[row]):
            if room[parts.head[row, arc]] < np.inf:
                room[parts.head[row, arc]] -= _under_way(
                    state.pipeline, state.component, state.mail, state.owed, row, arc
                )
        for arc in range(parts.arcs[row]):
            most = room[parts.head[row, arc]]
            order = np.rint(orders[row, arc]) if whole else orders[row, arc]
            if order > most:
                order = math.floor(most + EPSILON) if whole else most
            orders[row, arc] = max(order, 0.0)
            room[parts.head[row, arc]] -= orders[row, arc]


@njit(cache=True, error_model="numpy", inline="always")
def _under_way(
    pipeline: FloatArray,
    component: FloatArray,
    mail: FloatArray,
    owed: FloatArray,
    row: int,
    arc: int,
) -> float:
    """Return all that is ordered on an arc and not in stock yet."""
    total: float = component[row, arc] + owed[row, arc]
    for slot in range(pipeline.shape[2]):
        total += pipeline[row, arc, slot]
    for slot in range(mail.shape[2]):
        total += mail[row, arc, slot]
    return total


@njit(cache=True, error_model="numpy")
def positions(parts: Parts, state: State, row: int, found: FloatArray) -> None:
    """Write the installation inventory position of a row's nodes into ``found``, shape (N,)."""
    for node in range(parts.nodes[row]):
        owes = 0.0
        for arc in range(parts.first[row, node], parts.first[row, node + 1]):
            owes += state.owed[row, arc]
        found[node] = state.on_hand[row, node] - state.backorder[row, node] - owes
    for arc in range(parts.arcs[row]):
        if not parts.assembles[row, parts.head[row, arc]]:
            found[parts.head[row, arc]] += _under_way(
                state.pipeline, state.component, state.mail, state.owed, row, arc
            )
    for node in range(parts.nodes[row]):
        if parts.assembles[row, node]:
            # What is under way makes as many units as its scarcest component allows.
            units = np.inf
            for arc in range(parts.arcs[row]):
                if parts.head[row, arc] == node:
                    coming = _under_way(
                        state.pipeline, state.component, state.mail, state.owed, row, arc
                    )
                    units = min(units, coming / parts.quantity[row, arc])
            found[node] += units


@njit(cache=True, error_model="numpy")
def all_positions(parts: Parts, state: State, found: FloatArray) -> None:
    """Write the installation inventory positions of all rows into ``found``, shape (B, N)."""
    for row in range(found.shape[0]):
        positions(parts, state, row, found[row])


@njit(cache=True, error_model="numpy")
def add_downstream(parts: Parts, mail: FloatArray, found: FloatArray) -> None:
    """Turn installation positions, (B, N), into echelon positions.

    A node gets those of the nodes it supplies added, per unit of its own product. Orders that have
    not reached it yet are only asked for: they are in its customer's position, not in the echelon.
    """
    for row in range(found.shape[0]):
        for node in range(parts.nodes[row] - 1, -1, -1):
            for arc in range(parts.first[row, node], parts.first[row, node + 1]):
                found[row, node] += parts.quantity[row, arc] * found[row, parts.head[row, arc]]
                for slot in range(mail.shape[2]):
                    found[row, node] -= mail[row, arc, slot]


@njit(cache=True, error_model="numpy")
def advance(
    parts: Parts,
    state: State,
    orders: FloatArray,
    demand: FloatArray,
    patience: FloatArray,
    warm_up: IntArray,
    active: BoolArray,
    outcome: Outcome,
) -> None:
    """Move the active rows by one period.

    Args:
        parts: the networks.
        state: where they are; changed.
        orders: admitted ones, shape (B, A).
        demand: shape (B, T, N).
        patience: uniform numbers, shape (B, T, N), or of no periods where nobody needs them.
        warm_up: periods at the start whose costs do not count, shape (B,).
        active: rows to move.
        outcome: what happened; written.
    """
    request = np.zeros(orders.shape[1])
    standing = np.zeros(state.on_hand.shape[1])
    for row in range(orders.shape[0]):
        if not active[row]:
            continue
        period = state.period[row]
        arcs, nodes, late = parts.arcs[row], parts.nodes[row], parts.late[row]
        holding = shortage = ordering = revenue = wanted = served = 0.0
        if parts.allocation[row] == BALANCED:
            positions(parts, state, row, standing)

        for arc in range(arcs):
            order = orders[row, arc]
            if order > 0.0:
                ordering += parts.fixed[row, arc]
            delay = parts.delay[row, arc]
            if delay > 0:
                due = state.mail[row, arc, 0]
                for slot in range(delay - 1):
                    state.mail[row, arc, slot] = state.mail[row, arc, slot + 1]
                state.mail[row, arc, delay - 1] = order
                order = due
            # What is due stays owed until it is shipped, below.
            state.owed[row, arc] += order
            request[arc] = min(state.owed[row, arc], parts.capacity[row, arc])

        for supplier in range(-1, nodes):
            begin, end = 0, parts.first[row, supplier + 1]
            if supplier >= 0:
                begin = parts.first[row, supplier]
                # What came with lead time 0 can be shipped on.
                if parts.assembles[row, supplier] and not late:
                    _assemble(parts.head, parts.quantity, parts.integer, state.component,
                              state.on_hand, row, supplier, arcs)  # fmt: skip
                stock = state.on_hand[row, supplier]
                total = 0.0
                for arc in range(begin, end):
                    total += request[arc]
                if total > stock:
                    ration(parts.head, parts.allocation[row], parts.integer[row], request,
                            standing, row, begin, end, stock, total)  # fmt: skip
            for arc in range(begin, end):
                units = request[arc]
                outcome.shipped[row, arc] = units
                left = state.owed[row, arc] - units
                ordering += parts.unit_cost[row, arc] * units
                shortage += parts.unfilled[row, arc] * left
                state.owed[row, arc] = left if parts.backlog[row] else 0.0
                if supplier >= 0:
                    # Never below nothing, by a rounding error.
                    kept = max(state.on_hand[row, supplier] - units, 0.0)
                    state.on_hand[row, supplier] = kept
                lead = parts.lead[row, arc]
                if late:
                    state.pipeline[row, arc, lead] += units
                elif lead > 0:
                    state.pipeline[row, arc, lead - 1] += units
                elif parts.assembles[row, parts.head[row, arc]]:
                    state.component[row, arc] += units
                else:
                    state.on_hand[row, parts.head[row, arc]] += units
        if late:
            _receive(parts.head, parts.quantity, parts.integer, parts.assembles, state.pipeline,
                     state.component, state.on_hand, row, arcs, nodes)  # fmt: skip

        for node in range(nodes):
            if parts.assembles[row, node] and not late:
                _assemble(parts.head, parts.quantity, parts.integer, state.component,
                          state.on_hand, row, node, arcs)  # fmt: skip
            arrived = demand[row, period, node]
            waited = state.backorder[row, node]
            outcome.sold[row, node] = 0.0
            if arrived + waited > 0.0:
                sold = min(state.on_hand[row, node], arrived + waited)
                state.on_hand[row, node] -= sold
                missing = arrived + waited - sold
                wanted += arrived
                served += max(sold - waited, 0.0)
                if parts.lost[row, node]:
                    if missing > 0.0 and parts.waiting[row, node] > 0.0:
                        source = parts.source[row, node]
                        willing = parts.waiting[row, node]
                        uniform = patience[row, period, node]
                        patient = patient_customers(missing, willing, uniform, parts.integer[row])
                        patient = min(patient, state.on_hand[row, source])
                        state.on_hand[row, source] -= patient
                        shortage += parts.special[row, node] * patient
                        missing -= patient
                        sold += patient
                    state.backorder[row, node] = 0.0
                else:
                    state.backorder[row, node] = missing
                shortage += parts.penalty[row, node] * missing
                revenue += parts.price[row, node] * sold
                outcome.sold[row, node] = sold
        for node in range(nodes):
            holding += parts.holding[row, node] * state.on_hand[row, node]
            outcome.on_hand[row, node] = state.on_hand[row, node]
            outcome.backorder[row, node] = state.backorder[row, node]
        for arc in range(arcs):
            if parts.transit[row, arc] > 0.0:
                units = state.component[row, arc]
                for slot in range(state.pipeline.shape[2]):
                    units += state.pipeline[row, arc, slot]
                holding += parts.transit[row, arc] * units
        if not late:
            _receive(parts.head, parts.quantity, parts.integer, parts.assembles, state.pipeline,
                     state.component, state.on_hand, row, arcs, nodes)  # fmt: skip

        cost = holding + shortage + ordering - revenue
        outcome.cost[row] = cost
        if period >= warm_up[row]:
            state.totals[row, COST] += state.discounting[row] * cost
            state.totals[row, HOLDING] += holding
            state.totals[row, SHORTAGE] += shortage
            state.totals[row, ORDERING] += ordering
            state.totals[row, DEMAND] += wanted
            state.totals[row, SERVED] += served
        state.discounting[row] *= parts.discount[row]
        state.period[row] += 1


@njit(cache=True, error_model="numpy", inline="always")
def _receive(
    head: IntArray,
    quantity: FloatArray,
    integer: BoolArray,
    assembles: BoolArray,
    pipeline: FloatArray,
    component: FloatArray,
    on_hand: FloatArray,
    row: int,
    arcs: int,
    nodes: int,
) -> None:
    """Take in what is due on every arc, and assemble it where a node does."""
    assembling = False
    last = pipeline.shape[2] - 1
    for arc in range(arcs):
        units = pipeline[row, arc, 0]
        for slot in range(last):
            pipeline[row, arc, slot] = pipeline[row, arc, slot + 1]
        pipeline[row, arc, last] = 0.0
        node = head[row, arc]
        if assembles[row, node]:
            component[row, arc] += units
            assembling = True
        else:
            on_hand[row, node] += units
    if assembling:
        for node in range(nodes):
            if assembles[row, node]:
                _assemble(head, quantity, integer, component, on_hand, row, node, arcs)


@njit(cache=True, error_model="numpy")
def _assemble(
    head: IntArray,
    quantity: FloatArray,
    integer: BoolArray,
    component: FloatArray,
    on_hand: FloatArray,
    row: int,
    node: int,
    arcs: int,
) -> None:
    """Make as many units as the scarcest component allows."""
    units = np.inf
    for arc in range(arcs):
        if head[row, arc] == node:
            units = min(units, component[row, arc] / quantity[row, arc])
    if integer[row]:
        units = math.floor(units + EPSILON)
    for arc in range(arcs):
        if head[row, arc] == node:
            # Never below nothing, by a rounding error.
            component[row, arc] = max(component[row, arc] - units * quantity[row, arc], 0.0)
    on_hand[row, node] += units
