"""From what a policy asks for to trades: limits, costs, orders. Numba kernels."""

from __future__ import annotations

import numpy as np

from drlapps.finance.portfolio.layout import Rules, State, Tables, kernel
from drlapps.finance.portfolio.market import Floats


@kernel
def project(rules: Rules, asked: Floats, n: int, target: Floats) -> None:
    """Turn what was asked for (cash first, 1 + n) into admissible weights of the assets.

    Long-only: negative weights count as none, the rest is divided by its sum, what exceeds
    ``max_weight`` goes to cash. With short positions: each weight is clipped, then all are scaled
    down to ``max_gross``, then the longs to ``max_net`` or the shorts to ``min_net``.
    """
    if rules.min_weight >= 0.0:
        total = max(asked[0], 0.0)
        for i in range(n):
            total += max(asked[1 + i], 0.0)
        for i in range(n):
            share = max(asked[1 + i], 0.0) / total if total > 0.0 else 0.0
            target[i] = min(max(share, rules.min_weight), rules.max_weight)
    else:
        for i in range(n):
            target[i] = min(max(asked[1 + i], rules.min_weight), rules.max_weight)
    longs, shorts = 0.0, 0.0
    for i in range(n):
        longs += max(target[i], 0.0)
        shorts += max(-target[i], 0.0)
    scale = min(1.0, rules.max_gross / (longs + shorts)) if longs + shorts > 0.0 else 1.0
    longs, shorts = longs * scale, shorts * scale
    up, down = scale, scale
    # The sum of weights divided by their sum may miss 1 by a rounding; that is no breach.
    if longs - shorts > rules.max_net * (1.0 + 1e-12):
        up *= (rules.max_net + shorts) / longs
    if longs - shorts < rules.min_net and shorts > 0.0:
        down *= max(longs - rules.min_net, 0.0) / shorts
    for i in range(n):
        target[i] *= up if target[i] > 0.0 else down


@kernel
def limit_turnover(most: float, current: Floats, n: int, target: Floats) -> None:
    """Go only so far from the current weights towards the target that turnover is at most that."""
    change, net = 0.0, 0.0
    for i in range(n):
        change += abs(target[i] - current[i])
        net += target[i] - current[i]
    change = 0.5 * (change + abs(net))
    if change > most:
        for i in range(n):
            target[i] = current[i] + (target[i] - current[i]) * most / change


@kernel
def weigh(s: State, b: int, n: int, weights: Floats) -> float:
    """Write the weights of the assets held; return that of cash."""
    total = s.cash[b]
    for i in range(n):
        total += s.held[b, i]
    scale = 1.0 / total if total > 0.0 else 0.0
    for i in range(n):
        weights[i] = s.held[b, i] * scale
    return float(s.cash[b] * scale)


@kernel
def softmax(asked: Floats, n: int) -> None:
    """Replace logits (1 + n) by their softmax."""
    top = asked[0]
    for i in range(n):
        top = max(top, asked[1 + i])
    total = 0.0
    for i in range(n + 1):
        asked[i] = np.exp(asked[i] - top)
        total += asked[i]
    for i in range(n + 1):
        asked[i] /= total


@kernel
def impact_of(rules: Rules, tables: Tables, s: State, b: int, n: int, impact: Floats) -> None:
    """Write what the square root of the worth traded of each asset adds to the cost of a dollar."""
    for i in range(n):
        impact[i] = 0.0
        if rules.impact > 0.0:
            at = s.places[b, i] + max(s.now[b], 0)
            volume = max(tables.dollar_volume[at], 1.0)
            rate = rules.impact * tables.volatility[at] * np.sqrt(rules.capital / volume)
            impact[i] = rate * s.cost_scale[b]


@kernel
def cost_of(fee: float, impact: float, worth: float) -> float:
    """Return the cost of trading so much: fee and square-root impact, at most half of it."""
    size = abs(worth)
    rate = fee + impact * np.sqrt(size) if impact > 0.0 else fee
    return float(min(rate, 0.5) * size)


@kernel
def size_orders(
    fee: float, impact: Floats, wealth: float, held: Floats, n: int, target: Floats, orders: Floats
) -> None:
    """Write the worth to trade of each asset so that ``target`` holds after costs.

    Solves mu = 1 - sum_i c_i |mu w_i - w~_i| by Newton's method: all but linear in mu, as a dollar
    traded costs little, so two or three rounds reach the last bit.
    """
    mu, step = 1.0, 1.0
    rounds = 0
    while abs(step) > 1e-15 and rounds < 100:
        lost, slope = 0.0, 0.0
        for i in range(n):
            worth = mu * wealth * target[i] - held[i]
            size = abs(worth)
            steep = impact[i] * np.sqrt(size)
            lost += min(fee + steep, 0.5) * size
            slope += np.copysign(min(fee + 1.5 * steep, 0.5), worth) * target[i]
        step = (mu - 1.0 + lost / wealth) / (1.0 + slope)
        mu = max(mu - step, 0.0)
        rounds += 1
    for i in range(n):
        orders[i] = mu * wealth * target[i] - held[i]


@kernel
def lots(
    rules: Rules, fee: float, impact: Floats, cash: float, held: Floats, n: int, asked: Floats,
    prices: Floats, orders: Floats,
) -> None:  # fmt: skip
    """Write the worth to trade where an action is a number of whole shares.

    Long-only, no more is sold than is held, and purchases are cut to the cash there is.
    """
    long_only = rules.min_weight >= 0.0
    bought, sold = 0.0, 0.0
    for i in range(n):
        one = prices[i] / rules.capital
        shares = np.rint(min(max(asked[1 + i], -1.0), 1.0) * rules.max_shares)
        if long_only:
            shares = max(shares, -np.rint(held[i] / one))
        orders[i] = shares * one
        cost = cost_of(fee, impact[i], orders[i])
        if orders[i] > 0.0:
            bought += orders[i] + cost
        else:
            sold -= orders[i] + cost
    there = max(cash + sold, 0.0)
    if long_only and bought > there:
        for i in range(n):
            if orders[i] > 0.0:
                one = prices[i] / rules.capital
                orders[i] = np.floor(orders[i] / one * there / bought) * one


@kernel
def trade(s: State, b: int, fee: float, impact: Floats, n: int, orders: Floats) -> None:
    """Fill the orders and pay for them."""
    spent, changed, paid = 0.0, 0.0, 0.0
    for i in range(n):
        paid += cost_of(fee, impact[i], orders[i])
        spent += orders[i]
        changed += abs(orders[i])
        s.held[b, i] += orders[i]
    s.cash[b] -= spent + paid
    s.costs[b] += paid / s.wealth[b]
    s.turnover[b] += 0.5 * (changed + abs(spent)) / s.wealth[b]
    s.wealth[b] -= paid
