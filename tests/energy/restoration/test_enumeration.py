"""The exact optimum: known numbers, and exhaustion of everything on small feeders."""

from __future__ import annotations

import csv
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import drlapps.energy.restoration as restoration
from drlapps.energy.grid.cases import load
from drlapps.energy.grid.feeder import Branch, Bus, Feeder
from drlapps.energy.restoration.enumeration import configure
from drlapps.energy.restoration.outage import Configuration, Outage, assess, rank
from drlapps.errors import InputError

OPTIMA = Path(restoration.__file__).parent / "data" / "optima.csv"


def table() -> list[dict[str, str]]:
    with OPTIMA.open() as file:
        return list(csv.DictReader(file))


def opened(outage: Outage, closed: np.ndarray) -> list[str]:
    return [outage.feeder.branches[i].name for i in np.flatnonzero(~closed)]


def test_least_loss_of_ieee33() -> None:
    # Published since Goswami & Basu (1992): 139.55 kW; the next two by exhaustive power flows.
    outage = Outage("ieee33:intact", load("ieee33"))
    answer = configure(outage)
    assert opened(outage, answer.configuration.closed) == ["7", "9", "14", "32", "37"]
    assert -assess(outage, answer.configuration).loss_kw == pytest.approx(139.551, abs=5e-4)
    assert answer.status == "optimal"
    second, third = answer.details["next_best"]  # type: ignore[misc]
    assert second["open_lines"] == ["7", "9", "14", "28", "32"]
    assert second["loss_kw"] == pytest.approx(139.978, abs=5e-4)
    assert third["open_lines"] == ["7", "10", "14", "32", "37"]
    assert third["loss_kw"] == pytest.approx(140.279, abs=5e-4)
    assert answer.details["trees"] == answer.details["evaluated"] == 50_751


def test_a_fault_at_the_source_serves_nothing() -> None:
    outage = Outage("ieee33:outage-1", load("ieee33"), (0,))
    answer = configure(outage)
    assert answer.bound == 0.0
    assert (answer.configuration.closed == outage.start).all()


@pytest.mark.parametrize(("line", "buses"), [(2, 8), (29, 1)])
def test_outages_that_force_shedding(line: int, buses: int) -> None:
    # No tree keeps 0.90 with these two lines out: 0.7985 and 0.8561 are the best with all loads.
    outage = Outage("ieee33", load("ieee33"), (line - 1,))
    answer = configure(outage)
    score = assess(outage, answer.configuration)
    assert answer.status == "optimal"
    assert score.violation == 0
    assert score.load_served == pytest.approx(answer.bound)
    assert (~answer.configuration.connected).sum() == buses
    known = next(r for r in table() if (r["feeder"], r["outage"]) == ("ieee33", str(line)))
    assert score.load_served == pytest.approx(float(known["load_served"]), abs=1e-9)
    assert -score.operations == int(known["operations"])
    assert -score.loss_kw == pytest.approx(float(known["loss_kw"]), abs=1e-5)


def test_table_of_optima() -> None:
    rows = table()
    single = {
        int(r["outage"]): r for r in rows if r["feeder"] == "ieee33" and "-" not in r["outage"]
    }
    assert set(single) == set(range(1, 33))
    short = {line for line, r in single.items() if float(r["load_served"]) < 1}
    assert short == {1, 2, 29}
    assert len({r["outage"] for r in rows if "-" in r["outage"]}) == 200
    assert sum(r["feeder"] == "ieee69" for r in rows) == 68
    assert all(float(r["min_voltage"]) >= 0.90 for r in rows)


def test_too_many_trees() -> None:
    with pytest.raises(InputError, match=r"4\.5e\+15 radial configurations .* branch-exchange"):
        configure(Outage("zhang118:intact", load("zhang118")))
    with pytest.raises(InputError, match=r"50,751 radial configurations .* limit of 100;"):
        configure(Outage("ieee33:intact", load("ieee33")), limit=100)


def exhaustion(outage: Outage, breakers: bool = True) -> tuple[float, ...]:
    """The best rank of all positions of all switches and load breakers."""
    a = outage.feeder.arrays
    free = np.flatnonzero(a.sheddable)
    switches = np.flatnonzero(outage.operable)
    best: tuple[float, ...] = (False,)
    for flips in product((False, True), repeat=len(switches)):
        closed = outage.start.copy()
        closed[switches] ^= flips
        for taken in product((False, True), repeat=len(free)):
            connected = np.ones(len(a.p), np.bool_)
            connected[free] = taken
            moves = sum(flips) + (~connected).sum()
            if outage.max_operations is not None and moves > outage.max_operations:
                continue
            best = max(best, rank(outage, assess(outage, Configuration(closed, connected))))
    return best


@st.composite
def outages(draw: st.DrawFn) -> Outage:
    """Five buses in a tree with two or three ties, heavy loads, one or two faults."""
    n = 5
    ends = [(draw(st.integers(max(0, i - 2), i - 1)), i) for i in range(1, n)]
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda p: p[0] != p[1])
    ties = draw(st.lists(pairs, min_size=2, max_size=3))
    loads = st.sampled_from(
        [(0.0, 0.0), (300.0, 200.0), (500.0, 0.0), (700.0, 410.0), (1130.0, 90.0)]
    )
    weights = st.sampled_from([1.0, 2.0, 5.0])
    buses = tuple(Bus(str(i), *draw(loads), weight=draw(weights)) for i in range(n))
    branches = tuple(
        Branch(
            str(k), str(a), str(b), draw(st.sampled_from([0.7, 2.0, 3.1])), 1.5, closed=k < n - 1
        )
        for k, (a, b) in enumerate([*ends, *ties])
    )
    feeder = Feeder("random", buses, branches, "0", 10.0)
    faults = tuple(draw(st.sets(st.integers(0, len(branches) - 1), max_size=2)))
    most = draw(st.sampled_from([None, None, 2, 4]))
    return Outage("random", feeder, faults, loading=draw(st.sampled_from([0.6, 1.0])),
                  min_voltage=0.95, max_operations=most)  # fmt: skip


def test_darkness_saves_operations() -> None:
    # Two operations: close the tie to bus 3, and open the line to buses 2 and 4 at once. To shed
    # their loads one by one takes a third.
    loads = [(0.0, 0.0), (300.0, 200.0), (700.0, 410.0), (1130.0, 90.0), (700.0, 410.0)]
    buses = tuple(Bus(str(i), *load) for i, load in enumerate(loads))
    lines = [(0, 1, 0.7), (1, 2, 0.7), (1, 3, 0.7), (2, 4, 0.7), (0, 3, 2.0), (1, 2, 0.7)]
    branches = tuple(
        Branch(str(k), str(a), str(b), r, 1.5, closed=k < 4) for k, (a, b, r) in enumerate(lines)
    )
    feeder = Feeder("five", buses, branches, "0", 10.0)
    outage = Outage("five", feeder, (0,), loading=0.6, min_voltage=0.95, max_operations=2)
    answer = configure(outage)
    score = assess(outage, answer.configuration)
    assert answer.status == "optimal"
    assert score.load_served == pytest.approx((300.0 + 1130.0) / 2830.0)
    assert np.flatnonzero(answer.configuration.closed).tolist() == [2, 3, 4]


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(outages())
def test_best_of_everything(outage: Outage) -> None:
    answer = configure(outage)
    found = rank(outage, assess(outage, answer.configuration))
    assert answer.status == "optimal"
    assert found == pytest.approx(exhaustion(outage), abs=1e-7)
