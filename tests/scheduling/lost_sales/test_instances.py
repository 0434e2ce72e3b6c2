"""Names, files and pools of the lost-sales problems."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import Geometric, NegativeBinomial, Normal, Poisson
from drlapps.scheduling.lost_sales.instances import TESTED, named, toy, train, validation
from drlapps.scheduling.lost_sales.instances import test as published
from drlapps.scheduling.lost_sales.problem import Problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("poisson5-l4-p19", Problem(4, 19.0, Poisson(5.0))),
        ("geometric5-l1-p4", Problem(1, 4.0, Geometric(5.0))),
        ("poisson7.5-l3-p12", Problem(3, 12.0, Poisson(7.5))),
        ("negbin5v20-l2-p9-k2.5", Problem(2, 9.0, NegativeBinomial(5.0, 20.0), fixed=2.5)),
    ],
)
def test_names_say_what_the_problem_is(name, problem):
    (shelf,) = named(name)
    assert shelf.problem == problem
    assert shelf.name == f"{name}:0"


def test_words_are_paths_and_ranges():
    assert [one.name for one in named("poisson5-l1-p4:2..4,toy-coin")] == [
        "poisson5-l1-p4:2", "poisson5-l1-p4:3", "poisson5-l1-p4:4", "toy-coin:0",
    ]  # fmt: skip
    first, second = named("poisson5-l1-p4:1,poisson5-l1-p4:2")
    assert not np.array_equal(first.demand, second.demand)
    assert np.array_equal(first.demand, named("poisson5-l1-p4:1")[0].demand)


@pytest.mark.parametrize(
    "word",
    ["poisson5-l0-p4", "poisson5-l1", "poisson-l1-p4", "negbin5-l1-p4", "poisson5v9-l1-p4",
     "poisson5-l1-p0", "poisson5-l1-p4:3..1", "uniform5-l1-p4", "poisson5-l4-p19 ."],
)  # fmt: skip
def test_what_is_no_problem_is_refused(word):
    with pytest.raises(InputError):
        named(word)


@pytest.mark.parametrize("suffix", ["toml", "json"])
def test_a_file_holds_a_problem_of_ones_own(tmp_path, suffix):
    file = tmp_path / f"mine.{suffix}"
    if suffix == "json":
        table = {"lead_time": 2, "penalty": 9, "fixed": 1, "demand": {"law": "poisson", "mean": 3}}
        file.write_text(json.dumps(table))
    else:
        file.write_text(
            'lead_time = 2\npenalty = 9\nfixed = 1\ndemand = {law = "poisson", mean = 3}\n'
        )
    (shelf,) = named(f"{file}:4")
    assert shelf.problem == Problem(2, 9.0, Poisson(3.0), fixed=1.0)
    assert train(str(file)).sample(np.random.default_rng(0)).problem == shelf.problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lead_time = 2", "lacks penalty"),
        ("lead_time = 2\npenalties = 3", "penalties"),
        ('lead_time = 0\npenalty = 1\ndemand = {law = "poisson", mean = 3}', "lead_time"),
        ('lead_time = "2"\npenalty = 1\ndemand = {law = "poisson", mean = 3}', "lead_time"),
        ('lead_time = 1.5\npenalty = 1\ndemand = {law = "poisson", mean = 3}', "whole number"),
        ('lead_time = nan\npenalty = 1\ndemand = {law = "poisson", mean = 3}', "lead_time"),
        ('lead_time = 2\npenalty = 1\ndemand = {law = "poisson", mean = 1e5}', "larger units"),
        ('lead_time = 2\npenalty = 1\nfixed = 1e9\ndemand = {law = "poisson", mean = 3}', "units"),
        ('lead_time = 2\npenalty = -1\ndemand = {law = "poisson", mean = 3}', "penalty"),
        ('lead_time = 2\npenalty = 1\ndemand = {law = "normal", mean = 3, sd = 1}', "mine.toml"),
        ('lead_time = 2\npenalty = 1\ndemand = {law = "trace", values = [1, 2]}', "mine.toml"),
        ('lead_time = 2\npenalty = 1\ndemand = {law = "constant", value = 0}', "above 0"),
    ],
)
def test_a_wrong_file_is_refused_with_a_reason(tmp_path, text, message):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        named(str(file))


def test_the_test_pool_holds_the_published_problems():
    assert len(TESTED) == 33
    assert {shelf.name.partition(":")[0] for shelf in published()} == set(TESTED)


def test_no_pool_shares_a_problem_with_training():
    known = {shelf.problem for shelf in (*published(), *validation(), *toy())}
    assert not known & {one.problem for one in train().scenarios}


def test_the_largest_problem_exceeds_all_in_storage_and_lead_time():
    pool = train(problems=200)
    largest = pool.largest().problem
    problems = [one.problem for one in pool.scenarios]
    assert all(one.storage <= largest.storage for one in problems)
    assert all(one.lead_time <= largest.lead_time for one in problems)


@given(st.integers(1, 4), st.floats(0.1, 100), st.floats(0.5, 8), st.sampled_from([0.0, 3.0]))
def test_the_storage_covers_the_backorder_level_and_costs_follow_the_newsvendor(
    lead_time, penalty, mean, fixed
):
    problem = Problem(lead_time, penalty, Poisson(mean), fixed=fixed)
    assert problem.storage > problem.level == problem.demand.quantile(problem.ratio, lead_time + 1)
    pmf = problem.demand.pmf()
    for stock in (0, problem.storage // 2, problem.storage):
        left = stock - np.arange(len(pmf))
        costs = np.where(left > 0, left, -penalty * left)
        assert problem.costs[stock] == pytest.approx(pmf @ costs)
    chances, tail = problem.chances
    assert tail[0] == pytest.approx(1)
    assert tail[:-1] - tail[1:] == pytest.approx(chances[:-1], abs=1e-12)


@pytest.mark.parametrize("option", [{"problems": 0}, {"periods": 1.5}, {"lead_time": True}])
def test_impossible_pools_are_refused(option):
    with pytest.raises(InputError):
        train(**option)


def test_continuous_demand_is_refused():
    with pytest.raises(InputError):
        Problem(1, 1.0, Normal(5.0, 1.0))
