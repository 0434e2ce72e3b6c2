"""What observations and actions need to know of a network."""

from __future__ import annotations

import math
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Cyclic
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory_network.expectations import Expectation
from drlapps.scheduling.inventory_network.levels import Stock
from drlapps.scheduling.inventory_network.rules import OrderUpTo, Study, optimised

FloatArray = NDArray[np.float64]

WIDTH = 3.0
"""How far ``order-up-to`` can move a safety factor from that of the best fixed levels."""

PERIODS, WARM_UP = 300, 60
"""How long networks are simulated for that search, and how long before costs count."""

FACTORS = (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0)
"""Safety factors among which ``discrete`` chooses for each echelon."""

_SLOTS = 4
_MOST_ECHELONS = 4


class Guide:
    """What observations and actions need to know of one network.

    Args:
        network: the network.
        periods: length of the longest episode.
        best: whether the middle of the actions is the best fixed levels, or the newsvendor's.
        coarse: whether features are averaged over each echelon.
    """

    def __init__(
        self, network: Network, periods: int, *, best: bool = False, coarse: bool = False
    ) -> None:
        self.rule = rule = OrderUpTo(network, periods, echelon=True)
        self.expectation = Expectation(network)
        self.usual_cost, factors = usual(network, best)
        self.centre = factors[rule.groups]
        arcs = len(network.arcs)
        depth = _depth(network)
        echelons = depth[list(network.heads)]
        self._echelons = echelons
        rate = np.maximum(rule.rate, 1e-9)
        self._per_deviation = 1.0 / (3.0 * np.maximum(rule.spread.mean(axis=0), 0.1 * rate))
        self._slots = slots = max(
            1, *(arc.lead_time + network.late_receipts for arc in network.arcs)
        )
        bins = [_bins(arc.lead_time + network.late_receipts) for arc in network.arcs]
        self._starts = np.array([slots * a + start for a in range(arcs) for start in bins[a]])
        self._per_slot = 1.0 / rate[np.repeat(np.arange(arcs), [len(one) for one in bins])]
        self._per_node = 1.0 / (4.0 * np.maximum(rule.flows.mean, 1e-9))
        self._per_arc = 1.0 / (4.0 * rate)
        self._extras = [
            name
            for name, present in {
                "owed": network.backlog,
                "mail": any(arc.order_delay for arc in network.arcs),
                "component": any(node.assembles for node in network.nodes),
            }.items()
            if present
        ]
        self._clock = _clock(rule, periods)
        # Kind and echelon of every feature but the clock's.
        kinds = [(0, 0, echelon) for echelon in echelons]
        kinds += [(1, slot, echelons[a]) for a in range(arcs) for slot in range(len(bins[a]))]
        kinds += [(2, 0, echelon) for echelon in depth]
        kinds += [(3, extra, e) for extra in range(len(self._extras)) for e in echelons]
        self._merged = [
            np.array([place for place, other in enumerate(kinds) if other == kind])
            for kind in (dict.fromkeys(kinds) if coarse else ())
        ]
        self.features = (len(self._merged) or len(kinds)) + self._clock.shape[1]

    @cached_property
    def grid(self) -> FloatArray:
        """Safety factors of every arc under each discrete action, shape (actions, A).

        Raises:
            InputError: the network has too many echelons for that.
        """
        levels, number = np.array(FACTORS), int(self._echelons.max()) + 1
        if number > _MOST_ECHELONS:
            raise InputError(
                f"discrete actions are for at most {_MOST_ECHELONS} echelons, not {number}; "
                "use actions=order-up-to"
            )
        choices = np.indices((len(levels),) * number).reshape(number, -1)
        return np.asarray(levels[choices[self._echelons]].T)

    def observe(self, stock: Stock) -> FloatArray:
        """Return the observations of rows, before they are clipped, shape (B, F)."""
        rule = self.rule
        period = np.minimum(stock.period, len(rule.base) - 1)
        position = (rule.positions(stock) - rule.base[period]) * self._per_deviation
        # A batch may have room for longer lead times than this network's.
        flat = stock.pipeline[:, :, : self._slots].reshape(len(period), -1)
        under_way = np.add.reduceat(flat, self._starts, axis=1) * self._per_slot
        at_hand = stock.on_hand - stock.backorder
        for arc, supplier in enumerate(rule.network.suppliers):
            if supplier >= 0 and rule.network.backlog:
                at_hand[:, supplier] -= stock.owed[:, arc]
        parts = [position, under_way, at_hand * self._per_node]
        for name in self._extras:
            units = getattr(stock, name)
            parts.append((units.sum(axis=2) if name == "mail" else units) * self._per_arc)
        if self._merged:
            fine = np.concatenate(parts, axis=1)
            parts = [
                np.take(fine, columns, axis=1).mean(axis=1, keepdims=True)
                for columns in self._merged
            ]
        return np.concatenate([*parts, self._clock[period]], axis=1)


@cache
def usual(network: Network, best: bool) -> tuple[float, FloatArray]:
    """Return what echelon levels cost on average, and their parameters.

    Args:
        network: the network.
        best: whether the levels are optimised, or those of the newsvendor.
    """
    rule = OrderUpTo(network, PERIODS, echelon=True)
    factors = rule.newsvendor
    if best:
        factors = optimised(network, PERIODS, WARM_UP, echelon=True)
    return float(Study(rule, PERIODS, WARM_UP).costs(factors[None])[0]), factors


def _depth(network: Network) -> NDArray[np.int64]:
    """Return how many nodes lie below each node on the longest way down, (N,)."""
    depth = np.zeros(len(network.nodes), np.int64)
    for node in reversed(range(len(network.nodes))):
        below = [depth[network.heads[arc]] + 1 for arc in network.outgoing(node)]
        depth[node] = max(below, default=0)
    return depth


def _bins(slots: int) -> list[int]:
    """Return where the bins of a pipeline of so many slots start."""
    number = min(max(slots, 1), _SLOTS)
    return [slots * index // number for index in range(number)]


def _clock(rule: OrderUpTo, periods: int) -> FloatArray:
    """Return the features that hang on the period alone, shape (T, 4)."""
    laws = [node.demand for node in rule.network.nodes]
    length = math.lcm(*(len(law.laws) for law in laws if isinstance(law, Cyclic)))
    angle = 2.0 * np.pi * np.arange(periods) / length
    season = np.stack([np.sin(angle), np.cos(angle)]) * (length > 1)
    markets = list(rule.network.markets)
    today = rule.flows.means(periods)[:, markets].sum(axis=1) / rule.flows.mean[markets].sum()
    ahead = rule.base.sum(axis=1) / rule.mean_base.sum()
    return np.stack([*season, today - 1.0, ahead - 1.0], axis=1)
