"""What linear programs foresee of demand, and how far they must look ahead.

References:
    McKay, Beckman & Conover 1979, "A comparison of three methods for selecting values of input
    variables in the analysis of output from a computer code", Technometrics 21(2).
"""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from scipy.special import ndtri

from drlapps.scheduling.inventory.demand import Cyclic, Trace
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory_network.linear_equations import FloatArray, unit_values

_OVERSAMPLING = 8
"""Demand paths drawn for each that is kept."""

_RATIOS = (0.01, 0.999)
"""Bounds of critical ratios: beyond them the normal law says nothing of any demand."""


def reach(network: Network) -> int:
    """Return the most periods between an order to the outside and the first customer it serves."""
    periods = [0] * len(network.nodes)
    for number, (supplier, head) in enumerate(zip(network.suppliers, network.heads, strict=True)):
        arc = network.arcs[number]
        before = periods[supplier] + int(network.late_receipts) if supplier >= 0 else 0
        periods[head] = max(periods[head], before + arc.lead_time + arc.order_delay)
    return max(periods)


def safety_factors(network: Network) -> FloatArray:
    """Return the normal quantile of each node's critical ratio; 0 where nobody buys."""
    factors, values = np.zeros(len(network.nodes)), unit_values(network)
    for index in network.markets:
        node = network.nodes[index]
        short = node.penalty
        if node.lost_sales:
            lost = node.penalty + max(node.price - values[index], 0.0)
            short = (1.0 - node.waiting) * lost + node.waiting * node.special
        ratio = short / (short + node.holding) if short > 0.0 else 0.0
        factors[index] = ndtri(np.clip(ratio, *_RATIOS))
    return factors


def variances(network: Network, passed: int, horizon: int) -> FloatArray:
    """Return the variance of each period to come, about its own mean, ``(horizon, nodes)``."""
    found = np.zeros((horizon, len(network.nodes)))
    for index, law in network.laws:
        found[:, index] = law.after(passed).variances(horizon)
    return found


class PathSampler:
    """Few demand paths that stand for all: stratified samples, the same in the same season.

    Of each market's ``8 n`` sampled paths those in the middle of ``n`` equally likely strata are
    kept, by their demand until the next order can arrive from the nearest supplier. Markets are
    paired at random (Latin hypercube sampling).

    Args:
        network: whose customers.
        horizon: length of the paths.
        number: how many.
        seed: of the draws.

    References:
        McKay, Beckman & Conover 1979, "A comparison of three methods for selecting values of input
        variables in the analysis of output from a computer code", Technometrics 21(2).
    """

    SEED_STREAM: ClassVar[int] = 0x57C4

    def __init__(self, network: Network, horizon: int, number: int, seed: int) -> None:
        self._network, self._horizon, self._number, self._seed = network, horizon, number, seed
        self._season = math.lcm(
            *(len(law.laws) for _, law in network.laws if isinstance(law, Cyclic))
        )
        self._repeats = not any(isinstance(law, Trace) for _, law in network.laws)
        self._known: dict[int, FloatArray] = {}

    def paths(self, period: int) -> FloatArray:
        """Return equally likely paths from a period on, shape ``(number, horizon, nodes)``."""
        if self._repeats:
            period %= self._season
        if period not in self._known:
            self._known[period] = self._draw(period)
        return self._known[period]

    def _draw(self, period: int) -> FloatArray:
        network, shape = self._network, (_OVERSAMPLING * self._number, self._horizon)
        found = np.zeros((self._number, self._horizon, len(network.nodes)))
        for index, law in network.laws:
            rng = np.random.default_rng([self._seed, self.SEED_STREAM, period, index])
            later = law.after(period)
            ahead = np.array([later.sample(rng, shape[1]) for _ in range(shape[0])])
            ways = [network.arcs[number] for number in network.incoming(index)]
            soon = 1 + min(arc.lead_time + arc.order_delay for arc in ways)
            ranked = np.argsort(ahead[:, :soon].sum(axis=1), kind="stable")
            kept = ranked[_OVERSAMPLING // 2 :: _OVERSAMPLING]
            found[:, :, index] = ahead[rng.permutation(kept)]
        return found
