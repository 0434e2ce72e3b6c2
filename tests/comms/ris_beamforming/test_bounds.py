"""Upper bounds: nothing beats them, and where the optimum is known they meet it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.comms.ris_beamforming import precoding
from drlapps.comms.ris_beamforming.block import true_block
from drlapps.comms.ris_beamforming.bounds import cooperative_bound, semidefinite_bound
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.coordinate_descent import alternate
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.setting import Setting, parse

LABELS = (
    "4x16x4-30dbm",
    "4x16x4--30dbm-beta0.3",
    "2x3x4-5dbm-direct",
    "6x2x3-10dbm",
    "1x5x1-0dbm-direct",
    "1x6x1--10dbm",
    "4x8x2-10dbm-bits1-pathloss-direct",
    "3x6x3-10dbm-rician5-csi0.1",
    "4x8x4-20dbm-paper",
    "3x6x2-10dbm-beta0.3-paper",
    "4x8x2-10dbm-blocks5-pilots2-symbols100",
)


def achieved(channel: Channel, rng: np.random.Generator) -> float:
    """The best rate that descent and random phases find on the true channels."""
    rates = []
    for t in range(channel.setting.blocks):
        block = true_block(channel, t)
        starts = rng.uniform(-np.pi, np.pi, (4, channel.setting.elements))
        found = alternate(block, starts)
        h = block.matrix(starts)
        g = precoding.polished(h, block.power, block.noise)
        rates.append(max(found.rates.max(), precoding.sum_rate(h, g, block.noise).max()))
    return float(np.mean(channel.shares * rates))


@given(st.sampled_from(LABELS), st.integers(0, 2**31))
@settings(deadline=None, max_examples=60)
def test_nothing_beats_the_bounds(label: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    channel = draw(parse(label), rng, "drawn")
    bound, tighter = cooperative_bound(channel), semidefinite_bound(channel)
    assert achieved(channel, rng) <= tighter <= bound
    assert channel.bound == bound


@given(st.integers(0, 2**31), st.booleans())
@settings(deadline=None, max_examples=30)
def test_no_sign_pattern_beats_the_bound_under_the_paper_model(seed: int, axes: bool) -> None:
    # One or two elements may carry all there: the corners that the bound is about.
    rng = np.random.default_rng(seed)
    channel = draw(parse("2x4x2-20dbm-paper"), rng, "drawn")
    block = true_block(channel, 0)
    quarter = np.pi / 2 * rng.integers(0, 4, (50, 4))
    phases = quarter if axes else quarter + 1e-3 * rng.standard_normal((50, 4))
    h = block.matrix(phases)
    g = precoding.polished(h, block.power, block.noise)
    assert precoding.sum_rate(h, g, block.noise).max() <= cooperative_bound(channel)


def test_one_user_and_one_antenna_make_the_semidefinite_bound_exact() -> None:
    for label in ("1x16x1-10dbm", "1x8x1-10dbm-direct"):
        channel = draw(parse(label), np.random.default_rng(1), "drawn")
        block = true_block(channel, 0)
        gain = (np.abs(block.cascaded).sum() + np.abs(block.direct).sum()) ** 2
        optimum = np.log2(1 + block.power * gain / block.noise)
        assert semidefinite_bound(channel, steps=50) == pytest.approx(optimum, rel=1e-4)
        assert cooperative_bound(channel) > optimum


def test_two_elements_make_the_semidefinite_bound_the_most_of_the_form() -> None:
    channel = draw(parse("3x2x3-10dbm"), np.random.default_rng(2), "drawn")
    block = true_block(channel, 0)
    angles = np.linspace(0, 2 * np.pi, 2001)
    phases = np.stack([0 * angles, angles], axis=1)
    gain = (np.abs(block.matrix(phases)) ** 2).sum(axis=(1, 2)).max()
    ratio = block.power * gain / block.noise
    # Two elements carry two streams at most.
    expected = max(r * np.log2(1 + ratio / r**2) for r in (1, 2))
    assert semidefinite_bound(channel, steps=50) == pytest.approx(expected, rel=1e-3)


def test_the_order_of_users_and_elements_and_common_phases_change_nothing() -> None:
    rng = np.random.default_rng(3)
    channel = draw(parse("4x16x4-30dbm-direct"), rng, "drawn")
    users, elements = rng.permutation(4), rng.permutation(16)
    turn = np.exp(1j * rng.uniform(0, 6, (4, 1)))
    cascaded = channel.cascaded[:, users][:, :, elements] * turn[:, :, None]
    other = replace(channel, cascaded=cascaded, direct=channel.direct[:, users] * turn)
    assert cooperative_bound(other) == pytest.approx(cooperative_bound(channel))
    assert semidefinite_bound(other) == pytest.approx(semidefinite_bound(channel), rel=1e-4)


def test_blocks_count_by_the_share_that_carries_data() -> None:
    channel = draw(parse("4x8x2-10dbm-blocks3-symbols64"), np.random.default_rng(4), "drawn")
    single = replace(channel.setting, blocks=1, coherence_symbols=0)
    alone = [
        cooperative_bound(
            Channel("", single, *(a[t : t + 1] for a in (channel.cascaded, channel.direct) * 2))
        )
        for t in range(3)
    ]
    # 2 users, 8 elements: 16 pilots of 64 symbols.
    assert cooperative_bound(channel) == pytest.approx(0.75 * np.mean(alone))


# Cooperative bound, (4, 16, 4), 50 channels, standard error 0.2; measured with other code and
# other channels.
@pytest.mark.parametrize(("dbm", "expected"), [(5.0, 57.1), (15.0, 70.4), (30.0, 90.3)])
def test_bounds_are_those_of_the_reference(dbm: float, expected: float) -> None:
    rng = np.random.default_rng(5)
    channels = [draw(Setting(power_dbm=dbm), rng, "") for _ in range(200)]
    found = [cooperative_bound(channel) for channel in channels]
    assert abs(np.mean(found) - expected) < 3 * np.hypot(0.2, np.std(found) / np.sqrt(200))
