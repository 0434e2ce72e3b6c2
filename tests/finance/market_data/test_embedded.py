"""The embedded sets against numbers of others."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import pytest

from drlapps.errors import InputError
from drlapps.finance.market_data import embedded
from drlapps.finance.market_data.prices import FloatArray

UNDATED = ("nyse-o", "nyse-n", "tse", "sp500", "msci", "djia")
README = (embedded.DATA / "README.md").read_text(encoding="utf-8")


def relatives(name: str) -> FloatArray:
    close = embedded.load(name).close
    return close[1:] / close[:-1]


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        # Li, Sahoo and Hoi (2016), table of data sets: days of relatives and assets.
        ("nyse-o", (5651, 36)),
        ("nyse-n", (6431, 23)),
        ("tse", (1259, 88)),
        ("sp500", (1276, 25)),
        ("msci", (1043, 24)),
        ("djia", (507, 30)),
    ],
)
def test_sizes(name: str, shape: tuple[int, int]) -> None:
    prices = embedded.load(name)
    assert relatives(name).shape == shape
    assert (prices.close[0] == 1).all()
    assert prices.dates is None
    assert prices.assets == tuple(f"asset-{i}" for i in range(1, shape[1] + 1))


@pytest.mark.parametrize(
    ("name", "market", "best", "constant"),
    [
        # The authors' OLPS toolbox run under Octave: uniform buy-and-hold, best stock, uniform
        # constant rebalanced portfolio.
        ("sp500", 1.341643866, 3.779182, 1.648713739),
        ("msci", 0.9063524627, 1.504023, 0.926836366),
        ("djia", 0.7643610323, 1.188360, 0.8127260665),
    ],
)
def test_wealth_of_the_olps_toolbox(name: str, market: float, best: float, constant: float) -> None:
    wealth = embedded.load(name).close[-1]
    assert wealth.mean() == pytest.approx(market, rel=5e-10)
    assert wealth.max() == pytest.approx(best, abs=5e-7)
    assert np.prod(relatives(name).mean(axis=1)) == pytest.approx(constant, rel=5e-10)


@pytest.mark.parametrize(
    ("name", "market", "best"),
    # Market and best stock in Li and Hoi (2012), On-line portfolio selection with moving average
    # reversion.
    [("nyse-o", 14.50, 54.14), ("nyse-n", 18.06, 83.51), ("tse", 1.61, 6.28)],
)
def test_wealth_in_the_literature(name: str, market: float, best: float) -> None:
    wealth = embedded.load(name).close[-1]
    assert wealth.mean() == pytest.approx(market, abs=0.005)
    assert wealth.max() == pytest.approx(best, abs=0.005)


def test_relatives_are_those_of_the_package() -> None:
    # First cells of two files of universal-portfolios 0.4.17, which are the first relatives.
    assert relatives("djia")[0, :3] == pytest.approx(
        [1.032425818293056, 1.0052290315833508, 0.9785338193600648], abs=1e-13
    )
    assert relatives("nyse-o")[0, :3] == pytest.approx([1.01515, 1.02765, 1.04183], abs=1e-13)
    # The one day on which no index of MSCI World moves.
    assert (relatives("msci") == 1).all(axis=1).sum() == 1


def test_the_dated_stocks() -> None:
    prices = embedded.load("sp500-20")
    assert prices.close.shape == (3270, 20)
    assert prices.assets[:3] == ("AAPL", "AMD", "BAC")
    assert prices.dates is not None
    assert [str(prices.dates[row]) for row in (0, -1)] == ["2010-01-04", "2022-12-28"]
    # Last row of skfolio's file.
    assert prices.close[-1, [0, 1, -1]].tolist() == [125.674, 62.57, 106.627]
    # Buy-and-hold 2010-22 measured with skfolio's own loader: 6.60.
    assert (prices.close[-1] / prices.close[0]).mean() == pytest.approx(6.60, abs=0.005)
    assert prices.between("2015", "2015") == (1258, 1509)


def test_the_stock_with_opens_and_volumes() -> None:
    prices = embedded.load("googl")
    assert prices.assets == ("GOOGL",)
    assert prices.dates is not None
    assert prices.open is not None
    assert prices.volume is not None
    # First and last row of gym-anytrading's file.
    assert [str(prices.dates[row]) for row in (0, -1)] == ["2009-05-22", "2018-08-29"]
    assert (prices.open[0, 0], prices.close[0, 0]) == (198.528534, 196.946945)
    assert (prices.open[-1, 0], prices.close[-1, 0]) == (1255.0, 1264.650024)
    assert prices.volume[[0, -1], 0].tolist() == [3433700, 1846300]
    assert len(prices.close) == 2335


@pytest.mark.parametrize("name", embedded.NAMES)
def test_every_set_is_documented(name: str) -> None:
    prices = embedded.load(name)
    assert prices.name == name
    assert embedded.load(name) is prices
    assert prices.source
    assert prices.licence
    assert prices.cautions
    data = embedded.file(name).read_bytes()
    assert f"{hashlib.sha256(data).hexdigest()}  {name}.csv.gz" in README
    assert re.search(rf"`{name}\.csv\.gz` \|.*\| {len(data):,} \|", README)
    # Compressed without a time stamp.
    assert data[4:8] == bytes(4)


def test_every_file_is_a_set() -> None:
    files = {path.name for path in embedded.DATA.glob("*.gz")}
    assert files == {f"{name}.csv.gz" for name in embedded.NAMES}
    notices = (embedded.DATA / "LICENSES.md").read_text(encoding="utf-8")
    for name in embedded.NAMES:
        assert f"`{name}`" in notices


def test_unknown_set() -> None:
    with pytest.raises(InputError, match="unknown embedded price set 'djai'; did you mean djia"):
        embedded.load("djai")
