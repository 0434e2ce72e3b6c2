"""The local cache of what Yahoo said: one CSV file a ticker, with a JSON file beside it.

The CSV file holds the days as Yahoo gave them, the JSON file the range that was asked for, when,
and the SHA-256 of all this. Both appear whole or not at all, the CSV file first: what a crash
between the two leaves behind does not match its hash and counts as damaged, never as data.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from drlapps.errors import InputError
from drlapps.files import json_text, write_atomic
from drlapps.finance.market_data.prices import DateArray, FloatArray

VARIABLE = "DRLAPPS_CACHE"
"""Environment variable that names the directory of all caches."""


class Damaged(Exception):
    """A cache entry does not hold what was once written."""


@dataclass(frozen=True, eq=False)
class History:
    """The days of one ticker, each array of shape ``(days,)``.

    Attributes:
        dates: days as ``datetime64[D]``, strictly increasing.
        open: opens, adjusted for splits; NaN where Yahoo has none.
        close: closes, adjusted for splits.
        adjusted: closes adjusted for splits and dividends.
        volume: shares traded.
    """

    dates: DateArray
    open: FloatArray
    close: FloatArray
    adjusted: FloatArray
    volume: FloatArray

    def between(self, first: np.datetime64, last: np.datetime64) -> History:
        """Return the days of a closed range, of which there may be none."""
        kept = (self.dates >= first) & (self.dates <= last)
        return History(*(getattr(self, field.name)[kept] for field in fields(self)))


@dataclass(frozen=True, eq=False)
class Entry:
    """What the cache knows of one ticker.

    Attributes:
        ticker: the ticker.
        start: first day that was asked for; the first that exists may be later.
        end: last day that was asked for.
        history: the days that exist in this range.
        dropped: days that Yahoo listed without a price.
    """

    ticker: str
    start: np.datetime64
    end: np.datetime64
    history: History
    dropped: int = 0

    def covers(self, first: np.datetime64, last: np.datetime64) -> bool:
        """Return whether everything about a closed range of days has been asked."""
        return bool(self.start <= first and last <= self.end)


def directory() -> Path:
    """Return the default directory: in ``DRLAPPS_CACHE``, else in the user's cache directory."""
    if root := os.environ.get(VARIABLE):
        return Path(root) / "yahoo"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "drlapps" / "yahoo"


def save(entry: Entry, where: Path) -> None:
    """Write an entry, in place of an older one.

    Raises:
        InputError: if the directory cannot be written to.
    """
    table, label = _paths(entry.ticker, where)
    columns = [np.datetime_as_string(entry.history.dates).tolist()]
    names = [field.name for field in fields(History)]
    columns += [getattr(entry.history, name).tolist() for name in names[1:]]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([names, *zip(*columns, strict=True)])
    about = {
        "ticker": entry.ticker,
        "start": str(entry.start),
        "end": str(entry.end),
        "dropped": entry.dropped,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    data = text.getvalue().encode()
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot use {where} as cache: {error.strerror or error}") from None
    write_atomic(table, data)
    write_atomic(label, json_text({**about, "sha256": _digest(about, data)}))


def load(ticker: str, where: Path) -> Entry | None:
    """Return the entry of a ticker, ``None`` if there is none.

    Raises:
        Damaged: if the files are not those that were written.
    """
    table, label = _paths(ticker, where)
    if not label.exists() and not table.exists():
        return None
    try:
        about = json.loads(label.read_bytes())
        data = table.read_bytes()
        if about.pop("sha256") != _digest(about, data) or about["ticker"] != ticker:
            raise ValueError("they do not match their hash")
        start, end = (np.datetime64(about[key], "D") for key in ("start", "end"))
        rows = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(fields(History))
        dates = np.array(columns[0], dtype="datetime64[D]")
        values = (np.array(column, dtype=np.float64) for column in columns[1:])
        return Entry(ticker, start, end, History(dates, *values), int(about["dropped"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Damaged(f"the cached prices of {ticker} in {where} are damaged ({error})") from error


def _paths(ticker: str, where: Path) -> tuple[Path, Path]:
    name = quote(ticker, safe="")
    return where / f"{name}.csv", where / f"{name}.json"


def _digest(about: dict[str, Any], data: bytes) -> str:
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode() + data).hexdigest()
