"""Optimisation by simulation: candidates compete on the same demand, all in one batch.

Common random numbers make costs comparable: two candidates differ on a path by what they do, not by
what their customers do. The best of a continuum is then found as if costs were exact: by golden
section along a line, by CMA-ES in more dimensions. All is deterministic.

References:
    Kiefer 1953, "Sequential minimax search for a maximum", Proceedings of the American
    Mathematical Society 4(3);
    Hansen 2016, "The CMA evolution strategy: a tutorial", arXiv:1604.00772.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeAlias

import gymnasium
import numpy as np
from numpy.typing import NDArray

from drlapps.scheduling.inventory import kernels
from drlapps.scheduling.inventory.environment import InventoryEnv
from drlapps.scheduling.inventory.scenario import Scenario
from drlapps.vector import Array

FloatArray: TypeAlias = NDArray[np.float64]

Rule: TypeAlias = Callable[[InventoryEnv, FloatArray], FloatArray]
"""Orders (B, A) of a batch whose rows have the parameters (B, K)."""

Costs: TypeAlias = Callable[[FloatArray], FloatArray]
"""Costs (C,) of candidates (C, K)."""

_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class Laboratory(InventoryEnv):
    """An environment to simulate in: actions are orders, and nothing is observed.

    Args:
        scenarios: one a row.
    """

    def __init__(self, scenarios: Sequence[Scenario]) -> None:
        super().__init__(len(scenarios), scenarios)
        arcs = self.owed.shape[1]
        self._set_spaces(
            gymnasium.spaces.Box(0.0, 0.0, (1,), np.float32),
            gymnasium.spaces.Box(0.0, np.inf, (arcs,), np.float64),
        )
        self.scenarios = tuple(scenarios)

    def _orders(self, actions: Array) -> FloatArray:
        return np.array(actions, np.float64)

    def _observe(self) -> Array:
        return np.zeros((self.num_envs, 1), np.float32)

    def play(self, rule: Callable[[InventoryEnv], FloatArray]) -> FloatArray:
        """Return the cost per counted period of every row's scenario, shape (B,).

        Args:
            rule: the orders (B, A) in the state that the batch is in.
        """
        nothing_random = np.random.default_rng(0)
        for row, scenario in enumerate(self.scenarios):
            self.instances[row] = scenario
            self._load(row, scenario, nothing_random)
        while (active := self.period < self._periods).any():
            orders = rule(self)
            kernels.admit(self.parts, self._state, orders)
            self._move(orders, active)
        counted = np.maximum(self._periods - self._warm_up, 1)
        return np.asarray(self.totals[:, kernels.COST] / counted)


def simulate(scenarios: Sequence[Scenario], rule: Rule) -> Costs:
    """Return the function that plays candidates on the same scenarios: their mean costs.

    Args:
        scenarios: the paths that every candidate meets.
        rule: what a row orders under its candidate's parameters.
    """
    laboratories: dict[int, Laboratory] = {}

    def costs(candidates: FloatArray) -> FloatArray:
        number = len(candidates)
        if number not in laboratories:
            laboratories[number] = Laboratory([*scenarios] * number)
        parameters = np.repeat(candidates, len(scenarios), axis=0)
        found = laboratories[number].play(lambda env: rule(env, parameters))
        return np.asarray(found.reshape(number, -1).mean(axis=1))

    return costs


def golden_section(costs: Costs, low: float, high: float, tolerance: float = 1e-3) -> float:
    """Return where costs of one parameter are least, if they fall and then rise.

    Args:
        costs: of candidates (C, 1).
        low: the least parameter.
        high: the largest.
        tolerance: how near to the best, in units of the parameter.
    """
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = costs(np.array([[left], [right]])).tolist()
    while high - low > tolerance:
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = float(costs(np.array([[left]]))[0])
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = float(costs(np.array([[right]]))[0])
    return 0.5 * (low + high)


def best_integer(costs: Costs, low: int, high: int, width: int = 16) -> int:
    """Return the whole number of least cost, if costs fall and then rise.

    Each round plays ``width`` numbers at even distances, and goes on between the best one's
    neighbours; the last round plays every number that is left.

    Args:
        costs: of candidates (C, 1).
        low: the least number.
        high: the largest.
        width: candidates of a round, above 2.
    """
    while True:
        tried = np.unique(np.rint(np.linspace(low, high, width)).astype(np.int64))
        best = int(costs(tried[:, None].astype(np.float64)).argmin())
        if len(tried) == high - low + 1:
            return int(tried[best])
        low, high = int(tried[max(best - 1, 0)]), int(tried[min(best + 1, len(tried) - 1)])


def cma_es(
    costs: Costs,
    start: FloatArray,
    sigma: float,
    *,
    generations: int = 60,
    population: int | None = None,
    bounds: FloatArray | None = None,
    seed: int = 0,
) -> FloatArray:
    """Return parameters of low cost, by the covariance matrix adaptation evolution strategy.

    The answer is the best of all candidates played, of the start and of the last mean, which costs
    less than any candidate where costs are noisy or flat.

    Args:
        costs: of candidates (C, K), K above 1.
        start: first guess, shape (K,).
        sigma: how far the best may be from it, in each parameter.
        generations: rounds of candidates.
        population: candidates a round; left out, ``4 + 3 ln K``.
        bounds: least and largest of each parameter, shape (K, 2).
        seed: of the draws.
    """
    from cmaes import CMA

    size = population or 4 + int(3 * math.log(len(start)))
    strategy = CMA(mean=start, sigma=sigma, bounds=bounds, seed=seed, population_size=size)
    best, least = np.array(start), float(costs(start[None])[0])
    for _ in range(generations):
        candidates = np.array([strategy.ask() for _ in range(size)])
        found = costs(candidates)
        strategy.tell(list(zip(candidates, found.tolist(), strict=True)))
        if found.min() < least:
            best, least = candidates[found.argmin()], float(found.min())
        if strategy.should_stop():
            break
    mean = np.array(strategy.mean)
    return mean if float(costs(mean[None])[0]) <= least else best
