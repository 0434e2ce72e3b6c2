"""A sample of bounded size of a stream of unknown length."""

from __future__ import annotations

import numpy as np

from drlapps.vector import Array


class Reservoir:
    """Keeps at most so many of the rows it is shown, each set of rows equally likely.

    Algorithm R of Vitter 1985, "Random sampling with a reservoir", ACM Transactions on
    Mathematical Software 11(1): the i-th row replaces a random one with probability capacity / i.

    Args:
        capacity: most rows kept; memory is only used for rows that came.
        rng: who decides which are kept.

    Attributes:
        seen: rows shown so far.
    """

    def __init__(self, capacity: int, rng: np.random.Generator) -> None:
        self.capacity, self.seen = capacity, 0
        self._rng = rng
        self._columns: dict[str, Array] = {}

    def add(self, **columns: Array) -> None:
        """Show rows, given as columns of equal length; the same columns each time."""
        count = len(next(iter(columns.values())))
        numbers = np.arange(self.seen, self.seen + count)
        self.seen += count
        slots = numbers
        if self.seen > self.capacity:
            slots = np.where(numbers < self.capacity, numbers, self._rng.integers(numbers + 1))
        kept = slots < self.capacity
        for name, values in columns.items():
            if name not in self._columns:
                self._columns[name] = np.empty((self.capacity, *values.shape[1:]), values.dtype)
            # Of several rows for one slot the last one wins, in all columns alike.
            self._columns[name][slots[kept]] = values[kept]

    def columns(self) -> dict[str, Array]:
        """Return what is kept."""
        kept = min(self.seen, self.capacity)
        return {name: values[:kept] for name, values in self._columns.items()}
