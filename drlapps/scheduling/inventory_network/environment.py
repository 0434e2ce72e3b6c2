"""A supply network of any shape as a Markov decision process, batched."""

from __future__ import annotations

from collections.abc import Iterator

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from drlapps.errors import unknown
from drlapps.scheduling.inventory.environment import InventoryEnv, largest_of
from drlapps.scheduling.inventory.network import Network
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.scheduling.inventory_network.guide import WIDTH, Guide
from drlapps.scheduling.inventory_network.levels import Stock, stock_of
from drlapps.vector import Array, Pool

FloatArray = NDArray[np.float64]

ACTIONS = ("orders", "order-up-to", "discrete")

_FARTHEST = 10.0


class InventoryNetworkEnv(InventoryEnv):
    """Order on every arc of a supply network, period after period, for customers served and waiting.

    ## Description

    Any directed acyclic network: plants, warehouses, shops; several suppliers a node, assembly,
    capacities, storage limits, lead times, order delays, lost sales, backorders and special
    deliveries. See :mod:`drlapps.scheduling.inventory` for what happens in a period.

    ## Observation Space

    ``Box(-10, 10, (F,), float32)``. With ``N`` nodes and ``A`` arcs:

    | Features | Value |
    |---|---|
    | ``A`` | echelon position of the arc's node, in standard deviations from the demand forecast over its cover, by 3 |
    | up to ``4 A`` | goods under way, the next to arrive first, in planned demand; slots beyond 4 are added up |
    | ``N`` | stock on hand minus backorders and what is owed, in 4 periods of planned demand |
    | ``A`` each | owed, mailed, and waiting for assembly, where the network has that |
    | 4 | sine and cosine of the season; forecasts of all demand in this period and over the covers, relative to the mean, minus 1 |

    Echelon positions, covers and planned demand are those of :mod:`.levels`. With ``actions =
    "discrete"`` all but the last 4 are means over the nodes, arcs and slots of an echelon.

    ## Action Space

    ``Box(-1, 1, (A,), float32)``: from no order to the largest sensible one on each arc.

    With ``actions = "order-up-to"``: the same box; each number moves the safety factor of the arc's
    echelon level by up to 3, and the order is what the level lacks. At 0 this is the optimised
    echelon base-stock policy, whose search takes some seconds when the environment is made.

    With ``actions = "discrete"``: ``Discrete(7**E)``, one of 7 safety factors for each of the
    network's ``E`` echelons (arcs as far from the customers as each other).

    ## Rewards

    What the period costs less than the levels at the middle of the action space cost on average,
    by the cost of a period with half the customers unserved. At markets whose demand comes in whole
    units the cost is the expected one, given the stock that customers find: the same on average,
    without the luck of the draw (see :mod:`.expectations`).

    ## Starting State

    The network's initial stock, and what it has under way.

    ## Episode End

    Truncated after the scenario's periods, as the network goes on; never terminated.

    ## Arguments

    - ``num_envs``: number of rows.
    - ``pool``: where scenarios come from.
    - ``actions``: ``orders``, ``order-up-to`` or ``discrete``.
    - ``autoreset_mode``: ``SAME_STEP`` for training, ``DISABLED`` for evaluation, which alone keeps
      the path that a solution consists of.

    ## Metrics

    - ``cost``: per counted period, discounted where the network says so; lower is better, and
      negative where revenue exceeds it.
    - ``holding``, ``shortage``, ``ordering``: its parts, before revenue.
    - ``fill_rate``: share of the demand served at once from stock.
    - ``feasible``: 1, as orders are cut to what is possible.

    ## References

    - Van Roy, Bertsekas, Lee & Tsitsiklis 1997, "A neuro-dynamic programming approach to retailer
      inventory management", 36th IEEE Conference on Decision and Control.
    - Hubbs et al. 2020, "OR-Gym: a reinforcement learning library for operations research
      problems", arXiv:2008.06319.
    - Gijsbrechts, Boute, Van Mieghem & Zhang 2022, "Can deep reinforcement learning improve
      inventory management?", Manufacturing & Service Operations Management 24(3).

    ## Version History

    - v0: first release.
    """  # noqa: E501 - a table's row is one line

    def __init__(
        self,
        num_envs: int,
        pool: Pool,
        *,
        actions: str = "orders",
        autoreset_mode: AutoresetMode = AutoresetMode.SAME_STEP,
    ) -> None:
        super().__init__(num_envs, pool, autoreset_mode=autoreset_mode)
        if actions not in ACTIONS:
            raise unknown("actions", str(actions), ACTIONS)
        self.actions = actions
        known: list[Scenario] = largest_of(pool)
        self._longest = max(scenario.periods for scenario in known)
        self._guides: dict[Network, Guide] = {}
        self._kinds: list[tuple[Guide, NDArray[np.bool_] | slice]] = []
        guides = [self._guide(scenario.network) for scenario in known]
        self._set_spaces(
            gymnasium.spaces.Box(
                -_FARTHEST, _FARTHEST, (max(guide.features for guide in guides),), np.float32
            ),
            gymnasium.spaces.Discrete(max(len(guide.grid) for guide in guides))
            if actions == "discrete"
            else self.orders_space(),
        )

    def _guide(self, network: Network) -> Guide:
        if network not in self._guides:
            best, coarse = self.actions == "order-up-to", self.actions == "discrete"
            self._guides[network] = Guide(network, self._longest, best=best, coarse=coarse)
        return self._guides[network]

    def _describe(self, row: int, instance: Scenario) -> None:
        if instance.network is not self._networks[row]:
            self._kinds = []
        super()._describe(row, instance)

    def _parts_of_batch(self) -> Iterator[tuple[Guide, NDArray[np.bool_] | slice, Stock]]:
        """Yield each network of the batch with its rows and their state."""
        if not self._kinds:
            # Compared by identity first: equality of large networks takes its time.
            distinct = {id(network): network for network in self._networks if network is not None}
            for network in distinct.values():
                rows: NDArray[np.bool_] = np.array([one is network for one in self._networks])
                self._kinds.append((self._guide(network), slice(None) if rows.all() else rows))
        for guide, some in self._kinds:
            yield guide, some, stock_of(self, guide.rule.network, some)

    def _orders(self, actions: Array) -> FloatArray:
        if self.actions == "orders":
            return self.orders_of(actions)
        orders = np.zeros(self.owed.shape)
        for guide, rows, stock in self._parts_of_batch():
            chosen, rule = actions[rows], guide.rule
            if self.actions == "discrete":
                factors = guide.grid[np.minimum(chosen, len(guide.grid) - 1)]
            else:
                moves = np.clip(chosen[:, : len(guide.centre)].astype(np.float64), -1.0, 1.0)
                factors = guide.centre + WIDTH * moves
            orders[rows, : len(guide.centre)] = rule.orders(stock, factors, rule.positions(stock))
        return orders

    def _reward(self, orders: FloatArray, costs: FloatArray) -> FloatArray:
        expected = costs.copy()
        now, happened = self.period - 1, self._outcome
        demand = self._demand[np.arange(self.num_envs), now]
        for guide, rows, _ in self._parts_of_batch():
            expected[rows] += guide.expectation.excess(
                now[rows], happened.on_hand[rows], happened.backorder[rows], happened.sold[rows],
                demand[rows],
            )  # fmt: skip
            expected[rows] -= guide.usual_cost
        return -expected / self.scale

    def _observe(self) -> Array:
        observations = np.zeros(self.observation_space.shape or (), np.float32)
        for guide, rows, stock in self._parts_of_batch():
            observations[rows, : guide.features] = guide.observe(stock)
        return np.clip(observations, -_FARTHEST, _FARTHEST, out=observations)
