"""Settings and their labels."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.comms.ris_beamforming.setting import Setting, changed, parse
from drlapps.errors import InputError

SIZES = st.integers(1, 1024)


@st.composite
def settings(draw: st.DrawFn) -> Setting:
    """Any setting, but for what a label leaves out: attributes that have no effect."""
    ideal, rician = draw(st.booleans()), draw(st.booleans())
    paper = draw(st.booleans())
    users, elements = draw(st.integers(1 + paper, 1024)), draw(SIZES)
    direct = not paper and draw(st.booleans())
    spare = draw(st.integers(1, 10**6))
    return Setting(
        antennas=draw(SIZES),
        elements=elements,
        users=users,
        power_dbm=draw(st.floats(-200.0, 200.0)),
        amplitude="ideal" if ideal else "phase-dependent",
        beta_min=0.6 if ideal else draw(st.floats(0.0, 1.0)),
        mu=draw(st.floats(-10.0, 10.0)),
        kappa=draw(st.floats(0.0, 100.0)),
        mismatch=draw(st.booleans()),
        bits=0 if paper else draw(st.integers(0, 4)),
        fading="rician" if rician else "rayleigh",
        rician_factor=draw(st.floats(0.0, 1e9)) if rician else 10.0,
        path_loss=draw(st.booleans()),
        direct=direct,
        csi_error_variance=draw(st.floats(0.0, 1e6)),
        noise_variance=draw(st.floats(1e-30, 1e30)),
        blocks=draw(SIZES),
        correlation=draw(st.floats(0.0, 1.0)),
        pilot_period=draw(SIZES),
        coherence_symbols=draw(st.sampled_from([0, users * (elements + direct) + spare])),
        paper_model=paper,
    )


@given(settings())
def test_a_label_reads_back(setting: Setting) -> None:
    assert parse(setting.label) == setting


@pytest.mark.parametrize(
    ("setting", "label"),
    [
        (Setting(), "4x16x4-30dbm-ideal"),
        (Setting(8, 64, 2, power_dbm=-7.5), "8x64x2--7.5dbm-ideal"),
        (
            Setting(amplitude="phase-dependent", csi_error_variance=0.01, mismatch=True),
            "4x16x4-30dbm-beta0.6-mismatch-csi0.01",
        ),
        (
            Setting(fading="rician", bits=2, direct=True, blocks=10, correlation=0.9),
            "4x16x4-30dbm-ideal-rician10-bits2-direct-blocks10-correlation0.9",
        ),
    ],
)
def test_labels_are_short(setting: Setting, label: str) -> None:
    assert setting.label == label


def test_words_come_in_any_order_and_may_be_left_out() -> None:
    assert parse("mismatch-beta0.3-csi1e-3") == Setting(
        amplitude="phase-dependent", beta_min=0.3, mismatch=True, csi_error_variance=1e-3
    )
    assert parse("2x8x2") == Setting(2, 8, 2)


@given(st.text(alphabet="0123456789x.-edbmcsi ", max_size=12))
def test_what_is_no_label_is_refused_in_a_sentence(text: str) -> None:
    try:
        setting = parse(text)
    except InputError:
        return
    assert parse(setting.label) == setting


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ("", "'' is unknown"),
        ("4x16", "'4x16' is unknown"),
        ("4x16x4-", "'' is unknown"),
        ("4x16x4-loud3", "'loud3' is unknown"),
        ("4x16x4-mismatch2", "'mismatch2' is unknown"),
        ("4x16x4-csi", "'csi' is unknown"),
        ("4x16x4-beta1.2.3", "'1.2.3' is no number"),
        ("4x16x4-blocks2.5", "'2.5' is no whole number"),
        ("4x16x4-blocks1e999", "'1e999' is no whole number"),
        ("0x16x4", "antennas must be a whole number from 1 to 1024, not 0"),
    ],
)
def test_refused_labels(label: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse(label)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"antennas": 0}, "antennas must be a whole number from 1 to 1024, not 0"),
        ({"elements": 16.0}, "elements must be a whole number"),
        ({"users": True}, "users must be a whole number"),
        ({"bits": 5}, "bits must be a whole number from 0 to 4, not 5"),
        ({"power_dbm": float("nan")}, "power_dbm must be a number"),
        ({"power_dbm": "high"}, "power_dbm must be a number"),
        ({"amplitude": "flat"}, "amplitude must be ideal or phase-dependent, not 'flat'"),
        ({"fading": "none"}, "fading must be rayleigh or rician"),
        ({"mismatch": 1}, "mismatch must be true or false, not 1"),
        ({"beta_min": 1.1}, "beta_min must be a number from 0 to 1, not 1.1"),
        ({"noise_variance": 0.0}, "noise_variance must be a number from 1e-30"),
        ({"coherence_symbols": 64}, "coherence_symbols must exceed the 64 pilots of a block"),
        ({"coherence_symbols": 68, "direct": True}, "exceed the 68 pilots"),
        ({"paper_model": True, "bits": 1}, "paper_model knows neither"),
        ({"paper_model": True, "users": 1}, "paper_model has no noise for a single user"),
    ],
)
def test_impossible_values_are_refused(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        changed(Setting(), values)


def test_whole_numbers_do_for_others() -> None:
    assert changed(Setting(), {"power_dbm": 5, "beta_min": 1}) == replace(
        Setting(), power_dbm=5.0, beta_min=1.0
    )
    assert type(changed(Setting(), {"power_dbm": 5}).power_dbm) is float


def test_derived_values() -> None:
    setting = Setting(users=3, elements=5, direct=True, power_dbm=20.0)
    assert setting.power == pytest.approx(100.0)
    assert setting.pilots == 18
    hidden = Setting(amplitude="phase-dependent", mismatch=True)
    assert (hidden.surface.beta_min, hidden.believed_surface.beta_min) == (0.6, 1.0)
    assert Setting().surface.ideal
