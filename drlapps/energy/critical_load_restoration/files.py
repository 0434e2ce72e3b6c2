"""Islands and outages of one's own, from TOML files.

An example, with all there can be but for a second plant and more loads::

    feeder = "ieee33"            # a feeder of the literature, or a file or folder with one's own
    initial_kwh = 900            # energy in the battery at the outage; else drawn
    error = 0.15                 # of the forecasts, as a share of capacity; 0 if left out
    weather = "weather.csv"      # columns solar and wind, shares of capacity, a row a step,
                                 # and clear: of the sun under a clear sky; else drawn
    season = "summer"            # of the weather that is drawn; else drawn, too
    step_minutes = 5             # length of a step
    drop_penalty = 100           # steps of serving a kW that giving it up costs
    min_voltage = 0.95           # per unit
    max_voltage = 1.05

    [turbine]
    bus = "12"
    p_kw = 400
    fuel_kwh = 1200

    [battery]                    # min_kwh, max_kwh, initial_kwh, initial_deviation,
    bus = "6"                    # charge_efficiency, discharge_efficiency, too
    p_kw = 250

    [[plant]]
    name = "pv"
    bus = "18"
    source = "solar"
    p_kw = 300

    [[load]]                     # without any, the feeder's own loads and weights
    name = "hospital"
    bus = "25"
    p_kw = 120
    q_kvar = 50
    weight = 1.0
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.critical_load_restoration import profiles
from drlapps.energy.critical_load_restoration.profiles import SEASONS, Profiles
from drlapps.energy.critical_load_restoration.resources import (
    Battery,
    Load,
    Microgrid,
    Plant,
    Turbine,
)
from drlapps.energy.critical_load_restoration.scenario import STEPS, Scenario
from drlapps.energy.grid import cases
from drlapps.energy.grid import files as feeders
from drlapps.energy.grid.feeder import Feeder
from drlapps.errors import InputError, unknown
from drlapps.files import read_rows, read_toml

SUFFIX = ".toml"

MOST_STEPS = 10_000

_LIMITS = ("drop_penalty", "min_voltage", "max_voltage")
_EPISODE = ("initial_kwh", "error", "weather", "season", "step_minutes")
_TABLES = ("turbine", "battery", "plant", "load")

Part = TypeVar("Part", Load, Plant, Turbine, Battery)


def read(path: Path, rng: np.random.Generator, error: float | None = None) -> Scenario:
    """Read an outage of one's own.

    Args:
        path: the file.
        rng: draws what the file leaves open.
        error: of the forecasts, in place of the file's.

    Raises:
        InputError: one sentence that names the file, the place in it and what is wrong there.
    """
    if not path.exists():
        raise InputError(f"no such file: {path}")
    table = read_toml(path)
    try:
        for key in table:
            if key not in ("feeder", *_LIMITS, *_EPISODE, *_TABLES):
                raise unknown("entry", key, ("feeder", *_LIMITS, *_EPISODE, *_TABLES))
        island = _island(table, path)
        hours = _number(table, "step_minutes", 5.0, above=0.0) / 60.0
        weather = _weather(table, path.parent, hours, rng)
        charge = table.get("initial_kwh")
        if charge is None:
            charge = island.battery.draw(rng)
        error = _number(table, "error", 0.0) if error is None else error
        return Scenario(path.stem, island, weather, float(charge), error, hours)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from fault


def _island(table: Mapping[str, Any], path: Path) -> Microgrid:
    feeder = _feeder(table, path.parent)
    limits = {name: _number(table, name, 0.0) for name in _LIMITS if name in table}
    for name in ("turbine", "battery"):
        if not isinstance(table.get(name), dict):
            raise InputError(f"there is no table [{name}]")
    loads = _parts(table, "load", Load) or _own_loads(feeder)
    return Microgrid(
        path.stem,
        feeder,
        loads,
        _parts(table, "plant", Plant),
        _part(table["turbine"], Turbine, "the turbine"),
        _part(table["battery"], Battery, "the battery"),
        **limits,
    )


def _feeder(table: Mapping[str, Any], folder: Path) -> Feeder:
    name = table.get("feeder")
    if not isinstance(name, str):
        raise InputError('there is no feeder: write feeder = "ieee33", or the name of a file')
    if "." in name or "/" in name or (folder / name).exists():
        return feeders.read(folder / name)
    return cases.load(name)


def _own_loads(feeder: Feeder) -> tuple[Load, ...]:
    return tuple(
        Load(bus.name, bus.name, bus.p_kw, bus.q_kvar, bus.weight)
        for bus in feeder.buses
        if bus.p_kw > 0
    )


def _parts(table: Mapping[str, Any], key: str, kind: type[Part]) -> tuple[Part, ...]:
    entries = table.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{key} must be a list of tables: write [[{key}]] above each")
    return tuple(
        _part(entry, kind, f"{key} {entry.get('name', number)}")
        for number, entry in enumerate(entries, 1)
    )


def _part(entry: Mapping[str, Any], kind: Callable[..., Part], where: str) -> Part:
    """Return a load or unit; that its numbers are possible the microgrid checks."""
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key in entry:
        if key not in known:
            raise unknown(f"entry of {where}", key, known)
    for name, field in known.items():
        if name not in entry:
            if field.default is MISSING:
                raise InputError(f"{where} has no {name}")
        elif (field.type == "str") != isinstance(entry[name], str):
            wanted = "a text" if field.type == "str" else "a number"
            raise InputError(f"{where}: {name} must be {wanted}, not {entry[name]!r}")
    return kind(**entry)


def _number(
    table: Mapping[str, Any], key: str, default: float, above: float | None = None
) -> float:
    value = table.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} must be a number, not {value!r}")
    if above is not None and not value > above:
        raise InputError(f"{key} must be above {above:g}, not {value!r}")
    return float(value)


def _weather(
    table: Mapping[str, Any], folder: Path, hours: float, rng: np.random.Generator
) -> Profiles:
    season = table.get("season", tuple(SEASONS)[int(rng.integers(len(SEASONS)))])
    if season not in SEASONS:
        raise unknown("season", str(season), SEASONS)
    if "weather" not in table:
        return profiles.draw(rng, STEPS, hours, season)
    path = folder / str(table["weather"])
    rows = read_rows(path)
    if not 0 < len(rows) <= MOST_STEPS:
        raise InputError(f"{path} has {len(rows)} rows, not 1 to {MOST_STEPS}")
    solar, wind = _column(rows, "solar", path), _column(rows, "wind", path)
    # Without better knowledge any sun at all could be full sun.
    clear = _column(rows, "clear", path) if "clear" in rows[0] else (solar > 0.0).astype(float)
    if (clear < solar).any():
        raise InputError(f"{path}: in row {int(np.argmax(clear < solar)) + 2} solar exceeds clear")
    errors = profiles.error_noise(rng.standard_normal((2, len(rows))), hours)
    return Profiles(solar, wind, *errors, clear)


def _column(rows: list[dict[str, str]], name: str, path: Path) -> NDArray[np.float64]:
    if name not in rows[0]:
        raise InputError(f"{path} has no column {name}")
    values = np.empty(len(rows))
    for number, row in enumerate(rows):
        try:
            values[number] = float(row[name])
        except ValueError:
            values[number] = np.nan
        if not 0.0 <= values[number] <= 1.0:
            raise InputError(
                f"{path}, row {number + 2}: {name} must be a number from 0 to 1, not {row[name]!r}"
            )
    return values
