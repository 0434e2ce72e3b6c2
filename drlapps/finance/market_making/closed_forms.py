"""Quotes in closed form: what the continuous-time theory prescribes.

They are exact for their own models and approximate here: the market trades in steps, and only
Cartea and Jaimungal's knows the inventory limit and the objective.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.market_making.market import Market

FloatArray = NDArray[np.float64]


def reservation_offset(
    inventory: FloatArray, risk_aversion: float, volatility: float, left: FloatArray
) -> FloatArray:
    """Return how far the reservation price is from the mid: ``-q gamma sigma^2 (T - t)``.

    Avellaneda & Stoikov 2008, eq. (29).

    >>> float(reservation_offset(np.array(5.0), 0.1, 2.0, np.array(0.5)))
    -1.0
    """
    return np.asarray(-inventory * risk_aversion * volatility**2 * left)


def optimal_spread(
    risk_aversion: float, volatility: float, decay: float, left: FloatArray
) -> FloatArray:
    """Return the spread ``gamma sigma^2 (T - t) + (2 / gamma) ln(1 + gamma / kappa)``.

    Avellaneda & Stoikov 2008, eq. (30); ``2 / kappa`` for ``gamma`` to 0.

    >>> round(float(optimal_spread(0.1, 2.0, 1.5, np.array(0.5))), 4)
    1.4908
    """
    return risk_aversion * volatility**2 * left + 2.0 * _premium(risk_aversion, decay)


def _premium(risk_aversion: float, decay: float) -> float:
    """Return ``ln(1 + gamma / kappa) / gamma``, also for ``gamma = 0``."""
    return math.log1p(risk_aversion / decay) / risk_aversion if risk_aversion else 1.0 / decay


def cartea_jaimungal_values(market: Market) -> FloatArray:
    """Return ``h(t, q)``, the value function of the market in continuous time.

    ``h = ln(omega) / kappa`` with ``omega(t) = exp(A (T - t)) z``, ``z_q = exp(-alpha kappa q^2)``,
    ``-phi kappa q^2`` on the diagonal of ``A`` and ``lambda / e`` beside it (Cartea, Jaimungal &
    Penalva 2015, section 10.2). Computed in logarithms, as ``omega`` spans hundreds of magnitudes.

    Returns:
        Shape ``(N + 1, 2 Q + 1)``, in price.
    """
    units = np.arange(-market.limit, market.limit + 1, dtype=np.float64)
    beside = np.full(2 * market.limit, market.mean_intensity * market.dt / math.e)
    generator = np.diag(beside, 1) + np.diag(beside, -1)
    costs = market.running_penalty * market.decay * market.dt * units**2
    step, shift = _exponential(generator - np.diag(costs))
    logs = np.empty((market.steps + 1, units.size))
    logs[-1] = -market.terminal_penalty * market.decay * units**2
    with np.errstate(divide="ignore"):
        weights = np.log(step)
    for t in range(market.steps - 1, -1, -1):
        terms = weights + logs[t + 1]
        peaks = terms.max(axis=1)
        logs[t] = shift + peaks + np.log(np.exp(terms - peaks[:, None]).sum(axis=1))
    return logs / market.decay


def _exponential(matrix: FloatArray) -> tuple[FloatArray, float]:
    """Return ``E`` and ``c`` such that ``E exp(c)`` is the exponential of the matrix.

    The matrix, which is not negative off the diagonal, is made so on it by a shift; then a Taylor
    series and squarings only add and multiply positive numbers, so that the smallest entries are
    as exact as the largest.
    """
    shift = float(np.diag(matrix).min())
    positive = matrix - shift * np.eye(len(matrix))
    squarings = max(0, math.ceil(math.log2(positive.sum(axis=1).max())) + 1)
    positive /= 2.0**squarings
    total = term = np.eye(len(matrix))
    # Entries far from the diagonal come from high powers alone.
    for power in range(1, len(matrix) + 20):
        term = term @ positive / power
        total = total + term
    scale = 0.0
    for _ in range(squarings):
        total = total @ total
        peak = float(total.max())
        total /= peak
        scale = 2.0 * scale + math.log(peak)
    return total, shift + scale


def avellaneda_stoikov(market: Market, risk_aversion: float) -> FloatArray:
    """Return the quotes of Avellaneda and Stoikov around their reservation price.

    Returns:
        Half-spreads of bid and ask in price, by step and inventory, ``(N, 2 Q + 1, 2)``; so too
        all functions below.
    """
    units, left = _grid(market)
    half = optimal_spread(risk_aversion, market.volatility, market.decay, left) / 2.0
    offset = reservation_offset(units, risk_aversion, market.volatility, left)
    return _around(half, offset)


def symmetric(market: Market, risk_aversion: float) -> FloatArray:
    """Return the spread of Avellaneda and Stoikov around the mid, whatever the inventory."""
    units, left = _grid(market)
    half = optimal_spread(risk_aversion, market.volatility, market.decay, left) / 2.0
    return _around(half, np.zeros_like(units))


def gueant_lehalle_fernandez_tapia(market: Market, risk_aversion: float) -> FloatArray:
    """Return the asymptotic quotes of Guéant, Lehalle and Fernandez-Tapia, far from the end.

    Half-spread ``ln(1 + gamma/kappa) / gamma + c / 2`` around the mid less ``q c``, where ``c =
    sqrt(sigma^2 gamma / (2 kappa lambda) (1 + gamma/kappa)^(1 + kappa/gamma))`` (2013, section 4).
    """
    units, left = _grid(market)
    premium = _premium(risk_aversion, market.decay)
    # (1 + gamma/kappa)^(1 + kappa/gamma), with its limit e at gamma = 0.
    power = (1.0 + risk_aversion / market.decay) * math.exp(market.decay * premium)
    rate = 2.0 * market.decay * market.mean_intensity
    slope = math.sqrt(market.volatility**2 * risk_aversion / rate * power)
    return _around(np.full_like(left, premium + slope / 2.0), -units * slope)


def cartea_jaimungal(market: Market) -> FloatArray:
    """Return the optimal quotes of the market in continuous time, inventory limit included.

    ``delta_b(q) = 1/kappa + h(q) - h(q+1)`` and ``delta_a(q) = 1/kappa + h(q) - h(q-1)``; 0 on a
    side closed by the limit.
    """
    h = cartea_jaimungal_values(market)[:-1]
    quotes = np.zeros((*h.shape, 2))
    quotes[:, :-1, 0] = 1.0 / market.decay + h[:, :-1] - h[:, 1:]
    quotes[:, 1:, 1] = 1.0 / market.decay + h[:, 1:] - h[:, :-1]
    return quotes


def myopic(market: Market) -> FloatArray:
    """Return ``1/kappa`` on either side: the most that an order can earn, inventory ignored."""
    units, left = _grid(market)
    return _around(np.full_like(left, 1.0 / market.decay), np.zeros_like(units))


def _grid(market: Market) -> tuple[FloatArray, FloatArray]:
    """Return the inventories, ``(1, 2 Q + 1)``, and the time to go at each step, ``(N, 1)``."""
    units = np.arange(-market.limit, market.limit + 1, dtype=np.float64)
    left = market.horizon - market.dt * np.arange(market.steps, dtype=np.float64)
    return units[None, :], left[:, None]


def _around(half: FloatArray, offset: FloatArray) -> FloatArray:
    """Return the quotes ``half`` from a centre that is ``offset`` from the mid."""
    return np.stack(np.broadcast_arrays(half - offset, half + offset), axis=2)
