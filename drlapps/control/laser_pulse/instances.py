"""Pools of lasers, and lasers by name.

============== ===================================================================================
pool           lasers
============== ===================================================================================
``train``      :class:`RandomLasers`: endless, B-integral and GDD drawn anew for every episode
``validation`` 64 lasers of the family
``test``       96 others
``shift``      ``drift:0..23``, whose B-integral drifts, and ``jump:0..23``, in which it jumps
``toy``        three lasers without nonlinearity, solved by hand
============== ===================================================================================

The family is that of all lasers with a B-integral in [1, 3.5] and a compressor's GDD in [2.47,
2.87] 1e-22 s^2; policies know neither. ``l1`` is the published laser, with B = 2 and the GDD on
which the phase conjugate is based; ``family:K`` is laser ``K`` of the family, ``drift:K`` and
``jump:K`` the same laser whose B-integral moves to another one of the family. ``A..B`` in place of
``K`` is a range. A file ending in .toml holds a laser of one's own (see :mod:`.files`).

Settings change the laser, and nothing about what policies believe of it.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeGuard, TypeVar

import numpy as np

from drlapps import naming
from drlapps.control.laser_pulse import files
from drlapps.control.laser_pulse.laser import SHIFTS, Laser, conjugate
from drlapps.control.laser_pulse.spectrum import COMPRESSOR, HIGHEST, LOWEST
from drlapps.errors import InputError, unknown

B_INTEGRALS = (1.0, 3.5)
GDDS = (2.47e-22, 2.87e-22)
"""The family."""

VALIDATION_LASERS, TEST_LASERS, SHIFT_LASERS = 64, 96, 24

_FIRST_VALIDATION = 1_000_000
"""Number of this pool's first laser: those of the test pool lie far below."""

_KINDS = ("family", "validation", "drift", "jump")
"""Names of lasers that are drawn."""

Range = float | list[float] | tuple[float, float]
"""A number, or the two ends between which one is drawn."""

_START = 1
"""Marks the stream of first settings."""

Function = TypeVar("Function", bound=Callable[..., object])


@dataclass(frozen=True)
class RandomLasers:
    """A pool without end: lasers whose parameters are drawn evenly between two ends.

    Attributes:
        b_integral: ends of the B-integral.
        gdd: ends of the compressor's GDD, in s^2.
        noise: ends of the noise of measurements.
        start_spread: standard deviation of the first settings about the phase conjugate.
        shift: what the B-integral does in the episode; ``mixed`` draws that, too.
    """

    b_integral: tuple[float, float] = B_INTEGRALS
    gdd: tuple[float, float] = GDDS
    noise: tuple[float, float] = (0.0, 0.0)
    start_spread: float = 0.0
    shift: str = "none"

    def sample(self, rng: np.random.Generator) -> Laser:
        """Draw a laser, and the luck of its measurements."""
        shift = self.shift
        if shift == "mixed":
            shift = SHIFTS[int(rng.integers(len(SHIFTS)))]
        first, last = rng.uniform(*self.b_integral, 2).tolist()
        return Laser(
            "random",
            first,
            float(rng.uniform(*self.gdd)),
            start=_start(self.start_spread, rng),
            noise=float(rng.uniform(*self.noise)),
            shift=shift,
            shift_to=last,
            seed=int(rng.integers(2**63)),
        )

    def largest(self) -> Laser:
        """Return one of the lasers, which all have the same size."""
        return Laser("largest")


def _start(spread: float, rng: np.random.Generator) -> tuple[float, float, float]:
    gdd, tod, fod = np.clip(conjugate() + spread * rng.standard_normal(3), 0.0, 1.0).tolist()
    return gdd, tod, fod


def train(
    b_integral: Range = B_INTEGRALS,
    gdd: Range = GDDS,
    noise: Range = 0.0,
    start_spread: float = 0.0,
    shift: str = "none",
    b_scale: float = 1.0,
    gdd_scale: float = 1.0,
) -> RandomLasers:
    """Return the pool to train on.

    Args:
        b_integral: a number, or the two ends between which it is drawn for every episode.
        gdd: of the compressor, in s^2, likewise.
        noise: standard deviation of measurements as a share of them, likewise.
        start_spread: standard deviation of the first settings about the phase conjugate.
        shift: ``none``, ``drift``, ``jump``, or ``mixed``: one of them at random.
        b_scale: factor of the ends of the B-integral.
        gdd_scale: factor of the ends of the GDD.

    Raises:
        InputError: a range or number is impossible.
    """
    if shift not in (*SHIFTS, "mixed"):
        raise unknown("shift", str(shift), (*SHIFTS, "mixed"))
    scales = _factor("b_scale", b_scale), _factor("gdd_scale", gdd_scale)
    ends = {
        "b_integral": _ends(b_integral, scales[0]),
        "gdd": _ends(gdd, scales[1]),
        "noise": _ends(noise),
    }
    for corner in zip(*ends.values(), strict=True):
        Laser("corner", **dict(zip(ends, corner, strict=True)))
    pool = RandomLasers(**ends, start_spread=_spread(start_spread), shift=shift)
    for name, (low, high) in ends.items():
        if low > high:
            raise InputError(f"{name}: the range from {low!r} to {high!r} has no numbers")
    return pool


def _ends(value: Range, scale: float = 1.0) -> tuple[float, float]:
    ends = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(ends) != 2 or not all(_is_number(end) for end in ends):
        raise InputError(f"a range must be a number or two, not {value!r}")
    return scale * ends[0], scale * ends[1]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _factor(name: str, value: object) -> float:
    if not _is_number(value) or not value >= 0.0:
        raise InputError(f"{name} must be a number of at least 0, not {value!r}")
    return value


def _spread(value: object) -> float:
    if not _is_number(value) or not 0.0 <= value <= 1.0:
        raise InputError(f"start_spread must be a number from 0 to 1, not {value!r}")
    return float(value)


def _takes_changes(function: Function) -> Function:
    """Show every attribute of :class:`Changes` as a keyword of ``function``, with its default."""
    own = inspect.signature(function)
    named = [p for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    more = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default)
        for f in fields(Changes)
    ]
    function.__signature__ = own.replace(parameters=[*named, *more])  # type: ignore[attr-defined]
    return function


@dataclass(frozen=True)
class Changes:
    """How lasers differ from what their names say.

    Attributes:
        b_integral: in place of the laser's own, as all that follow, where it is given.
        gdd: of the compressor, in s^2.
        tod: in s^3.
        fod: in s^4.
        noise: standard deviation of a measurement as a share of it.
        start_spread: standard deviation of the first settings about the phase conjugate.
        shift: ``none``, ``drift`` or ``jump``.
        shift_to: the B-integral at the end of a shift.
        b_scale: factor of both B-integrals.
        gdd_scale: factor of the compressor's GDD.
    """

    b_integral: float | None = None
    gdd: float | None = None
    tod: float | None = None
    fod: float | None = None
    noise: float | None = None
    start_spread: float | None = None
    shift: str | None = None
    shift_to: float | None = None
    b_scale: float = 1.0
    gdd_scale: float = 1.0

    def of(self, laser: Laser) -> Laser:
        """Return the changed laser.

        Raises:
            InputError: a value is impossible.
        """
        b_scale, gdd_scale = _factor("b_scale", self.b_scale), _factor("gdd_scale", self.gdd_scale)
        own = ("b_integral", "gdd", "tod", "fod", "noise", "shift", "shift_to")
        given = {name: getattr(self, name) for name in own if getattr(self, name) is not None}
        changed = replace(laser, **given)
        if self.start_spread is not None:
            rng = np.random.default_rng([laser.seed, _START])
            changed = replace(changed, start=_start(_spread(self.start_spread), rng))
        return replace(
            changed,
            b_integral=changed.b_integral * b_scale,
            shift_to=changed.shift_to * b_scale,
            gdd=changed.gdd * gdd_scale,
        )


@_takes_changes
def validation(**changes: object) -> tuple[Laser, ...]:
    """Return 64 lasers of the family, changed as :class:`Changes` says.

    Raises:
        InputError: a value is impossible.
    """
    return _pool("validation", VALIDATION_LASERS, changes)


@_takes_changes
def test(**changes: object) -> tuple[Laser, ...]:
    """Return 96 lasers of the family, changed as :class:`Changes` says.

    Raises:
        InputError: a value is impossible.
    """
    return _pool("family", TEST_LASERS, changes)


@_takes_changes
def shift(**changes: object) -> tuple[Laser, ...]:
    """Return 24 lasers that drift and 24 that jump, changed as :class:`Changes` says.

    Raises:
        InputError: a value is impossible.
    """
    return *_pool("drift", SHIFT_LASERS, changes), *_pool("jump", SHIFT_LASERS, changes)


def _pool(kind: str, count: int, changes: dict[str, object]) -> tuple[Laser, ...]:
    """Return the first lasers of a kind."""
    wanted = Changes(**changes)  # type: ignore[arg-type]
    return tuple(_laser(kind, number, wanted) for number in range(count))


def toy() -> tuple[Laser, ...]:
    """Return three lasers without nonlinearity, whose best share is the transform limit: 1.

    With ``B = 0`` nothing but the sum of both phases counts. At the phase conjugate it is zero at
    every frequency, all parts of the field agree at one moment, and no pulse is higher.

    **toy-conjugate**: the published compressor, from the conjugate: leave all as it is.

    **toy-gdd**: a compressor that takes away more GDD than policies believe, by half of what one
    step of the first setting changes: half a step up.

    **toy-detuned**: the published compressor, from settings that are off by 0.06, -0.05 and 0.08:
    one step back.
    """
    step = 0.1 * (HIGHEST[0] - LOWEST[0])
    return (
        Laser("toy-conjugate", 0.0, start=conjugate(), shift_to=0.0),
        Laser("toy-gdd", 0.0, COMPRESSOR[0] + 0.5 * step, start=conjugate(), shift_to=0.0),
        Laser("toy-detuned", 0.0, start=_moved(0.06, -0.05, 0.08), shift_to=0.0),
    )


def _moved(gdd: float, tod: float, fod: float) -> tuple[float, float, float]:
    start = conjugate()
    return start[0] + gdd, start[1] + tod, start[2] + fod


@_takes_changes
def named(words: Iterable[str], **changes: object) -> list[Laser]:
    """Return the lasers that the given words name, in their order.

    Args:
        words: names, ranges, or several of them with commas between.
        changes: attributes of :class:`Changes`.

    Raises:
        InputError: there is no such laser, a value is impossible, or a file is malformed.
    """
    wanted = Changes(**changes)  # type: ignore[arg-type]
    fixed = [wanted.of(laser) for laser in toy()]
    return naming.paths(words, fixed, lambda kind, number: _laser(kind, number, wanted))


@lru_cache(maxsize=4096)
def _laser(kind: str, number: int, changes: Changes) -> Laser:
    """Return laser ``number`` of a kind."""
    if kind.endswith(files.SUFFIX):
        return changes.of(files.read(Path(kind), number))
    name = f"{kind}:{number}"
    if kind == "l1":
        return changes.of(Laser(name, start=conjugate(), seed=number))
    if kind not in _KINDS:
        raise unknown("laser", kind, (*_KINDS, "l1"))
    first = _FIRST_VALIDATION if kind == "validation" else 0
    digest = hashlib.sha256(f"laser:{first + number}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
    pool = RandomLasers(shift=kind if kind in SHIFTS else "none")
    return changes.of(replace(pool.sample(rng), name=name))
