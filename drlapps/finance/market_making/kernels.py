"""The market's dynamics and observations as Numba kernels over a batch.

Randomness is counter-based: what happens in a step hangs on nothing but (the session's seed, the
step), so equal seeds give equal bits whatever the batch. Distances are half-spreads in units of
``1/kappa``. The plain NumPy twins are in ``tests/finance/market_making/test_kernels.py``.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]

FARTHEST = 10.0
"""Largest distance of a quote: one order in 22,026 digs that deep."""

FEATURES = 11
"""Numbers in an observation."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_DRAWS = np.uint64(4)


class Parameters(NamedTuple):
    """The parameters of the markets, one entry each."""

    steps: IntArray
    limit: IntArray
    poisson: NDArray[np.bool_]
    dt: FloatArray
    decay: FloatArray
    base: FloatArray
    shock: FloatArray
    """Standard deviation of the mid-price over a step."""
    running: FloatArray
    """``phi dt``."""
    terminal: FloatArray
    """``alpha``."""
    myopic: FloatArray
    """Most that one side can earn per expected order, in ``1/kappa``."""
    own_jump: FloatArray
    """Rise of a side's intensity by the end of a step with an order of its own."""
    cross_jump: FloatArray
    """The same with an order of the other side."""
    memory: FloatArray
    """Share of an excess intensity that is left after a step."""
    tilt: FloatArray
    relaxation: FloatArray
    """Per step."""
    table: IntArray
    """Where the market's value function starts among all of them."""


class State(NamedTuple):
    """The state of a batch: live arrays, shape (B,) unless said, that the kernel changes."""

    market: IntArray
    """Number of the row's market."""
    key: NDArray[np.uint64]
    step_index: IntArray
    inventory: IntArray
    mid: FloatArray
    cash: FloatArray
    intensity: FloatArray
    """(B, 2) of the orders that hit the bid, and of those that hit the ask."""
    penalties: FloatArray
    """Running penalties so far."""
    value: FloatArray
    quoted: FloatArray
    """Sum of the spreads quoted while both sides were open."""
    two_sided: IntArray
    """Steps with both sides open."""
    fills: IntArray
    largest: IntArray
    """Largest inventory so far, long or short."""
    path: FloatArray
    """(B, most steps, 7) half-spreads, orders, fills (bid, ask each), mid-price after the step."""


@njit(cache=True, error_model="numpy")
def mix(state: np.uint64) -> np.uint64:
    """Return the output function of SplitMix64 (Steele, Lea & Flood 2014)."""
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    return state ^ (state >> np.uint64(31))


@njit(cache=True, error_model="numpy")
def uniform(key: np.uint64, counter: np.uint64) -> float:
    """Return the ``counter``-th number of the stream ``key``, between 0 and 1, neither included."""
    bits = mix(key + (counter + np.uint64(1)) * _GOLDEN) >> np.uint64(11)
    return (float(bits) + 0.5) * 2.0**-53


@njit(cache=True, error_model="numpy")
def normal(key: np.uint64, counter: np.uint64) -> float:
    """Return a standard normal number from two of the stream's uniform ones (Box & Muller 1958)."""
    radius = math.sqrt(-2.0 * math.log(uniform(key, counter)))
    return radius * math.cos(2.0 * math.pi * uniform(key, counter + np.uint64(1)))


@njit(cache=True, error_model="numpy")
def fill_probability(distance: float, arrivals: float, poisson: bool) -> float:
    """Return the probability that a quote fills within a step."""
    reach = math.exp(-distance)
    if poisson:
        return -math.expm1(-arrivals * reach)
    return min(arrivals, 1.0) * reach


@njit(cache=True, error_model="numpy")
def expectation(
    p: Parameters,
    values: FloatArray,
    k: int,
    t: int,
    q: int,
    bid: float,
    ask: float,
    revenue: float,
) -> tuple[float, float, float]:
    """Return what a step brings on average.

    Args:
        p: parameters.
        values: the value functions of all markets.
        k: number of the market.
        t: the step.
        q: inventory before it.
        bid: fill probability of the bid.
        ask: that of the ask.
        revenue: expected earnings from the half-spreads.

    Returns:
        Revenue less running penalty, the squared inventory after the step, and the lead of the
        quotes over the best ones (never positive where the program is exact).
    """
    rises, falls = bid * (1.0 - ask), ask * (1.0 - bid)
    stays = 1.0 - rises - falls
    squared = stays * q * q + rises * (q + 1) * (q + 1) + falls * (q - 1) * (q - 1)
    gain = revenue - p.running[k] * squared
    width = 2 * p.limit[k] + 1
    here = p.table[k] + t * width + p.limit[k] + q
    ahead = here + width
    future = stays * values[ahead]
    if q < p.limit[k]:
        future += rises * values[ahead + 1]
    if q > -p.limit[k]:
        future += falls * values[ahead - 1]
    return gain, squared, gain + future - values[here]


@njit(cache=True, error_model="numpy")
def excite(p: Parameters, s: State, k: int, b: int, hit_bid: bool, hit_ask: bool) -> None:
    """Let the intensities of row ``b`` decay, and rise with the orders that came."""
    base, memory = p.base[k], p.memory[k]
    for side in range(2):
        own, other = (hit_bid, hit_ask) if side == 0 else (hit_ask, hit_bid)
        jump = p.own_jump[k] * own + p.cross_jump[k] * other
        s.intensity[b, side] = base + (s.intensity[b, side] - base) * memory + jump


@njit(cache=True, error_model="numpy")
def advance(
    p: Parameters,
    s: State,
    distances: FloatArray,
    active: NDArray[np.bool_],
    values: FloatArray,
    expected: bool,
    rewards: FloatArray,
    terminated: NDArray[np.bool_],
) -> None:
    """Move every active row by one step.

    Args:
        p: parameters.
        s: state.
        distances: of bid and ask, (B, 2).
        active: rows to move.
        values: the value functions of all markets, one after the other.
        expected: whether rewards are expectations over the step's fills, or what happened.
        rewards: (B,) to be filled.
        terminated: (B,) to be filled.
    """
    for b in range(active.size):
        if not active[b]:
            continue
        k = s.market[b]
        t, q, limit, poisson = s.step_index[b], s.inventory[b], p.limit[k], p.poisson[k]
        x = min(max(distances[b, 0], 0.0), FARTHEST)
        y = min(max(distances[b, 1], 0.0), FARTHEST)
        bid_distance, ask_distance = x / p.decay[k], y / p.decay[k]
        arrivals_bid, arrivals_ask = s.intensity[b, 0] * p.dt[k], s.intensity[b, 1] * p.dt[k]
        bid = fill_probability(x, arrivals_bid, poisson) if q < limit else 0.0
        ask = fill_probability(y, arrivals_ask, poisson) if q > -limit else 0.0

        gain, squared, lead = expectation(
            p, values, k, t, q, bid, ask, bid * bid_distance + ask * ask_distance
        )
        s.value[b] += lead

        counter = np.uint64(t) * _DRAWS
        u = uniform(s.key[b], counter)
        v = uniform(s.key[b], counter + np.uint64(1))
        bought, sold = u < bid, v < ask
        before = s.mid[b]
        if bought:
            s.cash[b] -= before - bid_distance
        if sold:
            s.cash[b] += before + ask_distance
        held = q + bought - sold
        after = before + p.shock[k] * normal(s.key[b], counter + np.uint64(2))
        penalty = p.running[k] * held * held
        s.inventory[b], s.mid[b] = held, after
        s.penalties[b] += penalty
        s.fills[b] += bought + sold
        s.largest[b] = max(s.largest[b], abs(held))
        if -limit < q < limit:
            s.quoted[b] += bid_distance + ask_distance
            s.two_sided[b] += 1

        recorded, hawkes = s.path.shape[1] > 0, p.own_jump[k] + p.cross_jump[k] > 0.0
        if recorded or hawkes:
            hit_bid = u < fill_probability(0.0, arrivals_bid, poisson)
            hit_ask = v < fill_probability(0.0, arrivals_ask, poisson)
            if hawkes:
                excite(p, s, k, b, hit_bid, hit_ask)
            if recorded:
                record = s.path[b, t]
                record[0], record[1] = bid_distance, ask_distance
                record[2], record[3] = hit_bid, hit_ask
                record[4], record[5], record[6] = bought, sold, after

        last = t + 1 == p.steps[k]
        if not expected:
            gain = bought * bid_distance + sold * ask_distance + held * (after - before) - penalty
            squared = held * held
        if last:
            gain -= p.terminal[k] * squared
        rewards[b] = p.decay[k] * gain - p.myopic[k] * (arrivals_bid + arrivals_ask)
        terminated[b] = last
        s.step_index[b] = t + 1


@njit(cache=True, error_model="numpy")
def _squash(x: float) -> float:
    return x / (1.0 + x)


@njit(cache=True, error_model="numpy")
def observe(p: Parameters, s: State, out: NDArray[np.float32]) -> None:
    """Write the observation of every row, (B, 11)."""
    for b in range(out.shape[0]):
        k = s.market[b]
        q = float(s.inventory[b])
        left = p.steps[k] - s.step_index[b]
        tilt, exit_cost = p.tilt[k], p.decay[k] * p.terminal[k]
        row = out[b]
        row[0] = q / p.limit[k]
        row[1] = left / p.steps[k]
        row[2] = min(max(q * tilt, -FARTHEST), FARTHEST)
        row[3] = math.tanh(p.relaxation[k] * left)
        row[4] = min(max(2.0 * exit_cost * q, -FARTHEST), FARTHEST)
        row[5] = _squash(s.intensity[b, 0] * p.dt[k])
        row[6] = _squash(s.intensity[b, 1] * p.dt[k])
        row[7] = _squash(tilt)
        row[8] = _squash(exit_cost)
        row[9] = _squash(p.relaxation[k])
        row[10] = p.poisson[k]
