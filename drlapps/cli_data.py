"""``drlapps data``: what data there are, fetching more, checking one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drlapps.options import AsJson, Quiet

data = typer.Typer(
    help="List, fetch and check market data.\n\nStart with: drlapps data list",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@data.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the embedded data.

    Example: drlapps data list
    """
    from drlapps import commands, screen

    screen.show(commands.data("list_data"), screen.data_list, as_json)


@data.command()
def fetch(
    tickers: Annotated[list[str], typer.Argument(help="symbols of Yahoo Finance")],
    start: Annotated[str, typer.Option(help="first date")],
    end: Annotated[str | None, typer.Option(help="last date; yesterday by default")] = None,
    out: Annotated[Path | None, typer.Option(help="file; TICKERS.csv by default")] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="only what was fetched before")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Fetch daily prices from Yahoo Finance into a file that --data takes.

    Example: drlapps data fetch AAPL MSFT --start 2015-01-01
    """
    from drlapps import commands, screen
    from drlapps.progress import Bar
    from drlapps.settings import writable

    target = out or Path(f"{'-'.join(tickers[:4])}{'-etc' if len(tickers) > 4 else ''}.csv")
    writable(target, (".csv",))
    screen.hush(quiet)
    with Bar(quiet) as bar:
        bar.start(len(tickers))
        found = commands.data(
            "fetch_data", tickers, start, end, out=target, offline=offline, on_progress=bar.reached
        )
    screen.show(found, screen.data_fetched, as_json)


@data.command()
def check(
    source: Annotated[str, typer.Argument(help="embedded set or file of prices")],
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with prices; 1 is the exit code if something is.

    Example: drlapps data check prices.csv
    """
    from drlapps import commands, screen

    found = commands.data("check_data", source)
    screen.show(found, screen.data_check, as_json)
    if not found["ok"]:
        raise typer.Exit(1)
