"""What a downlink looks like before its channels are drawn: sizes, powers, hardware, knowledge.

A setting is written as a short label, ``4x16x4-30dbm-ideal``: antennas x elements x users, transmit
power, amplitude law, and whatever else differs from the defaults. :func:`parse` reads it back.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields, replace
from functools import cached_property

from drlapps.comms.ris_beamforming.surface import Surface
from drlapps.errors import InputError

AMPLITUDES = ("ideal", "phase-dependent")
FADINGS = ("rayleigh", "rician")
MOST_BITS = 4
LARGEST = 1024
"""Most antennas, elements, users or blocks."""


@dataclass(frozen=True)
class Setting:
    """A downlink from ``antennas`` through ``elements`` of a surface to ``users``.

    Channels have unit mean power per entry (at the nominal position), so that powers and noise are
    relative to that.

    Attributes:
        antennas: M, of the base station.
        elements: N, of the surface.
        users: K, single-antenna receivers.
        power_dbm: total transmit power, ``10 ** (dBm / 10)`` in the unit of the noise.
        amplitude: ``ideal`` (every element reflects all) or ``phase-dependent``.
        beta_min: least amplitude of the phase-dependent law.
        mu: its horizontal shift in radians.
        kappa: its steepness.
        mismatch: whether policies believe the surface ideal although it is not.
        bits: resolution of the phase shifters; 0 is continuous.
        fading: ``rayleigh`` or ``rician``.
        rician_factor: power of the line of sight over that of the scattered paths.
        path_loss: whether users stand at random distances rather than all at the nominal one.
        direct: whether there is a path that does not touch the surface.
        csi_error_variance: of the estimate of each entry of the cascaded channel, whose own mean
            power is 1.
        noise_variance: at each user.
        blocks: T, coherence blocks through which the channel evolves.
        correlation: of a block's scattered paths with those of the block before.
        pilot_period: blocks from one channel estimate to the next; in between it ages.
        coherence_symbols: of a block, of which pilots take ``users * elements`` when they are
            sent; 0 leaves the overhead out.
        paper_model: whether to score by the normalisation and noise of the code of Saglam et al.
            2022 (see :mod:`.paper`).

    Raises:
        InputError: a value is impossible.
    """

    antennas: int = 4
    elements: int = 16
    users: int = 4
    power_dbm: float = 30.0
    amplitude: str = "ideal"
    beta_min: float = 0.6
    mu: float = 0.0
    kappa: float = 1.5
    mismatch: bool = False
    bits: int = 0
    fading: str = "rayleigh"
    rician_factor: float = 10.0
    path_loss: bool = False
    direct: bool = False
    csi_error_variance: float = 0.0
    noise_variance: float = 0.01
    blocks: int = 1
    correlation: float = 0.95
    pilot_period: int = 1
    coherence_symbols: int = 0
    paper_model: bool = False

    def __post_init__(self) -> None:
        for name in ("antennas", "elements", "users", "blocks", "pilot_period"):
            _whole(name, getattr(self, name), 1, LARGEST)
        _whole("bits", self.bits, 0, MOST_BITS)
        _whole("coherence_symbols", self.coherence_symbols, 0, 10**9)
        for name in ("mismatch", "path_loss", "direct", "paper_model"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"{name} must be true or false, not {getattr(self, name)!r}")
        _one_of("amplitude", self.amplitude, AMPLITUDES)
        _one_of("fading", self.fading, FADINGS)
        for name, low, high in (
            ("power_dbm", -200.0, 200.0),
            ("beta_min", 0.0, 1.0),
            ("mu", -10.0, 10.0),
            ("kappa", 0.0, 100.0),
            ("rician_factor", 0.0, 1e9),
            ("csi_error_variance", 0.0, 1e6),
            ("noise_variance", 1e-30, 1e30),
            ("correlation", 0.0, 1.0),
        ):
            _number(name, getattr(self, name), low, high)
        if 0 < self.coherence_symbols <= self.pilots:
            raise InputError(
                f"coherence_symbols must exceed the {self.pilots} pilots of a block, "
                f"not {self.coherence_symbols}"
            )
        if self.paper_model and (self.direct or self.bits):
            raise InputError("paper_model knows neither a direct path nor phase levels")
        if self.paper_model and self.users == 1:
            raise InputError("paper_model has no noise for a single user; it needs 2 users or more")

    @cached_property
    def power(self) -> float:
        """Total transmit power in the unit of the noise."""
        return float(10.0 ** (self.power_dbm / 10.0))

    @property
    def pilots(self) -> int:
        """Symbols that one estimate of all cascaded (and direct) channels takes."""
        return self.users * (self.elements + self.direct)

    @cached_property
    def surface(self) -> Surface:
        """How the surface reflects."""
        least = 1.0 if self.amplitude == "ideal" else self.beta_min
        return Surface(least, self.mu, self.kappa, self.bits)

    @cached_property
    def believed_surface(self) -> Surface:
        """How policies believe that it reflects."""
        return replace(self.surface, beta_min=1.0) if self.mismatch else self.surface

    @property
    def label(self) -> str:
        """The short name from which :func:`parse` makes the setting again."""
        law = "ideal" if self.amplitude == "ideal" else f"beta{_short(self.beta_min)}"
        words = [f"{self.antennas}x{self.elements}x{self.users}"]
        words += [f"{_short(self.power_dbm)}dbm", law]
        if self.fading == "rician":
            words.append(f"rician{_short(self.rician_factor)}")
        for name, word in _WORDS.items():
            value = getattr(self, name)
            if value != getattr(_DEFAULT, name):
                words.append(word if isinstance(value, bool) else f"{word}{_short(value)}")
        return "-".join(words)


def _short(value: float) -> str:
    """Return the shortest text that reads back as the number."""
    return repr(float(value)).removesuffix(".0")


_WORDS = {
    "mu": "mu", "kappa": "kappa", "mismatch": "mismatch", "bits": "bits", "path_loss": "pathloss",
    "direct": "direct", "csi_error_variance": "csi", "noise_variance": "noise", "blocks": "blocks",
    "correlation": "correlation", "pilot_period": "pilots", "coherence_symbols": "symbols",
    "paper_model": "paper",
}  # fmt: skip
_NAMES = {word: name for name, word in _WORDS.items()}
_NUMBER = r"-?[\d.]+(?:e[+-]?\d+)?"
_SIZE = re.compile(r"(\d+)x(\d+)x(\d+)")
_POWER = re.compile(rf"({_NUMBER})dbm")
_WORD = re.compile(rf"([a-z]+)({_NUMBER})?")
_ANY = re.compile(rf"(?:{_SIZE.pattern}|{_POWER.pattern}|{_WORD.pattern})(?=-|$)")


def parse(label: str) -> Setting:
    """Return the setting of a label; what it does not mention has its default.

    Raises:
        InputError: it is no label, or a value is impossible.
    """
    values: dict[str, object] = {}
    at = 0
    while at <= len(label):
        match = _ANY.match(label, at)
        if match is None:
            raise _refusal(label, label[at:])
        values.update(_values(label, match[0]))
        at = match.end() + 1
    return Setting(**values)  # type: ignore[arg-type]


def _refusal(label: str, word: str) -> InputError:
    return InputError(
        f"{label!r} names no downlink: {word!r} is unknown; write it like 4x16x4-30dbm-ideal"
    )


def _values(label: str, word: str) -> dict[str, object]:
    """Return the attributes that one word of a label sets."""
    if match := _SIZE.fullmatch(word):
        return dict(zip(("antennas", "elements", "users"), map(int, match.groups()), strict=True))
    if match := _POWER.fullmatch(word):
        return {"power_dbm": _float(label, match[1])}
    match = _WORD.fullmatch(word)
    name, text = (match[1], match[2]) if match else ("", None)
    if name == "ideal" and text is None:
        return {"amplitude": "ideal"}
    if name == "beta" and text is not None:
        return {"amplitude": "phase-dependent", "beta_min": _float(label, text)}
    if name == "rician" and text is not None:
        return {"fading": "rician", "rician_factor": _float(label, text)}
    if name in _NAMES:
        default = getattr(_DEFAULT, _NAMES[name])
        if isinstance(default, bool) and text is None:
            return {_NAMES[name]: True}
        if not isinstance(default, bool) and text is not None:
            whole = isinstance(default, int)
            return {_NAMES[name]: _int(label, text) if whole else _float(label, text)}
    raise _refusal(label, word)


def _float(label: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InputError(f"{label!r} names no downlink: {text!r} is no number") from error


def _int(label: str, text: str) -> int:
    number = _float(label, text)
    if not number.is_integer():
        raise InputError(f"{label!r} names no downlink: {text!r} is no whole number")
    return int(number)


def changed(setting: Setting, changes: dict[str, object]) -> Setting:
    """Return the setting with some attributes replaced.

    Raises:
        InputError: a value is impossible.
    """
    floats = {f.name for f in fields(Setting) if f.type == "float"}
    values = {
        name: float(value) if name in floats and type(value) is int else value
        for name, value in changes.items()
    }
    return replace(setting, **values)  # type: ignore[arg-type]


def _whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name} must be a whole number from {least} to {most}, not {value!r}")


def _number(name: str, value: object, low: float, high: float) -> None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not low <= value <= high:  # type: ignore[operator]
        raise InputError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} must be {' or '.join(known)}, not {value!r}")


_DEFAULT = Setting()
