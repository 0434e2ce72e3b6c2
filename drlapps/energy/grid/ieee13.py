"""The IEEE 13-node test feeder: unbalanced figures, and a balanced feeder made of them.

The figures are those of the IEEE distribution test feeders (Kersting 1991; revised 2004). Node 670
lumps the load that is spread along line 632-671, a third of the way from 632. The regulator at the
substation, between nodes 650 and RG60, is not part of the feeder here: it sets the voltage of the
source.

References:
    Kersting, W. H. (1991). Radial distribution test feeders. IEEE Transactions on Power Systems,
    6(3), 975-985.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.files import read_rows

KV = 4.16
"""Nominal voltage, between phases."""

SOURCE = "650"
REGULATED = (1.0625, 1.05, 1.06875)
"""Voltage of the three phases behind the regulator in the published solution, per unit."""

TRANSFORMER = ("633-634", "633", "634", 500.0, 0.011, 0.02)
"""Name, ends, kVA, and the impedance per unit of that: from 4.16 kV to 480 V, both sides wye."""

SWITCH = ("671-692", "671", "692")
"""Name and ends of the switch that is closed in normal operation."""

CAPACITORS = {"675": 600.0, "611": 100.0}
"""Reactive power of the capacitor at a node, all its phases together, in kvar."""

FEET_PER_MILE = 5280.0

POSITIONS = {
    "650": (2.0, 4.0), "646": (0.0, 3.0), "645": (1.0, 3.0), "632": (2.0, 3.0), "633": (3.0, 3.0),
    "634": (4.0, 3.0), "670": (2.0, 2.3), "611": (0.0, 1.0), "684": (1.0, 1.0), "671": (2.0, 1.0),
    "692": (3.0, 1.0), "675": (4.0, 1.0), "652": (1.0, 0.0), "680": (2.0, 0.0),
}  # fmt: skip
"""Where the nodes stand in the customary picture."""


@dataclass(frozen=True)
class Code:
    """A line configuration.

    Attributes:
        name: its number.
        phases: the letters of those it carries.
        z: series impedance matrix in ohm per mile.
        b: shunt susceptance matrix in microsiemens per mile.
    """

    name: str
    phases: str
    z: NDArray[np.complex128]
    b: NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """A line of some length with some configuration."""

    name: str
    from_bus: str
    to_bus: str
    feet: float
    code: str


@dataclass(frozen=True)
class Load:
    """A load on one or more phases.

    Attributes:
        name: node, with the letter of the phase where the node has a load on each.
        bus: node.
        phases: letters of the phases; a delta load on two of them lies between them.
        connection: "wye" or "delta".
        model: what does not depend on voltage: "power", "current" or "impedance".
        p_kw: at nominal voltage, all phases together.
        q_kvar: likewise.
    """

    name: str
    bus: str
    phases: str
    connection: str
    model: str
    p_kw: float
    q_kvar: float


def _rows(table: str) -> list[dict[str, str]]:
    return read_rows(Path(__file__).parent / "data" / f"ieee13-{table}.csv")


@cache
def codes() -> dict[str, Code]:
    """Return the line configurations, by name."""
    entries: dict[str, list[dict[str, str]]] = {}
    for row in _rows("codes"):
        entries.setdefault(row["code"], []).append(row)
    found = {}
    for name, rows in entries.items():
        phases = "".join(row["phase"] for row in rows if row["phase"] == row["other"])
        z = np.zeros((len(phases), len(phases)), np.complex128)
        b = np.zeros(z.shape)
        for row in rows:
            i, j = phases.index(row["phase"]), phases.index(row["other"])
            z[i, j] = z[j, i] = complex(float(row["r_ohm_per_mile"]), float(row["x_ohm_per_mile"]))
            b[i, j] = b[j, i] = float(row["b_microsiemens_per_mile"])
        found[name] = Code(name, phases, z, b)
    return found


@cache
def lines() -> tuple[Line, ...]:
    """Return the lines; transformer and switch are none."""
    return tuple(
        Line(row["line"], row["from_bus"], row["to_bus"], float(row["feet"]), row["code"])
        for row in _rows("lines")
    )


@cache
def loads() -> tuple[Load, ...]:
    """Return the 15 loads, 3466 kW and 2102 kvar."""
    return tuple(
        Load(
            row["load"], row["bus"], row["phases"], row["connection"], row["model"],
            float(row["p_kw"]), float(row["q_kvar"]),
        )
        for row in _rows("loads")
    )  # fmt: skip


def balanced(
    served: Iterable[Load] | None = None, capacitors: bool = True, source_voltage: float = 1.0
) -> Feeder:
    """Return the balanced feeder that comes closest to the unbalanced one.

    A line of three phases has its positive-sequence impedance, the mean of the self less the mean
    of the mutual impedances. One of ``k`` phases that carries the power ``S`` has ``S / k`` in
    each of them instead of ``S / 3``: ``3 / k`` times that impedance gives the voltage drop on the
    phases that are there, and the losses.

    Args:
        served: the loads, all by default; those at one node are added.
        capacitors: whether the capacitors are connected, as negative reactive loads.
        source_voltage: of node 650 or what stands there, per unit.
    """
    p, q = dict.fromkeys(POSITIONS, 0.0), dict.fromkeys(POSITIONS, 0.0)
    for load in loads() if served is None else served:
        p[load.bus] += load.p_kw
        q[load.bus] += load.q_kvar
    for bus, kvar in CAPACITORS.items() if capacitors else ():
        q[bus] -= kvar
    buses = tuple(Bus(name, p[name], q[name], x=x, y=y) for name, (x, y) in POSITIONS.items())
    branches = [_branch(line) for line in lines()]
    name, start, end, kva, r, x = TRANSFORMER
    ohm = KV**2 * 1000.0 / kva
    branches.append(Branch(name, start, end, r * ohm, x * ohm, switchable=False))
    branches.append(Branch(*SWITCH, r_ohm=0.0, x_ohm=0.0))
    return Feeder("ieee13", buses, tuple(branches), SOURCE, KV, source_voltage)


def _branch(line: Line) -> Branch:
    z = codes()[line.code].z
    k = len(z)
    mutual = (z.sum() - z.trace()) / (k * (k - 1)) if k > 1 else 0.0
    ohm = (z.trace() / k - mutual) * 3.0 / k * line.feet / FEET_PER_MILE
    return Branch(
        line.name, line.from_bus, line.to_bus, float(ohm.real), float(ohm.imag), switchable=False
    )
