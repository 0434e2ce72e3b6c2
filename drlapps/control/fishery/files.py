"""Models of one's own, from TOML files.

An example; all numbers but the initial stock have the defaults of :mod:`.stocks`::

    years = 200                  # length of an episode
    threshold = 0.05             # stock at which a species is lost
    penalty = 100                # taken off then, divided by the number of years

    [[species]]
    name = "herring"
    initial = 0.5                # stock
    growth = 1.0                 # rate r of a small stock, a year
    capacity = 1.0               # stock K at which growth stops
    noise = 0.1                  # deviation of the yearly luck, as a share of the stock
    price = 1.0                  # of a unit caught; without, the species is not fished
    half_saturation = 0.3        # stock at which predators eat half of their most
    predation = 0.05             # most that predators outside the model eat
    final_growth = 0.7           # where the growth rate drifts to
    drift_years = 50             # how long that takes

    [[species]]
    name = "cod"
    initial = 0.7
    mortality = 0.1              # rate of natural death

    [[predation]]
    predator = "cod"
    prey = "herring"
    rate = 0.3                   # most that a unit of predators eats
    conversion = 0.1             # rate at which a unit of prey makes them grow

    [[competition]]              # either loses rate times the product of the stocks
    first = "herring"
    second = "cod"
    rate = 0.01
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from drlapps.control.fishery.stocks import Competition, Predation, Species, StockModel
from drlapps.errors import InputError, unknown
from drlapps.files import read_toml

SUFFIX = ".toml"

_TABLES: dict[str, type[Any]] = {
    "species": Species,
    "predation": Predation,
    "competition": Competition,
}
_NUMBERS = ("years", "threshold", "penalty")

Part = TypeVar("Part")


def read(path: Path) -> StockModel:
    """Read a model of one's own.

    Raises:
        InputError: one sentence that names the file, the place in it and what is wrong there.
    """
    if not path.exists():
        raise InputError(f"no such file: {path}")
    table = read_toml(path)
    try:
        for key in table:
            if key not in (*_TABLES, *_NUMBERS):
                raise unknown("entry", key, (*_TABLES, *_NUMBERS))
        content: dict[str, Any] = {key: _parts(table, key, kind) for key, kind in _TABLES.items()}
        for key in (key for key in _NUMBERS if key in table):
            content[key] = _number(table, key, whole=key == "years")
        return StockModel(**content)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault


def _parts(table: Mapping[str, Any], key: str, kind: Callable[..., Part]) -> tuple[Part, ...]:
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{key} must be a list of tables: write [[{key}]] above each")
    return tuple(_part(entry, kind, f"{key} {number}") for number, entry in enumerate(entries, 1))


def _part(entry: Mapping[str, Any], kind: Callable[..., Part], where: str) -> Part:
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in entry:
        if key not in known:
            raise unknown(f"entry of {where}", key, known)
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name not in entry:
            if field.default is MISSING:
                raise InputError(f"{where} has no {name}")
        elif field.type != "str":
            values[name] = _number(entry, name, where=f"{where}: ")
        elif isinstance(entry[name], str):
            values[name] = entry[name]
        else:
            raise InputError(f"{where}: {name} must be a text, not {entry[name]!r}")
    return kind(**values)


def _number(
    table: Mapping[str, Any], key: str, *, whole: bool = False, where: str = ""
) -> float | int:
    value = table[key]
    number = not isinstance(value, bool) and isinstance(value, int if whole else int | float)
    if not number:
        kind = "a whole number" if whole else "a number"
        raise InputError(f"{where}{key} must be {kind}, not {value!r}")
    return int(value) if whole else float(value)
