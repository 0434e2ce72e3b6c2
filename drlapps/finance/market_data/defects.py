"""Defects: what makes prices unusable, and the findings in which they are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.market_data.raw import RawPrices, Series

FEW = 5
"""At most so many findings of one kind about one asset are listed one by one."""

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class Finding:
    """One thing wrong with some prices.

    Attributes:
        kind: ``unreadable``, ``missing``, ``non-positive``, ``duplicate-date``,
            ``unsorted-date``, ``gap``, ``split``, ``extreme``, ``stale`` or ``rounding``.
        asset: which asset; empty where it concerns all of them.
        where: the date, the line or row of the file, or both.
        message: what is wrong, to follow the name of the asset.
        severity: ``error`` where a backtest would be impossible or wrong, else ``warning``.
    """

    kind: str
    asset: str
    where: str
    message: str
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """Return the finding as one clause: where, who, what."""
        return (
            f"{self.where}: {self.asset} {self.message}"
            if self.asset
            else (f"{self.where}: {self.message}")
        )


def defects(raw: RawPrices) -> list[Finding]:
    """Return all reasons for which a file cannot be read as prices, in the order of the file."""
    found = list(_unreadable(raw))
    found += _disorder(raw)
    for series in raw.series:
        found += _impossible(raw, series)
    found += _unequal(raw)
    return found


def few(findings: list[Finding]) -> list[Finding]:
    """Shorten long runs of findings of one kind about one asset; the last says how many more."""
    kept = []
    for _, group in groupby(findings, key=lambda finding: (finding.kind, finding.asset)):
        same = list(group)
        if len(same) > FEW:
            rest = f" (and {len(same) - FEW} more findings like this)"
            same[FEW - 1] = replace(same[FEW - 1], message=same[FEW - 1].message + rest)
        kept += same[:FEW]
    return kept


def _unreadable(raw: RawPrices) -> Iterator[Finding]:
    assets = {series.asset for series in raw.series}
    for fault in sorted(raw.faults, key=lambda fault: fault.column):
        known = raw.wide and fault.column in assets
        place = "" if known or not fault.column else f"column {fault.column!r}: "
        asset = fault.column if known else ""
        message = f"{place}{fault.problem}"
        yield Finding("unreadable", asset, raw.place(fault.row), message)


def _disorder(raw: RawPrices) -> Iterator[Finding]:
    """Find dates that repeat or run backwards; in a wide table they are everybody's."""
    for series in raw.series[:1] if raw.wide else raw.series:
        if series.dates is None:
            continue
        asset = "" if raw.wide else series.asset
        known = np.flatnonzero(~np.isnat(series.dates))
        days = series.dates[known]
        _, first = np.unique(days, return_index=True)
        again = np.setdiff1d(np.arange(len(days)), first)
        for i in again.tolist():
            yield Finding(
                "duplicate-date", asset, raw.where(series, known[i]), "this day stands twice"
            )
        for i in (np.flatnonzero(np.diff(days) < np.timedelta64(0)) + 1).tolist():
            message = f"this day stands after {days[i - 1]}"
            yield Finding("unsorted-date", asset, raw.where(series, known[i]), message)


def _impossible(raw: RawPrices, series: Series) -> Iterator[Finding]:
    """Find values that are missing, and prices that are not positive."""
    for field, values in series.fields.items():
        for first, last in runs(np.isnan(values)):
            until = f" until {raw.where(series, last)}" if last > first else ""
            yield Finding(
                "missing", series.asset, raw.where(series, first), f"has no {field}{until}"
            )
        bad = values < 0 if field == "volume" else values <= 0
        for i in np.flatnonzero(bad).tolist():
            message = f"has the impossible {field} {values[i]:g}"
            yield Finding("non-positive", series.asset, raw.where(series, i), message)


def _unequal(raw: RawPrices) -> Iterator[Finding]:
    """Find assets of a long table that lack days which others have."""
    if raw.wide or len(raw.series) < 2:
        return
    if (every := raw.dates) is not None:
        for series in raw.series:
            own = series.dates
            if own is not None and len(lacking := np.setdiff1d(every, own)):
                message = f"lacks {len(lacking)} of {len(every)} days that other assets have"
                yield Finding("gap", series.asset, str(lacking[0]), message)
        return
    for series in raw.series:
        if (days := len(series.index)) < raw.days:
            message = f"has {days} of the {raw.days} rows that other assets have"
            yield Finding("gap", series.asset, raw.where(series, days - 1), message)


def runs(flags: BoolArray) -> list[tuple[int, int]]:
    """Return the first and the last index of each run of true flags."""
    edges = np.flatnonzero(np.diff(flags.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b) - 1) for a, b in edges.reshape(-1, 2)]
