"""The compiled kernels against plain NumPy twins."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.finance.market_making import kernels
from drlapps.finance.market_making.dynamic_programming import best_distance, solve
from drlapps.finance.market_making.environment import MarketMakingEnv
from drlapps.finance.market_making.instances import MARKETS, path

M64 = 2**64 - 1


def splitmix(seed, count):
    """SplitMix64 with Python's integers."""
    found = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & M64
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
        found.append(z ^ (z >> 31))
    return found


def test_the_generator_is_splitmix64():
    # First outputs for the seed 1234567, as in the reference implementation of Vigna.
    assert splitmix(1234567, 2) == [6457827717110365317, 3203168211198807973]
    ours = [kernels.uniform(np.uint64(1234567), np.uint64(n)) for n in range(200)]
    twin = [((z >> 11) + 0.5) / 2**53 for z in splitmix(1234567, 200)]
    assert ours == twin


def test_draws_are_uniform_and_unrelated():
    keys = [np.uint64(kernels.mix(np.uint64(n))) for n in range(40)]
    draws = np.array([[kernels.uniform(k, np.uint64(n)) for n in range(400)] for k in keys])
    assert draws.mean() == pytest.approx(0.5, abs=4 * 0.2887 / 16_000**0.5)
    assert draws.var() == pytest.approx(1 / 12, rel=0.05)
    between = np.corrcoef(draws)[np.triu_indices(40, 1)]
    assert np.abs(between).max() < 5 / 400**0.5
    assert abs(np.corrcoef(draws[:, :-1].ravel(), draws[:, 1:].ravel())[0, 1]) < 4 / 16_000**0.5


class Twin:
    """One row of the market in plain Python."""

    def __init__(self, session):
        self.m, self.q = session.market, session.inventory
        self.draws = iter(splitmix(splitmix_mix(session.seed), 4 * self.m.steps))
        self.values = solve(self.m).values
        self.t, self.mid, self.cash, self.penalties = 0, self.m.price, 0.0, 0.0
        self.rates = [self.m.mean_intensity] * 2
        self.value = self.values[0, self.m.limit + self.q]

    def uniform(self):
        return ((next(self.draws) >> 11) + 0.5) / 2**53

    def fill(self, delta, rate):
        orders, reach = rate * self.m.dt, math.exp(-self.m.decay * delta)
        return (
            1 - math.exp(-orders * reach) if self.m.fills == "poisson" else min(orders, 1) * reach
        )

    def step(self, bid, ask):
        m, q = self.m, self.q
        p = self.fill(bid, self.rates[0]) if q < m.limit else 0.0
        r = self.fill(ask, self.rates[1]) if q > -m.limit else 0.0
        chances = {1: p * (1 - r), -1: r * (1 - p)}
        chances[0] = 1 - chances[1] - chances[-1]
        running = m.running_penalty * m.dt
        gain = p * bid + r * ask - sum(c * running * (q + d) ** 2 for d, c in chances.items())
        row = self.values[self.t + 1]
        future = sum(c * row[m.limit + q + d] for d, c in chances.items() if c)
        self.value += gain + future - self.values[self.t, m.limit + q]
        u, v, a, b = (self.uniform() for _ in range(4))
        hits = [u < self.fill(0, self.rates[0]), v < self.fill(0, self.rates[1])]
        bought, sold = u < p, v < r
        self.cash += sold * (self.mid + ask) - bought * (self.mid - bid)
        self.q += bought - sold
        self.penalties += running * self.q**2
        normal = math.sqrt(-2 * math.log(a)) * math.cos(2 * math.pi * b)
        self.mid += m.volatility * math.sqrt(m.dt) * normal
        if m.is_hawkes:
            left = math.exp(-m.reversion * m.dt)
            share = (1 - left) / (m.reversion * m.dt)
            self.rates = [
                m.intensity
                + (self.rates[side] - m.intensity) * left
                + share * (m.excitation * hits[side] + m.cross_excitation * hits[1 - side])
                for side in range(2)
            ]
        self.t += 1
        if self.t == m.steps:
            gain -= sum(c * m.terminal_penalty * (q + d) ** 2 for d, c in chances.items())
        best = best_distance(0.0, m.mean_arrivals, m.fills == "poisson")
        ideal = best * self.fill(best / m.decay, m.mean_intensity) / m.mean_arrivals
        orders = m.dt * sum(self.before)
        return m.decay * gain - ideal * orders

    def observation(self):
        m, q, left = self.m, self.q, self.m.steps - self.t
        exit_cost, squash = m.decay * m.terminal_penalty, lambda x: x / (1 + x)
        self.before = list(self.rates)
        return [
            q / m.limit,
            left / m.steps,
            np.clip(m.tilt * q, -10, 10),
            math.tanh(m.relaxation * m.dt * left),
            np.clip(2 * exit_cost * q, -10, 10),
            squash(self.rates[0] * m.dt),
            squash(self.rates[1] * m.dt),
            squash(m.tilt),
            squash(exit_cost),
            squash(m.relaxation * m.dt),
            m.fills == "poisson",
        ]


def splitmix_mix(seed):
    """The output function alone."""
    return splitmix((seed - 0x9E3779B97F4A7C15) & M64, 1)[0]


@pytest.mark.parametrize("name", list(MARKETS))
def test_the_kernels_agree_with_their_twins(name):
    market = replace(MARKETS[name], limit=6, terminal_penalty=0.1)
    chosen = [path(name, market, number, number - 2) for number in range(4)]
    twins = [Twin(session) for session in chosen]
    env = MarketMakingEnv(4, chosen, autoreset_mode=AutoresetMode.DISABLED)
    observations, _ = env.reset(seed=0, options={"instances": chosen})
    rng = np.random.default_rng(0)
    for _ in range(market.steps):
        for row, twin in zip(observations, twins, strict=True):
            assert row == pytest.approx(np.array(twin.observation(), np.float32), abs=1e-6)
        actions = rng.uniform(-1, 2, (4, 2))
        observations, rewards, *_ = env.step(actions)
        quotes = (1 + actions) / market.decay
        expected = [twin.step(*pair) for twin, pair in zip(twins, quotes, strict=True)]
        assert rewards == pytest.approx(expected, abs=1e-9)
    for row, twin in enumerate(twins):
        found = env.metrics(row)
        worth = twin.cash + twin.q * twin.mid
        assert found["inventory"] == twin.q
        assert found["value"] == pytest.approx(twin.value, abs=1e-9)
        assert found["pnl"] == pytest.approx(worth - chosen[row].inventory * market.price)
        assert found["objective"] == pytest.approx(
            found["pnl"] - twin.penalties - market.terminal_penalty * twin.q**2
        )
