"""No policy knows prices to come: changing them changes nothing that was decided before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from drlapps import registry
from drlapps.contestants import contestant
from drlapps.finance.market_data.prices import Prices
from drlapps.finance.portfolio.environment import PortfolioEnv
from drlapps.finance.portfolio.instances import Window
from drlapps.finance.portfolio.market import Market
from drlapps.task import Information

TASK = registry.get("finance/portfolio")
BEGIN, TODAY, DAYS = 60, 75, 90
POLICIES = [
    name for name, b in TASK.baselines.items() if b.information != Information.CLAIRVOYANT
] + (["pretrained"] if TASK.pretrained else [])


def window(shock: int) -> Window:
    rng = np.random.default_rng(0)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (DAYS, 5)), axis=0))
    if shock:
        close[TODAY + 1 :] *= np.random.default_rng(shock).uniform(0.5, 1.5, (DAYS - TODAY - 1, 5))
    days = np.arange(np.datetime64("2020-01-20"), np.datetime64("2020-01-20") + DAYS)
    prices = Prices("shocked", tuple("ABCDE"), close, days)
    return Window("shocked", Market(prices), tuple(range(5)), BEGIN, DAYS - 1)


def decisions(name: str, at: Window) -> tuple[list[np.ndarray], list[float]]:
    """What a policy decides, and what it earns, as long as today is the latest close seen."""
    (policy,) = list(contestant(TASK, name).policies.values())[:1]
    env = PortfolioEnv(1, [at], autoreset_mode=AutoresetMode.DISABLED, **policy.environment)  # type: ignore[arg-type]
    observations, _ = env.reset(seed=0, options={"instances": [at]})
    policy.reset(env, 0)
    actions, rewards = [], []
    while env.today(0) <= TODAY:
        actions.append(np.array(policy.act(env, observations)))
        observations, reward, *_ = env.step(actions[-1])
        if env.today(0) <= TODAY:
            rewards.append(float(reward[0]))
    return actions, rewards


@pytest.mark.parametrize("name", POLICIES)
def test_no_policy_knows_later_prices(name: str) -> None:
    actions, rewards = decisions(name, window(0))
    assert len(actions) >= 3
    for shock in (1, 2):
        others, earned = decisions(name, window(shock))
        assert len(others) == len(actions)
        assert all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(actions, others, strict=True)
        )
        assert rewards == earned


def test_the_clairvoyant_do() -> None:
    calm, shocked = (decisions("best-stock", window(shock))[0] for shock in (0, 3))
    differs = not all(np.array_equal(a, b) for a, b in zip(calm, shocked, strict=True))
    best = [replace(window(shock)).market.relatives[:, BEGIN + 1 :].prod(axis=1).argmax()
            for shock in (0, 3)]  # fmt: skip
    assert differs == (best[0] != best[1])
    assert best[0] != best[1]
