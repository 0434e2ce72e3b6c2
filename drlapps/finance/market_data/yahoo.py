"""Prices from Yahoo Finance, through yfinance and a local cache.

yfinance prefers to print a message and return an empty table when something fails. Here every
failure is one sentence: an unknown ticker and a range without prices are the caller's to mend
(:class:`~drlapps.errors.InputError`); no network, a limit on the rate and an answer that makes no
sense are not (:class:`~drlapps.errors.Failure`). Tickers are fetched one by one and cached at
once, so that a failure costs only what is still missing.

Yahoo adjusts closes backwards: a dividend changes all earlier adjusted closes. A cached range is
therefore never extended, but fetched anew as a whole when more of it is needed. The current day
is left out, because its prices are not final.
"""

from __future__ import annotations

import logging
import re
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from drlapps.errors import Failure, InputError
from drlapps.finance.market_data import cache as caches
from drlapps.finance.market_data.cache import Entry, History
from drlapps.finance.market_data.prices import FloatArray, Prices, period

if TYPE_CHECKING:
    import pandas as pd

WAITS = (2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds to wait after each refusal for too many requests; after the last there is no other."""

HOLIDAYS = np.timedelta64(7, "D")
"""So much later than asked a series may start, or earlier end, without a word."""

SOURCE = "Yahoo Finance"
LICENCE = "Yahoo's terms of service: personal use, no redistribution"
SURVIVORS = "survivorship: tickers chosen today have lasted until today, so returns flatter"

Progress = Callable[[int, str], None]


def fetch(
    tickers: Sequence[str],
    start: str,
    end: str | None = None,
    *,
    cache: Path | None = None,
    offline: bool = False,
    session: object = None,
    on_progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Prices:
    """Return daily prices on the days that all tickers have in common.

    Args:
        tickers: as Yahoo writes them, e.g. ``AAPL``, ``BRK-B``, ``^GSPC``.
        start: first day, ``YYYY-MM-DD``, ``YYYY-MM`` or ``YYYY``.
        end: last day, included; until yesterday if ``None``.
        cache: directory of the cache; see :func:`drlapps.finance.market_data.cache.directory`.
        offline: use the cache only.
        session: HTTP session of curl_cffi or requests; yfinance makes its own if ``None``.
        on_progress: called with how many tickers are done and what is being done.
        sleep: how to wait, in seconds.

    Returns:
        Prices with adjusted closes, opens and volumes. The cautions say which tickers start
        later or end earlier than asked, and how many days were left out.

    Raises:
        InputError: if a ticker is unknown or has no prices in the range, a date is malformed, or
            the cache lacks what ``offline`` asks of it.
        Failure: if Yahoo cannot be reached or does not answer sensibly.
    """
    names = _names(tickers)
    first, last = _range(start, end)
    where = caches.directory() if cache is None else Path(cache)
    entries: list[Entry] = []
    for ticker in names:
        if on_progress is not None:
            on_progress(len(entries), ticker)
        try:
            if offline:
                entry = _cached(ticker, first, last, where, open_end=end is None)
            else:
                entry = _entry(ticker, first, last, where, session, sleep)
            _check_overlap(entry, first, last)
        except (InputError, Failure) as error:
            raise type(error)(f"{error}{_kept(entries)}") from error
        entries.append(entry)
    if on_progress is not None:
        on_progress(len(entries), "done")
    return _aligned(entries, first, last)


def _names(tickers: Sequence[str]) -> list[str]:
    names = [ticker.strip().upper() for ticker in tickers]
    if not names:
        raise InputError("name at least one ticker to fetch")
    for position, name in enumerate(names):
        if not re.fullmatch(r"[A-Z0-9^][A-Z0-9.=&^-]{0,29}", name):
            raise InputError(f"{tickers[position]!r} is not a ticker such as AAPL or ^GSPC")
        if name in names[:position]:
            raise InputError(f"the ticker {name} is named twice")
    return names


def _range(start: str, end: str | None) -> tuple[np.datetime64, np.datetime64]:
    """Return the first and the last day asked for, as far as their prices are final."""
    yesterday = np.datetime64(datetime.now(UTC).date(), "D") - 1
    first = period(start)[0]
    last = yesterday if end is None else min(period(end)[1], yesterday)
    if first > last:
        until = f"to {end}" if end else "until yesterday"
        raise InputError(f"there are no days with final prices from {start} {until}")
    return first, last


def _cached(
    ticker: str, first: np.datetime64, last: np.datetime64, where: Path, *, open_end: bool
) -> Entry:
    """Return an entry from the cache or say why it cannot serve."""
    try:
        entry = caches.load(ticker, where)
    except caches.Damaged as error:
        raise InputError(f"{error}; fetch them again without offline") from None
    if entry is None:
        raise InputError(f"{ticker} is not in the cache {where}; fetch it without offline")
    if not entry.covers(first, entry.end if open_end else last):
        raise InputError(
            f"the cache has {ticker} only from {entry.start} to {entry.end}, not from {first} "
            f"to {last}; fetch the rest without offline"
        )
    return entry


def _entry(
    ticker: str,
    first: np.datetime64,
    last: np.datetime64,
    where: Path,
    session: object,
    sleep: Callable[[float], None],
) -> Entry:
    """Return an entry from the cache if it can serve, else from Yahoo, and cache it."""
    try:
        known = caches.load(ticker, where)
    except caches.Damaged:
        known = None
    if known is not None:
        if known.covers(first, last):
            return known
        first, last = min(first, known.start), max(last, known.end)
    history, dropped = _history(_download(ticker, first, last, session, sleep), ticker)
    entry = Entry(ticker, first, last, history.between(first, last), dropped)
    if len(entry.history.dates) == 0:
        raise InputError(f"Yahoo has no prices of {ticker} from {first} to {last}")
    caches.save(entry, where)
    return entry


def _download(
    ticker: str,
    first: np.datetime64,
    last: np.datetime64,
    session: object,
    sleep: Callable[[float], None],
) -> pd.DataFrame:
    """Ask Yahoo for a closed range, again and again while it says that this was too often."""
    from yfinance.exceptions import YFRateLimitError

    for wait in (*WAITS, None):
        try:
            with _strict():
                return _request(ticker, first, last, session)
        except YFRateLimitError:
            if wait is not None:
                sleep(wait)
    raise Failure(
        f"Yahoo refuses {ticker} because of too many requests, {len(WAITS) + 1} times in "
        f"{sum(WAITS):.0f} seconds; try again later"
    )


def _request(
    ticker: str, first: np.datetime64, last: np.datetime64, session: object
) -> pd.DataFrame:
    """Ask Yahoo once, and turn what goes wrong into a sentence, except too many requests."""
    import yfinance
    from yfinance.exceptions import (
        YFException,
        YFPricesMissingError,
        YFRateLimitError,
        YFTickerMissingError,
    )

    try:
        # yfinance takes the end as the first day that is not wanted.
        frame: pd.DataFrame = yfinance.Ticker(ticker, session=session).history(
            start=str(first), end=str(last + 1), auto_adjust=False, actions=False
        )
        return frame
    except YFRateLimitError:
        raise
    except YFPricesMissingError:
        raise InputError(f"Yahoo has no prices of {ticker} from {first} to {last}") from None
    except YFTickerMissingError:
        raise InputError(f"Yahoo knows no ticker {ticker}; it may be delisted") from None
    except OSError as error:
        # The errors of curl_cffi and of requests are all of this kind.
        reason = str(error).partition(" See ")[0]
        raise Failure(f"cannot reach Yahoo to fetch {ticker}: {reason}") from error
    except (YFException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise Failure(f"Yahoo's answer about {ticker} makes no sense: {error}") from error


@contextmanager
def _strict() -> Iterator[None]:
    """Let yfinance raise what it would hide, and be silent about what is told anyway."""
    import yfinance

    debug = yfinance.config.debug
    logger = logging.getLogger("yfinance")
    hidden, disabled = debug.hide_exceptions, logger.disabled
    debug.hide_exceptions, logger.disabled = False, True
    # About a ticker that one service does not know yfinance asks another, twice in a process, and
    # would raise the failures of that one. This says that it has been asked.
    yfinance.base._tz_info_fetch_ctr = 2
    try:
        with warnings.catch_warnings():
            # yfinance calls pandas in ways that pandas will give up: its authors' concern.
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    finally:
        debug.hide_exceptions, logger.disabled = hidden, disabled


def _history(frame: pd.DataFrame, ticker: str) -> tuple[History, int]:
    """Return the days of a table that have a price, and how many have none."""
    if frame.empty:
        raise InputError(f"Yahoo returned no prices of {ticker}; it may be delisted")
    # Days are those of the exchange, whose time zone the index carries.
    dates = frame.index.tz_localize(None).to_numpy().astype("datetime64[D]")  # type: ignore[attr-defined]
    columns = (
        frame[name].to_numpy(dtype=np.float64) for name in ("Open", "Close", "Adj Close", "Volume")
    )
    opens, close, adjusted, volume = columns
    priced = np.isfinite(close) & (close > 0) & np.isfinite(adjusted) & (adjusted > 0)
    if not priced.any():
        raise InputError(f"Yahoo returned {len(priced)} days of {ticker} without a single price")
    opens = np.where(opens > 0, opens, np.nan)
    every = History(dates, opens, close, adjusted, volume)
    kept = History(*(values[priced] for values in vars(every).values()))
    return kept, int((~priced).sum())


def _check_overlap(entry: Entry, first: np.datetime64, last: np.datetime64) -> None:
    dates = entry.history.dates
    if len(entry.history.between(first, last).dates) == 0:
        raise InputError(
            f"{entry.ticker} has no prices from {first} to {last}; it has some from {dates[0]} "
            f"to {dates[-1]}"
        )


def _kept(entries: Sequence[Entry]) -> str:
    """Return what to add to an error about which tickers are safe."""
    names = ", ".join(entry.ticker for entry in entries)
    return f" (already in the cache: {names})" if entries else ""


def _aligned(entries: Sequence[Entry], first: np.datetime64, last: np.datetime64) -> Prices:
    """Return the prices on the days that all entries have."""
    histories = [entry.history.between(first, last) for entry in entries]
    days = reduce(np.intersect1d, [history.dates for history in histories])
    if len(days) == 0:
        names = ", ".join(entry.ticker for entry in entries)
        raise InputError(f"{names} have no day from {first} to {last} in common")
    rows = [np.searchsorted(history.dates, days) for history in histories]

    def table(field: str) -> FloatArray:
        columns = (getattr(h, field)[row] for h, row in zip(histories, rows, strict=True))
        return np.column_stack(list(columns))

    close = table("adjusted")
    opens = table("open") * (close / table("close"))
    every = reduce(np.union1d, [history.dates for history in histories])
    cautions = [SURVIVORS]
    for entry, history in zip(entries, histories, strict=True):
        cautions += _partial(entry, history, first, last)
    if dropped := len(every) - len(days):
        cautions.append(f"{dropped} of {len(every)} days dropped: not every ticker has a price")
    lacking = [
        e.ticker for e, missing in zip(entries, np.isnan(opens).T, strict=True) if missing.any()
    ]
    if lacking:
        cautions.append(f"no opens: Yahoo lacks some of {', '.join(lacking)}")
    return Prices(
        "yahoo",
        tuple(entry.ticker for entry in entries),
        close,
        days,
        None if lacking else opens,
        table("volume"),
        source=SOURCE,
        licence=LICENCE,
        cautions=tuple(cautions),
    )


def _partial(
    entry: Entry, history: History, first: np.datetime64, last: np.datetime64
) -> Iterator[str]:
    """Say where the days of a ticker are not those that were asked for."""
    begin, finish = history.dates[0], history.dates[-1]
    if begin - first > HOLIDAYS:
        yield f"{entry.ticker} starts on {begin}, not on {first}"
    if last - finish > HOLIDAYS:
        yield f"{entry.ticker} ends on {finish}, not on {last}"
    if entry.dropped:
        yield f"{entry.ticker}: {entry.dropped} days that Yahoo lists without a price dropped"
