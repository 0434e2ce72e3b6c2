"""Steps per CPU second: a portfolio of 30 assets with a 20-day window and costs; market making.

FinRL's StockTradingEnv gets 30 stocks, 2000 days and its eight usual indicators. Both trade every
asset every day on drawn actions, and each observes after every step in its own form.
"""

from __future__ import annotations

import numpy as np

from benchmarks.measure import Play, Row, compare, optional

BATCH, ASSETS, DAYS = 256, 30, 2000
MAKERS = 4096
BARS = {"FinRL StockTradingEnv": 1000.0}
INDICATORS = [f"indicator_{index}" for index in range(8)]


def run(repeats: int) -> list[Row]:
    contenders = {
        f"drlapps, batch of {BATCH}": drlapps(),
        "FinRL StockTradingEnv": optional(finrl),
    }
    rows = compare(
        "finance-steps", f"{ASSETS} assets, 20-day window, 10 bp", "steps", contenders,
        bars=BARS, seconds=2.0, repeats=repeats,
    )  # fmt: skip
    return rows + compare(
        "finance-steps", "market making, 200 steps a day", "steps",
        {f"drlapps, batch of {MAKERS}": market_making()}, bars={}, seconds=2.0, repeats=repeats,
    )  # fmt: skip


def market_making() -> Play:
    from drlapps.finance.market_making.environment import MarketMakingEnv
    from drlapps.finance.market_making.instances import named

    env = MarketMakingEnv(MAKERS, named(["cartea-jaimungal:1..20"]))
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    space = env.action_space
    actions = [rng.uniform(space.low, space.high).astype(np.float32) for _ in range(20)]

    def play() -> int:
        for action in actions:
            env.step(action)
        return len(actions) * MAKERS

    return play


def drlapps() -> Play:
    from drlapps.finance.portfolio.environment import PortfolioEnv
    from drlapps.finance.portfolio.instances import train

    env = PortfolioEnv(
        BATCH, train(assets=(ASSETS, ASSETS)), window=20, technical=False, cost_bps=10.0
    )
    env.reset(seed=0)
    actions = np.random.default_rng(0).random((20, BATCH, 1 + ASSETS), dtype=np.float32)

    def play() -> int:
        for action in actions:
            env.step(action)
        return len(actions) * BATCH

    return play


def finrl() -> Play:
    import pandas as pd
    from finrl.meta.env_stock_trading.env_stocktrading import StockTradingEnv

    rng = np.random.default_rng(0)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.015, (DAYS, ASSETS)), axis=0))
    day = np.repeat(np.arange(DAYS), ASSETS)
    dates = pd.bdate_range("2010-01-04", periods=DAYS).strftime("%Y-%m-%d")
    table = {"date": dates.to_numpy()[day], "tic": np.tile([f"S{i}" for i in range(ASSETS)], DAYS)}
    table["close"] = close.ravel()
    for name in INDICATORS:
        table[name] = rng.normal(size=DAYS * ASSETS)
    env = StockTradingEnv(
        df=pd.DataFrame(table, index=day), stock_dim=ASSETS, hmax=100, initial_amount=1_000_000,
        num_stock_shares=[0] * ASSETS, buy_cost_pct=[0.001] * ASSETS,
        sell_cost_pct=[0.001] * ASSETS, reward_scaling=1e-4,
        state_space=1 + 2 * ASSETS + len(INDICATORS) * ASSETS, action_space=ASSETS,
        tech_indicator_list=INDICATORS,
    )  # fmt: skip
    env.reset()
    actions = rng.uniform(-1.0, 1.0, (20, ASSETS)).astype(np.float32)

    def play() -> int:
        for action in actions:
            if env.step(action)[2]:
                env.reset()
        return len(actions)

    return play
