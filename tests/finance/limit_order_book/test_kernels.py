"""The compiled kernels against a twin in plain Python, and what every book must keep."""

from __future__ import annotations

import math
from collections import deque

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.finance.limit_order_book.environment import REWARDS, LimitOrderBookEnv
from drlapps.finance.limit_order_book.instances import KINDS, numbered, toy
from drlapps.finance.limit_order_book.session import Flow, Rules, Session, Tape

M64 = 2**64 - 1
RULES = Rules(steps=60, limit=3, maker_fee=-0.1, taker_fee=0.4)


def scrambled(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


class FlowTwin:
    """The simulated book with dictionaries of sizes by price."""

    def __init__(self, flow, rules, seed):
        self.flow, self.interval = flow, rules.interval
        self.key, self.draws = scrambled(seed), 0
        self.rates = [flow.limit_orders * d**-flow.decay for d in range(1, 21)]
        self.sides = ({}, {})
        for level, rate in enumerate(self.rates):
            for side, price in enumerate((10_000 - level, 10_001 + level)):
                self.sides[side][price] = max(1, int(rate / flow.cancellations))
        self.direction = 1 if self.uniform() < 0.5 else -1
        self.run(20.0)

    def uniform(self):
        self.draws += 1
        z = scrambled((self.key + self.draws * 0x9E3779B97F4A7C15) & M64)
        return ((z >> 11) + 0.5) / 2**53

    def touch(self, side):
        return max(self.sides[0]) if side == 0 else min(self.sides[1])

    def level(self, side, level):
        return self.touch(side) + (level if side else -level)

    def size(self, side, level):
        return self.sides[side].get(self.level(side, level), 0)

    def rests(self, side, price):
        return self.sides[side].get(price, 0)

    def remove(self, side, price):
        book = self.sides[side]
        left = {**book, price: book[price] - 1}
        left = {p: n for p, n in left.items() if n}
        if not left or abs((min(left) if side else max(left)) - self.touch(1 - side)) > 40:
            return False
        self.sides = (left, self.sides[1]) if side == 0 else (self.sides[0], left)
        return True

    def add(self, side, distance):
        sign = -1 if side else 1
        price = self.touch(1 - side) - sign * distance
        if sign * (self.touch(side) - price) >= 20:
            return
        book = self.sides[side]
        book[price] = book.get(price, 0) + 1
        best = self.touch(side)
        for old in [p for p in book if sign * (best - p) >= 20]:
            del book[old]

    def run(self, interval):
        trades, time, flow = [], 0.0, self.flow
        reach = math.fsum(self.rates)
        while True:
            lots = sum(sum(book.values()) for book in self.sides)
            parts = (2 * reach, flow.cancellations * lots, 2 * flow.market_orders, flow.flips)
            time -= math.log(self.uniform()) / sum(parts)
            if time >= interval:
                return trades
            mark = self.uniform() * sum(parts)
            if mark < parts[0]:
                side, mark = divmod(mark, reach)
                ladder = np.cumsum(self.rates)
                self.add(int(side), 1 + int(np.searchsorted(ladder, mark, side="right")))
            elif (mark := mark - parts[0]) < parts[1]:
                lot = int(mark / flow.cancellations)
                bids, asks = (sorted(book) for book in self.sides)
                queue = [(0, p) for p in reversed(bids) for _ in range(self.sides[0][p])]
                queue += [(1, p) for p in asks for _ in range(self.sides[1][p])]
                self.remove(*queue[lot])
            elif (mark := mark - parts[1]) < parts[2]:
                buys = mark / parts[2] < 0.5 * (1 + flow.bias * self.direction)
                price = self.touch(int(buys))
                if self.remove(int(buys), price):
                    trades.append((int(buys), price, 1.0))
            else:
                self.direction *= -1

    def step(self):
        return self.run(self.interval)


class TapeTwin:
    def __init__(self, tape, begin):
        self.tape, self.row = tape, begin

    def level(self, side, level):
        return int(self.tape.prices[self.row, side][: level + 1][-1])

    def touch(self, side):
        return self.level(side, 0)

    def size(self, side, level):
        sizes = self.tape.sizes[self.row, side]
        return float(sizes[level]) if level < len(sizes) else 0.0

    def rests(self, side, price):
        levels = dict(zip(self.tape.prices[self.row, side], self.tape.sizes[self.row, side],
                          strict=True))  # fmt: skip
        return float(levels.get(price, 0.0))

    def step(self):
        volumes = self.tape.volumes[self.row + 1]
        trades = [(side, self.touch(side), float(volumes[side])) for side in (0, 1)]
        self.row += 1
        return [trade for trade in trades if trade[2]]


class Twin:
    """One row of the environment: orders, fills, first in first out, rewards."""

    LEVELS = (0, 4, 9, 14)

    def __init__(self, session, reward):
        self.rules, self.reward = session.rules, reward
        self.book = (
            TapeTwin(session.tape, session.begin)
            if session.tape is not None
            else FlowTwin(session.flow, session.rules, session.seed)
        )
        self.orders, self.fills, self.lots = {}, [], deque()
        self.cash = self.realised = self.fees = self.a = self.b = 0.0
        self.time = 0

    @property
    def inventory(self):
        return sum(side for side, _ in self.lots)

    @property
    def mid(self):
        return (self.book.touch(0) + self.book.touch(1)) / 2

    def fill(self, side, price, fee, maker):
        sign = -1 if side else 1
        self.cash -= sign * price + fee
        self.fees += fee
        self.fills.append((self.time, sign, price, maker))
        if self.lots and self.lots[0][0] != sign:
            self.realised += -sign * (price - self.lots.popleft()[1])
        else:
            self.lots.append((sign, price))

    def act(self, action):
        if action == 16:
            self.orders, held = {}, self.inventory
            side, level = (1 if held < 0 else 0), 0
            deepest = len(self.book.tape.prices[0, 0]) - 1 if hasattr(self.book, "tape") else 19
            for lot in range(1, abs(held) + 1):
                while sum(self.book.size(side, n) for n in range(level + 1)) < lot:
                    if level == deepest:
                        break
                    level += 1
                self.fill(1 - side, self.book.level(side, level), self.rules.taker_fee, 0)
        elif action:
            for side, level in enumerate(divmod(action - 1, 4)):
                self.place(side, self.book.level(side, self.LEVELS[level]))

    def place(self, side, price):
        if (-self.inventory if side else self.inventory) >= self.rules.limit:
            self.orders.pop(side, None)
        elif side not in self.orders or self.orders[side][0] != price:
            self.orders[side] = [price, self.book.rests(side, price) + 1]

    def step(self, action):
        before, start = (self.cash, self.realised - self.fees), self.mid
        worth = self.cash + self.inventory * start
        self.act(action)
        carry = 0.0
        for _ in range(self.rules.repeats):
            held, mid = self.inventory, self.mid
            self.time += 1
            for side, price, volume in self.book.step():
                own = self.orders.get(side)
                if own and (own[0] <= price if side else own[0] >= price):
                    own[1] -= volume
                    if own[1] <= 1e-9:
                        del self.orders[side]
                        self.fill(side, own[0], self.rules.maker_fee, 1)
            for side in (0, 1):
                if not (own := self.orders.get(side)):
                    continue
                opposite = self.book.touch(1 - side)
                if own[0] <= opposite if side else own[0] >= opposite:
                    del self.orders[side]
                    self.fill(side, own[0], self.rules.maker_fee, 1)
                else:
                    own[1] = min(own[1], self.book.rests(side, own[0]) + 1)
            carry += held * (self.mid - mid)
        profit = self.cash + self.inventory * self.mid - worth
        return self.rewarded(profit, carry, self.realised - self.fees - before[1])

    def rewarded(self, profit, carry, closed):
        if self.reward == "differential-sharpe":
            da, db, variance = profit - self.a, profit**2 - self.b, self.b - self.a**2
            value = 0.0
            if variance > 1e-12:
                value = np.clip((self.b * da - self.a * db / 2) / variance**1.5, -10, 10)
            self.a, self.b = self.a + 0.01 * da, self.b + 0.01 * db
            return value
        return {
            "positional-pnl": profit,
            "with-fills": carry + closed,
            "realized": closed,
            "asymmetrical": profit - 0.6 * max(carry, 0.0),
            "symmetrical": profit - 0.6 * carry,
            "trade-completion": 1.0 if closed >= 2 else -1.0 if closed <= -1 else closed,
        }[self.reward]


def random_tape(rng, rows=400, levels=4):
    """A tape whose price wanders, with gaps between levels and fractions of lots."""
    bid = 500 + np.cumsum(rng.integers(-2, 3, rows))
    gaps = 1 + rng.integers(0, 3, (rows, 2, levels)).cumsum(axis=2) + np.arange(levels)
    prices = np.stack([bid[:, None] + 1 - gaps[:, 0], bid[:, None] + gaps[:, 1]], axis=1)
    sizes = rng.integers(0, 9, prices.shape) / 2
    volumes = rng.integers(0, 6, (rows, 2)) / 2 * rng.integers(0, 2, (rows, 2))
    return Tape(np.arange(float(rows)), prices.astype(np.int64), sizes, volumes)


SESSIONS = [
    *(numbered(name, flow, 3, RULES) for name, flow in KINDS.items()),
    numbered("thin", Flow(0.3, 0.2, 2.0, 1.0), 1, RULES),
    Session("tape", RULES, tape=random_tape(np.random.default_rng(1)), begin=7),
]


@pytest.mark.parametrize("reward", list(REWARDS))
@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_the_kernels_agree_with_their_twin(session, reward):
    twin = Twin(session, reward)
    env = LimitOrderBookEnv(1, [session], reward=reward, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    rng = np.random.default_rng(5)
    for _ in range(RULES.steps):
        action = int(rng.choice([0, 1, 1, 2, 5, rng.integers(17)]))
        rewards = env.step(np.array([action]))[1]
        assert rewards[0] == pytest.approx(twin.step(action), abs=1e-9)
        assert env.touch[0].tolist() == [twin.book.touch(0), twin.book.touch(1)]
        assert env.inventory[0] == twin.inventory
    solution, metrics = env.solution(0), env.metrics(0)
    ours = [(f["time"], f["side"], f["price"], f["maker"]) for f in solution["fills"]]
    assert ours == twin.fills
    assert len(ours) > 5
    assert metrics["realised"] == pytest.approx(twin.realised)
    assert metrics["pnl"] == pytest.approx(twin.cash + twin.inventory * twin.mid)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**63 - 1),
    market=st.floats(0.0, 6.0),
    limit_orders=st.floats(0.1, 4.0),
    cancellations=st.floats(0.2, 3.0),
    bias=st.floats(0.0, 0.9),
    limit=st.integers(1, 12),
)
def test_books_and_accounts_stay_sound(seed, market, limit_orders, cancellations, bias, limit):
    flow = Flow(limit_orders, 0.5, market, cancellations, bias, 0.1)
    session = Session("any", Rules(steps=40, limit=limit, maker_fee=0.2), flow, seed)
    env = LimitOrderBookEnv(1, [session], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    rng, total = np.random.default_rng(seed), 0.0
    for _ in range(40):
        before = env.states["inventory"][0], env.states["fills"][0]
        total += env.step(np.array([rng.integers(17)]))[1][0]
        s = env.states[0]
        assert (s["ring"] >= 0).all()
        assert s["ring"].sum() == s["depth"].sum(), "lots are neither made nor lost"
        assert (s["depth"] > 0).all()
        assert 0 < s["touch"][1] - s["touch"][0] <= 40
        assert (s["wait"] >= 0).all()
        assert ((s["wait"] > 0) == (s["order"] >= 0)).all()
        assert abs(s["inventory"]) <= limit
        assert abs(s["inventory"] - before[0]) <= s["fills"] - before[1]
        assert (s["inventory"] - s["fills"]) % 2 == 0
        held, mid = s["inventory"], s["touch"].mean()
        open_profit = np.sign(held) * (mid - s["lots"][: abs(held)]).sum()
        worth = s["cash"] + held * mid
        assert s["realised"] + open_profit - s["fees"] == pytest.approx(worth, abs=1e-8)
    assert total == pytest.approx(env.metrics(0)["pnl"], abs=1e-8)


def test_the_book_forgets_its_seed_but_not_its_rates():
    # Far from the touch nothing but arrivals and cancellations happens: sizes are Poisson with
    # mean k i^-alpha / theta. Level 14 lies 14 ticks and a spread from the opposite best price.
    chosen = [numbered("calm", KINDS["calm"], number, Rules(steps=20)) for number in range(400)]
    env = LimitOrderBookEnv(400, chosen, autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0, options={"instances": chosen})
    for _ in range(20):
        env.step(np.zeros(400, np.int64))
    touch, rows = env.touch, np.arange(400)
    found = env.states["ring"][rows, (touch[:, 0] - 14) & 127]
    distance = 14 + touch[:, 1] - touch[:, 0]
    expected = (1.92 * distance**-0.52 / 0.65).mean()
    assert found.mean() == pytest.approx(expected, abs=5 * (expected / 400) ** 0.5)
    assert abs(touch[:, 0].mean() - 10_000) < 5 * touch[:, 0].std() / 20


def test_nothing_depends_on_later_rows_of_a_tape():
    tape = random_tape(np.random.default_rng(2))
    cut, rules = 101, Rules(steps=40)
    other = random_tape(np.random.default_rng(3))
    mixed = Tape(
        tape.times,
        *(
            np.concatenate([getattr(tape, name)[:cut], getattr(other, name)[cut:]])
            for name in ("prices", "sizes", "volumes")
        ),
    )
    chosen = [Session("a", rules, tape=tape), Session("b", rules, tape=mixed)]
    env = LimitOrderBookEnv(2, chosen, autoreset_mode=AutoresetMode.DISABLED)
    rng = np.random.default_rng(0)
    seen, _ = env.reset(seed=0, options={"instances": chosen})
    for step in range(40):
        same = np.array_equal(seen[0], seen[1])
        assert same if step * rules.repeats < cut else True
        seen, rewards, *_ = env.step(np.full(2, rng.integers(17)))
        assert rewards[0] == rewards[1] or (step + 1) * rules.repeats >= cut
    assert not np.array_equal(seen[0], seen[1])


@pytest.mark.parametrize("session", toy(), ids=lambda session: session.name)
def test_no_sequence_of_actions_beats_a_toys_bound(session):
    steps = session.rules.steps
    actions = np.stack(np.meshgrid(*[np.arange(17)] * steps), axis=-1).reshape(-1, steps)
    env = LimitOrderBookEnv(len(actions), [session], autoreset_mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    for column in actions.T:
        env.step(column)
    best = max(env.metrics(row)["pnl"] for row in range(len(actions)))
    assert best == session.bound == session.reference
