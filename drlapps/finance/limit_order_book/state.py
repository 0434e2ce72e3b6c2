"""The state of a batch as arrays of records, and the tapes it replays.

Records are what compiled kernels pass around at no cost, one for each row. The classes here say
what is in them. No static type covers an array that kernels read by attribute and the rest by name,
so :func:`rows` and :func:`states`, which make them, have none.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from drlapps.finance.limit_order_book.session import LEVELS, MOST_LIMIT, Tape

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.integer[Any]]

BID, ASK = 0, 1
NONE = -1
"""Price of an order that there is not."""

RING = 128
"""Prices that the ring of a simulated book holds: more than may lie between its ends."""


class Rows(Protocol):
    """What an episode is of."""

    tape: int
    """First row among all tapes, less than 0 for a simulated book."""
    levels: int
    """Levels a side of the book."""
    steps: int
    repeats: int
    limit: int
    fees: FloatArray
    """Of a maker and a taker, in ticks a lot."""
    rates: FloatArray
    """Market orders, cancellations, bias, flips, length of a book step."""
    ladder: FloatArray
    """Rates of limit orders up to each distance."""

    def __getitem__(self, row: int) -> Self:
        """Return the record of a row."""


class State(Protocol):
    """What changes. Prices and money are in ticks."""

    key: np.uint64
    draws: np.uint64
    """Random numbers used so far."""
    direction: int
    ring: NDArray[np.int32]
    """Lots resting at each price, modulo the size of the ring."""
    depth: IntArray
    """Lots in view on either side of a simulated book."""
    touch: IntArray
    """Best bid and best ask."""
    clock: int
    """Book steps so far."""
    order: IntArray
    """Prices of one's own bid and ask."""
    wait: FloatArray
    """Lots that must trade before the order is filled, its own lot included."""
    inventory: int
    lots: FloatArray
    """Entry prices of the open lots, oldest first."""
    cash: float
    """After fees."""
    realised: float
    """Profit of closed lots before fees."""
    fees: float
    flow: float
    """Lots bought less lots sold by market orders since the last decision."""
    moments: FloatArray
    """Moving first and second moment of the profit a decision."""
    held: float
    """Sum over decisions of the lots held after them, long or short."""
    largest: int
    fills: int
    trades: int
    turnover: float

    def __getitem__(self, row: int) -> Self:
        """Return the record of a row."""


_ROWS: list[Any] = [
    *((name, np.int64) for name in ("tape", "levels", "steps", "repeats", "limit")),
    ("fees", np.float64, (2,)),
    ("rates", np.float64, (5,)),
    ("ladder", np.float64, (LEVELS,)),
]
_STATE: list[Any] = [
    ("key", np.uint64),
    ("draws", np.uint64),
    ("ring", np.int32, (RING,)),
    *((name, np.int64, (2,)) for name in ("depth", "touch", "order")),
    *((name, np.int64) for name in ("direction", "clock", "inventory", "largest", "fills",
                                    "trades")),
    *((name, np.float64, (2,)) for name in ("wait", "moments")),
    ("lots", np.float64, (MOST_LIMIT,)),
    *((name, np.float64) for name in ("cash", "realised", "fees", "flow", "held", "turnover")),
]  # fmt: skip


FIELDS: tuple[str, ...] = tuple(entry[0] for entry in _STATE)
"""Names of what is in :class:`State`."""


class TapeArrays(NamedTuple):
    """All tapes, one after the other."""

    prices: IntArray
    sizes: FloatArray
    volumes: FloatArray


def rows(batch: int) -> Any:
    """Return records of :class:`Rows`."""
    return np.zeros(batch, np.dtype(_ROWS, align=True))


def states(batch: int) -> Any:
    """Return records of :class:`State`."""
    return np.zeros(batch, np.dtype(_STATE, align=True))


class Tapes:
    """The tapes that a batch has met, one after the other in the same arrays."""

    def __init__(self) -> None:
        self._starts: dict[str, int] = {}
        self.arrays = TapeArrays(
            np.zeros((1, 2, LEVELS), np.int64), np.zeros((1, 2, LEVELS)), np.zeros((1, 2))
        )

    def start(self, tape: Tape) -> int:
        """Return the place of a tape's first row, appending the tape if it is new."""
        if tape.hash not in self._starts:
            self._starts[tape.hash] = len(self.arrays.prices)
            wide = ((0, 0), (0, 0), (0, LEVELS - tape.prices.shape[2]))
            new = (np.pad(tape.prices, wide), np.pad(tape.sizes, wide), tape.volumes)
            self.arrays = TapeArrays(
                *(np.concatenate(pair) for pair in zip(self.arrays, new, strict=True))
            )
        return self._starts[tape.hash]
