"""The simulated book of Cont, Stoikov & Talreja: unit orders, Poisson in continuous time.

The lots of a side lie in view: within 20 prices from its best. Orders further away do not exist,
and what falls out of view is gone. An event that would empty a side, or open the spread beyond 40
ticks, does not happen. All waiting times are exponential, so a book step may forget how far the
next event was.

Randomness is counter-based: the book hangs on nothing but the session's seed.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.finance.limit_order_book.matching import sign_of, traded
from drlapps.finance.limit_order_book.session import LEVELS
from drlapps.finance.limit_order_book.state import (
    ASK,
    BID,
    RING,
    FloatArray,
    IntArray,
    Rows,
    State,
)
from drlapps.finance.market_making.kernels import uniform

START = 10_000
"""First best bid, in ticks."""

WARM_UP = 20.0
"""Time that a book runs before the session, to forget how it was made."""

Ring = NDArray[np.int32]
Pair = IntArray

_MASK = RING - 1
_WIDEST = 40


@njit(cache=True, error_model="numpy")
def remove(ring: Ring, depth: Pair, touch: Pair, side: int, price: int) -> bool:
    """Take a lot from a price, and return whether that could be."""
    if depth[side] == 1:
        return False
    if price == touch[side] and ring[price & _MASK] == 1:
        following = price - sign_of(side)
        while ring[following & _MASK] == 0:
            following -= sign_of(side)
        if abs(following - touch[1 - side]) > _WIDEST:
            return False
        touch[side] = following
    ring[price & _MASK] -= 1
    depth[side] -= 1
    return True


@njit(cache=True, error_model="numpy")
def add(ring: Ring, depth: Pair, touch: Pair, side: int, distance: int) -> None:
    """Let a limit order come, so far from the opposite best price."""
    sign, best = sign_of(side), touch[side]
    price = touch[1 - side] - sign * distance
    better = sign * (price - best)
    if better <= -LEVELS:
        return
    if better > 0:
        deepest = best - sign * (LEVELS - 1)
        for level in range(min(better, LEVELS)):
            out = (deepest + sign * level) & _MASK
            depth[side] -= ring[out]
            ring[out] = 0
        touch[side] = price
    ring[price & _MASK] += 1
    depth[side] += 1


@njit(cache=True, error_model="numpy")
def cancel(ring: Ring, depth: Pair, touch: Pair, lot: int) -> None:
    """Cancel a lot: they are numbered from the bids' best to their last, then likewise the asks."""
    side = BID if lot < depth[BID] else ASK
    left = lot if side == BID else lot - depth[BID]
    price, sign = touch[side], sign_of(side)
    while left >= ring[price & _MASK]:
        left -= ring[price & _MASK]
        price -= sign
    remove(ring, depth, touch, side, price)


@njit(cache=True, error_model="numpy")
def market_order(r: Rows, s: State, ledger: FloatArray, side: int) -> None:
    """Let a market order hit a side; one's own order may be who is hit, as well as the book."""
    price = s.touch[side]
    if remove(s.ring, s.depth, s.touch, side, price):
        s.flow -= sign_of(side)
        traded(r, s, ledger, side, price, 1.0)


@njit(cache=True, error_model="numpy")
def distance_of(ladder: FloatArray, mark: float) -> int:
    """Return the first distance up to which the rates exceed a mark."""
    low, high = 0, LEVELS - 1
    while low < high:
        middle = (low + high) // 2
        if ladder[middle] <= mark:
            low = middle + 1
        else:
            high = middle
    return low + 1


@njit(cache=True, error_model="numpy")
def run(r: Rows, s: State, ledger: FloatArray, interval: float) -> None:
    """Let the book of a row run for a time."""
    market, cancellation, flip = r.rates[0], r.rates[1], r.rates[3]
    ring, depth, touch, ladder = s.ring, s.depth, s.touch, r.ladder
    reach = ladder[LEVELS - 1]
    key, counter = s.key, s.draws
    one = np.uint64(1)
    time = 0.0
    while True:
        lots = depth[BID] + depth[ASK]
        leaving = cancellation * lots
        total = 2.0 * reach + leaving + 2.0 * market + flip
        time -= math.log(uniform(key, counter)) / total
        counter += one
        if time >= interval:
            break
        event = uniform(key, counter) * total
        counter += one
        if event < 2.0 * reach:
            side = BID if event < reach else ASK
            distance = distance_of(ladder, event if side == BID else event - reach)
            add(ring, depth, touch, side, distance)
        elif event < 2.0 * reach + leaving:
            lot = min(int((event - 2.0 * reach) / cancellation), lots - 1)
            cancel(ring, depth, touch, lot)
        elif event < total - flip:
            share = (event - 2.0 * reach - leaving) / (2.0 * market)
            buys = share < 0.5 * (1.0 + r.rates[2] * s.direction)
            market_order(r, s, ledger, ASK if buys else BID)
        else:
            s.direction = -s.direction
    s.draws = counter


@njit(cache=True, error_model="numpy")
def begin(r: Rows, s: State, ledger: FloatArray) -> None:
    """Make a row's book: its mean depth without market orders, run until that is forgotten."""
    for price in range(RING):
        s.ring[price] = 0
    for side in (BID, ASK):
        s.touch[side] = START + side
        s.depth[side] = 0
        before = 0.0
        for level in range(LEVELS):
            rate = r.ladder[level] - before
            before = r.ladder[level]
            lots = min(max(1, int(rate / r.rates[1])), 1_000_000)
            s.ring[(s.touch[side] - sign_of(side) * level) & _MASK] = lots
            s.depth[side] += lots
    s.direction = 1 if uniform(s.key, s.draws) < 0.5 else -1
    s.draws += np.uint64(1)
    run(r, s, ledger, WARM_UP)
