"""The classical rules for two sources, each at its best parameters.

All rules but the last restrict the **capped dual index** policy (Sun & Van Mieghem 2019): expedite
up to ``S_e``, looking at what arrives within ``l_e``; then order regular units up to ``S_r``,
looking at all, but no more than ``cap``::

    q_e = (S_e - x)+        q_r = min( (S_r - x - q_e - y_1 - .. - y_m)+, cap )

==================== ======================= ================================================
rule                 restriction             source
==================== ======================= ================================================
capped dual index    none                    Sun & Van Mieghem 2019
dual index           no cap                  Veeraraghavan & Scheller-Wolf 2008
tailored base-surge  ``S_r`` infinite        Allon & Van Mieghem 2010
regular only         ``S_e`` minus infinity  base stock (with capacity: Federgruen & Zipkin 1986)
expedite only        ``cap = 0``             base stock
single index         ``q_e`` looks at all    Scheller-Wolf, Veeraraghavan & van Houtum 2007
==================== ======================= ================================================

**Separation.** With ``Delta = S_r - S_e``, the overshoot ``o = x + q_e - S_e`` and the pipeline
move without regard to ``S_e``::

    q_r = min((Delta - o - sum y)+, cap),    o' = (o + y_1 - D)+,    q_e' = (D - o - y_1)+

So the best ``S_e`` is a newsvendor's, against the demand of ``l_e + 1`` periods minus the
overshoot, and only ``Delta`` and the cap need a search. The law of the overshoot is computed
exactly from its Markov chain where that is small, else it is counted on one long path of the
demand, the same for all parameters.

References:
    Allon & Van Mieghem 2010, "Global dual sourcing: tailored base-surge allocation to near- and
    offshore production", Management Science 56(1);
    Federgruen & Zipkin 1986, "An inventory model with limited production capacity and uncertain
    demands", Mathematics of Operations Research 11(2);
    Scheller-Wolf, Veeraraghavan & van Houtum 2007, "Effective dual sourcing with a single index
    policy", working paper, Carnegie Mellon University;
    Sun & Van Mieghem 2019, "Robust dual sourcing inventory management: optimality of capped dual
    index policies and smoothing", Manufacturing & Service Operations Management 21(4);
    Veeraraghavan & Scheller-Wolf 2008, Operations Research 56(4).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.linalg import solve_banded

from drlapps.scheduling.dual_sourcing.problem import Problem, newsvendor

FloatArray = NDArray[np.float64]

PATH = 200_000
"""Periods of the path on which large overshoot chains are counted."""

MOST_TRANSITIONS = 50_000
"""Larger chains are simulated."""

LONGEST_WALK = 100_000
"""A walk that reaches further is not computed: its stock could not pay."""

_CLOSE = 1e-13  # change of a law at which its chain counts as settled
_TAIL = 1e-12
_SEED = 0xD5


@dataclass(frozen=True)
class Rule:
    """A rule's parameters and what they cost.

    Attributes:
        expedite_to: ``S_e``; minus infinity if it never expedites.
        order_to: ``S_r``; infinite if the regular order is always the cap.
        cap: most units of a regular order.
        cost: long-run cost per period.
        exact: whether the cost is exact, not estimated on a path.
        single: whether expediting looks at all that is under way.
    """

    expedite_to: float
    order_to: float
    cap: int
    cost: float
    exact: bool = True
    single: bool = False

    def orders(self, position: FloatArray, total: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return regular and expedited orders, each (B,).

        Args:
            position: the expedited inventory position ``x``, (B,).
            total: the same with all regular orders under way, (B,).
        """
        seen = total if self.single else position
        expedited = np.maximum(self.expedite_to - seen, 0.0)
        return np.clip(self.order_to - total - expedited, 0.0, self.cap), expedited

    def details(self) -> dict[str, float]:
        """Return the finite parameters and the cost, under the names of the literature."""
        found = {
            "S_e": float(self.expedite_to),
            "S_r": float(self.order_to),
            "cap": float(self.cap),
            "expected_cost" if self.exact else "estimated_cost": self.cost,
        }
        return {name: value for name, value in found.items() if math.isfinite(value)}


@lru_cache(maxsize=256)
def capped_dual_index(problem: Problem) -> Rule:
    """Return the best capped dual index policy."""

    def best(cap: int) -> Rule:
        return _best_difference(problem, cap)

    return _search(best, range(1, problem.capacity + 1), 3)


@lru_cache(maxsize=256)
def dual_index(problem: Problem) -> Rule:
    """Return the best dual index policy: nothing caps its regular orders but the capacity."""
    return _best_difference(problem, problem.capacity)


@lru_cache(maxsize=256)
def tailored_base_surge(problem: Problem) -> Rule:
    """Return the best constant regular order below the mean demand, and its ``S_e``."""
    most = min(problem.capacity, math.ceil(problem.demand.mean) - 1)

    pmf = problem.demand.pmf()
    walks = {cap: reflected_walk(pmf[::-1], cap - len(pmf) + 1) for cap in range(most + 1)}
    rules = [
        _separated(problem, overshoot, problem.demand.mean - cap, math.inf, cap)
        for cap, overshoot in walks.items()
        if overshoot is not None
    ]
    return min(rules, key=lambda rule: rule.cost)


def regular_only(problem: Problem) -> Rule:
    """Return the best base-stock policy of the regular source, its capacity respected.

    The capacity delays a shortfall that is a reflected random walk, added to the demand of the
    lead time. Where the capacity hardly exceeds the mean demand, or not at all, there is no such
    policy: the cost is infinite.
    """
    cap = problem.capacity
    shortfall = reflected_walk(problem.demand.pmf(), -cap)
    if shortfall is None:
        return Rule(-math.inf, problem.base_stock(problem.regular_lead_time + 1), cap, math.inf)
    ahead = np.convolve(problem.demand.lead_time_pmf(problem.regular_lead_time + 1), shortfall)
    stock, cost = newsvendor(ahead, problem.holding, problem.penalty)
    return Rule(-math.inf, stock, cap, problem.unavoidable + cost)


def expedite_only(problem: Problem) -> Rule:
    """Return the best base-stock policy of the expedited source."""
    return _separated(problem, np.ones(1), problem.demand.mean, 0.0, 0)


@lru_cache(maxsize=256)
def single_index(problem: Problem) -> Rule:
    """Return the best single index policy.

    The total position after ordering is always ``S_r``, so that the regular order is ``min(D,
    Delta)`` of the demand before, and the expedited one the rest. All is a sum of independent
    numbers: exact.
    """
    pmf = problem.demand.pmf()
    lead = problem.demand.lead_time_pmf(problem.expedited_lead_time + 1)

    def rule(difference: int) -> Rule:
        regular = np.append(pmf[:difference], pmf[difference:].sum())
        ahead = lead
        for _ in range(problem.lead_time_difference):
            ahead = np.convolve(ahead, regular)
        stock, cost = newsvendor(ahead, problem.holding, problem.penalty)
        expedited = problem.demand.mean - float(regular @ np.arange(len(regular)))
        total = problem.unavoidable + problem.premium * expedited + cost
        return Rule(stock - difference, stock, problem.capacity, total, single=True)

    return min(map(rule, range(problem.capacity + 1)), key=lambda rule: rule.cost)


def _best_difference(problem: Problem, cap: int) -> Rule:
    """Return the best rule with a given cap."""
    longest = problem.demand.quantile(0.9999, problem.lead_time_difference + 1)

    def rule(difference: int) -> Rule:
        overshoot, expedited, exact = overshoot_law(problem, difference, cap)
        return _separated(problem, overshoot, expedited, difference, cap, exact)

    return _search(rule, range(int(longest) + 1), _patience(problem))


def _patience(problem: Problem) -> int:
    """Return how many parameters in a row may bring nothing before a search ends."""
    return 3 + int(2.0 * problem.demand.mean)


def _search(rule: Callable[[int], Rule], candidates: Iterable[int], patience: int) -> Rule:
    """Return the cheapest rule of rising candidates, ending after too many without a gain."""
    first, *others = candidates
    best, waited = rule(first), 0
    for candidate in others:
        found = rule(candidate)
        if found.cost < best.cost - 1e-9 * abs(best.cost):
            best, waited = found, 0
        elif (waited := waited + 1) > patience:
            break
    return best


def _separated(
    problem: Problem,
    overshoot: FloatArray,
    expedited: float,
    difference: float,
    cap: int,
    exact: bool = True,
) -> Rule:
    """Return the rule with the best ``S_e`` against an overshoot.

    Args:
        problem: the problem.
        overshoot: probabilities of 0, 1, ...
        expedited: mean expedited order.
        difference: ``S_r - S_e``.
        cap: most units of a regular order.
        exact: whether the overshoot's law is.
    """
    reached = np.arange(len(overshoot), dtype=np.float64)

    def cost(level: int) -> float:
        return float(problem.stock_cost(level + reached) @ overshoot)

    # The cost is convex: find where it stops falling.
    highest = problem.base_stock(problem.expedited_lead_time + 1)
    levels = range(highest - len(overshoot) + 1, highest)
    best = levels.start + bisect_left(
        levels, True, key=lambda level: cost(level + 1) - cost(level) >= -1e-9
    )
    total = problem.unavoidable + problem.premium * expedited + cost(best)
    return Rule(best, best + difference, cap, total, exact)


def reflected_walk(steps: FloatArray, first: int) -> FloatArray | None:
    """Return the stationary law of ``w' = (w + step)+``, a random walk kept from falling below 0.

    The balance of each place above 0 is an equation; with the law at 0 set to 1 and the tail cut
    off they are a banded linear system.

    Args:
        steps: probabilities of the steps ``first``, ``first + 1``, ...
        first: the lowest step, below 0.

    Returns:
        Probabilities of 0, 1, ...; ``None`` where they reach beyond :data:`LONGEST_WALK`, or for
        ever because the mean step is not negative.
    """
    fall, rise = -first, first + len(steps) - 1
    if rise <= 0:
        return np.ones(1)
    if steps @ np.arange(first, rise + 1) >= 0.0:
        return None
    size = max(64, 4 * len(steps))
    while size <= LONGEST_WALK:
        bands = np.repeat(-steps[:, None], size, axis=1)
        bands[fall] += 1.0
        from_zero = np.zeros(size)
        from_zero[:rise] = steps[fall + 1 :]
        law = np.append(1.0, solve_banded((rise, fall), bands, from_zero))
        law /= law.sum()
        if law[-1] < _TAIL:
            return np.asarray(law)
        size *= 4
    return None


def overshoot_law(problem: Problem, difference: int, cap: int) -> tuple[FloatArray, float, bool]:
    """Return the law of the overshoot, the mean expedited order, and whether they are exact."""
    entries = problem.lead_time_difference - 1
    pmf = problem.demand.pmf()
    base = min(cap, difference) + 1
    if (difference + 1) * base**entries * len(pmf) <= MOST_TRANSITIONS:
        return *_chain(pmf, difference, cap, entries, base), True
    return *_count(_path(problem), difference, cap, entries), False


@lru_cache(maxsize=8)
def _path(problem: Problem) -> NDArray[np.int64]:
    rng = np.random.default_rng(_SEED)
    return problem.demand.sample(rng, PATH).astype(np.int64)


@njit(cache=True, error_model="numpy")
def _chain(
    pmf: FloatArray, difference: int, cap: int, entries: int, base: int
) -> tuple[FloatArray, float]:
    """Return overshoot law and mean expedited order, by iterating the lazy chain."""
    pipelines = base**entries
    rest = max(pipelines // base, 1)
    law = np.zeros((difference + 1, pipelines))
    law[0, 0] = 1.0
    expedited = 0.0
    for _ in range(100_000):
        # Half of the mass stays where it is: no cycle survives.
        moved = 0.5 * law
        expedited = 0.0
        for o in range(difference + 1):
            for p in range(pipelines):
                mass = law[o, p]
                if mass == 0.0:
                    continue
                under_way, number = 0, p
                for _ in range(entries):
                    under_way += number % base
                    number //= base
                order = min(max(difference - o - under_way, 0), cap)
                if entries:
                    arriving, following = p // rest, (p % rest) * base + order
                else:
                    arriving, following = order, 0
                for d in range(len(pmf)):
                    left = o + arriving - d
                    moved[max(left, 0), following] += 0.5 * mass * pmf[d]
                    expedited += mass * pmf[d] * max(-left, 0)
        change = np.abs(moved - law).sum()
        law = moved
        if change < _CLOSE:
            break
    return law.sum(axis=1), expedited


@njit(cache=True, error_model="numpy")
def _count(
    demand: NDArray[np.int64], difference: int, cap: int, entries: int
) -> tuple[FloatArray, float]:
    """Return overshoot law and mean expedited order, as counted on a path."""
    law = np.zeros(difference + 1)
    pipeline = np.zeros(entries + 1, np.int64)
    skipped = len(demand) // 100
    overshoot = under_way = 0
    expedited = 0.0
    for t in range(len(demand)):
        slot = t % (entries + 1)
        order = min(max(difference - overshoot - under_way, 0), cap)
        pipeline[slot] = order
        under_way += order
        # The oldest order arrives; without a pipeline that is the one just placed.
        arriving = pipeline[(slot + 1) % (entries + 1)]
        under_way -= arriving
        left = overshoot + arriving - demand[t]
        if t >= skipped:
            law[overshoot] += 1.0
            expedited += max(-left, 0)
        overshoot = max(left, 0)
    counted = len(demand) - skipped
    return law / counted, expedited / counted
