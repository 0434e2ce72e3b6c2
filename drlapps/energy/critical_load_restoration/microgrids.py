"""The islands with a name, and random ones."""

from __future__ import annotations

from functools import cache

import numpy as np

from drlapps.energy.critical_load_restoration.resources import (
    Battery,
    Load,
    Microgrid,
    Plant,
    Turbine,
)
from drlapps.energy.grid import cases, ieee13
from drlapps.energy.grid.feeder import Branch, Bus, Feeder

WEIGHTS = (1.0, 1.0, 0.9, 0.85, 0.8, 0.8, 0.75, 0.7, 0.65, 0.5, 0.45, 0.4, 0.3, 0.3, 0.2)
"""Of the 15 loads of the IEEE 13-node feeder, in the order below (Zhang et al. 2023)."""

# Name, bus, kW, kvar: the loads of the feeder, a tenth to three fifths of the published ones.
_LOADS_13 = (
    ("671", "671", 90.0, 48.0), ("634a", "634", 48.0, 30.0), ("634b", "634", 36.0, 21.0),
    ("634c", "634", 36.0, 18.0), ("645", "645", 51.0, 31.2), ("646", "646", 69.0, 39.6),
    ("692", "692", 51.0, 27.0), ("675a", "675", 87.0, 39.0), ("675b", "675", 20.4, 12.0),
    ("675c", "675", 87.0, 33.6), ("611", "611", 51.0, 24.0), ("652", "652", 38.4, 25.8),
    ("670a", "670", 8.5, 5.0), ("670b", "670", 19.8, 11.4), ("670c", "670", 34.8, 20.4),
)  # fmt: skip

_SCALE_33 = 5.0
"""Resources on the 33-bus feeder are so many times those on the 13-node one, as its load is."""

NAMES = ("ieee13", "ieee33")


@cache
def microgrid(name: str) -> Microgrid:
    """Return an island by its name.

    * ``ieee13``: the IEEE 13-node feeder with the loads and resources of Zhang et al. (2023).
      There the turbine is the slack; here it is the battery's inverter, at the same 632.
    * ``ieee33``: the 33-bus feeder of Baran and Wu, its resources five times as large and spread
      over six buses, with weights that repeat those of the 13-node feeder from bus 2 on.
    """
    return _ieee13() if name == "ieee13" else _ieee33()


def _ieee13() -> Microgrid:
    loads = tuple(
        Load(*row, weight) for row, weight in zip(_LOADS_13, WEIGHTS, strict=True)
    )  # fmt: skip
    return Microgrid(
        "ieee13",
        ieee13.balanced(served=(), capacitors=False),
        loads,
        (Plant("pv", "680", "solar", 300.0), Plant("wind", "675", "wind", 400.0)),
        Turbine("650"),
        Battery("632"),
    )


def _ieee33() -> Microgrid:
    feeder = cases.load("ieee33")
    consumers = [bus for bus in feeder.buses if bus.p_kw > 0]
    loads = tuple(
        Load(bus.name, bus.name, bus.p_kw, bus.q_kvar, WEIGHTS[i % len(WEIGHTS)])
        for i, bus in enumerate(consumers)
    )
    k = _SCALE_33
    plants = (
        Plant("pv-18", "18", "solar", 150.0 * k), Plant("pv-22", "22", "solar", 150.0 * k),
        Plant("wind-25", "25", "wind", 200.0 * k), Plant("wind-33", "33", "wind", 200.0 * k),
    )  # fmt: skip
    battery = Battery("6", 250.0 * k, 160.0 * k, 1250.0 * k, 1000.0 * k, 250.0 * k)
    return Microgrid("ieee33", feeder, loads, plants, Turbine("12", 400.0 * k, 1200.0 * k), battery)


def random_microgrid(rng: np.random.Generator, name: str = "random") -> Microgrid:
    """Draw an island of 8 to 24 buses whose resources are in about the proportions of ``ieee13``.

    The tree grows bus by bus from a random earlier one of the last four. Loads are log-normal, up
    to two a bus; their sum is 400 to 1600 kW. Sun, wind, turbine, fuel and battery are each 0.6 to
    1.5 times as large, beside the load, as on the 13-node feeder.
    """
    buses = int(rng.integers(8, 25))
    names = [str(i) for i in range(1, buses + 1)]
    branches = []
    for i in range(1, buses):
        start = int(rng.integers(max(0, i - 4), i))
        ohm = rng.uniform(0.02, 0.15)
        branches.append(Branch(str(i), names[start], names[i], ohm, ohm * rng.uniform(0.6, 2.0)))
    places = rng.permutation(np.repeat(np.arange(buses), 2))[: int(rng.integers(6, 25))]
    total = rng.uniform(400.0, 1600.0)
    shares = np.exp(0.6 * rng.standard_normal(len(places)))
    kw = total * shares / shares.sum()
    weights = np.round(rng.uniform(0.2, 1.0, len(places)), 2)
    factors = rng.uniform(0.3, 0.65, len(places))
    loads = tuple(
        Load(str(j), names[places[j]], float(kw[j]), float(kw[j] * factors[j]), float(weights[j]))
        for j in range(len(places))
    )
    scale = total / 728.0 * rng.uniform(0.6, 1.5, 5)
    at = [names[i] for i in rng.integers(0, buses, 4)]
    store = float(scale[4])
    return Microgrid(
        name,
        Feeder(name, tuple(map(Bus, names)), tuple(branches), at[0], 4.16),
        loads,
        (
            Plant("pv", at[1], "solar", float(300.0 * scale[0])),
            Plant("wind", at[2], "wind", float(400.0 * scale[1])),
        ),
        Turbine(at[3], float(400.0 * scale[2]), float(1200.0 * scale[3])),
        Battery(at[0], 250.0 * store, 160.0 * store, 1250.0 * store, 1000.0 * store, 250.0 * store),
    )
