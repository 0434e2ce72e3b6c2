"""Price files: both layouts, what is refused and where, round trips."""

from __future__ import annotations

import gzip
import tempfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drlapps.errors import Failure, InputError
from drlapps.finance.market_data import files
from drlapps.finance.market_data.prices import Prices

DAYS = ["2020-01-02", "2020-01-03", "2020-01-06"]


def read(tmp_path: Path, text: str, name: str = "mine.csv") -> Prices:
    (tmp_path / name).write_text(text)
    return files.read(tmp_path / name)


def dates(prices: Prices) -> list[str]:
    assert prices.dates is not None
    return [str(day) for day in prices.dates]


# --- round trips -----------------------------------------------------------------------------


@st.composite
def some_prices(draw: st.DrawFn) -> Prices:
    name = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=6)
    names = name.map(str.strip).filter(lambda text: text and text.isprintable())
    special = st.sampled_from(["close", "Date", "TICKER", "a,b", 'a"b', "1.5", "nan", "2020-01-01"])
    assets = draw(st.lists(names | special, min_size=1, max_size=4, unique=True))
    days = draw(st.integers(1, 5))

    def table(least: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        number = st.floats(least, 1e300)
        row = st.lists(number, min_size=len(assets), max_size=len(assets))
        return np.array(draw(st.lists(row, min_size=days, max_size=days)))

    known = None
    if draw(st.booleans()):
        span = st.dates(date(1900, 1, 1), date(2100, 1, 1))
        chosen = draw(st.lists(span, min_size=days, max_size=days, unique=True))
        known = np.array(sorted(chosen), dtype="datetime64[D]")
    return Prices(
        "mine",
        tuple(assets),
        table(1e-300),
        known,
        table(1e-300) if draw(st.booleans()) else None,
        table(0.0) if draw(st.booleans()) else None,
    )


@settings(max_examples=50)
@given(some_prices())
def test_round_trip(prices: Prices) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "mine.csv"
        files.write(prices, path)
        again = files.read(path)
    assert again.hash == prices.hash
    assert again.name == "mine"


def test_the_layout_written(tmp_path: Path) -> None:
    days = np.array(DAYS[:2], dtype="datetime64[D]")
    close = np.array([[1.5, 10.0], [2.0, 0.1]])
    path = tmp_path / "out.csv"
    files.write(Prices("x", ("A", "B"), close, days), path)
    assert path.read_text() == "date,A,B\n2020-01-02,1.5,10.0\n2020-01-03,2.0,0.1\n"
    files.write(Prices("x", ("A", "B"), close, days, close, close * 10), path)
    assert path.read_text().splitlines()[:3] == [
        "date,asset,open,close,volume",
        "2020-01-02,A,1.5,1.5,15.0",
        "2020-01-02,B,10.0,10.0,100.0",
    ]
    with pytest.raises(InputError, match="cannot write"):
        files.write(Prices("x", ("A", "B"), close, days), tmp_path / "none" / "out.csv")


# --- wide ------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["date", "Date", "Datetime", "", "Unnamed: 0", "Datum"])
def test_wide_with_dates(tmp_path: Path, first: str) -> None:
    text = f"{first},AAPL,LOW\n2020-01-02,1,10\n2020-01-03 00:00:00-05:00,2,20\n\n"
    prices = read(tmp_path, text)
    assert prices.assets == ("AAPL", "LOW")
    assert prices.close.tolist() == [[1, 10], [2, 20]]
    assert dates(prices) == ["2020-01-02", "2020-01-03"]
    assert (prices.name, prices.open, prices.volume) == ("mine", None, None)


def test_wide_without_dates(tmp_path: Path) -> None:
    prices = read(tmp_path, "A,B\r\n1,10\r\n2,20\r\n")
    assert (prices.assets, prices.dates) == (("A", "B"), None)
    counted = read(tmp_path, ",A,B\n0,1,10\n1,2,20\n")
    assert counted.hash == prices.hash


def test_one_column_and_compact_dates(tmp_path: Path) -> None:
    prices = read(tmp_path, "\ufeffdate,INDEX\n20200102,1e3\n20200103, 1001.5 \n")
    assert prices.close[:, 0].tolist() == [1000.0, 1001.5]
    assert dates(prices) == DAYS[:2]


def test_compressed(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv.gz"
    path.write_bytes(gzip.compress(b"A\n1\n2\n"))
    assert files.read(path).name == "mine"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"cannot read .*mine\.csv\.gz"):
        files.read(path)


# --- long ------------------------------------------------------------------------------------


def test_long_in_any_order_and_case(tmp_path: Path) -> None:
    text = """Volume,TICKER,adj_close,Sector,Close,DATE,Open
100,B,5.0,x,10,2020-01-02,8
200,A,3.0,x,3,2020-01-02,2
300,B,6.0,x,12,2020-01-03,11
400,A,4.0,x,4,2020-01-03,5
"""
    prices = read(tmp_path, text)
    assert prices.assets == ("B", "A")
    assert dates(prices) == DAYS[:2]
    assert prices.open is not None
    assert prices.volume is not None
    assert prices.close.tolist() == [[5, 3], [6, 4]]
    # B's opens are halved as its closes are.
    assert prices.open.tolist() == [[4, 2], [5.5, 5]]
    assert prices.volume.tolist() == [[100, 200], [300, 400]]


def test_long_by_asset_without_dates(tmp_path: Path) -> None:
    prices = read(tmp_path, "symbol,close\nA,1\nA,2\nB,3\nB,4\n")
    assert prices.close.tolist() == [[1, 3], [2, 4]]
    assert prices.dates is None


def test_one_asset_is_named_after_the_file(tmp_path: Path) -> None:
    text = "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,2,4,1,4,2,7\n"
    prices = read(tmp_path, text, "GOOGL.csv")
    assert prices.assets == ("GOOGL",)
    assert prices.open is not None
    assert (prices.open[0, 0], prices.close[0, 0]) == (1.0, 2.0)


def test_adjusted_closes_alone_leave_the_opens_out(tmp_path: Path) -> None:
    prices = read(tmp_path, "date,open,adj close\n2020-01-02,2,4\n")
    assert prices.open is None
    assert prices.close.tolist() == [[4]]


# --- Parquet ---------------------------------------------------------------------------------


def test_parquet_needs_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(path: Path) -> pd.DataFrame:
        raise ImportError("Unable to find a usable engine")

    monkeypatch.setattr(pd, "read_parquet", missing)
    (tmp_path / "mine.parquet").touch()
    with pytest.raises(Failure, match="Parquet needs pyarrow, which is not installed"):
        files.read(tmp_path / "mine.parquet")


WIDE = pd.DataFrame({"A": [1.0, 2.0], "B": [10, 20]})
INDEX = pd.DatetimeIndex(DAYS[:2])
FRAMES = {
    "dated": WIDE.set_index(INDEX),
    "named": WIDE.set_index(INDEX.rename("Date")),
    "zoned": WIDE.set_index(INDEX.tz_localize("America/New_York")),
    "column": WIDE.assign(date=DAYS[:2])[["date", "A", "B"]],
    "filtered": WIDE.assign(date=DAYS[:2])[["date", "A", "B"]].set_index(pd.Index([3, 7])),
    "long": pd.DataFrame(
        {"date": [DAYS[0]] * 2 + [DAYS[1]] * 2, "ticker": [*"ABAB"], "close": [1, 10, 2, 20]}
    ),
}


@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("stored", [False, True], ids=["in memory", "on disk"])
def test_parquet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame, stored: bool
) -> None:
    path = tmp_path / "mine.parquet"
    if stored:
        pytest.importorskip("pyarrow")
        frame.to_parquet(path)
    else:
        path.touch()
        monkeypatch.setattr(pd, "read_parquet", lambda _: frame)
    prices = files.read(path)
    assert prices.assets == ("A", "B")
    assert prices.close.tolist() == [[1, 10], [2, 20]]
    assert dates(prices) == DAYS[:2]


def test_parquet_without_dates_and_with_holes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.parquet"
    path.touch()
    monkeypatch.setattr(pd, "read_parquet", lambda _: WIDE)
    assert files.read(path).dates is None
    monkeypatch.setattr(pd, "read_parquet", lambda _: WIDE.shift())
    with pytest.raises(InputError, match=r"mine\.parquet, row 0: A has no close"):
        files.read(path)
    levels = pd.concat({"Close": WIDE}, axis=1)
    monkeypatch.setattr(pd, "read_parquet", lambda _: levels)
    with pytest.raises(InputError, match="rows or columns of several levels"):
        files.read(path)


# --- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", " is empty"),
        ("date,A\n", " has no row of prices"),
        ("date\n2020-01-02\n", " has dates but no column of prices"),
        ("date,A,A\n2020-01-02,1,1\n", " has two columns named 'A'"),
        ("date,A,\n2020-01-02,1,1\n", ": column 3 has no name"),
        ("date,ticker,price\n2020-01-02,A,1\n", " has a column 'ticker' but no column 'close'"),
        ('date,A\n"2020-01-02,1\n', ", line 2: "),
        ("date,A\n2020-01-02,1\n2020-01-03,\n", r", 2020-01-03 \(line 3\): A has no close"),
        ("date,A\n2020-01-02,1\n2020-01-03,n/a\n", r", 2020-01-03 \(line 3\): A has no close"),
        ("A,B\n1,2\n\n3,x\n", ", line 4: B 'x' is not a number"),
        ("A,B\n1,2\n3,inf\n", ", line 3: B 'inf' is not a number"),
        ("A\n1\n0\n", ", line 3: A has the impossible close 0"),
        ("A,B\n1,2\n3\n", ", line 3: 1 cells where the header has 2"),
        ("date,A\n2020-01-02,1\n02/01/2020,2\n", ", line 3: column 'date': '02/01/2020' is not"),
        ("date,A\n2020-01-02,1\n2020-02-30,2\n", ", line 3: column 'date': '2020-02-30' is not"),
        ("date,A\n2020-01-02,1\n2020-01-02,2\n", r", 2020-01-02 \(line 3\): this day stands twice"),
        (
            "date,A\n2020-01-03,1\n2020-01-02,2\n",
            r", 2020-01-02 \(line 3\): this day stands after 2020-01-03",
        ),
        (
            "date,ticker,close\n2020-01-02,A,1\n2020-01-02,B,1\n2020-01-03,B,2\n",
            ", 2020-01-03: A lacks 1 of 2 days that other assets have",
        ),
        ("ticker,close\nA,1\nB,1\nB,2\n", ", line 2: A has 1 of the 2 rows that other assets have"),
        ("ticker,close\nA,1\n,1\n", ", line 3: column 'ticker': the cell is empty"),
        ("close,volume\n1,-1\n", ", line 2: mine has the impossible volume -1"),
        ("open,close,adj close\n1,,1\n", ", line 2: mine has no close"),
    ],
)
def test_malformed(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"mine\.csv{message}") as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        files.read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="is a directory, not a price file"):
        files.read(tmp_path)
    (tmp_path / "mine.csv").write_bytes(b"A\n\xff\n")
    with pytest.raises(InputError, match=r"is not UTF-8 text \(byte 2\)"):
        files.read(tmp_path / "mine.csv")


def refusal(text: str) -> str:
    """Return why a file is refused, nothing if it is read; any other error is a defect."""
    with tempfile.TemporaryDirectory() as directory:
        try:
            read(Path(directory), text)
        except InputError as error:
            return str(error)
    return ""


@given(st.text(st.sampled_from('date,close\nABx"012.-\n'), max_size=60))
def test_any_text_is_read_or_refused_in_a_sentence(text: str) -> None:
    message = refusal(text)
    assert not message or "mine.csv" in message


def test_a_long_file_of_many_days(tmp_path: Path) -> None:
    days = [str(date(2000, 1, 1) + timedelta(days=i)) for i in range(2000)]
    rows = [f"{day},{asset},{i + 1}" for i, day in enumerate(days) for asset in "ABCDE"]
    prices = read(tmp_path, "\n".join(["date,ticker,close", *rows]))
    assert prices.close.shape == (2000, 5)
    assert (prices.close[:, 3] == np.arange(1, 2001)).all()
