"""The instance: an order flow or a recorded tape, and the rules of trading in it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import astuple, dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from drlapps.errors import InputError

LEVELS = 20
"""Most levels a side of a book."""

MOST_LIMIT = 20
"""Highest position limit."""

_WHOLE = {"steps": 1_000_000, "repeats": 1_000, "limit": MOST_LIMIT}
_SIGNED = ("maker_fee", "taker_fee")


@dataclass(frozen=True)
class Flow:
    """Rates of a simulated order flow, per unit of time; sizes are one lot.

    The defaults are close to the estimates of Cont, Stoikov & Talreja 2010 (table 2; Sky Perfect
    Communications): ``k = 1.92``, ``alpha = 0.52``, ``mu = 0.94``, cancellations 0.47 to 0.81.

    Attributes:
        limit_orders: ``k``, limit orders a side at distance 1 from the opposite best price.
        decay: ``alpha``: at distance ``i`` they come at rate ``k / i^alpha``.
        market_orders: ``mu``, market orders a side.
        cancellations: ``theta``, of each resting lot.
        bias: ``b`` in [0, 1): market buys come at ``mu (1 + b)``, sells at ``mu (1 - b)`` while the
            direction is up, the other way round while it is down.
        flips: rate at which the direction changes.

    Raises:
        InputError: a rate is impossible.
    """

    limit_orders: float = 1.92
    decay: float = 0.52
    market_orders: float = 0.94
    cancellations: float = 0.65
    bias: float = 0.0
    flips: float = 0.0

    def __post_init__(self) -> None:
        """Check the rates."""
        for field in fields(self):
            value = _finite("flow", field.name, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
            positive = field.name in {"limit_orders", "cancellations"}
            if value < 0.0 or (positive and value == 0.0) or value > 1_000.0:
                least = "above 0" if positive else "from 0"
                raise InputError(f"a flow's {field.name} must be {least} to 1000, not {value:g}")
        if self.bias >= 1.0:
            raise InputError(f"a flow's bias must be below 1, not {self.bias:g}")

    @cached_property
    def ladder(self) -> NDArray[np.float64]:
        """Rates of limit orders up to each distance, summed from 1: shape ``(LEVELS,)``."""
        distances = np.arange(1, LEVELS + 1, dtype=np.float64)
        return np.cumsum(self.limit_orders * distances**-self.decay)


@dataclass(frozen=True)
class Rules:
    """How one trades.

    Attributes:
        steps: decisions of a session.
        repeats: book steps between two decisions.
        limit: most lots, long or short.
        maker_fee: ticks a lot for what fills a resting order; negative, a rebate.
        taker_fee: ticks a lot for a market order.
        interval: length of a book step of a simulated book.

    Raises:
        InputError: a rule is impossible.
    """

    steps: int = 400
    repeats: int = 5
    limit: int = 10
    maker_fee: float = -0.25
    taker_fee: float = 0.5
    interval: float = 0.1

    def __post_init__(self) -> None:
        """Check the rules."""
        for field in fields(self):
            value = _finite("session", field.name, getattr(self, field.name))
            if most := _WHOLE.get(field.name):
                if value != int(value) or not 1 <= value <= most:
                    raise InputError(
                        f"a session's {field.name} must be a whole number from 1 to {most}, "
                        f"not {value:g}"
                    )
                value = int(value)
            elif field.name not in _SIGNED and value <= 0.0:
                raise InputError(f"a session's {field.name} must be above 0, not {value:g}")
            object.__setattr__(self, field.name, value)


def _finite(kind: str, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"a {kind}'s {name} must be a finite number, not {value!r}")
    return float(value)


@dataclass(frozen=True, eq=False)
class Tape:
    """Snapshots of a book. The arrays cannot be written to.

    Attributes:
        times: shape ``(rows,)``, in the unit of the file.
        prices: in ticks, ``(rows, 2, levels)``: bids then asks, best first.
        sizes: in lots, of the same shape.
        volumes: lots traded at the bid and at the ask since the row before, ``(rows, 2)``.
        tick: size of a tick in the unit of the file.
    """

    times: NDArray[np.float64]
    prices: NDArray[np.int64]
    sizes: NDArray[np.float64]
    volumes: NDArray[np.float64]
    tick: float = 1.0

    def __post_init__(self) -> None:
        """Make the arrays read-only."""
        for array in (self.times, self.prices, self.sizes, self.volumes):
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.times)

    @cached_property
    def hash(self) -> str:
        """Digest of what a session depends on: prices, sizes and volumes."""
        digest = hashlib.sha256(repr(self.prices.shape).encode())
        for array in (self.prices, self.sizes, self.volumes):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@dataclass(frozen=True)
class Session:
    """A stretch of a simulated or a replayed book.

    Attributes:
        name: what people call it.
        rules: of trading.
        flow: of a simulated book.
        seed: of its randomness.
        tape: of a replayed book, instead of a flow.
        begin: the tape's row at the start.
        bound: highest profit that any policy can make, where it is known.
    """

    name: str
    rules: Rules
    flow: Flow | None = None
    seed: int = 0
    tape: Tape | None = None
    begin: int = 0
    bound: float | None = None

    def __post_init__(self) -> None:
        """Check that there is one book, and enough of it."""
        if (self.flow is None) == (self.tape is None):
            raise InputError(f"{self.name} needs either a flow or a tape")
        if self.tape is not None:
            last = self.begin + self.rules.steps * self.rules.repeats
            if self.begin < 0 or last >= len(self.tape):
                raise InputError(f"{self.name} needs {last + 1} rows of a tape of {len(self.tape)}")

    @property
    def reference(self) -> float | None:
        """The bound, which is attained where it is known."""
        return self.bound

    @cached_property
    def hash(self) -> str:
        """Digest of everything but the name."""
        if self.tape is not None:
            book: tuple[object, ...] = ("tape", self.tape.hash, self.begin)
        else:
            assert self.flow is not None
            book = ("flow", *astuple(self.flow), self.seed)
        return hashlib.sha256(repr((*book, *astuple(self.rules))).encode()).hexdigest()
