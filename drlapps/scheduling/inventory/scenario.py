"""An instance of an inventory task: a network and one path of its customers' demand."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.inventory.network import Network

_DEMAND, _PATIENCE = 0, 1


@dataclass(frozen=True)
class Scenario:
    """A network, and all that is random in it as a function of a seed.

    Attributes:
        name: what reports call it.
        network: what is supplied and how.
        seed: of the demand, below 2**64.
        periods: length of the episode.
        warm_up: periods at its start whose costs do not count.
    """

    name: str
    network: Network
    seed: int
    periods: int
    warm_up: int = 0

    @cached_property
    def demand(self) -> NDArray[np.float64]:
        """Demand of each period and node, shape ``(periods, nodes)``; 0 where nobody buys.

        A node's path hangs on the seed and the node's place alone, so that policies and changes of
        costs or lead times meet the same customers.
        """
        paths = np.zeros((self.periods, len(self.network.nodes)))
        for index, law in self.network.laws:
            rng = np.random.default_rng([self.seed, _DEMAND, index])
            paths[:, index] = law.sample(rng, self.periods)
        return paths

    @cached_property
    def patience(self) -> NDArray[np.float64]:
        """Uniform numbers that decide who takes a special delivery, shape like the demand's.

        Empty (0 periods) where no customer of the network would.
        """
        shape = (self.periods, len(self.network.nodes))
        if not any(node.waiting for node in self.network.nodes):
            return np.zeros((0, shape[1]))
        return np.random.default_rng([self.seed, _PATIENCE]).random(shape)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what makes the problem (not of its name), in hexadecimal."""
        content = repr((self.network, self.seed, self.periods, self.warm_up))
        return hashlib.sha256(b"inventory" + content.encode()).hexdigest()

    @property
    def reference(self) -> float | None:
        """The optimal long-run cost per period, where a task knows it."""
        return None

    @property
    def bound(self) -> float | None:
        """What no policy's expected cost can beat, where a task knows it."""
        return None


ScenarioT = TypeVar("ScenarioT", bound=Scenario)


@dataclass(frozen=True)
class RandomPaths(Generic[ScenarioT]):
    """A pool without end: fresh paths of given scenarios' problems, each equally likely.

    Attributes:
        scenarios: one of each problem.
        size: a scenario that none of them exceeds in size.
    """

    scenarios: tuple[ScenarioT, ...]
    size: ScenarioT

    def sample(self, rng: np.random.Generator) -> ScenarioT:
        """Draw a problem and a seed."""
        chosen = self.scenarios[int(rng.integers(len(self.scenarios)))]
        return replace(chosen, name="random", seed=int(rng.integers(2**63)))

    def largest(self) -> ScenarioT:
        """Return a scenario that no drawn one exceeds in size."""
        return self.size


def path_seed(name: str, number: int) -> int:
    """Return the seed of path ``number`` of a named problem: a hash of both."""
    return int.from_bytes(hashlib.sha256(f"{name}:{number}".encode()).digest()[:8], "big")
