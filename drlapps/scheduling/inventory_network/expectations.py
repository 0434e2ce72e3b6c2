"""What a market's customers cost on average, given the stock that they find.

A reward that charges this instead of what happened has the same mean whatever the policy does, and
much less noise: rare and dear shortages are spread over the periods that risk them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.inventory.demand import Cyclic, Demand, Trace
from drlapps.scheduling.inventory.network import Network

FloatArray = NDArray[np.float64]


class Expectation:
    """Turns realised costs into expected ones at all markets whose laws are known in whole units.

    With ``x`` the stock that customers of demand ``d`` find, ``L = max(d - x, 0)`` those who find
    none, and holding, penalty and price ``h``, ``p`` and ``r``, a period at a market costs
    ``h (x - d + L) + p L - r (d - L)``. Its expectation exceeds what happened by
    ``(h + p + r) (E[L] - L) + (h + r) (d - E[d])``.

    Args:
        network: the network.
    """

    def __init__(self, network: Network) -> None:
        self.markets = [node for node in network.markets if _is_known(network, node)]
        nodes = [network.nodes[node] for node in self.markets]
        self._lost = [node.lost_sales for node in nodes]
        self._phases = [_phases(node.demand) for node in nodes if node.demand is not None]
        self._means = [np.array([law.mean for law in laws]) for laws in self._phases]
        self._missing = [_missing(laws) for laws in self._phases]
        # Revenue from those who wait comes all the same, later.
        self._earned = [node.holding + node.price * node.lost_sales for node in nodes]
        self._missed = [
            earned + node.penalty for earned, node in zip(self._earned, nodes, strict=True)
        ]

    def excess(
        self,
        period: NDArray[np.int64],
        on_hand: FloatArray,
        backorder: FloatArray,
        sold: FloatArray,
        demand: FloatArray,
    ) -> FloatArray:
        """Return by how much the expected cost of a period exceeds the realised one, (B,).

        Args:
            period: shape (B,).
            on_hand: at the end of the period, shape (B, N), as all others.
            backorder: likewise.
            sold: in the period.
            demand: of the period.
        """
        total = np.zeros(len(period))
        for place, node in enumerate(self.markets):
            wanted = demand[:, node]
            found = on_hand[:, node] + (
                sold[:, node] if self._lost[place] else wanted - backorder[:, node]
            )
            table, phase = self._missing[place], period % len(self._means[place])
            units = np.clip(found, 0, table.shape[1] - 1).astype(np.int64)
            expected = table[phase, units] - np.minimum(found, 0.0)
            total += self._missed[place] * (expected - np.maximum(wanted - found, 0.0))
            total += self._earned[place] * (wanted - self._means[place][phase])
        return total


def _phases(law: Demand) -> tuple[Demand, ...]:
    """Return the laws that take turns."""
    return law.laws if isinstance(law, Cyclic) else (law,)


def _is_known(network: Network, node: int) -> bool:
    """Whether what a market's customers find is all they can get, and their law is known."""
    market = network.nodes[node]
    assert market.demand is not None
    special = {
        network.suppliers[network.incoming(other)[0]]
        for other, patient in enumerate(network.nodes)
        if patient.waiting
    }
    return (
        network.integer
        and market.demand.discrete
        and not isinstance(market.demand, Trace)
        and not market.waiting
        and node not in special
    )


def _missing(laws: tuple[Demand, ...]) -> FloatArray:
    """Return how many customers each law's demand leaves without stock, on average.

    Returns:
        Shape (laws, n): for 0, 1, ..., n - 1 units of stock; 0 beyond.
    """
    tables = []
    for law in laws:
        # E max(D - x, 0) is the sum of P(D > y) over y >= x.
        beyond = 1.0 - np.cumsum(law.pmf())
        tables.append(np.cumsum(np.maximum(beyond, 0.0)[::-1])[::-1])
    longest = max(len(table) for table in tables)
    return np.array([np.pad(table, (0, longest - len(table))) for table in tables])
