"""The portfolio's days, rewards and observations as Numba kernels over a batch."""

from __future__ import annotations

import numpy as np

from drlapps.finance.portfolio.layout import (
    DIFFERENTIAL_SHARPE,
    LOG_RETURN,
    LOGITS,
    MEAN_VARIANCE,
    NEXT_CLOSE,
    NEXT_OPEN,
    SAME_CLOSE,
    SHARES,
    Bools,
    Record,
    Rules,
    State,
    Tables,
    inlined,
    kernel,
)
from drlapps.finance.portfolio.market import FEATURES, Floats, Singles
from drlapps.finance.portfolio.trading import (
    impact_of,
    limit_turnover,
    lots,
    project,
    size_orders,
    softmax,
    trade,
    weigh,
)

_FEATURES = len(FEATURES)
_RUIN = -10.0  # log return of losing everything
_SHARPE_RATE = 0.01  # of Moody & Saffell's moving averages
_TAIL = 0.05  # share of the worst returns
_QUANTILE_STEP = 0.02  # in units of a typical return
_TYPICAL = 0.02


@kernel
def drift(growth: Floats, s: State, b: int, n: int, day: int) -> None:
    """Let what is held grow as a table says for a day; sum up the wealth."""
    wealth = s.cash[b]
    held, places = s.held[b], s.places[b]
    for i in range(n):
        held[i] *= growth[places[i] + day]
        wealth += held[i]
    s.wealth[b] = wealth


@kernel
def carry(rules: Rules, s: State, b: int, n: int) -> None:
    """Book a day's interest on cash, cost of borrowing, and grant or tax."""
    if rules.cash_growth == 1.0 and rules.borrow == 0.0 and rules.esg == 0.0:
        return
    shorts, scored = 0.0, 0.0
    for i in range(n):
        shorts += max(-s.held[b, i], 0.0)
        scored += s.held[b, i] * s.scores[b, i]
    cash = s.cash[b]
    if cash > 0.0:
        s.cash[b] += cash * (rules.cash_growth - 1.0)
    s.cash[b] -= rules.borrow * (shorts + max(-cash, 0.0))
    s.cash[b] += rules.esg * scored


@kernel
def quote(source: Floats, s: State, b: int, n: int, day: int, prices: Floats) -> None:
    """Write the prices of the row's assets on a day."""
    places = s.places[b]
    for i in range(n):
        prices[i] = source[places[i] + day]


@kernel
def record(s: State, b: int, n: int, kept: Record) -> None:
    """Append the wealth at a close to the path."""
    k = s.recorded[b]
    s.path[b, k] = s.wealth[b]
    s.growth[b] = s.wealth[b] / s.path[b, k - 1]
    s.recorded[b] = k + 1
    if kept.weights.shape[1]:
        for i in range(n):
            kept.weights[b, k, i] = s.held[b, i] / s.wealth[b]


@inlined
def advance_day(
    rules: Rules,
    tables: Tables,
    s: State,
    b: int,
    n: int,
    ordering: bool,
    asked: Floats,
    target: Floats,
    work: Floats,
    kept: Record,
) -> None:
    """Move a row from a close to the next, filling its order on the way."""
    current, orders, impact, price = work[0], work[1], work[2], work[3]
    t = s.now[b]
    first = t < s.begin[b]
    fill = s.fill[b]
    if fill == NEXT_CLOSE and not first:
        carry(rules, s, b, n)
        drift(tables.relatives, s, b, n, t + 1)
    elif fill == NEXT_OPEN and not first:
        drift(tables.overnight, s, b, n, t + 1)
    # An order for the very last close could earn nothing any more.
    idle = fill == NEXT_CLOSE and t + 1 >= s.end[b]
    if ordering and not idle and s.wealth[b] > 0.0:
        fee = rules.fee * s.cost_scale[b]
        impact_of(rules, tables, s, b, n, impact)
        if rules.action == SHARES or kept.trades.shape[1]:
            source = tables.open if fill == NEXT_OPEN else tables.close
            quote(source, s, b, n, t if fill == SAME_CLOSE else t + 1, price)
        if rules.action == SHARES:
            lots(rules, fee, impact, s.cash[b], s.held[b], n, asked, price, orders)
        else:
            weigh(s, b, n, current)
            limit_turnover(rules.max_turnover, current, n, target)
            size_orders(fee, impact, s.wealth[b], s.held[b], n, target, orders)
        trade(s, b, fee, impact, n, orders)
        if kept.trades.shape[1]:
            entry = s.recorded[b] - (1 if first and fill == NEXT_CLOSE else 0)
            for i in range(n):
                kept.trades[b, entry, i] = orders[i] / price[i]
    if fill != NEXT_CLOSE:
        if not (first and fill == NEXT_OPEN):
            carry(rules, s, b, n)
        drift(tables.intraday if fill == NEXT_OPEN else tables.relatives, s, b, n, t + 1)
    s.now[b] = t + 1
    # The cost of the first trade belongs to the first day's return.
    if not (first and fill == NEXT_CLOSE):
        record(s, b, n, kept)


@kernel
def advance_olps(
    rules: Rules, tables: Tables, s: State, b: int, n: int, target: Floats, work: Floats,
    kept: Record,
) -> None:  # fmt: skip
    """Move a row by a day, trading by the convention of the OLPS toolbox."""
    grown = work[0]
    quote(tables.relatives, s, b, n, s.now[b] + 1, grown)
    changed, invested, gross = 0.0, 0.0, 0.0
    for i in range(n):
        changed += abs(target[i] - s.held[b, i])
        invested += target[i]
        gross += target[i] * grown[i]
    gross += (1.0 - invested) * rules.cash_growth
    lost = 0.5 * rules.fee * s.cost_scale[b] * changed
    net = gross * (1.0 - lost)
    for i in range(n):
        # Drifted weights over the net return, as there; they sum to a little more than 1.
        s.held[b, i] = target[i] * grown[i] / net
    s.cash[b] = (1.0 - invested) * rules.cash_growth / net
    s.turnover[b] += 0.5 * changed
    s.costs[b] += lost
    s.wealth[b] *= net
    s.now[b] += 1
    k = s.recorded[b]
    if kept.trades.shape[1]:
        for i in range(n):
            kept.trades[b, k, i] = target[i]
            kept.weights[b, k, i] = s.held[b, i] * (1.0 - lost)
    s.path[b, k] = s.wealth[b]
    s.growth[b] = net
    s.recorded[b] = k + 1


@kernel
def market_growth(tables: Tables, s: State, b: int, n: int, since: int) -> float:
    """Return the growth of the equally weighted portfolio since a close, without costs."""
    total = 0.0
    for i in range(n):
        at = s.places[b, i]
        total += tables.close[at + s.now[b]] / tables.close[at + max(since, 0)]
    return total / n


@kernel
def utility(rules: Rules, growth: float) -> float:
    """Return what a step is worth in which wealth grew by a factor."""
    if rules.reward == LOG_RETURN:
        return np.log(growth) if growth > np.exp(_RUIN) else _RUIN
    simple = growth - 1.0
    return simple - 0.5 * rules.risk_aversion * simple * simple


@kernel
def risk_adjusted(rules: Rules, s: State, b: int, growth: float) -> float:
    """Return the reward of a step by a criterion that remembers the returns before."""
    simple = growth - 1.0
    if rules.reward == DIFFERENTIAL_SHARPE:
        # Moody & Saffell 2001, equation 12.
        mean, square = s.mean[b], s.square[b]
        up, wide = simple - mean, simple * simple - square
        variance = max(square - mean * mean, 1e-8)
        s.mean[b] = mean + _SHARPE_RATE * up
        s.square[b] = square + _SHARPE_RATE * wide
        return float((square * up - 0.5 * mean * wide) / variance**1.5)
    # Rockafellar & Uryasev 2000: the loss beyond its quantile, which is tracked on the way.
    threshold = s.quantile[b]
    excess = max(-simple - threshold, 0.0)
    step = _QUANTILE_STEP * _TYPICAL * np.sqrt(float(rules.every))
    s.quantile[b] = threshold + step * ((1.0 if excess > 0.0 else 0.0) - _TAIL)
    return float(simple - rules.risk_aversion * (threshold + excess / _TAIL))


@kernel
def advance(
    rules: Rules,
    tables: Tables,
    s: State,
    actions: Floats,
    active: Bools,
    kept: Record,
    rewards: Singles,
    terminated: Bools,
    truncated: Bools,
) -> None:
    """Move the active rows by one decision."""
    most = s.places.shape[1]
    asked, target = np.empty(most + 1), np.empty(most)
    current, work = np.empty(most), np.empty((4, most))
    for b in range(len(active)):
        if not active[b]:
            continue
        n = s.assets[b]
        before, since = s.wealth[b], s.now[b]
        for i in range(n + 1):
            asked[i] = actions[b, i]
        ordering = not np.isnan(asked[0])
        if ordering and rules.action != SHARES:
            if rules.action == LOGITS:
                softmax(asked, n)
            project(rules, asked, n, target)
        if s.olps[b]:
            weigh(s, b, n, current)
            if ordering:
                limit_turnover(rules.max_turnover, current, n, target)
            else:
                target[:] = current
        for k in range(rules.every):
            if s.now[b] >= s.end[b]:
                break
            if s.olps[b]:
                if k > 0:
                    weigh(s, b, n, target)
                advance_olps(rules, tables, s, b, n, target, work, kept)
            else:
                advance_day(rules, tables, s, b, n, ordering and k == 0, asked, target, work, kept)
            if s.wealth[b] <= 0.0:
                s.wealth[b] = 0.0
                s.path[b, s.recorded[b] - 1] = 0.0
                terminated[b] = True
                break
        growth = s.wealth[b] / before
        if rules.reward in (LOG_RETURN, MEAN_VARIANCE):
            rewards[b] = utility(rules, growth)
            if rules.relative:
                rewards[b] -= utility(rules, market_growth(tables, s, b, n, since))
        else:
            rewards[b] = risk_adjusted(rules, s, b, growth)
        truncated[b] = not terminated[b] and s.now[b] >= s.end[b]


@kernel
def observe(tables: Tables, s: State, window: int, technical: bool, observations: Singles) -> None:
    """Write the observations: (B, 1 + n, 3 + features + window)."""
    extra = _FEATURES if technical else 0
    most = s.places.shape[1]
    weights = np.empty(most)
    for b in range(observations.shape[0]):
        t = s.now[b]
        n = s.assets[b]
        observations[b, 0] = 0.0
        observations[b, 1 + n :] = 0.0
        observations[b, 0, 0] = 1.0
        observations[b, 0, 1] = min(max(weigh(s, b, n, weights), -10.0), 10.0)
        for i in range(n):
            row = observations[b, 1 + i]
            row[0] = 1.0
            row[1] = min(max(weights[i], -10.0), 10.0)
            row[2] = s.scores[b, i]
            base = s.places[b, i]
            seen = max(min(window, t), 0)
            start = 3 + extra + window - seen
            if seen < window:
                row[3:start] = 0.0
            if t >= 0:
                for k in range(extra):
                    row[3 + k] = tables.features[base + t, k]
            first = base + t - seen + 1
            for k in range(seen):
                row[start + k] = tables.scaled_returns[first + k]
