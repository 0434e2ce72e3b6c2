"""How long a local search runs, by the clock or by iterations, and in which slices."""

from __future__ import annotations

from dataclasses import dataclass

from drlapps.errors import InputError
from drlapps.policy import Incumbents

_SLICE = 0.03
"""Seconds for which a kernel may keep an interrupt waiting."""

_FIRST = 256
"""Iterations of the first slice, whose speed is not known yet."""


@dataclass(frozen=True)
class Budget:
    """What a search may spend on an instance.

    Attributes:
        time_limit: wall seconds, what came before the search included.
        iterations: number of iterations instead of ``time_limit``: then the answer is the same on
            every machine.

    Raises:
        InputError: a limit is not positive.
    """

    time_limit: float
    iterations: int | None = None

    def __post_init__(self) -> None:
        """Check the limits."""
        for name, value in {"time_limit": self.time_limit, "iterations": self.iterations}.items():
            if value is not None and not value > 0:
                raise InputError(f"{name} must be positive, not {value}")

    def spent(self, seconds: float, done: int) -> bool:
        """Return whether so many seconds, or iterations, are all there are."""
        return seconds >= self.time_limit if self.iterations is None else done >= self.iterations


class Slices:
    """Cuts a search into slices of :data:`_SLICE` seconds.

    Args:
        budget: of the whole search.
        clock: started before it.
    """

    def __init__(self, budget: Budget, clock: Incumbents) -> None:
        self.clock = clock
        self._budget = budget
        self._length = _FIRST
        self._last = 0, clock.seconds()

    def until(self, done: int) -> int:
        """Return the iteration at which the next slice ends; ``done`` once the budget is spent."""
        before, then = self._last
        now = self.clock.seconds()
        self._last = done, now
        limit = self._budget.iterations
        if self._budget.spent(now, done):
            return done
        if done - before >= self._length:
            # No more than double: the first slices may be all but instantaneous.
            ratio = _SLICE / max(now - then, 1e-9)
            self._length = max(1, int(self._length * min(2.0, ratio)))
        end = done + self._length
        return end if limit is None else min(end, limit)

    def course(self) -> tuple[float, float]:
        """Return the share of the budget spent at iteration 0, and what each iteration adds.

        By the clock the share of the last slice's end counts for a whole slice.
        """
        if self._budget.iterations is not None:
            return 0.0, 1.0 / self._budget.iterations
        return self._last[1] / self._budget.time_limit, 0.0
