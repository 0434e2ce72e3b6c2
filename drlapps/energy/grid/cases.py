"""The feeders of the literature, by name."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from drlapps.energy.grid.feeder import Feeder
from drlapps.energy.grid.tables import read_csv
from drlapps.errors import InputError, unknown

DATA = Path(__file__).with_name("data")

_ALIASES = {
    "ieee33": ("33", "case33", "case33bw", "baranwu33"),
    "ieee69": ("69", "case69", "baranwu69"),
    "zhang118": ("118", "118zh", "case118zh", "zhang119"),
    "136": ("136ma", "case136ma", "mantovani136"),
}
"""The cases, and how others call them: in small letters, without what separates words."""


def names() -> tuple[str, ...]:
    """Return the names of the cases, the smallest first."""
    return tuple(_ALIASES)


def load(name: str) -> Feeder:
    """Return a feeder of the literature.

    * ``ieee33``: Baran and Wu (1989), 12.66 kV, 5 ties; base losses 202.677 kW.
    * ``ieee69``: Baran and Wu (1989), 12.66 kV, with the 5 ties of Chiang and Jean-Jumeau (1990);
      224.992 kW.
    * ``zhang118``: Zhang, Fu and Zhang (2007), 11 kV, 15 ties; 1298.09 kW.
    * ``136``: Mantovani, Casari and Romero (2000), 13.8 kV, 21 ties; 320.36 kW.

    Full citations stand beside the tables, in ``data/README.md``. Branches are numbered from 1 as
    in the papers, ties last.

    Args:
        name: of the case; capitals and what separates words do not matter, and the names that
            MATPOWER gives to the same feeders are known too.

    Raises:
        InputError: there is no such case.
    """
    plain = re.sub(r"[\W_]+", "", name.lower())
    for case, others in _ALIASES.items():
        if plain == case or plain in others:
            return _load(case)
    raise unknown("feeder", name, _ALIASES)


def critical(feeder: Feeder, seed: int = 0, share: float = 0.25) -> Feeder:
    """Return the feeder with some loads more important than others.

    The papers give no priorities, so these are our own: of the buses with a load, ``share`` are
    drawn, each gets a weight drawn evenly from 2 to 10, and the others keep a weight of 1.

    Args:
        feeder: whose loads.
        seed: equal seeds give equal weights.
        share: of the loads that are critical, from 0 to 1.

    Raises:
        InputError: the share is impossible.
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"the share of critical loads must lie between 0 and 1, not {share}")
    rng = np.random.default_rng(seed)
    loads = [i for i, bus in enumerate(feeder.buses) if bus.p_kw > 0]
    chosen = rng.choice(loads, round(share * len(loads)), replace=False)
    weights = dict(zip(chosen.tolist(), rng.integers(2, 11, len(chosen)).tolist(), strict=True))
    buses = tuple(
        replace(bus, weight=float(weights.get(i, 1))) for i, bus in enumerate(feeder.buses)
    )
    return replace(feeder, buses=buses)


@cache
def _load(case: str) -> Feeder:
    folder = DATA / case
    return read_csv(folder / "buses.csv", folder / "branches.csv", case)
