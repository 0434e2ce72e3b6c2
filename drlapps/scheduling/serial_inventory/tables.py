"""Induced cost functions of the problems that a batch meets, looked up for all rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.serial_inventory.clark_scarf import InducedCost
from drlapps.scheduling.serial_inventory.problem import FloatArray

IntArray = NDArray[np.int64]


class CostTables:
    """Functions, numbered in the order in which they came, one after the other in one array."""

    def __init__(self) -> None:
        self._numbers: dict[object, int] = {}
        self._values = np.zeros(3)
        self._columns = np.zeros((0, 5))

    def number(self, key: object, functions: tuple[InducedCost, ...]) -> int:
        """Return the number of the first of some functions; those seen before keep theirs.

        Args:
            key: what the functions are known by.
            functions: to be added if the key is new.
        """
        if key not in self._numbers:
            self._numbers[key] = len(self._columns)
            for function in functions:
                first, best = len(self._values), function.best
                column = (
                    function.start,
                    function.step,
                    float(first),
                    float(len(function.values)),
                    float(best),
                )
                self._columns = np.vstack([self._columns, column])
                self._values = np.concatenate([self._values, function.values])
        return self._numbers[key]

    def costs(self, functions: IntArray, levels: FloatArray) -> FloatArray:
        """Return the cost of each level under the function of its number, any shape."""
        start, step, first, count, _ = np.moveaxis(self._columns[functions], -1, 0)
        places = (levels - start) / step
        left = np.clip(np.floor(places), 0.0, count - 2.0)
        index = (first + left).astype(np.int64)
        low, high = self._values[index], self._values[index + 1]
        return np.asarray(low + (places - left) * (high - low))

    def least_up_to(self, functions: IntArray, levels: FloatArray) -> FloatArray:
        """Return the least cost of any level up to each of those given."""
        start, step, _, _, best = np.moveaxis(self._columns[functions], -1, 0)
        return self.costs(functions, np.minimum(levels, start + step * best))
