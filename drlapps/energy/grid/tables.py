"""Feeders as two tables, in CSV or JSON."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.errors import InputError, unknown
from drlapps.files import read_rows, write_json, write_rows

BUSES, BRANCHES = "buses", "branches"
"""Names of the tables, in JSON and in file names."""

Row = Mapping[str, object]
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}


def _text(cell: object) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, int) and not isinstance(cell, bool):
        return str(cell)
    raise InputError(f"must be a text, not {cell!r}")


def _number(cell: object) -> float:
    if isinstance(cell, str | int | float) and not isinstance(cell, bool):
        try:
            value = float(cell)
        except (ValueError, OverflowError):
            value = math.nan
        if math.isfinite(value):
            return value
    raise InputError(f"must be a number, not {cell!r}")


def _flag(cell: object) -> bool:
    if isinstance(cell, bool):
        return cell
    if str(cell).strip().lower() in _FLAGS:
        return _FLAGS[str(cell).strip().lower()]
    raise InputError(f"must be 1 or 0, not {cell!r}")


def _flag_of_opening(cell: object) -> bool:
    """Return whether a branch is closed, of a cell that says whether it is open."""
    return not _flag(cell)


class _Column(NamedTuple):
    """How a cell becomes an attribute of a bus or branch."""

    attribute: str
    parse: Callable[[object], object]


_OF_BUSES = {
    "bus": _Column("name", _text),
    "p_kw": _Column("p_kw", _number),
    "q_kvar": _Column("q_kvar", _number),
    "weight": _Column("weight", _number),
    "sheddable": _Column("sheddable", _flag),
    "x": _Column("x", _number),
    "y": _Column("y", _number),
    "source_kv": _Column("kv", _number),
    "source_voltage": _Column("source_voltage", _number),
}
_OF_BRANCHES = {
    "branch": _Column("name", _text),
    "from_bus": _Column("from_bus", _text),
    "to_bus": _Column("to_bus", _text),
    "r_ohm": _Column("r_ohm", _number),
    "x_ohm": _Column("x_ohm", _number),
    "normally_open": _Column("closed", _flag_of_opening),
    "switchable": _Column("switchable", _flag),
    "rating_a": _Column("rating_a", _number),
}


def read_csv(buses: Path, branches: Path, name: str) -> Feeder:
    """Read a feeder from two CSV files; :func:`.files.read` documents their columns.

    Raises:
        InputError: one sentence that names the file, the row and what is wrong.
    """
    return _feeder(name, str(buses.parent), read_rows(buses), read_rows(branches), str(buses),
                   str(branches))  # fmt: skip


def read_plain_json(path: Path, content: object) -> Feeder:
    """Read a feeder from what a JSON file of our own form holds.

    Raises:
        InputError: one sentence that names the file, the table, the row and what is wrong.
    """
    if not isinstance(content, dict):
        raise InputError(f"{path} must hold an object with {BUSES} and {BRANCHES}")
    for key in content:
        if key not in ("name", BUSES, BRANCHES):
            raise unknown(f"key in {path}", str(key), ("name", BUSES, BRANCHES))
    buses, branches = (_listed(content.get(key), f"{path}: {key}") for key in (BUSES, BRANCHES))
    name = content.get("name", path.stem)
    if not isinstance(name, str) or not name:
        raise InputError(f"{path}: name must be a text, not {name!r}")
    return _feeder(
        name, str(path), buses, branches, f"{path}, {BUSES}", f"{path}, {BRANCHES}"
    )  # fmt: skip


def _listed(table: object, where: str) -> list[Row]:
    """Return the rows of a table in JSON; what is null in them is left out."""
    if not isinstance(table, list) or not all(isinstance(row, dict) for row in table):
        raise InputError(f"{where} must be a list of objects, one for each")
    return [{key: cell for key, cell in row.items() if cell is not None} for row in table]


def write_csv(feeder: Feeder, buses: Path, branches: Path) -> None:
    """Write what :func:`read_csv` reads."""
    bus_rows, branch_rows = _rows(feeder)
    for path, rows in ((buses, bus_rows), (branches, branch_rows)):
        plain = [{k: int(v) if isinstance(v, bool) else v for k, v in r.items()} for r in rows]
        write_rows(path, plain)


def write_plain_json(feeder: Feeder, path: Path) -> None:
    """Write what :func:`read_plain_json` reads."""
    buses, branches = _rows(feeder)
    write_json(path, {"name": feeder.name, BUSES: buses, BRANCHES: branches})


def build(where: str, name: str, **parts: Any) -> Feeder:
    """Make a feeder; what is wrong with it is told with the file in front."""
    try:
        return Feeder(name, **parts)
    except InputError as error:
        raise InputError(f"{where}: {str(error).removeprefix(f'{name}: ')}") from error


def busbar(sources: Sequence[str]) -> tuple[Branch, ...]:
    """Return branches without impedance that make one source of several: of the first."""
    return tuple(
        Branch(f"busbar {sources[0]}-{other}", sources[0], other, 0.0, 0.0, switchable=False)
        for other in sources[1:]
    )


def _feeder(
    name: str,
    where: str,
    buses: Sequence[Row],
    branches: Sequence[Row],
    of_buses: str,
    of_branches: str,
) -> Feeder:
    parsed = _parse(buses, _OF_BUSES, ("bus",), of_buses)
    sources = [bus for bus in parsed if "kv" in bus]
    if len(sources) != 1:
        found = f"{len(sources)} buses have one" if sources else "no bus has one"
        raise InputError(
            f"{of_buses}: source_kv, the nominal voltage, must stand at the one bus that supplies "
            f"all others, but {found} (join several substations by branches without impedance)"
        )
    elsewhere = [bus["name"] for bus in parsed if "source_voltage" in bus and "kv" not in bus]
    if elsewhere:
        raise InputError(f"{of_buses}: bus {elsewhere[0]} has a source_voltage but no source_kv")
    source = {key: sources[0].pop(key) for key in ("kv", "source_voltage") if key in sources[0]}
    required = ("branch", "from_bus", "to_bus", "r_ohm", "x_ohm")
    return build(
        where,
        name,
        buses=tuple(Bus(**bus) for bus in parsed),
        branches=tuple(
            Branch(**branch) for branch in _parse(branches, _OF_BRANCHES, required, of_branches)
        ),
        source=sources[0]["name"],
        **source,
    )


def _parse(
    rows: Sequence[Row], columns: Mapping[str, _Column], required: Iterable[str], where: str
) -> list[dict[str, Any]]:
    """Return the attributes that each row gives; empty cells give none."""
    if not rows:
        raise InputError(f"{where}: there are no rows")
    parsed = []
    for number, row in enumerate(rows, 1):
        values = {}
        for title, cell in row.items():
            if title not in columns:
                raise unknown(f"column in {where}", title, columns)
            if cell == "":
                continue
            try:
                values[columns[title].attribute] = columns[title].parse(cell)
            except InputError as error:
                raise InputError(f"{where}, row {number}: {title} {error}") from error
        for title in required:
            if title not in row:
                raise InputError(f"{where}, row {number}: the column {title} is missing")
            if columns[title].attribute not in values:
                raise InputError(f"{where}, row {number}: {title} is empty")
        parsed.append(values)
    return parsed


def _rows(feeder: Feeder) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Return the rows of the two tables."""
    supply = {"kv": feeder.kv, "source_voltage": feeder.source_voltage}
    of_buses = [vars(bus) | (supply if bus.name == feeder.source else {}) for bus in feeder.buses]
    return (
        _table(of_buses, _OF_BUSES, {"source_voltage": 1.0}, Bus),
        _table([vars(branch) for branch in feeder.branches], _OF_BRANCHES, {}, Branch),
    )


def _table(
    parts: Sequence[Mapping[str, Any]],
    columns: Mapping[str, _Column],
    usual: Mapping[str, object],
    kind: type[Bus] | type[Branch],
) -> list[dict[str, object]]:
    """Return a row for each part, without columns in which all is as usual."""
    usual = {f.name: f.default for f in fields(kind)} | {"kv": None} | dict(usual)
    used = {
        title: (attribute, parse)
        for title, (attribute, parse) in columns.items()
        if any(attribute in part and part[attribute] != usual[attribute] for part in parts)
    }
    rows = []
    for part in parts:
        row = {}
        for title, (attribute, parse) in used.items():
            value = part.get(attribute)
            if parse is _flag_of_opening:
                value = not value
            row[title] = None if value == math.inf else value
        rows.append(row)
    return rows
