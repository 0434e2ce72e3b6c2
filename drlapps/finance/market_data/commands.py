"""What ``drlapps data`` does: names in, JSON-able objects out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drlapps.finance.market_data import embedded, files, raw, sources
from drlapps.finance.market_data import yahoo as yahoo_finance
from drlapps.finance.market_data.check import check
from drlapps.finance.market_data.prices import DateArray, Prices

JSON = dict[str, Any]


def list_data() -> list[JSON]:
    """Return the embedded price sets."""
    return [
        {
            "name": name,
            **_describe(embedded.load(name)),
            "bytes": embedded.file(name).stat().st_size,
        }
        for name in embedded.NAMES
    ]


def fetch_data(
    tickers: Sequence[str],
    start: str,
    end: str | None = None,
    *,
    out: str | Path | None = None,
    offline: bool = False,
    on_progress: yahoo_finance.Progress | None = None,
) -> JSON:
    """Fetch prices from Yahoo Finance into the cache, and into a CSV file if one is named.

    Raises:
        InputError: if a ticker or a date is wrong, or the file cannot be written.
        Failure: if Yahoo cannot be reached or does not answer sensibly.
    """
    prices = yahoo_finance.fetch(tickers, start, end, offline=offline, on_progress=on_progress)
    if out is not None:
        files.write(prices, out)
    return {
        "tickers": list(prices.assets),
        **_describe(prices),
        "hash": prices.hash,
        "out": None if out is None else str(out),
    }


def check_data(source: str | Path) -> JSON:
    """Check an embedded set or a file, even one that cannot be read as prices.

    Raises:
        InputError: if there is neither, or the file holds no table of prices.
    """
    place = sources.locate(source)
    about = raw.read(place) if isinstance(place, Path) else raw.of(embedded.load(place))
    findings = check(about)
    return {
        "source": str(place),
        **_extent(len(about.series), about.days, about.dates),
        "findings": [asdict(finding) for finding in findings],
        "ok": all(finding.severity != "error" for finding in findings),
    }


def _describe(prices: Prices) -> JSON:
    return {
        **_extent(len(prices.assets), len(prices.close), prices.dates),
        "source": prices.source,
        "licence": prices.licence,
        "cautions": list(prices.cautions),
    }


def _extent(assets: int, days: int, dates: DateArray | None) -> JSON:
    ends = (None, None) if dates is None or len(dates) == 0 else (str(dates[0]), str(dates[-1]))
    return {"assets": assets, "days": days, "start": ends[0], "end": ends[1]}
