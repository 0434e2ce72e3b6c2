"""What an agent is told of a serial system, free of units."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.serial_inventory.instances import SerialScenario
from drlapps.scheduling.serial_inventory.problem import FloatArray

FEATURES = 8
"""Observations a stage."""

SHARED = 3
"""Observations of the system as a whole."""

_LARGEST_QUANTILE = 4.0


class System(NamedTuple):
    """A serial system in numbers, stage 1 first; read from its network, beer games included."""

    lead_times: FloatArray
    """Periods from an order to the use of its goods."""
    rates: FloatArray
    """Echelon holding cost rates."""
    penalty: float
    mean: float
    """Of the demand of a period."""
    sd: float
    integer: bool
    slots: FloatArray
    """1 where goods take a period or more, as some arrive next."""


def traits(scenario: SerialScenario) -> System:
    """Return the numbers of a scenario's system."""
    return _system(scenario.network)


@cache
def _system(network: Network) -> System:
    arcs, nodes = network.arcs[::-1], network.nodes[::-1]
    lead_times = np.array([arc.lead_time + arc.order_delay for arc in arcs], np.float64)
    if network.late_receipts:
        lead_times += 1.0
    else:
        # Goods that arrive at the end of a period wait for the customers of the next.
        lead_times[0] += 1.0
    local = np.array([node.holding for node in nodes] + [0.0])
    demand = nodes[0].demand
    assert demand is not None
    return System(
        lead_times,
        np.maximum(local[:-1] - local[1:], 0.0),
        nodes[0].penalty,
        demand.mean,
        # Demand that never varies still needs a unit to measure in.
        max(math.sqrt(demand.variance), 0.1 * demand.mean, 1e-3),
        network.integer,
        np.array([float(arc.lead_time > 0) for arc in arcs]),
    )


class Traits(NamedTuple):
    """What follows from the rows' systems; arrays (B, W), stage 1 first, unless said otherwise."""

    exists: NDArray[np.bool_]
    columns: NDArray[np.int64]
    """Node and arc of the stage in the network."""
    means: FloatArray
    """Mean demand from an order to the customers."""
    spreads: FloatArray
    """Its standard deviation."""
    stock_means: FloatArray
    """Mean demand from the stage's stock to the customers."""
    arriving: FloatArray
    """Mean of what arrives next."""
    rates: FloatArray
    """Echelon holding cost rates."""
    constants: FloatArray
    """(B, W, 4) the observations that never change."""
    shared: FloatArray
    """(B, 3) those of the system as a whole."""
    sd: FloatArray
    """(B,) standard deviation of a period's demand."""
    scale: FloatArray
    """(B,) of costs: what a standard deviation of demand costs to hold."""

    @classmethod
    def empty(cls, rows: int, width: int) -> Traits:
        """Return the traits of no systems."""
        tables = (np.zeros((rows, width)) for _ in range(5))
        means, spreads, stock, arriving, rates = tables
        return cls(
            np.zeros((rows, width), np.bool_),
            np.zeros((rows, width), np.int64),
            means,
            spreads + 1.0,
            stock,
            arriving,
            rates,
            np.zeros((rows, width, 4)),
            np.zeros((rows, 3)),
            np.ones(rows),
            np.ones(rows),
        )

    def fill(self, row: int, system: System) -> None:
        """Write a row."""
        stages = len(system.lead_times)
        here = (row, slice(0, stages))
        echelon = system.lead_times.cumsum()
        for name in ("exists", "columns", "means", "stock_means", "arriving", "rates", "constants"):
            getattr(self, name)[row] = 0
        self.spreads[row] = 1.0
        self.exists[here] = True
        self.columns[here] = np.arange(stages)[::-1]
        self.means[here] = system.mean * echelon
        self.spreads[here] = system.sd * np.sqrt(echelon)
        self.stock_means[here] = system.mean * (echelon - system.lead_times)
        self.arriving[here] = system.mean * system.slots
        self.rates[here] = system.rates
        self.constants[here] = _constants(system, echelon)
        varies = system.sd / max(system.mean, 1e-9)
        self.shared[row] = min(varies, 5.0), (1.0 + system.mean) ** -0.5, float(system.integer)
        self.sd[row] = system.sd
        unit = max(float(system.rates.sum()), 1e-6 * system.penalty)
        self.scale[row] = unit * system.sd * math.sqrt(float(echelon[-1]))


def _constants(system: System, echelon: FloatArray) -> FloatArray:
    """Return the observations of each stage that never change, shape ``(stages, 4)``."""
    total = system.penalty + system.rates.sum()
    up_to = system.rates.cumsum()
    ratios = [(total - up_to) / total, (total - up_to) / (total - up_to + system.rates)]
    quantiles = [np.clip(ndtri(ratio), -_LARGEST_QUANTILE, _LARGEST_QUANTILE) for ratio in ratios]
    return np.stack(
        [system.lead_times / 10.0, echelon / 20.0, *(each / 2.0 for each in quantiles)], axis=1
    )
