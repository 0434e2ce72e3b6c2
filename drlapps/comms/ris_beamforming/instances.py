"""Pools of channels, and channels by name.

=============  =================================================================================
pool           channels
=============  =================================================================================
``train``      :class:`RandomChannels`: endless; or, with ``pool_size``, so many
``validation`` 24 channels under each of :data:`VALIDATION_CONDITIONS`
``test``       20 channels under each of :data:`TEST_CONDITIONS`
``toy``        three downlinks solved by hand
=============  =================================================================================

All take every attribute of :class:`.Setting` as a keyword. With any of them, or with ``pool_size``,
``validation`` and ``test`` hold channels of that one setting (50, unless ``pool_size`` says else).

A channel is named ``LABEL:K``, the channel ``K`` of a setting (see :mod:`.setting`), as in
``4x16x4-30dbm-ideal:3``; ``A..B`` in place of ``K`` is a range. ``A..B`` alone is of the default
setting, ``validation:LABEL:K`` of the validation pool. Channel ``K`` is the same one at every
power, amplitude law and quality of estimates. A file ending in .npz, .npy, .mat, .h5 or .hdf5 holds
channels of one's own (see :mod:`.files`).
"""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from drlapps import naming
from drlapps.comms.ris_beamforming import files, frozen
from drlapps.comms.ris_beamforming.channel import Channel
from drlapps.comms.ris_beamforming.fading import draw
from drlapps.comms.ris_beamforming.setting import Setting, changed, parse
from drlapps.errors import InputError, unknown
from drlapps.vector import Pool

FAMILIES = ("fixed", "powers", "mixed", "sizes")

TEST_CONDITIONS = (
    "4x16x4-5dbm-ideal",
    "4x16x4-15dbm-ideal",
    "4x16x4-30dbm-ideal",
    "4x16x4-30dbm-beta0.6",
    "4x16x4-30dbm-beta0.3",
    "4x16x4-30dbm-ideal-csi0.01",
    "4x16x4-30dbm-beta0.6-csi0.01",
    "4x16x4-30dbm-beta0.6-mismatch",
)
VALIDATION_CONDITIONS = (
    "4x16x4-5dbm-ideal",
    "4x16x4-30dbm-ideal",
    "4x16x4-30dbm-beta0.6",
    "4x16x4-30dbm-beta0.6-csi0.01",
)
TEST_CHANNELS, VALIDATION_CHANNELS, CHANNELS = 20, 24, 50
"""Channels under each condition, and of a single setting."""

POWERS_DBM = (0.0, 30.0)
LEAST_AMPLITUDES = (0.2, 1.0)
ERROR_VARIANCES = (1e-3, 1e-1)
MISMATCHED = 0.25
"""What the training families draw from, and how many amplitude laws policies do not know of."""

ELEMENTS, USERS, MOST_ANTENNAS = (8, 40), (2, 6), 8

_RANGE = re.compile(r"\d+(\.\.\d+)?")
_VALIDATION_PREFIX = "validation:"

Function = TypeVar("Function", bound=Callable[..., object])


def _takes_settings(function: Function) -> Function:
    """Show every attribute of a setting as a keyword of ``function``, with its default."""
    own = inspect.signature(function)
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    more = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default)
        for f in fields(Setting)
    ]
    function.__signature__ = own.replace(parameters=[*named, *more])  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class RandomChannels:
    """A pool without end: channels of a family of settings.

    Attributes:
        setting: what the family leaves as it is.
        family: ``fixed`` draws nothing but channels. ``powers`` draws the power, evenly in dBm.
            ``mixed`` also draws hardware and estimates: half of the surfaces are ideal, the others
            have a random least amplitude, and a quarter of these are believed ideal; half of the
            estimates are perfect, the others err by a log-uniform variance. ``sizes`` also draws
            the numbers of elements, of users, and of antennas, at least one a user.

    Raises:
        InputError: there is no such family, or the setting is impossible with its sizes.
    """

    setting: Setting
    family: str = "fixed"

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise unknown("family", str(self.family), FAMILIES)
        self._largest_setting  # noqa: B018 - refuses what no sizes fit

    def sample(self, rng: np.random.Generator) -> Channel:
        """Draw a setting of the family, and its channels."""
        setting = self.setting if self.family == "fixed" else self._drawn(rng)
        return draw(setting, rng, "random")

    def largest(self) -> Channel:
        """Return a channel with the most antennas, elements and users."""
        return draw(self._largest_setting, np.random.default_rng(0), "largest")

    @cached_property
    def _largest_setting(self) -> Setting:
        if self.family != "sizes":
            return self.setting
        sizes: dict[str, object] = {
            "antennas": MOST_ANTENNAS,
            "elements": ELEMENTS[1],
            "users": USERS[1],
        }
        return changed(self.setting, sizes)

    def _drawn(self, rng: np.random.Generator) -> Setting:
        drawn: dict[str, object] = {"power_dbm": rng.uniform(*POWERS_DBM)}
        if self.family != "powers":
            drawn |= _hardware(rng)
        if self.family == "sizes":
            users = int(rng.integers(*USERS, endpoint=True))
            drawn |= {
                "users": users,
                "elements": int(rng.integers(*ELEMENTS, endpoint=True)),
                "antennas": int(rng.integers(users, MOST_ANTENNAS, endpoint=True)),
            }
        return changed(self.setting, drawn)


def _hardware(rng: np.random.Generator) -> dict[str, object]:
    """Draw an amplitude law, whether policies know it, and how far estimates err."""
    ideal, known, perfect = rng.random(3) < (0.5, 1.0 - MISMATCHED, 0.5)
    low, high = map(math.log, ERROR_VARIANCES)
    return {
        "amplitude": "ideal" if ideal else "phase-dependent",
        "beta_min": rng.uniform(*LEAST_AMPLITUDES),
        "mismatch": not (ideal or known),
        "csi_error_variance": 0.0 if perfect else math.exp(rng.uniform(low, high)),
    }


@_takes_settings
def train(family: str = "fixed", pool_size: int = 0, **settings: object) -> Pool:
    """Return the pool to train on.

    Args:
        family: which attributes are drawn anew with each channel (see :class:`RandomChannels`).
        pool_size: how many channels there are; 0 for no end.
        settings: attributes of :class:`.Setting` that differ from its defaults.

    Raises:
        InputError: there is no such family, or a value is impossible.
    """
    pool = RandomChannels(changed(Setting(), settings), family)
    size = _counted(pool_size, 0)
    return _training(pool, size) if size else pool


@lru_cache(maxsize=8)
def _training(pool: RandomChannels, size: int) -> tuple[Channel, ...]:
    return tuple(
        pool.sample(frozen.generator(number, frozen.TRAINING)) for number in range(1, size + 1)
    )


@_takes_settings
def validation(pool_size: int | None = None, **settings: object) -> tuple[Channel, ...]:
    """Return channels to choose agents by.

    Args:
        pool_size: how many channels of the one setting.
        settings: attributes of :class:`.Setting`; without any, and without ``pool_size``, there
            are 24 channels under each of :data:`VALIDATION_CONDITIONS`.

    Raises:
        InputError: a value is impossible.
    """
    grid = VALIDATION_CONDITIONS, VALIDATION_CHANNELS
    return _pool(*grid, pool_size, settings, _VALIDATION_PREFIX)


@_takes_settings
def test(pool_size: int | None = None, **settings: object) -> tuple[Channel, ...]:  # noqa: PT028
    """Return channels to judge by.

    Args:
        pool_size: how many channels of the one setting.
        settings: attributes of :class:`.Setting`; without any, and without ``pool_size``, there
            are 20 channels under each of :data:`TEST_CONDITIONS`.

    Raises:
        InputError: a value is impossible.
    """
    return _pool(TEST_CONDITIONS, TEST_CHANNELS, pool_size, settings, "")


def _pool(
    labels: tuple[str, ...],
    channels: int,
    size: int | None,
    settings: dict[str, object],
    prefix: str,
) -> tuple[Channel, ...]:
    """Return so many channels of each label, unless a setting or a size is given."""
    conditions = tuple(map(parse, labels))
    if settings or size is not None:
        conditions = (changed(Setting(), settings),)
        channels = CHANNELS if size is None else _counted(size, 1)
    return _channels(conditions, channels, prefix)


@lru_cache(maxsize=32)
def _channels(conditions: tuple[Setting, ...], count: int, prefix: str) -> tuple[Channel, ...]:
    return tuple(
        _channel(setting, number, prefix)
        for setting in conditions
        for number in range(1, count + 1)
    )


def _channel(setting: Setting, number: int, prefix: str = "") -> Channel:
    """Return channel ``number`` of a setting."""
    name = f"{prefix}{setting.label}:{number}"
    if prefix:
        return draw(setting, frozen.generator(number, frozen.VALIDATION), name)
    sizes = setting.antennas, setting.elements, setting.users
    return draw(setting, frozen.generator(number), name, frozen.hops(*sizes, number))


def _counted(value: object, least: int) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or not least <= value <= naming.MOST_PATHS:  # type: ignore[operator]
        raise InputError(
            f"pool_size must be a whole number from {least} to {naming.MOST_PATHS}, not {value!r}"
        )
    return int(value)  # type: ignore[call-overload,no-any-return]


def toy() -> tuple[Channel, ...]:
    """Return three downlinks whose optimum a reader can work out. The power is 1 in each.

    **toy-one**: one antenna, one element, one user, a channel of gain 1 and noise 1. No phase
    changes anything: ``log2(1 + 1) = 1``.

    **toy-two**: one antenna, one user, two elements with channels ``1`` and ``2j``, and noise 3.
    Aligned, they add up to 3: ``log2(1 + 9 / 3) = 2``.

    **toy-apart**: two antennas, two elements, two users; antenna 1 reaches user 1 by element 1
    alone, antenna 2 user 2 by element 2, all with gain 1, and noise 1/2. Whatever the phases,
    there are two equal channels that do not meet, between which power is best halved, as the
    logarithm is concave: ``2 log2(1 + 0.5 / 0.5) = 2``.
    """
    return (
        _toy("toy-one", 1.0, np.ones((1, 1, 1)), math.log2(1.0 + 1.0)),
        _toy("toy-two", 3.0, np.array([[[1.0], [2.0j]]]), math.log2(1.0 + 9.0 / 3.0)),
        _toy("toy-apart", 0.5, np.einsum("kn,nm->knm", np.eye(2), np.eye(2)), 2.0),
    )


def _toy(name: str, noise: float, cascaded: np.ndarray, optimum: float) -> Channel:
    users, elements, antennas = cascaded.shape
    setting = Setting(antennas, elements, users, power_dbm=0.0, noise_variance=noise)
    paths = cascaded[None].astype(np.complex128)
    direct = np.zeros((1, users, antennas), dtype=np.complex128)
    return Channel(name, setting, paths, direct, paths, direct, optimum)


@_takes_settings
def named(words: Iterable[str], **settings: object) -> list[Channel]:
    """Return the channels that the given words name, in their order.

    Args:
        words: names, ranges, or several of them with commas between.
        settings: attributes of :class:`.Setting` in place of those that the names tell.

    Raises:
        InputError: there is no such channel, a file is malformed, or a value is impossible.
    """
    toys = {channel.name: channel for channel in toy()}
    found: list[Channel] = []
    for word in naming.parts(words):
        if word in toys:
            if settings:
                raise InputError(f"{word} is solved as it is: nothing of it can be set")
            found.append(toys[word])
        else:
            found += _of(word, settings)
    return found


def _of(word: str, settings: dict[str, object]) -> Iterable[Channel]:
    """Return the channels of one word."""
    if _RANGE.fullmatch(word):
        word = f"{Setting().label}:{word}"
    name, first, last = naming.numbered(word)
    if Path(name).suffix in files.SUFFIXES:
        own = files.read(Path(name), settings)
        return own if name == word else files.chosen(own, name, naming.span(word, first, last))
    prefix = _VALIDATION_PREFIX if name.startswith(_VALIDATION_PREFIX) else ""
    setting = changed(parse(name.removeprefix(prefix)), settings)
    return [_channel(setting, number, prefix) for number in naming.span(word, first, last)]
