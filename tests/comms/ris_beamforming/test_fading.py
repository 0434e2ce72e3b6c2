"""Channels that are drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from drlapps.comms.ris_beamforming import fading
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.fading import draw, jakes_correlation, path_gains
from drlapps.comms.ris_beamforming.setting import Setting

SMALL = Setting(3, 6, 2)
EVERYTHING = Setting(
    3, 6, 2, fading="rician", path_loss=True, direct=True, csi_error_variance=0.1, blocks=7,
    pilot_period=3,
)  # fmt: skip


def drawn(setting: Setting, seed: int = 0) -> Channel:
    return draw(setting, np.random.default_rng(seed), "x")


def within(values: np.ndarray, mean: float, errors: float = 4.0) -> bool:
    """Tell whether the mean of independent values is the given one, by its standard error."""
    return abs(values.mean() - mean) <= errors * values.std() / math.sqrt(values.size) + 1e-12


def test_shapes_and_immutability() -> None:
    for setting in (SMALL, EVERYTHING):
        channel = drawn(setting)
        blocks = setting.blocks
        for cascaded in (channel.cascaded, channel.cascaded_estimate):
            assert cascaded.shape == (blocks, 2, 6, 3)
        for direct in (channel.direct, channel.direct_estimate):
            assert direct.shape == (blocks, 2, 3)
        with pytest.raises(ValueError, match="read-only"):
            channel.cascaded[0, 0, 0, 0] = 0.0


def test_what_is_known_perfectly_is_the_truth_itself() -> None:
    channel = drawn(SMALL)
    assert channel.cascaded_estimate is channel.cascaded
    assert channel.direct_estimate is channel.direct
    assert not channel.direct.any()


def test_the_cascade_is_element_by_element() -> None:
    rng = np.random.default_rng(0)
    h1 = rng.normal(size=(6, 3)) + 1j * rng.normal(size=(6, 3))
    h2 = rng.normal(size=(6, 2)) + 1j * rng.normal(size=(6, 2))
    phi = np.exp(1j * rng.normal(size=6))
    cascaded = fading.cascade(h1, h2)
    for user in range(2):
        expected = h2[:, user] @ np.diag(phi) @ h1
        assert np.allclose(phi @ cascaded[user], expected)


def test_equal_generators_give_equal_channels_whatever_is_scored() -> None:
    first = drawn(SMALL)
    for changes in (
        {"power_dbm": 5.0},
        {"amplitude": "phase-dependent", "beta_min": 0.3},
        {"csi_error_variance": 0.2},
        {"noise_variance": 1.0, "bits": 2},
        {"direct": True},
    ):
        assert np.array_equal(drawn(replace(SMALL, **changes)).cascaded, first.cascaded)
    long = drawn(replace(SMALL, blocks=4))
    assert np.array_equal(long.cascaded[:1], first.cascaded)
    assert drawn(SMALL, 1).hash != first.hash == drawn(SMALL).hash


def test_errors_of_estimates_differ_in_scale_alone() -> None:
    small, large = (
        drawn(replace(EVERYTHING, csi_error_variance=v, power_dbm=v)) for v in (0.01, 0.04)
    )
    for name in ("cascaded", "direct"):
        errors = [
            getattr(channel, f"{name}_estimate")[::3] - getattr(channel, name)[::3]
            for channel in (small, large)
        ]
        assert np.allclose(2.0 * errors[0], errors[1])
        assert np.abs(errors[0]).min() > 0.0


def test_rayleigh_entries_have_the_moments_of_a_product_of_gaussians() -> None:
    # |CN CN|^2 is a product of two independent exponentials: mean 1, second moment 2 * 2.
    flat = np.concatenate([drawn(Setting(1, 1, 1), seed).cascaded.ravel() for seed in range(6000)])
    power = np.abs(flat) ** 2
    assert within(power, 1.0)
    assert within(power**2, 4.0)
    assert within(flat.real, 0.0)
    assert within((flat**2).real, 0.0)


def test_the_mean_gain_of_one_user_with_aligned_phases() -> None:
    # Each modulus is a product of two Rayleigh ones, of mean pi / 4 and mean square 1: N squares
    # and N (N - 1) products of means (Wu & Zhang 2019, proposition 2, for large N).
    elements = 8
    gains = np.array(
        [np.abs(drawn(Setting(1, elements, 1), seed).cascaded).sum() ** 2 for seed in range(4000)]
    )
    assert within(gains, elements + elements * (elements - 1) * np.pi**2 / 16)


def test_rician_channels_keep_unit_power_and_turn_to_sight() -> None:
    setting = Setting(2, 4, 1, fading="rician", rician_factor=3.0)
    powers = np.stack([np.abs(drawn(setting, seed).cascaded[0]) ** 2 for seed in range(3000)])
    assert within(powers.mean(axis=(1, 2, 3)), 1.0)
    seen = drawn(replace(setting, users=2, rician_factor=1e9)).cascaded[0]
    assert np.allclose(np.abs(seen), 1.0, atol=1e-3)
    # With sight alone, a user's cascaded channel has rank one: all elements share a direction.
    assert np.linalg.svd(seen[0], compute_uv=False)[1] < 1e-2


def test_neighbours_on_the_surface_are_half_a_wavelength_apart() -> None:
    azimuth, elevation = np.array([0.4]), np.array([-0.2])
    response = fading.planar_response(12, azimuth, elevation)[:, 0].reshape(3, 4)
    along = np.pi * np.sin(0.4) * np.cos(0.2)
    assert np.allclose(np.angle(response[:, 1:] / response[:, :-1]), along)
    assert np.allclose(np.angle(response[1:] / response[:-1]), np.pi * np.sin(-0.2))


def test_a_direct_path_is_scattered() -> None:
    setting = replace(SMALL, direct=True)
    entries = np.stack([drawn(setting, seed).direct.ravel() for seed in range(1000)])
    assert within(np.abs(entries.ravel()) ** 2, 1.0)


def test_path_gains_follow_the_places() -> None:
    rng = np.random.default_rng(0)
    surface, direct = path_gains(rng, 4000)
    # The nearest user stands 20 m off the surface, the farthest 40 m, the middle at 30 m.
    assert surface.max() == pytest.approx((20 / 30) ** -2.2, rel=0.1)
    assert surface.min() == pytest.approx((40 / 30) ** -2.2, rel=0.1)
    middle = math.hypot(200, 30)
    assert ((middle - 10) / middle) ** -3.67 >= direct.max() > 1.0 > direct.min()
    assert direct.min() >= ((middle + 10) / middle) ** -3.67
    # Evenly in the disc: half of the users within 1 / sqrt(2) of the radius.
    mean = replace(SMALL, path_loss=True, users=64)
    near, nominal = (drawn(s).cascaded[0] for s in (mean, replace(mean, path_loss=False)))
    ratio = np.abs(near / nominal) ** 2
    assert np.allclose(ratio, ratio[:, :1, :1])
    assert len(np.unique(ratio[:, 0, 0].round(9))) == 64


def test_blocks_are_stationary_and_correlated_by_both_hops() -> None:
    kept = 0.8
    setting = Setting(2, 4, 2, blocks=3, correlation=kept, direct=True)
    channels = [drawn(setting, seed) for seed in range(1500)]
    cascaded = np.stack([channel.cascaded for channel in channels])
    direct = np.stack([channel.direct for channel in channels])
    for block in range(3):
        assert within((np.abs(cascaded[:, block]) ** 2).mean(axis=(1, 2, 3)), 1.0)
    for lag in (1, 2):
        product = (cascaded[:, lag] * cascaded[:, 0].conj()).real.mean(axis=(1, 2, 3))
        assert within(product, kept ** (2 * lag))
        straight = (direct[:, lag] * direct[:, 0].conj()).real.mean(axis=(1, 2))
        assert within(straight, kept**lag)


def test_full_correlation_stands_still_and_none_forgets() -> None:
    still = drawn(replace(SMALL, blocks=3, correlation=1.0)).cascaded
    assert np.allclose(still[0], still[2])
    forgetful = drawn(replace(SMALL, blocks=2, correlation=0.0)).cascaded
    assert not np.isclose(forgetful[0], forgetful[1]).any()


def test_estimates_age_between_pilots() -> None:
    setting = replace(SMALL, blocks=7, pilot_period=3, direct=True)
    channel = drawn(setting)
    for name in ("cascaded", "direct"):
        true, seen = getattr(channel, name), getattr(channel, f"{name}_estimate")
        for block, pilots in enumerate((0, 0, 0, 3, 3, 3, 6)):
            assert np.array_equal(seen[block], true[pilots])
    noisy = drawn(replace(setting, csi_error_variance=0.1)).cascaded_estimate
    assert np.array_equal(noisy[3], noisy[5])


def test_estimates_err_by_the_variance() -> None:
    setting = Setting(2, 4, 2, csi_error_variance=0.3, direct=True)
    channels = [drawn(setting, seed) for seed in range(800)]
    for name in ("cascaded", "direct"):
        errors = np.stack(
            [getattr(channel, f"{name}_estimate") - getattr(channel, name) for channel in channels]
        )
        assert within(np.abs(errors) ** 2, 0.3)
        assert within(errors.real, 0.0)


def test_kept_paths_replace_those_drawn_and_leave_the_rest() -> None:
    setting = replace(SMALL, csi_error_variance=0.1, direct=True)
    hops = np.arange(30) + 1j
    own = draw(setting, np.random.default_rng(0), "x", hops)
    other = drawn(setting)
    assert np.array_equal(own.direct, other.direct)
    assert np.allclose(
        own.cascaded_estimate - own.cascaded, other.cascaded_estimate - other.cascaded
    )
    h1, h2 = hops[:18].reshape(6, 3), hops[18:].reshape(6, 2)
    assert np.array_equal(own.cascaded[0], np.einsum("nk,nm->knm", h2, h1))


def test_the_correlation_of_a_speed() -> None:
    # Walking at 3.6 km/h at 2.4 GHz: 8.0 Hz of Doppler; J0(x) = 1 - x^2 / 4 + x^4 / 64 - ...
    x = 2 * np.pi * 2.4e9 / 299_792_458 * 0.005
    expected = 1 - x**2 / 4 + x**4 / 64
    assert jakes_correlation(1.0, 2.4e9, 0.005) == pytest.approx(expected, abs=1e-6)
    assert jakes_correlation(0.0, 2.4e9, 0.005) == 1.0
    # The first zero of J0 is 2.404826.
    null = 2.404826 / (2 * np.pi)
    assert jakes_correlation(299_792_458.0, 1.0, null) == pytest.approx(0.0, abs=1e-6)
