"""The price sets that come with the package.

============  ====  ======  ========================  ================================
name          days  assets  period                    market
============  ====  ======  ========================  ================================
``nyse-o``    5652      36  1962-07 to 1984-12        New York, Cover's classic set
``nyse-n``    6432      23  1985-01 to 2010-06        New York, its continuation
``tse``       1260      88  1994-01 to 1998-12        Toronto
``sp500``     1277      25  1998-01 to 2003-01        largest stocks of the S&P 500
``msci``      1044      24  2006-04 to 2010-03        country indices of MSCI World
``djia``       508      30  2001-01 to 2003-01        Dow Jones Industrial Average
``sp500-20``  3270      20  2010-01-04 to 2022-12-28  stocks of the S&P 500, dated
``googl``     2335       1  2009-05-22 to 2018-08-29  Alphabet, with opens and volumes
============  ====  ======  ========================  ================================

The first six are the benchmark of online portfolio selection (Li, Sahoo and Hoi, 2016): price
relatives of anonymous assets on undated days. Their first row of prices is one for every asset,
so that a set of ``n`` relatives has ``n + 1`` days. ``data/README.md`` says where everything
comes from and what not to conclude from it.

References:
    Li, B., Sahoo, D., Hoi, S. C. H. (2016). OLPS: A toolbox for on-line portfolio selection.
    Journal of Machine Learning Research, 17(35), 1-5.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from drlapps.errors import unknown
from drlapps.finance.market_data.prices import FloatArray, Prices

DATA = Path(__file__).with_name("data")

SURVIVORS = "survivorship: the assets were chosen knowing that they would last, so returns flatter"
ANONYMOUS = "assets are anonymous and days undated in the source"


@dataclass(frozen=True)
class _Origin:
    """What is known of an embedded set besides its numbers."""

    source: str
    licence: str
    cautions: tuple[str, ...]


def _olps(market: str, *cautions: str) -> _Origin:
    source = f"{market}; universal-portfolios 0.4.17, identical to the OLPS toolbox"
    licence = "Feedback MIT License (OLPS: Apache-2.0)"
    return _Origin(source, licence, (*cautions, ANONYMOUS))


_ORIGINS = {
    "nyse-o": _olps(
        "New York Stock Exchange, 1962-07 to 1984-12",
        SURVIVORS,
        "rounding: price relatives are given to five decimals",
    ),
    "nyse-n": _olps(
        "New York Stock Exchange, 1985-01 to 2010-06",
        SURVIVORS,
        "rounding: most price relatives are given to five decimals",
    ),
    "tse": _olps(
        "Toronto Stock Exchange, 1994-01 to 1998-12",
        SURVIVORS,
        "rounding: price relatives are given to six digits",
    ),
    "sp500": _olps("25 stocks of the S&P 500, 1998-01 to 2003-01", SURVIVORS),
    "msci": _olps(
        "24 country indices of MSCI World, 2006-04 to 2010-03",
        "indices cannot be bought as such",
        "on one day no index changes",
    ),
    "djia": _olps(
        "30 stocks of the Dow Jones Industrial Average, 2001-01 to 2003-01",
        SURVIVORS,
        "asset-16 falls by 60 % on one day (row 470): perhaps a spin-off left unadjusted",
    ),
    "sp500-20": _Origin(
        "20 stocks of the S&P 500, 2010-01-04 to 2022-12-28; sp500_dataset of skfolio 1.12.2",
        "BSD-3-Clause",
        (
            "survivorship: all 20 stocks lasted to 2022; held equally they earn 15.7 % a year "
            "where the S&P 500 price index earns 9.9 %",
            "rounding: prices are rounded to 0.001",
            "the source calls them stale and meant for tests and examples only",
        ),
    ),
    "googl": _Origin(
        "Alphabet, 2009-05-22 to 2018-08-29; STOCKS_GOOGL of gym-anytrading 2.0.0",
        "MIT",
        ("survivorship: one stock, famous because it rose",),
    ),
}

NAMES = tuple(_ORIGINS)
"""Names of the embedded sets."""


def file(name: str) -> Path:
    """Return the file that holds an embedded set."""
    return DATA / f"{name}.csv.gz"


@cache
def load(name: str) -> Prices:
    """Return an embedded set; the second call returns the same object.

    Raises:
        InputError: if there is none of that name; suggests the nearest.
    """
    if name not in _ORIGINS:
        raise unknown("embedded price set", name, NAMES)
    origin = _ORIGINS[name]
    return replace(
        _read(name), source=origin.source, licence=origin.licence, cautions=origin.cautions
    )


def _read(name: str) -> Prices:
    header, *lines = gzip.decompress(file(name).read_bytes()).decode("ascii").splitlines()
    columns = tuple(header.split(","))
    if columns[0] != "date":
        return Prices(name, columns, _cumulated(_numbers(lines, 0, len(columns))))
    dates = np.array([line.partition(",")[0] for line in lines], dtype="datetime64[D]")
    values = _numbers(lines, 1, len(columns))
    if "close" not in columns:
        return Prices(name, columns[1:], values, dates)
    opens, closes, volumes = (
        values[:, [columns.index(field) - 1]] for field in ("open", "close", "volume")
    )
    return Prices(name, (name.upper(),), closes, dates, opens, volumes)


def _numbers(lines: list[str], first: int, stop: int) -> FloatArray:
    return np.loadtxt(lines, delimiter=",", usecols=range(first, stop), ndmin=2)


def _cumulated(relatives: FloatArray) -> FloatArray:
    """Return the prices, from one, of which these are the relatives of each day to the last."""
    return np.vstack([np.ones(relatives.shape[1]), np.cumprod(relatives, axis=0)])
