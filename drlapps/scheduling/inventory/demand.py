"""Demand laws, and their description in files: ``demand = {law = "poisson", mean = 5}``.

===================== ========================= =================================================
law                   parameters                demand of a period
===================== ========================= =================================================
``poisson``           ``mean``                  Poisson
``geometric``         ``mean``                  geometric on 0, 1, 2, ...
``negative-binomial`` ``mean, variance``        negative binomial; the variance exceeds the mean
``uniform``           ``low, high``             a whole number from ``low`` to ``high``
``normal``            ``mean, sd``              normal, with fractions; 0 where it is negative
``rounded-normal``    ``mean, sd``              ``max(0, round(N(mean, sd)))``
``empirical``         ``values, probabilities`` a value; without probabilities all equally likely
``constant``          ``value``                 always the same
``trace``             ``values``                the values in turn; the last one goes on
``cyclic``            ``laws``                  each of a list of such tables in turn, repeated
``csv``               ``file, column``          the law that recorded demand follows
===================== ========================= =================================================

``csv`` may have a ``fit``: one of :data:`.fitting.LAWS`, ``auto`` (as if there were none), or
``replay`` for the recorded demand itself; and the length of the ``season``, if that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from drlapps.errors import InputError, unknown
from drlapps.scheduling.inventory.fitting import fit, read_demand
from drlapps.scheduling.inventory.law import Demand
from drlapps.scheduling.inventory.parametric import (
    Geometric,
    NegativeBinomial,
    Normal,
    Poisson,
    RoundedNormal,
    UniformInteger,
)
from drlapps.scheduling.inventory.tabulated import Constant, Cyclic, Empirical, Trace

__all__ = [
    "Constant", "Cyclic", "Demand", "Empirical", "Geometric", "NegativeBinomial", "Normal",
    "Poisson", "RoundedNormal", "Trace", "UniformInteger", "check_keys", "parse_demand",
]  # fmt: skip

_SIMPLE: Mapping[str, tuple[Callable[..., Demand], tuple[str, ...], tuple[str, ...]]] = {
    "poisson": (Poisson, ("mean",), ()),
    "geometric": (Geometric, ("mean",), ()),
    "negative-binomial": (NegativeBinomial, ("mean", "variance"), ()),
    "uniform": (UniformInteger, ("low", "high"), ()),
    "normal": (Normal, ("mean", "sd"), ()),
    "rounded-normal": (RoundedNormal, ("mean", "sd"), ()),
    "empirical": (Empirical, ("values",), ("probabilities",)),
    "constant": (Constant, ("value",), ()),
    "trace": (Trace, ("values",), ()),
}
"""What a law of plain numbers is made of: its class, its arguments in order, optional ones last."""


def parse_demand(table: Mapping[str, object], where: str, folder: Path) -> Demand:
    """Return the law that a table describes.

    Args:
        table: ``law`` and its parameters.
        where: what errors say it belongs to.
        folder: where the paths of CSV files start.

    Raises:
        InputError: the table describes no law.
    """
    try:
        return _parse(table, folder)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def check_keys(
    table: Mapping[str, object],
    kind: str,
    required: tuple[str, ...] = (),
    optional: tuple[str, ...] = (),
) -> None:
    """Refuse a table that lacks a key or has one too many.

    Args:
        table: the table.
        kind: what errors call it.
        required: keys it must have.
        optional: keys it may have.

    Raises:
        InputError: a key is missing or unknown.
    """
    for key in table:
        if key not in (*required, *optional):
            raise unknown(f"key of {kind}", str(key), [*required, *optional])
    for key in required:
        if key not in table:
            raise InputError(f"{kind} needs {key!r}")


def _parse(table: object, folder: Path) -> Demand:
    if not isinstance(table, Mapping):
        raise InputError("demand must be a table such as {law = 'poisson', mean = 5}")
    match law := table.get("law"):
        case None:
            raise InputError("demand needs a 'law', such as law = 'poisson'")
        case "cyclic":
            return _cyclic(table, folder)
        case "csv":
            return _recorded(table, folder)
        case str() if law in _SIMPLE:
            return _simple(table, law)
    raise unknown("law of demand", str(law), [*_SIMPLE, "cyclic", "csv"])


def _simple(table: Mapping[str, object], law: str) -> Demand:
    build, required, optional = _SIMPLE[law]
    check_keys(table, f"{law} demand", ("law", *required), optional)
    arguments = {name: table[name] for name in (*required, *optional) if name in table}
    for name in ("values", "probabilities"):
        if not isinstance(arguments.get(name, []), list):
            raise InputError(f"{name} of demand must be a list of numbers")
    return build(*arguments.values())


def _cyclic(table: Mapping[str, object], folder: Path) -> Demand:
    check_keys(table, "cyclic demand", ("law", "laws"))
    laws = table["laws"]
    if not isinstance(laws, list):
        raise InputError("laws of cyclic demand must be a list of tables")
    parts = enumerate(laws, 1)
    return Cyclic(tuple(parse_demand(law, f"law {part} of cycle", folder) for part, law in parts))


def _recorded(table: Mapping[str, object], folder: Path) -> Demand:
    check_keys(table, "demand from a CSV file", ("law", "file", "column"), ("fit", "season"))
    words = {"fit": "auto", **table}
    for key in ("file", "column", "fit"):
        if not isinstance(words[key], str):
            raise InputError(f"{key} of demand must be a text, not {words[key]!r}")
    season = table.get("season")
    if season is not None and (isinstance(season, bool) or not isinstance(season, int)):
        raise InputError(f"season of demand must be a number of periods, not {season!r}")
    path = folder / str(words["file"])
    values = read_demand(path, str(words["column"]))
    if words["fit"] == "replay":
        return Trace(tuple(values.tolist()))
    try:
        return fit(values, str(words["fit"]), season)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
