"""Three-phase replay in OpenDSS: what a plan made with balanced voltages does to each phase.

The unbalanced 13-node circuit is built in OpenDSS, an independent program, from the figures of
:mod:`drlapps.energy.grid.ieee13`. It needs the package OpenDSSDirect.py, in the extra
``drlapps[opendss]``.

References:
    Dugan, R. C., & McDermott, T. E. (2011). An open source platform for collaborating on smart
    grid research. IEEE Power and Energy Society General Meeting.
    Kersting, W. H. (1991). Radial distribution test feeders. IEEE Transactions on Power Systems,
    6(3), 975-985.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drlapps.energy.critical_load_restoration.resources import Microgrid
from drlapps.energy.critical_load_restoration.scenario import Scenario
from drlapps.energy.critical_load_restoration.voltages import (
    balanced_voltages,
    plant_kw,
    turbine_kvar,
)
from drlapps.energy.grid import ieee13
from drlapps.energy.grid.feeder import Floats
from drlapps.errors import InputError

PHASE = {"a": 1, "b": 2, "c": 3}
MODEL = {"power": 1, "impedance": 2, "current": 5}
KV_TO_GROUND = ieee13.KV / math.sqrt(3.0)
LOW_KV = 0.48
"""Voltage between phases behind the transformer."""

_TURBINE = "turbine"

OMEGA = 2.0 * math.pi * 60.0


@dataclass(frozen=True)
class Replay:
    """What a plan does to the three phases; ``T`` steps, ``n`` nodes as in the island's feeder.

    Attributes:
        nodes: their names.
        voltage: of phases a, b and c, per unit, (T, n, 3); NaN where a node has no such phase.
        balanced: what the balanced feeder has for the same plan, (T, n).
        min_voltage: the limits, per unit.
        max_voltage: likewise.
    """

    nodes: tuple[str, ...]
    voltage: Floats
    balanced: Floats
    min_voltage: float
    max_voltage: float

    @property
    def violation(self) -> Floats:
        """Largest excess over a limit on any phase in each step, per unit, (T,)."""
        below = self.min_voltage - np.nanmin(self.voltage, axis=(1, 2))
        above = np.nanmax(self.voltage, axis=(1, 2)) - self.max_voltage
        return np.asarray(np.maximum(np.maximum(below, above), 0.0))

    @property
    def difference(self) -> float:
        """How far any phase is at most from the balanced voltage of its node, per unit."""
        return float(np.nanmax(np.abs(self.voltage - self.balanced[:, :, None])))

    @property
    def unbalance(self) -> float:
        """How far the phases of a node are at most from one another, per unit."""
        return float((np.nanmax(self.voltage, axis=2) - np.nanmin(self.voltage, axis=2)).max())


def replay(instance: Scenario, solution: Mapping[str, Any]) -> Replay:
    """Replay a plan phase by phase: every load draws from its own phases, plants feed all three.

    As in the balanced feeder, the battery's inverter holds the voltage (now of each phase) and
    gives what is lacking; turbine and battery share the reactive load.

    Args:
        instance: a scenario on the 13-node feeder.
        solution: as the environment returns it.

    Raises:
        InputError: OpenDSSDirect.py is not installed, the island is another, or the power flow of
            a step has no solution.
    """
    grid, served = instance.microgrid, np.asarray(solution["served"])
    circuit = Circuit(
        _with_phases(grid),
        {**{plant.name: plant.bus for plant in grid.plants}, _TURBINE: grid.turbine.bus},
        source=grid.battery.bus,
        source_voltage=(grid.feeder.source_voltage,) * 3,
    )
    p, q = (np.array([getattr(load, name) for load in grid.loads]) for name in ("p_kw", "q_kvar"))
    power, kvar = plant_kw(grid, solution), turbine_kvar(grid, served)
    nodes = tuple(bus.name for bus in grid.feeder.buses)
    voltage = np.empty((len(served), len(nodes), 3))
    for t, shares in enumerate(served):
        generated = {name: (float(kw[t]), 0.0) for name, kw in power.items()}
        generated[_TURBINE] = (float(solution["turbine_kw"][t]), float(kvar[t]))
        drawn = list(zip((p * shares).tolist(), (q * shares).tolist(), strict=True))
        found = circuit.solve(drawn, generated)
        voltage[t] = [found[node] for node in nodes]
    balanced = balanced_voltages(instance, solution)
    return Replay(nodes, voltage, balanced, grid.min_voltage, grid.max_voltage)


def _with_phases(grid: Microgrid) -> list[ieee13.Load]:
    """Return the island's loads on the phases of the 13-node feeder's of the same names."""
    known = {load.name: load for load in ieee13.loads()}
    if any(load.name not in known or known[load.name].bus != load.bus for load in grid.loads):
        raise InputError(
            f"the three-phase replay knows the phases of the loads of ieee13 only, not those of "
            f"{grid.name}"
        )
    return [replace(known[load.name], model="power") for load in grid.loads]


class Circuit:
    """The 13-node circuit in an OpenDSS engine of its own.

    Args:
        loads: what can be served.
        generators: node of each generator, all of three phases, by name.
        source: node at which voltage is held.
        source_voltage: of the three phases there, per unit.
        capacitors: whether the feeder's capacitors are connected.

    Raises:
        InputError: OpenDSSDirect.py is not installed.
    """

    def __init__(
        self,
        loads: Sequence[ieee13.Load],
        generators: Mapping[str, str] | None = None,
        source: str = ieee13.SOURCE,
        source_voltage: tuple[float, float, float] = (1.0, 1.0, 1.0),
        capacitors: bool = False,
    ) -> None:
        self._engine = _engine()
        self._loads = tuple(loads)
        self._generators = dict(generators or {})
        self._build_source(source, source_voltage)
        for line in ieee13.lines():
            self._build_line(line)
        self._build_transformer()
        for load in self._loads:
            self._build_load(load)
        for name, bus in self._generators.items():
            self._run(
                f"new generator.{name} bus1={bus} phases=3 kv={ieee13.KV} kw=0 kvar=0 model=1 "
                "vminpu=0.5 vmaxpu=1.5"
            )
        if capacitors:
            self._build_capacitors()
        self._run(
            f"set voltagebases=[{ieee13.KV} {LOW_KV}]", "calcvoltagebases", "set tolerance=1e-9"
        )

    def solve(
        self,
        served: Sequence[tuple[float, float]] | None = None,
        generated: Mapping[str, tuple[float, float]] | None = None,
    ) -> dict[str, Floats]:
        """Solve the power flow.

        Args:
            served: kW and kvar of each load, at nominal voltage; its own by default.
            generated: kW and kvar of each generator, by name; without one, nothing.

        Returns:
            Voltage of phases a, b and c at each node, per unit; NaN where it has no such phase.

        Raises:
            InputError: the power flow has no solution.
        """
        if served is not None:
            for load, (kw, kvar) in zip(self._loads, served, strict=True):
                self._run(f"edit load.{load.name} kw={kw:.9g} kvar={kvar:.9g}")
        for name in self._generators:
            kw, kvar = (generated or {}).get(name, (0.0, 0.0))
            self._run(f"edit generator.{name} kw={kw:.9g} kvar={kvar:.9g}")
        self._run("solve")
        if not self._engine.Solution.Converged():
            raise InputError("OpenDSS finds no voltages at which the feeder carries these powers")
        return {bus: self._voltage(bus) for bus in ieee13.POSITIONS}

    def losses_kw(self) -> float:
        """Return the active power lost in the last solution."""
        return float(self._engine.Circuit.Losses()[0]) / 1000.0

    def _run(self, *commands: str) -> None:
        for command in commands:
            self._engine.Text.Command(command)

    def _voltage(self, bus: str) -> Floats:
        self._engine.Circuit.SetActiveBus(bus)
        found = np.full(3, math.nan)
        for node, magnitude in zip(
            self._engine.Bus.Nodes(), self._engine.Bus.puVmagAngle()[::2], strict=True
        ):
            found[node - 1] = magnitude
        return found

    def _build_source(self, bus: str, voltage: tuple[float, float, float]) -> None:
        """Put one voltage source on each phase, so that the three can differ."""
        for phase, pu in zip("abc", voltage, strict=True):
            name = "new circuit.ieee13" if phase == "a" else f"new vsource.{phase}"
            angle = {"a": 0, "b": -120, "c": 120}[phase]
            self._run(
                f"{name} bus1={bus}.{PHASE[phase]} phases=1 basekv={KV_TO_GROUND:.9g} "
                f"pu={pu} angle={angle} r1=0 x1=1e-6 r0=0 x0=1e-6"
            )

    def _build_line(self, line: ieee13.Line) -> None:
        code = ieee13.codes()[line.code]
        nodes = _nodes(code.phases)
        nanofarad = code.b / OMEGA * 1000.0
        self._run(
            f"new line.{line.name} phases={len(code.phases)} bus1={line.from_bus}{nodes} "
            f"bus2={line.to_bus}{nodes} units=mi length={line.feet / ieee13.FEET_PER_MILE:.9g} "
            f"rmatrix={_matrix(code.z.real)} xmatrix={_matrix(code.z.imag)} "
            f"cmatrix={_matrix(nanofarad)}"
        )

    def _build_transformer(self) -> None:
        name, start, end, kva, r, x = ieee13.TRANSFORMER
        self._run(
            f"new transformer.{name} phases=3 windings=2 buses=[{start} {end}] conns=[wye wye] "
            f"kvs=[{ieee13.KV} {LOW_KV}] kvas=[{kva} {kva}] xhl={100.0 * x} "
            f"%rs=[{50.0 * r} {50.0 * r}]"
        )
        name, start, end = ieee13.SWITCH
        self._run(
            f"new line.{name} phases=3 bus1={start} bus2={end} switch=yes r1=1e-4 x1=0 r0=1e-4 "
            "x0=0 c1=0 c0=0 length=1"
        )

    def _build_load(self, load: ieee13.Load) -> None:
        line_kv = LOW_KV if load.bus == ieee13.TRANSFORMER[2] else ieee13.KV
        one_to_ground = load.connection == "wye" and len(load.phases) == 1
        # A single-phase load between two phases has one "phase" in OpenDSS.
        phases = 3 if len(load.phases) == 3 else 1
        self._run(
            f"new load.{load.name} bus1={load.bus}{_nodes(load.phases)} phases={phases} "
            f"conn={load.connection} model={MODEL[load.model]} "
            f"kv={line_kv / (math.sqrt(3.0) if one_to_ground else 1.0):.9g} "
            f"kw={load.p_kw} kvar={load.q_kvar} vminpu=0.5 vmaxpu=1.5"
        )

    def _build_capacitors(self) -> None:
        for bus, kvar in ieee13.CAPACITORS.items():
            phases = next(
                ieee13.codes()[line.code].phases for line in ieee13.lines() if line.to_bus == bus
            )
            kv = ieee13.KV if len(phases) == 3 else KV_TO_GROUND
            self._run(
                f"new capacitor.{bus} bus1={bus}{_nodes(phases)} phases={len(phases)} "
                f"kvar={kvar} kv={kv:.9g}"
            )


def _engine() -> Any:
    try:
        from opendssdirect import dss
    except ModuleNotFoundError as missing:
        raise InputError(
            "the three-phase replay needs OpenDSSDirect.py: pip install 'drlapps[opendss]'"
        ) from missing
    return dss.NewContext()


def _nodes(phases: str) -> str:
    return "".join(f".{PHASE[phase]}" for phase in phases)


def _matrix(values: Floats) -> str:
    return "[" + " | ".join(" ".join(f"{value:.9g}" for value in row) for row in values) + "]"
