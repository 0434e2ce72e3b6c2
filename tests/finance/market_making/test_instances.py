"""Markets, sessions, pools and names."""

from __future__ import annotations

import json
from dataclasses import astuple, replace

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.market_making.instances import (
    MARKETS,
    TESTED,
    named,
    path,
    toy,
    train,
    validation,
)
from drlapps.finance.market_making.instances import (
    test as the_test_pool,
)
from drlapps.finance.market_making.market import Market
from drlapps.finance.market_making.session import Session


def test_pools_share_no_session_and_no_market():
    pools = {"validation": validation(), "test": the_test_pool(), "toy": toy()}
    hashes = [session.hash for pool in pools.values() for session in pool]
    assert len(hashes) == len(set(hashes)) == 64 + 120 + 3
    markets = {name: {session.market for session in pool} for name, pool in pools.items()}
    assert not markets["validation"] & set(train().markets)
    assert not markets["validation"] & markets["test"]
    assert not set(train().markets) & markets["test"]


def test_every_test_session_has_a_proven_optimum():
    assert {session.market for session in the_test_pool()} == {MARKETS[name] for name in TESTED}
    assert all(session.bound == session.reference for session in the_test_pool())
    assert all(session.bound is not None and session.bound > 0 for session in the_test_pool())
    assert named(["hawkes"])[0].bound is None


def test_content_makes_the_hash_and_the_name_does_not():
    session = named("cartea-jaimungal:3")[0]
    assert replace(session, name="other").hash == session.hash
    for other in (
        replace(session, seed=1),
        replace(session, inventory=1),
        replace(session, market=replace(session.market, price=101.0)),
    ):
        assert other.hash != session.hash
    with pytest.raises(AttributeError):
        session.seed = 3


def test_names_ranges_steps_and_files(tmp_path):
    found = named(["thin:2..4,unwind", "cartea-jaimungal-2000:7", "validation-03:1"])
    names = ["thin:2", "thin:3", "thin:4", "unwind:0", "cartea-jaimungal-2000:7"]
    assert [session.name for session in found] == [*names, "validation-03:1"]
    assert found[3].inventory == 15
    assert found[4].market == replace(MARKETS["cartea-jaimungal"], steps=2000)
    assert named("unwind-50")[0].inventory == 15
    toml = tmp_path / "mine.toml"
    toml.write_text("intensity = 50\nlimit = 4\nfills = 'bernoulli'\n")
    mine = named(f"{toml}:1..2")
    assert [session.market for session in mine] == [
        Market(intensity=50.0, limit=4, fills="bernoulli")
    ] * 2
    as_json = tmp_path / "mine.json"
    as_json.write_text(json.dumps({"intensity": 50, "limit": 4, "fills": "bernoulli"}))
    assert named(str(as_json))[0].market == mine[0].market
    assert train(market=str(toml)).markets == (mine[0].market,)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("cartea", "unknown market 'cartea'; did you mean"),
        ("thin:5..2", "'thin:5..2' is no range"),
        ("thin:0..999999", "is no range of at most 100000 paths"),
        ("cartea-jaimungal-0", "steps must be a whole number from 1"),
        ("missing.toml", "cannot read missing.toml: No such file"),
    ],
)
def test_wrong_names_are_explained(word, sentence):
    with pytest.raises(InputError, match=sentence):
        named([word])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("intensity = ", "is no TOML"),
        ("intensty = 3", "unknown parameter in .*; did you mean intensity"),
        ("limit = 2.5", "limit must be a whole number from 1 to 1000, not 2.5"),
        ("decay = 0", "decay must be positive, not 0"),
        ("running_penalty = -1", "running_penalty must be not negative, not -1"),
        ("intensity = true", "intensity must be a finite number, not True"),
        ("intensity = inf", "intensity must be a finite number, not inf"),
        ("fills = 'gauss'", "unknown law of fills 'gauss'"),
        ("excitation = 2", "excitation . cross_excitation < reversion"),
        ("excitation = 0.5", "Hawkes arrivals need fills='bernoulli'"),
        ("fills = 'bernoulli'\nsteps = 100", "1.4 market orders a side and step are more than 1"),
    ],
)
def test_malformed_files_are_explained(tmp_path, text, sentence):
    file = tmp_path / "market.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=sentence):
        named([str(file)])


def test_a_table_is_needed(tmp_path):
    file = tmp_path / "market.json"
    file.write_text("[1, 2]")
    with pytest.raises(InputError, match="must hold a table"):
        named([str(file)])


def test_random_markets_cover_their_ranges_and_repeat():
    pool = train(markets=300, seed=3)
    assert pool == train(markets=300, seed=3)
    tilts = np.array([market.tilt for market in pool.markets])
    arrivals = np.array([market.mean_arrivals for market in pool.markets])
    assert 0.02 <= tilts.min() < 0.03 < 0.3 < tilts.max() <= 0.5
    assert 0.1 <= arrivals.min() < 0.15 < 0.8 < arrivals.max() <= 1.0
    assert {market.fills for market in pool.markets} == {"poisson", "bernoulli"}
    rng = np.random.default_rng(0)
    drawn = [pool.sample(rng) for _ in range(200)]
    assert len({session.seed for session in drawn}) == 200
    assert all(abs(s.inventory) * s.market.tilt <= 2 for s in drawn)
    assert pool.largest().market.steps == 200


@pytest.mark.parametrize("option", ["markets", "steps"])
def test_impossible_pools_are_refused(option):
    with pytest.raises(InputError, match=f"{option} must be a whole number above 0, not 0"):
        train(**{option: 0})


def test_a_start_beyond_the_limit_is_refused():
    with pytest.raises(InputError, match="starts with -31 units, beyond its limit of 30"):
        Session("far", Market(), 0, -31)


def test_paths_of_different_markets_are_unrelated():
    assert path("a", Market(), 1).seed != path("b", Market(), 1).seed
    assert len(astuple(Market())) == 13
