"""Channels of one's own, from files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.io import savemat

from drlapps.comms.ris_beamforming.instances import named
from drlapps.errors import InputError

Arrays = Mapping[str, NDArray[Any]]
M, N, K, C = 3, 5, 2, 4


def numbers(*shape: int) -> NDArray[np.complex128]:
    rng = np.random.default_rng(sum(shape))
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def product(bs_ris: NDArray[Any], ris_user: NDArray[Any]) -> NDArray[Any]:
    return np.stack([user[:, None] * bs_ris for user in ris_user.T])


def npz(path: Path, arrays: Arrays) -> str:
    np.savez(path.with_suffix(".npz"), **arrays)
    return str(path.with_suffix(".npz"))


def mat(path: Path, arrays: Arrays) -> str:
    savemat(path.with_suffix(".mat"), dict(arrays))
    return str(path.with_suffix(".mat"))


def hdf5(path: Path, arrays: Arrays) -> str:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path.with_suffix(".h5"), "w") as file:
        for key, array in arrays.items():
            file[key] = array
    return str(path.with_suffix(".h5"))


def matlab73(path: Path, arrays: Arrays) -> str:
    """Write what MATLAB's ``save -v7.3`` writes: reversed axes, complex as (real, imag)."""
    h5py = pytest.importorskip("h5py")
    kind = np.dtype([("real", "f8"), ("imag", "f8")])
    with h5py.File(path.with_suffix(".mat"), "w", userblock_size=512) as file:
        for key, array in arrays.items():
            turned = np.ascontiguousarray(array.T)
            if np.iscomplexobj(turned):
                turned = turned.astype(np.complex128).view(kind).reshape(turned.shape)
            data = file.create_dataset(key, data=turned)
            data.attrs["MATLAB_class"] = np.bytes_("double")
    with path.with_suffix(".mat").open("r+b") as file:
        text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 ."
        file.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")
    return str(path.with_suffix(".mat"))


WRITERS = pytest.mark.parametrize("write", [npz, mat, hdf5, matlab73])


@WRITERS
def test_one_channel_of_two_hops(tmp_path: Path, write: Callable[[Path, Arrays], str]) -> None:
    bs_ris, ris_user, direct = numbers(N, M), numbers(N, K), numbers(K, M)
    word = write(
        tmp_path / "mine", {"bs_ris": bs_ris, "ris_user": ris_user, "direct": direct, "w": bs_ris}
    )
    (channel,) = named([word])
    assert channel.name == "mine:1"
    setting = channel.setting
    assert (setting.antennas, setting.elements, setting.users) == (M, N, K)
    assert setting.direct
    assert np.allclose(channel.cascaded[0], product(bs_ris, ris_user), rtol=1e-15)
    assert np.array_equal(channel.direct[0], direct)
    assert channel.cascaded_estimate is channel.cascaded
    assert channel.direct_estimate is channel.direct


@WRITERS
def test_several_channels(tmp_path: Path, write: Callable[[Path, Arrays], str]) -> None:
    cascaded, seen = numbers(C, K, N, M), numbers(C + 1, K, N, M)[1:]
    word = write(tmp_path / "all", {"cascaded": cascaded, "cascaded_estimate": seen})
    channels = named([word])
    assert [channel.name for channel in channels] == [f"all:{k}" for k in range(1, C + 1)]
    for channel, true, believed in zip(channels, cascaded, seen, strict=True):
        assert channel.cascaded.shape == (1, K, N, M)
        assert np.array_equal(channel.cascaded[0], true)
        assert np.array_equal(channel.cascaded_estimate[0], believed)
        assert not channel.direct.any()
    assert [c.hash for c in named([f"{word}:2..3", f"{word}:1"])] == [
        channels[k].hash for k in (1, 2, 0)
    ]


@WRITERS
def test_halves_make_a_whole(tmp_path: Path, write: Callable[[Path, Arrays], str]) -> None:
    cascaded = numbers(K, N, M)
    halves = {"cascaded_re": cascaded.real, "cascaded_im": cascaded.imag}
    (channel,) = named([write(tmp_path / "halves", halves)])
    assert np.array_equal(channel.cascaded[0], cascaded)


def test_a_npy_file_holds_the_cascade(tmp_path: Path) -> None:
    np.save(tmp_path / "one.npy", numbers(K, N, M).real.astype(np.float32))
    (channel,) = named([str(tmp_path / "one.npy")])
    assert channel.cascaded.dtype == np.complex128
    assert np.allclose(channel.cascaded[0], numbers(K, N, M).real, rtol=1e-6)


def test_what_lacks_the_axis_of_channels_is_common_to_all(tmp_path: Path) -> None:
    bs_ris, ris_user = numbers(N, M), numbers(C, N, K)
    channels = named([npz(tmp_path / "x", {"bs_ris": bs_ris, "ris_user": ris_user})])
    assert len(channels) == C
    for channel, users in zip(channels, ris_user, strict=True):
        assert np.array_equal(channel.cascaded[0], product(bs_ris, users))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.integers(0, 3), st.booleans())
def test_sizes_come_from_the_arrays(
    tmp_path: Path, antennas: int, elements: int, users: int, count: int, whole: bool
) -> None:
    lead = (count,) * (count > 0)
    hops = {
        "bs_ris": numbers(*lead, elements, antennas),
        "ris_user": numbers(*lead, elements, users),
    }
    arrays = {"cascaded": numbers(*lead, users, elements, antennas)} if whole else hops
    channels = named([npz(tmp_path / "x", arrays)], power_dbm=7)
    assert len(channels) == max(count, 1)
    for channel in channels:
        setting = channel.setting
        assert (setting.antennas, setting.elements, setting.users) == (antennas, elements, users)
        assert setting.power_dbm == 7.0


def test_settings_of_the_hardware_and_of_estimates(tmp_path: Path) -> None:
    arrays = {"cascaded": numbers(K, N, M), "direct": numbers(K, M)}
    word = npz(tmp_path / "x", arrays)
    options = {"amplitude": "phase-dependent", "noise_variance": 1e-9, "users": K}
    (exact,) = named([word], **options)
    assert exact.setting.noise_variance == 1e-9
    small, large = (named([word], csi_error_variance=v)[0] for v in (0.01, 0.04))
    for name in ("cascaded", "direct"):
        one, two = (getattr(c, f"{name}_estimate") - getattr(c, name) for c in (small, large))
        assert np.allclose(2.0 * one, two)
        assert one.all()
    seen = {"cascaded_estimate": numbers(K, N, M) + 1, "direct_estimate": numbers(K, M) + 1}
    (known,) = named([npz(tmp_path / "y", {**arrays, **seen})], csi_error_variance=0.1)
    assert np.array_equal(known.cascaded_estimate[0], seen["cascaded_estimate"])
    assert np.array_equal(known.direct_estimate[0], seen["direct_estimate"])


HOPS = {"bs_ris": numbers(N, M), "ris_user": numbers(N, K)}


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({}, "there is neither 'cascaded' nor 'bs_ris' with 'ris_user'"),
        ({"bs_ris": numbers(N, M)}, "there is neither"),
        ({**HOPS, "cascaded": numbers(K, N, M)}, "there is both 'cascaded' and 'bs_ris'"),
        (
            {**HOPS, "ris_user": numbers(N + 1, K)},
            "'ris_user' has 6 along N, but 'bs_ris' has 5",
        ),
        ({**HOPS, "direct": numbers(M, K)}, "'direct' has 3 along K, but 'ris_user' has 2"),
        (
            {"bs_ris": numbers(2, N, M), "ris_user": numbers(3, N, K)},
            "'ris_user' has 3 along C, but 'bs_ris' has 2",
        ),
        (
            {"cascaded": numbers(N, M)},
            r"'cascaded' has shape \(5, 3\), not \(K, N, M\) or \(C, K, N, M\)",
        ),
        ({"cascaded": numbers(0, N, M)}, r"'cascaded' has shape \(0, 5, 3\)"),
        ({"cascaded": np.full((K, N, M), np.nan)}, "'cascaded' holds what is not finite"),
        ({"cascaded": np.full((K, N, M), "a")}, "'cascaded' holds <U1, not numbers"),
        ({"cascaded": np.full((K, N, M), True)}, "'cascaded' holds bool, not numbers"),
        ({"cascaded": np.full((K, N, M), None)}, "it cannot be read: .*allow_pickle=False"),
        ({"cascaded_re": numbers(K, N, M)}, "there is 'cascaded_re' without its other half"),
        (
            {"cascaded_re": numbers(K, N, M), "cascaded_im": numbers(N, M)},
            "'cascaded_re' and 'cascaded_im' differ in shape",
        ),
        ({**HOPS, "direct_estimate": numbers(K, M)}, "'direct_estimate' needs 'direct'"),
        ({"cascaded": numbers(1, 1025, 1)}, "elements must be a whole number from 1 to 1024"),
    ],
)
def test_bad_arrays_are_refused_in_a_sentence(
    tmp_path: Path, arrays: Arrays, sentence: str
) -> None:
    word = npz(tmp_path / "bad", arrays)
    with pytest.raises(InputError, match=f"bad.npz: {sentence}"):
        named([word])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"elements": 16}, "elements cannot be 16, as the file says 5"),
        ({"direct": True}, "direct cannot be True, as the file says False"),
        ({"fading": "rician"}, "fading cannot be set, as the file holds the channels"),
        ({"blocks": 3}, "blocks cannot be set"),
        ({"beta_min": 2.0}, "beta_min must be a number"),
    ],
)
def test_settings_that_a_file_does_not_bear(
    tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    word = npz(tmp_path / "x", HOPS)
    with pytest.raises(InputError, match=f"x.npz: {sentence}"):
        named([word], **options)


@pytest.mark.parametrize("number", [0, 2])
def test_a_channel_that_the_file_lacks(tmp_path: Path, number: int) -> None:
    word = npz(tmp_path / "x", HOPS)
    with pytest.raises(InputError, match=f"x.npz holds channels 1 to 1, not {number}"):
        named([f"{word}:{number}"])


@pytest.mark.parametrize("suffix", ["npz", "npy", "mat", "h5", "hdf5"])
@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY\x01", bytes(200)])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    if suffix in ("h5", "hdf5"):
        pytest.importorskip("h5py")
    file = tmp_path / f"x.{suffix}"
    file.write_bytes(content)
    with pytest.raises(InputError, match=f"x.{suffix}: "):
        named([str(file)])


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "x.npz").mkdir()
    with pytest.raises(InputError, match="no such file"):
        named([str(tmp_path / "x.npz")])


def test_hdf5_takes_an_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.h5").write_bytes(b"\x89HDF")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"h5py is not installed: pip install 'drlapps\[hdf5\]'"):
        named([str(tmp_path / "x.h5")])
