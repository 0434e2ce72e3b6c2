"""Pools of channels, and channels by name."""

from __future__ import annotations

import hashlib
import inspect
import math
import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.comms.ris_beamforming import frozen, instances
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.fading import cascade
from drlapps.comms.ris_beamforming.instances import (
    FAMILIES,
    RandomChannels,
    named,
    test,
    toy,
    train,
    validation,
)
from drlapps.comms.ris_beamforming.setting import Setting, parse
from drlapps.errors import InputError

test.__test__ = False  # type: ignore[attr-defined] - a pool


def generators(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng([7, seed]) for seed in range(count)]


def test_every_attribute_of_a_setting_is_a_keyword_with_its_default() -> None:
    for function in (train, validation, test, named):
        shown = inspect.signature(function).parameters
        for field in fields(Setting):
            assert shown[field.name].default == field.default
        assert all(p.kind is not p.VAR_KEYWORD for p in shown.values())


def test_the_test_pool_holds_equal_channels_under_every_condition() -> None:
    pool = test()
    assert len(pool) == len(instances.TEST_CONDITIONS) * 20
    table = [pool[start : start + 20] for start in range(0, len(pool), 20)]
    for label, channels in zip(instances.TEST_CONDITIONS, table, strict=True):
        assert [channel.name for channel in channels] == [f"{label}:{k}" for k in range(1, 21)]
        assert {channel.setting for channel in channels} == {parse(label)}
        for channel, first in zip(channels, table[0], strict=True):
            assert np.array_equal(channel.cascaded, first.cascaded)
    assert len({channel.cascaded.tobytes() for channel in table[0]}) == 20
    noisy = [channels for channels in table if channels[0].setting.csi_error_variance]
    assert len(noisy) == 2
    for one, other in zip(*noisy, strict=True):
        assert np.array_equal(one.cascaded_estimate, other.cascaded_estimate)
        assert not np.array_equal(one.cascaded_estimate, one.cascaded)


def test_settings_make_a_pool_of_one_condition() -> None:
    assert len(test(power_dbm=30.0)) == 50
    pool = test(pool_size=7, power_dbm=5, antennas=3)
    assert {channel.setting for channel in pool} == {Setting(antennas=3, power_dbm=5.0)}
    assert [channel.name for channel in pool] == [f"3x16x4-5dbm-ideal:{k}" for k in range(1, 8)]
    assert len(test(pool_size=3)) == 3
    assert len(validation(elements=8)) == 50
    assert len(validation()) == 24 * len(instances.VALIDATION_CONDITIONS)


def test_a_pool_goes_on_where_a_shorter_one_ends() -> None:
    short, long = test(pool_size=3, users=2), test(pool_size=5, users=2)
    assert [c.hash for c in short] == [c.hash for c in long[:3]]


def test_pools_are_disjoint() -> None:
    paths = [
        {channel.cascaded.tobytes() for channel in pool}
        for pool in (test(pool_size=60), validation(pool_size=60), train(pool_size=60))
    ]
    assert len(set.union(*paths)) == 180


def test_training_draws_without_end_or_from_a_fixed_pool() -> None:
    endless = train()
    assert isinstance(endless, RandomChannels)
    drawn = [endless.sample(rng) for rng in generators(5)]
    assert len({channel.hash for channel in drawn}) == 5
    assert {channel.setting for channel in drawn} == {Setting()}
    fixed = train(pool_size=4, family="powers", users=2)
    assert isinstance(fixed, tuple)
    assert [c.hash for c in fixed] == [c.hash for c in train("powers", 4, users=2)]
    assert len({c.setting.power_dbm for c in fixed}) == 4


def test_families_draw_what_they_say() -> None:
    settings = {
        family: [train(family, kappa=2.0).sample(rng).setting for rng in generators(600)]
        for family in FAMILIES
    }
    assert set(settings["fixed"]) == {Setting(kappa=2.0)}
    for family in ("powers", "mixed", "sizes"):
        powers = np.array([setting.power_dbm for setting in settings[family]])
        assert 0.0 <= powers.min() < 1.0 < 29.0 < powers.max() <= 30.0
        assert all(setting.kappa == 2.0 for setting in settings[family])
    assert {replace(s, power_dbm=30.0) for s in settings["powers"]} == {Setting(kappa=2.0)}
    for family in ("mixed", "sizes"):
        found = settings[family]
        dependent = [s for s in found if s.amplitude == "phase-dependent"]
        noisy = [s.csi_error_variance for s in found if s.csi_error_variance]
        mismatched = [s for s in found if s.mismatch]
        # Binomial with 600 draws: 4 standard errors are 0.08 of them.
        assert abs(len(dependent) / 600 - 0.5) < 0.08
        assert abs(len(noisy) / 600 - 0.5) < 0.08
        assert abs(len(mismatched) / len(dependent) - 0.25) < 0.1
        assert all(s.amplitude == "phase-dependent" for s in mismatched)
        assert all(0.2 <= s.beta_min <= 1.0 for s in dependent)
        assert 1e-3 <= min(noisy) < max(noisy) <= 1e-1
        assert abs(np.mean(np.log10(noisy)) + 2.0) < 0.15
    assert {(s.antennas, s.elements, s.users) for s in settings["mixed"]} == {(4, 16, 4)}
    sizes = settings["sizes"]
    assert {s.elements for s in sizes} == set(range(8, 41))
    assert {s.users for s in sizes} == set(range(2, 7))
    assert all(s.users <= s.antennas <= 8 for s in sizes)


@pytest.mark.parametrize("family", FAMILIES)
def test_none_exceeds_the_largest(family: str) -> None:
    pool = train(family)
    assert isinstance(pool, RandomChannels)
    most = pool.largest().setting
    for rng in generators(50):
        setting = pool.sample(rng).setting
        assert setting.antennas <= most.antennas
        assert setting.elements <= most.elements
        assert setting.users <= most.users


@given(st.integers(0, 10**6), st.sampled_from(("5dbm-ideal", "30dbm-beta0.3-mismatch-csi0.1")))
def test_a_name_tells_the_channel(number: int, condition: str) -> None:
    (channel,) = named([f"2x3x2-{condition}:{number}"])
    assert channel.name == f"2x3x2-{condition}:{number}"
    assert channel.setting == parse(f"2x3x2-{condition}")
    (other,) = named([f"2x3x2:{number}"], power_dbm=0.0)
    assert np.array_equal(channel.cascaded, other.cascaded)
    (fresh,) = named([channel.name])
    assert fresh.hash == channel.hash


def test_names_of_pools_and_ranges() -> None:
    for pool in (test, validation):
        for channel in (pool()[0], pool()[-1], pool(power_dbm=3.5)[4]):
            (found,) = named([channel.name])
            assert found.hash == channel.hash
            assert found.name == channel.name
    words = ["toy-two,4x16x4-30dbm-ideal:2..4", "1..2"]
    assert [channel.name for channel in named(words)] == [
        "toy-two",
        *(f"4x16x4-30dbm-ideal:{k}" for k in (2, 3, 4, 1, 2)),
    ]
    (changed,) = named(["4x16x4-30dbm-ideal:1"], amplitude="phase-dependent", elements=8)
    assert changed.name == "4x8x4-30dbm-beta0.6:1"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: train("odd"), "unknown family 'odd'"),
        (lambda: train(pool_size=-1), "pool_size must be a whole number from 0"),
        (lambda: test(pool_size=0), "pool_size must be a whole number from 1 to 100000, not 0"),
        (lambda: test(pool_size=2.0), "pool_size must be a whole number"),
        (lambda: test(antennas=0), "antennas must be"),
        (lambda: test(bits=[1]), "bits must be"),
        (lambda: train("sizes", coherence_symbols=100), "must exceed the 240 pilots"),
        (lambda: named(["4x16:1"]), "'4x16' names no downlink"),
        (lambda: named(["4x16x4:5..3"]), "'4x16x4:5..3' is no range"),
        (lambda: named(["nowhere.npz:1"]), "no such file: nowhere.npz"),
        (lambda: named(["toy-one"], power_dbm=3.0), "toy-one is solved as it is"),
    ],
)
def test_refusals(call: object, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        call()  # type: ignore[operator]


def rate(channel: Channel, phases: np.ndarray, precoder: np.ndarray) -> float:
    """Sum rate by its definition."""
    setting = channel.setting
    rows = np.einsum("n,knm->km", np.exp(1j * phases), channel.cascaded[0])
    power = np.abs(rows @ precoder) ** 2
    signal = np.diag(power)
    ratio = signal / (power.sum(axis=1) - signal + setting.noise_variance)
    return float(np.log2(1.0 + ratio).sum())


def test_toys_reach_their_optimum_and_nothing_random_beats_it() -> None:
    best = {
        "toy-one": (np.zeros(1), np.ones((1, 1))),
        "toy-two": (np.array([0.0, -np.pi / 2]), np.ones((1, 1))),
        "toy-apart": (np.array([1.0, 2.0]), np.eye(2) / math.sqrt(2.0)),
    }
    rng = np.random.default_rng(0)
    for channel in toy():
        phases, precoder = best[channel.name]
        assert rate(channel, phases, precoder) == pytest.approx(channel.reference, abs=1e-12)
        for _ in range(500):
            tried = rng.normal(size=precoder.shape) + 1j * rng.normal(size=precoder.shape)
            tried /= np.linalg.norm(tried)
            turned = rng.uniform(-np.pi, np.pi, phases.shape)
            assert rate(channel, turned, tried) <= channel.reference + 1e-12


def test_the_bound_of_a_toy_holds() -> None:
    for channel in toy():
        assert channel.bound >= channel.reference


@pytest.mark.parametrize("sizes", frozen.FROZEN)
def test_frozen_channels_are_what_their_seeds_give(sizes: tuple[int, int, int]) -> None:
    antennas, elements, users = sizes
    label = f"{antennas}x{elements}x{users}-30dbm-ideal"
    count = frozen.FROZEN[sizes]
    with np.load(frozen.path(*sizes), allow_pickle=False) as file:
        assert sorted(file.files) == ["bs_ris", "ris_user"]
        bs_ris, ris_user = file["bs_ris"], file["ris_user"]
    assert bs_ris.shape == (count, elements, antennas)
    assert ris_user.shape == (count, elements, users)
    for number, channel in enumerate(named([f"{label}:1..{count}"]), 1):
        # As data/README.md says.
        rng = np.random.default_rng([number, 0x7E57, 0x0815])
        numbers = rng.standard_normal(2 * elements * (antennas + users)) * np.sqrt(0.5)
        paths = numbers.view(np.complex128)
        h1 = paths[: elements * antennas].reshape(elements, antennas)
        h2 = paths[elements * antennas :].reshape(elements, users)
        assert np.array_equal(bs_ris[number - 1], h1)
        assert np.array_equal(ris_user[number - 1], h2)
        assert np.array_equal(channel.cascaded[0], cascade(h1, h2))


def test_frozen_files_have_the_hashes_that_are_written_down() -> None:
    table = re.findall(
        r"\| `(rayleigh-\S+\.npz)` \| .* \| `([0-9a-f]{64})` \|",
        (frozen.FOLDER / "README.md").read_text(),
    )
    kept = sorted(frozen.path(*sizes).name for sizes in frozen.FROZEN)
    assert sorted(name for name, _ in table) == kept
    for name, digest in table:
        assert hashlib.sha256((frozen.FOLDER / name).read_bytes()).hexdigest() == digest


def test_frozen_channels_are_preferred_and_read_like_ones_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = named([f"{frozen.path(4, 16, 4)}:3..4"], power_dbm=30)
    by_name = named(["4x16x4-30dbm-ideal:3..4"])
    assert [channel.hash for channel in own] == [channel.hash for channel in by_name]
    # What is not in the file is drawn; what is, is not.
    monkeypatch.setattr(frozen, "_kept", lambda *sizes: np.ones((50, 128), dtype=complex))
    first, beyond = named(["4x16x4-30dbm-ideal:50", "4x16x4-30dbm-ideal:51"])
    assert np.array_equal(first.cascaded, np.ones((1, 4, 16, 4)))
    assert len(np.unique(beyond.cascaded)) == 256


def test_a_copied_data_folder_is_complete() -> None:
    assert {path.name for path in Path(frozen.FOLDER).iterdir()} == {
        "README.md",
        *(frozen.path(*sizes).name for sizes in frozen.FROZEN),
    }
