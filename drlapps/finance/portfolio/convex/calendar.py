"""Rebalancing calendars."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

CALENDARS: Mapping[str, int] = {
    "daily": 1,
    "weekly": 5,
    "monthly": 21,
    "quarterly": 63,
    "yearly": 252,
}
"""Names, and the trading days of a period where the data are undated."""


class Calendar:
    """Says when to rebalance, over one episode.

    Always at the first decision; then, on dates, at the first decision of each new week (from
    Monday), month, quarter or year, and without dates every 5, 21, 63 or 252 days.

    Args:
        name: one of :data:`CALENDARS`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._rebalanced: int | None = None

    def due(self, day: int, date: np.datetime64 | None) -> bool:
        """Tell whether to rebalance now, and take it as done.

        Args:
            day: days since the start of the episode.
            date: of the decision; ``None`` where the data are undated.
        """
        period = day // CALENDARS[self._name] if date is None else self._period(date)
        due = period != self._rebalanced
        self._rebalanced = period
        return due

    def _period(self, date: np.datetime64) -> int:
        """Return the number of the period that holds a date."""
        day = int(date.astype("datetime64[D]").astype(np.int64))
        month = int(date.astype("datetime64[M]").astype(np.int64))
        return {
            "daily": day,
            "weekly": (day + 3) // 7,  # 1 January 1970 was a Thursday
            "monthly": month,
            "quarterly": month // 3,
            "yearly": month // 12,
        }[self._name]
