"""Tables of cells from CSV and Parquet files, and numbers and dates from cells.

Nothing is refused here that a look at the file could still explain: a cell that cannot be
understood becomes infinite or NaT, and a :class:`Fault`.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import Failure, InputError
from drlapps.finance.market_data.prices import DateArray, FloatArray

if TYPE_CHECKING:
    import pandas as pd

PARQUET = (".parquet", ".pq")
"""Endings of Parquet files; every other file is read as CSV, ``.gz`` as compressed CSV."""

MISSING = frozenset({"", "-", "nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "none"})
"""Cells, in lower case, that say that there is nothing."""

_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ].*)?|([0-9]{4})([0-9]{2})([0-9]{2})")

Cells: TypeAlias = Sequence[str] | NDArray[Any]


class Fault(NamedTuple):
    """A cell that cannot be understood.

    Attributes:
        row: which data row, from 0.
        column: name of the column.
        problem: what is wrong, to follow the name of the place.
    """

    row: int
    column: str
    problem: str


@dataclass(frozen=True, eq=False)
class Table:
    """The cells of a file, column by column.

    Attributes:
        source: path of the file.
        header: names of the columns, trimmed.
        columns: the cells of each column.
        rows: where each data row stands: the line of a CSV file from 1, else the row from 0.
        unit: what ``rows`` count, ``"line"`` or ``"row"``.
        faults: data rows of the wrong length.
    """

    source: str
    header: tuple[str, ...]
    columns: tuple[Cells, ...]
    rows: NDArray[np.int64]
    unit: str
    faults: tuple[Fault, ...] = ()


def read(path: str | Path) -> Table:
    """Read the table in a file.

    Raises:
        InputError: if the file cannot be read, holds no table or no data row.
        Failure: if it is a Parquet file and pyarrow is not installed.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"there is no file {str(path)!r}")
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a directory, not a price file")
    table = _parquet(path) if path.suffix.lower() in PARQUET else _csv(path)
    if len(table.rows) == 0:
        raise InputError(f"{path} has no row of prices")
    return table


def _csv(path: Path) -> Table:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    lines: list[int] = []
    cells: list[list[str]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                lines.append(reader.line_num)
                cells.append(row)
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num}: {error}") from None
    if not cells:
        raise InputError(f"{path} is empty")
    header, *body = cells
    width = len(header)
    faults = []
    for index, row in enumerate(body):
        if len(row) != width:
            faults.append(Fault(index, "", f"{len(row)} cells where the header has {width}"))
            row[:] = (row + [""] * width)[:width]
    columns = tuple(zip(*body, strict=True)) if body else ((),) * width
    names = tuple(name.strip() for name in header)
    rows = np.array(lines[1:], dtype=np.int64)
    return Table(str(path), names, columns, rows, "line", tuple(faults))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz":
            data = gzip.decompress(data)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start})") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {getattr(error, 'strerror', 0) or error}") from None


def _parquet(path: Path) -> Table:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except ImportError:
        raise Failure(
            f"cannot read {path}: Parquet needs pyarrow, which is not installed; "
            "install it or save the prices as CSV"
        ) from None
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path} is not a readable Parquet file: {reason}") from None
    return _from_frame(frame, str(path))


def _from_frame(frame: pd.DataFrame, source: str) -> Table:
    import pandas as pd

    if isinstance(frame.columns, pd.MultiIndex) or isinstance(frame.index, pd.MultiIndex):
        raise InputError(f"{source} has rows or columns of several levels; save a flat table")
    if not isinstance(frame.index, pd.RangeIndex):
        unnamed = "date" if isinstance(frame.index, pd.DatetimeIndex) else ""
        frame = frame.reset_index(names=frame.index.name or unnamed, allow_duplicates=True)
    header = tuple(str(name).strip() for name in frame.columns)
    columns = tuple(frame.iloc[:, index].to_numpy() for index in range(len(header)))
    return Table(source, header, columns, np.arange(len(frame), dtype=np.int64), "row")


def texts(cells: Cells) -> list[str]:
    """Return the cells as trimmed text."""
    return [str(cell).strip() for cell in cells]


def numbers(cells: Cells, column: str) -> tuple[FloatArray, list[Fault]]:
    """Return the cells as numbers: NaN where nothing stands, infinite where no number does.

    Args:
        cells: one column.
        column: its name, for the faults.

    Returns:
        The numbers, and a fault for each infinite one.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "iuf":
        values = cells.astype(np.float64)
    else:
        values = np.array([_number(cell) for cell in texts(cells)], dtype=np.float64)
    return values, [
        Fault(row, column, f"{str(cells[row])!r} is not a number")
        for row in np.flatnonzero(np.isinf(values)).tolist()
    ]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan if text.lower() in MISSING else np.inf


def dates(cells: Cells, column: str) -> tuple[DateArray, list[Fault]]:
    """Return the cells as days, NaT where they are missing or not understood.

    Args:
        cells: one column: ``YYYY-MM-DD``, with or without a time after it, or ``YYYYMMDD``.
        column: its name, for the faults.

    Returns:
        The days as ``datetime64[D]``, and a fault for each cell that is no date.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "M":
        days = cells.astype("datetime64[D]")
    else:
        written = texts(cells)
        # Long tables repeat every date once for each asset.
        known = {text: _day(text) for text in set(written)}
        days = np.array([known[text] for text in written], dtype="datetime64[D]")
    bad = np.flatnonzero(np.isnat(days))
    return days, [
        Fault(i, column, f"{str(cells[i])!r} is not a date such as 2015-12-31")
        for i in bad.tolist()
    ]


def is_date(text: str) -> bool:
    """Return whether a cell is a date beyond doubt: eight digits alone could be a number."""
    return "-" in text and not np.isnat(_day(text))


def _day(text: str) -> np.datetime64:
    match = _DATE.fullmatch(text)
    try:
        return np.datetime64("-".join(filter(None, match.groups())) if match else "NaT", "D")
    except ValueError:
        return np.datetime64("NaT", "D")
