"""The exact optimum: all radial configurations, and for each the best loads.

**What is exact.** The answer is best by :func:`~.outage.rank` among *all* radial configurations
with *all* choices of connected loads, every one of them judged by AC power flow, provided that each
load has a breaker of its own, is worth something and only consumes. Three arguments make a list of
trees suffice:

* Shedding a load raises all voltages and lowers all currents. So a tree that serves everything
  within limits is best with everything connected, and where none does, the best answer keeps all
  limits: whatever violates them adds nothing to the load served.
* Darkness is never worth a switching operation. Where a branch is opened and the part behind it
  left dark, one may as well leave it closed and shed the loads behind it: the flows are the same,
  and the operations fewer. So a best answer with fewest operations leaves dark, beside what cannot
  be reached, only whole sections that the fault has cut off; all spanning trees of all other
  sections are listed, for every choice of sections left dark.
* A bound by LinDistFlow, then one by tangents (:mod:`.shedding_kernels`), tells which trees cannot
  reach the best load known; the others are searched. Three passes follow the rank: the most load,
  then the fewest operations that serve it, then the least loss at those operations.

With a limit on operations that the unlimited answer does not keep, the list is instead of all sets
of switching operations within the limit, whatever they leave dark.

Loads without a breaker cannot be shed: the answer then is the best of those that keep all limits
and leave no more than whole sections dark. If there is none, or if a bus generates, the status is
"feasible" and nothing is proven. Line ratings are limits like those of voltages. Loads of no worth
are shed wherever something has to be, and else stay.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from drlapps.energy.grid.feeder import BASE_KVA, Bools, Ints
from drlapps.energy.grid.radial_trees import MOST_LOOPS, Loops, loops
from drlapps.energy.restoration import shedding_kernels as kernels
from drlapps.energy.restoration.enumeration_kernels import screen
from drlapps.energy.restoration.outage import Configuration, Outage, assess
from drlapps.energy.restoration.plans import Answer
from drlapps.energy.restoration.shedding import best_shedding, model_of
from drlapps.energy.restoration.shedding_search import best_loads
from drlapps.errors import InputError

LIMIT = 5_000_000
MOST_NODES = 20_000_000
"""Of the search for the best loads of one tree."""


@dataclass(frozen=True)
class Candidates:
    """Configurations to choose from, as branches that differ from one of a few bases.

    Attributes:
        bases: (f, e).
        base: the one of each candidate, (c,).
        flips: branches in the other position than there, (c, k), -1 for none.
        operations: switching operations that lead there, (c,).
    """

    bases: Bools
    base: Ints
    flips: Ints
    operations: Ints

    def closed(self, index: int) -> Bools:
        """Return the positions of one candidate."""
        closed: Bools = self.bases[self.base[index]].copy()
        flips = self.flips[index]
        closed[flips[flips >= 0]] ^= True
        return closed


def configure(outage: Outage, limit: int = LIMIT) -> Answer:
    """Find the best configuration of all.

    Args:
        outage: the instance.
        limit: greatest number of radial configurations.

    Raises:
        InputError: there are more.
    """
    # Were trees searched within the limit, what leaves a part dark to save operations would be
    # missed: only an answer without limit that happens to keep it is best.
    answer = _Search(outage, spanning_trees(outage, limit)).run()
    most = outage.max_operations
    if most is not None and _operations(outage, answer.configuration) > most:
        answer = _Search(outage, within_operations(outage, most, limit), most).run()
    return answer


def spanning_trees(outage: Outage, limit: int = LIMIT) -> Candidates:
    """List all spanning trees of what the source can reach, but for sections left dark.

    Raises:
        InputError: there are more than ``limit``.
    """
    families = [_family(outage, dark) for dark in _subsets(list(_dead_sections(outage)))]
    total = sum(family.count for family in families)
    if total > limit or len(families[0].matrix) > MOST_LOOPS:
        number = f"{total:,}" if total < 10**9 else f"{float(total):.1e}"
        raise InputError(
            f"{outage.name}: {number} radial configurations are more than enumeration's limit of "
            f"{limit:,}; use branch-exchange or milp"
        )
    width = max(len(family.matrix) for family in families)
    bases, base, flips, operations = [], [], [], []
    for i, family in enumerate(families):
        trees = family.trees()
        # What is not among the family's branches stays as the fault left it.
        closed = family.closed | (outage.start & ~_touched(outage, family))
        differs = closed != outage.start
        bases.append(closed)
        base.append(np.full(len(trees), i))
        flips.append(np.pad(trees, ((0, 0), (0, width - trees.shape[1])), constant_values=-1))
        operations.append(differs.sum() + np.where(differs[trees], -1, 1).sum(axis=1))
    return Candidates(
        np.array(bases), np.concatenate(base), np.concatenate(flips), np.concatenate(operations)
    )


def within_operations(outage: Outage, most: int, limit: int = LIMIT) -> Candidates:
    """List all sets of at most ``most`` switching operations.

    Raises:
        InputError: there are more than ``limit``.
    """
    switches = np.flatnonzero(outage.operable).tolist()
    total = sum(math.comb(len(switches), k) for k in range(most + 1))
    if total > limit:
        raise InputError(
            f"{outage.name}: {total:,} sets of at most {most} switching operations are more than "
            f"enumeration's limit of {limit:,}; use branch-exchange or milp"
        )
    width = min(most, len(switches))
    flips = np.full((total, width), -1)
    sets = chain.from_iterable(combinations(switches, k) for k in range(width + 1))
    for row, chosen in zip(flips, sets, strict=True):
        row[: len(chosen)] = chosen
    return Candidates(
        outage.start[None], np.zeros(total, np.int64), flips, (flips >= 0).sum(axis=1)
    )


class _Search:
    """The search of one list of candidates.

    Args:
        outage: the instance.
        candidates: to choose from.
        most: operations of switches and load breakers; any number if left out.
    """

    def __init__(self, outage: Outage, candidates: Candidates, most: int | None = None) -> None:
        self.outage = outage
        self.candidates = candidates
        self.model = model_of(outage)
        number = len(candidates.base)
        self.bound = np.full(number, np.inf)
        self.loss = np.full(number, np.nan)
        self.evaluated = 0
        self.nodes = 0
        self.proven = self.model.consumes
        n = len(outage.p)
        self.most_shed = np.full(number, n) if most is None else most - candidates.operations

    def run(self) -> Answer:
        """Return the best answer."""
        whole = self._everything()
        if whole is not None:
            return whole
        found = self._most_load()
        if found is None:
            return self._least_bad()
        served, index, connected = found
        if not self.outage.minimises_loss:
            index, connected = self._fewest_operations(served, index, connected)
        index, connected = self._least_loss(served, index, connected)
        return self._answer(Configuration(self.candidates.closed(index), connected), served)

    def _everything(self) -> Answer | None:
        """Look for configurations that serve all that can be reached, fewest operations first."""
        groups = [np.arange(len(self.bound))]
        if not self.outage.minimises_loss:
            order = np.argsort(self.candidates.operations, kind="stable")
            steps = np.flatnonzero(np.diff(self.candidates.operations[order])) + 1
            groups = np.split(order, steps)
        top = float(self.outage.worth[_family(self.outage, []).reached].sum())
        for group in groups:
            self._screen(group)
            whole = group[
                ~np.isnan(self.loss[group])
                & (self.bound[group] >= top - kernels.EPSILON)
                & (self.most_shed[group] >= 0)
            ]
            if len(whole):
                losses = np.round(self.loss[whole] / kernels.SAME_LOSS)
                ranked = whole[np.lexsort((self.candidates.operations[whole], losses))]
                connected = np.ones(len(self.outage.p), np.bool_)
                best = Configuration(self.candidates.closed(ranked[0]), connected)
                return self._answer(best, top, ranked)
        return None

    def _most_load(self) -> tuple[float, int, Bools] | None:
        """Return the greatest load that any candidate serves within limits, which, and how."""
        served, best = -np.inf, None
        for index in np.argsort(-self.bound, kind="stable"):
            if self.bound[index] <= served + kernels.EPSILON:
                break
            least = max(served, 0.0) if best is not None else -1.0
            value, _, connected = self._try(index, least, -np.inf)
            if value > served:
                served, best = value, (int(index), connected)
        return None if best is None else (served, *best)

    def _fewest_operations(self, served: float, index: int, connected: Bools) -> tuple[int, Bools]:
        """Return the candidate that serves as much with fewest operations."""
        operations = self.candidates.operations
        able = np.flatnonzero(
            (self.bound >= served - kernels.EPSILON) & (operations < operations[index])
        )
        for other in able[np.argsort(operations[able], kind="stable")]:
            value, _, found = self._try(other, served, np.inf)
            if value >= served - kernels.EPSILON:
                return int(other), found
        return index, connected

    def _least_loss(self, served: float, index: int, connected: Bools) -> tuple[int, Bools]:
        """Return the candidate that serves as much at least loss, with no more operations."""
        operations = self.candidates.operations
        able = np.flatnonzero(self.bound >= served - kernels.EPSILON)
        if not self.outage.minimises_loss:
            able = able[operations[able] == operations[index]]
        loss = np.inf
        for other in able[np.argsort(operations[able], kind="stable")]:
            value, lost, found = self._try(other, served, loss)
            if value >= served - kernels.EPSILON:
                index, connected, loss = int(other), found, lost
        return index, connected

    def _try(self, index: int, least: float, loss_limit: float) -> tuple[float, float, Bools]:
        """Search the loads of one candidate, tightening its bound."""
        connected = np.ones(len(self.outage.p), np.bool_)
        if self.most_shed[index] < 0:
            return -np.inf, np.inf, connected
        tree = kernels.plant(self.model, self.candidates.closed(index))
        value, lost, bound, nodes, complete = best_loads(
            self.model, tree, least, loss_limit, self.most_shed[index], MOST_NODES, connected
        )
        self.bound[index] = min(self.bound[index], bound)
        self.nodes += nodes
        self.proven &= complete
        return value, lost, connected

    def _screen(self, group: Ints) -> None:
        """Bound the load that candidates serve, and find the losses of those that serve all."""
        found = self.candidates
        self.bound[group], self.loss[group] = screen(
            self.model, found.bases, found.base[group], found.flips[group]
        )
        self.evaluated += len(group)

    def _least_bad(self) -> Answer:
        """Answer where nothing keeps the limits: shed what can be shed where it helps most."""
        index = int(np.argmin(self.candidates.operations))
        configuration = best_shedding(self.outage, self.candidates.closed(index)).configuration
        self.proven = False
        return self._answer(configuration, assess(self.outage, configuration).load_served)

    def _answer(self, best: Configuration, served: float, ranked: Ints | None = None) -> Answer:
        details: dict[str, object] = {
            "trees": len(self.bound),
            "evaluated": self.evaluated,
            "nodes": self.nodes,
        }
        if ranked is not None and self.outage.minimises_loss:
            details["next_best"] = self._next_best(ranked)
        return Answer(
            configuration=best,
            status="optimal" if self.proven else "feasible",
            bound=served if self.proven else None,
            details=details,
        )

    def _next_best(self, ranked: Ints, number: int = 2) -> list[dict[str, object]]:
        """Describe the next best candidates that lose more than the ones before them."""
        apart = np.diff(self.loss[ranked]) > kernels.SAME_LOSS
        more = ranked[np.flatnonzero(apart) + 1][:number]
        names = [branch.name for branch in self.outage.feeder.branches]
        return [
            {
                "loss_kw": float(self.loss[i] * BASE_KVA),
                "open_lines": [names[k] for k in np.flatnonzero(~self.candidates.closed(i))],
            }
            for i in more
        ]


def _dead_sections(outage: Outage) -> Iterator[Bools]:
    """Yield the buses of each section that the fault cuts off and switching can supply again."""
    arrays, root = outage.feeder.arrays, outage.feeder.root
    group = np.arange(len(arrays.p))
    for branch in np.flatnonzero(outage.start):
        group[group == group[arrays.tail[branch]]] = group[arrays.head[branch]]
    usable = outage.start | outage.operable
    reached = loops(arrays, root, usable, outage.operable).reached
    for number in np.unique(group[reached]):
        if number != group[root]:
            yield group == number


def _subsets(sections: list[Bools]) -> Iterator[list[Bools]]:
    for size in range(len(sections) + 1):
        for chosen in combinations(sections, size):
            yield list(chosen)


def _family(outage: Outage, dark: list[Bools]) -> Loops:
    """Return the loops of what can be reached without entering sections left dark."""
    arrays = outage.feeder.arrays
    usable = outage.start | outage.operable
    for section in dark:
        usable = usable & ~section[arrays.tail] & ~section[arrays.head]
    return loops(arrays, outage.feeder.root, usable, outage.operable)


def _touched(outage: Outage, family: Loops) -> Bools:
    """Return the branches with an end among the buses that a family supplies."""
    arrays = outage.feeder.arrays
    touched: Bools = family.reached[arrays.tail] | family.reached[arrays.head]
    return touched


def _operations(outage: Outage, configuration: Configuration) -> int:
    """Return the operations of switches and load breakers."""
    switched = int((configuration.closed != outage.start).sum())
    return switched + int((~configuration.connected).sum())
