"""What an island consists of: loads, sun, wind, a turbine, a battery, and the feeder between."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from statistics import NormalDist

import numpy as np

from drlapps.energy.grid.feeder import Feeder
from drlapps.errors import InputError, unknown

SOURCES = ("solar", "wind")
"""The kinds of renewable plants."""


@dataclass(frozen=True)
class Load:
    """A load that can be served in part.

    Attributes:
        name: what people call it.
        bus: where it is.
        p_kw: active power that all of it draws.
        q_kvar: reactive power that goes with it.
        weight: what a kW of it counts.
    """

    name: str
    bus: str
    p_kw: float
    q_kvar: float = 0.0
    weight: float = 1.0


@dataclass(frozen=True)
class Plant:
    """A renewable plant, at unity power factor.

    Attributes:
        name: what people call it.
        bus: where it is.
        source: ``solar`` or ``wind``.
        p_kw: capacity.
    """

    name: str
    bus: str
    source: str
    p_kw: float


@dataclass(frozen=True)
class Turbine:
    """A generator that burns fuel.

    Attributes:
        bus: where it is.
        p_kw: most power.
        fuel_kwh: electric energy that its fuel gives.
    """

    bus: str
    p_kw: float = 400.0
    fuel_kwh: float = 1200.0


@dataclass(frozen=True)
class Battery:
    """A battery whose inverter forms the grid.

    Attributes:
        bus: where it is; voltage and frequency are held here.
        p_kw: most power, charging or discharging, at the terminals.
        min_kwh: energy below which it does not discharge.
        max_kwh: most energy.
        initial_kwh: mean energy at the outage.
        initial_deviation: standard deviation of that.
        charge_efficiency: energy stored per energy taken.
        discharge_efficiency: energy delivered per energy taken out of store.
    """

    bus: str
    p_kw: float = 250.0
    min_kwh: float = 160.0
    max_kwh: float = 1250.0
    initial_kwh: float = 1000.0
    initial_deviation: float = 250.0
    charge_efficiency: float = 0.95
    discharge_efficiency: float = 0.90

    def draw(self, rng: np.random.Generator) -> float:
        """Draw the energy at an outage, in kWh: a normal law, cut off where the battery ends."""
        share = float(rng.random())
        if self.initial_deviation == 0.0:
            return self.initial_kwh
        law = NormalDist(self.initial_kwh, self.initial_deviation)
        low, high = law.cdf(self.min_kwh), law.cdf(self.max_kwh)
        kwh = law.inv_cdf(min(max(low + share * (high - low), 1e-12), 1.0 - 1e-12))
        return min(max(kwh, self.min_kwh), self.max_kwh)


@dataclass(frozen=True)
class Microgrid:
    """An islanded feeder with its loads and resources.

    Attributes:
        name: what people call it.
        feeder: lines; its own loads do not count, and its source is where the battery is.
        loads: from which to choose, the heaviest weight first.
        plants: of sun and wind.
        turbine: the one with fuel.
        battery: the one that forms the grid.
        drop_penalty: steps of serving a kW that giving it up costs.
        min_voltage: per unit.
        max_voltage: per unit.

    Raises:
        InputError: a name is unknown or given twice, or a number is impossible.
    """

    name: str
    feeder: Feeder
    loads: tuple[Load, ...]
    plants: tuple[Plant, ...]
    turbine: Turbine
    battery: Battery
    drop_penalty: float = 100.0
    min_voltage: float = 0.95
    max_voltage: float = 1.05

    def __post_init__(self) -> None:
        """Check; sort the loads; make the battery's bus the source."""
        self._check_loads()
        self._check_units()
        ordered = tuple(sorted(self.loads, key=lambda load: -load.weight))
        object.__setattr__(self, "loads", ordered)
        if self.feeder.source != self.battery.bus:
            object.__setattr__(self, "feeder", replace(self.feeder, source=self.battery.bus))

    @cached_property
    def hash(self) -> str:
        """Digest of all but the names of microgrid and feeder."""
        content = asdict(self) | {"name": "", "feeder": self.feeder.hash}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def load_kw(self) -> float:
        """Power that all loads draw together, in kW."""
        return sum(load.p_kw for load in self.loads)

    @property
    def weighted_kw(self) -> float:
        """The same, each kW by its weight."""
        return sum(load.p_kw * load.weight for load in self.loads)

    def capacity(self, source: str) -> float:
        """Return the power of all plants of a source together, in kW."""
        return sum((plant.p_kw for plant in self.plants if plant.source == source), 0.0)

    def _check_loads(self) -> None:
        if not self.loads:
            raise InputError(f"{self.name}: there is no load")
        self._check_names("load", (load.name for load in self.loads))
        for load in self.loads:
            where = f"{self.name}: load {load.name}"
            self._check_bus(where, load.bus)
            _within(where, "p_kw", load.p_kw, 0.0, strict=True)
            _within(where, "q_kvar", load.q_kvar, -math.inf)
            _within(where, "weight", load.weight, 0.0, strict=True)

    def _check_units(self) -> None:
        self._check_names("plant", (plant.name for plant in self.plants))
        for plant in self.plants:
            where = f"{self.name}: plant {plant.name}"
            self._check_bus(where, plant.bus)
            if plant.source not in SOURCES:
                raise unknown(f"source of {where}", plant.source, SOURCES)
            _within(where, "p_kw", plant.p_kw, 0.0)
        where, turbine = f"{self.name}: the turbine", self.turbine
        self._check_bus(where, turbine.bus)
        _within(where, "p_kw", turbine.p_kw, 0.0)
        _within(where, "fuel_kwh", turbine.fuel_kwh, 0.0)
        where, battery = f"{self.name}: the battery", self.battery
        self._check_bus(where, battery.bus)
        _within(where, "p_kw", battery.p_kw, 0.0)
        _within(where, "min_kwh", battery.min_kwh, 0.0)
        _within(where, "max_kwh", battery.max_kwh, battery.min_kwh)
        _within(where, "initial_kwh", battery.initial_kwh, battery.min_kwh, battery.max_kwh)
        _within(where, "initial_deviation", battery.initial_deviation, 0.0)
        for name in ("charge_efficiency", "discharge_efficiency"):
            _within(where, name, getattr(battery, name), 0.0, 1.0, strict=True)
        _within(self.name, "drop_penalty", self.drop_penalty, 0.0)
        _within(self.name, "min_voltage", self.min_voltage, 0.0, 1.0)
        _within(self.name, "max_voltage", self.max_voltage, 1.0)

    def _check_bus(self, where: str, bus: str) -> None:
        if bus not in self.feeder.index:
            raise unknown(f"bus of {where}", bus, self.feeder.index)

    def _check_names(self, what: str, names: Iterable[str]) -> None:
        for name, count in Counter(names).items():
            if count > 1:
                raise InputError(f"{self.name}: there are {count} {what}s named {name!r}")


def _within(
    where: str,
    what: str,
    value: float,
    least: float,
    most: float = math.inf,
    *,
    strict: bool = False,
) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = number and math.isfinite(value) and least <= value <= most
    if not fits or (strict and value == least):
        bounds = [
            f"{'above' if strict else 'at least'} {least:g}" if math.isfinite(least) else "",
            f"at most {most:g}" if math.isfinite(most) else "",
        ]
        text = " and ".join(filter(None, bounds))
        raise InputError(f"{where}: {what} must be a number {text}".rstrip() + f", not {value!r}")
