"""One's own orders: how they wait, fill, and turn into lots and money.

The same functions serve simulated and replayed books. The twin in plain Python is in
``tests/finance/limit_order_book/test_kernels.py``.
"""

from __future__ import annotations

from numba import njit

from drlapps.finance.limit_order_book.session import LEVELS
from drlapps.finance.limit_order_book.state import (
    ASK,
    BID,
    NONE,
    RING,
    FloatArray,
    Rows,
    State,
    TapeArrays,
)

_MASK = RING - 1
_DUST = 1e-9
"""Lots that are only rounding."""


@njit(cache=True, error_model="numpy")
def sign_of(side: int) -> int:
    """Return 1 for the bid, which is better the higher it is, and -1 for the ask."""
    return 1 if side == BID else -1


@njit(cache=True, error_model="numpy")
def level_price(r: Rows, s: State, tapes: TapeArrays, side: int, level: int) -> int:
    """Return the price of a level: so many ticks from the touch, or so many prices on a tape.

    A level beyond the book's deepest is the deepest.
    """
    level = min(level, r.levels - 1)
    if r.tape < 0:
        return int(s.touch[side] - sign_of(side) * level)
    return int(tapes.prices[r.tape + s.clock, side, level])


@njit(cache=True, error_model="numpy")
def level_size(r: Rows, s: State, tapes: TapeArrays, side: int, level: int) -> float:
    """Return the lots that rest at a level."""
    if r.tape < 0:
        return float(s.ring[(s.touch[side] - sign_of(side) * level) & _MASK])
    return float(tapes.sizes[r.tape + s.clock, side, level])


@njit(cache=True, error_model="numpy")
def resting(r: Rows, s: State, tapes: TapeArrays, side: int, price: int) -> float:
    """Return the lots that others have resting at a price on a side, as far as is in view."""
    away = sign_of(side) * (s.touch[side] - price)
    if away < 0:
        return 0.0
    if r.tape < 0:
        return float(s.ring[price & _MASK]) if away < LEVELS else 0.0
    row = r.tape + s.clock
    for level in range(r.levels):
        if tapes.prices[row, side, level] == price:
            return float(tapes.sizes[row, side, level])
    return 0.0


@njit(cache=True, error_model="numpy")
def book(
    r: Rows, s: State, ledger: FloatArray, side: int, price: int, taker: int, time: int
) -> None:
    """Book a fill of one lot: money, fee, and the lots open by first in, first out."""
    sign, fee = sign_of(side), r.fees[taker]
    held = s.inventory
    if held * sign < 0:
        s.realised += sign * (s.lots[0] - price)
        s.trades += 1
        for place in range(abs(held) - 1):
            s.lots[place] = s.lots[place + 1]
    else:
        s.lots[abs(held)] = price
    s.cash -= sign * price + fee
    s.fees += fee
    s.inventory = held + sign
    s.turnover += price
    s.largest = max(s.largest, abs(held + sign))
    if ledger.shape[0] > 0:
        entry = ledger[s.fills]
        entry[0], entry[1], entry[2], entry[3] = time, sign, price, 1 - taker
    s.fills += 1


@njit(cache=True, error_model="numpy")
def traded(r: Rows, s: State, ledger: FloatArray, side: int, price: int, volume: float) -> None:
    """Let a volume trade against a side at a price: an order there, or better, waits less."""
    own = s.order[side]
    if own != NONE and sign_of(side) * (own - price) >= 0:
        s.wait[side] -= volume
        if s.wait[side] <= _DUST:
            s.order[side], s.wait[side] = NONE, 0.0
            book(r, s, ledger, side, own, 0, s.clock + 1)


@njit(cache=True, error_model="numpy")
def settle(r: Rows, s: State, tapes: TapeArrays, ledger: FloatArray) -> None:
    """After a book step: fill what the opposite side has reached, and shorten queues."""
    for side in (BID, ASK):
        own = s.order[side]
        if own == NONE:
            continue
        if sign_of(side) * (own - s.touch[1 - side]) >= 0:
            s.order[side], s.wait[side] = NONE, 0.0
            book(r, s, ledger, side, own, 0, s.clock)
        else:
            s.wait[side] = min(s.wait[side], resting(r, s, tapes, side, own) + 1.0)


@njit(cache=True, error_model="numpy")
def place(r: Rows, s: State, tapes: TapeArrays, side: int, level: int) -> None:
    """Put one's order at a level; one that is there already keeps its place in the queue."""
    if sign_of(side) * s.inventory >= r.limit:
        s.order[side], s.wait[side] = NONE, 0.0
        return
    price = level_price(r, s, tapes, side, level)
    if price != s.order[side]:
        s.order[side] = price
        s.wait[side] = resting(r, s, tapes, side, price) + 1.0


@njit(cache=True, error_model="numpy")
def flatten(r: Rows, s: State, tapes: TapeArrays, ledger: FloatArray) -> None:
    """Take back both orders and close the position by a market order that walks the book."""
    for side in (BID, ASK):
        s.order[side], s.wait[side] = NONE, 0.0
    held = s.inventory
    side = ASK if held < 0 else BID
    level, available = 0, level_size(r, s, tapes, side, 0)
    for lot in range(1, abs(held) + 1):
        while available < lot and level < r.levels - 1:
            level += 1
            available += level_size(r, s, tapes, side, level)
        price = level_price(r, s, tapes, side, level)
        book(r, s, ledger, 1 - side, price, 1, s.clock)
