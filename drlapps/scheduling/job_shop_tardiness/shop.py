"""The instance: a job shop with due dates, judged by its total weighted tardiness."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

from drlapps.scheduling.job_shop.shop import JobShop


@dataclass(frozen=True, eq=False)
class DueDateShop(JobShop):
    """A job shop whose reference and bound are of the total weighted tardiness.

    Attributes:
        best_tardiness: total weighted tardiness of the best known schedule.
        least_tardiness: the best lower bound on it that is known.

    Raises:
        InputError: as for any job shop; or it has no due dates, or a bound contradicts them.
    """

    best_tardiness: int | None = None
    least_tardiness: int | None = None

    @classmethod
    def of(
        cls,
        shop: JobShop,
        *,
        best_tardiness: int | None = None,
        least_tardiness: int | None = None,
    ) -> DueDateShop:
        """Return a job shop with due dates as an instance; bounds on its makespan are dropped."""
        kept = {field.name: getattr(shop, field.name) for field in fields(JobShop)}
        kept |= {"lower_bound": None, "upper_bound": None}
        return cls(**kept, best_tardiness=best_tardiness, least_tardiness=least_tardiness)

    @property
    def reference(self) -> float | None:
        """Total weighted tardiness of the best known schedule, the reference of gaps."""
        return None if self.best_tardiness is None else float(self.best_tardiness)

    @property
    def bound(self) -> float:
        """The best lower bound: the published one or :attr:`certain_tardiness`."""
        return float(max(self.least_tardiness or 0, self.certain_tardiness))

    @cached_property
    def certain_tardiness(self) -> int:
        """The total weighted tardiness if no job ever waited for another."""
        return int(self.tardiness(self.ends(self.heads))["weighted_tardiness"])

    def _check_bounds(self) -> None:
        if self.due.size == 0:
            raise self._error("has no due dates; give its tightness")
        least = int(self.bound)
        if self.best_tardiness is not None and self.best_tardiness < least:
            raise self._error(
                f"has best tardiness {self.best_tardiness} below its lower bound {least}"
            )
