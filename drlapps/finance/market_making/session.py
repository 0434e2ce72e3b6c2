"""An instance of the task: one path of a market."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass
from functools import cached_property

from drlapps.errors import InputError
from drlapps.finance.market_making.dynamic_programming import solve
from drlapps.finance.market_making.market import Market


@dataclass(frozen=True)
class Session:
    """One path of a market: everything that is random in it hangs on its seed.

    Attributes:
        name: what reports call it.
        market: the parameters.
        seed: of the price, the arrivals and the fills, below 2**64.
        inventory: units held at the start.

    Raises:
        InputError: the inventory is beyond the market's limit.
    """

    name: str
    market: Market
    seed: int
    inventory: int = 0

    def __post_init__(self) -> None:
        """Check the inventory."""
        if abs(self.inventory) > self.market.limit:
            raise InputError(
                f"{self.name} starts with {self.inventory} units, beyond its limit of "
                f"{self.market.limit}"
            )

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what makes the problem (not of its name), in hexadecimal."""
        content = repr((astuple(self.market), self.seed, self.inventory))
        return hashlib.sha256(b"market-making" + content.encode()).hexdigest()

    @cached_property
    def bound(self) -> float | None:
        """The optimal value: what no quotes that depend on the past can beat.

        ``None`` for Hawkes arrivals, whose optimum depends on the intensities too.
        """
        if self.market.is_hawkes:
            return None
        return float(solve(self.market).values[0, self.market.limit + self.inventory])

    @property
    def reference(self) -> float | None:
        """The same: the bound is attained."""
        return self.bound
