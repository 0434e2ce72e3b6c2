"""Reading and writing price files; :mod:`~drlapps.finance.market_data.raw` tells the layouts."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from drlapps.errors import InputError
from drlapps.files import write_atomic
from drlapps.finance.market_data import raw as raws
from drlapps.finance.market_data.defects import defects
from drlapps.finance.market_data.prices import Prices
from drlapps.finance.market_data.raw import RawPrices


def read(path: str | Path) -> Prices:
    """Read prices from a CSV or Parquet file, named after the file.

    Opens and volumes come along from long tables that have them.

    Raises:
        InputError: if the file cannot be read, or holds values or dates that no backtest can use;
            names the file, the asset or column, and the date and the line.
        Failure: if it is a Parquet file and pyarrow is not installed.
    """
    raw = raws.read(path)
    found = defects(raw)
    if found:
        rest = f" (the first of {len(found)} defects)" if len(found) > 1 else ""
        raise InputError(f"{path}, {found[0]}{rest}")
    return _prices(raw, raws.stem(path), str(path))


def _prices(raw: RawPrices, name: str, source: str) -> Prices:
    """Return what a file without defects says."""
    fields = {
        field: np.column_stack([series.fields[field] for series in raw.series])
        for field in raw.series[0].fields
    }
    return Prices(
        name,
        tuple(series.asset for series in raw.series),
        fields["close"],
        raw.series[0].dates,
        fields.get("open"),
        fields.get("volume"),
        source=source,
        licence="the user's own data",
    )


def write(prices: Prices, path: str | Path) -> None:
    """Write prices as CSV, atomically; :func:`read` gets back the same numbers.

    The table is wide where there are only closes, else long.

    Args:
        prices: what to write; only assets, dates and numbers have a place in the file.
        path: where to.

    Raises:
        InputError: if the file cannot be written.
    """
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    plain = prices.open is None and prices.volume is None
    # A wide table with a column called "close" or "date" would be read as something else.
    rows.writerows(
        _wide(prices) if plain and not any(map(raws.reserved, prices.assets)) else _long(prices)
    )
    write_atomic(path, text.getvalue())


def _dates(prices: Prices) -> list[list[str]]:
    if prices.dates is None:
        return [[]] * len(prices.close)
    return [[day] for day in np.datetime_as_string(prices.dates).tolist()]


def _wide(prices: Prices) -> list[list[object]]:
    header: list[object] = [*(["date"] if prices.dates is not None else []), *prices.assets]
    days = zip(_dates(prices), prices.close.tolist(), strict=True)
    return [header, *([*date, *row] for date, row in days)]


def _long(prices: Prices) -> list[list[object]]:
    fields = {"open": prices.open, "close": prices.close, "volume": prices.volume}
    present = {name: values.tolist() for name, values in fields.items() if values is not None}
    dated = ["date"] if prices.dates is not None else []
    table: list[list[object]] = [[*dated, "asset", *present]]
    for day, date in enumerate(_dates(prices)):
        for column, asset in enumerate(prices.assets):
            table.append([*date, asset, *(values[day][column] for values in present.values())])
    return table
