"""How numbers are written for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias, TypeGuard

NOTHING = "–"
"""What stands where there is no number."""

Interval: TypeAlias = Sequence[float | None] | None
"""Lower and upper end, or nothing."""


def is_number(value: object) -> TypeGuard[float]:
    """Return whether ``value`` is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)


def seconds(value: float | None) -> str:
    """Return a duration in the unit that fits it."""
    if not is_number(value):
        return NOTHING
    if value == 0:
        return "0 s"
    units = ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (60, 1, "s"), (3600, 1 / 60, "min"))
    factor, unit = next(((f, u) for limit, f, u in units if value < limit), (1 / 3600, "h"))
    return f"{value * factor:.{1 if value * factor < 9.95 else 0}f} {unit}"


def percent(rate: float) -> str:
    """Return a rate in percent, rounded down so that only all is 100 %."""
    return f"{math.floor(round(1000 * rate, 6)) / 10:g} %"


def p_value(p: float | None) -> str:
    """Return a p-value with three decimals."""
    if not is_number(p):
        return NOTHING
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _ends(interval: Interval) -> tuple[float, float] | None:
    """Return the ends of an interval, if it has both."""
    low, high = interval or (None, None)
    return (low, high) if is_number(low) and is_number(high) else None


def estimate(
    value: float | None,
    interval: Interval,
    form: Callable[[float], str],
) -> str:
    """Return a value with its interval in brackets, where it has one."""
    if not is_number(value):
        return NOTHING
    ends = _ends(interval)
    return f"{form(value)} [{form(ends[0])}, {form(ends[1])}]" if ends else form(value)


def formatter(
    estimates: Iterable[tuple[float | None, Interval]], digits: int = 5
) -> Callable[[float | None], str]:
    """Return how to write the numbers of a column.

    All get the decimals that give the narrowest interval two significant digits, as long as the
    largest number needs no more than ``digits``; very small ones are written with an exponent.
    """
    numbers, widths = [], []
    for value, interval in estimates:
        ends = _ends(interval)
        numbers += [abs(x) for x in (value, *(ends or ())) if is_number(x)]
        widths += [(ends[1] - ends[0]) / 2] if ends else []
    largest = max(numbers, default=0.0)
    finest = min((width for width in widths if width > 0), default=largest / 1000)
    decimals = 0
    if finest > 0 and any(number % 1 for number in numbers):
        decimals = max(0, min(1 - _magnitude(finest), digits - 1 - _magnitude(largest)))

    def form(value: float | None) -> str:
        if not is_number(value):
            return NOTHING
        return f"{value:.3g}" if decimals > 6 else f"{round(value, decimals) + 0.0:,.{decimals}f}"

    return form


def _magnitude(value: float) -> int:
    return math.floor(math.log10(value))
