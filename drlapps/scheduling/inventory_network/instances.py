"""Inventory-network pools and named instances.

=============  ==================================================================
pool           instances
=============  ==================================================================
``train``      endless paths of one network
``validation`` 8 paths of the same network
``test``       4 other paths of ``ten-node``
``toy``        two scenarios of its shape and known demand, solved by hand
=============  ==================================================================

An instance is named ``PROBLEM:K``, the problem's path ``K``; ``PROBLEM`` alone is path 0 and
``PROBLEM:A..B`` a range. The problems are those of :data:`.networks.PROBLEMS`; a file ending in
.toml or .json holds a network of one's own. Networks differ in size and so in their spaces: an
agent is trained for one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from drlapps import naming
from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.demand import Constant, Trace
from drlapps.scheduling.inventory.files import SUFFIXES, read_network
from drlapps.scheduling.inventory.network import Arc, Network, Node, network
from drlapps.scheduling.inventory.scenario import RandomPaths, Scenario, path_seed
from drlapps.scheduling.inventory_network.networks import PROBLEMS, Problem

DEFAULT = "ten-node"
TEST_PATHS, VALIDATION_PATHS = 4, 8
PERIODS, WARM_UP = 1100, 100
"""How long a network of one's own is run."""

_OWN_PATHS = 1_000_000


@dataclass(frozen=True)
class NetworkScenario(Scenario):
    """A path of a network.

    Attributes:
        optimum: the least cost per period, where it is known.
    """

    optimum: float | None = None

    @property
    def reference(self) -> float | None:
        """The optimum, where it is known."""
        return self.optimum

    @property
    def bound(self) -> float | None:
        """The same: the optimum is attained."""
        return self.optimum


def path(problem: str, number: int) -> NetworkScenario:
    """Return path ``number`` of a problem; its seed is a hash of name and number.

    Args:
        problem: a name, or a file.
        number: of the path.

    Raises:
        InputError: there is no such problem, or its file is malformed.
    """
    found = named_problem(problem)
    return NetworkScenario(
        f"{problem}:{number}",
        found.network,
        path_seed(problem, number),
        found.periods,
        found.warm_up,
    )


def train(problem: str = DEFAULT, periods: int = 240) -> RandomPaths[NetworkScenario]:
    """Return the pool to train on.

    Args:
        problem: a named problem, or a file.
        periods: length of an episode.

    Raises:
        InputError: there is no such problem, or no such length.
    """
    if isinstance(periods, bool) or not isinstance(periods, int) or periods < 1:
        raise InputError(f"periods must be a whole number above 0, not {periods!r}")
    scenario = NetworkScenario("path", named_problem(str(problem)).network, 0, periods)
    return RandomPaths((scenario,), scenario)


@cache
def validation(problem: str = DEFAULT) -> tuple[NetworkScenario, ...]:
    """Return 8 paths of the problem trained on, of 300 periods at most.

    Args:
        problem: a named problem, or a file.
    """
    numbers = range(_OWN_PATHS, _OWN_PATHS + VALIDATION_PATHS)
    paths = [path(str(problem), number) for number in numbers]
    return tuple(replace(one, periods=min(one.periods, 240 + one.warm_up)) for one in paths)


@cache
def test() -> tuple[NetworkScenario, ...]:
    """Return 4 other paths of ``ten-node``."""
    return tuple(path(DEFAULT, number) for number in range(1, TEST_PATHS + 1))


def toy() -> tuple[NetworkScenario, ...]:
    """Return two scenarios of ``ten-node``'s shape, whose optimum a reader can work out.

    There is no stock but what is said here.

    **toy-eve**: one period, in which nothing that is ordered can arrive. Retailers hold 24, 36, 42,
    30, 27 and 21 units for customers who want 20, 40, 42, 25, 30 and 20: 10 are left over, at a
    holding cost of 1, and 7 sales are lost at 20. Ordering can only add to that: ``150``.

    **toy-morrow**: two periods. Each retailer has what the first period's customers want, and in
    the second only ``harbour`` is asked, for 6. The centre ``north`` holds 6, a period away, at 0.2
    a unit shipped: ``6 * 0.2 / 2 = 0.6``.
    """
    stock = {"harbour": 24, "airport": 36, "centre": 42, "campus": 30, "suburb": 27, "valley": 21}
    wanted = dict(zip(stock, ((20,), (40,), (42,), (25,), (30,), (20,)), strict=True))
    again = {name: (units, 6 * (name == "harbour")) for name, units in stock.items()}
    eve, morrow = _ten_nodes(stock, wanted), _ten_nodes({**stock, "north": 6}, again)
    return (
        NetworkScenario("toy-eve", eve, 0, 1, optimum=150.0),
        NetworkScenario("toy-morrow", morrow, 0, 2, optimum=0.6),
    )


def _ten_nodes(stock: Mapping[str, int], demand: Mapping[str, tuple[int, ...]]) -> Network:
    """Return ``ten-node`` with other stock and with known demand."""
    network = named_problem(DEFAULT).network
    nodes = [replace(node, initial=stock.get(node.name, 0)) for node in network.nodes]
    known = [
        replace(node, demand=Trace(demand[node.name])) if node.name in demand else node
        for node in nodes
    ]
    return replace(network, nodes=tuple(known))


def solved() -> tuple[NetworkScenario, ...]:
    """Return four more small networks of known demand, solved by hand; they go by their names.

    **toy-shop**: three periods, lead time 1, demand of 4, no stock. Nothing can arrive in the first
    period: 4 lost at 10. In each of the others 4 units bought at 2 spare a loss at 10, and what is
    ordered in the last period would come too late. ``(40 + 8 + 8) / 3 = 18.666667``.

    **toy-shared**: one period, 6 units at the warehouse, a shipment arrives at once, two shops ask
    for 4 each. Lost sales cost 9 at the first and 5 at the second, so the first gets 4 and the
    second 2: ``2 * 5 = 10``.

    **toy-assembly**: one period, 3 frames and 4 wheels make 2 of the 3 bicycles asked for: one is
    lost at 10, and a frame is left over, wherever it lies, at 1: ``11``.

    **toy-suppliers**: four periods, demand of 2, holding 1, lost sales 10. One supplier is at once
    and costs 3 a unit, the other takes 2 periods and costs 1. The first two periods must be served
    by the first, the last two by the other, just in time: ``(6 + 6 + 2 + 2) / 4 = 4``.
    """
    shop = Node("shop", holding=1.0, demand=Constant(4.0), penalty=10.0, lost_sales=True)
    dear = replace(shop, name="dear", penalty=9.0)
    plain = replace(shop, name="plain", penalty=5.0)
    steady = replace(shop, demand=Constant(2.0))
    parts = [Node("frames", initial=3, holding=1.0), Node("wheels", initial=4, holding=1.0)]
    bicycle = replace(shop, name="bicycle", demand=Constant(3.0), assembles=True)
    single = network([shop], [Arc("", "shop", cost=2.0)])
    shared = network(
        [Node("warehouse", initial=6, holding=1.0), dear, plain],
        [
            Arc("", "warehouse"),
            *(Arc("warehouse", name, lead_time=0) for name in ("dear", "plain")),
        ],
    )
    assembled = network(
        [*parts, bicycle],
        [
            Arc("", "frames"),
            Arc("", "wheels"),
            Arc("frames", "bicycle", lead_time=0, holding=1.0),
            Arc("wheels", "bicycle", lead_time=0, quantity=2.0),
        ],
    )
    twice = network(
        [Node("near", initial=8), steady],
        [
            Arc("", "near", lead_time=1),
            Arc("", "shop", lead_time=2, cost=1.0),
            Arc("near", "shop", lead_time=0, cost=3.0),
        ],
    )
    return (
        NetworkScenario("toy-shop", single, 0, 3, optimum=56.0 / 3.0),
        NetworkScenario("toy-shared", shared, 0, 1, optimum=10.0),
        NetworkScenario("toy-assembly", assembled, 0, 1, optimum=11.0),
        NetworkScenario("toy-suppliers", twice, 0, 4, optimum=4.0),
    )


def named(words: Iterable[str]) -> list[NetworkScenario]:
    """Return the scenarios that the given words name, in their order.

    Raises:
        InputError: there is no such scenario, or its file is malformed.
    """
    return naming.paths(words, (*toy(), *solved()), path)


@cache
def named_problem(name: str) -> Problem:
    """Return the problem of a name or of a file.

    Raises:
        InputError: there is no such problem, or its file is malformed.
    """
    if name in PROBLEMS:
        return PROBLEMS[name]()
    if name.endswith(SUFFIXES):
        network, episode = read_network(Path(name))
        if "periods" in episode:
            return Problem(network, episode["periods"], episode.get("warm_up", 0))
        return Problem(network, PERIODS, WARM_UP)
    raise unknown("problem", name, PROBLEMS)
