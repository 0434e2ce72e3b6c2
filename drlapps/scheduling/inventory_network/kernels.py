"""Inventory positions of a batch as a Numba kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@njit(cache=True, error_model="numpy")
def positions(
    on_hand: FloatArray,
    backorder: FloatArray,
    component: FloatArray,
    pipeline: FloatArray,
    mail: FloatArray,
    owed: FloatArray,
    suppliers: NDArray[np.integer[Any]],
    of_stock: FloatArray,
    of_arcs: FloatArray,
    of_mail: FloatArray,
    found: FloatArray,
) -> None:
    """Write the position of every arc into ``found``, shape (B, A).

    Args:
        on_hand: (B, N), as ``backorder``.
        backorder: see :class:`drlapps.scheduling.inventory.kernels.State`, as all up to ``owed``.
        component: (B, A), as ``owed``.
        pipeline: (B, A, P).
        mail: (B, A, I).
        owed: what the suppliers still owe.
        suppliers: index of each arc's supplier, -1 for the outside world.
        of_stock: what a unit of net stock at each node counts for each arc, (A, N).
        of_arcs: what a unit under way on each arc counts for each arc, (A, A).
        of_mail: what a unit ordered, but not known to the supplier yet, counts, (A, A).
        found: written.
    """
    rows, arcs = found.shape
    nodes = on_hand.shape[1]
    stock, coming, mailed = np.zeros(nodes), np.zeros(arcs), np.zeros(arcs)
    for row in range(rows):
        for node in range(nodes):
            stock[node] = on_hand[row, node] - backorder[row, node]
        for arc in range(arcs):
            units = component[row, arc] + owed[row, arc]
            for slot in range(pipeline.shape[2]):
                units += pipeline[row, arc, slot]
            coming[arc] = units
            mailed[arc] = 0.0
            for slot in range(mail.shape[2]):
                mailed[arc] += mail[row, arc, slot]
            if suppliers[arc] >= 0:
                stock[suppliers[arc]] -= owed[row, arc]
        for arc in range(arcs):
            position = 0.0
            for node in range(nodes):
                position += of_stock[arc, node] * stock[node]
            for other in range(arcs):
                position += of_arcs[arc, other] * coming[other]
                position += of_mail[arc, other] * mailed[other]
            found[row, arc] = position
