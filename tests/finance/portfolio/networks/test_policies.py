"""All four policies are blind to the assets' order, to padding, and to the number of assets."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.policies import BasePolicy
from torch import Tensor

from drlapps.agents import Preset, build_policy
from drlapps.errors import InputError
from drlapps.finance.portfolio.networks import (
    PortfolioPolicy,
    PortfolioRecurrentPolicy,
    PortfolioSACPolicy,
    PortfolioTD3Policy,
)
from drlapps.finance.portfolio.networks.cells import CELLS
from drlapps.weights import weights_of, with_weights

NETWORKS = "drlapps.finance.portfolio.networks"
POLICIES = {
    "ppo": "PortfolioPolicy",
    "a2c": "PortfolioPolicy",
    "recurrent-ppo": "PortfolioRecurrentPolicy",
    "sac": "PortfolioSACPolicy",
    "td3": "PortfolioTD3Policy",
    "ddpg": "PortfolioTD3Policy",
}
KINDS = ("ppo", "recurrent-ppo", "sac", "td3")
WINDOW, POINTS, BATCH = 6, 4, 3
FEATURES = POINTS + WINDOW
BASE = {"base": [2, 3], "base_scale": 0.5}


def build(algorithm: str, n: int, **network: Any) -> BasePolicy:
    preset = Preset(
        algorithm,
        steps=1,
        policy=f"{NETWORKS}:{POLICIES[algorithm]}",
        policy_kwargs={"window": WINDOW, "width": 16, **network},
    )
    observation = spaces.Box(-10, 10, (1 + n, FEATURES), np.float32)
    return build_policy(preset, observation, spaces.Box(-8, 8, (1 + n,), np.float32))


@cache
def _shaken(algorithm: str, settings: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Weights far from their start, where all scores are nearly equal; trained on five assets."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        policy = build(algorithm, 5, **dict(settings))
        for parameter in policy.parameters():
            parameter.data += 0.3 * torch.randn_like(parameter)
        return weights_of(policy)


def network(algorithm: str, n: int, **settings: Any) -> BasePolicy:
    """The same network for any number of assets."""
    frozen = {key: tuple(v) if isinstance(v, list) else v for key, v in settings.items()}
    weights = _shaken(algorithm, tuple(frozen.items()))
    return with_weights(build(algorithm, n, **settings), weights)


def observations(seed: int, n: int, absent: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    rows = rng.uniform(-2, 2, (BATCH, 1 + n, FEATURES))
    rows[..., 0] = 1
    rows[:, 0, POINTS:] = 0
    for row in rows:
        row[1 + rng.permutation(n)[:absent]] = 0
    return torch.tensor(rows, dtype=torch.float32)


@torch.no_grad()
def outputs(policy: Any, rows: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
    """Deterministic actions (B, 1 + n), and values and log-probabilities of ``actions`` (B, k)."""
    if isinstance(policy, PortfolioRecurrentPolicy):
        shape = (1, BATCH, policy.lstm_actor.hidden_size)
        states = RNNStates(*[(torch.zeros(shape), torch.zeros(shape))] * 2)
        for scale in (1.0, -0.5, 0.3):
            moved = torch.cat([rows[..., :1], scale * rows[..., 1:]], dim=-1)
            start = torch.full((BATCH,), float(scale == 1.0))
            greedy, _, _, after = policy(moved, states, start, deterministic=True)
            value, log_prob, entropy = policy.evaluate_actions(moved, actions, states, start)
            states = after
        return greedy, torch.cat([value, log_prob[:, None], entropy[:, None]], dim=1)
    if isinstance(policy, PortfolioPolicy):
        value, log_prob, entropy = policy.evaluate_actions(rows, actions)
        greedy = policy(rows, deterministic=True)[0]
        assert entropy is not None
        return greedy, torch.cat([value, log_prob[:, None], entropy[:, None]], dim=1)
    squashed = torch.tanh(actions)
    return policy(rows, deterministic=True), torch.cat(policy.critic(rows, squashed), dim=1)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("algorithm", KINDS)
@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 7),
    cell=st.sampled_from(sorted(CELLS)),
    relation=st.sampled_from([None, "mean", "attention"]),
    data=st.data(),
)
def test_the_order_of_the_assets_does_not_matter(
    algorithm: str, seed: int, n: int, cell: str, relation: str | None, data: st.DataObject
) -> None:
    policy = network(algorithm, n, cell=cell, relation=relation, **BASE)
    absent = data.draw(st.integers(0, n))
    order = torch.tensor([0, *data.draw(st.permutations(range(1, 1 + n)))])
    rows = observations(seed, n, absent)
    actions = torch.tensor(np.random.default_rng(seed).normal(size=(BATCH, 1 + n))).float()
    greedy, values = outputs(policy, rows, actions)
    reordered, same = outputs(policy, rows[:, order], actions[:, order])
    close(reordered, greedy[:, order])
    close(same, values)


@pytest.mark.parametrize("algorithm", KINDS)
@settings(max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(1, 5),
    padding=st.integers(1, 4),
    cell=st.sampled_from(sorted(CELLS)),
    relation=st.sampled_from([None, "mean", "attention"]),
)
def test_padding_changes_nothing(
    algorithm: str, seed: int, n: int, padding: int, cell: str, relation: str | None
) -> None:
    """Whatever stands in an absent row, and whatever its action is."""
    settings = {"cell": cell, "relation": relation, **BASE}
    rng = np.random.default_rng(seed)
    rows = observations(seed, n)
    garbage = torch.tensor(rng.uniform(-10, 10, (BATCH, padding, FEATURES))).float()
    garbage[..., 0] = 0
    actions = torch.tensor(rng.normal(size=(BATCH, 1 + n + padding))).float()
    greedy, values = outputs(network(algorithm, n, **settings), rows, actions[:, : 1 + n])
    padded, same = outputs(
        network(algorithm, n + padding, **settings), torch.cat([rows, garbage], dim=1), actions
    )
    close(padded[:, : 1 + n], greedy)
    assert (padded[:, 1 + n :] == 0).all()
    close(same, values)


@pytest.mark.parametrize("algorithm", KINDS)
def test_an_asset_is_read_and_so_are_the_others(algorithm: str) -> None:
    """The converse of the invariances: no column is ignored, and messages do arrive."""
    policy: Any = network(algorithm, 4, cell="mlp", relation="mean", base=[2, 3], base_scale=0.5)
    # Small enough that no tanh is saturated.
    rows = 0.1 * observations(3, 4)
    rows[..., 0] = 1
    rows.requires_grad_()
    if algorithm == "recurrent-ppo":
        states = (torch.zeros(policy.lstm_actor.num_layers, BATCH, policy.lstm_actor.hidden_size),)
        distribution, _ = policy.get_distribution(rows, states * 2, torch.zeros(BATCH))
        logits = distribution.mode()
    elif algorithm == "ppo":
        logits = policy.get_distribution(rows).mode()
    else:
        logits = policy(rows, deterministic=True)
    logits[:, 1].sum().backward()
    assert rows.grad is not None
    felt = rows.grad.abs().amax(dim=0)
    assert (felt[1, 1:] > 0).all()
    assert (felt[2:, 1:].amax(dim=0) > 0).all()
    assert (felt[0, 1:POINTS] > 0).all()


@pytest.mark.parametrize("algorithm", POLICIES)
@pytest.mark.parametrize("share", [True, False])
def test_every_weight_can_be_learned(algorithm: str, share: bool) -> None:
    policy: Any = network(algorithm, 5, cell="cnn", share_features_extractor=share, **BASE)
    rows = observations(1, 5)
    actions = torch.tanh(torch.randn(BATCH, 6))
    if algorithm in ("sac", "td3", "ddpg"):
        actor = policy.actor.action_log_prob(rows) if algorithm == "sac" else policy.actor(rows)
        loss = sum(part.square().sum() for part in actor)
        loss = loss + sum(q.sum() for q in policy.critic(rows, actions))
    else:
        given: tuple[Any, ...] = rows, actions
        if algorithm == "recurrent-ppo":
            state = torch.full((1, BATCH, policy.lstm_actor.hidden_size), 0.5)
            given = *given, RNNStates((state, state), (state, state)), torch.zeros(BATCH)
        value, log_prob, entropy = policy.evaluate_actions(*given)
        loss = value.sum() + log_prob.sum() + entropy.sum()
    loss.backward()
    for name, parameter in policy.named_parameters():
        if "target" not in name:
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert parameter.grad.abs().sum() > 0, name


@pytest.mark.parametrize("algorithm", POLICIES)
def test_an_untrained_agent_holds_nearly_equal_weights(algorithm: str) -> None:
    torch.manual_seed(4)
    policy = build(algorithm, 10)
    rows = observations(5, 10).numpy()
    logits, _ = policy.predict(rows, deterministic=True)
    assert np.abs(logits).max() < 0.7
    weights = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(weights, 1 / 11, atol=0.06)


def test_base_columns_enter_the_logits_as_they_are() -> None:
    torch.manual_seed(4)
    rows = observations(5, 10)
    without, _ = build("ppo", 10).predict(rows.numpy(), deterministic=True)
    torch.manual_seed(4)
    policy = build("ppo", 10, base=[3], base_scale=2.0)
    logits, _ = policy.predict(rows.numpy(), deterministic=True)
    np.testing.assert_allclose(logits, without + 2 * rows[..., 3].numpy(), atol=1e-5)


def test_one_standard_deviation_serves_all_assets() -> None:
    policy = build("ppo", 4, log_std_init=-1.0)
    assert isinstance(policy, PortfolioPolicy)
    assert policy.log_std.shape == (1,)
    distribution = policy.get_distribution(observations(0, 4, absent=1))
    draws = torch.stack([distribution.sample() for _ in range(4000)])
    present = observations(0, 4, absent=1)[..., 0] > 0.5
    spread = draws.std(dim=0)
    torch.testing.assert_close(spread[present], torch.full((12,), np.exp(-1.0)).float(), rtol=0.1,
                               atol=0)  # fmt: skip
    assert (spread[~present] == 0).all()
    # The entropy of a Gaussian, ln(sd) + ln(2 pi e) / 2, for cash and the three assets present.
    entropy = distribution.entropy()
    assert entropy is not None
    np.testing.assert_allclose(entropy.detach(), 4 * (-1 + 1.4189385), rtol=1e-5)


def test_the_squashed_density_is_that_of_its_samples() -> None:
    """SAC's log-probability, against the change of variables written out."""
    policy = network("sac", 4)
    assert isinstance(policy, PortfolioSACPolicy)
    rows = observations(2, 4, absent=2)
    torch.manual_seed(1)
    actions, log_prob = policy.actor.action_log_prob(rows)
    tokens: Any = policy.actor.extract_features(rows, policy.actor.features_extractor)
    mean, std = policy.actor.mu(tokens), policy.actor.log_std(tokens).clamp(-20, 2).exp()
    noise = (torch.atanh(actions.double()) - mean) / std
    density = -0.5 * noise**2 - std.log() - 0.5 * np.log(2 * np.pi) - torch.log(1 - actions**2)
    expected = density.where(tokens.present, 0.0).sum(dim=1)
    torch.testing.assert_close(log_prob.double(), expected, rtol=1e-2, atol=1e-2)


def test_the_value_of_an_action_is_that_of_its_weights() -> None:
    """A softmax does not see a common shift of the logits of the rows present."""
    for algorithm in ("sac", "td3"):
        policy: Any = network(algorithm, 5)
        rows = observations(6, 5, absent=2)
        actions = torch.rand(BATCH, 6) - 0.5
        for one, shifted in zip(
            policy.critic(rows, actions), policy.critic(rows, actions + 0.4), strict=True
        ):
            close(one, shifted)
        assert isinstance(policy, PortfolioSACPolicy | PortfolioTD3Policy)


def test_recurrent_states_are_carried_and_restarted() -> None:
    policy = network("recurrent-ppo", 4)
    first, second = observations(1, 4).numpy(), observations(2, 4).numpy()
    fresh, _ = policy.predict(second, deterministic=True)
    _, state = policy.predict(first, deterministic=True)
    ended = np.array([True, False, True])
    carried, _ = policy.predict(second, state, ended, deterministic=True)
    np.testing.assert_allclose(carried[ended], fresh[ended], atol=1e-6)
    assert np.abs(carried[~ended] - fresh[~ended]).max() > 1e-3


def test_a_sequence_at_once_is_the_sequence_step_by_step() -> None:
    """What SB3 replays when it learns is what it saw when it acted."""
    policy: Any = network("recurrent-ppo", 3)
    days = [observations(seed, 3) for seed in range(4)]
    zeros = torch.zeros(1, BATCH, policy.lstm_actor.hidden_size)
    states = RNNStates((zeros, zeros), (zeros, zeros))
    starts = torch.tensor([[1.0, 1, 1], [0, 0, 0], [0, 1, 0], [0, 0, 0]])
    seen, values = [], []
    carried = states
    with torch.no_grad():
        for rows, start in zip(days, starts, strict=True):
            action, value, _, carried = policy(rows, carried, start, deterministic=True)
            seen.append(action)
            values.append(value)
        # Batches of sequences: all days of row 0, then all days of row 1, ...
        together = torch.stack(days, dim=1).flatten(0, 1)
        actions = torch.stack(seen, dim=1).flatten(0, 1)
        value, log_prob, _ = policy.evaluate_actions(
            together, actions, states, starts.t().flatten()
        )
    close(value, torch.stack(values, dim=1).flatten(0, 1))
    # Greedy actions are the means: their density has no exponent.
    peak = -4 * (policy.log_std + 0.5 * np.log(2 * np.pi))
    close(log_prob, peak.expand(12))


@pytest.mark.parametrize("algorithm", POLICIES)
def test_bad_settings_are_refused(algorithm: str) -> None:
    for setting, message in (
        ({"cell": "rnn"}, "unknown cell 'rnn'"),
        ({"relation": "means"}, "unknown relation 'means'; did you mean mean"),
        ({"window": 9}, "rows of 10 columns hold no window of 9 days"),
        ({"window": 0}, "hold no window of 0 days"),
        ({"base": [POINTS]}, "base column 4 is none of the 4 point features"),
        ({"width": 10, "relation": "attention"}, "4 heads do not divide a network of width 10"),
        ({"wdith": 10}, "wdith"),
    ):
        with pytest.raises(InputError, match=message):
            build(algorithm, 3, **setting)


@pytest.mark.parametrize("algorithm", ["ppo", "recurrent-ppo", "sac"])
def test_noise_of_single_assets_is_refused(algorithm: str) -> None:
    with pytest.raises(InputError, match="use_sde needs a policy of fixed size"):
        build(algorithm, 3, use_sde=True)


def test_a_batch_without_anything_present_is_still_finite() -> None:
    """A row whose episode has ended may show nothing."""
    for algorithm in KINDS:
        policy = network(algorithm, 3, cell="cnn", relation="attention")
        logits, _ = policy.predict(np.zeros((2, 4, FEATURES), np.float32), deterministic=True)
        assert np.isfinite(logits).all()
