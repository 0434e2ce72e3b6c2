from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from stable_baselines3 import PPO
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.bridge import SB3Bridge
from drlapps.errors import InputError
from drlapps.row_policy import GaussianRowPolicy, RowPolicy
from drlapps.vector import Array, VectorEnvironment
from drlapps.weights import weights_of, with_weights

FEATURES = 2


class Encoder(BaseFeaturesExtractor):
    """Rows on their own, and their mean."""

    def __init__(self, observation_space: spaces.Box, width: int = 8) -> None:
        super().__init__(observation_space, features_dim=width)
        self.embed = nn.Sequential(nn.Linear(FEATURES, width), nn.Tanh())

    def forward(self, observations: Tensor) -> Tensor:
        rows = self.embed(observations)
        return torch.cat([rows.mean(dim=1, keepdim=True), rows], dim=1)


class Choice(RowPolicy):
    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = Encoder


class Move(GaussianRowPolicy):
    ENCODER: ClassVar[type[BaseFeaturesExtractor]] = Encoder


def made(cls: Any, rows: int, **more: Any) -> Any:
    torch.manual_seed(0)
    actions = spaces.Discrete(rows) if cls is Choice else spaces.Box(-1.0, 1.0, (rows,))
    policy = cls(spaces.Box(-9.0, 9.0, (rows, FEATURES)), actions, lambda _: 1e-2, **more)
    # Larger numbers than those of an untrained network, so that differences show.
    nn.init.normal_(policy.action_net[0].weight)
    return policy


def numbers(policy: Any, observations: Array) -> Array:
    with torch.no_grad():
        found = policy.get_distribution(torch.from_numpy(observations)).distribution
    return np.asarray(found.logits if isinstance(policy, Choice) else found.mean)


@pytest.fixture
def observations() -> Array:
    drawn: Array = np.random.default_rng(0).normal(size=(3, 5, FEATURES)).astype(np.float32)
    return drawn


@pytest.mark.parametrize("cls", [Choice, Move])
def test_rows_permute_the_numbers(cls: Any, observations: Array) -> None:
    policy, order = made(cls, 5), np.random.default_rng(1).permutation(5)
    plain, permuted = (numbers(policy, o) for o in (observations, observations[:, order]))
    assert plain.std(axis=1).min() > 0.01
    assert np.allclose(plain[:, order], permuted, atol=1e-5)


@pytest.mark.parametrize("cls", [Choice, Move])
def test_weights_fit_another_number_of_rows(cls: Any, observations: Array) -> None:
    trained = made(cls, 5)
    larger = with_weights(made(cls, 10), weights_of(trained))
    # Every row twice has the same mean.
    twice = np.concatenate([observations, observations], axis=1)
    doubled = numbers(larger, twice)
    assert np.allclose(doubled[:, :5], doubled[:, 5:], atol=1e-6)
    if cls is Move:
        assert np.allclose(doubled[:, :5], numbers(trained, observations), atol=1e-5)


def test_one_standard_deviation_serves_all_rows(observations: Array) -> None:
    policy = made(Move, 5, log_std_init=-2)
    assert policy.log_std.shape == (1,)
    found = policy.get_distribution(torch.from_numpy(observations)).distribution
    assert np.allclose(found.stddev.detach(), np.exp(-2.0))
    assert any(policy.log_std is p for p in policy.optimizer.param_groups[0]["params"])


def test_the_likeliest_row_is_chosen_among_the_admitted(observations: Array) -> None:
    policy = made(Choice, 5)
    scores = numbers(policy, observations)
    chosen, _ = policy.predict(observations, deterministic=True)
    assert chosen.tolist() == scores.argmax(axis=1).tolist()
    masks = np.arange(5) != scores.argmax(axis=1)[:, None]
    second, _ = policy.predict(observations, deterministic=True, action_masks=masks)
    assert second.tolist() == np.where(masks, scores, -np.inf).argmax(axis=1).tolist()
    assert (second != chosen).all()


def test_weights_of_another_width_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        with_weights(made(Move, 5), weights_of(made(Move, 5, width=4)))


def test_state_dependent_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="state-dependent"):
        made(Move, 5, use_sde=True)


class Aim(VectorEnvironment):
    """Say the product of each row's two numbers; one decision an episode."""

    STATE: ClassVar[tuple[str, ...]] = ("shown",)

    def __init__(self, num_envs: int, rows: int) -> None:
        super().__init__(num_envs, (None,), autoreset_mode=AutoresetMode.SAME_STEP)
        self.shown = np.zeros((num_envs, rows, FEATURES), np.float32)
        self._set_spaces(
            spaces.Box(-1.0, 1.0, (rows, FEATURES)), spaces.Box(-1.0, 1.0, (rows,), np.float32)
        )

    def _load(self, row: int, instance: Any, rng: np.random.Generator) -> None:
        self.shown[row] = rng.uniform(-1.0, 1.0, self.shown.shape[1:])

    def _advance(self, actions: Array, active: Array) -> tuple[Array, Array, Array]:
        ended = np.ones(self.num_envs, np.bool_)
        return -np.abs(actions - self.shown.prod(axis=2)).mean(axis=1), ended, ~ended

    def _observe(self) -> Array:
        return self.shown.copy()

    def metrics(self, row: int) -> dict[str, float]:
        return {}

    def solution(self, row: int) -> dict[str, Any]:
        return {}


def test_ppo_trains_it() -> None:
    bridge = SB3Bridge(Aim(64, 4))
    model = PPO(
        Move, bridge, n_steps=8, batch_size=128, n_epochs=8, learning_rate=1e-2, seed=0,
        policy_kwargs={"log_std_init": -1.0, "width": 16},
    )  # fmt: skip
    shown = np.random.default_rng(1).uniform(-1.0, 1.0, (200, 4, FEATURES)).astype(np.float32)

    def error() -> float:
        actions, _ = model.predict(shown, deterministic=True)
        return float(np.abs(actions - shown.prod(axis=2)).mean())

    before = error()
    model.learn(64 * 8 * 16)
    assert error() < 0.5 * before
