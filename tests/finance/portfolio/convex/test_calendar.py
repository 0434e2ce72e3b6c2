"""Rebalancing calendars, against pandas' periods."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.finance.portfolio.convex.calendar import CALENDARS, Calendar

PERIODS = {"daily": "D", "weekly": "W-SUN", "monthly": "M", "quarterly": "Q", "yearly": "Y"}


@pytest.mark.parametrize("name", PERIODS)
@pytest.mark.parametrize("unit", ["D", "ns"])
def test_on_dates_it_is_the_first_decision_of_a_period(name: str, unit: str) -> None:
    dates = pd.bdate_range("1968-11-27", "1973-02-02")
    calendar = Calendar(name)
    due = [calendar.due(i, np.datetime64(date, unit)) for i, date in enumerate(dates)]
    periods = dates.to_period(PERIODS[name])
    assert due == [True, *(periods[1:] != periods[:-1])]


@given(st.sampled_from(sorted(CALENDARS)), st.integers(0, 600))
def test_undated_it_is_every_so_many_days(name: str, days: int) -> None:
    calendar = Calendar(name)
    due = [day for day in range(days) if calendar.due(day, None)]
    assert due == list(range(0, days, CALENDARS[name]))


def test_a_period_is_not_missed_when_its_first_days_are() -> None:
    calendar = Calendar("monthly")
    dates = ["2020-01-31", "2020-02-20", "2020-02-21", "2021-02-01"]
    found = [calendar.due(0, np.datetime64(date)) for date in dates]
    assert found == [True, True, False, True]
