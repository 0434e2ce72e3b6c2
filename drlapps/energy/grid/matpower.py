"""Feeders from MATPOWER case files.

References:
    Zimmerman, R. D., Murillo-Sanchez, C. E., & Thomas, R. J. (2011). MATPOWER: Steady-state
    operations, planning, and analysis tools for power systems research and education. IEEE
    Transactions on Power Systems, 26(1), 12-19.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.grid.tables import build, busbar
from drlapps.errors import InputError

_MATRICES = {"bus": 13, "gen": 8, "branch": 11}
"""The matrices that are read, and how many columns each must have."""

_OHMS = "mpc.branch(:,[BR_R BR_X])=mpc.branch(:,[BR_R BR_X])/(Vbase^2/Sbase)"
_KILOWATTS = "mpc.bus(:,[PD,QD])=mpc.bus(:,[PD,QD])/1e3"
_HARMLESS = (
    "define_constants",
    "Vbase=mpc.bus(1,BASE_KV)*1e3",
    "Sbase=mpc.baseMVA*1e6",
    "end",
    "return",
)
_ISOLATED, _REFERENCE = 4, 3
"""Types of buses."""


@dataclass
class _Case:
    """What a case file says.

    Attributes:
        base: in MVA.
        matrices: rows of numbers.
        ohms: whether impedances stand in ohm and a statement converts them to per unit.
        kilowatts: whether loads stand in kW and a statement converts them to MW.
    """

    base: float = math.nan
    matrices: dict[str, list[list[float]]] = field(default_factory=dict)
    ohms: bool = False
    kilowatts: bool = False


class _Statement(NamedTuple):
    text: str
    line: int


def parse(path: Path) -> Feeder:
    """Read a MATPOWER case, version 2.

    The reference buses are the source; branches whose status is 0 are ties. The two statements
    by which MATPOWER's distribution cases convert ohm and kW are understood, others that compute
    are refused. Line charging and phase shifts are left out: see the room's model.

    Args:
        path: the file.

    Raises:
        InputError: it is no such case, or has what a feeder has not: shunts, generators beside
            the source, transformers off their nominal ratio.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError as error:
        raise InputError(f"no such file: {path}") from error
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        case = _evaluate(text)
        return _feeder(path, case)
    except _Wrong as error:
        raise InputError(f"{path}{error}") from error


class _Wrong(InputError):
    """What is wrong; the file's name is still missing."""


def _evaluate(text: str) -> _Case:
    case = _Case()
    for statement in _statements(text):
        packed = re.sub(r"\s*([^\w\s.])\s*", r"\1", statement.text)
        if match := re.fullmatch(r"mpc\.(\w+)=(.*)", packed, re.DOTALL):
            _assign(case, match[1], _Statement(statement.text.partition("=")[2], statement.line))
        elif packed == _OHMS:
            case.ohms = True
        elif packed == _KILOWATTS:
            case.kilowatts = True
        elif packed not in _HARMLESS and not re.match(r"function\b|\[.*\]=idx_\w+$", packed, re.S):
            raise _Wrong(
                f", line {statement.line}: cannot evaluate {statement.text[:60]!r}; let MATPOWER's "
                "savecase write the case without computations"
            )
    for name in _MATRICES:
        if name not in case.matrices:
            raise _Wrong(f": mpc.{name} is missing")
    if not case.base > 0:
        raise _Wrong(f": mpc.baseMVA must be above 0, not {case.base}")
    return case


def _statements(text: str) -> list[_Statement]:
    """Split a file into statements, without comments; matrices stay whole, with their lines."""
    statements = []
    depth, start, parts = 0, 1, ""
    for number, raw in enumerate(text.splitlines(), 1):
        line, continues, _ = raw.partition("%")[0].partition("...")
        for piece in re.split(r"([;\[\]{}])", line):
            depth += (piece in ("[", "{")) - (piece in ("]", "}"))
            if piece == ";" and depth == 0:
                statements.append(_Statement(parts.strip(), start))
                parts = ""
                continue
            if not parts.strip():
                parts, start = "", number
            parts += piece
        if depth > 0 or continues:
            parts += " " if continues else "\n"
        else:
            statements.append(_Statement(parts.strip(), start))
            parts = ""
    if depth > 0:
        raise _Wrong(f", line {start}: a bracket is never closed")
    return [statement for statement in statements if statement.text]


def _assign(case: _Case, name: str, value: _Statement) -> None:
    if name == "baseMVA":
        case.base = _number(value.text.strip(), f", line {value.line}, mpc.baseMVA")
    elif name in _MATRICES:
        body = value.text.strip()
        if not (body.startswith("[") and body.endswith("]")):
            raise _Wrong(f", line {value.line}: mpc.{name} must be a matrix")
        rows = [row.replace(",", " ").split() for row in re.split(r"[;\n]", body[1:-1])]
        case.matrices[name] = [
            _row(name, number, row) for number, row in enumerate(filter(None, rows), 1)
        ]


def _row(name: str, number: int, cells: list[str]) -> list[float]:
    where = f", mpc.{name}, row {number}"
    if len(cells) < _MATRICES[name]:
        raise _Wrong(f"{where}: there are {len(cells)} columns, not {_MATRICES[name]} or more")
    return [_number(cell, where) for cell in cells[: _MATRICES[name]]]


def _number(text: str, where: str) -> float:
    try:
        numerator, _, denominator = text.partition("/")
        value = float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError):
        value = math.nan
    if math.isnan(value):
        raise _Wrong(f"{where}: {text!r} is no number")
    return value


def _feeder(path: Path, case: _Case) -> Feeder:
    rows = [row for row in case.matrices["bus"] if row[1] != _ISOLATED]
    sources = [row for row in rows if row[1] == _REFERENCE]
    if not sources:
        raise _Wrong(": mpc.bus has no reference bus (type 3)")
    for row in rows:
        if row[4] or row[5]:
            raise _Wrong(f", mpc.bus: bus {_name(row[0])} has a shunt, which is not modelled")
    kv = sources[0][9]
    first = case.matrices["bus"][0][9]
    if not (kv > 0 and first > 0):
        raise _Wrong(f", mpc.bus: the nominal voltage must be above 0, not {min(kv, first):g}")
    if any(row[9] != kv for row in sources):
        raise _Wrong(", mpc.bus: the reference buses differ in their nominal voltage")
    load = 1.0 if case.kilowatts else 1e3
    # What the case divides by, and what makes ohm at the source's voltage of per unit.
    divisor = first**2 / case.base if case.ohms else 1.0
    ohm = kv**2 / case.base / divisor
    names = [_name(row[0]) for row in sources]
    isolated = {row[0] for row in case.matrices["bus"]} - {row[0] for row in rows}
    return build(
        str(path),
        path.stem,
        buses=tuple(Bus(_name(row[0]), row[2] * load, row[3] * load) for row in rows),
        branches=(
            *(
                _branch(number, row, ohm, kv)
                for number, row in enumerate(case.matrices["branch"], 1)
                if row[0] not in isolated and row[1] not in isolated
            ),
            *busbar(names),
        ),
        source=names[0],
        kv=kv,
        source_voltage=_voltage(case, names),
    )


def _branch(number: int, row: list[float], ohm: float, kv: float) -> Branch:
    if row[8] not in (0.0, 1.0):
        raise _Wrong(
            f", mpc.branch, row {number}: a transformer off its nominal ratio ({row[8]:g}) is not "
            "modelled"
        )
    return Branch(
        str(number),
        _name(row[0]),
        _name(row[1]),
        row[2] * ohm,
        row[3] * ohm,
        closed=row[10] > 0,
        rating_a=row[5] * 1e3 / (math.sqrt(3.0) * kv) if row[5] > 0 else math.inf,
    )


def _voltage(case: _Case, sources: list[str]) -> float:
    """Return the voltage that the generators at the reference buses hold."""
    voltages = set()
    for row in case.matrices["gen"]:
        if row[7] <= 0:
            continue
        if _name(row[0]) not in sources:
            raise _Wrong(
                f", mpc.gen: the generator at bus {_name(row[0])}, which is no reference bus, is "
                "not modelled"
            )
        voltages.add(row[5])
    if len(voltages) != 1:
        raise _Wrong(
            ", mpc.gen: the generators at the reference buses must hold one voltage, not "
            + (", ".join(f"{v:g}" for v in sorted(voltages)) or "none")
        )
    return voltages.pop()


def _name(number: float) -> str:
    return f"{number:g}" if number != int(number) else str(int(number))
