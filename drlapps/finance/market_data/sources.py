"""Which prices a word means: an embedded set or a file."""

from __future__ import annotations

import os
from pathlib import Path

from drlapps.errors import InputError, unknown
from drlapps.finance.market_data import embedded, files
from drlapps.finance.market_data.prices import Prices


def locate(source: str | os.PathLike[str]) -> str | Path:
    """Return the name of the embedded set that is meant, else the path of an existing file.

    An embedded set goes before a file of its name; ``./djia`` is the file.

    Raises:
        InputError: if it is neither; suggests the nearest names.
    """
    name = os.fspath(source)
    if name.lower() in embedded.NAMES:
        return name.lower()
    path = Path(name)
    if path.exists():
        return path
    if len(path.parts) > 1 or path.suffix:
        raise InputError(f"there is no file {name!r}")
    raise unknown("price set or file", name, embedded.NAMES)


def find(source: str | os.PathLike[str]) -> Prices:
    """Return the embedded prices of that name, or those in that file.

    Raises:
        InputError: if there is neither, or the file cannot be read as prices.
    """
    place = locate(source)
    return embedded.load(place) if isinstance(place, str) else files.read(place)
