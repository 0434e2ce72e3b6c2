"""Portfolio pools: windows of market history to train on, to validate on and to test on.

=============  ==========================================================================
pool           instances
=============  ==========================================================================
``train``      :class:`Windows`, drawn from the classic sets of online portfolio selection (all
               before July 2010), or from data of one's own before a date
``validation`` years of those sets that the training windows and their look-back never touch
``test``       the calendar years 2011 to 2022 of twenty S&P 500 stocks
``toy``        two tiny price tables whose best wealth a reader can work out
=============  ==========================================================================

A name is that of an embedded set or the path of a price file, alone or with a range of dates:
``djia``, ``sp500-20:2015-01-01..2016-12-31``, ``prices.csv:2020-01-01..2021-12-31``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from drlapps.errors import InputError
from drlapps.finance.market_data import embedded
from drlapps.finance.market_data.prices import Prices
from drlapps.finance.portfolio.market import Market

__all__ = ["Window", "Windows", "market", "named", "test", "toy", "train", "validation"]

OLPS_SETS = ("nyse-o", "nyse-n", "tse", "sp500", "msci", "djia")
"""The undated sets, traded by the convention of the OLPS toolbox."""

CLASSIC = "classic"
"""Stands for all of them; all their days are before July 2010."""

DATED = "sp500-20"
LOOK_BACK = 252
"""Days before a window that its observations and estimates reach back to."""

LEAST_HISTORY = 3 * 252
"""Closes that dated data must have to be learnt from: for a window, a year that validates, and the
look-back between them."""

TEST_YEARS = range(2011, 2023)
_YEAR = 252
_LAST_YEARS = {"nyse-o": 4, "nyse-n": 4, "msci": 4}
"""Years at the end of a classic set that validation keeps; the others have none."""


@dataclass(frozen=True, eq=False)
class Window:
    """A stretch of a market's history, traded from its first close to its last.

    Attributes:
        name: what people call it.
        market: the price table; days before ``begin`` are what may be learnt from.
        columns: the assets traded, as columns of the table.
        begin: row of the first close.
        end: row of the last close.
        cost_scale: factor on the environment's trading costs.
        reference: best possible terminal wealth without costs, where it is known.
    """

    name: str
    market: Market
    columns: tuple[int, ...]
    begin: int
    end: int
    cost_scale: float = 1.0
    reference: float | None = None

    @property
    def bound(self) -> float | None:
        """A proven bound on the terminal wealth of a portfolio without debts."""
        return self.reference

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets."""
        return tuple(self.market.prices.assets[column] for column in self.columns)

    @cached_property
    def hash(self) -> str:
        """Digest of prices, assets, days and level of costs."""
        parts = (self.market.prices.hash, self.market.olps, self.columns, self.begin, self.end,
                 self.cost_scale)  # fmt: skip
        return hashlib.sha256(repr(parts).encode()).hexdigest()

    def dates(self) -> list[str] | None:
        """Return the dates of the closes from first to last, where there are any."""
        dates = self.market.prices.dates
        return None if dates is None else [str(day) for day in dates[self.begin : self.end + 1]]

    def days(self) -> list[str]:
        """Return what the closes from first to last are called: dates, or numbers from 0."""
        return self.dates() or [str(day) for day in range(self.end - self.begin + 1)]


@dataclass(frozen=True)
class Windows:
    """A pool without end: windows drawn at random from several markets.

    Attributes:
        ranges: (market, first row, last row) to draw from.
        days: closes of a window.
        assets: least and most assets of a window, drawn without regard to order.
        cost_scale: least and greatest factor on trading costs, drawn log-uniformly.
    """

    ranges: tuple[tuple[Market, int, int], ...]
    days: int
    assets: tuple[int, int]
    cost_scale: tuple[float, float]

    def sample(self, rng: np.random.Generator) -> Window:
        """Draw a market by the length of its history, then days, assets and costs."""
        lengths = np.array([last - first for _, first, last in self.ranges], np.float64)
        at, first, last = self.ranges[int(rng.choice(len(lengths), p=lengths / lengths.sum()))]
        days = min(self.days, last - first + 1)
        begin = int(rng.integers(first, last - days + 2))
        there = len(at.prices.assets)
        most = min(self.assets[1], there)
        count = int(rng.integers(min(self.assets[0], most), most + 1))
        columns = tuple(int(column) for column in rng.permutation(there)[:count])
        low, high = np.log(self.cost_scale)
        scale = float(np.exp(rng.uniform(low, high)))
        name = f"{at.prices.name}:{begin}..{begin + days - 1}"
        return Window(name, at, columns, begin, begin + days - 1, scale)

    def largest(self) -> Window:
        """Return a window of the most assets and days that can be drawn."""
        at, first, _ = max(self.ranges, key=lambda entry: len(entry[0].prices.assets))
        count = min(self.assets[1], len(at.prices.assets))
        span = max(min(self.days, last - first + 1) for _, first, last in self.ranges)
        return Window("largest", at, tuple(range(count)), first, first + span - 1)


def train(
    *,
    data: str = CLASSIC,
    until: str = "",
    without: str = "",
    days: int = _YEAR,
    assets: tuple[int, int] = (10, 30),
    cost_scale: tuple[float, float] = (0.5, 2.0),
) -> Windows:
    """Return the generator of training windows.

    Args:
        data: names of embedded sets or price files, by semicolons; ``classic`` for the six classic
            sets of online portfolio selection.
        until: last date of dated data; their last year up to it validates.
        without: spans of dates of dated data, ``START..END`` by semicolons, that are not learnt
            from, nor are the days that look back on them; then only the classic sets validate.
        days: closes of a window.
        assets: least and most assets of a window.
        cost_scale: least and greatest factor on trading costs.

    Raises:
        InputError: an argument is impossible, or the data are too short.
    """
    if days < 2 or not 1 <= assets[0] <= assets[1] or not 0.0 < cost_scale[0] <= cost_scale[1]:
        raise InputError(
            "days must be at least 2, assets and cost_scale a positive range (least, most)"
        )
    ranges = []
    for name in names_in(data):
        at, stop = _history(name), _stop(name, until)
        kept = _validation_years(name, without) * _YEAR
        last = stop - kept - LOOK_BACK if kept else stop
        free = [rows for rows in _parts(name, last, without) if rows[1] - rows[0] + 1 >= days]
        ranges += [(at, *rows) for rows in free]
        if not free and name not in OLPS_SETS:
            raise InputError(
                f"{name} has {stop + 1} closes to learn from, too few for windows of {days} beside "
                f"what is kept out: {kept} to validate on and {LOOK_BACK} days between"
            )
    return Windows(tuple(ranges), int(days), (int(assets[0]), int(assets[1])),
                   (float(cost_scale[0]), float(cost_scale[1])))  # fmt: skip


def validation(*, data: str = CLASSIC, until: str = "", without: str = "") -> list[Window]:
    """Return the validation windows: the years after what is trained on and a look-back.

    Args:
        data: as for :func:`train`.
        until: as for :func:`train`.
        without: as for :func:`train`.
    """
    found = []
    for name in names_in(data):
        at, stop = _history(name), _stop(name, until)
        every = tuple(range(len(at.prices.assets)))
        for year in range(_validation_years(name, without)):
            end = stop - year * _YEAR
            begin = end - _YEAR + 1
            found.append(Window(f"{at.prices.name}:{begin}..{end}", at, every, begin, end))
    return found


def names_in(data: str) -> list[str]:
    """Return the sets and files that ``data`` names."""
    found: list[str] = []
    for name in data.split(";"):
        found += OLPS_SETS if name.strip() == CLASSIC else [name.strip()]
    return found


def _validation_years(name: str, without: str) -> int:
    if name in OLPS_SETS:
        return _LAST_YEARS.get(name, 0)
    return 0 if without else 1


def _parts(name: str, last: int, without: str) -> list[tuple[int, int]]:
    """Return the rows up to ``last`` in stretches that spare the spans left out."""
    spans = [] if name in OLPS_SETS else [span for span in without.split(";") if span.strip()]
    parts, begin = [], 0
    for first, end in sorted(_history(name).prices.between(*span.split("..", 1)) for span in spans):
        parts.append((begin, min(first - 1, last)))
        begin = max(begin, end + 1 + LOOK_BACK)
    return [*parts, (begin, last)]


def _stop(name: str, until: str) -> int:
    """Return the last row that may be learnt from."""
    at = _history(name)
    if not until or name in OLPS_SETS:
        return at.days - 1
    return at.prices.between(None, until)[1]


def test() -> list[Window]:
    """Return the calendar years 2011 to 2022 of the dated set."""
    return named([f"{DATED}:{year}-01-01..{year}-12-31" for year in TEST_YEARS])


def toy() -> list[Window]:
    """Return tiny windows without trading costs whose best terminal wealth is plain to see.

    Two assets take turns to double while the other halves: all in the right one, wealth doubles
    daily, to 16. And a single asset that rises by half, falls back and rises again: to 2.25.
    """
    turns = np.array([[1.0, 4.0], [2.0, 2.0], [1.0, 4.0], [2.0, 2.0], [1.0, 4.0]])
    swing = np.array([[2.0], [3.0], [2.0], [3.0]])
    return [
        _toy("turns", turns, 16.0),
        _toy("swing", swing, 2.25),
    ]


def _toy(name: str, close: np.ndarray, best: float) -> Window:
    letters = tuple("abcdefgh"[: close.shape[1]])
    days = np.arange(np.datetime64("2020-01-06"), np.datetime64("2020-01-06") + len(close))
    prices = Prices(f"toy-{name}", letters, close, days, source="made up, to be worked out by hand")
    every = tuple(range(close.shape[1]))
    return Window(f"toy-{name}", Market(prices), every, 0, len(close) - 1, 0.0, best)


def named(names: Iterable[str]) -> list[Window]:
    """Return the windows with the given names.

    Raises:
        InputError: there is no such data set, file or date.
    """
    toys = {window.name: window for window in toy()}
    return [toys[name] if name in toys else _named(name) for name in names]


def _named(name: str) -> Window:
    source, colon, span = name.rpartition(":")
    if ".." not in span or not colon:
        source, span = name, ".."
    at = market(source)
    start, _, stop = span.partition("..")
    rows = (0, at.days - 1)
    if start or stop:
        rows = at.prices.between(start or None, stop or None)
    if rows[1] - rows[0] < 1:
        raise InputError(f"{name} holds a single close; a window takes at least two")
    return Window(name, at, tuple(range(len(at.prices.assets))), *rows)


def market(source: str) -> Market:
    """Return the market of an embedded set or of a price file.

    Raises:
        InputError: there is no such set or file, or it is malformed.
    """
    if source in embedded.NAMES:
        return _embedded(source)
    from drlapps.finance.market_data.sources import find

    return Market(find(source))


@cache
def _history(source: str) -> Market:
    """Return the market to learn from, traded as real markets are.

    By the convention of the OLPS toolbox an agent would learn to trade on closes it has just seen:
    much of what looks like mean reversion there is the bounce between bid and ask.
    """
    return Market(market(source).prices)


@cache
def _embedded(name: str) -> Market:
    return Market(embedded.load(name), olps=name in OLPS_SETS)
