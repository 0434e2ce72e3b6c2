"""Daily prices for the portfolio problems: embedded sets, files of the user, Yahoo Finance.

:mod:`~drlapps.finance.market_data.prices` holds the one value that everything else makes or
takes: closes adjusted for dividends and splits, by day and asset, with dates where the source has
them and with opens and volumes where it has those. It refuses what no backtest can use: missing
or non-positive prices, days out of order.

Prices come from the sets that :mod:`~drlapps.finance.market_data.embedded` ships
(``data/README.md`` states their sources, licences and traps), from the CSV and Parquet files that
:mod:`~drlapps.finance.market_data.files` reads, or from Yahoo Finance through
:mod:`~drlapps.finance.market_data.yahoo`, which keeps each ticker in a local cache.
:mod:`~drlapps.finance.market_data.sources` finds whichever of them a word on the command line
means.

What a file holds is rarely what its owner believes. :mod:`~drlapps.finance.market_data.check`
looks at it as it is, through the tolerant reader :mod:`~drlapps.finance.market_data.raw`, and
lists gaps, stale or rounded quotes, suspected splits and whatever else would make a backtest lie.
"""
