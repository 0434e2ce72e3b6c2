"""The explorer of the amplitudes: what it may change, how it fades, what it seeks."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stable_baselines3.sac.policies import SACPolicy

from drlapps.comms.ris_beamforming.beta_exploration import BetaExplorationPolicy
from drlapps.errors import InputError

ELEMENTS, ENTRIES, SEEN = 5, 8, 7
ACTIONS = Box(-1.0, 1.0, (ENTRIES + 2 * ELEMENTS,), np.float32)
OBSERVATIONS = Box(-10.0, 10.0, (SEEN,), np.float32)
NUMBERS = st.floats(-1.0, 1.0, width=32)


def policy(**kwargs: object) -> BetaExplorationPolicy:
    torch.manual_seed(3)
    return BetaExplorationPolicy(
        OBSERVATIONS, ACTIONS, lambda _: 1e-3, elements=ELEMENTS, net_arch=[16], **kwargs
    )


def observations(rows: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, SEEN)).astype(np.float32)


def plain(own: BetaExplorationPolicy) -> SACPolicy:
    """Return SAC's own policy with the same weights."""
    other = SACPolicy(OBSERVATIONS, ACTIONS, lambda _: 1e-3, net_arch=[16])
    other.load_state_dict(
        {k: v for k, v in own.state_dict().items() if k.startswith(("actor", "critic"))}
    )
    return other


def drawn(own: SACPolicy, rows: int = 64) -> np.ndarray:
    torch.manual_seed(5)
    return own.predict(observations(rows))[0]


def angles(actions: np.ndarray) -> np.ndarray:
    real, imaginary = np.split(actions[:, ENTRIES:].astype(np.float64), 2, axis=1)
    return np.arctan2(imaginary, real)


def test_greedy_actions_are_those_of_sac() -> None:
    own = policy()
    greedy = [p.predict(observations(4), deterministic=True)[0] for p in (own, plain(own))]
    np.testing.assert_array_equal(*greedy)
    assert own.spent == 0


def test_only_phases_are_turned_and_by_no_more_than_the_strength() -> None:
    own = policy(strength=0.3)
    moved, still = drawn(own), drawn(plain(own))
    np.testing.assert_array_equal(moved[:, :ENTRIES], still[:, :ENTRIES])
    turned = np.angle(np.exp(1j * (angles(moved) - angles(still))))
    assert 0.0 < np.abs(turned).max() <= 0.3 * np.pi + 1e-5


@given(
    arrays(np.float32, (2, ENTRIES + 2 * ELEMENTS), elements=NUMBERS),
    arrays(np.float32, (2, ELEMENTS), elements=st.floats(-3.0, 3.0, width=32)),
)
def test_turned_actions_stay_in_their_box(actions: np.ndarray, by: np.ndarray) -> None:
    own = policy()
    turned = own._turned(torch.from_numpy(actions), torch.from_numpy(by)).numpy()
    assert (np.abs(turned) <= 1.0 + 1e-6).all()
    before, after = (np.hypot(*np.split(a[:, ENTRIES:], 2, axis=1)) for a in (actions, turned))
    there = before > 1e-3
    off = np.exp(1j * angles(turned)) - np.exp(1j * (angles(actions) + by))
    assert (np.abs(off[there]) < 1e-3).all()
    assert (after[there] > 0.0).all()


def test_exploration_fades_linearly_and_ends() -> None:
    own = policy(decisions=128, explorer_rate=0.0)
    other = plain(own)
    sizes = []
    for _ in range(3):
        moved, still = drawn(own), drawn(other)
        sizes.append(np.abs(np.angle(np.exp(1j * (angles(moved) - angles(still))))).mean())
    assert sizes[1] == pytest.approx(sizes[0] / 2.0, rel=1e-3)
    assert sizes[2] == 0.0
    assert own.spent == 128


def test_the_explorer_seeks_what_the_critics_disagree_about() -> None:
    own = policy(decisions=10**9)

    def disagreement() -> float:
        seen = torch.from_numpy(observations(64))
        with torch.no_grad():
            features = own.actor.extract_features(seen, own.actor.features_extractor)
            turned = own._turned(own.actor(seen, True), np.pi * 0.3 * own.explorer(features))
            first, second = own.critic(seen, turned)
        return float(((first - second) ** 2).mean())

    before = disagreement()
    for _ in range(100):
        own.predict(observations(64))
    assert disagreement() > before


def test_what_it_learns_travels_with_the_weights() -> None:
    own, other = policy(), policy()
    drawn(own)
    other.load_state_dict(own.state_dict())
    np.testing.assert_array_equal(drawn(own), drawn(other))
    assert other.spent == own.spent == 128


def test_actions_without_a_precoder_are_refused() -> None:
    with pytest.raises(InputError, match="joint actions"):
        BetaExplorationPolicy(
            OBSERVATIONS, Box(-1.0, 1.0, (10,), np.float32), lambda _: 1e-3, elements=ELEMENTS
        )
