"""The checker agrees with the environment, and notices what is wrong."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from gymnasium.vector import AutoresetMode

from drlapps.evaluate import rollout
from drlapps.finance.market_making.baselines import CarteaJaimungal, Myopic, Optimal
from drlapps.finance.market_making.checker import check, violations
from drlapps.finance.market_making.environment import MarketMakingEnv
from drlapps.finance.market_making.instances import MARKETS, named, path, toy, validation
from drlapps.finance.market_making.market import Market
from drlapps.policy import Random


def played(session, policy):
    env = MarketMakingEnv(1, [session], autoreset_mode=AutoresetMode.DISABLED)
    rollout(env, policy, [session], 0)
    return env.metrics(0), env.solution(0)


# So entangled that two pairs of quotes are stationary: both solvers must choose the better.
ENTANGLED = Market(
    intensity=20.0, decay=10.0, steps=20, limit=3, running_penalty=20.0, fills="bernoulli"
)


@pytest.mark.parametrize(
    "session",
    [
        *named(["cartea-jaimungal:1", "avellaneda-stoikov", "tight", "unwind:2", "hawkes"]),
        *toy(),
        *validation()[:64:17],
        path("entangled", ENTANGLED, 0),
        path("entangled-poisson", replace(ENTANGLED, fills="poisson"), 0),
    ],
    ids=lambda session: session.name,
)
@pytest.mark.parametrize(
    "policy", [Optimal(), Myopic(), Random()], ids=["best", "myopic", "random"]
)
def test_environment_and_checker_agree_on_every_metric(session, policy):
    metrics, solution = played(session, policy)
    found = check(session, solution)
    assert found.keys() == metrics.keys()
    assert found == pytest.approx(metrics, rel=1e-9, abs=1e-9)
    assert violations(session, solution) == []


@pytest.fixture(scope="module")
def session():
    return path("test", replace(MARKETS["cartea-jaimungal"], limit=3), 5)


@pytest.fixture(scope="module")
def solution(session):
    return played(session, CarteaJaimungal())[1]


def changed(solution, **columns):
    return {**deepcopy(solution), **columns}


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("bid", None, "needs 200 finite numbers under 'bid'"),
        ("mid", [100.0] * 200, "needs 201 finite numbers under 'mid'"),
        ("ask", ["1"] * 200, "needs 200 finite numbers under 'ask'"),
        ("ask", [float("nan")] * 200, "needs 200 finite numbers under 'ask'"),
        ("ask", [-0.1] + [0.5] * 199, "step 0 quotes the ask -0.1 from the mid"),
        ("bid", [7.0] + [0.5] * 199, "step 0 quotes the bid 7.0 from the mid"),
        ("sold", [2] + [0] * 199, "sold holds something other than 0 and 1"),
        ("hit_bid", [0] * 200, "fills the bid without a market order"),
        ("sold", [0] * 200, "buys at the limit of 3 units"),
        ("bought", [0] * 200, "sells at the limit of -3 units"),
    ],
)
def test_broken_rules_are_named(session, solution, name, value, sentence):
    broken = changed(solution, **{name: value})
    assert any(sentence in found for found in violations(session, broken))
    assert check(session, broken) == {"feasible": 0.0}


def test_another_path_has_another_value(session, solution):
    true = check(session, solution)
    wider = check(session, changed(solution, ask=[ask * 1.3 for ask in solution["ask"]]))
    moved = check(session, changed(solution, mid=[*solution["mid"][:-1], 90.0]))
    assert wider["value"] < true["value"]
    assert moved["value"] == true["value"], "the price moves the profit, not the policy's merit"
    assert moved["pnl"] != true["pnl"] or true["inventory"] == 0
