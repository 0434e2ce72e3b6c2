"""What ``drlapps data`` calls, and which prices a word means."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.market_data import commands, embedded, files, sources
from drlapps.finance.market_data import yahoo as yahoo_finance

if TYPE_CHECKING:
    from curl_cffi.requests import Session

    from .conftest import Yahoo

DAYS = np.arange("2015-01-05", "2015-01-10", dtype="datetime64[D]")


def test_list() -> None:
    rows = commands.list_data()
    assert [row["name"] for row in rows] == list(embedded.NAMES)
    table = {row["name"]: row for row in json.loads(json.dumps(rows))}
    djia, stocks = table["djia"], table["sp500-20"]
    assert (djia["assets"], djia["days"], djia["start"], djia["end"]) == (30, 508, None, None)
    assert (stocks["start"], stocks["end"]) == ("2010-01-04", "2022-12-28")
    assert stocks["licence"] == "BSD-3-Clause"
    assert any("survivorship" in caution for caution in stocks["cautions"])
    assert 1_500_000 < sum(row["bytes"] for row in rows) < 1_800_000


def test_fetch(yahoo: Yahoo, session: Session[object], tmp_path: Path) -> None:
    ticker = yahoo.add(DAYS, [1.0, 2.0, 3.0, 4.0, 5.0])
    # The prices come into the cache through the loopback server; the command finds them there.
    yahoo_finance.fetch([ticker], "2015-01-05", "2015-01-09", session=session)
    out = tmp_path / "out.csv"
    seen: list[tuple[int, str]] = []
    row = commands.fetch_data(
        [ticker],
        "2015-01-05",
        "2015-01-09",
        out=out,
        offline=True,
        on_progress=lambda done, text: seen.append((done, text)),
    )
    assert json.loads(json.dumps(row)) == row
    assert (row["tickers"], row["days"], row["out"]) == ([ticker], 5, str(out))
    assert (row["start"], row["end"]) == ("2015-01-05", "2015-01-09")
    assert files.read(out).hash == row["hash"]
    assert seen == [(0, ticker), (1, "done")]
    assert commands.fetch_data([ticker], "2015-01-06", "2015-01-07", offline=True)["out"] is None


def test_check_of_an_embedded_set() -> None:
    row = commands.check_data("googl")
    assert row == {
        "source": "googl",
        "assets": 1,
        "days": 2335,
        "start": "2009-05-22",
        "end": "2018-08-29",
        "findings": [],
        "ok": True,
    }


def test_check_of_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("date,A\n2020-01-03,1.125\n2020-01-02,\n")
    row = commands.check_data(path)
    assert json.loads(json.dumps(row)) == row
    assert (row["source"], row["assets"], row["days"]) == (str(path), 1, 2)
    assert (row["start"], row["end"], row["ok"]) == ("2020-01-02", "2020-01-03", False)
    assert row["findings"][0] == {
        "kind": "unsorted-date",
        "asset": "",
        "where": "2020-01-02 (line 3)",
        "message": "this day stands after 2020-01-03",
        "severity": "error",
    }


def test_warnings_alone_are_all_right(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("date,A\n2020-01-02,1.1234567\n2020-01-03,1.1234568\n2020-12-31,1.125\n")
    row = commands.check_data(path)
    assert [finding["severity"] for finding in row["findings"]] == ["warning"]
    assert row["ok"]


def test_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "djia").write_text("A\n1\n2\n")
    (tmp_path / "mine").write_text("A\n1\n2\n")
    assert sources.find("DJIA") is embedded.load("djia")
    assert sources.find("./djia").assets == ("A",)
    assert sources.find("mine").name == "mine"
    assert sources.find(tmp_path / "mine").source == str(tmp_path / "mine")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("sp500-02", "unknown price set or file 'sp500-02'; did you mean sp500"),
        ("none.csv", "there is no file 'none.csv'"),
        ("some/where", "there is no file 'some/where'"),
    ],
)
def test_unknown_sources(source: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        sources.find(source)
