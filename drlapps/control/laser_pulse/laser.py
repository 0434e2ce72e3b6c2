"""A laser as it stands in the laboratory: what is hidden of it, and how it changes."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from drlapps.control.laser_pulse import optimum
from drlapps.control.laser_pulse.spectrum import COMPRESSOR, Floats, setting
from drlapps.errors import InputError, unknown

SHIFTS = ("none", "drift", "jump")

SAFE_FWHM_PS = 20.0
"""Longest pulse that counts as safe."""

MOST_B = 10.0
"""Largest B-integral that is admitted; a real amplifier breaks far below."""

_GDD = (1e-22, 5e-22)
"""Between these the stretched pulse fits into the time that the spectrum's spacing lets one see."""


@dataclass(frozen=True)
class Laser:
    """The hidden parameters of a laser and the luck of an episode with it.

    Attributes:
        name: of the laser.
        b_integral: accumulated nonlinear phase at the peak of the stretched pulse, in rad.
        gdd: group delay dispersion that the compressor takes away, in s^2.
        tod: third order, in s^3.
        fod: fourth order, in s^4.
        start: settings of the stretcher at the start, each within [0, 1].
        noise: standard deviation of a measurement, as a share of the measured value.
        shift: ``drift`` moves the B-integral evenly over the episode, ``jump`` at its middle.
        shift_to: where the B-integral ends then.
        seed: of the noise.

    Raises:
        InputError: a number is impossible.
    """

    name: str
    b_integral: float = 2.0
    gdd: float = COMPRESSOR[0]
    tod: float = COMPRESSOR[1]
    fod: float = COMPRESSOR[2]
    start: tuple[float, float, float] = (0.5, 0.5, 0.5)
    noise: float = 0.0
    shift: str = "none"
    shift_to: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("b_integral", "shift_to"):
            _within(name, getattr(self, name), 0.0, MOST_B)
        _within("gdd", self.gdd, *_GDD)
        _within("tod", self.tod, -1e-33, 1e-33)
        _within("fod", self.fod, -1e-48, 1e-48)
        _within("noise", self.noise, 0.0, 1.0)
        if len(self.start) != 3:
            raise InputError(f"start must have three settings, not {self.start!r}")
        for value in self.start:
            _within("start", value, 0.0, 1.0)
        if self.shift not in SHIFTS:
            raise unknown("shift", str(self.shift), SHIFTS)

    @property
    def compressor(self) -> tuple[float, float, float]:
        """GDD, TOD and FOD that the compressor takes away, in SI units."""
        return self.gdd, self.tod, self.fod

    @property
    def final_b(self) -> float:
        """The B-integral at the end of the episode."""
        return self.b_integral if self.shift == "none" else self.shift_to

    def course(self, steps: int) -> Floats:
        """Return the B-integral of the first pulse and after each of ``steps`` steps."""
        time = np.arange(steps + 1) / steps
        if self.shift == "jump":
            time = np.where(time > 0.5, 1.0, 0.0)
        return np.asarray(self.b_integral + time * (self.final_b - self.b_integral))

    def luck(self, steps: int) -> Floats:
        """Return factors of the measured share, width, duration and skewness, (steps + 1, 4)."""
        if not self.noise:
            return np.ones((steps + 1, 4))
        errors = np.random.default_rng(self.seed).standard_normal((steps + 1, 4))
        # A detector may err by any factor, but not show less than nothing.
        return np.asarray(np.maximum(1.0 + self.noise * errors, 0.05))

    @cached_property
    def hash(self) -> str:
        """Digest of all but the name; what has no effect counts as not there."""
        still = replace(
            self,
            name="",
            shift_to=self.final_b,
            seed=self.seed if self.noise else 0,
        )
        content = [repr(value) for value in vars(still).values()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    @cached_property
    def reference(self) -> float:
        """The best share of the transform limit at the episode's end, found by local searches."""
        return optimum.best(self.final_b, self.compressor).share

    @property
    def bound(self) -> float:
        """The transform limit: no phases make a higher peak."""
        return 1.0


def conjugate(compressor: tuple[float, float, float] = COMPRESSOR) -> tuple[float, float, float]:
    """Return the settings that undo a compressor, as far as the stretcher's bounds let them."""
    gdd, tod, fod = setting(np.array(compressor))
    return float(gdd), float(tod), float(fod)


def _within(name: str, value: object, low: float, high: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:  # type: ignore[arg-type,operator]
        raise InputError(f"{name} must be a number from {low:g} to {high:g}, not {value!r}")
