"""A Yahoo on the loopback interface, so that tests drive yfinance itself without a network."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pytest
import yfinance
from curl_cffi import requests
from numpy.typing import NDArray

JSON = dict[str, object]
Reply = tuple[int, str]
_count = itertools.count()


@dataclass
class Stock:
    """What the loopback Yahoo knows of one ticker; ``None`` in a list is a day without a price."""

    dates: NDArray[np.datetime64]
    open: list[float | None]
    close: list[float | None]
    adjusted: list[float | None]
    volume: list[int | None]
    events: JSON = field(default_factory=dict)


@dataclass
class Yahoo:
    """The server's side of a test: what it knows, and what it is asked."""

    url: str
    stocks: dict[str, Stock] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    before: Callable[[str], Reply | None] = lambda ticker: None

    def ticker(self) -> str:
        """Return a ticker never used before: yfinance remembers past answers."""
        return f"T{next(_count)}"

    def add(self, dates: NDArray[np.datetime64], close: list[float | None], **more: object) -> str:
        """Add a stock; opens, adjusted closes and volumes are derived unless given."""
        name = str(more.pop("name", None) or self.ticker())
        columns = {"open": close, "adjusted": close, "volume": [1000] * len(close)} | more
        self.stocks[name] = Stock(dates, close=close, **columns)  # type: ignore[arg-type]
        return name

    def chart(self, ticker: str, query: dict[str, list[str]]) -> Reply:
        """Answer as Yahoo's chart service does."""
        self.asked.append(ticker)
        if reply := self.before(ticker):
            return reply
        if ticker not in self.stocks:
            error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
            return 404, json.dumps({"chart": {"result": None, "error": error}})
        stock = self.stocks[ticker]
        stamps = _stamps(stock.dates)
        now = int(datetime.now(UTC).timestamp())
        first, last = (int(query.get(key, [bound])[0]) for key, bound in
                       (("period1", str(now - 86400)), ("period2", str(now))))  # fmt: skip
        kept = [i for i, stamp in enumerate(stamps) if first <= stamp < last]
        columns = {"open": stock.open, "high": stock.close, "low": stock.close,
                   "close": stock.close, "volume": stock.volume}  # fmt: skip
        quote = {name: [values[i] for i in kept] for name, values in columns.items()}
        result: JSON = {
            "meta": _meta(ticker, now),
            "indicators": {
                "quote": [quote if kept else {}],
                "adjclose": [{"adjclose": [stock.adjusted[i] for i in kept]}],
            },
        }
        if kept:
            result |= {"timestamp": [stamps[i] for i in kept], "events": stock.events}
        return 200, json.dumps({"chart": {"result": [result], "error": None}})


def _stamps(dates: NDArray[np.datetime64]) -> list[int]:
    """Return the opening of the exchange, 14:30 UTC, in seconds."""
    return (dates.astype("datetime64[s]").astype(np.int64) + 52200).tolist()


def _meta(ticker: str, now: int) -> JSON:
    session = {"timezone": "EST", "gmtoffset": -18000, "start": now, "end": now}
    return {
        "symbol": ticker,
        "currency": "USD",
        "instrumentType": "EQUITY",
        "exchangeName": "NMS",
        "exchangeTimezoneName": "America/New_York",
        "timezone": "EST",
        "gmtoffset": -18000,
        "firstTradeDate": 0,
        "regularMarketTime": now,
        "priceHint": 2,
        "dataGranularity": "1d",
        "range": "",
        "validRanges": ["1d", "5d", "1mo", "max"],
        "currentTradingPeriod": {"pre": session, "regular": session, "post": session},
    }


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yahoo]:
    yfinance.set_tz_cache_location(str(tmp_path_factory.mktemp("yfinance")))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            status, text, kind = 200, "<html></html>", "text/html"
            if parts.path.startswith("/v8/finance/chart/"):
                ticker = unquote(parts.path.rpartition("/")[2])
                status, text = yahoo.chart(ticker, parse_qs(parts.query))
                kind = "application/json"
            elif parts.path == "/v1/test/getcrumb":
                text, kind = "crumb", "text/plain"
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    yahoo = Yahoo(f"http://127.0.0.1:{httpd.server_address[1]}")
    thread = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield yahoo
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def yahoo(server: Yahoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Yahoo:
    """A server that knows nothing yet, and an empty cache."""
    server.stocks.clear()
    server.asked.clear()
    server.before = lambda ticker: None
    monkeypatch.setenv("DRLAPPS_CACHE", str(tmp_path / "caches"))
    return server


class Loopback(requests.Session):  # type: ignore[type-arg]
    """A session that asks the loopback server whatever it should ask of Yahoo."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.loopback = url

    def request(self, method: str, url: str, **more: object) -> requests.Response:  # type: ignore[override]
        parts = urlsplit(url)
        return super().request(method, self.loopback + parts.path, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def session(server: Yahoo) -> Iterator[Loopback]:
    with Loopback(server.url) as session:
        yield session
