"""The published models' rules, and the search for those of others."""

from __future__ import annotations

import numpy as np
import pytest

from drlapps.control.fishery import kernels
from drlapps.control.fishery.instances import named, published
from drlapps.control.fishery.stocks import MODELS, Species, StockModel
from drlapps.control.fishery.tuning import RULES, Tuned, _shipped, search, tuned

DETERMINISTIC = StockModel((Species("cod", 0.75, 1.0, 1.0, noise=0.0, price=1.0),), years=50)


def mean_return(name: str, rule: str) -> float:
    """Return what a tuned rule earns on 3000 paths that it was not tuned on."""
    model = published(name)
    return float(
        kernels.play(
            model.coefficients,
            np.array([model.threshold, model.penalty]),
            model.initial,
            model.harvested,
            np.stack([fishery.luck for fishery in named([f"{name}:0..2999"])]),
            RULES[rule],
            tuned(model, rule).parameters,
        ).mean()
    )


# Montealegre-Mora et al. 2023; the standard error of the means is 0.2 here. How
# the growth of model-4 falls they do not state in numbers that we know.
@pytest.mark.parametrize(
    ("model", "rule", "value", "tolerance"),
    [
        ("model-2", "constant-mortality", 19.7, 0.4),
        ("model-3", "constant-mortality", 62.30, 1.0),
        ("model-3", "constant-escapement", 48.36, 1.5),
        ("model-4", "constant-mortality", 44.5, 2.0),
    ],
)
def test_constant_rules_earn_what_is_published(
    model: str, rule: str, value: float, tolerance: float
) -> None:
    assert mean_return(model, rule) == pytest.approx(value, abs=tolerance)


def test_the_tuned_rule_of_model_3_earns_67() -> None:
    # An independent implementation: 67.4 with a standard error of 0.2.
    assert mean_return("model-3", "harvest-rule") >= 67.0


def test_parameters_ship_for_every_published_model_as_it_is_now() -> None:
    for name in MODELS:
        assert _shipped()[published(name).hash].keys() == RULES.keys(), name


def test_the_search_finds_the_maximum_sustainable_yield() -> None:
    # Of the logistic law with r = K = 1 it is 0.25 a year at an escapement of 0.5, a mortality of a
    # third of the stock of 0.75. Over 50 years it pays a little to leave less than that.
    escapement = search(DETERMINISTIC, "constant-escapement", paths=8)
    assert escapement.parameters[0, 0] == pytest.approx(0.5, abs=0.02)
    assert escapement.mean_return == pytest.approx(0.25 * 50, rel=0.01)
    mortality = search(DETERMINISTIC, "constant-mortality", paths=8)
    assert mortality.parameters[0, 0] == pytest.approx(1 / 3, abs=0.02)


def test_a_search_is_repeatable_and_the_logistic_rule_no_worse_than_its_start() -> None:
    model = published("model-3")

    def found(rule: str) -> Tuned:
        return search(model, rule, paths=16, evaluations=160)

    first, second = found("harvest-rule"), found("harvest-rule")
    assert np.array_equal(first.parameters, second.parameters)
    assert first.mean_return >= found("constant-mortality").mean_return
