"""skfolio's estimators as policies; what happens without skfolio."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps.errors import InputError
from drlapps.finance.portfolio.convex.skfolio_policy import Skfolio
from drlapps.finance.portfolio.environment import PortfolioEnv
from drlapps.finance.portfolio.instances import named


class Inverse:
    """An estimator of skfolio's form: weights inverse to the standard deviation."""

    def fit(self, returns: np.ndarray) -> SimpleNamespace:
        inverse = 1.0 / returns.std(axis=0)
        return SimpleNamespace(weights_=inverse / inverse.sum())


class Mine(Skfolio):
    ESTIMATOR = "Inverse"


def test_an_estimator_is_fitted_at_each_rebalancing(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("skfolio.optimization")
    module.Inverse = Inverse  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "skfolio", ModuleType("skfolio"))
    monkeypatch.setitem(sys.modules, "skfolio.optimization", module)
    (window,) = named(["sp500-20:2015-01-01..2015-03-31"])
    env = PortfolioEnv(1, [window], autoreset_mode=AutoresetMode.DISABLED)
    policy = Mine(max_weight=0.08)
    env.reset(seed=0, options={"instances": [window]})
    policy.reset(env, 0)
    weights = policy.act(env, env._observe())[0, 1:]
    assert weights.sum() == pytest.approx(1.0)
    assert weights.max() <= 0.08 + 1e-12
    deviation = window.market.prices.close[: window.begin]
    returns = deviation[1:] / deviation[:-1] - 1.0
    calm = returns[-252:].std(axis=0).argsort()
    assert weights[calm[0]] > weights[calm[-1]]
    with pytest.raises(InputError, match="no estimator"):
        type("Other", (Skfolio,), {"ESTIMATOR": "Nothing"})()


def test_without_skfolio_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skfolio.optimization", None)
    with pytest.raises(InputError, match=r"drlapps\[skfolio\]"):
        Mine()
