"""Settings of drives: those that commands may change, and ranges to draw them from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from drlapps.errors import InputError

Found = TypeVar("Found")

Range = float | Sequence[float]
"""A number, or the two ends between which one is drawn."""

MOST_STEPS = 1_000_000


def changeable(conditions: type) -> Callable[[Callable[..., Found]], Callable[..., Found]]:
    """Say in a function's signature which settings it takes: conditions, and ``steps``.

    Args:
        conditions: dataclass whose fields they are.
    """

    def named(function: Callable[..., Found]) -> Callable[..., Found]:
        given = inspect.signature(function).parameters.values()
        own = [one for one in given if one.kind is not one.VAR_KEYWORD]
        names = ["steps", *(one.name for one in fields(conditions))]
        more = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
                for name in names]  # fmt: skip
        function.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
        return function

    return named


def ends(ranges: Mapping[str, Range]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the least and the largest of each setting.

    Raises:
        InputError: a range has not two ends.
    """
    low: dict[str, Any] = {}
    high: dict[str, Any] = {}
    for name, value in ranges.items():
        both = list(value) if isinstance(value, list | tuple) else [value, value]
        if len(both) != 2:
            raise InputError(f"{name} must be a number or a range [low, high], not {value!r}")
        low[name], high[name] = both
    return low, high


def draw(ranges: Mapping[str, tuple[float, float]], rng: np.random.Generator) -> dict[str, Any]:
    """Draw settings between their ends, evenly; delays are whole numbers."""
    drawn: dict[str, Any] = {}
    for name, (low, high) in ranges.items():
        if name == "delay":
            drawn[name] = int(rng.integers(int(low), int(high), endpoint=True))
        else:
            drawn[name] = float(rng.uniform(low, high))
    return drawn


def length(steps: object) -> int:
    """Return the length of an episode.

    Raises:
        InputError: it is impossible.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_STEPS:
        raise InputError(f"steps must be a whole number from 1 to {MOST_STEPS}, not {steps!r}")
    return steps
