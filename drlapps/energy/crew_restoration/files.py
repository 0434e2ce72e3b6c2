"""Damage of one's own, from a TOML file with a feeder beside it.

.. code-block:: toml

    feeder = "ieee33"            # a feeder of the literature, or a path from this file
    crews = 3
    switching = true             # may ties be closed? no by default
    min_voltage = 0.92           # per unit, while ties are closed; 0.90 by default
    damage = "damage.csv"        # a path from this file, or a table as below
    travel = [[0.0, 0.5], ...]   # hours: the crews' base first, then the lines; none by default

    [damage]
    "7" = 4.5                    # hours to repair each damaged line, by the branch's name
    "12" = 2

A CSV file of damage has the columns ``branch`` and ``hours``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drlapps.energy.crew_restoration.damage import Damage, Matrix
from drlapps.energy.grid import cases
from drlapps.energy.grid import files as grids
from drlapps.energy.grid.feeder import Feeder
from drlapps.errors import InputError, unknown
from drlapps.files import read_rows, read_toml

_KEYS = ("feeder", "crews", "switching", "min_voltage", "damage", "travel")


def read(path: str | Path) -> Damage:
    """Read one instance.

    Raises:
        InputError: one sentence that names the file and what is wrong in it.
    """
    path = Path(path)
    content = read_toml(path)
    for key in content:
        if key not in _KEYS:
            raise unknown(f"key of {path}", key, _KEYS)
    feeder = _feeder(path, content.get("feeder"))
    hours = _hours(path, content.get("damage"))
    lines = []
    for name in hours:
        if name not in feeder.branch_index:
            raise unknown(f"branch of {feeder.name} in {path}", name, feeder.branch_index)
        lines.append(feeder.branch_index[name])
    switching = content.get("switching", False)
    if not isinstance(switching, bool):
        raise InputError(f"{path}: switching must be true or false, not {switching!r}")
    return Damage(
        name=path.stem,
        feeder=feeder,
        lines=tuple(lines),
        hours=tuple(hours.values()),
        crews=content.get("crews", 1),
        travel=_travel(path, content.get("travel", [])),
        switching=switching,
        min_voltage=_number(f"{path}: min_voltage", content.get("min_voltage", 0.90)),
    )


def _feeder(path: Path, given: Any) -> Feeder:
    if not isinstance(given, str):
        raise InputError(f"{path}: feeder must be the name of a feeder or a path, not {given!r}")
    beside = path.parent / given
    return grids.read(beside) if beside.exists() else cases.load(given)


def _hours(path: Path, given: Any) -> dict[str, float]:
    """Return the hours to repair each damaged line, by its name."""
    if isinstance(given, str):
        file = path.parent / given
        rows = read_rows(file)
        if not rows or not {"branch", "hours"} <= rows[0].keys():
            raise InputError(f"{file} needs the columns branch and hours and a row for each line")
        names = [row["branch"].strip() for row in rows]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise InputError(f"{file} names branch {twice} twice")
        pairs = {name: row["hours"] for name, row in zip(names, rows, strict=True)}
        return {name: _number(f"{file}: branch {name}", hours) for name, hours in pairs.items()}
    if not isinstance(given, Mapping) or not given:
        raise InputError(f"{path}: damage must be a table of hours by branch, or a CSV file")
    return {name: _number(f"{path}: branch {name}", hours) for name, hours in given.items()}


def _travel(path: Path, given: Any) -> Matrix:
    if not isinstance(given, list) or not all(isinstance(row, list) for row in given):
        raise InputError(f"{path}: travel must be a list of rows of hours")
    return tuple(tuple(_number(f"{path}: travel", hours) for hours in row) for row in given)


def _number(where: str, given: Any) -> float:
    try:
        if isinstance(given, bool):
            raise ValueError
        return float(given)
    except (TypeError, ValueError):
        raise InputError(f"{where} must be a number, not {given!r}") from None
