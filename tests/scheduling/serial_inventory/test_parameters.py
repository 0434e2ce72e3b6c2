"""Serial problems from files and settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import NegativeBinomial, Normal, Poisson, UniformInteger
from drlapps.scheduling.serial_inventory.instances import PROBLEMS, named, train, validation
from drlapps.scheduling.serial_inventory.problem import SerialProblem, echelon_rates

EXAMPLE = PROBLEMS["snyder-6.1"]


def one(word: str = "snyder-6.1", **settings: object) -> SerialProblem:
    (scenario,) = named([word], **settings)  # type: ignore[arg-type]
    assert scenario.problem is not None
    return scenario.problem


def test_settings_replace_single_parameters() -> None:
    assert one() == EXAMPLE
    assert one(penalty=10).penalty == 10.0
    assert one(lead_times="2,1,1").lead_times == (2, 1, 1)
    assert one(lead_times=[2, 1, 1]).lead_times == (2, 1, 1)
    assert one(lead_times=3).lead_times == (3, 3, 3)
    assert one(mean=8).demand == Normal(8.0, 1.0)
    assert one(demand="poisson").demand == Poisson(5.0)
    assert one(demand="poisson", mean=2).demand == Poisson(2.0)
    assert one(demand={"law": "uniform", "low": 0, "high": 4}).demand == UniformInteger(0, 4)
    assert one(demand="negative-binomial", sd=3).demand == NegativeBinomial(5.0, 9.0)
    assert one(local_holding="7,4,2").holding == EXAMPLE.holding


def test_stages_spread_what_is_given_once() -> None:
    problem = one(stages=4, lead_times=1, holding="1")
    assert problem.lead_times == (1,) * 4
    assert problem.holding == (1.0,) * 4
    assert one(lead_times="1,1", holding="3,2").stages == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lead_times": "1,1"}, "lead_times has 2 entries for 3 stages"),
        ({"stages": 2}, "has 3 entries for 2 stages"),
        ({"stages": "two"}, "stages must be a whole number"),
        ({"lead_times": "1,x,2"}, "lead_times must be numbers"),
        ({"lead_times": 0}, "lead_times must lie between 1 and 100"),
        ({"lead_times": 1.5}, "lead_times must be whole numbers"),
        ({"holding": -1}, "holding must be echelon rates >= 0"),
        ({"holding": 1, "local_holding": 1}, "not both"),
        ({"local_holding": "1,2,3"}, "must not fall"),
        ({"penalty": 0}, "penalty must be a positive number"),
        ({"penalty": "high"}, "penalty must be a positive number"),
        ({"demand": "poison"}, "did you mean"),
        ({"demand": "poisson", "sd": 2}, "sd cannot be set for poisson demand"),
        ({"demand": "normal", "sd": "wide"}, "sd of demand must be a number"),
        ({"demand": {"law": "poisson", "mean": 3}, "mean": 4}, "belongs into the table"),
    ],
)
def test_impossible_settings_end_in_one_sentence(settings: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        one(**settings)


def test_settings_of_a_problem_that_has_other_demand() -> None:
    with pytest.raises(InputError, match="law of demand"):
        one("toy-coin", mean=3)


def test_files_hold_problems(tmp_path: Path) -> None:
    toml = tmp_path / "own.toml"
    toml.write_text(
        "lead_times = [1, 1, 2]\nlocal_holding = [7, 4, 2]\npenalty = 37.12\n"
        "[demand]\nlaw = 'normal'\nmean = 5\nsd = 1\n"
    )
    assert one(str(toml)) == EXAMPLE
    table = {"stages": 2, "lead_times": 1, "holding": 1, "penalty": 9, "demand": "poisson"}
    other = tmp_path / "own.json"
    other.write_text(json.dumps({**table, "mean": 4}))
    assert one(str(other)) == SerialProblem((1, 1), (1.0, 1.0), 9.0, Poisson(4.0))
    assert [scenario.name for scenario in named([f"{other}:3..4"])] == [f"{other}:3", f"{other}:4"]
    assert train(str(other)).scenarios[0].problem == one(str(other))
    assert {scenario.problem for scenario in validation(str(other))} == {one(str(other))}
    assert one(str(other), penalty=3).penalty == 3.0


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"lead_times": 1}, "needs lead_times and holding"),
        ({"lead_times": 1, "holding": 1}, "needs a penalty"),
        ({"lead_times": 1, "holding": 1, "penalty": 1}, "needs a demand"),
        ({"lead_times": 1, "holding": 1, "penalty": 1, "demand": "normal"}, "needs mean"),
        ({"lead_times": 1, "holding": 1, "penalty": 1, "demand": "constant"}, "needs value"),
        ({"lead_time": 1}, "did you mean lead_times|lead_times"),
    ],
)
def test_incomplete_files_say_what_they_lack(
    table: dict[str, object], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "own.json"
    file.write_text(json.dumps(table))
    with pytest.raises(InputError, match=message) as caught:
        one(str(file))
    assert "own.json" in str(caught.value)


def test_echelon_rates_are_differences() -> None:
    assert echelon_rates((7.0, 4.0, 2.0)) == (3.0, 2.0, 2.0)
    assert SerialProblem((1, 1), (3.0, 2.0), 5.0, Poisson(1.0)).local_holding == (5.0, 2.0)


def test_systems_have_a_reasonable_size() -> None:
    with pytest.raises(InputError, match="1 to 50 stages"):
        SerialProblem((1,) * 51, (1.0,) * 51, 1.0, Poisson(1.0))
    with pytest.raises(InputError, match="needs 2 holding costs"):
        SerialProblem((1, 1), (1.0,), 1.0, Poisson(1.0))
