"""A serial system: its numbers, and the network that the environment moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Demand, Normal
from drlapps.scheduling.inventory.network import OUTSIDE, Arc, Network, Node, network

FloatArray = NDArray[np.float64]

MOST_STAGES = 50
LONGEST = 100


@dataclass(frozen=True)
class SerialProblem:
    """A serial system with backorders under periodic review; stage 1, the first, has the customers.

    Attributes:
        lead_times: periods from shipping to a stage until the units can serve its customers or be
            shipped on, a whole number >= 1 for each stage.
        holding: echelon holding cost rates: what a unit costs more at the stage, per period, than
            at the next stage up.
        penalty: per unit backordered at the end of a period.
        demand: of a period.

    Raises:
        InputError: the numbers make no serial system; the sentence says why.
    """

    lead_times: tuple[int, ...]
    holding: tuple[float, ...]
    penalty: float
    demand: Demand

    def __post_init__(self) -> None:
        """Check the numbers."""
        stages = len(self.lead_times)
        if not 1 <= stages <= MOST_STAGES:
            raise InputError(f"a serial system has 1 to {MOST_STAGES} stages, not {stages}")
        if len(self.holding) != stages:
            raise InputError(
                f"a serial system of {stages} lead times needs {stages} holding costs, "
                f"not {len(self.holding)}"
            )
        for lead_time in self.lead_times:
            if not _is_number(lead_time) or lead_time != int(lead_time):
                raise InputError(f"lead_times must be whole numbers, not {lead_time!r}")
            if not 1 <= lead_time <= LONGEST:
                raise InputError(f"lead_times must lie between 1 and {LONGEST}, not {lead_time!r}")
        for rate in self.holding:
            if not _is_number(rate) or not 0.0 <= rate < math.inf:
                raise InputError(f"holding must be echelon rates >= 0, not {rate!r}")
        if not _is_number(self.penalty) or not 0.0 < self.penalty < math.inf:
            raise InputError(f"penalty must be a positive number, not {self.penalty!r}")
        object.__setattr__(self, "lead_times", tuple(int(each) for each in self.lead_times))
        object.__setattr__(self, "holding", tuple(float(each) for each in self.holding))
        object.__setattr__(self, "penalty", float(self.penalty))

    @property
    def stages(self) -> int:
        """Number of stages."""
        return len(self.lead_times)

    @cached_property
    def local_holding(self) -> tuple[float, ...]:
        """Holding cost rate at each stage, the sum of the echelon rates from there up."""
        return tuple(sum(self.holding[stage:]) for stage in range(self.stages))

    @cached_property
    def echelon_lead_times(self) -> tuple[int, ...]:
        """Periods from each stage to the customers."""
        return tuple(sum(self.lead_times[: stage + 1]) for stage in range(self.stages))

    @cached_property
    def is_stationary(self) -> bool:
        """Whether the exact recursion covers the demand: whole units of one law, or normal."""
        if isinstance(self.demand, Normal):
            return True
        try:
            self.demand.pmf()
        except InputError:
            return False
        return True

    @cached_property
    def network(self) -> Network:
        """The chain, most upstream node first, with a start in the middle of things.

        At the start each stage has a mean period's demand on hand and in each slot of its pipeline.

        With receipts late in a period, a lead time of ``L - 1`` lets units serve the customers
        ``L - 1`` periods after they were shipped, and be shipped on ``L`` periods after.
        """
        start = float(round(self.demand.mean))
        nodes, arcs = [], []
        for stage in range(self.stages, 0, -1):
            rate = self.local_holding[stage - 1]
            upstream = self.local_holding[stage] if stage < self.stages else 0.0
            supplier = stage_name(stage + 1) if stage < self.stages else OUTSIDE
            last = stage == 1
            nodes.append(
                Node(
                    stage_name(stage),
                    initial=start,
                    holding=rate,
                    demand=self.demand if last else None,
                    penalty=self.penalty if last else 0.0,
                )
            )
            slots = self.lead_times[stage - 1] - 1
            arcs.append(
                Arc(
                    supplier,
                    stage_name(stage),
                    lead_time=slots,
                    holding=upstream,
                    initial=(start,) * slots,
                )
            )
        return network(nodes, arcs, integer=self.demand.discrete, backlog=True, late_receipts=True)


def stage_name(stage: int) -> str:
    """Return the node name of a stage, counted from 1 at the customers."""
    return f"stage {stage}"


def echelon_rates(local: Sequence[float]) -> tuple[float, ...]:
    """Return the echelon rates of local holding costs, stage 1 first.

    Raises:
        InputError: holding gets cheaper downstream.
    """
    rates = tuple(here - above for here, above in zip(local, (*local[1:], 0.0), strict=True))
    if any(rate < 0.0 for rate in rates):
        raise InputError(
            "local holding costs must not fall on the way down to stage 1, the first of the list"
        )
    return rates


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
