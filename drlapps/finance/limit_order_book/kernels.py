"""Decisions, rewards and observations over a batch."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from drlapps.finance.limit_order_book import flow
from drlapps.finance.limit_order_book.matching import (
    flatten,
    level_size,
    place,
    settle,
    sign_of,
    traded,
)
from drlapps.finance.limit_order_book.state import (
    ASK,
    BID,
    NONE,
    FloatArray,
    IntArray,
    Rows,
    State,
    TapeArrays,
)

QUOTED = (0, 4, 9, 14)
"""Levels at which orders can be placed."""

ACTIONS = 17
HOLD, FLATTEN = 0, 16

POSITIONAL, WITH_FILLS, REALISED, SHARPE, ASYMMETRICAL, COMPLETION, SYMMETRICAL = range(7)
DAMPING = 0.6
SHARPE_RATE = 0.01
SHARPE_MOST = 10.0
GOAL, STOP = 2.0, 1.0
"""Ticks of profit and of loss at which a completed trade counts 1 and -1."""

FIXED = 33
"""Numbers in an observation besides the lags."""

_VIEW = 15
_DUST = 1e-12


@njit(cache=True, error_model="numpy")
def mid(s: State) -> float:
    """Return the mid-price of a row."""
    return float(0.5 * (s.touch[BID] + s.touch[ASK]))


@njit(cache=True, error_model="numpy")
def _act(r: Rows, s: State, tapes: TapeArrays, ledger: FloatArray, action: int) -> None:
    if action == FLATTEN:
        flatten(r, s, tapes, ledger)
    elif action != HOLD:
        place(r, s, tapes, BID, QUOTED[(action - 1) // 4])
        place(r, s, tapes, ASK, QUOTED[(action - 1) % 4])


@njit(cache=True, error_model="numpy")
def _next_row(r: Rows, s: State, tapes: TapeArrays, ledger: FloatArray) -> None:
    """Replay one row of the tape; trades are taken to be at the best prices of the row before."""
    row = r.tape + s.clock + 1
    for side in (BID, ASK):
        volume = tapes.volumes[row, side]
        if volume > 0.0:
            s.flow -= sign_of(side) * volume
            traded(r, s, ledger, side, s.touch[side], volume)
    for side in (BID, ASK):
        s.touch[side] = tapes.prices[row, side, 0]


@njit(cache=True, error_model="numpy")
def _reward(s: State, kind: int, profit: float, carry: float, closed: float) -> float:
    """Return the reward of a decision.

    Args:
        s: state.
        kind: which reward.
        profit: change of cash plus inventory at the mid.
        carry: inventory times change of the mid, summed over book steps.
        closed: profit of the lots closed, less all fees.
    """
    if kind == POSITIONAL:
        return profit
    if kind == WITH_FILLS:
        return carry + closed
    if kind == REALISED:
        return closed
    if kind == ASYMMETRICAL:
        return profit - DAMPING * max(0.0, carry)
    if kind == SYMMETRICAL:
        return profit - DAMPING * carry
    if kind == COMPLETION:
        return 1.0 if closed >= GOAL else (-1.0 if closed <= -STOP else closed)
    first, second = s.moments[0], s.moments[1]
    rise, spread = profit - first, profit * profit - second
    s.moments[0] += SHARPE_RATE * rise
    s.moments[1] += SHARPE_RATE * spread
    variance = second - first * first
    if variance <= _DUST:
        return 0.0
    ratio = (second * rise - 0.5 * first * spread) / variance**1.5
    return float(min(max(ratio, -SHARPE_MOST), SHARPE_MOST))


@njit(cache=True, error_model="numpy")
def _record(mark: FloatArray, first: int, prices: IntArray) -> None:
    """Keep the best prices at a decision, or one's own after it."""
    mark[first + BID], mark[first + ASK] = prices[BID], prices[ASK]


@njit(cache=True, error_model="numpy")
def _remember(lags: FloatArray, change: float, bought: float) -> None:
    """Put the change of the mid-price and the flow of a decision before those of older ones."""
    for lag in range(lags.shape[0] - 1, 0, -1):
        lags[lag, 0], lags[lag, 1] = lags[lag - 1, 0], lags[lag - 1, 1]
    lags[0, 0], lags[0, 1] = change, bought


@njit(cache=True, error_model="numpy")
def advance(
    rows: Rows,
    states: State,
    tapes: TapeArrays,
    lags: FloatArray,
    path: FloatArray,
    ledger: FloatArray,
    actions: IntArray,
    active: NDArray[np.bool_],
    kind: int,
    rewards: FloatArray,
    terminated: NDArray[np.bool_],
) -> None:
    """Carry out a decision of every active row, and the book steps until the next.

    Args:
        rows: what the episodes are of, records of shape (B,).
        states: what changes, likewise.
        tapes: all tapes.
        lags: (B, window, 2) mid-price changes and flows of the last decisions, latest first.
        path: (B, most decisions + 1, 4) best prices at a decision, own prices after it; or empty.
        ledger: (B, most fills, 4) time, side (1 bought, -1 sold), price, 1 for a maker and 0 for a
            taker; or empty.
        actions: (B,).
        active: rows to move.
        kind: which reward.
        rewards: (B,) to be filled.
        terminated: (B,) to be filled.
    """
    for b in range(active.size):
        if not active[b]:
            continue
        r, s, fills = rows[b], states[b], ledger[b]
        step = s.clock // r.repeats
        before = mid(s)
        worth = s.cash + s.inventory * before
        closed = s.realised - s.fees
        s.flow = 0.0
        recorded = path.shape[1] > 0
        if recorded:
            _record(path[b, step], 0, s.touch)
        _act(r, s, tapes, fills, actions[b])
        if recorded:
            _record(path[b, step], 2, s.order)
        carry, last = 0.0, before
        for _ in range(r.repeats):
            held = s.inventory
            if r.tape < 0:
                flow.run(r, s, fills, r.rates[4])
            else:
                _next_row(r, s, tapes, fills)
            s.clock += 1
            settle(r, s, tapes, fills)
            now = mid(s)
            carry += held * (now - last)
            last = now
        s.held += abs(s.inventory)
        _remember(lags[b], last - before, s.flow)
        terminated[b] = step + 1 == r.steps
        if recorded and terminated[b]:
            _record(path[b, step + 1], 0, s.touch)
        profit = s.cash + s.inventory * last - worth
        rewards[b] = _reward(s, kind, profit, carry, s.realised - s.fees - closed)


@njit(cache=True, error_model="numpy")
def soft(x: float, scale: float) -> float:
    """Return a number between -1 and 1 that is 1/2 at ``scale``."""
    return x / (scale + abs(x))


@njit(cache=True, error_model="numpy")
def open_profit(s: State) -> float:
    """Return what the open lots have gained at the mid."""
    held, total, now = s.inventory, 0.0, mid(s)
    for lot in range(abs(held)):
        total += now - s.lots[lot]
    return total if held > 0 else -total


@njit(cache=True, error_model="numpy")
def observe(
    rows: Rows, states: State, tapes: TapeArrays, lags: FloatArray, out: NDArray[np.float32]
) -> None:
    """Write the observation of every row, (B, 33 + 2 window)."""
    for b in range(out.shape[0]):
        r, s, o = rows[b], states[b], out[b]
        o[0] = s.inventory / r.limit
        o[1] = 1.0 - s.clock / (r.steps * r.repeats)
        o[2] = soft(open_profit(s), 5.0)
        o[3] = soft(float(s.touch[ASK] - s.touch[BID]), 2.0)
        for side in (BID, ASK):
            own, first = s.order[side], 4 + 3 * side
            if own == NONE:
                o[first] = o[first + 1] = o[first + 2] = 0.0
            else:
                o[first] = 1.0
                o[first + 1] = soft(float(sign_of(side) * (s.touch[side] - own)), 4.0)
                o[first + 2] = soft(s.wait[side], 2.0)
        bids, asks = 0.0, 0.0
        for level in range(_VIEW):
            if level < r.levels:
                bids += level_size(r, s, tapes, BID, level)
                asks += level_size(r, s, tapes, ASK, level)
            o[10 + level] = (bids - asks) / max(bids + asks, _DUST)
        column = 10 + _VIEW
        for level in QUOTED:
            deep = min(level, r.levels - 1)
            for side in (BID, ASK):
                o[column] = soft(level_size(r, s, tapes, side, deep), 3.0)
                column += 1
        for lag in range(lags.shape[1]):
            o[column] = soft(lags[b, lag, 0], 1.0)
            o[column + 1] = soft(lags[b, lag, 1], 2.0)
            column += 2
