"""The portfolio environment: what it knows, what it trades, what it charges."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from drlapps.errors import InputError
from drlapps.finance.market_data.prices import Prices
from drlapps.finance.portfolio.checker import check
from drlapps.finance.portfolio.environment import PortfolioEnv
from drlapps.finance.portfolio.instances import Window, named, train
from drlapps.finance.portfolio.market import Market

FILLS = ("same-close", "next-open", "next-close")
DAYS, ASSETS = 40, 3


def prices(seed: int = 0, days: int = DAYS, assets: int = ASSETS, scale: float = 0.03) -> Prices:
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, scale, (days, assets)), axis=0))
    opens = close * np.exp(rng.normal(0.0, 0.01, close.shape))
    volume = rng.uniform(1e4, 1e5, close.shape)
    dates = np.arange(np.datetime64("2020-01-06"), np.datetime64("2020-01-06") + days)
    names = tuple(f"asset-{i}" for i in range(assets))
    return Prices("made-up", names, close, dates, opens, volume)


def window(
    table: Prices, begin: int = 10, *, olps: bool = False, cost_scale: float = 1.0
) -> Window:
    columns = tuple(range(len(table.assets)))
    return Window("w", Market(table, olps), columns, begin, len(table.close) - 1, cost_scale)


def start(at: Window, **options: Any) -> PortfolioEnv:
    env = PortfolioEnv(1, [at], autoreset_mode=AutoresetMode.DISABLED, **options)
    env.reset(seed=0, options={"instances": [at]})
    return env


def play(env: PortfolioEnv, actions: Any) -> tuple[list[np.ndarray], list[float]]:
    """Play an episode; ``actions`` is one action, or a function of the environment."""
    seen, rewards, over = [env._observe()[0]], [], False
    while not over:
        action = actions(env) if callable(actions) else actions
        observations, reward, terminated, truncated, _ = env.step(np.asarray(action)[None])
        seen.append(observations[0])
        rewards.append(float(reward[0]))
        over = bool(terminated[0] or truncated[0])
    return seen, rewards


def drawn(seed: int, low: float = 0.0) -> Any:
    """Random actions, a new one each day, the same whatever the environment shows."""
    rng = np.random.default_rng(seed)
    return lambda env: rng.uniform(low, 1.0, env.single_action_space.shape)


def hold(weights: np.ndarray) -> Any:
    """Buy once, then hold."""
    return lambda env: weights if env.seen(0).day == 0 else np.full(len(weights), np.nan)


OPTIONS = st.fixed_dictionaries(
    {
        "fill": st.sampled_from(FILLS),
        "action": st.sampled_from(["weights", "logits", "shares"]),
        "reward": st.sampled_from(
            ["log-return", "mean-variance", "differential-sharpe", "mean-cvar"]
        ),
        "relative": st.booleans(),
        "every": st.integers(1, 4),
        "cost_bps": st.sampled_from([0.0, 10.0, 200.0]),
        "spread_bps": st.sampled_from([0.0, 8.0]),
        "impact": st.sampled_from([0.0, 1.0]),
        "cash_rate": st.sampled_from([0.0, 0.05]),
        "max_weight": st.sampled_from([0.4, 1.0]),
        "max_turnover": st.sampled_from([0.1, math.inf]),
        "esg": st.sampled_from(["", "synthetic"]),
        "esg_rate": st.sampled_from([0.0, 0.2]),
    }
)
SHORTS = st.fixed_dictionaries(
    {
        "fill": st.sampled_from(FILLS),
        "action": st.sampled_from(["weights", "shares"]),
        "min_weight": st.just(-0.8),
        "max_gross": st.sampled_from([1.0, 1.7]),
        "min_net": st.just(-0.5),
        "max_net": st.sampled_from([0.2, 1.2]),
        "borrow_rate": st.sampled_from([0.0, 0.1]),
        "every": st.integers(1, 3),
    }
)
QUICK = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(OPTIONS | SHORTS, st.integers(0, 5), st.integers(12, DAYS - 2))
def test_nothing_depends_on_later_prices(options: dict[str, Any], seed: int, today: int) -> None:
    table = prices(seed)
    later = {}
    for field in ("close", "open", "volume"):
        changed = getattr(table, field).copy()
        changed[today + 1 :] *= np.random.default_rng(9).uniform(
            0.5, 1.5, changed[today + 1 :].shape
        )
        later[field] = changed
    other = replace(table, **later)
    envs = [start(window(one), **options) for one in (table, other)]
    actions = [drawn(seed, -1.0), drawn(seed, -1.0)]
    while all(env._state.now[0] <= today for env in envs):
        here, there = (env.seen(0) for env in envs)
        assert np.array_equal(here.relatives, there.relatives)
        assert np.array_equal(here.weights, there.weights)
        assert here.growth == there.growth
        ours, theirs = (
            env.step(action(env)[None]) for env, action in zip(envs, actions, strict=True)
        )
        if envs[0]._state.now[0] > today:
            break
        for mine, yours in zip(ours[:4], theirs[:4], strict=True):
            assert np.array_equal(mine, yours)


@QUICK
@given(OPTIONS | SHORTS, st.integers(0, 5), st.integers(0, 12))
def test_the_checker_agrees(options: dict[str, Any], seed: int, begin: int) -> None:
    at = window(prices(seed), begin, cost_scale=1.5)
    env = start(at, **options)
    play(env, drawn(seed, -1.0))
    mine, theirs = env.metrics(0), check(at, env.solution(0))
    assert theirs.keys() <= mine.keys()
    for name, value in theirs.items():
        assert mine[name] == pytest.approx(value, rel=1e-10, abs=1e-12), name


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("every", [1, 4])
def test_holding_is_buy_and_hold(fill: str, every: int) -> None:
    table = prices()
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    env = start(window(table), fill=fill, every=every, cost_bps=25.0)
    play(env, hold(weights))
    bought = table.open[10] if fill == "next-open" else table.close[10]
    assert bought is not None
    # What is left after costs is spread as asked: mu (1 + c x shares of assets) = 1.
    kept = 1.0 / (1.0 + 0.0025 * 0.9)
    wealth = kept * (0.1 + weights[1:] @ (table.close[-1] / bought))
    assert env.metrics(0)["terminal_wealth"] == pytest.approx(wealth, rel=1e-12)


@pytest.mark.parametrize("fill", FILLS)
def test_a_constant_action_is_a_constant_rebalanced_portfolio(fill: str) -> None:
    table = prices()
    weights, fee = np.array([0.1, 0.2, 0.3, 0.4]), 0.0025
    env = start(window(table), fill=fill, cost_bps=25.0)
    play(env, weights)
    trading = table.open if fill == "next-open" else table.close
    assert trading is not None
    wealth, held = 1.0, np.zeros(3)
    cash = 1.0
    fills = range(10, DAYS if fill == "next-open" else DAYS - 1)
    for day, at in enumerate(fills):
        if day:
            held *= trading[at] / trading[at - 1]
        wealth = cash + held.sum()

        def left(mu: float, wealth: float = wealth, held: np.ndarray = held) -> float:
            return mu - 1.0 + fee * np.abs(mu * weights[1:] - held / wealth).sum()

        mu = brentq(left, 0.0, 1.0, xtol=1e-16)
        held, cash = mu * wealth * weights[1:], mu * wealth * weights[0]
    last = table.close[-1] / (trading[-1] if fill == "next-open" else table.close[-2])
    assert env.metrics(0)["terminal_wealth"] == pytest.approx(cash + held @ last, rel=1e-10)


@QUICK
@given(st.sampled_from(FILLS), st.integers(0, 5), st.integers(1, 5))
def test_log_rewards_add_up_to_log_wealth(fill: str, seed: int, every: int) -> None:
    env = start(window(prices(seed)), fill=fill, every=every, cash_rate=0.03)
    _, rewards = play(env, drawn(seed))
    assert math.fsum(rewards) == pytest.approx(
        math.log(env.metrics(0)["terminal_wealth"]), abs=1e-6
    )


def test_a_relative_reward_is_less_the_market() -> None:
    at = window(prices())
    plain, relative = (
        play(start(at, reward="mean-variance", risk_aversion=3.0, relative=flag), drawn(1))[1]
        for flag in (False, True)
    )
    close = at.market.prices.close[9:]
    market = (close[1:] / close[:-1]).mean(axis=1) - 1.0
    utility = market - 1.5 * market**2
    assert np.subtract(plain, relative) == pytest.approx(utility, abs=1e-6)


def test_the_differential_sharpe_ratio_is_moody_and_saffells() -> None:
    env = start(window(prices()), reward="differential-sharpe", fill="same-close")
    _, rewards = play(env, drawn(2))
    a, b = 0.0, 0.01**2
    for simple, reward in zip(env.returns(0), rewards, strict=True):
        da, db = simple - a, simple**2 - b
        assert reward == pytest.approx((b * da - 0.5 * a * db) / (b - a * a) ** 1.5, rel=1e-4)
        a, b = a + 0.01 * da, b + 0.01 * db


def test_mean_cvar_punishes_the_tail() -> None:
    table = prices()
    rewards = {}
    for aversion in (0.0, 1.0):
        env = start(window(table), reward="mean-cvar", risk_aversion=aversion, fill="same-close")
        rewards[aversion] = np.array(play(env, drawn(2))[1])
    returns = env.returns(0)
    assert rewards[0.0] == pytest.approx(returns, abs=1e-6)
    charge = rewards[0.0] - rewards[1.0]
    # The charge is the quantile, plus twenty times what a loss exceeds it by.
    calm, worst = charge[returns > 0.0], returns.argmin()
    assert calm == pytest.approx(0.02, abs=0.005)
    assert charge[worst] == pytest.approx(-20.0 * returns[worst] - 19.0 * 0.02, abs=0.1)


def test_fees_spread_and_impact_cost_what_they_should() -> None:
    table = prices()
    all_in = np.array([0.0, 1.0, 0.0, 0.0])
    env = start(window(table), cost_bps=10.0, spread_bps=6.0, fill="same-close")
    env.step(all_in[None])
    assert env._state.costs[0] == pytest.approx(0.0013 / 1.0013)
    env = start(window(table), cost_bps=0.0, impact=0.5, capital=1e6, fill="same-close")
    env.step(all_in[None])
    logs = np.diff(np.log(table.close[:11, 0]), prepend=np.log(table.close[0, 0]))
    assert table.volume is not None
    volume = (table.close[:11, 0] * table.volume[:11, 0]).mean()
    mu = env._state.held[0, 0] / (table.close[11, 0] / table.close[10, 0])
    rate = 0.5 * math.sqrt((logs**2).mean()) * math.sqrt(mu * 1e6 / volume)
    assert env._state.costs[0] == pytest.approx(rate * mu, rel=1e-9)


def test_the_last_close_is_not_traded_on() -> None:
    table = prices()
    turned = {"n": 0}

    def turn(env: PortfolioEnv) -> np.ndarray:
        turned["n"] += 1
        last = env._state.now[0] + 1 >= env._state.end[0]
        return np.array([1.0, 0.0, 0.0, 0.0]) if last else np.array([0.0, 1.0, 0.0, 0.0])

    env = start(window(table), fill="next-close")
    play(env, turn)
    assert turned["n"] == DAYS - 10
    assert env.metrics(0)["turnover"] * (DAYS - 11) / 252 == pytest.approx(1.0, abs=0.01)


def test_the_end_of_the_data_truncates() -> None:
    env = start(window(prices()))
    over = truncated = terminated = np.array([False])
    while not over[0]:
        _, _, terminated, truncated, _ = env.step(np.full((1, 4), 0.25))
        over = terminated | truncated
    assert truncated[0]
    assert not terminated[0]


def test_limits_of_short_portfolios_hold_and_borrowing_costs() -> None:
    limits = dict(min_weight=-0.8, max_weight=0.9, max_gross=1.5, min_net=-0.2, max_net=0.6)
    env = start(window(prices()), fill="same-close", cost_bps=0.0, **limits)
    rng = np.random.default_rng(3)
    over = False
    while not over:
        before = env._state.wealth[0]
        env_close = env.instances[0].market.prices.close
        now = int(env._state.now[0])
        _, _, terminated, truncated, _ = env.step(rng.uniform(-1, 1, (1, 4)))
        over = bool(terminated[0] or truncated[0])
        bought = env._state.held[0] / (env_close[now + 1] / env_close[now]) / before
        assert np.abs(bought).sum() <= 1.5 + 1e-12
        assert -0.2 - 1e-12 <= bought.sum() <= 0.6 + 1e-12
        assert bought.min() >= -0.8 - 1e-12
    flat = replace(prices(), close=np.full((DAYS, 3), 10.0))
    env = start(window(flat), fill="same-close", cost_bps=0.0, borrow_rate=0.252, **limits)
    play(env, hold(np.array([1.0, -0.5, 0.0, 0.0])))
    # A thousandth of the half that was sold short, each of 29 days (-0.5 is cut to 0.2).
    assert env.metrics(0)["terminal_wealth"] == pytest.approx(1.0 - 29 * 0.001 * 0.2, rel=1e-9)


def test_ruin_ends_the_episode() -> None:
    table = prices()
    close = np.full((DAYS, 3), 10.0)
    close[15:] = 50.0
    env = start(window(replace(table, close=close)), fill="same-close",
                min_weight=-1.0, min_net=-1.0)  # fmt: skip
    _, rewards = play(env, np.array([0.0, -1.0, 0.0, 0.0]))
    found = env.metrics(0)
    assert found["terminal_wealth"] == found["feasible"] == 0.0
    assert rewards[-1] == -10.0
    assert check(env.instances[0], env.solution(0))["feasible"] == 0.0
    assert env._terminated[0]


@QUICK
@given(st.sampled_from(FILLS), st.integers(0, 20))
def test_lots_are_whole_shares_within_the_cash(fill: str, seed: int) -> None:
    at = window(prices(seed))
    env = start(at, action="shares", max_shares=50.0, capital=5_000.0, fill=fill)
    play(env, drawn(seed, -1.0))
    trades = np.array(env.solution(0)["trades"]) * 5_000.0
    assert trades == pytest.approx(np.rint(trades), abs=1e-6)
    assert np.abs(trades).max() <= 50.0 + 1e-6
    assert check(at, env.solution(0))["feasible"] == 1.0
    assert env._state.cash[0] >= -1e-12


def test_turnover_and_weights_are_capped() -> None:
    env = start(
        window(prices()), fill="same-close", cost_bps=0.0, max_turnover=0.1, max_weight=0.35
    )
    env.step(np.array([[0.0, 1.0, 0.0, 0.0]]))
    assert env._state.turnover[0] == pytest.approx(0.1)
    play(env, np.array([0.0, 1.0, 0.0, 0.0]))
    assert env.seen(0).weights[1] <= 0.35 * 1.1
    assert env.metrics(0)["turnover"] * 29 / 252 <= 0.1 * 29 + 1e-9


def test_grants_follow_the_scores() -> None:
    flat = replace(prices(), close=np.full((DAYS, 3), 10.0))
    env = start(window(flat), fill="same-close", cost_bps=0.0, esg="synthetic", esg_rate=0.252)
    score = float(env._state.scores[0, 1])
    assert env._observe()[0, 2, 2] == pytest.approx(score)
    play(env, hold(np.array([0.0, 0.0, 1.0, 0.0])))
    assert env.metrics(0)["terminal_wealth"] == pytest.approx(1.0 + 29 * 0.001 * score)


def test_scores_come_from_a_file_and_every_asset_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("asset,score\nasset-2,100\nasset-0,50\nasset-1,0\n")
    env = start(window(prices()), esg=str(path))
    assert env._observe()[0, 1:, 2] == pytest.approx([0.0, -1.0, 1.0])
    path.with_name("short.csv").write_text("asset,score\nasset-2,100\n")
    with pytest.raises(InputError, match="asset-0"):
        start(window(prices()), esg=str(path.with_name("short.csv")))


def test_observations_show_what_they_say() -> None:
    table = prices()
    env = start(window(table), fill="same-close", window=5, technical=False)
    env.step(np.array([[0.1, 0.2, 0.3, 0.4]]))
    seen = env._observe()[0]
    returns = np.log(table.close[7:12] / table.close[6:11]).T / 0.02
    assert seen[1:, 3:] == pytest.approx(np.clip(returns, -8, 8), abs=1e-5)
    assert seen[:, 0].tolist() == [1.0] * 4
    assert seen[:, 1] == pytest.approx(env.seen(0).weights, abs=1e-6)
    assert seen[:, 1].sum() == pytest.approx(1.0)


def test_smaller_instances_are_padded_and_equal_those_alone() -> None:
    small, large = window(prices(1, assets=2)), window(prices(2, assets=4))
    env = PortfolioEnv(2, [small, large], autoreset_mode=AutoresetMode.DISABLED, fill="next-close")
    env.reset(seed=0, options={"instances": [small, large]})
    alone = start(small, fill="next-close")
    actions = np.array([[0.2, 0.3, 0.5, 9.0, 9.0], [0.2, 0.2, 0.2, 0.2, 0.2]])
    for _ in range(10):
        seen, rewards, *_ = env.step(actions)
        mine, reward, *_ = alone.step(actions[:1, :3])
        assert np.array_equal(seen[0, :3], mine[0])
        assert not seen[0, 3:].any()
        assert rewards[0] == reward[0]


@pytest.mark.parametrize("name", ["djia", "sp500"])
def test_olps_sets_are_traded_by_the_toolboxs_convention(name: str) -> None:
    at = named([name])[0]
    env = start(at, cost_bps=50.0)
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(len(at.columns)), at.end)
    day = iter(weights)
    play(env, lambda _: np.concatenate([[0.0], next(day)]))
    wealth, drifted = 1.0, np.zeros(len(at.columns))
    for target, relative in zip(weights, at.market.relatives.T[1:], strict=True):
        net = (target @ relative) * (1.0 - 0.0025 * np.abs(target - drifted).sum())
        drifted = target * relative / net
        wealth *= net
    assert env.metrics(0)["terminal_wealth"] == pytest.approx(wealth, rel=1e-12)


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("fill", FILLS)
def test_the_future_is_what_decisions_earn(fill: str, every: int) -> None:
    env = start(window(prices()), fill=fill, every=every, cost_bps=0.0)
    future = env.future(0)
    rng = np.random.default_rng(1)
    actions = rng.dirichlet(np.ones(4), len(future))
    left = iter(actions)
    play(env, lambda _: next(left))
    assert next(left, None) is None
    wealth = np.prod(actions[:, 0] + (actions[:, 1:] * future).sum(axis=1))
    assert env.metrics(0)["terminal_wealth"] == pytest.approx(wealth, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cost_bps": -1.0}, "cost_bps"),
        ({"fill": "tomorrow"}, "fill"),
        ({"action": "weigths"}, "weights"),
        ({"reward": "profit"}, "reward"),
        ({"every": 0}, "every"),
        ({"min_weight": 0.2}, "min_weight"),
        ({"action": "logits", "min_weight": -1.0}, "long-only"),
    ],
)
def test_impossible_arguments_are_named(options: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        start(window(prices()), **options)


def test_data_must_have_what_an_option_needs() -> None:
    bare = replace(prices(), open=None, volume=None)
    with pytest.raises(InputError, match="no opening prices"):
        start(window(bare), fill="next-open")
    with pytest.raises(InputError, match="no volumes"):
        start(window(bare), impact=1.0)
    with pytest.raises(InputError, match="OLPS"):
        start(window(bare, olps=True), fill="next-close")
    with pytest.raises(InputError, match="not by shares"):
        start(window(bare, olps=True), action="shares")


def test_training_windows_restore_exactly() -> None:
    pool = train(days=30, assets=(3, 6))
    env, other = (PortfolioEnv(4, pool) for _ in range(2))
    env.reset(seed=5)
    rng = np.random.default_rng(0)
    for _ in range(40):
        env.step(rng.random((4, 7)))
    other.restore_state(env.export_state())
    for _ in range(40):
        actions = rng.random((4, 7))
        for mine, yours in zip(env.step(actions)[:4], other.step(actions)[:4], strict=True):
            assert np.array_equal(mine, yours)
