"""How a benchmark is measured: contenders take turns, medians of units per CPU second."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Play = Callable[[], int]
"""Does a piece of work and returns how many units it did."""


@dataclass(frozen=True)
class Row:
    """One contender's number.

    Attributes:
        benchmark: name of the benchmark.
        case: what was measured.
        who: the contender.
        value: the median; ``None`` if the contender is not installed.
        unit: of the value.
        ratio: how many times better drlapps is; ``None`` for drlapps itself.
        bar: what the ratio must reach, or for drlapps itself the value.
        met: whether it does.
    """

    benchmark: str
    case: str
    who: str
    value: float | None
    unit: str
    ratio: float | None = None
    bar: float | None = None
    met: bool | None = None


def optional(build: Callable[..., Play], *arguments: object) -> Play | None:
    """Return a peer's work, or ``None`` where the peer is not installed."""
    try:
        return build(*arguments)
    except ModuleNotFoundError:
        return None


def rate(play: Play, seconds: float) -> float:
    """Return units per CPU second, over whole pieces of work that take ``seconds`` or more."""
    units, started, spent = 0, time.process_time(), 0.0
    while spent < seconds:
        units += play()
        spent = time.process_time() - started
    return units / spent


def compare(
    benchmark: str,
    case: str,
    unit: str,
    contenders: Mapping[str, Play | None],
    *,
    bars: Mapping[str, float],
    seconds: float,
    repeats: int,
) -> list[Row]:
    """Return a row for each contender, of which the first is drlapps.

    Args:
        benchmark: its name.
        case: what is measured.
        unit: what is counted.
        contenders: their work by name; ``None`` for one that is not installed.
        bars: by peer, how many times faster drlapps has to be.
        seconds: CPU seconds of one measurement.
        repeats: measurements of each contender.
    """
    present = {who: play for who, play in contenders.items() if play is not None}
    for play in present.values():
        play()
    rates: dict[str, list[float]] = {who: [] for who in present}
    for _ in range(repeats):
        for who, play in present.items():
            rates[who].append(rate(play, seconds))
    medians = {who: statistics.median(found) for who, found in rates.items()}
    own, *peers = contenders
    per = f"{unit} per CPU s"
    rows = [Row(benchmark, case, own, medians[own], per)]
    for who in peers:
        ratio = medians[own] / medians[who] if who in medians else None
        bar = bars.get(who)
        met = ratio >= bar if ratio is not None and bar is not None else None
        rows.append(Row(benchmark, case, who, medians.get(who), per, ratio, bar, met))
    return rows
