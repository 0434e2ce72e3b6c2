"""The checker agrees with the environment, and notices what is wrong."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.evaluate import rollout
from drlapps.finance.limit_order_book.baselines import InventorySkewed, Symmetric
from drlapps.finance.limit_order_book.checker import check, violations
from drlapps.finance.limit_order_book.environment import LimitOrderBookEnv
from drlapps.finance.limit_order_book.instances import named, toy
from drlapps.finance.limit_order_book.session import Rules, Session, Tape
from drlapps.policy import Random


def wandering_tape(seed, rows=600):
    """A tape of three levels whose price wanders."""
    rng = np.random.default_rng(seed)
    bid = 300 + np.cumsum(rng.integers(-1, 2, rows))
    prices = np.stack([[bid, bid - 1, bid - 3], [bid + 2, bid + 3, bid + 6]]).transpose(2, 0, 1)
    sizes = rng.integers(1, 7, prices.shape) / 2
    return Tape(np.arange(float(rows)), np.ascontiguousarray(prices), sizes,
                rng.integers(0, 5, (rows, 2)) / 2)  # fmt: skip


TAPED = Session("taped", Rules(steps=100, limit=4, maker_fee=-0.1), tape=wandering_tape(0), begin=9)


def played(session, policy):
    env = LimitOrderBookEnv(1, [session], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, policy, [session], 0)
    return env.metrics(0), env.solution(0)


@pytest.mark.parametrize(
    "session", [*named(["calm:1", "busy:2", "trending:3"]), TAPED, *toy()], ids=lambda s: s.name
)
@pytest.mark.parametrize(
    "policy", [Symmetric(), InventorySkewed(), Random()], ids=["symmetric", "skewed", "random"]
)
def test_environment_and_checker_agree_on_every_metric(session, policy):
    metrics, solution = played(session, policy)
    assert violations(session, solution) == []
    found = check(session, solution)
    assert found.keys() == metrics.keys()
    assert found == pytest.approx(metrics, rel=1e-9, abs=1e-9)


@pytest.fixture(scope="module")
def solution():
    found = played(TAPED, Random())[1]
    assert {fill["maker"] for fill in found["fills"]} == {True, False}
    return found


def first(solution, maker):
    return next(n for n, fill in enumerate(solution["fills"]) if fill["maker"] == maker)


def without(key):
    def change(solution):
        del solution[key]

    return change


def short(key):
    def change(solution):
        solution[key] = solution[key][:-1]

    return change


def worded(solution):
    solution["fills"][0]["price"] = "100"


def crossed(solution):
    solution["best_bid"][5] = solution["best_ask"][5]


def better_sale(solution):
    solution["fills"][first(solution, True)]["price"] -= 1


def twice(solution):
    place = first(solution, True)
    solution["fills"].insert(place, dict(solution["fills"][place]))


def late(solution):
    solution["fills"][-1]["time"] = 501


def cheap(solution):
    fill = solution["fills"][first(solution, False)]
    fill["price"] -= 9 * fill["side"]


def opening(solution):
    fill = dict(solution["fills"][first(solution, False)], time=0, side=1)
    solution["fills"].insert(0, fill | {"price": solution["best_ask"][0]})


def moved(solution):
    solution["best_bid"][7] -= 1


def left_out(solution):
    del solution["fills"][-1]


def early(solution):
    """Fill an order a book step before its wait is over."""
    for fill in solution["fills"]:
        if fill["maker"] and (fill["time"] - 1) % 5:
            fill["time"] -= 1
            return


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (without("best_bid"), "101 whole numbers under 'best_bid'"),
        (without("fills"), "a fill needs time"),
        (short("ask"), "100 whole numbers under 'ask'"),
        (worded, "a fill needs time"),
        (crossed, "best bid is not below the best ask at 5"),
        (better_sale, "to fill"),
        (twice, "to fill"),
        (late, "is out of time"),
        (cheap, "is no market order at a decision's prices"),
        (opening, "closes nothing"),
        (moved, "the best bid at 7 is not the tape's"),
        (left_out, "by the tape"),
        (early, "by the tape"),
    ],
)
def test_broken_rules_are_named(solution, change, sentence):
    broken = deepcopy(solution)
    change(broken)
    assert any(sentence in found for found in violations(TAPED, broken)), violations(TAPED, broken)
    assert check(TAPED, broken) == {"feasible": 0.0}


def test_the_limit_is_checked():
    session = named(["busy:1"])[0]
    _, solution = played(session, Symmetric())
    tight = Session("tight", Rules(limit=2), session.flow, session.seed)
    assert any("beyond the limit" in found for found in violations(tight, solution))
