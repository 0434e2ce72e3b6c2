"""Feeders of one's own, from files."""

from __future__ import annotations

from pathlib import Path

from drlapps.energy.grid import matpower, pandapower_net, tables
from drlapps.energy.grid.feeder import Feeder
from drlapps.errors import InputError
from drlapps.files import read_json


def read(path: str | Path) -> Feeder:
    """Read a feeder.

    Tables of one's own are two CSV files whose names end in ``buses.csv`` and ``branches.csv``
    (``path`` is their folder, or one of the two), or one JSON file
    ``{"name": ..., "buses": [{...}, ...], "branches": [{...}, ...]}`` with the same columns as
    keys. Empty cells and missing columns take the defaults.

    * buses: ``bus`` (the name; required), ``p_kw``, ``q_kvar`` (0), ``weight`` (1), ``sheddable``
      (1), ``x``, ``y``; and at the one bus that supplies all others ``source_kv``, the nominal
      voltage between phases, and ``source_voltage`` in per unit (1).
    * branches: ``branch`` (the name), ``from_bus``, ``to_bus``, ``r_ohm``, ``x_ohm`` (all
      required), ``normally_open`` (0; 1 for a tie), ``switchable`` (1), ``rating_a`` (unlimited).

    Other files are a pandapower net that ``pandapower.to_json`` wrote
    (:func:`.pandapower_net.parse`) and a MATPOWER case ``.m`` (:func:`.matpower.parse`). They are
    read as text: nothing in them runs, and neither program is needed.

    Args:
        path: a folder, or a file that ends in ``.csv``, ``.json`` or ``.m``.

    Raises:
        InputError: one sentence that names the file, the place in it and what is wrong there.
    """
    path = Path(path)
    if path.is_dir() or path.suffix == ".csv":
        return tables.read_csv(*_pair(path), _name(path))
    if path.suffix == ".m":
        return matpower.parse(path)
    if path.suffix == ".json":
        content = read_json(path)
        if isinstance(content, dict) and content.get("_class") == "pandapowerNet":
            return pandapower_net.parse(path, content)
        return tables.read_plain_json(path, content)
    if not path.exists():
        raise InputError(f"no such file or folder: {path}")
    raise InputError(f"{path} must be a folder or end in .csv, .json or .m")


def write(feeder: Feeder, path: str | Path) -> None:
    """Write a feeder as tables that :func:`read` reads.

    Args:
        feeder: what to write.
        path: a file that ends in ``.json``, or a folder for ``buses.csv`` and ``branches.csv``,
            made if need be.

    Raises:
        InputError: the files cannot be written there.
    """
    path = Path(path)
    if path.suffix == ".json":
        tables.write_plain_json(feeder, path)
    elif path.suffix:
        raise InputError(f"{path} must be a folder or end in .json")
    else:
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}") from error
        tables.write_csv(feeder, *_pair(path))


def _pair(path: Path) -> tuple[Path, Path]:
    """Return the paths of both tables."""
    if path.suffix != ".csv":
        return path / "buses.csv", path / "branches.csv"
    for table in (tables.BUSES, tables.BRANCHES):
        if path.stem.endswith(table):
            start = path.name.removesuffix(f"{table}.csv")
            return path.with_name(f"{start}buses.csv"), path.with_name(f"{start}branches.csv")
    raise InputError(f"the name of {path} must end in buses.csv or branches.csv")


def _name(path: Path) -> str:
    """Name a feeder after its folder, or after what its files' names begin with."""
    if path.suffix == ".csv":
        start = path.stem.removesuffix(tables.BUSES).removesuffix(tables.BRANCHES)
        if start.strip("-_ "):
            return start.strip("-_ ")
        path = path.parent
    return path.resolve().name or "feeder"
