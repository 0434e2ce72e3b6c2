"""The instance: a feeder, its damaged lines, and the crews that repair them."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from drlapps.energy.crew_restoration.kernels import divide
from drlapps.energy.grid.feeder import BASE_KVA, Feeder, Floats, Ints
from drlapps.errors import InputError

Matrix = tuple[tuple[float, ...], ...]


class Blocks(NamedTuple):
    """The feeder without its damaged lines: block 0 has the source, ``l + 1`` is below line ``l``.

    Attributes:
        upper: block at the upper end of each damaged line, (d,).
        weight: weighted load of each block in kW, (d + 1,).
        of_bus: block of each bus, (n,).
        ties: indices of the branches that can feed a block another way, (k,).
        tie_ends: the two blocks of each of them, (k, 2).
    """

    upper: Ints
    weight: Floats
    of_bus: Ints
    ties: Ints
    tie_ends: Ints


@dataclass(frozen=True)
class Damage:
    """One instance.

    Attributes:
        name: what people call it.
        feeder: in normal operation before the damage.
        lines: indices of the damaged branches, all of them closed in normal operation.
        hours: to repair each of them.
        crews: number of crews.
        travel: hours between the places, the crews' base first, then the lines, (d + 1, d + 1);
            empty if travel takes no time.
        switching: whether ties may feed blocks another way.
        min_voltage: lower limit of voltages while ties are closed, per unit.
        best_known: least harm that any method has found.
        lower_bound: a proven bound on the harm.

    Raises:
        InputError: something is impossible; one sentence says what.
    """

    name: str
    feeder: Feeder
    lines: tuple[int, ...]
    hours: tuple[float, ...]
    crews: int = 1
    travel: Matrix = ()
    switching: bool = False
    min_voltage: float = 0.90
    best_known: float | None = field(default=None, compare=False)
    lower_bound: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Check."""
        self._check_lines()
        if isinstance(self.crews, bool) or not isinstance(self.crews, int) or self.crews < 1:
            raise InputError(
                f"{self.name}: crews must be a whole number above 0, not {self.crews!r}"
            )
        self._check_travel()
        if self.switching:
            self._check_voltage()

    @cached_property
    def hash(self) -> str:
        """Digest of everything but the name."""
        content = [
            self.feeder.hash, self.lines, self.hours, self.crews, self.travel, self.switching,
            self.min_voltage if self.switching else None,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def reference(self) -> float | None:
        """The least harm that any method has found, where one is on record."""
        return self.best_known

    @property
    def bound(self) -> float | None:
        """A proven bound on the harm, where one is on record."""
        return self.lower_bound

    @cached_property
    def blocks(self) -> Blocks:
        """The feeder's parts between the damaged lines."""
        a = self.feeder.arrays
        place = np.full(len(a.tail), -1)
        place[list(self.lines)] = np.arange(len(self.lines))
        of_bus, upper, weight = divide(
            self.feeder.root, a.first, a.neighbour, a.through, a.closed, place,
            a.weight * a.p * BASE_KVA, len(self.lines),
        )  # fmt: skip
        ends = of_bus[np.stack([a.tail, a.head], axis=1)]
        useful = ~a.closed & a.switchable & (ends[:, 0] != ends[:, 1])
        ties = np.flatnonzero(useful) if self.switching else np.zeros(0, np.int64)
        return Blocks(upper, weight, of_bus, ties, ends[ties])

    @cached_property
    def travel_hours(self) -> Floats:
        """Hours between the places, zeros where travel takes no time, (d + 1, d + 1)."""
        places = len(self.lines) + 1
        return np.array(self.travel) if self.travel else np.zeros((places, places))

    @property
    def travels(self) -> bool:
        """Whether travel takes any time."""
        return any(any(row) for row in self.travel)

    @property
    def line_names(self) -> list[str]:
        """Names of the damaged branches."""
        return [self.feeder.branches[line].name for line in self.lines]

    def _check_lines(self) -> None:
        branches = self.feeder.branches
        if not self.lines:
            raise InputError(f"{self.name}: no line is damaged")
        for line in self.lines:
            if not 0 <= line < len(branches):
                raise InputError(f"{self.name}: {self.feeder.name} has no branch {line + 1}")
            if not branches[line].closed:
                raise InputError(
                    f"{self.name}: branch {branches[line].name} of {self.feeder.name} is open in "
                    "normal operation, so its repair energises nothing"
                )
        if len(set(self.lines)) < len(self.lines):
            raise InputError(f"{self.name}: a damaged line is named twice")
        if len(self.hours) != len(self.lines):
            raise InputError(
                f"{self.name}: {len(self.lines)} damaged lines have {len(self.hours)} repair times"
            )
        for line, hours in zip(self.lines, self.hours, strict=True):
            if not (hours > 0 and math.isfinite(hours)):
                raise InputError(
                    f"{self.name}: repairing line {branches[line].name} must take more than 0 "
                    f"hours, not {hours}"
                )

    def _check_travel(self) -> None:
        if not self.travel:
            return
        places = len(self.lines) + 1
        if len(self.travel) != places or any(len(row) != places for row in self.travel):
            raise InputError(
                f"{self.name}: travel needs {places} rows of {places} times, for the base and each "
                "damaged line"
            )
        for i, row in enumerate(self.travel):
            if row[i] != 0 or not all(hours >= 0 and math.isfinite(hours) for hours in row):
                raise InputError(
                    f"{self.name}: row {i + 1} of travel must have times of at least 0 hours and 0 "
                    "to itself"
                )

    def _check_voltage(self) -> None:
        from drlapps.energy.grid.power_flow import power_flow

        if not 0.0 < self.min_voltage < self.feeder.source_voltage:
            raise InputError(
                f"{self.name}: min_voltage must lie between 0 and the source's "
                f"{self.feeder.source_voltage}, not {self.min_voltage}"
            )
        normal = power_flow(self.feeder)
        if not (normal.converged and normal.min_voltage >= self.min_voltage):
            raise InputError(
                f"{self.name}: the undamaged {self.feeder.name} has {normal.min_voltage:.3f} pu in "
                f"normal operation, below min_voltage {self.min_voltage}; lower it"
            )
