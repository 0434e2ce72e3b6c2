"""From a final configuration to the switching operations that lead there."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from drlapps.energy.restoration.environment import RestorationEnv
from drlapps.energy.restoration.outage import Configuration, Outage
from drlapps.policy import Plan, Solver
from drlapps.vector import Array

BRANCH, LOAD, FINISH = range(3)


@dataclass(frozen=True)
class Answer:
    """What a method makes of an outage.

    Attributes:
        configuration: the positions it ends with.
        status: as in :class:`drlapps.policy.Report`.
        bound: a proven bound on the load served.
        incumbents: (seconds, load served) of each improvement.
        details: what people may want to know of the method's way there.
    """

    configuration: Configuration
    status: str = "heuristic"
    bound: float | None = None
    incumbents: tuple[tuple[float, float], ...] = ()
    details: Mapping[str, object] = field(default_factory=dict)


class Planner(Solver):
    """A solver that decides on a final configuration, and then switches its way there.

    Every tree can be reached: whenever a tie closes a loop, the loop has a branch that the tree
    does not have, or the tree had the loop.
    """

    @abstractmethod
    def configure(self, outage: Outage, seed: int) -> Answer:
        """Return the final positions for an outage; radial, faulted branches open."""

    def solve(self, instance: Outage, seed: int) -> Plan:
        """Return the plan: a (kind, index) a step, ``kind`` 0 a branch, 1 a load, 2 finishing."""
        answer = self.configure(instance, seed)
        steps = _steps(instance, answer.configuration)
        return Plan(
            status=answer.status,
            bound=answer.bound,
            incumbents=answer.incumbents,
            details=answer.details,
            actions=np.array([*steps, (FINISH, 0)]),
        )

    def act(self, env: RestorationEnv, observations: Array) -> Array:  # type: ignore[override]
        """Return the plans' next operations, those left out that have become inadmissible.

        A load need not be shed any more once no limit is violated.
        """
        kind, index = super().act(env, observations).T
        branches, last = env.r.shape[1], env.mask.shape[1] - 1
        actions: Array = np.where(kind == FINISH, last, index + np.where(kind == LOAD, branches, 0))
        return actions


def _steps(outage: Outage, target: Configuration) -> list[tuple[int, int]]:
    """Return the operations from the outage's start to the target, in an admissible order.

    Dead parts are split first, then fed from the energised part outwards; then come exchanges
    within the energised part, each a tie closed and a branch opened; loads are shed at last.
    """
    a = outage.feeder.arrays
    closed = outage.start.copy()
    steps: list[tuple[int, int]] = []
    opening = [int(k) for k in np.flatnonzero(closed & ~target.closed)]
    closing = [int(k) for k in np.flatnonzero(~closed & target.closed)]

    def operate(branch: int) -> None:
        closed[branch] = not closed[branch]
        (opening if not closed[branch] else closing).remove(branch)
        steps.append((BRANCH, branch))

    energised = reached(outage, closed)
    dead = [k for k in opening if not energised[a.tail[k]]]
    for branch in dead:
        if _feeds_both(outage, closed, branch, closing, energised):
            operate(branch)
    while closing:
        energised = reached(outage, closed)
        ends = [(k, energised[a.tail[k]], energised[a.head[k]]) for k in closing]
        reconnecting = [k for k, tail, head in ends if tail != head]
        looping = [k for k, tail, head in ends if tail and head]
        if reconnecting:
            operate(reconnecting[0])
        elif looping:
            tie = looping[0]
            loop = path_between(outage, closed, int(a.tail[tie]), int(a.head[tie]))
            operate(tie)
            operate(next(k for k in loop if k in opening))
        else:
            break
    for branch in list(opening):
        operate(branch)
    steps += [(LOAD, int(i)) for i in np.flatnonzero(~target.connected & a.sheddable)]
    return steps


def reached(outage: Outage, closed: Array) -> Array:
    """Return which buses closed branches connect with the source."""
    return _search(outage, closed, outage.feeder.root) > -2


def _search(outage: Outage, closed: Array, start: int) -> Array:
    """Return the branch through which a search from a bus reaches each; -1 there, -2 nowhere."""
    a = outage.feeder.arrays
    through = np.full(len(a.p), -2)
    through[start] = -1
    stack = [start]
    while stack:
        bus = stack.pop()
        for k in range(a.first[bus], a.first[bus + 1]):
            other = a.neighbour[k]
            if closed[a.through[k]] and through[other] == -2:
                through[other] = a.through[k]
                stack.append(int(other))
    return through


def path_between(outage: Outage, closed: Array, start: int, end: int) -> list[int]:
    """Return the closed branches between two buses, none if they are not connected."""
    a = outage.feeder.arrays
    through = _search(outage, closed, start)
    path, bus = [], end
    while through[bus] >= 0:
        branch = int(through[bus])
        path.append(branch)
        bus = int(a.tail[branch] + a.head[branch] - bus)
    return path


def _feeds_both(
    outage: Outage, closed: Array, branch: int, closing: list[int], energised: Array
) -> bool:
    """Whether both halves of a dead part, split at a branch, can be reconnected by a tie."""
    a = outage.feeder.arrays
    split = closed.copy()
    split[branch] = False
    halves = []
    for end in (int(a.tail[branch]), int(a.head[branch])):
        half = _search(outage, split, end) > -2
        ties = [
            k
            for k in np.flatnonzero(outage.operable & ~closed)
            if half[a.tail[k]] != half[a.head[k]] and (energised[a.tail[k]] or energised[a.head[k]])
        ]
        halves.append(bool(ties))
    return all(halves)
