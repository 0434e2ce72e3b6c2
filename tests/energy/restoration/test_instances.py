from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drlapps.energy.grid import cases
from drlapps.energy.grid.files import write
from drlapps.energy.grid.power_flow import power_flow
from drlapps.energy.restoration import instances
from drlapps.energy.restoration.instances import RandomOutages, named, train
from drlapps.energy.restoration.outage import Configuration, assess
from drlapps.errors import InputError


def test_names_of_outages() -> None:
    intact, alone, single, double = named(
        ["ieee33:intact", "ieee33", "ieee33:outage-8,IEEE33:outage-22-8"]
    )
    assert intact == alone
    assert intact.minimises_loss
    assert (single.faults, double.faults) == ((7,), (7, 21))
    assert single.name == "ieee33:outage-8"
    assert [o.name for o in named(["136:intact", "zhang118:intact", "ieee69:intact"])] == [
        "136:intact", "zhang118:intact", "ieee69:intact",
    ]  # fmt: skip


def test_settings_change_named_outages() -> None:
    (outage,) = named(["ieee33"], outage="8-22", min_voltage=0.95, loading=0.5, max_operations=3)
    assert outage.name == "ieee33:outage-8-22"
    assert (outage.min_voltage, outage.loading, outage.max_operations) == (0.95, 0.5, 3)
    assert outage.p.sum() == pytest.approx(0.5 * 3.715)
    assert named(["ieee33"], outage=8) == named(["ieee33:outage-8"])


def test_loads_follow_the_day_and_may_be_critical() -> None:
    peak, night = (
        named(["ieee33:outage-8"], customers="residential", hour=hour)[0] for hour in (19.4, 3.0)
    )
    assert peak.loading == pytest.approx(1.0, abs=0.01)
    assert 0.2 < night.loading < 0.6
    pool = train(customers="residential", hour=3.0)
    assert pool.loading == pytest.approx((0.8 * night.loading, 1.1 * night.loading))
    weighted = named(["ieee33:outage-2"], critical=0.25)[0]
    assert sorted({bus.weight for bus in weighted.feeder.buses})[-1] > 1
    assert weighted.optimum is None


@pytest.mark.parametrize(
    ("word", "changes", "message"),
    [
        ("ieee33", {"customers": "farms"}, "unknown load profile 'farms'"),
        ("ieee33", {"critical": 1.5}, "share of critical loads"),
        ("ieee34", {}, "unknown feeder 'ieee34'"),
        ("ieee33:outage-38", {}, "unknown branch of ieee33 '38'"),
        ("ieee33:outage-8-8", {}, "a fault is named twice"),
        ("ieee33:outage-8", {"min_voltage": 1.2}, "voltage limits"),
        ("ieee33:outage-8", {"loading": -1.0}, "loading"),
        ("ieee33:outage-8", {"max_operations": -1}, "max_operations"),
        ("missing.json:outage-8", {}, "missing.json"),
    ],
)
def test_bad_names_and_settings_are_one_sentence(
    word: str, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        named([word], **changes)


def test_a_file_is_a_feeder(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    write(cases.load("ieee33"), path)
    (outage,) = named([f"{path}:outage-8"])
    assert outage.name == f"{path}:outage-8"
    assert outage.feeder.hash == cases.load("ieee33").hash
    assert RandomOutages(feeder=outage.feeder).sample(np.random.default_rng(0)).feeder is not None
    pool = train(feeder=str(path), outage="8-22")
    assert pool.sample(np.random.default_rng(0)).faults == (7, 21)


def test_the_test_pools() -> None:
    singles, doubles, larger = instances.test(), instances.double(), instances.ieee69()
    assert [outage.faults for outage in singles] == [(k,) for k in range(32)]
    assert len({outage.faults for outage in doubles}) == 200
    assert all(len(outage.faults) == 2 for outage in doubles)
    assert len(larger) == 68
    assert all(o.optimum is not None for o in (*singles, *doubles, *larger))


def test_known_optima_hold_for_the_limits_they_were_found_with_only() -> None:
    assert named(["ieee33:outage-29"])[0].optimum == pytest.approx(
        named(["ieee33:singles"])[28].optimum
    )
    assert named(["ieee33:outage-29"], min_voltage=0.92)[0].optimum is None
    assert named(["ieee33:outage-29"], loading=0.9)[0].optimum is None


def test_drawn_outages_leave_something_to_reconnect() -> None:
    pool, rng = train(feeders=30), np.random.default_rng(1)
    for _ in range(100):
        outage = pool.sample(rng)
        a = outage.feeder.arrays
        lit = power_flow(outage.feeder, outage.start).energised
        ties = np.flatnonzero(outage.operable & ~outage.start)
        if len(outage.faults) == 1:
            assert (lit[a.tail[ties]] != lit[a.head[ties]]).any()
        assert len(a.p) <= len(pool.largest().feeder.buses)
        assert len(a.tail) <= len(pool.largest().feeder.branches)


def test_random_feeders_have_the_lowest_voltage_asked_for() -> None:
    pool, rng = train(lowest_voltage=(0.93, 0.93), feeders=10), np.random.default_rng(2)
    for _ in range(10):
        feeder = pool.sample(rng).feeder
        assert power_flow(feeder).min_voltage == pytest.approx(0.93, abs=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"faults": (0.5, 0.1)}, "sum to 1"),
        ({"buses": (3, 2)}, "buses"),
        ({"buses": "many"}, "buses needs a number or two"),
        ({"ties": (0, 2)}, "ties"),
        ({"lowest_voltage": (0.99, 1.2)}, "lowest_voltage"),
        ({"loading": (0.0, 1.0)}, "loading"),
        ({"feeders": 0}, "feeders"),
        ({"outage": 8}, "set feeder too"),
    ],
)
def test_impossible_families_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        train(**changes)


def test_toys_by_their_arithmetic() -> None:
    ring, shed, exchange = instances.toy()
    served = assess(ring, Configuration(np.array([False, True, True]), np.ones(3, bool)))
    assert served.load_served == pytest.approx(1.0)
    everything = Configuration(np.array([False, True, True]), np.ones(3, bool))
    assert assess(shed, everything).violation < 0
    # v = (1 + sqrt(1 - 4 * 0.15 * 0.5)) / 2
    first = power_flow(
        shed.feeder, everything.closed, np.array([0.0, 500.0, 0.0]), np.zeros(3)
    ).min_voltage
    assert first == pytest.approx((1 + 0.7**0.5) / 2, abs=1e-9)
    both = Configuration(np.array([False, True, False, True, True]), np.ones(4, bool))
    assert assess(exchange, both).load_served == pytest.approx(1.0)
    alone = Configuration(np.array([False, True, True, True, False]), np.ones(4, bool))
    assert assess(exchange, alone).violation < 0
