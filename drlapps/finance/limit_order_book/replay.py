"""Reads recorded books.

A CSV with a header and a row for each snapshot, in the order of time, with the columns

- ``time``: any increasing number;
- ``bid_price_1`` ... ``bid_price_L`` and ``bid_size_1`` ... : the bids, best first, 1 to 20 levels;
- ``ask_price_1`` ... and ``ask_size_1`` ... : as many asks, best first;
- ``bid_volume`` and ``ask_volume``: what traded at the bid and at the ask since the row before.

Sizes and volumes are in lots, the size of one's own orders. The tick is the greatest common divisor
of all prices.
"""

from __future__ import annotations

import csv
import math
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError
from drlapps.finance.limit_order_book.session import LEVELS, Tape

SIDES = ("bid", "ask")


def read(path: str | Path) -> Tape:
    """Return the tape of a file.

    Raises:
        InputError: it cannot be read, or is no sound recording.
    """
    path = Path(path)
    try:
        changed = path.stat().st_mtime_ns
        return _read(path.resolve(), str(path), changed)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV: {error}") from error


@cache
def _read(path: Path, name: str, changed: int) -> Tape:
    """Read a file once for each time it was changed."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = [line for line in csv.reader(file) if line]
    if len(lines) < 3:
        raise InputError(f"{name} needs a header and at least two snapshots")
    header, *rows = lines
    levels = sum(column.startswith("bid_price_") for column in header)
    wanted = columns(levels)
    if missing := [column for column in wanted if column not in header]:
        raise InputError(f"{name} has no column {missing[0]!r}")
    if not 1 <= levels <= LEVELS:
        raise InputError(f"{name} must have 1 to {LEVELS} levels a side, not {levels}")
    if extra := [column for column in header if column not in wanted]:
        raise InputError(f"{name} has an unknown column {extra[0]!r}")
    if len(header) > len(wanted):
        raise InputError(f"{name} has a column twice")
    cells = _numbers(name, header, rows)
    column = {title: [row[place] for row in cells] for place, title in enumerate(header)}
    times = _floats(column["time"])
    prices, tick = _ticks([[column[title] for title in wanted[1 + 2 * side * levels:][:levels]]
                           for side in (0, 1)])  # fmt: skip
    sizes = np.stack(
        [
            [_floats(column[f"{side}_size_{level}"]) for level in range(1, levels + 1)]
            for side in SIDES
        ]
    ).transpose(2, 0, 1)
    volumes = np.stack([_floats(column[f"{side}_volume"]) for side in SIDES], axis=1)
    _check(name, times, prices, sizes, volumes)
    return Tape(times, prices, np.ascontiguousarray(sizes), volumes, tick)


def columns(levels: int) -> list[str]:
    """Return the columns of a file: time, prices and sizes of bids, then of asks, and volumes."""
    numbers = range(1, levels + 1)
    return [
        "time",
        *(f"{side}_{what}_{n}" for side in SIDES for what in ("price", "size") for n in numbers),
        *(f"{side}_volume" for side in SIDES),
    ]


def _numbers(name: str, header: list[str], rows: list[list[str]]) -> list[list[Decimal]]:
    """Return the cells of a file as exact numbers."""
    found = []
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{name}, line {line}: {len(row)} entries under {len(header)} columns")
        for title, cell in zip(header, row, strict=True):
            try:
                sound = Decimal(cell).is_finite() and abs(Decimal(cell)) < 10**12
            except InvalidOperation:
                sound = False
            if not sound:
                raise InputError(f"{name}, line {line}: {title} is no finite number: {cell!r}")
        found.append([Decimal(cell) for cell in row])
    return found


def _floats(column: list[Decimal]) -> NDArray[np.float64]:
    return np.array([float(entry) for entry in column])


def _ticks(sides: list[list[list[Decimal]]]) -> tuple[NDArray[np.int64], float]:
    """Return prices ``(rows, 2, levels)`` in ticks, and the tick."""
    exponents = (price.normalize().as_tuple().exponent for s in sides for c in s for price in c)
    scale = Decimal(10) ** max(0, *(-int(exponent) for exponent in exponents))
    whole = [[[int(price * scale) for price in column] for column in side] for side in sides]
    tick = math.gcd(*(price for side in whole for column in side for price in column)) or 1
    prices = np.array([[[p // tick for p in c] for c in side] for side in whole], dtype=np.int64)
    return np.ascontiguousarray(prices.transpose(2, 0, 1)), float(tick / scale)


def _check(
    name: str,
    times: NDArray[np.float64],
    prices: NDArray[np.int64],
    sizes: NDArray[np.float64],
    volumes: NDArray[np.float64],
) -> None:
    """Raise at the first line that no order book can hold."""
    later = np.concatenate([[True], np.diff(times) > 0.0])
    rules = (
        (later, "time must be after that of the line before"),
        ((prices > 0).all(axis=(1, 2)), "prices must be positive"),
        ((np.diff(prices[:, 0]) < 0).all(axis=1), "bid prices must fall from level to level"),
        ((np.diff(prices[:, 1]) > 0).all(axis=1), "ask prices must rise from level to level"),
        (prices[:, 0, 0] < prices[:, 1, 0], "the best bid must be below the best ask"),
        ((sizes >= 0.0).all(axis=(1, 2)), "sizes must not be negative"),
        ((volumes >= 0.0).all(axis=1), "volumes must not be negative"),
    )
    for holds, sentence in rules:
        if not holds.all():
            raise InputError(f"{name}, line {int(np.argmin(holds)) + 2}: {sentence}")
