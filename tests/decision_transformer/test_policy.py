"""The network: what it hears, what it remembers, and what the mask keeps from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import given
from hypothesis import strategies as st
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from drlapps.decision_transformer.policy import DecisionTransformerPolicy
from drlapps.weights import weights_of, with_weights

ROWS, FEATURES, CONTEXT = 5, 3, 4


class RowEncoder(BaseFeaturesExtractor):
    """A row for each action, and their mean; blind to the number of rows."""

    def __init__(self, observation_space: spaces.Box, width: int, layers: int) -> None:
        super().__init__(observation_space, features_dim=width)
        self.embed = nn.Linear(FEATURES, width)

    def forward(self, observations: Tensor) -> Tensor:
        rows = torch.tanh(self.embed(observations))
        return torch.cat([rows.mean(dim=1, keepdim=True), rows], dim=1)


class RowPolicy(DecisionTransformerPolicy):
    ENCODER = RowEncoder


def policy(rows: int = ROWS, cls: Any = RowPolicy, **sizes: Any) -> Any:
    torch.manual_seed(0)
    made = cls(
        spaces.Box(-1.0, 1.0, (rows, FEATURES), np.float32),
        spaces.Discrete(rows),
        lambda _: 1e-3,
        **{"width": 8, "context": CONTEXT, **sizes},
    )
    # Far from the small weights of the start, where everything looks alike.
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.5)
    made.set_training_mode(False)
    return made


def episode(length: int, rows: int = ROWS, seed: int = 0) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    masks = rng.random((length, rows)) < 0.6
    masks[:, 0] = True
    actions = np.array([rng.choice(np.flatnonzero(mask)) for mask in masks])
    return rng.normal(size=(length, rows, FEATURES)).astype(np.float32), masks, actions


def logits(network: Any, seen: Any, masks: Any, actions: Any, shortfall: float = 0.0) -> Any:
    """Logits of one window."""
    with torch.no_grad():
        return network(
            torch.from_numpy(seen), torch.from_numpy(masks), torch.from_numpy(actions),
            torch.tensor([shortfall]), torch.ones(1, len(seen), dtype=torch.bool),
        ).numpy()  # fmt: skip


@pytest.mark.parametrize("changed", range(CONTEXT))
def test_a_decision_hears_what_came_before_it_and_nothing_else(changed: int) -> None:
    network = policy()
    seen, masks, actions = episode(CONTEXT)
    masks[:] = True
    before = logits(network, seen, masks, actions)
    other = seen.copy()
    other[changed] += 1.0
    after = logits(network, other, masks, actions)
    np.testing.assert_array_equal(after[:changed], before[:changed])
    assert (np.abs(after - before)[changed:].max(axis=1) > 1e-4).all()
    moved = actions.copy()
    moved[changed] = (moved[changed] + 1) % ROWS
    after = logits(network, seen, masks, moved)
    np.testing.assert_array_equal(after[: changed + 1], before[: changed + 1])
    assert (np.abs(after - before)[changed + 1 :].max(axis=1, initial=1.0) > 1e-4).all()


def test_every_decision_hears_the_shortfall() -> None:
    network = policy()
    seen, masks, actions = episode(CONTEXT)
    masks[:] = True
    good, bad = (logits(network, seen, masks, actions, shortfall) for shortfall in (0.0, -2.0))
    assert (np.abs(good - bad).max(axis=1) > 1e-4).all()
    network.scale.fill_(0.1)
    # In units of what is typical, both are as bad as can be.
    hopeless = logits(network, seen, masks, actions, -0.5)
    np.testing.assert_array_equal(logits(network, seen, masks, actions, -50.0), hopeless)


def test_windows_of_a_batch_do_not_hear_each_other() -> None:
    network = policy()
    episodes = [episode(length, seed=length) for length in (2, CONTEXT, 1)]
    places = np.arange(CONTEXT)
    valid = places < np.array([[2], [CONTEXT], [1]])
    joined = [np.concatenate(parts) for parts in zip(*episodes, strict=True)]
    shortfalls = np.array([0.0, -1.0, -2.0], np.float32)
    with torch.no_grad():
        together = network(*map(torch.from_numpy, (*joined, shortfalls, valid))).numpy()
    alone = [logits(network, *e, float(s)) for e, s in zip(episodes, shortfalls, strict=True)]
    np.testing.assert_allclose(together, np.concatenate(alone), atol=1e-5)


@pytest.mark.parametrize("cls", [RowPolicy, DecisionTransformerPolicy])
def test_acting_step_by_step_is_the_pass_over_the_whole_window(cls: Any) -> None:
    """Beyond the context, it is the pass over the latest decisions alone."""
    network = policy(cls=cls)
    network.shortfall.fill_(-0.5)
    seen, masks, _ = episode(3 * CONTEXT)
    state, chosen = None, []
    for t in range(len(seen)):
        start = np.array([t == 0])
        action, state = network.predict(seen[t : t + 1], state, start, True, masks[t : t + 1])
        chosen.append(int(action[0]))
    actions = np.array(chosen)
    for t in range(len(seen)):
        window = slice(max(t + 1 - CONTEXT, 0), t + 1)
        scores = logits(network, seen[window], masks[window], actions[window], -0.5)[-1]
        assert scores.argmax() == chosen[t]
    assert state is not None
    assert state[2].tolist() == [CONTEXT]


def test_rows_of_a_batch_act_as_they_would_alone_whenever_their_episodes_start() -> None:
    network = policy()
    length, restarts = 9, (0, 3, 5)
    episodes = [episode(length, seed=row) for row in range(3)]
    state, together = None, []
    for t in range(length):
        starts = np.array([t in (0, restart) for restart in restarts])
        seen, masks = (np.stack([e[part][t] for e in episodes]) for part in (0, 1))
        actions, state = network.predict(seen, state, starts, True, masks)
        together.append(actions)
    for row, (restart, (seen, masks, _)) in enumerate(zip(restarts, episodes, strict=True)):
        state = None
        for t in range(restart, length):
            action, state = network.predict(
                seen[t], state, np.array([t == restart]), True, masks[t]
            )
            assert action.shape == ()
            assert action == together[t][row]


def test_a_call_leaves_the_memory_it_was_given_alone() -> None:
    network = policy()
    seen, masks, _ = episode(CONTEXT + 2)
    state = None
    for t in range(CONTEXT + 2):
        kept = None if state is None else [part.copy() for part in state]
        _, after = network.predict(seen[t : t + 1], state, None, True, masks[t : t + 1])
        for before, now in zip(kept or [], state or [], strict=True):
            np.testing.assert_array_equal(now, before)
        state = after


@given(seed=st.integers(0, 1000))
def test_inadmissible_actions_are_never_taken(seed: int) -> None:
    network = policy()
    seen, masks, _ = episode(6, seed=seed)
    for deterministic in (True, False):
        actions, _ = network.predict(seen, None, None, deterministic, masks)
        assert masks[np.arange(6), actions].all()


def test_draws_follow_the_probabilities() -> None:
    network = policy()
    seen, masks, _ = episode(1)
    masks[:] = True
    expected = torch.tensor(logits(network, seen, masks, np.zeros(1, np.int64))[0]).softmax(0)
    torch.manual_seed(1)
    drawn, _ = network.predict(np.repeat(seen, 20_000, axis=0), deterministic=False)
    shares = np.bincount(drawn, minlength=ROWS) / 20_000
    # Five standard errors of a share of one half.
    np.testing.assert_allclose(shares, expected, atol=0.018)


def test_weights_of_rows_fit_any_number_of_them() -> None:
    small, large = policy(3), policy(40)
    weights = weights_of(small)
    with_weights(large, weights)
    seen, masks, actions = episode(CONTEXT, 3)
    masks[:] = True
    # Rows that copy the three do not change their mean.
    wide = np.concatenate([seen, np.tile(seen, (1, 12, 1)), seen[:, :1]], axis=1)[:, :39]
    wide_large = policy(39)
    with_weights(wide_large, weights)
    scores = logits(wide_large, wide, np.ones((CONTEXT, 39), np.bool_), actions)
    np.testing.assert_allclose(scores[:, :3], logits(small, seen, masks, actions), atol=1e-5)


def test_what_is_asked_for_is_part_of_the_weights() -> None:
    network = policy()
    network.shortfall.fill_(0.25)
    network.scale.fill_(3.0)
    again = with_weights(policy(), weights_of(network))
    assert (float(again.shortfall), float(again.scale)) == (0.25, 3.0)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"heads": 3}, "a width of 8 cannot be divided among 3 heads"),
        ({"context": 0}, "context must be a whole number from 1 on, not 0"),
        ({"blocks": 0}, "blocks must be a whole number from 1 on, not 0"),
    ],
)
def test_impossible_sizes_are_one_sentence(sizes: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        policy(**sizes)
