"""What the check finds, where it says it is, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drlapps.errors import InputError
from drlapps.finance.market_data import embedded
from drlapps.finance.market_data.check import Finding, check
from drlapps.finance.market_data.prices import FloatArray, Prices

DAYS = 500
DATES = np.busday_offset("2015-01-01", np.arange(DAYS), roll="forward")
MIDDLE = str(DATES[250])


def walk(assets: int = 1, deviation: float = 0.015) -> FloatArray:
    """Return prices whose daily log returns are normal with the given deviation."""
    returns = np.random.default_rng(7).normal(0, deviation, (DAYS, assets))
    return 100 * np.exp(np.cumsum(returns, axis=0))


def prices(close: FloatArray) -> Prices:
    return Prices("p", tuple("ABCDE"[: close.shape[1]]), close, DATES)


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    return path


def brief(findings: list[Finding]) -> list[tuple[str, str, str, str]]:
    return [(f.kind, f.asset, f.where, f.severity) for f in findings]


def test_nothing_wrong() -> None:
    assert check(prices(walk(5))) == []


# --- defects ---------------------------------------------------------------------------------


def test_defects_of_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    text = """date,A,B
2020-01-02,10.25,1.125
2020-01-03,,1.127
2020-01-06,,-1.129
2020-01-06,10.31,x
2020-01-05,10.33,1.131
soon,10.37,1.133
"""
    findings = check(csv(tmp_path, text))
    assert brief(findings) == [
        ("unreadable", "B", "line 5", "error"),
        ("unreadable", "", "line 7", "error"),
        ("duplicate-date", "", "2020-01-06 (line 5)", "error"),
        ("unsorted-date", "", "2020-01-05 (line 6)", "error"),
        ("missing", "A", "2020-01-03 (line 3)", "error"),
        ("non-positive", "B", "2020-01-06 (line 4)", "error"),
    ]
    assert findings[4].message == "has no close until 2020-01-06 (line 4)"
    assert str(findings[5]) == "2020-01-06 (line 4): B has the impossible close -1.129"


def test_long_tables(tmp_path: Path) -> None:
    text = """date,ticker,close,open,volume
2020-01-02,A,10.25,1.1,5
2020-01-02,B,10.25,,5
2020-01-03,A,10.26,0,5
2020-01-06,A,10.28,1.2,-5
2020-01-06,B,10.29,1.2,
2020-01-06,B,10.27,1.2,5
"""
    assert brief(check(csv(tmp_path, text))) == [
        ("duplicate-date", "B", "2020-01-06 (line 7)", "error"),
        ("non-positive", "A", "2020-01-03 (line 4)", "error"),
        ("non-positive", "A", "2020-01-06 (line 5)", "error"),
        ("missing", "B", "2020-01-02 (line 3)", "error"),
        ("missing", "B", "2020-01-06 (line 6)", "error"),
        ("gap", "B", "2020-01-03", "error"),
    ]


def test_many_findings_are_cut_short(tmp_path: Path) -> None:
    cells = "\n".join("1.25" if i % 2 else "?" for i in range(40))
    findings = check(csv(tmp_path, f"A\n{cells}\n"))
    assert [finding.kind for finding in findings] == ["unreadable"] * 5 + ["stale", "rounding"]
    assert findings[4].message == "'?' is not a number (and 15 more findings like this)"


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        check(tmp_path / "none.csv")


# --- suspicions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "split"),
    [
        (1 / 2, "a split 2 for 1 left unadjusted?"),
        (1 / 3, "a split 3 for 1 left unadjusted?"),
        (2 / 3, "a split 3 for 2 left unadjusted?"),
        (1 / 20, "a split 20 for 1 left unadjusted?"),
        (2.0, "a reverse split 1 for 2 left unadjusted?"),
        (10.0, "a reverse split 1 for 10 left unadjusted?"),
    ],
)
def test_splits(factor: float, split: str) -> None:
    close = walk(2)
    close[250:, 1] *= factor
    findings = check(prices(close))
    assert brief(findings) == [("split", "B", MIDDLE, "error")]
    assert findings[0].message.endswith(split)


def test_a_volatile_asset_has_no_splits_for_sure() -> None:
    close = walk(1, deviation=0.05)
    close[250:] *= close[249] / close[250] / 2
    assert brief(check(prices(close))) == [("split", "A", MIDDLE, "warning")]


def test_a_crash_is_no_split() -> None:
    close = walk()
    close[250:] *= 0.58
    findings = check(prices(close))
    assert brief(findings) == [("extreme", "A", MIDDLE, "warning")]


@pytest.mark.parametrize("days", [1, 3])
def test_a_bad_quote_is_one_finding(days: int) -> None:
    close = walk()
    close[250 : 250 + days] *= 0.5
    findings = check(prices(close))
    assert brief(findings) == [("extreme", "A", MIDDLE, "warning")]
    assert f"is back after {days} day" in findings[0].message


def test_gaps() -> None:
    kept = np.delete(np.arange(DAYS), np.s_[100:110])
    raw = Prices("p", ("A", "B"), walk(2)[kept], DATES[kept])
    findings = check(raw)
    assert brief(findings) == [("gap", "", str(DATES[99]), "warning")]
    assert findings[0].message.endswith(f"until {DATES[110]}")


def test_weekly_prices_have_no_gaps() -> None:
    weekly = DATES[0] + 7 * np.arange(DAYS)
    assert check(Prices("p", ("A",), walk(), weekly)) == []


def test_stale_prices() -> None:
    close = walk(3)
    close[100:112, 0] = close[100, 0]
    close[200:210, 1] = close[200, 1]
    close[::2, 2] = close[1::2, 2]
    findings = check(prices(close))
    assert brief(findings) == [
        ("stale", "A", str(DATES[100]), "warning"),
        ("stale", "C", str(DATES[0]), "warning"),
    ]
    assert findings[0].message == f"is unchanged for 11 days, until {DATES[111]}"
    assert findings[1].message == "is unchanged on 50% of all days"


def test_rounding() -> None:
    close = walk(2).round(2)
    close[:, 1] = (close[:, 1] / 40).round(2)
    findings = check(prices(close))
    assert brief(findings) == [("rounding", "B", str(DATES[0]), "warning")]
    assert findings[0].message.startswith("is given in steps of 0.01, more than 0.1% of its price")


def test_the_traps_of_the_embedded_sets() -> None:
    assert check(embedded.load("googl")) == []
    assert check(embedded.load("msci")) == []
    djia = check(embedded.load("djia"))
    assert brief(djia)[0] == ("split", "asset-16", "row 470", "error")
    assert [f.where for f in check(embedded.load("sp500-20")) if f.asset == "RRC"] == ["2020-03-13"]


@given(st.data())
def test_an_injected_defect_is_found_where_it_is(data: st.DataObject) -> None:
    row = data.draw(st.integers(10, DAYS - 10))
    column = data.draw(st.integers(0, 2))
    close = walk(3)
    close[row:, column] *= data.draw(st.sampled_from([1 / 4, 1 / 3, 1 / 2, 2.0, 3.0, 4.0]))
    found = brief(check(prices(close)))
    assert found == [("split", "ABC"[column], str(DATES[row]), "error")]
