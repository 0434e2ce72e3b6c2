"""How loads change over the day: synthetic shapes of our own.

Each shape is a constant plus bells over the hours of the day, scaled so that its peak is 1. They
imitate what measured profiles have in common: homes peak in the evening with a smaller peak
before work, shops and offices in working hours, and industry draws most of its load all day.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from drlapps.energy.grid.feeder import Floats
from drlapps.errors import unknown

_HOURS = 24.0


class _Bell(NamedTuple):
    """An increase around an hour of the day, with its standard deviation in hours."""

    hour: float
    width: float
    height: float


_SHAPES: dict[str, tuple[float, tuple[_Bell, ...]]] = {
    "residential": (0.35, (_Bell(7.5, 1.5, 0.25), _Bell(13.0, 2.5, 0.15), _Bell(19.5, 2.2, 0.65))),
    "commercial": (0.25, (_Bell(10.5, 2.0, 0.60), _Bell(15.5, 2.3, 0.65))),
    "industrial": (0.65, (_Bell(9.0, 2.5, 0.30), _Bell(15.0, 3.0, 0.30))),
}


def names() -> tuple[str, ...]:
    """Return the kinds of customers."""
    return tuple(_SHAPES)


def profile(kind: str, hours: ArrayLike) -> Floats:
    """Return the load at given times, as a share of the day's peak.

    Args:
        kind: of customer: ``residential``, ``commercial`` or ``industrial``.
        hours: since midnight, of any shape; after 24 the day repeats.

    Raises:
        InputError: there is no such kind.
    """
    if kind not in _SHAPES:
        raise unknown("load profile", kind, _SHAPES)
    return _shape(kind, np.asarray(hours, np.float64)) / _peak(kind)


@cache
def _peak(kind: str) -> float:
    minutes = np.arange(0.0, _HOURS, 1.0 / 60.0)
    return float(_shape(kind, minutes).max())


def _shape(kind: str, hours: Floats) -> Floats:
    base, bells = _SHAPES[kind]
    load = np.full(hours.shape, base)
    for bell in bells:
        # The shorter way around the clock.
        apart = (hours - bell.hour + _HOURS / 2.0) % _HOURS - _HOURS / 2.0
        load += bell.height * np.exp(-0.5 * (apart / bell.width) ** 2)
    return load
