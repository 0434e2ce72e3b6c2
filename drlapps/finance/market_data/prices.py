"""Prices: the immutable, checked value that every loader makes and every backtest takes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError

FloatArray = NDArray[np.float64]
DateArray = NDArray[np.datetime64]


@dataclass(frozen=True, eq=False)
class Prices:
    """Daily prices of some assets, complete and in order.

    The arrays are copied and made read-only. Compare the content of two by :attr:`hash`.

    Attributes:
        name: what reports call them: the name of an embedded set or the stem of a file.
        assets: distinct names of the assets.
        close: closes adjusted for dividends and splits, shape ``(days, assets)``, positive.
            Only ratios of closes of one asset mean anything.
        dates: days as ``datetime64[D]``, shape ``(days,)``, strictly increasing; ``None`` where
            the source has none.
        open: opens, adjusted by the same factors as the closes, shape ``(days, assets)``.
        volume: shares traded on each day, shape ``(days, assets)``.
        source: where the numbers come from.
        licence: under what terms.
        cautions: what a reader of results must know, a sentence each.

    Raises:
        InputError: if a value is missing or impossible, or days repeat or run backwards; names
            the asset and the date (or the row, from 0).
    """

    name: str
    assets: tuple[str, ...]
    close: FloatArray
    dates: DateArray | None = None
    open: FloatArray | None = None
    volume: FloatArray | None = None
    source: str = ""
    licence: str = ""
    cautions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check everything and put private read-only copies in place of the arrays."""
        object.__setattr__(self, "assets", tuple(self.assets))
        object.__setattr__(self, "cautions", tuple(self.cautions))
        self._check_names()
        close = np.array(self.close, dtype=np.float64, order="C")
        if close.ndim != 2 or close.shape[1] != len(self.assets):
            raise self._error(
                f"have closes of shape {close.shape}, not (days, {len(self.assets)}), "
                "a column for each asset"
            )
        if len(close) == 0:
            raise self._error("have no days")
        if self.dates is not None:
            self._keep("dates", self._checked_dates(len(close)))
        self._keep("close", self._checked("close", close))
        for field in ("open", "volume"):
            if (values := getattr(self, field)) is not None:
                values = np.array(values, dtype=np.float64, order="C")
                if values.shape != close.shape:
                    raise self._error(f"have a {field} of shape {values.shape}, not {close.shape}")
                self._keep(field, self._checked(field, values))

    def _check_names(self) -> None:
        if not self.assets:
            raise self._error("have no assets")
        seen: set[str] = set()
        for asset in self.assets:
            if not asset or asset != asset.strip() or not asset.isprintable():
                raise self._error(f"have an asset named {asset!r}, which is no printable name")
            if asset in seen:
                raise self._error(f"name the asset {asset} twice")
            seen.add(asset)

    def _checked_dates(self, days: int) -> DateArray:
        dates: DateArray = np.array(self.dates, dtype="datetime64[D]")
        if dates.shape != (days,):
            raise self._error(f"have {days} days but dates of shape {dates.shape}")
        if np.isnat(dates).any():
            raise self._error(f"have no date in row {int(np.isnat(dates).argmax())}")
        late = np.diff(dates) <= np.timedelta64(0, "D")
        if late.any():
            row = int(late.argmax()) + 1
            problem = "twice" if dates[row] == dates[row - 1] else f"after {dates[row - 1]}"
            raise self._error(f"have {dates[row]} {problem} (row {row})")
        return dates

    def _checked(self, field: str, values: FloatArray) -> FloatArray:
        """Refuse values that no day can have."""
        missing = ~np.isfinite(values)
        bad = missing | ((values < 0) if field == "volume" else (values <= 0))
        if bad.any():
            row, column = (int(index) for index in np.argwhere(bad)[0])
            where = f"row {row}" if self.dates is None else str(self.dates[row])
            what = "no" if missing[row, column] else f"the impossible {values[row, column]:g} as"
            raise self._error(f"have {what} {field} of {self.assets[column]} on {where}")
        return values

    def _keep(self, field: str, values: FloatArray | DateArray) -> None:
        values.setflags(write=False)
        object.__setattr__(self, field, values)

    def _error(self, problem: str) -> InputError:
        return InputError(f"the prices {self.name!r} {problem}")

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the content: assets, days and numbers, not the name or the source."""
        digest = hashlib.sha256(repr((self.assets, self.close.shape)).encode())
        for field in ("dates", "close", "open", "volume"):
            values = getattr(self, field)
            digest.update(f"{field} {values is not None}".encode())
            if values is not None:
                kind = "<i8" if field == "dates" else "<f8"
                digest.update(values.astype(kind).tobytes())
        return digest.hexdigest()

    def between(self, start: str | None, end: str | None) -> tuple[int, int]:
        """Return the first and the last row, both inclusive, of a closed range of dates.

        Args:
            start: first day, ``YYYY-MM-DD``; ``YYYY-MM`` and ``YYYY`` mean their first day.
                From the beginning if ``None``.
            end: last day; ``YYYY-MM`` and ``YYYY`` mean their last day. To the end if ``None``.

        Raises:
            InputError: if the prices are undated, a date is malformed, or no day is in the
                range; names the range available.
        """
        if start is None and end is None:
            return 0, len(self.close) - 1
        if self.dates is None:
            raise self._error(
                f"have no dates, so nothing from {start or 'the beginning'} to {end or 'the end'} "
                f"can be cut from their {len(self.close)} days"
            )
        low = 0
        high = len(self.dates)
        if start is not None:
            low = int(np.searchsorted(self.dates, period(start)[0], side="left"))
        if end is not None:
            high = int(np.searchsorted(self.dates, period(end)[1], side="right"))
        if low >= high:
            raise self._error(
                f"have no day from {start or 'the beginning'} to {end or 'the end'}; "
                f"they run from {self.dates[0]} to {self.dates[-1]}"
            )
        return low, high - 1


def period(text: str) -> tuple[np.datetime64, np.datetime64]:
    """Return the first and the last day of a day, a month or a year.

    Raises:
        InputError: if the text is not ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``.
    """
    try:
        if not re.fullmatch(r"[0-9]{4}(-[0-9]{2}){0,2}", text):
            raise ValueError
        # The text's own precision (day, month or year) says how long the period is.
        value = np.datetime64(text)
    except ValueError:
        raise InputError(f"{text!r} is not a date such as 2015-12-31, 2015-12 or 2015") from None
    return value.astype("datetime64[D]"), (value + 1).astype("datetime64[D]") - 1
