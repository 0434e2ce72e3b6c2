"""The value Prices: what it holds, what it refuses, ranges of dates."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.finance.market_data.prices import Prices, period

CLOSE = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
DATES = np.array(["2020-01-31", "2020-02-03", "2021-06-01"], dtype="datetime64[D]")


def prices(**changes: object) -> Prices:
    base = Prices("two", ("A", "B"), CLOSE, DATES, CLOSE * 0.99, CLOSE * 1000)
    return replace(base, **changes)  # type: ignore[arg-type]


def test_it_cannot_change_and_does_not_follow_its_source() -> None:
    source = CLOSE.copy()
    value = prices(close=source)
    source[0, 0] = 99
    assert value.close[0, 0] == 1.0
    for array in (value.close, value.open, value.volume, value.dates):
        assert array is not None
        assert not array.flags.writeable
    with pytest.raises(FrozenInstanceError):
        value.name = "other"  # type: ignore[misc]


def test_hash_depends_on_the_content_only() -> None:
    value = prices()
    assert value.hash == prices(name="other", source="s", licence="l", cautions=("c",)).hash
    others = [
        prices(assets=("A", "C")),
        prices(close=CLOSE * (1 + 1e-15)),
        prices(dates=DATES + 1),
        prices(dates=None),
        prices(open=None),
        prices(volume=None),
        prices(open=None, volume=CLOSE * 0.99),
    ]
    assert len({value.hash, *(other.hash for other in others)}) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"assets": ()}, "have no assets"),
        ({"assets": ("A", "A")}, "name the asset A twice"),
        ({"assets": ("A", " B")}, "an asset named ' B', which is no printable name"),
        ({"assets": ("A", "")}, "an asset named ''"),
        ({"assets": ("A", "B\n")}, r"an asset named 'B\\n'"),
        ({"close": CLOSE[:, :1]}, r"closes of shape \(3, 1\), not \(days, 2\)"),
        ({"close": CLOSE[:, 0]}, r"closes of shape \(3,\)"),
        ({"close": CLOSE[:0], "dates": None}, "have no days"),
        ({"close": CLOSE * [[1, 1], [1, np.nan], [1, 1]]}, "no close of B on 2020-02-03"),
        ({"close": CLOSE * [[1, 1], [1, np.inf], [1, 1]]}, "no close of B on 2020-02-03"),
        ({"close": CLOSE * [[1, 1], [1, 1], [0, 1]]}, "impossible 0 as close of A on 2021-06-01"),
        ({"close": -CLOSE, "dates": None}, "impossible -1 as close of A on row 0"),
        ({"open": CLOSE * 0}, "impossible 0 as open of A on 2020-01-31"),
        ({"volume": -CLOSE}, "impossible -1 as volume of A on 2020-01-31"),
        ({"volume": CLOSE * np.nan}, "no volume of A on 2020-01-31"),
        ({"open": CLOSE[:2]}, r"open of shape \(2, 2\), not \(3, 2\)"),
        ({"dates": DATES[:2]}, r"3 days but dates of shape \(2,\)"),
        ({"dates": DATES[[0, 0, 2]]}, r"have 2020-01-31 twice \(row 1\)"),
        ({"dates": DATES[[0, 2, 1]]}, r"have 2020-02-03 after 2021-06-01 \(row 2\)"),
        ({"dates": np.array(["2020-01-01", "NaT", "2020-01-03"])}, "have no date in row 1"),
    ],
)
def test_refusals(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=f"^the prices 'two' .*{message}"):
        prices(**changes)


def test_volume_may_be_zero() -> None:
    assert prices(volume=CLOSE * 0).volume is not None


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (None, None, (0, 2)),
        ("2020-01-31", "2021-06-01", (0, 2)),
        ("2020-02", None, (1, 2)),
        (None, "2020-02", (0, 1)),
        ("2020-02-01", "2020-02-29", (1, 1)),
        (None, "2020", (0, 1)),
        ("2021", "2021", (2, 2)),
        ("1900", "2100-01-01", (0, 2)),
    ],
)
def test_between(start: str | None, end: str | None, rows: tuple[int, int]) -> None:
    assert prices().between(start, end) == rows


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("2022", None, "no day from 2022 to the end; they run from 2020-01-31 to 2021-06-01"),
        (None, "2019", "no day from the beginning to 2019; they run"),
        ("2020-03", "2021-05", "no day from 2020-03 to 2021-05; they run"),
        ("2021", "2020", "no day from 2021 to 2020; they run"),
        ("tomorrow", None, "'tomorrow' is not a date such as"),
        (None, "2020-02-30", "'2020-02-30' is not a date such as"),
        ("2020-1-1", None, "'2020-1-1' is not a date such as"),
        ("", None, "'' is not a date such as"),
    ],
)
def test_between_refuses(start: str | None, end: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        prices().between(start, end)


def test_undated_prices_cannot_be_cut_by_date() -> None:
    undated = prices(dates=None)
    assert undated.between(None, None) == (0, 2)
    with pytest.raises(InputError, match="have no dates, so nothing from 2020 to the end"):
        undated.between("2020", None)


@given(st.dates())
def test_a_period_has_both_ends(day: object) -> None:
    text = str(day)
    assert [str(end) for end in period(text)] == [text, text]
    first, last = period(text[:7])
    assert first <= np.datetime64(text) <= last
    assert str(first)[8:] == "01"
    assert str(last + 1)[8:] == "01"
    assert [str(end)[4:] for end in period(text[:4])] == ["-01-01", "-12-31"]
