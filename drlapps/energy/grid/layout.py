"""Where the buses and branches of a feeder stand in its one-line diagram."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np

from drlapps.energy.grid.feeder import Feeder, Floats

Tree: TypeAlias = dict[int, dict[int, int]]
"""The buses that each bus feeds, with the branch through which it does."""

_MARGIN = 26.0
_WIDEST, _HIGHEST, _LOWEST = 64.0, 56.0, 34.0  # pixels between columns, and between rows
_TALL = 560.0  # pixels that the rows may fill before they move closer
_CLEAR = 15.0  # pixels that a curve should keep from a bus
_NAME = (10.0, 15.0)  # from a bus to the middle of its name
_STEP = 6.0  # pixels from one point that is looked at to the next
_POINTS = 25  # of a curve
_BENDS = tuple(sign * bend for bend in (0.0, 0.07, 0.14, 0.22, 0.32, 0.45) for sign in (1.0, -1.0))


class Layout(NamedTuple):
    """A diagram in pixels, from the top left corner.

    Attributes:
        buses: centre of each bus, (n, 2).
        routes: points along each branch from its ``from_bus`` to its ``to_bus``, (k, 2) each.
        middles: where the marks of each branch stand, (e, 2).
        width: of the diagram.
        height: of the diagram.
    """

    buses: Floats
    routes: tuple[Floats, ...]
    middles: Floats
    width: float
    height: float


def layout(feeder: Feeder, width: float) -> Layout:
    """Return the diagram of a feeder, whatever is closed in it now.

    Where the buses have positions they stand there. Otherwise they stand in columns by their
    distance from the source in normal operation, the longest way down as a straight line, and
    what leaves a line runs beside it: no two lines cross or touch. Ties are curves that keep
    clear of buses.

    Args:
        feeder: what is drawn.
        width: in pixels.
    """
    if all(bus.x is not None for bus in feeder.buses):
        return _given(feeder, width)
    tree, order = _normal_tree(feeder)
    cells = _cells(tree, order)
    (leftmost, lowest), (rightmost, highest) = cells.min(axis=0), cells.max(axis=0)
    columns, rows = rightmost - leftmost, highest - lowest
    across = min((width - 2 * _MARGIN) / max(columns, 1), _WIDEST)
    down = min(max(_TALL / max(rows, 1), _LOWEST), _HIGHEST)
    left = (width - across * columns) / 2.0
    buses = (cells - (leftmost, highest)) * (across, -down) + (left, _MARGIN)
    elbows = {branch: bus for below in tree.values() for bus, branch in below.items()}
    height = float(2 * _MARGIN + down * rows)
    return _routed(feeder, buses, elbows, width, height)


def _given(feeder: Feeder, width: float) -> Layout:
    """Return the diagram with the positions that the buses have, to scale."""
    buses = np.array([(bus.x, bus.y) for bus in feeder.buses], np.float64) * (1.0, -1.0)
    low, high = buses.min(axis=0), buses.max(axis=0)
    size = np.where(high > low, high - low, 1.0)
    scale = min((width - 2 * _MARGIN) / size[0], _TALL / size[1])
    buses = (buses - (low + high) / 2.0) * scale
    height = float(2 * _MARGIN + (high[1] - low[1]) * scale)
    return _routed(feeder, buses + np.array([width, height]) / 2.0, {}, width, height)


def _normal_tree(feeder: Feeder) -> tuple[Tree, list[int]]:
    """Return the tree of normal operation, and its buses from the source down.

    Buses that only ties can supply hang where the fewest ties are needed.
    """
    a = feeder.arrays
    tree: Tree = {}
    order: list[int] = []
    waiting = [(0, 0, feeder.root, -1, -1)]
    while waiting:
        ties, depth, bus, above, through = heapq.heappop(waiting)
        if bus in tree:
            continue
        tree[bus] = {}
        order.append(bus)
        if order[1:]:
            tree[above][bus] = through
        for k in range(a.first[bus], a.first[bus + 1]):
            other, branch = int(a.neighbour[k]), int(a.through[k])
            more = ties + (not a.closed[branch])
            heapq.heappush(waiting, (more, depth + 1, other, bus, branch))
    return tree, order


def _cells(tree: Tree, order: Sequence[int]) -> Floats:
    """Return the column and the row of each bus, (n, 2).

    From the ends of the tree to the source, each bus gets a block: its longest way down in row 0,
    and at both sides, as near as the blocks already there allow, those of its other branches. A
    branch nearer to the source goes outside those farther away, so nothing crosses.
    """
    blocks: dict[int, _Block] = {}
    for bus in reversed(order):
        below = [blocks.pop(other) for other in tree[bus]]
        below.sort(key=lambda block: (-block.length, -len(block.rows)))
        blocks[bus] = _Block.of(bus, below)
    rows = blocks[order[0]].rows
    columns = {order[0]: 0}
    for bus in order:
        columns |= {other: columns[bus] + 1 for other in tree[bus]}
    return np.array([(columns[bus], rows[bus]) for bus in range(len(order))], np.float64)


class _Block(NamedTuple):
    """A bus with all that it feeds.

    Attributes:
        rows: of each bus, that of the first one 0.
        top: the highest row used in each column, at least 0; the first column is the first bus's.
        bottom: the same downwards, as numbers not below 0.
    """

    rows: dict[int, int]
    top: list[int]
    bottom: list[int]

    @property
    def length(self) -> int:
        """Its number of columns."""
        return len(self.top)

    @classmethod
    def of(cls, bus: int, below: Sequence[_Block]) -> _Block:
        """Return the block of a bus from those of the buses that it feeds, the longest first."""
        if not below:
            return cls({bus: 0}, [0], [0])
        trunk, *others = below
        block = cls({bus: 0} | trunk.rows, [0, *trunk.top], [0, *trunk.bottom])
        for other in others:
            block._attach(other)
        return block

    def _attach(self, other: _Block) -> None:
        """Add a block at the side where it stands nearer, in place."""
        up = 1 + max(a + b for a, b in zip(self.top[1:], other.bottom, strict=False))
        down = 1 + max(a + b for a, b in zip(self.bottom[1:], other.top, strict=False))
        upwards = up < down
        shift = up if upwards else -down
        self.rows.update({bus: row + shift for bus, row in other.rows.items()})
        for edge, far in ((self.top, other.top), (self.bottom, other.bottom)):
            side = 1 if edge is self.top else -1
            edge[0] = max(edge[0], side * shift)
            for column, row in enumerate(far, 1):
                edge[column] = max(edge[column], side * shift + row)


def _routed(
    feeder: Feeder, buses: Floats, elbows: dict[int, int], width: float, height: float
) -> Layout:
    """Return the layout with its lines: elbows to some buses, and where there are any, curves."""
    ends = list(zip(feeder.arrays.tail.tolist(), feeder.arrays.head.tolist(), strict=True))
    routes = {
        branch: _elbow(buses[tail], buses[head], elbows.get(branch) == tail)
        if branch in elbows
        else np.array([buses[tail], buses[head]])
        for branch, (tail, head) in enumerate(ends)
    }
    middles = np.array([routes[branch][-2:].mean(axis=0) for branch in range(len(ends))])
    for branch, (tail, _) in enumerate(ends):
        if elbows.get(branch) == tail:
            middles[branch] = routes[branch][:2].mean(axis=0)
    if elbows:
        obstacles = _Obstacles(buses, [routes[branch] for branch in elbows])
        for branch, (tail, head) in enumerate(ends):
            if branch not in elbows:
                routes[branch], middles[branch] = obstacles.avoid(buses[tail], buses[head])
    points = np.vstack([*routes.values(), buses])
    over = max(_MARGIN - float(points[:, 1].min()), 0.0)
    under = max(float(points[:, 1].max()) + _MARGIN - height, 0.0)
    down = np.array([0.0, over])
    moved = tuple(routes[branch] + down for branch in range(len(ends)))
    return Layout(buses + down, moved, middles + down, width, height + over + under)


def _elbow(tail: Floats, head: Floats, upwards: bool) -> Floats:
    """Return the way from one bus to the next: along a column, then along a row."""
    first, last = (head, tail) if upwards else (tail, head)
    corner = [(first[0], last[1])] if first[1] != last[1] else []
    route = np.array([first, *corner, last])
    return route[::-1] if upwards else route


class _Obstacles:
    """What curves and their marks should keep away from: buses, their names, lines, other marks.

    Args:
        buses: centre of each.
        lines: the points of each line.
    """

    def __init__(self, buses: Floats, lines: Sequence[Floats]) -> None:
        along = [
            a + (b - a) * share
            for line in lines
            for a, b in pairwise(line)
            for share in np.arange(0.0, 1.0, _STEP / max(float(np.abs(b - a).sum()), _STEP))
        ]
        kinds = ((buses, _CLEAR), (buses + _NAME, 0.7 * _CLEAR), (np.array(along), 0.5 * _CLEAR))
        self.places = np.vstack([places for places, _ in kinds])
        self.clear = np.concatenate([np.full(len(places), clear) for places, clear in kinds])

    def avoid(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """Return a curve between two buses that comes near little, and where its mark stands."""
        length = float(np.linalg.norm(b - a))
        share = np.linspace(0.0, 1.0, max(round(length / _STEP), 9))
        across = np.array([a[1] - b[1], b[0] - a[0]])
        bulge = 4.0 * share * (1.0 - share)
        best, least = np.empty(0), np.inf
        for bend in _BENDS:
            curve = a + (b - a) * share[:, None] + across * bend * bulge[:, None]
            cost = float(self._nearness(curve).sum()) + abs(bend) * length / 60.0
            if cost < least:
                best, least = curve, cost
        # The mark stands where there is room, rather in the middle than near the ends.
        off = np.abs(share - 0.5)
        near = self._nearness(best, wider=1.6) + 2.0 * off**2
        mark = best[np.where(off < 0.36, near, np.inf).argmin()]
        self.places = np.vstack([self.places, mark])
        self.clear = np.append(self.clear, 1.2 * _CLEAR)
        thin = np.linspace(0, len(share) - 1, min(len(share), _POINTS)).round().astype(int)
        return best[thin], mark

    def _nearness(self, points: Floats, wider: float = 1.0) -> Floats:
        """Return by how much each point comes too near, from 0, (k,)."""
        reach = wider * self.clear
        low, high = points.min(axis=0), points.max(axis=0)
        outside = np.maximum(low - self.places, self.places - high).max(axis=1)
        few = outside < reach
        distance = np.linalg.norm(points[:, None] - self.places[few], axis=2)
        share = distance / reach[few]
        near: Floats = (np.maximum(1.0 - share, 0.0) ** 2).sum(axis=1)
        return near
