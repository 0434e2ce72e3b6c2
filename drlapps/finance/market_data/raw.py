"""Price files as they are, before anything is refused.

Two layouts are understood, in CSV (also compressed, ``.csv.gz``) and in Parquet:

* **wide**: a column of closes for each asset. The first column holds the dates if it is called
  ``date`` (or ``datetime``, ``time``, ``timestamp``) or contains dates; without it the prices are
  undated. An unnamed first column of anything else is a row count and ignored.
* **long**: a row for each asset and day, with a column ``close`` or ``adj close`` and perhaps
  ``date``, ``open``, ``volume`` and ``ticker`` (or ``symbol``, ``asset``, ``tic``), in any order
  and spelling; other columns are ignored. Without a column of tickers the file is about one
  asset, named after the file.

Where there are both closes and adjusted closes, the adjusted ones count, and opens are adjusted
by the same factors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.finance.market_data import tables
from drlapps.finance.market_data.prices import DateArray, FloatArray, Prices
from drlapps.finance.market_data.tables import Fault, Table

ROLES = {
    "date": ("date", "datetime", "timestamp", "time"),
    "asset": ("ticker", "symbol", "asset", "tic"),
    "close": ("close",),
    "adjusted": ("adjclose", "adjustedclose", "closeadj", "adjusted"),
    "open": ("open",),
    "volume": ("volume", "vol"),
}
"""The columns of a long table, each with its names, without case, spaces and signs."""


@dataclass(frozen=True, eq=False)
class Series:
    """What a file says of one asset: NaN where it says nothing, infinite where nonsense.

    Attributes:
        asset: name.
        index: data row of the file, from 0, of each day, shape ``(n,)``.
        dates: days in the order of the file, shape ``(n,)``, NaT where they cannot be understood;
            ``None`` where there is no column of dates.
        close: adjusted closes, shape ``(n,)``.
        open: opens adjusted like the closes, where the file has opens.
        volume: shares traded, where the file has them.
    """

    asset: str
    index: NDArray[np.int64]
    dates: DateArray | None
    close: FloatArray
    open: FloatArray | None = None
    volume: FloatArray | None = None

    @property
    def fields(self) -> dict[str, FloatArray]:
        """The closes, and the opens and volumes that there are, by name."""
        every = {"close": self.close, "open": self.open, "volume": self.volume}
        return {name: values for name, values in every.items() if values is not None}


@dataclass(frozen=True, eq=False)
class RawPrices:
    """What a file says.

    Attributes:
        source: path of the file, or name of the prices.
        series: the assets, in order of appearance; in a wide table all have the same dates.
        wide: whether it was a wide table.
        faults: cells that could not be understood.
        rows: where each data row stands, counted in ``unit``; none if the dates say enough.
        unit: ``"line"`` or ``"row"``.
    """

    source: str
    series: tuple[Series, ...]
    wide: bool
    faults: tuple[Fault, ...] = ()
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    unit: str = "row"

    @property
    def dates(self) -> DateArray | None:
        """All days of all assets, sorted; ``None`` where there is no column of dates."""
        dates = [series.dates for series in self.series if series.dates is not None]
        if not dates:
            return None
        # In a wide table all series share one array.
        days = np.unique(dates[0] if self.wide else np.concatenate(dates))
        return days[~np.isnat(days)]

    @property
    def days(self) -> int:
        """Number of days, or of rows of the asset with most of them where there are no dates."""
        if (dates := self.dates) is not None:
            return len(dates)
        return max((len(series.index) for series in self.series), default=0)

    def place(self, index: int) -> str:
        """Return where a data row stands, e.g. ``line 12``."""
        return f"{self.unit} {self.rows[index] if len(self.rows) else index}"

    def where(self, series: Series, position: int) -> str:
        """Return the date of an entry and where it stands, as far as there are both."""
        place = self.place(int(series.index[position]))
        if series.dates is None or np.isnat(series.dates[position]):
            return place
        date = str(series.dates[position])
        return f"{date} ({place})" if len(self.rows) else date


def of(prices: Prices) -> RawPrices:
    """Return prices in the form of a file's content."""
    index = np.arange(len(prices.close))
    series = tuple(
        Series(
            asset,
            index,
            prices.dates,
            prices.close[:, column],
            None if prices.open is None else prices.open[:, column],
            None if prices.volume is None else prices.volume[:, column],
        )
        for column, asset in enumerate(prices.assets)
    )
    return RawPrices(prices.name, series, wide=True)


def read(path: str | Path) -> RawPrices:
    """Read a price file without judging its content.

    Raises:
        InputError: if the file cannot be read or its columns are not those of a price file.
        Failure: if it is a Parquet file and pyarrow is not installed.
    """
    table = tables.read(path)
    roles = _roles(table)
    if "close" in roles or "adjusted" in roles:
        return _long(table, roles)
    if "asset" in roles:
        name = table.header[roles["asset"]]
        raise InputError(f"{table.source} has a column {name!r} but no column 'close'")
    return _wide(table)


def stem(path: str | Path) -> str:
    """Return the name of a file without directory and endings."""
    path = Path(path)
    return Path(path.stem).stem if path.suffix.lower() == ".gz" else path.stem


def _role(name: str) -> str | None:
    """Return what a column of that name holds in a long table."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    return next((role for role, names in ROLES.items() if plain in names), None)


def reserved(name: str) -> bool:
    """Return whether an asset of that name would turn a wide table into something else."""
    return _role(name) is not None


def _roles(table: Table) -> dict[str, int]:
    """Return the first column of each role."""
    roles: dict[str, int] = {}
    for column, name in enumerate(table.header):
        if (role := _role(name)) is not None:
            roles.setdefault(role, column)
    return roles


def _wide(table: Table) -> RawPrices:
    faults = list(table.faults)
    first = str(table.columns[0][0]).strip()
    dated = _role(table.header[0]) == "date" or tables.is_date(first)
    dates = None
    if dated:
        dates, bad = tables.dates(table.columns[0], table.header[0] or "date")
        faults += bad
    skip = int(dated or not table.header[0])
    names = table.header[skip:]
    _check_header(table, names, skip)
    index = np.arange(len(table.rows))
    series = []
    for name, cells in zip(names, table.columns[skip:], strict=True):
        close, bad = tables.numbers(cells, name)
        faults += bad
        series.append(Series(name, index, dates, close))
    return RawPrices(table.source, tuple(series), True, _sorted(faults), table.rows, table.unit)


def _check_header(table: Table, names: tuple[str, ...], skipped: int) -> None:
    if not names:
        raise InputError(f"{table.source} has dates but no column of prices")
    for position, name in enumerate(names):
        if not name:
            raise InputError(f"{table.source}: column {position + skipped + 1} has no name")
        if name in names[:position]:
            raise InputError(f"{table.source} has two columns named {name!r}")


def _long(table: Table, roles: dict[str, int]) -> RawPrices:
    faults = list(table.faults)
    dates = None
    if "date" in roles:
        dates, bad = tables.dates(table.columns[roles["date"]], table.header[roles["date"]])
        faults += bad
    values: dict[str, FloatArray] = {}
    for role in ("close", "adjusted", "open", "volume"):
        if role in roles:
            column = roles[role]
            values[role], bad = tables.numbers(table.columns[column], table.header[column])
            faults += bad
    _adjust(values)
    groups: dict[str, list[int]] = {}
    if "asset" in roles:
        for row, asset in enumerate(tables.texts(table.columns[roles["asset"]])):
            if asset:
                groups.setdefault(asset, []).append(row)
            else:
                faults.append(Fault(row, table.header[roles["asset"]], "the cell is empty"))
    else:
        groups[stem(table.source)] = list(range(len(table.rows)))
    series = []
    for asset, rows in groups.items():
        index = np.array(rows, dtype=np.int64)
        days = None if dates is None else dates[index]
        series.append(Series(asset, index, days, **{k: v[index] for k, v in values.items()}))
    return RawPrices(table.source, tuple(series), False, _sorted(faults), table.rows, table.unit)


def _adjust(values: dict[str, FloatArray]) -> None:
    """Put the adjusted closes in place of the closes, and adjust the opens by their ratio."""
    adjusted = values.pop("adjusted", None)
    if adjusted is None:
        return
    close = values.get("close")
    if close is None:
        values["close"] = adjusted
        # Opens on another scale than the closes are worse than none.
        values.pop("open", None)
        return
    usable = np.isfinite(close) & (close > 0)
    factor = np.where(np.isfinite(adjusted), adjusted, np.nan)
    ratio = np.divide(factor, close, out=np.full(len(close), np.nan), where=usable)
    values["close"] = np.where(usable, adjusted, close)
    if "open" in values:
        values["open"] = values["open"] * ratio


def _sorted(faults: list[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda fault: fault.row))
