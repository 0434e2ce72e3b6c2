"""Feeders from nets that pandapower saved as JSON.

References:
    Thurner, L., et al. (2018). pandapower: An open-source Python tool for convenient modeling,
    analysis, and optimization of electric power systems. IEEE Transactions on Power Systems,
    33(6), 6510-6521.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.tables import build, busbar
from drlapps.errors import InputError

_READ = ("bus", "load", "ext_grid", "line", "trafo", "switch")
_HARMLESS = (
    "bus_geodata", "line_geodata", "poly_cost", "pwl_cost", "measurement", "controller", "group",
    "characteristic", "trafo_characteristic_table", "shunt_characteristic_table",
)  # fmt: skip
"""Tables that say nothing about the power flow, beside results and private ones."""


def parse(path: Path, content: Mapping[str, Any]) -> Feeder:
    """Read a net from the JSON that ``pandapower.to_json`` writes.

    The buses of ``ext_grid`` are the source; all other voltage levels are referred to theirs.
    A line out of service is a tie, as in pandapower's own case33bw; so is one behind an open
    switch. If the net has switches, only what has one can be operated, otherwise everything.
    Line charging, transformers' no-load currents and phase shifts are left out: see the room's
    model. Buses and branches keep their names where all differ, and are numbered otherwise.

    Args:
        path: the file, for messages.
        content: what it holds.

    Raises:
        InputError: a table is broken, or the net has elements that a feeder has not.
    """
    return _Net(path, _tables(path, content)).feeder()


@dataclass(frozen=True)
class _Row:
    """A row of a table, which names itself when a cell of it is wrong.

    Attributes:
        where: it stands: file, table and number.
        cells: by column; ``None`` for what is empty.
    """

    where: str
    cells: Mapping[str, Any]

    def number(self, column: str, default: float | None = None, above: float = -math.inf) -> float:
        """Return a number."""
        value = self.cells.get(column)
        value = default if value is None else value
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > above:
            bound = f" above {above:g}" if above > -math.inf else ""
            raise InputError(f"{self.where}: {column} must be a number{bound}, not {value!r}")
        return float(value)

    def flag(self, column: str) -> bool:
        """Return a truth value; an empty cell is true."""
        value = self.cells.get(column)
        if value is not None and not isinstance(value, bool):
            raise InputError(f"{self.where}: {column} must be true or false, not {value!r}")
        return value is not False

    def index(self, column: str) -> int:
        """Return the number of another row."""
        value = self.cells.get(column)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InputError(f"{self.where}: {column} must be a whole number, not {value!r}")
        return value


Table = dict[int, _Row]


class _Net:
    """The tables of a net, on the way to a feeder."""

    def __init__(self, path: Path, tables: dict[str, Table]) -> None:
        self.path = path
        self.tables = tables
        self.buses = {i: row for i, row in tables["bus"].items() if row.flag("in_service")}
        self.names = _names(self.buses, "bus")
        self.switched: dict[str, set[int]] = defaultdict(set)
        self.cut: dict[str, set[int]] = defaultdict(set)
        for row in tables["switch"].values():
            kind, element = str(row.cells.get("et")), row.index("element")
            self.switched[kind].add(element)
            if not row.flag("closed"):
                self.cut[kind].add(element)
        sources = {
            row.index("bus"): row
            for row in tables["ext_grid"].values()
            if row.flag("in_service") and self.supplied(row, "bus")
        }
        if not sources:
            raise InputError(f"{path}: the net has no ext_grid in service")
        self.sources = [self.names[bus] for bus in sources]
        voltages = {
            (self.level(bus), row.number("vm_pu", 1.0), row.number("va_degree", 0.0))
            for bus, row in sources.items()
        }
        if len(voltages) > 1:
            raise InputError(f"{path}: the ext_grids differ in their voltages")
        self.kv, self.source_voltage, _ = voltages.pop()

    def feeder(self) -> Feeder:
        """Return the feeder."""
        branches = (*self.lines(), *self.transformers(), *self.couplers(), *busbar(self.sources))
        return build(
            str(self.path),
            self.path.stem,
            buses=tuple(self.loaded()),
            branches=branches,
            source=self.sources[0],
            kv=self.kv,
            source_voltage=self.source_voltage,
        )

    def supplied(self, row: _Row, *columns: str) -> bool:
        """Return whether the buses that a row names are in service."""
        for column in columns:
            if row.index(column) not in self.tables["bus"]:
                raise InputError(f"{row.where}: there is no bus {row.index(column)}")
        return all(row.index(column) in self.buses for column in columns)

    def level(self, bus: int) -> float:
        """Return a bus's nominal voltage in kV."""
        return self.buses[bus].number("vn_kv", above=0.0)

    def loaded(self) -> Iterator[Bus]:
        """Yield the buses, with the sums of their loads."""
        p, q = dict.fromkeys(self.buses, 0.0), dict.fromkeys(self.buses, 0.0)
        for row in self.tables["load"].values():
            if not (self.supplied(row, "bus") and row.flag("in_service")):
                continue
            if any(row.number(key, 0.0) for key in row.cells if key.startswith("const_")):
                raise InputError(
                    f"{row.where}: loads of constant impedance or current are not modelled"
                )
            kilo = 1e3 * row.number("scaling", 1.0)
            p[row.index("bus")] += row.number("p_mw") * kilo
            q[row.index("bus")] += row.number("q_mvar", 0.0) * kilo
        for bus, row in self.buses.items():
            x, y = self.place(bus, row)
            yield Bus(self.names[bus], p[bus], q[bus], x=x, y=y)

    def place(self, bus: int, row: _Row) -> tuple[float | None, float | None]:
        """Return where a bus lies, from either form in which pandapower keeps it."""
        if drawn := self.tables.get("bus_geodata", {}).get(bus):
            return drawn.number("x"), drawn.number("y")
        try:
            x, y = json.loads(row.cells["geo"])["coordinates"][:2]
            return float(x), float(y)
        except (KeyError, TypeError, ValueError):
            return None, None

    def lines(self) -> Iterator[Branch]:
        """Yield the lines, ties included."""
        names = _names(self.tables["line"], "line")
        for index, row in self.tables["line"].items():
            if not self.supplied(row, "from_bus", "to_bus"):
                continue
            start, end = row.index("from_bus"), row.index("to_bus")
            parallel = row.number("parallel", 1, above=0.0)
            # To the source's voltage: impedances by its square, currents inversely.
            ratio = self.kv / self.level(start)
            length = row.number("length_km") / parallel * ratio**2
            ampere = row.number("max_i_ka", math.inf) * 1e3 * row.number("df", 1.0)
            yield Branch(
                names[index],
                self.names[start],
                self.names[end],
                row.number("r_ohm_per_km") * length,
                row.number("x_ohm_per_km") * length,
                closed=row.flag("in_service") and index not in self.cut["l"],
                switchable=self.operable("l", index),
                rating_a=ampere * parallel / ratio,
            )

    def transformers(self) -> Iterator[Branch]:
        """Yield the two-winding transformers."""
        names = _names(self.tables["trafo"], "trafo")
        for index, row in self.tables["trafo"].items():
            if not self.supplied(row, "hv_bus", "lv_bus"):
                continue
            high, low = row.index("hv_bus"), row.index("lv_bus")
            mva = row.number("sn_mva", above=0.0) * row.number("parallel", 1, above=0.0)
            turns = row.number("vn_hv_kv", above=0.0) / row.number("vn_lv_kv", above=0.0)
            neutral = row.number("tap_neutral", 0.0)
            stepped = row.number("tap_pos", neutral) != neutral
            if stepped or not math.isclose(turns, self.level(high) / self.level(low), rel_tol=1e-9):
                raise InputError(
                    f"{row.where}: a transformer off its nominal ratio is not modelled"
                )
            # Of its own ratings, at the low voltage, to the source's voltage.
            ohm = (row.number("vn_lv_kv") / self.level(low) * self.kv) ** 2 / mva / 100.0
            short, resistive = row.number("vk_percent"), row.number("vkr_percent")
            if short < abs(resistive):
                raise InputError(f"{row.where}: vkr_percent exceeds vk_percent")
            yield Branch(
                names[index],
                self.names[high],
                self.names[low],
                resistive * ohm,
                math.sqrt(short**2 - resistive**2) * ohm,
                closed=row.flag("in_service") and index not in self.cut["t"],
                switchable=self.operable("t", index),
                rating_a=mva * 1e3 / (math.sqrt(3.0) * self.kv),
            )

    def couplers(self) -> Iterator[Branch]:
        """Yield the switches between buses, as branches without impedance."""
        for index, row in self.tables["switch"].items():
            if row.cells.get("et") in ("l", "t"):
                continue
            if row.cells.get("et") != "b" or row.number("z_ohm", 0.0):
                raise InputError(
                    f"{row.where}: only switches at lines and two-winding transformers, and those "
                    "without impedance between buses, are modelled"
                )
            if self.supplied(row, "bus", "element"):
                start, end = self.names[row.index("bus")], self.names[row.index("element")]
                yield Branch(f"switch {index}", start, end, 0.0, 0.0, closed=row.flag("closed"))

    def operable(self, kind: str, index: int) -> bool:
        """Return whether an element has a switch, or nothing in the net has one."""
        return not self.tables["switch"] or index in self.switched[kind]


def _tables(path: Path, content: Mapping[str, Any]) -> dict[str, Table]:
    """Return the tables by row number; refuse what a feeder cannot have."""
    found: dict[str, Table] = {name: {} for name in _READ}
    try:
        for name, value in content["_object"].items():
            if isinstance(value, dict) and value.get("_class") == "DataFrame":
                frame = value["_object"]
                frame = json.loads(frame) if isinstance(frame, str) else frame
                found[name] = {
                    int(index): _Row(
                        f"{path}, {name} {index}", dict(zip(frame["columns"], cells, strict=True))
                    )
                    for index, cells in zip(frame["index"], frame["data"], strict=True)
                }
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no net that pandapower 2 or later saved: {error}") from error
    for name, table in found.items():
        if name in (*_READ, *_HARMLESS) or name.startswith(("res_", "_")):
            continue
        for row in table.values():
            if row.flag("in_service"):
                raise InputError(
                    f"{row.where}: elements of this kind are not modelled; take them out of "
                    "service or replace them by loads"
                )
    return found


def _names(table: Table, kind: str) -> dict[int, str]:
    """Name the rows: as the net does if it names all of them differently, or by number."""
    own = {index: row.cells.get("name") for index, row in table.items()}
    texts = [name for name in own.values() if isinstance(name, str) and name]
    if len(set(texts)) == len(table):
        return {index: str(name) for index, name in own.items()}
    return {index: str(index) if kind == "bus" else f"{kind} {index}" for index in table}
