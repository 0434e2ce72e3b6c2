"""Arguments, actions, rewards on a book worked out by hand, and the baselines."""

from __future__ import annotations

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.evaluate import rollout
from drlapps.finance.limit_order_book.baselines import (
    AvellanedaStoikov,
    Hold,
    InventorySkewed,
    Symmetric,
    action_of,
)
from drlapps.finance.limit_order_book.environment import LimitOrderBookEnv
from drlapps.finance.limit_order_book.instances import KINDS, named, numbered, toy, train
from drlapps.finance.limit_order_book.session import Rules, Session, Tape


def single(session, **settings):
    env = LimitOrderBookEnv(1, [session], autoreset_mode=AutoresetMode.DISABLED, **settings)
    env.reset(seed=0)
    return env


def flat_tape(bids, volumes):
    """One level a side, 1 lot each, 2 ticks apart."""
    prices = np.array([[[bid], [bid + 2]] for bid in bids], dtype=np.int64)
    return Tape(
        np.arange(float(len(bids))), prices, np.ones(prices.shape), np.array(volumes, float)
    )


# Buy at 100 behind one lot; the mid goes to 102; the ask of 103 sells as the mid goes to 103.
ROUND = Session(
    "round",
    Rules(steps=3, repeats=1, maker_fee=0.25),
    tape=flat_tape([100, 100, 101, 102], [(0, 0), (2, 0), (0, 0), (0, 2)]),
)


@pytest.mark.parametrize(
    ("reward", "expected"),
    [
        # Purchase 1 tick below the mid of 101, less fee; 1 tick carried; then again 1 tick, and a
        # sale at the mid, less fee.
        ("positional-pnl", [0.75, 1.0, 0.75]),
        ("realized", [-0.25, 0.0, 2.75]),
        ("with-fills", [-0.25, 1.0, 3.75]),
        ("asymmetrical", [0.75, 0.4, 0.15]),
        ("trade-completion", [-0.25, 0.0, 1.0]),
    ],
)
def test_rewards_of_a_round_trip(reward, expected):
    env = single(ROUND, reward=reward)
    found = [float(env.step(np.array([1]))[1][0]) for _ in range(3)]
    assert found == pytest.approx(expected)
    assert env.metrics(0)["pnl"] == pytest.approx(2.5)
    assert env.metrics(0)["trades"] == 1


def test_the_differential_sharpe_ratio_is_that_of_moody_and_saffell():
    env = single(ROUND, reward="differential-sharpe")
    found = [float(env.step(np.array([1]))[1][0]) for _ in range(3)]
    a, b = 0.0075, 0.005625  # after R = 0.75
    second = (b * (1 - a) - a * (1 - b) / 2) / (b - a * a) ** 1.5
    assert found[0] == 0.0
    assert found[1] == pytest.approx(min(second, 10.0))


def test_flatten_walks_the_book_and_pays_a_taker():
    tape = Tape(
        np.arange(5.0),
        np.array([[[100, 97, 90], [102, 105, 110]]] * 5, dtype=np.int64),
        np.array([[[1.0, 1.0, 5.0], [1.0, 1.0, 5.0]]] * 5),
        np.array([(0, 0), (2, 0), (2, 0), (2, 0), (0, 0)], float),
    )
    env = single(
        Session("walk", Rules(steps=4, repeats=1, maker_fee=0.0, taker_fee=0.5), tape=tape)
    )
    for action in (1, 1, 1, 16):
        env.step(np.array([action]))
    taken = [fill["price"] for fill in env.solution(0)["fills"] if not fill["maker"]]
    assert taken == [100, 97, 90]
    assert env.metrics(0)["pnl"] == pytest.approx(0 - 3 - 10 - 1.5)
    assert env.metrics(0)["inventory"] == pytest.approx((1 + 2 + 3 + 0) / 4)


def test_the_seventeen_actions_are_hold_fifteen_pairs_and_flatten():
    seen = set()
    for action in range(1, 16):
        env = single(numbered("calm", KINDS["calm"], 1))
        touch = env.touch[0].copy()
        env.step(np.array([action]))
        path = env.path[0, 0]
        seen.add((int(touch[0] - path[2]), int(path[3] - touch[1])))
        assert action_of(*(np.array([index]) for index in divmod(action - 1, 4))) == action
    levels = (0, 4, 9, 14)
    assert seen == {(bid, ask) for bid in levels for ask in levels} - {(14, 14)}
    assert action_of(np.array([3]), np.array([3])) == 12


def test_the_book_is_the_same_whatever_one_does():
    chosen = [numbered("trending", KINDS["trending"], 4)] * 17
    env = LimitOrderBookEnv(17, chosen)
    env.reset(seed=0, options={"instances": chosen})
    for _ in range(100):
        env.step(np.arange(17))
        assert (env.touch == env.touch[0]).all()


@pytest.mark.parametrize("window", [0, 201, 2.5, True])
def test_impossible_windows_are_refused(window):
    with pytest.raises(InputError, match="window must be a whole number from 1 to 200"):
        LimitOrderBookEnv(1, train(), window=window)


def test_other_arguments_are_checked():
    with pytest.raises(InputError, match="did you mean realized"):
        LimitOrderBookEnv(1, train(), reward="realised")
    with pytest.raises(ValueError, match="actions must lie between 0 and 16"):
        single(ROUND).step(np.array([17]))
    env = LimitOrderBookEnv(1, [ROUND], autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(ValueError, match="calm:1 is longer"):
        env.reset(options={"instances": named(["calm:1"])})
    assert LimitOrderBookEnv(2, train(), window=100).single_observation_space.shape == (233,)


def test_restored_tapes_are_found_again():
    chosen = [ROUND, toy()[0]]
    env, other = LimitOrderBookEnv(2, chosen), LimitOrderBookEnv(2, chosen)
    env.reset(seed=1)
    other.reset(seed=99, options={"instances": chosen[::-1]})
    env.step(np.array([1, 1]))
    other.restore_state(env.export_state())
    for _ in range(6):
        ours, theirs = env.step(np.array([1, 1])), other.step(np.array([1, 1]))
        assert np.array_equal(ours[0], theirs[0])
        assert np.array_equal(ours[1], theirs[1])


def mean(policy, name="pnl"):
    chosen = [numbered("baseline", KINDS["calm"], number) for number in range(60)]
    env = LimitOrderBookEnv(60, chosen, autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, policy, chosen, 0)
    return float(np.mean([env.metrics(row)[name] for row in range(60)]))


def test_baselines_trade_as_they_say():
    assert mean(Hold(), "fills") == 0.0
    assert mean(Symmetric(0), "fills") > 5 * mean(Symmetric(4), "fills") > 0
    held = [mean(p, "inventory") for p in (Symmetric(0), InventorySkewed(5), InventorySkewed(1))]
    assert held == sorted(held, reverse=True)
    assert mean(AvellanedaStoikov()) > mean(InventorySkewed()) > mean(Hold()) == 0.0


def test_avellaneda_stoikov_leans_against_the_inventory():
    env = LimitOrderBookEnv(3, train())
    env.reset(seed=0)
    env.states["inventory"] = [-3, 0, 3]
    policy = AvellanedaStoikov(0.2, 3.0, 10.0)
    policy.reset(env, 0)
    bid, ask = policy.levels(env)
    assert bid[0] <= bid[1] < bid[2]
    assert ask[0] > ask[1] >= ask[2]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Symmetric(5), "level must be one of"),
        (lambda: InventorySkewed(0), "threshold must be positive"),
        (lambda: AvellanedaStoikov(kappa=0.0), "kappa must be positive"),
    ],
)
def test_impossible_rules_are_refused(make, sentence):
    with pytest.raises(InputError, match=sentence):
        make()
