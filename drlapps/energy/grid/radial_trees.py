"""All radial configurations of a feeder, counted and listed.

Close everything that can be closed, and the feeder has ``c`` independent loops. A radial
configuration opens ``c`` branches, one to a loop. With the loops as rows and the branches as
columns of the signed loop matrix ``C`` (Kirchhoff's), a set of ``c`` branches may be opened exactly
if its columns are linearly independent, and the determinant of those is then 1 or -1. Hence, by
Cauchy and Binet, there are ``det(C C')`` radial configurations: Kirchhoff's matrix tree theorem,
with loops in place of nodes. The determinant has one row a loop, and is computed in whole numbers:
the count is exact whatever its size.

Branches with equal columns are *in series*: one of them at most is open, and it does not matter to
radiality which. So the list is: all bases of the columns, of which feeders have a few hundred,
times one branch from each series of the basis, in Gray code order: each configuration differs from
the one before it by one exchange, save at the few hundred seams.

References:
    Kirchhoff, G. (1847). Ueber die Auflösung der Gleichungen, auf welche man bei der Untersuchung
    der linearen Vertheilung galvanischer Ströme geführt wird. Annalen der Physik, 148(12), 497-508.
    Morton, A. B., & Mareels, I. M. Y. (2000). An efficient brute-force solution to the network
    reconfiguration problem. IEEE Transactions on Power Delivery, 15(3), 996-1000.
    Bareiss, E. H. (1968). Sylvester's identity and multistep integer-preserving Gaussian
    elimination. Mathematics of Computation, 22(103), 565-578.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from drlapps.energy.grid.feeder import Arrays, Bools, Feeder, Ints

MOST_LOOPS = 62
"""Greatest number of loops whose configurations are listed; they are bits of a word."""


@dataclass(frozen=True)
class Loops:
    """The loops of a feeder in which all that can be closed is.

    Attributes:
        reached: buses that the source can supply, (n,).
        closed: branches between them, all closed, (e,).
        openable: those that may be opened, (e,).
        matrix: 1 or -1 where a loop runs through a branch, along it or against it, (c, e).
    """

    reached: Bools
    closed: Bools
    openable: Bools
    matrix: Ints

    @property
    def count(self) -> int:
        """The exact number of radial configurations."""
        openable = self.matrix[:, self.openable]
        return _determinant((openable @ openable.T).tolist())

    def trees(self) -> Ints:
        """Return the open branches of each radial configuration, (count, c).

        Look at :attr:`count` first.

        Raises:
            ValueError: there are more than :data:`MOST_LOOPS` loops.
        """
        loops = len(self.matrix)
        if loops > MOST_LOOPS:
            raise ValueError(f"{loops} loops are more than {MOST_LOOPS}")
        bits = (self.matrix != 0).T @ (1 << np.arange(loops, dtype=np.int64))
        bits[~self.openable] = 0
        columns, series = np.unique(bits, return_inverse=True)
        members = np.argsort(series, kind="stable")
        first = np.searchsorted(series[members], np.arange(len(columns) + 1))
        return _list(self.count, loops, columns, first, members)


def loops(a: Arrays, root: int, usable: Bools, openable: Bools) -> Loops:
    """Find the loops of a graph.

    Args:
        a: the feeder.
        root: index of its source.
        usable: branches that are closed or can be, (e,).
        openable: branches that can be open, (e,); the others form no loop.
    """
    tree = _spanning_tree(a, usable, openable)
    parent, through, depth = _rooted(a, root, tree)
    reached = depth >= 0
    closed = usable & reached[a.tail]
    chords = np.flatnonzero(closed & ~tree)
    matrix = np.zeros((len(chords), len(tree)), np.int64)
    for row, chord in zip(matrix, chords, strict=True):
        row[chord] = 1
        # From the chord's head back to its tail: up from the one and down to the other.
        up, down = a.head[chord], a.tail[chord]
        while up != down:
            if depth[up] >= depth[down]:
                row[through[up]] = 1 if a.tail[through[up]] == up else -1
                up = parent[up]
            else:
                row[through[down]] = 1 if a.head[through[down]] == down else -1
                down = parent[down]
    return Loops(reached, closed, openable & closed, matrix)


def feeder_loops(feeder: Feeder, faults: Sequence[int] = ()) -> Loops:
    """Find the loops of a feeder with faulted branches.

    A branch without a switch stays as it is in normal operation; a faulted one stays open.
    """
    a = feeder.arrays
    sound = np.ones(len(a.tail), np.bool_)
    sound[list(faults)] = False
    return loops(a, feeder.root, sound & (a.closed | a.switchable), sound & a.switchable)


def count(feeder: Feeder, faults: Sequence[int] = ()) -> int:
    """Return the exact number of radial configurations that supply all that can be supplied.

    Args:
        feeder: whose.
        faults: indices of branches that are broken.
    """
    return feeder_loops(feeder, faults).count


def _spanning_tree(a: Arrays, usable: Bools, openable: Bools) -> Bools:
    """Return a spanning forest that holds all branches which cannot be opened."""
    group = np.arange(len(a.p))
    tree = np.zeros(len(usable), np.bool_)
    for branch in sorted(np.flatnonzero(usable), key=lambda b: bool(openable[b])):
        one, other = group[a.tail[branch]], group[a.head[branch]]
        if one != other:
            group[group == one] = other
            tree[branch] = True
    return tree


def _rooted(a: Arrays, root: int, tree: Bools) -> tuple[Ints, Ints, Ints]:
    """Return the parent of each bus, the branch to it, and the depth, -1 where not reached."""
    parent, through = np.full(len(a.p), -1), np.full(len(a.p), -1)
    depth = np.full(len(a.p), -1)
    depth[root] = 0
    queue = [root]
    for bus in queue:
        for k in range(a.first[bus], a.first[bus + 1]):
            other, branch = int(a.neighbour[k]), a.through[k]
            if tree[branch] and depth[other] < 0:
                parent[other], through[other], depth[other] = bus, branch, depth[bus] + 1
                queue.append(other)
    return parent, through, depth


def _determinant(rows: list[list[int]]) -> int:
    """Return the determinant of a positive definite matrix of whole numbers.

    Bareiss (1968): every division is exact, and no pivot is 0.
    """
    last = 1
    for k, top in enumerate(rows):
        for row in rows[k + 1 :]:
            for j in range(k + 1, len(rows)):
                row[j] = (row[j] * top[k] - row[k] * top[j]) // last
        last = top[k]
    return last


@numba.njit(cache=True)
def _list(total: int, size: int, columns: Ints, first: Ints, members: Ints) -> Ints:
    """List all choices of one branch from each series of each basis.

    Args:
        total: their number.
        size: number of loops.
        columns: bits of the loops through each series, ascending; 0 for what is in none.
        first: where the branches of each series begin in the next, (series + 1,).
        members: branches, series by series.
    """
    found = np.empty((total, size), np.int64)
    if size == 0:
        return found
    basis = np.empty(size, np.int64)
    reduced = np.empty(size + len(columns), np.int64)
    at = depth = 0
    basis[0] = 0
    while depth >= 0:
        series = basis[depth]
        if series == len(columns) or _rank(reduced, depth, columns[series:]) < size:
            # Nothing from here on completes the basis: advance the choice before this one.
            depth -= 1
            if depth >= 0:
                basis[depth] += 1
            continue
        column = _reduce(reduced, depth, columns[series])
        if column == 0:
            basis[depth] += 1
        elif depth + 1 < size:
            reduced[depth] = column
            depth += 1
            basis[depth] = series + 1
        else:
            at = _product(found, at, basis, first, members)
            basis[depth] += 1
    return found


@numba.njit(cache=True)
def _reduce(reduced: Ints, depth: int, column: int) -> int:
    """Return what is left of a column over the field of 0 and 1, given ``depth`` reduced ones.

    Adding a reduced column takes its leading bit away exactly if the sum is less.
    """
    for k in range(depth):
        column = min(column, column ^ reduced[k])
    return column


@numba.njit(cache=True)
def _rank(reduced: Ints, depth: int, columns: Ints) -> int:
    """Return the rank of ``depth`` reduced columns with others; writes behind the former."""
    for column in columns:
        left = _reduce(reduced, depth, column)
        if left != 0:
            reduced[depth] = left
            depth += 1
    return depth


@numba.njit(cache=True)
def _product(found: Ints, at: int, basis: Ints, first: Ints, members: Ints) -> int:
    """Write one branch from each series, in reflected mixed-radix Gray code; return the end.

    Knuth, The Art of Computer Programming 4A, 7.2.1.1, algorithm H without focus pointers.
    """
    size = len(basis)
    place, step = np.zeros(size, np.int64), np.ones(size, np.int64)
    while True:
        for k in range(size):
            found[at, k] = members[first[basis[k]] + place[k]]
        at += 1
        k = size - 1
        while k >= 0 and not 0 <= place[k] + step[k] < first[basis[k] + 1] - first[basis[k]]:
            step[k] = -step[k]
            k -= 1
        if k < 0:
            return at
        place[k] += step[k]
