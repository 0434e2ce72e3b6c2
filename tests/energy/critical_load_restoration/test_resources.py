"""Resources of an island: what they check, and the random islands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from drlapps.energy.critical_load_restoration.microgrids import microgrid, random_microgrid
from drlapps.energy.critical_load_restoration.resources import Battery, Load, Plant
from drlapps.errors import InputError

ISLAND = microgrid("ieee13")


def test_the_13_node_island_is_that_of_the_paper() -> None:
    # Zhang et al. 2023: 15 loads of 727.9 kW, PV 300 kW, wind 400 kW, turbine 400 kW and 1200 kWh.
    assert ISLAND.load_kw == pytest.approx(727.9)
    assert [load.weight for load in ISLAND.loads[:3]] == [1.0, 1.0, 0.9]
    assert (ISLAND.capacity("solar"), ISLAND.capacity("wind")) == (300.0, 400.0)
    assert (ISLAND.turbine.p_kw, ISLAND.turbine.fuel_kwh) == (400.0, 1200.0)
    assert ISLAND.feeder.source == "632"


def test_loads_stand_in_the_order_of_their_weights() -> None:
    shuffled = replace(ISLAND, loads=ISLAND.loads[::-1])
    weights = [load.weight for load in shuffled.loads]
    assert weights == sorted(weights, reverse=True)


def test_hashes_tell_islands_apart_but_not_their_names() -> None:
    assert replace(ISLAND, name="other").hash == ISLAND.hash
    assert replace(ISLAND, drop_penalty=50.0).hash != ISLAND.hash
    assert replace(ISLAND, turbine=replace(ISLAND.turbine, p_kw=1.0)).hash != ISLAND.hash


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"loads": ()}, "there is no load"),
        ({"loads": (Load("a", "nowhere", 1.0),)}, "nowhere"),
        ({"loads": (Load("a", "632", -1.0),)}, "load a: p_kw must be a number above 0, not -1.0"),
        ({"loads": (Load("a", "632", 1.0), Load("a", "650", 1.0))}, "2 loads named 'a'"),
        ({"plants": (Plant("p", "632", "tide", 1.0),)}, "tide"),
        ({"plants": (Plant("p", "632", "wind", float("nan")),)}, "plant p: p_kw"),
        ({"battery": Battery("632", charge_efficiency=1.5)}, "charge_efficiency"),
        ({"battery": Battery("632", max_kwh=100.0)}, "max_kwh must be a number at least 160"),
        ({"battery": Battery("632", initial_kwh=2000.0)}, "initial_kwh"),
        ({"drop_penalty": -1.0}, "drop_penalty"),
        ({"min_voltage": 1.1}, "min_voltage"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match="ieee13") as caught:
        replace(ISLAND, **changes)
    assert sentence in str(caught.value)


def test_the_initial_charge_has_a_truncated_normal_law() -> None:
    rng = np.random.default_rng(1)
    drawn = np.array([ISLAND.battery.draw(rng) for _ in range(4000)])
    assert drawn.min() >= 160.0
    assert drawn.max() <= 1250.0
    # Mean of N(1000, 250) between 160 and 1250, by Johnson, Kotz & Balakrishnan 1994, ch. 13:
    # 1000 + 250 (phi(-3.36) - phi(1)) / (Phi(1) - Phi(-3.36)) = 928.5.
    assert drawn.mean() == pytest.approx(928.5, abs=10.0)
    sure = Battery("1", initial_deviation=0.0)
    assert sure.draw(rng) == sure.initial_kwh
    full = Battery("1", min_kwh=5.0, max_kwh=5.0, initial_kwh=5.0)
    assert full.draw(rng) == 5.0


def test_random_islands_are_sound_and_differ() -> None:
    rng = np.random.default_rng(2)
    islands = [random_microgrid(rng) for _ in range(30)]
    assert len({island.hash for island in islands}) == 30
    assert all(400.0 <= island.load_kw <= 1600.0 for island in islands)
    assert all(6 <= len(island.loads) <= 24 for island in islands)
