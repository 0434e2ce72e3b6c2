"""Networks of one's own, and other problems, from TOML and JSON files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from drlapps.errors import InputError
from drlapps.scheduling.inventory.demand import check_keys, parse_demand
from drlapps.scheduling.inventory.network import OUTSIDE, Arc, Network, Node, network

SUFFIXES = (".toml", ".json")
"""What the names of problem files end in."""

MOST_PERIODS = 1_000_000

_FLAGS = ("integer", "backlog", "late_receipts", "allocation", "discount")
_EPISODE = ("name", "periods", "warm_up")
_CALLED = {str: "a text", bool: "true or false", list: "a list of numbers"}


def read_table(path: Path) -> dict[str, object]:
    """Return the table that a TOML or JSON file holds.

    Raises:
        InputError: the file is missing, of another kind, malformed, or holds no table.
    """
    if path.suffix not in SUFFIXES:
        raise InputError(f"{path} must end in .toml or .json")
    try:
        text = path.read_bytes().decode("utf-8-sig")
        table = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no {path.suffix[1:].upper()}: {error}") from error
    if not isinstance(table, dict):
        raise InputError(f"{path} must hold a table, not a {type(table).__name__}")
    return table


def read_network(path: Path) -> tuple[Network, dict[str, Any]]:
    """Read a network of one's own.

    Args:
        path: a TOML or JSON file with a table ``node`` for each :class:`.network.Node`, a table
            ``arc`` for each :class:`.network.Arc`, and on top, if they differ from their defaults,
            the attributes of :class:`.network.Network`, and ``name``, ``periods``, ``warm_up``.

    Returns:
        The network, and those of ``name``, ``periods`` and ``warm_up`` that the file gives.

    Raises:
        InputError: the file describes no network; the sentence names the file and the place.
    """
    table = read_table(path)
    try:
        check_keys(table, "a network", ("node", "arc"), (*_FLAGS, *_EPISODE))
        nodes = [_node(part, number, path.parent) for number, part in _parts(table, "node")]
        arcs = [_arc(part, number) for number, part in _parts(table, "arc")]
        flags: dict[str, Any] = {name: table[name] for name in _FLAGS if name in table}
        return network(nodes, arcs, **flags), _episode(table)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _parts(table: Mapping[str, object], kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the tables of the nodes or arcs, numbered from 1."""
    parts = table[kind]
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise InputError(f"{kind} must be a list of tables: write [[{kind}]] above each")
    yield from enumerate(parts, 1)


def _node(table: dict[str, Any], number: int, folder: Path) -> Node:
    where = f"node {table.get('name', number)!r}"
    values = _values(table, Node, where, ("name",))
    if "demand" in values:
        values["demand"] = parse_demand(values["demand"], where, folder)
    return Node(**values)


def _arc(table: dict[str, Any], number: int) -> Arc:
    where = f"arc {number}"
    if isinstance(table.get("node"), str):
        where = f"arc {table.get('supplier') or 'outside'} -> {table['node']}"
    return Arc(**{"supplier": OUTSIDE, **_values(table, Arc, where, ("node",))})


def _values(
    table: dict[str, Any], kind: type[Node] | type[Arc], where: str, required: tuple[str, ...]
) -> dict[str, Any]:
    """Check the keys of a node's or arc's table and the types that its class takes for granted."""
    types = {field.name: str(field.type) for field in fields(kind)}
    check_keys(table, where, required, tuple(name for name in types if name not in required))
    values = dict(table)
    for name, value in table.items():
        wanted = {"str": str, "bool": bool, "tuple[float, ...]": list}.get(types[name])
        if wanted and not isinstance(value, wanted):
            raise InputError(f"{where}: {name} must be {_CALLED[wanted]}, not {value!r}")
        if wanted is list:
            values[name] = tuple(value)
    return values


def _episode(table: Mapping[str, object]) -> dict[str, Any]:
    """Return the checked name and lengths of an episode, as far as they are given."""
    given: dict[str, Any] = {name: table[name] for name in _EPISODE if name in table}
    if not isinstance(given.get("name", ""), str):
        raise InputError(f"name must be a text, not {given['name']!r}")
    for name, least in (("periods", 1), ("warm_up", 0)):
        value = given.get(name, least)
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not (least <= value <= MOST_PERIODS)
        ):
            raise InputError(
                f"{name} must be a whole number from {least} to {MOST_PERIODS}, not {value!r}"
            )
    if "warm_up" in given and given["warm_up"] >= given.get("periods", 0):
        raise InputError("warm_up must be less than periods, which must be given too")
    return given
