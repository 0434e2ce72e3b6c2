"""The environment's arguments, checked and turned into the numbers that kernels take."""

from __future__ import annotations

from collections.abc import Mapping

from drlapps.errors import InputError, unknown
from drlapps.finance.portfolio import layout
from drlapps.finance.portfolio.layout import Rules

FILLS = {
    "same-close": layout.SAME_CLOSE,
    "next-open": layout.NEXT_OPEN,
    "next-close": layout.NEXT_CLOSE,
}
ACTIONS = {"weights": layout.WEIGHTS, "logits": layout.LOGITS, "shares": layout.SHARES}
REWARDS = {
    "log-return": layout.LOG_RETURN,
    "mean-variance": layout.MEAN_VARIANCE,
    "differential-sharpe": layout.DIFFERENTIAL_SHARPE,
    "mean-cvar": layout.MEAN_CVAR,
}
_BPS = 1e-4


def rules(
    *,
    cost_bps: float,
    spread_bps: float,
    impact: float,
    capital: float,
    cash_rate: float,
    borrow_rate: float,
    esg_rate: float,
    action: str,
    max_shares: float,
    min_weight: float,
    max_weight: float,
    max_gross: float,
    min_net: float,
    max_net: float,
    max_turnover: float,
    every: int,
    reward: str,
    risk_aversion: float,
    relative: bool,
) -> Rules:
    """Return the rules that the arguments of the environment stand for.

    Raises:
        InputError: an argument is impossible.
    """
    least = {"cost_bps": cost_bps, "spread_bps": spread_bps, "impact": impact,
             "borrow_rate": borrow_rate, "max_turnover": max_turnover}  # fmt: skip
    for name, value in least.items():
        if not value >= 0.0:
            raise InputError(f"{name} must not be negative, and is {value}")
    if capital <= 0.0 or max_shares < 1.0 or every < 1:
        raise InputError("capital must be positive, max_shares and every at least 1")
    if not (min_weight <= 0.0 <= max_weight and min_net <= max_net and max_gross >= 0.0):
        raise InputError(
            "limits must satisfy min_weight <= 0 <= max_weight, min_net <= max_net, 0 <= max_gross"
        )
    if action == "logits" and min_weight < 0.0:
        raise InputError('action="logits" is long-only; with min_weight below 0 use "weights"')
    return Rules(
        fee=(cost_bps + 0.5 * spread_bps) * _BPS,
        impact=float(impact),
        capital=float(capital),
        cash_growth=1.0 + cash_rate / layout.YEAR,
        borrow=borrow_rate / layout.YEAR,
        esg=esg_rate / layout.YEAR,
        action=chosen("action", action, ACTIONS),
        max_shares=float(max_shares),
        min_weight=float(min_weight),
        max_weight=float(max_weight),
        max_gross=float(max_gross),
        min_net=float(min_net),
        max_net=float(max_net),
        max_turnover=float(max_turnover),
        every=int(every),
        reward=chosen("reward", reward, REWARDS),
        risk_aversion=float(risk_aversion),
        relative=bool(relative),
    )


def chosen(name: str, value: str, known: Mapping[str, int]) -> int:
    """Return the number of a word.

    Raises:
        InputError: there is no such word.
    """
    if value not in known:
        raise unknown(name, str(value), known)
    return known[value]
