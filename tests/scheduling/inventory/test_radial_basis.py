"""The radial basis Q-network."""

from __future__ import annotations

import json

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import DQN

from drlapps.agents import Preset, build_policy
from drlapps.scheduling.inventory.radial_basis import RadialBasis, RadialBasisPolicy, lattice

STATES = gymnasium.spaces.Box(-1.0, 1.0, (3,), np.float32)
ACTIONS = gymnasium.spaces.Discrete(4)


def policy(**kwargs: object) -> RadialBasisPolicy:
    return RadialBasisPolicy(STATES, ACTIONS, lambda _: 1e-3, **kwargs)


@pytest.mark.parametrize("dimensions", [1, 2, 3, 9])
def test_the_lattice_fills_the_cube_evenly(dimensions: int) -> None:
    points = lattice(256, dimensions)
    assert points.shape == (256, dimensions)
    assert 0.0 <= points.min() < points.max() < 1.0
    for column in points.T:
        # Each eighth of each axis holds its share of 32 to within a few points.
        counts = torch.histc(column, bins=8, min=0.0, max=1.0)
        assert (counts - 32).abs().max() <= 8
    distances = torch.cdist(points, points).fill_diagonal_(9.0)
    assert distances.min() > 0.3 * 256 ** (-1.0 / dimensions)


def test_a_unit_is_the_gaussian_of_the_distance_to_its_centre() -> None:
    layer = RadialBasis(3, 5, 1.0, normalised=False)
    with torch.no_grad():
        layer.log_radii.uniform_(-1.0, 0.5)
    state = torch.tensor([[0.3, -0.2, 0.9]])
    scaled = (state - layer.centres) / layer.log_radii.exp()
    expected = torch.exp(-0.5 * scaled.square().sum(dim=1))
    torch.testing.assert_close(layer(state)[0], expected)
    layer.normalised = True
    torch.testing.assert_close(layer(state)[0], expected / expected.sum())


def test_far_from_all_centres_only_normalised_units_answer() -> None:
    far = torch.full((1, 3), 10.0)
    assert RadialBasis(3, 16, 1.0, normalised=False)(far).sum() < 1e-6
    assert RadialBasis(3, 16, 1.0, normalised=True)(far).sum().item() == pytest.approx(1.0)


def test_both_networks_are_radial_and_begin_alike() -> None:
    made = policy(units=8, span=2.0)
    states = torch.rand(6, 3)
    assert made.q_net(states).shape == (6, 4)
    torch.testing.assert_close(made.q_net(states), made.q_net_target(states))
    assert made.q_net.q_net[0].centres.abs().max() <= 2.0
    names = {name for name, _ in made.q_net.named_parameters()}
    assert {"q_net.0.centres", "q_net.0.log_radii", "q_net.1.weight"} <= names
    trained = {id(p) for group in made.optimizer.param_groups for p in group["params"]}
    assert {id(p) for p in made.q_net.parameters()} == trained


def test_impossible_layers_are_refused() -> None:
    for wrong in ({"units": 0}, {"span": 0.0}, {"span": float("nan")}):
        with pytest.raises(ValueError, match="units and span"):
            policy(**wrong)


def test_a_preset_builds_it_from_what_json_can_hold() -> None:
    module = RadialBasisPolicy.__module__
    chosen = Preset(
        "dqn", 100, policy=f"{module}:RadialBasisPolicy", policy_kwargs={"units": 8, "span": 1.5}
    )
    json.dumps(chosen.recipe())
    assert isinstance(build_policy(chosen, STATES, ACTIONS), RadialBasisPolicy)


class Target(gymnasium.Env[np.ndarray, np.int64]):
    """One step; the right action is the quarter of [-1, 1] in which the first coordinate lies."""

    observation_space = STATES
    action_space = ACTIONS

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = self.np_random.uniform(-1.0, 1.0, 3).astype(np.float32)
        return self.state, {}

    def step(self, action):
        right = min(int(2.0 * (self.state[0] + 1.0)), 3)
        return self.state, -float(abs(int(action) - right)), True, False, {}


def test_dqn_learns_with_it(tmp_path) -> None:
    torch.set_num_threads(1)
    model = DQN(
        RadialBasisPolicy, Target(), learning_starts=200, train_freq=8, gradient_steps=4,
        batch_size=64, learning_rate=3e-3, exploration_fraction=0.5, seed=0,
        policy_kwargs={"units": 64},
    )  # fmt: skip
    model.learn(3_000)
    states = np.random.default_rng(0).uniform(-1.0, 1.0, (400, 3)).astype(np.float32)
    right = np.minimum((2.0 * (states[:, 0] + 1.0)).astype(int), 3)
    chosen, _ = model.predict(states, deterministic=True)
    assert np.mean(chosen == right) > 0.8
    model.policy.save(tmp_path / "policy.pt")
    again = RadialBasisPolicy.load(tmp_path / "policy.pt")
    np.testing.assert_array_equal(again.predict(states, deterministic=True)[0], chosen)
