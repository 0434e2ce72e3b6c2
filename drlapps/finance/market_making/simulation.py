"""What a policy does over many paths of a market: the statistics that the papers print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from gymnasium.vector import AutoresetMode

from drlapps.evaluate import rollout
from drlapps.finance.market_making.environment import MarketMakingEnv
from drlapps.finance.market_making.instances import path
from drlapps.finance.market_making.market import Market
from drlapps.policy import Policy

BATCH = 2_000
"""Paths played at once: bounds the memory that their record takes."""


@dataclass(frozen=True)
class Summary:
    """Statistics over paths; money in units of the price, standard deviations with n - 1.

    Attributes:
        paths: how many.
        value: mean of the value with the control variate.
        value_error: standard error of that mean.
        objective: mean of the realised objective.
        objective_error: standard error of that mean.
        spread: mean quoted spread.
        mean_pnl: mean profit.
        sd_pnl: its standard deviation.
        sd_inventory: standard deviation of the inventory at the end.
        fills: mean number of trades.
    """

    paths: int
    value: float
    value_error: float
    objective: float
    objective_error: float
    spread: float
    mean_pnl: float
    sd_pnl: float
    sd_inventory: float
    fills: float


def simulate(policy: Policy, market: Market, paths: int = 1000, inventory: int = 0) -> Summary:
    """Play a policy on paths of a market, thousands at once.

    Args:
        policy: who quotes.
        market: the parameters.
        paths: how many, at least two; the same ones for every policy.
        inventory: units held at the start.
    """
    settings = cast(Mapping[str, Any], policy.environment)
    found: list[dict[str, float]] = []
    while len(found) < paths:
        numbers = range(len(found), min(len(found) + BATCH, paths))
        sessions = [path("simulated", market, number, inventory) for number in numbers]
        env = MarketMakingEnv(
            len(sessions), sessions, autoreset_mode=AutoresetMode.DISABLED, **settings
        )
        rollout(env, policy, sessions, seed=0)
        found += [env.metrics(row) for row in range(len(sessions))]
    columns = {name: np.array([metrics[name] for metrics in found]) for name in found[0]}
    mean = {name: float(column.mean()) for name, column in columns.items()}
    deviation = {name: float(column.std(ddof=1)) for name, column in columns.items()}
    return Summary(
        paths=paths,
        value=mean["value"],
        value_error=deviation["value"] / paths**0.5,
        objective=mean["objective"],
        objective_error=deviation["objective"] / paths**0.5,
        spread=mean["spread"],
        mean_pnl=mean["pnl"],
        sd_pnl=deviation["pnl"],
        sd_inventory=deviation["inventory"],
        fills=mean["fills"],
    )
