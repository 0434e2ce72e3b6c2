"""Channels of one's own, from NumPy, MATLAB and HDF5 files.

=====================  ====================  ======================================
key                    shape                 meaning
=====================  ====================  ======================================
``bs_ris``             (N, M)                base station to surface
``ris_user``           (N, K)                surface to users
``cascaded``           (K, N, M)             both in one, in place of the two above
``direct``             (K, M)                base station to users; else blocked
``cascaded_estimate``  (K, N, M)             what policies see of ``cascaded``
``direct_estimate``    (K, M)                what policies see of ``direct``
=====================  ====================  ======================================

User k receives over ``direct[k] + sum_n phi[n] cascaded[k, n]`` with ``cascaded[k, n, m] =
ris_user[n, k] bs_ris[n, m]``, without conjugates. With C channels in the file there is one more
axis, in front; what lacks it is common to all. The channels are called ``STEM:1`` to ``STEM:C``.

A .npy file holds ``cascaded`` alone. Complex arrays may be split into ``KEY_re`` and ``KEY_im``.
HDF5 (.h5, .hdf5, and .mat as of version 7.3) takes ``h5py``: ``pip install 'drlapps[hdf5]'``.

Numbers stay as they are: set ``noise_variance`` and ``power_dbm`` to fit. Without estimates in the
file, ``csi_error_variance`` says how far those drawn err.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from drlapps.comms.ris_beamforming import frozen
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.fading import blocked, cascade, estimates
from drlapps.comms.ris_beamforming.setting import Setting, changed
from drlapps.comms.ris_beamforming.surface import Complex
from drlapps.errors import InputError

_AXES = {
    "bs_ris": ("N", "M"),
    "ris_user": ("N", "K"),
    "cascaded": ("K", "N", "M"),
    "direct": ("K", "M"),
    "cascaded_estimate": ("K", "N", "M"),
    "direct_estimate": ("K", "M"),
}
_KEYS = [key + end for key in _AXES for end in ("", "_re", "_im")]
_SIZES = {"C": "channels", "M": "antennas", "N": "elements", "K": "users"}
_DRAWN = ("fading", "rician_factor", "path_loss", "blocks", "correlation", "pilot_period")
"""Settings that say how channels are drawn."""

_MATLAB = "MATLAB_class"
"""Attribute by which an HDF5 array tells that it is MATLAB's, whose axes run the other way."""

Arrays = dict[str, NDArray[Any]]


def read(path: Path, settings: Mapping[str, object]) -> tuple[Channel, ...]:
    """Read the channels of a file.

    Args:
        path: the file.
        settings: attributes of :class:`.Setting`, such as the power.

    Raises:
        InputError: one sentence that names the file, the key in it and what is wrong there.
    """
    if not path.is_file():
        raise InputError(f"no such file: {path}")
    try:
        arrays = _together(_raw(path))
        sizes = _sizes(arrays)
        count = sizes.pop("channels", 1)
        setting = _setting({**sizes, "direct": "direct" in arrays}, settings)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault
    return tuple(
        _channel(f"{path.stem}:{number}", setting, number, arrays) for number in range(1, count + 1)
    )


def chosen(channels: tuple[Channel, ...], name: str, numbers: range) -> list[Channel]:
    """Return the channels of a file with the given numbers, from 1.

    Raises:
        InputError: the file ``name`` holds no such channel.
    """
    for number in (numbers[0], numbers[-1]):
        if not 1 <= number <= len(channels):
            raise InputError(f"{name} holds channels 1 to {len(channels)}, not {number}")
    return [channels[number - 1] for number in numbers]


def _raw(path: Path) -> Arrays:
    """Return the arrays under keys that mean something."""
    try:
        return _READERS[path.suffix](path)
    except InputError:
        raise
    except Exception as error:  # What a damaged file makes its parser raise can be anything.
        raise InputError(f"it cannot be read: {error}") from error


def _npz(path: Path) -> Arrays:
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        return {key: file[key] for key in _KEYS if key in file}


def _npy(path: Path) -> Arrays:
    with path.open("rb") as file:
        return {"cascaded": np.lib.format.read_array(file, allow_pickle=False)}


def _mat(path: Path) -> Arrays:
    from scipy.io import loadmat

    try:
        return {
            key: array for key, array in loadmat(path, variable_names=_KEYS).items() if key in _KEYS
        }
    except NotImplementedError:  # Version 7.3 is HDF5.
        return _hdf5(path)


def _hdf5(path: Path) -> Arrays:
    try:
        h5py = importlib.import_module("h5py")
    except ImportError as error:
        raise InputError("h5py is not installed: pip install 'drlapps[hdf5]'") from error
    with h5py.File(path, "r") as file:
        found = {key: file[key] for key in _KEYS if key in file}
        return {
            key: data[()].T if _MATLAB in data.attrs else data[()] for key, data in found.items()
        }


_READERS: Mapping[str, Callable[[Path], Arrays]] = {
    ".npz": _npz, ".npy": _npy, ".mat": _mat, ".h5": _hdf5, ".hdf5": _hdf5,
}  # fmt: skip

SUFFIXES = tuple(_READERS)


def _together(raw: Arrays) -> dict[str, Complex]:
    """Return complex arrays, of halves put together, and refuse what does not go together."""
    found = {}
    for key in _AXES:
        halves = [half for half in (f"{key}_re", f"{key}_im") if half in raw]
        if key in raw:
            found[key] = _numbers(key, raw[key])
        elif len(halves) == 1:
            raise InputError(f"there is {halves[0]!r} without its other half")
        elif halves:
            real, imaginary = (_numbers(half, raw[half]) for half in halves)
            if real.shape != imaginary.shape:
                raise InputError(f"{halves[0]!r} and {halves[1]!r} differ in shape")
            found[key] = real + 1j * imaginary
    hops = [key for key in ("bs_ris", "ris_user") if key in found]
    if "cascaded" in found and hops:
        raise InputError(f"there is both 'cascaded' and {hops[0]!r}: leave one out")
    if "cascaded" not in found and len(hops) < 2:
        raise InputError("there is neither 'cascaded' nor 'bs_ris' with 'ris_user'")
    if "direct_estimate" in found and not {"direct", "cascaded_estimate"} <= found.keys():
        raise InputError("'direct_estimate' needs 'direct' and 'cascaded_estimate' beside it")
    return found


def _numbers(key: str, array: NDArray[Any]) -> Complex:
    if array.dtype.names and len(array.dtype.names) == 2:
        real, imaginary = (_numbers(key, array[part]) for part in array.dtype.names)
        return real + 1j * imaginary
    if not np.issubdtype(array.dtype, np.number):
        raise InputError(f"{key!r} holds {array.dtype}, not numbers")
    if not np.isfinite(array).all():
        raise InputError(f"{key!r} holds what is not finite")
    return np.ascontiguousarray(array, dtype=np.complex128)


def _sizes(arrays: Mapping[str, Complex]) -> dict[str, int]:
    """Return antennas, elements, users and, where there is an axis of them, channels."""
    found: dict[str, tuple[int, str]] = {}
    for key, array in arrays.items():
        axes = _AXES[key]
        if array.ndim not in (len(axes), len(axes) + 1) or not array.size:
            right = ", ".join(axes)
            raise InputError(f"{key!r} has shape {array.shape}, not ({right}) or (C, {right})")
        for axis, size in zip(("C", *axes)[-array.ndim :], array.shape, strict=True):
            first, of = found.setdefault(axis, (size, key))
            if size != first:
                raise InputError(f"{key!r} has {size} along {axis}, but {of!r} has {first}")
    return {_SIZES[axis]: size for axis, (size, _) in found.items()}


def _setting(own: Mapping[str, object], settings: Mapping[str, object]) -> Setting:
    """Return the setting of a file, ``own`` being what the file alone tells."""
    for name in settings:
        if name in _DRAWN:
            raise InputError(f"{name} cannot be set, as the file holds the channels")
        if name in own and settings[name] != own[name]:
            raise InputError(f"{name} cannot be {settings[name]}, as the file says {own[name]}")
    return changed(Setting(), {**settings, **own})


def _channel(name: str, setting: Setting, number: int, arrays: Mapping[str, Complex]) -> Channel:
    """Return one channel; arrays without an axis of channels are common to all."""
    own = {
        key: array[number - 1 :][:1] if array.ndim > len(_AXES[key]) else array[None]
        for key, array in arrays.items()
    }
    cascaded = own["cascaded"] if "cascaded" in own else cascade(own["bs_ris"], own["ris_user"])
    direct = own.get("direct", blocked(setting))
    if "cascaded_estimate" in own:
        seen, straight = own["cascaded_estimate"], own.get("direct_estimate", direct)
    else:
        seen, straight = estimates(setting, frozen.generator(number), cascaded, direct)
    return Channel(name, setting, cascaded, direct, seen, straight)
