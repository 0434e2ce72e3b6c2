"""Iterated local search over lists."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from drlapps.energy.crew_restoration.damage import Damage
from drlapps.energy.crew_restoration.horn import best_sequence
from drlapps.energy.crew_restoration.list_scheduling import referee
from drlapps.energy.grid.feeder import Ints
from drlapps.errors import InputError
from drlapps.policy import Incumbents, Plan, Solver

if TYPE_CHECKING:
    from drlapps.energy.crew_restoration.environment import CrewRestorationEnv

_KICK = 3
"""Exchanges by which a restart leaves the best list."""


class LocalSearch(Solver):
    """Iterated local search over lists, from Horn's sequence.

    A neighbour of a list has one line moved elsewhere or two exchanged. Each descent goes to the
    best neighbour until none is better; the next starts from the best list so far with three pairs
    of lines exchanged at random.

    Args:
        descents: their number.

    Raises:
        InputError: there are none.
    """

    def __init__(self, *, descents: int = 20) -> None:
        if descents < 1:
            raise InputError(f"descents must be a whole number above 0, not {descents}")
        self.descents = int(descents)

    def solve(self, instance: Damage, seed: int) -> Plan:
        """Return the best list found."""
        incumbents = Incumbents()
        order = search(instance, self.descents, seed, incumbents)
        return Plan(status="feasible", incumbents=incumbents.log(), actions=order)


def search(instance: Damage, descents: int, seed: int, incumbents: Incumbents) -> Ints:
    """Return the best list that iterated local search finds.

    Args:
        instance: the problem.
        descents: number of local searches.
        seed: of the kicks.
        incumbents: told of every improvement.
    """
    rng = np.random.default_rng([seed, 0x105])
    env = referee(instance)
    best, least = _descend(env, best_sequence(instance))
    incumbents.add(least)
    for _ in range(descents - 1):
        kicked = best.copy()
        for i, j in rng.integers(len(kicked), size=(_KICK, 2)):
            kicked[[i, j]] = kicked[[j, i]]
        order, harm = _descend(env, kicked)
        if harm < least:
            best, least = order, harm
            incumbents.add(least)
    return best


def _descend(env: CrewRestorationEnv, order: Ints) -> tuple[Ints, float]:
    """Go to the best neighbour until none is better; return the list and its harm."""
    moves = _moves(len(order))
    harm = float(env.outcomes(0, order[None])[0])
    while len(moves):
        found = env.outcomes(0, order[moves])
        best = int(found.argmin())
        # What rounding errors gain would lead in circles.
        if found[best] >= harm * (1.0 - 1e-12):
            break
        order, harm = order[moves[best]], float(found[best])
    return order, harm


@cache
def _moves(d: int) -> Ints:
    """Return the permutations that move one of ``d`` lines, or exchange two, (moves, d)."""
    found = set()
    for i in range(d):
        for j in range(d):
            moved = [line for line in range(d) if line != i]
            moved.insert(j, i)
            exchanged = list(range(d))
            exchanged[i], exchanged[j] = j, i
            found |= {tuple(moved), tuple(exchanged)}
    found.discard(tuple(range(d)))
    return np.array(sorted(found), np.int64).reshape(-1, d)
