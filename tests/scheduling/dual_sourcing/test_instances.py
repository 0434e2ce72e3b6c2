"""Problems, names, files, pools."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.scheduling.dual_sourcing.instances import (
    PUBLISHED,
    named,
    random_problems,
    toy,
    train,
    validation,
)
from drlapps.scheduling.dual_sourcing.instances import test as the_test_pool
from drlapps.scheduling.dual_sourcing.problem import EXPEDITED, REGULAR, Problem
from drlapps.scheduling.inventory.demand import Geometric, Normal, Poisson, UniformInteger


def test_published_names_say_the_published_problems():
    first, *_, last = (named(name)[0] for name in PUBLISHED)
    assert first.problem == Problem(UniformInteger(0, 4), 2, 0, 100.0, 105.0, 5.0, 495.0)
    assert last.problem == Problem(UniformInteger(0, 4), 4, 0, 100.0, 110.0, 5.0, 495.0)
    assert {scenario.problem for scenario in the_test_pool()} == {
        named(name)[0].problem for name in PUBLISHED
    }


def test_names_ranges_and_numbers():
    found = named(["u04-lr3-ce105:2..3,poisson2.5-lr4-ce110-le1-b95", "toy-coin", "validation-02"])
    assert [each.name for each in found] == [
        "u04-lr3-ce105:2", "u04-lr3-ce105:3", "poisson2.5-lr4-ce110-le1-b95:0", "toy-coin:0",
        "validation-02:0",
    ]  # fmt: skip
    assert found[2].problem == Problem(Poisson(2.5), 4, 1, 100.0, 110.0, 5.0, 95.0)
    assert named("geometric3-lr2-ce51-cr50-h1")[0].problem == Problem(
        Geometric(3.0), 2, 0, 50.0, 51.0, 1.0, 495.0
    )
    assert not np.array_equal(found[0].demand, found[1].demand)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("u04", "unknown problem"),
        ("u04-lr3-ce105-x2", "'x'"),
        ("u04-lr3-lr4-ce105", "'lr'"),
        ("normal5-lr3-ce105", "unknown demand"),
        ("u04-lr2.5-ce105", "whole number"),
        ("u04-lr2-ce1.0.5", "no number"),
        ("u04-lr0-ce105", "regular lead time"),
        ("u04-lr2-ce99", "must cost more"),
        ("u04-lr3-ce105:5..2", "no range"),
        ("missing.toml", "no such file"),
    ],
)
def test_impossible_names_are_refused_in_a_sentence(word, sentence):
    with pytest.raises(InputError, match=sentence):
        named(word)


def test_problems_come_from_files(tmp_path):
    toml = tmp_path / "mine.toml"
    toml.write_text(
        "regular_lead_time = 3\nexpedited_cost = 108\nperiods = 50\nwarm_up = 5\n"
        "[demand]\nlaw = 'empirical'\nvalues = [0, 1, 5]\nprobabilities = [0.5, 0.25, 0.25]\n"
    )
    found = named(f"{toml}:2")[0]
    assert found.problem.demand.mean == pytest.approx(1.5)
    assert (found.problem.regular_lead_time, found.problem.expedited_cost) == (3, 108)
    assert (found.periods, found.warm_up) == (50, 5)
    assert found.reference > 150.0
    assert train(problem=str(toml)).size.problem == found.problem
    assert validation(problem=str(toml))[0].problem == found.problem
    other = tmp_path / "mine.json"
    other.write_text(json.dumps({"demand": {"law": "poisson", "mean": 2}}))
    assert named(str(other))[0].problem == Problem(Poisson(2.0))


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"lead_time": 2}, "unknown parameter"),
        ({"regular_lead_time": "2"}, "whole number"),
        ({"regular_lead_time": 2.0}, "whole number"),
        ({"holding": True}, "number"),
        ({"holding": 0}, "above 0"),
        ({"regular_capacity": -1}, "regular_capacity"),
        ({"demand": 5}, "table"),
        ({"demand": {"law": "normal", "mean": 5, "sd": 1}}, "whole units"),
        ({"demand": {"law": "constant", "value": 0}}, "mean demand"),
        ({"periods": 10, "warm_up": 10}, "less than periods"),
        ({"periods": 1.5}, "periods"),
    ],
)
def test_impossible_files_are_refused_in_a_sentence(tmp_path, table, sentence):
    file = tmp_path / "bad.json"
    file.write_text(json.dumps(table))
    with pytest.raises(InputError, match=sentence):
        named(str(file))


def test_impossible_problems_are_refused():
    for settings in (
        {"expedited_lead_time": 2},
        {"expedited_cost": 100.0},
        {"penalty": 0.0},
        {"demand": Normal(5.0, 1.0)},
        {"regular_capacity": 2.5},
        {"regular_cost": -1.0},
    ):
        with pytest.raises(InputError):
            Problem(**settings)
    with pytest.raises(InputError, match="problems"):
        train(problems=0)


def test_the_network_has_the_two_sources_in_their_columns():
    problem = Problem(UniformInteger(0, 4), 3, 1, regular_capacity=3)
    regular, expedited = problem.network.arcs
    assert (REGULAR, EXPEDITED) == (0, 1)
    assert (regular.lead_time, regular.cost, regular.capacity) == (3, 100.0, 3.0)
    assert (expedited.lead_time, expedited.cost) == (1, 105.0)
    assert regular.initial == (2.0, 2.0)


def test_pools_share_no_path_and_no_random_problem():
    pools = {"validation": validation(), "test": the_test_pool(), "toy": toy()}
    hashes = [scenario.hash for pool in pools.values() for scenario in pool]
    assert len(hashes) == len(set(hashes)) == 24 + 18 + 2
    checked = {scenario.problem for scenario in validation()}
    assert not checked & {one.problem for one in train().scenarios}
    assert len(checked) == 24
    single = validation(problem="u04-lr2-ce105")
    assert not {one.hash for one in single} & set(hashes)


def test_random_problems_are_reproducible_and_have_known_optima():
    assert random_problems(5, 3) == random_problems(5, 3)
    assert random_problems(5, 3) != random_problems(5, 4)
    assert all(scenario.bound <= scenario.reference for scenario in validation())


def test_toys_have_the_optima_that_their_docstring_derives():
    assert [round(scenario.reference, 8) for scenario in toy()] == [5.75, 20.0]


def test_content_makes_the_hash_and_the_name_does_not():
    scenario = named("u04-lr3-ce105")[0]
    assert replace(scenario, name="other").hash == scenario.hash
    assert replace(scenario, seed=1).hash != scenario.hash
