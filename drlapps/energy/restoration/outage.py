"""An outage: a feeder, what is broken in it, and the limits within which it is restored."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from drlapps.energy.grid.feeder import BASE_KVA, Bools, Feeder, Floats
from drlapps.errors import InputError


@dataclass(frozen=True)
class Outage:
    """One instance: a feeder with faulted branches, to be restored by switching.

    Without a fault nothing is to be restored, and the aim is the least loss (network
    reconfiguration).

    Attributes:
        name: what people call it.
        feeder: in normal operation before the fault.
        faults: indices of the branches that are broken: open, and locked.
        loading: by which all loads are multiplied.
        min_voltage: lower limit of the voltage of energised buses, per unit.
        max_voltage: upper limit.
        max_operations: greatest number of switch and load breaker operations; none if unlimited.
        optimum: greatest share of weighted load that can be served, where it is known.

    Raises:
        InputError: a fault is no branch, or a limit is impossible.
    """

    name: str
    feeder: Feeder
    faults: tuple[int, ...] = ()
    loading: float = 1.0
    min_voltage: float = 0.90
    max_voltage: float = 1.10
    max_operations: int | None = None
    optimum: float | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Check."""
        for fault in self.faults:
            if not 0 <= fault < len(self.feeder.branches):
                raise InputError(f"{self.name}: {self.feeder.name} has no branch {fault + 1}")
        if len(set(self.faults)) < len(self.faults):
            raise InputError(f"{self.name}: a fault is named twice")
        if not 0.0 < self.loading < 100.0:
            raise InputError(f"{self.name}: loading must lie between 0 and 100, not {self.loading}")
        if not 0.0 < self.min_voltage < self.feeder.source_voltage <= self.max_voltage:
            raise InputError(
                f"{self.name}: the voltage limits {self.min_voltage} and {self.max_voltage} must "
                f"enclose the source's voltage {self.feeder.source_voltage}"
            )
        if self.max_operations is not None and self.max_operations < 0:
            raise InputError(
                f"{self.name}: max_operations must not be negative, but is {self.max_operations}"
            )

    @cached_property
    def hash(self) -> str:
        """Digest of everything but the name."""
        content = [
            self.feeder.hash, sorted(self.faults), self.loading, self.min_voltage,
            self.max_voltage, self.max_operations,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @property
    def reference(self) -> float | None:
        """The greatest share of weighted load that can be served, where it is known."""
        return self.optimum

    @property
    def bound(self) -> float | None:
        """The same."""
        return self.optimum

    @property
    def minimises_loss(self) -> bool:
        """Whether losses are the aim: without a fault."""
        return not self.faults

    @cached_property
    def start(self) -> Bools:
        """Which branches conduct once protection has opened the faulted ones, (e,)."""
        closed = self.feeder.arrays.closed.copy()
        closed[list(self.faults)] = False
        closed.setflags(write=False)
        return closed

    @cached_property
    def operable(self) -> Bools:
        """Which branches can be switched: switchable and not faulted, (e,)."""
        operable = self.feeder.arrays.switchable.copy()
        operable[list(self.faults)] = False
        operable.setflags(write=False)
        return operable

    @cached_property
    def p(self) -> Floats:
        """Active load of each bus, per unit, (n,)."""
        return self.feeder.arrays.p * self.loading

    @cached_property
    def q(self) -> Floats:
        """Reactive load of each bus, per unit, (n,)."""
        return self.feeder.arrays.q * self.loading

    @cached_property
    def worth(self) -> Floats:
        """Share of the weighted load that each bus has, (n,); it sums to 1."""
        weighted = self.feeder.arrays.weight * self.feeder.arrays.p
        total = weighted.sum()
        worth: Floats = weighted / total if total > 0 else weighted
        return worth


class Configuration(NamedTuple):
    """Positions of all switches: an answer to an outage.

    Attributes:
        closed: which branches conduct, (e,).
        connected: which loads are connected, (n,).
    """

    closed: Bools
    connected: Bools


class Score(NamedTuple):
    """What a configuration achieves, by AC power flow. Greater is better, field by field.

    Attributes:
        radial: whether nothing energised forms a loop and the power flow has a solution; if not,
            all else is the worst possible.
        load_served: share of the weighted load that is connected, energised, at a voltage within
            limits and fed through no overloaded branch.
        violation: minus the greatest excess over a voltage limit, per unit, plus that over a
            rating, as a share of it.
        operations: minus the branch switches that differ from the start.
        loss_kw: minus the losses.
    """

    radial: bool
    load_served: float
    violation: float
    operations: int
    loss_kw: float


def rank(outage: Outage, score: Score) -> tuple[float, ...]:
    """Return what to maximise, in lexicographic order.

    Load served first, then violations, switching, losses; without a fault losses come before
    switching.
    """
    served, violation = round(score.load_served, 9), round(score.violation, 9)
    last = (
        (score.loss_kw, score.operations)
        if outage.minimises_loss
        else (score.operations, score.loss_kw)
    )
    return (score.radial, served, violation, *last)


def assess(outage: Outage, configuration: Configuration) -> Score:
    """Score a configuration by its AC power flow."""
    from drlapps.energy.grid.power_flow import power_flow

    closed, connected = configuration
    feeder = outage.feeder
    flow = power_flow(
        feeder,
        closed,
        outage.p * connected * BASE_KVA,
        outage.q * connected * BASE_KVA,
    )
    operations = -int((closed != outage.start).sum())
    if flow.loops or not flow.converged:
        return Score(False, 0.0, -np.inf, operations, -np.inf)
    voltage = np.abs(flow.voltage)
    excess = np.maximum(outage.min_voltage - voltage, voltage - outage.max_voltage)
    rating = np.array([branch.rating_a for branch in feeder.branches])
    overload = np.abs(flow.current_a) / rating - 1.0
    within = flow.energised & (excess <= TOLERANCE)
    if overload.max() > TOLERANCE:
        within &= power_flow(feeder, closed & (overload <= TOLERANCE)).energised
    return Score(
        radial=True,
        load_served=float(outage.worth[within & connected].sum()),
        violation=-max(float(excess[flow.energised].max()), 0.0) - max(float(overload.max()), 0.0),
        operations=operations,
        loss_kw=-flow.loss_kw,
    )


TOLERANCE = 1e-9
"""Excess over a limit that is none, per unit: far above the power flow's error."""
