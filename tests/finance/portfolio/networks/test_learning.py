"""The policies under the algorithms they are meant for, on a market that is easy to see through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from drlapps.agents import Agent, Preset, build
from drlapps.bridge import SB3Bridge
from drlapps.vector import Array, VectorEnvironment
from drlapps.weights import weights_of

WINDOW, POINTS, DAYS = 5, 3, 4


@dataclass(frozen=True)
class Universe:
    """How many assets an episode has."""

    assets: int
    reference: ClassVar[float | None] = None
    bound: ClassVar[float | None] = None

    @property
    def name(self) -> str:
        return f"{self.assets} assets"

    @property
    def hash(self) -> str:
        return str(self.assets)


class Momentum(VectorEnvironment):
    """The asset whose last return was the highest earns one today, all others nothing."""

    STATE: ClassVar[tuple[str, ...]] = ("returns", "day", "earned")

    def __init__(self, num_envs: int, pool: list[Universe]) -> None:
        super().__init__(num_envs, pool)
        self.n = pool[0].assets
        self.returns = np.zeros((num_envs, DAYS + 1, self.n, WINDOW))
        self.day = np.zeros(num_envs, np.int64)
        self.earned = np.zeros(num_envs)
        rows = 1 + self.n
        box = gymnasium.spaces.Box
        self._set_spaces(
            box(-10.0, 10.0, (rows, POINTS + WINDOW), np.float32),
            box(-8.0, 8.0, (rows,), np.float32),
        )

    def _load(self, row: int, instance: Universe, rng: np.random.Generator) -> None:
        self.returns[row] = rng.normal(size=self.returns.shape[1:])
        self.day[row] = self.earned[row] = 0

    def _windows(self) -> NDArray[np.float64]:
        windows: NDArray[np.float64] = self.returns[np.arange(self.num_envs), self.day]
        return windows

    def _advance(self, actions: Array, active: NDArray[np.bool_]) -> tuple[Array, Array, Array]:
        weights = np.exp(actions - actions.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        best = self._windows()[..., -1].argmax(axis=1)
        rewards = weights[np.arange(self.num_envs), 1 + best]
        self.earned += rewards / DAYS
        self.day += 1
        return rewards, np.zeros(self.num_envs, np.bool_), self.day >= DAYS

    def _observe(self) -> Array:
        rows = np.zeros((self.num_envs, 1 + self.n, POINTS + WINDOW), np.float32)
        rows[..., 0] = 1
        rows[:, 1:, POINTS:] = self._windows()
        return rows

    def metrics(self, row: int) -> dict[str, float]:
        return {"earned": float(self.earned[row]), "feasible": 1.0}

    def solution(self, row: int) -> dict[str, Any]:
        return {}


def trained(algorithm: str, policy: str, steps: int, **hyperparameters: object) -> Agent:
    preset = Preset(
        algorithm,
        steps=steps,
        n_envs=32,
        hyperparameters=hyperparameters,
        policy=f"drlapps.finance.portfolio.networks:{policy}",
        policy_kwargs={"window": WINDOW, "width": 16, "cell": "cnn"},
    )
    model = build(preset, SB3Bridge(Momentum(32, [Universe(4)])), seed=1)
    model.learn(steps)
    return Agent(preset, weights_of(model.policy))


def earned(agent: Agent, assets: int) -> float:
    """What the greedy agent earns a day on average; all there is to earn is one."""
    env = Momentum(200, [Universe(assets)])
    observations, _ = env.reset(seed=99)
    agent.reset(env, 0)
    total = 0.0
    for _ in range(DAYS):
        observations, rewards, *_ = env.step(agent.act(env, observations))
        total += float(rewards.mean())
    return total / DAYS


ON_POLICY = {"n_steps": 16, "batch_size": 128, "n_epochs": 4, "learning_rate": 3e-3, "gamma": 0.0}
REPLAY = {"learning_starts": 100, "batch_size": 64, "gamma": 0.0, "learning_rate": 2e-3}


def test_ppo_learns_on_four_assets_what_pays_on_nine() -> None:
    agent = trained("ppo", "PortfolioPolicy", 10_240, **ON_POLICY)
    assert earned(agent, 4) > 0.5  # 1/N earns 0.2.
    assert earned(agent, 9) > 0.4  # 1/N earns 0.1.


@pytest.mark.parametrize(
    ("algorithm", "policy", "steps", "settings"),
    [
        ("a2c", "PortfolioPolicy", 640, {"n_steps": 4}),
        ("trpo", "PortfolioPolicy", 1024, {"n_steps": 16, "batch_size": 128}),
        ("recurrent-ppo", "PortfolioRecurrentPolicy", 1024, ON_POLICY),
        ("sac", "PortfolioSACPolicy", 640, REPLAY),
        ("td3", "PortfolioTD3Policy", 640, REPLAY),
        ("ddpg", "PortfolioTD3Policy", 640, REPLAY),
    ],
)
def test_every_algorithm_trains_its_policy(
    algorithm: str, policy: str, steps: int, settings: dict[str, object]
) -> None:
    agent = trained(algorithm, policy, steps, **settings)
    assert 0 < earned(agent, 4) <= 1
    assert 0 < earned(agent, 9) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "policy", "steps", "settings"),
    [
        ("recurrent-ppo", "PortfolioRecurrentPolicy", 10_240, ON_POLICY),
        ("sac", "PortfolioSACPolicy", 6_400, {**REPLAY, "gradient_steps": 4, "ent_coef": 0.01}),
        ("td3", "PortfolioTD3Policy", 6_400, {**REPLAY, "gradient_steps": 4}),
    ],
)
def test_the_others_learn_it_too(
    algorithm: str, policy: str, steps: int, settings: dict[str, object]
) -> None:
    agent = trained(algorithm, policy, steps, **settings)
    assert earned(agent, 4) > 0.5
    assert earned(agent, 9) > 0.4
