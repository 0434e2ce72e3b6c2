"""Fetching from Yahoo: yfinance itself against a loopback server, and the cache."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import yfinance
from curl_cffi.requests.exceptions import ConnectionError as NoConnection

from drlapps.errors import Failure, InputError
from drlapps.finance.market_data import cache as caches
from drlapps.finance.market_data import yahoo as module
from drlapps.finance.market_data.prices import DateArray, Prices

if TYPE_CHECKING:
    from curl_cffi.requests import Session

    from .conftest import Yahoo

DAYS = np.arange("2015-01-05", "2015-01-10", dtype="datetime64[D]")


class Waits(list[float]):
    """A clock that only notes for how long it should have waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def fetch(session: Session[object], *tickers: str, **more: object) -> Prices:
    options = {"start": "2015-01-05", "end": "2015-01-09", "session": session, "sleep": Waits()}
    return module.fetch(tickers, **(options | more))  # type: ignore[arg-type]


def test_closes_are_adjusted_and_opens_with_them(yahoo: Yahoo, session: Session[object]) -> None:
    # A dividend of 1 on the third day and a split 2 for 1 on the fourth, as Yahoo shows them:
    # all prices of before the split halved, adjusted closes also for the dividend, here by 0.9.
    events = {
        "dividends": {"1420641000": {"amount": 1.0, "date": 1420641000}},
        "splits": {
            "1420727400": {
                "date": 1420727400,
                "numerator": 2.0,
                "denominator": 1.0,
                "splitRatio": "2:1",
            }
        },
    }
    ticker = yahoo.add(
        DAYS,
        [10.0, 11.0, 10.5, 10.6, 10.8],
        open=[9.0, 10.0, 11.0, 10.4, 10.7],
        adjusted=[9.0, 9.9, 10.5, 10.6, 10.8],
        volume=[100, 200, 300, 400, 500],
        events=events,
    )
    prices = fetch(session, ticker)
    assert prices.assets == (ticker,)
    assert prices.dates is not None
    assert prices.open is not None
    assert prices.volume is not None
    assert prices.dates.tolist() == DAYS.tolist()
    np.testing.assert_allclose(prices.close[:, 0], [9.0, 9.9, 10.5, 10.6, 10.8])
    np.testing.assert_allclose(prices.open[:, 0], [8.1, 9.0, 11.0, 10.4, 10.7])
    assert prices.volume[:, 0].tolist() == [100, 200, 300, 400, 500]
    assert prices.source == "Yahoo Finance"
    assert prices.cautions == (module.SURVIVORS,)


def test_the_last_day_is_included_and_the_next_is_not(
    yahoo: Yahoo, session: Session[object]
) -> None:
    ticker = yahoo.add(DAYS, [1.0, 2.0, 3.0, 4.0, 5.0])
    prices = fetch(session, ticker, start="2015-01-06", end="2015-01-08")
    assert prices.close[:, 0].tolist() == [2.0, 3.0, 4.0]


def test_tickers_are_aligned_on_common_days(yahoo: Yahoo, session: Session[object]) -> None:
    a = yahoo.add(DAYS[[0, 1, 3, 4]], [1.0, 2.0, 4.0, 5.0])
    b = yahoo.add(DAYS[1:], [20.0, 30.0, 40.0, 50.0])
    prices = fetch(session, b, a)
    assert prices.assets == (b, a)
    assert prices.close.tolist() == [[20, 2], [40, 4], [50, 5]]
    assert "2 of 5 days dropped: not every ticker has a price" in prices.cautions


def test_without_a_common_day(yahoo: Yahoo, session: Session[object]) -> None:
    a, b = yahoo.add(DAYS[:2], [1.0, 2.0]), yahoo.add(DAYS[2:], [1.0, 2.0, 3.0])
    with pytest.raises(InputError, match=f"{a}, {b} have no day from .* in common"):
        fetch(session, a, b)


def test_progress(yahoo: Yahoo, session: Session[object]) -> None:
    a, b = yahoo.add(DAYS, [1.0] * 5), yahoo.add(DAYS, [1.0] * 5)
    seen: list[tuple[int, str]] = []
    fetch(session, a, b, on_progress=lambda done, text: seen.append((done, text)))
    assert seen == [(0, a), (1, b), (2, "done")]


# --- failures --------------------------------------------------------------------------------


def test_one_refusal_for_too_many_requests(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5)
    # yfinance itself asks a second time before it gives up.
    refusals = iter([(429, "Too Many Requests")] * 2)
    yahoo.before = lambda _: next(refusals, None)
    waits = Waits()
    assert len(fetch(session, ticker, sleep=waits).close) == 5
    assert waits == [2.0]


def test_endless_refusals_for_too_many_requests(yahoo: Yahoo, session: Session[object]) -> None:
    first, ticker = yahoo.add(DAYS, [1.0] * 5), yahoo.add(DAYS, [1.0] * 5)
    yahoo.before = lambda name: (429, "Too Many Requests") if name == ticker else None
    waits = Waits()
    with pytest.raises(Failure, match="too many requests") as caught:
        fetch(session, first, ticker, sleep=waits)
    assert str(caught.value) == (
        f"Yahoo refuses {ticker} because of too many requests, 6 times in 62 seconds; try again "
        f"later (already in the cache: {first})"
    )
    assert waits == [2.0, 4.0, 8.0, 16.0, 32.0]


def test_unknown_ticker(yahoo: Yahoo, session: Session[object]) -> None:
    for _ in range(3):
        ticker = yahoo.ticker()
        with pytest.raises(InputError, match=f"knows no ticker {ticker}; it may be delisted"):
            fetch(session, ticker)
    assert not list(caches.directory().glob("*"))


def test_empty_table(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5)
    with pytest.raises(InputError, match=f"no prices of {ticker} from 2014-01-01 to 2014-06-30"):
        fetch(session, ticker, start="2014", end="2014-06")


@pytest.mark.parametrize("volume", [0, 7])
def test_table_without_a_price(yahoo: Yahoo, session: Session[object], volume: int) -> None:
    ticker = yahoo.add(DAYS, [None] * 5, volume=[volume] * 5)
    with pytest.raises(InputError, match=f"prices of {ticker}|of {ticker} without a single price"):
        fetch(session, ticker)


def test_days_without_a_price(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0, None, 3.0, 4.0, 0.0])
    prices = fetch(session, ticker)
    assert prices.close[:, 0].tolist() == [1.0, 3.0, 4.0]
    caution = f"{ticker}: 2 days that Yahoo lists without a price dropped"
    assert caution in prices.cautions
    assert caution in fetch(session, ticker, offline=True).cautions


def test_days_without_an_open(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5, open=[1.0, 0.0, 1.0, None, 1.0])
    prices = fetch(session, ticker)
    assert prices.open is None
    assert f"no opens: Yahoo lacks some of {ticker}" in prices.cautions


def test_partial_range(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5)
    prices = fetch(session, ticker, start="2014-06-01", end="2015-06-30")
    assert len(prices.close) == 5
    assert f"{ticker} starts on 2015-01-05, not on 2014-06-01" in prices.cautions
    assert f"{ticker} ends on 2015-01-09, not on 2015-06-30" in prices.cautions


def test_nonsense(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5)
    yahoo.before = lambda _: (200, "<html>Oops</html>")
    with pytest.raises(Failure, match=f"answer about {ticker} makes no sense"):
        fetch(session, ticker)


def test_no_network(
    yahoo: Yahoo, session: Session[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr(session, "loopback", f"http://127.0.0.1:{port}")
    with pytest.raises(Failure, match="cannot reach Yahoo to fetch") as caught:
        fetch(session, yahoo.ticker())
    assert isinstance(caught.value.__cause__.__cause__, NoConnection)  # type: ignore[union-attr]
    assert "\n" not in str(caught.value)


def test_yfinance_is_left_as_it_was(yahoo: Yahoo, session: Session[object]) -> None:
    fetch(session, yahoo.add(DAYS, [1.0] * 5))
    assert yfinance.config.debug.hide_exceptions is True


@pytest.mark.parametrize(
    ("tickers", "more", "message"),
    [
        ([], {}, "name at least one ticker"),
        (["A", "a"], {}, "the ticker A is named twice"),
        (["../etc"], {}, "'../etc' is not a ticker"),
        (["A"], {"start": "soon"}, "'soon' is not a date such as"),
        (["A"], {"start": "2015-13-01"}, "'2015-13-01' is not a date such as"),
        (["A"], {"start": "2016"}, "no days with final prices from 2016 to 2015-01-09"),
        (["A"], {"start": "9000", "end": None}, "no days with final prices from 9000 until yester"),
    ],
)
def test_refusals(
    yahoo: Yahoo, session: Session[object], tickers: list[str], more: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fetch(session, *tickers, **more)
    assert yahoo.asked == []


# --- the cache -------------------------------------------------------------------------------


def test_a_cached_range_serves_a_narrower_one(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0, 2.0, 3.0, 4.0, 5.0])
    whole = fetch(session, ticker)
    yahoo.asked.clear()
    assert fetch(session, ticker).hash == whole.hash
    part = fetch(session, ticker.lower(), start="2015-01-06", end="2015-01-07")
    assert part.close[:, 0].tolist() == [2.0, 3.0]
    assert fetch(session, ticker, offline=True).hash == whole.hash
    assert yahoo.asked == []


def test_a_wider_range_is_fetched_as_a_whole(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0, 2.0, 3.0, 4.0, 5.0])
    fetch(session, ticker, start="2015-01-07")
    # A dividend on the last day has since changed all closes before.
    yahoo.stocks[ticker].adjusted = [0.5, 1.0, 1.5, 2.0, 5.0]
    wider = fetch(session, ticker, end="2015-01-08")
    assert wider.close[:, 0].tolist() == [0.5, 1.0, 1.5, 2.0]
    yahoo.asked.clear()
    assert fetch(session, ticker).close[:, 0].tolist() == [0.5, 1.0, 1.5, 2.0, 5.0]
    assert yahoo.asked == []


def test_an_open_end_means_yesterday(
    yahoo: Yahoo, session: Session[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Clock(datetime):
        day = 8

        @classmethod
        def now(cls, tz: object = None) -> Clock:
            return cls(2015, 1, cls.day, 12, tzinfo=UTC)

    monkeypatch.setattr(module, "datetime", Clock)
    ticker = yahoo.add(DAYS, [1.0, 2.0, 3.0, 4.0, 5.0])
    assert fetch(session, ticker, end=None).close[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert fetch(session, ticker, end="2020").close[:, 0].tolist() == [1.0, 2.0, 3.0]
    Clock.day = 9
    # Offline the cache serves as far as it reaches, online it is renewed.
    offline = fetch(session, ticker, end=None, offline=True)
    assert offline.close[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert fetch(session, ticker, end=None).close[:, 0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_offline_without_or_with_too_little(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5)
    with pytest.raises(InputError, match=f"{ticker} is not in the cache .*; fetch it without off"):
        fetch(session, ticker, offline=True)
    fetch(session, ticker, end="2015-01-07")
    with pytest.raises(InputError, match=f"{ticker} only from 2015-01-05 to 2015-01-07, not from"):
        fetch(session, ticker, offline=True)


def test_a_range_in_which_the_cache_has_no_day(yahoo: Yahoo, session: Session[object]) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5)
    fetch(session, ticker, start="2014")
    with pytest.raises(InputError, match="no prices from 2014-03-01 to 2014-03-31; it has some fr"):
        fetch(session, ticker, start="2014-03", end="2014-03", offline=True)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_cache(yahoo: Yahoo, session: Session[object], suffix: str, damage: str) -> None:
    ticker = yahoo.add(DAYS, [1.25, 2.0, 3.0, 4.0, 5.0])
    whole = fetch(session, ticker)
    path = caches.directory() / f"{ticker}{suffix}"
    if damage == "flip":
        path.write_text(path.read_text().replace("2015", "2016"))
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.unlink()
    with pytest.raises(InputError, match=f"cached prices of {ticker} in .* are damaged"):
        fetch(session, ticker, offline=True)
    assert fetch(session, ticker).hash == whole.hash
    assert fetch(session, ticker, offline=True).hash == whole.hash


def test_an_interrupted_fetch_keeps_what_it_has(yahoo: Yahoo, session: Session[object]) -> None:
    a, b = yahoo.add(DAYS, [1.0] * 5), yahoo.add(DAYS, [2.0] * 5)

    def interrupt(done: int, text: str) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(session, a, b, on_progress=interrupt)
    yahoo.asked.clear()
    assert fetch(session, a, b).close[0].tolist() == [1.0, 2.0]
    assert set(yahoo.asked) == {b}


def test_what_was_fetched_before_a_failure_is_kept(yahoo: Yahoo, session: Session[object]) -> None:
    a, b = yahoo.add(DAYS, [1.0] * 5), yahoo.ticker()
    with pytest.raises(InputError, match=rf"knows no ticker {b}.* \(already in the cache: {a}\)"):
        fetch(session, a, b)
    assert fetch(session, a, offline=True).assets == (a,)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRLAPPS_CACHE", str(tmp_path))
    assert caches.directory() == tmp_path / "yahoo"
    monkeypatch.delenv("DRLAPPS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert caches.directory() == tmp_path / "drlapps" / "yahoo"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert caches.directory() == Path.home() / ".cache" / "drlapps" / "yahoo"


def test_an_explicit_cache_and_its_sidecar(
    yahoo: Yahoo, session: Session[object], tmp_path: Path
) -> None:
    ticker = yahoo.add(DAYS, [1.0] * 5, name=f"^{yahoo.ticker()}=X")
    fetch(session, ticker, cache=tmp_path / "mine", start="2015")
    about = json.loads((tmp_path / "mine" / f"%5E{ticker[1:-2]}%3DX.json").read_text())
    assert (about["ticker"], about["start"], about["end"]) == (ticker, "2015-01-01", "2015-01-09")
    assert not caches.directory().exists()


def test_a_cache_that_cannot_be(yahoo: Yahoo, session: Session[object], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"cannot use .* as cache"):
        fetch(session, yahoo.add(DAYS, [1.0] * 5), cache=tmp_path / "file" / "cache")


def test_entries_come_back_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    dates: DateArray = DAYS
    history = caches.History(dates, *rng.lognormal(0, 5, (4, len(dates))))
    history.open[2] = np.nan
    caches.save(caches.Entry("A", dates[0], dates[-1], history, dropped=3), tmp_path)
    again = caches.load("A", tmp_path)
    assert again is not None
    assert (again.start, again.end, again.dropped) == (dates[0], dates[-1], 3)
    for name, values in vars(history).items():
        np.testing.assert_array_equal(getattr(again.history, name), values)
    assert caches.load("B", tmp_path) is None
